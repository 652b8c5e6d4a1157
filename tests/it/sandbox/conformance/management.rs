//! Content management, where a registry deletes at all.

use ghcr_lifecycle::model::Digest;
use serde_json::json;

use super::{
    super::peer::{Peer, digest_of},
    rules,
};

rules![
    a_deleted_tag_is_202_and_gone_alone,
    a_deleted_manifest_is_202_and_gone_with_its_tags,
    a_deleted_blob_is_202_and_gone,
    deleting_what_is_absent_is_404,
    deleting_in_an_absent_repository_is_404,
];

async fn a_deleted_tag_is_202_and_gone_alone(peer: Peer) {
    let manifest = peer.image("v1", "1").await;
    peer.put("v2", &manifest).await.expect(201);
    peer.send("DELETE", "manifests/v1", &[], "").await.expect(202);
    peer.get("manifests/v1").await.expect(404);
    peer.get("manifests/v2").await.expect(200);
    peer.get(&format!("manifests/{}", digest_of(&manifest))).await.expect(200);
    assert_eq!(peer.get("tags/list").await.json()["tags"], json!(["v2"]));
}

async fn a_deleted_manifest_is_202_and_gone_with_its_tags(peer: Peer) {
    let manifest = peer.image("v1", "1").await;
    let other = peer.image("v2", "2").await;
    let path = format!("manifests/{}", digest_of(&manifest));
    peer.send("DELETE", &path, &[], "").await.expect(202);
    peer.get(&path).await.expect(404);
    peer.get("manifests/v1").await.expect(404);
    assert_eq!(peer.get("manifests/v2").await.expect(200).body, other.to_string());
}

async fn a_deleted_blob_is_202_and_gone(peer: Peer) {
    let path = format!("blobs/{}", peer.blob("blob").await);
    peer.send("DELETE", &path, &[], "").await.expect(202);
    peer.get(&path).await.expect(404);
}

async fn deleting_what_is_absent_is_404(peer: Peer) {
    peer.image("v1", "1").await;
    let absent = Digest::of(b"absent");
    for path in ["manifests/v2", &format!("manifests/{absent}"), &format!("blobs/{absent}")] {
        peer.send("DELETE", path, &[], "").await.expect(404);
    }
}

async fn deleting_in_an_absent_repository_is_404(peer: Peer) {
    peer.send("DELETE", &format!("manifests/{}", Digest::of(b"absent")), &[], "").await.expect(404);
}
