//! What rules, labels and expressions may ask about a run, as docker/metadata-action sees it: the runner's ref and commit
//! rather than those that [`crate::event`] works out.

use chrono::{DateTime, Utc};

use super::{compile::Settings, moment};
use crate::event::{Built, Committed, Context, RepositoryFacts};

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
    pub repository: RepositoryFacts,
    /// `DOCKER_METADATA_SHORT_SHA_LENGTH` as written.
    pub short_sha_length: Option<String>,
}

impl Facts {
    /// Reads the facts of a run. The commit's date is that of checkout or payload, else what was asked for, else now.
    #[must_use]
    pub fn of(context: &Context, settings: &Settings) -> Self {
        let Built { git_ref, sha, committed } = context.built(settings.pull_request_head);
        let Context { event_name, facts, now, raw, .. } = context;
        Self {
            event_name: if event_name.is_empty() { "undefined".to_owned() } else { event_name.clone() },
            git_ref,
            sha,
            commit_date: match committed {
                Committed::At(date) => Some(date.to_utc()),
                Committed::Written(text) => moment::read(&text),
                Committed::Unknown => Some(raw.asked_date.map_or(*now, |date| date.to_utc())),
            },
            now: *now,
            pushed_base_ref: raw.base_ref.clone(),
            pull_request_base: raw.pull_request_base.clone(),
            payload_default_branch: raw.default_branch.clone(),
            repository: facts.clone(),
            short_sha_length: settings.short_sha_length.clone(),
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
