//! The command `sandbox`, and the folder that keeps its state.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Child, Command, Stdio},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use ghcr_lifecycle::sandbox::{Options, SampleImage, Sandbox};
use serde_json::Value;

use super::{
    api::{PACKAGE, fetch, names, project, push, time},
    support::{TOKEN, client, get, multi, run},
};

/// A sandbox in a process of its own; dropping it kills it.
struct Running {
    child: Child,
    at: Value,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ghcr-lifecycle"))
            .arg("sandbox")
            .args(arguments)
            .env_clear()
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let at = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
        Self { child, at }
    }

    fn text(&self, field: &str) -> &str {
        self.at[field].as_str().unwrap()
    }

    async fn api(&self, path: &str) -> Value {
        let url = format!("{}{path}", self.text("api"));
        let request = client().get(url).header("user-agent", "test").bearer_auth(self.text("token"));
        request.send().await.unwrap().json().await.unwrap()
    }

    /// Sends a signal and returns the exit code.
    fn end(mut self, signal: &str) -> Option<i32> {
        run("kill", &[signal, &self.child.id().to_string()]);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the command to its end, which must be a refusal.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_ghcr-lifecycle")).arg("sandbox").args(arguments).env_clear().output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

fn copy(running: &Running, image: &SampleImage, folder: &Path, tag: &str) {
    let layout = folder.join(tag);
    image.write_layout(&layout).unwrap();
    let target = format!("docker://{}/acme/shop:{tag}", running.text("registry"));
    let credentials = format!("any:{}", running.text("token"));
    let source = format!("oci:{}", layout.display());
    let arguments = ["--insecure-policy", "copy", "--all", "--quiet", "--preserve-digests", "--dest-tls-verify=false"];
    run("skopeo", &[&arguments[..], &["--dest-creds", &credentials, &source, &target]].concat());
}

#[tokio::test]
async fn it_serves_until_a_signal_comes() {
    for signal in ["-TERM", "-INT"] {
        let running = Running::start(&[]);
        assert_eq!(running.text("api"), format!("http://{}", running.text("registry")));
        let folder = tempfile::tempdir().unwrap();
        copy(&running, &multi("1"), folder.path(), "v1");
        let packages = running.api("/orgs/acme/packages?package_type=container").await;
        assert_eq!(names(&packages, "name"), ["shop"]);
        assert_eq!(running.end(signal), Some(0));
    }
}

#[tokio::test]
async fn owners_and_token_are_the_user_s() {
    let owners = ["--owner", "Acme:organization", "--owner", "me:user", "--token", "ghp_mine"];
    let running = Running::start(&owners);
    assert_eq!(running.text("token"), "ghp_mine");
    assert_eq!(running.api("/user").await["login"], "me");
    assert_eq!(running.api("/users/acme").await["type"], "Organization");
    assert_eq!(running.end("-TERM"), Some(0));
}

#[tokio::test]
async fn its_state_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let start = || Running::start(&["--data", data.to_str().unwrap()]);
    let first = start();
    let image = multi("1");
    copy(&first, &image, folder.path(), "v1");
    let versions = first.api("/orgs/acme/packages/container/shop/versions").await;
    assert_eq!(first.end("-TERM"), Some(0));
    let second = start();
    let again = second.api("/orgs/acme/packages/container/shop/versions").await;
    assert_eq!(names(&again, "id"), names(&versions, "id"));
    let name = format!("docker://{}/acme/shop:v1", second.text("registry"));
    let credentials = format!("any:{}", second.text("token"));
    let back = format!("oci:{}", folder.path().join("back").display());
    let arguments = ["--insecure-policy", "copy", "--all", "--quiet", "--preserve-digests", "--src-tls-verify=false"];
    run("skopeo", &[&arguments[..], &["--src-creds", &credentials, &name, &back]].concat());
    copy(&second, &multi("2"), folder.path(), "v2");
    let more = second.api("/orgs/acme/packages/container/shop/versions?per_page=100").await;
    let ids: Vec<u64> = more.as_array().unwrap().iter().map(|version| version["id"].as_u64().unwrap()).collect();
    assert!(ids.is_sorted_by(|one, other| one > other) && ids.len() > names(&versions, "id").len(), "{ids:?}");
    assert_eq!(second.end("-INT"), Some(0));
}

#[tokio::test]
async fn the_token_stays_whose_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first =
        Running::start(&["--data", data.to_str().unwrap(), "--owner", "me:user", "--owner", "acme:organization"]);
    assert_eq!(first.end("-TERM"), Some(0));
    let second = Running::start(&["--data", data.to_str().unwrap(), "--owner", "acme:user"]);
    assert_eq!(second.api("/users/acme").await["type"], "Organization");
    assert_eq!(second.api("/user").await["login"], "me");
    assert_eq!(second.end("-TERM"), Some(0));
    let third = Running::start(&["--data", data.to_str().unwrap()]);
    assert_eq!(third.api("/user").await["login"], "me");
    assert_eq!(third.end("-TERM"), Some(0));
}

#[test]
fn one_folder_is_for_one_sandbox() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let running = Running::start(&["--data", data]);
    let (code, text) = refused(&["--data", data]);
    assert_eq!(code, Some(1));
    assert!(text.contains("another sandbox uses this folder"), "{text}");
    assert_eq!(running.end("-TERM"), Some(0));
}

#[test]
fn wrong_options_are_told_at_once() {
    let (code, text) = refused(&["--listen", "0.0.0.0:1", "--owner", "acme:team", "--token", "a b"]);
    assert_eq!(code, Some(2));
    for part in ["`0.0.0.0:1` is no address of this machine alone", "`acme:team` is no owner", "no token has"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (code, _) = refused(&["--listen", "nowhere"]);
    assert_eq!(code, Some(2));
}

#[test]
fn a_workflow_cannot_ask_for_it() {
    let output = Command::new(env!("CARGO_BIN_EXE_ghcr-lifecycle"))
        .env_clear()
        .env("GITHUB_ACTIONS", "true")
        .env("INPUT_MODE", "sandbox")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test]
async fn everything_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let start = || Options { data: Some(folder.path().to_owned()), ..Options::ghcr(TOKEN) };
    let first = Sandbox::start(start()).await.unwrap();
    first.freeze(time("2026-03-01T12:00:00Z"));
    let commits = project(&first);
    push(&first, PACKAGE, "1", "v1");
    let deleted = push(&first, PACKAGE, "2", "v2");
    first.change(|state| state.delete_version(PACKAGE, deleted)).unwrap();
    push(&first, "acme/gone", "3", "v1");
    first.change(|state| state.delete_package("acme/gone")).unwrap();
    first.put_blob(PACKAGE, Bytes::from_static(b"layer"));
    let before = first.change(|state| serde_json::to_value(&*state)).unwrap();
    first.close().unwrap();
    let second = Sandbox::start(start()).await.unwrap();
    assert_eq!(second.change(|state| serde_json::to_value(&*state)).unwrap(), before);
    second.change(|state| state.restore_version(PACKAGE, deleted)).unwrap();
    second.change(|state| state.restore_package("acme/gone")).unwrap();
    assert_eq!(get(&second, "/v2/acme/gone/tags/list").await.status(), 200);
    let tree = fetch(&second, &format!("/repos/acme/shop/git/trees/{}", commits[0])).await;
    let again = format!("/repos/acme/shop/git/trees/{}", tree["sha"].as_str().unwrap());
    assert_eq!(fetch(&second, &again).await, tree);
}

#[tokio::test]
async fn what_was_written_is_there_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut running = Running::start(&["--data", data.to_str().unwrap()]);
    copy(&running, &multi("1"), folder.path(), "v1");
    // Written a moment after the change: wait for it, then end the process without a warning.
    let written = |path: &Path| std::fs::read_to_string(path).is_ok_and(|text| text.contains("\"v1\""));
    for _ in 0..600 {
        if written(&data.join("state.json")) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    std::fs::write(data.join("blobs/sha256/half.new"), "half").unwrap();
    let again = Running::start(&["--data", data.to_str().unwrap()]);
    assert_eq!(names(&again.api("/orgs/acme/packages?package_type=container").await, "name"), ["shop"]);
}

#[test]
fn a_damaged_folder_is_named() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("state.json"), "{").unwrap();
    let (code, text) = refused(&["--data", folder.path().to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(text.contains("state.json"), "{text}");
}

/// A skopeo command on the repository, with the credentials of the sandbox.
fn skopeo(running: &Running, command: &str, tag: &str) -> String {
    let name = format!("docker://{}/acme/shop{tag}", running.text("registry"));
    let credentials = format!("any:{}", running.text("token"));
    run("skopeo", &[command, "--tls-verify=false", "--creds", &credentials, &name])
}

fn tags(running: &Running) -> Value {
    serde_json::from_str::<Value>(&skopeo(running, "list-tags", "")).unwrap()["Tags"].take()
}

#[tokio::test]
async fn both_switches_make_it_a_plain_registry() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (multi("1"), multi("2"));
    for (switches, listed) in [(&[][..], ["v2", "v1"]), (&["--referrers", "--delete"][..], ["v1", "v2"])] {
        let running = Running::start(switches);
        copy(&running, &two, folder.path(), "v2");
        copy(&running, &one, folder.path(), "v1");
        assert_eq!(tags(&running), serde_json::json!(listed));
        let plain = !switches.is_empty();
        let status = |path: String| {
            let bearer = BASE64.encode(running.text("token"));
            let request = client().get(format!("{}/v2/acme/shop/{path}", running.text("api"))).bearer_auth(bearer);
            async move { request.send().await.unwrap().status().as_u16() }
        };
        let (digest, layer) = (one.digest(), one.blobs().keys().next().unwrap());
        assert_eq!(status(format!("referrers/{digest}")).await, if plain { 200 } else { 404 });
        assert_eq!(status(format!("manifests/{digest}")).await, if plain { 200 } else { 404 }, "no Accept");
        assert_eq!(status(format!("blobs/{layer}")).await, if plain { 200 } else { 307 });
        if plain {
            skopeo(&running, "delete", ":v1");
            assert_eq!(tags(&running), serde_json::json!(["v2"]));
            // What was deleted there is a deleted version here.
            let gone = running.api("/orgs/acme/packages/container/shop/versions?state=deleted").await;
            assert_eq!(names(&gone, "name"), [digest.to_string()]);
        }
        assert_eq!(running.end("-INT"), Some(0));
    }
}

#[tokio::test]
async fn one_switch_adds_what_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(&["--delete"]);
    copy(&running, &multi("2"), folder.path(), "v2");
    copy(&running, &multi("1"), folder.path(), "v1");
    assert_eq!(tags(&running), serde_json::json!(["v2", "v1"]), "oldest first, as on GHCR");
    skopeo(&running, "delete", ":v2");
    assert_eq!(tags(&running), serde_json::json!(["v1"]));
    assert_eq!(running.end("-TERM"), Some(0));
}

/// Keeps the pipe's reader from being unused where the process says nothing more.
#[test]
fn it_says_one_line_only() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ghcr-lifecycle"))
        .arg("sandbox")
        .env_clear()
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    run("kill", &["-TERM", &child.id().to_string()]);
    let mut rest = String::new();
    reader.read_to_string(&mut rest).unwrap();
    assert_eq!((child.wait().unwrap().code(), rest.as_str()), (Some(0), ""));
}
