//! The facts of one package at one time, from which a clean-up is planned: complete, or there is none.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chrono::{DateTime, Utc};

use super::{
    Digest, ImageName, Manifest, ManifestKind, Tag,
    evidence::{Asked, Evidence, Reference},
    manifest::Platform,
};

/// The number that the Packages API gives a package version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize, serde::Serialize)]
#[serde(transparent)]
pub struct VersionId(u64);

impl VersionId {
    /// Wraps a number of the Packages API.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Everything that a clean-up of one package may depend on, but for the policy.
#[derive(Clone, Debug)]
pub struct Inventory {
    /// The package, as clients name it.
    pub image: ImageName,
    /// When the facts were taken: the only "now" of all decisions.
    pub taken_at: DateTime<Utc>,
    /// The active versions, all of them, each once, in any order.
    pub versions: Vec<Version>,
    /// The versions that were deleted and can still be restored.
    pub deleted: Asked<Vec<DeletedVersion>>,
    /// Versions that GitHub is known to refuse to delete.
    pub undeletable: BTreeMap<VersionId, Refusal>,
    /// The numbers of the open pull requests of the source repository.
    pub pull_requests: Asked<BTreeSet<u64>>,
    /// The names of its branches.
    pub branches: Asked<BTreeSet<String>>,
    /// What tells the age of tags whose versions are older than they.
    pub evidence: Evidence,
    /// What the files that the policy's `references` name refer to, of this package.
    pub references: Asked<Vec<Reference>>,
}

/// A package version: one digest with its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its number.
    pub id: VersionId,
    /// The digest of its manifest.
    pub digest: Digest,
    /// Its tags.
    pub tags: BTreeSet<Tag>,
    /// When GHCR first saw the digest. No push and no tag changes it later.
    pub created_at: DateTime<Utc>,
    /// What GHCR calls the last update.
    pub updated_at: DateTime<Utc>,
    /// What its manifest says.
    pub manifest: ManifestFacts,
}

/// A version that was deleted less than 30 days ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedVersion {
    /// Its number.
    pub id: VersionId,
    /// The digest of its manifest.
    pub digest: Digest,
}

/// Why GitHub would not delete a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// It is public and was downloaded more than 5,000 times.
    Downloads,
    /// It refused for another reason.
    Other,
}

/// What is known of a version's manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ManifestFacts {
    /// It was not asked for.
    NotRead,
    /// It could not be read, after retries, and is not in the cache.
    Unreadable {
        /// What was answered, bounded and without control characters.
        problem: String,
    },
    /// It was read, and is of a kind that this program does not know.
    UnknownMediaType {
        /// The media type.
        media_type: String,
    },
    /// It was read.
    Read(Box<ReadManifest>),
}

/// What a clean-up needs to know of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadManifest {
    /// What it is.
    pub kind: ManifestRole,
    /// What it lists, if it is an index, in its order.
    pub children: Vec<Child>,
    /// What it refers to.
    pub subject: Option<Digest>,
    /// The configuration and the layers that the registry holds for it.
    pub blobs: Vec<Blob>,
    /// The kind of artifact, if it says so.
    pub artifact_type: Option<String>,
}

/// What a manifest is to a clean-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ManifestRole {
    /// A manifest with an image configuration.
    Image,
    /// An index.
    Index,
    /// Any other manifest: a chart, a signature, an attestation, a cache.
    Artifact,
    /// What a clean-up moved expired tags onto.
    Placeholder,
}

/// An entry of an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// The digest of what it lists.
    pub digest: Digest,
    /// Whether it says that this is a manifest; old build caches list layers.
    pub is_manifest: bool,
    /// What it runs on, where the index says so.
    pub platform: Option<Platform>,
}

/// A blob that a manifest needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// Configurations of images that run.
const IMAGE_CONFIGURATIONS: [&str; 2] =
    ["application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json"];

/// Layers that attestations and signatures are made of. Both carry an image configuration for old registries' sake.
const STATEMENT_LAYERS: [&str; 3] = [
    "application/vnd.in-toto+json",
    "application/vnd.dsse.envelope.v1+json",
    "application/vnd.dev.cosign.simplesigning.v1+json",
];

impl From<&Manifest> for ReadManifest {
    fn from(manifest: &Manifest) -> Self {
        let mut children = Vec::new();
        let mut blobs: BTreeMap<Digest, u64> = BTreeMap::new();
        let kind = match &manifest.kind {
            ManifestKind::Index { manifests } => {
                children.extend(manifests.iter().map(|entry| Child {
                    digest: entry.digest.clone(),
                    is_manifest: entry.is_manifest(),
                    platform: entry.platform.clone(),
                }));
                ManifestRole::Index
            }
            ManifestKind::Image { config, layers } => {
                let held = layers.iter().filter(|layer| !layer.is_foreign());
                blobs.extend(held.chain([&**config]).map(|blob| (blob.digest.clone(), blob.size)));
                let is_statement = |media_type: &str| STATEMENT_LAYERS.contains(&media_type);
                let is_image = IMAGE_CONFIGURATIONS.contains(&config.media_type.as_str())
                    && (layers.is_empty() || !layers.iter().all(|layer| is_statement(&layer.media_type)));
                if is_image { ManifestRole::Image } else { ManifestRole::Artifact }
            }
        };
        Self {
            kind: if manifest.is_placeholder() { ManifestRole::Placeholder } else { kind },
            children,
            subject: manifest.subject.as_ref().map(|subject| subject.digest.clone()),
            blobs: blobs.into_iter().map(|(digest, size)| Blob { digest, size }).collect(),
            artifact_type: manifest.artifact_type.clone(),
        }
    }
}

impl Version {
    /// Returns what its manifest says, if it was read and is of a known kind.
    #[must_use]
    pub fn read(&self) -> Option<&ReadManifest> {
        match &self.manifest {
            ManifestFacts::Read(manifest) => Some(manifest),
            ManifestFacts::NotRead | ManifestFacts::Unreadable { .. } | ManifestFacts::UnknownMediaType { .. } => None,
        }
    }

    /// Tells whether a clean-up made this version to take expired tags away.
    #[must_use]
    pub fn is_placeholder(&self) -> bool {
        self.read().is_some_and(|manifest| manifest.kind == ManifestRole::Placeholder)
    }
}
