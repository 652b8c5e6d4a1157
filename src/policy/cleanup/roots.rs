//! Why versions are kept for their own sake, and why the others go.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::refusal;
use crate::{
    model::{
        Digest, Inventory, Tag, VersionId,
        evidence::Referenced,
        inventory::{ManifestFacts, Refusal},
    },
    policy::{
        graph::{Graph, Imagehood, Node, Reached},
        retention::{Retention, TagVerdict, is_older, time},
        rules::{Policy, Protected},
    },
};

/// Why a version stays or goes, beside its tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum VersionReason {
    /// A kept tag keeps it; the tag's own reasons say why.
    Tagged,
    /// `protect` names its digest.
    ProtectedDigest,
    /// A file refers to its digest.
    ReferencedDigest {
        /// Where.
        place: String,
    },
    /// It is one of the newest images of the package.
    Newest {
        /// Its place, from 1.
        place: usize,
        /// How many are kept.
        at_least: u32,
    },
    /// No tag reaches it, and the policy gives such versions no end.
    UntaggedForever,
    /// No tag reaches it, and it is not older than such versions are kept.
    UntaggedYoung {
        /// When GHCR first saw it.
        #[serde(serialize_with = "time")]
        since: DateTime<Utc>,
        /// How long it is kept, in seconds.
        keep_seconds: u64,
    },
    /// Its manifest is of a kind that this program does not know.
    UnknownMediaType {
        /// The media type.
        media_type: String,
    },
    /// It refers to something that is no active version and not known to have been deleted.
    Orphaned {
        /// What it refers to.
        subject: Digest,
    },
    /// GitHub refuses to delete it.
    Undeletable {
        /// Why.
        refusal: Refusal,
    },
    /// It is the newest tagged version of those that would go, and GitHub refuses to delete the last one.
    LastTagged,
    /// A kept index lists it.
    ChildOf {
        /// The index's number.
        id: VersionId,
        /// Its digest.
        digest: Digest,
    },
    /// It refers to a kept version.
    ReferrerOf {
        /// That version's number.
        id: VersionId,
        /// Its digest.
        digest: Digest,
    },
    /// Nothing keeps it, but its manifest cannot be read.
    Unreadable {
        /// What was answered.
        problem: Option<String>,
    },
    /// Only the tags of a closed pull request were looked at.
    NotLookedAt,
    /// A clean-up left it behind.
    Placeholder,
    /// None of its tags is kept, and nothing kept reaches it.
    TagsExpired,
    /// No tag reaches it, and it is older than such versions are kept.
    UntaggedOld {
        /// When GHCR first saw it.
        #[serde(serialize_with = "time")]
        since: DateTime<Utc>,
        /// How long it was kept, in seconds.
        keep_seconds: u64,
    },
    /// It refers to a version that goes as well.
    SubjectDeleted {
        /// That version's digest.
        digest: Digest,
    },
    /// It refers to a version that was deleted before.
    SubjectGone {
        /// That version's digest.
        digest: Digest,
    },
}

/// Returns the reasons that each version is kept for its own sake; empty where there are none.
pub(super) fn roots(
    inventory: &Inventory,
    policy: &Policy,
    graph: &Graph<'_>,
    retention: &Retention,
) -> Vec<Vec<VersionReason>> {
    let gone = gone_digests(inventory);
    let mut referenced: BTreeMap<&Digest, BTreeSet<&str>> = BTreeMap::new();
    for reference in inventory.references.known().into_iter().flatten() {
        if let Referenced::Digest(digest) = &reference.names {
            referenced.entry(digest).or_default().insert(&reference.place);
        }
    }
    let protected: BTreeSet<&Digest> = policy
        .protect
        .iter()
        .filter_map(|protected| match protected {
            Protected::Digest(digest) => Some(digest),
            Protected::Tags(_) => None,
        })
        .collect();
    let of_version = |node: Node| {
        let version = graph.versions[node];
        let mut reasons = Vec::new();
        if retention.tags[node].iter().any(|decision| decision.keeps()) {
            reasons.push(VersionReason::Tagged);
        }
        if protected.contains(&version.digest) {
            reasons.push(VersionReason::ProtectedDigest);
        }
        for place in referenced.get(&version.digest).into_iter().flatten() {
            reasons.push(VersionReason::ReferencedDigest { place: (*place).to_owned() });
        }
        if let Some(&place) = retention.newest.get(&node) {
            reasons.push(VersionReason::Newest { place, at_least: policy.keep_at_least });
        }
        if version.tags.is_empty() && !version.is_placeholder() {
            reasons.extend(match policy.untagged {
                None => Some(VersionReason::UntaggedForever),
                Some(keep) if is_older(inventory.taken_at, version.created_at, keep) => None,
                Some(keep) => {
                    Some(VersionReason::UntaggedYoung { since: version.created_at, keep_seconds: keep.as_secs() })
                }
            });
        }
        if let ManifestFacts::UnknownMediaType { media_type } = &version.manifest {
            reasons.push(VersionReason::UnknownMediaType { media_type: media_type.clone() });
        }
        for subject in graph.absent_subjects.get(&node).into_iter().flatten() {
            if !gone.contains(subject) && !version.is_placeholder() {
                reasons.push(VersionReason::Orphaned { subject: subject.clone() });
            }
        }
        if let Some(refusal) = refusal(inventory, version.id) {
            reasons.push(VersionReason::Undeletable { refusal });
        }
        reasons
    };
    (0..graph.versions.len()).map(of_version).collect()
}

/// Returns the digests of the versions that are known to have been deleted.
pub(super) fn gone_digests(inventory: &Inventory) -> BTreeSet<&Digest> {
    inventory.deleted.known().into_iter().flatten().map(|version| &version.digest).collect()
}

/// Returns the expired tags of kept versions. Those of the newest images stay.
pub(super) fn untag<'a>(
    graph: &Graph<'a>,
    retention: &Retention,
    marks: &[Option<Reached>],
    roots: &[Vec<VersionReason>],
) -> BTreeMap<Node, BTreeSet<&'a Tag>> {
    let mut untag: BTreeMap<Node, BTreeSet<&Tag>> = BTreeMap::new();
    for (node, version) in graph.versions.iter().enumerate() {
        // What cannot be read and is kept by nothing is left as it is.
        let is_left = roots[node].is_empty() && is_unreadable(graph, node);
        if marks[node].is_none() || is_left || retention.newest.contains_key(&node) {
            continue;
        }
        for (tag, decision) in version.tags.iter().zip(&retention.tags[node]) {
            if decision.verdict == TagVerdict::Expire {
                untag.entry(node).or_default().insert(tag);
            }
        }
    }
    untag
}

/// Tells whether a version's manifest could not be read.
pub(super) fn is_unreadable(graph: &Graph<'_>, node: Node) -> bool {
    match graph.versions[node].manifest {
        ManifestFacts::NotRead | ManifestFacts::Unreadable { .. } => true,
        ManifestFacts::UnknownMediaType { .. } | ManifestFacts::Read(_) => false,
    }
}

/// Chooses the version that stays where all that are tagged would go: the newest image, else the newest of the others.
pub(super) fn last_tagged(graph: &Graph<'_>, retention: &Retention) -> Option<Node> {
    let tagged = (0..graph.versions.len()).filter(|&node| !graph.versions[node].tags.is_empty());
    tagged.max_by_key(|&node| {
        let version = graph.versions[node];
        let is_image = graph.imagehood(node) == Imagehood::Image;
        let is_subject = !graph.is_referrer(node) && !version.is_placeholder();
        (is_image, is_subject, !version.is_placeholder(), retention.ages[node], version.created_at, version.id)
    })
}

/// Returns through what a kept version is reached, and why one that nothing keeps is left.
pub(super) fn reach_reasons(graph: &Graph<'_>, node: Node, marks: &[Option<Reached>]) -> Vec<VersionReason> {
    let kept = |nodes: &[Node]| nodes.iter().copied().find(|&node| marks[node].is_some());
    let mut reasons = Vec::new();
    if let Some(parent) = kept(&graph.parents[node]) {
        let parent = graph.versions[parent];
        reasons.push(VersionReason::ChildOf { id: parent.id, digest: parent.digest.clone() });
    }
    if let Some(subject) = kept(&graph.subjects[node]) {
        let subject = graph.versions[subject];
        reasons.push(VersionReason::ReferrerOf { id: subject.id, digest: subject.digest.clone() });
    }
    // What it refers to is missing from a kept index.
    if let (true, Some(Reached::ReferrerOf(index))) = (reasons.is_empty(), marks[node]) {
        let index = graph.versions[index];
        reasons.push(VersionReason::ReferrerOf { id: index.id, digest: index.digest.clone() });
    }
    if is_unreadable(graph, node) {
        let problem = match &graph.versions[node].manifest {
            ManifestFacts::Unreadable { problem } => Some(problem.clone()),
            ManifestFacts::NotRead | ManifestFacts::UnknownMediaType { .. } | ManifestFacts::Read(_) => None,
        };
        reasons.push(VersionReason::Unreadable { problem });
    }
    reasons
}

/// Returns why a version goes, beside its tags.
pub(super) fn delete_reasons(
    graph: &Graph<'_>,
    node: Node,
    gone: &BTreeSet<&Digest>,
    untagged: Option<Duration>,
) -> Vec<VersionReason> {
    let version = graph.versions[node];
    if version.is_placeholder() {
        return vec![VersionReason::Placeholder];
    }
    let mut reasons = Vec::new();
    if version.tags.iter().any(|tag| !tag.is_referrers_tag()) {
        reasons.push(VersionReason::TagsExpired);
    }
    if let (true, Some(keep)) = (version.tags.is_empty(), untagged) {
        reasons.push(VersionReason::UntaggedOld { since: version.created_at, keep_seconds: keep.as_secs() });
    }
    for &subject in &graph.subjects[node] {
        reasons.push(VersionReason::SubjectDeleted { digest: graph.versions[subject].digest.clone() });
    }
    for subject in graph.absent_subjects.get(&node).into_iter().flatten() {
        if gone.contains(subject) {
            reasons.push(VersionReason::SubjectGone { digest: subject.clone() });
        }
    }
    reasons
}
