//! What became of a clean-up's steps.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    model::{Digest, Tag, VersionId},
    policy::cleanup::{CleanupPlan, Step},
};

pub use crate::ports::Refused;

/// What became of a plan's steps in one package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// What became of each version that was to be deleted.
    pub deletions: BTreeMap<VersionId, Outcome>,
    /// What became of each tag that was to be taken away from a version that stays.
    pub untagging: BTreeMap<Tag, Outcome>,
    /// The children of kept images that were gone in the end, and what became of restoring them.
    pub restored: BTreeMap<VersionId, Restored>,
    /// Kept images of which something is gone that was there before and that this run cannot bring back.
    pub broken: BTreeMap<Digest, BTreeSet<Digest>>,
    /// What stands in the way of the check at the end, if it could not be made.
    pub unchecked: Option<String>,
    /// Why the run went no further.
    pub end: End,
}

/// What became of one thing that was to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// Somebody else had done it.
    AlreadyGone,
    /// GitHub refuses it.
    Refused {
        /// Why.
        why: Refused,
        /// What it said, bounded and without control characters.
        said: String,
    },
    /// It failed.
    Failed {
        /// What was answered, bounded and without control characters.
        problem: String,
    },
    /// It was left, since something changed after the plan was made: what was pushed, tagged or reopened protects itself and
    /// what it reaches.
    Protected,
    /// It is in the fresh plan, and not in the plan file.
    NotInBoth,
    /// The run ended before.
    Remaining,
}

/// A version that a kept image needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// Its digest.
    pub digest: Digest,
    /// The image that needs it.
    pub needed_by: Digest,
    /// Why it is not back, if it is not.
    pub problem: Option<String>,
}

/// Why the work on a package ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// All was tried.
    Finished,
    /// The time that the run may take is over.
    TimeBudget,
    /// A limit of requests is spent: the run's own, or GitHub's.
    Limit {
        /// What is spent, and when it is there again.
        problem: String,
    },
    /// A signal came.
    Interrupted {
        /// Which.
        signal: &'static str,
    },
    /// It could not go on: the journal cannot be written, the token is revoked, a newer look failed.
    Failed {
        /// Why, bounded and without control characters.
        problem: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl End {
    /// Tells whether the next run simply goes on.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        match self {
            Self::Finished | Self::TimeBudget | Self::Limit { .. } | Self::Interrupted { .. } => true,
            Self::Failed { .. } => false,
        }
    }
}

impl Applied {
    /// Starts with everything that a plan contains; `steps` are those that may be carried out.
    #[must_use]
    pub fn begin(plan: &CleanupPlan, steps: &[Step]) -> Self {
        let allowed: BTreeSet<VersionId> = steps.iter().filter_map(Step::deleted).collect();
        let tags: BTreeSet<&Tag> = steps.iter().flat_map(Step::untagged).collect();
        let outcome = |is_allowed: bool| if is_allowed { Outcome::Remaining } else { Outcome::NotInBoth };
        Self {
            deletions: plan.deleted().map(|version| (version.id, outcome(allowed.contains(&version.id)))).collect(),
            untagging: plan.untag.iter().map(|untag| (untag.tag.clone(), outcome(tags.contains(&untag.tag)))).collect(),
            restored: BTreeMap::new(),
            broken: BTreeMap::new(),
            unchecked: None,
            end: End::Finished,
        }
    }

    /// Returns everything that was to be done, as it came out.
    fn outcomes(&self) -> impl Iterator<Item = &Outcome> {
        self.deletions.values().chain(self.untagging.values())
    }

    /// Counts the steps (versions and tags) that the run did not come to.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.outcomes().filter(|outcome| **outcome == Outcome::Remaining).count()
    }

    /// Counts what failed: steps, and what a kept image lost and could not be given back.
    #[must_use]
    pub fn failed(&self) -> usize {
        let steps = self.outcomes().filter(|outcome| matches!(outcome, Outcome::Failed { .. })).count();
        steps + self.restored.values().filter(|restored| restored.problem.is_some()).count() + self.broken.len()
    }

    /// Returns the versions that are gone by this run's doing.
    pub fn deleted(&self) -> impl Iterator<Item = VersionId> {
        self.deletions.iter().filter(|(_, outcome)| **outcome == Outcome::Done).map(|(id, _)| *id)
    }

    /// Returns the tags that this run took away from versions that stay.
    pub fn untagged(&self) -> impl Iterator<Item = &Tag> {
        self.untagging.iter().filter(|(_, outcome)| **outcome == Outcome::Done).map(|(tag, _)| tag)
    }
}
