//! The folder that holds the state between two runs: `blobs/sha256/<hex>` for the bytes of blobs and manifests, and
//! `state.json` for all else. Both are written under another name first and then renamed, the bytes before what names
//! them, so that a crash at any time leaves the state of an earlier moment: at most [`PAUSE`] (or four times as long as the
//! last write took) before it. Stopping writes what is left.

#![expect(clippy::disallowed_methods, reason = "the sandbox is a server, and this is where it keeps its data")]

use std::{
    collections::HashSet,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    control::Control,
    state::{Bytesless, State},
};
use crate::model::Digest;

/// How long a change may wait to be written.
const PAUSE: Duration = Duration::from_millis(250);

/// What the first field of `state.json` says.
const FORMAT: &str = "ghcr-lifecycle/sandbox/1";

#[derive(Serialize, Deserialize)]
struct Document<T> {
    format: String,
    state: T,
}

/// The folder, held by one sandbox at a time.
pub(super) struct Data {
    folder: PathBuf,
    /// Keeps other sandboxes away as long as it is open.
    _lock: File,
    stored: HashSet<Digest>,
    revision: Option<u64>,
}

fn at(path: &Path) -> impl Fn(io::Error) -> io::Error + '_ {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn wrong(path: &Path, problem: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {problem}", path.display()))
}

impl Data {
    /// Opens the folder, making it if it is not there, and returns the state that it holds.
    pub(super) fn open(folder: &Path) -> io::Result<(Self, Option<State>)> {
        let blobs = folder.join("blobs/sha256");
        fs::create_dir_all(&blobs).map_err(at(&blobs))?;
        let path = folder.join("lock");
        let lock = File::options().create(true).append(true).open(&path).map_err(at(&path))?;
        lock.try_lock().map_err(|_| wrong(&path, "another sandbox uses this folder"))?;
        let mut data = Self { folder: folder.to_owned(), _lock: lock, stored: HashSet::new(), revision: None };
        let path = folder.join("state.json");
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((data, None)),
            Err(error) => return Err(at(&path)(error)),
        };
        let document: Document<State> =
            serde_json::from_slice(&text).map_err(|error| wrong(&path, &error.to_string()))?;
        if document.format != FORMAT {
            return Err(wrong(&path, "it was written by another version of the sandbox"));
        }
        let state = Bytesless::new(document.state).fill(|digest| data.read(digest))?;
        Ok((data, Some(state)))
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("blobs/sha256").join(digest.hex())
    }

    fn read(&mut self, digest: &Digest) -> io::Result<Bytes> {
        let path = self.path(digest);
        let bytes = fs::read(&path).map_err(at(&path))?;
        if Digest::of(&bytes) != *digest {
            return Err(wrong(&path, "its content is not what its name says"));
        }
        self.stored.insert(digest.clone());
        Ok(bytes.into())
    }

    /// Writes what has changed since the last time.
    fn write(&mut self, control: &Control) -> io::Result<()> {
        // The state waits only while it is put into words, not while they are written.
        let changed = control.change(|state| {
            if self.revision == Some(state.revision()) {
                return None;
            }
            let new: Vec<(Digest, Bytes)> = state
                .all_bytes()
                .filter(|(digest, _)| !self.stored.contains(*digest))
                .map(|(digest, bytes)| (digest.clone(), bytes.clone()))
                .collect();
            let text = serde_json::to_vec(&Document { format: FORMAT.to_owned(), state: &*state });
            Some((state.revision(), new, text))
        });
        let Some((revision, new, text)) = changed else { return Ok(()) };
        for (digest, bytes) in new {
            if !self.stored.contains(&digest) {
                replace(&self.path(&digest), &bytes)?;
                self.stored.insert(digest);
            }
        }
        replace(&self.folder.join("state.json"), &text.map_err(io::Error::other)?)?;
        self.revision = Some(revision);
        Ok(())
    }

    /// Writes changes until `stop` says something or nobody is left to say it, and then once more.
    pub(super) fn keep(mut self, control: &Control, stop: &Receiver<()>) -> io::Result<()> {
        let mut pause = PAUSE;
        while stop.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            let begin = Instant::now();
            if let Err(error) = self.write(control) {
                tracing::error!(%error, "the sandbox cannot write its data");
            }
            pause = PAUSE.max(begin.elapsed() * 4);
        }
        self.write(control)
    }
}

/// Puts bytes where a path says, whole or not at all.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = File::create(&draft).map_err(at(&draft))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(at(&draft))?;
    fs::rename(&draft, path).map_err(at(path))
}
