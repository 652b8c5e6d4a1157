//! What undoing a clean-up says.

use serde_json::{Value, json};

use super::words::count;
use crate::{
    execute::restore::{RestoredPackage, TagBack, VersionBack},
    policy::restore::RestorePlan,
};

/// A run of mode `restore`.
#[derive(Debug)]
pub struct RestoreReport {
    /// Each package with what was to be brought back, and what became of it; nothing in a dry run.
    pub packages: Vec<(String, RestorePlan, Option<RestoredPackage>)>,
    /// Whether nothing is changed.
    pub dry_run: bool,
}

impl RestoreReport {
    /// Counts the versions and tags that are back by this run's doing.
    #[must_use]
    pub fn restored(&self) -> usize {
        let done = || self.packages.iter().filter_map(|(.., done)| done.as_ref());
        let versions = done().flat_map(|done| done.versions.values()).filter(|back| **back == VersionBack::Back);
        let tags = done().flat_map(|done| done.tags.values()).filter(|back| **back == TagBack::Back);
        versions.count() + tags.count()
    }

    /// Counts what could not be brought back. A tag that somebody uses for another image is no failure.
    #[must_use]
    pub fn failed(&self) -> usize {
        let is_lost = |back: &VersionBack| match back {
            VersionBack::GoneForGood | VersionBack::Failed { .. } | VersionBack::NotTried => true,
            VersionBack::Back | VersionBack::WasThere => false,
        };
        let is_missing = |back: &TagBack| match back {
            TagBack::NoImage | TagBack::Failed { .. } | TagBack::NotTried => true,
            TagBack::Back | TagBack::WasThere | TagBack::Taken { .. } => false,
        };
        let of = |done: &RestoredPackage| {
            done.versions.values().filter(|back| is_lost(back)).count()
                + done.tags.values().filter(|back| is_missing(back)).count()
        };
        self.packages.iter().filter_map(|(.., done)| done.as_ref()).map(of).sum()
    }

    /// Returns what is told, a line each.
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (image, plan, done) in &self.packages {
            let Some(done) = done else {
                lines.push(format!(
                    "{image}: would bring back {} and {} (dry run)",
                    count(plan.versions.len(), "version"),
                    count(plan.tags.len(), "tag")
                ));
                continue;
            };
            let versions = done.versions.values().filter(|back| **back == VersionBack::Back).count();
            let tags = done.tags.values().filter(|back| **back == TagBack::Back).count();
            lines.push(format!("{image}: brought back {} and {}", count(versions, "version"), count(tags, "tag")));
            for (id, back) in &done.versions {
                let what = match back {
                    VersionBack::Back => continue,
                    VersionBack::WasThere => "was there".to_owned(),
                    VersionBack::GoneForGood => {
                        "is not among the deleted versions: GitHub keeps them for 30 days".to_owned()
                    }
                    VersionBack::Failed { problem } => format!("failed: {problem}"),
                    VersionBack::NotTried => "was not tried".to_owned(),
                };
                lines.push(format!("  version {id} {what}"));
            }
            for (tag, back) in &done.tags {
                let what = match back {
                    TagBack::Back => continue,
                    TagBack::WasThere => "was there".to_owned(),
                    TagBack::Taken { by } => format!("stays on {}, where it is now", by.short()),
                    TagBack::NoImage => "has no image to go back to".to_owned(),
                    TagBack::Failed { problem } => format!("failed: {problem}"),
                    TagBack::NotTried => "was not tried".to_owned(),
                };
                lines.push(format!("  tag {tag} {what}"));
            }
            if let Some(ended) = &done.ended {
                lines.push(format!("  the run ended early: failed to {ended}"));
            }
        }
        if lines.is_empty() {
            lines.push("there is nothing to bring back: the journal's deletions were refused or undone".to_owned());
        }
        lines
    }

    /// Renders it for the terminal and the log.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// Renders it for the job summary.
    #[must_use]
    pub fn summary(&self) -> String {
        super::markdown::preformatted("Restored", &self.text())
    }

    /// Renders it for programs.
    #[must_use]
    pub fn json(&self) -> Value {
        let version = |back: &VersionBack| match back {
            VersionBack::Back => "back".to_owned(),
            VersionBack::WasThere => "was-there".to_owned(),
            VersionBack::GoneForGood => "gone-for-good".to_owned(),
            VersionBack::Failed { problem } => format!("failed: {problem}"),
            VersionBack::NotTried => "not-tried".to_owned(),
        };
        let tag = |back: &TagBack| match back {
            TagBack::Back => "back".to_owned(),
            TagBack::WasThere => "was-there".to_owned(),
            TagBack::Taken { by } => format!("taken by {by}"),
            TagBack::NoImage => "no-image".to_owned(),
            TagBack::Failed { problem } => format!("failed: {problem}"),
            TagBack::NotTried => "not-tried".to_owned(),
        };
        let package = |(name, plan, done): &(String, RestorePlan, Option<RestoredPackage>)| {
            let versions: serde_json::Map<String, Value> = match done {
                None => plan.versions.iter().map(|version| (version.id.to_string(), json!("planned"))).collect(),
                Some(done) => done.versions.iter().map(|(id, back)| (id.to_string(), json!(version(back)))).collect(),
            };
            let tags: serde_json::Map<String, Value> = match done {
                None => plan.tags.keys().map(|tag| (tag.to_string(), json!("planned"))).collect(),
                Some(done) => done.tags.iter().map(|(name, back)| (name.to_string(), json!(tag(back)))).collect(),
            };
            json!({
                "name": name,
                "versions": versions,
                "tags": tags,
                "ended": done.as_ref().and_then(|done| done.ended.clone()),
            })
        };
        json!({
            "mode": "restore",
            "dry-run": self.dry_run,
            "packages": self.packages.iter().map(package).collect::<Vec<_>>(),
        })
    }
}
