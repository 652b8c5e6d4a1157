//! The plan of a package counted: by the rows of the policy for tags, by the reason that weighs most for versions.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::quantities::{ages, duration};
use crate::{
    model::{Tag, VersionId},
    policy::{
        age::AgeSource,
        cleanup::{CleanupPlan, Decision, PlannedVersion, VersionReason},
        retention::{Life, RowVerdict, TagDecision, TagVerdict},
        rules::{Keep, Policy, Row},
    },
};

/// What becomes of a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is kept.
    Kept,
    /// It goes, with its version or from it.
    Goes,
    /// Nothing keeps it, and it stays all the same.
    Stays,
    /// It counts as no tag of its own: it names what its version refers to, or is on a placeholder.
    None,
}

/// Finds the tags that are taken away.
#[derive(Debug)]
pub(super) struct Fates<'a> {
    untagged: BTreeSet<(VersionId, &'a Tag)>,
}

impl<'a> Fates<'a> {
    pub(super) fn of(plan: &'a CleanupPlan) -> Self {
        Self { untagged: plan.untag.iter().map(|untag| (untag.id, &untag.tag)).collect() }
    }

    /// Tells what becomes of a tag.
    pub(super) fn fate(&self, version: &PlannedVersion, decision: &TagDecision) -> Fate {
        match decision.verdict {
            TagVerdict::Referrer | TagVerdict::Absent => Fate::None,
            TagVerdict::Keep => Fate::Kept,
            TagVerdict::Expire if version.decision == Decision::Delete => Fate::Goes,
            TagVerdict::Expire if self.untagged.contains(&(version.id, &decision.tag)) => Fate::Goes,
            TagVerdict::Expire => Fate::Stays,
        }
    }
}

/// Tags of a row that share their fate.
#[derive(Clone, Debug, Default)]
pub(super) struct Group {
    /// How many they are.
    pub(super) tags: usize,
    youngest: Option<DateTime<Utc>>,
    oldest: Option<DateTime<Utc>>,
}

impl Group {
    fn add(&mut self, since: DateTime<Utc>) {
        self.tags += 1;
        self.youngest = self.youngest.max(Some(since));
        self.oldest = Some(self.oldest.map_or(since, |oldest| oldest.min(since)));
    }

    /// Says between which ages the tags are.
    pub(super) fn ages(&self, now: DateTime<Utc>) -> Option<String> {
        Some(ages(now, self.youngest?, self.oldest?))
    }
}

/// A row with what it explains.
#[derive(Debug)]
pub(super) struct RowTally<'a> {
    /// The row.
    pub(super) row: &'a Row,
    /// Its `keep`.
    pub(super) keep: &'a Keep,
    /// The versions that carry its tags.
    pub(super) versions: usize,
    /// The tags that stay.
    pub(super) kept: Group,
    /// Those among them that the row lets expire, and that something else keeps.
    pub(super) kept_elsewhere: usize,
    /// The tags that go.
    pub(super) gone: Group,
    /// What the ages count from, where the row asks for an age.
    pub(super) sources: BTreeMap<AgeSource, usize>,
}

/// Counts the tags of each row, in the order of the policy.
pub(super) fn rows<'a>(plan: &CleanupPlan, policy: &'a Policy) -> Vec<RowTally<'a>> {
    let mut tallies: BTreeMap<usize, RowTally<'a>> = BTreeMap::new();
    for rule in &policy.rules {
        tallies.entry(rule.row.number).or_insert_with(|| RowTally {
            row: &rule.row,
            keep: &rule.keep,
            versions: 0,
            kept: Group::default(),
            kept_elsewhere: 0,
            gone: Group::default(),
            sources: BTreeMap::new(),
        });
    }
    let fates = Fates::of(plan);
    for version in &plan.versions {
        let mut explaining: BTreeSet<usize> = BTreeSet::new();
        for decision in &version.tags {
            let mut of_tag: BTreeMap<usize, Vec<&RowVerdict>> = BTreeMap::new();
            for verdict in &decision.rows {
                of_tag.entry(verdict.row).or_default().push(verdict);
            }
            for (row, verdicts) in of_tag {
                let Some(tally) = tallies.get_mut(&row) else { continue };
                explaining.insert(row);
                let span = verdicts.iter().flat_map(|verdict| &verdict.reasons).find_map(|life| {
                    let (Life::Young(span) | Life::Old(span)) = life else { return None };
                    Some(span)
                });
                let since = span.map_or(version.since, |span| span.since);
                if let Some(span) = span {
                    *tally.sources.entry(span.from).or_default() += 1;
                }
                match fates.fate(version, decision) {
                    Fate::Goes => tally.gone.add(since),
                    Fate::Kept | Fate::Stays => {
                        tally.kept.add(since);
                        tally.kept_elsewhere += usize::from(!verdicts.iter().any(|verdict| verdict.keeps));
                    }
                    Fate::None => {}
                }
            }
        }
        for row in explaining {
            if let Some(tally) = tallies.get_mut(&row) {
                tally.versions += 1;
            }
        }
    }
    tallies.into_values().collect()
}

/// Counts the versions by the reason that weighs most: those that stay, then those that go.
pub(super) fn reasons(plan: &CleanupPlan) -> Vec<(Decision, String, usize)> {
    let mut counts: BTreeMap<(u8, String), (Decision, usize)> = BTreeMap::new();
    for version in &plan.versions {
        let weightiest = version.reasons.iter().map(weight).min();
        let (weight, why) = weightiest.unwrap_or((u8::MAX, "no reason is known".to_owned()));
        counts.entry((weight, why)).or_insert((version.decision, 0)).1 += 1;
    }
    let mut counted: Vec<(Decision, String, usize)> =
        counts.into_iter().map(|((_, why), (decision, count))| (decision, why, count)).collect();
    counted.sort_by_key(|(decision, ..)| *decision == Decision::Delete);
    counted
}

/// Returns how much a reason weighs, the least first, and what versions with it have in common.
fn weight(reason: &VersionReason) -> (u8, String) {
    let (weight, why) = match reason {
        VersionReason::Tagged => (1, "a tag that is kept".to_owned()),
        VersionReason::ProtectedDigest => (2, "`protect` names the digest".to_owned()),
        VersionReason::ReferencedDigest { .. } => (3, "a file names the digest".to_owned()),
        VersionReason::Newest { at_least, .. } => {
            let images = match at_least {
                1 => "the newest image".to_owned(),
                _ => format!("among the {at_least} newest images"),
            };
            (4, format!("{images} (`keep-at-least`)"))
        }
        VersionReason::ChildOf { .. } => (5, "part of an index that is kept".to_owned()),
        VersionReason::ReferrerOf { .. } => (6, "signature, attestation or other referrer of what is kept".to_owned()),
        VersionReason::UntaggedYoung { keep_seconds, .. } => {
            (7, format!("untagged, at most {} old (`untagged`)", duration(*keep_seconds)))
        }
        VersionReason::UntaggedForever => (8, "untagged, and the policy has no `untagged`".to_owned()),
        VersionReason::UnknownMediaType { .. } => (9, "a kind of manifest that this version does not know".to_owned()),
        VersionReason::Orphaned { .. } => (10, "refers to something that is not in this package".to_owned()),
        VersionReason::Undeletable { .. } => (11, "GitHub refuses to delete it".to_owned()),
        VersionReason::LastTagged => (12, "the last tagged version, which GitHub refuses to delete".to_owned()),
        VersionReason::Unreadable { .. } => (13, "its manifest cannot be read".to_owned()),
        VersionReason::NotLookedAt => (14, "not looked at".to_owned()),
        VersionReason::Placeholder => (20, "placeholder that a clean-up left".to_owned()),
        VersionReason::TagsExpired => (21, "all of its tags expired".to_owned()),
        VersionReason::SubjectDeleted { .. } => {
            (22, "signature, attestation or other referrer of what goes".to_owned())
        }
        VersionReason::SubjectGone { .. } => (23, "refers to a version that was deleted before".to_owned()),
        VersionReason::UntaggedOld { keep_seconds, .. } => {
            (24, format!("untagged, over {} old (`untagged`)", duration(*keep_seconds)))
        }
    };
    (weight, why)
}
