//! The events of the story as the runner would hand them to a step.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use super::story::What;
use crate::{
    error::Error,
    event::{self, Context},
    model::RepositoryName,
};

/// What a run knows beside the event.
pub(super) struct Run<'a> {
    pub(super) repository: &'a RepositoryName,
    pub(super) default_branch: &'a str,
    /// What is built.
    pub(super) commit: &'a str,
    /// The number of the run.
    pub(super) number: u64,
    /// The number of the pull request, where it is about one.
    pub(super) pull: u64,
    pub(super) at: DateTime<Utc>,
}

/// Makes the event of a run; `None` if no workflow runs.
///
/// # Errors
/// If a name is too long for an event.
pub(super) fn context(what: &What, run: &Run<'_>) -> Result<Option<Context>, Error> {
    let Run { repository, default_branch, commit, number, pull, at } = run;
    let timestamp = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let head = json!({"id": commit, "timestamp": timestamp});
    let default_ref = format!("refs/heads/{default_branch}");
    let pull_request = |action: &str, branch: &str| {
        json!({
            "action": action,
            "number": pull,
            "pull_request": {
                "number": pull,
                "head": {"ref": branch, "sha": commit},
                "base": {"ref": default_branch},
            },
        })
    };
    let (event, git_ref, payload) = match what {
        What::Push { branch, from: _ } => {
            let git_ref = format!("refs/heads/{branch}");
            let payload = json!({"ref": git_ref, "after": commit, "head_commit": head});
            ("push", git_ref, payload)
        }
        What::Merge { .. } => {
            let payload = json!({"ref": default_ref, "after": commit, "head_commit": head});
            ("push", default_ref, payload)
        }
        What::Tag { name, branch, kind: _ } => {
            let git_ref = format!("refs/tags/{name}");
            let base = format!("refs/heads/{branch}");
            let payload = json!({"ref": git_ref, "base_ref": base, "after": commit, "head_commit": head});
            ("push", git_ref, payload)
        }
        What::Open { branch } => ("pull_request", format!("refs/pull/{pull}/merge"), pull_request("opened", branch)),
        What::Update { branch } => {
            ("pull_request", format!("refs/pull/{pull}/merge"), pull_request("synchronize", branch))
        }
        What::Queue { .. } => {
            let git_ref = format!("refs/heads/gh-readonly-queue/{default_branch}/pr-{pull}-{commit}");
            let group = json!({"head_sha": commit, "base_ref": default_ref, "head_commit": head});
            ("merge_group", git_ref, json!({"action": "checks_requested", "merge_group": group}))
        }
        What::Schedule => ("schedule", default_ref, json!({"schedule": "0 3 * * 1"})),
        What::Dispatch => ("workflow_dispatch", default_ref.clone(), json!({"ref": default_ref})),
        What::Close { .. } | What::Delete { .. } | What::ByHand { .. } => return Ok(None),
    };
    let environment = [
        ("GITHUB_EVENT_NAME", event.to_owned()),
        ("GITHUB_REF", git_ref),
        ("GITHUB_SHA", (*commit).to_owned()),
        ("GITHUB_REPOSITORY", repository.to_string()),
        ("GITHUB_RUN_NUMBER", number.to_string()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    event::parse(&BTreeMap::from(environment), Some(payload.to_string().as_bytes()), *at)
        .map(Some)
        .map_err(|error| Error::failed(error.to_string()))
}
