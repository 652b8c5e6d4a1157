//! Pull.

use ghcr_lifecycle::model::Digest;

use super::{
    super::{
        peer::{Peer, digest_of},
        support::IMAGE,
    },
    rules,
};

rules![
    the_base_is_200,
    an_existing_manifest_is_200_with_its_bytes,
    a_manifest_is_served_to_who_accepts_anything,
    a_manifest_comes_with_its_digest,
    a_manifest_comes_with_the_content_type_that_it_was_pushed_with,
    an_absent_manifest_is_404,
    an_absent_repository_is_404,
    an_existing_blob_is_200_with_its_bytes,
    a_blob_comes_with_its_digest,
    an_absent_blob_is_404,
    a_range_of_a_blob_is_206,
    a_range_outside_of_a_blob_is_416,
    head_of_a_manifest_is_200_with_digest_and_size,
    head_of_a_blob_is_200_with_digest_and_size,
    head_of_what_is_absent_is_404,
];

async fn the_base_is_200(peer: Peer) {
    peer.get("/v2/").await.expect(200);
}

async fn an_existing_manifest_is_200_with_its_bytes(peer: Peer) {
    let manifest = peer.image("v1", "1").await;
    for reference in ["v1".to_owned(), digest_of(&manifest).to_string()] {
        let reply = peer.get(&format!("manifests/{reference}")).await.expect(200);
        assert_eq!(reply.body, manifest.to_string());
    }
}

async fn a_manifest_is_served_to_who_accepts_anything(peer: Peer) {
    peer.image("v1", "1").await;
    for headers in [&[][..], &[("accept", "*/*")]] {
        peer.send("GET", "manifests/v1", headers, "").await.expect(200);
    }
}

async fn a_manifest_comes_with_its_digest(peer: Peer) {
    let digest = digest_of(&peer.image("v1", "1").await).to_string();
    for reference in ["v1", &digest] {
        let reply = peer.get(&format!("manifests/{reference}")).await.expect(200);
        assert_eq!(reply.header("docker-content-digest"), digest);
    }
}

async fn a_manifest_comes_with_the_content_type_that_it_was_pushed_with(peer: Peer) {
    peer.image("v1", "1").await;
    assert_eq!(peer.get("manifests/v1").await.header("content-type"), IMAGE);
}

async fn an_absent_manifest_is_404(peer: Peer) {
    peer.image("v1", "1").await;
    for reference in ["v2", ".no-tag", &Digest::of(b"absent").to_string()] {
        peer.get(&format!("manifests/{reference}")).await.expect(404);
    }
}

async fn an_absent_repository_is_404(peer: Peer) {
    peer.get("manifests/v1").await.expect(404);
    peer.get(&format!("blobs/{}", Digest::of(b"absent"))).await.expect(404);
}

async fn an_existing_blob_is_200_with_its_bytes(peer: Peer) {
    let digest = peer.blob("0123456789").await;
    assert_eq!(peer.get(&format!("blobs/{digest}")).await.expect(200).body, "0123456789");
    let empty = peer.blob("").await;
    assert_eq!(peer.get(&format!("blobs/{empty}")).await.expect(200).body, "");
}

async fn a_blob_comes_with_its_digest(peer: Peer) {
    let digest = peer.blob("0123456789").await;
    let reply = peer.get(&format!("blobs/{digest}")).await.expect(200);
    assert_eq!(reply.header("docker-content-digest"), digest.to_string());
}

async fn an_absent_blob_is_404(peer: Peer) {
    peer.blob("0123456789").await;
    peer.get(&format!("blobs/{}", Digest::of(b"absent"))).await.expect(404);
}

async fn a_range_of_a_blob_is_206(peer: Peer) {
    let path = format!("blobs/{}", peer.blob("0123456789").await);
    for (range, part, content) in [
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-2", "89", "bytes 8-9/10"),
        ("bytes=8-99", "89", "bytes 8-9/10"),
    ] {
        let reply = peer.send("GET", &path, &[("range", range)], "").await.expect(206);
        assert_eq!((&*reply.body, reply.header("content-range")), (part.as_bytes(), content), "{range}");
    }
}

async fn a_range_outside_of_a_blob_is_416(peer: Peer) {
    let path = format!("blobs/{}", peer.blob("0123456789").await);
    let reply = peer.send("GET", &path, &[("range", "bytes=10-12")], "").await.expect(416);
    assert_eq!(reply.header("content-range"), "bytes */10");
}

async fn head_of_a_manifest_is_200_with_digest_and_size(peer: Peer) {
    let manifest = peer.image("v1", "1").await;
    let digest = digest_of(&manifest).to_string();
    for reference in ["v1", &digest] {
        let reply = peer.head(&format!("manifests/{reference}")).await.expect(200);
        assert_eq!(reply.header("docker-content-digest"), digest);
        assert_eq!(reply.header("content-length"), manifest.to_string().len().to_string());
    }
}

async fn head_of_a_blob_is_200_with_digest_and_size(peer: Peer) {
    let digest = peer.blob("0123456789").await;
    let reply = peer.head(&format!("blobs/{digest}")).await.expect(200);
    assert_eq!(reply.header("docker-content-digest"), digest.to_string());
    assert_eq!(reply.header("content-length"), "10");
}

async fn head_of_what_is_absent_is_404(peer: Peer) {
    peer.image("v1", "1").await;
    let absent = Digest::of(b"absent");
    for path in ["manifests/v2".to_owned(), format!("manifests/{absent}"), format!("blobs/{absent}")] {
        peer.head(&path).await.expect(404);
    }
}
