//! Payloads that GitHub really sent, through the whole program.

use std::fs;

use super::step::{Step, each};
use crate::events::{
    KNOWN,
    payloads::{environment, examples},
};

/// A row for every event, none of which needs a registry.
const POLICY: &str = r#"
version: 1
images: [127.0.0.1:1/acme/shop]
tags:
  - on: [release, prerelease]
    tag: "{{version}}"
    also: ["r{{run_number}}"]
  - on: tag **
    tag: "git-{{tag}}"
  - on: branch **
    tag: "{{branch}}-{{sha}}"
  - on: pull request
    tag: ["pr-{{number}}", "pr-{{number}}-{{sha}}"]
  - on: merge group
    tag: "merge-{{base_ref}}-{{sha}}"
"#;

#[test]
fn every_payload_ends_well_or_with_a_reason() {
    let examples = examples();
    let of_rows: Vec<_> = examples.into_iter().filter(|(event, _)| KNOWN.contains(&event.as_str())).collect();
    assert!(of_rows.len() >= 40, "{}", of_rows.len());
    each(of_rows.into_iter().enumerate(), |(number, (event, payload))| {
        let mut step = Step::new().policy(POLICY).mode("tags").payload(payload.to_string().as_bytes());
        for (name, value) in environment(&event, &payload) {
            step = step.variable(&name, &value);
        }
        if matches!(event.as_str(), "pull_request_target" | "workflow_run") {
            // There the file of the work tree does not count.
            let text = fs::read_to_string(step.path("workspace/.github/ghcr-lifecycle.yml")).unwrap();
            step = step.input("policy", &text);
        }
        let outcome = step.run();
        // Nothing was triggered by a wrong policy or input; what ends without a tag says why.
        assert!(matches!(outcome.code, Some(0 | 1)), "{event} {number}: {outcome}");
        if outcome.code == Some(1) {
            assert!(outcome.stderr.starts_with("error: failed to "), "{event} {number}: {outcome}");
        } else {
            let said = !outcome.outputs["tags"].is_empty() || outcome.stdout.contains("no tags");
            assert!(said, "{event} {number}: {outcome}");
        }
        let closed = payload["action"] == "closed";
        if event == "pull_request" && !closed || event == "push" && payload["deleted"] != true {
            assert!(outcome.code == Some(0) && !outcome.outputs["tags"].is_empty(), "{event} {number}: {outcome}");
        }
    });
}
