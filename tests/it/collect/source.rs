//! What the source repository is asked.

use chrono::{DateTime, Utc};
use ghcr_lifecycle::{
    model::RepositoryName,
    ports::{GitTagObject, PortErrorKind, RepositoryReader as _},
    sandbox::{Fault, FaultEffect},
};

use super::support::{clients, rest};
use crate::sandbox::api::{acme, project, time};

fn shop() -> RepositoryName {
    "acme/shop".parse().unwrap()
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

#[tokio::test]
async fn it_tells_what_is_open_and_what_exists() {
    let sandbox = acme().await;
    let commits = project(&sandbox);
    let source = clients(&sandbox).repositories;
    assert_eq!(Vec::from_iter(source.open_pull_requests(&shop()).await.unwrap()), [1]);
    let branches = source.branches(&shop()).await.unwrap();
    let branches: Vec<(&str, &str)> = branches.iter().map(|(name, tip)| (name.as_str(), tip.as_str())).collect();
    assert_eq!(branches, [("main", commits[2].as_str()), ("release/1", commits[3].as_str())]);
    assert_eq!(source.default_branch(&shop()).await.unwrap(), "main");
    let releases = source.releases(&shop()).await.unwrap();
    assert_eq!(Vec::from_iter(releases.keys()), ["v1.0.0", "v1.1.0-rc.1"]);
    assert_eq!(releases["v1.0.0"], at("2026-02-02T08:00:00Z"));
    let tags = source.git_tags(&shop()).await.unwrap();
    assert_eq!(tags["v1.0.0"], GitTagObject::Lightweight);
    let GitTagObject::Annotated(object) = &tags["v1.0.1"] else { panic!() };
    assert_eq!(source.git_tag_date(&shop(), object).await.unwrap(), at("2026-02-04T08:00:00Z"));
    let tip = commits[2].parse().unwrap();
    let since = source.commits_since(&shop(), &tip, at("2026-02-02T00:00:00Z")).await.unwrap();
    assert_eq!(since.len(), 2);
    assert_eq!(since[&tip], at("2026-02-03T08:00:00Z"));
}

#[tokio::test]
async fn many_pull_requests_are_listed_until_two_listings_agree() {
    let sandbox = acme().await;
    project(&sandbox);
    sandbox.change(|state| {
        let source = state.source_mut("acme/shop").unwrap();
        for _ in 0..150 {
            source.open_pull_request("release/1", "More", time("2026-02-20T00:00:00Z"));
        }
    });
    // One in the first page is closed between the pages: the second page begins one too late.
    let control = sandbox.control();
    let is_done = std::sync::atomic::AtomicBool::new(false);
    sandbox.on_request(move |request| {
        if request.path.contains("page=2") && !is_done.swap(true, std::sync::atomic::Ordering::SeqCst) {
            control.change(|state| {
                state.source_mut("acme/shop").unwrap().close_pull_request(1, false, time("2026-02-21T00:00:00Z"));
            });
        }
        std::future::ready(())
    });
    let source = clients(&sandbox).repositories;
    let open = source.open_pull_requests(&shop()).await.unwrap();
    assert_eq!(open, (3..=152).collect());
    assert_eq!(rest(&sandbox).len(), 6, "{:?}", rest(&sandbox));
}

#[tokio::test]
async fn files_are_those_of_one_commit() {
    let sandbox = acme().await;
    let commits = project(&sandbox);
    let source = clients(&sandbox).repositories;
    let files = source.files(&shop(), "release/1").await.unwrap();
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, [".github/ghcr-lifecycle.yml", "README.md", "src/fix.txt"]);
    assert!(files.iter().all(|file| file.commit.as_str() == commits[3]));
    assert_eq!(source.file(&shop(), &files[2]).await.unwrap(), "fixed");
}

#[tokio::test]
async fn a_cut_tree_or_an_absent_branch_is_an_error() {
    let sandbox = acme().await;
    project(&sandbox);
    sandbox.change(|state| state.source_mut("acme/shop").unwrap().truncates_trees = true);
    let source = clients(&sandbox).repositories;
    let cut = source.files(&shop(), "main").await.unwrap_err();
    assert!(cut.to_string().contains("the API cut the list"), "{cut}");
    let absent = source.files(&shop(), "none").await.unwrap_err();
    assert_eq!(absent.kind, PortErrorKind::NotFound);
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let sandbox = acme().await;
    project(&sandbox);
    sandbox.fault(Fault::always(FaultEffect::Status {
        code: 403,
        body: r#"{"message":"Resource not accessible by integration"}"#.to_owned(),
        headers: Vec::new(),
    }));
    let source = clients(&sandbox).repositories;
    let pulls = source.open_pull_requests(&shop()).await.unwrap_err();
    assert_eq!(pulls.kind, PortErrorKind::Denied);
    assert!(pulls.hint.unwrap().contains("`pull-requests: read`"));
    assert!(source.branches(&shop()).await.unwrap_err().hint.unwrap().contains("`contents: read`"));
}
