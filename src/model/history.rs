//! What can be said of two commits, or of a name, in the source repository.

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
