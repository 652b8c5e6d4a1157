//! The event context: what happened in the source repository, read from the runner's environment and the event payload.
//! A function of its arguments: whoever calls it reads the files and the clock.

mod error;
mod input_ref;
mod parse;
mod payload;
mod raw;
mod workflow_run;

use chrono::{DateTime, FixedOffset, Utc};

pub use self::{
    error::EventError,
    parse::parse,
    raw::{Built, Committed, RawCommit, RawEvent},
};
pub use crate::model::RepositoryFacts;
use crate::model::{CommitId, RepositoryName};

/// The events that policy rows know. For `workflow_run` it is the event of the run that triggered this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// Commits or a tag were pushed, or a branch or tag was deleted by a push.
    Push,
    /// A branch or tag was created.
    Create,
    /// A branch or tag was deleted.
    Delete,
    /// Something happened to a pull request; the run sees its merge commit.
    PullRequest,
    /// The same, run on the default branch with a writing token.
    PullRequestTarget,
    /// A merge queue asks for checks.
    MergeGroup,
    /// Something happened to a release.
    Release,
    /// A cron time came.
    Schedule,
    /// Somebody started the workflow.
    WorkflowDispatch,
    /// An API call started the workflow.
    RepositoryDispatch,
    /// Any other event, by its name.
    Other(String),
}

impl EventKind {
    /// Returns the kind of an event by the name that `GITHUB_EVENT_NAME` and `workflow_run.event` give it.
    #[must_use]
    pub fn named(name: &str) -> Self {
        match name {
            "push" => Self::Push,
            "create" => Self::Create,
            "delete" => Self::Delete,
            "pull_request" => Self::PullRequest,
            "pull_request_target" => Self::PullRequestTarget,
            "merge_group" => Self::MergeGroup,
            "release" => Self::Release,
            "schedule" => Self::Schedule,
            "workflow_dispatch" => Self::WorkflowDispatch,
            "repository_dispatch" => Self::RepositoryDispatch,
            _ => Self::Other(name.to_owned()),
        }
    }

    /// Returns the name of the event.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Push => "push",
            Self::Create => "create",
            Self::Delete => "delete",
            Self::PullRequest => "pull_request",
            Self::PullRequestTarget => "pull_request_target",
            Self::MergeGroup => "merge_group",
            Self::Release => "release",
            Self::Schedule => "schedule",
            Self::WorkflowDispatch => "workflow_dispatch",
            Self::RepositoryDispatch => "repository_dispatch",
            Self::Other(name) => name,
        }
    }

    /// Tells whether the event runs a pull request's code or is about one: `pull_request`, `pull_request_target`, and the
    /// events of reviews and their comments.
    #[must_use]
    pub fn is_pull_request(&self) -> bool {
        self.name().starts_with("pull_request")
    }
}

/// What the run is about: the name that rows of the policy are tried on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A branch, by its short name.
    Branch(String),
    /// A git tag, by its short name.
    Tag(String),
    /// A pull request, by its number where the payload has one (a fork's `workflow_run` has none).
    PullRequest(Option<u64>),
    /// A merge group.
    MergeGroup,
    /// A name of which the payload does not say whether it is a tag or a branch (`workflow_run`).
    Unresolved(String),
    /// A commit without a name (input `ref`): no row fits it.
    Commit(String),
    /// Nothing was built, and that is no mistake: a deletion, or a type of release event that publishes nothing. The text
    /// says which.
    Nothing(String),
    /// Neither the environment nor the payload names a branch or a tag.
    Unknown,
}

impl Subject {
    /// Returns what a full ref names. A ref outside `refs/heads/` and `refs/tags/` is `Unknown`: whether `refs/pull/…` is a
    /// pull request's run is the event's to say.
    #[must_use]
    pub fn from_ref(git_ref: &str) -> Self {
        let name = |prefix: &str| git_ref.strip_prefix(prefix).filter(|name| !name.is_empty()).map(str::to_owned);
        if let Some(branch) = name("refs/heads/") {
            Self::Branch(branch)
        } else if let Some(tag) = name("refs/tags/") {
            Self::Tag(tag)
        } else {
            Self::Unknown
        }
    }
}

/// Everything that a decision may depend on, but for the policy and the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// The event as the runner calls it (`GITHUB_EVENT_NAME`); empty at a terminal outside a workflow.
    pub event_name: String,
    /// The event that rows are tried on.
    pub event: EventKind,
    /// The payload's `action` (`opened`, `closed`, `published`, …).
    pub action: Option<String>,
    /// What the run is about.
    pub subject: Subject,
    /// Whether only `pull request` rows may fit: a `workflow_run` whose trigger was a pull request or came from another
    /// repository.
    pub only_pull_requests: bool,
    /// Whether input `ref` said what was built, so that commit and dates of this run are not those of the image.
    pub built_elsewhere: bool,
    /// The ref of the run as the runner gives it (`GITHUB_REF`).
    pub git_ref: Option<String>,
    /// The head's commit, never a merge commit made for a pull request.
    pub sha: Option<CommitId>,
    /// The source repository (`GITHUB_REPOSITORY`, else the payload's).
    pub repository: Option<RepositoryName>,
    /// What the payload, or the API in its place, says of it.
    pub facts: RepositoryFacts,
    /// The base branch of a pull request or merge group, or the branch that a tag was pushed from.
    pub base_ref: Option<String>,
    /// The number of the run (`GITHUB_RUN_NUMBER`).
    pub run_number: Option<u64>,
    /// When the head commit was committed, where the payload says so.
    pub commit_date: Option<DateTime<FixedOffset>>,
    /// The time of this run: `SOURCE_DATE_EPOCH`, else the clock.
    pub now: DateTime<Utc>,
    /// The root of the GitHub web pages (`GITHUB_SERVER_URL`).
    pub server_url: String,
    /// The same as runner and payload write it.
    pub raw: RawEvent,
}

impl Context {
    /// Tells whether the run is a fork's pull request, whose token may only read whatever the workflow grants.
    #[must_use]
    pub fn is_of_fork(&self) -> bool {
        let own = self.repository.as_ref().map(|repository| repository.to_string().to_lowercase());
        self.event == EventKind::PullRequest && self.raw.head_repository.as_ref().map(|head| head.to_lowercase()) != own
    }

    /// Returns the number of the pull request that was closed, if that is the event.
    #[must_use]
    pub fn closed_pull_request(&self) -> Option<u64> {
        match (&self.event, self.action.as_deref(), &self.subject) {
            (EventKind::PullRequest | EventKind::PullRequestTarget, Some("closed"), Subject::PullRequest(number)) => {
                *number
            }
            _ => None,
        }
    }
}
