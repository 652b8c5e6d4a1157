//! Uploads of large blobs over a line that breaks.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use ghcr_lifecycle::{
    adapters::registry::{CredentialOptions, RegistryClient},
    model::{Descriptor, ImageName, RawManifest},
    ports::{BlobOutcome, BlobStream, ImageSource, PortError, RegistryWriter as _},
    sandbox::{Auth, Options, Sandbox},
};
use tokio::io::AsyncReadExt as _;

use super::{anonymous, github};
use crate::{
    breaking::Breaking,
    peers::{Access, DockerRegistry},
    registry::{OneBlob, client, image},
    scripted::{Reply, Scripted},
};

const MEBIBYTE: usize = 1024 * 1024;

/// Bytes that differ wherever they are taken from.
fn content(size: usize) -> OneBlob {
    let numbers =
        (0..size.div_ceil(8)).flat_map(|number| (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    OneBlob::new(numbers.take(size).collect::<Bytes>())
}

/// Sends a blob to `host`, by way of `line`, and reads it back; returns the client.
async fn send(line: &Breaking, credentials: CredentialOptions, content: &OneBlob) -> RegistryClient {
    let (client, image) = (client(credentials), image(line.host(), "acme/shop"));
    let blob = content.descriptor();
    client.expect_bytes(blob.size);
    assert_eq!(client.put_blob(&image, &blob, content).await.unwrap(), BlobOutcome::Uploaded);
    let mut back = Vec::new();
    client.open_blob(&image, &blob).await.unwrap().read_to_end(&mut back).await.unwrap();
    assert!(back == content.bytes);
    assert_eq!(client.transfers().progress(), (blob.size, blob.size));
    client
}

fn count(sandbox: &Sandbox, method: &str) -> u64 {
    let counts = sandbox.request_counts();
    counts
        .iter()
        .filter(|count| count.method == method && count.route.contains("upload"))
        .map(|count| count.count)
        .sum()
}

#[tokio::test]
async fn what_arrived_before_a_break_is_not_sent_again() {
    let sandbox = Sandbox::start(Options::ghcr("ghs_secret")).await.unwrap();
    let line = Breaking::start(&sandbox.host(), 9 * MEBIBYTE, 1).await;
    send(&line, github(line.host()), &content(16 * MEBIBYTE)).await;
    // One upload; 7 MiB are left, in pieces of 4 MiB, and a PUT that ends them.
    assert_eq!((count(&sandbox, "POST"), count(&sandbox, "PATCH"), count(&sandbox, "PUT")), (1, 2, 2));
}

#[tokio::test]
async fn a_line_that_breaks_again_and_again_gets_there() {
    let sandbox = Sandbox::start(Options::ghcr("ghs_secret")).await.unwrap();
    // More breaks than a request has attempts, so only what arrived in between brings it to its end.
    let line = Breaking::start(&sandbox.host(), 5 * MEBIBYTE, 12).await;
    send(&line, github(line.host()), &content(41 * MEBIBYTE + 1)).await;
    assert_eq!(count(&sandbox, "POST"), 1);
}

#[tokio::test]
async fn docker_registry_has_all_after_a_break() {
    let registry = DockerRegistry::start(Access::Open).await;
    for bytes in [1, 5, 9] {
        let line = Breaking::start(registry.host(), bytes * MEBIBYTE, 2).await;
        send(&line, anonymous(), &content(12 * MEBIBYTE + bytes)).await;
    }
}

#[tokio::test]
async fn a_plain_registry_resumes_too() {
    let sandbox = Sandbox::start(Options::plain(Auth::None)).await.unwrap();
    let line = Breaking::start(&sandbox.host(), 6 * MEBIBYTE, 2).await;
    send(&line, anonymous(), &content(20 * MEBIBYTE)).await;
    assert_eq!(count(&sandbox, "POST"), 1);
}

#[tokio::test]
async fn a_registry_without_pieces_gets_the_whole_again() {
    let large = content(5 * MEBIBYTE);
    for (status, patch) in [(404, 405), (405, 416), (204, 404), (500, 400)] {
        let server = Scripted::start(move |_, request, nth| match request.method.as_str() {
            "POST" => Reply::new(202).with("location", "/up"),
            "PUT" if nth > 3 => Reply::new(201),
            "PUT" => Reply::hang_up(),
            "GET" => Reply::new(status).with("range", "0-99"),
            "PATCH" => Reply::error(patch, "UNSUPPORTED", "no"),
            _ => Reply::new(404),
        })
        .await;
        let (client, image) = (client(anonymous()), image(server.host(), "acme/shop"));
        let outcome = client.put_blob(&image, &large.descriptor(), &large).await;
        assert_eq!(outcome.unwrap(), BlobOutcome::Uploaded, "{status} {patch}");
        let requests = server.requests();
        let last = requests.last().unwrap();
        assert!(last.method == "PUT" && last.body == large.bytes, "{status} {patch}");
        let first = requests.iter().find(|request| request.method == "PATCH").unwrap();
        let range = if status == 204 { "100-4194403" } else { "0-4194303" };
        assert_eq!(first.header("content-range"), Some(range), "{status} {patch}");
    }
}

#[tokio::test]
async fn a_registry_that_tells_its_offset_only_when_it_refuses_is_believed() {
    let large = content(6 * MEBIBYTE);
    for has in [0, MEBIBYTE, 4 * MEBIBYTE] {
        let server =
            Scripted::start(move |_, request, _| match (request.method.as_str(), request.header("content-range")) {
                ("POST", _) => Reply::new(202).with("location", "/up"),
                ("PUT", _) if request.body.is_empty() => Reply::new(201),
                ("PUT", _) => Reply::hang_up(),
                ("PATCH", Some("0-4194303")) if has == 0 => Reply::new(202),
                // The first piece arrived, or a part of it, whatever became of the answer.
                ("PATCH", Some("0-4194303")) => Reply::new(416).with("range", format!("0-{}", has - 1)),
                ("PATCH", Some(_)) => Reply::new(202),
                _ => Reply::new(404),
            })
            .await;
        let (client, image) = (client(anonymous()), image(server.host(), "acme/shop"));
        client.put_blob(&image, &large.descriptor(), &large).await.unwrap();
        let ranges: Vec<String> = server
            .requests()
            .iter()
            .filter(|request| request.method == "PATCH")
            .map(|request| request.header("content-range").unwrap().to_owned())
            .collect();
        let mut expected = vec!["0-4194303".to_owned(), "4194304-6291455".to_owned()];
        if has == MEBIBYTE {
            expected.insert(1, "1048576-4194303".to_owned());
        }
        assert_eq!(ranges, expected);
    }
}

#[tokio::test]
async fn wrong_bytes_are_not_completed_in_pieces_either() {
    let server = Scripted::start(|_, request, _| match request.method.as_str() {
        "POST" => Reply::new(202).with("location", "/up"),
        "PUT" => Reply::new(502),
        "PATCH" => Reply::new(202).with("location", "/up"),
        _ => Reply::new(404),
    })
    .await;
    let (client, image) = (client(anonymous()), image(server.host(), "acme/shop"));
    let right = content(6 * MEBIBYTE);
    // Right when it is sent whole, wrong when it is read again.
    let source =
        Changing { first: right.bytes.clone(), later: content(6 * MEBIBYTE + 1).bytes.slice(1..), opened: 0.into() };
    let error = client.put_blob(&image, &right.descriptor(), &source).await.unwrap_err();
    assert!(error.to_string().contains("is not what it should be"), "{error}");
    assert_eq!(server.requests().iter().filter(|request| request.method == "PUT").count(), 1);
}

/// A source that changes after it was read.
struct Changing {
    first: Bytes,
    later: Bytes,
    opened: AtomicUsize,
}

impl ImageSource for Changing {
    async fn root(&self) -> Result<RawManifest, PortError> {
        unreachable!("only blobs are asked for")
    }

    async fn manifest(&self, _: &Descriptor) -> Result<RawManifest, PortError> {
        unreachable!("only blobs are asked for")
    }

    async fn blob(&self, _: &Descriptor) -> Result<BlobStream, PortError> {
        let opened = self.opened.fetch_add(1, Ordering::SeqCst);
        Ok(Box::pin(std::io::Cursor::new(if opened == 0 { self.first.clone() } else { self.later.clone() })))
    }

    fn mount_from(&self, _: &Descriptor) -> Option<&ImageName> {
        None
    }
}
