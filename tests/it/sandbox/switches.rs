//! What a plain registry has and GHCR has not, and limits.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ghcr_lifecycle::{
    model::Digest,
    ports::RegistryWriter as _,
    sandbox::{Auth, Options, RegistryLimits, Sandbox},
};
use serde_json::json;

use super::{
    peer::{Peer, closing, descriptor, digest_of},
    support::{IMAGE, REPOSITORY, TOKEN, refusal, request, single},
};
use crate::registry::{OneBlob, client, image};

async fn with(options: Options) -> (Sandbox, Peer) {
    let bearer = matches!(options.auth, Auth::Ghcr { .. }).then(|| BASE64.encode(TOKEN));
    let sandbox = Sandbox::start(options).await.unwrap();
    let peer = Peer::new(&sandbox.host(), bearer);
    (sandbox, peer)
}

#[tokio::test]
async fn the_switches_also_change_ghcr() {
    let (_sandbox, peer) = with(Options { referrers: true, delete: true, ..Options::ghcr(TOKEN) }).await;
    let subject = peer.image("v1", "1").await;
    let mut referrer = peer.artifact("2").await;
    referrer["subject"] = descriptor(IMAGE, &subject.to_string());
    let digest = digest_of(&subject).to_string();
    assert_eq!(peer.put("v2", &referrer).await.expect(201).header("oci-subject"), digest);
    let listed = peer.get(&format!("referrers/{digest}")).await.expect(200).json();
    assert_eq!(listed["manifests"][0]["digest"], digest_of(&referrer).to_string());
    peer.send("DELETE", "manifests/v1", &[], "").await.expect(202);
    assert_eq!(peer.get("tags/list").await.json()["tags"], json!(["v2"]));
}

#[tokio::test]
async fn many_referrers_come_page_by_page() {
    let (_sandbox, peer) = with(Options { page_size: 2, ..Options::oci(Auth::None) }).await;
    let subject = descriptor(IMAGE, "absent");
    let mut pushed = Vec::new();
    for number in 0..5 {
        let mut referrer = peer.artifact("1").await;
        referrer["subject"] = subject.clone();
        referrer["artifactType"] = json!("application/vnd.example+json; a=\"b&c\"");
        referrer["annotations"] = json!({"number": number.to_string()});
        let digest = digest_of(&referrer).to_string();
        peer.put(&digest, &referrer).await.expect(201);
        pushed.push(digest);
    }
    pushed.sort();

    let filter = "artifactType=application%2Fvnd.example%2Bjson%3B%20a%3D%22b%26c%22";
    for query in ["", filter] {
        let mut path = format!("referrers/{}?{query}", subject["digest"].as_str().unwrap());
        let mut found = Vec::new();
        for page in [2, 2, 1] {
            let reply = peer.get(&path).await.expect(200);
            let body = reply.json();
            let manifests = body["manifests"].as_array().unwrap();
            assert_eq!(manifests.len(), page);
            assert_eq!(reply.header("oci-filters-applied"), if query.is_empty() { "" } else { "artifactType" });
            found.extend(manifests.iter().map(|descriptor| descriptor["digest"].as_str().unwrap().to_owned()));
            let next = reply.header("link").strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
            assert_eq!(next.is_none(), page == 1);
            path = next.unwrap_or_default().to_owned();
        }
        assert_eq!(found, pushed);
    }
}

#[tokio::test]
async fn a_chunk_of_any_size_needs_no_limit() {
    let (_sandbox, peer) = with(Options::plain(Auth::None)).await;
    let bytes = vec![7; 5 << 20];
    let digest = Digest::of(&bytes).to_string();
    let location = peer.begin().await;
    let reply = peer.send("PATCH", &location, &[("content-range", "0-5242879")], bytes).await.expect(202);
    assert_eq!(reply.header("range"), "0-5242879");
    let location = peer.send("PUT", &closing(&location, &digest), &[("content-range", "0-0")], "").await;
    assert_eq!(location.expect(201).header("docker-content-digest"), digest);
}

#[tokio::test]
async fn sizes_are_checked() {
    let (sandbox, peer) = with(Options::ghcr(TOKEN)).await;
    let mut manifest = peer.artifact("1").await;
    manifest["layers"][0]["size"] = json!(1);
    let reply = peer.put("v1", &manifest).await.expect(400);
    assert_eq!(reply.code(), "SIZE_INVALID");
    assert_eq!(sandbox.tags(REPOSITORY), []);
}

#[tokio::test]
async fn too_many_requests_are_429_in_the_words_of_ghcr() {
    let limits = RegistryLimits { reads_per_minute: 1, writes_per_minute: 1, burst: 2 };
    let (sandbox, _) = with(Options { registry_limits: Some(limits), ..Options::ghcr(TOKEN) }).await;
    for (method, path) in [(reqwest::Method::GET, "/v2/"), (reqwest::Method::POST, "/v2/acme/shop/blobs/uploads/")] {
        let send = || async { request(&sandbox, method.clone(), path).send().await.unwrap() };
        for _ in 0..2 {
            assert!(send().await.status().is_success());
        }
        let response = send().await;
        assert!(!response.headers().contains_key("retry-after"));
        let (status, code, message) = refusal(response).await;
        assert_eq!((status, code.as_str()), (429, "TOOMANYREQUESTS"));
        let wait = message.strip_prefix("retry-after: ").unwrap().strip_suffix("s, allowed: 1/minute").unwrap();
        let wait: f64 = wait.parse().unwrap();
        assert!((0.0..=60.0).contains(&wait), "{message}");
    }
    let token = request(&sandbox, reqwest::Method::GET, "/token").send().await.unwrap();
    assert_eq!(token.status(), 429);
}

#[tokio::test]
async fn our_client_waits_out_the_limits() {
    for limits in
        [RegistryLimits { reads_per_minute: 60_000, writes_per_minute: 60_000, burst: 1 }, RegistryLimits::GHCR]
    {
        let (sandbox, _) = with(Options { registry_limits: Some(limits), ..Options::plain(Auth::None) }).await;
        let client = client(Default::default());
        let image_name = image(&sandbox.host(), REPOSITORY);
        for number in 0..10 {
            let source = OneBlob::new(format!("blob {number}"));
            client.put_blob(&image_name, &source.descriptor(), &source).await.unwrap();
        }
        assert_eq!(sandbox.blobs(REPOSITORY).len(), 10);
        assert_eq!(sandbox.change(|state| state.uploads_under_way()), 0, "each upload was closed where it began");
        let writes = sandbox.requests().iter().filter(|request| request.is_write()).count();
        assert!(writes > 20, "no request of {writes} was refused");
    }
}

#[tokio::test]
async fn every_read_can_be_asked_for_its_headers_only() {
    let (sandbox, peer) = with(Options { referrers: true, ..Options::ghcr(TOKEN) }).await;
    let image = single("1");
    image.put_into(&sandbox, REPOSITORY, &"v1".parse().unwrap());
    let layer = image.blobs().keys().next().unwrap();
    let upload = peer.begin().await;
    for path in ["/v2/", "tags/list", "manifests/v1", &format!("referrers/{layer}"), &format!("blobs/{layer}"), &upload]
    {
        let (get, head) = (peer.get(path).await, peer.head(path).await);
        assert_eq!((get.status, head.body.len()), (head.status, 0), "{path}");
        if get.status == 200 {
            assert_eq!(get.header("content-length"), head.header("content-length"), "{path}");
            assert_eq!(get.header("content-type"), head.header("content-type"), "{path}");
        }
    }
}

#[tokio::test]
async fn escaped_paths_name_the_same() {
    let (_sandbox, peer) = with(Options::ghcr(TOKEN)).await;
    let digest = digest_of(&peer.image("v1", "1").await).to_string();
    let escaped = digest.replace(':', "%3A");
    peer.get(&format!("manifests/{escaped}")).await.expect(200);
    assert_eq!(peer.get("/v2/acme/shop%ff/tags/list").await.expect(400).code(), "NAME_INVALID");
}
