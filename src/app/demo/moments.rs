//! The moments of the story that are told at length.

use std::collections::BTreeMap;

use super::story::{Event, TagKind, What};

/// What makes an event worth telling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Moment {
    /// The first of its kind.
    First,
    /// The registry throttles an upload and loses an answer.
    Trouble,
    /// An older version is mended after a newer one came out.
    Hotfix,
}

/// Chooses the moments among the events that are built, each with its place in the story. Releases show most; where the
/// policy has no row for them, others take their place.
pub(super) fn moments(fitting: &[(usize, &Event)]) -> BTreeMap<usize, Moment> {
    let of_kind = |wanted: TagKind| {
        let is_wanted = move |event: &Event| matches!(&event.what, What::Tag { kind, .. } if *kind == wanted);
        fitting.iter().filter(move |(_, event)| is_wanted(event)).map(|(index, _)| *index)
    };
    let any = || fitting.iter().map(|(index, _)| *index);
    let first = of_kind(TagKind::Release).next().or_else(|| any().next());
    let trouble = of_kind(TagKind::Release).nth(1).or_else(|| any().nth(2));
    let hotfix = of_kind(TagKind::Hotfix).next();
    let found = [(hotfix, Moment::Hotfix), (trouble, Moment::Trouble), (first, Moment::First)];
    found.into_iter().filter_map(|(index, moment)| Some((index?, moment))).collect()
}
