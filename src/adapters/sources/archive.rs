//! An OCI image layout in an uncompressed tar, as `docker buildx build -o type=oci` and `skopeo copy … oci-archive:` write
//! it. The tar is indexed once, then read by seeking; nothing in it is ever written to disk.

use std::{
    collections::BTreeMap,
    fs::{self, File, Metadata},
    os::unix::fs::{FileExt as _, MetadataExt as _},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::{
    root::{self, MAX_MARKER_BYTES},
    tar_index::{self, Entry},
};
use crate::{
    model::{Descriptor, ImageName, RawManifest, manifest::MAX_MANIFEST_BYTES},
    ports::{BlobStream, ImageSource, PortError},
};

/// An image in a tar.
#[derive(Debug)]
pub struct ArchiveSource {
    contents: Contents,
    root: RawManifest,
}

#[derive(Debug)]
struct Contents {
    /// As the user wrote it, for messages.
    path: PathBuf,
    /// Without symbolic links, for opening it again.
    real: PathBuf,
    file: File,
    identity: Identity,
    entries: BTreeMap<String, Entry>,
}

/// What tells whether a file is still the one that was indexed.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

impl Identity {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

impl ArchiveSource {
    /// Opens the tar, indexes it, and reads its root manifest: the only one that `index.json` lists, or the one that
    /// `select` names by `org.opencontainers.image.ref.name` or by digest.
    ///
    /// # Errors
    /// If the file is compressed, no tar, a `docker save` archive or no image layout; if an entry is a link, a device, a
    /// sparse file, a duplicate, leads out of the archive or past its end; if it names several images and `select` none of
    /// them; or if its root manifest does not match its digest, size or media type.
    pub fn open(path: &Path, select: Option<&str>) -> Result<Self, PortError> {
        let failed = |error| root::failed(path, "the file", error);
        let real = fs::canonicalize(path).map_err(failed)?;
        // Before it is opened: opening a named pipe waits for a writer.
        if !fs::symlink_metadata(&real).map_err(failed)?.is_file() {
            return Err(root::malformed(path, "this is no regular file"));
        }
        let file = File::open(&real).map_err(failed)?;
        let identity = Identity::of(&file.metadata().map_err(failed)?);
        let entries = tar_index::read(path, &file, identity.size)?;
        let contents = Contents { path: path.to_owned(), real, file, identity, entries };
        let index = contents
            .small("index.json", MAX_MANIFEST_BYTES as u64)
            .map_err(|error| error.with_hint(root::HOW_TO_WRITE))?;
        root::check_marker(path, &contents.small("oci-layout", MAX_MARKER_BYTES)?)?;
        let descriptor = root::choose(path, &index, select)?;
        let root = contents.manifest(&descriptor)?;
        Ok(Self { contents, root })
    }
}

impl ImageSource for ArchiveSource {
    async fn root(&self) -> Result<RawManifest, PortError> {
        Ok(self.root.clone())
    }

    async fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, PortError> {
        self.contents.manifest(descriptor)
    }

    async fn blob(&self, descriptor: &Descriptor) -> Result<BlobStream, PortError> {
        let Entry { offset, size } = self.contents.blob(descriptor)?;
        let mut file = tokio::fs::File::from_std(self.contents.reopen()?);
        file.seek(std::io::SeekFrom::Start(offset))
            .await
            .map_err(|error| root::failed(&self.contents.path, "the file", error))?;
        Ok(Box::pin(file.take(size)))
    }

    fn mount_from(&self) -> Option<&ImageName> {
        None
    }
}

impl Contents {
    /// Opens the file once more, with a position of its own: blobs are read in parallel.
    fn reopen(&self) -> Result<File, PortError> {
        let failed = |error| root::failed(&self.path, "the file", error);
        let file = File::open(&self.real).map_err(failed)?;
        if Identity::of(&file.metadata().map_err(failed)?) == self.identity {
            Ok(file)
        } else {
            Err(root::malformed(&self.path, "the file changed while it was read"))
        }
    }

    fn read(&self, entry: Entry) -> Result<Bytes, PortError> {
        let mut bytes = vec![0; usize::try_from(entry.size).expect("callers bound the size")];
        self.file
            .read_exact_at(&mut bytes, entry.offset)
            .map_err(|error| root::failed(&self.path, "the file", error))?;
        Ok(bytes.into())
    }

    fn small(&self, name: &str, limit: u64) -> Result<Bytes, PortError> {
        match self.entries.get(name) {
            None => Err(root::malformed(&self.path, format!("this is no OCI image layout: it has no `{name}`"))),
            Some(entry) if entry.size > limit => {
                let size = entry.size;
                Err(root::malformed(&self.path, format!("`{name}` has {size} bytes; at most {limit} are read")))
            }
            Some(entry) => self.read(*entry),
        }
    }

    fn blob(&self, descriptor: &Descriptor) -> Result<Entry, PortError> {
        let Some(entry) = self.entries.get(&format!("blobs/sha256/{}", descriptor.digest.hex())) else {
            return Err(root::missing(&self.path, &descriptor.digest));
        };
        root::check_size(&self.path, descriptor, entry.size)?;
        Ok(*entry)
    }

    fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, PortError> {
        root::check_descriptor(&self.path, descriptor)?;
        let bytes = self.read(self.blob(descriptor)?)?;
        root::verify(&self.path, descriptor, bytes)
    }
}
