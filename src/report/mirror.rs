//! What mode `mirror` did.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    TagOutcome,
    copies::{CopiedTag, Failure},
    markdown::{code, inline},
    terminal, words,
};
use crate::{execute::publish::Staged, model::ImageName, policy::metadata::Output};

/// How many lines the job summary has for tags: a page that nobody reads to its end helps nobody.
const MOST_LINES: usize = 500;

/// The copies of one image's tags.
#[derive(Clone, Debug)]
pub struct MirrorRun {
    /// The image.
    pub from: String,
    /// Where its copies are.
    pub to: String,
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// The tags.
    pub tags: Vec<CopiedTag>,
    /// What was sent.
    pub staged: Staged,
    /// How many manifests that refer to images came along.
    pub referrers: usize,
    /// What may be wrong, a sentence each.
    pub warnings: Vec<String>,
    /// What was left out.
    pub failures: Vec<Failure>,
}

impl MirrorRun {
    /// Starts a report.
    #[must_use]
    pub fn new(from: &ImageName, to: &ImageName, dry_run: bool) -> Self {
        Self {
            from: from.to_string(),
            to: to.to_string(),
            dry_run,
            tags: Vec::new(),
            staged: Staged::default(),
            referrers: 0,
            warnings: Vec::new(),
            failures: Vec::new(),
        }
    }

    /// Adds what was sent.
    pub fn add(&mut self, staged: Staged, referrers: usize, warnings: Vec<String>) {
        self.staged.add(staged);
        self.referrers += referrers;
        self.warnings.extend(warnings);
    }

    fn changed(&self) -> impl Iterator<Item = &CopiedTag> {
        self.tags.iter().filter(|tag| tag.outcome != TagOutcome::Unchanged)
    }

    /// Says how it went, in one sentence.
    fn sentence(&self) -> String {
        let same = self.tags.len() - self.changed().count();
        let changed = words::count(self.changed().count(), "tag");
        let same = match same {
            0 => String::new(),
            some => format!("; {} had the same digest already", words::count(some, "tag")),
        };
        if self.dry_run {
            return format!("a dry run: {changed} of {} would be copied to {}{same}", self.from, self.to);
        }
        let sent = terminal::sent(&self.staged, self.referrers);
        format!("copied {changed} of {} to {}: {sent}{same}", self.from, self.to)
    }

    /// Renders it for a terminal or a log.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.sentence());
        for tag in self.changed() {
            let _ = writeln!(text, "  {}", tag.line());
        }
        text
    }

    /// Renders it for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let Self { from, to, dry_run, tags, staged, referrers, warnings, failures } = self;
        json!({
            "mode": "mirror",
            "source": from,
            "image": to,
            "dry-run": dry_run,
            "tags": tags.iter().map(CopiedTag::json).collect::<Vec<_>>(),
            "sent": {
                "manifests": staged.manifests_sent,
                "blobs": staged.blobs_sent,
                "mounted": staged.blobs_mounted,
                "bytes": staged.bytes_sent,
            },
            "referrers": referrers,
            "failed": failures.iter().map(|failure| &failure.message).collect::<Vec<_>>(),
            "warnings": warnings,
        })
    }

    /// Renders it for later steps.
    #[must_use]
    pub fn outputs(&self) -> Vec<Output> {
        let full = |tag: &CopiedTag| format!("{}:{}", self.to, tag.to);
        let moved: Vec<String> = if self.dry_run { Vec::new() } else { self.changed().map(full).collect() };
        let outputs = [
            ("tags", self.tags.iter().map(full).collect::<Vec<_>>().join("\n")),
            ("moved", moved.join("\n")),
            ("failed", self.failures.len().to_string()),
            ("json", self.json().to_string()),
        ];
        outputs.map(|(name, value)| Output { name, value, file: None }).into()
    }

    /// Renders it for `GITHUB_STEP_SUMMARY`.
    #[must_use]
    pub fn summary(&self) -> String {
        let title = if self.dry_run { "What a mirror would copy" } else { "Image mirrored" };
        let mut text = format!("### {title}\n\n{}.\n", inline(&self.sentence()));
        let changed: Vec<&CopiedTag> = self.changed().collect();
        if !changed.is_empty() {
            text.push_str("\n| Tag | Copy of | Digest | Result |\n|---|---|---|---|\n");
        }
        for CopiedTag { from, to, digest, outcome } in changed.iter().take(MOST_LINES) {
            let (to, from, digest) = (code(to.as_str()), code(from.as_str()), code(&digest.short()));
            let _ = writeln!(text, "| {to} | {from} | {digest} | {} |", words::outcome(outcome));
        }
        if changed.len() > MOST_LINES {
            let _ = writeln!(text, "\n… and {} more.", changed.len() - MOST_LINES);
        }
        for warning in &self.warnings {
            let _ = writeln!(text, "\n> [!WARNING]\n> {}", inline(warning));
        }
        for Failure { message, .. } in &self.failures {
            let _ = writeln!(text, "\n> [!CAUTION]\n> {}", inline(message));
        }
        text
    }
}
