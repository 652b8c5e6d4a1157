//! What can be wrong with the environment, the payload or input `ref`, each with its remedy.

use super::payload::MAX_BYTES;
use crate::model::untrusted::shown_up_to;

/// The longest name (ref, branch, tag, event) that is read, in characters; git's own limit on disk is about 250 bytes.
pub(super) const MAX_NAME: usize = 1_000;

/// The last second of the year 9999, beyond which dates have no RFC 3339 form.
pub(super) const MAX_EPOCH: i64 = 253_402_300_799;

/// An event that cannot be read. Fits after "failed to …".
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// The payload is no JSON.
    #[error("read the event payload: {problem}, near `{near}`")]
    PayloadNotJson {
        /// What is wrong, with line and column.
        problem: String,
        /// The text around that place, bounded and without control characters.
        near: String,
    },
    /// The payload is JSON, but no object.
    #[error("read the event payload: the document at line 1 is {found}, not a JSON object")]
    PayloadNotObject {
        /// What it is.
        found: &'static str,
    },
    /// The payload is larger than any that GitHub sends.
    #[error("read the event payload: it has {bytes} bytes, and at most {MAX_BYTES} are read")]
    PayloadTooLarge {
        /// Its size in bytes.
        bytes: usize,
    },
    /// A name is longer than any that git or GitHub allows.
    #[error("read {what}: it has {characters} characters, and at most {MAX_NAME} are allowed (`{beginning}`)")]
    NameTooLong {
        /// Where the name stands: an environment variable or a path in the payload.
        what: String,
        /// Its length in characters.
        characters: usize,
        /// Its beginning, without control characters.
        beginning: String,
    },
    /// `SOURCE_DATE_EPOCH` is no time.
    #[error("read `SOURCE_DATE_EPOCH`: `{text}` is no number of seconds from 0 to {MAX_EPOCH}")]
    Epoch {
        /// The text, bounded and without control characters.
        text: String,
    },
    /// Input `ref` names nothing that can have been built.
    #[error("read input `ref`: `{text}` {problem}")]
    InputRef {
        /// The text, bounded and without control characters.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl EventError {
    /// Returns what to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::PayloadNotJson { .. } | Self::PayloadNotObject { .. } | Self::PayloadTooLarge { .. } => {
                "`GITHUB_EVENT_PATH` names a file with the event as one JSON object, as the runner writes it; \
                 outside a workflow it can be left unset"
            }
            Self::NameTooLong { .. } => "git and GitHub have no such names; look at what sets this one",
            Self::Epoch { .. } => "set it to what `git log -1 --format=%ct` prints, or leave it unset",
            Self::InputRef { .. } => {
                "give a SemVer git tag (`v0.14.0`), a branch (`master`), a commit, or a full ref \
                 (`refs/heads/…`, `refs/tags/…`)"
            }
        }
    }
}

/// Returns text fit for a message: at most 100 characters, nothing in it that a terminal or a log would
/// obey, and no backtick that would end the quotation.
pub(super) fn quoted(text: &str) -> String {
    const MAX_QUOTE: usize = 100;
    shown_up_to(text, MAX_QUOTE).replace('`', "'")
}

/// Refuses a name that is too long to be one.
pub(super) fn bounded_name(what: &str, name: &str) -> Result<String, EventError> {
    // Bytes first: counting the characters of most names is not needed.
    let characters = if name.len() > MAX_NAME { name.chars().count() } else { name.len() };
    if characters > MAX_NAME {
        return Err(EventError::NameTooLong { what: format!("`{what}`"), characters, beginning: quoted(name) });
    }
    Ok(name.to_owned())
}
