//! Manifests and tag lists, with GHCR's habits.

use ghcr_lifecycle::{
    model::Digest,
    sandbox::{Auth, Options, Sandbox},
};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::support::{IMAGE, INDEX, REPOSITORY, get, ghcr, header, multi, refusal, request, single};

const MANIFESTS: &str = "/v2/acme/shop/manifests";

async fn read(sandbox: &Sandbox, method: Method, reference: &str, accept: &str) -> Response {
    let path = format!("{MANIFESTS}/{reference}");
    request(sandbox, method, &path).header("accept", accept).send().await.unwrap()
}

async fn put(sandbox: &Sandbox, reference: &str, media_type: &str, body: Vec<u8>) -> Response {
    let path = format!("{MANIFESTS}/{reference}");
    request(sandbox, Method::PUT, &path).header("content-type", media_type).body(body).send().await.unwrap()
}

#[tokio::test]
async fn accept_is_enforced() {
    let sandbox = ghcr().await;
    let image = multi("1");
    image.put_into(&sandbox, REPOSITORY, &"v1".parse().unwrap());
    for accept in [IMAGE, "*/*", "application/json"] {
        let (status, code, message) = refusal(read(&sandbox, Method::GET, "v1", accept).await).await;
        assert_eq!((status, code.as_str()), (404, "MANIFEST_UNKNOWN"));
        assert_eq!(message, "OCI index found, but Accept header does not support OCI indexes");
        assert_eq!(read(&sandbox, Method::HEAD, "v1", accept).await.status(), 404);
    }
    let accept = format!("{IMAGE}, {INDEX};q=0.5");
    for reference in ["v1".to_owned(), image.digest().to_string()] {
        let head = read(&sandbox, Method::HEAD, &reference, &accept).await;
        assert_eq!(head.status(), 200);
        assert_eq!(header(&head, "content-length"), image.root().bytes.len().to_string());
        let response = read(&sandbox, Method::GET, &reference, &accept).await;
        assert_eq!(header(&response, "docker-content-digest"), image.digest().to_string());
        assert_eq!(header(&response, "content-type"), INDEX);
        assert_eq!(response.bytes().await.unwrap(), image.root().bytes);
    }
    assert_eq!(refusal(read(&sandbox, Method::GET, "v2", &accept).await).await.1, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn putting_checks_digest_shape_and_blobs() {
    let sandbox = ghcr().await;
    let image = single("1");
    let body = || image.root().bytes.to_vec();
    let missing = put(&sandbox, "v1", IMAGE, body()).await;
    assert_eq!(missing.status(), 400);
    let errors: Value = missing.json().await.unwrap();
    let details: Vec<_> = errors["errors"].as_array().unwrap().iter().map(|error| &error["detail"]).collect();
    assert_eq!(details.len(), 2);
    assert!(errors["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN");
    assert!(details.iter().all(|detail| image.blobs().keys().any(|digest| **detail == json!(digest))));
    assert_eq!(get(&sandbox, "/v2/acme/shop/tags/list").await.status(), 404);

    for blob in image.blobs().values() {
        sandbox.put_blob(REPOSITORY, blob.clone());
    }
    let other = Digest::of(b"other").to_string();
    assert_eq!(refusal(put(&sandbox, &other, IMAGE, body()).await).await.1, "DIGEST_INVALID");
    for (media_type, body) in [
        (IMAGE, b"no json".to_vec()),
        (IMAGE, br#"{"schemaVersion":2}"#.to_vec()),
        (INDEX, body()),
        ("application/json", body()),
        (IMAGE, multi("1").root().bytes.to_vec()),
    ] {
        assert_eq!(refusal(put(&sandbox, "v1", media_type, body).await).await.1, "MANIFEST_INVALID");
    }
    let large = put(&sandbox, "v1", IMAGE, vec![b' '; 4 * 1024 * 1024 + 1]).await;
    assert_eq!(refusal(large).await, (413, "SIZE_INVALID".into(), "the manifest is larger than 4 MiB".into()));
    assert_eq!(sandbox.tags(REPOSITORY), []);

    let by_digest = put(&sandbox, &image.digest().to_string(), IMAGE, body()).await;
    assert_eq!(by_digest.status(), 201);
    assert_eq!(header(&by_digest, "location"), format!("{MANIFESTS}/{}", image.digest()));
    assert_eq!(sandbox.tags(REPOSITORY), []);
    assert_eq!(put(&sandbox, "v1", IMAGE, body()).await.status(), 201);
    assert_eq!(sandbox.tag(REPOSITORY, "v1").as_ref(), Some(image.digest()));
}

#[tokio::test]
async fn an_index_may_lack_its_children_and_the_walk_says_so() {
    let sandbox = ghcr().await;
    let image = multi("1");
    assert_eq!(put(&sandbox, "v1", INDEX, image.root().bytes.to_vec()).await.status(), 201);
    let missing: Vec<_> = sandbox.incomplete(REPOSITORY).into_iter().map(|(_, digest)| digest).collect();
    let mut children: Vec<_> = image.children().iter().map(|child| child.digest.clone()).collect();
    children.sort();
    assert_eq!(missing, children);
    image.put_into(&sandbox, REPOSITORY, &"v1".parse().unwrap());
    assert_eq!(sandbox.incomplete(REPOSITORY), []);
    let layer = image.blobs().keys().next().unwrap();
    sandbox.remove_blob(REPOSITORY, layer);
    assert_eq!(sandbox.incomplete(REPOSITORY), [("v1".parse().unwrap(), layer.clone())]);
}

#[tokio::test]
async fn ghcr_deletes_no_manifest_and_knows_no_referrers() {
    let sandbox = ghcr().await;
    let image = single("1");
    image.put_into(&sandbox, REPOSITORY, &"v1".parse().unwrap());
    for reference in ["v1".to_owned(), image.digest().to_string()] {
        let answer = request(&sandbox, Method::DELETE, &format!("{MANIFESTS}/{reference}")).send().await.unwrap();
        let expected = (405, "UNSUPPORTED".into(), "The operation is unsupported.".into());
        assert_eq!(refusal(answer).await, expected);
    }
    let referrers = get(&sandbox, &format!("/v2/acme/shop/referrers/{}", image.digest())).await;
    let (status, code, _) = refusal(referrers).await;
    assert_eq!((status, code.as_str()), (404, "MANIFEST_UNKNOWN"));

    let subject: Value = serde_json::from_slice(&image.root().bytes).unwrap();
    let mut referrer = subject.clone();
    referrer["subject"] = json!({"mediaType": IMAGE, "digest": image.digest(), "size": image.root().bytes.len()});
    let answer = put(&sandbox, "referrer", IMAGE, referrer.to_string().into_bytes()).await;
    assert_eq!((answer.status().as_u16(), header(&answer, "oci-subject")), (201, ""));
}

#[tokio::test]
async fn tags_come_oldest_first_and_page_by_page() {
    let sandbox = ghcr().await;
    let image = single("1");
    // Names fall while ages rise, so that no lexical order passes.
    for number in (0..250).rev() {
        image.put_into(&sandbox, REPOSITORY, &format!("t{number:03}").parse().unwrap());
    }
    let newer = single("2");
    newer.put_into(&sandbox, REPOSITORY, &"t249".parse().unwrap());
    let expected: Vec<_> = (0..250).rev().map(|number| format!("t{number:03}")).collect();

    let (mut path, mut tags, mut pages) = ("/v2/acme/shop/tags/list".to_owned(), Vec::new(), 0);
    loop {
        let response = get(&sandbox, &path).await;
        let link = header(&response, "link").to_owned();
        let body: Value = response.json().await.unwrap();
        assert_eq!(body["name"], REPOSITORY);
        tags.extend(body["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()));
        pages += 1;
        let Some(next) = link.strip_suffix(">; rel=\"next\"") else { break };
        path = next.strip_prefix('<').unwrap().to_owned();
        assert!(path.starts_with("/v2/acme/shop/tags/list?last="), "{path}");
    }
    assert_eq!((tags, pages), (expected.clone(), 3));

    let all = get(&sandbox, "/v2/acme/shop/tags/list?n=1000").await;
    assert_eq!(header(&all, "link"), "");
    assert_eq!(all.json::<Value>().await.unwrap()["tags"], json!(expected));
    let two = get(&sandbox, "/v2/acme/shop/tags/list?n=2&last=t100").await;
    assert_eq!(two.json::<Value>().await.unwrap()["tags"], json!(["t099", "t098"]));
    assert_eq!(get(&sandbox, "/v2/acme/shop/tags/list?n=x").await.status(), 400);
    assert_eq!(sandbox.tag(REPOSITORY, "t249").as_ref(), Some(newer.digest()));
}

#[tokio::test]
async fn names_are_checked() {
    let sandbox = ghcr().await;
    for name in ["acme/Shop", "acme", "acme/shop-", "acme//shop"] {
        let answer = get(&sandbox, &format!("/v2/{name}/tags/list")).await;
        assert_eq!(refusal(answer).await.1, "NAME_INVALID", "{name}");
    }
    assert_eq!(refusal(read(&sandbox, Method::GET, "-bad", IMAGE).await).await.1, "MANIFEST_UNKNOWN");
    assert_eq!(refusal(put(&sandbox, "-bad", IMAGE, Vec::new()).await).await.1, "MANIFEST_INVALID");
    assert_eq!(refusal(read(&sandbox, Method::GET, "sha256:12", IMAGE).await).await.1, "DIGEST_INVALID");
    let plain = Sandbox::start(Options::plain(Auth::None)).await.unwrap();
    assert_eq!(get(&plain, "/elsewhere").await.status(), 404);
}
