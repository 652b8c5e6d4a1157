//! A package of a few months, the policy that retires half of it, and steps that run on both.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ghcr_lifecycle::{
    model::{JournalEntry, JournalState, JournalStep, ManifestReference},
    sandbox::{
        Options, SampleImage, Sandbox,
        requests::RequestInfo,
        state::{OwnerKind, Time, source::NewCommit},
    },
};
use serde_json::{Value, json};

use super::super::step::{Outcome, Slot, Step, index, single, writes};

pub(crate) const TOKEN: &str = "ghp_cleanup000000000000000000000000000000";
pub(crate) const PACKAGE: &str = "acme/shop";
pub(crate) const POLICY: &str = ".github/ghcr-lifecycle.yml";

/// The tags that the policy keeps, and those that go with their versions or without them.
pub(super) const KEPT: [&str; 6] = ["latest", "main-3333333", "pr-2", "signed", "v1.0.0", "v1.1.0"];
pub(super) const GOES: [&str; 3] = ["main-1111111", "main-2222222", "pr-1"];

/// Versions that go: two old builds of main, the older with two platforms and the provenance of each, and an untagged one.
pub(crate) const DELETED: usize = 7;

pub(super) fn days_ago(days: i64) -> Time {
    "2026-03-01T12:00:00Z".parse::<Time>().unwrap().plus_seconds(-days * 86_400)
}

/// GHCR with a package, and a source repository with the policy on its default branch.
pub(crate) fn shop() -> Sandbox {
    let sandbox = empty();
    let at = |days: i64, image: &SampleImage, tags: &[&str]| {
        sandbox.freeze(days_ago(days));
        for tag in tags {
            image.put_into(&sandbox, PACKAGE, &tag.parse().unwrap());
        }
    };
    at(60, &index("v1.0.0"), &["v1.0.0"]);
    at(50, &index("main 1"), &["main-1111111"]);
    at(45, &single("main 2"), &["main-2222222"]);
    // The image of a pull request that became a release: one tag of it goes, the version stays.
    at(40, &index("v1.1.0"), &["pr-1", "v1.1.0", "latest"]);
    at(38, &single("unexplained"), &["signed"]);
    let lost = single("lost");
    at(20, &lost, &["moved"]);
    sandbox.change(|state| state.remove_tag(PACKAGE, &"moved".parse().unwrap()));
    at(2, &single("pr 2"), &["pr-2"]);
    at(1, &single("main 3"), &["main-3333333"]);
    sandbox.freeze(days_ago(0));
    sandbox.change(|state| {
        let source = state.add_source(PACKAGE);
        let text = policy(&[PACKAGE], "127.0.0.1:1");
        source.commit(NewCommit::on("main", "begin").at(days_ago(90)).file(POLICY, text), days_ago(90));
        let tip = source.branch("main").unwrap().to_owned();
        source.set_branch("feature", &tip);
        source.open_pull_request("feature", "One", days_ago(42));
        source.close_pull_request(1, false, days_ago(40));
        source.open_pull_request("feature", "Two", days_ago(2));
    });
    publish_policy(&sandbox, &policy(&[PACKAGE], &sandbox.host()));
    sandbox
}

/// GHCR without a package.
pub(super) fn empty() -> Sandbox {
    let owners = vec![("acme".to_owned(), OwnerKind::Organization)];
    let sandbox = Sandbox::start_blocking(Options { owners, ..Options::ghcr(TOKEN) }).unwrap();
    sandbox.freeze(days_ago(0));
    sandbox
}

/// Puts a policy on the default branch.
pub(super) fn publish_policy(sandbox: &Sandbox, text: &str) {
    sandbox.change(|state| {
        let source = state.source_mut(PACKAGE).unwrap();
        source.commit(NewCommit::on("main", "policy").at(days_ago(90)).file(POLICY, text), days_ago(90));
    });
}

pub(crate) fn policy(packages: &[&str], host: &str) -> String {
    let images: Vec<String> = packages.iter().map(|package| format!("{host}/{package}")).collect();
    format!(
        r#"version: 1
images: [{}]
tags:
  - on: release
    tag: "v{{{{version}}}}"
    rolling: [latest]
  - on: branch main
    tag: "main-{{{{sha}}}}"
    keep: 30 days
  - on: pull request
    tag: "pr-{{{{number}}}}"
    keep: while open
untagged:
  keep: 14 days
"#,
        images.join(", ")
    )
}

/// A step of the weekly workflow.
pub(super) fn weekly(sandbox: &Sandbox, mode: &str) -> Step {
    let payload = json!({"schedule": "0 4 * * 1", "repository": {"full_name": PACKAGE, "default_branch": "main"}});
    step(sandbox, mode, "schedule", "refs/heads/main", &payload)
}

/// A step of a workflow with the policy in its work tree.
pub(super) fn step(sandbox: &Sandbox, mode: &str, event: &str, git_ref: &str, payload: &Value) -> Step {
    Step::new()
        .variable("GITHUB_EVENT_NAME", event)
        .variable("GITHUB_REF", git_ref)
        .variable("GITHUB_REPOSITORY", PACKAGE)
        .variable("GITHUB_SHA", "1f0c0d0e5a9b8c7d6e5f4a3b2c1d0e9f8a7b6c5d")
        .variable("GITHUB_API_URL", &format!("http://{}", sandbox.host()))
        .payload(payload.to_string().as_bytes())
        .policy(&policy(&[PACKAGE], &sandbox.host()))
        .to(sandbox)
        .mode(mode)
}

/// A call at a terminal, in a folder with the policy.
pub(in crate::end_to_end) fn terminal(sandbox: &Sandbox, arguments: &[&str]) -> Step {
    let host = sandbox.host();
    let arguments = [arguments, &["--ghcr-host", &host]].concat();
    Step::new()
        .variable("GITHUB_API_URL", &format!("http://{host}"))
        .variable("GITHUB_TOKEN", TOKEN)
        .variable("GITHUB_REPOSITORY", PACKAGE)
        .policy(&policy(&[PACKAGE], &host))
        .at_terminal(&arguments)
}

/// A summary as people read it.
pub(super) fn read(summary: &str) -> String {
    summary.replace("<code>", "`").replace("</code>", "`")
}

/// The names of a package's tags, in their order.
pub(super) fn tags(sandbox: &Sandbox) -> Vec<String> {
    let mut tags: Vec<String> = sandbox.tags(PACKAGE).into_iter().map(|(tag, _)| tag.to_string()).collect();
    tags.sort();
    tags
}

pub(super) fn versions(sandbox: &Sandbox, package: &str) -> usize {
    sandbox.change(|state| state.repository(package).unwrap().version_count(false))
}

/// What is there to be restored: ids, digests and tags of the active versions.
pub(super) fn picture(sandbox: &Sandbox) -> BTreeMap<u64, (String, Vec<String>)> {
    sandbox.change(|state| {
        let package = state.repository(PACKAGE).unwrap();
        let version = |version: &ghcr_lifecycle::sandbox::state::Version| {
            let mut tags: Vec<String> =
                package.tags_of(&version.manifest.digest).iter().map(ToString::to_string).collect();
            tags.sort();
            (version.id, (version.manifest.digest.to_string(), tags))
        };
        package.versions().map(version).collect()
    })
}

pub(super) fn all_tags() -> Vec<&'static str> {
    let mut tags = [&KEPT[..], &GOES].concat();
    tags.sort_unstable();
    tags
}

/// Asserts that nothing was changed, or even tried.
#[track_caller]
pub(super) fn assert_untouched(sandbox: &Sandbox) {
    assert_eq!(writes(sandbox), []);
    assert_eq!(tags(sandbox), all_tags());
}

/// Asserts that all is done that the policy asks for, and nothing else.
#[track_caller]
pub(crate) fn assert_clean(sandbox: &Sandbox) {
    assert_eq!(tags(sandbox), KEPT);
    assert_eq!(sandbox.incomplete(PACKAGE), []);
    assert_eq!(versions(sandbox, PACKAGE), ALL - DELETED);
}

/// All versions of the package: three indexes of five, five images.
pub(super) const ALL: usize = 20;

pub(super) fn is_api(request: &RequestInfo) -> bool {
    !request.path.starts_with("/v2") && !request.path.starts_with("/token")
}

/// The requests to the API, by method and path.
pub(super) fn api(sandbox: &Sandbox) -> Vec<String> {
    let line = |request: RequestInfo| format!("{} {}", request.method, request.path);
    sandbox.requests().into_iter().filter(is_api).map(line).collect()
}

/// How many manifests were read, and not only looked up.
pub(super) fn manifests_read(sandbox: &Sandbox) -> usize {
    let is_manifest = |request: &RequestInfo| request.method == "GET" && request.path.contains("/manifests/");
    sandbox.requests().iter().filter(|request| is_manifest(request)).count()
}

/// How many versions the API was asked to delete.
pub(crate) fn deletions(sandbox: &Sandbox) -> usize {
    sandbox.requests().iter().filter(|request| request.method == "DELETE").count()
}

/// The journal in a file: each of its lines whole.
#[track_caller]
pub(super) fn journal(path: &Path) -> Vec<JournalEntry> {
    let text = fs::read_to_string(path).unwrap();
    let entries: Vec<JournalEntry> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(text.ends_with('\n'), "{text}");
    entries
}

/// The versions that a journal says were deleted, placeholders left out; each has its intent before.
#[track_caller]
pub(super) fn journalled(entries: &[JournalEntry]) -> usize {
    let mut done = 0;
    for (place, entry) in entries.iter().enumerate() {
        if entry.state == JournalState::Intent {
            continue;
        }
        let intent = &entries[place - 1];
        assert_eq!((intent.state, intent.step, intent.id), (JournalState::Intent, entry.step, entry.id));
        let is_deletion = entry.step == JournalStep::Delete && !entry.is_placeholder();
        done += usize::from(is_deletion && entry.state == JournalState::Done);
    }
    done
}

/// Runs a step, and sends signals to it when the `nth` DELETE comes; that request goes on once they are sent.
#[track_caller]
pub(super) fn interrupt(sandbox: &Sandbox, step: &Step, nth: usize, signals: &'static [&'static str]) -> Outcome {
    signal(sandbox, step, signals, nth, |request| request.method == "DELETE")
}

/// Does so when the `nth` request of some comes.
#[track_caller]
pub(super) fn signal(
    sandbox: &Sandbox,
    step: &Step,
    signals: &'static [&'static str],
    nth: usize,
    of: impl Fn(&RequestInfo) -> bool + Send + Sync + 'static,
) -> Outcome {
    let slot = Slot::default();
    let count = AtomicUsize::new(0);
    sandbox.on_request({
        let slot = Arc::clone(&slot);
        move |request| {
            let is_it = of(&request) && count.fetch_add(1, Ordering::SeqCst) + 1 == nth;
            let id = is_it.then(|| slot.lock().unwrap().as_ref().map(std::process::Child::id)).flatten();
            async move {
                let Some(id) = id else { return };
                for signal in signals {
                    let sent = std::process::Command::new("sh").args(["-c", &format!("kill -{signal} {id}")]).status();
                    assert!(sent.unwrap().success());
                    // The answer must not come before the signal, and signals that come at once are one.
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    });
    let outcome = step.run_in(&slot);
    sandbox.clear_hook();
    outcome
}

/// Kills a step when the `nth` DELETE comes, which takes effect.
#[track_caller]
pub(super) fn kill(sandbox: &Sandbox, step: &Step, nth: usize) {
    let outcome = interrupt(sandbox, step, nth, &["KILL"]);
    assert_eq!(outcome.code, None, "{outcome}");
    // It is under way when the process is gone already. The last DELETE is the placeholder's.
    let left = ALL - nth.min(DELETED);
    let arrived = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        versions(sandbox, PACKAGE) == left
    });
    assert!(arrived, "{} versions are left, not {left}", versions(sandbox, PACKAGE));
}

/// Replaces the manifest that a tag is on by text that is none: its version stays, unreadable.
pub(super) fn break_manifest(sandbox: &Sandbox, package: &str, tag: &str) {
    let manifest = ghcr_lifecycle::model::RawManifest::new("application/vnd.oci.image.manifest.v1+json", "{".into());
    sandbox.put_manifest(package, &ManifestReference::Tag(tag.parse().unwrap()), manifest);
}
