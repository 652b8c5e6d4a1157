//! What a plan may still do after a newer look, what two plans share, and what a kept image lost.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{Digest, Inventory, Tag, Version, VersionId, inventory::ManifestFacts},
    policy::{
        cleanup::{CleanupPlan, Decision, SavedPackage, SavedUntag, Step, without},
        retention::{Life, numbers_in},
        template::{sanitise, short_hash},
    },
};

/// What a newer look at a package saw.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The versions that the inventory does not have, with their manifests.
    pub versions: Vec<Version>,
    /// The tags that were looked up, with the digest that each is on now; `None` for one that is gone. All that are new or
    /// that a step moves should be among them, and none that this run moved itself.
    pub tags: BTreeMap<Tag, Option<Digest>>,
    /// Pull requests that are open now.
    pub open_pull_requests: BTreeSet<u64>,
    /// Branches that exist now.
    pub branches: BTreeSet<String>,
    /// Versions that GitHub refused to delete.
    pub refused: BTreeSet<VersionId>,
}

/// What a run has done so far, and what is left: what a newer look depends on.
#[derive(Clone, Copy, Debug)]
pub struct SoFar<'a> {
    /// The steps that are left.
    pub steps: &'a [Step],
    /// The tags that the run moved itself.
    pub moved: &'a BTreeSet<Tag>,
    /// The versions that are gone.
    pub gone: &'a BTreeSet<VersionId>,
}

/// Returns the steps that are still allowed. What was pushed, tagged or reopened since protects itself and what it reaches;
/// a tag that moved is left alone.
#[must_use]
pub fn allowed(plan: &CleanupPlan, before: &Inventory, look: &Look) -> Vec<Step> {
    let mut known: BTreeMap<&Digest, &Version> = BTreeMap::new();
    known.extend(look.versions.iter().map(|version| (&version.digest, version)));
    known.extend(before.versions.iter().map(|version| (&version.digest, version)));
    let mut protected: BTreeSet<&Digest> = look.versions.iter().map(|version| &version.digest).collect();
    let mut untouched: BTreeSet<&Tag> = BTreeSet::new();
    for (tag, now) in &look.tags {
        let was_there = now.as_ref().is_some_and(|digest| {
            let there = known.get(digest).filter(|version| version.tags.contains(tag));
            there.is_some_and(|version| !look.versions.iter().any(|new| new.digest == version.digest))
        });
        if !was_there {
            untouched.insert(tag);
            protected.extend(now);
        }
    }
    let planned = plan
        .untag
        .iter()
        .filter(|untag| look.tags.get(&untag.tag).is_some_and(|now| now.as_ref() != Some(&untag.digest)));
    untouched.extend(planned.map(|untag| &untag.tag));
    let new_branches: Vec<&String> = match before.branches.known() {
        Some(known) => look.branches.difference(known).collect(),
        None => look.branches.iter().collect(),
    };
    for version in &plan.versions {
        for decision in &version.tags {
            let reasons = || decision.rows.iter().flat_map(|row| &row.reasons);
            if reasons().any(|life| came_back(life, &decision.tag, look, &new_branches)) {
                untouched.insert(&decision.tag);
                protected.insert(&version.digest);
            }
        }
    }
    // A digest that no list shows yet may need anything.
    let is_unseen = protected.iter().any(|digest| !known.contains_key(*digest));
    let reached = reach(&known, protected);
    let is_opaque = |digest: &&Digest| match known.get(*digest).map(|version| &version.manifest) {
        Some(ManifestFacts::NotRead | ManifestFacts::Unreadable { .. }) => true,
        Some(ManifestFacts::UnknownMediaType { .. } | ManifestFacts::Read(_)) | None => false,
    };
    let no_deletion = is_unseen || reached.iter().any(is_opaque);
    let stays = |id: &VersionId, digest: &Digest| no_deletion || reached.contains(digest) || look.refused.contains(id);
    let staying: BTreeSet<VersionId> =
        plan.deleted().filter(|version| stays(&version.id, &version.digest)).map(|version| version.id).collect();
    without(plan, &staying, &untouched)
}

/// Tells whether what a tag waited for is there again.
fn came_back(life: &Life, tag: &Tag, look: &Look, new_branches: &[&String]) -> bool {
    match life {
        Life::Closed { number } => look.open_pull_requests.contains(number),
        Life::NoneOpen => numbers_in(tag).any(|number| look.open_pull_requests.contains(&number)),
        Life::BranchGone { branch } => new_branches.iter().any(|name| {
            let shown = [sanitise(name, true), sanitise(name, false)];
            let is_part = || {
                let hash = short_hash(name);
                shown.iter().chain([&hash]).any(|part| tag.as_str().contains(part.as_str()))
            };
            shown.contains(branch) || (branch == tag.as_str() && is_part())
        }),
        Life::Forever
        | Life::Rolling
        | Life::PointedAt { .. }
        | Life::Carried { .. }
        | Life::NotCarried
        | Life::Young(_)
        | Life::Old(_)
        | Life::AmongLast(_)
        | Life::NotAmongLast(_)
        | Life::Open { .. }
        | Life::BranchExists { .. }
        | Life::Unknown { .. }
        | Life::Illegible { .. } => false,
    }
}

/// Returns what is needed by some digests: themselves, what they list, and what refers to any of it.
pub(super) fn reach<'a>(known: &BTreeMap<&'a Digest, &'a Version>, from: BTreeSet<&'a Digest>) -> BTreeSet<&'a Digest> {
    let referrers = referrers(known);
    let mut reached = BTreeSet::new();
    let mut open: Vec<&Digest> = from.into_iter().collect();
    while let Some(digest) = open.pop() {
        if !reached.insert(digest) {
            continue;
        }
        open.extend(referrers.get(digest.hex()).into_iter().flatten());
        if let Some(manifest) = known.get(digest).and_then(|version| version.read()) {
            open.extend(manifest.children.iter().map(|child| &child.digest));
        }
    }
    reached
}

/// Returns the steps that a fresh plan and a saved one share. A version whose tags changed since is not the same.
#[must_use]
pub fn shared(fresh: &CleanupPlan, saved: &SavedPackage) -> Vec<Step> {
    let done: BTreeSet<VersionId> = saved
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Delete(id) => Some(*id),
            Step::Untag(_) => None,
        })
        .collect();
    let was_deleted: BTreeMap<VersionId, (&Digest, Vec<&Tag>)> = saved
        .versions
        .iter()
        .filter(|version| version.decision == Decision::Delete && done.contains(&version.id))
        .map(|version| (version.id, (&version.digest, version.tags.iter().collect())))
        .collect();
    let staying = fresh
        .deleted()
        .filter(|version| {
            let tags: Vec<&Tag> = version.tags.iter().map(|decision| &decision.tag).collect();
            was_deleted.get(&version.id) != Some(&(&version.digest, tags))
        })
        .map(|version| version.id)
        .collect();
    let was_untagged: BTreeSet<(&Tag, &Digest)> =
        saved.untag.iter().map(|SavedUntag { tag, digest }| (tag, digest)).collect();
    let untouched = fresh
        .untag
        .iter()
        .filter(|untag| !was_untagged.contains(&(&untag.tag, &untag.digest)))
        .map(|untag| &untag.tag)
        .collect();
    without(fresh, &staying, &untouched)
}

/// Returns the versions that were active before and are gone, and that something which is active now needs: what must be
/// restored, each with its digest and that of what needs it. Needed is what is listed, and what refers to something that must
/// be restored. `versions` are all whose manifests are known.
#[must_use]
pub fn lost_children<'a>(
    versions: impl IntoIterator<Item = &'a Version>,
    before: &'a Inventory,
    active: &BTreeSet<Digest>,
) -> BTreeMap<VersionId, (Digest, Digest)> {
    let known: BTreeMap<&Digest, &Version> =
        versions.into_iter().chain(&before.versions).map(|version| (&version.digest, version)).collect();
    let was_active: BTreeMap<&Digest, VersionId> =
        before.versions.iter().map(|version| (&version.digest, version.id)).collect();
    let referrers = referrers(&known);
    let mut lost = BTreeMap::new();
    let mut seen: BTreeSet<&Digest> = BTreeSet::new();
    let mut open: Vec<&Digest> = known.keys().copied().filter(|digest| active.contains(*digest)).collect();
    while let Some(digest) = open.pop() {
        if !seen.insert(digest) {
            continue;
        }
        let read = known.get(digest).and_then(|version| version.read());
        let children = read.map(|manifest| manifest.children.as_slice()).unwrap_or_default();
        let referring = match active.contains(digest) {
            // Signatures of what stayed went for a reason of their own.
            true => &[],
            false => referrers.get(digest.hex()).map(Vec::as_slice).unwrap_or_default(),
        };
        for needed in children.iter().map(|child| &child.digest).chain(referring.iter().copied()) {
            if !active.contains(needed)
                && let Some(id) = was_active.get(needed)
            {
                lost.entry(*id).or_insert_with(|| (needed.clone(), digest.clone()));
                // Its own children are needed again once it is back.
                open.push(needed);
            }
        }
    }
    lost
}

/// Returns what refers to each digest, by its hexadecimal digits.
fn referrers<'a>(known: &BTreeMap<&'a Digest, &'a Version>) -> BTreeMap<String, Vec<&'a Digest>> {
    let mut referrers: BTreeMap<String, Vec<&Digest>> = BTreeMap::new();
    for (&digest, version) in known.iter().filter(|(_, version)| !version.is_placeholder()) {
        if let Some(subject) = version.read().and_then(|manifest| manifest.subject.as_ref()) {
            referrers.entry(subject.hex().to_owned()).or_default().push(digest);
        }
        for tag in version.tags.iter().filter(|tag| tag.is_referrers_tag()) {
            let hex = tag.as_str().trim_start_matches("sha256-").split('.').next().unwrap_or_default();
            referrers.entry(hex.to_owned()).or_default().push(digest);
        }
    }
    referrers
}
