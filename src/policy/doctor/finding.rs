//! What a look at something can come to.

use super::Refusal;
use crate::model::{ImageName, OwnerKind, RateLimit, RepositoryName, Right, TokenKind, Trap};

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The token.
    Token,
    /// The event of the run.
    Event,
    /// What the job may do by its workflow.
    Permissions,
    /// The requests that are left.
    Budget,
    /// The clock.
    Clock,
    /// The source repository.
    Repository,
    /// The host of an image.
    Host,
    /// The owner of a package.
    Owner,
    /// The package.
    Package,
    /// The repository that it is linked to.
    Link,
    /// The role that pushes and deletes.
    Role,
    /// Who may pull it.
    Visibility,
    /// Pulling from the registry.
    Pull,
    /// Bringing deleted versions back.
    Restore,
}

impl Check {
    /// Returns its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Event => "event",
            Self::Permissions => "permissions",
            Self::Budget => "budget",
            Self::Clock => "clock",
            Self::Repository => "repository",
            Self::Host => "host",
            Self::Owner => "owner",
            Self::Package => "package",
            Self::Link => "link",
            Self::Role => "role",
            Self::Visibility => "visibility",
            Self::Pull => "pull",
            Self::Restore => "restore",
        }
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Nothing stands in the way.
    Ok,
    /// No read can tell.
    Unknown,
    /// Something may fail, or only some runs do.
    Warning,
    /// What the policy asks for will fail.
    Problem,
}

impl State {
    /// Returns its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

/// What is in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fine {
    /// The token is known, and far enough as can be told.
    Token {
        /// Its kind.
        kind: TokenKind,
        /// Whose it is.
        login: Option<String>,
        /// Its scopes that are about packages.
        scopes: Vec<String>,
    },
    /// The workflow grants what it takes.
    Granted {
        /// That.
        permission: &'static str,
    },
    /// The requests left pay for the listing and this many deletions.
    Budget {
        /// Where the token stands.
        limit: RateLimit,
        /// Requests that listing takes.
        listing: u64,
    },
    /// The server has no limits.
    NoLimits,
    /// The clocks agree.
    Clock,
    /// The repository can be read.
    Repository,
    /// The image is in a registry that is not GitHub's.
    ElsewhereHost,
    /// What kind of account owns the package.
    Owner {
        /// That.
        kind: OwnerKind,
    },
    /// The package is there.
    Package {
        /// How many versions it has.
        versions: Option<u64>,
    },
    /// It is not there, and the first push makes it.
    WillBeMade,
    /// It is linked to the repository of the run.
    Linked {
        /// That.
        repository: RepositoryName,
    },
    /// Links do not matter to a token of this kind.
    LinkedAnywhere {
        /// The repository that it is linked to.
        repository: Option<RepositoryName>,
    },
    /// The token is its owner's own.
    OwnersToken,
    /// Who may pull it.
    Visibility {
        /// The API's word.
        visibility: String,
    },
    /// It can be pulled.
    Pull,
    /// Deleted versions can be listed.
    Restore,
}

/// What no read can tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Open {
    /// Which role the job's repository has on the package.
    JobsRole {
        /// What is wanted.
        right: Right,
    },
    /// Which role the token's owner has on the package.
    OwnersRole {
        /// What is wanted.
        right: Right,
    },
    /// Which permissions the job has.
    Permissions {
        /// What is wanted.
        right: Right,
    },
    /// What the API would say, since it was not asked.
    NotAsked,
}

/// Why a finding is what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// All is well.
    Fine(Fine),
    /// It cannot be told.
    Open(Open),
    /// A trap.
    Trap(Trap),
    /// A refusal that is none of them.
    Refused {
        /// What was said.
        said: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The image that it is about; `None` for the run.
    pub image: Option<ImageName>,
    /// What was looked at.
    pub check: Check,
    /// How bad it is.
    pub state: State,
    /// Why.
    pub reason: Reason,
}

impl Finding {
    pub(super) fn of(check: Check, state: State, reason: Reason) -> Self {
        Self { image: None, check, state, reason }
    }

    pub(super) fn fine(check: Check, fine: Fine) -> Self {
        Self::of(check, State::Ok, Reason::Fine(fine))
    }

    pub(super) fn open(check: Check, open: Open) -> Self {
        Self::of(check, State::Unknown, Reason::Open(open))
    }

    pub(super) fn trap(check: Check, state: State, trap: Trap) -> Self {
        Self::of(check, state, Reason::Trap(trap))
    }

    pub(super) fn refused(check: Check, state: State, refusal: &Refusal) -> Self {
        match refusal {
            Refusal::Trap(trap) => Self::trap(check, state, trap.clone()),
            Refusal::Other { said, hint } => {
                Self::of(check, state, Reason::Refused { said: said.clone(), hint: hint.clone() })
            }
        }
    }
}
