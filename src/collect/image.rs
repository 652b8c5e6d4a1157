//! An image that is to be published: its manifest, everything that reaches, and what it runs on.

use std::collections::{BTreeMap, BTreeSet};

use tokio::io::AsyncReadExt as _;

use crate::{
    model::{
        Descriptor, Digest, ImageName, Manifest, ManifestKind, ManifestReference, RawManifest, manifest::Platform,
    },
    ports::{BlobStream, ImageSource, PortError, PortErrorKind, RegistryReader},
};

/// The most manifests that one image may reach: an index of every platform with an attestation each has under a hundred.
const MAX_MANIFESTS: usize = 1_000;

/// How deep indexes may be nested.
const MAX_DEPTH: usize = 8;

/// A manifest with the blobs that it needs.
#[derive(Clone, Debug)]
pub struct Part {
    /// The manifest.
    pub manifest: RawManifest,
    /// Its configuration and layers, without those that registries do not keep.
    pub blobs: Vec<Descriptor>,
}

/// An image with everything that it reaches.
#[derive(Clone, Debug)]
pub struct Image {
    /// The manifests, children before the indexes that list them; the image's own is last.
    pub parts: Vec<Part>,
    /// The digest of each platform's image manifest.
    pub platforms: BTreeMap<String, Digest>,
}

impl Image {
    /// Returns the image's own manifest.
    #[must_use]
    pub fn root(&self) -> &RawManifest {
        &self.parts.last().expect("an image has at least its own manifest").manifest
    }
}

/// The largest image configuration that is read for its platform, in bytes.
const MAX_CONFIG: u64 = 4 * 1024 * 1024;

/// Reads what a single image runs on from its configuration. One that says nothing of it (an artifact's) has no platform.
async fn platform_of<S: ImageSource>(source: &S, config: &Descriptor) -> Result<Option<String>, PortError> {
    if config.size > MAX_CONFIG || !config.media_type.contains("image") {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let stream = source.blob(config).await?;
    let read = stream.take(MAX_CONFIG).read_to_end(&mut bytes).await;
    let malformed = |detail: &str| {
        PortError::new(PortErrorKind::Malformed, format!("read the image configuration {}", config.digest), detail)
    };
    read.map_err(|error| malformed("it cannot be read").with_source(error))?;
    if Digest::of(&bytes) != config.digest {
        return Err(malformed("its content does not match its digest"));
    }
    Ok(serde_json::from_slice::<Platform>(&bytes)
        .ok()
        .filter(|platform| !platform.os.is_empty() && !platform.architecture.is_empty())
        .map(|platform| platform.to_string()))
}

/// Reads an image from its source: every manifest, no blob but none is left out.
///
/// # Errors
/// If a manifest cannot be read, is malformed or too deep, or there are too many.
pub async fn read_image<S: ImageSource>(source: &S) -> Result<Image, PortError> {
    read_from(source, source.root().await?).await
}

/// Does the same with another manifest of the source.
pub(super) async fn read_from<S: ImageSource>(source: &S, root: RawManifest) -> Result<Image, PortError> {
    let mut parts = Vec::new();
    let mut platforms = BTreeMap::new();
    let mut seen = BTreeSet::new();
    // Depth first with an explicit stack: a manifest is written down after its children.
    enum Step {
        Open(RawManifest, Option<String>, usize),
        Close(Part),
    }
    let mut steps = vec![Step::Open(root, None, 0)];
    while let Some(step) = steps.pop() {
        let (raw, platform, depth) = match step {
            Step::Close(part) => {
                parts.push(part);
                continue;
            }
            Step::Open(raw, platform, depth) => (raw, platform, depth),
        };
        if !seen.insert(raw.digest.clone()) {
            continue;
        }
        let operation = || format!("read the manifest {}", raw.digest);
        let malformed = |detail: String| PortError::new(PortErrorKind::Malformed, operation(), detail);
        if seen.len() > MAX_MANIFESTS {
            return Err(malformed(format!("the image reaches more than {MAX_MANIFESTS} manifests")));
        }
        if depth > MAX_DEPTH {
            return Err(malformed(format!("indexes are nested more than {MAX_DEPTH} deep")));
        }
        let manifest: Manifest = raw.parse().map_err(|error| {
            PortError::new(PortErrorKind::Malformed, operation(), error.to_string()).with_source(error)
        })?;
        match manifest.kind {
            ManifestKind::Image { config, layers } => {
                let platform = match platform {
                    None if depth == 0 => platform_of(source, &config).await?,
                    listed => listed,
                };
                if let Some(platform) = platform {
                    platforms.entry(platform).or_insert_with(|| raw.digest.clone());
                }
                let blobs = std::iter::once(*config).chain(layers).filter(|blob| !blob.is_foreign()).collect();
                steps.push(Step::Close(Part { manifest: raw, blobs }));
            }
            ManifestKind::Index { manifests } => {
                let (children, blobs): (Vec<_>, Vec<_>) = manifests.into_iter().partition(Descriptor::is_manifest);
                steps.push(Step::Close(Part { manifest: raw, blobs }));
                for child in children.into_iter().rev() {
                    let platform =
                        child.platform.as_ref().filter(|platform| platform.os != "unknown").map(ToString::to_string);
                    let raw = source.manifest(&child).await?;
                    steps.push(Step::Open(raw, platform, depth + 1));
                }
            }
        }
    }
    Ok(Image { parts, platforms })
}

/// An image that a registry holds, as a source.
#[derive(Debug)]
pub struct PublishedSource<'a, R> {
    /// The registry.
    pub reader: &'a R,
    /// The image.
    pub image: &'a ImageName,
    /// Its manifest.
    pub digest: &'a Digest,
}

impl<R: RegistryReader> PublishedSource<'_, R> {
    async fn get(&self, digest: &Digest) -> Result<RawManifest, PortError> {
        let reference = ManifestReference::Digest(digest.clone());
        self.reader.manifest(self.image, &reference).await?.ok_or_else(|| {
            PortError::new(
                PortErrorKind::NotFound,
                format!("read {}@{digest}", self.image),
                "the registry has no such manifest, so the published image is incomplete",
            )
            .with_hint("restore it from the package's deleted versions, or publish under a new version")
        })
    }
}

impl<R: RegistryReader> ImageSource for PublishedSource<'_, R> {
    async fn root(&self) -> Result<RawManifest, PortError> {
        self.get(self.digest).await
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, PortError> {
        self.get(&descriptor.digest).await
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<BlobStream, PortError> {
        self.reader.blob(self.image, descriptor).await
    }

    fn mount_from(&self, _: &Descriptor) -> Option<&ImageName> {
        Some(self.image)
    }

    fn origins(&self) -> Vec<&ImageName> {
        vec![self.image]
    }
}
