//! What can be said of two commits, of a name, or of the checkout, in the source repository.

use chrono::{DateTime, FixedOffset};

use super::CommitId;

/// How our commit stands to the one that a rolling tag's image was built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ancestry {
    /// The same commit.
    Same,
    /// Ours comes after it.
    Descendant,
    /// Ours comes before it.
    Ancestor,
    /// Neither comes before the other.
    Diverged,
    /// It cannot be told.
    Unknown,
}

/// What a bare name of `workflow_run` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// A git tag that peels to the run's commit.
    Tag,
    /// A branch whose head is the run's commit.
    Branch,
    /// Neither (any more).
    Neither,
}

/// What is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitHead {
    /// The full ref: `HEAD`'s branch, or the one that names a detached `HEAD` best.
    pub git_ref: String,
    /// The same as docker/metadata-action reads it. It differs where a detached `HEAD` has several names, and is no valid
    /// ref then.
    pub literal_ref: String,
    /// The commit.
    pub sha: CommitId,
    /// When it was committed.
    pub committed: DateTime<FixedOffset>,
}
