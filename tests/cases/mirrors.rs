//! `fixtures/mirrors/*.toml`: an event, a policy, and what its mirrors' tags are called.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use chrono::DateTime;
use ghcr_lifecycle::{
    event,
    policy::{config, mirror::plan_mirrors, tagging::plan_tags},
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    policy: String,
    environment: BTreeMap<String, String>,
    r#ref: Option<String>,
}

/// Renders each mirror with its tags, in the order in which they are written, or what is wrong with their names.
pub(crate) fn mirrors(path: &Path) -> datatest_stable::Result<()> {
    let case: Case = toml::from_str(&std::fs::read_to_string(path)?)?;
    let text = if case.policy.contains('\n') {
        case.policy.clone()
    } else {
        std::fs::read_to_string(format!("fixtures/policies/{}.yml", case.policy))?
    };
    let policy = config::parse(&text).expect("the policy is valid");
    let now = DateTime::parse_from_rfc3339("2026-03-01T12:34:56Z")?.to_utc();
    let mut context = event::parse(&case.environment, None, now)?;
    if let Some(built) = &case.r#ref {
        context = context.with_ref(built)?;
    }
    let plan = plan_tags(&context, &policy, 7).expect("the tags can be planned");
    let mut text = String::new();
    match plan_mirrors(&policy, &plan, &context, 7) {
        Err(errors) => {
            for error in errors {
                writeln!(text, "error: {error}")?;
            }
        }
        Ok(plans) => {
            for plan in plans {
                writeln!(text, "{}", plan.image)?;
                for tag in plan.tags {
                    let fixed = if tag.immutable { "  (not replaced)" } else { "" };
                    writeln!(text, "  {:<20} <- {}{fixed}", tag.to.as_str(), tag.from)?;
                }
            }
        }
    }
    crate::snapshot(path, &case.about, &text);
    Ok(())
}
