//! What the tests of the REST half share: a sandbox with a project in it, and a client of the API.

use bytes::Bytes;
use ghcr_lifecycle::{
    model::{Digest, ManifestReference, RawManifest, Secret},
    sandbox::{
        Options, Sandbox,
        state::{OwnerKind, Time, TokenKind, source::NewCommit},
    },
};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use super::support::{INDEX, TOKEN, anonymous};

/// The package in which nearly all happens, and its path in the API.
pub(crate) const PACKAGE: &str = "acme/shop";
pub(crate) const VERSIONS: &str = "/orgs/acme/packages/container/shop/versions";

pub(crate) fn time(text: &str) -> Time {
    text.parse().unwrap()
}

/// A sandbox at a time that stands still, with the organisation `acme` and the user `me`, whose the token is.
pub(crate) async fn acme() -> Sandbox {
    let owners = vec![("acme".to_owned(), OwnerKind::Organization), ("me".to_owned(), OwnerKind::User)];
    let options = Options { owners, login: "me".to_owned(), ..Options::ghcr(TOKEN) };
    let sandbox = Sandbox::start(options).await.unwrap();
    sandbox.freeze(time("2026-03-01T12:00:00Z"));
    sandbox
}

/// An index without children, another for every seed.
pub(crate) fn manifest(seed: &str) -> RawManifest {
    let text = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": {"seed": seed}});
    RawManifest::new(INDEX, Bytes::from(text.to_string()))
}

/// Pushes an index under a tag, or untagged if that is empty, and returns the id of its version.
pub(crate) fn push(sandbox: &Sandbox, package: &str, seed: &str, tag: &str) -> u64 {
    let manifest = manifest(seed);
    let digest = manifest.digest.clone();
    let reference = if tag.is_empty() {
        ManifestReference::Digest(digest.clone())
    } else {
        ManifestReference::Tag(tag.parse().unwrap())
    };
    sandbox.put_manifest(package, &reference, manifest);
    version_id(sandbox, package, &digest)
}

pub(crate) fn version_id(sandbox: &Sandbox, package: &str, digest: &Digest) -> u64 {
    sandbox.change(|state| state.repository(package)?.version_of(digest).map(|version| version.id)).unwrap()
}

/// Makes a source repository with commits, branches, tags, pull requests, releases; returns the ids of its commits.
pub(crate) fn project(sandbox: &Sandbox) -> Vec<String> {
    let at = |day: u32| time(&format!("2026-02-{day:02}T08:00:00Z"));
    sandbox.change(|state| {
        let source = state.add_source("acme/Shop");
        source.description = Some("A shop".to_owned());
        source.license = Some("MIT".to_owned());
        let commit = |branch: &str, message: &str, day| NewCommit::on(branch, message).at(at(day));
        let first = source.commit(commit("main", "first", 1).file("README.md", "# Shop\n"), at(1));
        let second =
            source.commit(commit("main", "second", 2).file(".github/ghcr-lifecycle.yml", "version: 1\n"), at(2));
        source.set_branch("release/1", &second);
        let hotfix = source.commit(commit("release/1", "hotfix", 4).file("src/fix.txt", "fixed"), at(4));
        let third = source.commit(commit("main", "third", 3).file("src/a.txt", "a"), at(3));
        source.set_tag("v1.0.0", &second);
        source.annotate_tag("v1.0.1", &hotfix, at(4));
        let open = source.open_pull_request("release/1", "Fix it", at(5));
        let closed = source.open_pull_request("main", "Never mind", at(6));
        source.close_pull_request(closed, false, at(7));
        assert_eq!((open, closed), (1, 2));
        source.publish_release("v1.0.0", at(2));
        source.publish_release("v1.1.0-rc.1", at(8));
        vec![first, second, third, hotfix]
    })
}

/// A request by somebody; no text means nobody.
pub(crate) fn call_as(sandbox: &Sandbox, token: &str, method: Method, path: &str) -> RequestBuilder {
    let request = anonymous(sandbox, method, path)
        .header("user-agent", "test")
        .header("accept", "application/vnd.github+json")
        .header("x-github-api-version", "2022-11-28");
    if token.is_empty() { request } else { request.bearer_auth(token) }
}

/// A request with the sandbox's own token.
pub(crate) async fn call(sandbox: &Sandbox, method: Method, path: &str) -> Response {
    call_as(sandbox, TOKEN, method, path).send().await.unwrap()
}

pub(crate) async fn fetch(sandbox: &Sandbox, path: &str) -> Value {
    let response = call(sandbox, Method::GET, path).await;
    assert_eq!(response.status(), 200, "{path}");
    response.json().await.unwrap()
}

/// The status and message of an answer; no message if there is no body.
pub(crate) async fn outcome(response: Response) -> (u16, String) {
    let status = response.status();
    let text = response.text().await.unwrap();
    if text.is_empty() {
        return (status.as_u16(), String::new());
    }
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(body["status"], status.as_u16().to_string(), "{body}");
    assert!(body["documentation_url"].as_str().unwrap().starts_with("https://docs.github.com/"), "{body}");
    (status.as_u16(), body["message"].as_str().unwrap().to_owned())
}

pub(crate) async fn outcome_as(sandbox: &Sandbox, token: &str, method: Method, path: &str) -> (u16, String) {
    outcome(call_as(sandbox, token, method, path).send().await.unwrap()).await
}

/// Makes a token known.
pub(crate) fn token(sandbox: &Sandbox, text: &str, kind: TokenKind) -> String {
    sandbox.add_token(Secret::new(text).unwrap(), kind);
    text.to_owned()
}

/// The names of a list's objects, by a field.
pub(crate) fn names(list: &Value, field: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|item| item[field].to_string().trim_matches('"').to_owned()).collect()
}

pub(crate) fn refused(status: u16, message: &str) -> (u16, String) {
    (status, message.to_owned())
}
