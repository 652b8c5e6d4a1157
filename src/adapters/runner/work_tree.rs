//! Files of the work tree, as a policy names them: bounded, and nothing outside the workspace.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use crate::{
    model::untrusted::shown,
    ports::{PortError, PortErrorKind},
};

/// The largest file that is read, in bytes: of a remote branch no larger ones are read either.
const MAX_FILE_BYTES: u64 = 1024 * 1024;

/// The most bytes of all files: a thousand files of an unusual size.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The most files and folders that are looked at: twice those of the largest repositories.
const MAX_ENTRIES: usize = 1_000_000;

/// The deepest folder: git itself has no such limit, systems do.
const MAX_DEPTH: usize = 100;

/// Reads the files of the workspace whose paths match, as text by their paths. What `ignores` tells of is left out, and so
/// are `.git`, repositories within the workspace, and links that lead out of it; other links to files count as the files
/// that they lead to, and links to folders are not followed.
///
/// # Errors
/// If a file or folder cannot be read, a file is larger than 1 MiB, or there is too much of everything.
pub fn matching_files(
    workspace: &Path,
    matches: impl Fn(&str) -> bool,
    ignores: impl Fn(&Path) -> bool,
) -> Result<BTreeMap<String, String>, PortError> {
    let top = fs::canonicalize(workspace).map_err(|error| failed(workspace, error))?;
    let mut found = BTreeMap::new();
    let (mut entries, mut bytes) = (0, 0);
    let mut folders = vec![(top.clone(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        if depth > MAX_DEPTH || (depth > 0 && fs::symlink_metadata(folder.join(".git")).is_ok()) {
            continue;
        }
        for entry in fs::read_dir(&folder).map_err(|error| failed(&folder, error))? {
            let entry = entry.map_err(|error| failed(&folder, error))?;
            entries += 1;
            if entries > MAX_ENTRIES {
                let detail = format!("the workspace has more than {MAX_ENTRIES} files and folders");
                return Err(PortError::new(PortErrorKind::Malformed, reading(workspace), detail)
                    .with_hint("run it on a clean checkout of the repository"));
            }
            let path = entry.path();
            let kind = entry.file_type().map_err(|error| failed(&path, error))?;
            if entry.file_name() == ".git" {
                continue;
            }
            if kind.is_dir() {
                if !ignores(&path) {
                    folders.push((path, depth + 1));
                }
                continue;
            }
            let Some(name) = name(&top, &path).filter(|name| matches(name)) else { continue };
            let (name, path) = if kind.is_symlink() {
                let Some(target) = target(&top, &path) else { continue };
                target
            } else {
                (name, path)
            };
            if found.contains_key(&name) || ignores(&path) {
                continue;
            }
            if let Some(text) = read(&path)? {
                bytes += text.len();
                if bytes > MAX_BYTES {
                    let detail = format!("the files have more than {MAX_BYTES} bytes");
                    return Err(PortError::new(PortErrorKind::Malformed, reading(workspace), detail)
                        .with_hint("name fewer files in `references`"));
                }
                found.insert(name, text);
            }
        }
    }
    Ok(found)
}

/// Tells whether two paths lead to one folder.
#[must_use]
pub fn is_same_folder(one: &Path, other: &Path) -> bool {
    matches!((fs::canonicalize(one), fs::canonicalize(other)), (Ok(one), Ok(other)) if one == other)
}

/// Returns the path below the workspace as a repository writes it. No pattern fits a name that is not UTF-8.
fn name(top: &Path, path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path.strip_prefix(top).ok()?.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}

/// Returns the file that a link leads to, if it is one of the workspace's.
fn target(top: &Path, link: &Path) -> Option<(String, PathBuf)> {
    let path = fs::canonicalize(link).ok()?;
    let name = name(top, &path)?;
    (!name.split('/').any(|part| part == ".git")).then_some((name, path))
}

/// Reads a file. `None` for what is none: a named pipe would wait for a writer.
fn read(path: &Path) -> Result<Option<String>, PortError> {
    let read = || {
        if !fs::symlink_metadata(path)?.is_file() {
            return Ok(None);
        }
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    };
    let Some(bytes) = read().map_err(|error| failed(path, error))? else { return Ok(None) };
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(PortError::new(PortErrorKind::Malformed, reading(path), "it is larger than 1 MiB")
            .with_hint("leave it out of `references.files`: it is hardly a file that names images"));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

fn reading(path: &Path) -> String {
    format!("look for image references in `{}`", shown(&path.display().to_string()))
}

fn failed(path: &Path, error: io::Error) -> PortError {
    let (kind, detail) = match error.kind() {
        io::ErrorKind::NotFound => (PortErrorKind::NotFound, "it does not exist"),
        io::ErrorKind::PermissionDenied => (PortErrorKind::Denied, "it may not be read"),
        _ => (PortErrorKind::Unavailable, "it cannot be read"),
    };
    PortError::new(kind, reading(path), detail).with_source(error)
}
