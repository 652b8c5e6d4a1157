//! The shared client: trust, proxies, timeouts, and the loop around each request.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use reqwest::{Client, Response, Url, redirect};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use super::{Answer, Judged, Lost, Request, Retries, RetryPolicy, Take};
use crate::{
    model::name::is_loopback_host,
    ports::{PortError, PortErrorKind},
};

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(10);

/// How long a transfer may stand still.
pub(crate) const STALL: Duration = Duration::from_secs(60);

/// How long a request with a small body and a small answer may take in all.
const SMALL_REQUEST: Duration = Duration::from_secs(60);

/// How much of an unsuccessful answer is read, in bytes: its words are wanted, not its page.
const MAX_REFUSAL: usize = 64 * 1024;

/// What an [`HttpClient`] is made from.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// The contents of PEM files with certificates to trust beside Mozilla's (`SSL_CERT_FILE`).
    pub extra_ca_pem: Vec<Vec<u8>>,
    /// What the client calls itself.
    pub user_agent: String,
    /// How often and after how long requests are sent again.
    pub retry: RetryPolicy,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            extra_ca_pem: Vec::new(),
            user_agent: concat!("ghcr-lifecycle/", env!("CARGO_PKG_VERSION")).to_owned(),
            retry: RetryPolicy::default(),
        }
    }
}

/// The one HTTP client of a run. Clones share its connections.
///
/// It obeys `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, but never asks a proxy for a loopback host. It follows no
/// redirect by itself: whoever does must decide what happens to credentials.
#[derive(Clone, Debug)]
pub struct HttpClient {
    proxied: Client,
    direct: Client,
    retry: RetryPolicy,
    /// How often an answer was that less should be asked.
    slowed_down: Arc<AtomicU64>,
}

impl HttpClient {
    /// Makes a client.
    ///
    /// # Errors
    /// If a PEM file holds no certificate or a broken one.
    pub fn new(options: &HttpOptions) -> Result<Self, PortError> {
        let HttpOptions { extra_ca_pem, user_agent, retry } = options;
        let tls = tls_config(extra_ca_pem)?;
        let build = |builder: reqwest::ClientBuilder| {
            builder.build().map_err(|error| {
                PortError::new(PortErrorKind::Malformed, "set up HTTP", "the client cannot be built").with_source(error)
            })
        };
        // No read timeout here: reqwest counts it from the start of a request, which would end every long upload.
        let base = || {
            Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .user_agent(user_agent)
                .redirect(redirect::Policy::none())
                .connect_timeout(CONNECT)
                .tcp_nodelay(true)
        };
        Ok(Self {
            proxied: build(base())?,
            direct: build(base().no_proxy())?,
            retry: *retry,
            slowed_down: Arc::default(),
        })
    }

    /// Returns the client below that fits an address: past the proxy for loopback hosts.
    #[must_use]
    pub fn below(&self, url: &Url) -> &Client {
        if url.host_str().is_some_and(is_loopback_host) { &self.direct } else { &self.proxied }
    }

    /// Returns a client over the same connections that sends each request once.
    pub(crate) fn without_retries(&self) -> Self {
        Self { retry: RetryPolicy { attempts: 1, secondary_attempts: 0, ..self.retry }, ..self.clone() }
    }

    /// Returns how often a server has asked to be asked less often (429).
    #[must_use]
    pub fn slowed_down(&self) -> u64 {
        self.slowed_down.load(Ordering::Relaxed)
    }

    /// Returns a fresh count of attempts.
    pub(crate) fn retries(&self) -> Retries {
        Retries::new(self.retry)
    }

    /// Sends a request until there is an answer that no retry would better, whatever its status.
    ///
    /// # Errors
    /// If the server stays unavailable or rate limited, or answers more than may be taken.
    pub async fn send(&self, operation: &str, request: &Request, take: Take) -> Result<Answer, PortError> {
        let mut retries = self.retries();
        loop {
            let outcome = self.attempt(request, take).await;
            if outcome.as_ref().is_ok_and(|answer| answer.status.as_u16() == 429) {
                self.slowed_down.fetch_add(1, Ordering::Relaxed);
            }
            match retries.judge(operation, outcome)? {
                Judged::Final(answer) => return Ok(*answer),
                Judged::Again(delay) => tokio::time::sleep(delay).await,
            }
        }
    }

    async fn attempt(&self, request: &Request, take: Take) -> Result<Answer, Lost> {
        let Request { method, url, headers, body } = request;
        let request = self
            .below(url)
            .request(method.clone(), url.clone())
            .headers(headers.clone())
            .body(body.clone())
            .build()
            .map_err(Lost::Invalid)?;
        let exchange = async {
            let response = self.below(url).execute(request).await.map_err(Lost::connection)?;
            read(response, take).await
        };
        tokio::time::timeout(SMALL_REQUEST, exchange).await.unwrap_or(Err(Lost::Stalled("no answer within 60 s")))
    }
}

/// Makes a client that speaks to a socket of this machine, whatever host an address names; without proxy, redirects and
/// retries.
pub(crate) fn over_socket(socket: &Path) -> Result<Client, PortError> {
    // It never speaks TLS, but cannot be made without.
    let builder = Client::builder().tls_backend_preconfigured(tls_config(&[])?).unix_socket(socket).no_proxy();
    builder.redirect(redirect::Policy::none()).build().map_err(|error| {
        PortError::new(PortErrorKind::Malformed, "set up HTTP", "the client cannot be built").with_source(error)
    })
}

/// Takes an answer as asked for.
pub(crate) async fn read(response: Response, take: Take) -> Result<Answer, Lost> {
    let (status, headers, url) = (response.status(), response.headers().clone(), response.url().clone());
    let (body, stream) = match take {
        Take::Stream if status.is_success() => (Bytes::new(), Some(response)),
        Take::Whole(limit) if status.is_success() => (read_whole(response, limit).await?, None),
        Take::Whole(_) | Take::Stream => (read_start(response, MAX_REFUSAL).await, None),
    };
    Ok(Answer { status, headers, url, body, stream })
}

async fn read_whole(mut response: Response, limit: usize) -> Result<Bytes, Lost> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(Lost::connection)? {
        if body.len() + chunk.len() > limit {
            return Err(Lost::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Reads the beginning of a refusal. The status has said what matters, so a broken body is as good as a short one.
async fn read_start(mut response: Response, limit: usize) -> Bytes {
    let mut body = BytesMut::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk[..chunk.len().min(limit - body.len())]);
        if body.len() == limit {
            break;
        }
    }
    body.freeze()
}

/// Returns the host of an address with its port, where that is not the scheme's own.
pub(crate) fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn tls_config(extra_ca_pem: &[Vec<u8>]) -> Result<ClientConfig, PortError> {
    let fail = |detail: &str| PortError::new(PortErrorKind::Malformed, "read the extra certificates", detail);
    let mut roots = RootCertStore::empty();
    // Not the platform's store: in a container without files there is none.
    roots.add_parsable_certificates(webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter().cloned());
    for pem in extra_ca_pem {
        let certificates = CertificateDer::pem_slice_iter(pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| fail("the file is no PEM").with_source(error))?;
        if certificates.is_empty() {
            return Err(
                fail("the file holds no certificate").with_hint("SSL_CERT_FILE names a file of PEM certificates")
            );
        }
        // System bundles hold a few old certificates that cannot be parsed; one that can be is enough.
        if roots.add_parsable_certificates(certificates).0 == 0 {
            return Err(fail("no certificate in the file can be read"));
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| {
            PortError::new(PortErrorKind::Malformed, "set up TLS", "no usable version").with_source(error)
        })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_needs_no_certificates_of_the_system() {
        assert!(HttpClient::new(&HttpOptions::default()).is_ok());
    }

    #[test]
    fn an_extra_file_without_a_certificate_is_an_error() {
        let options = HttpOptions { extra_ca_pem: vec![b"nothing".to_vec()], ..HttpOptions::default() };
        let error = HttpClient::new(&options).unwrap_err();
        assert_eq!(error.to_string(), "read the extra certificates: the file holds no certificate");
    }

    #[test]
    fn a_default_port_is_not_said() {
        let host = |text: &str| host_and_port(&text.parse().unwrap());
        assert_eq!(host("https://ghcr.io/token"), "ghcr.io");
        assert_eq!(host("https://ghcr.io:443/token"), "ghcr.io");
        assert_eq!(host("http://[::1]:5000/"), "[::1]:5000");
    }
}
