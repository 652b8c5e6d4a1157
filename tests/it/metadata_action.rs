//! docker/metadata-action itself against ours: the same event and the same inputs, outputs compared key by key. Runs where
//! `GHCR_LIFECYCLE_METADATA_ACTION` names the peer's bundle, and Node.js is installed.

mod cases;
mod checkout;
mod words;

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, ErrorKind, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use ghcr_lifecycle::policy::metadata::OUTPUT_NAMES;
use serde_json::{Value, json};

use crate::runner::parse_output_file;

/// What a run of either came to.
#[derive(Debug, PartialEq)]
struct Outcome {
    failed: bool,
    outputs: Vec<(String, String)>,
    environment: Vec<String>,
}

/// A program that runs longer than this hangs.
const LONGEST: Duration = Duration::from_secs(30);

/// Answers as GitHub's API does, for one case.
struct Api {
    listener: TcpListener,
}

impl Api {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { listener }
    }

    fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    /// Answers whoever asks until the process ends.
    fn serve(&self, case: &Value, process: &mut Child) -> ExitStatus {
        let start = Instant::now();
        loop {
            match self.listener.accept() {
                Ok((stream, _)) => answer(stream, case),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            if let Some(status) = process.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < LONGEST, "hangs: {case:#}");
            std::thread::sleep(Duration::from_micros(200));
        }
    }
}

fn answer(stream: TcpStream, case: &Value) {
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(LONGEST)).unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
    while !line.trim().is_empty() {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    let body = match target.as_str() {
        commit if commit.contains("/commits/") => &case["commit"],
        "/repos/o/r" => &case["repository"],
        _ => &Value::Null,
    };
    let status = if body.is_null() { "404 Not Found" } else { "200 OK" };
    let text = body.to_string();
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\n");
    write!(reader.get_mut(), "{head}content-length: {}\r\n\r\n{text}", text.len()).unwrap();
}

/// Runs our program as a step.
fn ours(case: &Value, api: &Api, folder: &Path) -> Outcome {
    let path = |name: &str| folder.join(name);
    for name in ["output", "env", "summary"] {
        std::fs::write(path(name), "").unwrap();
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_ghcr-lifecycle"));
    command
        .env_clear()
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_API_URL", api.url())
        .env("GITHUB_WORKSPACE", case["checkout"].as_str().map_or(folder, Path::new))
        .env("RUNNER_TEMP", folder.join("temp"))
        .env("INPUT_GITHUB-TOKEN", "none")
        .env("SOURCE_DATE_EPOCH", (case["now"].as_i64().unwrap() / 1000).to_string());
    for (name, file) in [("GITHUB_OUTPUT", "output"), ("GITHUB_ENV", "env"), ("GITHUB_STEP_SUMMARY", "summary")] {
        command.env(name, path(file));
    }
    let environment: BTreeMap<String, String> = serde_json::from_value(case["environment"].clone()).unwrap();
    command.envs(environment);
    if let Some(payload) = case["payload"].as_str() {
        std::fs::write(path("event.json"), payload).unwrap();
        command.env("GITHUB_EVENT_PATH", path("event.json"));
    }
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let status = api.serve(case, &mut process);
    let read = |name: &str| parse_output_file(&std::fs::read_to_string(path(name)).unwrap()).unwrap();
    let outputs = read("output")
        .into_iter()
        .filter(|(name, _)| OUTPUT_NAMES.contains(&name.as_str()))
        .map(|(name, value)| {
            let value = if name.starts_with("bake-file") { std::fs::read_to_string(value).unwrap() } else { value };
            (name, value)
        })
        .collect();
    Outcome { failed: !status.success(), environment: read("env").into_iter().map(|(name, _)| name).collect(), outputs }
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

/// The path of the peer's bundle, if there is one.
fn bundle() -> Option<String> {
    let bundle = std::env::var("GHCR_LIFECYCLE_METADATA_ACTION").ok();
    if bundle.is_none() {
        println!("not run: GHCR_LIFECYCLE_METADATA_ACTION names no bundle of docker/metadata-action");
    }
    bundle
}

#[test]
fn what_is_checked_out_is_what_the_peer_finds() {
    let Some(bundle) = bundle() else { return };
    let clones = checkout::Clones::new();
    let cases = clones.cases();
    let (api, folder) = (Api::start(), tempfile::tempdir().unwrap());
    for (case, (theirs, log)) in cases.iter().zip(theirs(&bundle, &cases)) {
        assert_eq!(ours(case, &api, folder.path()), theirs, "{}: {}", case["checkout"], complaint(&log));
    }
}

#[test]
fn outputs_are_those_of_the_peer() {
    let Some(bundle) = bundle() else { return };
    let number = |name: &str, default: u64| std::env::var(name).map_or(default, |text| text.parse().unwrap());
    let first = number("GHCR_LIFECYCLE_METADATA_SEED", 1);
    let count = number("GHCR_LIFECYCLE_METADATA_CASES", 2000);
    let cases: Vec<Value> = (first..first + count).map(cases::case).collect();
    // Each run of the peer leaves something behind in its process.
    let theirs: Vec<_> = cases.chunks(150).flat_map(|some| theirs(&bundle, some)).collect();
    assert_eq!(theirs.len(), cases.len(), "the peer ended early");
    let (mut differing, mut failing) = (0, 0);
    let (api, folder) = (Api::start(), tempfile::tempdir().unwrap());
    for ((case, (theirs, log)), seed) in cases.iter().zip(&theirs).zip(first..) {
        let ours = ours(case, &api, folder.path());
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
