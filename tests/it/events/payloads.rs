//! Payloads that GitHub really sent, of every event in the package that `tests/payloads` fetches.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
};

use ghcr_lifecycle::event::{self, Context, EventKind, Subject};
use serde_json::{Value, json};

use super::{assert_sane, clock};

/// A commit that no payload holds, for what the runner alone knows.
const RUNNER_SHA: &str = "5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e5ca1ab1e";

struct Example {
    event: String,
    payload: Value,
    /// Where it stands in the package.
    place: String,
}

fn folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    env::var_os("GHCR_LIFECYCLE_PAYLOADS").map_or_else(|| root.join("target/payloads"), |folder| root.join(folder))
}

pub(crate) fn examples() -> Vec<(String, Value)> {
    read().into_iter().map(|example| (example.event, example.payload)).collect()
}

fn read() -> Vec<Example> {
    let mut examples = Vec::new();
    for server in ["api.github.com", "ghes-31", "ghes-32", "ghes-33", "ghes-34", "ghes-35"] {
        let file = folder().join(server).join("index.json");
        let text = fs::read(&file).unwrap_or_else(|error| {
            panic!("{}: {error}\nhint: run `tests/payloads`, which fetches it", file.display())
        });
        let events: Vec<Value> = serde_json::from_slice(&text).unwrap();
        for entry in &events {
            let name = entry["name"].as_str().unwrap();
            for (number, payload) in entry["examples"].as_array().unwrap().iter().enumerate() {
                let mut add = |event: &str| {
                    examples.push(Example {
                        event: event.to_owned(),
                        payload: payload.clone(),
                        place: format!("{server} {name} {number} as {event}"),
                    });
                };
                add(name);
                if name == "pull_request" {
                    add("pull_request_target");
                }
            }
        }
    }
    // The package has none of these; this is all of the payload that has ever been promised.
    let schedule = Example {
        event: "schedule".into(),
        payload: json!({"schedule": "0 4 * * 1"}),
        place: "GitHub's documentation".into(),
    };
    examples.push(schedule);
    examples
}

/// Returns the environment that the runner would set for a payload.
pub(crate) fn environment(event: &str, payload: &Value) -> BTreeMap<String, String> {
    let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str);
    let default = format!("refs/heads/{}", text("/repository/default_branch").unwrap_or("main"));
    let deleted = payload["deleted"] == json!(true);
    let git_ref = match event {
        "push" if !deleted => text("/ref").unwrap().to_owned(),
        "create" => {
            format!("refs/{}s/{}", if text("/ref_type") == Some("tag") { "tag" } else { "head" }, text("/ref").unwrap())
        }
        "pull_request" | "pull_request_review" | "pull_request_review_comment" => {
            let number = payload.pointer("/pull_request/number").unwrap();
            format!("refs/pull/{number}/merge")
        }
        "merge_group" => text("/merge_group/head_ref").unwrap().to_owned(),
        "release" => format!("refs/tags/{}", text("/release/tag_name").unwrap()),
        "workflow_dispatch" => text("/ref").unwrap().to_owned(),
        _ => default,
    };
    let on_pull_request = matches!(event, "pull_request" | "pull_request_target");
    let branch = |pointer: &str| text(pointer).filter(|_| on_pull_request).unwrap_or_default().to_owned();
    BTreeMap::from(
        [
            ("GITHUB_ACTIONS", "true".to_owned()),
            ("GITHUB_EVENT_NAME", event.to_owned()),
            ("GITHUB_REF", git_ref),
            ("GITHUB_SHA", RUNNER_SHA.to_owned()),
            ("GITHUB_HEAD_REF", branch("/pull_request/head/ref")),
            ("GITHUB_BASE_REF", branch("/pull_request/base/ref")),
            ("GITHUB_REPOSITORY", text("/repository/full_name").unwrap_or("octo-org/octo-repo").to_owned()),
            ("GITHUB_RUN_NUMBER", "12".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value)),
    )
}

#[test]
fn every_payload_gives_a_context() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for Example { event, payload, place } in read() {
        let bytes = serde_json::to_vec(&payload).unwrap();
        let context = event::parse(&environment(&event, &payload), Some(&bytes), clock())
            .unwrap_or_else(|error| panic!("{place}: failed to {error}"));
        assert_sane(&context);
        assert_fits(&context, &payload, &place);
        // The payload alone must be readable too, and the environment alone.
        let name = BTreeMap::from([("GITHUB_EVENT_NAME".to_owned(), event.clone())]);
        assert_sane(&event::parse(&name, Some(&bytes), clock()).unwrap());
        assert_sane(&event::parse(&environment(&event, &payload), None, clock()).unwrap());
        *counts.entry(event).or_default() += 1;
    }
    let of_kinds: usize = super::KNOWN
        .iter()
        .map(|kind| counts.get(*kind).copied().unwrap_or_else(|| panic!("no payload of `{kind}`")))
        .sum();
    assert!(of_kinds >= 40, "only {of_kinds} payloads of the events that rows know");
}

/// Asserts what the documentation of the event promises of this payload.
fn assert_fits(context: &Context, payload: &Value, place: &str) {
    let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str);
    let sha = context.sha.as_ref().map(|sha| sha.as_str());
    assert_eq!(
        context.repository.as_ref().map(ToString::to_string).as_deref(),
        text("/repository/full_name").or(Some("octo-org/octo-repo")),
        "{place}"
    );
    assert_eq!(context.facts.default_branch.as_deref(), text("/repository/default_branch"), "{place}");
    assert_eq!(context.run_number, Some(12), "{place}");
    if context.event_name == "workflow_run" {
        assert_eq!(context.event.name(), text("/workflow_run/event").unwrap(), "{place}");
        assert_eq!(sha, text("/workflow_run/head_sha"), "{place}");
        let same = text("/workflow_run/head_repository/full_name") == text("/repository/full_name");
        assert_eq!(context.only_pull_requests, !same, "{place}");
        if same {
            assert_eq!(context.subject, Subject::Unresolved(text("/workflow_run/head_branch").unwrap().to_owned()));
            assert!(context.commit_date.is_some(), "{place}");
        }
        return;
    }
    match &context.event {
        EventKind::PullRequest | EventKind::PullRequestTarget => {
            assert_eq!(context.subject, Subject::PullRequest(payload["number"].as_u64()), "{place}");
            assert_eq!(sha, text("/pull_request/head/sha"), "{place}");
            assert_eq!(context.base_ref.as_deref(), text("/pull_request/base/ref"), "{place}");
        }
        EventKind::Push if payload["deleted"] == json!(true) => {
            assert!(matches!(context.subject, Subject::Nothing(_)), "{place}");
        }
        EventKind::Push | EventKind::Create => {
            let short = text("/ref").unwrap().rsplit('/').next().unwrap().to_owned();
            assert!(
                context.subject == Subject::Tag(short.clone()) || context.subject == Subject::Branch(short),
                "{place}"
            );
            assert_eq!(sha, Some(RUNNER_SHA), "{place}");
        }
        EventKind::Delete => assert!(matches!(context.subject, Subject::Nothing(_)), "{place}"),
        EventKind::MergeGroup => {
            assert_eq!(context.subject, Subject::MergeGroup, "{place}");
            assert_eq!(sha, text("/merge_group/head_sha"), "{place}");
            assert_eq!(context.base_ref.as_deref(), Some("main"), "{place}");
        }
        EventKind::Release => match text("/action").unwrap() {
            "published" | "released" | "prereleased" => {
                assert_eq!(context.subject, Subject::Tag(text("/release/tag_name").unwrap().to_owned()), "{place}");
            }
            _ => assert!(matches!(context.subject, Subject::Nothing(_)), "{place}"),
        },
        EventKind::Schedule | EventKind::WorkflowDispatch | EventKind::RepositoryDispatch => {
            assert!(matches!(context.subject, Subject::Branch(_)), "{place}");
            assert_eq!(sha, Some(RUNNER_SHA), "{place}");
        }
        EventKind::Other(name) => {
            assert_eq!(*name, context.event_name, "{place}");
            if context.git_ref.as_ref().is_some_and(|git_ref| git_ref.starts_with("refs/pull/")) {
                assert_eq!(context.subject, Subject::Unknown, "{place}");
                assert_eq!(sha, text("/pull_request/head/sha"), "{place}");
            }
        }
    }
}
