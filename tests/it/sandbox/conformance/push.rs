//! Push.

use ghcr_lifecycle::model::Digest;
use serde_json::json;

use super::{
    super::{
        peer::{Peer, closing, descriptor, digest_of, is_refusal},
        support::{IMAGE, INDEX},
    },
    rules,
};

rules![
    a_session_begins_with_202_and_a_location,
    each_session_has_a_location_of_its_own,
    post_then_put_is_201_with_a_pullable_location,
    a_single_post_is_201_or_begins_a_session,
    a_wrong_digest_is_400_and_stores_nothing,
    an_unknown_digest_algorithm_is_400,
    each_chunk_is_202_with_location_and_range,
    a_first_chunk_that_does_not_begin_at_0_is_416,
    a_chunk_out_of_order_is_416,
    a_last_chunk_out_of_order_is_416,
    the_closing_put_may_carry_the_last_chunk,
    an_active_upload_is_204_with_location_and_range,
    an_upload_goes_on_after_a_416,
    a_cancelled_upload_is_204_and_gone,
    a_mount_is_201_with_a_pullable_location,
    a_mount_of_an_absent_blob_begins_a_session,
    a_manifest_is_201_with_a_pullable_location,
    a_manifest_is_stored_byte_for_byte,
    a_manifest_put_by_digest_comes_back_with_that_digest,
    a_manifest_put_under_a_wrong_digest_is_refused,
    a_manifest_may_list_no_layers,
    a_manifest_of_an_artifact_is_taken,
    an_index_of_indexes_is_taken,
    a_subject_may_be_absent,
    a_manifest_whose_blobs_are_absent_is_taken_or_refused_by_its_code,
    parameters_of_a_content_type_are_ignored,
    a_manifest_of_4_megabytes_is_taken,
    a_manifest_over_the_limit_is_413,
];

const BYTES: [(&str, &str); 1] = [("content-type", "application/octet-stream")];

async fn a_session_begins_with_202_and_a_location(peer: Peer) {
    peer.send("POST", "blobs/uploads/", &[], "").await.expect(202).location();
}

async fn each_session_has_a_location_of_its_own(peer: Peer) {
    assert_ne!(peer.begin().await, peer.begin().await);
}

async fn post_then_put_is_201_with_a_pullable_location(peer: Peer) {
    let digest = Digest::of(b"blob").to_string();
    let location = closing(&peer.begin().await, &digest);
    let stored = peer.send("PUT", &location, &BYTES, "blob").await.expect(201).location();
    assert_eq!(peer.get(&stored).await.expect(200).body, "blob");
}

async fn a_single_post_is_201_or_begins_a_session(peer: Peer) {
    let digest = Digest::of(b"blob").to_string();
    let reply = peer.send("POST", &format!("blobs/uploads/?digest={digest}"), &BYTES, "blob").await;
    let stored = match reply.status {
        201 => reply.location(),
        202 => peer.send("PUT", &closing(&reply.location(), &digest), &BYTES, "blob").await.expect(201).location(),
        _ => panic!("{reply:?}"),
    };
    assert_eq!(peer.get(&stored).await.expect(200).body, "blob");
}

async fn a_wrong_digest_is_400_and_stores_nothing(peer: Peer) {
    let (promised, sent) = (Digest::of(b"promised"), Digest::of(b"sent"));
    let location = closing(&peer.begin().await, &promised.to_string());
    assert_eq!(peer.send("PUT", &location, &BYTES, "sent").await.expect(400).code(), "DIGEST_INVALID");
    for digest in [promised, sent] {
        peer.head(&format!("blobs/{digest}")).await.expect(404);
    }
}

async fn an_unknown_digest_algorithm_is_400(peer: Peer) {
    for digest in ["sha256:12", "md5:d41d8cd98f00b204e9800998ecf8427e", "nothing", ""] {
        let location = closing(&peer.begin().await, digest);
        peer.send("PUT", &location, &BYTES, "blob").await.expect(400);
    }
}

async fn each_chunk_is_202_with_location_and_range(peer: Peer) {
    let mut location = peer.begin().await;
    for (range, end, bytes) in [("0-3", "0-3", "0123"), ("4-5", "0-5", "45"), ("6-6", "0-6", "6")] {
        let reply = peer.chunk("PATCH", &location, range, bytes).await.expect(202);
        assert_eq!(reply.header("range"), end);
        location = reply.location();
    }
    let digest = Digest::of(b"0123456");
    peer.send("PUT", &closing(&location, &digest.to_string()), &[], "").await.expect(201);
    assert_eq!(peer.get(&format!("blobs/{digest}")).await.expect(200).body, "0123456");
}

async fn a_first_chunk_that_does_not_begin_at_0_is_416(peer: Peer) {
    peer.chunk("PATCH", &peer.begin().await, "4-7", "4567").await.expect(416);
}

async fn a_chunk_out_of_order_is_416(peer: Peer) {
    for range in ["5-8", "2-5", "0-3"] {
        let location = peer.chunk("PATCH", &peer.begin().await, "0-3", "0123").await.expect(202).location();
        peer.chunk("PATCH", &location, range, "abcd").await.expect(416);
    }
}

async fn a_last_chunk_out_of_order_is_416(peer: Peer) {
    let location = peer.chunk("PATCH", &peer.begin().await, "0-3", "0123").await.expect(202).location();
    let location = closing(&location, &Digest::of(b"01234567").to_string());
    peer.chunk("PUT", &location, "8-11", "4567").await.expect(416);
}

async fn the_closing_put_may_carry_the_last_chunk(peer: Peer) {
    let digest = Digest::of(b"01234567");
    let location = peer.chunk("PATCH", &peer.begin().await, "0-3", "0123").await.expect(202).location();
    let location = closing(&location, &digest.to_string());
    let stored = peer.chunk("PUT", &location, "4-7", "4567").await.expect(201).location();
    assert_eq!(peer.get(&stored).await.expect(200).body, "01234567");
}

async fn an_active_upload_is_204_with_location_and_range(peer: Peer) {
    let location = peer.begin().await;
    peer.get(&location).await.expect(204).location();
    let location = peer.chunk("PATCH", &location, "0-3", "0123").await.expect(202).location();
    let reply = peer.get(&location).await.expect(204);
    assert_eq!(reply.header("range"), "0-3");
    reply.location();
}

async fn an_upload_goes_on_after_a_416(peer: Peer) {
    let location = peer.chunk("PATCH", &peer.begin().await, "0-3", "0123").await.expect(202).location();
    peer.chunk("PATCH", &location, "9-9", "9").await.expect(416);
    let status = peer.get(&location).await.expect(204);
    assert_eq!(status.header("range"), "0-3");
    let location = peer.chunk("PATCH", &status.location(), "4-7", "4567").await.expect(202).location();
    let location = closing(&location, &Digest::of(b"01234567").to_string());
    peer.send("PUT", &location, &[], "").await.expect(201);
}

async fn a_cancelled_upload_is_204_and_gone(peer: Peer) {
    let location = peer.begin().await;
    peer.send("DELETE", &location, &[], "").await.expect(204);
    peer.get(&location).await.expect(404);
    peer.chunk("PATCH", &location, "0-3", "0123").await.expect(404);
}

async fn a_mount_is_201_with_a_pullable_location(peer: Peer) {
    let from = peer.at("acme/mount-source");
    let digest = from.blob("mounted").await;
    let reply = peer
        .send("POST", &format!("blobs/uploads/?mount={digest}&from={}", from.repository), &[], "")
        .await
        .expect(201);
    assert_eq!(peer.get(&reply.location()).await.expect(200).body, "mounted");
    peer.get(&format!("blobs/{digest}")).await.expect(200);
}

async fn a_mount_of_an_absent_blob_begins_a_session(peer: Peer) {
    let digest = Digest::of(b"never pushed");
    for mount in [format!("{digest}&from=acme/absent"), format!("{digest}"), "nonsense&from=acme/absent".to_owned()] {
        let location =
            peer.send("POST", &format!("blobs/uploads/?mount={mount}"), &[], "").await.expect(202).location();
        let closing = closing(&location, &Digest::of(b"instead").to_string());
        peer.send("PUT", &closing, &BYTES, "instead").await.expect(201);
    }
}

async fn a_manifest_is_201_with_a_pullable_location(peer: Peer) {
    let manifest = peer.artifact("1").await;
    let stored = peer.put("v1", &manifest).await.expect(201).location();
    assert_eq!(peer.get(&stored).await.expect(200).body, manifest.to_string());
}

async fn a_manifest_is_stored_byte_for_byte(peer: Peer) {
    let manifest = format!(" \n{:#}\n\n", peer.artifact("1").await);
    let headers = [("content-type", IMAGE)];
    peer.send("PUT", "manifests/v1", &headers, manifest.clone()).await.expect(201);
    assert_eq!(peer.get("manifests/v1").await.expect(200).body, manifest);
}

async fn a_manifest_put_by_digest_comes_back_with_that_digest(peer: Peer) {
    let manifest = peer.artifact("1").await;
    let digest = digest_of(&manifest).to_string();
    assert_eq!(peer.put(&digest, &manifest).await.expect(201).header("docker-content-digest"), digest);
}

async fn a_manifest_put_under_a_wrong_digest_is_refused(peer: Peer) {
    let manifest = peer.artifact("1").await;
    let reply = peer.put(&Digest::of(b"wrong").to_string(), &manifest).await.expect(400);
    assert_eq!(reply.code(), "DIGEST_INVALID");
    peer.get(&format!("manifests/{}", digest_of(&manifest))).await.expect(404);
}

async fn a_manifest_may_list_no_layers(peer: Peer) {
    let mut manifest = peer.artifact("1").await;
    manifest["layers"] = json!([]);
    peer.put("v1", &manifest).await.expect(201);
}

async fn a_manifest_of_an_artifact_is_taken(peer: Peer) {
    peer.blob("{}").await;
    let empty = descriptor("application/vnd.oci.empty.v1+json", "{}");
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "artifactType": "application/vnd.example.thing",
        "config": empty,
        "layers": [empty],
    });
    peer.put("v1", &manifest).await.expect(201);
}

async fn an_index_of_indexes_is_taken(peer: Peer) {
    let image = peer.image("image", "1").await;
    let inner = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(IMAGE, &image.to_string())]});
    peer.put(&digest_of(&inner).to_string(), &inner).await.expect(201);
    let outer = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(INDEX, &inner.to_string())]});
    peer.put("v1", &outer).await.expect(201);
    assert_eq!(peer.get("manifests/v1").await.expect(200).header("content-type"), INDEX);
}

async fn a_subject_may_be_absent(peer: Peer) {
    let mut manifest = peer.artifact("1").await;
    manifest["subject"] = descriptor(IMAGE, "never pushed");
    peer.put("v1", &manifest).await.expect(201);
}

async fn a_manifest_whose_blobs_are_absent_is_taken_or_refused_by_its_code(peer: Peer) {
    let mut manifest = peer.artifact("1").await;
    manifest["layers"][0] = descriptor("application/vnd.oci.image.layer.v1.tar", "never pushed");
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(IMAGE, "never pushed")]});
    for manifest in [manifest, index] {
        let reply = peer.put("v1", &manifest).await;
        if is_refusal(reply.status) {
            assert_eq!(reply.code(), "MANIFEST_BLOB_UNKNOWN");
        } else {
            reply.expect(201);
        }
    }
}

async fn parameters_of_a_content_type_are_ignored(peer: Peer) {
    let manifest = peer.artifact("1").await;
    let headers = [("content-type", &*format!("{IMAGE}; charset=utf-8"))];
    peer.send("PUT", "manifests/v1", &headers, manifest.to_string()).await.expect(201);
    assert_eq!(peer.get("manifests/v1").await.header("content-type"), IMAGE);
}

async fn a_manifest_of_4_megabytes_is_taken(peer: Peer) {
    let mut manifest = peer.artifact("1").await;
    manifest["annotations"] = json!({"org.example.filler": "x".repeat(4_000_000 - manifest.to_string().len() - 100)});
    peer.put("v1", &manifest).await.expect(201);
}

async fn a_manifest_over_the_limit_is_413(peer: Peer) {
    let mut manifest = peer.artifact("1").await;
    manifest["annotations"] = json!({"org.example.filler": "x".repeat(16 << 20)});
    peer.put("v1", &manifest).await.expect(413);
}
