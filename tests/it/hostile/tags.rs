//! Tag lists, against a server that would have us believe in less, or in more without end.

use ghcr_lifecycle::{
    model::{ManifestReference, RawManifest},
    ports::{PortError, PortErrorKind, RegistryReader as _, RegistryWriter as _},
};

use super::{IMAGE_TYPE, LIST, PROBE, anonymous, github};
use crate::{
    registry::{client, image, tag},
    scripted::{Reply, Scripted},
};

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    let server = Scripted::start(|host, request, _| match request.target.as_str() {
        "/v2/acme/shop/tags/list?n=1000" => {
            Reply::tags(&["v1", "v2"]).with("link", r#"</v2/acme/shop/tags/list?last=v2&n=1000>; rel="next""#)
        }
        "/v2/acme/shop/tags/list?last=v2&n=1000" => Reply::tags(&["v2", "v3"])
            .with("link", format!(r#"<http://{host}/v2/acme/shop/tags/list?last=v3&n=1000>; rel="next""#)),
        _ => Reply::new(200).body(r#"{"tags": null}"#),
    })
    .await;
    let tags = client(anonymous()).tags(&image(server.host(), "acme/shop")).await.unwrap();
    assert_eq!(tags, [tag("v1"), tag("v2"), tag("v3")]);
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_list_without_an_end_is_an_error() {
    let same = Scripted::start(|_, request, _| {
        Reply::tags(&["v1"]).with("link", format!(r#"<{}>; rel="next""#, request.target))
    })
    .await;
    let ever_new = Scripted::start(|_, _, nth| {
        Reply::tags(&["v1"]).with("link", format!(r#"</v2/acme/shop/tags/list?page={nth}>; rel="next""#))
    })
    .await;
    for (server, requests) in [(same, 1), (ever_new, 2)] {
        let error = client(anonymous()).tags(&image(server.host(), "acme/shop")).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed);
        assert!(error.detail.contains("repeats a page"), "{error}");
        assert_eq!(server.lines().len(), requests);
    }
}

#[tokio::test]
async fn a_page_on_another_host_is_not_asked_for() {
    let other = Scripted::untouched().await;
    let link = format!(r#"<http://{}/v2/acme/shop/tags/list?last=v1>; rel="next""#, other.host());
    let server = Scripted::start(move |_, _, _| Reply::tags(&["v1"]).with("link", &link)).await;
    let error = client(github(server.host())).tags(&image(server.host(), "acme/shop")).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Malformed);
    assert!(error.detail.contains("on another host"), "{error}");
    assert_eq!(other.lines(), [""; 0]);
}

#[tokio::test]
async fn a_lost_page_is_an_error_and_not_a_shorter_list() {
    for trouble in
        [Reply::error(404, "NAME_UNKNOWN", "gone"), Reply::error(403, "DENIED", "no"), Reply::new(200).body("<html>")]
    {
        let second = trouble.clone();
        let server = Scripted::start(move |_, request, _| {
            if request.target.contains("last=") {
                second.clone()
            } else {
                Reply::tags(&["v1"]).with("link", r#"</v2/acme/shop/tags/list?last=v1>; rel="next""#)
            }
        })
        .await;
        assert!(client(anonymous()).tags(&image(server.host(), "acme/shop")).await.is_err(), "{trouble:?}");
    }
}

#[tokio::test]
async fn what_is_no_list_is_never_an_empty_one() {
    for answer in [
        Reply::new(404).with("content-type", "text/html").body("<html>not here</html>"),
        Reply::new(404).body("{}"),
        Reply::new(404).body(r#"{"errors":[]}"#),
        Reply::new(404),
        Reply::new(200).body("<html>welcome</html>"),
        Reply::new(200).body("[]"),
        Reply::new(200).body(r#"{"errors":[]}"#),
        Reply::new(200),
        Reply::tags(&["v1", "a b"]),
        Reply::tags(&["v1", "../../etc"]),
        Reply::new(307).with("location", "/elsewhere"),
    ] {
        let reply = answer.clone();
        let server = Scripted::start(move |_, request, _| {
            if request.method == "POST" { Reply::new(202).with("location", "/u") } else { reply.clone() }
        })
        .await;
        let error = client(github(server.host())).tags(&image(server.host(), "acme/shop")).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed, "{answer:?}: {error}");
        assert_eq!(server.lines().len(), 1);
    }
}

#[tokio::test]
async fn over_long_tags_of_others_are_left_out() {
    let long = "x".repeat(129);
    let server = Scripted::start(move |_, _, _| Reply::tags(&["v1", &long])).await;
    assert_eq!(client(anonymous()).tags(&image(server.host(), "acme/shop")).await.unwrap(), [tag("v1")]);
}

#[tokio::test]
async fn an_authenticated_404_is_empty_without_a_probe() {
    let server = Scripted::start(|_, _, _| Reply::error(404, "NAME_UNKNOWN", "repository name not known")).await;
    assert_eq!(client(github(server.host())).tags(&image(server.host(), "acme/shop")).await.unwrap(), []);
    assert_eq!(server.lines(), [format!("{LIST} [Bearer]")]);
}

#[tokio::test]
async fn a_refused_list_is_empty_only_where_an_upload_may_start() {
    for (refusal, credentials) in [
        (Reply::error(403, "DENIED", "requested access to the resource is denied"), true),
        (Reply::error(404, "NAME_UNKNOWN", "not known"), false),
    ] {
        for may_write in [true, false] {
            let answer = refusal.clone();
            let server = Scripted::start(move |_, request, _| match request.method.as_str() {
                "POST" if may_write => Reply::new(202).with("location", "/v2/acme/shop/blobs/upload/1?state=x"),
                "POST" => Reply::error(403, "DENIED", "permission_denied: write_package"),
                "DELETE" => Reply::new(204),
                _ => answer.clone(),
            })
            .await;
            let client = client(if credentials { github(server.host()) } else { anonymous() });
            let tags = client.tags(&image(server.host(), "acme/shop")).await;
            let bearer = if credentials { " [Bearer]" } else { "" };
            let mut lines = vec![format!("{LIST}{bearer}"), format!("{PROBE}{bearer}")];
            if may_write {
                assert_eq!(tags.unwrap(), []);
                lines.push(format!("DELETE /v2/acme/shop/blobs/upload/1?state=x{bearer}"));
            } else {
                let error = tags.unwrap_err();
                assert_eq!(error.kind, PortErrorKind::Denied, "{error}");
                assert!(error.hint.is_some());
            }
            assert_eq!(server.lines(), lines);
        }
    }
}

#[tokio::test]
async fn what_nothing_is_published_in_holds_no_manifest_until_one_is_put() {
    let server = Scripted::start(|_, request, _| match request.method.as_str() {
        "POST" => Reply::new(202).with("location", "/v2/acme/shop/blobs/upload/1"),
        "DELETE" => Reply::new(204),
        "PUT" => Reply::new(201),
        _ => Reply::error(403, "DENIED", "requested access to the resource is denied"),
    })
    .await;
    let client = client(github(server.host()));
    let image = image(server.host(), "acme/shop");
    let manifest = RawManifest::new(IMAGE_TYPE, r#"{"schemaVersion":2}"#.into());
    let reference = ManifestReference::Digest(manifest.digest.clone());
    let denied = |error: PortError| assert_eq!(error.kind, PortErrorKind::Denied, "{error}");
    denied(client.manifest_digest(&image, &reference).await.unwrap_err());
    assert_eq!(client.tags(&image).await.unwrap(), []);
    assert_eq!(client.manifest_digest(&image, &reference).await.unwrap(), None);
    assert!(client.manifest(&image, &reference).await.unwrap().is_none());
    client.put_manifest(&image, &reference, &manifest).await.unwrap();
    denied(client.manifest_digest(&image, &reference).await.unwrap_err());
    denied(client.manifest(&image, &reference).await.unwrap_err());
}

#[tokio::test]
async fn a_probe_that_fails_otherwise_proves_nothing() {
    for probe in
        [Reply::new(503), Reply::new(200).body("<html>"), Reply::new(404), Reply::new(307).with("location", "/")]
    {
        let server =
            Scripted::start(
                move |_, request, _| {
                    if request.method == "POST" { probe.clone() } else { Reply::error(403, "DENIED", "no") }
                },
            )
            .await;
        assert!(client(github(server.host())).tags(&image(server.host(), "acme/shop")).await.is_err());
    }
}
