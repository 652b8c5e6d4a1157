//! What the demo publishes in the place of builds: small images, and the signatures that belong to them.

use std::{collections::BTreeMap, io::Cursor};

use bytes::Bytes;
use oci_distribution::manifest as media;
use serde_json::json;

use crate::{
    model::{Descriptor, Digest, ImageName, RawManifest, RepositoryName},
    ports::{BlobStream, ImageSource, PortError, PortErrorKind},
    sandbox::SampleImage,
};

/// The layer of a signature
/// ([cosign](https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md)).
const SIGNATURE_MEDIA_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// An image that is in memory.
#[derive(Clone)]
pub(super) struct Built {
    root: RawManifest,
    children: Vec<RawManifest>,
    blobs: BTreeMap<Digest, Bytes>,
}

impl Built {
    /// Builds an image for some platforms, with an attestation for each; `seed` is what makes it differ from others.
    pub(super) fn image(seed: &str, platforms: &[&str], commit: &str, repository: &RepositoryName) -> Self {
        let builder = platforms.iter().fold(SampleImage::builder(), |builder, platform| builder.platform(platform));
        Self::of(
            &builder
                .seed(seed)
                .attestation(true)
                .label("org.opencontainers.image.revision", commit)
                .label("org.opencontainers.image.source", format!("https://github.com/{repository}"))
                .build(),
        )
    }

    /// Builds an image for one platform that does not say where it comes from.
    pub(super) fn single(seed: &str) -> Self {
        Self::of(&SampleImage::builder().seed(seed).build())
    }

    fn of(sample: &SampleImage) -> Self {
        Self { root: sample.root().clone(), children: sample.children().to_vec(), blobs: sample.blobs().clone() }
    }

    /// Makes what stands for a signature of an image: of the right form, but signed by nobody.
    pub(super) fn signature(of: &Digest, image: &str) -> Self {
        let payload = json!({
            "critical": {
                "identity": {"docker-reference": image},
                "image": {"docker-manifest-digest": of},
                "type": "cosign container image signature",
            },
            "optional": null,
        });
        let config = json!({"architecture": "", "os": "", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}});
        let mut blobs = BTreeMap::new();
        let mut store = |media_type: &str, bytes: Bytes| {
            let digest = Digest::of(&bytes);
            let descriptor = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
            blobs.insert(digest, bytes);
            descriptor
        };
        let config = store("application/vnd.oci.image.config.v1+json", config.to_string().into());
        let mut layer = store(SIGNATURE_MEDIA_TYPE, payload.to_string().into());
        layer["annotations"] = json!({"dev.cosignproject.cosign/signature": ""});
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": media::OCI_IMAGE_MEDIA_TYPE,
            "config": config,
            "layers": [layer],
        });
        let root = RawManifest::new(media::OCI_IMAGE_MEDIA_TYPE, manifest.to_string().into());
        Self { root, children: Vec::new(), blobs }
    }

    /// Returns the digests of what an index lists.
    pub(super) fn children(&self) -> Vec<Digest> {
        self.children.iter().map(|child| child.digest.clone()).collect()
    }

    /// Returns the digest that a tag will point at.
    pub(super) fn digest(&self) -> &Digest {
        &self.root.digest
    }
}

impl ImageSource for Built {
    async fn root(&self) -> Result<RawManifest, PortError> {
        Ok(self.root.clone())
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, PortError> {
        let child = self.children.iter().find(|child| child.digest == descriptor.digest);
        child.cloned().ok_or_else(|| missing(descriptor))
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<BlobStream, PortError> {
        let bytes = self.blobs.get(&descriptor.digest).cloned().ok_or_else(|| missing(descriptor))?;
        Ok(Box::pin(Cursor::new(bytes)))
    }

    fn mount_from(&self, _: &Descriptor) -> Option<&ImageName> {
        None
    }
}

fn missing(descriptor: &Descriptor) -> PortError {
    PortError::new(
        PortErrorKind::NotFound,
        format!("read {} of the demo's image", descriptor.digest),
        "it has no such part",
    )
}
