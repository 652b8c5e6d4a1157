//! The HTTP client's way to a server: proxies, and whose certificates it trusts.

use std::{
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use ghcr_lifecycle::{
    adapters::http::{Answer, HttpClient, HttpOptions, Request, RetryPolicy, Take},
    ports::{PortError, PortErrorKind},
};
use reqwest::Method;

use crate::scripted::{Reply, Scripted};

fn options() -> HttpOptions {
    let milliseconds = Duration::from_millis;
    let retry = RetryPolicy { first_delay: milliseconds(1), longest_delay: milliseconds(5), ..RetryPolicy::default() };
    HttpOptions { retry, ..HttpOptions::default() }
}

async fn get(options: &HttpOptions, url: &str) -> Result<Answer, PortError> {
    let request = Request::new(Method::GET, url.parse().unwrap());
    HttpClient::new(options).unwrap().send("ask", &request, Take::Whole(1_000_000)).await
}

const INSIDE: &str = "GHCR_LIFECYCLE_TEST_SERVER";

/// The environment of a process cannot be changed safely, so the test runs itself again in another one.
#[tokio::test]
async fn a_proxy_is_asked_for_all_but_loopback_hosts() {
    if let Ok(server) = std::env::var(INSIDE) {
        let port = server.rsplit(':').next().unwrap();
        for host in [server.clone(), format!("localhost:{port}")] {
            assert_eq!(get(&options(), &format!("http://{host}/direct")).await.unwrap().body, "here");
        }
        let error = get(&options(), "https://registry.invalid/v2/").await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Unavailable);
        return;
    }
    let server = Scripted::start(|_, _, _| Reply::new(200).body("here")).await;
    let proxy = Scripted::start(|_, _, _| Reply::hang_up()).await;
    let (host, address) = (server.host().to_owned(), format!("http://{}", proxy.host()));
    let inner = tokio::task::spawn_blocking(move || {
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "http::a_proxy_is_asked_for_all_but_loopback_hosts"]).env(INSIDE, host);
        for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"] {
            again.env(name, &address);
        }
        again.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap()
    })
    .await
    .unwrap();
    assert!(inner.status.success(), "{}", String::from_utf8_lossy(&inner.stdout));
    assert_eq!(server.lines(), ["GET /direct"; 2]);
    assert_eq!(proxy.lines(), ["CONNECT registry.invalid:443"; 6]);
}

/// An HTTPS server with a certificate that nobody has heard of.
struct SecureServer {
    port: u16,
    child: Child,
}

impl SecureServer {
    async fn start(folder: &Path) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
            .args(["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE", "-keyout", "key.pem", "-out", "certificate.pem"])
            .current_dir(folder)
            .output()
            .expect("openssl runs: install the Debian package `openssl`");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let child = Command::new("openssl")
            .args(["s_server", "-www", "-quiet", "-cert", "certificate.pem", "-key", "key.pem", "-accept"])
            .arg(port.to_string())
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        for _ in 0..200 {
            if tokio::net::TcpStream::connect(("localhost", port)).await.is_ok() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        Self { port, child }
    }
}

impl Drop for SecureServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_trusted_when_it_is_given_and_never_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let server = SecureServer::start(folder.path()).await;
    let url = format!("https://localhost:{}/", server.port);
    let error = get(&options(), &url).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Unavailable);
    assert!(error.hint.as_ref().is_some_and(|hint| hint.contains("SSL_CERT_FILE")), "{error:?}");
    let pem = std::fs::read(folder.path().join("certificate.pem")).unwrap();
    let trusting = HttpOptions { extra_ca_pem: vec![pem], ..options() };
    assert_eq!(get(&trusting, &url).await.unwrap().status, 200);
}

#[tokio::test]
async fn an_error_never_shows_an_address_that_may_be_signed() {
    let server = Scripted::start(|_, _, _| Reply::hang_up()).await;
    let error = get(&options(), &format!("http://{}/blob?signature=s3cret", server.host())).await.unwrap_err();
    assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
}
