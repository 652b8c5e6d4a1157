//! A registry written to by hand, request by request: signatures and lists of referrers as other tools leave them.

use ghcr_lifecycle::{
    model::{Digest, RawManifest},
    sandbox::SampleImage,
};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// One image of an open registry on this machine.
pub(super) struct Remote {
    client: Client,
    base: String,
}

impl Remote {
    pub(super) fn new(host: &str, repository: &str) -> Self {
        Self { client: crate::sandbox::support::client(), base: format!("http://{host}/v2/{repository}") }
    }

    pub(super) async fn blob(&self, bytes: &[u8]) -> Value {
        let begun = self.client.post(format!("{}/blobs/uploads/", self.base)).send().await.unwrap();
        let location = begun.headers()["location"].to_str().unwrap();
        let mut url = begun.url().join(location).unwrap();
        let digest = Digest::of(bytes);
        url.query_pairs_mut().append_pair("digest", &digest.to_string());
        let put = self.client.put(url).body(bytes.to_vec()).send().await.unwrap();
        assert_eq!(put.status(), StatusCode::CREATED);
        json!({"mediaType": "application/octet-stream", "digest": digest, "size": bytes.len()})
    }

    /// Puts a manifest under a tag or its digest.
    pub(super) async fn put(&self, reference: &str, media_type: &str, document: &Value) -> RawManifest {
        let raw = RawManifest::new(media_type, document.to_string().into());
        let reference = if reference.is_empty() { raw.digest.to_string() } else { reference.to_owned() };
        let url = format!("{}/manifests/{reference}", self.base);
        let put =
            self.client.put(url).header("content-type", media_type).body(raw.bytes.to_vec()).send().await.unwrap();
        assert_eq!(put.status(), StatusCode::CREATED, "{:?}", put.text().await);
        raw
    }

    /// Puts an artifact that refers to a manifest, or to none, by its digest or under a tag.
    pub(super) async fn artifact(&self, reference: &str, seed: &str, subject: Option<&RawManifest>) -> RawManifest {
        let (config, layer) = (self.blob(b"{}").await, self.blob(seed.as_bytes()).await);
        let mut document = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": "application/vnd.test.signature",
            "config": config, "layers": [layer], "annotations": {"test.seed": seed},
        });
        if let Some(subject) = subject {
            document["subject"] = descriptor(subject);
        }
        self.put(reference, MANIFEST, &document).await
    }

    /// Puts all of a sample image.
    pub(super) async fn image(&self, tag: &str, image: &SampleImage) {
        for bytes in image.blobs().values() {
            self.blob(bytes).await;
        }
        for manifest in image.children().iter().chain([image.root()]) {
            let document = serde_json::from_slice(&manifest.bytes).unwrap();
            let put = self.put("", &manifest.media_type, &document).await;
            assert_eq!(put.digest, manifest.digest, "the sample's bytes are canonical");
        }
        self.put(tag, &image.root().media_type, &serde_json::from_slice(&image.root().bytes).unwrap()).await;
    }

    pub(super) async fn get(&self, reference: &str) -> Option<RawManifest> {
        let accept = [MANIFEST, INDEX].join(", ");
        let url = format!("{}/manifests/{reference}", self.base);
        let got = self.client.get(url).header("accept", accept).send().await.unwrap();
        if got.status() != StatusCode::OK {
            return None;
        }
        let media_type = got.headers()["content-type"].to_str().unwrap().to_owned();
        Some(RawManifest::new(media_type, got.bytes().await.unwrap()))
    }

    pub(super) async fn has_blob(&self, digest: &str) -> bool {
        self.client.head(format!("{}/blobs/{digest}", self.base)).send().await.unwrap().status() == StatusCode::OK
    }

    /// The digests that a list under a tag has.
    pub(super) async fn listed(&self, tag: &str) -> Vec<String> {
        let Some(raw) = self.get(tag).await else { return Vec::new() };
        let document: Value = serde_json::from_slice(&raw.bytes).unwrap();
        let entries = document["manifests"].as_array().unwrap();
        entries.iter().map(|entry| entry["digest"].as_str().unwrap().to_owned()).collect()
    }
}

pub(super) fn descriptor(manifest: &RawManifest) -> Value {
    json!({"mediaType": manifest.media_type, "digest": manifest.digest, "size": manifest.bytes.len()})
}

pub(super) fn index_of(manifests: &[&RawManifest]) -> Value {
    let entries: Vec<Value> = manifests.iter().map(|manifest| descriptor(manifest)).collect();
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
}

/// The tag of what refers to a manifest.
pub(super) fn fallback(subject: &RawManifest, suffix: &str) -> String {
    format!("sha256-{}{suffix}", subject.digest.hex())
}
