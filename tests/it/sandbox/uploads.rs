//! Blobs: uploads of every kind, mounts, and downloads from the storage behind the registry.

use std::{io::Write as _, net::TcpStream, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ghcr_lifecycle::{
    model::Digest,
    sandbox::{Options, SampleImage, Sandbox},
};
use reqwest::{Method, Response};

use super::support::{REPOSITORY, TOKEN, client, get, ghcr, header, refusal, request};

const UPLOADS: &str = "/v2/acme/shop/blobs/uploads/";

async fn begin(sandbox: &Sandbox) -> String {
    let response = request(sandbox, Method::POST, UPLOADS).send().await.unwrap();
    assert_eq!(response.status(), 202);
    let location = header(&response, "location").to_owned();
    assert!(location.starts_with("/v2/acme/shop/blobs/upload/"), "{location}");
    location
}

async fn patch(sandbox: &Sandbox, location: &str, range: Option<&str>, body: Vec<u8>) -> Response {
    let mut request = request(sandbox, Method::PATCH, location).body(body);
    if let Some(range) = range {
        request = request.header("content-range", range);
    }
    request.send().await.unwrap()
}

async fn finish(sandbox: &Sandbox, location: &str, digest: &Digest, body: Vec<u8>) -> Response {
    request(sandbox, Method::PUT, &format!("{location}?digest={digest}")).body(body).send().await.unwrap()
}

#[tokio::test]
async fn one_request_is_enough() {
    let sandbox = ghcr().await;
    let digest = Digest::of(b"blob");
    let answer =
        request(&sandbox, Method::POST, &format!("{UPLOADS}?digest={digest}")).body("blob").send().await.unwrap();
    assert_eq!(answer.status(), 201);
    assert_eq!(header(&answer, "location"), format!("/v2/acme/shop/blobs/{digest}"));
    assert!(sandbox.has_blob(REPOSITORY, &digest));
}

#[tokio::test]
async fn post_then_put_takes_any_size() {
    let sandbox = ghcr().await;
    let bytes = vec![7; 6 * 1024 * 1024];
    let digest = Digest::of(&bytes);
    let location = begin(&sandbox).await;
    assert_eq!(finish(&sandbox, &location, &digest, bytes).await.status(), 201);
    assert!(sandbox.has_blob(REPOSITORY, &digest));
    assert_eq!(sandbox.change(|state| state.uploads_under_way()), 0);
}

#[tokio::test]
async fn a_stream_may_be_long_but_a_chunk_may_not() {
    let sandbox = ghcr().await;
    let bytes = vec![7; 5 * 1024 * 1024];
    let location = begin(&sandbox).await;
    let streamed = patch(&sandbox, &location, None, bytes.clone()).await;
    assert_eq!((streamed.status().as_u16(), header(&streamed, "range")), (202, "0-5242879"));
    let status = get(&sandbox, &location).await;
    assert_eq!((status.status().as_u16(), header(&status, "range")), (204, "0-5242879"));
    let chunk = patch(&sandbox, &location, Some("5242880-5242883"), b"tail".to_vec()).await;
    assert_eq!(chunk.status(), 202);
    let out_of_order = patch(&sandbox, &location, Some("0-3"), b"tail".to_vec()).await;
    assert_eq!((out_of_order.status().as_u16(), header(&out_of_order, "range")), (416, "0-5242883"));
    let short = patch(&sandbox, &location, Some("5242884-5242890"), b"tail".to_vec()).await;
    assert_eq!(refusal(short).await.1, "SIZE_INVALID");
    let digest = Digest::of(&[bytes.clone(), b"tail".to_vec()].concat());
    assert_eq!(finish(&sandbox, &location, &digest, Vec::new()).await.status(), 201);

    let location = begin(&sandbox).await;
    let too_large = patch(&sandbox, &location, Some("0-5242879"), bytes).await;
    let (status, code, message) = refusal(too_large).await;
    assert_eq!((status, code.as_str()), (416, "REQUESTED_RANGE_NOT_SATISFIABLE"));
    assert_eq!(message, "the request body is too large and exceeds the maximum permissible limit of 4.00MiB");
    let largest = patch(&sandbox, &location, Some("0-4194303"), vec![1; 4 * 1024 * 1024]).await;
    assert_eq!(largest.status(), 202);
}

#[tokio::test]
async fn an_interrupted_upload_goes_on_where_it_stopped() {
    let sandbox = ghcr().await;
    let location = begin(&sandbox).await;
    let mut stream = TcpStream::connect(sandbox.address()).unwrap();
    let token = BASE64.encode(TOKEN);
    let head =
        format!("PATCH {location} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 9\r\n\r\n");
    stream.write_all(format!("{head}0123").as_bytes()).unwrap();
    // The sandbox reads in its own time.
    for _ in 0..1000 {
        if sandbox.change(|state| state.upload(REPOSITORY, location.rsplit('/').next().unwrap()).unwrap().received())
            == 4
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(stream);
    let status = get(&sandbox, &location).await;
    assert_eq!((status.status().as_u16(), header(&status, "range")), (204, "0-3"));
    assert_eq!(patch(&sandbox, header(&status, "location"), Some("4-8"), b"45678".to_vec()).await.status(), 202);
    assert_eq!(finish(&sandbox, &location, &Digest::of(b"012345678"), Vec::new()).await.status(), 201);
}

#[tokio::test]
async fn other_bytes_than_promised_are_refused() {
    let sandbox = ghcr().await;
    let location = begin(&sandbox).await;
    let wrong = finish(&sandbox, &location, &Digest::of(b"promised"), b"sent".to_vec()).await;
    assert_eq!(refusal(wrong).await.1, "DIGEST_INVALID");
    assert_eq!(refusal(get(&sandbox, &location).await).await.1, "BLOB_UPLOAD_UNKNOWN");
    assert_eq!(sandbox.blobs(REPOSITORY), []);
    let location = begin(&sandbox).await;
    let without = request(&sandbox, Method::PUT, &location).body("x").send().await.unwrap();
    assert_eq!(refusal(without).await.1, "DIGEST_INVALID");
}

#[tokio::test]
async fn an_upload_can_be_cancelled() {
    let sandbox = ghcr().await;
    let location = begin(&sandbox).await;
    let cancel = || async { request(&sandbox, Method::DELETE, &location).send().await.unwrap().status().as_u16() };
    assert_eq!(cancel().await, 204);
    assert_eq!(cancel().await, 404);
    let elsewhere = begin(&sandbox).await.replace("acme/shop", "acme/other");
    assert_eq!(get(&sandbox, &elsewhere).await.status(), 404);
}

#[tokio::test]
async fn blobs_mount_from_where_they_are() {
    let sandbox = ghcr().await;
    let digest = sandbox.put_blob("acme/base", "blob");
    let mount = |from: &str| format!("{UPLOADS}?mount={digest}&from={from}");
    let absent = request(&sandbox, Method::POST, &mount("acme/absent")).send().await.unwrap();
    assert_eq!(absent.status(), 202);
    let mounted = request(&sandbox, Method::POST, &mount("acme/base")).send().await.unwrap();
    assert_eq!(mounted.status(), 201);
    assert!(sandbox.has_blob(REPOSITORY, &digest));
}

#[tokio::test]
async fn blobs_come_from_signed_urls_that_want_no_credentials() {
    let sandbox = ghcr().await;
    let digest = sandbox.put_blob(REPOSITORY, "0123456789");
    let path = format!("/v2/acme/shop/blobs/{digest}");
    let head = request(&sandbox, Method::HEAD, &path).send().await.unwrap();
    assert_eq!((head.status().as_u16(), header(&head, "content-length")), (200, "10"));
    let redirect = get(&sandbox, &path).await;
    assert_eq!(redirect.status(), 307);
    let url = header(&redirect, "location").to_owned();
    assert!(!url.contains(&sandbox.host()), "{url} must name another host, or clients send their credentials along");
    let blob = client().get(&url).send().await.unwrap();
    assert_eq!((blob.status().as_u16(), blob.text().await.unwrap().as_str()), (200, "0123456789"));
    let part = client().get(&url).header("range", "bytes=4-").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.text().await.unwrap().as_str()), (206, "456789"));
    assert_eq!(client().get(&url).bearer_auth("x").send().await.unwrap().status(), 400);
    assert_eq!(client().head(&url).send().await.unwrap().status(), 403);
    assert_eq!(client().get(url.replace("signature=", "signature=0")).send().await.unwrap().status(), 403);
    let missing = get(&sandbox, &format!("/v2/acme/shop/blobs/{}", Digest::of(b"missing"))).await;
    assert_eq!(refusal(missing).await.1, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn a_plain_registry_serves_blobs_itself() {
    let options = Options { redirect_blobs: false, ..Options::ghcr(TOKEN) };
    let sandbox = Sandbox::start(options).await.unwrap();
    let digest = sandbox.put_blob(REPOSITORY, "blob");
    let blob = get(&sandbox, &format!("/v2/acme/shop/blobs/{digest}")).await;
    assert_eq!((blob.status().as_u16(), blob.text().await.unwrap().as_str()), (200, "blob"));
}

#[test]
fn samples_are_the_same_every_time() {
    let make = |seed: &str| SampleImage::builder().seed(seed).platform("linux/arm/v7").layers(2).build();
    assert_eq!(make("a").layout_tar(), make("a").layout_tar());
    assert_ne!(make("a").digest(), make("b").digest());
    let index = SampleImage::builder().platform("linux/amd64").platform("linux/arm64").build();
    assert_eq!(index.children().len(), 2);
}
