//! A registry that tests send raw requests to: the sandbox or another.

use bytes::Bytes;
use ghcr_lifecycle::model::{Digest, manifest::MANIFEST_MEDIA_TYPES};
use reqwest::{Method, StatusCode, Url, header::HeaderMap, redirect};
use serde_json::{Value, json};

use super::support::{IMAGE, install_provider};

/// One repository of a registry.
#[derive(Clone)]
pub(crate) struct Peer {
    client: reqwest::Client,
    host: String,
    bearer: Option<String>,
    pub(crate) repository: String,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    url: Url,
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The code of the first error in the body; empty if there is none.
    pub(crate) fn code(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["errors"][0]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The `Location` header as a whole URL.
    #[track_caller]
    pub(crate) fn location(&self) -> String {
        let location = self.header("location");
        assert_ne!(location, "", "{} has no Location", self.url);
        self.url.join(location).unwrap().to_string()
    }

    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }
}

impl Peer {
    /// A registry whose redirects are followed, as clients do.
    pub(crate) fn new(host: &str, bearer: Option<String>) -> Self {
        install_provider();
        let policy = redirect::Policy::default();
        let client = reqwest::Client::builder().no_proxy().redirect(policy).build().unwrap();
        Self { client, host: host.to_owned(), bearer, repository: "acme/shop".to_owned() }
    }

    /// The same registry, another repository.
    pub(crate) fn at(&self, repository: &str) -> Self {
        Self { repository: repository.to_owned(), ..self.clone() }
    }

    /// Sends to a whole URL, to a path of the registry (`/v2/`), or to a path of the repository (`manifests/v1`).
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Reply {
        let url = match path {
            url if url.starts_with("http:") => url.to_owned(),
            path if path.starts_with('/') => format!("http://{}{path}", self.host),
            path => format!("http://{}/v2/{}/{path}", self.host, self.repository),
        };
        let url: Url = url.parse().unwrap();
        let mut request = self.client.request(Method::from_bytes(method.as_bytes()).unwrap(), url.clone());
        if let Some(bearer) = &self.bearer {
            request = request.bearer_auth(bearer);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = body.into();
        let writes = matches!(method, "POST" | "PUT" | "PATCH");
        if writes || !body.is_empty() {
            request = request.header("content-length", body.len()).body(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Reply { url, status: status.as_u16(), headers, body: response.bytes().await.unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[("accept", &MANIFEST_MEDIA_TYPES.join(", "))], "").await
    }

    pub(crate) async fn head(&self, path: &str) -> Reply {
        self.send("HEAD", path, &[("accept", &MANIFEST_MEDIA_TYPES.join(", "))], "").await
    }

    /// Begins an upload and returns where it goes on.
    pub(crate) async fn begin(&self) -> String {
        self.send("POST", "blobs/uploads/", &[], "").await.expect(202).location()
    }

    /// Sends a chunk with its Content-Range.
    pub(crate) async fn chunk(&self, method: &str, location: &str, range: &str, bytes: &'static str) -> Reply {
        let headers = [("content-range", range), ("content-type", "application/octet-stream")];
        self.send(method, location, &headers, bytes).await
    }

    /// Uploads a blob and returns its digest.
    pub(crate) async fn blob(&self, bytes: impl Into<Bytes>) -> Digest {
        let bytes = bytes.into();
        let digest = Digest::of(&bytes);
        let location = closing(&self.begin().await, &digest.to_string());
        self.send("PUT", &location, &[("content-type", "application/octet-stream")], bytes).await.expect(201);
        digest
    }

    /// Puts a manifest of any kind.
    pub(crate) async fn put(&self, reference: &str, manifest: &Value) -> Reply {
        let media_type = manifest["mediaType"].as_str().unwrap_or(IMAGE);
        self.send("PUT", &format!("manifests/{reference}"), &[("content-type", media_type)], manifest.to_string()).await
    }

    /// Uploads an image of one layer under a tag and returns its manifest.
    pub(crate) async fn image(&self, tag: &str, seed: &str) -> Value {
        let manifest = self.artifact(seed).await;
        self.put(tag, &manifest).await.expect(201);
        manifest
    }

    /// Uploads the blobs of an image and returns its manifest.
    pub(crate) async fn artifact(&self, seed: &str) -> Value {
        let (config, layer) = ("{}".to_owned(), format!("layer {seed}"));
        self.blob(config.clone()).await;
        self.blob(layer.clone()).await;
        json!({
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
        })
    }
}

pub(crate) fn descriptor(media_type: &str, document: &str) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(document.as_bytes()), "size": document.len()})
}

pub(crate) fn digest_of(manifest: &Value) -> Digest {
    Digest::of(manifest.to_string().as_bytes())
}

/// The URL that closes an upload, whose location may have a query of its own.
pub(crate) fn closing(location: &str, digest: &str) -> String {
    let joint = if location.contains('?') { '&' } else { '?' };
    format!("{location}{joint}digest={digest}")
}

/// Tells whether a status says that the request was refused for what it is.
pub(crate) fn is_refusal(status: u16) -> bool {
    StatusCode::from_u16(status).unwrap().is_client_error()
}
