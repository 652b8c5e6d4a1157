//! The journal of a clean-up: a line before each request that changes something, and a line after it. What was there before can
//! be brought back from it.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Digest, Tag, VersionId};

/// What a line says beside the deletion of a placeholder, which is never restored.
pub const PLACEHOLDER: &str = "the placeholder";

/// One line of a journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// When it was written, RFC 3339.
    pub at: String,
    /// The package, as clients name it.
    pub package: String,
    /// What is done.
    pub step: JournalStep,
    /// The version that it is done to; of a tag that is moved, the version that it was on.
    pub id: Option<VersionId>,
    /// The digest of that version's manifest.
    pub digest: Digest,
    /// The tags that go with it.
    pub tags: BTreeSet<Tag>,
    /// How far it has come.
    pub state: JournalState,
    /// What was said beside that, bounded and without control characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl JournalEntry {
    /// Reads the lines of a journal, or of a log that holds them. What is no line of a journal is passed over.
    #[must_use]
    pub fn read_all(text: &str) -> Vec<Self> {
        // What stands before (a time, a word) and after a line in a log is not the journal's.
        let read = |line: &str| {
            let begin = line.find("{\"at\":")?;
            serde_json::Deserializer::from_str(&line[begin..]).into_iter::<Self>().next()?.ok()
        };
        text.lines().filter_map(read).collect()
    }

    /// Tells whether the line is about a placeholder.
    #[must_use]
    pub fn is_placeholder(&self) -> bool {
        self.step == JournalStep::Delete && self.detail.as_deref().is_some_and(|detail| detail.starts_with(PLACEHOLDER))
    }
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JournalStep {
    /// A version is deleted.
    Delete,
    /// A tag is moved onto the placeholder.
    Untag,
    /// A version is restored.
    Restore,
    /// A tag is put back on the version that it was on.
    Retag,
}

/// How far a step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JournalState {
    /// It is about to be asked for.
    Intent,
    /// It is done.
    Done,
    /// There was nothing to do any more.
    AlreadyGone,
    /// It was refused, however often it is asked for.
    Refused,
    /// It failed, or it is not known what became of it.
    Failed,
}
