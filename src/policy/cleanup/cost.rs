//! What a clean-up frees and what it costs.

use std::collections::HashMap;

use super::{CleanupPlan, Step};
use crate::{model::Digest, policy::graph::Graph};

/// What deleting frees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Freed {
    /// The blobs that only deleted versions hold, in bytes.
    pub bytes: u64,
    /// Whether the manifests of all versions that stay are known, so that it is not less.
    pub is_exact: bool,
}

/// Sums up the blobs that only deleted versions hold.
pub(super) fn freed(graph: &Graph<'_>, deleted: &[bool]) -> Freed {
    let mut held: HashMap<&Digest, u64> = HashMap::new();
    let of = |wanted: bool| graph.versions.iter().zip(deleted).filter(move |(_, deleted)| **deleted == wanted);
    for (version, _) in of(true) {
        for blob in version.read().map(|manifest| manifest.blobs.as_slice()).unwrap_or_default() {
            held.insert(&blob.digest, blob.size);
        }
    }
    let mut is_exact = true;
    if !held.is_empty() {
        for (version, _) in of(false) {
            match version.read() {
                Some(manifest) => {
                    for blob in &manifest.blobs {
                        held.remove(&blob.digest);
                    }
                }
                None => is_exact = false,
            }
        }
    }
    Freed { bytes: held.values().fold(0, |sum, size| sum.saturating_add(*size)), is_exact }
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
