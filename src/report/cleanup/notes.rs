//! What a maintainer should know beside the decisions: warnings where something may be wrong, notices otherwise. A fragment
//! each, without the package's name.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    CleanupReport, DryRun, PackageReport, PackageResult, Problem, package,
    quantities::{by_number, counted, number},
    words,
};
use crate::{
    execute::cleanup::{Applied, End, Restored},
    model::VersionId,
    policy::{
        cleanup::{CleanupPlan, Cost, Findings, PartialIndex, tags_of_pull_request},
        retention::{Fact, Life, TagDecision, TagReason},
    },
};

/// Why expired tags stay.
pub(super) const TAGS_STAY: &str =
    "no other tagged version would remain, and GitHub refuses to delete the last one, which taking tags away needs";

/// The requests that a GITHUB_TOKEN has an hour for a repository.
const TOKEN_REQUESTS: usize = 1_000;

/// The most warnings of one kind for a package.
const MAX_OF_A_KIND: usize = 10;

/// The most versions in a `restore` line: a longer one is no longer read before it is run.
const MAX_RESTORED: usize = 200;

/// Returns the line that brings versions back.
pub(super) fn restore_line(image: &str, ids: impl Iterator<Item = VersionId>) -> String {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    format!("ghcr-lifecycle restore --image {image} --versions {}", ids.join(","))
}

/// Returns what may be wrong with a package.
pub(super) fn warnings(report: &CleanupReport<'_>, package: &PackageReport) -> Vec<String> {
    let Ok(PackageResult { plan, too_many, applied, .. }) = &package.result else { return Vec::new() };
    let mut warnings = Vec::new();
    if let (Some(too_many), DryRun::Plan | DryRun::ByDefault | DryRun::Asked) = (too_many, report.dry_run) {
        warnings.push(package::too_many_line(too_many, report.dry_run));
    }
    warnings.extend(unknown(report, package, plan));
    if report.closed.is_some() {
        return warnings;
    }
    warnings.extend(unresolved(plan));
    let Findings { orphaned_referrers: _, partial_indexes, left_unreadable } = &plan.findings;
    warnings.extend(restorable(&package.image, partial_indexes));
    if !left_unreadable.is_empty() {
        let many = left_unreadable.len();
        warnings.push(format!(
            "{} that nothing keeps {} left, since the {} cannot be read: {}",
            counted(many, "version"),
            by_number(many, "is", "are"),
            by_number(many, "manifest", "manifests"),
            words::names(
                left_unreadable
                    .iter()
                    .filter_map(|id| plan.version(*id))
                    .map(words::version)
                    .collect::<Vec<_>>()
                    .into_iter()
            ),
        ));
    }
    if let Some(Applied { deletions: _, untagging: _, restored, broken: _, unchecked, end }) = applied {
        let back: Vec<(&VersionId, &Restored)> =
            restored.iter().filter(|(_, restored)| restored.problem.is_none()).collect();
        if !back.is_empty() {
            let names = back.iter().map(|(id, restored)| format!("{} (version {id})", words::digest(&restored.digest)));
            warnings.push(format!(
                "{} that kept images need {} gone in the end, and {} restored: {}",
                counted(back.len(), "version"),
                by_number(back.len(), "was", "were"),
                by_number(back.len(), "is", "are"),
                words::names(names),
            ));
        }
        // A limit that ended the run leaves nothing for the check either: that is told, and nobody has to be warned.
        if let (Some(problem), false) = (unchecked, matches!(end, End::Limit { .. })) {
            warnings.push(unchecked_line(problem));
        }
    }
    warnings
}

fn unchecked_line(problem: &str) -> String {
    format!(
        "whether kept images are complete could not be checked at the end: {}; the next run checks it",
        words::plain(problem)
    )
}

/// A fact that is not known, and why; none where nobody asked.
type Lack<'a> = (Fact, Option<&'a str>);

/// What is kept since a fact is not known.
#[derive(Default)]
struct Affected {
    rows: BTreeSet<usize>,
    tags: usize,
}

/// Says which facts are not known, so that tags are kept that may have expired.
fn unknown(report: &CleanupReport<'_>, package: &PackageReport, plan: &CleanupPlan) -> Vec<String> {
    let mut kinds: BTreeMap<Lack<'_>, Affected> = BTreeMap::new();
    let decisions: Vec<&TagDecision> = match report.closed {
        Some(number) => tags_of_pull_request(plan, report.policy, number).into_iter().map(|(_, tag)| tag).collect(),
        None => plan.versions.iter().flat_map(|version| &version.tags).collect(),
    };
    for decision in decisions {
        let mut own: BTreeMap<Lack<'_>, BTreeSet<usize>> = BTreeMap::new();
        let is_open = |life: &Life| matches!(life, Life::Unknown { .. });
        let only_unknown = decision.others.is_empty()
            && decision.keeps()
            && decision.deciding().flat_map(|row| &row.reasons).all(is_open);
        if !only_unknown {
            continue;
        }
        for row in decision.deciding() {
            for life in &row.reasons {
                if let Life::Unknown { fact, problem } = life {
                    own.entry((*fact, problem.as_deref())).or_default().insert(row.row);
                }
            }
        }
        for (kind, rows) in own {
            let affected = kinds.entry(kind).or_default();
            affected.rows.extend(rows);
            affected.tags += 1;
        }
    }
    let say = |((fact, problem), Affected { rows, tags }): (Lack<'_>, Affected)| {
        // What was said may come with its remedy; where it is the permission, this names it once, and whole.
        let refused = problem.and_then(|problem| problem.split_once("; grant `")).map(|(said, _)| said);
        let why = match refused.or(problem) {
            Some(problem) => format!("could not be read: {}", words::plain(problem)),
            None => "were not asked for".to_owned(),
        };
        let remedy = match (&package.repository, refused) {
            (None, _) => {
                "link the package to its source repository, or name that in the policy: `repository: owner/name`"
                    .to_owned()
            }
            (Some(_), Some(_)) => format!("grant `{}` to the job", fact.permission()),
            (Some(_), None) => "run it again".to_owned(),
        };
        let rows_named = rows.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        format!(
            "{} that may have expired {}, since {} {why} ({} {rows_named}); {remedy}",
            counted(tags, "tag"),
            by_number(tags, "stays", "stay"),
            words::fact(fact),
            by_number(rows.len(), "row", "rows"),
        )
    };
    kinds.into_iter().take(MAX_OF_A_KIND).map(say).collect()
}

/// Says which references could not be resolved.
fn unresolved(plan: &CleanupPlan) -> Vec<String> {
    let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for reason in plan.versions.iter().flat_map(|version| &version.tags).flat_map(|decision| &decision.others) {
        if let TagReason::MayBeReferenced { place, pattern } = reason {
            *places.entry((place, pattern)).or_default() += 1;
        }
    }
    let more = places.len().saturating_sub(MAX_OF_A_KIND);
    let mut lines: Vec<String> = places
        .into_iter()
        .take(MAX_OF_A_KIND)
        .map(|((place, pattern), tags)| {
            let what = match pattern.trim_matches('*') {
                "" => "a tag that cannot be resolved".to_owned(),
                _ => format!("a tag that cannot be resolved ({})", words::quoted(pattern)),
            };
            format!(
                "{} names {what}, so that {} that it could name {}",
                words::quoted(place),
                counted(tags, "tag"),
                by_number(tags, "stays", "stay")
            )
        })
        .collect();
    if more > 0 {
        lines.push(format!("{} of files cannot be resolved either", counted(more, "more reference")));
    }
    lines
}

/// Says how to bring back what kept indexes have lost.
fn restorable(image: &str, indexes: &[PartialIndex]) -> Option<String> {
    let lost: BTreeSet<VersionId> = indexes.iter().flat_map(|index| &index.restorable).copied().collect();
    let indexes = indexes.iter().filter(|index| !index.restorable.is_empty()).count();
    if lost.is_empty() {
        return None;
    }
    let more = match lost.len().checked_sub(MAX_RESTORED).filter(|more| *more > 0) {
        Some(more) => format!(", and then for {} more", number(more)),
        None => String::new(),
    };
    Some(format!(
        "{} that {} {} {} deleted and can still be restored: `{}`{more}",
        counted(lost.len(), "manifest"),
        counted(indexes, "kept index"),
        by_number(indexes, "lists", "list"),
        by_number(lost.len(), "was", "were"),
        restore_line(image, lost.into_iter().take(MAX_RESTORED)),
    ))
}

/// Returns what is worth knowing of a package.
pub(super) fn notices(report: &CleanupReport<'_>, package: &PackageReport) -> Vec<String> {
    let PackageResult { plan, applied, .. } = match &package.result {
        Ok(result) => result,
        Err(Problem { is_next_runs: true, message, hints: _ }) => {
            return vec![format!("the run did not come to it; it is the next run's: {}", words::told(message))];
        }
        Err(Problem { is_next_runs: false, .. }) => return Vec::new(),
    };
    let mut notices = Vec::new();
    if let Some(Applied { unchecked: Some(problem), end: End::Limit { .. }, .. }) = applied {
        notices.push(unchecked_line(problem));
    }
    if plan.tags_stay && report.closed.is_none() {
        notices.push(format!("expired tags stay: {TAGS_STAY}"));
    }
    let Findings { orphaned_referrers, partial_indexes, left_unreadable: _ } = &plan.findings;
    let gone: usize = partial_indexes.iter().filter(|index| index.missing.len() > index.restorable.len()).count();
    if gone > 0 {
        let ghosts = partial_indexes.iter().filter(|index| index.is_ghost).count();
        let ghosts = match ghosts {
            0 => String::new(),
            some => format!("; {} of them {} none left", number(some), by_number(some, "has", "have")),
        };
        notices.push(format!(
            "{} {} manifests that are gone and not known to be restorable, so that pulling may fail{ghosts}",
            counted(gone, "kept index"),
            by_number(gone, "lists", "list"),
        ));
    }
    if !orphaned_referrers.is_empty() {
        let many = orphaned_referrers.len();
        let named = orphaned_referrers.iter().filter_map(|id| plan.version(*id)).map(words::version);
        notices.push(format!(
            "{} {}, since what {} to is not in this package: {}",
            by_number(
                many,
                "1 referrer (a signature, an attestation)",
                &format!("{} (signatures, attestations)", counted(many, "referrer"))
            ),
            by_number(many, "stays", "stay"),
            by_number(many, "it refers", "they refer"),
            words::names(named.collect::<Vec<_>>().into_iter()),
        ));
    }
    if let Some(applied) = applied {
        match &applied.end {
            End::Failed { .. } => {}
            end @ (End::Finished | End::TimeBudget | End::Limit { .. } | End::Interrupted { .. }) => {
                notices.extend(words::end(end, applied.remaining()));
            }
        }
    }
    notices
}

/// Returns what is worth knowing of the run as a whole.
pub(super) fn of_run(report: &CleanupReport<'_>) -> Vec<String> {
    let mut notices = Vec::new();
    let is_planned = report.packages.iter().any(|package| package.result.is_ok());
    match report.dry_run {
        // There is nothing to agree to.
        _ if !is_planned => {}
        DryRun::ByDefault => notices.push(
            "nothing was changed: `dry-run` is `true` unless it is given. If this is what should happen, set `dry-run: false`"
                .to_owned(),
        ),
        DryRun::Asked => notices.push("nothing was changed: this was a dry run".to_owned()),
        DryRun::Plan | DryRun::No => {}
    }
    let planned = report.packages.iter().filter_map(|package| package.result.as_ref().ok());
    let requests: usize =
        planned.filter(|result| result.applied.is_none()).map(|result| Cost::of(&result.plan).requests()).sum();
    if requests > TOKEN_REQUESTS {
        notices.push(format!(
            "carrying it out takes {}, and a GITHUB_TOKEN has {} an hour: a run stops in good order when they are spent, and the next one goes on. About {} are needed; a classic personal access token has 5,000 an hour",
            counted(requests, "request"),
            number(TOKEN_REQUESTS),
            counted(requests.div_ceil(TOKEN_REQUESTS), "run"),
        ));
    }
    notices
}
