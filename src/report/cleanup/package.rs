//! One package: what is decided first, then by row, by reason, and at last version by version.

use super::{
    CleanupReport, DryRun, PackageReport, PackageResult, Problem, ages, applied,
    blocks::{Alert, Block, Facts},
    closed,
    groups::groups,
    lists, notes,
    quantities::{by_number, bytes, counted, number},
    tally, words,
};
use crate::policy::{
    age::AgeSource,
    cleanup::{CleanupPlan, Cost, Decision, TooManyDeletions},
};

/// Returns the section of a package; its lists have at most `most` entries each.
pub(super) fn blocks(report: &CleanupReport<'_>, package: &PackageReport, most: usize) -> Vec<Block> {
    let PackageReport { image, page, settings, repository, manifests_read, result } = package;
    let mut blocks = vec![Block::Heading { text: image.clone(), link: page.clone() }];
    let links = links(settings.as_deref());
    let result = match result {
        Ok(result) => result,
        Err(problem) => {
            blocks.push(Block::Alert { kind: Alert::Caution, lines: problem_lines(problem) });
            blocks.extend(links);
            return blocks;
        }
    };
    let PackageResult { inventory, plan, too_many, applied } = result;
    if let Some(number) = report.closed {
        closed::blocks(&mut blocks, report, result, number);
        alerts(&mut blocks, report, package);
        blocks.extend(links);
        return blocks;
    }
    match applied {
        Some(applied) => blocks.push(Block::Lead(applied::lead(plan, applied))),
        None => blocks.push(Block::Lead(lead(plan))),
    }
    if let (Some(too_many), DryRun::No) = (too_many, report.dry_run) {
        blocks.push(Block::Alert { kind: Alert::Caution, lines: vec![too_many_line(too_many, report.dry_run)] });
    }
    match applied {
        Some(applied) => applied::blocks(&mut blocks, plan, applied),
        None => blocks.extend(cost(plan, report.pace).map(Block::Paragraph)),
    }
    alerts(&mut blocks, report, package);
    blocks.extend(ages::picture(plan, &groups(plan, inventory)).map(Block::Table));
    blocks.push(Block::Table(rows(plan, report)));
    blocks.push(Block::Table(reasons(plan)));
    let beside = super::beside::points(plan);
    if !beside.is_empty() {
        blocks.push(Block::List(beside));
    }
    lists::details(&mut blocks, plan, applied.as_ref(), most);
    let read = match manifests_read {
        0 => "no manifest was read anew".to_owned(),
        some => format!("{} {} read anew", counted(*some, "manifest"), by_number(*some, "was", "were")),
    };
    let repository = match repository {
        Some(repository) => format!("source repository {}", words::quoted(repository)),
        None => "no source repository is known".to_owned(),
    };
    let taken_at = plan.taken_at.format("%Y-%m-%d %H:%M UTC");
    blocks.push(Block::Paragraph(format!("As of {taken_at}; {read}; {repository}.")));
    blocks.extend(links);
    blocks
}

/// Links to the pages of a package beside the one in its heading; addresses of versions are below those of the settings.
fn links(settings: Option<&str>) -> Option<Block> {
    let settings = settings?;
    let versions = settings.strip_suffix("/settings").map(|package| format!("{package}/versions"));
    let links = [("All versions", versions), ("Settings", Some(settings.to_owned()))];
    Some(Block::Links(links.into_iter().filter_map(|(text, link)| Some((text, link?))).collect()))
}

/// Says why a package could not be planned, and what to do about it.
pub(super) fn problem_lines(problem: &Problem) -> Vec<String> {
    let Problem { message, hints, is_next_runs } = problem;
    let verb = if *is_next_runs { "did not" } else { "failed to" };
    let mut lines = vec![format!("{verb} {}; nothing of this package was changed", words::told(message))];
    lines.extend(hints.iter().map(|hint| format!("hint: {}", words::told(hint))));
    lines
}

/// Says that a plan deletes more than is allowed.
pub(super) fn too_many_line(too_many: &TooManyDeletions, dry_run: DryRun) -> String {
    let TooManyDeletions { image: _, planned, versions, limit } = too_many;
    let stops = match dry_run {
        DryRun::No => "so nothing was deleted",
        DryRun::Plan | DryRun::ByDefault | DryRun::Asked => "so a run would stop before the first deletion",
    };
    format!(
        "{} of {} would be deleted, and `max-deletions` is {limit}, {stops}. {}",
        number(*planned),
        counted(*versions, "version"),
        words::sentence(&too_many.hint())
    )
}

fn alerts(blocks: &mut Vec<Block>, report: &CleanupReport<'_>, package: &PackageReport) {
    for (kind, lines) in
        [(Alert::Warning, notes::warnings(report, package)), (Alert::Note, notes::notices(report, package))]
    {
        let lines: Vec<String> = lines.iter().map(|line| words::sentence(line)).collect();
        if !lines.is_empty() {
            blocks.push(Block::Alert { kind, lines });
        }
    }
}

/// Says what a plan does, in a sentence or two.
pub(super) fn lead(plan: &CleanupPlan) -> String {
    let (all, gone) = (plan.versions.len(), plan.deleted().count());
    let mut text = match gone {
        0 if all == 1 => "the only version stays".to_owned(),
        0 => format!("all {} stay", counted(all, "version")),
        _ => format!(
            "{} of {} {}, {} {}",
            number(gone),
            counted(all, "version"),
            by_number(gone, "goes", "go"),
            number(all - gone),
            by_number(all - gone, "stays", "stay")
        ),
    };
    if !plan.untag.is_empty() {
        let untagged = plan.untag.len();
        let are = by_number(untagged, "is", "are");
        text.push_str(&format!("; {} {are} taken away from versions that stay", counted(untagged, "tag")));
    }
    if gone > 0 && plan.freed.bytes > 0 {
        let most = if plan.freed.is_exact { "" } else { "at most " };
        text.push_str(&format!("; that frees {most}{}", bytes(plan.freed.bytes)));
    }
    words::sentence(&text)
}

/// Says what carrying out a plan costs.
fn cost(plan: &CleanupPlan, pace: u32) -> Option<String> {
    if plan.steps.is_empty() {
        return None;
    }
    let cost = Cost::of(plan);
    let seconds = cost.seconds(usize::try_from(pace).unwrap_or(usize::MAX));
    let time = match pace {
        0 => String::new(),
        _ => format!(
            ", and at least {} at {} points a minute",
            super::quantities::about(seconds),
            number(usize::try_from(pace).unwrap_or(usize::MAX))
        ),
    };
    Some(format!("Carrying it out takes {} of GitHub's API{time}.", counted(cost.requests(), "request")))
}

fn rows(plan: &CleanupPlan, report: &CleanupReport<'_>) -> Facts {
    let group = |group: &tally::Group| match group.ages(plan.taken_at) {
        Some(ages) => format!("{}: {ages} old", number(group.tags)),
        None => "0".to_owned(),
    };
    let row = |tally: tally::RowTally<'_>| {
        let tally::RowTally { row, keep, versions, kept, kept_elsewhere, gone, sources } = tally;
        let mut kept_text = group(&kept);
        if kept_elsewhere > 0 {
            kept_text.push_str(&format!("; {} not by this row", number(kept_elsewhere)));
        }
        let line = row.line.map(|line| format!(" (line {line})")).unwrap_or_default();
        vec![
            format!("{} {}{line}", row.number, words::quoted(&row.label)),
            words::keep(keep),
            number(versions),
            kept_text,
            group(&gone),
            counts_from(&sources),
        ]
    };
    Facts {
        header: vec!["Row", "Keep", "Versions", "Tags kept", "Tags that go", "Age counts from"],
        rows: tally::rows(plan, report.policy).into_iter().map(row).collect(),
        more: 0,
    }
}

fn counts_from(sources: &std::collections::BTreeMap<AgeSource, usize>) -> String {
    match sources.len() {
        1 => sources.keys().map(|source| words::age_source(*source)).collect(),
        _ => {
            let each =
                sources.iter().map(|(source, count)| format!("{} ({})", words::age_source(*source), number(*count)));
            each.collect::<Vec<_>>().join(", ")
        }
    }
}

fn reasons(plan: &CleanupPlan) -> Facts {
    let row = |(decision, why, count): (Decision, String, usize)| {
        let what = match decision {
            Decision::Keep => by_number(count, "stays", "stay"),
            Decision::Delete => by_number(count, "goes", "go"),
        };
        vec![number(count), what.to_owned(), why]
    };
    Facts { header: vec!["Versions", "", "Why"], rows: tally::reasons(plan).into_iter().map(row).collect(), more: 0 }
}
