//! The local clone, made by the program git.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use ghcr_lifecycle::{
    adapters::{git::LocalClone, history::History},
    model::CommitId,
    ports::{Ancestry, NameKind, SourceHistory},
};
use tempfile::TempDir;

use crate::programs::program;
pub(crate) use crate::programs::run;

mod head;

pub(crate) struct Repository {
    folder: TempDir,
}

pub(crate) fn git(at: &Path) -> Command {
    let mut command = program("git", "git");
    command
        .current_dir(at)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap())
        .env("HOME", at)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "protocol.file.allow=always"])
        .args(["-c", "init.defaultBranch=main", "-c", "safe.directory=*", "-c", "advice.detachedHead=false"]);
    command
}

impl Repository {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        run(git(folder.path()).args(["init", "-q"]));
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Commits nothing, at a time of its own.
    fn commit_dated(&self, date: &str) {
        run(git(self.path()).env("GIT_COMMITTER_DATE", date).args(["commit", "-q", "--allow-empty", "-m", "dated"]));
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        run(git(self.path()).args(arguments))
    }

    pub(crate) fn commit(&self, message: &str) -> CommitId {
        self.git(&["commit", "-q", "--allow-empty", "-m", message, "--date", "2026-01-01T00:00:00+00:00"]);
        self.git(&["rev-parse", "HEAD"]).parse().unwrap()
    }

    fn open(&self) -> LocalClone {
        LocalClone::open(self.path()).unwrap().unwrap()
    }

    fn clone_of(&self, arguments: &[&str]) -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("file://{}", self.path().display());
        run(git(folder.path()).args(["clone", "-q"]).args(arguments).args([&url, "clone"]));
        let path = folder.path().join("clone");
        (folder, path)
    }
}

fn short(commit: &CommitId) -> CommitId {
    commit.abbreviated(7).parse().unwrap()
}

#[test]
fn commits_are_compared() {
    let repository = Repository::new();
    let first = repository.commit("first");
    let second = repository.commit("second");
    repository.git(&["checkout", "-q", "-b", "side", first.as_str()]);
    let side = repository.commit("side");
    // A branch that looks like another commit's id must not be taken for it.
    repository.git(&["branch", first.abbreviated(8), second.as_str()]);
    let clone = repository.open();
    for first in [first.clone(), short(&first), first.abbreviated(8).parse().unwrap()] {
        assert_eq!(clone.ancestry(&second, &first), Ancestry::Descendant);
        assert_eq!(clone.ancestry(&first, &second), Ancestry::Ancestor);
    }
    assert_eq!(clone.ancestry(&second, &short(&second)), Ancestry::Same);
    assert_eq!(clone.ancestry(&second, &side), Ancestry::Diverged);
    let absent = "0123456789012345678901234567890123456789".parse().unwrap();
    assert_eq!(clone.ancestry(&second, &absent), Ancestry::Unknown);
    assert_eq!(clone.ancestry(&absent, &second), Ancestry::Unknown);
    assert_eq!(clone.commit_date(&absent), None);
}

#[test]
fn a_shallow_clone_is_believed_only_in_what_it_shows() {
    let repository = Repository::new();
    let commits: Vec<CommitId> = ["1", "2", "3", "4"].map(|message| repository.commit(message)).into();
    repository.git(&["checkout", "-q", "-b", "side", commits[0].as_str()]);
    let side = repository.commit("side");
    let (_folder, path) = repository.clone_of(&["--depth", "2", "--no-single-branch"]);
    let clone = LocalClone::open(&path).unwrap().unwrap();
    assert_eq!(clone.ancestry(&commits[3], &commits[2]), Ancestry::Descendant);
    assert_eq!(clone.ancestry(&commits[2], &commits[3]), Ancestry::Ancestor);
    assert_eq!(clone.ancestry(&commits[3], &commits[1]), Ancestry::Unknown);
    assert_eq!(clone.ancestry(&commits[3], &side), Ancestry::Unknown, "{side} is there, the common parent may not be");
    assert_eq!(clone.ancestry(&commits[3], &commits[0]), Ancestry::Unknown);
}

#[test]
fn dates_keep_their_offset() {
    let repository = Repository::new();
    repository.commit_dated("2026-02-03T04:05:06+05:30");
    let commit = repository.git(&["rev-parse", "HEAD"]).parse().unwrap();
    let date = repository.open().commit_date(&commit).unwrap();
    assert_eq!(date.to_rfc3339(), "2026-02-03T04:05:06+05:30");
}

#[test]
fn names_are_tags_or_branches_only_where_the_clone_shows_it() {
    let repository = Repository::new();
    let first = repository.commit("first");
    repository.git(&["tag", "light"]);
    repository.git(&["tag", "-a", "-m", "annotated", "v1"]);
    let second = repository.commit("second");
    repository.git(&["branch", "feature/x#1"]);
    let (_folder, path) = repository.clone_of(&[]);
    for clone in [repository.open(), LocalClone::open(&path).unwrap().unwrap()] {
        assert_eq!(clone.name_kind("light", &first), Some(NameKind::Tag));
        assert_eq!(clone.name_kind("v1", &first), Some(NameKind::Tag));
        assert_eq!(clone.name_kind("v1", &second), None);
        assert_eq!(clone.name_kind("main", &second), Some(NameKind::Branch));
        assert_eq!(clone.name_kind("feature/x#1", &second), Some(NameKind::Branch));
        assert_eq!(clone.name_kind("main", &first), None);
        for name in ["absent", "", "..", "a b", "../../heads/main", "x\ny", "a\0b"] {
            assert_eq!(clone.name_kind(name, &second), None, "{name:?}");
        }
    }
}

#[test]
fn a_repository_of_another_user_is_opened_and_none_of_its_programs_runs() {
    let repository = Repository::new();
    let first = repository.commit("first");
    let second = repository.commit("second");
    let trap = repository.path().join("trap");
    let ran = repository.path().join("ran");
    fs::write(&trap, format!("#!/bin/sh\ntouch {}\n", ran.display())).unwrap();
    run(program("chmod", "coreutils").arg("+x").arg(&trap));
    let trap = trap.display().to_string();
    for key in ["core.fsmonitor", "core.sshCommand", "core.pager", "filter.x.smudge", "diff.external", "alias.status"] {
        repository.git(&["config", key, &trap]);
    }
    repository.git(&["config", "core.hooksPath", &repository.path().display().to_string()]);
    if run(program("id", "coreutils").arg("-u")) == "0" {
        run(program("chown", "coreutils").args(["-R", "1001:1001"]).arg(repository.path()));
    }
    assert_eq!(repository.open().ancestry(&second, &first), Ancestry::Descendant);
    assert!(!ran.exists());
}

#[tokio::test]
async fn without_a_repository_history_is_unknown() {
    let folder = tempfile::tempdir().unwrap();
    assert!(LocalClone::open(folder.path()).unwrap().is_none());
    let history = History::default();
    let (one, two) = ("1234567".parse().unwrap(), "7654321".parse().unwrap());
    assert_eq!(history.ancestry(&one, &two).await.unwrap(), Ancestry::Unknown);
    assert_eq!(history.ancestry(&one, &one).await.unwrap(), Ancestry::Same);
    assert_eq!(history.branch_tip("main").await.unwrap(), None);
    assert_eq!(history.commit_date(&one).await.unwrap(), None);
    assert!(history.name_kind("main", &one).await.unwrap_err().hint.unwrap().contains("github-token"));
}

#[test]
fn a_broken_repository_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    run(git(folder.path()).args(["init", "-q"]));
    fs::write(folder.path().join(".git/config"), "[core\n").unwrap();
    assert!(LocalClone::open(folder.path()).is_err());
}
