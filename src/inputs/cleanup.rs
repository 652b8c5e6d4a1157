//! The inputs of clean-ups: what they look at, how far they go, where plan and journal are kept.

use std::{collections::BTreeSet, time::Duration};

use super::{mistakes::quote, reader::Reader};
use crate::{
    model::{ManifestReference, VersionId},
    policy::{cleanup::MaxDeletions, config},
};

/// GitHub's limit of points a minute, a read 1, a write 5
/// (<https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits>).
pub(super) const DEFAULT_PACE: &str = "900";

/// The time that a run may take unless input `time-budget` says otherwise.
pub(super) const DEFAULT_TIME_BUDGET: &str = "30 minutes";

/// The inputs of the modes `plan`, `apply`, `cleanup`, `restore` and `discover`.
#[derive(Clone, Debug)]
pub struct CleanupInputs {
    /// The packages that the run is about, by name, ending or pattern; empty for all images of the policy.
    pub packages: Vec<String>,
    /// Whether a clean-up only says what it would do; `None` if nobody said so.
    pub dry_run: Option<bool>,
    /// How much a run may delete of a package.
    pub max_deletions: MaxDeletions,
    /// Points a minute that requests are paced to; 0 for a server without limits.
    pub pace: u32,
    /// Requests of the token's hour that are left to others.
    pub reserve: u64,
    /// Requests to the API that the run may make.
    pub request_budget: Option<u64>,
    /// The time that the run may take.
    pub time_budget: Duration,
    /// The folder that remembers manifests.
    pub cache_dir: Option<String>,
    /// The file that the plan is written to, or, for `apply`, read from.
    pub plan_file: Option<String>,
    /// The file that the journal is written to, or, for `restore`, read from.
    pub journal_file: Option<String>,
    /// The file that the page for people is written to, if somebody wants it.
    pub report_file: Option<String>,
    /// The tag or digest that `plan` explains.
    pub explain: Option<ManifestReference>,
    /// The versions that `restore` brings back, in the place of a journal's.
    pub versions: BTreeSet<VersionId>,
}

impl Reader {
    pub(super) fn cleanup(&mut self) -> CleanupInputs {
        let list = |text: String| {
            let items = text.split([',', '\n']).map(str::trim).filter(|item| !item.is_empty());
            items.map(str::to_owned).collect::<Vec<_>>()
        };
        CleanupInputs {
            packages: self.text("packages").map(list).unwrap_or_default(),
            dry_run: self.boolean("dry-run"),
            max_deletions: self.max_deletions(),
            pace: self.number("pace", DEFAULT_PACE),
            reserve: self.number("reserve", "0"),
            request_budget: self.text("request-budget").map(|_| self.number("request-budget", "0")),
            time_budget: self.time_budget(),
            cache_dir: self.line("cache-dir"),
            plan_file: self.line("plan-file"),
            journal_file: self.line("journal-file"),
            report_file: self.line("report-file"),
            explain: self.explain(),
            versions: self.versions(list),
        }
    }

    fn number<N: std::str::FromStr + Default>(&mut self, name: &'static str, default: &str) -> N {
        let text = self.text(name).unwrap_or_else(|| default.to_owned());
        text.parse().unwrap_or_else(|_| {
            self.errors.add(name, format!("{} is no whole number", quote(&text)), "write it in digits, as in `500`");
            N::default()
        })
    }

    fn max_deletions(&mut self) -> MaxDeletions {
        let Some(text) = self.text("max-deletions") else { return MaxDeletions::default() };
        text.parse().unwrap_or_else(|_| {
            let message = format!("{} is neither a number nor a share", quote(&text));
            self.errors.add("max-deletions", message, "write `200`, or `50 %` of a package's versions");
            MaxDeletions::default()
        })
    }

    fn time_budget(&mut self) -> Duration {
        let text = self.text("time-budget").unwrap_or_else(|| DEFAULT_TIME_BUDGET.to_owned());
        config::duration(&text).unwrap_or_else(|(problem, hint)| {
            let hint = hint.unwrap_or_else(|| "write it as in `30 minutes`".to_owned());
            self.errors.add("time-budget", problem, hint);
            Duration::ZERO
        })
    }

    fn explain(&mut self) -> Option<ManifestReference> {
        let text = self.line("explain")?;
        // A digest that is cut short is looked up as its digits, which are a tag's grammar.
        let is_short = |digits: &&str| (6..64).contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_hexdigit());
        let text = text
            .strip_prefix("sha256:")
            .map(|digits| digits.trim_end_matches('…'))
            .filter(is_short)
            .unwrap_or(&text)
            .to_owned();
        let digest = text.parse().map(ManifestReference::Digest);
        let found = digest.ok().or_else(|| text.parse().map(ManifestReference::Tag).ok());
        if found.is_none() {
            let message = format!("{} is neither a tag nor a digest", quote(&text));
            self.errors.add(
                "explain",
                message,
                "name one of a package's tags, or a digest by 6 digits or more (`sha256:…`)",
            );
        }
        found
    }

    fn versions(&mut self, list: impl Fn(String) -> Vec<String>) -> BTreeSet<VersionId> {
        let mut versions = BTreeSet::new();
        for text in self.text("versions").map(list).unwrap_or_default() {
            match text.parse() {
                Ok(number) => {
                    versions.insert(VersionId::new(number));
                }
                Err(_) => self.errors.add(
                    "versions",
                    format!("{} is no number of a version", quote(&text)),
                    "the numbers are in the journal and in the addresses of the package's pages",
                ),
            }
        }
        versions
    }
}
