//! `fixtures/promotion/*.toml`: the tags of a registry, and which of them is the build of this commit.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use chrono::DateTime;
use ghcr_lifecycle::{
    event,
    model::Tag,
    policy::{
        config,
        promotion::{PromoteFrom, Wanted, undated},
        tagging::plan_tags,
    },
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    about: String,
    policy: String,
    promote_from: String,
    environment: BTreeMap<String, String>,
    payload: Option<String>,
    r#ref: Option<String>,
    tags: Vec<String>,
}

/// Renders what is looked up, in this order, what was looked for in vain, and the tags whose age nobody could tell.
pub(crate) fn promotion(path: &Path) -> datatest_stable::Result<()> {
    let case: Case = toml::from_str(&std::fs::read_to_string(path)?)?;
    let text = if case.policy.contains('\n') {
        case.policy.clone()
    } else {
        std::fs::read_to_string(format!("fixtures/policies/{}.yml", case.policy))?
    };
    let policy = config::parse(&text).expect("the policy is valid");
    let now = DateTime::parse_from_rfc3339("2026-03-01T12:34:56Z")?.to_utc();
    let mut context = event::parse(&case.environment, case.payload.as_deref().map(str::as_bytes), now)?;
    if let Some(built) = &case.r#ref {
        context = context.with_ref(built)?;
    }
    let plan = plan_tags(&context, &policy, 7).expect("the tags can be planned");
    let from: PromoteFrom = case.promote_from.parse()?;
    let tags: Vec<Tag> = case.tags.iter().map(|tag| tag.parse()).collect::<Result<_, _>>()?;
    let wanted = Wanted { from: &from, policy: &policy, context: &context, rows: &plan.rows, short_sha_length: 7 };
    let search = wanted.search(&tags);
    let mut text = String::new();
    for candidate in search.candidates {
        let row = candidate.row.map_or_else(|| "the template".to_owned(), |row| row.to_string());
        writeln!(text, "look up  {:<24} by {row}", candidate.tag.as_str())?;
    }
    for tried in search.tried {
        writeln!(text, "in vain  {tried}")?;
    }
    for (row, tag) in undated(&policy, &plan.rows) {
        writeln!(text, "needs a dated git tag: {tag}, by {}", policy.rules[row.rule].row)?;
    }
    crate::snapshot(path, &case.about, &text);
    Ok(())
}
