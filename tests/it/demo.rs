//! The demo as the README promises it.

use std::process::Command;

use crate::programs::run;

/// Everything that a person reads; only the port differs from run to run.
#[test]
fn the_demo_tells_its_story() {
    let text = run(Command::new(env!("CARGO_BIN_EXE_ghcr-lifecycle")).arg("demo").env_clear());
    let host = text.split("answers at ").nth(1).and_then(|rest| rest.split(". ").next()).unwrap().to_owned();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(std::env::current_dir().unwrap().join("fixtures/demo"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("story", text.replace(&host, "127.0.0.1:PORT")));
}

#[test]
fn the_demo_has_a_form_for_programs() {
    let output = run(Command::new(env!("CARGO_BIN_EXE_ghcr-lifecycle")).args(["demo", "--format", "json"]).env_clear());
    let document: serde_json::Value = serde_json::from_str(&output).unwrap();
    let tags = &document["tags"];
    assert_eq!(tags["v0.1"], tags["v0.1.1"]);
    assert_eq!(tags["v0"], tags["v0.2.0"]);
    assert_eq!(tags["latest"], tags["v0.2.0"]);
    assert_eq!(document["runs"].as_array().map(Vec::len), Some(4));
}
