//! Labels for the image, from the event: so that it says where it comes from.

use chrono::SecondsFormat;

use crate::event::Context;

/// Returns the OCI labels of an image built by this run, sorted; those of which nothing is known are left out.
///
/// `revision` is left out where something else was built than this run's commit; `source` stays, since it links the
/// package to the repository ([GHCR](https://docs.github.com/en/packages/learn-github-packages/connecting-a-repository-to-a-package)).
#[must_use]
pub fn labels(context: &Context, version: Option<&str>) -> Vec<(String, String)> {
    let page = context.facts.html_url.clone().or_else(|| {
        let repository = context.repository.as_ref()?;
        Some(format!("{}/{repository}", context.server_url.trim_end_matches('/')))
    });
    let revision = context.sha.as_ref().filter(|_| !context.built_elsewhere).map(ToString::to_string);
    let values = [
        ("created", Some(context.now.to_rfc3339_opts(SecondsFormat::Millis, true))),
        ("description", context.facts.description.clone()),
        ("licenses", context.facts.license.clone()),
        ("revision", revision),
        ("source", page.clone()),
        ("title", context.repository.as_ref().map(|repository| repository.name().to_owned())),
        ("url", page),
        ("version", version.map(str::to_owned)),
    ];
    values
        .into_iter()
        .filter_map(|(key, value)| Some((format!("org.opencontainers.image.{key}"), one_line(&value?)?)))
        .collect()
}

/// Labels are handed on a line each: a value that breaks the line would be read as further labels.
fn one_line(value: &str) -> Option<String> {
    let line: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = line.trim().to_owned();
    (!line.is_empty()).then_some(line)
}
