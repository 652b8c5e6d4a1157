//! What the registry holds. It knows nothing of HTTP, and it checks nothing that the protocol's face checks: tests put it
//! into states that no client could reach.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::model::{Descriptor, Digest, Manifest, ManifestKind, ManifestReference, RawManifest, Tag};

/// Everything: repositories by name, and the uploads under way by id. A clone shares the bytes.
#[derive(Clone, Default)]
pub struct State {
    repositories: BTreeMap<String, Repository>,
    uploads: BTreeMap<String, Upload>,
    new_are_public: bool,
}

/// One repository.
#[derive(Clone, Default)]
pub struct Repository {
    public: bool,
    published: bool,
    manifests: BTreeMap<Digest, RawManifest>,
    tags: Tags,
    blobs: BTreeMap<Digest, Bytes>,
}

/// Tags in the order in which they came into being; a tag that moves keeps its place.
#[derive(Clone, Default)]
struct Tags {
    next: u64,
    by_name: BTreeMap<Tag, (u64, Digest)>,
    by_age: BTreeMap<u64, Tag>,
}

impl Tags {
    fn set(&mut self, tag: Tag, digest: Digest) {
        if let Some((_, current)) = self.by_name.get_mut(&tag) {
            *current = digest;
            return;
        }
        self.by_age.insert(self.next, tag.clone());
        self.by_name.insert(tag, (self.next, digest));
        self.next += 1;
    }

    fn remove(&mut self, tag: &Tag) -> Option<Digest> {
        let (place, digest) = self.by_name.remove(tag)?;
        self.by_age.remove(&place);
        Some(digest)
    }
}

/// The bytes of a blob that have come so far.
#[derive(Clone, Default)]
pub struct Upload {
    repository: String,
    bytes: Vec<u8>,
    hash: Sha256,
}

impl Upload {
    /// Returns how many bytes have come.
    #[must_use]
    pub fn received(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Adds bytes at the end.
    pub fn append(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the digest of what has come.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::from_hash(&self.hash.clone().finalize())
    }
}

impl Repository {
    /// Tells whether an anonymous token may pull.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.public
    }

    /// Tells whether a manifest was ever put: before, there are at most blobs, and no package.
    #[must_use]
    pub fn is_published(&self) -> bool {
        self.published
    }

    /// Returns the digest that a reference names, if its manifest is there.
    #[must_use]
    pub fn resolve(&self, reference: &ManifestReference) -> Option<Digest> {
        let digest = match reference {
            ManifestReference::Tag(tag) => &self.tags.by_name.get(tag)?.1,
            ManifestReference::Digest(digest) => digest,
        };
        self.manifests.contains_key(digest).then(|| digest.clone())
    }

    /// Returns a manifest by its digest.
    #[must_use]
    pub fn manifest(&self, digest: &Digest) -> Option<&RawManifest> {
        self.manifests.get(digest)
    }

    /// Lists all manifests by digest.
    pub fn manifests(&self) -> impl Iterator<Item = &RawManifest> {
        self.manifests.values()
    }

    /// Lists the tags and what they point at, oldest first.
    pub fn tags(&self) -> impl Iterator<Item = (&Tag, &Digest)> {
        self.tags.by_age.values().filter_map(|tag| Some((tag, &self.tags.by_name.get(tag)?.1)))
    }

    /// Lists up to `limit` tags after the tag `last`, oldest first, and tells whether more follow. After a tag that is
    /// not there comes nothing.
    #[must_use]
    pub fn tag_page(&self, last: Option<&str>, limit: usize) -> (Vec<Tag>, bool) {
        let first = match last {
            None => 0,
            Some(last) => match last.parse().ok().and_then(|tag: Tag| self.tags.by_name.get(&tag)) {
                Some((place, _)) => place + 1,
                None => return (Vec::new(), false),
            },
        };
        let mut following = self.tags.by_age.range(first..).map(|(_, tag)| tag.clone());
        let page = following.by_ref().take(limit).collect();
        (page, following.next().is_some())
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

    /// Lists the blobs that an image manifest needs and the repository lacks. An index needs none, and layers that
    /// registries do not keep are not asked for.
    #[must_use]
    pub fn missing_blobs(&self, manifest: &Manifest) -> Vec<Digest> {
        match &manifest.kind {
            ManifestKind::Index { .. } => Vec::new(),
            ManifestKind::Image { config, layers } => std::iter::once(config.as_ref())
                .chain(layers)
                .filter(|blob| !blob.is_foreign() && !self.blobs.contains_key(&blob.digest))
                .map(|blob| blob.digest.clone())
                .collect(),
        }
    }

    /// Lists what is missing from each tag: walks its index's children, their configurations and layers. Empty means that
    /// every tag can be pulled whole.
    #[must_use]
    pub fn incomplete(&self) -> Vec<(Tag, Digest)> {
        let mut missing = Vec::new();
        for (tag, digest) in self.tags() {
            let mut walk = Walk { repository: self, seen: BTreeSet::new(), missing: BTreeSet::new() };
            walk.manifest(digest);
            missing.extend(walk.missing.into_iter().map(|digest| (tag.clone(), digest)));
        }
        missing
    }

    fn put_manifest(&mut self, reference: &ManifestReference, manifest: RawManifest) {
        self.published = true;
        if let ManifestReference::Tag(tag) = reference {
            self.tags.set(tag.clone(), manifest.digest.clone());
        }
        self.manifests.insert(manifest.digest.clone(), manifest);
    }
}

struct Walk<'a> {
    repository: &'a Repository,
    seen: BTreeSet<Digest>,
    missing: BTreeSet<Digest>,
}

impl Walk<'_> {
    fn manifest(&mut self, digest: &Digest) {
        if !self.seen.insert(digest.clone()) {
            return;
        }
        let Some(manifest) = self.repository.manifest(digest) else {
            self.missing.insert(digest.clone());
            return;
        };
        let Ok(parsed) = manifest.parse() else {
            self.missing.insert(digest.clone());
            return;
        };
        self.missing.extend(self.repository.missing_blobs(&parsed));
        if let ManifestKind::Index { manifests } = &parsed.kind {
            for child in manifests {
                self.child(child);
            }
        }
    }

    /// An index may list blobs too: BuildKit's cache does.
    fn child(&mut self, child: &Descriptor) {
        if child.is_manifest() || self.repository.manifest(&child.digest).is_some() {
            self.manifest(&child.digest);
        } else if self.repository.blob(&child.digest).is_none() {
            self.missing.insert(child.digest.clone());
        }
    }
}

impl State {
    pub(super) fn new(new_are_public: bool) -> Self {
        Self { new_are_public, ..Self::default() }
    }

    /// Returns a copy without the uploads under way.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        Self { repositories: self.repositories.clone(), uploads: BTreeMap::new(), new_are_public: self.new_are_public }
    }

    /// Returns a repository, if anything is or was in it.
    #[must_use]
    pub fn repository(&self, name: &str) -> Option<&Repository> {
        self.repositories.get(name)
    }

    /// Lists the names of all repositories.
    pub fn repositories(&self) -> impl Iterator<Item = &str> {
        self.repositories.keys().map(String::as_str)
    }

    fn repository_mut(&mut self, name: &str) -> &mut Repository {
        let public = self.new_are_public;
        self.repositories.entry(name.to_owned()).or_insert_with(|| Repository { public, ..Repository::default() })
    }

    /// Makes a repository public or private, and brings it into being.
    pub fn set_public(&mut self, name: &str, public: bool) {
        self.repository_mut(name).public = public;
    }

    /// Stores a manifest, and points a tag at it if the reference is one, in one step.
    pub fn put_manifest(&mut self, name: &str, reference: &ManifestReference, manifest: RawManifest) {
        self.repository_mut(name).put_manifest(reference, manifest);
    }

    /// Removes a manifest and all tags that point at it. Children and blobs stay, as on GHCR.
    pub fn remove_manifest(&mut self, name: &str, digest: &Digest) -> Option<RawManifest> {
        let repository = self.repositories.get_mut(name)?;
        let tags: Vec<Tag> =
            repository.tags().filter(|(_, points_at)| *points_at == digest).map(|(tag, _)| tag.clone()).collect();
        for tag in tags {
            repository.tags.remove(&tag);
        }
        repository.manifests.remove(digest)
    }

    /// Points a tag at a digest, whether or not a manifest is there.
    pub fn set_tag(&mut self, name: &str, tag: Tag, digest: Digest) {
        self.repository_mut(name).tags.set(tag, digest);
    }

    /// Removes a tag and returns what it pointed at.
    pub fn remove_tag(&mut self, name: &str, tag: &Tag) -> Option<Digest> {
        self.repositories.get_mut(name)?.tags.remove(tag)
    }

    /// Stores a blob and returns its digest.
    pub fn put_blob(&mut self, name: &str, bytes: Bytes) -> Digest {
        let digest = Digest::of(&bytes);
        self.repository_mut(name).blobs.insert(digest.clone(), bytes);
        digest
    }

    /// Removes a blob.
    pub fn remove_blob(&mut self, name: &str, digest: &Digest) -> Option<Bytes> {
        self.repositories.get_mut(name)?.blobs.remove(digest)
    }

    /// Takes a blob over from another repository; returns whether it was there.
    pub fn mount_blob(&mut self, name: &str, from: &str, digest: &Digest) -> bool {
        let Some(bytes) = self.repositories.get(from).and_then(|source| source.blobs.get(digest)).cloned() else {
            return false;
        };
        self.repository_mut(name).blobs.insert(digest.clone(), bytes);
        true
    }

    /// Begins an upload.
    pub fn begin_upload(&mut self, name: &str, id: String) {
        self.uploads.insert(id, Upload { repository: name.to_owned(), ..Upload::default() });
    }

    /// Returns an upload of a repository.
    pub fn upload(&mut self, name: &str, id: &str) -> Option<&mut Upload> {
        self.uploads.get_mut(id).filter(|upload| upload.repository == name)
    }

    /// Ends an upload and returns what had come.
    pub fn take_upload(&mut self, name: &str, id: &str) -> Option<Upload> {
        self.upload(name, id)?;
        self.uploads.remove(id)
    }

    /// Stores the bytes of a finished upload as a blob under its digest.
    pub fn finish_upload(&mut self, upload: Upload) -> Digest {
        let digest = upload.digest();
        let Upload { repository, bytes, hash: _ } = upload;
        self.repository_mut(&repository).blobs.insert(digest.clone(), bytes.into());
        digest
    }

    /// Returns how many uploads are under way.
    #[must_use]
    pub fn uploads_under_way(&self) -> usize {
        self.uploads.len()
    }
}
