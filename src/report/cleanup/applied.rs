//! What became of a plan: how much was done, what was left and why, and how the run ended.

use std::collections::BTreeMap;

use super::{
    blocks::{Alert, Block},
    quantities::{by_number, bytes, counted, number},
    words,
};
use crate::{
    execute::cleanup::{Applied, End, Outcome, Restored},
    model::{Digest, VersionId},
    policy::cleanup::{CleanupPlan, Freed},
};

/// The most kinds of outcome that are listed; each problem is a kind of its own.
const MAX_KINDS: usize = 20;

/// Returns what the deletions freed that were carried out. It is less, and not exact, where one in the middle was not: a later
/// one may have been the last of others to hold a blob.
pub(super) fn freed(plan: &CleanupPlan, applied: &Applied) -> Freed {
    let mut freed = Freed { bytes: 0, is_exact: plan.freed.is_exact };
    let mut something_stays = false;
    for id in plan.steps.iter().filter_map(|step| step.deleted()) {
        match applied.deletions.get(&id) {
            Some(Outcome::Done) if is_back(applied, id) => something_stays = true,
            Some(Outcome::Done) => {
                let frees = plan.version(id).map_or(0, |version| version.frees);
                freed.bytes = freed.bytes.saturating_add(frees);
                freed.is_exact &= !something_stays;
            }
            Some(Outcome::AlreadyGone) => {}
            Some(
                Outcome::Refused { .. }
                | Outcome::Failed { .. }
                | Outcome::Protected
                | Outcome::NotInBoth
                | Outcome::Remaining,
            )
            | None => something_stays = true,
        }
    }
    freed
}

fn is_back(applied: &Applied, id: VersionId) -> bool {
    applied.restored.get(&id).is_some_and(|restored| restored.problem.is_none())
}

/// Counts the versions that are gone by this run's doing; what it brought back is not.
pub(super) fn deleted(applied: &Applied) -> usize {
    applied.deleted().filter(|id| !is_back(applied, *id)).count()
}

/// Says what was done, in a sentence.
pub(super) fn lead(plan: &CleanupPlan, applied: &Applied) -> String {
    let (planned, all) = (applied.deletions.len(), plan.versions.len());
    let (deleted, untagged) = (deleted(applied), applied.untagged().count());
    let of = |done: usize, planned: usize, noun: &str| match done == planned {
        true => counted(done, noun),
        false => format!("{} of {}", number(done), counted(planned, noun)),
    };
    let mut parts = Vec::new();
    if planned > 0 {
        parts.push(format!("{} deleted", of(deleted, planned, "version")));
        if deleted == planned {
            let stay = all - planned;
            parts.push(format!("{} {}", number(stay), by_number(stay, "stays", "stay")));
        }
    } else {
        parts.push(match all {
            1 => "the only version stays".to_owned(),
            _ => format!("all {} stay", counted(all, "version")),
        });
    }
    if !applied.untagging.is_empty() {
        parts.push(format!("{} taken away", of(untagged, applied.untagging.len(), "tag")));
    }
    let Freed { bytes: freed, is_exact } = freed(plan, applied);
    if freed > 0 {
        parts.push(format!("{}{} freed", if is_exact { "" } else { "at most " }, bytes(freed)));
    }
    words::sentence(&parts.join(", "))
}

/// Adds what did not go as planned.
pub(super) fn blocks(blocks: &mut Vec<Block>, plan: &CleanupPlan, applied: &Applied) {
    blocks.extend(caution(plan, applied));
    let left = left(plan, applied);
    if !left.is_empty() {
        blocks.push(Block::List(left));
    }
}

/// Shows what must not be overlooked, if there is something.
pub(super) fn caution(plan: &CleanupPlan, applied: &Applied) -> Option<Block> {
    let lines: Vec<String> = failures(plan, applied).iter().map(|line| words::sentence(line)).collect();
    (!lines.is_empty()).then_some(Block::Alert { kind: Alert::Caution, lines })
}

/// Says what must not be overlooked: images that are broken, and a run that could not go on.
pub(super) fn failures(plan: &CleanupPlan, applied: &Applied) -> Vec<String> {
    let Applied { deletions: _, untagging: _, restored, broken, unchecked: _, end } = applied;
    let name = |digest: &Digest| {
        let version = plan.versions.iter().find(|version| version.digest == *digest);
        version.map_or_else(|| words::digest(digest), words::version)
    };
    let mut lines = Vec::new();
    for (id, Restored { digest, needed_by, problem }) in restored {
        if let Some(problem) = problem {
            lines.push(format!(
                "{} needs {} (version {id}), which is gone and could not be restored: {}; try `{}`",
                name(needed_by),
                words::digest(digest),
                words::plain(problem),
                super::notes::restore_line(&plan.image.to_string(), std::iter::once(*id)),
            ));
        }
    }
    for (image, missing) in broken {
        let missing = words::names(missing.iter().map(words::digest));
        lines.push(format!("{} has lost {missing}, which this run cannot bring back: push it again", name(image)));
    }
    lines.truncate(MAX_KINDS);
    match end {
        End::Failed { .. } => lines.extend(words::end(end, applied.remaining())),
        End::Finished | End::TimeBudget | End::Limit { .. } | End::Interrupted { .. } => {}
    }
    lines
}

/// Says which steps failed, by the problem.
pub(super) fn failed_steps(applied: &Applied) -> Vec<String> {
    let mut problems: BTreeMap<&str, usize> = BTreeMap::new();
    for outcome in applied.deletions.values().chain(applied.untagging.values()) {
        if let Outcome::Failed { problem } = outcome {
            *problems.entry(problem).or_default() += 1;
        }
    }
    let say = |(problem, steps): (&str, usize)| format!("{} failed: {}", counted(steps, "step"), words::plain(problem));
    problems.into_iter().take(MAX_KINDS).map(say).collect()
}

/// Says what was not done, by the reason.
pub(super) fn left(plan: &CleanupPlan, applied: &Applied) -> Vec<String> {
    let mut kinds: BTreeMap<(u8, String), (Vec<String>, usize, usize)> = BTreeMap::new();
    for (id, outcome) in &applied.deletions {
        if let Some(rank) = rank(outcome, &applied.end) {
            let kind = kinds.entry((rank, words::outcome(outcome))).or_default();
            kind.0.push(plan.version(*id).map_or_else(|| format!("version {id}"), words::version));
            kind.1 += 1;
        }
    }
    for (tag, outcome) in &applied.untagging {
        if let Some(rank) = rank(outcome, &applied.end) {
            let kind = kinds.entry((rank, words::outcome(outcome))).or_default();
            kind.0.push(words::tag(tag));
            kind.2 += 1;
        }
    }
    let more = kinds.len().saturating_sub(MAX_KINDS);
    let mut points: Vec<String> = kinds
        .into_iter()
        .take(MAX_KINDS)
        .map(|((_, why), (names, versions, tags))| {
            let versions = (versions > 0).then(|| counted(versions, "version"));
            let tags = (tags > 0).then(|| counted(tags, "tag"));
            let what = [versions, tags].into_iter().flatten().collect::<Vec<_>>().join(" and ");
            format!("{what} {why}: {}", words::names(names.into_iter()))
        })
        .collect();
    if more > 0 {
        points.push(format!("and {} of other kinds", counted(more, "problem")));
    }
    points
}

/// Returns what comes first of what is not done; none for what is, and for what the end of the run explains.
const fn rank(outcome: &Outcome, end: &End) -> Option<u8> {
    match outcome {
        Outcome::Done => None,
        Outcome::Failed { .. } => Some(0),
        Outcome::Refused { .. } => Some(1),
        Outcome::Protected => Some(2),
        Outcome::NotInBoth => Some(3),
        Outcome::AlreadyGone => Some(4),
        Outcome::Remaining => match end {
            End::Finished => Some(5),
            End::TimeBudget | End::Limit { .. } | End::Interrupted { .. } | End::Failed { .. } => None,
        },
    }
}
