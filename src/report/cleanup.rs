//! What a clean-up says: what is kept, what goes, why, and what became of it.

mod ages;
mod applied;
mod beside;
mod blocks;
mod closed;
mod explain;
mod groups;
mod inventory;
mod json;
mod lists;
mod notes;
mod package;
mod page;
mod quantities;
mod tally;
mod words;

use self::{
    blocks::{Alert, Block, Facts, Markdown},
    quantities::{bytes, counted, number},
};
use crate::{
    execute::cleanup::{Applied, Outcome},
    model::Inventory,
    policy::{
        cleanup::{CleanupPlan, Freed, TooManyDeletions},
        rules::Policy,
    },
};

pub use explain::{explain_json, explain_text};

/// A run of mode `plan`, `cleanup` or `apply`.
#[derive(Debug)]
pub struct CleanupReport<'a> {
    /// The mode.
    pub mode: &'static str,
    /// The policy, for its rows.
    pub policy: &'a Policy,
    /// Whether the run only says what it would do, and whether that is because nobody said otherwise: then the report tells
    /// how to turn it off.
    pub dry_run: DryRun,
    /// The pull request whose closing it is about, if it is about one.
    pub closed: Option<u64>,
    /// Points a minute that requests are paced to (input `pace`); 0 for no limit.
    pub pace: u32,
    /// The packages, in the order of the policy.
    pub packages: Vec<PackageReport>,
}

/// Whether a run changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// It changes what the plan says.
    No,
    /// Mode `plan` never does.
    Plan,
    /// `dry-run: true` is the default of mode `cleanup`, and nobody said otherwise.
    ByDefault,
    /// `dry-run: true` was given.
    Asked,
}

/// One package of a clean-up.
#[derive(Debug)]
pub struct PackageReport {
    /// The package, as clients name it.
    pub image: String,
    /// Its page on GitHub, if it is known; an https address without anything that would have to be escaped.
    pub page: Option<String>,
    /// The page of its settings, as [`PackageReport::page`].
    pub settings: Option<String>,
    /// The source repository that was asked, if it is known.
    pub repository: Option<String>,
    /// How many manifests were asked for; the others were remembered.
    pub manifests_read: usize,
    /// What came of it.
    pub result: Result<PackageResult, Problem>,
}

/// What came of a package that could be planned.
#[derive(Debug)]
pub struct PackageResult {
    /// What the plan rests on.
    pub inventory: Inventory,
    /// The plan.
    pub plan: CleanupPlan,
    /// Why the plan was not carried out although it should have been.
    pub too_many: Option<TooManyDeletions>,
    /// What became of the plan; none if it was not carried out.
    pub applied: Option<Applied>,
}

/// Why a package could not be planned.
#[derive(Debug)]
pub struct Problem {
    /// What failed, fit for "failed to …".
    pub message: String,
    /// What to do about it.
    pub hints: Vec<String>,
    /// Whether a budget, a limit or a signal ended the run before: then it is the next run's, and no failure.
    pub is_next_runs: bool,
}

/// The most entries that a list of the job summary has.
const SUMMARY_ENTRIES: usize = 500;

/// The most entries that a list has on a terminal or in a log.
const TEXT_ENTRIES: usize = 100;

/// The most packages that are compared in a table.
const MAX_PACKAGES: usize = 1_000;

/// What a run, or one package of it, comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    versions: usize,
    deleted: usize,
    untagged: usize,
    kept: usize,
    freed: u64,
    is_inexact: bool,
    remaining: usize,
    failed: usize,
}

impl Totals {
    fn of(package: &PackageReport, dry_run: DryRun) -> Self {
        let Ok(PackageResult { inventory: _, plan, too_many, applied }) = &package.result else {
            // What it holds is not known; the next run has at least to look.
            let is_next_runs = matches!(&package.result, Err(problem) if problem.is_next_runs);
            let (remaining, failed) = if is_next_runs { (1, 0) } else { (0, 1) };
            return Self { remaining, failed, ..Self::default() };
        };
        let versions = plan.versions.len();
        let planned = plan.deleted().count();
        let Some(applied) = applied else {
            let failed = usize::from(too_many.is_some() && dry_run == DryRun::No);
            let remaining = planned + plan.untag.len();
            return Self { versions, kept: versions - planned, remaining, failed, ..Self::default() };
        };
        let stays = |outcome: &&Outcome| match outcome {
            Outcome::Refused { .. } | Outcome::Failed { .. } | Outcome::Protected | Outcome::NotInBoth => true,
            Outcome::Done | Outcome::AlreadyGone | Outcome::Remaining => false,
        };
        let deleted = applied::deleted(applied);
        let back = applied.deleted().count() - deleted;
        let Freed { bytes, is_exact } = applied::freed(plan, applied);
        Self {
            versions,
            deleted,
            untagged: applied.untagged().count(),
            kept: versions - planned + applied.deletions.values().filter(stays).count() + back,
            freed: bytes,
            is_inexact: !is_exact,
            remaining: applied.remaining(),
            failed: applied.failed() + usize::from(!applied.end.is_good()),
        }
    }

    fn add(self, other: Self) -> Self {
        let Self { versions, deleted, untagged, kept, freed, is_inexact, remaining, failed } = other;
        Self {
            versions: self.versions + versions,
            deleted: self.deleted + deleted,
            untagged: self.untagged + untagged,
            kept: self.kept + kept,
            freed: self.freed.saturating_add(freed),
            is_inexact: self.is_inexact || is_inexact,
            remaining: self.remaining + remaining,
            failed: self.failed + failed,
        }
    }
}

impl CleanupReport<'_> {
    /// Renders the report for `GITHUB_STEP_SUMMARY`: less than 1 MiB, however many versions there are.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut markdown = Markdown::default();
        markdown.title(&self.title());
        let mut blocks = Vec::new();
        let notices = notes::of_run(self);
        if !notices.is_empty() {
            let lines = notices.iter().map(|line| words::sentence(line)).collect();
            blocks.push(Block::Alert { kind: Alert::Note, lines });
        }
        blocks.extend(self.overview());
        markdown.blocks(&blocks, usize::MAX);
        markdown.sections(self.packages.iter().map(|package| package::blocks(self, package, SUMMARY_ENTRIES)));
        markdown.blocks(self.undo().as_slice(), usize::MAX);
        markdown.finish()
    }

    /// Renders the report for people; warnings and notices are for whoever prints it. `width` is that of the terminal, in
    /// columns, where there is one.
    #[must_use]
    pub fn text(&self, width: Option<u16>) -> String {
        let mut text = format!("{}\n", self.title());
        text.push_str(&blocks::text(self.overview().as_slice(), width));
        for package in &self.packages {
            text.push_str(&blocks::text(&package::blocks(self, package, TEXT_ENTRIES), width));
        }
        let undo = blocks::text(self.undo().as_slice(), width);
        if !undo.is_empty() {
            text.push_str(&format!("\n{undo}"));
        }
        text
    }

    /// Renders the report as a page of HTML that stands alone: a browser shows it from disk, and it asks for nothing.
    #[must_use]
    pub fn page(&self) -> String {
        page::page(self)
    }

    /// Renders the report for programs. What becomes of each version that stays is in the plan file.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        json::document(self)
    }

    /// Returns what may be wrong, a sentence each, with the package's name.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.named(notes::warnings)
    }

    /// Returns what is worth knowing, a sentence each.
    #[must_use]
    pub fn notices(&self) -> Vec<String> {
        let mut notices = notes::of_run(self);
        notices.extend(self.named(notes::notices));
        notices
    }

    /// Returns what failed, a fragment each with the package's name: packages that could not be planned or would lose too much,
    /// steps, and kept images that are not whole.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        self.named(Self::failures_of)
    }

    fn failures_of(&self, package: &PackageReport) -> Vec<String> {
        match &package.result {
            Err(Problem { is_next_runs: true, .. }) => Vec::new(),
            Err(Problem { message, hints: _, is_next_runs: false }) => {
                vec![format!("failed to {}", words::told(message))]
            }
            Ok(PackageResult { too_many: Some(too_many), applied: None, .. }) if self.dry_run == DryRun::No => {
                vec![package::too_many_line(too_many, self.dry_run)]
            }
            Ok(PackageResult { plan, applied: Some(applied), .. }) => {
                let mut failures = applied::failures(plan, applied);
                failures.extend(applied::failed_steps(applied));
                failures
            }
            Ok(PackageResult { applied: None, .. }) => Vec::new(),
        }
    }

    fn named(&self, of: impl Fn(&Self, &PackageReport) -> Vec<String>) -> Vec<String> {
        let named = |package| of(self, package).into_iter().map(move |line| (package, line));
        let all = self.packages.iter().flat_map(named);
        all.map(|(package, line): (&PackageReport, String)| format!("{}: {line}", package.image)).collect()
    }

    /// Returns the outputs of a clean-up; whoever writes the files adds `plan-file` and `journal-file`.
    ///
    /// They say what happened. In a dry run nothing did, so `deleted`, `untagged` and `freed-bytes` are 0, as users of other
    /// clean-up actions know it (their list of what was deleted is empty then), and a step that guards on `deleted` acts only
    /// when something is gone. What a run would do is `remaining`: the same steps, not done yet, that it counts after a run
    /// that a budget ended.
    ///
    /// - `deleted`: the versions that this run deleted.
    /// - `untagged`: the tags that it took away from versions that stay.
    /// - `kept`: the versions that stay: by the plan, or since they were left.
    /// - `freed-bytes`: the blobs that only deleted versions held; at most, where not all is known.
    /// - `remaining`: the steps (versions and tags) that are left for a next run; 1 for a package that it did not come to.
    /// - `failed`: the steps that failed, the packages that could not be planned or carried out, and kept images that lost
    ///   something which is not back.
    #[must_use]
    pub fn outputs(&self) -> Vec<(&'static str, String)> {
        let Totals { versions: _, deleted, untagged, kept, freed, is_inexact: _, remaining, failed } = self.totals();
        vec![
            ("deleted", deleted.to_string()),
            ("untagged", untagged.to_string()),
            ("kept", kept.to_string()),
            ("freed-bytes", freed.to_string()),
            ("remaining", remaining.to_string()),
            ("failed", failed.to_string()),
        ]
    }

    fn totals(&self) -> Totals {
        let each = self.packages.iter().map(|package| Totals::of(package, self.dry_run));
        each.fold(Totals::default(), Totals::add)
    }

    fn title(&self) -> String {
        let what = match self.closed {
            Some(number) => format!("Clean-up of pull request {number}"),
            None => "Clean-up".to_owned(),
        };
        match self.dry_run {
            DryRun::No => what,
            DryRun::Plan => format!("{what}: plan"),
            DryRun::ByDefault | DryRun::Asked => format!("{what}: dry run"),
        }
    }

    /// Compares the packages, where there are several.
    fn overview(&self) -> Option<Block> {
        if self.packages.len() < 2 {
            return None;
        }
        if self.closed.is_some() {
            return Some(self.overview_of_closed());
        }
        let row = |package: &PackageReport| {
            let image = words::quoted(&package.image);
            let Ok(PackageResult { inventory: _, plan, too_many, applied }) = &package.result else {
                return vec![image, "failed, see below".to_owned(), String::new(), String::new(), String::new()];
            };
            let totals = Totals::of(package, self.dry_run);
            let go = plan.deleted().count();
            let (go, untag, freed) = match applied {
                Some(applied) => {
                    let (untagged, planned) = (totals.untagged, applied.untagging.len());
                    (part(totals.deleted, go), part(untagged, planned), (totals.freed, !totals.is_inexact))
                }
                None => (number(go), number(plan.untag.len()), (plan.freed.bytes, plan.freed.is_exact)),
            };
            let go = if too_many.is_some() { format!("{go} (too many)") } else { go };
            let most = if freed.1 { "" } else { "at most " };
            vec![image, number(totals.versions), go, untag, format!("{most}{}", bytes(freed.0))]
        };
        let header = match self.dry_run {
            DryRun::No => vec!["Package", "Versions", "Deleted", "Tags taken away", "Freed"],
            DryRun::Plan | DryRun::ByDefault | DryRun::Asked => {
                vec!["Package", "Versions", "Go", "Tags to take away", "Frees"]
            }
        };
        Some(Block::Table(Facts {
            header,
            rows: self.packages.iter().take(MAX_PACKAGES).map(row).collect(),
            more: self.packages.len().saturating_sub(MAX_PACKAGES),
        }))
    }

    fn overview_of_closed(&self) -> Block {
        let row = |package: &PackageReport| {
            let tags = match &package.result {
                Ok(PackageResult { applied: Some(applied), .. }) => {
                    part(applied.untagged().count(), applied.untagging.len())
                }
                Ok(PackageResult { plan, applied: None, .. }) => number(plan.untag.len()),
                Err(_) => "failed, see below".to_owned(),
            };
            vec![words::quoted(&package.image), tags]
        };
        let header = match self.dry_run {
            DryRun::No => vec!["Package", "Tags taken away"],
            DryRun::Plan | DryRun::ByDefault | DryRun::Asked => vec!["Package", "Tags to take away"],
        };
        Block::Table(Facts {
            header,
            rows: self.packages.iter().take(MAX_PACKAGES).map(row).collect(),
            more: self.packages.len().saturating_sub(MAX_PACKAGES),
        })
    }

    /// Says how to undo what was done.
    fn undo(&self) -> Option<Block> {
        let Totals { deleted, untagged, .. } = self.totals();
        if deleted + untagged == 0 {
            return None;
        }
        let (what, until) = match (deleted, untagged) {
            (0, _) => (counted(untagged, "tag"), ""),
            (_, 0) => (counted(deleted, "version"), " within 30 days"),
            (_, _) => (format!("{} and {}", counted(deleted, "version"), counted(untagged, "tag")), " within 30 days"),
        };
        let is_at_ghcr = self.packages.iter().all(|package| package.image.starts_with("ghcr.io/"));
        let host = self.packages.first().and_then(|package| package.image.split('/').next()).unwrap_or_default();
        let host = if is_at_ghcr { String::new() } else { format!(" --ghcr-host {host}") };
        Some(Block::Paragraph(format!(
            "To undo this{until}: `ghcr-lifecycle restore --journal-file PATH{host}` brings back {what}. PATH is the journal (output `journal-file`); keep that file, or in a workflow the log of the job, which holds the same lines."
        )))
    }
}

/// Says how much of something was done.
fn part(done: usize, planned: usize) -> String {
    if done == planned { number(done) } else { format!("{} of {}", number(done), number(planned)) }
}
