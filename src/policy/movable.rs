//! Which tags a push may still move: those have to be looked at again and again while a clean-up goes on.

use super::{
    inversion::{Inversion, Role},
    rules::{Immutable, Policy},
};
use crate::model::Tag;

/// The rows of a policy, asked whether they may move a tag.
#[derive(Debug)]
pub struct Movable {
    rows: Vec<(Inversion, Immutable)>,
}

impl Movable {
    /// Prepares the rows.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        Self { rows: policy.rules.iter().map(|rule| (Inversion::of(rule), rule.immutable)).collect() }
    }

    /// Tells whether a row may move this tag. `immutable` covers a row's `tag` only.
    #[must_use]
    pub fn may_move(&self, tag: &Tag) -> bool {
        self.rows.iter().any(|(inversion, immutable)| {
            let is_fixed = |role| role == Role::Tag && *immutable != Immutable::No;
            inversion.readings(tag).iter().any(|reading| !is_fixed(reading.role))
        })
    }
}
