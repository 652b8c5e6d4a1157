//! GHCR's way of proving who one is.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ghcr_lifecycle::{
    model::Secret,
    sandbox::{Auth, Options, Sandbox},
};
use reqwest::Method;
use serde_json::{Value, json};

use super::support::{REPOSITORY, TOKEN, anonymous, get, ghcr, header, refusal, request, single};

const TAGS: &str = "/v2/acme/shop/tags/list";

async fn with_bearer(sandbox: &Sandbox, method: Method, path: &str, bearer: &str) -> reqwest::Response {
    anonymous(sandbox, method, path).bearer_auth(bearer).send().await.unwrap()
}

async fn exchange(sandbox: &Sandbox, actions: &str) -> String {
    let path = format!("/token?service=ghcr.io&scope=repository:{REPOSITORY}:{actions}");
    let response = anonymous(sandbox, Method::GET, &path).basic_auth("whoever", Some(TOKEN)).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let body: Value = response.json().await.unwrap();
    let names: Vec<_> = body.as_object().unwrap().keys().collect();
    assert_eq!(names, ["token"]);
    body["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_base_challenges_with_the_literal_placeholder() {
    let sandbox = ghcr().await;
    let response = anonymous(&sandbox, Method::GET, "/v2/").send().await.unwrap();
    assert_eq!(
        header(&response, "www-authenticate"),
        format!(
            r#"Bearer realm="http://{}/token",service="ghcr.io",scope="repository:user/image:pull""#,
            sandbox.host()
        )
    );
    assert_eq!(header(&response, "docker-distribution-api-version"), "registry/2.0");
    assert_ne!(header(&response, "x-github-request-id"), "");
    assert_eq!(refusal(response).await, (401, "UNAUTHORIZED".into(), "authentication required".into()));
    assert_eq!(get(&sandbox, "/v2/").await.status(), 200);
}

#[tokio::test]
async fn a_real_repository_is_challenged_with_its_own_scope() {
    let sandbox = ghcr().await;
    let pull = anonymous(&sandbox, Method::GET, TAGS).send().await.unwrap();
    assert!(header(&pull, "www-authenticate").ends_with(r#"scope="repository:acme/shop:pull""#));
    let push = anonymous(&sandbox, Method::POST, "/v2/acme/shop/blobs/uploads/").send().await.unwrap();
    assert!(header(&push, "www-authenticate").ends_with(r#"scope="repository:acme/shop:pull,push""#));
    let catalogue = get(&sandbox, "/v2/_catalog").await;
    assert!(header(&catalogue, "www-authenticate").ends_with(r#"scope="repository:user/image:pull""#));
}

#[tokio::test]
async fn exchanged_tokens_carry_their_scope() {
    let sandbox = ghcr().await;
    single("1").put_into(&sandbox, REPOSITORY, &"v1".parse().unwrap());
    let pull = exchange(&sandbox, "pull").await;
    assert_eq!(with_bearer(&sandbox, Method::GET, TAGS, &pull).await.status(), 200);
    let other = with_bearer(&sandbox, Method::GET, "/v2/acme/other/tags/list", &pull).await;
    assert_eq!(other.status(), 401);
    let uploads = "/v2/acme/shop/blobs/uploads/";
    let narrow = with_bearer(&sandbox, Method::POST, uploads, &pull).await;
    assert_eq!(narrow.status(), 401);
    assert!(header(&narrow, "www-authenticate").ends_with(r#"scope="repository:acme/shop:pull,push""#));
    let push = exchange(&sandbox, "pull,push").await;
    assert_eq!(with_bearer(&sandbox, Method::POST, uploads, &push).await.status(), 202);
    sandbox.expire_tokens();
    assert_eq!(with_bearer(&sandbox, Method::POST, uploads, &push).await.status(), 401);
}

#[tokio::test]
async fn the_token_endpoint_refuses_what_ghcr_refuses() {
    let sandbox = ghcr().await;
    single("1").put_into(&sandbox, REPOSITORY, &"v1".parse().unwrap());
    let path = format!("/token?service=ghcr.io&scope=repository:{REPOSITORY}:pull");
    assert_eq!(with_bearer(&sandbox, Method::GET, &path, TOKEN).await.status(), 401);
    let wrong = anonymous(&sandbox, Method::GET, &path).basic_auth("x", Some("wrong")).send().await.unwrap();
    assert_eq!(refusal(wrong).await, (403, "DENIED".into(), "denied".into()));
    assert_eq!(anonymous(&sandbox, Method::GET, &path).send().await.unwrap().status(), 401);
    let bad = with_bearer(&sandbox, Method::GET, TAGS, &BASE64.encode("ghp_expired")).await;
    assert_eq!(refusal(bad).await, (403, "DENIED".into(), "denied".into()));
}

#[tokio::test]
async fn anonymous_tokens_pull_public_images_only() {
    let sandbox = ghcr().await;
    single("1").put_into(&sandbox, REPOSITORY, &"v1".parse().unwrap());
    sandbox.set_public(REPOSITORY, true);
    let path = format!("/token?service=ghcr.io&scope=repository:{REPOSITORY}:pull,push");
    let body: Value = anonymous(&sandbox, Method::GET, &path).send().await.unwrap().json().await.unwrap();
    let token = body["token"].as_str().unwrap();
    let decoded = String::from_utf8(BASE64.decode(token).unwrap()).unwrap();
    let nanoseconds = decoded.strip_prefix("v1:acme/shop:").unwrap();
    assert!(nanoseconds.parse::<u128>().is_ok());
    assert_eq!(anonymous(&sandbox, Method::GET, TAGS).send().await.unwrap().status(), 401);
    assert_eq!(with_bearer(&sandbox, Method::GET, TAGS, token).await.status(), 200);
    let push = with_bearer(&sandbox, Method::POST, "/v2/acme/shop/blobs/uploads/", token).await;
    assert_eq!(refusal(push).await, (403, "DENIED".into(), "requested access to the resource is denied".into()));
    sandbox.set_public(REPOSITORY, false);
    assert_eq!(with_bearer(&sandbox, Method::GET, TAGS, token).await.status(), 403);
}

#[tokio::test]
async fn blobs_mount_from_where_the_token_may_read() {
    let sandbox = ghcr().await;
    let digest = sandbox.put_blob("other/base", "blob");
    let token = exchange(&sandbox, "pull,push").await;
    let mount = format!("/v2/{REPOSITORY}/blobs/uploads/?mount={digest}&from=other/base");
    assert_eq!(with_bearer(&sandbox, Method::POST, &mount, &token).await.status(), 202);
    assert!(!sandbox.has_blob(REPOSITORY, &digest));
    sandbox.set_public("other/base", true);
    assert_eq!(with_bearer(&sandbox, Method::POST, &mount, &token).await.status(), 201);
    assert!(sandbox.has_blob(REPOSITORY, &digest));
}

#[tokio::test]
async fn absence_is_unknown_or_denied() {
    let sandbox = ghcr().await;
    assert_eq!(refusal(get(&sandbox, TAGS).await).await.1, "NAME_UNKNOWN");
    let started = request(&sandbox, Method::POST, "/v2/acme/shop/blobs/uploads/").send().await.unwrap();
    assert_eq!(started.status(), 202);
    assert_eq!(get(&sandbox, TAGS).await.status(), 404);

    let options = Options { absent_is_denied: true, ..Options::ghcr(TOKEN) };
    let sandbox = Sandbox::start(options).await.unwrap();
    assert_eq!(refusal(get(&sandbox, TAGS).await).await.0, 403);
    let started = request(&sandbox, Method::POST, "/v2/acme/shop/blobs/uploads/").send().await.unwrap();
    assert_eq!(started.status(), 202);
}

#[tokio::test]
async fn a_plain_registry_takes_basic_credentials() {
    let password = Secret::new("secret").unwrap();
    let options = Options::plain(Auth::Basic { username: "user".to_owned(), password });
    let sandbox = Sandbox::start(options).await.unwrap();
    let none = anonymous(&sandbox, Method::GET, "/v2/").send().await.unwrap();
    assert_eq!((none.status().as_u16(), header(&none, "www-authenticate")), (401, r#"Basic realm="sandbox""#));
    let wrong = anonymous(&sandbox, Method::GET, "/v2/").basic_auth("user", Some("x")).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    let right = anonymous(&sandbox, Method::GET, "/v2/").basic_auth("user", Some("secret")).send().await.unwrap();
    assert_eq!(right.json::<Value>().await.unwrap(), json!({}));
    let token = anonymous(&sandbox, Method::GET, "/token").send().await.unwrap();
    assert_eq!(token.status(), 404);
}
