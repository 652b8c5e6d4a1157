//! The tags that something beside the rows decides: those that no row explains first.

use std::collections::BTreeMap;

use super::{
    quantities::{by_number, counted},
    tally::{Fate, Fates},
    words,
};
use crate::{
    model::Tag,
    policy::{
        cleanup::{CleanupPlan, VersionReason},
        retention::TagReason,
    },
};

/// Returns the tags that no row explains.
pub(super) fn unexplained(plan: &CleanupPlan) -> Vec<&Tag> {
    let tags = plan.versions.iter().flat_map(|version| &version.tags);
    tags.filter(|decision| decision.others.contains(&TagReason::Unexplained)).map(|decision| &decision.tag).collect()
}

/// Returns a sentence for each kind of tag that there is.
pub(super) fn points(plan: &CleanupPlan) -> Vec<String> {
    let fates = Fates::of(plan);
    let unexplained = unexplained(plan);
    let mut protected: BTreeMap<&str, Vec<&Tag>> = BTreeMap::new();
    let mut named: BTreeMap<&Tag, &str> = BTreeMap::new();
    let mut maybe: BTreeMap<&str, Vec<&Tag>> = BTreeMap::new();
    let (mut twice, mut left): (Vec<&Tag>, Vec<&Tag>) = (Vec::new(), Vec::new());
    let mut newest: Vec<&Tag> = Vec::new();
    for version in &plan.versions {
        let is_newest = version.reasons.iter().any(|reason| matches!(reason, VersionReason::Newest { .. }));
        for decision in &version.tags {
            for reason in &decision.others {
                match reason {
                    TagReason::Protected { pattern } => protected.entry(pattern).or_default().push(&decision.tag),
                    TagReason::Referenced { place } => {
                        named.entry(&decision.tag).or_insert(place);
                    }
                    TagReason::MayBeReferenced { place, .. } => maybe.entry(place).or_default().push(&decision.tag),
                    TagReason::OnTwoVersions => twice.push(&decision.tag),
                    TagReason::Unexplained | TagReason::OnPlaceholder | TagReason::NamesSubject => {}
                }
            }
            if fates.fate(version, decision) == Fate::Stays && !plan.tags_stay {
                if is_newest { newest.push(&decision.tag) } else { left.push(&decision.tag) }
            }
        }
    }
    twice.sort_unstable();
    twice.dedup();
    let mut points = Vec::new();
    let mut point = |tags: &[&Tag], one: &str, several: &str| {
        if !tags.is_empty() {
            let what = by_number(tags.len(), one, several);
            let names = words::names(tags.iter().map(|tag| words::tag(tag)));
            points.push(format!("{} {what}: {names}", counted(tags.len(), "tag")));
        }
    };
    point(&unexplained, "is explained by no row and stays", "are explained by no row and stay");
    for (pattern, tags) in protected.iter().take(MAX_POINTS) {
        let pattern = words::quoted(pattern);
        point(tags, &format!("stays since `protect` has {pattern}"), &format!("stay since `protect` has {pattern}"));
    }
    for (place, tags) in maybe.iter().take(MAX_POINTS) {
        let place = words::quoted(place);
        let why = format!("since {place} may name");
        point(tags, &format!("stays {why} it"), &format!("stay {why} them"));
    }
    point(
        &twice,
        "is listed on two versions at once, moves right now, and stays",
        "are listed on two versions at once, move right now, and stay",
    );
    point(
        &newest,
        "has expired, and stays on one of the newest images (`keep-at-least`)",
        "have expired, and stay on the newest images (`keep-at-least`)",
    );
    point(
        &left,
        "has expired, and stays on a version that is left",
        "have expired, and stay on versions that are left",
    );
    if !named.is_empty() {
        let each = named.iter().map(|(tag, place)| format!("{} ({})", words::tag(tag), words::quoted(place)));
        let stay = by_number(named.len(), "stays since a file names it", "stay since files name them");
        points.push(format!("{} {stay}: {}", counted(named.len(), "tag"), words::names(each)));
    }
    points
}

/// The most points of one kind.
const MAX_POINTS: usize = 10;
