//! The demo as the README promises it.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::programs::run;

fn demo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ghcr-lifecycle"));
    command.arg("demo").args(arguments).env_clear();
    command
}

fn document(policy: &Path) -> Value {
    let output = run(&mut demo(&["--format", "json", "--policy", policy.to_str().unwrap()]));
    serde_json::from_str(&output).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap()
}

/// Everything that a person reads; only the port differs from run to run.
#[test]
fn the_demo_tells_its_story() {
    let text = run(&mut demo(&[]));
    let host = text.split("answers at ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap().to_owned();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(std::env::current_dir().unwrap().join("fixtures/demo"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("story", text.replace(&host, "127.0.0.1:PORT")));
}

#[test]
fn the_demo_is_the_same_each_time_and_ends_complete() {
    let first = run(&mut demo(&["--format", "json"]));
    assert_eq!(first, run(&mut demo(&["--format", "json"])));
    let document: Value = serde_json::from_str(&first).unwrap();
    let image = &document["images"][0];
    let tags = &image["tags"];
    for (pointer, version) in
        [("v0.1", "v0.1.1"), ("v0.2", "v0.2.1"), ("v0", "v0.4.1"), ("v1", "v1.0.1"), ("latest", "v1.0.1")]
    {
        assert_eq!(tags[pointer], tags[version], "{pointer}");
    }
    // What was under way when the table was taken has its tag afterwards, not before.
    assert_eq!(image["untagged"]["under-way"], 4);
    let last = &document["under-way"]["runs"][0]["tags"][0];
    assert_eq!(last["result"], "created");
    assert!(tags.get(last["tag"].as_str().unwrap()).is_none(), "{last}");
}

#[test]
fn the_demo_plays_every_policy_to_its_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/policies");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.filter(|path| path.extension().is_some_and(|extension| extension == "yml")).collect();
    assert!(files.len() >= 5, "{}", files.len());
    for file in files {
        let document = document(&file);
        let (name, events) = (file.display(), list(&document["events"]));
        assert!((50..=200).contains(&events.len()), "{name}: {}", events.len());
        assert!(events.iter().all(|event| event["failed"].is_null()), "{name}");
        for image in list(&document["images"]) {
            for row in list(&image["rows"]) {
                assert!(row["would-be-due"].as_u64() <= row["tags"].as_u64(), "{name}: {row}");
                assert!(row["would-be-due"] == 0 || row["keep"] != "forever", "{name}: {row}");
            }
        }
        let first = &document["images"][0];
        // Each row of these has something to do in a year.
        for row in list(&first["rows"]) {
            assert!(row["tags"].as_u64() > Some(0), "{name}: {row}");
        }
        assert_eq!(first["untagged"]["under-way"], 4, "{name}");
        let finished = list(&document["under-way"]["runs"]);
        assert!(!finished.is_empty() && document["under-way"]["failed"].is_null(), "{name}");
    }
}

#[test]
fn runs_that_a_policy_makes_fail_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.yml");
    let rows = "  - {on: \"branch **\", tag: \"{{branch}}\"}\n  - {on: schedule, tag: \"x-{{run_number}}\", rolling: [main]}\n";
    fs::write(&file, format!("version: 1\nimages: [docker.io/nginx, localhost:5000/app]\ntags:\n{rows}")).unwrap();
    let text = run(&mut demo(&["--policy", file.to_str().unwrap()]));
    assert!(text.contains(" runs failed:\n") && text.contains("is a rolling tag of row 2"), "{text}");
    assert!(text.contains("every tag is on a complete image"), "{text}");
    fs::write(&file, "version: 1\nimages: [localhost:5000/app]\ntags:\n  - {match: \"v*\", keep: 36 hours}\n").unwrap();
    let text = run(&mut demo(&["--policy", file.to_str().unwrap()]));
    assert!(text.contains("On 31 Dec, this has accumulated") && text.contains("36 hours"), "{text}");
}

#[test]
fn a_wrong_policy_is_shown_as_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.yml");
    fs::write(&file, "version: 1\nimages: [ghcr.io/a/b]\ntags:\n  - on: relase\n    tag: latest\n").unwrap();
    for (path, words) in [(file.clone(), "did you mean `release`?"), (folder.path().join("none.yml"), "does not exist")]
    {
        let output = demo(&["--policy", path.to_str().unwrap()]).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(words) && output.stdout.is_empty(), "{errors}");
    }
}
