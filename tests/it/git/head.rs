//! What is checked out: each case against what the program git says of the same clone.

use std::path::Path;

use ghcr_lifecycle::{
    adapters::{git::LocalClone, history::History},
    model::GitHead,
    ports::{PortError, PortErrorKind, SourceRepository},
};

use super::{Repository, git, run};

fn head(at: &Path) -> Result<GitHead, PortError> {
    LocalClone::open(at).unwrap().unwrap().head()
}

fn decoration(at: &Path) -> String {
    run(git(at).args(["log", "-1", "--format=%D"]))
}

fn refs(at: &Path) -> (String, String) {
    let head = head(at).unwrap();
    assert_eq!(head.sha.to_string(), run(git(at).args(["rev-parse", "HEAD"])));
    assert_eq!(head.committed.timestamp().to_string(), run(git(at).args(["log", "-1", "--format=%ct"])));
    (head.git_ref, head.literal_ref)
}

fn both(git_ref: &str) -> (String, String) {
    (git_ref.to_owned(), git_ref.to_owned())
}

#[test]
fn a_branch_is_checked_out_by_its_name() {
    let repository = Repository::new();
    repository.commit("first");
    assert_eq!(refs(repository.path()), both("refs/heads/main"));
    repository.git(&["checkout", "-q", "-b", "feature/x"]);
    repository.git(&["tag", "v1"]);
    assert_eq!(refs(repository.path()), both("refs/heads/feature/x"));
    let (_folder, shallow) = repository.clone_of(&["--depth", "1"]);
    assert_eq!(refs(&shallow), both("refs/heads/feature/x"));
}

#[test]
fn the_checkouts_of_a_workflow_have_one_name() {
    let repository = Repository::new();
    repository.commit("first");
    repository.commit("second");
    repository.git(&["tag", "-a", "-m", "annotated", "v1.2.3"]);
    // What `actions/checkout` fetches: nothing but the ref of the run.
    for (refspec, shown, expected) in [
        ("refs/tags/v1.2.3:refs/tags/v1.2.3", "tag: v1.2.3", "refs/tags/v1.2.3"),
        ("HEAD:refs/remotes/pull/5/merge", "pull/5/merge", "refs/pull/5/merge"),
        ("HEAD:refs/remotes/pull/5/head", "pull/5/head", "refs/pull/5/head"),
        ("HEAD:refs/remotes/origin/main", "origin/main", "refs/heads/main"),
        ("HEAD:refs/remotes/origin/feature/x", "origin/feature/x", "refs/heads/feature/x"),
    ] {
        for depth in [&["--depth=1"][..], &[]] {
            let folder = tempfile::tempdir().unwrap();
            run(git(folder.path()).args(["init", "-q"]));
            let url = format!("file://{}", repository.path().display());
            run(git(folder.path()).args(["fetch", "-q", "--no-tags"]).args(depth).args([&url, &format!("+{refspec}")]));
            run(git(folder.path()).args(["checkout", "-q", "--detach", "FETCH_HEAD"]));
            let grafted = if depth.is_empty() { "" } else { "grafted, " };
            assert_eq!(decoration(folder.path()), format!("{grafted}HEAD, {shown}"));
            assert_eq!(refs(folder.path()), both(expected));
        }
    }
}

#[test]
fn several_branches_on_a_commit_are_read_as_one_text_only_for_docker_metadata_action() {
    let repository = Repository::new();
    repository.commit("first");
    repository.git(&["tag", "v1"]);
    let (_folder, clone) = repository.clone_of(&[]);
    run(git(&clone).args(["checkout", "-q", "--detach"]));
    assert_eq!(decoration(&clone), "HEAD, tag: v1, origin/main, origin/HEAD, main");
    assert_eq!(refs(&clone), ("refs/tags/v1".into(), "refs/tags/v1".into()));
    run(git(&clone).args(["tag", "v0"]));
    assert_eq!(refs(&clone), ("refs/tags/v1".into(), "refs/tags/v1".into()));
    run(git(&clone).args(["tag", "-d", "v0", "v1"]));
    assert_eq!(refs(&clone), ("refs/heads/main".into(), "refs/heads/origin/HEAD, main".into()));
    run(git(&clone).args(["update-ref", "-d", "--no-deref", "refs/remotes/origin/HEAD"]));
    run(git(&clone).args(["branch", "release"]));
    assert_eq!(decoration(&clone), "HEAD, origin/main, release, main");
    assert_eq!(refs(&clone), ("refs/heads/main".into(), "refs/heads/main".into()));
    // Notes and other refs decorate nothing.
    run(git(&clone).args(["update-ref", "refs/pull/7/head", "HEAD"]));
    run(git(&clone).args(["update-ref", "refs/remotes/pull/7/merge", "HEAD"]));
    assert_eq!(decoration(&clone), "HEAD, pull/7/merge, origin/main, release, main");
    let literal = "refs/heads/7/merge, origin/main, release, main";
    assert_eq!(refs(&clone), ("refs/pull/7/merge".into(), literal.into()));
}

#[test]
fn without_a_name_at_the_commit_one_that_contains_it_is_found() {
    let repository = Repository::new();
    let first = repository.commit("first");
    repository.commit("second");
    let at = repository.path();
    repository.git(&["branch", "older"]);
    let commit = |date: &str| {
        run(git(at).env("GIT_COMMITTER_DATE", date).args(["commit", "-q", "--allow-empty", "-m", "later"]));
    };
    commit("2030-01-01T00:00:00Z");
    repository.git(&["checkout", "-q", "-b", "side", first.as_str()]);
    commit("2031-01-01T00:00:00Z");
    repository.git(&["tag", "b-tag"]);
    repository.git(&["tag", "-a", "-m", "annotated", "a-tag"]);
    repository.git(&["checkout", "-q", "--detach", first.as_str()]);
    let containing = |folder: &str| {
        run(git(at).args([
            "for-each-ref",
            "--format=%(refname)",
            "--contains",
            "HEAD",
            "--sort=-committerdate",
            folder,
        ]))
    };
    assert_eq!(decoration(at), "HEAD");
    assert_eq!(containing("refs/heads/"), "refs/heads/side\nrefs/heads/main\nrefs/heads/older");
    assert_eq!(refs(at), both("refs/heads/side"));
    for branch in ["side", "main", "older"] {
        repository.git(&["update-ref", &format!("refs/remotes/origin/{branch}"), &format!("refs/heads/{branch}")]);
        repository.git(&["branch", "-q", "-D", branch]);
    }
    assert_eq!(refs(at), both("refs/heads/side"));
    repository.git(&["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/side"]);
    assert_eq!(containing("refs/remotes/").lines().next(), Some("refs/remotes/origin/HEAD"));
    assert_eq!(refs(at), ("refs/heads/side".into(), "refs/heads/HEAD".into()));
    repository.git(&["symbolic-ref", "--delete", "refs/remotes/origin/HEAD"]);
    for branch in ["side", "main", "older"] {
        repository.git(&["update-ref", "-d", &format!("refs/remotes/origin/{branch}")]);
    }
    assert_eq!(repository.git(&["tag", "--contains", "HEAD"]), "a-tag\nb-tag");
    assert_eq!(refs(at), both("refs/tags/a-tag"));
    repository.git(&["tag", "-d", "a-tag", "b-tag"]);
    let error = head(at).unwrap_err();
    assert!(error.detail.contains("no branch or tag of the clone contains it"), "{error}");
}

#[test]
fn a_local_branch_alone_does_not_name_a_detached_head() {
    let repository = Repository::new();
    repository.commit("first");
    repository.git(&["checkout", "-q", "--detach"]);
    assert_eq!(decoration(repository.path()), "HEAD, main");
    let error = head(repository.path()).unwrap_err();
    assert!(error.detail.contains("its only name is the local branch `main`"), "{error}");
    assert!(error.hint.is_some());
    // docker/metadata-action takes the first part of such a name for a remote.
    repository.git(&["branch", "-m", "main", "feature/x"]);
    assert_eq!(refs(repository.path()), ("refs/heads/feature/x".into(), "refs/heads/x".into()));
}

#[test]
fn nothing_checked_out_is_an_error() {
    let repository = Repository::new();
    assert!(head(repository.path()).unwrap_err().detail.contains("leads to no commit"));
    assert_eq!(History::default().checkout().unwrap_err().kind, PortErrorKind::NotFound);
}

#[test]
fn a_clone_of_another_user_is_read_with_its_dates() {
    let repository = Repository::new();
    repository.commit_dated("2026-02-03T04:05:06+05:30");
    if run(crate::programs::program("id", "coreutils").arg("-u")) == "0" {
        run(crate::programs::program("chown", "coreutils").args(["-R", "1001:1001"]).arg(repository.path()));
    }
    let head = head(repository.path()).unwrap();
    assert_eq!(head.committed.to_rfc3339(), "2026-02-03T04:05:06+05:30");
}
