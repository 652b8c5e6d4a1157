//! Releases, issues, and what was dispatched.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SourceRepository;
use crate::sandbox::state::Time;

/// A release.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Release {
    /// Its id.
    pub id: u64,
    /// The git tag that it belongs to.
    pub tag_name: String,
    /// Its title.
    pub name: Option<String>,
    /// Its text.
    pub body: Option<String>,
    /// Whether only maintainers see it.
    pub draft: bool,
    /// Whether it is a pre-release.
    pub prerelease: bool,
    /// What was typed when it was made: often a branch.
    pub target_commitish: String,
    /// When it was made.
    pub created: Time,
    /// When it was published; `None` for a draft.
    pub published: Option<Time>,
}

/// An issue.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Issue {
    /// Its id.
    pub id: u64,
    /// Its number.
    pub number: u64,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: Option<String>,
    /// Its labels.
    pub labels: Vec<String>,
    /// When it was opened.
    pub created: Time,
}

/// What a `dispatches` endpoint was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dispatch {
    /// The workflow, by file name or id; `None` for a `repository_dispatch`.
    pub workflow: Option<String>,
    /// The body of the request.
    pub body: Value,
    /// When it came.
    pub at: Time,
}

impl SourceRepository {
    /// Publishes a release for a git tag and returns its id. A tag with a hyphen makes it a pre-release.
    pub fn publish_release(&mut self, tag_name: &str, now: Time) -> u64 {
        let id = self.next_id();
        let release = Release {
            id,
            tag_name: tag_name.to_owned(),
            name: Some(tag_name.to_owned()),
            body: None,
            draft: false,
            prerelease: tag_name.contains('-'),
            target_commitish: self.default_branch.clone(),
            created: now,
            published: Some(now),
        };
        self.releases.insert(id, release);
        id
    }

    /// Opens an issue and returns its number.
    pub fn open_issue(&mut self, title: &str, body: Option<&str>, labels: Vec<String>, now: Time) -> u64 {
        let (id, number) = (self.next_id(), self.next_number());
        let (title, body) = (title.to_owned(), body.map(str::to_owned));
        self.issues.insert(number, Issue { id, number, title, body, labels, created: now });
        number
    }
}
