//! The API's objects, as far as they are read.

use chrono::{DateTime, Utc};
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Pull {
    pub(super) number: u64,
}

#[derive(Deserialize)]
pub(super) struct Repository {
    pub(super) default_branch: String,
}

#[derive(Deserialize)]
pub(super) struct Ref {
    #[serde(rename = "ref")]
    pub(super) name: String,
    pub(super) object: Target,
}

#[derive(Deserialize)]
pub(super) struct Target {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) sha: String,
}

#[derive(Deserialize)]
pub(super) struct Commit {
    pub(super) sha: String,
    pub(super) commit: CommitBody,
}

#[derive(Deserialize)]
pub(super) struct CommitBody {
    pub(super) committer: Dated,
}

#[derive(Deserialize)]
pub(super) struct Dated {
    pub(super) date: DateTime<Utc>,
}

#[derive(Deserialize)]
pub(super) struct Release {
    pub(super) id: u64,
    pub(super) tag_name: String,
    /// Missing for drafts.
    pub(super) published_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
pub(super) struct TextOfRelease {
    pub(super) id: u64,
    /// Missing where nobody wrote any.
    pub(super) body: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct TagObject {
    pub(super) tagger: Dated,
}

#[derive(Deserialize)]
pub(super) struct Tree {
    pub(super) tree: Vec<TreeEntry>,
    pub(super) truncated: bool,
}

#[derive(Deserialize)]
pub(super) struct TreeEntry {
    pub(super) path: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
}
