//! What rules, labels and expressions may ask about a run, as docker/metadata-action sees it: the runner's ref and commit
//! rather than those that [`crate::event`] works out.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::moment;

/// The facts of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The event as the runner calls it.
    pub event_name: String,
    /// The full ref; `None` where the runner gives none, which is another thing than an empty one.
    pub git_ref: Option<String>,
    /// The commit, under the same condition.
    pub sha: Option<String>,
    /// When the commit was committed; `None` where that is no time.
    pub commit_date: Option<DateTime<Utc>>,
    /// The time of the run.
    pub now: DateTime<Utc>,
    /// The payload's `base_ref`.
    pub pushed_base_ref: Option<String>,
    /// The base branch of the payload's pull request.
    pub pull_request_base: Option<String>,
    /// The default branch that the payload names.
    pub payload_default_branch: Option<String>,
    /// What is known of the repository.
    pub repository: Repository,
    /// `DOCKER_METADATA_SHORT_SHA_LENGTH` as written.
    pub short_sha_length: Option<String>,
}

/// A repository as GitHub's API describes it. What is missing is empty in labels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    /// Its name without the owner.
    pub name: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// Its page.
    pub html_url: Option<String>,
    /// The SPDX id of its licence.
    pub license: Option<String>,
    /// Its default branch.
    pub default_branch: Option<String>,
}

impl Repository {
    /// Reads the `repository` of a payload or the answer of `GET /repos/{owner}/{repo}`.
    #[must_use]
    pub fn of(repository: &Value) -> Self {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Self {
            name: text(&repository["name"]),
            description: text(&repository["description"]),
            html_url: text(&repository["html_url"]),
            license: text(&repository["license"]["spdx_id"]),
            default_branch: text(&repository["default_branch"]),
        }
    }
}

/// When the head commit was committed, as far as the payload tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadDate {
    /// It says so; `None` where that is no time.
    Known(Option<DateTime<Utc>>),
    /// The API would have to be asked.
    Unknown,
}

impl Facts {
    /// Reads the facts of a run from the runner's environment and the event's payload (`null` without one). The commit
    /// date is `now` where the payload tells none: see [`Facts::payload_date`].
    #[must_use]
    pub fn of_workflow(environment: &BTreeMap<String, String>, payload: &Value, now: DateTime<Utc>) -> Self {
        let variable = |name: &str| environment.get(name).cloned();
        let event_name = variable("GITHUB_EVENT_NAME").unwrap_or_else(|| "undefined".to_owned());
        let mut git_ref = variable("GITHUB_REF");
        if event_name.contains("pull_request_target") {
            let number = match &payload["number"] {
                Value::Null if payload.get("number").is_none() => "undefined".to_owned(),
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            git_ref = Some(format!("refs/pull/{number}/merge"));
        }
        let mut sha = variable("GITHUB_SHA");
        let asks_for_head =
            variable("DOCKER_METADATA_PR_HEAD_SHA").is_some_and(|value| value.to_ascii_lowercase().contains("true"));
        if asks_for_head
            && event_name.contains("pull_request")
            && let Some(head) = payload["pull_request"]["head"]["sha"].as_str()
        {
            sha = Some(head.to_owned());
        }
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let mut facts = Self {
            event_name,
            git_ref,
            sha,
            commit_date: Some(now),
            now,
            pushed_base_ref: text(&payload["base_ref"]),
            pull_request_base: text(&payload["pull_request"]["base"]["ref"]),
            payload_default_branch: text(&payload["repository"]["default_branch"]),
            repository: Repository::of(&payload["repository"]),
            short_sha_length: variable("DOCKER_METADATA_SHORT_SHA_LENGTH"),
        };
        if let PayloadDate::Known(date) = facts.payload_date(payload) {
            facts.commit_date = date;
        }
        facts
    }

    /// Returns when the payload says that the commit was committed.
    #[must_use]
    pub fn payload_date(&self, payload: &Value) -> PayloadDate {
        let is_ours = |commit: &Value| match (&commit["id"], &self.sha) {
            (Value::String(id), Some(sha)) => id == sha,
            (Value::Null, None) => commit.get("id").is_none(),
            _ => false,
        };
        let pushed = payload["commits"].as_array().and_then(|commits| commits.iter().find(|commit| is_ours(commit)));
        if let Some(date) = pushed.and_then(|commit| commit["timestamp"].as_str()).filter(|date| !date.is_empty()) {
            return PayloadDate::Known(moment::read(date));
        }
        match &payload["head_commit"] {
            head if head.is_object() && is_ours(head) => {
                PayloadDate::Known(head["timestamp"].as_str().and_then(moment::read))
            }
            _ => PayloadDate::Unknown,
        }
    }

    pub(super) fn is_ref(&self, prefix: &str) -> bool {
        self.name_in(prefix).is_some()
    }

    /// Returns what follows a prefix of the ref.
    pub(super) fn name_in(&self, prefix: &str) -> Option<&str> {
        self.git_ref.as_deref()?.strip_prefix(prefix)
    }
}
