//! A saved plan of which a fresh one contains nothing.

use crate::{
    policy::{
        cleanup::{CleanupPlan, SavedPlan},
        verify::shared,
    },
    report::words,
};

/// Says for which packages nothing of the saved plan holds any more, a sentence each.
pub(super) fn outdated(saved: &SavedPlan, plans: &[&CleanupPlan]) -> Vec<String> {
    let of = |plan: &CleanupPlan| saved.packages.iter().find(|package| package.name == plan.image.to_string());
    plans
        .iter()
        .filter_map(|plan| {
            let package = of(plan)?;
            let is_outdated = !package.steps.is_empty() && shared(plan, package).is_empty();
            let taken_at = saved.taken_at.as_deref();
            is_outdated.then(|| words::outdated_plan(&plan.image, package.steps.len(), taken_at))
        })
        .collect()
}
