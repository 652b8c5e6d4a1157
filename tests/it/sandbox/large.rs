//! A package as large as they come. It says how long that took and asserts nothing about it.

use std::time::Instant;

use bytes::Bytes;
use ghcr_lifecycle::{
    model::{ManifestReference, RawManifest},
    sandbox::Sandbox,
};
use serde_json::{Value, json};

use super::{
    api::{PACKAGE, VERSIONS, acme},
    support::{INDEX, TOKEN, client},
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
    load(&sandbox, 200);
    let client = client();
    let requests = (0..500).map(|number| {
        let path = match number % 3 {
            0 => format!("http://{}{VERSIONS}?per_page=100&page={}", sandbox.host(), number % 2 + 1),
            1 => format!("http://{}/orgs/acme/packages/container/shop", sandbox.host()),
            _ => format!("http://{}/rate_limit", sandbox.host()),
        };
        client.get(path).header("user-agent", "test").bearer_auth(TOKEN).send()
    });
    for response in futures::future::join_all(requests).await {
        assert_eq!(response.unwrap().status(), 200);
    }
}
