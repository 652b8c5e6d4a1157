//! Package versions: one per pushed digest, active or deleted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Time, stored};
use crate::model::{Digest, RawManifest, Tag};

/// How long a deleted version or package can be restored, in seconds: 30 days
/// ([documentation](https://docs.github.com/packages/learn-github-packages/deleting-and-restoring-a-package)).
pub const RESTORABLE_SECONDS: i64 = 30 * 24 * 60 * 60;

/// A package version.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Version {
    /// Its number, larger than that of every version before it.
    pub id: u64,
    /// The manifest, whose digest is the version's name.
    #[serde(with = "stored::manifest")]
    pub manifest: RawManifest,
    /// When its digest was first pushed.
    pub created: Time,
    /// When it was last changed; GHCR itself leaves it at `created`.
    pub updated: Time,
    /// When it was deleted, if it is.
    pub deleted: Option<Time>,
    /// How often its manifest was fetched while the package was public.
    pub downloads: u64,
    /// The tags that it had when it was deleted.
    #[serde(with = "stored::tags")]
    pub tags_when_deleted: Vec<Tag>,
    /// Tags that the REST API shows on this version beside its own: for a while, GHCR may show a moved tag twice.
    #[serde(with = "stored::tags")]
    pub ghost_tags: Vec<Tag>,
}

/// Ids in the order of creation, oldest first, so that any page is a slice.
#[derive(Clone, Default)]
struct Order(Vec<(Time, u64)>);

impl Order {
    fn insert(&mut self, key: (Time, u64)) {
        // Nearly always at the end.
        if let Err(place) = self.0.binary_search(&key) {
            self.0.insert(place, key);
        }
    }

    fn remove(&mut self, key: (Time, u64)) {
        if let Ok(place) = self.0.binary_search(&key) {
            self.0.remove(place);
        }
    }

    /// Lists ids, newest first.
    fn newest(&self, skip: usize, limit: usize) -> impl Iterator<Item = u64> {
        let end = self.0.len().saturating_sub(skip);
        let begin = end.saturating_sub(limit);
        self.0[begin..end].iter().rev().map(|(_, id)| *id)
    }
}

/// All versions of a package.
#[derive(Clone, Default)]
pub(super) struct Versions {
    by_id: BTreeMap<u64, Version>,
    /// The active ones.
    by_digest: HashMap<Digest, u64>,
    active: Order,
    deleted: Order,
    /// The deleted ones by the time of their deletion.
    expiring: BTreeSet<(Time, u64)>,
}

impl Versions {
    pub(super) fn insert(&mut self, version: Version) {
        let key = (version.created, version.id);
        match version.deleted {
            None => {
                self.by_digest.insert(version.manifest.digest.clone(), version.id);
                self.active.insert(key);
            }
            Some(deleted) => {
                self.deleted.insert(key);
                self.expiring.insert((deleted, version.id));
            }
        }
        self.by_id.insert(version.id, version);
    }

    fn take(&mut self, id: u64) -> Option<Version> {
        let version = self.by_id.remove(&id)?;
        let key = (version.created, id);
        match version.deleted {
            None => {
                self.by_digest.remove(&version.manifest.digest);
                self.active.remove(key);
            }
            Some(deleted) => {
                self.deleted.remove(key);
                self.expiring.remove(&(deleted, id));
            }
        }
        Some(version)
    }

    /// Marks a version as deleted, or as active again.
    pub(super) fn set_deleted(&mut self, id: u64, deleted: Option<Time>) {
        if let Some(version) = self.take(id) {
            self.insert(Version { deleted, ..version });
        }
    }

    /// Returns a version, active or deleted.
    pub(super) fn get(&self, id: u64) -> Option<&Version> {
        self.by_id.get(&id)
    }

    /// Returns a version to change what no order depends on.
    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut Version> {
        self.by_id.get_mut(&id)
    }

    pub(super) fn active(&self, digest: &Digest) -> Option<&Version> {
        self.by_id.get(self.by_digest.get(digest)?)
    }

    /// Returns the newest deleted version of a digest.
    pub(super) fn deleted(&self, digest: &Digest) -> Option<&Version> {
        self.newest(true, 0, usize::MAX).find(|version| version.manifest.digest == *digest)
    }

    pub(super) fn len(&self, deleted: bool) -> usize {
        if deleted { self.deleted.0.len() } else { self.active.0.len() }
    }

    /// Lists versions, newest first, the higher id first where two are as old.
    pub(super) fn newest(&self, deleted: bool, skip: usize, limit: usize) -> impl Iterator<Item = &Version> {
        let order = if deleted { &self.deleted } else { &self.active };
        order.newest(skip, limit).filter_map(|id| self.by_id.get(&id))
    }

    /// Lists all, oldest id first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Version> {
        self.by_id.values()
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Version> {
        self.by_id.values_mut()
    }

    /// Forgets what was deleted too long ago to be restored.
    pub(super) fn expire(&mut self, now: Time) {
        let oldest = now.plus_seconds(-RESTORABLE_SECONDS);
        while let Some((deleted, id)) = self.expiring.first().copied() {
            if deleted >= oldest {
                return;
            }
            self.expiring.pop_first();
            self.take(id);
        }
    }
}

impl Serialize for Versions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.by_id.values())
    }
}

impl<'de> Deserialize<'de> for Versions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut versions = Self::default();
        for version in Vec::deserialize(deserializer)? {
            versions.insert(version);
        }
        Ok(versions)
    }
}
