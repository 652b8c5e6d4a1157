//! How a user names a source.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use super::ArchiveForm;
use crate::model::{ImageReference, manifest::Platform, untrusted::shown};

/// What a user may write.
const FORMS: &str = "expected a folder or file that exists (`oci:FOLDER`, `oci-archive:FILE`, `docker-archive:FILE`), `docker-daemon:NAME`, or an image in a registry such as `ghcr.io/owner/name:tag` or `docker://ghcr.io/owner/name@sha256:…`";

/// What stands between a source and the platform that it is for.
const PLATFORM: &str = ",platform=";

/// The longest name of an engine's image, in bytes: registries take 255 for the path alone.
const MAX_DAEMON_NAME: usize = 512;

/// One line of input `source`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedSource {
    /// As the user wrote it, for messages.
    pub text: String,
    /// What it names.
    pub spec: SourceSpec,
    /// What the image runs on, where its configuration does not say it.
    pub platform: Option<Platform>,
}

impl NamedSource {
    /// Reads one line of input `source`: what [`SourceSpec::parse`] reads, with `,platform=os/architecture[/variant]` behind
    /// it where the image does not say that itself.
    ///
    /// # Errors
    /// If the text names no source or no platform.
    pub fn parse(line: &str) -> Result<Self, SourceSpecError> {
        let line = line.trim();
        let (text, platform) = match line.rsplit_once(PLATFORM) {
            None => (line, None),
            Some((text, platform)) => {
                let fail = |error: crate::model::manifest::PlatformError| SourceSpecError {
                    text: shown(line),
                    problem: error.to_string(),
                    hint: "write what the image runs on behind its source: `image.tar,platform=linux/riscv64`".into(),
                };
                (text, Some(platform.trim().parse().map_err(fail)?))
            }
        };
        Ok(Self { text: text.trim().to_owned(), spec: SourceSpec::parse(text)?, platform })
    }
}

/// A source as a user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSpec {
    /// A folder or file.
    Local(LocalSource),
    /// An image of the local Docker engine.
    Daemon(DaemonImage),
    /// An image in a registry.
    Registry(ImageReference),
}

/// A folder or file that holds an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalSource {
    /// Folder or tar.
    pub kind: LocalKind,
    /// Where it is.
    pub path: PathBuf,
    /// Which of its images: a name (`org.opencontainers.image.ref.name`, or a tag of `docker save`) or a digest.
    pub select: Option<String>,
}

/// The form that an image has on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalKind {
    /// A folder with an OCI image layout.
    Layout,
    /// A tar.
    Archive(ArchiveForm),
}

/// The name or id of an image of the local Docker engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DaemonImage {
    name: String,
}

impl DaemonImage {
    /// Reads a name as `docker push` takes it: without a tag it is `latest`.
    fn parse(text: &str) -> Option<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@-".contains(&byte);
        // It becomes part of an address, in which a `..` would lead elsewhere.
        let is_plain = |segment: &str| !matches!(segment, "" | "." | "..");
        if text.len() > MAX_DAEMON_NAME || !text.bytes().all(allowed) || !text.split('/').all(is_plain) {
            return None;
        }
        let last = text.rsplit('/').next().unwrap_or(text);
        let is_id = (12..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_whole = is_id || last.contains(':') || text.contains('@');
        Some(Self { name: if is_whole { text.to_owned() } else { format!("{text}:latest") } })
    }

    /// Returns the name as part of an address's path.
    pub(super) fn as_path(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for DaemonImage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)
    }
}

/// Text that names no source.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` names no image source: {problem}")]
pub struct SourceSpecError {
    text: String,
    problem: String,
    hint: String,
}

impl SourceSpecError {
    /// Returns the remedy.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl SourceSpec {
    /// Reads `oci:FOLDER`, `oci-archive:FILE`, `docker-archive:FILE` (each with `:NAME` or `@sha256:…` behind it where it
    /// holds several images), `docker-daemon:NAME`, `docker://REFERENCE`, the bare path of a folder or file that exists, or a
    /// reference to an image in a registry. Whether a path exists is asked of the file system.
    ///
    /// # Errors
    /// If the text is none of these, or could be two of them.
    pub fn parse(text: &str) -> Result<Self, SourceSpecError> {
        let text = text.trim();
        let fail = |problem: String, hint: &str| SourceSpecError { text: shown(text), problem, hint: hint.to_owned() };
        let local = |kind, rest: &str| match rest {
            "" => Err(fail("the path is missing".into(), FORMS)),
            rest => {
                let (path, select) = split_selection(rest);
                Ok(Self::Local(LocalSource { kind, path, select }))
            }
        };
        if let Some(rest) = text.strip_prefix("oci:") {
            return local(LocalKind::Layout, rest);
        }
        for (prefix, form) in [("oci-archive:", ArchiveForm::Oci), ("docker-archive:", ArchiveForm::Docker)] {
            if let Some(rest) = text.strip_prefix(prefix) {
                return local(LocalKind::Archive(form), rest);
            }
        }
        if let Some(rest) = text.strip_prefix("docker-daemon:") {
            return DaemonImage::parse(rest).map(Self::Daemon).ok_or_else(|| {
                fail(
                    "this is no name of an image".into(),
                    "write `docker-daemon:NAME:TAG`, as `docker image ls` shows it",
                )
            });
        }
        if let Some(rest) = text.strip_prefix("docker://") {
            return rest.parse().map(Self::Registry).map_err(|error| fail(error.to_string(), FORMS));
        }
        if let Some(transport) = ["containers-storage:", "dir:", "ostree:", "sif:", "tarball:", "https://", "http://"]
            .into_iter()
            .find(|transport| text.starts_with(transport))
        {
            return Err(fail(format!("`{transport}` is not supported"), FORMS));
        }
        let reference = text.parse::<ImageReference>();
        match (find_path(text), reference) {
            (Some(_), Ok(_)) => Err(fail(
                "it is a path that exists and also the name of an image in a registry".into(),
                "write `oci:`, `oci-archive:` or `docker-archive:` before a path, `docker://` before a name",
            )),
            (Some((kind, path, select)), Err(_)) => Ok(Self::Local(LocalSource { kind, path, select })),
            (None, Ok(reference)) => Ok(Self::Registry(reference)),
            (None, Err(_)) if text.is_empty() => Err(fail("it is empty".into(), FORMS)),
            (None, Err(error)) => Err(fail(format!("no such file or folder, and {error}"), FORMS)),
        }
    }
}

/// Splits `PATH:NAME` or `PATH@sha256:…` at the leftmost place where PATH exists; where nothing exists, the text is a path.
fn split_selection(text: &str) -> (PathBuf, Option<String>) {
    match find_path(text) {
        Some((_, path, select)) => (path, select),
        None => (text.into(), None),
    }
}

fn find_path(text: &str) -> Option<(LocalKind, PathBuf, Option<String>)> {
    let kind = |path: &str| {
        let metadata = std::fs::metadata(Path::new(path)).ok()?;
        Some(if metadata.is_dir() { LocalKind::Layout } else { LocalKind::Archive(ArchiveForm::Any) })
    };
    if let Some(kind) = kind(text).filter(|_| !text.is_empty()) {
        return Some((kind, text.into(), None));
    }
    text.match_indices([':', '@']).filter(|(at, _)| *at > 0).find_map(|(at, _)| {
        let select = &text[at + 1..];
        let kind = kind(&text[..at]).filter(|_| !select.is_empty())?;
        Some((kind, text[..at].into(), Some(select.to_owned())))
    })
}
