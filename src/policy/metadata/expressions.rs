//! The expressions that may stand in the values of rules, in labels and in annotations.

use super::{
    error::MetadataError,
    facts::Facts,
    handlebars::{self, Functions, Value},
    javascript, moment,
};

/// Fills in a template with all expressions.
///
/// # Errors
/// If the template is none, or a value that it names cannot be given.
pub(super) fn fill(template: &str, facts: &Facts) -> Result<String, MetadataError> {
    if !template.contains("{{") && !template.contains('\0') {
        return Ok(template.to_owned());
    }
    let names =
        ["branch", "tag", "sha", "base_ref", "commit_date", "is_default_branch", "is_not_default_branch", "date"];
    fill_with(template, &names, facts)
}

/// Fills in a template with the two dates only, as `type=schedule` does.
///
/// # Errors
/// See [`fill`].
pub(super) fn fill_schedule(template: &str, facts: &Facts) -> Result<String, MetadataError> {
    fill_with(template, &["date", "commit_date"], facts)
}

fn fill_with(template: &str, names: &[&'static str], facts: &Facts) -> Result<String, MetadataError> {
    let root = names.iter().map(|name| ((*name).to_owned(), Value::Function(name))).collect();
    handlebars::render(template, root, &Expressions { facts })
        .map_err(|problem| MetadataError::template(template, problem))
}

/// Abbreviates a commit to the length that is asked for, 7 by default.
///
/// # Errors
/// If that is no number.
pub(super) fn short_sha(sha: &str, facts: &Facts) -> Result<String, String> {
    let length = match facts.short_sha_length.as_deref() {
        None | Some("") => 7.0,
        Some(text) => javascript::number(text),
    };
    if length.is_nan() {
        return Err("DOCKER_METADATA_SHORT_SHA_LENGTH is no number".into());
    }
    Ok(sha.chars().zip(1_u32..).take_while(|(_, at)| f64::from(*at) <= length).map(|(digit, _)| digit).collect())
}

struct Expressions<'a> {
    facts: &'a Facts,
}

impl Functions for Expressions<'_> {
    fn call(
        &self,
        name: &'static str,
        arguments: &[Value],
        hash: Option<&[(String, Value)]>,
        on_root: bool,
    ) -> Result<Value, String> {
        let facts = self.facts;
        let text = |text: &str| Ok(Value::Text(text.to_owned()));
        match name {
            "branch" => text(facts.name_in("refs/heads/").unwrap_or_default()),
            "tag" => text(facts.name_in("refs/tags/").unwrap_or_default()),
            "sha" => {
                let sha = facts.sha.as_deref().ok_or("`{{sha}}` has no value: GITHUB_SHA is not set")?;
                short_sha(sha, facts).map(Value::Text)
            }
            "base_ref" => text(self.base_ref()),
            "is_default_branch" => text(if self.is_default_branch()? { "true" } else { "false" }),
            "is_not_default_branch" if on_root => text(if self.is_default_branch()? { "false" } else { "true" }),
            "is_not_default_branch" => Err("`{{is_not_default_branch}}` has no value inside such a block".into()),
            "date" => date(name, Some(facts.now), arguments, hash),
            _ => date(name, facts.commit_date, arguments, hash),
        }
    }

    fn arity(&self, name: &'static str) -> u32 {
        if name.ends_with("date") { 2 } else { 0 }
    }
}

impl Expressions<'_> {
    fn base_ref(&self) -> &str {
        let facts = self.facts;
        match (&facts.pushed_base_ref, &facts.pull_request_base) {
            (Some(base), _) if facts.is_ref("refs/tags/") => base.strip_prefix("refs/heads/").unwrap_or(base),
            (_, Some(base)) if facts.is_ref("refs/pull/") => base,
            _ => "",
        }
    }

    fn is_default_branch(&self) -> Result<bool, String> {
        let facts = self.facts;
        let git_ref = facts.git_ref.as_deref().ok_or("the default branch cannot be told: GITHUB_REF is not set")?;
        let branch = git_ref.strip_prefix("refs/heads/").unwrap_or(git_ref);
        if branch.is_empty() {
            return Ok(false);
        }
        let on_default = ["create", "discussion", "issues", "schedule"];
        Ok(facts.payload_default_branch.as_deref() == Some(branch)
            || on_default.iter().any(|event| facts.event_name.contains(event)))
    }
}

/// Shows a time by its format and `tz`.
fn date(
    name: &str,
    time: Option<chrono::DateTime<chrono::Utc>>,
    arguments: &[Value],
    hash: Option<&[(String, Value)]>,
) -> Result<Value, String> {
    let (Some(hash), [format]) = (hash, arguments) else {
        return Err(format!("`{name}` needs one format, as in `{{{{{name} 'YYYYMMDD'}}}}`"));
    };
    let mut zone_name = "UTC";
    for (key, value) in hash {
        match (key.as_str(), value) {
            ("tz", Value::Text(name)) if !name.is_empty() => zone_name = name,
            ("tz", _) => return Err("`tz` must be the name of a time zone".into()),
            _ => return Err(format!("`{name}` has no attribute `{}`", super::error::shown(key))),
        }
    }
    let format = match format {
        Value::Text(format) => format.as_str(),
        Value::Undefined | Value::Null | Value::Bool(false) => "",
        Value::Number(number) if *number == 0.0 => "",
        _ if time.is_none() => "",
        _ => return Err(format!("the format of `{name}` must be a text")),
    };
    Ok(Value::Text(moment::show(time, format, moment::zone(zone_name))))
}
