//! What comes from around the process: variables, the clock, and bounded files.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _},
    path::{Component, Path, PathBuf},
    time::SystemTime,
};

use chrono::{DateTime, Utc};

use crate::{
    model::untrusted::shown,
    ports::{PortError, PortErrorKind},
};

/// The largest payload that is read, in bytes: GitHub caps webhook payloads at 25 MB.
const MAX_PAYLOAD_BYTES: u64 = 25 * 1024 * 1024;

/// As much of a policy as is read, in bytes: one more than it may have, so that its reader sees that it is too large.
const MAX_POLICY_BYTES: u64 = 1024 * 1024 + 1;

/// The largest file of certificates that is read, in bytes: Debian's whole bundle has 220 kB.
const MAX_CERTIFICATES_BYTES: u64 = 4 * 1024 * 1024;

/// Which files a path from an input may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Only those in the workspace: under Actions, where inputs may come from elsewhere.
    Workspace,
    /// All: at a terminal.
    Anywhere,
}

/// Returns the environment's variables. Those that are not UTF-8 are left out: nothing here has a use for them.
#[must_use]
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Returns the time of the system's clock.
#[must_use]
pub fn now() -> DateTime<Utc> {
    SystemTime::now().into()
}

/// Reads the event's payload (`GITHUB_EVENT_PATH`), of at most 25 MiB. `None`, with a warning, if there is no such file: the
/// environment alone says less, and what it does not say fits no row.
///
/// # Errors
/// If the file is too large or cannot be read.
pub fn payload(path: &Path) -> Result<Option<Vec<u8>>, PortError> {
    let operation = format!("read the event's payload `{}`", shown(&path.display().to_string()));
    match bounded(path, MAX_PAYLOAD_BYTES + 1) {
        Ok(bytes) if bytes.len() as u64 > MAX_PAYLOAD_BYTES => {
            Err(PortError::new(PortErrorKind::Malformed, operation, "it is larger than 25 MiB"))
        }
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tracing::warn!("failed to {operation}: the file does not exist; the environment alone decides");
            Ok(None)
        }
        Err(error) => Err(failed(operation, error)),
    }
}

/// Reads the docker configuration file, of at most 1 MiB: in the folder that DOCKER_CONFIG names, else in `~/.docker`.
/// `None` if there is none.
///
/// # Errors
/// If the file is too large or cannot be read.
pub fn docker_config(environment: &BTreeMap<String, String>) -> Result<Option<Vec<u8>>, PortError> {
    let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let folder = variable("DOCKER_CONFIG").or_else(|| Some(variable("HOME")?.join(".docker")));
    let Some(path) = folder.map(|folder| folder.join("config.json")) else { return Ok(None) };
    let operation = format!("read the docker configuration `{}`", shown(&path.display().to_string()));
    match bounded(&path, MAX_POLICY_BYTES) {
        Ok(bytes) if bytes.len() as u64 == MAX_POLICY_BYTES => {
            Err(PortError::new(PortErrorKind::Malformed, operation, "it is larger than 1 MiB"))
        }
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => Ok(None),
        Err(error) => Err(failed(operation, error)),
    }
}

/// Reads a policy file by its path in the workspace: its first 1 MiB and one byte, so that too much can be told from
/// enough. `None` if there is no such file.
///
/// # Errors
/// If the path leads out of the workspace by `..`, as an absolute path or through a symbolic link and `reach` does not
/// allow that, or if the file cannot be read.
pub fn read_policy(workspace: &Path, path: &str, reach: Reach) -> Result<Option<Vec<u8>>, PortError> {
    let operation = format!("read the policy `{}`", shown(path));
    let outside = || {
        PortError::new(PortErrorKind::Denied, operation.clone(), "it is not in the workspace")
            .with_hint("name a file of the repository, by its path from the repository's root")
    };
    let joined = workspace.join(path);
    if reach == Reach::Workspace && !stays_below(workspace, &joined) {
        return Err(outside());
    }
    let found = match fs::canonicalize(&joined) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(operation, error)),
    };
    if reach == Reach::Workspace {
        let workspace = fs::canonicalize(workspace).map_err(|error| failed(operation.clone(), error))?;
        if !found.starts_with(workspace) {
            return Err(outside());
        }
    }
    bounded(&found, MAX_POLICY_BYTES).map(Some).map_err(|error| failed(operation, error))
}

/// The largest plan, journal or log that is read, in bytes: a plan of a million versions.
const MAX_RECORD_BYTES: u64 = 1024 * 1024 * 1024;

/// Reads a plan, a journal or a saved log by the path that an input names.
///
/// # Errors
/// If it does not exist, cannot be read, or is larger than 1 GiB.
pub fn read_record(path: &Path) -> Result<Vec<u8>, PortError> {
    let operation = format!("read `{}`", shown(&path.display().to_string()));
    let bytes = bounded(path, MAX_RECORD_BYTES + 1).map_err(|error| failed(operation.clone(), error))?;
    if bytes.len() as u64 > MAX_RECORD_BYTES {
        return Err(PortError::new(PortErrorKind::Malformed, operation, "the file is larger than 1 GiB"));
    }
    Ok(bytes)
}

/// Reads the certificates in PEM form that `SSL_CERT_FILE` names, trusted beside the built-in ones. `None` if the variable
/// is not set, or names a file that does not exist here: it may be a path of the host.
///
/// # Errors
/// If the file is there and cannot be read, or is larger than 4 MiB.
pub fn extra_ca_pem(environment: &BTreeMap<String, String>) -> Result<Option<Vec<u8>>, PortError> {
    let Some(path) = environment.get("SSL_CERT_FILE").filter(|path| !path.is_empty()).map(PathBuf::from) else {
        return Ok(None);
    };
    let operation = format!("read the certificates of `SSL_CERT_FILE` (`{}`)", shown(&path.display().to_string()));
    match bounded(&path, MAX_CERTIFICATES_BYTES + 1) {
        Ok(bytes) if bytes.len() as u64 > MAX_CERTIFICATES_BYTES => {
            Err(PortError::new(PortErrorKind::Malformed, operation, "the file is larger than 4 MiB"))
        }
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            tracing::warn!("`SSL_CERT_FILE` names `{}`, which does not exist here", shown(&path.display().to_string()));
            Ok(None)
        }
        Err(error) => Err(failed(operation, error)),
    }
}

/// Tells whether a path stays in the workspace as far as its text goes, so that a file outside is never even looked for.
fn stays_below(workspace: &Path, joined: &Path) -> bool {
    let Ok(below) = joined.strip_prefix(workspace) else {
        return false;
    };
    let mut depth = 0_usize;
    for component in below.components() {
        depth = match component {
            Component::ParentDir => match depth.checked_sub(1) {
                Some(depth) => depth,
                None => return false,
            },
            Component::CurDir => depth,
            Component::Normal(_) => depth + 1,
            Component::RootDir | Component::Prefix(_) => return false,
        };
    }
    true
}

/// Reads at most `limit` bytes of a regular file.
fn bounded(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    // Before it is opened: opening a named pipe waits for a writer.
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn failed(operation: String, error: io::Error) -> PortError {
    let (kind, detail) = match error.kind() {
        io::ErrorKind::NotFound => (PortErrorKind::NotFound, "the file does not exist"),
        io::ErrorKind::PermissionDenied => (PortErrorKind::Denied, "the file may not be read"),
        // Of a folder, say: nothing that another try, or the network, would mend.
        io::ErrorKind::InvalidInput => (PortErrorKind::Malformed, "the file cannot be read"),
        _ => (PortErrorKind::Unavailable, "the file cannot be read"),
    };
    PortError::new(kind, operation, detail).with_source(error)
}
