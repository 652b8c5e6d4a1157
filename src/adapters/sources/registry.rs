//! An image in a registry, to be promoted or copied.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::{
    adapters::registry::RegistryClient,
    model::{Descriptor, ImageName, ImageReference, ManifestReference, RawManifest},
    ports::{BlobStream, ImageSource, PortError, PortErrorKind, RegistryReader as _},
};

/// An image that a registry holds.
///
/// Where the credentials are refused, it is read without any: a bad login must not hide a public image.
#[derive(Debug)]
pub struct RegistrySource {
    client: RegistryClient,
    anonymous: RegistryClient,
    is_anonymous: AtomicBool,
    reference: ImageReference,
}

impl RegistrySource {
    /// Makes a source of the image that `reference` names.
    #[must_use]
    pub fn new(client: &RegistryClient, reference: ImageReference) -> Self {
        Self {
            client: client.clone(),
            anonymous: client.without_credentials(),
            is_anonymous: AtomicBool::new(false),
            reference,
        }
    }

    /// Returns what the source was named.
    #[must_use]
    pub fn reference(&self) -> &ImageReference {
        &self.reference
    }

    async fn get(&self, reference: &ManifestReference) -> Result<RawManifest, PortError> {
        let name = &self.reference.name;
        let found = if self.is_anonymous.load(Ordering::Relaxed) {
            self.anonymous.manifest(name, reference).await?
        } else {
            match self.client.manifest(name, reference).await {
                Err(refused) if refused.kind == PortErrorKind::Denied => {
                    let Ok(public) = self.anonymous.manifest(name, reference).await else {
                        return Err(refused);
                    };
                    tracing::warn!(image = %name, %refused, "the credentials are refused; the image is read without them");
                    self.is_anonymous.store(true, Ordering::Relaxed);
                    public
                }
                other => other?,
            }
        };
        found.ok_or_else(|| {
            PortError::new(
                PortErrorKind::NotFound,
                format!("get manifest {reference} of {name}"),
                "the registry has no such manifest",
            )
        })
    }
}

impl ImageSource for RegistrySource {
    async fn root(&self) -> Result<RawManifest, PortError> {
        self.get(&self.reference.manifest).await
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, PortError> {
        let manifest = self.get(&descriptor.digest.clone().into()).await?;
        if manifest.bytes.len() as u64 == descriptor.size {
            return Ok(manifest);
        }
        Err(PortError::new(
            PortErrorKind::Malformed,
            format!("get manifest {} of {}", descriptor.digest, self.reference.name),
            format!("it has {} bytes, but its index says {}", manifest.bytes.len(), descriptor.size),
        ))
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<BlobStream, PortError> {
        let client = if self.is_anonymous.load(Ordering::Relaxed) { &self.anonymous } else { &self.client };
        client.open_blob(&self.reference.name, descriptor).await
    }

    fn mount_from(&self, _: &Descriptor) -> Option<&ImageName> {
        Some(&self.reference.name)
    }

    fn origins(&self) -> Vec<&ImageName> {
        vec![&self.reference.name]
    }
}
