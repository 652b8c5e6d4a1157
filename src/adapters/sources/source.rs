//! Any source, by what it is.

use super::{ArchiveSource, LayoutSource, LocalSource, spec::LocalKind};
use crate::{
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
}

impl Source {
    /// Opens a folder or file.
    ///
    /// # Errors
    /// As [`LayoutSource::open`] and [`ArchiveSource::open`] do.
    pub fn open(local: &LocalSource) -> Result<Self, PortError> {
        let LocalSource { kind, path, select } = local;
        match kind {
            LocalKind::Layout => LayoutSource::open(path, select.as_deref()).map(Self::Layout),
            LocalKind::Archive => ArchiveSource::open(path, select.as_deref()).map(Self::Archive),
        }
    }
}

impl ImageSource for Source {
    async fn root(&self) -> Result<RawManifest, PortError> {
        match self {
            Self::Layout(source) => source.root().await,
            Self::Archive(source) => source.root().await,
        }
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, PortError> {
        match self {
            Self::Layout(source) => source.manifest(descriptor).await,
            Self::Archive(source) => source.manifest(descriptor).await,
        }
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<BlobStream, PortError> {
        match self {
            Self::Layout(source) => source.blob(descriptor).await,
            Self::Archive(source) => source.blob(descriptor).await,
        }
    }

    fn mount_from(&self) -> Option<&ImageName> {
        match self {
            Self::Layout(source) => source.mount_from(),
            Self::Archive(source) => source.mount_from(),
        }
    }
}
