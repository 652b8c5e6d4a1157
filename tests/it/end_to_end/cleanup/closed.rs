//! `mode: auto` when a pull request is closed: its tags go, its versions are the weekly run's.

use ghcr_lifecycle::{
    model::Secret,
    sandbox::{
        Sandbox,
        state::{TokenKind, tokens::Role},
    },
};
use serde_json::{Value, json};

use super::{
    super::step::{Step, single, writes},
    shop::{
        ALL, KEPT, PACKAGE, all_tags, api, assert_untouched, days_ago, manifests_read, policy, publish_policy, read,
        shop, step, tags, versions,
    },
};

fn payload(number: u64, head: &str) -> Value {
    json!({
        "action": "closed",
        "number": number,
        "pull_request": {
            "number": number,
            "merged": true,
            "head": {"ref": "feature", "sha": "1f0c0d0e5a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d", "repo": {"full_name": head}},
            "base": {"ref": "main", "sha": "9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d", "repo": {"full_name": PACKAGE}},
        },
        "repository": {"full_name": PACKAGE, "default_branch": "main"},
    })
}

/// A step of the build's workflow when pull request 2 is closed, with a work tree whose policy would keep everything.
fn closing(sandbox: &Sandbox, event: &str, head: &str) -> Step {
    let git_ref = if event == "pull_request" { "refs/pull/2/merge" } else { "refs/heads/main" };
    let step = step(sandbox, "auto", event, git_ref, &payload(2, head)).variable("GITHUB_BASE_REF", "main");
    let theirs = policy(&[PACKAGE], &sandbox.host()).replace("while open", "forever");
    step.policy(&theirs).source("image.tar".as_ref())
}

fn close(sandbox: &Sandbox) {
    sandbox.change(|state| state.source_mut(PACKAGE).unwrap().close_pull_request(2, true, days_ago(0)));
}

fn without_the_tag() -> Vec<&'static str> {
    all_tags().into_iter().filter(|tag| *tag != "pr-2").collect()
}

#[test]
fn its_tags_go_and_its_versions_stay() {
    for event in ["pull_request", "pull_request_target"] {
        let sandbox = shop();
        close(&sandbox);
        let outcome = closing(&sandbox, event, PACKAGE).input("dry-run", "false").succeed();
        assert_eq!(tags(&sandbox), without_the_tag(), "{outcome}");
        assert_eq!(versions(&sandbox, PACKAGE), ALL);
        assert_eq!([&*outcome.outputs["deleted"], &*outcome.outputs["untagged"]], ["0", "1"]);
        assert_eq!([&*outcome.outputs["remaining"], &*outcome.outputs["failed"]], ["0", "0"]);
        for told in [&outcome.stdout, &read(&outcome.summary)] {
            assert!(told.contains("1 tag of pull request 2 taken away: `pr-2`"), "{outcome}\n{}", outcome.summary);
        }
    }
}

#[test]
fn it_costs_a_few_requests_and_no_download() {
    let sandbox = shop();
    // More than a page, nearly all of it none of the pull request's.
    for number in 0..150 {
        single("same").put_into(&sandbox, PACKAGE, &format!("other-{number}").parse().unwrap());
        single(&format!("build {number}")).put_into(&sandbox, PACKAGE, &format!("main-{number:07}").parse().unwrap());
    }
    close(&sandbox);
    closing(&sandbox, "pull_request", PACKAGE).input("dry-run", "false").succeed();
    assert!(sandbox.tag(PACKAGE, "pr-2").is_none());
    assert_eq!(manifests_read(&sandbox), 0);
    let asked = api(&sandbox);
    assert!(asked.len() <= 2 + 12, "{asked:#?}");
    let registry = sandbox.requests().len() - asked.len();
    assert!(registry <= 20, "{:#?}", sandbox.requests());
}

#[test]
fn it_is_a_dry_run_unless_told_otherwise() {
    let sandbox = shop();
    close(&sandbox);
    let outcome = closing(&sandbox, "pull_request_target", PACKAGE).succeed();
    assert_untouched(&sandbox);
    assert!(outcome.stdout.contains("set `dry-run: false`"), "{outcome}");
    assert!(read(&outcome.summary).contains("pull request 2 goes: `pr-2`"), "{}", outcome.summary);
}

#[test]
fn a_forks_is_one_sentence() {
    let sandbox = shop();
    close(&sandbox);
    let token = "ghs_fork0000000000000000000000000000000";
    let kind = TokenKind::Workflow { repository: PACKAGE.to_owned(), packages: Role::Read };
    sandbox.add_token(Secret::new(token).unwrap(), kind);
    let outcome =
        closing(&sandbox, "pull_request", "grace/shop").input("github-token", token).input("dry-run", "false");
    let outcome = outcome.succeed();
    assert_untouched(&sandbox);
    assert!(outcome.stdout.contains("::notice::nothing was changed: this is a fork's pull request"), "{outcome}");
    assert!(!outcome.stdout.contains("::error") && !outcome.stdout.contains("::warning"), "{outcome}");
    // There the token may write, whoever opened the pull request.
    closing(&sandbox, "pull_request_target", "grace/shop").input("dry-run", "false").succeed();
    assert_eq!(tags(&sandbox), without_the_tag());
}

#[test]
fn one_that_was_reopened_keeps_its_tags() {
    // The event is late: it is open again.
    let sandbox = shop();
    let outcome = closing(&sandbox, "pull_request", PACKAGE).input("dry-run", "false").succeed();
    assert_untouched(&sandbox);
    assert!(outcome.stdout.contains("pull request 2 is open"), "{outcome}");
    assert_eq!(outcome.outputs["untagged"], "0");
}

#[test]
fn only_what_the_policy_lets_expire_goes() {
    let sandbox = shop();
    publish_policy(&sandbox, &policy(&[PACKAGE], &sandbox.host()).replace("while open", "{while: open, for: 3 days}"));
    close(&sandbox);
    let outcome = closing(&sandbox, "pull_request", PACKAGE).input("dry-run", "false").succeed();
    assert_untouched(&sandbox);
    assert!(outcome.stdout.contains("2 days old, kept for 3 days"), "{outcome}");
}

#[test]
fn one_without_tags_is_no_failure() {
    let sandbox = shop();
    close(&sandbox);
    sandbox.change(|state| state.remove_tag(PACKAGE, &"pr-2".parse().unwrap()));
    let outcome = closing(&sandbox, "pull_request", PACKAGE).input("dry-run", "false").succeed();
    assert_eq!(writes(&sandbox), []);
    assert!(outcome.stdout.contains("No tag of pull request 2 is here"), "{outcome}");
}

#[test]
fn the_weekly_run_sweeps_what_was_left() {
    let sandbox = shop();
    close(&sandbox);
    closing(&sandbox, "pull_request", PACKAGE).input("dry-run", "false").succeed();
    sandbox.freeze(days_ago(-20));
    super::shop::weekly(&sandbox, "cleanup").input("dry-run", "false").succeed();
    let kept: Vec<&str> = KEPT.into_iter().filter(|tag| *tag != "pr-2").collect();
    assert_eq!(tags(&sandbox), kept);
    assert_eq!(versions(&sandbox, PACKAGE), ALL - super::shop::DELETED - 1);
}
