//! An indexed tar: its files by name, read by seeking. Nothing in it is ever written to disk under a name of its own.

use std::{
    fs::{self, File, Metadata},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    apart::Stop,
    compression, root,
    slice::Slice,
    tar_index::{self, Entries, Entry},
};
use crate::{
    adapters::runner::temporary::Scratch,
    model::{Descriptor, RawManifest, untrusted::shown},
    ports::PortError,
};

/// A tar and what it holds.
#[derive(Debug)]
pub(super) struct Contents {
    /// As the user wrote it, for messages.
    pub(super) path: PathBuf,
    pub(super) entries: Entries,
    file: Arc<File>,
    identity: Identity,
}

/// What tells whether a file is still as it was when it was indexed.
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

impl Contents {
    /// Opens a file and indexes it, unpacked first if gzip packed it.
    pub(super) fn open(path: &Path, scratch: &Scratch, stop: &Stop) -> Result<Self, PortError> {
        let failed = |error| root::failed(path, "the file", error);
        // Before it is opened: opening a named pipe waits for a writer.
        if !fs::metadata(path).map_err(failed)?.is_file() {
            return Err(root::malformed(path, "this is no regular file"));
        }
        let file = Arc::new(File::open(path).map_err(failed)?);
        let whole = Slice::new(&file, 0, file.metadata().map_err(failed)?.len());
        let head = whole.start(compression::GZIP.len() as u64).map_err(failed)?;
        if head == compression::GZIP {
            let unpacked = compression::unpack(path, &whole, scratch, stop)?;
            return Self::index(path, Arc::new(unpacked));
        }
        Self::index(path, file)
    }

    /// Indexes a tar that is open.
    pub(super) fn index(path: &Path, file: Arc<File>) -> Result<Self, PortError> {
        let metadata = file.metadata().map_err(|error| root::failed(path, "the file", error))?;
        let identity = Identity::of(&metadata);
        let entries = tar_index::read(path, &file, identity.size)?;
        Ok(Self { path: path.to_owned(), entries, file, identity })
    }

    /// Returns the bytes of a file, if the tar is still what was indexed.
    pub(super) fn slice(&self, entry: Entry) -> Result<Slice, PortError> {
        let metadata = self.file.metadata().map_err(|error| root::failed(&self.path, "the file", error))?;
        if Identity::of(&metadata) == self.identity {
            Ok(Slice::new(&self.file, entry.offset, entry.size))
        } else {
            Err(root::malformed(&self.path, "the file changed while it was read"))
        }
    }

    /// Reads a file of at most `limit` bytes. `None` if there is none of this name.
    pub(super) fn small(&self, name: &str, limit: u64) -> Result<Option<Bytes>, PortError> {
        match self.entries.find(&self.path, name)? {
            None => Ok(None),
            Some(Entry { size, .. }) if size > limit => {
                let name = shown(name);
                Err(root::malformed(&self.path, format!("`{name}` has {size} bytes; at most {limit} are read")))
            }
            Some(entry) => self.read(entry).map(Some),
        }
    }

    /// Finds a blob of an image layout.
    pub(super) fn blob(&self, descriptor: &Descriptor) -> Result<Entry, PortError> {
        let Some(entry) = self.entries.files.get(&format!("blobs/sha256/{}", descriptor.digest.hex())) else {
            return Err(root::missing(&self.path, &descriptor.digest));
        };
        root::check_size(&self.path, descriptor, entry.size)?;
        Ok(*entry)
    }

    /// Reads a manifest of an image layout.
    pub(super) fn manifest(&self, descriptor: &Descriptor) -> Result<RawManifest, PortError> {
        root::check_descriptor(&self.path, descriptor)?;
        let bytes = self.read(self.blob(descriptor)?)?;
        root::verify(&self.path, descriptor, bytes)
    }

    fn read(&self, entry: Entry) -> Result<Bytes, PortError> {
        let slice = self.slice(entry)?;
        slice.start(entry.size).map_err(|error| root::failed(&self.path, "the file", error))
    }
}
