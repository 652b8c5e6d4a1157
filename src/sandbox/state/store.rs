//! The store as a whole, and what pushes do to it.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    Clock, Owner, Repository, SourceRepository, Time, Token, Upload, Version, Visibility, packages::DeletedPackage,
};
use crate::{
    model::{Digest, ManifestKind, ManifestReference, RawManifest, Tag},
    sandbox::options::Habits,
};

/// The number of the first package version: those of GHCR passed 1.25 billion in September 2026.
const FIRST_VERSION_ID: u64 = 1_250_000_001;

/// The number of the first owner, package, repository, …
const FIRST_ID: u64 = 9_000_001;

/// The label and annotation that links a package to its source repository.
const SOURCE_LABEL: &str = "org.opencontainers.image.source";

/// Everything. A clone shares the bytes.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct State {
    pub(super) clock: Clock,
    pub(super) owners: BTreeMap<String, Owner>,
    pub(super) repositories: BTreeMap<String, Repository>,
    pub(super) deleted_packages: Vec<DeletedPackage>,
    pub(super) sources: BTreeMap<String, SourceRepository>,
    next_version_id: u64,
    next_id: u64,
    #[serde(skip)]
    uploads: BTreeMap<String, Upload>,
    #[serde(skip)]
    pub(super) tokens: Vec<Token>,
    /// The user of the configured token, in lower case.
    #[serde(default)]
    pub(super) site_admin: String,
    #[serde(skip)]
    pub(super) habits: Habits,
    #[serde(skip)]
    new_are_public: bool,
    /// Grows with every change.
    #[serde(skip)]
    revision: u64,
}

impl State {
    pub(in crate::sandbox) fn new(new_are_public: bool, habits: Habits) -> Self {
        Self { new_are_public, habits, next_version_id: FIRST_VERSION_ID, next_id: FIRST_ID, ..Self::default() }
    }

    /// Takes over what another state holds, but not how it behaves.
    pub(in crate::sandbox) fn adopt(&mut self, other: Self) {
        let Self {
            clock, owners, repositories, deleted_packages, sources, next_version_id, next_id, site_admin, ..
        } = other;
        *self = Self {
            clock,
            owners,
            repositories,
            deleted_packages,
            sources,
            next_version_id: next_version_id.max(FIRST_VERSION_ID),
            next_id: next_id.max(FIRST_ID),
            site_admin,
            ..std::mem::take(self)
        };
    }

    /// Returns a copy without the uploads under way.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        let mut copy = self.clone();
        copy.uploads.clear();
        copy
    }

    /// Returns a number that grows with every change.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub(super) fn touch(&mut self) {
        self.revision += 1;
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// Returns the sandbox's time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.clock.now()
    }

    /// Returns the clock.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Sets the clock.
    pub fn set_clock(&mut self, clock: Clock) {
        self.touch();
        self.clock = clock;
    }

    /// Returns the switches of behaviour that GHCR leaves unknown.
    #[must_use]
    pub fn habits(&self) -> &Habits {
        &self.habits
    }

    /// Sets them.
    pub fn set_habits(&mut self, habits: Habits) {
        self.habits = habits;
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

    /// Lists the packages of an owner, whose login is in lower case: names without the owner's, in order.
    pub fn packages<'a>(&'a self, owner: &str) -> impl Iterator<Item = (&'a str, &'a Repository)> {
        let prefix = format!("{owner}/");
        let length = prefix.len();
        let following = self.repositories.range(prefix.clone()..);
        following
            .take_while(move |(name, _)| name.starts_with(&prefix))
            .filter(|(_, repository)| repository.is_published())
            .map(move |(name, repository)| (&name[length..], repository))
    }

    pub(super) fn all_repositories_mut(&mut self) -> impl Iterator<Item = &mut Repository> {
        let Self { repositories, deleted_packages, .. } = self;
        repositories.values_mut().chain(deleted_packages.iter_mut().map(DeletedPackage::repository_mut))
    }

    pub(super) fn repository_mut(&mut self, name: &str) -> &mut Repository {
        self.touch();
        if !self.repositories.contains_key(name) {
            if let Some((owner, _)) = name.split_once('/') {
                self.ensure_owner(owner);
            }
            let mut repository = Repository::default();
            if self.new_are_public {
                repository.package.visibility = Visibility::Public;
            }
            self.repositories.insert(name.to_owned(), repository);
        }
        self.repositories.get_mut(name).expect("it was there, or has just been made")
    }

    /// Stores a manifest, and points a tag at it if the reference is one, in one step. A digest that is there makes no new
    /// version.
    pub fn put_manifest(&mut self, name: &str, reference: &ManifestReference, manifest: RawManifest) {
        let (now, habits) = (self.now(), self.habits);
        if self.repository_mut(name).package.created.is_none() {
            let id = self.next_id();
            let package = &mut self.repository_mut(name).package;
            (package.id, package.created) = (id, Some(now));
        }
        let id = self.next_version_id;
        let repository = self.repository_mut(name);
        repository.package.updated = Some(now);
        let digest = manifest.digest.clone();
        let mut is_new = repository.versions.active(&digest).is_none();
        if is_new && habits.push_restores_deleted {
            repository.versions.expire(now);
            if let Some(id) = repository.versions.deleted(&digest).map(|version| version.id) {
                repository.versions.set_deleted(id, None);
                is_new = false;
            }
        }
        if is_new {
            repository.versions.insert(Version {
                id,
                manifest,
                created: now,
                updated: now,
                deleted: None,
                downloads: 0,
                tags_when_deleted: Vec::new(),
                ghost_tags: Vec::new(),
            });
            self.next_version_id += 1;
        }
        if let ManifestReference::Tag(tag) = reference {
            self.set_tag(name, tag.clone(), digest);
        }
    }

    /// Links a package that is not linked to the source repository that its newest manifest names, in an annotation or in a
    /// label of its configuration.
    pub fn link_by_source(&mut self, name: &str, manifest: &RawManifest) {
        let Some(repository) = self.repository(name).filter(|repository| repository.package.linked.is_none()) else {
            return;
        };
        let Ok(parsed) = manifest.parse() else { return };
        let label = |config: &Digest| {
            let config: serde_json::Value = serde_json::from_slice(repository.blob(config)?).ok()?;
            config["config"]["Labels"][SOURCE_LABEL].as_str().map(str::to_owned)
        };
        let source = parsed.annotations.get(SOURCE_LABEL).cloned().or_else(|| match &parsed.kind {
            ManifestKind::Image { config, layers: _ } => label(&config.digest),
            ManifestKind::Index { .. } => None,
        });
        let path = source.as_deref().and_then(|source| source.strip_prefix("https://github.com/"));
        if let Some(path) = path.map(|path| path.trim_end_matches('/').trim_end_matches(".git").to_owned())
            && self.source(&path).is_some()
        {
            self.link_package(name, Some(&path));
        }
    }

    /// Points a tag at a digest, whether or not a manifest is there.
    pub fn set_tag(&mut self, name: &str, tag: Tag, digest: Digest) {
        let (now, touches) = (self.now(), self.habits.updated_follows_tags);
        let repository = self.repository_mut(name);
        if repository.tags.set(tag, digest.clone()) && touches {
            let id = repository.versions.active(&digest).map(|version| version.id);
            if let Some(version) = id.and_then(|id| repository.versions.get_mut(id)) {
                version.updated = now;
            }
        }
    }

    /// Removes a tag and returns what it pointed at.
    pub fn remove_tag(&mut self, name: &str, tag: &Tag) -> Option<Digest> {
        self.touch();
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
        self.touch();
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
        self.uploads.insert(id, Upload::new(name));
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
        let Upload { repository, bytes, .. } = upload;
        self.repository_mut(&repository).blobs.insert(digest.clone(), bytes.into());
        digest
    }

    /// Returns how many uploads are under way.
    #[must_use]
    pub fn uploads_under_way(&self) -> usize {
        self.uploads.len()
    }

    /// Lists the bytes of all blobs and manifests, some of them more than once.
    pub fn all_bytes(&self) -> impl Iterator<Item = (&Digest, &Bytes)> {
        let all = self.repositories.values().chain(self.deleted_packages.iter().map(DeletedPackage::repository));
        all.flat_map(|repository| {
            let manifests =
                repository.versions.all().map(|version| (&version.manifest.digest, &version.manifest.bytes));
            manifests.chain(&repository.blobs)
        })
    }
}
