//! Pairs of rows that explain the same tags: each row's example tags are tried on all others.

use std::{cell::LazyCell, collections::BTreeSet};

use super::{
    life::{Part, lengthened, own},
    remedy::Remedy,
    samples::{Sample, samples},
};
use crate::{
    model::Tag,
    policy::{
        inversion::{Inversion, Role},
        rules::{Policy, Protected, Row, TagRule},
    },
};

/// A row that lengthens the life of another row's tags.
#[derive(Clone, Debug)]
pub struct Overlap {
    /// The row whose tags live longer than it says.
    pub row: Row,
    /// The row that explains them as well.
    pub by: Row,
    /// A tag of the first.
    pub tag: Tag,
    /// What it is to the second.
    pub role: Role,
    /// How long the first keeps it.
    pub own: Vec<Part>,
    /// How long it is kept: while any of these holds.
    pub result: Vec<Part>,
    /// What sets the rows apart; none where nothing was found that surely does.
    pub remedy: Option<Remedy>,
}

/// The most rows that are held against each other: a policy of more is not read by a person either, and each pair costs.
const MOST_ROWS: usize = 100;

/// A row with what it explains and its example tags.
#[derive(Debug)]
pub(super) struct Tried<'a> {
    pub(super) rule: &'a TagRule,
    pub(super) inversion: Inversion,
    pub(super) samples: Vec<Sample>,
}

impl<'a> Tried<'a> {
    pub(super) fn of(rule: &'a TagRule, policy: &Policy) -> Self {
        let (inversion, mut samples) = (Inversion::of(rule), samples(rule, policy));
        // What its `match` does not fit, the row does not keep.
        samples.retain(|sample| inversion.explain(&sample.tag).is_some());
        Self { rule, inversion, samples }
    }

    /// Tells whether another row's `tag` explains every `tag` of this one.
    fn is_within(&self, other: &Self) -> bool {
        let mut own = self.samples.iter().filter(|sample| sample.role == Role::Tag).peekable();
        own.peek().is_some() && own.all(|sample| other.inversion.explain_as(Role::Tag, &sample.tag).is_some())
    }
}

/// Makes the rows ready to be held against each other, in the order of the file, and tells how many are left out.
pub(super) fn tried(policy: &Policy) -> (Vec<Tried<'_>>, usize) {
    let mut rules: Vec<&TagRule> = policy.rules.iter().collect();
    rules.sort_by_key(|rule| rule.row.number);
    let rows = rules.into_iter().take(MOST_ROWS).map(|rule| Tried::of(rule, policy)).collect();
    (rows, policy.rules.len().saturating_sub(MOST_ROWS))
}

/// Returns one overlap for each pair of rows that has any.
pub(super) fn overlaps(rows: &[Tried<'_>], policy: &Policy) -> Vec<Overlap> {
    let pairs = rows.iter().enumerate().flat_map(|(at, one)| rows[at + 1..].iter().map(move |other| (one, other)));
    pairs.filter_map(|(one, other)| overlap_of_pair(one, other, policy)).collect()
}

/// Returns how one of two rows lengthens the other.
pub(super) fn overlap_of_pair(one: &Tried<'_>, other: &Tried<'_>, policy: &Policy) -> Option<Overlap> {
    overlap(one, other, policy).or_else(|| overlap(other, one, policy))
}

/// Returns the most typical tag of a row that another row lets live longer.
///
/// A row that explains less is the exception to a row that explains all of its tags: that it keeps them longer is what it
/// is there for.
fn overlap(row: &Tried<'_>, by: &Tried<'_>, policy: &Policy) -> Option<Overlap> {
    if row.rule.keep.forever {
        return None;
    }
    // Asked for last, since it costs most.
    let is_exception = LazyCell::new(|| by.is_within(row) && !row.is_within(by));
    // What a row creates is captured even by an exception's pointer, which it must never be.
    let captures = |role: Role| role == Role::Rolling && !row.rule.on.is_empty();
    row.samples.iter().find_map(|sample| {
        let readings = by.inversion.readings(&sample.tag);
        let result = lengthened(row.rule, by.rule, &readings, sample)?;
        if !readings.iter().any(|reading| captures(reading.role)) && *is_exception {
            return None;
        }
        if stays_anyway(row, sample, policy) {
            return None;
        }
        let pointer = readings.iter().find(|reading| reading.role == Role::Rolling);
        Some(Overlap {
            row: row.rule.row.clone(),
            by: by.rule.row.clone(),
            tag: sample.tag.clone(),
            role: pointer.or(readings.first())?.role,
            own: own(row.rule),
            result,
            remedy: None,
        })
    })
}

/// Tells whether the row itself calls the tag a pointer, or `protect` names it.
fn stays_anyway(row: &Tried<'_>, sample: &Sample, policy: &Policy) -> bool {
    let is_protected = |protected: &Protected| match protected {
        Protected::Tags(glob) => glob.matches(sample.tag.as_str()),
        Protected::Digest(_) => false,
    };
    row.inversion.explain_as(Role::Rolling, &sample.tag).is_some() || policy.protect.iter().any(is_protected)
}

/// The tags of a row that another does not explain: those that a tighter row must not lose.
pub(super) fn of_its_own<'t>(row: &'t Tried<'_>, other: &Tried<'_>) -> BTreeSet<&'t Tag> {
    let tags = row.samples.iter().map(|sample| &sample.tag);
    tags.filter(|tag| other.inversion.explain(tag).is_none()).collect()
}
