//! The registry adapter against Debian's `docker-registry`.

use std::pin::Pin;

use bytes::Bytes;
use ghcr_lifecycle::{
    adapters::{
        http::{HttpClient, HttpOptions, RetryPolicy},
        registry::{BasicFor, CredentialOptions, RegistryClient},
        sources::registry::RegistrySource,
    },
    model::{Descriptor, Digest, ImageName, ManifestReference, RawManifest, Secret, Tag},
    ports::{BlobOutcome, BlobStream, ImageSource, PortError, PortErrorKind, RegistryReader as _, RegistryWriter as _},
};

use crate::peers::{Access, DockerRegistry, PASSWORD, USERNAME};

/// A client whose retries take milliseconds.
pub fn client(credentials: CredentialOptions) -> RegistryClient {
    let milliseconds = std::time::Duration::from_millis;
    let retry = RetryPolicy {
        first_delay: milliseconds(1),
        longest_delay: milliseconds(5),
        secondary_wait: milliseconds(2),
        ..RetryPolicy::default()
    };
    RegistryClient::new(HttpClient::new(&HttpOptions { retry, ..HttpOptions::default() }).unwrap(), credentials)
}

pub fn login(host: &str, username: &str, password: &str) -> CredentialOptions {
    let password = Secret::new(password).unwrap();
    CredentialOptions {
        basic: Some(BasicFor { registry: host.to_owned(), username: username.to_owned(), password }),
        ..CredentialOptions::default()
    }
}

pub fn image(host: &str, repository: &str) -> ImageName {
    format!("{host}/{repository}").parse().unwrap()
}

pub fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

pub fn descriptor(media_type: &str, bytes: &[u8]) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(bytes),
        size: bytes.len() as u64,
        platform: None,
        annotations: None,
        artifact_type: None,
        urls: None,
    }
}

/// A source whose blobs all have the same bytes.
pub struct OneBlob {
    pub bytes: Bytes,
    pub from: Option<ImageName>,
}

impl OneBlob {
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), from: None }
    }

    pub fn descriptor(&self) -> Descriptor {
        descriptor("application/octet-stream", &self.bytes)
    }
}

impl ImageSource for OneBlob {
    async fn root(&self) -> Result<RawManifest, PortError> {
        unreachable!("only blobs are asked for")
    }

    async fn manifest(&self, _: &Descriptor) -> Result<RawManifest, PortError> {
        unreachable!("only blobs are asked for")
    }

    async fn blob(&self, _: &Descriptor) -> Result<BlobStream, PortError> {
        Ok(Box::pin(std::io::Cursor::new(self.bytes.clone())) as Pin<Box<_>>)
    }

    fn mount_from(&self, _: &Descriptor) -> Option<&ImageName> {
        self.from.as_ref()
    }
}

/// An image manifest of one configuration and the layers given.
pub fn manifest(configuration: &Descriptor, layers: &[&Descriptor]) -> RawManifest {
    let entry = |part: &Descriptor| serde_json::json!({"mediaType": part.media_type, "digest": part.digest.to_string(), "size": part.size});
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    let document = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": entry(configuration),
        "layers": layers.iter().map(|layer| entry(layer)).collect::<Vec<_>>(),
    });
    RawManifest::new(media_type, serde_json::to_vec_pretty(&document).unwrap().into())
}

const CONFIGURATION: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Pushes an image of a configuration, a layer of several buffers, and an empty layer.
async fn push(client: &RegistryClient, image: &ImageName, tags: &[&str]) -> (RawManifest, Descriptor, Bytes) {
    let configuration = OneBlob::new(&br#"{"architecture":"amd64","os":"linux"}"#[..]);
    let large = OneBlob::new((0..3_000_000_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>());
    let empty = OneBlob::new(Bytes::new());
    let config = Descriptor { media_type: CONFIGURATION.to_owned(), ..configuration.descriptor() };
    let layers = [&large, &empty].map(|blob| Descriptor { media_type: LAYER.to_owned(), ..blob.descriptor() });
    for (source, part) in [(&configuration, &config), (&large, &layers[0]), (&empty, &layers[1])] {
        assert_eq!(client.put_blob(image, part, source).await.unwrap(), BlobOutcome::Uploaded);
        assert_eq!(client.put_blob(image, part, source).await.unwrap(), BlobOutcome::Present);
    }
    let manifest = manifest(&config, &[&layers[0], &layers[1]]);
    client.put_manifest(image, &manifest.digest.clone().into(), &manifest).await.unwrap();
    for name in tags {
        client.put_manifest(image, &tag(name).into(), &manifest).await.unwrap();
    }
    (manifest, config, configuration.bytes)
}

async fn push_and_read_back(client: &RegistryClient, registry: &DockerRegistry) {
    let image = image(registry.host(), "acme/shop");
    assert_eq!(client.tags(&image).await.unwrap(), []);
    let (manifest, config, bytes) = push(client, &image, &["v1.0.0", "latest"]).await;
    let mut tags = client.tags(&image).await.unwrap();
    tags.sort();
    assert_eq!(tags, [tag("latest"), tag("v1.0.0")]);
    for reference in [tag("latest").into(), ManifestReference::Digest(manifest.digest.clone())] {
        assert_eq!(client.manifest(&image, &reference).await.unwrap().as_ref(), Some(&manifest));
        assert_eq!(client.manifest_digest(&image, &reference).await.unwrap().as_ref(), Some(&manifest.digest));
    }
    for reference in [tag("v2").into(), ManifestReference::Digest(Digest::of(b"nothing"))] {
        assert_eq!(client.manifest(&image, &reference).await.unwrap(), None);
        assert_eq!(client.manifest_digest(&image, &reference).await.unwrap(), None);
    }
    assert_eq!(client.small_blob(&image, &config).await.unwrap(), bytes);
}

#[tokio::test]
async fn an_image_is_pushed_and_read_back() {
    let registry = DockerRegistry::start(Access::Open).await;
    push_and_read_back(&client(CredentialOptions::default()), &registry).await;
}

#[tokio::test]
async fn an_image_is_pushed_and_read_back_with_a_password() {
    let registry = DockerRegistry::start(Access::Basic).await;
    push_and_read_back(&client(login(registry.host(), USERNAME, PASSWORD)), &registry).await;
}

#[tokio::test]
async fn a_wrong_password_and_none_are_denied_with_a_remedy() {
    let registry = DockerRegistry::start(Access::Basic).await;
    let image = image(registry.host(), "acme/shop");
    let host = registry.host();
    for (credentials, hint) in [
        (
            login(host, USERNAME, "wrong"),
            format!("check `username` and `password` for {host}, and that this user may pull there"),
        ),
        (
            CredentialOptions::default(),
            format!("give `username` and `password` for {host}, or an entry for it in `registries`"),
        ),
    ] {
        let client = client(credentials);
        let error = client.tags(&image).await.unwrap_err();
        assert_eq!((error.kind, error.hint), (PortErrorKind::Denied, Some(hint)), "{}", error.detail);
        assert_eq!(client.manifest(&image, &tag("latest").into()).await.unwrap_err().kind, PortErrorKind::Denied);
        assert_eq!(
            client.put_blob(&image, &OneBlob::new("x").descriptor(), &OneBlob::new("x")).await.unwrap_err().kind,
            PortErrorKind::Denied
        );
    }
}

#[tokio::test]
async fn a_promotion_mounts_its_blobs() {
    let registry = DockerRegistry::start(Access::Basic).await;
    let client = client(login(registry.host(), USERNAME, PASSWORD));
    let (from, to) = (image(registry.host(), "acme/staging"), image(registry.host(), "acme/shop"));
    let (pushed, config, _) = push(&client, &from, &["edge"]).await;
    let source = RegistrySource::new(&client, format!("{from}:edge").parse().unwrap());
    let root = source.root().await.unwrap();
    assert_eq!(root, pushed);
    assert_eq!(client.put_blob(&to, &config, &source).await.unwrap(), BlobOutcome::Mounted);
    assert_eq!(client.put_blob(&to, &config, &source).await.unwrap(), BlobOutcome::Present);
    let error = client.put_manifest(&to, &tag("v1").into(), &root).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::NotFound, "{error}");
    assert!(error.detail.contains("sha256:"), "{error}");
}

#[tokio::test]
async fn what_was_sent_to_one_image_is_mounted_into_the_next() {
    let registry = DockerRegistry::start(Access::Open).await;
    let client = client(CredentialOptions::default());
    let layer = OneBlob::new(vec![3; 100_000]);
    let mut outcomes = Vec::new();
    for name in ["acme/shop", "acme/shop-debug", "acme/shop"] {
        let image = image(registry.host(), name);
        outcomes.push(client.put_blob(&image, &layer.descriptor(), &layer).await.unwrap());
    }
    assert_eq!(outcomes, [BlobOutcome::Uploaded, BlobOutcome::Mounted, BlobOutcome::Present]);
}

#[tokio::test]
async fn a_copy_between_registries_streams_its_blobs() {
    let (here, there) = (DockerRegistry::start(Access::Open).await, DockerRegistry::start(Access::Open).await);
    let client = client(CredentialOptions::default());
    let (from, to) = (image(here.host(), "acme/shop"), image(there.host(), "acme/shop"));
    let (pushed, ..) = push(&client, &from, &["v1"]).await;
    let source = RegistrySource::new(&client, format!("{from}@{}", pushed.digest).parse().unwrap());
    let root = source.root().await.unwrap();
    let ghcr_lifecycle::model::ManifestKind::Image { config, layers } = root.parse().unwrap().kind else {
        panic!("an image was pushed")
    };
    for part in layers.iter().chain([&*config]) {
        assert_eq!(client.put_blob(&to, part, &source).await.unwrap(), BlobOutcome::Uploaded);
    }
    client.put_manifest(&to, &tag("v1").into(), &root).await.unwrap();
    assert_eq!(client.manifest(&to, &tag("v1").into()).await.unwrap(), Some(root));
}

#[tokio::test]
async fn wrong_bytes_are_never_stored() {
    let registry = DockerRegistry::start(Access::Open).await;
    let client = client(CredentialOptions::default());
    let image = image(registry.host(), "acme/shop");
    for (promised, given) in [("right", "wrong"), ("right", "righ"), ("right", "right!"), ("", "x"), ("x", "")] {
        let blob = OneBlob::new(promised).descriptor();
        let error = client.put_blob(&image, &blob, &OneBlob::new(given)).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed, "{error}");
        assert!(error.detail.contains(&blob.digest.to_string()), "{error}");
    }
    let blobs = registry.data().join("docker/registry/v2/blobs");
    assert!(!blobs.exists(), "the registry holds no blob");
}

#[tokio::test]
async fn two_thousand_tags_are_all_listed() {
    let registry = DockerRegistry::start(Access::Open).await;
    let client = client(CredentialOptions::default());
    let image = image(registry.host(), "acme/shop");
    let (manifest, ..) = push(&client, &image, &["t0"]).await;
    // Tags are links in the registry's folder: a folder is made faster than 2,000 requests.
    let tags = registry.data().join("docker/registry/v2/repositories/acme/shop/_manifests/tags");
    for number in 1..2000 {
        let current = tags.join(format!("t{number}")).join("current");
        std::fs::create_dir_all(&current).unwrap();
        std::fs::write(current.join("link"), manifest.digest.to_string()).unwrap();
    }
    assert_eq!(client.tags(&image).await.unwrap().len(), 2000);
}
