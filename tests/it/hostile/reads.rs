//! Manifests and blobs from a server that does not send what it should.

use ghcr_lifecycle::{
    model::{Descriptor, Digest, ManifestReference},
    ports::{PortErrorKind, RegistryReader as _},
};
use tokio::io::AsyncReadExt as _;

use super::{IMAGE_TYPE, anonymous, github};
use crate::{
    registry::{OneBlob, client, descriptor, image, login, manifest, tag},
    scripted::{Reply, Scripted},
};

#[tokio::test]
async fn a_manifest_is_what_its_digest_says() {
    let right = manifest(&descriptor("application/vnd.oci.image.config.v1+json", b"{}"), &[]);
    let (bytes, other) = (right.bytes.to_vec(), Digest::of(b"other"));
    let good = Reply::new(200).with("content-type", IMAGE_TYPE).body(bytes.clone());
    for (reply, reference, said) in [
        (good.clone().with("docker-content-digest", &other), tag("v1").into(), "the registry says"),
        (good.clone().with("docker-content-digest", "md5:1"), tag("v1").into(), "answered the digest `md5:1`"),
        (good.clone(), ManifestReference::Digest(other), "was asked for"),
        (
            Reply::new(200).with("content-type", "text/html").body(bytes.clone()),
            tag("v1").into(),
            "media type `text/html`",
        ),
        (
            Reply::new(200).with("content-type", "application/vnd.oci.image.index.v1+json").body(bytes),
            tag("v1").into(),
            "contradicts its content",
        ),
        (good.body(vec![b' '; 4 * 1024 * 1024 + 1]), tag("v1").into(), "larger than 4194304 bytes"),
        (Reply::new(200).body("<html>"), tag("v1").into(), "cannot be read"),
    ] {
        let server = Scripted::start(move |_, _, _| reply.clone()).await;
        let error = client(anonymous()).manifest(&image(server.host(), "acme/shop"), &reference).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed);
        assert!(error.detail.contains(said), "{error}");
        assert_eq!(server.lines().len(), 1);
    }
}

#[tokio::test]
async fn all_four_media_types_are_accepted_and_a_404_about_them_is_no_absence() {
    let server = Scripted::start(|_, _, _| {
        Reply::error(404, "MANIFEST_UNKNOWN", "OCI index found, but Accept header does not support OCI indexes")
    })
    .await;
    let result = client(anonymous()).manifest(&image(server.host(), "acme/shop"), &tag("v1").into()).await;
    assert_eq!(result.unwrap_err().kind, PortErrorKind::Malformed);
    let accept = server.requests()[0].header("accept").unwrap().to_owned();
    for part in ["image.index.v1+json", "image.manifest.v1+json", "manifest.list.v2+json", "manifest.v2+json"] {
        assert!(accept.contains(part), "{accept}");
    }
}

#[tokio::test]
async fn only_a_registrys_404_is_an_absence() {
    for (reply, absent) in [
        (Reply::error(404, "MANIFEST_UNKNOWN", "manifest unknown"), true),
        (Reply::error(404, "NAME_UNKNOWN", "not known"), true),
        (Reply::error(404, "NOT_FOUND", "not found"), true),
        (Reply::error(404, "DENIED", "not for you"), false),
        (Reply::new(404).with("content-type", "text/html").body("<html>proxy</html>"), false),
        (Reply::error(401, "UNAUTHORIZED", "who are you"), false),
        (Reply::error(403, "DENIED", "denied"), false),
    ] {
        let answer = reply.clone();
        let server = Scripted::start(move |_, _, _| answer.clone()).await;
        let (client, image) = (client(anonymous()), image(server.host(), "acme/shop"));
        let got = client.manifest(&image, &tag("v1").into()).await;
        assert_eq!(got.ok(), absent.then_some(None), "{reply:?}");
    }
}

#[tokio::test]
async fn a_digest_is_asked_for_by_head_and_by_get_where_head_does_not_tell() {
    let document = manifest(&descriptor("application/vnd.oci.image.config.v1+json", b"{}"), &[]);
    for head in [
        Reply::new(200).with("docker-content-digest", &document.digest),
        Reply::new(200),
        Reply::new(405),
        Reply::new(404).with("content-type", "text/html"),
    ] {
        let (bytes, has_digest) = (document.bytes.to_vec(), !head.headers.is_empty() && head.status == 200);
        let server = Scripted::start(move |_, request, _| match request.method.as_str() {
            "HEAD" => head.clone(),
            _ => Reply::new(200).with("content-type", IMAGE_TYPE).body(bytes.clone()),
        })
        .await;
        let digest = client(anonymous()).manifest_digest(&image(server.host(), "acme/shop"), &tag("v1").into()).await;
        assert_eq!(digest.unwrap().as_ref(), Some(&document.digest));
        assert_eq!(server.lines().len(), if has_digest { 1 } else { 2 });
    }
}

#[tokio::test]
async fn a_redirect_sees_no_credentials() {
    let storage = Scripted::start(|_, _, _| Reply::new(200).body("content")).await;
    let location = format!("http://{}/signed?key=1", storage.host());
    let server = Scripted::start(move |_, _, _| Reply::new(307).with("location", &location)).await;
    let blob = OneBlob::new("content").descriptor();
    let image = image(server.host(), "acme/shop");
    for credentials in [github(server.host()), login(server.host(), "me", "pw")] {
        let client = client(credentials);
        assert_eq!(client.small_blob(&image, &blob).await.unwrap(), "content");
        let mut content = String::new();
        client.open_blob(&image, &blob).await.unwrap().read_to_string(&mut content).await.unwrap();
        assert_eq!(content, "content");
    }
    assert_eq!(storage.lines(), ["GET /signed?key=1"; 4]);
    for request in storage.requests() {
        let text = format!("{:?}", request.headers);
        assert!(!text.contains("authorization") && !text.contains("secret") && !text.contains("cookie"), "{text}");
    }
}

#[tokio::test]
async fn redirects_end_and_stay_private() {
    for (target, said) in [
        ("/v2/round", "redirects more than 3 times"),
        ("http://storage.invalid/x", "plain http"),
        ("ftp://storage.invalid/x", "neither http nor https"),
        ("http://", "no address"),
    ] {
        let server = Scripted::start(move |_, _, _| Reply::new(307).with("location", target)).await;
        let blob = OneBlob::new("content").descriptor();
        let error = client(anonymous()).small_blob(&image(server.host(), "acme/shop"), &blob).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed);
        assert!(error.detail.contains(said), "{error}");
    }
}

#[tokio::test]
async fn a_small_blob_is_what_its_descriptor_says() {
    let blob = OneBlob::new("content").descriptor();
    for body in ["contents", "conten", "CONTENT", ""] {
        let server = Scripted::start(move |_, _, _| Reply::new(200).body(body)).await;
        let error = client(anonymous()).small_blob(&image(server.host(), "acme/shop"), &blob).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed, "{error}");
    }
    let huge = Descriptor { size: 5 * 1024 * 1024, ..blob };
    let server = Scripted::untouched().await;
    assert!(client(anonymous()).small_blob(&image(server.host(), "acme/shop"), &huge).await.is_err());
    assert_eq!(server.lines(), [""; 0]);
}
