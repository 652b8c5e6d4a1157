//! The life of one project, event by event: what its registry holds after each, and what each step says.

use std::{collections::BTreeMap, fs};

use ghcr_lifecycle::{model::Digest, sandbox::SampleImage};
use serde_json::Value;

use super::step::{Outcome, REPOSITORY, Step, ghcr, index, kyklos, layout, single, tags};
use crate::runner::parse_log_commands;

/// Names the digests, so that a whole registry can be compared in a few words.
fn named(tags: BTreeMap<String, String>, images: &[(&'static str, &SampleImage)]) -> Vec<(String, &'static str)> {
    let name = |digest: &str| {
        images.iter().find(|(_, image)| image.digest().to_string() == digest).map_or("?", |(name, _)| *name)
    };
    tags.iter().map(|(tag, digest)| (tag.clone(), name(digest))).collect()
}

fn expected(tags: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    tags.iter().map(|(tag, image)| ((*tag).to_owned(), *image)).collect()
}

/// All that a run said, without what differs from run to run.
fn told(outcome: &Outcome, host: &str) -> String {
    let Outcome { code, stdout, stderr, outputs, environment: _, summary } = outcome;
    let mut text = format!("exit code {code:?}\n\n== log ==\n{stdout}\n== standard error ==\n{stderr}");
    for (name, value) in outputs {
        let value = match serde_json::from_str::<Value>(value) {
            Ok(document) if name == "json" => serde_json::to_string_pretty(&document).unwrap(),
            _ if name.starts_with("bake-file") => fs::read_to_string(value).unwrap(),
            _ => value.clone(),
        };
        text.push_str(&format!("\n== output {name} ==\n{value}\n"));
    }
    text.push_str(&format!("\n== summary ==\n{summary}"));
    text.replace(host, "127.0.0.1:PORT")
}

#[track_caller]
fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../../fixtures/end_to_end");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn releases_and_a_hotfix_move_what_they_have_earned() {
    let sandbox = ghcr();
    let host = sandbox.host();
    let images = ["main", "first", "second", "hotfix"].map(index);
    let layouts = images.each_ref().map(layout);
    let known: Vec<_> = ["main", "first", "second", "hotfix"].into_iter().zip(&images).collect();
    let held = || named(tags(&sandbox), &known);

    let main = Step::on("push-kyklos-main").policy(&kyklos(&host)).to(&sandbox).mode("push").source(layouts[0].path());
    let outcome = main.succeed();
    assert_eq!(outcome.lines("tag-names"), ["main-a2ab195"]);
    assert_eq!(held(), expected(&[("main-a2ab195", "main")]));

    let outcome = Step::release("v0.1.0", &sandbox, layouts[1].path()).succeed();
    assert_eq!(outcome.lines("tag-names"), ["v0.1.0", "v0.1", "v0", "latest"]);
    let first =
        [("latest", "first"), ("main-a2ab195", "main"), ("v0", "first"), ("v0.1", "first"), ("v0.1.0", "first")];
    assert_eq!(held(), expected(&first));

    let release = Step::release("v0.2.0", &sandbox, layouts[2].path());
    let outcome = release.succeed();
    let second = [
        ("latest", "second"),
        ("main-a2ab195", "main"),
        ("v0", "second"),
        ("v0.1", "first"),
        ("v0.1.0", "first"),
        ("v0.2", "second"),
        ("v0.2.0", "second"),
    ];
    assert_eq!(held(), expected(&second));
    snapshot("release-v0.2.0", &told(&outcome, &host));

    let outcome = Step::release("v0.1.1", &sandbox, layouts[3].path()).succeed();
    let mut third = second.to_vec();
    third[3] = ("v0.1", "hotfix");
    third.insert(5, ("v0.1.1", "hotfix"));
    assert_eq!(held(), expected(&third));
    let full = |tag: &str| format!("{host}/{REPOSITORY}:{tag}");
    assert_eq!(outcome.lines("moved"), [full("v0.1.1"), full("v0.1")]);
    assert_eq!(outcome.lines("tags"), [full("v0.1.1"), full("v0.1")]);
    assert_eq!(outcome.lines("stayed"), [full("v0"), full("latest")]);
    assert_eq!(outcome.outputs["digest"], images[3].digest().to_string());
    assert_eq!(outcome.lines("image-refs"), [format!("{host}/{REPOSITORY}@{}", images[3].digest())]);
    assert_eq!(outcome.outputs["version"], "v0.1.1");
    assert_eq!(outcome.outputs["exists"], "false");
    let digests: BTreeMap<String, Digest> = serde_json::from_str(&outcome.outputs["digests"]).unwrap();
    let children = images[3].children();
    let platforms = [("linux/amd64", &children[0]), ("linux/arm64", &children[1])];
    assert_eq!(digests, platforms.map(|(platform, child)| (platform.to_owned(), child.digest.clone())).into());
    let labels = outcome.lines("labels");
    for label in [
        "org.opencontainers.image.revision=4464c0f830bc951c6c8e3f229afd6366a66c2b51",
        "org.opencontainers.image.source=https://github.com/kyklos/kyklos",
        "org.opencontainers.image.version=v0.1.1",
        "org.opencontainers.image.created=2026-03-01T12:00:00.000Z",
    ] {
        assert!(labels.contains(&label), "{labels:?}");
    }
    let json: Value = serde_json::from_str(&outcome.outputs["json"]).unwrap();
    assert_eq!(json["stayed"].as_array().unwrap().len(), 2);
    assert!(json["stayed"][0]["reason"].as_str().unwrap().contains("0.2.0"), "{}", json["stayed"]);
    for place in [&outcome.summary, &outcome.stdout] {
        for tag in ["v0.1.1", "v0.1", "v0", "latest"] {
            assert!(place.contains(tag), "{place}");
        }
    }
    // Nothing here is worth a warning.
    let commands = parse_log_commands(&outcome.stdout);
    assert!(commands.iter().all(|command| ["add-mask", "notice"].contains(&command.name.as_str())), "{commands:?}");
    assert_eq!(sandbox.incomplete(REPOSITORY), []);
}

#[test]
fn a_pre_release_moves_nothing() {
    let sandbox = ghcr();
    let (first, beta) = (single("first"), single("beta"));
    let (first_layout, beta_layout) = (layout(&first), layout(&beta));
    Step::release("v0.1.0", &sandbox, first_layout.path()).succeed();
    let outcome = Step::release("v0.2.0-beta.1", &sandbox, beta_layout.path()).succeed();
    assert_eq!(outcome.lines("tag-names"), ["v0.2.0-beta.1"]);
    let held = named(tags(&sandbox), &[("first", &first), ("beta", &beta)]);
    let wanted =
        [("latest", "first"), ("v0", "first"), ("v0.1", "first"), ("v0.1.0", "first"), ("v0.2.0-beta.1", "beta")];
    assert_eq!(held, expected(&wanted));
}

#[test]
fn tags_mode_says_what_a_build_is_to_be_called_and_pushes_nothing() {
    let sandbox = ghcr();
    let (first, second) = (single("first"), single("second"));
    let layouts = [&first, &second].map(layout);
    Step::release("v0.1.0", &sandbox, layouts[0].path()).succeed();
    Step::release("v0.2.0", &sandbox, layouts[1].path()).succeed();
    sandbox.clear_requests();
    let before = tags(&sandbox);
    let step = Step::on("push-kyklos-tag-v0.1.1").policy(&kyklos(&sandbox.host())).to(&sandbox).mode("tags");
    let outcome = step.succeed();
    assert_eq!(outcome.lines("tag-names"), ["v0.1.1", "v0.1"]);
    assert_eq!(outcome.lines("stayed").len(), 2);
    assert_eq!(outcome.outputs["digest"], "");
    assert!(sandbox.requests().iter().all(|request| !request.is_write()), "{:?}", sandbox.requests());
    assert_eq!(tags(&sandbox), before);
}
