//! What docker/metadata-action's inputs are read against: refs and commits as the runner writes them.

use std::collections::BTreeMap;

use ghcr_lifecycle::{
    event::{self, Built, Committed, Context, EventKind, Subject},
    model::{GitHead, RepositoryFacts},
};
use serde_json::{Value, json};

use super::{Fixture, clock};

const MERGE: &str = "1111111111111111111111111111111111111111";
const HEAD: &str = "2222222222222222222222222222222222222222";

fn context(variables: &[(&str, &str)], payload: &Value) -> Context {
    let environment: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    event::parse(&environment, Some(payload.to_string().as_bytes()), clock()).unwrap()
}

fn pull_request(event: &str) -> Context {
    let payload = json!({
        "number": 5,
        "pull_request": {"number": 5, "head": {"ref": "x", "sha": HEAD}, "base": {"ref": "release/1"}},
        "repository": {"default_branch": "trunk"},
    });
    context(&[("GITHUB_EVENT_NAME", event), ("GITHUB_REF", "refs/heads/trunk"), ("GITHUB_SHA", MERGE)], &payload)
}

fn built(context: &Context, pull_request_head: bool) -> (Option<String>, Option<String>) {
    let Built { git_ref, sha, .. } = context.built(pull_request_head);
    (git_ref, sha)
}

fn some(git_ref: &str, sha: &str) -> (Option<String>, Option<String>) {
    (Some(git_ref.to_owned()), Some(sha.to_owned()))
}

pub(super) fn checkout(git_ref: &str) -> GitHead {
    GitHead {
        git_ref: git_ref.to_owned(),
        literal_ref: format!("{git_ref}, literally"),
        sha: "3333333333333333333333333333333333333333".parse().unwrap(),
        committed: "2026-02-03T04:05:06+05:30".parse().unwrap(),
    }
}

#[test]
fn a_pull_request_was_built_at_its_merge_commit_unless_its_head_is_asked_for() {
    let context = pull_request("pull_request");
    assert_eq!(built(&context, false), some("refs/heads/trunk", MERGE));
    assert_eq!(built(&context, true), some("refs/heads/trunk", HEAD));
    assert_eq!(context.sha.as_ref().map(|sha| sha.as_str()), Some(HEAD), "policies always mean the head");
    let review = pull_request("pull_request_review_comment");
    assert_eq!(built(&review, true), some("refs/heads/trunk", HEAD));
    let push = pull_request("push");
    assert_eq!(built(&push, true), some("refs/heads/trunk", MERGE));
    assert_eq!(push.raw.pull_request_base.as_deref(), Some("release/1"));
    assert_eq!(push.raw.default_branch.as_deref(), Some("trunk"));
}

#[test]
fn pull_request_target_has_the_ref_that_pull_request_has() {
    let target = |payload: Value| {
        context(
            &[("GITHUB_EVENT_NAME", "pull_request_target"), ("GITHUB_REF", "refs/heads/trunk"), ("GITHUB_SHA", MERGE)],
            &payload,
        )
    };
    for (number, expected) in [
        (json!(5), "refs/pull/5/merge"),
        (json!("5"), "refs/pull/5/merge"),
        (json!(null), "refs/pull/null/merge"),
        (json!(true), "refs/pull/true/merge"),
        (json!({}), "refs/pull/[object Object]/merge"),
    ] {
        let payload = json!({"number": number, "pull_request": {"head": {"sha": HEAD}}});
        assert_eq!(built(&target(payload), false), some(expected, MERGE));
    }
    assert_eq!(built(&target(json!({})), true), some("refs/pull/undefined/merge", MERGE));
}

#[test]
fn what_is_not_set_is_not_empty() {
    let payload = json!({});
    let absent = context(&[], &payload);
    assert_eq!(built(&absent, false), (None, None));
    let empty = context(&[("GITHUB_REF", ""), ("GITHUB_SHA", "")], &payload);
    assert_eq!(built(&empty, false), some("", ""));
    assert_eq!((empty.git_ref.as_deref(), empty.sha.as_ref()), (None, None));
    let odd = context(&[("GITHUB_REF", "somewhere"), ("GITHUB_SHA", "NoHex")], &payload);
    assert_eq!(built(&odd, false), some("somewhere", "NoHex"));
}

#[test]
fn the_date_is_that_of_the_commit_in_the_payload() {
    let payload = json!({
        "commits": [
            {"id": MERGE, "timestamp": "2026-01-01T00:00:00+01:00"},
            {"id": MERGE, "timestamp": "2026-01-09T00:00:00+01:00"},
            {"id": "other", "timestamp": "2026-01-02 00:00"},
            {"id": "undated"},
            {"id": "late", "timestamp": ""},
        ],
        "head_commit": {"id": "late", "timestamp": "2026-01-03T00:00:00Z"},
        "base_ref": "refs/heads/trunk",
    });
    let written = |text: &str| Committed::Written(text.to_owned());
    for (sha, expected) in [
        (MERGE, written("2026-01-01T00:00:00+01:00")),
        ("other", written("2026-01-02 00:00")),
        ("late", written("2026-01-03T00:00:00Z")),
        ("undated", Committed::Unknown),
        ("unknown", Committed::Unknown),
    ] {
        let context = context(&[("GITHUB_EVENT_NAME", "push"), ("GITHUB_SHA", sha)], &payload);
        assert_eq!(context.built(false).committed, expected);
        assert_eq!(context.raw.base_ref.as_deref(), Some("refs/heads/trunk"));
    }
    let undated = context(&[("GITHUB_SHA", HEAD)], &json!({"head_commit": {"id": HEAD}}));
    assert_eq!(undated.built(false).committed, written(""));
    let absent = context(&[], &json!({"commits": [{"timestamp": "2026-01-01"}], "head_commit": null}));
    assert_eq!(absent.built(false).committed, written("2026-01-01"));
}

#[test]
fn the_api_is_asked_only_where_the_payload_lacks_a_fact() {
    let whole = json!({
        "name": "shop", "html_url": "https://github.com/acme/shop", "description": null, "license": null,
        "default_branch": "main",
    });
    let lacks = |repository: &Value| context(&[], &json!({"repository": repository})).lacks_facts();
    assert!(!lacks(&whole));
    for key in ["name", "html_url", "description", "license", "default_branch"] {
        let mut partial = whole.clone();
        partial.as_object_mut().unwrap().remove(key);
        assert!(lacks(&partial), "{key}");
    }
    assert!(lacks(&json!(null)));
    let facts = RepositoryFacts { name: Some("shop".into()), ..RepositoryFacts::default() };
    let told = context(&[], &json!({})).with_facts(facts.clone());
    assert!(!told.lacks_facts());
    assert_eq!(told.facts, facts);
    for fixture in ["push-kyklos-main", "schedule-phialo-weekly"] {
        let fixture = Fixture::all().into_iter().find(|found| found.name == fixture).unwrap();
        assert_eq!(fixture.context().unwrap().facts.name.as_deref().is_some(), fixture.payload.is_some());
    }
}

#[test]
fn what_is_checked_out_takes_the_place_of_ref_and_commit() {
    let payload = json!({"base_ref": "refs/heads/main"});
    let push = [("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF", "refs/tags/v2"), ("GITHUB_SHA", MERGE)];
    let context = context(&push, &payload);
    assert_eq!(context.base_ref.as_deref(), Some("main"));
    let context = context.with_checkout(checkout("refs/tags/v1"));
    assert_eq!(context.subject, Subject::Tag("v1".into()));
    assert_eq!((context.git_ref.as_deref(), context.base_ref.as_deref()), (Some("refs/tags/v1"), None));
    assert_eq!(context.sha.as_ref().map(|sha| sha.as_str()), Some("3333333333333333333333333333333333333333"));
    assert_eq!(context.commit_date.unwrap().to_rfc3339(), "2026-02-03T04:05:06+05:30");
    let Built { git_ref, sha, committed } = context.built(true);
    assert_eq!(git_ref.as_deref(), Some("refs/tags/v1, literally"));
    assert_eq!(sha.as_deref(), Some("3333333333333333333333333333333333333333"));
    assert_eq!(committed, Committed::At(context.commit_date.unwrap()));
    let elsewhere = context.with_ref("v9.0.0").unwrap().with_checkout(checkout("refs/heads/main"));
    assert_eq!((elsewhere.subject, elsewhere.sha, elsewhere.commit_date), (Subject::Tag("v9.0.0".into()), None, None));
}

#[test]
fn a_checkout_never_makes_a_pull_request_a_branch() {
    for event in ["pull_request", "pull_request_target"] {
        let context = pull_request(event).with_checkout(checkout("refs/heads/main"));
        assert_eq!(context.event, EventKind::named(event));
        assert_eq!(context.subject, Subject::PullRequest(Some(5)));
        assert_eq!(context.base_ref.as_deref(), Some("release/1"));
        assert_eq!(built(&context, false).0.as_deref(), Some("refs/heads/main, literally"));
    }
    let merge = pull_request("pull_request").with_checkout(checkout("refs/pull/5/merge"));
    assert_eq!(merge.sha.as_ref().map(|sha| sha.as_str()), Some(HEAD));
    let deleted = context(
        &[("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF", "refs/heads/main")],
        &json!({"deleted": true, "ref": "refs/heads/x"}),
    );
    assert!(matches!(deleted.with_checkout(checkout("refs/heads/main")).subject, Subject::Nothing(_)));
}
