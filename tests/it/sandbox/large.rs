//! A package as large as they come. It says how long that took and asserts nothing about it.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use ghcr_lifecycle::{
    model::{ManifestReference, RawManifest},
    sandbox::{Sandbox, state::limits::Limits},
};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{
    api::{PACKAGE, VERSIONS, acme, call, outcome, project},
    support::{INDEX, TOKEN, client, header},
};

/// Versions of the large package; `SANDBOX_VERSIONS` sets another number.
fn wanted() -> usize {
    std::env::var("SANDBOX_VERSIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000)
}

fn load(sandbox: &Sandbox, count: usize) {
    sandbox.change(|state| {
        for number in 0..count {
            let text = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": {"n": number}});
            let manifest = RawManifest::new(INDEX, Bytes::from(text.to_string()));
            let reference = if number % 10 == 0 {
                ManifestReference::Tag(format!("v{number}").parse().unwrap())
            } else {
                ManifestReference::Digest(manifest.digest.clone())
            };
            state.put_manifest(PACKAGE, &reference, manifest);
        }
    });
}

/// The most memory that this process ever had, in MB.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes / 1024)
}

#[tokio::test]
async fn all_pages_of_a_large_package_hold_each_version_once() {
    let (sandbox, count) = (acme().await, wanted());
    let begin = Instant::now();
    load(&sandbox, count);
    let loaded = begin.elapsed();
    let client = client();
    let mut url = format!("http://{}{VERSIONS}?per_page=100", sandbox.host());
    let mut ids: Vec<u64> = Vec::new();
    let (mut pages, mut reading) = (0, std::time::Duration::ZERO);
    loop {
        let response = client.get(&url).header("user-agent", "test").bearer_auth(TOKEN).send().await.unwrap();
        let next = response.headers().get("link").and_then(|link| {
            let link = link.to_str().unwrap();
            let next = link.split(", ").find(|part| part.ends_with("rel=\"next\""))?;
            Some(next.trim_start_matches('<').split('>').next()?.to_owned())
        });
        let bytes = response.bytes().await.unwrap();
        let parsing = Instant::now();
        let list: Vec<Value> = serde_json::from_slice(&bytes).unwrap();
        ids.extend(list.iter().map(|version| version["id"].as_u64().unwrap()));
        reading += parsing.elapsed();
        pages += 1;
        match next {
            Some(next) => url = next,
            None => break,
        }
    }
    println!(
        "{count} versions: loaded in {loaded:?}, {pages} pages listed in {:?} (and {reading:?} to parse them), peak {:?} MB",
        begin.elapsed() - loaded - reading,
        peak()
    );
    assert_eq!((ids.len(), pages), (count, count.div_ceil(100)));
    assert!(ids.is_sorted_by(|one, other| one > other));
}

#[tokio::test]
async fn five_hundred_requests_at_once_are_answered() {
    let sandbox = acme().await;
    project(&sandbox);
    load(&sandbox, 200);
    let untagged: Vec<u64> = sandbox.change(|state| {
        let shop = state.repository(PACKAGE).unwrap();
        let versions = shop.versions().filter(|version| shop.tags_of(&version.manifest.digest).is_empty());
        versions.map(|version| version.id).collect()
    });
    let client = client();
    let requests = (0..500).map(|number| {
        let (method, path, status) = match number % 5 {
            0 => (Method::GET, format!("{VERSIONS}?per_page=100&page={}", number % 2 + 1), 200),
            1 => (Method::GET, "/orgs/acme/packages/container/shop".to_owned(), 200),
            2 => (Method::DELETE, format!("{VERSIONS}/{}", untagged[number / 5]), 204),
            3 => (Method::POST, "/repos/acme/shop/issues".to_owned(), 201),
            _ => (Method::GET, "/repos/acme/shop/commits".to_owned(), 200),
        };
        let body = if method == Method::POST { format!(r#"{{"title": "{number}"}}"#) } else { String::new() };
        let request = client.request(method, format!("http://{}{path}", sandbox.host())).body(body);
        let sent = request.header("user-agent", "test").bearer_auth(TOKEN).send();
        async move { (sent.await.unwrap().status().as_u16(), status) }
    });
    for (got, expected) in futures::future::join_all(requests).await {
        assert_eq!(got, expected);
    }
    let (versions, issues) = sandbox.change(|state| {
        let versions = state.repository(PACKAGE).unwrap().version_count(false);
        (versions, state.source("acme/shop").unwrap().issues.len())
    });
    assert_eq!((versions, issues), (100, 100));
}

#[tokio::test]
async fn requests_at_once_are_limited_on_request() {
    let sandbox = acme().await;
    sandbox.set_limits(Limits { primary: false, ..Limits::enforced() });
    // All of them are there before the first is answered.
    let gate = Arc::new(Semaphore::new(0));
    let waiting = Arc::clone(&gate);
    sandbox.on_request(move |_| {
        let waiting = Arc::clone(&waiting);
        async move { waiting.acquire().await.unwrap().forget() }
    });
    let client = client();
    let requests = (0..150).map(|_| {
        let url = format!("http://{}/users/me", sandbox.host());
        client.get(url).header("user-agent", "test").bearer_auth(TOKEN).send()
    });
    let open = async {
        while sandbox.requests().len() < 150 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(150);
    };
    let (answers, ()) = tokio::join!(futures::future::join_all(requests), open);
    let mut refused = 0;
    for answer in answers.into_iter().map(Result::unwrap).filter(|answer| answer.status() != 200) {
        assert_eq!(header(&answer, "retry-after"), "60");
        let (status, message) = outcome(answer).await;
        assert_eq!(status, 403);
        assert!(message.starts_with("You have exceeded a secondary rate limit."), "{message}");
        refused += 1;
    }
    assert_eq!(refused, 50);
    sandbox.clear_hook();
    assert_eq!(call(&sandbox, Method::GET, "/users/me").await.status(), 200);
}
