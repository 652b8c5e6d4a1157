//! What lets somebody at a package and what keeps them from it: tokens, rights, and the traps with the page that each is left
//! by. The words of a trap are here and nowhere else, since a refused request and mode `doctor` must say the same.

mod pages;
mod trap;

use std::fmt;

use chrono::{DateTime, Utc};

pub use pages::Pages;
pub use trap::Trap;

use super::Secret;

/// What kind of account owns packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerKind {
    /// A user.
    User,
    /// An organisation.
    Organization,
}

/// Where the token stands in its hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Requests that an hour allows.
    pub limit: u64,
    /// Requests that are left.
    pub remaining: u64,
    /// When the next hour begins.
    pub reset: DateTime<Utc>,
}

/// What somebody wants to do with a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Read it.
    Read,
    /// Push to it.
    Write,
    /// Delete and restore its versions, and move its tags.
    Delete,
}

impl Right {
    /// Returns the scopes of a classic token that it takes, the smallest first.
    #[must_use]
    pub const fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Read => &["read:packages"],
            Self::Write => &["read:packages", "write:packages"],
            Self::Delete => &["read:packages", "write:packages", "delete:packages"],
        }
    }

    /// Returns those of its scopes that are not among `scopes`; writing packages includes reading them.
    #[must_use]
    pub fn missing_scopes<'s>(self, scopes: impl Iterator<Item = &'s str> + Clone) -> Vec<&'static str> {
        let has = |wanted: &str| scopes.clone().any(|scope| scope == wanted);
        let is_included = |scope: &str| has(scope) || (scope == "read:packages" && has("write:packages"));
        self.scopes().iter().copied().filter(|scope| !is_included(scope)).collect()
    }

    /// Returns the role on the package that it takes.
    #[must_use]
    pub const fn role(self) -> &'static str {
        match self {
            Self::Read => "Read",
            Self::Write => "Write",
            Self::Delete => "Admin",
        }
    }

    /// Returns what `permissions` of a job must say of `packages`.
    #[must_use]
    pub const fn permission(self) -> &'static str {
        match self {
            Self::Read => "packages: read",
            Self::Write | Self::Delete => "packages: write",
        }
    }

    /// Returns what is done, fit for "the token may not …".
    const fn verb(self) -> &'static str {
        match self {
            Self::Read => "read the package",
            Self::Write => "push to the package",
            Self::Delete => "delete versions of the package",
        }
    }
}

/// The kinds of tokens, as far as their beginning tells
/// (<https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/>).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// The token of a job, or of another installation of a GitHub App.
    Installation,
    /// A classic personal access token.
    Classic,
    /// A token of an OAuth app, such as `gh auth token` gives: with scopes, like a classic one.
    OAuth,
    /// A fine-grained personal access token.
    FineGrained,
    /// A GitHub App's token for a user.
    AppUser,
    /// No known beginning.
    Unknown,
}

impl TokenKind {
    /// Tells the kind of a token by its beginning. Nothing else of it is looked at: the rest has no promised form.
    #[must_use]
    pub fn of(token: &Secret) -> Self {
        let starts = |prefix: &str| token.expose().trim_start().starts_with(prefix);
        match () {
            () if starts("github_pat_") => Self::FineGrained,
            () if starts("ghs_") => Self::Installation,
            () if starts("ghp_") => Self::Classic,
            () if starts("gho_") => Self::OAuth,
            () if starts("ghu_") => Self::AppUser,
            () => Self::Unknown,
        }
    }

    /// Tells whether scopes say what it may do.
    #[must_use]
    pub const fn has_scopes(self) -> bool {
        matches!(self, Self::Classic | Self::OAuth | Self::Unknown)
    }

    /// Returns the trap of whoever was refused without a word on why.
    #[must_use]
    pub const fn denied(self, right: Right) -> Trap {
        match self {
            Self::Installation => Trap::JobAccess { right },
            Self::FineGrained => Trap::FineGrained { right },
            Self::AppUser => Trap::AppToken { right },
            Self::Classic | Self::OAuth | Self::Unknown => Trap::UserAccess { right },
        }
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Installation => "the token of a job or of a GitHub App",
            Self::Classic => "a classic personal access token",
            Self::OAuth => "a token of an OAuth app, as `gh auth token` gives it",
            Self::FineGrained => "a fine-grained personal access token",
            Self::AppUser => "a GitHub App's token for a user",
            Self::Unknown => "a token of a kind that its beginning does not tell",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_tells_the_kind() {
        let kind = |text: &str| TokenKind::of(&Secret::new(text).expect("a text"));
        assert_eq!(kind("ghs_12_eyJhbGciOi.x.y"), TokenKind::Installation);
        assert_eq!(kind(" ghp_1"), TokenKind::Classic);
        assert_eq!(kind("gho_1"), TokenKind::OAuth);
        assert_eq!(kind("github_pat_1"), TokenKind::FineGrained);
        assert_eq!(kind("ghu_1"), TokenKind::AppUser);
        assert_eq!(kind("0123456789abcdef0123456789abcdef01234567"), TokenKind::Unknown);
    }

    #[test]
    fn writing_includes_reading_and_nothing_else_is_included() {
        let missing = |right: Right, scopes: &[&str]| right.missing_scopes(scopes.iter().copied());
        assert_eq!(missing(Right::Delete, &["delete:packages", "write:packages"]), [""; 0]);
        assert_eq!(missing(Right::Delete, &["read:packages", "delete:packages"]), ["write:packages"]);
        assert_eq!(missing(Right::Write, &["repo", "delete:packages"]), ["read:packages", "write:packages"]);
    }
}
