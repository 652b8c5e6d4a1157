//! The report as one JSON document. What is said in words elsewhere stands beside the numbers.

use serde_json::{Value, json};

use super::{CleanupReport, DryRun, PackageReport, PackageResult, Problem, Totals, lists, notes, tally, words};
use crate::{
    execute::cleanup::{Applied, End, Outcome},
    policy::cleanup::{CleanupPlan, Cost, Findings, PartialIndex, PlannedUntag, PlannedVersion},
};

/// Returns the document.
pub(super) fn document(report: &CleanupReport<'_>) -> Value {
    let CleanupReport { mode, policy: _, dry_run, closed, pace: _, packages } = report;
    let Totals { versions, deleted, untagged, kept, freed, is_inexact, remaining, failed } = report.totals();
    json!({
        "mode": mode,
        "dry-run": *dry_run != DryRun::No,
        "pull-request": closed,
        "versions": versions,
        "deleted": deleted,
        "untagged": untagged,
        "kept": kept,
        "freed-bytes": freed,
        "freed-bytes-exact": !is_inexact,
        "remaining": remaining,
        "failed": failed,
        "packages": packages.iter().map(|one| package(report, one)).collect::<Vec<_>>(),
        "warnings": report.warnings(),
        "notices": report.notices(),
        "failures": report.failures(),
    })
}

fn package(report: &CleanupReport<'_>, package: &PackageReport) -> Value {
    let PackageReport { image, page, settings, repository, manifests_read, result } = package;
    let mut value = json!({
        "image": image,
        "page": page,
        "settings": settings,
        "repository": repository,
        "manifests-read": manifests_read,
    });
    let more = match result {
        Err(Problem { message, hints, is_next_runs }) => {
            json!({"problem": {"message": message, "hints": hints, "next-run": is_next_runs}})
        }
        Ok(PackageResult { inventory: _, plan, too_many, applied }) => {
            let mut planned = planned(report, plan);
            planned["too-many"] = match too_many {
                Some(too_many) => json!({"allow": too_many.planned, "limit": too_many.limit.to_string()}),
                None => Value::Null,
            };
            planned["applied"] = applied.as_ref().map_or(Value::Null, |applied| outcomes(plan, applied));
            planned
        }
    };
    if let (Some(value), Value::Object(more)) = (value.as_object_mut(), more) {
        value.extend(more);
    }
    value
}

fn planned(report: &CleanupReport<'_>, plan: &CleanupPlan) -> Value {
    let now = plan.taken_at;
    let cost = Cost::of(plan);
    let pace = usize::try_from(report.pace).unwrap_or(usize::MAX);
    let rows = tally::rows(plan, report.policy).into_iter().map(|tally| {
        let group = |group: &tally::Group| json!({"tags": group.tags, "ages": group.ages(now)});
        json!({
            "row": tally.row.number,
            "line": tally.row.line,
            "on": tally.row.label,
            "keep": words::keep(tally.keep),
            "versions": tally.versions,
            "kept": group(&tally.kept),
            "kept-for-another-reason": tally.kept_elsewhere,
            "go": group(&tally.gone),
            "age-counts-from": tally.sources.keys().map(|source| words::age_source(*source)).collect::<Vec<_>>(),
        })
    });
    let reasons = tally::reasons(plan).into_iter();
    let reasons = reasons.map(|(decision, why, count)| json!({"decision": decision, "why": why, "versions": count}));
    let deleted = plan.deleted().map(|version| {
        let PlannedVersion { id, digest, tags, since, .. } = version;
        let tags: Vec<_> = tags.iter().map(|decision| &decision.tag).collect();
        json!({"id": id, "digest": digest, "tags": tags, "since": since.to_rfc3339(), "why": lists::why(version, plan)})
    });
    let untag = plan.untag.iter().map(|untag| {
        let PlannedUntag { tag, digest, id } = untag;
        let why = plan.decision_on(untag).map(|decision| words::decision(decision, now));
        json!({"tag": tag, "digest": digest, "id": id, "why": why})
    });
    let Findings { orphaned_referrers, partial_indexes, left_unreadable } = &plan.findings;
    let incomplete = partial_indexes.iter().map(|index| {
        let PartialIndex { id, missing, restorable, is_ghost } = index;
        let restore =
            (!restorable.is_empty()).then(|| notes::restore_line(&plan.image.to_string(), restorable.iter().copied()));
        json!({"id": id, "missing": missing, "restorable": restorable, "nothing-left": is_ghost, "restore": restore})
    });
    json!({
        "taken-at": now.to_rfc3339(),
        "versions": plan.versions.len(),
        "rows": rows.collect::<Vec<_>>(),
        "reasons": reasons.collect::<Vec<_>>(),
        "unexplained": super::beside::unexplained(plan),
        "delete": deleted.collect::<Vec<_>>(),
        "untag": untag.collect::<Vec<_>>(),
        "expired-tags-stay": plan.tags_stay,
        "frees-bytes": plan.freed.bytes,
        "frees-bytes-exact": plan.freed.is_exact,
        "requests": cost.requests(),
        "seconds": cost.seconds(pace),
        "incomplete-indexes": incomplete.collect::<Vec<_>>(),
        "orphaned-referrers": orphaned_referrers,
        "left-unreadable": left_unreadable,
    })
}

fn outcomes(plan: &CleanupPlan, applied: &Applied) -> Value {
    let Applied { deletions, untagging, restored, broken, unchecked, end } = applied;
    let deletions =
        deletions.iter().map(|(id, outcome)| json!({"id": id, "outcome": name(outcome), "why": why(outcome)}));
    let untagging =
        untagging.iter().map(|(tag, outcome)| json!({"tag": tag, "outcome": name(outcome), "why": why(outcome)}));
    let restored = restored.iter().map(|(id, restored)| {
        json!({"id": id, "digest": restored.digest, "needed-by": restored.needed_by, "problem": restored.problem})
    });
    let broken = broken.iter().map(|(digest, missing)| json!({"digest": digest, "missing": missing}));
    let ended = match end {
        End::Finished => "finished",
        End::TimeBudget => "time-budget",
        End::Limit { .. } => "limit",
        End::Interrupted { .. } => "interrupted",
        End::Failed { .. } => "failed",
    };
    json!({
        "deletions": deletions.collect::<Vec<_>>(),
        "untagging": untagging.collect::<Vec<_>>(),
        "restored": restored.collect::<Vec<_>>(),
        "broken": broken.collect::<Vec<_>>(),
        "unchecked": unchecked,
        "end": ended,
        "end-why": words::end(end, applied.remaining()),
        "freed-bytes": super::applied::freed(plan, applied).bytes,
    })
}

const fn name(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "done",
        Outcome::AlreadyGone => "already-gone",
        Outcome::Refused { .. } => "refused",
        Outcome::Failed { .. } => "failed",
        Outcome::Protected => "protected",
        Outcome::NotInBoth => "not-in-both",
        Outcome::Remaining => "remaining",
    }
}

fn why(outcome: &Outcome) -> Option<String> {
    (*outcome != Outcome::Done).then(|| words::outcome(outcome))
}
