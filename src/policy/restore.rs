//! What a journal says has to be brought back.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Digest, JournalEntry, JournalState, JournalStep, Tag, VersionId};

/// What is to be brought back in one package.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RestorePlan {
    /// The versions, in the order in which they are restored: the last that was deleted first, so that what an image lists is
    /// back before the image is.
    pub versions: Vec<RestoreVersion>,
    /// The tags, each with the digest that it was on.
    pub tags: BTreeMap<Tag, Digest>,
}

/// A version to restore.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreVersion {
    /// Its number.
    pub id: VersionId,
    /// Its digest, where the journal says it.
    pub digest: Option<Digest>,
}

/// Reads what a journal says was done, by package. What was refused was not done; what failed may have been.
#[must_use]
pub fn plan_restore(entries: &[JournalEntry]) -> BTreeMap<String, RestorePlan> {
    let mut plans: BTreeMap<String, RestorePlan> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| !entry.is_placeholder()) {
        let JournalEntry { at: _, package, step, id, digest, tags, state, detail: _ } = entry;
        let plan = plans.entry(package.clone()).or_default();
        match (step, state) {
            (JournalStep::Delete, JournalState::Intent) => {
                let Some(id) = *id else { continue };
                plan.versions.retain(|version| version.id != id);
                plan.versions.push(RestoreVersion { id, digest: Some(digest.clone()) });
                plan.tags.extend(tags.iter().map(|tag| (tag.clone(), digest.clone())));
            }
            (JournalStep::Delete, JournalState::Refused) => {
                plan.versions.retain(|version| Some(version.id) != *id);
                plan.tags.retain(|tag, on| !(tags.contains(tag) && on == digest));
            }
            (JournalStep::Restore, JournalState::Done) => {
                plan.versions.retain(|version| Some(version.id) != *id);
            }
            (JournalStep::Untag, JournalState::Intent) => {
                plan.tags.extend(tags.iter().map(|tag| (tag.clone(), digest.clone())));
            }
            (JournalStep::Retag, JournalState::Done) => {
                plan.tags.retain(|tag, on| !(tags.contains(tag) && on == digest));
            }
            (
                JournalStep::Delete | JournalStep::Restore | JournalStep::Untag | JournalStep::Retag,
                JournalState::Intent
                | JournalState::Done
                | JournalState::AlreadyGone
                | JournalState::Refused
                | JournalState::Failed,
            ) => {}
        }
    }
    for plan in plans.values_mut() {
        plan.versions.reverse();
    }
    plans.retain(|_, plan| *plan != RestorePlan::default());
    plans
}

/// Says what to restore where only the numbers of versions are known.
#[must_use]
pub fn restore_versions(ids: &BTreeSet<VersionId>) -> RestorePlan {
    // Children have lower numbers than the index that was pushed after them.
    RestorePlan {
        versions: ids.iter().map(|id| RestoreVersion { id: *id, digest: None }).collect(),
        tags: BTreeMap::new(),
    }
}
