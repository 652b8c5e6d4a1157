//! The source repository's history: the local clone first, then the API.

use chrono::{DateTime, FixedOffset};

use super::{git::LocalClone, github::GitHub};
use crate::{
    model::{CommitId, GitHead, RepositoryFacts},
    ports::{Ancestry, NameKind, PortError, PortErrorKind, SourceHistory, SourceRepository},
};

/// What can be asked about commits, branches and tags: a clone, the API, both or neither.
#[derive(Debug, Default)]
pub struct History {
    /// The clone in the workspace.
    pub clone: Option<LocalClone>,
    /// The API.
    pub github: Option<GitHub>,
}

impl SourceHistory for History {
    /// Unknown where neither can tell: a rolling tag then moves, with a warning, so a refusal of the API is no error.
    async fn ancestry(&self, ours: &CommitId, theirs: &CommitId) -> Result<Ancestry, PortError> {
        if ours.same_commit(theirs) {
            return Ok(Ancestry::Same);
        }
        let local = self.clone.as_ref().map_or(Ancestry::Unknown, |clone| clone.ancestry(ours, theirs));
        match (local, &self.github) {
            (Ancestry::Unknown, Some(github)) => Ok(github.ancestry(ours, theirs).await.unwrap_or_else(|error| {
                warn(&error);
                Ancestry::Unknown
            })),
            (Ancestry::Unknown, None) => {
                tracing::debug!(%ours, %theirs, "neither a clone nor the API can compare the commits");
                Ok(Ancestry::Unknown)
            }
            (known, _) => Ok(known),
        }
    }

    /// The clone is not asked: it shows where the branch was when it was cloned.
    async fn branch_tip(&self, branch: &str) -> Result<Option<CommitId>, PortError> {
        match &self.github {
            Some(github) => Ok(github.branch_tip(branch).await.unwrap_or_else(|error| {
                warn(&error);
                None
            })),
            None => {
                tracing::debug!("without the API the branch's tip cannot be known");
                Ok(None)
            }
        }
    }

    async fn commit_date(&self, commit: &CommitId) -> Result<Option<DateTime<FixedOffset>>, PortError> {
        if let Some(date) = self.clone.as_ref().and_then(|clone| clone.commit_date(commit)) {
            return Ok(Some(date));
        }
        match &self.github {
            Some(github) => github.commit_date(commit).await,
            None => {
                tracing::debug!(%commit, "neither a clone nor the API knows the commit's date");
                Ok(None)
            }
        }
    }

    /// An error where neither can tell: guessing wrong would give a branch a release's tags.
    async fn name_kind(&self, name: &str, commit: &CommitId) -> Result<NameKind, PortError> {
        if let Some(kind) = self.clone.as_ref().and_then(|clone| clone.name_kind(name, commit)) {
            return Ok(kind);
        }
        match &self.github {
            Some(github) => github.name_kind(name, commit).await,
            None => Err(PortError::new(
                PortErrorKind::Unavailable,
                "find out whether the run was for a tag or a branch",
                "the clone does not show it, and there is no access to the GitHub API",
            )
            .with_hint("give `github-token: ${{ github.token }}`, and grant `contents: read` to the job")),
        }
    }

    /// The clone is not asked: a checkout of an annotated tag has its commit only.
    async fn git_tag_has_date(&self, tag: &str) -> Option<bool> {
        self.github.as_ref()?.git_tag_has_date(tag).await.inspect_err(warn).ok()
    }
}

impl SourceRepository for History {
    async fn repository_facts(&self) -> Result<RepositoryFacts, PortError> {
        match &self.github {
            Some(github) => github.repository_facts().await,
            None => Err(PortError::new(
                PortErrorKind::Unavailable,
                "look up the repository for labels",
                "the event's payload does not describe it, and there is no access to the GitHub API",
            )
            .with_hint("give `github-token: ${{ github.token }}`, and grant `contents: read` to the job")),
        }
    }

    fn checkout(&self) -> Result<GitHead, PortError> {
        match &self.clone {
            Some(clone) => clone.head(),
            None => Err(PortError::new(
                PortErrorKind::NotFound,
                "read what is checked out (input `context: git`)",
                "there is no git repository in the workspace",
            )
            .with_hint("let a step `actions/checkout` run before this one, or use `context: workflow`")),
        }
    }
}

fn warn(error: &PortError) {
    let PortError { operation, detail, hint, .. } = error;
    match hint {
        Some(hint) => tracing::warn!("failed to {operation}: {detail} (hint: {hint})"),
        None => tracing::warn!("failed to {operation}: {detail}"),
    }
}
