//! The tags of a repository, in the order in which they came into being; a tag that moves keeps its place.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::model::{Digest, Tag};

#[derive(Clone, Default)]
pub(super) struct Tags {
    next: u64,
    by_name: HashMap<Tag, (u64, Digest)>,
    by_age: BTreeMap<u64, Tag>,
    /// What points at a digest, in the order in which it was pointed there.
    by_digest: HashMap<Digest, Vec<Tag>>,
}

impl Tags {
    /// Points a tag at a digest; returns whether anything changed.
    pub(super) fn set(&mut self, tag: Tag, digest: Digest) -> bool {
        if let Some((_, current)) = self.by_name.get_mut(&tag) {
            if *current == digest {
                return false;
            }
            let before = std::mem::replace(current, digest.clone());
            self.forget(&before, &tag);
        } else {
            self.by_age.insert(self.next, tag.clone());
            self.by_name.insert(tag.clone(), (self.next, digest.clone()));
            self.next += 1;
        }
        self.by_digest.entry(digest).or_default().push(tag);
        true
    }

    pub(super) fn remove(&mut self, tag: &Tag) -> Option<Digest> {
        let (place, digest) = self.by_name.remove(tag)?;
        self.by_age.remove(&place);
        self.forget(&digest, tag);
        Some(digest)
    }

    fn forget(&mut self, digest: &Digest, tag: &Tag) {
        if let Some(tags) = self.by_digest.get_mut(digest) {
            tags.retain(|other| other != tag);
            if tags.is_empty() {
                self.by_digest.remove(digest);
            }
        }
    }

    pub(super) fn get(&self, tag: &Tag) -> Option<&Digest> {
        self.by_name.get(tag).map(|(_, digest)| digest)
    }

    /// Lists what points at a digest.
    pub(super) fn of(&self, digest: &Digest) -> &[Tag] {
        self.by_digest.get(digest).map_or(&[], Vec::as_slice)
    }

    /// Lists the digests that a tag points at, in no order.
    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.by_digest.keys()
    }

    /// Lists all, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Tag, &Digest)> {
        self.by_age.values().filter_map(|tag| Some((tag, self.get(tag)?)))
    }

    /// Lists up to `limit` tags after the tag `last`, oldest first, and tells whether more follow. After a tag that is not
    /// there comes nothing.
    pub(super) fn page(&self, last: Option<&str>, limit: usize) -> (Vec<Tag>, bool) {
        let first = match last {
            None => 0,
            Some(last) => match last.parse().ok().and_then(|tag: Tag| self.by_name.get(&tag)) {
                Some((place, _)) => place + 1,
                None => return (Vec::new(), false),
            },
        };
        let mut following = self.by_age.range(first..).map(|(_, tag)| tag.clone());
        let page = following.by_ref().take(limit).collect();
        (page, following.next().is_some())
    }
}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(tag, digest)| (tag.as_str(), digest)))
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A JSON map keeps the order in which it is written.
        let map = serde_json::Map::deserialize(deserializer)?;
        let mut tags = Self::default();
        for (name, digest) in map {
            let tag: Tag = name.parse().map_err(D::Error::custom)?;
            let digest = digest.as_str().unwrap_or_default().parse().map_err(D::Error::custom)?;
            tags.set(tag, digest);
        }
        Ok(tags)
    }
}
