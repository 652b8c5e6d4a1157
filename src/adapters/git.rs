//! The local clone, read with libgit2: objects and refs, nothing else. No hook, filter or program of the repository runs.

#![deny(unsafe_code)]

mod head;
mod survey;

use std::{
    path::Path,
    sync::{Mutex, MutexGuard, Once, PoisonError},
};

use chrono::{DateTime, FixedOffset};
use git2::{Commit, ErrorCode, Oid, Repository};

use crate::{
    model::{CommitId, GitHead, untrusted::shown},
    ports::{Ancestry, NameKind, PortError, PortErrorKind},
};

/// The repository that the workspace lies in.
pub struct LocalClone {
    repository: Mutex<Repository>,
}

impl LocalClone {
    /// Opens the repository that `workspace` is, or lies in. `None` if there is none. The repository may belong to another
    /// user, as the runner's does to a container's root.
    ///
    /// # Errors
    /// If there is a repository that cannot be opened.
    pub fn open(workspace: &Path) -> Result<Option<Self>, PortError> {
        accept_foreign_owners();
        match Repository::discover(workspace) {
            Ok(repository) => Ok(Some(Self { repository: Mutex::new(repository) })),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(PortError::new(
                PortErrorKind::Malformed,
                format!("open the git repository of `{}`", shown(&workspace.display().to_string())),
                shown(error.message()),
            )),
        }
    }

    /// Tells how `ours` stands to `theirs`. A shallow clone does not know what came before, so there only a positive
    /// finding counts; a commit that is not in the clone, or an abbreviation of several, makes it unknown.
    #[must_use]
    pub fn ancestry(&self, ours: &CommitId, theirs: &CommitId) -> Ancestry {
        let repository = self.lock();
        let (Some(ours), Some(theirs)) = (find(&repository, ours), find(&repository, theirs)) else {
            return Ancestry::Unknown;
        };
        if ours == theirs {
            return Ancestry::Same;
        }
        let descends = |commit, ancestor| repository.graph_descendant_of(commit, ancestor);
        match (descends(ours, theirs), descends(theirs, ours)) {
            (Ok(true), _) => Ancestry::Descendant,
            (_, Ok(true)) => Ancestry::Ancestor,
            // The merge base of a shallow clone may lie below the cut, where libgit2 answers a plain `false`.
            (Ok(false), Ok(false)) if !repository.is_shallow() => Ancestry::Diverged,
            _ => Ancestry::Unknown,
        }
    }

    /// Returns the committer date of a commit, if the clone has it.
    #[must_use]
    pub fn commit_date(&self, commit: &CommitId) -> Option<DateTime<FixedOffset>> {
        let repository = self.lock();
        date_of(&repository.find_commit(find(&repository, commit)?).ok()?)
    }

    /// Reads what is checked out. A detached `HEAD` is named by what is at its commit (a tag, a pull request, a branch of a
    /// remote), else by a branch or tag that contains it.
    ///
    /// # Errors
    /// If there is no commit yet, or if a detached `HEAD` has no such name, or none but a local branch at its commit.
    pub fn head(&self) -> Result<GitHead, PortError> {
        head::read(&self.lock())
    }

    /// Tells whether `name` is a tag that peels to `commit`, or a branch (of `origin`, too) whose head it is. `None` where
    /// the clone does not show either: it may lack refs, or be older than the run in question.
    #[must_use]
    pub fn name_kind(&self, name: &str, commit: &CommitId) -> Option<NameKind> {
        let repository = self.lock();
        let points_at = |reference: String| {
            let peeled = repository.find_reference(&reference).ok()?.peel_to_commit().ok()?;
            Some(peeled.id().to_string().starts_with(commit.as_str()))
        };
        if points_at(format!("refs/tags/{name}")) == Some(true) {
            return Some(NameKind::Tag);
        }
        ["refs/heads", "refs/remotes/origin"]
            .iter()
            .any(|folder| points_at(format!("{folder}/{name}")) == Some(true))
            .then_some(NameKind::Branch)
    }

    /// Tells whether git leaves a file or folder alone, named by its path without links: patterns ignore it, and nothing of
    /// it is tracked.
    #[must_use]
    pub fn ignores(&self, path: &Path) -> bool {
        let repository = self.lock();
        let top = repository.workdir().and_then(|top| top.canonicalize().ok());
        let Some(below) = top.as_deref().and_then(|top| path.strip_prefix(top).ok()) else { return false };
        if !repository.is_path_ignored(below).unwrap_or(false) {
            return false;
        }
        let is_tracked =
            |index: git2::Index| index.get_path(below, 0).is_some() || index.find_prefix(below.join("")).is_ok();
        !repository.index().is_ok_and(is_tracked)
    }

    fn lock(&self) -> MutexGuard<'_, Repository> {
        // A panic elsewhere leaves nothing half done: nothing is ever written.
        self.repository.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for LocalClone {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LocalClone").finish_non_exhaustive()
    }
}

fn date_of(commit: &Commit<'_>) -> Option<DateTime<FixedOffset>> {
    let time = commit.committer().when();
    let offset = FixedOffset::east_opt(time.offset_minutes().checked_mul(60)?)?;
    Some(DateTime::from_timestamp(time.seconds(), 0)?.with_timezone(&offset))
}

/// Looks a commit up by its id, never by a ref that happens to look like one.
fn find(repository: &Repository, commit: &CommitId) -> Option<Oid> {
    match repository.find_commit_by_prefix(commit.as_str()) {
        Ok(found) => Some(found.id()),
        Err(error) => {
            tracing::debug!(%commit, error = error.message(), "the clone does not show the commit");
            None
        }
    }
}

/// Lets libgit2 open repositories of other users: the runner's workspace belongs to uid 1001, and the action runs as root.
fn accept_foreign_owners() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        #[expect(unsafe_code, reason = "libgit2 has no safe way to open a repository of another user")]
        // SAFETY: the call sets one global of libgit2, which is only read when a repository is opened. This crate opens
        // them in `LocalClone::open` only, after this `Once` is through, so that no read can race with the write. The
        // check exists because git runs programs that a repository's configuration names; nothing here does.
        let result = unsafe { git2::opts::set_verify_owner_validation(false) };
        if let Err(error) = result {
            tracing::debug!(error = error.message(), "libgit2 goes on checking the owner of repositories");
        }
    });
}
