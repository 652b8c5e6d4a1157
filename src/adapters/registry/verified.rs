//! A blob on its way out: hashed and counted, so that wrong bytes are never completed.

use std::{
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use sha2::{Digest as _, Sha256};
use tokio_util::io::ReaderStream;

use crate::{
    model::{Descriptor, Digest},
    ports::BlobStream,
};

/// Bytes read at a time: large enough for few system calls, small enough for many uploads at once.
const BUFFER: usize = 256 * 1024;

/// What has become of a transfer so far, for those who watch it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    sent: AtomicU64,
    complete: AtomicBool,
    problem: OnceLock<Problem>,
}

/// Why a transfer stopped at its source.
#[derive(Debug)]
pub(super) enum Problem {
    /// The source could not be read on.
    Read(String),
    /// The bytes are not those that the descriptor names.
    Mismatch(String),
}

impl Progress {
    /// Returns how many bytes have been handed to the connection.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Tells whether the last byte has been handed over.
    pub(super) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Relaxed)
    }

    /// Returns why the transfer stopped at its source, if it did.
    pub(super) fn problem(&self) -> Option<&Problem> {
        self.problem.get()
    }

    fn stop(&self, problem: Problem) -> io::Error {
        let text = match &problem {
            Problem::Read(text) | Problem::Mismatch(text) => text.clone(),
        };
        // The first problem stands.
        let _ = self.problem.set(problem);
        io::Error::other(text)
    }
}

struct State {
    chunks: ReaderStream<BlobStream>,
    held: Option<Bytes>,
    hash: Sha256,
    read: u64,
    blob: Descriptor,
    progress: Arc<Progress>,
}

/// Yields a blob's bytes. The last chunk is held back until the end has been seen and the digest agrees: with it, the
/// registry would have a complete upload.
pub(super) fn verified(
    content: BlobStream,
    blob: &Descriptor,
    progress: Arc<Progress>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let state = State {
        chunks: ReaderStream::with_capacity(content, BUFFER),
        held: None,
        hash: Sha256::new(),
        read: 0,
        blob: blob.clone(),
        progress,
    };
    stream::try_unfold(Some(state), |state| async {
        let Some(mut state) = state else { return Ok(None) };
        loop {
            match state.chunks.next().await {
                Some(Ok(chunk)) => {
                    state.take(&chunk)?;
                    if let Some(before) = state.held.replace(chunk) {
                        state.progress.sent.fetch_add(before.len() as u64, Ordering::Relaxed);
                        return Ok(Some((before, Some(state))));
                    }
                }
                Some(Err(error)) => return Err(state.progress.stop(Problem::Read(error.to_string()))),
                None => {
                    state.check()?;
                    state.progress.complete.store(true, Ordering::Relaxed);
                    return Ok(state.held.take().map(|last| (last, None)));
                }
            }
        }
    })
}

impl State {
    fn take(&mut self, chunk: &Bytes) -> io::Result<()> {
        self.hash.update(chunk);
        self.read += chunk.len() as u64;
        if self.read > self.blob.size {
            let text = format!("it has more than the {} bytes that its descriptor names", self.blob.size);
            return Err(self.progress.stop(Problem::Mismatch(text)));
        }
        Ok(())
    }

    fn check(&mut self) -> io::Result<()> {
        let problem = if self.read == self.blob.size {
            let digest = Digest::from_hash(&std::mem::take(&mut self.hash).finalize());
            (digest != self.blob.digest)
                .then(|| format!("its bytes have digest {digest} instead of {}", self.blob.digest))
        } else {
            Some(format!("it has {} bytes instead of {}", self.read, self.blob.size))
        };
        problem.map_or(Ok(()), |text| Err(self.progress.stop(Problem::Mismatch(text))))
    }
}
