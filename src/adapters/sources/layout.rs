//! An OCI image layout in a folder: `oci-layout`, `index.json`, `blobs/sha256/…`.

use std::{
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tokio::io::AsyncReadExt as _;

use super::root::{self, Listing, MAX_MARKER_BYTES};
use crate::{
    model::{Descriptor, ImageName, RawManifest, manifest::MAX_MANIFEST_BYTES},
    ports::{BlobStream, ImageSource, LocalBlob, PortError},
};

/// An image in a layout folder.
#[derive(Debug)]
pub struct LayoutSource {
    /// As the user wrote it, for messages.
    path: PathBuf,
    /// Without symbolic links: what is read must lie below.
    folder: PathBuf,
    root: RawManifest,
    beside: Vec<Descriptor>,
}

impl LayoutSource {
    /// Opens the folder and reads its root manifest: the only one that `index.json` lists, or the one that `select` names
    /// by `org.opencontainers.image.ref.name` or by digest.
    ///
    /// # Errors
    /// If the folder is no image layout, names several images and `select` none of them, or if its root manifest does not
    /// match its digest, size or media type.
    pub fn open(path: &Path, select: Option<&str>) -> Result<Self, PortError> {
        let folder = fs::canonicalize(path).map_err(|error| root::failed(path, "the folder", error))?;
        let layout = Folder { path, folder: &folder };
        let index = match layout.read("index.json", MAX_MANIFEST_BYTES as u64) {
            Ok(index) => index,
            Err(_) if folder.join("manifest.json").exists() && !folder.join("index.json").exists() => {
                return Err(root::unpacked_docker_save(path));
            }
            Err(error) => return Err(error.with_hint(root::HOW_TO_WRITE)),
        };
        root::check_marker(path, &layout.read("oci-layout", MAX_MARKER_BYTES)?)?;
        let Listing { image, beside } = root::choose(path, &index, select, |listed| layout.manifest(listed))?;
        let root = layout.manifest(&image)?;
        Ok(Self { path: path.to_owned(), folder, root, beside })
    }

    fn borrow(&self) -> Folder<'_> {
        Folder { path: &self.path, folder: &self.folder }
    }
}

impl ImageSource for LayoutSource {
    async fn root(&self) -> Result<RawManifest, PortError> {
        Ok(self.root.clone())
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, PortError> {
        self.borrow().manifest(descriptor)
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<BlobStream, PortError> {
        let file = self.borrow().blob(descriptor)?;
        Ok(Box::pin(tokio::fs::File::from_std(file).take(descriptor.size)))
    }

    fn local_blob(&self, descriptor: &Descriptor) -> Result<Option<LocalBlob>, PortError> {
        Ok(Some(Box::new(self.borrow().blob(descriptor)?.take(descriptor.size))))
    }

    fn mount_from(&self, _: &Descriptor) -> Option<&ImageName> {
        None
    }

    fn beside(&self) -> &[Descriptor] {
        &self.beside
    }
}

struct Folder<'a> {
    path: &'a Path,
    folder: &'a Path,
}

impl Folder<'_> {
    /// Opens a regular file of the layout, with its size. A symbolic link must stay inside the folder.
    fn file(&self, name: &str) -> Result<(File, u64), PortError> {
        let quoted = format!("`{name}`");
        let failed = |error| root::failed(self.path, &quoted, error);
        let real = fs::canonicalize(self.folder.join(name)).map_err(failed)?;
        if !real.starts_with(self.folder) {
            return Err(root::malformed(self.path, format!("{quoted} is a link that leads out of the folder")));
        }
        // Before it is opened: opening a named pipe waits for a writer.
        if !fs::symlink_metadata(&real).map_err(failed)?.is_file() {
            return Err(root::malformed(self.path, format!("{quoted} is no regular file")));
        }
        let file = File::open(&real).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        Ok((file, size))
    }

    fn read(&self, name: &str, limit: u64) -> Result<Bytes, PortError> {
        let (file, size) = self.file(name)?;
        if size > limit {
            return Err(root::malformed(self.path, format!("`{name}` has {size} bytes; at most {limit} are read")));
        }
        let mut bytes = Vec::new();
        file.take(limit)
            .read_to_end(&mut bytes)
            .map_err(|error| root::failed(self.path, &format!("`{name}`"), error))?;
        Ok(bytes.into())
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<File, PortError> {
        let name = format!("blobs/sha256/{}", descriptor.digest.hex());
        if fs::symlink_metadata(self.folder.join(&name))
            .is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound)
        {
            return Err(root::missing(self.path, &descriptor.digest));
        }
        let (file, size) = self.file(&name)?;
        root::check_size(self.path, descriptor, size)?;
        Ok(file)
    }

    fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, PortError> {
        root::check_descriptor(self.path, descriptor)?;
        let mut bytes = Vec::new();
        self.blob(descriptor)?
            .take(MAX_MANIFEST_BYTES as u64)
            .read_to_end(&mut bytes)
            .map_err(|error| root::failed(self.path, &format!("manifest {}", descriptor.digest), error))?;
        root::verify(self.path, descriptor, bytes.into())
    }
}
