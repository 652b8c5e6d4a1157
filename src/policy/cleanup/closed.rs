//! A closed pull request: its tags are taken away where `keep` lets them expire. No manifest is read, so nothing else is
//! decided; the weekly run deletes what became unreachable.

use std::collections::BTreeSet;

use super::{CleanupPlan, Decision, Findings, Freed, PlannedUntag, PlannedVersion, Step, VersionReason};
use crate::{
    model::{Inventory, Tag},
    policy::{
        graph::Graph,
        inversion::Inversion,
        retention::{Fact, Life, Retention, TagDecision, TagVerdict, decide},
        rules::{Condition, Policy, TagRule},
    },
};

/// Returns the pull request's tags in a plan for its closing, each with its version.
#[must_use]
pub fn tags_of_pull_request<'a>(
    plan: &'a CleanupPlan,
    policy: &Policy,
    number: u64,
) -> Vec<(&'a PlannedVersion, &'a TagDecision)> {
    let own = PullRequestTags::of(policy, number);
    let tags = plan.versions.iter().flat_map(|version| version.tags.iter().map(move |tag| (version, tag)));
    tags.filter(|(_, decision)| own.contain(&decision.tag)).collect()
}

/// The tags of one pull request, told by their names.
#[derive(Debug)]
pub struct PullRequestTags {
    inversions: Vec<Inversion>,
    number: u64,
}

impl PullRequestTags {
    /// Prepares the rows of a policy.
    #[must_use]
    pub fn of(policy: &Policy, number: u64) -> Self {
        let is_on = |rule: &&TagRule| {
            rule.matcher.is_some() || rule.on.iter().any(|entry| entry.condition == Condition::PullRequest)
        };
        Self { inversions: policy.rules.iter().filter(is_on).map(Inversion::of).collect(), number }
    }

    /// Tells whether a tag is the pull request's: what any row that pull requests fit, or a `match`, reads its number in.
    #[must_use]
    pub fn contain(&self, tag: &Tag) -> bool {
        let mut readings = self.inversions.iter().flat_map(|inversion| inversion.readings(tag));
        readings.any(|reading| reading.values.number == Some(self.number))
    }
}

/// Tells whether what becomes of a pull request's tags depends on no other version of the package.
#[must_use]
pub fn is_settled_alone(policy: &Policy) -> bool {
    policy.keep_at_least == 0 && policy.rules.iter().all(|rule| rule.keep.last.is_none())
}

/// Plans what a pull request's closing takes away.
pub fn plan_closed_pull_request(inventory: &Inventory, policy: &Policy, number: u64) -> CleanupPlan {
    let graph = Graph::of(inventory);
    let Retention { tags, newest, ages, mut questions } = decide(inventory, policy, &graph);
    let own_tags = PullRequestTags::of(policy, number);
    let is_its_tag = |tag: &Tag| own_tags.contain(tag);
    // `references` were not read for this; a file may name any tag.
    let may_untag = policy.references.is_none() || inventory.references.known().is_some();
    // What other tags wait for is the weekly run's to ask.
    let own = tags.iter().flatten().filter(|decision| is_its_tag(&decision.tag));
    let reasons = own.flat_map(|decision| &decision.rows).flat_map(|row| &row.reasons);
    let mut facts: BTreeSet<Fact> = BTreeSet::new();
    for life in reasons {
        if let Life::Unknown { fact, problem: None } = life {
            facts.insert(*fact);
        }
    }
    questions.retain(|question| question.fact().is_some_and(|fact| facts.contains(&fact)));
    let mut untag = Vec::new();
    let mut stays_tagged = false;
    for (node, version) in graph.versions.iter().enumerate() {
        for decision in &tags[node] {
            let goes = may_untag
                && decision.verdict == TagVerdict::Expire
                && !newest.contains_key(&node)
                && is_its_tag(&decision.tag);
            if goes {
                untag.push(PlannedUntag { tag: decision.tag.clone(), digest: version.digest.clone(), id: version.id });
            } else {
                stays_tagged = true;
            }
        }
    }
    let tags_stay = !stays_tagged && !untag.is_empty();
    if tags_stay {
        untag.clear();
    }
    untag.sort_unstable_by(|a, b| (&a.tag, a.id).cmp(&(&b.tag, b.id)));
    let moved: BTreeSet<Tag> = untag.iter().map(|untag| untag.tag.clone()).collect();
    let steps = if moved.is_empty() { Vec::new() } else { vec![Step::Untag(moved.into_iter().collect())] };
    let each = graph.versions.iter().zip(tags).zip(&ages).enumerate();
    let versions = each.map(|(node, ((version, tags), since))| PlannedVersion {
        id: version.id,
        digest: version.digest.clone(),
        decision: Decision::Keep,
        tags,
        reasons: match newest.get(&node) {
            Some(&place) => vec![VersionReason::Newest { place, at_least: policy.keep_at_least }],
            None => vec![VersionReason::NotLookedAt],
        },
        after: Vec::new(),
        reached: None,
        since: *since,
        is_placeholder: version.is_placeholder(),
        frees: 0,
    });
    CleanupPlan {
        image: inventory.image.clone(),
        taken_at: inventory.taken_at,
        versions: versions.collect(),
        untag,
        steps,
        tags_stay,
        findings: Findings::default(),
        freed: Freed { bytes: 0, is_exact: true },
        questions,
    }
}
