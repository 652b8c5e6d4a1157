//! What the sandbox's tests share: a client, a sample image, and running other programs.

use std::{process::Command, sync::Once};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ghcr_lifecycle::sandbox::{Options, SampleImage, Sandbox};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;

pub(crate) const REPOSITORY: &str = "acme/shop";
pub(crate) const TOKEN: &str = "ghp_test";
pub(crate) const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

pub(crate) async fn ghcr() -> Sandbox {
    Sandbox::start(Options::ghcr(TOKEN)).await.unwrap()
}

pub(crate) fn install_provider() {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

pub(crate) fn client() -> reqwest::Client {
    install_provider();
    reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap()
}

/// A request with the token straight as a bearer.
pub(crate) fn request(sandbox: &Sandbox, method: Method, path: &str) -> RequestBuilder {
    anonymous(sandbox, method, path).bearer_auth(BASE64.encode(TOKEN))
}

pub(crate) fn anonymous(sandbox: &Sandbox, method: Method, path: &str) -> RequestBuilder {
    client().request(method, format!("http://{}{path}", sandbox.host()))
}

pub(crate) async fn get(sandbox: &Sandbox, path: &str) -> Response {
    request(sandbox, Method::GET, path).send().await.unwrap()
}

pub(crate) fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// Status, error code and message of a refusal.
pub(crate) async fn refusal(response: Response) -> (u16, String, String) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let error = &body["errors"][0];
    (status, error["code"].as_str().unwrap().to_owned(), error["message"].as_str().unwrap().to_owned())
}

pub(crate) fn single(seed: &str) -> SampleImage {
    SampleImage::builder().seed(seed).label("org.opencontainers.image.version", seed).build()
}

pub(crate) fn multi(seed: &str) -> SampleImage {
    SampleImage::builder().seed(seed).platform("linux/amd64").platform("linux/arm64").attestation(true).build()
}

/// Runs a program to its end; a missing one is a failure that names its Debian package.
pub(crate) fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env_remove("HTTP_PROXY")
        .env_remove("http_proxy")
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; install the Debian package `{program}`"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}
