//! What a clean-up says: what is kept, what goes, why, and what became of it.

use crate::{
    execute::cleanup::Applied,
    policy::{
        cleanup::{CleanupPlan, TooManyDeletions},
        rules::Policy,
    },
};

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
}
