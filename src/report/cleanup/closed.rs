//! A closed pull request: which of its tags were taken away, and why others stay.

use super::{
    CleanupReport, PackageResult, applied,
    blocks::Block,
    quantities::{by_number, counted, number},
    tally::{Fate, Fates},
    words,
};
use crate::execute::cleanup::Applied;
use crate::policy::{
    cleanup::{CleanupPlan, PlannedVersion, VersionReason, tags_of_pull_request},
    retention::TagDecision,
};

/// Adds what became of the pull request's tags.
pub(super) fn blocks(blocks: &mut Vec<Block>, report: &CleanupReport<'_>, result: &PackageResult, pull_request: u64) {
    let PackageResult { plan, applied, .. } = result;
    let all = tags_of_pull_request(plan, report.policy, pull_request);
    let fates = Fates::of(plan);
    let stays: Vec<&(&PlannedVersion, &TagDecision)> =
        all.iter().filter(|(version, decision)| fates.fate(version, decision) != Fate::Goes).collect();
    let names = words::names(plan.untag.iter().map(|untag| words::tag(&untag.tag)));
    let done_names = applied.iter().flat_map(Applied::untagged).map(words::tag).collect::<Vec<_>>();
    let planned = plan.untag.len();
    let lead = match (applied, planned) {
        (_, 0) if all.is_empty() => format!("no tag of pull request {pull_request} is here"),
        (_, 0) => format!("every tag of pull request {pull_request} stays"),
        (None, _) => {
            format!(
                "{} of pull request {pull_request} {}: {names}",
                counted(planned, "tag"),
                by_number(planned, "goes", "go")
            )
        }
        (Some(applied), _) => {
            let done = applied.untagged().count();
            let of = if done == planned { String::new() } else { format!("{} of ", number(done)) };
            let names = if done == 0 { String::new() } else { format!(": {}", words::names(done_names.into_iter())) };
            format!("{of}{} of pull request {pull_request} taken away{names}", counted(planned, "tag"))
        }
    };
    blocks.push(Block::Lead(words::sentence(&lead)));
    let mut points = match applied {
        Some(applied) => {
            blocks.extend(applied::caution(plan, applied));
            applied::left(plan, applied)
        }
        None => Vec::new(),
    };
    points.extend(stays.iter().take(MAX_POINTS).map(|(version, decision)| {
        format!("{} stays: {}", words::tag(&decision.tag), why_it_stays(plan, version, decision, &fates))
    }));
    if let Some(more) = stays.len().checked_sub(MAX_POINTS).filter(|more| *more > 0) {
        points.push(format!("and {} more, see the plan file", number(more)));
    }
    if !points.is_empty() {
        blocks.push(Block::List(points));
    }
    if planned > 0 {
        let versions = "Versions that nothing needs any more are deleted by the next `mode: cleanup` on a schedule.";
        blocks.push(Block::Paragraph(versions.to_owned()));
    }
}

/// The most tags that are listed.
const MAX_POINTS: usize = 50;

fn why_it_stays(plan: &CleanupPlan, version: &PlannedVersion, decision: &TagDecision, fates: &Fates<'_>) -> String {
    let is_newest = |reason: &&VersionReason| matches!(reason, VersionReason::Newest { .. });
    match fates.fate(version, decision) {
        Fate::Kept | Fate::Goes | Fate::None => words::decision(decision, plan.taken_at),
        Fate::Stays if plan.tags_stay => super::notes::TAGS_STAY.to_owned(),
        Fate::Stays => match version.reasons.iter().find(is_newest) {
            Some(newest) => format!("its version is {}", words::version_reason(newest, plan.taken_at)),
            None => "the files that `references` names were not read; the next run on a schedule reads them".to_owned(),
        },
    }
}
