//! Pointers that pile up: rolling tags never expire, so a name that is new each time stays for good.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use super::{Finding, samples::example_time};
use crate::policy::{
    date_format::DateFormat,
    rules::{Condition, TagRule},
    template::{Template, Variable},
};

/// Returns the rolling templates of a row that give a new name each time.
pub(super) fn piling_up(rule: &TagRule) -> Vec<Finding> {
    let found = rule.rolling.iter().filter_map(|template| {
        let value = always_new(template, rule)?;
        let (row, template) = (rule.row.clone(), template.as_str().to_owned());
        Some(Finding::PilesUp { row, template, value: value.to_string() })
    });
    found.collect()
}

/// Returns the value that is new each time.
fn always_new<'t>(template: &'t Template, rule: &TagRule) -> Option<&'t Variable> {
    let holds = |wanted: &Variable| template.variables().any(|(variable, _)| variable == wanted);
    // A pre-release's three numbers stay from one candidate to the next, and a release's do not.
    let is_release = rule.on.iter().any(|entry| !entry.negated && matches!(entry.condition, Condition::Release(_)));
    let three_numbers = [Variable::Major, Variable::Minor, Variable::Patch].iter().all(holds);
    let mut variables = template.variables().map(|(variable, _)| variable);
    variables.find(|variable| match variable {
        Variable::Sha | Variable::ShaFull | Variable::RunNumber | Variable::Number | Variable::Version => true,
        Variable::Patch => three_numbers && (is_release || holds(&Variable::Prerelease)),
        Variable::Date(format) | Variable::CommitDate(format) => shows_each_day(format),
        Variable::Branch(_)
        | Variable::GitTag(_)
        | Variable::Major
        | Variable::Minor
        | Variable::Prerelease
        | Variable::BaseRef => false,
    })
}

/// Tells whether a format has another name for each day: not one for each month, and not the names of the weekdays, which
/// come round again.
fn shows_each_day(format: &DateFormat) -> bool {
    /// More than the days of a year, which come round as well.
    const DAYS: i32 = 800;
    let names: BTreeSet<String> =
        (0..DAYS).map(|day| format.show(&(example_time() + TimeDelta::days(1) * day))).collect();
    names.len() > 400
}
