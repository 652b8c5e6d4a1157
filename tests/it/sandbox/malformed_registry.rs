//! Nothing that a client sends makes the registry fail, hang or answer without a code of the spec.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    sync::LazyLock,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use ghcr_lifecycle::{
    model::Digest,
    sandbox::{Auth, Options, Sandbox},
};
use proptest::{prelude::*, sample::select};
use serde_json::Value;

use super::{
    conformance::CODES,
    support::{IMAGE, REPOSITORY, TOKEN, single},
};

/// Much longer than any answer takes: it only turns a hang into a failure.
const HANG: Duration = Duration::from_secs(60);

static GHCR: LazyLock<Sandbox> = LazyLock::new(|| start(Options::ghcr(TOKEN)));
static OCI: LazyLock<Sandbox> = LazyLock::new(|| start(Options::oci(Auth::None)));

fn start(options: Options) -> Sandbox {
    let sandbox = Sandbox::start_blocking(options).unwrap();
    single("1").put_into(&sandbox, REPOSITORY, &"v1".parse().unwrap());
    sandbox
}

/// What a client does when it has sent its bytes. One that hangs up need not be answered.
enum Sending {
    Waits,
    Ends,
}

/// Sends bytes and reads to the end of the connection. A broken connection is an end too.
fn exchange(sandbox: &Sandbox, bytes: &[u8], sending: Sending) -> Vec<u8> {
    let mut stream = TcpStream::connect(sandbox.address()).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    stream.set_write_timeout(Some(HANG)).unwrap();
    // An answer may come, and the connection go, before all is sent.
    let _ = stream.write_all(bytes);
    if matches!(sending, Sending::Ends) {
        let _ = stream.shutdown(Shutdown::Write);
    }
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return answer,
            Ok(length) => answer.extend_from_slice(&piece[..length]),
            Err(error) => {
                assert!(
                    !matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut),
                    "a hang"
                );
                return answer;
            }
        }
    }
}

/// A well-formed HTTP request of whatever content.
#[derive(Clone, Debug)]
struct Request {
    method: String,
    target: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
}

impl Request {
    fn bytes(&self, sandbox: &Sandbox) -> Vec<u8> {
        let Self { method, target, headers, body } = self;
        let mut bytes = format!("{method} {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", sandbox.host());
        bytes += &format!("Content-Length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| name == "authorization") {
            bytes += &format!("Authorization: Bearer {}\r\n", BASE64.encode(TOKEN));
        }
        let mut bytes = bytes.into_bytes();
        for (name, value) in headers {
            bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        bytes
    }

    /// Sends this and returns the status, after having looked at the whole answer.
    fn send(&self, sandbox: &Sandbox) -> u16 {
        let answer = exchange(sandbox, &self.bytes(sandbox), Sending::Waits);
        let mut text = String::from_utf8_lossy(&answer).into_owned();
        if let Some(after) = text.strip_prefix("HTTP/1.1 100 Continue\r\n\r\n") {
            text = after.to_owned();
        }
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{self:?}: {text:?}"));
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(status < 500, "{self:?}: {text}");
        if status >= 400 && self.method != "HEAD" {
            let body: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {self:?}: {text}"));
            let errors = body["errors"].as_array().unwrap();
            let known = |error: &Value| {
                let code = error["code"].as_str().unwrap();
                // GHCR's own.
                CODES.contains(&code) || (status == 416 && code == "REQUESTED_RANGE_NOT_SATISFIABLE")
            };
            assert!(!errors.is_empty() && errors.iter().all(known), "{self:?}: {body}");
        }
        status
    }
}

/// What paths are made of, right and wrong.
fn segment() -> impl Strategy<Value = String> {
    let digest = Digest::of(b"absent").to_string();
    let known: Vec<String> = [
        "acme",
        "shop",
        "manifests",
        "blobs",
        "uploads",
        "upload",
        "tags",
        "list",
        "referrers",
        "v1",
        "v2",
        "_catalog",
        "",
        ".",
        "..",
        "%2F",
        "%2f..",
        "%",
        "%zz",
        "%00",
        "%ff",
        "%0d%0a",
        "sha256:12",
        "sha256:",
        "sha512:ab",
        &digest,
    ]
    .map(str::to_owned)
    .into();
    prop_oneof![6 => select(known), 2 => "[!$&-.0-;=@A-Z_a-z~%]{0,12}", 1 => "[a-z]{300}"]
}

fn target() -> impl Strategy<Value = String> {
    let path = prop_oneof![
        2 => prop::collection::vec(segment(), 0..7).prop_map(|segments| segments.join("/")),
        3 => segment().prop_map(|reference| format!("acme/shop/manifests/{reference}")),
        2 => segment().prop_map(|digest| format!("acme/shop/blobs/{digest}")),
        2 => segment().prop_map(|id| format!("acme/shop/blobs/upload/{id}")),
        1 => segment().prop_map(|digest| format!("acme/shop/referrers/{digest}")),
        1 => Just("acme/shop/blobs/uploads/".to_owned()),
        1 => Just("acme/shop/tags/list".to_owned()),
    ];
    let parameter = prop_oneof![
        select(vec![
            "n=-1",
            "n=99999999999999999999",
            "n=",
            "n=2",
            "last=%ff",
            "last=v1",
            "digest=",
            "digest=sha256:12",
            "&&=&",
            "mount=x&from=y",
            "mount=sha256:12",
            "from=acme/shop",
            "artifactType=%00",
            "scope=repository",
            "?",
            "%",
        ])
        .prop_map(str::to_owned),
        "[!$&-.0-;=?@A-Z_a-z~%]{0,20}",
    ];
    (path, prop::option::of(parameter)).prop_map(|(path, query)| match query {
        Some(query) => format!("/v2/{path}?{query}"),
        None => format!("/v2/{path}"),
    })
}

fn headers() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let name = select(vec![
        "accept",
        "content-type",
        "content-range",
        "range",
        "authorization",
        "if-none-match",
        "x-other",
        "cookie",
    ]);
    let value = prop_oneof![
        3 => prop::collection::vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..=0xff], 0..40),
        2 => select(vec![
            "bytes=0-", "bytes=-1", "bytes=9-1", "0-3", "5-2", "0-18446744073709551615", "18446744073709551615-0",
            "99999999999999999999999-1", "bytes 0-3/4", "Bearer", "Bearer x", "Basic Og==", "Basic %", IMAGE, "*/*",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    prop::collection::vec((name.prop_map(str::to_owned), value), 0..4)
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        2 => Just(Vec::new()),
        2 => prop::collection::vec(any::<u8>(), 0..200),
        2 => select(vec![
            "{}", "[]", "null", "{\"schemaVersion\":2}", "{\"manifests\":{}}", "{\"config\":{},\"layers\":[]}",
            "{\"manifests\":[{\"digest\":\"sha256:12\"}]}", "[[[[[[[[", "\"\\ud800\"", "{\"layers\":1e999}",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => Just("[".repeat(100_000).into_bytes()),
    ]
}

fn any_request() -> impl Strategy<Value = Request> {
    let method = prop_oneof![
        select(vec!["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]).prop_map(str::to_owned),
        select(vec!["OPTIONS", "TRACE", "BREW", "get", "PROPFIND"]).prop_map(str::to_owned),
    ];
    (method, target(), headers(), body()).prop_map(|(method, target, headers, body)| Request {
        method,
        target,
        headers,
        body,
    })
}

fn request(method: &str, target: String, headers: &[(&str, &str)], body: Vec<u8>) -> Request {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    Request { method: method.to_owned(), target, headers, body }
}

/// A repository name that the grammar does not allow.
fn bad_name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,5}/[A-Z][a-z]{0,5}",
        "[a-z]{1,5}//[a-z]{1,5}",
        "[a-z]{1,5}/-[a-z]{1,5}",
        "[a-z]{1,5}/[a-z]{300}"
    ]
}

/// Each case is one connection or more, and the system has only so many ports.
fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn any_request_has_an_answer(request in any_request()) {
        request.send(&GHCR);
        request.send(&OCI);
    }
}

proptest! {
    #![proptest_config(cases(50))]

    #[test]
    fn what_is_malformed_is_refused(
        name in bad_name(),
        text in "[g-z][a-z:]{0,70}",
        tag in "[.-][a-z]{0,9}",
        range in "[a-z0-9-]{0,6}[a-z][0-9]{0,3}",
        bytes in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        for sandbox in [&*GHCR, &*OCI] {
            let upload = sandbox_upload(sandbox);
            let manifest = format!("/v2/{REPOSITORY}/manifests");
            for request in [
                request("GET", format!("/v2/{name}/tags/list"), &[], Vec::new()),
                request("PUT", format!("/v2/{name}/manifests/v1"), &[("content-type", IMAGE)], bytes.clone()),
                request("POST", format!("/v2/{name}/blobs/uploads/"), &[], Vec::new()),
                request("GET", format!("/v2/{REPOSITORY}/blobs/{text}"), &[], Vec::new()),
                request("DELETE", format!("/v2/{REPOSITORY}/blobs/{text}"), &[], Vec::new()),
                request("GET", format!("/v2/{REPOSITORY}/referrers/{text}"), &[], Vec::new()),
                request("GET", format!("/v2/{REPOSITORY}/tags/list?n={text}"), &[], Vec::new()),
                request("GET", format!("{manifest}/{tag}"), &[("accept", IMAGE)], Vec::new()),
                request("DELETE", format!("{manifest}/{tag}"), &[], Vec::new()),
                request("PUT", format!("{manifest}/{tag}"), &[("content-type", IMAGE)], bytes.clone()),
                request("PUT", format!("{manifest}/v1"), &[("content-type", IMAGE)], bytes.clone()),
                request("PUT", format!("{manifest}/v1"), &[("content-type", &text)], bytes.clone()),
                request("PATCH", upload.clone(), &[("content-range", &range)], bytes.clone()),
                request("PUT", format!("{upload}?digest={text}"), &[], bytes.clone()),
                request("PATCH", format!("/v2/{REPOSITORY}/blobs/upload/{text}"), &[], bytes.clone()),
                request("POST", format!("/v2/{REPOSITORY}/blobs/uploads/?digest={text}"), &[], bytes.clone()),
            ] {
                let status = request.send(sandbox);
                prop_assert!((400..500).contains(&status), "{status}: {request:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn bytes_that_are_no_http_end_the_connection(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        request in any_request(),
        cut in any::<prop::sample::Index>(),
        spoiled in any::<(prop::sample::Index, u8)>(),
    ) {
        exchange(&GHCR, &bytes, Sending::Ends);
        let mut whole = request.bytes(&GHCR);
        exchange(&GHCR, &whole[..cut.index(whole.len())], Sending::Ends);
        let place = spoiled.0.index(whole.len());
        whole[place] = spoiled.1;
        let answer = exchange(&GHCR, &whole, Sending::Ends);
        prop_assert!(!answer.starts_with(b"HTTP/1.1 5"), "{}", String::from_utf8_lossy(&answer));
    }
}

/// Begins an upload and returns its path.
fn sandbox_upload(sandbox: &Sandbox) -> String {
    let begin = request("POST", format!("/v2/{REPOSITORY}/blobs/uploads/"), &[], Vec::new());
    let answer = String::from_utf8(exchange(sandbox, &begin.bytes(sandbox), Sending::Waits)).unwrap();
    let location = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    location.trim().to_owned()
}
