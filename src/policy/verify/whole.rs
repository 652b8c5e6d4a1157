//! A plan against the facts that it was made from.

use std::collections::{BTreeMap, BTreeSet};

use super::again::reach;
use crate::{
    model::{Digest, Inventory, Tag, Version, VersionId},
    policy::{
        cleanup::{CleanupPlan, Decision, Step},
        retention::TagVerdict,
    },
};

/// What is wrong with a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// The plan and the inventory do not have the same versions.
    OtherVersions,
    /// A version has no reason.
    WithoutReason(VersionId),
    /// A version is deleted although a kept one needs it.
    Needed(VersionId),
    /// A version is deleted although one of its tags is kept.
    KeptTag(VersionId, Tag),
    /// The steps delete something that the decisions keep, or the other way round, or twice.
    OtherSteps(VersionId),
    /// A version is deleted before one that lists it.
    BeforeItsIndex(VersionId),
    /// A tag is taken away that is kept, is not there, or is on a version that goes.
    WrongUntag(Tag),
    /// No tagged version is left, which GitHub refuses.
    NothingTagged,
}

/// Checks a plan against the facts that it was made from.
#[must_use]
pub fn violations(plan: &CleanupPlan, inventory: &Inventory) -> Vec<Violation> {
    let mut found = Vec::new();
    let known: BTreeMap<&Digest, &Version> =
        inventory.versions.iter().map(|version| (&version.digest, version)).collect();
    let mut ids: Vec<(VersionId, &Digest)> =
        inventory.versions.iter().map(|version| (version.id, &version.digest)).collect();
    ids.sort_unstable();
    if !plan.versions.iter().map(|version| (version.id, &version.digest)).eq(ids) {
        return vec![Violation::OtherVersions];
    }
    let kept = plan.versions.iter().filter(|version| version.decision == Decision::Keep);
    let needed = reach(&known, kept.map(|version| &version.digest).collect());
    let steps: Vec<VersionId> = plan
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Delete(id) => Some(*id),
            Step::Untag(_) => None,
        })
        .collect();
    let place: BTreeMap<VersionId, usize> = steps.iter().enumerate().map(|(place, id)| (*id, place)).collect();
    if place.len() != steps.len() {
        found.extend(steps.iter().map(|id| Violation::OtherSteps(*id)));
    }
    for version in &plan.versions {
        if version.reasons.is_empty() && version.tags.is_empty() {
            found.push(Violation::WithoutReason(version.id));
        }
        let is_deleted = version.decision == Decision::Delete;
        if is_deleted != place.contains_key(&version.id) {
            found.push(Violation::OtherSteps(version.id));
        }
        if is_deleted && needed.contains(&version.digest) {
            found.push(Violation::Needed(version.id));
        }
        for decision in version.tags.iter().filter(|decision| is_deleted && decision.keeps()) {
            found.push(Violation::KeptTag(version.id, decision.tag.clone()));
        }
        let children = known.get(&version.digest).and_then(|version| version.read());
        for child in children.map(|manifest| manifest.children.as_slice()).unwrap_or_default() {
            let child = known.get(&child.digest).map(|version| version.id).filter(|id| *id != version.id);
            if let Some((child, there)) = child.and_then(|child| Some((child, place.get(&child)?)))
                && place.get(&version.id).is_none_or(|here| here > there)
            {
                found.push(Violation::BeforeItsIndex(child));
            }
        }
    }
    let mut untagged: BTreeSet<(&Tag, VersionId)> = BTreeSet::new();
    for untag in &plan.untag {
        let is_right = plan.version(untag.id).is_some_and(|version| {
            version.decision == Decision::Keep
                && version.digest == untag.digest
                && version.tags.iter().any(|tag| tag.tag == untag.tag && tag.verdict == TagVerdict::Expire)
        });
        if !is_right || !untagged.insert((&untag.tag, untag.id)) {
            found.push(Violation::WrongUntag(untag.tag.clone()));
        }
    }
    let remains = |id: VersionId, tag: &Tag| !place.contains_key(&id) && !untagged.contains(&(tag, id));
    let had_tags = inventory.versions.iter().any(|version| !version.tags.is_empty());
    let has_tags = inventory.versions.iter().any(|version| version.tags.iter().any(|tag| remains(version.id, tag)));
    if had_tags && !has_tags {
        found.push(Violation::NothingTagged);
    }
    found
}
