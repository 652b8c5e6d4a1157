//! The registry adapter against a loopback server that says what a test tells it to: hostile, broken and limited answers.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use ghcr_lifecycle::{
    adapters::{registry::CredentialOptions, sources::registry::RegistrySource},
    model::{Digest, ManifestReference, Secret},
    ports::{BlobOutcome, ImageSource as _, PortErrorKind, RegistryReader as _, RegistryWriter as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::registry::{OneBlob, client, descriptor, image, login, manifest, tag};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The method, the target, and the scheme of its credentials.
    fn line(&self) -> String {
        let scheme = self.header("authorization").map(|value| value.split(' ').next().unwrap_or_default());
        let who = scheme.map(|scheme| format!(" [{scheme}]")).unwrap_or_default();
        format!("{} {}{who}", self.method, self.target)
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// How many bytes of the body are sent before the connection is cut.
    cut: Option<usize>,
    hang_up: bool,
}

impl Reply {
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), cut: None, hang_up: false }
    }

    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"errors": [{"code": code, "message": message}]});
        Self::new(status).with("content-type", "application/json").body(body.to_string())
    }

    pub fn tags(tags: &[&str]) -> Self {
        Self::new(200).body(serde_json::json!({"name": "acme/shop", "tags": tags}).to_string())
    }

    pub fn challenge(realm: &str) -> Self {
        let value = format!(r#"Bearer realm="{realm}",service="tests",scope="repository:user/image:pull,push""#);
        Self::error(401, "UNAUTHORIZED", "authentication required").with("www-authenticate", value)
    }

    pub fn token(text: &str) -> Self {
        Self::new(200).body(serde_json::json!({"token": text}).to_string())
    }

    fn cut_after(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }

    /// No answer at all.
    pub fn hang_up() -> Self {
        Self { hang_up: true, ..Self::new(200) }
    }
}

/// A scripted server on loopback.
pub struct Scripted {
    host: String,
    requests: Arc<Mutex<Vec<Received>>>,
    task: JoinHandle<()>,
}

impl Scripted {
    /// Starts a server. The script gets the server's own host, each request, and how many came before it.
    pub async fn start(script: impl Fn(&str, &Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let requests: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (script, own, seen) = (Arc::new(script), host.clone(), Arc::clone(&requests));
        let task = tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                let (script, own, seen) = (Arc::clone(&script), own.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    let mut connection = BufReader::new(connection);
                    let Some(request) = receive(&mut connection).await else { return };
                    let before = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(request.clone());
                        seen.len() - 1
                    };
                    send(connection.get_mut(), &request, script(&own, &request, before)).await;
                });
            }
        });
        Self { host, requests, task }
    }

    /// A server that nobody should talk to.
    pub async fn untouched() -> Self {
        Self::start(|_, _, _| Reply::error(404, "NAME_UNKNOWN", "nobody should ask")).await
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn requests(&self) -> Vec<Received> {
        self.requests.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Received::line).collect()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(connection: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > 65_536 {
            return None;
        }
        head.push(connection.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.ok()?;
    Some(Received { method, target, headers, body })
}

async fn send(connection: &mut TcpStream, request: &Received, reply: Reply) {
    if reply.hang_up {
        return;
    }
    let mut head = format!("HTTP/1.1 {} Scripted\r\nconnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    if !reply.headers.iter().any(|(name, _)| name == "content-length") {
        write!(head, "content-length: {}\r\n", reply.body.len()).unwrap();
    }
    head.push_str("\r\n");
    let body = if request.method == "HEAD" { &[][..] } else { &reply.body[..reply.cut.unwrap_or(reply.body.len())] };
    // The client may have heard enough before the end.
    let _ = connection.write_all(&[head.as_bytes(), body].concat()).await;
    let _ = connection.shutdown().await;
}

fn anonymous() -> CredentialOptions {
    CredentialOptions::default()
}

fn github(host: &str) -> CredentialOptions {
    CredentialOptions {
        github_token: Secret::new("ghs_secret"),
        ghcr_host: host.to_owned(),
        ..CredentialOptions::default()
    }
}

const LIST: &str = "GET /v2/acme/shop/tags/list?n=1000";
const PROBE: &str = "POST /v2/acme/shop/blobs/uploads/";
const IMAGE_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";

// Retries and rate limits.

#[tokio::test]
async fn limits_and_failures_are_retried_until_an_answer_stands() {
    let ghcr = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 2.5ms, allowed: 2000/minute"}]}"#;
    for trouble in [
        Reply::new(429).with("retry-after", "0"),
        Reply::new(429).with("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"),
        Reply::new(429).body(ghcr),
        Reply::new(500).body("oops"),
        Reply::new(502).body("<html>bad gateway</html>"),
        Reply::new(503),
        Reply::new(504),
        Reply::error(403, "DENIED", "permission_denied: You have exceeded a secondary rate limit. Please wait"),
        Reply::hang_up(),
        Reply::tags(&["v1", "v2"]).cut_after(10),
    ] {
        let first = trouble.clone();
        let server =
            Scripted::start(move |_, _, nth| if nth < 2 { first.clone() } else { Reply::tags(&["v1", "v2"]) }).await;
        let tags = client(anonymous()).tags(&image(server.host(), "acme/shop")).await;
        assert_eq!(tags.unwrap(), [tag("v1"), tag("v2")], "{trouble:?}");
        assert_eq!(server.lines(), [LIST; 3], "{trouble:?}");
    }
}

#[tokio::test]
async fn retries_are_bounded_and_say_what_stayed() {
    let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
    for (trouble, attempts, kind, said) in [
        (Reply::new(503).body("tired"), 6, PortErrorKind::Unavailable, "503 with `tired`"),
        (Reply::new(429).body("slow\ndown"), 6, PortErrorKind::RateLimited, "429 with `slow\\ndown`"),
        (Reply::new(429).with("retry-after", "7200"), 1, PortErrorKind::RateLimited, "rate limited until 2"),
        (Reply::new(403).body(secondary), 3, PortErrorKind::RateLimited, "rate limited until 2"),
        (Reply::hang_up(), 6, PortErrorKind::Unavailable, "the connection failed"),
    ] {
        let server = Scripted::start({
            let trouble = trouble.clone();
            move |_, _, _| trouble.clone()
        })
        .await;
        let error = client(anonymous()).tags(&image(server.host(), "acme/shop")).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.detail.contains(said), "{error}");
        assert_eq!(server.lines().len(), attempts, "{trouble:?}");
    }
}

#[tokio::test]
async fn other_refusals_are_not_retried() {
    for status in [400, 405, 410, 418] {
        let server = Scripted::start(move |_, _, _| Reply::new(status).body("no\u{1b}[2J")).await;
        let error = client(anonymous()).tags(&image(server.host(), "acme/shop")).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed);
        assert!(error.detail.ends_with(&format!("{status} with `no\\u{{1b}}[2J`")), "{error}");
        assert_eq!(server.lines(), [LIST]);
    }
}

// Tag lists.

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    let server = Scripted::start(|host, request, _| match request.target.as_str() {
        "/v2/acme/shop/tags/list?n=1000" => {
            Reply::tags(&["v1", "v2"]).with("link", r#"</v2/acme/shop/tags/list?last=v2&n=1000>; rel="next""#)
        }
        "/v2/acme/shop/tags/list?last=v2&n=1000" => Reply::tags(&["v2", "v3"])
            .with("link", format!(r#"<http://{host}/v2/acme/shop/tags/list?last=v3&n=1000>; rel="next""#)),
        _ => Reply::new(200).body(r#"{"tags": null}"#),
    })
    .await;
    let tags = client(anonymous()).tags(&image(server.host(), "acme/shop")).await.unwrap();
    assert_eq!(tags, [tag("v1"), tag("v2"), tag("v3")]);
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_list_without_an_end_is_an_error() {
    let same = Scripted::start(|_, request, _| {
        Reply::tags(&["v1"]).with("link", format!(r#"<{}>; rel="next""#, request.target))
    })
    .await;
    let ever_new = Scripted::start(|_, _, nth| {
        Reply::tags(&["v1"]).with("link", format!(r#"</v2/acme/shop/tags/list?page={nth}>; rel="next""#))
    })
    .await;
    for (server, requests) in [(same, 1), (ever_new, 2)] {
        let error = client(anonymous()).tags(&image(server.host(), "acme/shop")).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed);
        assert!(error.detail.contains("repeats a page"), "{error}");
        assert_eq!(server.lines().len(), requests);
    }
}

#[tokio::test]
async fn a_page_on_another_host_is_not_asked_for() {
    let other = Scripted::untouched().await;
    let link = format!(r#"<http://{}/v2/acme/shop/tags/list?last=v1>; rel="next""#, other.host());
    let server = Scripted::start(move |_, _, _| Reply::tags(&["v1"]).with("link", &link)).await;
    let error = client(github(server.host())).tags(&image(server.host(), "acme/shop")).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Malformed);
    assert!(error.detail.contains("on another host"), "{error}");
    assert_eq!(other.lines(), [""; 0]);
}

#[tokio::test]
async fn a_lost_page_is_an_error_and_not_a_shorter_list() {
    for trouble in
        [Reply::error(404, "NAME_UNKNOWN", "gone"), Reply::error(403, "DENIED", "no"), Reply::new(200).body("<html>")]
    {
        let second = trouble.clone();
        let server = Scripted::start(move |_, request, _| {
            if request.target.contains("last=") {
                second.clone()
            } else {
                Reply::tags(&["v1"]).with("link", r#"</v2/acme/shop/tags/list?last=v1>; rel="next""#)
            }
        })
        .await;
        assert!(client(anonymous()).tags(&image(server.host(), "acme/shop")).await.is_err(), "{trouble:?}");
    }
}

#[tokio::test]
async fn what_is_no_list_is_never_an_empty_one() {
    for answer in [
        Reply::new(404).with("content-type", "text/html").body("<html>not here</html>"),
        Reply::new(404).body("{}"),
        Reply::new(404).body(r#"{"errors":[]}"#),
        Reply::new(404),
        Reply::new(200).body("<html>welcome</html>"),
        Reply::new(200).body("[]"),
        Reply::new(200),
        Reply::tags(&["v1", "a b"]),
        Reply::tags(&["v1", "../../etc"]),
        Reply::new(307).with("location", "/elsewhere"),
    ] {
        let reply = answer.clone();
        let server = Scripted::start(move |_, request, _| {
            if request.method == "POST" { Reply::new(202).with("location", "/u") } else { reply.clone() }
        })
        .await;
        let error = client(github(server.host())).tags(&image(server.host(), "acme/shop")).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed, "{answer:?}: {error}");
        assert_eq!(server.lines().len(), 1);
    }
}

#[tokio::test]
async fn over_long_tags_of_others_are_left_out() {
    let long = "x".repeat(129);
    let server = Scripted::start(move |_, _, _| Reply::tags(&["v1", &long])).await;
    assert_eq!(client(anonymous()).tags(&image(server.host(), "acme/shop")).await.unwrap(), [tag("v1")]);
}

#[tokio::test]
async fn an_authenticated_404_is_empty_without_a_probe() {
    let server = Scripted::start(|_, _, _| Reply::error(404, "NAME_UNKNOWN", "repository name not known")).await;
    assert_eq!(client(github(server.host())).tags(&image(server.host(), "acme/shop")).await.unwrap(), []);
    assert_eq!(server.lines(), [format!("{LIST} [Bearer]")]);
}

#[tokio::test]
async fn a_refused_list_is_empty_only_where_an_upload_may_start() {
    for (refusal, credentials) in [
        (Reply::error(403, "DENIED", "requested access to the resource is denied"), true),
        (Reply::error(404, "NAME_UNKNOWN", "not known"), false),
    ] {
        for may_write in [true, false] {
            let answer = refusal.clone();
            let server = Scripted::start(move |_, request, _| match request.method.as_str() {
                "POST" if may_write => Reply::new(202).with("location", "/v2/acme/shop/blobs/upload/1?state=x"),
                "POST" => Reply::error(403, "DENIED", "permission_denied: write_package"),
                "DELETE" => Reply::new(204),
                _ => answer.clone(),
            })
            .await;
            let client = client(if credentials { github(server.host()) } else { anonymous() });
            let tags = client.tags(&image(server.host(), "acme/shop")).await;
            let bearer = if credentials { " [Bearer]" } else { "" };
            let mut lines = vec![format!("{LIST}{bearer}"), format!("{PROBE}{bearer}")];
            if may_write {
                assert_eq!(tags.unwrap(), []);
                lines.push(format!("DELETE /v2/acme/shop/blobs/upload/1?state=x{bearer}"));
            } else {
                let error = tags.unwrap_err();
                assert_eq!(error.kind, PortErrorKind::Denied, "{error}");
                assert!(error.hint.is_some());
            }
            assert_eq!(server.lines(), lines);
        }
    }
}

#[tokio::test]
async fn a_probe_that_fails_otherwise_proves_nothing() {
    for probe in
        [Reply::new(503), Reply::new(200).body("<html>"), Reply::new(404), Reply::new(307).with("location", "/")]
    {
        let server =
            Scripted::start(
                move |_, request, _| {
                    if request.method == "POST" { probe.clone() } else { Reply::error(403, "DENIED", "no") }
                },
            )
            .await;
        assert!(client(github(server.host())).tags(&image(server.host(), "acme/shop")).await.is_err());
    }
}

// Credentials.

#[tokio::test]
async fn the_github_token_goes_to_ghcr_as_it_is() {
    let server = Scripted::start(|_, _, _| Reply::tags(&["v1"])).await;
    client(github(server.host())).tags(&image(server.host(), "acme/shop")).await.unwrap();
    let expected = format!("Bearer {}", BASE64.encode("ghs_secret"));
    assert_eq!(server.requests()[0].header("authorization"), Some(expected.as_str()));
}

#[tokio::test]
async fn the_github_token_goes_to_no_other_host() {
    let server = Scripted::start(|_, _, _| Reply::tags(&["v1"])).await;
    let port = server.host().rsplit(':').next().unwrap();
    for ghcr in
        ["ghcr.io".to_owned(), format!("localhost:{port}"), "127.0.0.1".to_owned(), format!("{}0", server.host())]
    {
        client(github(&ghcr)).tags(&image(server.host(), "acme/shop")).await.unwrap();
    }
    assert_eq!(server.lines(), [LIST; 4]);
}

#[tokio::test]
async fn a_token_is_exchanged_and_kept() {
    let server = Scripted::start(|host, request, _| match request.header("authorization") {
        _ if request.target.starts_with("/token") => Reply::token("t1"),
        Some("Bearer t1") => Reply::tags(&["v1"]),
        _ => Reply::challenge(&format!("http://{host}/token")),
    })
    .await;
    let client = client(github(server.host()));
    for _ in 0..2 {
        client.tags(&image(server.host(), "acme/shop")).await.unwrap();
    }
    assert_eq!(
        server.lines(),
        [
            format!("{LIST} [Bearer]"),
            "GET /token?service=tests&scope=repository%3Aacme%2Fshop%3Apull [Basic]".to_owned(),
            format!("{LIST} [Bearer]"),
            format!("{LIST} [Bearer]"),
        ]
    );
    let basic = format!("Basic {}", BASE64.encode("token:ghs_secret"));
    assert_eq!(server.requests()[1].header("authorization"), Some(basic.as_str()));
    let debug = format!("{client:?}");
    for secret in ["ghs_secret", "t1", &BASE64.encode("ghs_secret"), &BASE64.encode("token:ghs_secret")] {
        assert!(!debug.contains(&format!("{secret}\"")) && !debug.contains(&format!(" {secret}")), "{debug}");
    }
}

#[tokio::test]
async fn a_token_that_runs_out_is_renewed_once() {
    let server = Scripted::start(|host, request, nth| match request.header("authorization") {
        _ if request.target.starts_with("/token") => Reply::token(&format!("t{nth}")),
        // The first token is good for one request.
        Some("Bearer t1") if nth == 2 => Reply::tags(&["v1"]),
        Some("Bearer t4") => Reply::tags(&["v1", "v2"]),
        _ => Reply::challenge(&format!("http://{host}/token")),
    })
    .await;
    let client = client(github(server.host()));
    assert_eq!(client.tags(&image(server.host(), "acme/shop")).await.unwrap().len(), 1);
    assert_eq!(client.tags(&image(server.host(), "acme/shop")).await.unwrap().len(), 2);
    let lines = server.lines();
    assert_eq!(lines.len(), 6, "{lines:?}");
    assert!(lines[4].starts_with("GET /token"), "{lines:?}");
}

#[tokio::test]
async fn a_token_that_is_never_good_is_a_denial() {
    let server = Scripted::start(|host, request, _| {
        if request.target.starts_with("/token") {
            Reply::token("useless")
        } else {
            Reply::challenge(&format!("http://{host}/token"))
        }
    })
    .await;
    let error = client(github(server.host()))
        .manifest(&image(server.host(), "acme/shop"), &tag("v1").into())
        .await
        .unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Denied);
    assert_eq!(server.lines().len(), 3);
}

#[tokio::test]
async fn a_failed_exchange_is_an_error_that_names_the_realm_and_no_bare_request_follows() {
    let realm = Scripted::start(|_, _, _| Reply::error(403, "DENIED", "denied")).await;
    let address = format!("http://{}/token", realm.host());
    let server = Scripted::start(move |_, _, _| Reply::challenge(&address)).await;
    let error = client(login(server.host(), "me", "pw"))
        .manifest(&image(server.host(), "acme/shop"), &tag("v1").into())
        .await
        .unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Denied);
    assert!(error.detail.contains(&format!("the token endpoint on {} answered 403", realm.host())), "{error}");
    assert_eq!(server.lines(), ["GET /v2/"]);
    assert_eq!(realm.lines().len(), 1);
}

#[tokio::test]
async fn a_password_goes_to_the_realm_of_its_own_registry() {
    let realm = Scripted::start(|_, _, _| Reply::new(200).body(r#"{"access_token":"t","expires_in":300}"#)).await;
    let address = format!("http://{}/token?account=x", realm.host());
    let server = Scripted::start(move |_, request, _| match request.header("authorization") {
        Some("Bearer t") => Reply::tags(&["v1"]),
        _ => Reply::challenge(&address),
    })
    .await;
    client(login(server.host(), "me", "pw")).tags(&image(server.host(), "acme/shop")).await.unwrap();
    assert_eq!(server.lines(), ["GET /v2/".to_owned(), format!("{LIST} [Bearer]")]);
    assert_eq!(realm.lines(), ["GET /token?account=x&service=tests&scope=repository%3Aacme%2Fshop%3Apull [Basic]"]);
}

#[tokio::test]
async fn a_realm_elsewhere_never_sees_the_github_token() {
    let realm = Scripted::untouched().await;
    let port = realm.host().rsplit(':').next().unwrap().to_owned();
    for address in [
        format!("http://{}/token", realm.host()),
        format!("http://localhost:{port}/token"),
        "http://ghcr.example/token".to_owned(),
        "https://ghcr.example/token".to_owned(),
        "file:///etc/passwd".to_owned(),
        "token".to_owned(),
    ] {
        let server = Scripted::start(move |_, _, _| Reply::challenge(&address)).await;
        let error = client(github(server.host()))
            .manifest(&image(server.host(), "acme/shop"), &tag("v1").into())
            .await
            .unwrap_err();
        assert!(matches!(error.kind, PortErrorKind::Denied | PortErrorKind::Malformed), "{error}");
        assert_eq!(server.lines().len(), 1, "{error}");
    }
    assert_eq!(realm.lines(), [""; 0]);
}

#[tokio::test]
async fn a_realm_over_http_on_a_foreign_host_is_sent_nothing() {
    // The name resolves nowhere: an attempt would fail as unavailable, not as denied.
    let server = Scripted::start(|_, _, _| Reply::challenge("http://auth.invalid/token")).await;
    for credentials in [login(server.host(), "me", "pw"), anonymous()] {
        let error =
            client(credentials).manifest(&image(server.host(), "acme/shop"), &tag("v1").into()).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Denied, "{error}");
        assert!(error.detail.contains("plain http; nothing was sent there"), "{error}");
    }
}

#[tokio::test]
async fn one_token_is_fetched_for_many_at_once() {
    let server = Scripted::start(|host, request, _| match request.header("authorization") {
        _ if request.target.starts_with("/token") => Reply::token("t1"),
        Some("Bearer t1") => Reply::tags(&["v1"]),
        _ => Reply::challenge(&format!("http://{host}/token")),
    })
    .await;
    let (client, image) = (client(anonymous()), image(server.host(), "acme/shop"));
    let all = futures::future::join_all((0..20).map(|_| client.tags(&image))).await;
    assert!(all.iter().all(Result::is_ok));
    let tokens: Vec<_> = server.lines().into_iter().filter(|line| line.starts_with("GET /token")).collect();
    assert_eq!(tokens, ["GET /token?service=tests&scope=repository%3Aacme%2Fshop%3Apull"]);
}

#[tokio::test]
async fn a_public_source_is_read_without_a_refused_login() {
    let document = manifest(&descriptor("application/vnd.oci.image.config.v1+json", b"{}"), &[]);
    let bytes = document.bytes.to_vec();
    let server = Scripted::start(move |_, request, _| match request.header("authorization") {
        Some(_) => Reply::error(403, "DENIED", "denied"),
        None => Reply::new(200).with("content-type", IMAGE_TYPE).body(bytes.clone()),
    })
    .await;
    let source =
        RegistrySource::new(&client(github(server.host())), format!("{}/acme/shop:v1", server.host()).parse().unwrap());
    assert_eq!(source.root().await.unwrap(), document);
    assert_eq!(server.lines(), ["GET /v2/acme/shop/manifests/v1 [Bearer]", "GET /v2/acme/shop/manifests/v1"]);
}

// Manifests and blobs, read.

#[tokio::test]
async fn a_manifest_is_what_its_digest_says() {
    let right = manifest(&descriptor("application/vnd.oci.image.config.v1+json", b"{}"), &[]);
    let (bytes, other) = (right.bytes.to_vec(), Digest::of(b"other"));
    let good = Reply::new(200).with("content-type", IMAGE_TYPE).body(bytes.clone());
    for (reply, reference, said) in [
        (good.clone().with("docker-content-digest", &other), tag("v1").into(), "the registry says"),
        (good.clone().with("docker-content-digest", "md5:1"), tag("v1").into(), "answered the digest `md5:1`"),
        (good.clone(), ManifestReference::Digest(other), "was asked for"),
        (Reply::new(200).with("content-type", "text/html").body(bytes), tag("v1").into(), "media type `text/html`"),
        (good.body(vec![b' '; 4 * 1024 * 1024 + 1]), tag("v1").into(), "larger than 4194304 bytes"),
        (Reply::new(200).body("<html>"), tag("v1").into(), "cannot be read"),
    ] {
        let server = Scripted::start(move |_, _, _| reply.clone()).await;
        let error = client(anonymous()).manifest(&image(server.host(), "acme/shop"), &reference).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed);
        assert!(error.detail.contains(said), "{error}");
        assert_eq!(server.lines().len(), 1);
    }
}

#[tokio::test]
async fn all_four_media_types_are_accepted_and_a_404_about_them_is_no_absence() {
    let server = Scripted::start(|_, _, _| {
        Reply::error(404, "MANIFEST_UNKNOWN", "OCI index found, but Accept header does not support OCI indexes")
    })
    .await;
    let result = client(anonymous()).manifest(&image(server.host(), "acme/shop"), &tag("v1").into()).await;
    assert_eq!(result.unwrap_err().kind, PortErrorKind::Malformed);
    let accept = server.requests()[0].header("accept").unwrap().to_owned();
    for part in ["image.index.v1+json", "image.manifest.v1+json", "manifest.list.v2+json", "manifest.v2+json"] {
        assert!(accept.contains(part), "{accept}");
    }
}

#[tokio::test]
async fn only_a_registrys_404_is_an_absence() {
    for (reply, absent) in [
        (Reply::error(404, "MANIFEST_UNKNOWN", "manifest unknown"), true),
        (Reply::error(404, "NAME_UNKNOWN", "not known"), true),
        (Reply::error(404, "NOT_FOUND", "not found"), true),
        (Reply::error(404, "DENIED", "not for you"), false),
        (Reply::new(404).with("content-type", "text/html").body("<html>proxy</html>"), false),
        (Reply::error(401, "UNAUTHORIZED", "who are you"), false),
        (Reply::error(403, "DENIED", "denied"), false),
    ] {
        let answer = reply.clone();
        let server = Scripted::start(move |_, _, _| answer.clone()).await;
        let (client, image) = (client(anonymous()), image(server.host(), "acme/shop"));
        let got = client.manifest(&image, &tag("v1").into()).await;
        assert_eq!(got.ok(), absent.then_some(None), "{reply:?}");
    }
}

#[tokio::test]
async fn a_digest_is_asked_for_by_head_and_by_get_where_head_does_not_tell() {
    let document = manifest(&descriptor("application/vnd.oci.image.config.v1+json", b"{}"), &[]);
    for head in [
        Reply::new(200).with("docker-content-digest", &document.digest),
        Reply::new(200),
        Reply::new(405),
        Reply::new(404).with("content-type", "text/html"),
    ] {
        let (bytes, has_digest) = (document.bytes.to_vec(), !head.headers.is_empty() && head.status == 200);
        let server = Scripted::start(move |_, request, _| match request.method.as_str() {
            "HEAD" => head.clone(),
            _ => Reply::new(200).with("content-type", IMAGE_TYPE).body(bytes.clone()),
        })
        .await;
        let digest = client(anonymous()).manifest_digest(&image(server.host(), "acme/shop"), &tag("v1").into()).await;
        assert_eq!(digest.unwrap().as_ref(), Some(&document.digest));
        assert_eq!(server.lines().len(), if has_digest { 1 } else { 2 });
    }
}

#[tokio::test]
async fn a_redirect_sees_no_credentials() {
    let storage = Scripted::start(|_, _, _| Reply::new(200).body("content")).await;
    let location = format!("http://{}/signed?key=1", storage.host());
    let server = Scripted::start(move |_, _, _| Reply::new(307).with("location", &location)).await;
    let blob = OneBlob::new("content").descriptor();
    let image = image(server.host(), "acme/shop");
    for credentials in [github(server.host()), login(server.host(), "me", "pw")] {
        let client = client(credentials);
        assert_eq!(client.small_blob(&image, &blob).await.unwrap(), "content");
        let mut content = String::new();
        client.open_blob(&image, &blob).await.unwrap().read_to_string(&mut content).await.unwrap();
        assert_eq!(content, "content");
    }
    assert_eq!(storage.lines(), ["GET /signed?key=1"; 4]);
    for request in storage.requests() {
        let text = format!("{:?}", request.headers);
        assert!(!text.contains("authorization") && !text.contains("secret") && !text.contains("cookie"), "{text}");
    }
}

#[tokio::test]
async fn redirects_end_and_stay_private() {
    for (target, said) in [
        ("/v2/round", "redirects more than 3 times"),
        ("http://storage.invalid/x", "plain http"),
        ("ftp://storage.invalid/x", "neither http nor https"),
        ("http://", "no address"),
    ] {
        let server = Scripted::start(move |_, _, _| Reply::new(307).with("location", target)).await;
        let blob = OneBlob::new("content").descriptor();
        let error = client(anonymous()).small_blob(&image(server.host(), "acme/shop"), &blob).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed);
        assert!(error.detail.contains(said), "{error}");
    }
}

#[tokio::test]
async fn a_small_blob_is_what_its_descriptor_says() {
    let blob = OneBlob::new("content").descriptor();
    for body in ["contents", "conten", "CONTENT", ""] {
        let server = Scripted::start(move |_, _, _| Reply::new(200).body(body)).await;
        let error = client(anonymous()).small_blob(&image(server.host(), "acme/shop"), &blob).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed, "{error}");
    }
    let huge = ghcr_lifecycle::model::Descriptor { size: 5 * 1024 * 1024, ..blob };
    let server = Scripted::untouched().await;
    assert!(client(anonymous()).small_blob(&image(server.host(), "acme/shop"), &huge).await.is_err());
    assert_eq!(server.lines(), [""; 0]);
}

// Writing.

/// A registry of one blob: `trouble` may answer in its place, by the number of the request among those of its method.
async fn one_blob_registry(
    trouble: impl Fn(&Received, usize, &mut bool) -> Option<Reply> + Send + Sync + 'static,
) -> Scripted {
    let state: Mutex<(Vec<String>, bool)> = Mutex::default();
    Scripted::start(move |_, request, _| {
        let mut state = state.lock().unwrap();
        let (methods, stored) = &mut *state;
        let nth = methods.iter().filter(|method| **method == request.method).count();
        methods.push(request.method.clone());
        if let Some(reply) = trouble(request, nth, stored) {
            return reply;
        }
        match request.method.as_str() {
            "HEAD" => Reply::new(if *stored { 200 } else { 404 }).with("content-length", request_size(*stored)),
            "POST" => Reply::new(202).with("location", format!("/v2/acme/shop/blobs/upload/{nth}?_state=a%3Db")),
            "PUT" => {
                *stored = true;
                Reply::new(201)
            }
            _ => Reply::new(204),
        }
    })
    .await
}

const CONTENT: &[u8] = &[7; 600_000];

fn request_size(stored: bool) -> usize {
    if stored { CONTENT.len() } else { 0 }
}

fn content() -> OneBlob {
    OneBlob::new(Bytes::from_static(CONTENT))
}

#[tokio::test]
async fn an_upload_is_one_stream_to_the_location_given() {
    let server = one_blob_registry(|_, _, _| None).await;
    let (client, image) = (client(github(server.host())), image(server.host(), "acme/shop"));
    let blob = content().descriptor();
    assert_eq!(client.put_blob(&image, &blob, &content()).await.unwrap(), BlobOutcome::Uploaded);
    assert_eq!(client.put_blob(&image, &blob, &content()).await.unwrap(), BlobOutcome::Present);
    let hex = blob.digest.hex();
    assert_eq!(
        server.lines(),
        [
            format!("HEAD /v2/acme/shop/blobs/sha256:{hex} [Bearer]"),
            format!("{PROBE} [Bearer]"),
            format!("PUT /v2/acme/shop/blobs/upload/0?_state=a%3Db&digest=sha256%3A{hex} [Bearer]"),
            format!("HEAD /v2/acme/shop/blobs/sha256:{hex} [Bearer]"),
        ]
    );
    let put = &server.requests()[2];
    assert_eq!(put.header("content-length"), Some("600000"));
    assert_eq!(put.header("transfer-encoding"), None);
    assert!(put.body == CONTENT);
}

#[tokio::test]
async fn a_failed_upload_begins_again() {
    for trouble in [
        Reply::error(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry"),
        Reply::error(400, "BLOB_UPLOAD_INVALID", "blob upload invalid"),
        Reply::error(404, "UNKNOWN", "unknown blob"),
        Reply::error(429, "TOOMANYREQUESTS", "retry-after: 1.5ms, allowed: 2000/minute"),
        Reply::new(500),
        Reply::new(502).body("<html>"),
        Reply::hang_up(),
    ] {
        let first = trouble.clone();
        let server =
            one_blob_registry(move |request, nth, _| (request.method == "PUT" && nth < 2).then(|| first.clone())).await;
        let (client, image) = (client(anonymous()), image(server.host(), "acme/shop"));
        let outcome = client.put_blob(&image, &content().descriptor(), &content()).await.unwrap();
        assert_eq!(outcome, BlobOutcome::Uploaded, "{trouble:?}");
        let puts: Vec<_> = server.requests().into_iter().filter(|request| request.method == "PUT").collect();
        assert_eq!(puts.len(), 3, "{trouble:?}");
        for (nth, put) in puts.iter().enumerate() {
            assert!(put.target.contains(&format!("/upload/{nth}?")), "{}", put.target);
            assert!(put.body == CONTENT, "{trouble:?}");
        }
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_stored_blob_sends_nothing_twice() {
    for lost in [Reply::hang_up(), Reply::new(502)] {
        let server = one_blob_registry(move |request, _, stored| {
            (request.method == "PUT").then(|| {
                *stored = true;
                lost.clone()
            })
        })
        .await;
        let (client, image) = (client(anonymous()), image(server.host(), "acme/shop"));
        client.put_blob(&image, &content().descriptor(), &content()).await.unwrap();
        let methods: Vec<_> = server.requests().into_iter().map(|request| request.method).collect();
        assert_eq!(methods, ["HEAD", "POST", "PUT", "HEAD"]);
    }
}

#[tokio::test]
async fn uploads_that_go_on_failing_end() {
    for (trouble, kind) in [
        (Reply::new(503), PortErrorKind::Unavailable),
        (Reply::hang_up(), PortErrorKind::Unavailable),
        (Reply::error(404, "BLOB_UPLOAD_UNKNOWN", "unknown"), PortErrorKind::NotFound),
    ] {
        let server = one_blob_registry(move |request, _, _| (request.method == "PUT").then(|| trouble.clone())).await;
        let (client, image) = (client(anonymous()), image(server.host(), "acme/shop"));
        let error = client.put_blob(&image, &content().descriptor(), &content()).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert_eq!(server.requests().iter().filter(|request| request.method == "PUT").count(), 6);
    }
}

#[tokio::test]
async fn a_token_that_runs_out_during_an_upload_is_renewed() {
    let server =
        Scripted::start(|host, request, nth| match (request.method.as_str(), request.header("authorization")) {
            ("GET", _) if request.target.starts_with("/token") => Reply::token(&format!("t{nth}")),
            (_, None) => Reply::challenge(&format!("http://{host}/token")),
            ("HEAD", _) => Reply::new(404),
            ("POST", _) => Reply::new(202).with("location", "/up"),
            ("PUT", Some("Bearer t1")) => Reply::challenge(&format!("http://{host}/token")),
            _ => Reply::new(201),
        })
        .await;
    let (client, image) = (client(anonymous()), image(server.host(), "acme/shop"));
    client.put_blob(&image, &content().descriptor(), &content()).await.unwrap();
    let methods: Vec<_> = server.requests().into_iter().map(|request| request.method).collect();
    assert_eq!(methods, ["HEAD", "GET", "HEAD", "POST", "PUT", "GET", "POST", "PUT"]);
    assert!(server.lines()[1].ends_with("scope=repository%3Aacme%2Fshop%3Apull%2Cpush"), "{:?}", server.lines());
}

#[tokio::test]
async fn an_upload_elsewhere_carries_no_credentials() {
    let storage = Scripted::start(|_, _, _| Reply::new(201)).await;
    let location = format!("http://{}/bucket?signature=1", storage.host());
    let server = Scripted::start(move |_, request, _| match request.method.as_str() {
        "POST" => Reply::new(202).with("location", &location),
        _ => Reply::new(404),
    })
    .await;
    let (client, image) = (client(github(server.host())), image(server.host(), "acme/shop"));
    let blob = content().descriptor();
    client.put_blob(&image, &blob, &content()).await.unwrap();
    assert_eq!(storage.lines(), [format!("PUT /bucket?signature=1&digest=sha256%3A{}", blob.digest.hex())]);
}

#[tokio::test]
async fn a_mount_that_is_not_done_becomes_an_upload_where_it_says() {
    for (mount, posts) in [(Reply::new(202).with("location", "/there"), 1), (Reply::error(403, "DENIED", "no"), 2)] {
        let server =
            one_blob_registry(move |request, _, _| request.target.contains("mount=").then(|| mount.clone())).await;
        let (client, target) = (client(anonymous()), image(server.host(), "acme/shop"));
        let source = OneBlob { from: Some(image(server.host(), "acme/staging")), ..content() };
        let blob = source.descriptor();
        assert_eq!(client.put_blob(&target, &blob, &source).await.unwrap(), BlobOutcome::Uploaded);
        let lines = server.lines();
        assert_eq!(lines[1], format!("{PROBE}?mount=sha256%3A{}&from=acme%2Fstaging", blob.digest.hex()));
        assert_eq!(lines.iter().filter(|line| line.starts_with("POST")).count(), posts, "{lines:?}");
    }
}

#[tokio::test]
async fn a_manifest_is_put_as_it_is_and_again_after_a_lost_answer() {
    let document = manifest(&descriptor("application/vnd.oci.image.config.v1+json", b"{}"), &[]);
    let digest = document.digest.clone();
    let server = Scripted::start(move |_, _, nth| match nth {
        0 => Reply::hang_up(),
        1 => Reply::new(502),
        _ => Reply::new(201).with("docker-content-digest", &digest),
    })
    .await;
    let (client, image) = (client(github(server.host())), image(server.host(), "acme/shop"));
    client.put_manifest(&image, &tag("v1").into(), &document).await.unwrap();
    assert_eq!(server.lines(), ["PUT /v2/acme/shop/manifests/v1 [Bearer]"; 3]);
    for request in server.requests() {
        assert!(request.body == document.bytes && request.header("content-type") == Some(IMAGE_TYPE));
    }
}

#[tokio::test]
async fn a_manifest_stored_as_another_or_not_at_all_is_an_error() {
    let document = manifest(&descriptor("application/vnd.oci.image.config.v1+json", b"{}"), &[]);
    for (reply, kind, hint) in [
        (Reply::new(201).with("docker-content-digest", Digest::of(b"x")), PortErrorKind::Malformed, None),
        (Reply::new(200), PortErrorKind::Malformed, None),
        (Reply::new(307).with("location", "/"), PortErrorKind::Malformed, None),
        (
            Reply::error(400, "MANIFEST_BLOB_UNKNOWN", "sha256:1"),
            PortErrorKind::NotFound,
            Some("run the same push again"),
        ),
        (Reply::error(403, "DENIED", "denied"), PortErrorKind::Denied, Some("grant `packages: write` to the job")),
        (
            Reply::error(403, "DENIED", "permission_denied: write_package"),
            PortErrorKind::Denied,
            Some("Manage Actions access"),
        ),
        (
            Reply::error(403, "DENIED", "installation not allowed to Create organization package"),
            PortErrorKind::Denied,
            Some("create packages"),
        ),
    ] {
        let server = Scripted::start(move |_, _, _| reply.clone()).await;
        let (client, image) = (client(github(server.host())), image(server.host(), "acme/shop"));
        let error = client.put_manifest(&image, &tag("v1").into(), &document).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        match hint {
            Some(hint) => assert!(error.hint.as_ref().is_some_and(|said| said.contains(hint)), "{error:?}"),
            None => assert_eq!(error.hint, None),
        }
        assert_eq!(server.lines().len(), 1);
    }
}
