//! Manifests: what an image manifest or an index says, beside the bytes that it was read from.

use std::collections::BTreeMap;

use bytes::Bytes;
use oci_distribution::manifest as media;
use serde::Deserialize;

use super::{Digest, untrusted::shown};

/// The artifact type of the manifest that a clean-up moves expired tags onto. A tag that points at one counts as absent.
pub const PLACEHOLDER_ARTIFACT_TYPE: &str = "application/vnd.ghcr-lifecycle.placeholder.v1+json";

/// The largest manifest that is read or sent, in bytes (the distribution spec asks registries for at least 4 MiB).
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;

/// The four media types that a manifest request must accept: GHCR answers 404 for a type that is not listed.
pub const MANIFEST_MEDIA_TYPES: [&str; 4] = [
    media::OCI_IMAGE_INDEX_MEDIA_TYPE,
    media::OCI_IMAGE_MEDIA_TYPE,
    media::IMAGE_MANIFEST_LIST_MEDIA_TYPE,
    media::IMAGE_MANIFEST_MEDIA_TYPE,
];

/// What a manifest says of another document: where it is in content-addressed storage, and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The media type of the document.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What it runs on, where an index says so.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Its annotations.
    #[serde(default)]
    pub annotations: Option<BTreeMap<String, String>>,
    /// What kind of artifact it is, if it is one.
    #[serde(default)]
    pub artifact_type: Option<String>,
    /// Where a layer that the registry does not hold can be had.
    #[serde(default)]
    pub urls: Option<Vec<String>>,
}

impl Descriptor {
    /// Tells whether this names a manifest, by its media type.
    #[must_use]
    pub fn is_manifest(&self) -> bool {
        MANIFEST_MEDIA_TYPES.contains(&self.media_type.as_str())
    }

    /// Tells whether registries do not keep this layer ("foreign" layers of Windows base images).
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        self.media_type.contains("nondistributable") || self.media_type.contains(".foreign.")
    }
}

/// An operating system and a CPU architecture, in Go's words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Platform {
    /// The operating system (GOOS).
    pub os: String,
    /// The CPU architecture (GOARCH).
    pub architecture: String,
    /// The variant of the architecture, as in `v7`.
    #[serde(default)]
    pub variant: Option<String>,
}

impl std::fmt::Display for Platform {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        match self.variant.as_deref() {
            None | Some("") => Ok(()),
            Some(variant) => write!(formatter, "/{variant}"),
        }
    }
}

/// Text that names no platform.
#[derive(Debug, thiserror::Error)]
#[error("`{}` is no platform: expected `os/architecture` or `os/architecture/variant`, as in `linux/arm/v7`", shown(.text))]
pub struct PlatformError {
    text: String,
}

impl std::str::FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_word = |part: &str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
        };
        let parts: Vec<&str> = text.split('/').collect();
        let (os, architecture, variant) = match parts.as_slice() {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant)),
            _ => return Err(PlatformError { text: text.to_owned() }),
        };
        if ![os, architecture].into_iter().chain(variant).all(|part| is_word(part)) {
            return Err(PlatformError { text: text.to_owned() });
        }
        Ok(Self {
            os: (*os).to_owned(),
            architecture: (*architecture).to_owned(),
            variant: variant.map(|variant| (*variant).to_owned()),
        })
    }
}

/// A manifest as it was read: the bytes decide its digest, so they are never rewritten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawManifest {
    /// The media type that it is served and pushed with.
    pub media_type: String,
    /// The bytes.
    pub bytes: Bytes,
    /// The digest of the bytes.
    pub digest: Digest,
}

impl RawManifest {
    /// Wraps `bytes`, computing their digest.
    #[must_use]
    pub fn new(media_type: impl Into<String>, bytes: Bytes) -> Self {
        let digest = Digest::of(&bytes);
        Self { media_type: media_type.into(), bytes, digest }
    }

    /// Reads what the manifest says.
    ///
    /// # Errors
    /// If the bytes are no image manifest and no index.
    pub fn parse(&self) -> Result<Manifest, ManifestError> {
        Manifest::parse(&self.bytes)
    }
}

/// What a manifest says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// An image manifest or an index, with what it lists.
    pub kind: ManifestKind,
    /// The media type that it gives itself.
    pub media_type: Option<String>,
    /// The kind of artifact, if it is one.
    pub artifact_type: Option<String>,
    /// What it refers to, if it is a referrer.
    pub subject: Option<Descriptor>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// The two kinds of manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestKind {
    /// An image manifest: one platform, or an artifact.
    Image {
        /// The image configuration.
        config: Box<Descriptor>,
        /// The layers, lowest first.
        layers: Vec<Descriptor>,
    },
    /// An index.
    Index {
        /// The children.
        manifests: Vec<Descriptor>,
    },
}

/// Bytes that are no manifest.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The bytes are no JSON of the right shape.
    #[error("the manifest cannot be read")]
    Json(#[from] serde_json::Error),
    /// The document lists neither layers nor manifests.
    #[error(
        "the document is neither an image manifest nor an index: it has neither `config` and `layers` nor `manifests`"
    )]
    Neither,
    /// The document is both, which lets two readers see two images.
    #[error("the document is both an image manifest and an index")]
    Both,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// If the bytes are no image manifest and no index.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let Wire { media_type, artifact_type, config, layers, manifests, subject, annotations } =
            serde_json::from_slice(bytes)?;
        let kind = match (config, layers, manifests) {
            (None, None, Some(manifests)) => ManifestKind::Index { manifests },
            (Some(config), layers, None) => {
                ManifestKind::Image { config: Box::new(config), layers: layers.unwrap_or_default() }
            }
            (None, _, None) => return Err(ManifestError::Neither),
            (_, _, Some(_)) => return Err(ManifestError::Both),
        };
        Ok(Self { kind, media_type, artifact_type, subject, annotations: annotations.unwrap_or_default() })
    }

    /// Tells whether a clean-up made this manifest to take expired tags away.
    #[must_use]
    pub fn is_placeholder(&self) -> bool {
        self.artifact_type.as_deref() == Some(PLACEHOLDER_ARTIFACT_TYPE)
    }

    /// Returns the media type to push this with: its own, or the OCI one of its kind.
    #[must_use]
    pub fn media_type(&self) -> &str {
        match (&self.media_type, &self.kind) {
            (Some(own), _) => own,
            (None, ManifestKind::Image { .. }) => media::OCI_IMAGE_MEDIA_TYPE,
            (None, ManifestKind::Index { .. }) => media::OCI_IMAGE_INDEX_MEDIA_TYPE,
        }
    }
}
