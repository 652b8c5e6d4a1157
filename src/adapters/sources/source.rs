//! Any source, by what it is.

use std::{collections::BTreeMap, path::PathBuf};

use super::{
    ArchiveSource, JoinedSource, LayoutSource, NamedSource, RegistrySource, SourceSpec, daemon, joined::Joining,
    spec::LocalKind,
};
use crate::{
    adapters::{registry::RegistryClient, runner::temporary::Scratch},
    model::{Descriptor, ImageName, RawManifest},
    ports::{BlobStream, ImageSource, LocalBlob, PortError},
};

/// Opens sources.
#[derive(Clone, Debug)]
pub struct Opener {
    registry: RegistryClient,
    scratch: Scratch,
    docker_host: Option<String>,
}

impl Opener {
    /// Makes an opener that reads registries by `registry`; from the environment it takes where temporary files go, and
    /// `DOCKER_HOST`.
    #[must_use]
    pub fn new(registry: &RegistryClient, environment: &BTreeMap<String, String>) -> Self {
        Self {
            registry: registry.clone(),
            scratch: Scratch::new(environment),
            docker_host: environment.get("DOCKER_HOST").cloned(),
        }
    }

    /// Opens one source: reads a folder or file, gets an image from the Docker engine, or prepares to read from a registry.
    ///
    /// # Errors
    /// As [`LayoutSource::open`] and [`ArchiveSource::open`] do, and if the engine has no such image or does not answer.
    pub async fn open(&self, spec: &SourceSpec) -> Result<SingleSource, PortError> {
        match spec {
            SourceSpec::Local(local) => match local.kind {
                LocalKind::Layout => LayoutSource::open(&local.path, local.select.as_deref()).map(SingleSource::Layout),
                LocalKind::Archive(form) => {
                    ArchiveSource::open(&local.path, local.select.as_deref(), form, &self.scratch)
                        .await
                        .map(SingleSource::Archive)
                }
            },
            SourceSpec::Daemon(image) => {
                let archive = daemon::export(image, self.docker_host.as_deref(), &self.scratch).await?;
                let name = PathBuf::from(format!("docker-daemon:{image}"));
                ArchiveSource::of_engine(name, archive, &self.scratch).await.map(SingleSource::Archive)
            }
            SourceSpec::Registry(reference) => {
                Ok(SingleSource::Registry(RegistrySource::new(&self.registry, reference.clone())))
            }
        }
    }

    /// Opens every source, in their order.
    ///
    /// # Errors
    /// The first one that [`Opener::open`] has.
    pub async fn open_all(&self, named: &[NamedSource]) -> Result<Vec<Joining>, PortError> {
        let mut opened = Vec::new();
        for NamedSource { text, spec, platform } in named {
            opened.push(Joining { text: text.clone(), source: self.open(spec).await?, platform: platform.clone() });
        }
        Ok(opened)
    }
}

/// An image to publish from one place.
#[derive(Debug)]
pub enum SingleSource {
    /// A layout folder.
    Layout(LayoutSource),
    /// An image in a tar.
    Archive(ArchiveSource),
    /// An image in a registry.
    Registry(RegistrySource),
}

impl ImageSource for SingleSource {
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

    fn local_blob(&self, descriptor: &Descriptor) -> Result<Option<LocalBlob>, PortError> {
        match self {
            Self::Layout(source) => source.local_blob(descriptor),
            Self::Archive(source) => source.local_blob(descriptor),
            Self::Registry(source) => source.local_blob(descriptor),
        }
    }

    fn mount_from(&self, blob: &Descriptor) -> Option<&ImageName> {
        match self {
            Self::Layout(source) => source.mount_from(blob),
            Self::Archive(source) => source.mount_from(blob),
            Self::Registry(source) => source.mount_from(blob),
        }
    }

    fn origins(&self) -> Vec<&ImageName> {
        match self {
            Self::Layout(source) => source.origins(),
            Self::Archive(source) => source.origins(),
            Self::Registry(source) => source.origins(),
        }
    }

    fn beside(&self) -> &[Descriptor] {
        match self {
            Self::Layout(source) => source.beside(),
            Self::Archive(source) => source.beside(),
            Self::Registry(source) => source.beside(),
        }
    }
}

/// An image to publish: from one place as it is, or joined from several.
#[derive(Debug)]
pub enum Source {
    /// From one place.
    Single(Box<SingleSource>),
    /// An index of what several places hold.
    Joined(JoinedSource),
}

impl Source {
    /// Takes a single source as it is, and joins several into one index. A platform that is given needs an index to be said
    /// in, so a single source with one becomes an index as well.
    ///
    /// # Errors
    /// As [`JoinedSource::join`] does.
    pub async fn of(mut opened: Vec<Joining>) -> Result<Self, PortError> {
        match opened.pop() {
            Some(Joining { source, platform: None, .. }) if opened.is_empty() => Ok(Self::Single(Box::new(source))),
            last => {
                opened.extend(last);
                JoinedSource::join(opened).await.map(Self::Joined)
            }
        }
    }
}

impl ImageSource for Source {
    async fn root(&self) -> Result<RawManifest, PortError> {
        match self {
            Self::Single(source) => source.root().await,
            Self::Joined(source) => source.root().await,
        }
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, PortError> {
        match self {
            Self::Single(source) => source.manifest(descriptor).await,
            Self::Joined(source) => source.manifest(descriptor).await,
        }
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<BlobStream, PortError> {
        match self {
            Self::Single(source) => source.blob(descriptor).await,
            Self::Joined(source) => source.blob(descriptor).await,
        }
    }

    fn local_blob(&self, descriptor: &Descriptor) -> Result<Option<LocalBlob>, PortError> {
        match self {
            Self::Single(source) => source.local_blob(descriptor),
            Self::Joined(source) => source.local_blob(descriptor),
        }
    }

    fn mount_from(&self, blob: &Descriptor) -> Option<&ImageName> {
        match self {
            Self::Single(source) => source.mount_from(blob),
            Self::Joined(source) => source.mount_from(blob),
        }
    }

    fn origins(&self) -> Vec<&ImageName> {
        match self {
            Self::Single(source) => source.origins(),
            Self::Joined(source) => source.origins(),
        }
    }

    fn beside(&self) -> &[Descriptor] {
        match self {
            Self::Single(source) => source.beside(),
            Self::Joined(source) => source.beside(),
        }
    }
}
