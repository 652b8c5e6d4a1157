//! The inventory of a package for the page: each image with its tags, its parts, its size, what becomes of it and why.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{
    CleanupReport, PackageResult, applied,
    groups::{Group, Member, groups},
    lists, package,
    quantities::{age, bytes, counted, number},
    tally::{Fate, Fates, RowTally},
    words,
};
use crate::{
    execute::cleanup::{Applied, Outcome},
    policy::{
        cleanup::{CleanupPlan, Decision, VersionReason},
        retention::{Life, TagDecision, TagVerdict},
    },
};

/// The most images of a package that the page lists: a browser that lays out more of them is no help to anybody.
const MOST_IMAGES: usize = 20_000;

/// The most tags of one image, and the most parts, that the page lists.
const MOST_OF_ONE: usize = 200;

/// Returns what the page says of a package beside the report's document.
pub(super) fn document(report: &CleanupReport<'_>, result: &PackageResult) -> Value {
    let PackageResult { inventory, plan, too_many: _, applied } = result;
    let all = groups(plan, inventory);
    let mut shown: Vec<&Group<'_>> = all.iter().collect();
    // What goes is what the page is read for.
    shown.sort_by_key(|group| {
        (group.head.planned.decision == Decision::Keep, std::cmp::Reverse(group.head.planned.since))
    });
    let left_out = shown.len().saturating_sub(MOST_IMAGES);
    shown.truncate(MOST_IMAGES);
    let teller = Teller { plan, applied: applied.as_ref(), fates: Fates::of(plan) };
    let lead = match applied {
        Some(applied) => applied::lead(plan, applied),
        None => package::lead(plan),
    };
    json!({
        "lead": lead,
        "as-of": plan.taken_at.format("%Y-%m-%d %H:%M UTC").to_string(),
        "figures": figures(plan, applied.as_ref(), all.len()),
        "untagged-seconds": report.policy.untagged.map(|keep| keep.as_secs()),
        "beside": super::beside::points(plan),
        "images": shown.into_iter().map(|group| teller.image(group)).collect::<Vec<_>>(),
        "images-left-out": left_out,
    })
}

/// Returns what the page says of a row beside the report's document.
pub(super) fn row(tally: &RowTally<'_>) -> Value {
    json!({"keep-seconds": tally.keep.duration.map(|keep| keep.as_secs())})
}

/// The numbers that matter most, each with its unit.
fn figures(plan: &CleanupPlan, applied: Option<&Applied>, images: usize) -> Value {
    let all = plan.versions.len();
    let (gone, untagged, freed, words) = match applied {
        Some(done) => {
            let words = ["deleted", "tags taken away", "freed"];
            (applied::deleted(done), done.untagged().count(), applied::freed(plan, done), words)
        }
        None => (plan.deleted().count(), plan.untag.len(), plan.freed, ["go", "tags are taken away", "would be freed"]),
    };
    let most = if freed.is_exact { "" } else { "at most " };
    let of = format!("versions, of {}", counted(images, "image"));
    json!([
        {"kind": "all", "value": number(all), "unit": of},
        {"kind": "stays", "value": number(all - gone), "unit": if applied.is_some() { "versions left" } else { "versions stay" }},
        {"kind": "goes", "value": number(gone), "unit": format!("versions {}", words[0])},
        {"kind": "loses", "value": number(untagged), "unit": words[1]},
        {"kind": "freed", "value": format!("{most}{}", bytes(freed.bytes)), "unit": words[2]},
    ])
}

/// Tells what becomes of things.
struct Teller<'a> {
    plan: &'a CleanupPlan,
    applied: Option<&'a Applied>,
    fates: Fates<'a>,
}

impl Teller<'_> {
    fn image(&self, group: &Group<'_>) -> Value {
        let (plan, version) = (self.plan, group.head.planned);
        let now = plan.taken_at;
        let tags: Vec<Value> = version.tags.iter().take(MOST_OF_ONE).map(|tag| self.tag(&group.head, tag)).collect();
        let goes = |tag: &&TagDecision| self.fates.fate(version, tag) == Fate::Goes;
        let lost = version.tags.iter().filter(goes).count();
        let (fate, becomes) = match (version.decision, lost) {
            (Decision::Delete, _) => ("goes", self.becomes(&group.head)),
            (Decision::Keep, 0) => ("stays", "stays".to_owned()),
            (Decision::Keep, lost) => ("loses", format!("loses {}", counted(lost, "tag"))),
        };
        json!({
            "id": version.id,
            "digest": version.digest,
            "kind": group.head.kind(),
            "fate": fate,
            "becomes": becomes,
            "outcome": self.outcome(&group.head),
            "since": version.since.timestamp(),
            "age": age(now, version.since),
            "created": group.head.found.map(|found| date(found.created_at)),
            "bytes": group.bytes,
            "size": group.bytes.map(bytes),
            "why": self.why(&group.head),
            "own-reasons": self.own_reasons(&group.head),
            "tags": tags,
            "tags-left-out": version.tags.len().saturating_sub(MOST_OF_ONE),
            "parts": group.parts.iter().take(MOST_OF_ONE).map(|part| self.part(group, part)).collect::<Vec<_>>(),
            "parts-left-out": group.parts.len().saturating_sub(MOST_OF_ONE),
        })
    }

    fn tag(&self, head: &Member<'_>, decision: &TagDecision) -> Value {
        let now = self.plan.taken_at;
        let mut rows: Vec<usize> = decision.rows.iter().map(|row| row.row).collect();
        rows.dedup();
        let since = decision.rows.iter().flat_map(|row| &row.reasons).find_map(|life| match life {
            Life::Young(span) | Life::Old(span) => Some(span.since),
            _ => None,
        });
        let fate = match self.fates.fate(head.planned, decision) {
            Fate::Goes => "goes",
            Fate::Kept | Fate::Stays => "stays",
            Fate::None => "none",
        };
        json!({
            "name": decision.tag,
            "fate": fate,
            "rows": rows,
            "since": since.unwrap_or(head.planned.since).timestamp(),
            "why": words::decision(decision, now),
            "outcome": self.applied.and_then(|applied| applied.untagging.get(&decision.tag)).and_then(said),
        })
    }

    fn part(&self, group: &Group<'_>, part: &Member<'_>) -> Value {
        json!({
            "id": part.planned.id,
            "digest": part.planned.digest,
            "role": group.role(part),
            "size": part.bytes().map(bytes),
            "tags": part.planned.tags.iter().take(MOST_OF_ONE).map(|decision| &decision.tag).collect::<Vec<_>>(),
            "outcome": self.outcome(part),
        })
    }

    /// Says why in a sentence or two: what decided about its tags, and what decided about itself.
    fn why(&self, member: &Member<'_>) -> String {
        let (plan, version) = (self.plan, member.planned);
        if version.decision == Decision::Delete {
            return lists::why(version, plan);
        }
        let mut clauses: Vec<String> = Vec::new();
        for decision in version.tags.iter().filter(|decision| decision.verdict == TagVerdict::Keep) {
            let clause = words::decision(decision, plan.taken_at);
            if !clauses.contains(&clause) {
                clauses.push(clause);
            }
        }
        words::bounded(clauses.into_iter().chain(self.own_reasons(member)))
    }

    /// Says why it stays or goes beside its tags.
    fn own_reasons(&self, member: &Member<'_>) -> Vec<String> {
        let of_tags = |reason: &&VersionReason| matches!(reason, VersionReason::Tagged | VersionReason::TagsExpired);
        let own = member.planned.reasons.iter().filter(|reason| !of_tags(reason));
        own.map(|reason| words::version_reason(reason, self.plan.taken_at)).collect()
    }

    fn becomes(&self, member: &Member<'_>) -> String {
        let outcome = self.applied.and_then(|applied| applied.deletions.get(&member.planned.id));
        match outcome {
            None => "goes",
            Some(Outcome::Done | Outcome::AlreadyGone) => "deleted",
            Some(Outcome::Remaining) => "not yet",
            Some(Outcome::Failed { .. }) => "failed",
            Some(Outcome::Refused { .. } | Outcome::Protected | Outcome::NotInBoth) => "left",
        }
        .to_owned()
    }

    /// Says what became of a version, if that is not what was planned.
    fn outcome(&self, member: &Member<'_>) -> Option<String> {
        self.applied.and_then(|applied| applied.deletions.get(&member.planned.id)).and_then(said)
    }
}

fn said(outcome: &Outcome) -> Option<String> {
    (*outcome != Outcome::Done).then(|| words::outcome(outcome))
}

fn date(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}
