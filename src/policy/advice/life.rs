//! The life of a tag that two rows explain: it is kept while either keeps it.

use std::time::Duration;

use super::samples::Sample;
use crate::policy::{
    inversion::{Reading, Role},
    rules::{Keep, TagRule, While},
    template::sanitise,
};

/// One thing that keeps a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// It never expires.
    Forever,
    /// A row calls it a pointer, and those never expire.
    Pointer,
    /// It is kept for this long.
    For(Duration),
    /// It is kept while it is of the newest images of a row.
    Last {
        /// How many images.
        images: u32,
        /// The row's number.
        row: usize,
    },
    /// It is kept while something in the source repository is there.
    While(While),
}

/// Returns what a row says of its own tags.
#[must_use]
pub fn own(rule: &TagRule) -> Vec<Part> {
    let Keep { forever, duration, last, while_holds } = rule.keep;
    if forever {
        return vec![Part::Forever];
    }
    let duration = duration.map(Part::For);
    let last = last.map(|last| Part::Last { images: last.get(), row: rule.row.number });
    duration.into_iter().chain(last).chain(while_holds.map(Part::While)).collect()
}

/// Returns the life of a row's tag that another row reads like this, if that lengthens it.
pub(super) fn lengthened(rule: &TagRule, by: &TagRule, readings: &[Reading<'_>], sample: &Sample) -> Option<Vec<Part>> {
    if rule.keep.forever || readings.is_empty() {
        return None;
    }
    if readings.iter().any(|reading| reading.role == Role::Rolling) {
        return Some(vec![Part::Pointer]);
    }
    if by.keep.forever {
        return Some(vec![Part::Forever]);
    }
    let Keep { forever: _, duration, last, while_holds } = rule.keep;
    let longer = by.keep.duration.filter(|other| duration.is_none_or(|own| *other > own));
    let more = by.keep.last.filter(|other| last.is_none_or(|own| *other > own));
    let while_too = by
        .keep
        .while_holds
        .filter(|other| while_holds != Some(*other))
        .filter(|other| readings.iter().any(|reading| may_hold(*other, reading, sample)));
    if longer.is_none() && more.is_none() && while_too.is_none() {
        return None;
    }
    let mut parts: Vec<Part> = longer.or(duration).map(Part::For).into_iter().collect();
    parts.extend(last.map(|last| Part::Last { images: last.get(), row: rule.row.number }));
    parts.extend(more.map(|last| Part::Last { images: last.get(), row: by.row.number }));
    parts.extend(while_holds.into_iter().chain(while_too).map(Part::While));
    Some(parts)
}

/// Tells whether a `while` that a row reads in another row's tag is about what gave the tag: that a branch is called
/// `main-a1b2c3d` is not worth a word. What it cannot read, it keeps.
fn may_hold(what: While, reading: &Reading<'_>, sample: &Sample) -> bool {
    match what {
        While::Open => reading.values.number.is_none_or(|number| sample.number == Some(number)),
        While::BranchExists => reading.values.branch.as_ref().is_none_or(|branch| {
            let names = sample.branch.iter().flat_map(|name| [sanitise(name, true), sanitise(name, false)]);
            names.into_iter().any(|name| name == *branch)
        }),
    }
}
