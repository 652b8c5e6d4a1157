//! The plan of a clean-up: what is kept, what is deleted, why, and in which order. Nothing is left to decide while applying.

mod closed;
mod cost;
mod document;
mod explain;
mod limit;
mod order;
mod roots;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::{
    closed::{PullRequestTags, is_settled_alone, plan_closed_pull_request, tags_of_pull_request},
    cost::{Cost, Freed},
    document::{FORMAT, SavedPackage, SavedPlan, SavedPlanError, SavedUntag, SavedVersion, write_plans},
    explain::{Explanation, explain},
    limit::{MaxDeletions, TooManyDeletions},
    order::without,
    roots::VersionReason,
};
use super::{
    graph::{Graph, Node, Reached},
    retention::{Question, Retention, TagDecision, TagVerdict, decide},
    rules::Policy,
};
use crate::model::{
    Asked, Digest, ImageName, Inventory, Tag, VersionId,
    inventory::{ManifestFacts, Refusal},
};

/// What a clean-up does to one package.
#[must_use = "a plan changes nothing by itself"]
#[derive(Clone, Debug)]
pub struct CleanupPlan {
    /// The package.
    pub image: ImageName,
    /// When its facts were taken.
    pub taken_at: DateTime<Utc>,
    /// Every version with its decision, lowest id first.
    pub versions: Vec<PlannedVersion>,
    /// The expired tags of kept versions that are taken away, in order.
    pub untag: Vec<PlannedUntag>,
    /// What is done, in this order.
    pub steps: Vec<Step>,
    /// Whether expired tags stay because no other tagged version would remain.
    pub tags_stay: bool,
    /// What a maintainer should know beside the decisions.
    pub findings: Findings,
    /// What deleting frees.
    pub freed: Freed,
    /// What must be asked for before all tags can be judged; what depends on it is kept until then.
    pub questions: BTreeSet<Question>,
}

/// A version and what becomes of it.
#[derive(Clone, Debug)]
pub struct PlannedVersion {
    /// Its number.
    pub id: VersionId,
    /// Its digest.
    pub digest: Digest,
    /// What becomes of it.
    pub decision: Decision,
    /// The decisions on its tags, in order.
    pub tags: Vec<TagDecision>,
    /// The reasons beside its tags.
    pub reasons: Vec<VersionReason>,
    /// If it is deleted: the versions that must be gone before, since they list it or it refers to them.
    pub after: Vec<VersionId>,
    /// The kept version through which it is reached, if it is not kept for its own sake.
    pub reached: Option<VersionId>,
    /// When its youngest tag began, or the version itself.
    pub since: DateTime<Utc>,
    /// Whether a clean-up made it to take tags away.
    pub is_placeholder: bool,
    /// If it is deleted: the blobs of which it is the last holder to go, in bytes. All together are what the plan frees.
    pub frees: u64,
}

/// What becomes of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It stays.
    Keep,
    /// It goes.
    Delete,
}

/// An expired tag of a kept version.
#[derive(Clone, Debug)]
pub struct PlannedUntag {
    /// The tag.
    pub tag: Tag,
    /// The digest that it is on.
    pub digest: Digest,
    /// That version's number.
    pub id: VersionId,
}

/// One thing that is done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// Deletes a version with all its tags.
    Delete(VersionId),
    /// Moves tags onto one placeholder and deletes that.
    Untag(Vec<Tag>),
}

impl Step {
    /// Returns the version that it deletes.
    #[must_use]
    pub const fn deleted(&self) -> Option<VersionId> {
        match self {
            Self::Delete(id) => Some(*id),
            Self::Untag(_) => None,
        }
    }

    /// Returns the tags that it takes away.
    #[must_use]
    pub fn untagged(&self) -> &[Tag] {
        match self {
            Self::Delete(_) => &[],
            Self::Untag(tags) => tags,
        }
    }
}

/// What a maintainer should know beside the decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Kept referrers whose subject is no active version and not known to have been deleted.
    pub orphaned_referrers: Vec<VersionId>,
    /// Kept indexes that list manifests which are gone.
    pub partial_indexes: Vec<PartialIndex>,
    /// Versions that nothing keeps, and that stay because their manifests cannot be read.
    pub left_unreadable: Vec<VersionId>,
}

/// A kept index of which something is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialIndex {
    /// The index.
    pub id: VersionId,
    /// The digests that it lists and that are no active version.
    pub missing: BTreeSet<Digest>,
    /// Those among them that can be restored.
    pub restorable: BTreeSet<VersionId>,
    /// Whether nothing that it lists is left.
    pub is_ghost: bool,
}

/// Why nothing of a package may be deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// The manifest of a kept version cannot be read, so that any other version might be a part of it.
    #[error(
        "clean up {image}: the manifest of version {id} ({digest}), which is kept, cannot be read: {problem}; anything might be a part of it"
    )]
    Unreadable {
        /// The package.
        image: ImageName,
        /// The version with the lowest number of those.
        id: VersionId,
        /// Its digest.
        digest: Digest,
        /// What was answered.
        problem: String,
        /// All of them.
        all: Vec<(VersionId, Digest)>,
    },
    /// The policy's `references` cannot be read.
    #[error("clean up {image}: the files that `references` names cannot be read: {problem}")]
    References {
        /// The package.
        image: ImageName,
        /// What was answered.
        problem: String,
    },
}

impl Blocked {
    /// Returns what to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unreadable { all, .. } => {
                let digests: Vec<String> = all.iter().map(|(_, digest)| digest.to_string()).collect();
                format!("if it is known to be lost, say so in the policy: `unreadable: [{}]`", digests.join(", "))
            }
            Self::References { .. } => {
                "grant `contents: read` to the job, or name files and branches that exist".to_owned()
            }
        }
    }
}

/// Plans the clean-up of one package.
///
/// # Errors
/// If something that decides cannot be read, so that nothing of the package may be deleted.
pub fn plan_cleanup(inventory: &Inventory, policy: &Policy) -> Result<CleanupPlan, Blocked> {
    if policy.references.is_some() {
        let problem = match &inventory.references {
            Asked::Known(_) => None,
            Asked::NotAsked => Some("nobody asked".to_owned()),
            Asked::Unreadable { problem } => Some(problem.clone()),
        };
        if let Some(problem) = problem {
            return Err(Blocked::References { image: inventory.image.clone(), problem });
        }
    }
    let graph = Graph::of(inventory);
    let retention = decide(inventory, policy, &graph);
    let mut roots = roots::roots(inventory, policy, &graph, &retention);
    let mut marks = marks(inventory, policy, &graph, &roots)?;
    let mut untag = roots::untag(&graph, &retention, &marks, &roots);
    let is_expired_untag = |node: Node, tag: &Tag, untag: &BTreeMap<Node, BTreeSet<&Tag>>| {
        untag.get(&node).is_some_and(|tags| tags.contains(tag))
    };
    let stays_tagged = |untag: &BTreeMap<Node, BTreeSet<&Tag>>, marks: &[Option<Reached>]| {
        (0..graph.versions.len())
            .filter(|&node| marks[node].is_some() && !graph.versions[node].is_placeholder())
            .any(|node| graph.versions[node].tags.iter().any(|tag| !is_expired_untag(node, tag, untag)))
    };
    let mut tags_stay = false;
    if !stays_tagged(&untag, &marks) {
        // GitHub refuses to delete the last tagged version, and the placeholder would be that.
        tags_stay = !untag.is_empty();
        untag.clear();
        if !stays_tagged(&untag, &marks)
            && let Some(last) = roots::last_tagged(&graph, &retention)
        {
            roots[last].push(VersionReason::LastTagged);
            marks = self::marks(inventory, policy, &graph, &roots)?;
        }
    }
    Ok(Planner { inventory, policy, graph: &graph, retention, roots, marks, untag, tags_stay }.plan())
}

/// Marks what stays. An error if the manifest of a kept version cannot be read and that is not known to be so.
fn marks(
    inventory: &Inventory,
    policy: &Policy,
    graph: &Graph<'_>,
    roots: &[Vec<VersionReason>],
) -> Result<Vec<Option<Reached>>, Blocked> {
    let all = || 0..graph.versions.len();
    let of_roots = || all().filter(|&node| !roots[node].is_empty());
    let marks = graph.mark(of_roots());
    let unreadable = |node: &Node| match &graph.versions[*node].manifest {
        ManifestFacts::NotRead | ManifestFacts::Unreadable { .. } => true,
        ManifestFacts::UnknownMediaType { .. } | ManifestFacts::Read(_) => false,
    };
    let is_known = |node: &Node| policy.unreadable.contains(&graph.versions[*node].digest);
    let blocking: Vec<Node> =
        all().filter(|node| marks[*node].is_some() && unreadable(node) && !is_known(node)).collect();
    if let Some(&first) = blocking.first() {
        let version = graph.versions[first];
        let problem = match &version.manifest {
            ManifestFacts::Unreadable { problem } => problem.clone(),
            ManifestFacts::NotRead | ManifestFacts::UnknownMediaType { .. } | ManifestFacts::Read(_) => {
                "it was not asked for".to_owned()
            }
        };
        return Err(Blocked::Unreadable {
            image: inventory.image.clone(),
            id: version.id,
            digest: version.digest.clone(),
            problem,
            all: blocking.iter().map(|&node| (graph.versions[node].id, graph.versions[node].digest.clone())).collect(),
        });
    }
    // What cannot be read and nothing keeps is left where it is, and so is what refers to it.
    Ok(graph.mark(of_roots().chain(all().filter(|node| marks[*node].is_none() && unreadable(node)))))
}

struct Planner<'a> {
    inventory: &'a Inventory,
    policy: &'a Policy,
    graph: &'a Graph<'a>,
    retention: Retention,
    roots: Vec<Vec<VersionReason>>,
    marks: Vec<Option<Reached>>,
    untag: BTreeMap<Node, BTreeSet<&'a Tag>>,
    tags_stay: bool,
}

impl Planner<'_> {
    fn plan(self) -> CleanupPlan {
        let Self { inventory, policy, graph, retention, roots, marks, untag, tags_stay } = self;
        let Retention { tags, ages, mut questions, .. } = retention;
        let deleted: Vec<bool> = marks.iter().map(Option::is_none).collect();
        let findings = findings(inventory, graph, &roots, &deleted);
        if (!findings.orphaned_referrers.is_empty() || !findings.partial_indexes.is_empty())
            && inventory.deleted == Asked::NotAsked
        {
            questions.insert(Question::DeletedVersions);
        }
        let order = order::order(graph, &deleted);
        let (freed, frees) = cost::freed(graph, &deleted, &order);
        let mut steps: Vec<Step> = order.into_iter().map(|node| Step::Delete(graph.versions[node].id)).collect();
        let mut planned_untag: Vec<PlannedUntag> = untag
            .iter()
            .flat_map(|(&node, tags)| tags.iter().map(move |&tag| (node, tag)))
            .map(|(node, tag)| {
                let version = graph.versions[node];
                PlannedUntag { tag: tag.clone(), digest: version.digest.clone(), id: version.id }
            })
            .collect();
        planned_untag.sort_unstable_by(|a, b| (&a.tag, a.id).cmp(&(&b.tag, b.id)));
        if !planned_untag.is_empty() {
            steps.push(Step::Untag(planned_untag.iter().map(|untag| untag.tag.clone()).collect()));
        }
        let gone = roots::gone_digests(inventory);
        let each = tags.into_iter().zip(roots).enumerate();
        let versions = each
            .map(|(node, (tags, mut reasons))| {
                let version = graph.versions[node];
                let is_deleted = deleted[node];
                let ids = |nodes: &[Node]| nodes.iter().map(|&node| graph.versions[node].id).collect::<Vec<_>>();
                reasons.extend(match is_deleted {
                    true => roots::delete_reasons(graph, node, &gone, policy.untagged),
                    false => roots::reach_reasons(graph, node, &marks),
                });
                let after = match is_deleted {
                    true => {
                        let mut after = ids(&graph.parents[node]);
                        after.extend(ids(&graph.subjects[node]));
                        after.sort_unstable();
                        after.dedup();
                        after
                    }
                    false => Vec::new(),
                };
                let reached = match marks[node] {
                    Some(Reached::ChildOf(from) | Reached::ReferrerOf(from)) => Some(graph.versions[from].id),
                    Some(Reached::Root) | None => None,
                };
                PlannedVersion {
                    id: version.id,
                    digest: version.digest.clone(),
                    decision: if is_deleted { Decision::Delete } else { Decision::Keep },
                    tags,
                    reasons,
                    after,
                    reached,
                    since: ages[node],
                    is_placeholder: version.is_placeholder(),
                    frees: frees[node],
                }
            })
            .collect();
        CleanupPlan {
            image: inventory.image.clone(),
            taken_at: inventory.taken_at,
            versions,
            untag: planned_untag,
            steps,
            tags_stay,
            findings,
            freed,
            questions,
        }
    }
}

fn findings(inventory: &Inventory, graph: &Graph<'_>, roots: &[Vec<VersionReason>], deleted: &[bool]) -> Findings {
    let kept = || (0..graph.versions.len()).filter(|&node| !deleted[node]);
    let id = |node: Node| graph.versions[node].id;
    let is_orphan = |reason: &VersionReason| matches!(reason, VersionReason::Orphaned { .. });
    let restorable: BTreeMap<&Digest, VersionId> =
        inventory.deleted.known().into_iter().flatten().map(|version| (&version.digest, version.id)).collect();
    let partial = |node: Node| {
        let missing = graph.missing.get(&node)?;
        Some(PartialIndex {
            id: id(node),
            missing: missing.iter().map(|&digest| digest.clone()).collect(),
            restorable: missing.iter().filter_map(|digest| restorable.get(digest).copied()).collect(),
            is_ghost: graph.children[node].is_empty(),
        })
    };
    Findings {
        orphaned_referrers: kept().filter(|&node| roots[node].iter().any(is_orphan)).map(id).collect(),
        partial_indexes: kept().filter_map(partial).collect(),
        left_unreadable: kept()
            .filter(|&node| roots[node].is_empty() && roots::is_unreadable(graph, node))
            .map(id)
            .collect(),
    }
}

impl CleanupPlan {
    /// Returns the versions that are deleted, placeholders included.
    pub fn deleted(&self) -> impl Iterator<Item = &PlannedVersion> {
        self.versions.iter().filter(|version| version.decision == Decision::Delete)
    }

    /// Returns a version by its number.
    #[must_use]
    pub fn version(&self, id: VersionId) -> Option<&PlannedVersion> {
        let at = self.versions.binary_search_by_key(&id, |version| version.id).ok()?;
        Some(&self.versions[at])
    }

    /// Returns the decision about a tag that is taken away, for its reasons.
    #[must_use]
    pub fn decision_on(&self, untag: &PlannedUntag) -> Option<&TagDecision> {
        self.version(untag.id)?.tags.iter().find(|decision| decision.tag == untag.tag)
    }
}

impl PlannedVersion {
    /// Returns the tags that count: those of a placeholder are absent.
    pub fn counted_tags(&self) -> impl Iterator<Item = &TagDecision> {
        self.tags.iter().filter(|decision| decision.verdict != TagVerdict::Absent)
    }
}

/// Tells whether GitHub refused to delete a version before.
fn refusal(inventory: &Inventory, id: VersionId) -> Option<Refusal> {
    inventory.undeletable.get(&id).copied()
}
