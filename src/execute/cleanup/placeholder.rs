//! The manifest that expired tags are moved onto: no two are alike, so that deleting one takes away just the tags that were put
//! on it.

use bytes::Bytes;
use chrono::{DateTime, Utc};

use crate::{
    model::{
        Descriptor, Digest, ImageName, RawManifest,
        manifest::{MANIFEST_MEDIA_TYPES, PLACEHOLDER_ARTIFACT_TYPE},
    },
    ports::{BlobStream, ImageSource, PortError, PortErrorKind},
};

/// The media type of a configuration that says nothing
/// (<https://github.com/opencontainers/image-spec/blob/main/manifest.md#guidance-for-an-empty-descriptor>).
const EMPTY_CONFIG: &str = "application/vnd.oci.empty.v1+json";
const EMPTY: &[u8] = b"{}";

/// The media type of the manifest.
const MEDIA_TYPE: &str = MANIFEST_MEDIA_TYPES[1];

/// A placeholder, ready to be put.
#[derive(Debug)]
pub(super) struct Placeholder {
    pub(super) manifest: RawManifest,
    /// The one blob that it needs.
    pub(super) config: Descriptor,
}

impl Placeholder {
    /// Makes one. `salt` is what tells it from others that are made in the same second.
    pub(super) fn new(now: DateTime<Utc>, salt: &str) -> Self {
        let config = Descriptor {
            media_type: EMPTY_CONFIG.to_owned(),
            digest: Digest::of(EMPTY),
            size: EMPTY.len() as u64,
            platform: None,
            annotations: None,
            artifact_type: None,
            urls: None,
        };
        let document = serde_json::json!({
            "schemaVersion": 2,
            "mediaType": MEDIA_TYPE,
            "artifactType": PLACEHOLDER_ARTIFACT_TYPE,
            "config": {"mediaType": EMPTY_CONFIG, "digest": config.digest, "size": config.size},
            // One layer, since some registries want one; it is the same blob.
            "layers": [{"mediaType": EMPTY_CONFIG, "digest": config.digest, "size": config.size}],
            "annotations": {
                "org.opencontainers.image.created": now.to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
                "org.opencontainers.image.description": "takes expired tags away; nothing is in it, and it is deleted at once",
                "io.github.ghcr-lifecycle.salt": salt,
            },
        });
        Self { manifest: RawManifest::new(MEDIA_TYPE, Bytes::from(document.to_string())), config }
    }
}

impl ImageSource for Placeholder {
    async fn root(&self) -> Result<RawManifest, PortError> {
        Ok(self.manifest.clone())
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, PortError> {
        let operation = format!("read {}", descriptor.digest);
        Err(PortError::new(PortErrorKind::NotFound, operation, "a placeholder lists nothing"))
    }

    async fn blob(&self, _: &Descriptor) -> Result<BlobStream, PortError> {
        Ok(Box::pin(EMPTY))
    }

    fn mount_from(&self, _: &Descriptor) -> Option<&ImageName> {
        None
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn it_is_recognised_and_no_two_are_alike() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let (one, other) = (Placeholder::new(now, "a"), Placeholder::new(now, "b"));
        assert!(one.manifest.parse().unwrap().is_placeholder());
        assert_ne!(one.manifest.digest, other.manifest.digest);
    }
}
