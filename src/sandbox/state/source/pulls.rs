//! Pull requests.

use serde::{Deserialize, Serialize};

use super::SourceRepository;
use crate::sandbox::state::Time;

/// A pull request.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PullRequest {
    /// Its id.
    pub id: u64,
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// The branch that it comes from.
    pub head_branch: String,
    /// The commit at its head.
    pub head_sha: String,
    /// The repository that it comes from, `owner/name`; `None` for a fork that was deleted.
    pub head_repository: Option<String>,
    /// The branch that it goes to.
    pub base_branch: String,
    /// The commit that this branch was on.
    pub base_sha: String,
    /// Whether it is a draft.
    pub draft: bool,
    /// When it was opened.
    pub created: Time,
    /// When it was changed last.
    pub updated: Time,
    /// When it was closed, if it is.
    pub closed: Option<Time>,
    /// When it was merged, if it was.
    pub merged: Option<Time>,
    /// The commit that merges it, or would.
    pub merge_commit: Option<String>,
}

impl SourceRepository {
    /// Opens a pull request from a branch of the same repository to its default branch, and returns its number.
    pub fn open_pull_request(&mut self, head_branch: &str, title: &str, now: Time) -> u64 {
        let (id, number) = (self.next_id(), self.next_number());
        let tip = |branch: &str| self.branch(branch).unwrap_or_default().to_owned();
        let pull = PullRequest {
            id,
            number,
            title: title.to_owned(),
            head_branch: head_branch.to_owned(),
            head_sha: tip(head_branch),
            head_repository: Some(self.full_name()),
            base_branch: self.default_branch.clone(),
            base_sha: tip(&self.default_branch),
            draft: false,
            created: now,
            updated: now,
            closed: None,
            merged: None,
            merge_commit: None,
        };
        self.pulls.insert(number, pull);
        number
    }

    /// Closes a pull request, merged or not.
    pub fn close_pull_request(&mut self, number: u64, merged: bool, now: Time) {
        if let Some(pull) = self.pulls.get_mut(&number) {
            (pull.updated, pull.closed) = (now, Some(now));
            pull.merged = merged.then_some(now);
        }
    }

    /// Opens a pull request again that was closed without being merged.
    pub fn reopen_pull_request(&mut self, number: u64, now: Time) {
        if let Some(pull) = self.pulls.get_mut(&number).filter(|pull| pull.merged.is_none()) {
            (pull.updated, pull.closed) = (now, None);
        }
    }
}
