//! Commit ids of the source repository.

use std::{fmt, str::FromStr};

use super::untrusted::shown;

/// A commit id: 40 lower-case hex digits, or fewer (at least 7) where only an abbreviation is known.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CommitId(String);

/// Text that is no commit id.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is no commit id: expected 7 to 40 hex digits")]
pub struct CommitIdError {
    text: String,
}

impl CommitId {
    /// The length of a commit id that is not abbreviated, in hex digits.
    pub const FULL_LENGTH: usize = 40;

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns at most the first `length` digits.
    #[must_use]
    pub fn abbreviated(&self, length: usize) -> &str {
        &self.0[..length.min(self.0.len())]
    }

    /// Tells whether all 40 digits are known.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.0.len() == Self::FULL_LENGTH
    }

    /// Tells whether two ids name the same commit, as far as the shorter one can tell.
    #[must_use]
    pub fn same_commit(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0) || other.0.starts_with(&self.0)
    }
}

impl FromStr for CommitId {
    type Err = CommitIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if (7..=Self::FULL_LENGTH).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(CommitIdError { text: shown(text) })
        }
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
