//! Content management, where a registry does not delete.

use super::{
    super::peer::{Peer, digest_of},
    rules,
};

rules![deletion_is_400_or_405_and_removes_nothing];

async fn deletion_is_400_or_405_and_removes_nothing(peer: Peer) {
    let digest = digest_of(&peer.image("v1", "1").await);
    let blob = peer.blob("{}").await;
    for path in ["manifests/v1".to_owned(), format!("manifests/{digest}"), format!("blobs/{blob}")] {
        let reply = peer.send("DELETE", &path, &[], "").await;
        assert!(matches!(reply.status, 400 | 405), "{reply:?}");
        peer.get(&path).await.expect(200);
    }
}
