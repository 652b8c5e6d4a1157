//! What is decided about a tag, with every reason.

use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::{
    model::Tag,
    policy::{age::AgeSource, inversion::Role},
};

/// The decision about one tag of one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagDecision {
    /// The tag.
    pub tag: Tag,
    /// What becomes of it.
    pub verdict: TagVerdict,
    /// What each row says that explains it, in the order of the rows.
    pub rows: Vec<RowVerdict>,
    /// What keeps it beside the rows.
    pub others: Vec<TagReason>,
}

/// What becomes of a tag, as far as the tag itself is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagVerdict {
    /// It is kept, and its version with it.
    Keep,
    /// Nothing keeps it.
    Expire,
    /// It names the version's subject, and lives as long.
    Referrer,
    /// It is on a placeholder and counts as absent.
    Absent,
}

/// What one row says of a tag in one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowVerdict {
    /// The row's number.
    pub row: usize,
    /// What the tag is to the row.
    pub role: Role,
    /// Whether the row keeps it.
    pub keeps: bool,
    /// What holds, if it keeps the tag; else everything that does not.
    pub reasons: Vec<Life>,
}

/// One thing that a tag's life depends on in a row, and how it came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Life {
    /// The row keeps for good.
    Forever,
    /// It is a pointer.
    Rolling,
    /// A pointer of the row points at its version.
    PointedAt {
        /// The pointer.
        rolling: Tag,
    },
    /// Its version carries a kept `tag` of the row.
    Carried {
        /// That tag.
        by: Tag,
    },
    /// Its version carries `tag`s of the row, and none is kept.
    NotCarried,
    /// It is not older than the row keeps.
    Young(Span),
    /// It is older than the row keeps.
    Old(Span),
    /// It is of the newest images of the row.
    AmongLast(Place),
    /// It is not of the newest images of the row.
    NotAmongLast(Place),
    /// Its pull request is open.
    Open {
        /// The number.
        number: u64,
    },
    /// Its pull request is closed.
    Closed {
        /// The number.
        number: u64,
    },
    /// The tag can be read in several ways, and none of them names an open pull request.
    NoneOpen,
    /// Its branch exists.
    BranchExists {
        /// The branch, as the tag spells it.
        branch: String,
    },
    /// Its branch is gone.
    BranchGone {
        /// The branch, as the tag spells it.
        branch: String,
    },
    /// What decides is not known, which keeps.
    Unknown {
        /// What is not known.
        fact: Fact,
        /// Why; `None` where nobody asked.
        problem: Option<String>,
    },
    /// The tag does not show what decides, or not without doubt, which keeps.
    Illegible {
        /// What it should show.
        fact: Fact,
    },
}

/// An age beside the life that a row gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// When the age began.
    #[serde(serialize_with = "time")]
    pub since: DateTime<Utc>,
    /// What says so.
    pub from: AgeSource,
    /// How long the row keeps, in seconds.
    pub keep_seconds: u64,
}

/// A place among the newest images of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The place, from 1.
    pub place: usize,
    /// How many are kept.
    pub last: u32,
}

/// Something that the source repository knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// The commits of a branch.
    Commits,
    /// The releases.
    Releases,
    /// The git tags.
    GitTags,
    /// The open pull requests.
    PullRequests,
    /// The branches.
    Branches,
}

impl Fact {
    /// Returns the permission that a job needs to ask for this.
    #[must_use]
    pub const fn permission(self) -> &'static str {
        match self {
            Self::Commits | Self::Releases | Self::GitTags | Self::Branches => "contents: read",
            Self::PullRequests => "pull-requests: read",
        }
    }
}

/// What keeps a tag beside the rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum TagReason {
    /// No row explains it.
    Unexplained,
    /// `protect` names it.
    Protected {
        /// The pattern.
        pattern: String,
    },
    /// A file refers to it.
    Referenced {
        /// Where.
        place: String,
    },
    /// A file refers to a tag that cannot be resolved and that it could be.
    MayBeReferenced {
        /// Where.
        place: String,
        /// What the tag looks like.
        pattern: String,
    },
    /// The package's version list shows it on two versions at once, so that it is moving right now.
    OnTwoVersions,
    /// It is on a placeholder and counts as absent.
    OnPlaceholder,
    /// It names the version's subject, and lives as long.
    NamesSubject,
}

impl TagDecision {
    /// Tells whether the tag keeps its version.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.verdict == TagVerdict::Keep
    }

    /// Returns the rows that decided: those that keep, or all if none does.
    pub fn deciding(&self) -> impl Iterator<Item = &RowVerdict> {
        let keeps = self.keeps();
        self.rows.iter().filter(move |row| row.keeps == keeps)
    }
}

/// Writes a time as RFC 3339 in whole seconds.
pub(crate) fn time<S: serde::Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}
