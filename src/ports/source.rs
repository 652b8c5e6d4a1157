//! What a clean-up asks of a source repository. Every list is complete or an error.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
};

use bytes::Bytes;
use chrono::{DateTime, Utc};

use super::PortError;
use crate::model::{CommitId, RepositoryName};

/// What a git tag is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitTagObject {
    /// A name for a commit, without a date of its own.
    Lightweight,
    /// An object with a date, by this id.
    Annotated(CommitId),
}

/// A file in a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// The commit.
    pub commit: CommitId,
    /// Its path.
    pub path: String,
}

/// Reads a source repository.
pub trait RepositoryReader: Sync {
    /// Lists the numbers of the open pull requests, until two listings agree.
    fn open_pull_requests(
        &self,
        repository: &RepositoryName,
    ) -> impl Future<Output = Result<BTreeSet<u64>, PortError>> + Send;

    /// Lists the numbers of the open pull requests that were updated last, at most a hundred: what was opened or reopened
    /// since an earlier listing is among them.
    fn recent_pull_requests(
        &self,
        repository: &RepositoryName,
    ) -> impl Future<Output = Result<BTreeSet<u64>, PortError>> + Send;

    /// Lists the branches with the commits that they point at.
    fn branches(
        &self,
        repository: &RepositoryName,
    ) -> impl Future<Output = Result<BTreeMap<String, CommitId>, PortError>> + Send;

    /// Returns the name of the default branch.
    fn default_branch(&self, repository: &RepositoryName) -> impl Future<Output = Result<String, PortError>> + Send;

    /// Lists the commits that `tip` reaches and that were committed at `since` or later, with their times.
    fn commits_since(
        &self,
        repository: &RepositoryName,
        tip: &CommitId,
        since: DateTime<Utc>,
    ) -> impl Future<Output = Result<BTreeMap<CommitId, DateTime<Utc>>, PortError>> + Send;

    /// Lists the releases that are published, by the name of their git tag.
    fn releases(
        &self,
        repository: &RepositoryName,
    ) -> impl Future<Output = Result<BTreeMap<String, DateTime<Utc>>, PortError>> + Send;

    /// Lists the git tags.
    fn git_tags(
        &self,
        repository: &RepositoryName,
    ) -> impl Future<Output = Result<BTreeMap<String, GitTagObject>, PortError>> + Send;

    /// Returns the date of an annotated git tag.
    fn git_tag_date(
        &self,
        repository: &RepositoryName,
        object: &CommitId,
    ) -> impl Future<Output = Result<DateTime<Utc>, PortError>> + Send;

    /// Lists all files of a branch, as of its tip. A list that the API cut is an error.
    fn files(
        &self,
        repository: &RepositoryName,
        branch: &str,
    ) -> impl Future<Output = Result<Vec<FileEntry>, PortError>> + Send;

    /// Reads a file of at most 1 MiB that was listed.
    fn file(
        &self,
        repository: &RepositoryName,
        file: &FileEntry,
    ) -> impl Future<Output = Result<Bytes, PortError>> + Send;
}

/// The text of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleaseText {
    /// The release's number.
    pub id: u64,
    /// The text, empty where nobody wrote any.
    pub text: String,
}

/// Reads and writes the texts of releases
/// (<https://docs.github.com/en/rest/releases/releases>).
pub trait ReleaseTexts: Sync {
    /// Reads the text of the release that is published for a git tag. `None` if there is none.
    fn release_text(
        &self,
        repository: &RepositoryName,
        git_tag: &str,
    ) -> impl Future<Output = Result<Option<ReleaseText>, PortError>> + Send;

    /// Replaces the text of a release.
    fn set_release_text(
        &self,
        repository: &RepositoryName,
        id: u64,
        text: &str,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}
