//! What tokens other than the sandbox's own may do through the registry.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ghcr_lifecycle::sandbox::{
    Sandbox,
    state::{Role, TokenKind},
};
use reqwest::{Method, Response};
use serde_json::Value;

use super::{
    api::{PACKAGE, VERSIONS, acme, call_as, fetch, manifest, project, push, token},
    support::{INDEX, anonymous, refusal},
};

/// A request with a token straight as a bearer.
async fn direct(sandbox: &Sandbox, token: &str, method: Method, path: &str) -> Response {
    let request = anonymous(sandbox, method, path).bearer_auth(BASE64.encode(token)).header("accept", INDEX);
    let request = request.header("content-type", INDEX).body(manifest("pushed").bytes);
    request.send().await.unwrap()
}

/// The same with one that the token endpoint gives for it.
async fn exchanged(sandbox: &Sandbox, token: &str, method: Method, path: &str) -> Response {
    let scope = "/token?service=ghcr.io&scope=repository:acme/shop:pull,push";
    let given = anonymous(sandbox, Method::GET, scope).basic_auth("any", Some(token)).send().await.unwrap();
    let given: Value = given.json().await.unwrap();
    let request = anonymous(sandbox, method, path).bearer_auth(given["token"].as_str().unwrap());
    let request = request.header("accept", INDEX).header("content-type", INDEX).body(manifest("pushed").bytes);
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_token_that_reads_does_not_write() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let reader = token(&sandbox, "ghp_reader", TokenKind::classic("me", &["read:packages"]));
    let path = "/v2/acme/shop/manifests/v1";
    assert_eq!(direct(&sandbox, &reader, Method::GET, path).await.status(), 200);
    assert_eq!(exchanged(&sandbox, &reader, Method::GET, path).await.status(), 200);
    let expected = (403, "DENIED".to_owned(), "permission_denied: write_package".to_owned());
    assert_eq!(refusal(direct(&sandbox, &reader, Method::PUT, path).await).await, expected);
    assert_eq!(refusal(exchanged(&sandbox, &reader, Method::PUT, path).await).await, expected);
}

#[tokio::test]
async fn a_stranger_reads_public_packages_only() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let stranger = token(&sandbox, "ghp_stranger", TokenKind::classic("stranger", &["write:packages"]));
    let path = "/v2/acme/shop/manifests/v1";
    let expected = (403, "DENIED".to_owned(), "permission_denied: read_package".to_owned());
    assert_eq!(refusal(direct(&sandbox, &stranger, Method::GET, path).await).await, expected);
    sandbox.set_public(PACKAGE, true);
    assert_eq!(direct(&sandbox, &stranger, Method::GET, path).await.status(), 200);
    assert_eq!(direct(&sandbox, &stranger, Method::PUT, path).await.status(), 403);
}

#[tokio::test]
async fn a_workflow_makes_a_package_of_its_own_repository() {
    let sandbox = acme().await;
    project(&sandbox);
    let kind = TokenKind::Workflow { repository: "acme/Shop".to_owned(), packages: Role::Write };
    let workflow = token(&sandbox, "ghs_1", kind);
    let push = |path: &'static str| direct(&sandbox, &workflow, Method::PUT, path);
    assert_eq!(push("/v2/acme/shop/manifests/v1").await.status(), 201);
    let package = fetch(&sandbox, "/orgs/acme/packages/container/shop").await;
    assert_eq!(package["repository"]["full_name"], "acme/Shop");
    push("/v2/acme/shop/manifests/sha256:0").await;
    let id = super::api::push(&sandbox, PACKAGE, "2", "");
    let path = format!("{VERSIONS}/{id}");
    assert_eq!(call_as(&sandbox, &workflow, Method::DELETE, &path).send().await.unwrap().status(), 204);
    let elsewhere = refusal(push("/v2/other/shop/manifests/v1").await).await;
    assert_eq!(elsewhere.2, "installation not allowed to Create organization package");
}

#[tokio::test]
async fn a_package_made_by_somebody_else_is_not_a_workflow_s() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let kind = TokenKind::Workflow { repository: "acme/Shop".to_owned(), packages: Role::Write };
    let workflow = token(&sandbox, "ghs_1", kind);
    let path = "/v2/acme/shop/manifests/v1";
    let denied = refusal(direct(&sandbox, &workflow, Method::PUT, path).await).await;
    assert_eq!(denied.2, "permission_denied: write_package");
    sandbox.change(|state| state.set_role(PACKAGE, "repository:acme/shop", Role::Write));
    assert_eq!(direct(&sandbox, &workflow, Method::PUT, path).await.status(), 201);
}

#[tokio::test]
async fn a_revoked_token_is_refused_on_both_halves() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    sandbox.set_public(PACKAGE, true);
    let mine = token(&sandbox, "ghp_mine", TokenKind::classic("me", &["read:packages"]));
    sandbox.change(|state| state.revoke_token("ghp_mine"));
    let denied = refusal(direct(&sandbox, &mine, Method::GET, "/v2/acme/shop/manifests/v1").await).await;
    assert_eq!((denied.0, denied.2.as_str()), (403, "denied"));
    assert_eq!(call_as(&sandbox, &mine, Method::GET, VERSIONS).send().await.unwrap().status(), 401);
}
