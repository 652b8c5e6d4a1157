//! Text of strangers in every place that a stranger can fill: it is data, wherever it ends up.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::step::{REPOSITORY, Step, each, ghcr, kyklos, layout, single};
use crate::runner::nasty;

/// Rows that take names as they are.
const POLICY: &str = r#"
version: 1
images: [127.0.0.1:1/acme/shop]
tags:
  - on: tag **
    tag: "git-{{tag}}"
    also: ["{{tag}}"]
  - on: branch **
    tag: "branch-{{branch}}"
    also: ["{{branch}}"]
  - on: pull request
    tag: "pr-{{number}}"
    also: ["base-{{base_ref}}"]
"#;

fn table() -> Vec<String> {
    let mut texts: Vec<String> = [
        "a\nb",
        "a\r\n::error::b",
        "%0A::set-output name=tags::evil",
        "::set-output name=tags::evil",
        "::stop-commands::x",
        "::add-mask::a",
        "##[error]x",
        "x\n##[group]y",
        "tags<<EOF\nevil\nEOF",
        "x<<EOF",
        "\"'`$(touch /tmp/x)${{ github.token }}",
        "| a | <script>alert(1)</script> | [x](javascript:x) ![](http://127.0.0.1:1/x) @everyone",
        "🦀é\u{200b}\u{202e}\u{feff}",
        "\u{1b}[31mred\u{7}\0\u{85}\u{2028}",
        "../../../etc/passwd",
        "v1.2.3",
        "latest",
        "-",
        ".",
        "",
        " ",
        "\u{fffd}",
    ]
    .map(str::to_owned)
    .into();
    texts.push("x".repeat(4000));
    texts.push("\n".repeat(4000));
    texts.push("é🦀\n::error::".repeat(400));
    texts
}

/// A payload with the text wherever a stranger can put some.
fn payload(text: &str) -> Value {
    let commit = json!({"id": text, "message": text, "timestamp": text, "author": {"name": text, "email": text}});
    json!({
        "ref": format!("refs/heads/{text}"),
        "base_ref": text,
        "action": text,
        "number": 7,
        "schedule": text,
        "commits": [commit.clone()],
        "head_commit": commit,
        "sender": {"login": text},
        "pull_request": {
            "number": 7,
            "title": text,
            "body": text,
            "head": {"ref": text, "label": text, "sha": "a2ab1959c1c3bfa295b0fc90199378272db76b45", "repo": {"full_name": text}},
            "base": {"ref": text, "label": text, "sha": text},
        },
        "repository": {
            "full_name": "acme/shop",
            "name": text,
            "html_url": text,
            "description": text,
            "default_branch": text,
            "license": {"spdx_id": text},
        },
    })
}

/// A variable can hold all but a NUL; nor can it be that long in the environment of one program.
fn variable(text: &str) -> String {
    text.replace('\0', "")
}

fn step(event: &str, git_ref: &str, text: &str) -> Step {
    let mut with_action = payload(text);
    if event == "pull_request" {
        with_action["action"] = json!("opened");
    }
    Step::new()
        .policy(POLICY)
        .payload(with_action.to_string().as_bytes())
        .mode("tags")
        .variable("GITHUB_EVENT_NAME", event)
        .variable("GITHUB_REF", &variable(git_ref))
        .variable("GITHUB_SHA", "a2ab1959c1c3bfa295b0fc90199378272db76b45")
        .variable("GITHUB_REPOSITORY", "acme/shop")
        .variable("GITHUB_HEAD_REF", &variable(text))
        .variable("GITHUB_BASE_REF", &variable(text))
        .variable("GITHUB_RUN_NUMBER", &variable(text))
}

/// Asserts that a run is well-formed (which every run is looked at for) and holds nothing but what is ours. Returns whether
/// it gave tags.
#[track_caller]
fn assert_tame(step: &Step) -> bool {
    let outcome = step.run();
    if outcome.code != Some(0) {
        assert!(outcome.stderr.contains("error: "), "{outcome}");
        assert!(outcome.outputs.is_empty(), "{outcome}");
        return false;
    }
    let names: Vec<&str> = outcome.outputs.keys().map(String::as_str).collect();
    let ours: Vec<&str> = ghcr_lifecycle::report::OUTPUTS.iter().map(|(name, _)| *name).collect();
    // The others are those of clean-ups.
    assert!(names.len() == 16 && names.iter().all(|name| ours.contains(name)), "{names:?}");
    for tag in outcome.lines("tag-names") {
        assert!(tag.parse::<ghcr_lifecycle::model::Tag>().is_ok(), "{tag:?}");
    }
    for tag in outcome.lines("tags") {
        assert!(tag.starts_with("127.0.0.1:1/acme/shop:"), "{tag:?}");
    }
    for label in outcome.lines("labels") {
        assert!(label.starts_with("org.opencontainers.image."), "a label's value goes on in the next line: {label:?}");
    }
    assert!(serde_json::from_str::<Value>(&outcome.outputs["json"]).is_ok());
    let summary = &outcome.summary;
    assert!(!summary.contains("<script") && !summary.contains("![](") && !summary.contains("[x]("), "{summary}");
    assert!(!summary.contains(|c: char| c.is_control() && c != '\n'), "{summary:?}");
    assert!(!outcome.stdout.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{:?}", outcome.stdout);
    assert!(summary.len() < 100_000 && outcome.stdout.len() < 100_000);
    true
}

#[test]
fn names_and_payloads_are_data() {
    let with_tags = AtomicUsize::new(0);
    let table = table();
    let cases = table.len();
    each(table, |text| {
        let steps = [
            step("push", &format!("refs/heads/{text}"), &text),
            step("push", &format!("refs/tags/{text}"), &text),
            step("pull_request", "refs/pull/7/merge", &text),
        ];
        with_tags.fetch_add(steps.iter().filter(|step| assert_tame(step)).count(), Ordering::SeqCst);
        assert_tame(&step(&variable(&text), &text, &text));
    });
    let with_tags = with_tags.into_inner();
    assert!(with_tags > 2 * cases, "only {with_tags} of {} gave tags", 3 * cases);
}

#[test]
fn inputs_are_data() {
    let inputs = [
        "image",
        "ref",
        "source",
        "policy",
        "mode",
        "registry",
        "username",
        "ghcr-host",
        "now",
        "allow-empty",
        "log-level",
    ];
    each(table(), |text| {
        for input in inputs {
            let step = step("push", "refs/heads/main", "x").input(input, &variable(&text));
            let outcome = step.run();
            assert!(outcome.stderr.len() < 20_000, "{input}: {outcome}");
        }
    });
}

#[test]
fn what_an_image_says_of_itself_is_data() {
    each(table(), |text| {
        let sandbox = ghcr();
        // The labels of what is published are read to learn its commit.
        let published = ghcr_lifecycle::sandbox::SampleImage::builder()
            .seed("published")
            .label("org.opencontainers.image.revision", &text)
            .label("org.opencontainers.image.version", &text)
            .label("org.opencontainers.image.source", &text)
            .annotation("org.opencontainers.image.revision", &text)
            .build();
        for tag in ["latest", "v0", "main-a2ab195"] {
            published.put_into(&sandbox, REPOSITORY, &tag.parse().unwrap());
        }
        let source = layout(&single("release"));
        Step::release("v0.1.0", &sandbox, source.path()).run();
        let main = Step::on("push-kyklos-main").policy(&kyklos(&sandbox.host())).to(&sandbox).mode("push");
        main.source(source.path()).run();
    });
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, max_shrink_iters: 60, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn any_text_is_data(text in nasty(), pull_request in any::<bool>()) {
        match pull_request {
            true => assert_tame(&step("pull_request", "refs/pull/7/merge", &text)),
            false => assert_tame(&step("push", &format!("refs/heads/{text}"), &text)),
        };
    }
}
