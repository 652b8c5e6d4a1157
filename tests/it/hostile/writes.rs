//! Uploads and manifests to a server that fails in the middle.

use std::sync::Mutex;

use bytes::Bytes;
use ghcr_lifecycle::{
    model::Digest,
    ports::{BlobOutcome, PortErrorKind, RegistryWriter as _},
};

use super::{IMAGE_TYPE, PROBE, anonymous, github};
use crate::{
    registry::{OneBlob, client, descriptor, image, manifest, tag},
    scripted::{Received, Reply, Scripted},
};

/// A registry of one blob: `trouble` may answer in its place, by the number of the request among those of its method.
async fn one_blob_registry(
    trouble: impl Fn(&Received, usize, &mut bool) -> Option<Reply> + Send + Sync + 'static,
) -> Scripted {
    let state: Mutex<(Vec<String>, bool)> = Mutex::default();
    Scripted::start(move |_, request, _| {
        let mut state = state.lock().unwrap();
        let (methods, stored) = &mut *state;
        let nth = methods.iter().filter(|method| **method == request.method).count();
        methods.push(request.method.clone());
        if let Some(reply) = trouble(request, nth, stored) {
            return reply;
        }
        match request.method.as_str() {
            "HEAD" => Reply::new(if *stored { 200 } else { 404 }).with("content-length", request_size(*stored)),
            "POST" => Reply::new(202).with("location", format!("/v2/acme/shop/blobs/upload/{nth}?_state=a%3Db")),
            "PUT" => {
                *stored = true;
                Reply::new(201)
            }
            _ => Reply::new(204),
        }
    })
    .await
}

const CONTENT: &[u8] = &[7; 600_000];

fn request_size(stored: bool) -> usize {
    if stored { CONTENT.len() } else { 0 }
}

fn content() -> OneBlob {
    OneBlob::new(Bytes::from_static(CONTENT))
}

#[tokio::test]
async fn an_upload_is_one_stream_to_the_location_given() {
    let server = one_blob_registry(|_, _, _| None).await;
    let (client, image) = (client(github(server.host())), image(server.host(), "acme/shop"));
    let blob = content().descriptor();
    assert_eq!(client.put_blob(&image, &blob, &content()).await.unwrap(), BlobOutcome::Uploaded);
    assert_eq!(client.put_blob(&image, &blob, &content()).await.unwrap(), BlobOutcome::Present);
    let hex = blob.digest.hex();
    assert_eq!(
        server.lines(),
        [
            format!("HEAD /v2/acme/shop/blobs/sha256:{hex} [Bearer]"),
            format!("{PROBE} [Bearer]"),
            format!("PUT /v2/acme/shop/blobs/upload/0?_state=a%3Db&digest=sha256%3A{hex} [Bearer]"),
            format!("HEAD /v2/acme/shop/blobs/sha256:{hex} [Bearer]"),
        ]
    );
    let put = &server.requests()[2];
    assert_eq!(put.header("content-length"), Some("600000"));
    assert_eq!(put.header("transfer-encoding"), None);
    assert!(put.body == CONTENT);
}

#[tokio::test]
async fn a_failed_upload_begins_again() {
    for trouble in [
        Reply::error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"),
        Reply::error(400, "BLOB_UPLOAD_INVALID", "blob upload invalid"),
        Reply::error(404, "UNKNOWN", "unknown blob"),
        Reply::error(429, "TOOMANYREQUESTS", "retry-after: 1.5ms, allowed: 2000/minute"),
        Reply::new(500),
        Reply::new(502).body("<html>"),
        Reply::hang_up(),
    ] {
        let first = trouble.clone();
        let server =
            one_blob_registry(move |request, nth, _| (request.method == "PUT" && nth < 2).then(|| first.clone())).await;
        let (client, image) = (client(anonymous()), image(server.host(), "acme/shop"));
        let outcome = client.put_blob(&image, &content().descriptor(), &content()).await.unwrap();
        assert_eq!(outcome, BlobOutcome::Uploaded, "{trouble:?}");
        let puts: Vec<_> = server.requests().into_iter().filter(|request| request.method == "PUT").collect();
        assert_eq!(puts.len(), 3, "{trouble:?}");
        // What was throttled goes on where it was.
        let goes_on = trouble.status == 429;
        for (nth, put) in puts.iter().enumerate() {
            let upload = if goes_on { 0 } else { nth };
            assert!(put.target.contains(&format!("/upload/{upload}?")), "{}", put.target);
            assert!(put.body == CONTENT, "{trouble:?}");
        }
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_stored_blob_sends_nothing_twice() {
    for lost in [Reply::hang_up(), Reply::new(502)] {
        let server = one_blob_registry(move |request, _, stored| {
            (request.method == "PUT").then(|| {
                *stored = true;
                lost.clone()
            })
        })
        .await;
        let (client, image) = (client(anonymous()), image(server.host(), "acme/shop"));
        client.put_blob(&image, &content().descriptor(), &content()).await.unwrap();
        let methods: Vec<_> = server.requests().into_iter().map(|request| request.method).collect();
        assert_eq!(methods, ["HEAD", "POST", "PUT", "HEAD"]);
    }
}

#[tokio::test]
async fn uploads_that_go_on_failing_end() {
    for (trouble, kind) in [
        (Reply::new(503), PortErrorKind::Unavailable),
        (Reply::hang_up(), PortErrorKind::Unavailable),
        (Reply::error(404, "BLOB_UPLOAD_UNKNOWN", "unknown"), PortErrorKind::NotFound),
    ] {
        let server = one_blob_registry(move |request, _, _| (request.method == "PUT").then(|| trouble.clone())).await;
        let (client, image) = (client(anonymous()), image(server.host(), "acme/shop"));
        let error = client.put_blob(&image, &content().descriptor(), &content()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert_eq!(server.requests().iter().filter(|request| request.method == "PUT").count(), 6);
    }
}

#[tokio::test]
async fn a_token_that_runs_out_during_an_upload_is_renewed() {
    let server =
        Scripted::start(|host, request, nth| match (request.method.as_str(), request.header("authorization")) {
            ("GET", _) if request.target.starts_with("/token") => Reply::token(&format!("t{nth}")),
            (_, None) => Reply::challenge(&format!("http://{host}/token")),
            ("HEAD", _) => Reply::new(404),
            ("POST", _) => Reply::new(202).with("location", "/up"),
            ("PUT", Some("Bearer t1")) => Reply::challenge(&format!("http://{host}/token")),
            _ => Reply::new(201),
        })
        .await;
    let (client, image) = (client(anonymous()), image(server.host(), "acme/shop"));
    client.put_blob(&image, &content().descriptor(), &content()).await.unwrap();
    let methods: Vec<_> = server.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["HEAD", "GET", "HEAD", "POST", "PUT", "GET", "POST", "PUT"]);
    assert!(server.lines()[1].ends_with("scope=repository%3Aacme%2Fshop%3Apull%2Cpush"), "{:?}", server.lines());
}

#[tokio::test]
async fn an_upload_elsewhere_carries_no_credentials() {
    let storage = Scripted::start(|_, _, _| Reply::new(201)).await;
    let location = format!("http://{}/bucket?signature=1", storage.host());
    let server = Scripted::start(move |_, request, _| match request.method.as_str() {
        "POST" => Reply::new(202).with("location", &location),
        _ => Reply::new(404),
    })
    .await;
    let (client, image) = (client(github(server.host())), image(server.host(), "acme/shop"));
    let blob = content().descriptor();
    client.put_blob(&image, &blob, &content()).await.unwrap();
    assert_eq!(storage.lines(), [format!("PUT /bucket?signature=1&digest=sha256%3A{}", blob.digest.hex())]);
}

#[tokio::test]
async fn a_mount_that_is_not_done_becomes_an_upload_where_it_says() {
    for (mount, posts) in [(Reply::new(202).with("location", "/there"), 1), (Reply::error(403, "DENIED", "no"), 2)] {
        let server =
            one_blob_registry(move |request, _, _| request.target.contains("mount=").then(|| mount.clone())).await;
        let (client, target) = (client(anonymous()), image(server.host(), "acme/shop"));
        let source = OneBlob { from: Some(image(server.host(), "acme/staging")), ..content() };
        let blob = source.descriptor();
        assert_eq!(client.put_blob(&target, &blob, &source).await.unwrap(), BlobOutcome::Uploaded);
        let lines = server.lines();
        assert_eq!(lines[1], format!("{PROBE}?mount=sha256%3A{}&from=acme%2Fstaging", blob.digest.hex()));
        assert_eq!(lines.iter().filter(|line| line.starts_with("POST")).count(), posts, "{lines:?}");
    }
}

#[tokio::test]
async fn a_manifest_is_put_as_it_is_and_again_after_a_lost_answer() {
    let document = manifest(&descriptor("application/vnd.oci.image.config.v1+json", b"{}"), &[]);
    let digest = document.digest.clone();
    let server = Scripted::start(move |_, _, nth| match nth {
        0 => Reply::hang_up(),
        1 => Reply::new(502),
        _ => Reply::new(201).with("docker-content-digest", &digest),
    })
    .await;
    let (client, image) = (client(github(server.host())), image(server.host(), "acme/shop"));
    client.put_manifest(&image, &tag("v1").into(), &document).await.unwrap();
    assert_eq!(server.lines(), ["PUT /v2/acme/shop/manifests/v1 [Bearer]"; 3]);
    for request in server.requests() {
        assert!(request.body == document.bytes && request.header("content-type") == Some(IMAGE_TYPE));
    }
}

#[tokio::test]
async fn a_manifest_stored_as_another_or_not_at_all_is_an_error() {
    let document = manifest(&descriptor("application/vnd.oci.image.config.v1+json", b"{}"), &[]);
    for (reply, kind, hint) in [
        (Reply::new(201).with("docker-content-digest", Digest::of(b"x")), PortErrorKind::Malformed, None),
        (Reply::new(200), PortErrorKind::Malformed, None),
        (Reply::new(307).with("location", "/"), PortErrorKind::Malformed, None),
        (
            Reply::error(400, "MANIFEST_BLOB_UNKNOWN", "sha256:1"),
            PortErrorKind::NotFound,
            Some("run the same push again"),
        ),
        (Reply::error(403, "DENIED", "denied"), PortErrorKind::Denied, Some("grant `packages: write` to the job")),
        (
            Reply::error(403, "DENIED", "permission_denied: write_package"),
            PortErrorKind::Denied,
            Some("Manage Actions access"),
        ),
        (
            Reply::error(403, "DENIED", "installation not allowed to Create organization package"),
            PortErrorKind::Denied,
            Some("create packages"),
        ),
    ] {
        let server = Scripted::start(move |_, _, _| reply.clone()).await;
        let (client, image) = (client(github(server.host())), image(server.host(), "acme/shop"));
        let error = client.put_manifest(&image, &tag("v1").into(), &document).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        match hint {
            Some(hint) => assert!(error.hint.as_ref().is_some_and(|said| said.contains(hint)), "{error:?}"),
            None => assert_eq!(error.hint, None),
        }
        assert_eq!(server.lines().len(), 1);
    }
}
