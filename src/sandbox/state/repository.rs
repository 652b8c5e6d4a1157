//! A repository of the registry, which is a package once something is published in it.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Package, Version, Visibility, stored, tags::Tags, versions::Versions};
use crate::model::{Digest, ManifestReference, RawManifest, Tag};

/// One repository.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Repository {
    pub(super) package: Package,
    pub(super) versions: Versions,
    pub(super) tags: Tags,
    #[serde(with = "stored::blobs")]
    pub(super) blobs: BTreeMap<Digest, Bytes>,
}

impl Repository {
    /// Returns what is known of the package.
    #[must_use]
    pub fn package(&self) -> &Package {
        &self.package
    }

    /// Tells whether an anonymous token may pull.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.package.visibility == Visibility::Public
    }

    /// Tells whether a manifest was ever put: before, there are at most blobs, and no package.
    #[must_use]
    pub fn is_published(&self) -> bool {
        self.package.created.is_some()
    }

    /// Returns the digest that a reference names, if its manifest is there.
    #[must_use]
    pub fn resolve(&self, reference: &ManifestReference) -> Option<Digest> {
        let digest = match reference {
            ManifestReference::Tag(tag) => self.tags.get(tag)?,
            ManifestReference::Digest(digest) => digest,
        };
        self.versions.active(digest).map(|_| digest.clone())
    }

    /// Returns a manifest by its digest.
    #[must_use]
    pub fn manifest(&self, digest: &Digest) -> Option<&RawManifest> {
        self.versions.active(digest).map(|version| &version.manifest)
    }

    /// Lists all manifests by digest.
    pub fn manifests(&self) -> impl Iterator<Item = &RawManifest> {
        let by_digest: BTreeMap<&Digest, &RawManifest> =
            self.versions().map(|version| (&version.manifest.digest, &version.manifest)).collect();
        by_digest.into_values()
    }

    /// Lists the active versions, newest first.
    pub fn versions(&self) -> impl Iterator<Item = &Version> {
        self.version_page(false, 0, usize::MAX)
    }

    /// Lists the deleted versions, newest first.
    pub fn deleted_versions(&self) -> impl Iterator<Item = &Version> {
        self.version_page(true, 0, usize::MAX)
    }

    /// Lists some of the active or of the deleted versions, newest first.
    pub fn version_page(&self, deleted: bool, skip: usize, limit: usize) -> impl Iterator<Item = &Version> {
        self.versions.newest(deleted, skip, limit)
    }

    /// Counts the active or the deleted versions.
    #[must_use]
    pub fn version_count(&self, deleted: bool) -> usize {
        self.versions.len(deleted)
    }

    /// Returns a version, active or deleted.
    #[must_use]
    pub fn version(&self, id: u64) -> Option<&Version> {
        self.versions.get(id)
    }

    /// Returns the active version of a digest.
    #[must_use]
    pub fn version_of(&self, digest: &Digest) -> Option<&Version> {
        self.versions.active(digest)
    }

    /// Lists the tags that point at a digest, in the order in which they came to it.
    #[must_use]
    pub fn tags_of(&self, digest: &Digest) -> &[Tag] {
        self.tags.of(digest)
    }

    /// Lists the tags and what they point at, oldest first.
    pub fn tags(&self) -> impl Iterator<Item = (&Tag, &Digest)> {
        self.tags.iter()
    }

    /// Lists up to `limit` tags after the tag `last`, oldest first, and tells whether more follow. After a tag that is
    /// not there comes nothing.
    #[must_use]
    pub fn tag_page(&self, last: Option<&str>, limit: usize) -> (Vec<Tag>, bool) {
        self.tags.page(last, limit)
    }

    /// Returns a blob.
    #[must_use]
    pub fn blob(&self, digest: &Digest) -> Option<&Bytes> {
        self.blobs.get(digest)
    }

    /// Lists the digests of all blobs.
    pub fn blobs(&self) -> impl Iterator<Item = &Digest> {
        self.blobs.keys()
    }
}
