//! The event as runner and payload write it, before any judgement: what docker/metadata-action's inputs are read against.
//! There a pull request's commit is the merge commit, and an absent variable is another thing than an empty one.

use chrono::{DateTime, FixedOffset};
use serde_json::Value;

use super::{
    Context, Subject,
    error::{EventError, MAX_NAME, bounded_name},
    parse::Environment,
    payload::Node,
};
use crate::model::{GitHead, RepositoryFacts};

/// What the environment and the payload say, word for word.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawEvent {
    /// `GITHUB_REF`; `None` if it is not set, which is not the same as empty.
    pub git_ref: Option<String>,
    /// `GITHUB_SHA`, a pull request's merge commit included; `None` if it is not set.
    pub sha: Option<String>,
    /// The payload's `number` as JavaScript prints it: `undefined` if there is none.
    pub number: String,
    /// The payload's `base_ref`, a full ref.
    pub base_ref: Option<String>,
    /// The payload's `pull_request.base.ref`, a short name.
    pub pull_request_base: Option<String>,
    /// The payload's `pull_request.head.sha`.
    pub pull_request_head: Option<String>,
    /// The payload's `pull_request.head.repo.full_name`; `None` also where that repository is deleted.
    pub head_repository: Option<String>,
    /// The payload's `repository.default_branch`.
    pub default_branch: Option<String>,
    /// The payload's `commits`.
    pub commits: Vec<RawCommit>,
    /// The payload's `head_commit`.
    pub head_commit: Option<RawCommit>,
    /// When the commit was committed, as clone or API say, where checkout and payload do not.
    pub asked_date: Option<DateTime<FixedOffset>>,
    /// What is checked out, where that takes the place of the runner's ref and commit (input `context: git`).
    pub checkout: Option<GitHead>,
    /// Whether the payload's `repository` has every fact that labels are made of.
    pub repository_is_whole: bool,
}

/// A commit of the payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawCommit {
    /// Its id.
    pub id: Option<String>,
    /// Its date as it is written.
    pub timestamp: Option<String>,
}

/// When a commit was committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// The checkout says so.
    At(DateTime<FixedOffset>),
    /// The payload says so, in a text that JavaScript's `Date` reads (perhaps as no date at all).
    Written(String),
    /// It is the API's to say.
    Unknown,
}

/// What was built, as docker/metadata-action takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The full ref; `None` if the runner gave none.
    pub git_ref: Option<String>,
    /// The commit; `None` if the runner gave none.
    pub sha: Option<String>,
    /// When it was committed.
    pub committed: Committed,
}

impl RawEvent {
    pub(super) fn read(environment: Environment<'_>, payload: Node<'_>) -> Result<Self, EventError> {
        let variable = |name: &str| environment.raw(name).map(|value| bounded_name(name, value)).transpose();
        // A text that is too long for a name is none: these add to what is judged elsewhere, and must not fail more events.
        let text = |node: Node<'_>| node.string().filter(|text| text.len() <= MAX_NAME).map(str::to_owned);
        let pull_request = payload.get("pull_request");
        let repository = payload.get("repository");
        let commit = |node: Node<'_>| RawCommit { id: text(node.get("id")), timestamp: text(node.get("timestamp")) };
        let head_commit = payload.get("head_commit");
        Ok(Self {
            git_ref: variable("GITHUB_REF")?,
            sha: environment.raw("GITHUB_SHA").filter(|sha| sha.len() <= MAX_NAME).map(str::to_owned),
            number: payload.get("number").as_javascript_prints(),
            base_ref: text(payload.get("base_ref")),
            pull_request_base: text(pull_request.get("base").get("ref")),
            pull_request_head: text(pull_request.get("head").get("sha")),
            head_repository: text(pull_request.get("head").get("repo").get("full_name")),
            default_branch: text(repository.get("default_branch")),
            commits: payload.get("commits").items().map(commit).collect(),
            head_commit: matches!(head_commit.value(), Some(Value::Object(_))).then(|| commit(head_commit)),
            asked_date: None,
            checkout: None,
            repository_is_whole: ["name", "html_url", "default_branch"]
                .iter()
                .all(|key| repository.get(key).text().is_some())
                && ["description", "license"].iter().all(|key| repository.get(key).value().is_some()),
        })
    }

    /// Finds a commit's date: in `commits`, where the entry has one, else in `head_commit`, whatever that has.
    fn committed(&self, sha: Option<&str>) -> Committed {
        let is_it = |commit: &&RawCommit| commit.id.as_deref() == sha;
        let pushed = self.commits.iter().find(is_it).and_then(|commit| commit.timestamp.as_ref());
        if let Some(date) = pushed.filter(|date| !date.is_empty()) {
            return Committed::Written(date.clone());
        }
        match self.head_commit.as_ref().filter(is_it) {
            Some(head) => Committed::Written(head.timestamp.clone().unwrap_or_default()),
            None => Committed::Unknown,
        }
    }
}

impl Context {
    /// Returns what docker/metadata-action takes for what was built. With `pull_request_head`
    /// (`DOCKER_METADATA_PR_HEAD_SHA`) the commit of a pull request's event is its head. What is checked out goes before.
    #[must_use]
    pub fn built(&self, pull_request_head: bool) -> Built {
        let Self { event_name, raw, .. } = self;
        if let Some(GitHead { literal_ref, sha, committed, .. }) = &raw.checkout {
            return Built {
                git_ref: Some(literal_ref.clone()),
                sha: Some(sha.to_string()),
                committed: Committed::At(*committed),
            };
        }
        let git_ref = if event_name.contains("pull_request_target") {
            Some(format!("refs/pull/{}/merge", raw.number))
        } else {
            raw.git_ref.clone()
        };
        let head = raw.pull_request_head.as_ref().filter(|_| pull_request_head && event_name.contains("pull_request"));
        let sha = head.or(raw.sha.as_ref()).cloned();
        let committed = raw.committed(sha.as_deref());
        Built { git_ref, sha, committed }
    }

    /// Tells whether the API has to be asked for the repository's facts, as the payload lacks one of them.
    #[must_use]
    pub fn lacks_facts(&self) -> bool {
        !self.raw.repository_is_whole
    }

    /// Puts the API's facts in the place of the payload's.
    #[must_use]
    pub fn with_facts(mut self, facts: RepositoryFacts) -> Self {
        self.facts = facts;
        self.raw.repository_is_whole = true;
        self
    }

    /// Puts what is checked out in the place of the event's ref and commit (input `context: git`). It never widens what the
    /// event allows: pull requests, merge groups and events that build nothing stay what they are, and of a pull request's
    /// merge commit `{{sha}}` stays its head. Input `ref` goes before.
    #[must_use]
    pub fn with_checkout(mut self, head: GitHead) -> Self {
        if self.built_elsewhere {
            return self;
        }
        if !self.is_bound() {
            let subject = Subject::from_ref(&head.git_ref);
            if subject != self.subject {
                self.base_ref = None;
            }
            self.subject = subject;
        }
        let is_merge = head.git_ref.starts_with("refs/pull/") && head.git_ref.ends_with("/merge");
        if !is_merge {
            self.sha = Some(head.sha.clone());
            self.commit_date = Some(head.committed);
        }
        self.git_ref = Some(head.git_ref.clone());
        self.raw.checkout = Some(head);
        self
    }
}

impl Node<'_> {
    /// Returns the value in a text, as JavaScript's templates print it.
    fn as_javascript_prints(self) -> String {
        match self.value() {
            None => "undefined".to_owned(),
            Some(Value::String(text)) if text.len() <= MAX_NAME => text.clone(),
            Some(Value::Array(_) | Value::Object(_) | Value::String(_)) => "[object Object]".to_owned(),
            Some(plain) => plain.to_string(),
        }
    }
}
