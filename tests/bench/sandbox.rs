//! Prints what a package of 100,000 versions costs the sandbox, beside the bars. It asserts nothing about time.
//!
//! `cargo bench --bench sandbox`; `SANDBOX_VERSIONS` sets another number of versions.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement reads the environment, prints, and stops at the first surprise"
)]

use std::{
    fs,
    time::{Duration, Instant},
};

use ghcr_lifecycle::{
    model::{ManifestReference, RawManifest},
    sandbox::{Options, Sandbox, state::OwnerKind},
};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const PACKAGE: &str = "acme/shop";
const VERSIONS: &str = "/orgs/acme/packages/container/shop/versions?per_page=100";
const TOKEN: &str = "ghp_bench";

/// The manifests to push, every tenth with a tag.
fn manifests(count: usize) -> Vec<(ManifestReference, RawManifest)> {
    let manifest = |number: usize| {
        let text =
            format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[],"annotations":{{"n":"{number}"}}}}"#);
        let manifest = RawManifest::new(INDEX, text.into());
        let reference = if number.is_multiple_of(10) {
            ManifestReference::Tag(format!("v{number}").parse().unwrap())
        } else {
            ManifestReference::Digest(manifest.digest.clone())
        };
        (reference, manifest)
    };
    (0..count).map(manifest).collect()
}

/// The most memory that this process ever had, in MB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1024
}

fn row(what: &str, measured: &str, bar: &str) {
    println!("{what:<52} {measured:>14}   bar: {bar}");
}

async fn get(client: &reqwest::Client, url: &str) -> (Option<String>, usize) {
    let response = client.get(url).header("user-agent", "bench").bearer_auth(TOKEN).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let next = response.headers().get("link").and_then(|link| {
        let next = link.to_str().unwrap().split(", ").find(|part| part.ends_with("rel=\"next\""))?.to_owned();
        Some(next.trim_start_matches('<').split('>').next()?.to_owned())
    });
    (next, response.bytes().await.unwrap().len())
}

/// Follows the pages of the list; returns how many there were and what they weighed.
async fn list(client: &reqwest::Client, sandbox: &Sandbox) -> (usize, usize) {
    let mut next = Some(format!("http://{}{VERSIONS}", sandbox.host()));
    let (mut pages, mut bytes) = (0, 0);
    while let Some(url) = next {
        let (following, length) = get(client, &url).await;
        (pages, bytes, next) = (pages + 1, bytes + length, following);
    }
    (pages, bytes)
}

/// Milliseconds for people.
fn text(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(measure());
}

async fn measure() {
    let count = std::env::var("SANDBOX_VERSIONS").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let owners = vec![("acme".to_owned(), OwnerKind::Organization)];
    let sandbox = Sandbox::start(Options { owners: owners.clone(), ..Options::ghcr(TOKEN) }).await.unwrap();

    let manifests = manifests(count);
    let begin = Instant::now();
    sandbox.change(|state| {
        for (reference, manifest) in &manifests {
            state.put_manifest(PACKAGE, reference, manifest.clone());
        }
    });
    let loaded = begin.elapsed();
    let begin = Instant::now();
    let (pages, bytes) = list(&client, &sandbox).await;
    let listed = begin.elapsed();
    row(&format!("{count} versions loaded"), &text(loaded), "");
    row(&format!("{pages} pages of {} MB listed", bytes / 1_000_000), &text(listed), "");
    row("together", &text(loaded + listed), "2000 ms");

    let url = format!("http://{}{VERSIONS}", sandbox.host());
    let begin = Instant::now();
    futures::future::join_all((0..500).map(|_| get(&client, &url))).await;
    row("500 requests at once", &text(begin.elapsed()), "");
    row("most memory so far, this client's included", &format!("{} MB", peak()), "500 MB");
    sandbox.stop().await;

    // Each manifest is a file that is written through to the disk: a few of them show it.
    let kept = count / 100;
    let folder = tempfile::tempdir().unwrap();
    let options = || Options { owners: owners.clone(), data: Some(folder.path().to_owned()), ..Options::ghcr(TOKEN) };
    let sandbox = Sandbox::start(options()).await.unwrap();
    sandbox.change(|state| {
        for (reference, manifest) in manifests.into_iter().take(kept) {
            state.put_manifest(PACKAGE, &reference, manifest);
        }
    });
    let begin = Instant::now();
    sandbox.close().unwrap();
    row(&format!("{kept} of them written to a folder"), &text(begin.elapsed()), "");
    let begin = Instant::now();
    let sandbox = Sandbox::start(options()).await.unwrap();
    row("read from it", &text(begin.elapsed()), "");
    assert_eq!(sandbox.change(|state| state.repository(PACKAGE).unwrap().version_count(false)), kept);
}
