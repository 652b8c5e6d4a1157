//! Error codes.

use bytes::Bytes;
use ghcr_lifecycle::model::Digest;

use super::{
    super::{
        peer::{Peer, Reply, closing, is_refusal},
        support::{IMAGE, INDEX},
    },
    rules,
};

rules![errors_have_codes_of_the_spec, a_large_chunk_is_taken_or_refused_with_a_code_of_the_spec,];

pub(crate) const CODES: [&str; 14] = [
    "BLOB_UNKNOWN",
    "BLOB_UPLOAD_INVALID",
    "BLOB_UPLOAD_UNKNOWN",
    "DIGEST_INVALID",
    "MANIFEST_BLOB_UNKNOWN",
    "MANIFEST_INVALID",
    "MANIFEST_UNKNOWN",
    "NAME_INVALID",
    "NAME_UNKNOWN",
    "SIZE_INVALID",
    "UNAUTHORIZED",
    "DENIED",
    "UNSUPPORTED",
    "TOOMANYREQUESTS",
];

/// Panics unless a JSON body is a list of errors of the spec.
#[track_caller]
pub(crate) fn assert_errors(reply: &Reply) {
    assert!(is_refusal(reply.status), "{reply:?}");
    if !reply.header("content-type").starts_with("application/json") {
        return;
    }
    let body = reply.json();
    let errors = body["errors"].as_array().unwrap_or_else(|| panic!("{reply:?}"));
    assert!(!errors.is_empty());
    for error in errors {
        assert!(CODES.contains(&error["code"].as_str().unwrap()), "{error}");
        assert!(error["message"].is_string() || error["message"].is_null(), "{error}");
    }
}

async fn errors_have_codes_of_the_spec(peer: Peer) {
    let manifest = peer.image("v1", "1").await.to_string();
    let absent = Digest::of(b"absent");
    for path in [
        "manifests/v2",
        "manifests/.v2",
        "manifests/sha256:12",
        &format!("manifests/{absent}"),
        &format!("blobs/{absent}"),
        "blobs/sha256:12",
        "blobs/uploads/absent",
        "tags/list?n=x",
        "/v2/acme/absent/tags/list",
        "/v2/Acme/absent/tags/list",
    ] {
        let reply = peer.get(path).await;
        if reply.status != 200 {
            assert_errors(&reply);
        }
    }
    for (reference, media_type, body) in [
        ("v2", IMAGE, "nonsense"),
        ("v2", IMAGE, "{}"),
        ("v2", IMAGE, ""),
        ("v2", "text/plain", &*manifest),
        ("v2", INDEX, &manifest),
        (&absent.to_string(), IMAGE, &manifest),
        (".v2", IMAGE, &manifest),
    ] {
        let path = format!("manifests/{reference}");
        assert_errors(&peer.send("PUT", &path, &[("content-type", media_type)], body.to_owned()).await);
    }
    for digest in ["", "sha256:12", &absent.to_string()] {
        assert_errors(&peer.send("PUT", &closing(&peer.begin().await, digest), &[], "blob").await);
    }
}

async fn a_large_chunk_is_taken_or_refused_with_a_code_of_the_spec(peer: Peer) {
    let bytes = Bytes::from(vec![7; 5 << 20]);
    let headers = [("content-range", "0-5242879"), ("content-type", "application/octet-stream")];
    let reply = peer.send("PATCH", &peer.begin().await, &headers, bytes).await;
    if reply.status != 202 {
        assert_errors(&reply);
    }
}
