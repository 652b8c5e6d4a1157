//! A file that is written once: never over another.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use crate::{
    model::untrusted::shown,
    ports::{PortError, PortErrorKind},
};

/// Tells whether something has the name already, a link that leads nowhere too.
#[must_use]
pub fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Writes a new file, and the folders that it lies in.
///
/// # Errors
/// If something has that name already, or it cannot be written.
pub fn write_new(path: &Path, text: &str) -> Result<(), PortError> {
    let failed = |error: io::Error| {
        let (kind, detail) = match error.kind() {
            io::ErrorKind::AlreadyExists => (PortErrorKind::Malformed, "it exists already"),
            io::ErrorKind::PermissionDenied => (PortErrorKind::Denied, "it may not be written"),
            _ => (PortErrorKind::Unavailable, "it cannot be written"),
        };
        PortError::new(kind, format!("write `{}`", shown(&path.display().to_string())), detail).with_source(error)
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}
