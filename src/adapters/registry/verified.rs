//! A blob on its way out: hashed and counted, so that wrong bytes are never completed.

use std::{
    io::{self, Read},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc as handed_back,
    },
};

use bytes::Bytes;
use futures::{
    Stream, StreamExt as _,
    stream::{self, BoxStream},
};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio_util::io::ReaderStream;

use super::transfers::Transfers;
use crate::{
    model::{Descriptor, Digest},
    ports::{BlobStream, ImageSource, LocalBlob, PortError},
};

/// Bytes read at a time: large enough for few system calls, small enough to be still in the CPU's cache when they are
/// hashed, and for many uploads at once.
const CHUNK: usize = 128 * 1024;

/// How many chunks may wait for the connection.
const AHEAD: usize = 2;

/// What has become of a transfer so far, for those who watch it.
#[derive(Debug)]
pub(super) struct Progress {
    sent: AtomicU64,
    complete: AtomicBool,
    arrived: AtomicBool,
    problem: OnceLock<Problem>,
    transfers: Arc<Transfers>,
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
    /// Begins a transfer, one of `transfers`.
    pub(super) fn new(transfers: &Arc<Transfers>) -> Self {
        Self {
            sent: AtomicU64::new(0),
            complete: AtomicBool::new(false),
            arrived: AtomicBool::new(false),
            problem: OnceLock::new(),
            transfers: Arc::clone(transfers),
        }
    }

    /// Returns how many bytes have been handed to the connection.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Tells whether all bytes have been read, so that what is left of them is on its way.
    pub(super) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Relaxed)
    }

    /// Notes that the registry has it all: what was sent was not sent in vain.
    pub(super) fn arrive(&self) {
        self.arrived.store(true, Ordering::Relaxed);
    }

    /// Returns why the transfer stopped at its source, if it did.
    pub(super) fn problem(&self) -> Option<&Problem> {
        self.problem.get()
    }

    /// Counts bytes that are handed to the connection.
    pub(super) fn send(&self, bytes: u64) {
        self.sent.fetch_add(bytes, Ordering::Relaxed);
        self.transfers.done(bytes);
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

impl Drop for Progress {
    fn drop(&mut self) {
        if !self.arrived.load(Ordering::Relaxed) {
            self.transfers.lost(self.sent());
        }
    }
}

/// Opens a blob and yields its bytes. The last chunk is held back until the end has been seen and the digest agrees: with
/// it, the registry would have a complete upload.
pub(super) async fn verified<S: ImageSource>(
    source: &S,
    blob: &Descriptor,
    progress: &Arc<Progress>,
) -> Result<BoxStream<'static, io::Result<Bytes>>, PortError> {
    let check = Check { hash: Sha256::new(), read: 0, blob: blob.clone(), progress: Arc::clone(progress) };
    let chunks = match source.local_blob(blob)? {
        Some(content) => local(content, check).boxed(),
        None => streamed(source.blob(blob).await?, check).boxed(),
    };
    let progress = Arc::clone(progress);
    let count = move |chunk: &io::Result<Bytes>| {
        if let Ok(chunk) = chunk {
            progress.send(chunk.len() as u64);
        }
    };
    Ok(chunks.inspect(count).boxed())
}

/// Reads and hashes on a thread of its own: neither waits for the connection then, nor the connection for them.
fn local(content: LocalBlob, check: Check) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = pump(content, check, &sender) {
            // Who no longer listens does not ask why.
            let _ = sender.blocking_send(Err(error));
        }
    });
    stream::unfold(receiver, |mut receiver| async { receiver.recv().await.map(|chunk| (chunk, receiver)) })
}

fn pump(mut content: LocalBlob, mut check: Check, sender: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let size = usize::try_from(check.blob.size).unwrap_or(CHUNK).clamp(1, CHUNK);
    let (back, used) = handed_back::channel();
    let mut held = None;
    loop {
        let mut bytes = used.try_recv().unwrap_or_else(|_| vec![0; size]);
        let filled =
            fill(&mut content, &mut bytes).map_err(|error| check.progress.stop(Problem::Read(error.to_string())))?;
        if filled == 0 {
            break;
        }
        check.take(&bytes[..filled])?;
        let chunk = Bytes::from_owner(Chunk { bytes, filled, back: back.clone() });
        if let Some(before) = held.replace(chunk)
            && sender.blocking_send(Ok(before)).is_err()
        {
            return Ok(());
        }
    }
    check.end()?;
    if let Some(last) = held {
        let _ = sender.blocking_send(Ok(last));
    }
    Ok(())
}

fn fill(content: &mut LocalBlob, bytes: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < bytes.len() {
        match content.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Memory that goes back to where it is filled once the connection is done with it: fresh memory costs more than reading
/// into it.
struct Chunk {
    bytes: Vec<u8>,
    filled: usize,
    back: handed_back::Sender<Vec<u8>>,
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // After the last chunk nobody needs it.
        let _ = self.back.send(std::mem::take(&mut self.bytes));
    }
}

fn streamed(content: BlobStream, check: Check) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let state = (ReaderStream::with_capacity(content, CHUNK), None::<Bytes>, check);
    stream::try_unfold(Some(state), |state| async {
        let Some((mut chunks, mut held, mut check)) = state else { return Ok(None) };
        loop {
            match chunks.next().await {
                Some(Ok(chunk)) => {
                    check.take(&chunk)?;
                    if let Some(before) = held.replace(chunk) {
                        return Ok(Some((before, Some((chunks, held, check)))));
                    }
                }
                Some(Err(error)) => return Err(check.progress.stop(Problem::Read(error.to_string()))),
                None => {
                    check.end()?;
                    return Ok(held.map(|last| (last, None)));
                }
            }
        }
    })
}

/// Compares what was read with what the descriptor says.
struct Check {
    hash: Sha256,
    read: u64,
    blob: Descriptor,
    progress: Arc<Progress>,
}

impl Check {
    fn take(&mut self, chunk: &[u8]) -> io::Result<()> {
        self.hash.update(chunk);
        self.read += chunk.len() as u64;
        if self.read > self.blob.size {
            let text = format!("it has more than the {} bytes that its descriptor names", self.blob.size);
            return Err(self.progress.stop(Problem::Mismatch(text)));
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        let problem = if self.read == self.blob.size {
            let digest = Digest::from_hash(&std::mem::take(&mut self.hash).finalize());
            (digest != self.blob.digest)
                .then(|| format!("its bytes have digest {digest} instead of {}", self.blob.digest))
        } else {
            Some(format!("it has {} bytes instead of {}", self.read, self.blob.size))
        };
        match problem {
            None => {
                self.progress.complete.store(true, Ordering::Relaxed);
                Ok(())
            }
            Some(text) => Err(self.progress.stop(Problem::Mismatch(text))),
        }
    }
}
