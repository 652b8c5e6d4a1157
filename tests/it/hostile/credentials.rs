//! Credentials: which request carries which, as it arrives.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ghcr_lifecycle::{
    adapters::sources::registry::RegistrySource,
    ports::{ImageSource as _, PortErrorKind, RegistryReader as _},
};

use super::{IMAGE_TYPE, LIST, anonymous, github};
use crate::{
    registry::{client, descriptor, image, login, manifest, tag},
    scripted::{Reply, Scripted},
};

#[tokio::test]
async fn the_github_token_goes_to_ghcr_as_it_is() {
    let server = Scripted::start(|_, _, _| Reply::tags(&["v1"])).await;
    client(github(server.host())).tags(&image(server.host(), "acme/shop")).await.unwrap();
    let expected = format!("Bearer {}", BASE64.encode("ghs_secret"));
    assert_eq!(server.requests()[0].header("authorization"), Some(expected.as_str()));
}

#[tokio::test]
async fn the_github_token_goes_to_no_other_host() {
    let server = Scripted::start(|_, _, _| Reply::tags(&["v1"])).await;
    let port = server.host().rsplit(':').next().unwrap();
    for ghcr in
        ["ghcr.io".to_owned(), format!("localhost:{port}"), "127.0.0.1".to_owned(), format!("{}0", server.host())]
    {
        client(github(&ghcr)).tags(&image(server.host(), "acme/shop")).await.unwrap();
    }
    assert_eq!(server.lines(), [LIST; 4]);
}

#[tokio::test]
async fn a_token_is_exchanged_and_kept() {
    let server = Scripted::start(|host, request, _| match request.header("authorization") {
        _ if request.target.starts_with("/token") => Reply::token("t1"),
        Some("Bearer t1") => Reply::tags(&["v1"]),
        _ => Reply::challenge(&format!("http://{host}/token")),
    })
    .await;
    let client = client(github(server.host()));
    for _ in 0..2 {
        client.tags(&image(server.host(), "acme/shop")).await.unwrap();
    }
    assert_eq!(
        server.lines(),
        [
            format!("{LIST} [Bearer]"),
            "GET /token?service=tests&scope=repository%3Aacme%2Fshop%3Apull [Basic]".to_owned(),
            format!("{LIST} [Bearer]"),
            format!("{LIST} [Bearer]"),
        ]
    );
    let basic = format!("Basic {}", BASE64.encode("token:ghs_secret"));
    assert_eq!(server.requests()[1].header("authorization"), Some(basic.as_str()));
    let debug = format!("{client:?}");
    for secret in ["ghs_secret", "t1", &BASE64.encode("ghs_secret"), &BASE64.encode("token:ghs_secret")] {
        assert!(!debug.contains(&format!("{secret}\"")) && !debug.contains(&format!(" {secret}")), "{debug}");
    }
}

#[tokio::test]
async fn a_token_that_runs_out_is_renewed_once() {
    let server = Scripted::start(|host, request, nth| match request.header("authorization") {
        _ if request.target.starts_with("/token") => Reply::token(&format!("t{nth}")),
        // The first token is good for one request.
        Some("Bearer t1") if nth == 2 => Reply::tags(&["v1"]),
        Some("Bearer t4") => Reply::tags(&["v1", "v2"]),
        _ => Reply::challenge(&format!("http://{host}/token")),
    })
    .await;
    let client = client(github(server.host()));
    assert_eq!(client.tags(&image(server.host(), "acme/shop")).await.unwrap().len(), 1);
    assert_eq!(client.tags(&image(server.host(), "acme/shop")).await.unwrap().len(), 2);
    let lines = server.lines();
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert!(lines[4].starts_with("GET /token"), "{lines:?}");
}

#[tokio::test]
async fn a_token_that_is_never_good_is_a_denial() {
    let server = Scripted::start(|host, request, _| {
        if request.target.starts_with("/token") {
            Reply::token("useless")
        } else {
            Reply::challenge(&format!("http://{host}/token"))
        }
    })
    .await;
    let error = client(github(server.host()))
        .manifest(&image(server.host(), "acme/shop"), &tag("v1").into())
        .await
        .unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Denied);
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_failed_exchange_is_an_error_that_names_the_realm_and_no_bare_request_follows() {
    let realm = Scripted::start(|_, _, _| Reply::error(403, "DENIED", "denied")).await;
    let address = format!("http://{}/token", realm.host());
    let server = Scripted::start(move |_, _, _| Reply::challenge(&address)).await;
    let error = client(login(server.host(), "me", "pw"))
        .manifest(&image(server.host(), "acme/shop"), &tag("v1").into())
        .await
        .unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Denied);
    assert!(error.detail.contains(&format!("the token endpoint on {} answered 403", realm.host())), "{error}");
    assert_eq!(server.lines(), ["GET /v2/"]);
    assert_eq!(realm.lines().len(), 1);
}

#[tokio::test]
async fn a_password_goes_to_the_realm_of_its_own_registry() {
    let realm = Scripted::start(|_, _, _| Reply::new(200).body(r#"{"access_token":"t","expires_in":300}"#)).await;
    let address = format!("http://{}/token?account=x", realm.host());
    let server = Scripted::start(move |_, request, _| match request.header("authorization") {
        Some("Bearer t") => Reply::tags(&["v1"]),
        _ => Reply::challenge(&address),
    })
    .await;
    client(login(server.host(), "me", "pw")).tags(&image(server.host(), "acme/shop")).await.unwrap();
    assert_eq!(server.lines(), ["GET /v2/".to_owned(), format!("{LIST} [Bearer]")]);
    assert_eq!(realm.lines(), ["GET /token?account=x&service=tests&scope=repository%3Aacme%2Fshop%3Apull [Basic]"]);
}

#[tokio::test]
async fn a_realm_elsewhere_never_sees_the_github_token() {
    let realm = Scripted::untouched().await;
    let port = realm.host().rsplit(':').next().unwrap().to_owned();
    for address in [
        format!("http://{}/token", realm.host()),
        format!("http://localhost:{port}/token"),
        "http://ghcr.example/token".to_owned(),
        "https://ghcr.example/token".to_owned(),
        "file:///etc/passwd".to_owned(),
        "token".to_owned(),
    ] {
        let server = Scripted::start(move |_, _, _| Reply::challenge(&address)).await;
        let error = client(github(server.host()))
            .manifest(&image(server.host(), "acme/shop"), &tag("v1").into())
            .await
            .unwrap_err();
        assert!(matches!(error.kind, PortErrorKind::Denied | PortErrorKind::Malformed), "{error}");
        assert_eq!(server.lines().len(), 1, "{error}");
    }
    assert_eq!(realm.lines(), [""; 0]);
}

#[tokio::test]
async fn a_realm_over_http_on_a_foreign_host_is_sent_nothing() {
    // The name resolves nowhere: an attempt would fail as unavailable, not as denied.
    let server = Scripted::start(|_, _, _| Reply::challenge("http://auth.invalid/token")).await;
    for credentials in [login(server.host(), "me", "pw"), anonymous()] {
        let error =
            client(credentials).manifest(&image(server.host(), "acme/shop"), &tag("v1").into()).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Denied, "{error}");
        assert!(error.detail.contains("plain http; nothing was sent there"), "{error}");
    }
}

#[tokio::test]
async fn one_token_is_fetched_for_many_at_once() {
    let server = Scripted::start(|host, request, _| match request.header("authorization") {
        _ if request.target.starts_with("/token") => Reply::token("t1"),
        Some("Bearer t1") => Reply::tags(&["v1"]),
        _ => Reply::challenge(&format!("http://{host}/token")),
    })
    .await;
    let (client, image) = (client(anonymous()), image(server.host(), "acme/shop"));
    let all = futures::future::join_all((0..20).map(|_| client.tags(&image))).await;
    assert!(all.iter().all(Result::is_ok));
    let tokens: Vec<_> = server.lines().into_iter().filter(|line| line.starts_with("GET /token")).collect();
    assert_eq!(tokens, ["GET /token?service=tests&scope=repository%3Aacme%2Fshop%3Apull"]);
}

#[tokio::test]
async fn a_public_source_is_read_without_a_refused_login() {
    let document = manifest(&descriptor("application/vnd.oci.image.config.v1+json", b"{}"), &[]);
    let bytes = document.bytes.to_vec();
    let server = Scripted::start(move |_, request, _| match request.header("authorization") {
        Some(_) => Reply::error(403, "DENIED", "denied"),
        None => Reply::new(200).with("content-type", IMAGE_TYPE).body(bytes.clone()),
    })
    .await;
    let source =
        RegistrySource::new(&client(github(server.host())), format!("{}/acme/shop:v1", server.host()).parse().unwrap());
    assert_eq!(source.root().await.unwrap(), document);
    assert_eq!(server.lines(), ["GET /v2/acme/shop/manifests/v1 [Bearer]", "GET /v2/acme/shop/manifests/v1"]);
}
