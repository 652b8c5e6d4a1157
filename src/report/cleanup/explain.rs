//! Why one tag or version stays or goes, for `--explain`.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{
    quantities::age,
    tally::{Fate, Fates},
    words,
};
use crate::{
    model::ManifestReference,
    policy::{
        cleanup::{CleanupPlan, Decision, Explanation, PlannedVersion, VersionReason, explain},
        retention::{RowVerdict, TagDecision},
        rules::Policy,
    },
};

/// The most tags of a version that are explained with it.
const MAX_TAGS: usize = 50;

/// Explains a tag or digest of a package; none if the package has none such.
#[must_use]
pub fn explain_text(plan: &CleanupPlan, policy: &Policy, what: &ManifestReference) -> Option<String> {
    let found = explain(plan, what);
    if found.is_empty() {
        return None;
    }
    let texts: Vec<String> = found.iter().map(|one| text(plan, policy, one)).collect();
    Some(texts.join("\n"))
}

/// Explains a tag or digest of a package for programs; none if the package has none such.
#[must_use]
pub fn explain_json(plan: &CleanupPlan, policy: &Policy, what: &ManifestReference) -> Option<Value> {
    let found = explain(plan, what);
    if found.is_empty() {
        return None;
    }
    Some(json!({
        "image": plan.image.to_string(),
        "found": found.iter().map(|one| value(plan, policy, one)).collect::<Vec<_>>(),
    }))
}

fn text(plan: &CleanupPlan, policy: &Policy, explanation: &Explanation<'_>) -> String {
    let Explanation { version, tag, is_untagged: _, chain } = explanation;
    let now = plan.taken_at;
    let mut text = match tag {
        Some(decision) => format!("{}:{} {}\n", plan.image, decision.tag, becomes_of_tag(plan, explanation, decision)),
        None => format!("{}@{} {}\n", plan.image, version.digest, becomes_of_version(version)),
    };
    let by = if version.counted_tags().next().is_some() { " by its youngest tag" } else { "" };
    let _ = writeln!(text, "  version {}, {}, {} old{by}", version.id, version.digest, age(now, version.since));
    match tag {
        Some(decision) => {
            rows(&mut text, plan, policy, decision);
            let others = version.tags.iter().filter(|other| other.tag != decision.tag);
            let others: Vec<String> = others.map(|other| words::tag(&other.tag)).collect();
            if !others.is_empty() {
                let _ = writeln!(text, "  its version has {} too", words::names(others.into_iter()));
            }
        }
        None => {
            for decision in version.tags.iter().take(MAX_TAGS) {
                let _ = writeln!(text, "  tag {}", words::tag(&decision.tag));
                rows(&mut text, plan, policy, decision);
            }
            if let Some(more) = version.tags.len().checked_sub(MAX_TAGS).filter(|more| *more > 0) {
                let _ = writeln!(text, "  and {more} tags more");
            }
        }
    }
    let verb = match version.decision {
        Decision::Keep => "stays",
        Decision::Delete => "goes",
    };
    for reason in &version.reasons {
        let _ = writeln!(text, "  the version {verb}: {}", words::version_reason(reason, now));
    }
    let mut above = *version;
    for next in chain {
        let _ = writeln!(text, "  {}", link(above, next));
        above = next;
    }
    if let Some(root) = chain.last() {
        for reason in &root.reasons {
            let _ = writeln!(text, "  {} stays: {}", words::version(root), words::version_reason(reason, now));
        }
        for decision in root.tags.iter().filter(|decision| decision.keeps()).take(MAX_TAGS) {
            let _ = writeln!(text, "    {}: {}", words::tag(&decision.tag), words::decision(decision, now));
        }
    }
    text
}

/// Says how a version is reached from the one above it.
fn link(version: &PlannedVersion, above: &PlannedVersion) -> String {
    let is_child =
        version.reasons.iter().any(|reason| matches!(reason, VersionReason::ChildOf { id, .. } if *id == above.id));
    let how = if is_child { "is listed by" } else { "refers to" };
    format!("{} {how} {}", words::version(version), words::version(above))
}

fn rows(text: &mut String, plan: &CleanupPlan, policy: &Policy, decision: &TagDecision) {
    for verdict in &decision.rows {
        let decides = verdict.keeps == decision.keeps();
        let RowVerdict { row: _, role, keeps, reasons } = verdict;
        let says: Vec<String> = reasons.iter().map(|life| words::life(life, plan.taken_at)).collect();
        let _ = writeln!(
            text,
            "  {} explains it as {} and {} it{}: {}",
            row(policy, verdict.row),
            words::role(*role),
            if *keeps { "keeps" } else { "does not keep" },
            if decides { " (this decides)" } else { "" },
            says.join(", and "),
        );
    }
    for other in &decision.others {
        let _ = writeln!(text, "  {}", words::tag_reason(other));
    }
}

fn row(policy: &Policy, number: usize) -> String {
    let rule = policy.rules.iter().find(|rule| rule.row.number == number);
    rule.map_or_else(|| format!("row {number}"), |rule| format!("{}, `keep: {}`,", rule.row, words::keep(&rule.keep)))
}

fn becomes_of_version(version: &PlannedVersion) -> &'static str {
    match version.decision {
        Decision::Keep => "stays",
        Decision::Delete => "goes",
    }
}

fn becomes_of_tag(plan: &CleanupPlan, explanation: &Explanation<'_>, decision: &TagDecision) -> &'static str {
    let version = explanation.version;
    if explanation.is_untagged {
        return "is taken away from its version, which stays";
    }
    match (Fates::of(plan).fate(version, decision), version.decision) {
        (Fate::Kept, _) => "stays",
        (Fate::Goes, _) | (Fate::None, Decision::Delete) => "goes with its version",
        (Fate::None, Decision::Keep) => "stays with its version",
        (Fate::Stays, _) if plan.tags_stay => {
            "has expired and stays: no other tagged version would remain, and GitHub refuses to delete the last one"
        }
        (Fate::Stays, _) => "has expired and stays with its version",
    }
}

fn value(plan: &CleanupPlan, policy: &Policy, explanation: &Explanation<'_>) -> Value {
    let Explanation { version, tag, is_untagged, chain } = explanation;
    let now = plan.taken_at;
    let decision = |decision: &TagDecision| {
        let rows = decision.rows.iter().map(|verdict| {
            let RowVerdict { row, role, keeps, reasons } = verdict;
            let rule = policy.rules.iter().find(|rule| rule.row.number == *row);
            json!({
                "row": row,
                "line": rule.and_then(|rule| rule.row.line),
                "on": rule.map(|rule| rule.row.label.as_str()),
                "keep": rule.map(|rule| words::keep(&rule.keep)),
                "role": role,
                "keeps": keeps,
                "decides": *keeps == decision.keeps(),
                "reasons": reasons,
                "words": reasons.iter().map(|life| words::life(life, now)).collect::<Vec<_>>(),
            })
        });
        json!({
            "tag": decision.tag,
            "rows": rows.collect::<Vec<_>>(),
            "others": decision.others,
            "words": decision.others.iter().map(words::tag_reason).collect::<Vec<_>>(),
        })
    };
    json!({
        "id": version.id,
        "digest": version.digest,
        "decision": version.decision,
        "since": version.since.to_rfc3339(),
        "tag": tag.map(|tag| &tag.tag),
        "untagged": is_untagged,
        "becomes": tag.map_or_else(|| becomes_of_version(version), |tag| becomes_of_tag(plan, explanation, tag)),
        "tags": version.tags.iter().map(decision).collect::<Vec<_>>(),
        "reasons": version.reasons,
        "words": version.reasons.iter().map(|reason| words::version_reason(reason, now)).collect::<Vec<_>>(),
        "reached-through": chain.iter().map(|above| json!({"id": above.id, "digest": above.digest})).collect::<Vec<_>>(),
    })
}
