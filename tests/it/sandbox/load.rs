//! Many requests at once.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ghcr_lifecycle::model::Digest;
use tokio::{sync::Barrier, task::JoinSet};

use super::{
    peer::{Peer, closing},
    support::{IMAGE, REPOSITORY, TOKEN, ghcr, single},
};

const REQUESTS: usize = 500;

/// One request of the five kinds, and what it must be answered.
async fn ask(peer: Peer, number: usize, upload: String) {
    let image = single("shared");
    let manifest = &image.root().bytes;
    match number % 5 {
        0 => assert_eq!(peer.get("manifests/shared").await.expect(200).body, manifest),
        1 => {
            let layer = image.blobs().keys().next().unwrap();
            let length = peer.head(&format!("blobs/{layer}")).await.expect(200).header("content-length").to_owned();
            assert_eq!(length, image.blobs()[layer].len().to_string());
        }
        2 => {
            let path = format!("manifests/t{number}");
            let reply = peer.send("PUT", &path, &[("content-type", IMAGE)], manifest.clone()).await.expect(201);
            assert_eq!(reply.header("docker-content-digest"), image.digest().to_string());
        }
        3 => {
            let bytes = format!("blob {number}");
            let digest = Digest::of(bytes.as_bytes()).to_string();
            let reply = peer.send("PUT", &closing(&upload, &digest), &[], bytes).await.expect(201);
            assert_eq!(reply.header("docker-content-digest"), digest);
        }
        _ => {
            peer.get(&format!("manifests/absent{number}")).await.expect(404);
        }
    }
}

#[tokio::test]
async fn five_hundred_requests_at_once_are_all_answered_rightly() {
    let sandbox = ghcr().await;
    single("shared").put_into(&sandbox, REPOSITORY, &"shared".parse().unwrap());
    let peer = Peer::new(&sandbox.host(), Some(BASE64.encode(TOKEN)));
    let mut uploads = Vec::new();
    for number in 0..REQUESTS {
        uploads.push(if number % 5 == 3 { peer.begin().await } else { String::new() });
    }

    // None is answered before all have come.
    let barrier = Arc::new(Barrier::new(REQUESTS));
    sandbox.on_request(move |_| {
        let barrier = Arc::clone(&barrier);
        async move {
            barrier.wait().await;
        }
    });
    let mut answers = JoinSet::new();
    for (number, upload) in uploads.into_iter().enumerate() {
        answers.spawn(ask(peer.clone(), number, upload));
    }
    while let Some(answer) = answers.join_next().await {
        answer.unwrap();
    }

    assert_eq!(sandbox.tags(REPOSITORY).len(), 1 + REQUESTS / 5);
    assert_eq!(sandbox.incomplete(REPOSITORY), []);
    for number in (0..REQUESTS).filter(|number| number % 5 == 3) {
        assert!(sandbox.has_blob(REPOSITORY, &Digest::of(format!("blob {number}").as_bytes())));
    }
    assert_eq!(sandbox.change(|state| state.uploads_under_way()), 0);
}

#[tokio::test]
async fn whole_pushes_side_by_side_do_not_mix() {
    let sandbox = ghcr().await;
    let peer = Peer::new(&sandbox.host(), Some(BASE64.encode(TOKEN)));
    let mut pushes = JoinSet::new();
    for number in 0..50 {
        let peer = peer.at(&format!("acme/shop{}", number % 7));
        pushes.spawn(async move {
            let manifest = peer.image(&format!("t{number}"), &number.to_string()).await;
            assert_eq!(peer.get(&format!("manifests/t{number}")).await.expect(200).body, manifest.to_string());
        });
    }
    while let Some(push) = pushes.join_next().await {
        push.unwrap();
    }
    for number in 0..7 {
        assert_eq!(sandbox.incomplete(&format!("acme/shop{number}")), []);
    }
}
