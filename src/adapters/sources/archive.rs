//! An image in a tar: an OCI image layout, as `docker buildx build -o type=oci` and `skopeo copy … oci-archive:` write it,
//! or what `docker save` writes. Either may be packed with gzip.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    apart::{Stop, apart},
    contents::Contents,
    docker_save,
    root::{self, Listing, MAX_MARKER_BYTES},
    slice::Slice,
};
use crate::{
    adapters::runner::temporary::Scratch,
    model::{Descriptor, Digest, ImageName, ManifestKind, RawManifest, manifest::MAX_MANIFEST_BYTES},
    ports::{BlobStream, ImageSource, LocalBlob, PortError, PortErrorKind},
};

/// The remedy where an engine has only some of the images of an index.
const PARTIAL: &str = "the engine has not all platforms of this image: name the image in its registry instead, or one platform by `docker save --platform`";

/// What a user says that an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveForm {
    /// Whatever it is.
    Any,
    /// An OCI image layout: every byte of the image is published as it is.
    Oci,
    /// What `docker save` writes.
    Docker,
}

/// An image in a tar.
#[derive(Debug)]
pub struct ArchiveSource {
    contents: Contents,
    root: RawManifest,
    /// Blobs that the layout does not have under their digest.
    blobs: BTreeMap<Digest, Slice>,
    beside: Vec<Descriptor>,
}

impl ArchiveSource {
    /// Opens a tar, indexes it, and reads its image: the only one, or the one that `select` names or gives the digest of.
    /// Layers that `docker save` wrote uncompressed are compressed.
    ///
    /// # Errors
    /// If it is no archive of an image or a damaged one, holds anything that such an archive has no business to hold, names
    /// several images and `select` none of them, or if a part of the image does not match its digest, size or media type.
    pub async fn open(
        path: &Path,
        select: Option<&str>,
        form: ArchiveForm,
        scratch: &Scratch,
    ) -> Result<Self, PortError> {
        let (path, select, scratch) = (path.to_owned(), select.map(str::to_owned), scratch.clone());
        apart(move |stop| {
            let contents = Contents::open(&path, &scratch, stop)?;
            Self::read(contents, select.as_deref(), form, &scratch, stop)
        })
        .await
    }

    /// Does the same with a tar that an engine wrote into a scratch file; `path` is for messages.
    pub(super) async fn of_engine(path: PathBuf, tar: File, scratch: &Scratch) -> Result<Self, PortError> {
        let scratch = scratch.clone();
        apart(move |stop| {
            let contents = Contents::index(&path, Arc::new(tar))?;
            Self::read(contents, None, ArchiveForm::Docker, &scratch, stop)
        })
        .await
    }

    fn read(
        contents: Contents,
        select: Option<&str>,
        form: ArchiveForm,
        scratch: &Scratch,
        stop: &Stop,
    ) -> Result<Self, PortError> {
        let path = &contents.path;
        let has = |name: &str| contents.entries.files.contains_key(name);
        let is_docker = has(docker_save::MANIFEST);
        match form {
            ArchiveForm::Oci if is_docker && !has("index.json") => {
                return Err(root::malformed(path, "this is a `docker save` archive of the old form")
                    .with_hint("write `docker-archive:` before the path"));
            }
            ArchiveForm::Docker if !is_docker => {
                return Err(root::malformed(path, "this is no `docker save` archive: it has no `manifest.json`")
                    .with_hint("write `oci-archive:` before the path of an OCI image layout"));
            }
            ArchiveForm::Any | ArchiveForm::Oci | ArchiveForm::Docker => {}
        }
        if is_docker && !has("index.json") {
            let image = docker_save::choose(&contents, select)?;
            let docker_save::Image { manifest: root, blobs } = docker_save::read(&contents, &image, scratch, stop)?;
            return Ok(Self { contents, root, blobs, beside: Vec::new() });
        }
        if !is_docker {
            contents.entries.without_links(path)?;
        }
        let needed = |name: &str, limit: u64| {
            let found = contents.small(name, limit)?;
            found.ok_or_else(|| {
                root::malformed(path, format!("this is no OCI image layout: it has no `{name}`"))
                    .with_hint(root::HOW_TO_WRITE)
            })
        };
        let index = needed("index.json", MAX_MANIFEST_BYTES as u64)?;
        root::check_marker(path, &needed("oci-layout", MAX_MARKER_BYTES)?)?;
        let Listing { image, beside } = root::choose(path, &index, select, |listed| contents.manifest(listed))?;
        let root = contents.manifest(&image)?;
        if is_docker
            && form != ArchiveForm::Oci
            && let Some(config) = config_with_plain_layers(&root)
        {
            let image = docker_save::with_config(&contents, &config)?;
            let docker_save::Image { manifest: root, blobs } = docker_save::read(&contents, &image, scratch, stop)?;
            return Ok(Self { contents, root, blobs, beside: Vec::new() });
        }
        Ok(Self { contents, root, blobs: BTreeMap::new(), beside })
    }

    fn slice(&self, descriptor: &Descriptor) -> Result<Slice, PortError> {
        let slice = match self.blobs.get(&descriptor.digest) {
            Some(slice) => slice.clone(),
            None => self.contents.slice(self.contents.blob(descriptor)?)?,
        };
        root::check_size(&self.contents.path, descriptor, slice.size())?;
        Ok(slice)
    }
}

/// Returns the configuration's digest of an image manifest with layers that nobody compressed: engines without a content
/// store save such. `docker push` would compress them as well.
fn config_with_plain_layers(manifest: &RawManifest) -> Option<Digest> {
    match manifest.parse().ok()?.kind {
        ManifestKind::Image { config, layers } => {
            layers.iter().any(|layer| layer.media_type.ends_with(".tar")).then_some(config.digest)
        }
        ManifestKind::Index { .. } => None,
    }
}

impl ImageSource for ArchiveSource {
    async fn root(&self) -> Result<RawManifest, PortError> {
        Ok(self.root.clone())
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, PortError> {
        self.contents.manifest(descriptor).map_err(|error| match error.kind {
            // An engine saves an index as it pulled it, with the images of its own platform only.
            PortErrorKind::NotFound if self.contents.entries.files.contains_key(docker_save::MANIFEST) => {
                error.with_hint(PARTIAL)
            }
            _ => error,
        })
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<BlobStream, PortError> {
        Ok(self.slice(descriptor)?.stream())
    }

    fn local_blob(&self, descriptor: &Descriptor) -> Result<Option<LocalBlob>, PortError> {
        Ok(Some(Box::new(self.slice(descriptor)?.reader())))
    }

    fn mount_from(&self, _: &Descriptor) -> Option<&ImageName> {
        None
    }

    fn beside(&self) -> &[Descriptor] {
        &self.beside
    }
}
