//! gzip, both ways: archives that come packed, and layers that come unpacked.
//!
//! Both go through a [scratch](Scratch) file. A packed tar has no other way to be read out of order. A layer's digest and
//! size must be known before its first byte is sent, so it would be compressed once to learn them and once more for each
//! try to send it; that is the most expensive step of a push, and a disk has room for what it saves. Memory holds a few
//! hundred KiB for each layer at work, whatever its size.
//!
//! The compressed bytes depend on the layer alone: no time and no name in the header, a fixed level, chunks of fixed size,
//! and zlib-rs chooses its matches alike on every CPU. `Cargo.lock` pins it, so a digest changes only with a release.

use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    os::unix::fs::FileExt as _,
    path::Path,
    sync::Arc,
};

use flate2::{Compression, GzBuilder, bufread::MultiGzDecoder, write::GzEncoder};
use sha2::{Digest as _, Sha256};

use super::{apart::Stop, root, slice::Slice};
use crate::{adapters::runner::temporary::Scratch, model::Digest, ports::PortError};

/// The first bytes of a gzip stream.
pub(super) const GZIP: &[u8] = b"\x1f\x8b";

/// Bytes read at a time.
const CHUNK: usize = 256 * 1024;

/// What engines use for layers: a higher level costs much time for little.
const LEVEL: Compression = Compression::new(6);

/// The operating system in a gzip header that says that there is none to speak of.
const NO_SYSTEM: u8 = 255;

/// How many times its size an archive may grow to: programs and texts grow two- to tenfold, only bombs this much.
const MOST_GROWTH: u64 = 100;

/// What any archive may grow to, in bytes, however small it is.
const ALWAYS_ALLOWED: u64 = 256 * 1024 * 1024;

/// What a layer became.
#[derive(Debug)]
pub(super) struct Packed {
    /// The digest of the compressed bytes.
    pub(super) digest: Digest,
    /// The digest of the bytes as they were.
    pub(super) unpacked: Digest,
    /// The compressed bytes.
    pub(super) bytes: Slice,
}

/// Room in a scratch file to write a compressed layer into.
///
/// All layers of an image share one file, so that many layers are not many open files. What a layer leaves of its room is a
/// hole, which takes none on disk.
#[derive(Clone, Debug)]
pub(super) struct Room {
    file: Arc<File>,
    offset: u64,
    position: u64,
}

impl Room {
    /// Cuts rooms for layers of these sizes out of a scratch file.
    pub(super) fn cut(scratch: &Scratch, sizes: impl Iterator<Item = u64>) -> Result<Vec<Self>, PortError> {
        let file = Arc::new(scratch.file()?);
        let mut offset = 0;
        Ok(sizes
            .map(|size| {
                let room = Self { file: Arc::clone(&file), offset, position: offset };
                // What cannot be compressed grows by 5 bytes for each 16 KiB at most, and by a header.
                offset += size + size / 1024 + CHUNK as u64;
                room
            })
            .collect())
    }
}

impl Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write_at(bytes, self.position)?;
        self.position += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compresses a layer into its room in a scratch file.
pub(super) fn pack(
    path: &Path,
    layer: &Slice,
    room: Room,
    scratch: &Scratch,
    stop: &Stop,
) -> Result<Packed, PortError> {
    let out = Hashing { inner: BufWriter::with_capacity(CHUNK, room), hash: Sha256::new(), written: 0 };
    let mut encoder: GzEncoder<_> = GzBuilder::new().mtime(0).operating_system(NO_SYSTEM).write(out, LEVEL);
    let mut unpacked = Sha256::new();
    copy(
        &mut layer.reader(),
        stop,
        |error| root::failed(path, "a layer", error),
        |chunk| {
            unpacked.update(chunk);
            encoder.write_all(chunk).map_err(|error| scratch.failed(error))
        },
    )?;
    let Hashing { inner, hash, written } = encoder.finish().map_err(|error| scratch.failed(error))?;
    let Room { file, offset, .. } = inner.into_inner().map_err(|error| scratch.failed(error.into_error()))?;
    Ok(Packed {
        digest: Digest::from_hash(&hash.finalize()),
        unpacked: Digest::from_hash(&unpacked.finalize()),
        bytes: Slice::new(&file, offset, written),
    })
}

/// Computes the digest of what a compressed layer unpacks to, and its own.
pub(super) fn digests(path: &Path, layer: &Slice, stop: &Stop) -> Result<(Digest, Digest), PortError> {
    let mut unpacked = Sha256::new();
    unpack_chunks(path, "a layer", layer.reader(), layer.size(), stop, |chunk| {
        unpacked.update(chunk);
        Ok(())
    })?;
    let mut packed = Sha256::new();
    copy(
        &mut layer.reader(),
        stop,
        |error| root::failed(path, "a layer", error),
        |chunk| {
            packed.update(chunk);
            Ok(())
        },
    )?;
    Ok((Digest::from_hash(&packed.finalize()), Digest::from_hash(&unpacked.finalize())))
}

/// Unpacks a file into a scratch file.
pub(super) fn unpack(path: &Path, packed: &Slice, scratch: &Scratch, stop: &Stop) -> Result<File, PortError> {
    let mut file = scratch.file()?;
    unpack_chunks(path, "the archive", packed.reader(), packed.size(), stop, |chunk| {
        file.write_all(chunk).map_err(|error| scratch.failed(error))
    })?;
    Ok(file)
}

fn unpack_chunks(
    path: &Path,
    what: &str,
    packed: impl Read,
    size: u64,
    stop: &Stop,
    mut take: impl FnMut(&[u8]) -> Result<(), PortError>,
) -> Result<(), PortError> {
    let limit = size.saturating_mul(MOST_GROWTH).max(ALWAYS_ALLOWED);
    let mut unpacked = 0;
    let mut decoder = MultiGzDecoder::new(io::BufReader::with_capacity(CHUNK, packed));
    let damaged = |error: io::Error| match error.kind() {
        io::ErrorKind::UnexpectedEof => root::malformed(path, format!("{what} is cut off: its gzip stream has no end")),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            root::malformed(path, format!("{what} is damaged: its gzip stream cannot be read")).with_source(error)
        }
        _ => root::failed(path, what, error),
    };
    copy(&mut decoder, stop, damaged, |chunk| {
        unpacked += chunk.len() as u64;
        if unpacked > limit {
            return Err(root::malformed(
                path,
                format!("{what} grows from {size} bytes to more than {limit} when it is unpacked"),
            )
            .with_hint("only a decompression bomb does; if it is none, unpack it with `gunzip` and name the tar"));
        }
        take(chunk)
    })
}

/// Copies in chunks that are full but for the last one, so that what becomes of them depends on nothing else.
fn copy(
    from: &mut impl Read,
    stop: &Stop,
    failed: impl Fn(io::Error) -> PortError,
    mut take: impl FnMut(&[u8]) -> Result<(), PortError>,
) -> Result<(), PortError> {
    let mut buffer = vec![0; CHUNK];
    loop {
        if stop.is_set() {
            return Err(failed(io::ErrorKind::Interrupted.into()));
        }
        let mut filled = 0;
        while filled < buffer.len() {
            match from.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        if filled > 0 {
            take(&buffer[..filled])?;
        }
        if filled < buffer.len() {
            return Ok(());
        }
    }
}

/// Hashes and counts what is written.
struct Hashing<W> {
    inner: W,
    hash: Sha256,
    written: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
