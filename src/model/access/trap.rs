//! The traps between a token and a package: what is wrong, what to do, and where.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{Pages, Right, TokenKind};
use crate::model::RepositoryName;

/// Something that keeps a run from a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trap {
    /// There is no token.
    NoToken {
        /// Whether a workflow runs this.
        in_workflow: bool,
    },
    /// GitHub does not know the token.
    BadToken {
        /// What it looks like.
        kind: TokenKind,
    },
    /// Fine-grained tokens have no permission for packages.
    FineGrained {
        /// What was wanted.
        right: Right,
    },
    /// The token is a GitHub App's.
    AppToken {
        /// What was wanted.
        right: Right,
    },
    /// A classic token lacks scopes.
    NoScope {
        /// Whether `gh` gave it.
        kind: TokenKind,
        /// What was wanted.
        right: Right,
        /// Those that it lacks.
        missing: Vec<&'static str>,
    },
    /// An organisation wants the token authorised for its single sign-on.
    SingleSignOn,
    /// A job's token cannot list packages.
    CannotList,
    /// The workflow file does not grant the job what it takes.
    NoPermission {
        /// What was wanted.
        right: Right,
    },
    /// The workflow file says nothing of permissions.
    DefaultPermissions {
        /// What was wanted.
        right: Right,
    },
    /// A job's token was refused.
    JobAccess {
        /// What was wanted.
        right: Right,
    },
    /// A user's token was refused.
    UserAccess {
        /// What was wanted.
        right: Right,
    },
    /// The package is hidden or not there, which look alike.
    Unseen {
        /// Who looked.
        kind: TokenKind,
    },
    /// The owner in the image's name does not exist.
    NoOwner,
    /// The token may not look up accounts.
    NoAccounts,
    /// The package's owner is not that of the job's repository.
    ForeignOwner {
        /// The repository of the job.
        repository: RepositoryName,
    },
    /// The package belongs to another repository.
    LinkedElsewhere {
        /// That repository.
        repository: RepositoryName,
        /// What is wanted.
        right: Right,
    },
    /// The package belongs to no repository.
    Unlinked {
        /// What is wanted.
        right: Right,
    },
    /// A personal token is about to make the package.
    MadeByPerson,
    /// The organisation does not let workflows make packages.
    NoCreation,
    /// The run is a fork's pull request.
    ForkPullRequest,
    /// Dependabot started the run.
    Dependabot,
    /// The package is not public, and the policy wants it so.
    NotPublic {
        /// What it is.
        visibility: String,
    },
    /// The job may not read the repository.
    NoContents,
    /// The job may not list pull requests.
    NoPullRequests,
    /// No hour of the token is long enough.
    SmallHour {
        /// Requests that it takes at least.
        requests: u64,
        /// Requests that an hour has.
        limit: u64,
    },
    /// The rest of this hour is not long enough.
    SpentHour {
        /// Requests that it takes at least.
        requests: u64,
        /// Requests that are left.
        remaining: u64,
        /// When the next hour begins.
        reset: DateTime<Utc>,
    },
    /// This machine's clock is not GitHub's.
    WrongClock {
        /// By how many seconds it is ahead.
        ahead: i64,
    },
    /// The API does not answer.
    Unreachable,
    /// The image is at a host of GitHub's, and not at the one that the token is for.
    OtherHost {
        /// The host of the image.
        host: String,
        /// The host that the token is for.
        ghcr_host: String,
    },
}

/// What stands between backticks, one after the other.
fn listed(scopes: &[&str]) -> String {
    let quoted: Vec<String> = scopes.iter().map(|scope| format!("`{scope}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}

fn plural(many: usize, word: &str) -> String {
    format!("{word}{}", if many == 1 { "" } else { "s" })
}

impl Trap {
    /// Says what is wrong, in one sentence without its full stop.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self {
            Self::NoToken { .. } => "there is no token, and without one GitHub tells nothing of packages".to_owned(),
            Self::BadToken { .. } => "GitHub does not know the token: it is wrong, expired or revoked".to_owned(),
            Self::FineGrained { .. } => {
                "this is a fine-grained token, and those cannot be given any permission for packages".to_owned()
            }
            Self::AppToken { .. } => {
                "this is a GitHub App's token, and GitHub does not promise that those may read or delete packages"
                    .to_owned()
            }
            Self::NoScope { missing, .. } => {
                format!("the token lacks the {} {}", plural(missing.len(), "scope"), listed(missing))
            }
            Self::SingleSignOn => {
                "the organisation enforces single sign-on, and the token is not authorised for it".to_owned()
            }
            Self::CannotList => "the job's token cannot list packages".to_owned(),
            Self::NoPermission { right } => {
                format!("the workflow does not grant `{}` to this job", right.permission())
            }
            Self::DefaultPermissions { right } => format!(
                "the workflow names no `permissions`, so it is up to the settings whether the job has `{}`",
                right.permission()
            ),
            Self::JobAccess { right } => format!("the job's token may not {}", right.verb()),
            Self::UserAccess { right } => format!("the token's owner may not {}", right.verb()),
            Self::Unseen { .. } => {
                "the package is not there, or the token may not see it, which look alike".to_owned()
            }
            Self::NoOwner => "there is no user or organisation of that name".to_owned(),
            Self::NoAccounts => "the token may not look up accounts".to_owned(),
            Self::ForeignOwner { repository } => format!(
                "the job's token belongs to {repository}, so it cannot make a package of another owner"
            ),
            Self::LinkedElsewhere { repository, .. } => format!(
                "the package is linked to {repository}, and the token of another repository's job has only the role that \
                 its settings give"
            ),
            Self::Unlinked { .. } => {
                "the package is linked to no repository, and a job's token has only the role that its settings give"
                    .to_owned()
            }
            Self::MadeByPerson => {
                "the first push with a personal token makes a package that is private, linked to no repository, and closed \
                 to the tokens of jobs"
                    .to_owned()
            }
            Self::NoCreation => "the organisation does not let this workflow create packages".to_owned(),
            Self::ForkPullRequest => {
                "this run is a fork's pull request, whose token may only read, whatever `permissions` say".to_owned()
            }
            Self::Dependabot => {
                "Dependabot started this run: its token may only read unless `permissions` say more, and other secrets are \
                 not there"
                    .to_owned()
            }
            Self::NotPublic { visibility } => {
                format!("the policy says `visibility: public`, and the package is {visibility}")
            }
            Self::NoContents => {
                "the job may not read the repository: its branches, releases and the policy on them".to_owned()
            }
            Self::NoPullRequests => {
                "the job may not list pull requests, which `keep: while open` asks for".to_owned()
            }
            Self::SmallHour { requests, limit } => format!(
                "a clean-up takes at least {requests} requests, and the token may make {limit} an hour"
            ),
            Self::SpentHour { requests, remaining, .. } => format!(
                "a clean-up takes at least {requests} requests, and the token has {remaining} left in this hour"
            ),
            Self::WrongClock { ahead } => {
                let direction = if *ahead > 0 { "ahead of" } else { "behind" };
                format!("this machine's clock is {} minutes {direction} GitHub's", ahead.unsigned_abs() / 60)
            }
            Self::Unreachable => "GitHub's API does not answer".to_owned(),
            Self::OtherHost { host, ghcr_host } => format!(
                "the image is at {host}, and the token is for {ghcr_host}: it is shown to no other host"
            ),
        }
    }

    /// Says what to do, as an imperative without its full stop; [`Trap::page`] is where.
    #[must_use]
    pub fn remedy(&self) -> String {
        let classic = |right: Right| {
            let scopes = right.scopes();
            format!("a classic token with the {} {}", plural(scopes.len(), "scope"), listed(scopes))
        };
        match self {
            Self::NoToken { in_workflow: true } => "pass `github-token: ${{ github.token }}`".to_owned(),
            Self::NoToken { in_workflow: false } => {
                format!("set GITHUB_TOKEN to {}", classic(Right::Delete))
            }
            Self::BadToken { kind: TokenKind::Installation } => {
                "give the job's token, which ends with its job: `github-token: ${{ github.token }}`".to_owned()
            }
            Self::BadToken { .. } => "renew it, and then the secret that holds it".to_owned(),
            Self::FineGrained { right } | Self::AppToken { right } => {
                format!("use the job's token, or {}", classic(*right))
            }
            Self::NoScope { kind: TokenKind::OAuth, missing, .. } => {
                format!("run `gh auth refresh --scopes {}`, or use a classic token", missing.join(","))
            }
            Self::NoScope { missing, .. } => {
                format!("give the token the {} {}", plural(missing.len(), "scope"), listed(missing))
            }
            Self::SingleSignOn => "authorise the token for the organisation: \"Configure SSO\" beside it".to_owned(),
            Self::CannotList => format!("name them in the input `packages`, or use {}", classic(Right::Read)),
            Self::NoPermission { right } => {
                format!("write `{}` under `permissions` of the job", right.permission())
            }
            Self::DefaultPermissions { right } => format!(
                "write `permissions: {{contents: read, {}}}` into the job, or choose \"Read and write permissions\"",
                right.permission()
            ),
            Self::JobAccess { right } => format!(
                "grant `{}` to the job, and give this repository the role {} under \"Manage Actions access\"",
                right.permission(),
                right.role()
            ),
            Self::UserAccess { right } => {
                format!("give the token's owner the role {}, and the token the {} {}", right.role(), {
                    plural(right.scopes().len(), "scope")
                }, listed(right.scopes()))
            }
            Self::Unseen { kind: TokenKind::Installation } => {
                "check the package's name; if it is there, grant `packages: read` to the job, and add this repository under \
                 \"Manage Actions access\""
                    .to_owned()
            }
            Self::Unseen { .. } => {
                "check the package's name; if it is private, the token's owner needs the role Read, and the token the scope \
                 `read:packages`"
                    .to_owned()
            }
            Self::NoOwner => "check the name after the registry, which should be a page".to_owned(),
            Self::NoAccounts => "check the token".to_owned(),
            Self::ForeignOwner { .. } => {
                "push its first version with a classic token with the scope `write:packages`, then give this repository \
                 the role Write under \"Manage Actions access\""
                    .to_owned()
            }
            Self::LinkedElsewhere { right, .. } => format!(
                "see that \"Manage Actions access\" lists this repository with the role {}",
                right.role()
            ),
            Self::Unlinked { right } => format!(
                "connect the repository, and see that \"Manage Actions access\" lists it with the role {}",
                right.role()
            ),
            Self::MadeByPerson => {
                "push the first version from a workflow, or connect the repository afterwards".to_owned()
            }
            Self::NoCreation => {
                "allow it under \"Package creation\", or push the package's first version with a classic token with the \
                 scope `write:packages`"
                    .to_owned()
            }
            Self::ForkPullRequest => {
                "leave the step out there: `if: github.event.pull_request.head.repo.full_name == github.repository`"
                    .to_owned()
            }
            Self::Dependabot => {
                "grant `packages: write` to the job, and keep a secret that it needs among Dependabot's too".to_owned()
            }
            Self::NotPublic { .. } => {
                "choose \"Change visibility\", \"Public\"; no package that was public becomes private again".to_owned()
            }
            Self::NoContents => "grant `contents: read` to the job".to_owned(),
            Self::NoPullRequests => "grant `pull-requests: read` to the job".to_owned(),
            Self::SmallHour { .. } => format!("use {}: it may make 5,000 an hour", classic(Right::Delete)),
            Self::SpentHour { reset, .. } => {
                format!("run it after {}", reset.to_rfc3339_opts(SecondsFormat::Secs, true))
            }
            Self::WrongClock { .. } => "set it by NTP: logs and signatures are dated by it".to_owned(),
            Self::Unreachable => {
                "see that GITHUB_API_URL is right, and whether the way there needs a proxy (`HTTPS_PROXY`)".to_owned()
            }
            Self::OtherHost { .. } => "name the host in the input `ghcr-host`, or in the policy".to_owned(),
        }
    }

    /// Returns the page to open, where there is one.
    #[must_use]
    pub fn page(&self, pages: &Pages<'_>) -> Option<String> {
        match self {
            Self::NoToken { in_workflow: false } => Some(pages.new_token(Right::Delete.scopes())),
            Self::FineGrained { right } | Self::AppToken { right } => Some(pages.new_token(right.scopes())),
            Self::CannotList => Some(pages.new_token(Right::Read.scopes())),
            Self::SmallHour { .. } => Some(pages.new_token(Right::Delete.scopes())),
            Self::BadToken { kind: TokenKind::Installation } => None,
            Self::BadToken { .. } | Self::NoScope { .. } | Self::SingleSignOn | Self::NoAccounts => {
                Some(pages.tokens())
            }
            Self::JobAccess { .. }
            | Self::UserAccess { .. }
            | Self::Unseen { .. }
            | Self::ForeignOwner { .. }
            | Self::LinkedElsewhere { .. }
            | Self::Unlinked { .. }
            | Self::MadeByPerson
            | Self::NotPublic { .. } => pages.package_settings(),
            Self::NoOwner => pages.account(),
            Self::NoCreation => pages.package_creation(),
            Self::DefaultPermissions { .. } => pages.workflow_settings(),
            Self::Dependabot => pages.dependabot_secrets(),
            Self::NoToken { in_workflow: true }
            | Self::NoPermission { .. }
            | Self::ForkPullRequest
            | Self::NoContents
            | Self::NoPullRequests
            | Self::SpentHour { .. }
            | Self::WrongClock { .. }
            | Self::Unreachable
            | Self::OtherHost { .. } => None,
        }
    }

    /// Returns all of it on one line, for an error's hint.
    #[must_use]
    pub fn hint(&self, pages: &Pages<'_>) -> String {
        let text = format!("{}; {}", self.sentence(), self.remedy());
        match self.page(pages) {
            Some(page) => format!("{text}: {page}"),
            None => text,
        }
    }

    /// Returns a name for programs.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::NoToken { .. } => "no-token",
            Self::BadToken { .. } => "bad-token",
            Self::FineGrained { .. } => "fine-grained-token",
            Self::AppToken { .. } => "app-token",
            Self::NoScope { .. } => "missing-scope",
            Self::SingleSignOn => "single-sign-on",
            Self::CannotList => "cannot-list-packages",
            Self::NoPermission { .. } => "missing-permission",
            Self::DefaultPermissions { .. } => "default-permissions",
            Self::JobAccess { .. } => "job-access",
            Self::UserAccess { .. } => "user-access",
            Self::Unseen { .. } => "package-unseen",
            Self::NoOwner => "no-owner",
            Self::NoAccounts => "no-accounts",
            Self::ForeignOwner { .. } => "foreign-owner",
            Self::LinkedElsewhere { .. } => "linked-elsewhere",
            Self::Unlinked { .. } => "unlinked",
            Self::MadeByPerson => "made-by-person",
            Self::NoCreation => "no-package-creation",
            Self::ForkPullRequest => "fork-pull-request",
            Self::Dependabot => "dependabot",
            Self::NotPublic { .. } => "not-public",
            Self::NoContents => "no-contents",
            Self::NoPullRequests => "no-pull-requests",
            Self::SmallHour { .. } => "small-hour",
            Self::SpentHour { .. } => "spent-hour",
            Self::WrongClock { .. } => "wrong-clock",
            Self::Unreachable => "unreachable",
            Self::OtherHost { .. } => "other-host",
        }
    }
}
