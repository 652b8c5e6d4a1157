//! Prints what a clean-up of 10,000 versions costs, in requests and time, beside the bars: the real program, on a sandbox that
//! takes 20 ms for every answer. It asserts nothing about time.
//!
//! `cargo bench --bench cleanup`; `CLEANUP_VERSIONS` sets another number of versions. It takes some minutes: five thousand
//! DELETEs go out one after the other.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement reads the environment, starts the program, prints, and stops at the first surprise"
)]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use bytes::Bytes;
use ghcr_lifecycle::{
    model::{ManifestReference, RawManifest},
    sandbox::{
        Options, Sandbox,
        requests::RequestInfo,
        state::{Clock, OwnerKind, State, Time, source::NewCommit},
    },
};
use serde_json::{Value, json};

const TOKEN: &str = "ghp_bench";
const PACKAGE: &str = "acme/shop";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// How long every answer takes.
const LATENCY: Duration = Duration::from_millis(20);

/// The versions of a build: an index, two platforms, the provenance of each.
const VERSIONS_OF_A_BUILD: usize = 5;

/// The time over which the builds are spread; rows keep half of it.
const DAYS: i64 = 60;

/// The pull requests that are open.
const OPEN: usize = 30;

/// What a run cost.
struct Run {
    began: Instant,
    ended: Instant,
    requests: Vec<(Instant, RequestInfo)>,
    /// In MB.
    peak: u64,
    report: Value,
}

fn digest(seed: &str) -> String {
    ghcr_lifecycle::model::Digest::of(seed.as_bytes()).to_string()
}

fn image(build: usize, part: &str) -> RawManifest {
    let layer = |number: usize| {
        json!({
            "mediaType": LAYER,
            "digest": digest(&format!("{part} layer {number} {}", build / (number + 1))),
            "size": 1_000_000,
        })
    };
    let config = json!({"mediaType": CONFIG, "digest": digest(&format!("config {part} {build}")), "size": 1000});
    let layers: Vec<Value> = (0..6).map(layer).collect();
    let text = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": config, "layers": layers});
    RawManifest::new(IMAGE, Bytes::from(text.to_string()))
}

/// Pushes a build of two platforms with their provenance, all its tags on the index.
fn push(state: &mut State, build: usize, tags: &[String]) {
    let mut children = Vec::new();
    for (part, platform) in [("amd64", "linux/amd64"), ("arm64", "linux/arm64"), ("proof a", ""), ("proof b", "")] {
        let manifest = image(build, part);
        let (system, architecture) = platform.split_once('/').unwrap_or(("unknown", "unknown"));
        children.push(json!({
            "mediaType": IMAGE,
            "digest": manifest.digest.to_string(),
            "size": manifest.bytes.len(),
            "platform": {"os": system, "architecture": architecture},
        }));
        state.put_manifest(PACKAGE, &ManifestReference::Digest(manifest.digest.clone()), manifest);
    }
    let text = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children}).to_string();
    let index = RawManifest::new(INDEX, Bytes::from(text));
    for tag in tags {
        state.put_manifest(PACKAGE, &ManifestReference::Tag(tag.parse().unwrap()), index.clone());
    }
}

/// A package of main's builds, a tenth of it pull requests', a twentieth releases; half of it is old.
fn fill(sandbox: &Sandbox, versions: usize) {
    let builds = versions / VERSIONS_OF_A_BUILD;
    let now: Time = "2026-03-01T12:00:00Z".parse().unwrap();
    sandbox.change(|state| {
        state.add_source("acme/shop").commit(NewCommit::on("main", "begin").at(now.plus_seconds(-DAYS * 86_400)), now);
        for build in 0..builds {
            let left = DAYS * 86_400 * i64::try_from(builds - build).unwrap() / i64::try_from(builds).unwrap();
            let at = now.plus_seconds(-left);
            state.set_clock(Clock::Frozen(at));
            let source = state.source_mut("acme/shop").unwrap();
            let pull_request = |source: &mut ghcr_lifecycle::sandbox::state::source::SourceRepository, open: bool| {
                let number = source.open_pull_request("main", "Change", at);
                if !open {
                    source.close_pull_request(number, true, at);
                }
                number
            };
            let tags = match build % 20 {
                0 => vec![format!("v1.{build}.0")],
                1 | 2 => vec![format!("pr-{}", pull_request(source, builds - build < OPEN * 10))],
                part => {
                    let commit = source.commit(NewCommit::on("main", "work").at(at), at);
                    let mut tags = vec![format!("main-{}", &commit[..7])];
                    if part == 3 {
                        // The merged pull request's image went on as main's.
                        tags.push(format!("pr-{}", pull_request(source, false)));
                    }
                    tags
                }
            };
            push(state, build, &tags);
        }
        state.set_clock(Clock::Frozen(now));
    });
}

fn policy(host: &str) -> String {
    format!(
        "version: 1\nimages: [{host}/{PACKAGE}]\nrepository: acme/shop\ntags:\n\
         \x20 - on: release\n    tag: \"v{{{{version}}}}\"\n    rolling: [latest]\n\
         \x20 - on: branch main\n    tag: \"main-{{{{sha}}}}\"\n    keep: 30 days\n\
         \x20 - on: pull request\n    tag: \"pr-{{{{number}}}}\"\n    keep: while open\n\
         untagged:\n  keep: 3 days\n"
    )
}

/// Runs the program to its end, its most memory looked up on the way.
fn run(sandbox: &Sandbox, folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let log = Arc::new(Mutex::new(Vec::new()));
    sandbox.on_request({
        let log = Arc::clone(&log);
        move |request| {
            log.lock().unwrap().push((Instant::now(), request));
            tokio::time::sleep(LATENCY)
        }
    });
    let began = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_ghcr-lifecycle"))
        .args(arguments)
        .args(["--ghcr-host", &sandbox.host(), "--pace", "0", "--cache-dir", "cache", "--policy", "policy.yml"])
        .args(["--time-budget", "1 hour", "--format", "json"])
        .env_clear()
        .envs(variables.iter().copied())
        .env("GITHUB_TOKEN", TOKEN)
        .env("GITHUB_API_URL", format!("http://{}", sandbox.host()))
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(fs::File::create(folder.join("report.json")).unwrap())
        .spawn()
        .unwrap();
    let mut peak = 0;
    let status = loop {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak =
            line.and_then(|line| line.split_whitespace().next()?.parse().ok()).map_or(peak, |now: u64| peak.max(now));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(5));
    };
    let ended = Instant::now();
    assert!(status.success(), "{status}");
    sandbox.clear_hook();
    let requests = std::mem::take(&mut *log.lock().unwrap());
    let report = fs::read_to_string(folder.join("report.json")).unwrap();
    Run { began, ended, requests, peak: peak / 1024, report: serde_json::from_str(&report).unwrap() }
}

impl Run {
    fn rest(&self) -> usize {
        self.requests.iter().filter(|(_, request)| is_rest(request)).count()
    }

    fn count(&self, of: impl Fn(&RequestInfo) -> bool) -> usize {
        self.requests.iter().filter(|(_, request)| of(request)).count()
    }

    /// Prints what was done.
    fn print_outcome(&self) {
        let outcome = ["deleted", "untagged", "kept", "freed-bytes", "remaining", "failed"]
            .map(|name| format!("{name} {}", self.report[name]));
        println!("    {}", outcome.join(", "));
    }

    /// Prints how many requests there were of each kind.
    fn print_kinds(&self) {
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for (_, request) in &self.requests {
            *kinds.entry(kind(request)).or_default() += 1;
        }
        for (kind, count) in kinds {
            println!("    {count:>7}  {kind}");
        }
    }
}

fn is_rest(request: &RequestInfo) -> bool {
    !request.path.starts_with("/v2") && !request.path.starts_with("/token")
}

fn is_deletion(request: &RequestInfo) -> bool {
    request.method == "DELETE"
}

/// The method and path of a request, without what differs from one to the next.
fn kind(request: &RequestInfo) -> String {
    let path = request.path.split('?').next().unwrap_or_default();
    let name = |part: &str| match part {
        part if part.starts_with("sha256:") => "{digest}".to_owned(),
        part if part.len() > 3 && part.bytes().all(|byte| byte.is_ascii_digit()) => "{id}".to_owned(),
        part if ["main-", "pr-", "v1."].iter().any(|prefix| part.starts_with(prefix)) => "{tag}".to_owned(),
        part => part.to_owned(),
    };
    let path: Vec<String> = path.split('/').map(name).collect();
    format!("{} {}", request.method, path.join("/"))
}

fn row(what: &str, measured: &str, bar: &str) {
    println!("{what:<44} {measured:>12}   {bar}");
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

fn main() {
    let versions = std::env::var("CLEANUP_VERSIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    let owners = vec![("acme".to_owned(), OwnerKind::Organization)];
    let sandbox = Sandbox::start_blocking(Options { owners, ..Options::ghcr(TOKEN) }).unwrap();
    fill(&sandbox, versions);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("policy.yml"), policy(&sandbox.host())).unwrap();
    let cleanup = ["cleanup", "--dry-run", "false", "--max-deletions", "100 %", "--journal-file", "journal.jsonl"];

    let count = |sandbox: &Sandbox| sandbox.change(|state| state.repository(PACKAGE).unwrap().version_count(false));
    let commits = sandbox.change(|state| {
        let source = state.source("acme/shop").unwrap();
        let tip = source.commit_by_id(source.branch("main").unwrap()).unwrap();
        source.history(tip).len()
    });
    let before = count(&sandbox);
    let first = run(&sandbox, folder.path(), &cleanup, &[]);
    let deletions = first.count(is_deletion);
    println!("clean-up of {before} versions, {} left", count(&sandbox));
    // Half of the commits are in the window that the row keeps.
    let allowance = 2 * OPEN.div_ceil(100) + (commits / 2).div_ceil(100);
    let bar = before.div_ceil(100) + deletions + 10 + allowance;
    let text = format!("bar: {bar} = {} pages + {deletions} DELETEs + 10 + {allowance}", before.div_ceil(100));
    row("requests to the REST API", &first.rest().to_string(), &text);
    row("requests to the registry", &(first.requests.len() - first.rest()).to_string(), "");
    let at = |find: fn(&RequestInfo) -> bool| first.requests.iter().position(|(_, request)| find(request)).unwrap();
    let change = at(RequestInfo::is_write);
    let collected = first.requests[change - 1].0 + LATENCY;
    row("collect", &seconds(collected - first.began), "");
    row("plan, and write it", &seconds(first.requests[change].0 - collected), "");
    row("apply", &seconds(first.ended - first.requests[change].0), "");
    row("most memory", &format!("{} MB", first.peak), "");
    first.print_kinds();
    first.print_outcome();

    let second = run(&sandbox, folder.path(), &cleanup, &[]);
    println!("\nthe next run, which remembers the manifests");
    row("requests to the REST API", &second.rest().to_string(), "");
    row("requests to the registry", &(second.requests.len() - second.rest()).to_string(), "");
    row("all of it", &seconds(second.ended - second.began), "");
    row("most memory", &format!("{} MB", second.peak), "");
    second.print_kinds();

    let number = sandbox.change(|state| {
        let source = state.source_mut("acme/shop").unwrap();
        let number = *source.pulls.iter().find(|(_, pull)| pull.closed.is_none()).unwrap().0;
        let now = "2026-03-01T12:00:00Z".parse().unwrap();
        source.close_pull_request(number, true, now);
        number
    });
    let event = json!({
        "action": "closed",
        "number": number,
        "pull_request": {
            "number": number,
            "head": {"ref": "work", "sha": "1f0c0d0e5a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d", "repo": {"full_name": "acme/shop"}},
            "base": {"ref": "main", "sha": "9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d", "repo": {"full_name": "acme/shop"}},
        },
        "repository": {"full_name": "acme/shop", "default_branch": "main"},
    });
    fs::write(folder.path().join("event.json"), event.to_string()).unwrap();
    let variables = [
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_EVENT_PATH", "event.json"),
        ("GITHUB_REPOSITORY", "acme/shop"),
    ];
    let closing = run(&sandbox, folder.path(), &["auto", "--dry-run", "false"], &variables);
    println!("\npull request {number} closed, {} versions", count(&sandbox));
    row("requests to the REST API", &closing.rest().to_string(), "");
    row("requests to the registry", &(closing.requests.len() - closing.rest()).to_string(), "");
    row("all of it", &seconds(closing.ended - closing.began), "");
    row("most memory", &format!("{} MB", closing.peak), "");
    closing.print_kinds();
    closing.print_outcome();
}
