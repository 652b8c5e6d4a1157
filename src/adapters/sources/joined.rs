//! Several sources as one image: an OCI index of what each of them holds.
//!
//! The same sources in the same order give the same bytes. A source that is an index contributes its children as it lists
//! them, so an index that is in a registry is extended by naming it before what is new.

use std::collections::{BTreeMap, btree_map::Entry};

use oci_distribution::manifest as media;
use serde_json::{Map, Value, json};
use tokio::io::AsyncReadExt as _;

use super::SingleSource;
use crate::{
    model::{
        Descriptor, Digest, ImageName, Manifest, ManifestKind, RawManifest,
        manifest::{MAX_MANIFEST_BYTES, Platform},
        untrusted::shown,
    },
    ports::{BlobStream, ImageSource, LocalBlob, PortError, PortErrorKind},
};

/// The most manifests that the sources may reach together.
const MAX_MANIFESTS: usize = 1_000;

/// How deep indexes may be nested.
const MAX_DEPTH: usize = 8;

/// The largest image configuration that is read, in bytes.
const MAX_CONFIG_BYTES: u64 = 4 * 1024 * 1024;

/// A source with what the user said of it.
#[derive(Debug)]
pub struct Joining {
    /// As the user wrote it, for messages.
    pub text: String,
    /// The source.
    pub source: SingleSource,
    /// What it runs on, where its configuration does not say it.
    pub platform: Option<Platform>,
}

/// An index of what several sources hold.
#[derive(Debug)]
pub struct JoinedSource {
    sources: Vec<SingleSource>,
    root: RawManifest,
    manifests: BTreeMap<Digest, RawManifest>,
    /// Which of the sources has a blob.
    blobs: BTreeMap<Digest, usize>,
}

/// A child of the index to be.
struct Child {
    /// Its descriptor, with all that the source's index says.
    entry: Value,
    digest: Digest,
    /// What it runs on, in a form to compare by; attestations run on nothing.
    platform: Option<String>,
}

impl JoinedSource {
    /// Reads every manifest of the sources and makes the index.
    ///
    /// # Errors
    /// If two sources hold different images for one platform, if an image does not say what it runs on and the user does
    /// not either, if the two disagree, or if a manifest or configuration cannot be read.
    pub async fn join(opened: Vec<Joining>) -> Result<Self, PortError> {
        let mut walk = Walk { manifests: BTreeMap::new(), blobs: BTreeMap::new() };
        let mut children: Vec<(usize, Child)> = Vec::new();
        let mut annotations = Map::new();
        for (number, joining) in opened.iter().enumerate() {
            let root = joining.source.root().await?;
            let manifest = walk.read(number, &joining.source, &root).await?;
            for child in contributed(joining, &root, &manifest).await? {
                let before = children.iter().find(|(other, known)| {
                    let is_same = known.digest == child.digest;
                    known.platform == child.platform && (is_same || (*other != number && child.platform.is_some()))
                });
                match before {
                    Some((_, known)) if known.digest == child.digest => {}
                    Some((other, _)) => {
                        let platform = shown(child.platform.as_deref().unwrap_or_default());
                        let (one, two) = (shown(&opened[*other].text), shown(&joining.text));
                        return Err(failed(format!(
                            "`{one}` and `{two}` both hold an image for {platform}, and not the same one"
                        ))
                        .with_hint("an index has one image for each platform: leave one of the two out"));
                    }
                    None => children.push((number, child)),
                }
            }
            if matches!(manifest.kind, ManifestKind::Index { .. }) {
                for (key, value) in manifest.annotations {
                    annotations.entry(key).or_insert(Value::String(value));
                }
            }
        }
        let root = index(children.into_iter().map(|(_, child)| child.entry).collect(), annotations)?;
        let Walk { manifests, blobs } = walk;
        let sources = opened.into_iter().map(|joining| joining.source).collect();
        Ok(Self { sources, root, manifests, blobs })
    }

    fn source_of(&self, blob: &Descriptor) -> Option<&SingleSource> {
        self.blobs.get(&blob.digest).map(|number| &self.sources[*number])
    }
}

fn failed(detail: impl Into<String>) -> PortError {
    PortError::new(PortErrorKind::Malformed, "join the sources into one index", detail)
}

fn index(manifests: Vec<Value>, annotations: Map<String, Value>) -> Result<RawManifest, PortError> {
    let mut index = Map::new();
    index.insert("schemaVersion".to_owned(), json!(2));
    index.insert("mediaType".to_owned(), json!(media::OCI_IMAGE_INDEX_MEDIA_TYPE));
    index.insert("manifests".to_owned(), Value::Array(manifests));
    if !annotations.is_empty() {
        index.insert("annotations".to_owned(), Value::Object(annotations));
    }
    let bytes = serde_json::to_vec(&index).expect("values are JSON");
    if bytes.len() > MAX_MANIFEST_BYTES {
        return Err(failed(format!("the index would have {} bytes; registries take 4 MiB", bytes.len())));
    }
    Ok(RawManifest::new(media::OCI_IMAGE_INDEX_MEDIA_TYPE, bytes.into()))
}

/// Says what a source puts into the index: itself, or its children if it is one.
async fn contributed(joining: &Joining, root: &RawManifest, manifest: &Manifest) -> Result<Vec<Child>, PortError> {
    let text = shown(&joining.text);
    match &manifest.kind {
        ManifestKind::Index { manifests } => {
            if joining.platform.is_some() {
                return Err(failed(format!("`{text}` is an index, which says itself what its images run on"))
                    .with_hint("leave `,platform=…` out"));
            }
            // The model's descriptors leave out what nobody here needs; the new index does not.
            let entries: Value = serde_json::from_slice(&root.bytes)
                .map_err(|error| failed(format!("the index `{text}` cannot be read")).with_source(error))?;
            let entries = entries.get("manifests").and_then(Value::as_array).cloned().unwrap_or_default();
            let children: Vec<Child> = std::iter::zip(manifests, entries)
                .filter(|(descriptor, _)| descriptor.is_manifest())
                .map(|(descriptor, entry)| Child {
                    digest: descriptor.digest.clone(),
                    platform: comparable(entry.get("platform")),
                    entry,
                })
                .collect();
            if children.is_empty() {
                return Err(failed(format!("`{text}` is an index that lists no image")));
            }
            Ok(children)
        }
        ManifestKind::Image { config, .. } => {
            let platform = platform(joining, config).await?;
            let entry = json!({
                "mediaType": root.media_type,
                "digest": root.digest.to_string(),
                "size": root.bytes.len(),
                "platform": platform,
            });
            Ok(vec![Child { platform: comparable(entry.get("platform")), digest: root.digest.clone(), entry }])
        }
    }
}

/// Works out what an image runs on: its configuration says it, else the user.
async fn platform(joining: &Joining, config: &Descriptor) -> Result<Value, PortError> {
    let text = shown(&joining.text);
    let said = if config.media_type.contains("image") { configuration(joining, config).await? } else { Map::new() };
    let word = |name: &str| said.get(name).and_then(Value::as_str).filter(|word| !word.is_empty());
    let mut platform = Map::new();
    match (word("os"), word("architecture"), &joining.platform) {
        (Some(os), Some(architecture), given) => {
            let variant = word("variant");
            if let Some(given) = given {
                let differs = given.os != os
                    || given.architecture != architecture
                    || variant.is_some_and(|variant| given.variant.as_deref() != Some(variant));
                if differs {
                    let own = Platform {
                        os: os.to_owned(),
                        architecture: architecture.to_owned(),
                        variant: variant.map(str::to_owned),
                    };
                    return Err(failed(format!(
                        "`{text}` is said to be for {given}, but its configuration says {}",
                        shown(&own.to_string())
                    ))
                    .with_hint("build it for the platform that it is for, or leave `,platform=…` out"));
                }
            }
            platform.insert("architecture".to_owned(), json!(architecture));
            platform.insert("os".to_owned(), json!(os));
            for name in ["os.version", "os.features"] {
                if let Some(value) = said.get(name).filter(|value| value.is_string() || value.is_array()) {
                    platform.insert(name.to_owned(), value.clone());
                }
            }
            if let Some(variant) = variant.or_else(|| given.as_ref()?.variant.as_deref()) {
                platform.insert("variant".to_owned(), json!(variant));
            }
        }
        (_, _, Some(Platform { os, architecture, variant })) => {
            platform.insert("architecture".to_owned(), json!(architecture));
            platform.insert("os".to_owned(), json!(os));
            if let Some(variant) = variant {
                platform.insert("variant".to_owned(), json!(variant));
            }
        }
        (_, _, None) => {
            return Err(failed(format!("the configuration of `{text}` does not say what the image runs on"))
                .with_hint(format!("say it behind the source: `{text},platform=linux/amd64`")));
        }
    }
    Ok(Value::Object(platform))
}

async fn configuration(joining: &Joining, config: &Descriptor) -> Result<Map<String, Value>, PortError> {
    let text = shown(&joining.text);
    if config.size > MAX_CONFIG_BYTES {
        return Err(failed(format!("the configuration of `{text}` has {} bytes; at most 4 MiB are read", config.size)));
    }
    let mut bytes = Vec::new();
    let stream = joining.source.blob(config).await?;
    let read = stream.take(MAX_CONFIG_BYTES).read_to_end(&mut bytes).await;
    read.map_err(|error| failed(format!("the configuration of `{text}` cannot be read")).with_source(error))?;
    if Digest::of(&bytes) != config.digest {
        return Err(failed(format!("the configuration of `{text}` does not match its digest {}", config.digest)));
    }
    // What is no object says nothing.
    Ok(serde_json::from_slice(&bytes).unwrap_or_default())
}

/// Brings a platform into the form by which two are the same: variants that go without saying are left out or added
/// ([containerd](https://github.com/containerd/platforms/blob/main/database.go)).
fn comparable(platform: Option<&Value>) -> Option<String> {
    let platform = platform?;
    let word = |name: &str| platform.get(name).and_then(Value::as_str).unwrap_or_default();
    let (os, architecture) = (word("os"), word("architecture"));
    if matches!(os, "" | "unknown") || architecture.is_empty() {
        return None;
    }
    let variant = match (architecture, word("variant")) {
        ("arm64", "v8") | ("amd64", "v1") => "",
        ("arm", "") => "v7",
        (_, variant) => variant,
    };
    let mut text = format!("{os}/{architecture}");
    for part in [variant, word("os.version")].into_iter().filter(|part| !part.is_empty()) {
        text.push('/');
        text.push_str(part);
    }
    if let Some(features) = platform.get("os.features") {
        text.push_str(&format!(" with {features}"));
    }
    Some(text)
}

/// Every manifest that the sources reach, and which source has which blob.
struct Walk {
    manifests: BTreeMap<Digest, RawManifest>,
    blobs: BTreeMap<Digest, usize>,
}

impl Walk {
    /// Reads all that a root reaches, and returns what the root says.
    async fn read(&mut self, number: usize, source: &SingleSource, root: &RawManifest) -> Result<Manifest, PortError> {
        let parse = |raw: &RawManifest| {
            raw.parse().map_err(|error| failed(format!("manifest {} cannot be read", raw.digest)).with_source(error))
        };
        let mut waiting = vec![(root.clone(), 0)];
        while let Some((raw, depth)) = waiting.pop() {
            let manifest: Manifest = parse(&raw)?;
            match self.manifests.entry(raw.digest.clone()) {
                Entry::Occupied(_) => continue,
                Entry::Vacant(vacant) => vacant.insert(raw),
            };
            if self.manifests.len() > MAX_MANIFESTS {
                return Err(failed(format!("the sources reach more than {MAX_MANIFESTS} manifests")));
            }
            if depth > MAX_DEPTH {
                return Err(failed(format!("indexes are nested more than {MAX_DEPTH} deep")));
            }
            match manifest.kind {
                ManifestKind::Image { config, layers } => {
                    for blob in std::iter::once(*config).chain(layers) {
                        self.blobs.entry(blob.digest).or_insert(number);
                    }
                }
                ManifestKind::Index { manifests } => {
                    for child in manifests {
                        if child.is_manifest() {
                            waiting.push((source.manifest(&child).await?, depth + 1));
                        } else {
                            self.blobs.entry(child.digest).or_insert(number);
                        }
                    }
                }
            }
        }
        parse(root)
    }
}

impl ImageSource for JoinedSource {
    async fn root(&self) -> Result<RawManifest, PortError> {
        Ok(self.root.clone())
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, PortError> {
        let manifest = self.manifests.get(&descriptor.digest).cloned();
        manifest.ok_or_else(|| failed(format!("manifest {} is in none of them", descriptor.digest)))
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<BlobStream, PortError> {
        match self.source_of(descriptor) {
            Some(source) => source.blob(descriptor).await,
            None => Err(failed(format!("blob {} is in none of them", descriptor.digest))),
        }
    }

    fn local_blob(&self, descriptor: &Descriptor) -> Result<Option<LocalBlob>, PortError> {
        match self.source_of(descriptor) {
            Some(source) => source.local_blob(descriptor),
            None => Err(failed(format!("blob {} is in none of them", descriptor.digest))),
        }
    }

    fn mount_from(&self, blob: &Descriptor) -> Option<&ImageName> {
        self.source_of(blob)?.mount_from(blob)
    }

    fn origins(&self) -> Vec<&ImageName> {
        let mut origins: Vec<&ImageName> = self.sources.iter().flat_map(ImageSource::origins).collect();
        origins.sort_unstable();
        origins.dedup();
        origins
    }
}
