//! What happens to packages and their versions apart from pushes: deleting, restoring, visibility, downloads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Repository, Role, State, Time, versions::RESTORABLE_SECONDS};
use crate::model::{Digest, RawManifest, Tag};

/// More downloads than this keep a public version from being deleted
/// ([documentation](https://docs.github.com/packages/learn-github-packages/deleting-and-restoring-a-package)).
pub const MOST_DOWNLOADS: u64 = 5_000;

/// Who can see a package.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Those who were given a role.
    #[default]
    Private,
    /// Those in the same enterprise.
    Internal,
}

impl Visibility {
    /// Returns the word that the API has for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Internal => "internal",
        }
    }
}

/// What is known of a package beside its versions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Package {
    /// Its number; 0 before anything is published.
    pub id: u64,
    /// Who can see it.
    pub visibility: Visibility,
    /// The source repository that it is linked to, `owner/name`.
    pub linked: Option<String>,
    /// When something was published first; `None` before.
    pub created: Option<Time>,
    /// When something was published last.
    pub updated: Option<Time>,
    /// Roles by holder, `user:login` or `repository:owner/name` in lower case.
    pub roles: BTreeMap<String, Role>,
}

/// A package that was deleted whole.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct DeletedPackage {
    name: String,
    deleted: Time,
    repository: Repository,
}

impl DeletedPackage {
    pub(super) fn repository(&self) -> &Repository {
        &self.repository
    }

    pub(super) fn repository_mut(&mut self) -> &mut Repository {
        &mut self.repository
    }
}

/// Why something is not deleted or restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It is not there, is deleted already, or cannot be restored any more.
    Gone,
    /// It is public and has too many downloads.
    Downloads,
    /// It is the only version with a tag.
    LastTagged,
    /// Something has taken its place.
    Taken,
}

impl State {
    /// Deletes a version as the API does: its manifest and all its tags, but no children and no blobs.
    ///
    /// # Errors
    /// If GHCR would refuse.
    pub fn delete_version(&mut self, name: &str, id: u64) -> Result<(), Refusal> {
        let repository = self.repository(name).ok_or(Refusal::Gone)?;
        let version = repository.version(id).filter(|version| version.deleted.is_none()).ok_or(Refusal::Gone)?;
        if repository.is_public() && version.downloads > MOST_DOWNLOADS {
            return Err(Refusal::Downloads);
        }
        let digest = version.manifest.digest.clone();
        let others = || {
            let active = |other: &&Digest| **other != digest && repository.versions.active(other).is_some();
            repository.tags.digests().any(|other| active(&other))
        };
        if !repository.tags_of(&digest).is_empty() && !others() {
            return Err(Refusal::LastTagged);
        }
        self.remove_manifest(name, &digest);
        Ok(())
    }

    /// Removes a manifest and all tags that point at it, whatever GHCR would say; the version counts as deleted. Children
    /// and blobs stay, as on GHCR.
    pub fn remove_manifest(&mut self, name: &str, digest: &Digest) -> Option<RawManifest> {
        let now = self.now();
        self.touch();
        let repository = self.repositories.get_mut(name)?;
        let tags = repository.tags.of(digest).to_vec();
        for tag in &tags {
            repository.tags.remove(tag);
        }
        let version = repository.versions.active(digest)?;
        let (id, manifest) = (version.id, version.manifest.clone());
        repository.versions.set_deleted(id, Some(now));
        if let Some(version) = repository.versions.get_mut(id) {
            version.tags_when_deleted = tags;
            version.ghost_tags.clear();
        }
        Some(manifest)
    }

    /// Makes a deleted version active again.
    ///
    /// # Errors
    /// If it cannot be restored (any more).
    pub fn restore_version(&mut self, name: &str, id: u64) -> Result<(), Refusal> {
        self.expire(name);
        self.touch();
        let brings_tags = self.habits.restore_brings_tags;
        let repository = self.repositories.get_mut(name).ok_or(Refusal::Gone)?;
        let version = repository.versions.get(id).filter(|version| version.deleted.is_some()).ok_or(Refusal::Gone)?;
        let digest = version.manifest.digest.clone();
        if repository.versions.active(&digest).is_some() {
            return Err(Refusal::Taken);
        }
        repository.versions.set_deleted(id, None);
        let tags = repository.versions.get_mut(id).map(|version| std::mem::take(&mut version.tags_when_deleted));
        for tag in tags.unwrap_or_default().into_iter().filter(|_| brings_tags) {
            if repository.tags.get(&tag).is_none() {
                repository.tags.set(tag, digest.clone());
            }
        }
        Ok(())
    }

    /// Deletes a package whole.
    ///
    /// # Errors
    /// If GHCR would refuse.
    pub fn delete_package(&mut self, name: &str) -> Result<(), Refusal> {
        let repository = self.repository(name).filter(|repository| repository.is_published()).ok_or(Refusal::Gone)?;
        if repository.is_public() && repository.versions().any(|version| version.downloads > MOST_DOWNLOADS) {
            return Err(Refusal::Downloads);
        }
        self.touch();
        let deleted = self.now();
        let repository = self.repositories.remove(name).ok_or(Refusal::Gone)?;
        self.deleted_packages.push(DeletedPackage { name: name.to_owned(), deleted, repository });
        Ok(())
    }

    /// Makes a deleted package exist again, with all that was in it.
    ///
    /// # Errors
    /// If it cannot be restored (any more).
    pub fn restore_package(&mut self, name: &str) -> Result<(), Refusal> {
        let oldest = self.now().plus_seconds(-RESTORABLE_SECONDS);
        self.deleted_packages.retain(|package| package.deleted >= oldest);
        let place = self.deleted_packages.iter().rposition(|package| package.name == name).ok_or(Refusal::Gone)?;
        if self.repository(name).is_some_and(Repository::is_published) {
            return Err(Refusal::Taken);
        }
        self.touch();
        let DeletedPackage { repository, .. } = self.deleted_packages.remove(place);
        self.repositories.insert(name.to_owned(), repository);
        Ok(())
    }

    /// Tells whether a package of that name was deleted.
    #[must_use]
    pub fn has_deleted_package(&self, name: &str) -> bool {
        self.deleted_package(name).is_some()
    }

    pub(super) fn deleted_package(&self, name: &str) -> Option<&Repository> {
        self.deleted_packages.iter().rfind(|package| package.name == name).map(|package| &package.repository)
    }

    /// Forgets versions that were deleted too long ago.
    pub fn expire(&mut self, name: &str) {
        let now = self.now();
        if let Some(repository) = self.repositories.get_mut(name) {
            repository.versions.expire(now);
        }
    }

    /// Makes a repository public or private, and brings it into being.
    pub fn set_public(&mut self, name: &str, public: bool) {
        self.set_visibility(name, if public { Visibility::Public } else { Visibility::Private });
    }

    /// Sets who can see a package, and brings its repository into being.
    pub fn set_visibility(&mut self, name: &str, visibility: Visibility) {
        self.touch();
        self.repository_mut(name).package.visibility = visibility;
    }

    /// Links a package to a source repository, `owner/name`.
    pub fn link_package(&mut self, name: &str, source: Option<&str>) {
        self.touch();
        self.repository_mut(name).package.linked = source.map(str::to_owned);
    }

    /// Counts a download of a manifest; only those of public packages count.
    pub fn count_download(&mut self, name: &str, digest: &Digest) {
        let Some(repository) = self.repositories.get_mut(name).filter(|repository| repository.is_public()) else {
            return;
        };
        let id = repository.versions.active(digest).map(|version| version.id);
        if let Some(version) = id.and_then(|id| repository.versions.get_mut(id)) {
            version.downloads += 1;
            self.touch();
        }
    }

    /// Sets how often a version was downloaded.
    pub fn set_downloads(&mut self, name: &str, id: u64, downloads: u64) {
        self.touch();
        if let Some(version) = self.repositories.get_mut(name).and_then(|repository| repository.versions.get_mut(id)) {
            version.downloads = downloads;
        }
    }

    /// Makes the REST API show a tag on a version that does not have it (any more), until the version is deleted or
    /// `ghosts` is empty.
    pub fn set_ghost_tags(&mut self, name: &str, id: u64, ghosts: Vec<Tag>) {
        self.touch();
        if let Some(version) = self.repositories.get_mut(name).and_then(|repository| repository.versions.get_mut(id)) {
            version.ghost_tags = ghosts;
        }
    }
}
