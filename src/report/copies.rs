//! What became of tags that were copied to another registry.

use serde_json::{Value, json};

use crate::{
    execute::publish::Staged,
    model::{Digest, ImageName, Tag},
};

use super::{TagOutcome, words};

/// One mirror with the tags of this run.
#[derive(Clone, Debug)]
pub struct MirrorReport {
    /// Its name.
    pub image: String,
    /// Its tags.
    pub tags: Vec<CopiedTag>,
    /// What was sent.
    pub staged: Staged,
    /// How many manifests that refer to the images came along.
    pub referrers: usize,
    /// What may be wrong, a sentence each.
    pub warnings: Vec<String>,
    /// What went wrong.
    pub failure: Option<Failure>,
}

/// A tag of a copy.
#[derive(Clone, Debug)]
pub struct CopiedTag {
    /// Its name where it comes from.
    pub from: Tag,
    /// Its name there.
    pub to: Tag,
    /// What it points at.
    pub digest: Digest,
    /// What became of it.
    pub outcome: TagOutcome,
}

/// Why a copy is not complete.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What went wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl MirrorReport {
    /// Starts the report of a mirror.
    #[must_use]
    pub fn new(image: &ImageName) -> Self {
        Self {
            image: image.to_string(),
            tags: Vec::new(),
            staged: Staged::default(),
            referrers: 0,
            warnings: Vec::new(),
            failure: None,
        }
    }

    /// Renders it for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let Self { image, tags, staged, referrers, warnings: _, failure } = self;
        json!({
            "image": image,
            "tags": tags.iter().map(CopiedTag::json).collect::<Vec<_>>(),
            "sent": {
                "manifests": staged.manifests_sent,
                "blobs": staged.blobs_sent,
                "mounted": staged.blobs_mounted,
                "bytes": staged.bytes_sent,
            },
            "referrers": referrers,
            "error": failure.as_ref().map(|failure| &failure.message),
        })
    }

    /// Renders it as lines of text.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let Self { image, tags, staged, referrers, warnings: _, failure } = self;
        let mut lines = vec![format!("mirror {image}")];
        if !tags.is_empty() {
            lines.push(super::terminal::sent(staged, *referrers));
        }
        lines.extend(tags.iter().map(CopiedTag::line));
        if let Some(Failure { message, .. }) = failure {
            lines.push(message.clone());
        } else if tags.is_empty() {
            lines.push("no tag of this run is for it".to_owned());
        }
        lines
    }
}

impl CopiedTag {
    /// Renders it for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let Self { from, to, digest, outcome } = self;
        json!({"tag": to, "copy-of": from, "digest": digest, "outcome": words::outcome(outcome)})
    }

    /// Renders it as a line of text.
    #[must_use]
    pub fn line(&self) -> String {
        let Self { from, to, digest, outcome } = self;
        let renamed = if from == to { String::new() } else { format!(" (from `{from}`)") };
        format!("{} `{to}`{renamed} at {}", words::outcome(outcome), digest.short())
    }
}
