//! How a user names a source.

use std::path::{Path, PathBuf};

use crate::model::{ImageReference, untrusted::shown};

/// What a user may write.
const FORMS: &str = "expected `oci:FOLDER`, `oci-archive:FILE`, a folder or file that exists, or an image in a registry such as `ghcr.io/owner/name:tag` or `docker://ghcr.io/owner/name@sha256:…`";

/// A source as a user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSpec {
    /// A folder or file.
    Local(LocalSource),
    /// An image in a registry.
    Registry(ImageReference),
}

/// A folder or file that holds an image layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalSource {
    /// Folder or tar.
    pub kind: LocalKind,
    /// Where it is.
    pub path: PathBuf,
    /// Which of its images: a name (`org.opencontainers.image.ref.name`) or a digest.
    pub select: Option<String>,
}

/// The form that an image layout has on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LocalKind {
    /// A folder.
    Layout,
    /// A tar.
    Archive,
}

/// Text that names no source.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` names no image source: {problem}")]
pub struct SourceSpecError {
    text: String,
    problem: String,
    hint: String,
}

impl SourceSpecError {
    /// Returns the remedy.
    #[must_use]
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

impl SourceSpec {
    /// Reads input `source`: `oci:FOLDER`, `oci-archive:FILE` (each with `:NAME` or `@sha256:…` behind it where the layout
    /// holds several images), `docker://REFERENCE`, the bare path of a folder or file that exists, or a reference to an
    /// image in a registry. Whether a path exists is asked of the file system.
    ///
    /// # Errors
    /// If the text is none of these, could be two of them, or names a kind of source that a later version will read.
    pub fn parse(text: &str) -> Result<Self, SourceSpecError> {
        let text = text.trim();
        let fail = |problem: String, hint: &str| SourceSpecError { text: shown(text), problem, hint: hint.to_owned() };
        let local = |kind, rest: &str| match rest {
            "" => Err(fail("the path is missing".into(), FORMS)),
            rest => {
                let (path, select) = split_selection(rest);
                Ok(Self::Local(LocalSource { kind, path, select }))
            }
        };
        if let Some(rest) = text.strip_prefix("oci:") {
            return local(LocalKind::Layout, rest);
        }
        if let Some(rest) = text.strip_prefix("oci-archive:") {
            return local(LocalKind::Archive, rest);
        }
        if let Some(rest) = text.strip_prefix("docker://") {
            return rest.parse().map(Self::Registry).map_err(|error| fail(error.to_string(), FORMS));
        }
        for kind in ["docker-daemon:", "docker-archive:"] {
            if text.starts_with(kind) {
                let problem = format!("`{kind}` comes in a later version");
                return Err(fail(problem, super::root::HOW_TO_WRITE));
            }
        }
        if let Some(transport) = ["containers-storage:", "dir:", "ostree:", "sif:", "tarball:", "https://", "http://"]
            .into_iter()
            .find(|transport| text.starts_with(transport))
        {
            return Err(fail(format!("`{transport}` is not supported"), FORMS));
        }
        let reference = text.parse::<ImageReference>();
        match (find_path(text), reference) {
            (Some(_), Ok(_)) => Err(fail(
                "it is a path that exists and also the name of an image in a registry".into(),
                "write `oci:` or `oci-archive:` before a path, `docker://` before a name",
            )),
            (Some((kind, path, select)), Err(_)) => Ok(Self::Local(LocalSource { kind, path, select })),
            (None, Ok(reference)) => Ok(Self::Registry(reference)),
            (None, Err(_)) if text.is_empty() => Err(fail("it is empty".into(), FORMS)),
            (None, Err(error)) => Err(fail(format!("no such file or folder, and {error}"), FORMS)),
        }
    }
}

/// Splits `PATH:NAME` or `PATH@sha256:…` at the leftmost place where PATH exists; where nothing exists, the text is a path.
fn split_selection(text: &str) -> (PathBuf, Option<String>) {
    match find_path(text) {
        Some((_, path, select)) => (path, select),
        None => (text.into(), None),
    }
}

fn find_path(text: &str) -> Option<(LocalKind, PathBuf, Option<String>)> {
    let kind = |path: &str| {
        let metadata = std::fs::metadata(Path::new(path)).ok()?;
        Some(if metadata.is_dir() { LocalKind::Layout } else { LocalKind::Archive })
    };
    if let Some(kind) = kind(text).filter(|_| !text.is_empty()) {
        return Some((kind, text.into(), None));
    }
    text.match_indices([':', '@']).filter(|(at, _)| *at > 0).find_map(|(at, _)| {
        let select = &text[at + 1..];
        let kind = kind(&text[..at]).filter(|_| !select.is_empty())?;
        Some((kind, text[..at].into(), Some(select.to_owned())))
    })
}
