//! Content discovery.

use ghcr_lifecycle::model::Digest;
use serde_json::{Value, json};

use super::{
    super::{
        peer::{Peer, descriptor, digest_of},
        support::{IMAGE, INDEX},
    },
    rules,
};

rules![
    tags_are_200_with_name_and_tags,
    tags_are_sorted,
    n_says_how_many_tags_come,
    n_of_0_is_an_empty_list_without_a_link,
    a_page_begins_after_the_last_tag,
    a_page_begins_after_the_last_tag_in_order,
    a_link_leads_to_the_next_page,
    tags_of_an_absent_repository_are_404,
    referrers_are_listed_in_an_index,
    referrers_have_their_artifact_types_and_annotations,
    referrers_can_be_filtered_by_artifact_type,
    referrers_of_what_has_none_are_an_empty_index,
    referrers_of_a_malformed_digest_are_400,
    a_subject_is_confirmed,
];

/// Pushes one image under several tags.
async fn tagged(peer: &Peer, tags: &[&str]) {
    let manifest = peer.artifact("1").await;
    for tag in tags {
        peer.put(tag, &manifest).await.expect(201);
    }
}

async fn tags(peer: &Peer, query: &str) -> Value {
    peer.get(&format!("tags/list{query}")).await.expect(200).json()["tags"].clone()
}

async fn tags_are_200_with_name_and_tags(peer: Peer) {
    tagged(&peer, &["v1"]).await;
    let body = peer.get("tags/list").await.expect(200).json();
    assert_eq!(body, json!({"name": peer.repository, "tags": ["v1"]}));
}

async fn tags_are_sorted(peer: Peer) {
    tagged(&peer, &["v2", "v10", "latest", "v1"]).await;
    assert_eq!(tags(&peer, "").await, json!(["latest", "v1", "v10", "v2"]));
}

async fn n_says_how_many_tags_come(peer: Peer) {
    tagged(&peer, &["v1", "v2", "v3"]).await;
    assert_eq!(tags(&peer, "?n=2").await, json!(["v1", "v2"]));
    assert_eq!(tags(&peer, "?n=7").await, json!(["v1", "v2", "v3"]));
}

async fn n_of_0_is_an_empty_list_without_a_link(peer: Peer) {
    tagged(&peer, &["v1"]).await;
    let reply = peer.get("tags/list?n=0").await.expect(200);
    assert_eq!((&reply.json()["tags"], reply.header("link")), (&json!([]), ""));
}

async fn a_page_begins_after_the_last_tag(peer: Peer) {
    tagged(&peer, &["v1", "v2", "v3", "v4"]).await;
    assert_eq!(tags(&peer, "?n=2&last=v1").await, json!(["v2", "v3"]));
    assert_eq!(tags(&peer, "?last=v2").await, json!(["v3", "v4"]));
    assert_eq!(tags(&peer, "?n=2&last=v4").await, json!([]));
}

async fn a_page_begins_after_the_last_tag_in_order(peer: Peer) {
    tagged(&peer, &["v4", "v3", "v1"]).await;
    assert_eq!(tags(&peer, "?n=2&last=v1").await, json!(["v3", "v4"]));
    assert_eq!(tags(&peer, "?n=2&last=v2").await, json!(["v3", "v4"]));
}

async fn a_link_leads_to_the_next_page(peer: Peer) {
    tagged(&peer, &["v1", "v2", "v3"]).await;
    let reply = peer.get("tags/list?n=2").await.expect(200);
    let next = reply.header("link").strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap();
    let last = peer.get(next).await.expect(200);
    assert_eq!((&last.json()["tags"], last.header("link")), (&json!(["v3"]), ""));
}

async fn tags_of_an_absent_repository_are_404(peer: Peer) {
    peer.get("tags/list").await.expect(404);
}

/// Pushes a subject and three referrers: a plain image, an artifact, and an index. Returns the subject's digest.
async fn referred(peer: &Peer) -> Digest {
    let subject = peer.image("v1", "subject").await;
    let to = descriptor(IMAGE, &subject.to_string());
    let mut image = peer.artifact("image").await;
    image["subject"] = to.clone();
    image["annotations"] = json!({"org.example.kind": "image"});
    let mut artifact = peer.artifact("artifact").await;
    artifact["subject"] = to.clone();
    artifact["artifactType"] = json!("application/vnd.example.sbom");
    let index = json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": [],
        "subject": to,
        "annotations": {"org.example.kind": "index"},
    });
    for manifest in [image, artifact, index] {
        peer.put(&digest_of(&manifest).to_string(), &manifest).await.expect(201);
    }
    digest_of(&subject)
}

async fn referrers(peer: &Peer, path: &str) -> (Value, String) {
    let reply = peer.get(path).await.expect(200);
    assert_eq!(reply.header("content-type"), INDEX);
    let body = reply.json();
    assert_eq!((&body["schemaVersion"], &body["mediaType"]), (&json!(2), &json!(INDEX)));
    (body["manifests"].clone(), reply.header("oci-filters-applied").to_owned())
}

async fn referrers_are_listed_in_an_index(peer: Peer) {
    let subject = referred(&peer).await;
    let (list, filters) = referrers(&peer, &format!("referrers/{subject}")).await;
    assert_eq!((list.as_array().unwrap().len(), &*filters), (3, ""));
    for descriptor in list.as_array().unwrap() {
        let digest = descriptor["digest"].as_str().unwrap();
        let manifest = peer.get(&format!("manifests/{digest}")).await.expect(200);
        assert_eq!(descriptor["size"], manifest.body.len());
        assert_eq!(descriptor["mediaType"], manifest.header("content-type"));
        assert_eq!(manifest.json()["subject"]["digest"], subject.to_string());
    }
}

async fn referrers_have_their_artifact_types_and_annotations(peer: Peer) {
    let subject = referred(&peer).await;
    let (list, _) = referrers(&peer, &format!("referrers/{subject}")).await;
    let mut found: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|descriptor| (descriptor["artifactType"].as_str(), descriptor["annotations"]["org.example.kind"].as_str()))
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            (None, Some("index")),
            (Some("application/vnd.example.sbom"), None),
            (Some("application/vnd.oci.image.config.v1+json"), Some("image")),
        ]
    );
}

async fn referrers_can_be_filtered_by_artifact_type(peer: Peer) {
    let subject = referred(&peer).await;
    let path = format!("referrers/{subject}?artifactType=application/vnd.example.sbom");
    let (list, filters) = referrers(&peer, &path).await;
    assert_eq!((list.as_array().unwrap().len(), &*filters), (1, "artifactType"));
    assert_eq!(list[0]["artifactType"], "application/vnd.example.sbom");
}

async fn referrers_of_what_has_none_are_an_empty_index(peer: Peer) {
    peer.image("v1", "1").await;
    let (list, _) = referrers(&peer, &format!("referrers/{}", Digest::of(b"absent"))).await;
    assert_eq!(list, json!([]));
}

async fn referrers_of_a_malformed_digest_are_400(peer: Peer) {
    peer.image("v1", "1").await;
    peer.get("referrers/sha256:12").await.expect(400);
}

async fn a_subject_is_confirmed(peer: Peer) {
    let subject = descriptor(IMAGE, "not pushed yet");
    let mut manifest = peer.artifact("1").await;
    manifest["subject"] = subject.clone();
    let reply = peer.put("v1", &manifest).await.expect(201);
    assert_eq!(reply.header("oci-subject"), subject["digest"].as_str().unwrap());
}
