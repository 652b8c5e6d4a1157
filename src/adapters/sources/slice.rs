//! A part of a file: what an archive holds, read at any place, by many at once.

use std::{
    fs::File,
    io::{self, Read},
    os::unix::fs::FileExt as _,
    sync::Arc,
};

use bytes::Bytes;
use futures::stream;
use tokio_util::io::StreamReader;

use crate::ports::BlobStream;

/// Bytes read at a time.
const CHUNK: u64 = 256 * 1024;

/// A part of a file that stays open; its name may be gone.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    file: Arc<File>,
    offset: u64,
    size: u64,
}

impl Slice {
    /// Takes `size` bytes from `offset` on.
    pub(super) fn new(file: &Arc<File>, offset: u64, size: u64) -> Self {
        Self { file: Arc::clone(file), offset, size }
    }

    /// Returns how many bytes there are.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Reads the first bytes, at most `most` of them.
    pub(super) fn start(&self, most: u64) -> io::Result<Bytes> {
        self.chunk(0, most.min(self.size))
    }

    /// Reads from the beginning on.
    pub(super) fn reader(&self) -> impl Read + Send + use<> {
        Reader { slice: self.clone(), position: 0 }
    }

    /// Reads from the beginning on without holding up others.
    pub(super) fn stream(self) -> BlobStream {
        let chunks = stream::try_unfold((self, 0), |(slice, position)| async move {
            let size = CHUNK.min(slice.size - position);
            if size == 0 {
                return Ok::<_, io::Error>(None);
            }
            let part = slice.clone();
            let read = tokio::task::spawn_blocking(move || part.chunk(position, size));
            let bytes = read.await.map_err(io::Error::other)??;
            Ok(Some((bytes, (slice, position + size))))
        });
        Box::pin(StreamReader::new(Box::pin(chunks)))
    }

    fn chunk(&self, position: u64, size: u64) -> io::Result<Bytes> {
        let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut bytes, self.offset + position)?;
        Ok(bytes.into())
    }
}

struct Reader {
    slice: Slice,
    position: u64,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.slice.size - self.position).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let read = self.slice.file.read_at(&mut buffer[..wanted], self.slice.offset + self.position)?;
        if read == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.position += read as u64;
        Ok(read)
    }
}
