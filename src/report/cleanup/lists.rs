//! Version by version: what goes and why, which tags are taken away, and which indexes have lost something.

use std::collections::BTreeSet;

use super::{
    blocks::{Block, Facts},
    quantities::{age, by_number, counted, number},
    words,
};
use crate::{
    execute::cleanup::{Applied, Outcome},
    model::{Digest, VersionId},
    policy::{
        cleanup::{CleanupPlan, Findings, PartialIndex, PlannedUntag, PlannedVersion, VersionReason},
        retention::{Life, TagDecision, TagVerdict},
    },
};

/// The most tags of one version that are named.
const MAX_TAGS: usize = 8;

/// Adds the lists, those of them that there are, each with `most` entries.
pub(super) fn details(blocks: &mut Vec<Block>, plan: &CleanupPlan, applied: Option<&Applied>, most: usize) {
    let mut add = |title: String, facts: Option<Facts>| {
        if let Some(facts) = facts {
            blocks.push(Block::Details { title, blocks: vec![Block::Table(facts)] });
        }
    };
    let gone = plan.deleted().count();
    let verb = match applied {
        Some(applied) if all_done(applied.deletions.values()) => "deleted",
        Some(_) => by_number(gone, "that was to go", "that were to go"),
        None => by_number(gone, "that goes", "that go"),
    };
    add(format!("{} {verb}", counted(gone, "version")), deleted(plan, applied, most));
    let untagged = plan.untag.len();
    let verb = match applied {
        Some(applied) if all_done(applied.untagging.values()) => "taken away",
        Some(_) => by_number(untagged, "that was to be taken away", "that were to be taken away"),
        None => by_number(untagged, "that is taken away", "that are taken away"),
    };
    add(format!("{} {verb}", counted(untagged, "tag")), untag(plan, applied, most));
    let incomplete = plan.findings.partial_indexes.len();
    add(format!("{} with missing manifests", counted(incomplete, "index")), indexes(plan, most));
}

fn all_done<'a>(mut outcomes: impl Iterator<Item = &'a Outcome>) -> bool {
    outcomes.all(|outcome| *outcome == Outcome::Done)
}

/// Adds a column for what became of things, if it is worth one.
fn outcome_column<'a>(header: &mut Vec<&'static str>, outcomes: impl Iterator<Item = &'a Outcome>) -> bool {
    let is_needed = !all_done(outcomes);
    if is_needed {
        header.push("Outcome");
    }
    is_needed
}

fn deleted(plan: &CleanupPlan, applied: Option<&Applied>, most: usize) -> Option<Facts> {
    let mut versions: Vec<&PlannedVersion> = plan.deleted().collect();
    if versions.is_empty() {
        return None;
    }
    // Images that people know by name come first, the oldest before.
    let is_named = |version: &PlannedVersion| version.tags.iter().any(|tag| tag.verdict == TagVerdict::Expire);
    versions.sort_by_key(|version| (!is_named(version), version.since, version.id));
    let mut header = vec!["Tags", "Version", "Digest", "Age", "Why"];
    let outcomes = applied.map(|applied| &applied.deletions);
    let has_outcomes = outcome_column(&mut header, outcomes.into_iter().flat_map(|outcomes| outcomes.values()));
    let row = |version: &&PlannedVersion| {
        let mut cells = vec![
            tags(version),
            version.id.to_string(),
            words::digest(&version.digest),
            age(plan.taken_at, version.since),
            why(version, plan),
        ];
        if has_outcomes {
            let outcome = outcomes.and_then(|outcomes| outcomes.get(&version.id));
            cells.push(outcome.map(words::outcome).unwrap_or_default());
        }
        cells
    };
    let rows = versions.iter().take(most).map(row).collect();
    Some(Facts { header, rows, more: versions.len().saturating_sub(most) })
}

fn tags(version: &PlannedVersion) -> String {
    let names = version.tags.iter().take(MAX_TAGS).map(|decision| words::tag(&decision.tag));
    let mut text = names.collect::<Vec<_>>().join(", ");
    let more = version.tags.len().saturating_sub(MAX_TAGS);
    if more > 0 {
        text.push_str(&format!(" and {} more", number(more)));
    }
    text
}

/// Says why a version goes: its tags' reasons, each once, then its own where those do not say it.
pub(super) fn why(version: &PlannedVersion, plan: &CleanupPlan) -> String {
    let mut clauses: Vec<String> = Vec::new();
    let mut add = |clause: String| {
        if !clauses.contains(&clause) {
            clauses.push(clause);
        }
    };
    // What goes with another tag is said by that one.
    let says_why = |decision: &&TagDecision| {
        let mut reasons = decision.deciding().flat_map(|row| &row.reasons);
        decision.verdict == TagVerdict::Expire && reasons.any(|life| *life != Life::NotCarried)
    };
    for decision in version.tags.iter().filter(says_why) {
        add(words::decision(decision, plan.taken_at));
    }
    for reason in version.reasons.iter().filter(|reason| !matches!(reason, VersionReason::TagsExpired)) {
        add(words::version_reason(reason, plan.taken_at));
    }
    words::bounded(clauses.into_iter())
}

fn untag(plan: &CleanupPlan, applied: Option<&Applied>, most: usize) -> Option<Facts> {
    if plan.untag.is_empty() {
        return None;
    }
    let mut header = vec!["Tag", "Version that stays", "Why"];
    let outcomes = applied.map(|applied| &applied.untagging);
    let has_outcomes = outcome_column(&mut header, outcomes.into_iter().flat_map(|outcomes| outcomes.values()));
    let row = |untag: &PlannedUntag| {
        let PlannedUntag { tag, digest, id } = untag;
        let why = plan.decision_on(untag).map(|decision| words::decision(decision, plan.taken_at));
        let mut cells = vec![words::tag(tag), format!("{id} {}", words::digest(digest)), why.unwrap_or_default()];
        if has_outcomes {
            let outcome = outcomes.and_then(|outcomes| outcomes.get(tag));
            cells.push(outcome.map(words::outcome).unwrap_or_default());
        }
        cells
    };
    let rows = plan.untag.iter().take(most).map(row).collect();
    Some(Facts { header, rows, more: plan.untag.len().saturating_sub(most) })
}

fn indexes(plan: &CleanupPlan, most: usize) -> Option<Facts> {
    let Findings { orphaned_referrers: _, partial_indexes, left_unreadable: _ } = &plan.findings;
    if partial_indexes.is_empty() {
        return None;
    }
    let row = |index: &PartialIndex| {
        let PartialIndex { id, missing, restorable, is_ghost } = index;
        vec![
            plan.version(*id).map(words::version).unwrap_or_else(|| format!("version {id}")),
            if *is_ghost { "none" } else { "some" }.to_owned(),
            digests(missing),
            ids(restorable),
        ]
    };
    Some(Facts {
        header: vec!["Index", "Manifests left", "Missing", "Versions to restore"],
        rows: partial_indexes.iter().take(most).map(row).collect(),
        more: partial_indexes.len().saturating_sub(most),
    })
}

fn digests(digests: &BTreeSet<Digest>) -> String {
    words::names(digests.iter().map(words::digest))
}

fn ids(ids: &BTreeSet<VersionId>) -> String {
    words::names(ids.iter().map(ToString::to_string))
}
