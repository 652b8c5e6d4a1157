//! Whatever a client sends, the sandbox answers, and no answer is the one for a panic.

use ghcr_lifecycle::sandbox::Sandbox;
use proptest::{prelude::*, sample::select, test_runner::TestRunner};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::api::{PACKAGE, acme, project, push};

/// Pieces of paths, so that most requests get past the first segment.
const SEGMENTS: [&str; 46] = [
    "orgs",
    "users",
    "user",
    "organizations",
    "repos",
    "repositories",
    "acme",
    "me",
    "shop",
    "Shop",
    "packages",
    "container",
    "versions",
    "restore",
    "1250000001",
    "9000001",
    "0",
    "-1",
    "18446744073709551616",
    "pulls",
    "branches",
    "commits",
    "contents",
    "git",
    "trees",
    "ref",
    "matching-refs",
    "tags",
    "releases",
    "latest",
    "compare",
    "main...main",
    "v1.0.0",
    "v2",
    "manifests",
    "blobs",
    "uploads",
    "referrers",
    "tags",
    "list",
    "_sandbox",
    "clock",
    "%2F",
    "%zz",
    "%ff%00",
    "",
];

const QUERIES: [&str; 12] = [
    "",
    "?",
    "?page=0&per_page=0",
    "?page=18446744073709551615&per_page=100",
    "?package_type=container",
    "?n=-1&last=%ff",
    "?state=deleted&page=2",
    "?recursive=1",
    "?ref=%00",
    "?sha=..&since=x",
    "?=&&=&a",
    "?mount=x&from=y&digest=z",
];

fn path() -> impl Strategy<Value = String> {
    let segment = prop_oneof![4 => select(&SEGMENTS[..]).prop_map(str::to_owned), 1 => "[!$-.0-;=@-~]{0,12}"];
    (proptest::collection::vec(segment, 0..9), select(&QUERIES[..]))
        .prop_map(|(segments, query)| format!("/{}{query}", segments.join("/")))
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"];
    let credentials = ["", "Bearer ghp_test", "token ghp_test", "Bearer Z2hwX3Rlc3Q=", "Basic x", "Bearer \u{fc}", "x"];
    let bodies = ["", "{}", "[]", "{", "{\"now\":1}", "{\"ref\":\"x\",\"title\":[]}", "\u{0}\u{ff}", "null"];
    let ranges = ["", "0-3", "bytes 9-1/x", "5-18446744073709551615"];
    (select(methods.to_vec()), path(), select(credentials.to_vec()), select(bodies.to_vec()), select(ranges.to_vec()))
        .prop_map(|(method, path, credentials, body, range)| {
            let mut head =
                format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: x\r\nconnection: close\r\n");
            for (name, value) in [("authorization", credentials), ("content-range", range)] {
                if !value.is_empty() {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
            }
            head.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
            head.into_bytes()
        })
}

async fn answer(sandbox: &Sandbox, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(sandbox.address()).await.unwrap();
    // The server may answer and close before it has read all.
    let _ = stream.write_all(bytes).await;
    if !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        // It would wait for the end of the head.
        let _ = stream.shutdown().await;
    }
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

async fn crowded() -> Sandbox {
    let sandbox = acme().await;
    project(&sandbox);
    push(&sandbox, PACKAGE, "1", "v1.0.0");
    push(&sandbox, PACKAGE, "2", "");
    sandbox
}

#[test]
fn no_request_is_answered_by_a_panic() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sandbox = runtime.block_on(crowded());
    let config = ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&request(), |bytes| {
            let answer = runtime.block_on(answer(&sandbox, &bytes));
            let answer = String::from_utf8_lossy(&answer).into_owned();
            let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
            let shown = String::from_utf8_lossy(&bytes).into_owned();
            prop_assert!(status.len() == 3 && !status.starts_with('5'), "{shown} -> {answer}");
            Ok(())
        })
        .unwrap();
}

#[test]
fn what_is_no_http_ends_the_connection_and_nothing_else() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sandbox = runtime.block_on(crowded());
    let config = ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() };
    TestRunner::new(config)
        .run(&proptest::collection::vec(any::<u8>(), 0..400), |bytes| {
            runtime.block_on(answer(&sandbox, &bytes));
            let ping = runtime.block_on(answer(&sandbox, b"GET /rate_limit HTTP/1.0\r\nuser-agent: x\r\n\r\n"));
            prop_assert!(String::from_utf8_lossy(&ping).contains("200 OK"));
            Ok(())
        })
        .unwrap();
}
