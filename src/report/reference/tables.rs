//! The tables of events, values and units.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};

use crate::{
    policy::{
        config,
        example::examples,
        language::{BEGINNING, EVENTS, Event, SIZE_UNITS, TIME_UNITS, Takes, VALUES},
        rules::Policy,
    },
    report::words,
};

/// A day that everybody can tell month and day of.
const MOMENT: &str = "2026-03-14T09:26:53Z";

pub(super) fn events() -> String {
    let mut table = String::from("| `on` | fits | comes from |\n|---|---|---|\n");
    for Event { is: _, name, takes, examples: _, fits, github } in &EVENTS {
        let form = match takes {
            Takes::Nothing => format!("`{name}`"),
            Takes::Version => format!("`{name}`, `{name} PATTERN`"),
            Takes::Pattern => format!("`{name} PATTERN`"),
        };
        let _ = writeln!(table, "| {form} | {fits} | {github} |");
    }
    table
}

pub(super) fn values() -> String {
    let mut table = String::from("| value | what it is | exists on | for example |\n|---|---|---|---|\n");
    for value in &VALUES {
        let shown = policy(value.on, value.name).and_then(|policy| {
            let now = MOMENT.parse::<DateTime<Utc>>().ok()?;
            let example = examples(policy.rules.first()?, &policy, now).into_iter().next()?;
            Some(format!("`{}`, on {}", example.row.tag.first()?, words::event(&example.context)))
        });
        let _ = writeln!(
            table,
            "| `{{{{{}}}}}` | {} | {} | {} |",
            value.name,
            value.about,
            where_it_exists(value.name),
            shown.unwrap_or_default()
        );
    }
    table
}

/// A policy of one row that uses the value, if that is allowed.
fn policy(on: &str, value: &str) -> Option<Policy> {
    config::parse(&format!("{BEGINNING}tags: [{{on: \"{on}\", tag: \"{{{{{value}}}}}\"}}]\n")).ok()
}

/// Lists the events on which a value exists.
fn where_it_exists(value: &str) -> String {
    let mut places = Vec::new();
    for event in &EVENTS {
        let allowed: Vec<bool> = event.examples.iter().map(|on| policy(on, value).is_some()).collect();
        match allowed.as_slice() {
            [true, ..] => places.push(format!("`{}`", event.name)),
            [false, true] => places.push(format!("`{}` with a pattern", event.name)),
            _ => {}
        }
    }
    if places.len() == EVENTS.len() { "every event".to_owned() } else { places.join(", ") }
}

pub(super) fn amounts() -> String {
    let times: Vec<String> = TIME_UNITS.iter().map(|(unit, ..)| format!("`{unit}s`")).collect();
    let of = |binary: bool| -> Vec<String> {
        let units = SIZE_UNITS.iter().filter(|(unit, _)| unit.contains('i') == binary);
        units.map(|(unit, _)| format!("`{unit}`")).collect()
    };
    format!(
        "## Durations and sizes\n\nA whole number, a blank and a unit: `30 days`, `1 day`, `12 hours`. Units of time are {}; \
         months and years differ in length and are not among them.\n\nUnits of size are {} (steps of 1,000) and {} (steps \
         of 1,024), and numbers may have decimals: `1.5 GiB`.\n",
        times.join(", "),
        of(false).join(", "),
        of(true).join(", ")
    )
}
