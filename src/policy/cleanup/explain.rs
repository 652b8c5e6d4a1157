//! Why one thing stays or goes, for `--explain`.

use super::{CleanupPlan, PlannedVersion};
use crate::{model::ManifestReference, policy::retention::TagDecision};

/// Why a tag or version stays or goes.
#[derive(Clone, Debug)]
pub struct Explanation<'a> {
    /// The version.
    pub version: &'a PlannedVersion,
    /// The decision about the tag, if a tag was asked about: every row that explains it, and which decided.
    pub tag: Option<&'a TagDecision>,
    /// Whether that tag is taken away from a version that stays.
    pub is_untagged: bool,
    /// How it is reached, if it is not kept for its own sake: from it to the version that is.
    pub chain: Vec<&'a PlannedVersion>,
}

/// Explains a tag or digest. Empty if the package has none such; more than one where a tag is moving right now.
#[must_use]
pub fn explain<'a>(plan: &'a CleanupPlan, what: &ManifestReference) -> Vec<Explanation<'a>> {
    let mut found = Vec::new();
    for version in &plan.versions {
        let tag = match what {
            ManifestReference::Digest(digest) if *digest == version.digest => None,
            ManifestReference::Digest(_) => continue,
            ManifestReference::Tag(tag) => match version.tags.iter().find(|decision| decision.tag == *tag) {
                Some(decision) => Some(decision),
                None => continue,
            },
        };
        let is_untagged =
            tag.is_some_and(|tag| plan.untag.iter().any(|untag| untag.tag == tag.tag && untag.id == version.id));
        let mut chain = Vec::new();
        let mut next = version.reached;
        while let Some(above) = next.and_then(|id| plan.version(id)) {
            chain.push(above);
            next = above.reached;
        }
        found.push(Explanation { version, tag, is_untagged, chain });
    }
    found
}
