//! What a clean-up frees and what it costs.

use std::collections::HashMap;

use super::{CleanupPlan, Step};
use crate::{
    model::Digest,
    policy::graph::{Graph, Node},
};

/// What deleting frees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    /// The blobs that only deleted versions hold, in bytes.
    pub bytes: u64,
    /// Whether the manifests of all versions that stay are known, so that it is not less.
    pub is_exact: bool,
}

/// Sums up the blobs that only deleted versions hold, and what each version frees that is the last of them to go; `order` is
/// that of the deletions.
pub(super) fn freed(graph: &Graph<'_>, deleted: &[bool], order: &[Node]) -> (Freed, Vec<u64>) {
    let mut held: HashMap<&Digest, (u64, Node)> = HashMap::new();
    let blobs = |node: Node| graph.versions[node].read().map(|manifest| manifest.blobs.as_slice());
    for &node in order {
        for blob in blobs(node).unwrap_or_default() {
            held.insert(&blob.digest, (blob.size, node));
        }
    }
    let mut is_exact = true;
    if !held.is_empty() {
        for node in (0..deleted.len()).filter(|&node| !deleted[node]) {
            match blobs(node) {
                Some(blobs) => {
                    for blob in blobs {
                        held.remove(&blob.digest);
                    }
                }
                None => is_exact = false,
            }
        }
    }
    let (mut bytes, mut each) = (0_u64, vec![0_u64; deleted.len()]);
    for (size, node) in held.into_values() {
        bytes = bytes.saturating_add(size);
        each[node] = each[node].saturating_add(size);
    }
    (Freed { bytes, is_exact }, each)
}

/// The requests of a clean-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Pages of the version list, read once.
    pub pages: usize,
    /// DELETEs of the Packages API, the placeholder's included.
    pub deletes: usize,
    /// Manifests put in the registry to move tags, the placeholder's own included.
    pub registry_writes: usize,
}

impl Cost {
    /// Points of GitHub's secondary limit that a DELETE counts; a read counts 1.
    const DELETE_POINTS: usize = 5;

    /// Returns the cost of carrying out a plan.
    #[must_use]
    pub fn of(plan: &CleanupPlan) -> Self {
        let mut cost = Self { pages: plan.versions.len().div_ceil(100).max(1), ..Self::default() };
        for step in &plan.steps {
            cost.deletes += 1;
            if let Step::Untag(tags) = step {
                cost.registry_writes += tags.len();
            }
        }
        cost
    }

    /// Returns the requests that count against the hourly limit.
    #[must_use]
    pub const fn requests(&self) -> usize {
        self.pages + self.deletes
    }

    /// Returns how many seconds the limits make it take at least, at this many points a minute; 0 is no limit.
    #[must_use]
    pub const fn seconds(&self, points_a_minute: usize) -> usize {
        if points_a_minute == 0 {
            return 0;
        }
        ((self.pages + self.deletes * Self::DELETE_POINTS) * 60).div_ceil(points_a_minute)
    }
}
