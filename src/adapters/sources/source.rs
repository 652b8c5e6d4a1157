//! Any source, by what it is.

use super::{ArchiveSource, LayoutSource, RegistrySource, SourceSpec, spec::LocalKind};
use crate::{
    adapters::registry::RegistryClient,
    model::{Descriptor, ImageName, RawManifest},
    ports::{BlobStream, ImageSource, PortError},
};

/// An image to publish, wherever it comes from.
#[derive(Debug)]
pub enum Source {
    /// A layout folder.
    Layout(LayoutSource),
    /// A layout in a tar.
    Archive(ArchiveSource),
    /// An image in a registry.
    Registry(RegistrySource),
}

impl Source {
    /// Opens a folder or file, or prepares to read from a registry.
    ///
    /// # Errors
    /// As [`LayoutSource::open`] and [`ArchiveSource::open`] do.
    pub fn open(spec: SourceSpec, client: &RegistryClient) -> Result<Self, PortError> {
        match spec {
            SourceSpec::Local(local) => match local.kind {
                LocalKind::Layout => LayoutSource::open(&local.path, local.select.as_deref()).map(Self::Layout),
                LocalKind::Archive => ArchiveSource::open(&local.path, local.select.as_deref()).map(Self::Archive),
            },
            SourceSpec::Registry(reference) => Ok(Self::Registry(RegistrySource::new(client, reference))),
        }
    }
}

impl ImageSource for Source {
    async fn root(&self) -> Result<RawManifest, PortError> {
        match self {
            Self::Layout(source) => source.root().await,
            Self::Archive(source) => source.root().await,
            Self::Registry(source) => source.root().await,
        }
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, PortError> {
        match self {
            Self::Layout(source) => source.manifest(descriptor).await,
            Self::Archive(source) => source.manifest(descriptor).await,
            Self::Registry(source) => source.manifest(descriptor).await,
        }
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<BlobStream, PortError> {
        match self {
            Self::Layout(source) => source.blob(descriptor).await,
            Self::Archive(source) => source.blob(descriptor).await,
            Self::Registry(source) => source.blob(descriptor).await,
        }
    }

    fn mount_from(&self) -> Option<&ImageName> {
        match self {
            Self::Layout(source) => source.mount_from(),
            Self::Archive(source) => source.mount_from(),
            Self::Registry(source) => source.mount_from(),
        }
    }
}
