//! What earlier runs read of manifests, in the folder that `cache-dir` names: one line for each digest, with a checksum, so
//! that a damaged line is read anew from the registry.

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{
    model::{
        Digest,
        inventory::{Blob, Child, ManifestFacts, ManifestRole, ReadManifest},
        manifest::Platform,
    },
    ports::ManifestCache,
};

/// The file in the folder. Its number changes with the meaning of a line.
const FILE: &str = "manifests-1.jsonl";

/// The largest file, in bytes: about a hundred thousand manifests.
const MAX_BYTES: usize = 96 * 1024 * 1024;

/// The cache of a run. What was learnt is written by [`FileCache::save`].
#[derive(Debug)]
pub struct FileCache {
    path: Option<PathBuf>,
    max_bytes: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    lines: HashMap<Digest, String>,
    used: HashSet<Digest>,
    changed: bool,
}

impl FileCache {
    /// Opens the cache in `folder`; one that cannot be read is empty. Without a folder, nothing outlives the run.
    #[must_use]
    pub fn open(folder: Option<&Path>) -> Self {
        Self::bounded(folder, MAX_BYTES)
    }

    /// Opens a cache whose file holds at most so many bytes.
    #[must_use]
    pub fn bounded(folder: Option<&Path>, max_bytes: usize) -> Self {
        let path = folder.map(|folder| folder.join(FILE));
        let mut state = State::default();
        // A folder that was tampered with must not fill the memory either.
        let is_bounded = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| file.len() <= 2 * max_bytes as u64);
        if let Some(bytes) = path.as_ref().filter(|path| is_bounded(path)).and_then(|path| fs::read(path).ok()) {
            for line in bytes.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok()) {
                // Checked when it is asked for: most lines of a large file may never be.
                if let Some(digest) = line.get(..DIGEST_LENGTH).and_then(|text| text.parse().ok()) {
                    state.lines.insert(digest, line.to_owned());
                }
            }
        }
        Self { path, max_bytes, state: Mutex::new(state) }
    }

    /// Writes what was learnt, what this run used first, as much as may be. The file is never half written.
    ///
    /// # Errors
    /// If the folder cannot be made or written to.
    pub fn save(&self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let mut state = self.state();
        if !state.changed {
            return Ok(());
        }
        let mut lines: Vec<(bool, &Digest, &String)> =
            state.lines.iter().map(|(digest, line)| (!state.used.contains(digest), digest, line)).collect();
        lines.sort_unstable();
        let mut text = String::new();
        for (_, _, line) in lines {
            if text.len() + line.len() < self.max_bytes {
                text.push_str(line);
                text.push('\n');
            }
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
        fs::write(&unfinished, text)?;
        fs::rename(&unfinished, path)?;
        state.changed = false;
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `sha256:` and 64 digits.
const DIGEST_LENGTH: usize = 71;

impl ManifestCache for FileCache {
    fn get(&self, digest: &Digest) -> Option<ManifestFacts> {
        let mut state = self.state();
        let facts = state.lines.get(digest).and_then(|line| read_line(digest, line));
        if facts.is_some() {
            state.used.insert(digest.clone());
        } else if state.lines.remove(digest).is_some() {
            state.changed = true;
        }
        facts
    }

    fn put(&self, digest: &Digest, facts: &ManifestFacts) {
        let Some(line) = line(digest, facts) else { return };
        let mut state = self.state();
        state.lines.insert(digest.clone(), line);
        state.used.insert(digest.clone());
        state.changed = true;
    }
}

/// A line: the digest, the checksum of the digest and of what follows, and what follows.
fn line(digest: &Digest, facts: &ManifestFacts) -> Option<String> {
    let stored = Stored::of(facts)?;
    let json = serde_json::to_string(&stored).ok()?;
    Some(format!("{digest} {} {json}", checksum(digest, &json)))
}

fn read_line(digest: &Digest, line: &str) -> Option<ManifestFacts> {
    let (_, rest) = line.split_once(' ')?;
    let (sum, json) = rest.split_once(' ')?;
    if sum != checksum(digest, json) {
        return None;
    }
    serde_json::from_str::<Stored>(json).ok()?.facts()
}

fn checksum(digest: &Digest, json: &str) -> String {
    Digest::of(format!("{digest} {json}").as_bytes()).hex()[..32].to_owned()
}

/// What a line says, in short names: there are many of them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    /// `image`, `index`, `artifact` or `placeholder`; missing for a kind that is not known.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    kind: Option<StoredKind>,
    /// The media type of a kind that is not known.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    unknown: Option<String>,
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    children: Vec<StoredChild>,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    subject: Option<Digest>,
    #[serde(rename = "b", default, skip_serializing_if = "Vec::is_empty")]
    blobs: Vec<(Digest, u64)>,
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredKind {
    Image,
    Index,
    Artifact,
    Placeholder,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredChild {
    #[serde(rename = "d")]
    digest: Digest,
    #[serde(rename = "m")]
    is_manifest: bool,
    /// Operating system, architecture, variant.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    platform: Option<(String, String, Option<String>)>,
}

impl Stored {
    fn of(facts: &ManifestFacts) -> Option<Self> {
        let empty = Self {
            kind: None,
            unknown: None,
            children: Vec::new(),
            subject: None,
            blobs: Vec::new(),
            artifact_type: None,
        };
        match facts {
            ManifestFacts::NotRead | ManifestFacts::Unreadable { .. } => None,
            ManifestFacts::UnknownMediaType { media_type } => Some(Self { unknown: Some(media_type.clone()), ..empty }),
            ManifestFacts::Read(read) => {
                let ReadManifest { kind, children, subject, blobs, artifact_type } = &**read;
                let child = |child: &Child| {
                    let Child { digest, is_manifest, platform } = child;
                    let platform =
                        platform.clone().map(|Platform { os, architecture, variant }| (os, architecture, variant));
                    StoredChild { digest: digest.clone(), is_manifest: *is_manifest, platform }
                };
                Some(Self {
                    kind: Some(match kind {
                        ManifestRole::Image => StoredKind::Image,
                        ManifestRole::Index => StoredKind::Index,
                        ManifestRole::Artifact => StoredKind::Artifact,
                        ManifestRole::Placeholder => StoredKind::Placeholder,
                    }),
                    unknown: None,
                    children: children.iter().map(child).collect(),
                    subject: subject.clone(),
                    blobs: blobs.iter().map(|Blob { digest, size }| (digest.clone(), *size)).collect(),
                    artifact_type: artifact_type.clone(),
                })
            }
        }
    }

    fn facts(self) -> Option<ManifestFacts> {
        let Self { kind, unknown, children, subject, blobs, artifact_type } = self;
        let kind = match (kind, unknown) {
            (None, Some(media_type)) => return Some(ManifestFacts::UnknownMediaType { media_type }),
            (Some(kind), None) => kind,
            (None, None) | (Some(_), Some(_)) => return None,
        };
        let child = |child: StoredChild| Child {
            digest: child.digest,
            is_manifest: child.is_manifest,
            platform: child.platform.map(|(os, architecture, variant)| Platform { os, architecture, variant }),
        };
        Some(ManifestFacts::Read(Box::new(ReadManifest {
            kind: match kind {
                StoredKind::Image => ManifestRole::Image,
                StoredKind::Index => ManifestRole::Index,
                StoredKind::Artifact => ManifestRole::Artifact,
                StoredKind::Placeholder => ManifestRole::Placeholder,
            },
            children: children.into_iter().map(child).collect(),
            subject,
            blobs: blobs.into_iter().map(|(digest, size)| Blob { digest, size }).collect(),
            artifact_type,
        })))
    }
}
