//! docker/metadata-action itself against ours: the same event and the same inputs, outputs compared key by key. Runs where
//! `GHCR_LIFECYCLE_METADATA_ACTION` names the peer's bundle, and Node.js is installed.

mod cases;
mod words;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use chrono::DateTime;
use ghcr_lifecycle::policy::metadata::{Facts, MetadataInputs, PayloadDate, Repository, environment_name, metadata};
use serde_json::{Value, json};

/// What a run of either came to.
#[derive(Debug, PartialEq)]
struct Outcome {
    failed: bool,
    outputs: Vec<(String, String)>,
    environment: Vec<String>,
}

fn ours(case: &Value) -> Outcome {
    let environment: BTreeMap<String, String> = serde_json::from_value(case["environment"].clone()).unwrap();
    let input = |name: &str| environment.get(&format!("INPUT_{name}")).cloned().unwrap_or_default();
    let now = DateTime::from_timestamp_millis(case["now"].as_i64().unwrap()).unwrap();
    let payload = case["payload"].as_str().map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
    let mut facts = Facts::of_workflow(&environment, &payload, now);
    facts.repository = Repository::of(&case["repository"]);
    if facts.payload_date(&payload) == PayloadDate::Unknown
        // Without a commit there is nothing to ask the API for.
        && facts.sha.as_ref().is_some_and(|sha| !sha.is_empty())
        && let Some(date) = case["commit"]["commit"]["committer"]["date"].as_str()
    {
        facts.commit_date = Some(date.parse().unwrap());
    }
    let inputs = MetadataInputs {
        images: input("IMAGES"),
        tags: input("TAGS"),
        flavor: input("FLAVOR"),
        labels: input("LABELS"),
        annotations: input("ANNOTATIONS"),
        sep_tags: input("SEP-TAGS"),
        sep_labels: input("SEP-LABELS"),
        sep_annotations: input("SEP-ANNOTATIONS"),
        bake_target: input("BAKE-TARGET"),
        annotations_levels: environment.get("DOCKER_METADATA_ANNOTATIONS_LEVELS").cloned().unwrap_or_default(),
    };
    let metadata = metadata(&inputs, &facts);
    Outcome {
        failed: metadata.error.is_some(),
        environment: metadata.outputs.iter().map(|output| environment_name(output.name)).collect(),
        outputs: metadata.outputs.into_iter().map(|output| (output.name.to_owned(), output.value)).collect(),
    }
}

/// Gives the cases to the peer, in one Node.js process.
fn theirs(bundle: &str, cases: &[Value]) -> Vec<(Outcome, String)> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/metadata_action/peer.cjs");
    let mut node = Command::new("node")
        .args([script, bundle])
        .env("TZ", "UTC")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Node.js runs the peer: install the Debian package `nodejs`");
    let mut input = node.stdin.take().unwrap();
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let outcomes: Vec<_> = BufReader::new(node.stdout.take().unwrap())
        .lines()
        .map(|line| {
            let answer: Value = serde_json::from_str(&line.unwrap()).unwrap();
            let outcome = Outcome {
                failed: answer["code"] != 0,
                outputs: serde_json::from_value(answer["outputs"].clone()).unwrap(),
                environment: serde_json::from_value(answer["environment"].clone()).unwrap(),
            };
            (outcome, answer["log"].as_str().unwrap_or_default().to_owned())
        })
        .collect();
    writer.join().unwrap().unwrap();
    assert!(node.wait().unwrap().success());
    outcomes
}

/// The peer's line that says what stopped it, and its warnings.
fn complaint(log: &str) -> String {
    log.lines()
        .filter(|line| line.starts_with("::error") || line.starts_with("::warning"))
        .collect::<Vec<_>>()
        .join("; ")
}

#[test]
fn outputs_are_those_of_the_peer() {
    let Ok(bundle) = std::env::var("GHCR_LIFECYCLE_METADATA_ACTION") else {
        println!("not run: GHCR_LIFECYCLE_METADATA_ACTION names no bundle of docker/metadata-action");
        return;
    };
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let first = number("GHCR_LIFECYCLE_METADATA_SEED", 1);
    let count = number("GHCR_LIFECYCLE_METADATA_CASES", 2000);
    let cases: Vec<Value> = (first..first + count).map(cases::case).collect();
    // Each run of the peer leaves something behind in its process.
    let theirs: Vec<_> = cases.chunks(150).flat_map(|some| theirs(&bundle, some)).collect();
    assert_eq!(theirs.len(), cases.len(), "the peer ended early");
    let (mut differing, mut failing) = (0, 0);
    for ((case, (theirs, log)), seed) in cases.iter().zip(&theirs).zip(first..) {
        let ours = ours(case);
        failing += u32::from(theirs.failed);
        if ours == *theirs {
            continue;
        }
        differing += 1;
        if differing > 25 {
            continue;
        }
        let shown = json!({ "environment": case["environment"] });
        println!("seed {seed}: {shown:#}\n  their complaint: {}", complaint(log));
        println!("  failed: ours {}, theirs {}", ours.failed, theirs.failed);
        for (name, value) in &theirs.outputs {
            let own = ours.outputs.iter().find(|(own, _)| own == name).map(|(_, value)| value);
            if own != Some(value) {
                println!("  {name}:\n    ours   {own:?}\n    theirs {value:?}");
                break;
            }
        }
    }
    println!("{count} cases, {failing} of them mistakes; {differing} differ");
    assert_eq!(differing, 0);
}
