//! Tags that belong to another row than the one that gives them.

use super::{Capture, TagPlan, TaggingError, fit::subject_name};
use crate::{
    event::Context,
    policy::{
        inversion::{Inversion, Role},
        rules::{Immutable, Policy, TagRule},
    },
};

/// Finds tags of docker/metadata-action's rules that belong to another row: made from no name, and so meant.
pub(super) fn check_pointers(plan: &mut TagPlan, policy: &Policy) {
    if policy.drop_in.is_none() {
        return;
    }
    let owners: Vec<(&TagRule, Inversion)> = policy
        .rules
        .iter()
        .filter(|rule| !rule.rolling.is_empty() || rule.immutable != Immutable::No)
        .map(|rule| (rule, Inversion::of(rule)))
        .collect();
    for row in &plan.rows {
        for tag in row.tag.iter().filter(|tag| !row.named.contains(*tag)) {
            for (owner, inversion) in &owners {
                let is_own = plan.rows.iter().any(|own| {
                    policy.rules[own.rule].row == owner.row && own.tags().any(|(_, planned)| planned == tag)
                });
                if is_own || owner.row == policy.rules[row.rule].row {
                    continue;
                }
                let capture =
                    Capture { tag: tag.clone(), row: policy.rules[row.rule].row.clone(), owner: owner.row.clone() };
                if inversion.explain_as(Role::Rolling, tag).is_some() {
                    plan.unguarded.push(capture);
                } else if owner.immutable != Immutable::No && inversion.explain_as(Role::Tag, tag).is_some() {
                    plan.captures.push(capture);
                }
            }
        }
    }
}

/// Finds tags made from a name that belong to another row.
pub(super) fn check_captures(plan: &mut TagPlan, context: &Context, policy: &Policy) -> Vec<TaggingError> {
    let mut errors = Vec::new();
    // A merge group has no name of its own, but `{{base_ref}}` gives it one.
    let Some(name) = subject_name(&context.subject).or_else(|| context.base_ref.clone()) else { return errors };
    let mut inversions: Vec<Option<Inversion>> = policy.rules.iter().map(|_| None).collect();
    for row in &plan.rows {
        let rule = &policy.rules[row.rule];
        for tag in &row.named {
            for (other_index, other) in policy.rules.iter().enumerate() {
                if other_index == row.rule {
                    continue;
                }
                let inversion = inversions[other_index].get_or_insert_with(|| Inversion::of(other));
                let own = plan.rows.iter().find(|planned| planned.rule == other_index);
                let points = inversion.explain_as(Role::Rolling, tag).is_some()
                    && !own.is_some_and(|own| own.rolling.contains(tag));
                if points {
                    errors.push(TaggingError::CapturesPointer {
                        tag: tag.clone(),
                        name: name.clone(),
                        row: rule.row.clone(),
                        owner: other.row.clone(),
                    });
                } else if other.immutable != Immutable::No
                    && inversion.explain_as(Role::Tag, tag).is_some()
                    && !own.is_some_and(|own| own.tag.contains(tag))
                {
                    plan.captures.push(Capture { tag: tag.clone(), row: rule.row.clone(), owner: other.row.clone() });
                }
            }
        }
    }
    errors
}
