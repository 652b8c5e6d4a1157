//! Labels and annotations: what is known of the image, and what the inputs add.

use chrono::SecondsFormat;

use super::{collation, error::MetadataError, expressions, facts::Facts};

/// Returns the labels or annotations of a run, sorted, with the input's own ones over the others.
///
/// # Errors
/// If a template among them cannot be filled in.
pub fn labels(items: &[String], version: Option<&str>, facts: &Facts) -> Result<Vec<(String, String)>, MetadataError> {
    let repository = &facts.repository;
    let created = facts.now.to_rfc3339_opts(SecondsFormat::Millis, true);
    let known = [
        ("title", repository.name.as_deref()),
        ("description", repository.description.as_deref()),
        ("url", repository.html_url.as_deref()),
        ("source", repository.html_url.as_deref()),
        ("version", version),
        ("created", Some(created.as_str())),
        ("revision", facts.sha.as_deref()),
        ("licenses", repository.license.as_deref()),
    ];
    let mut labels: Vec<(String, String)> = known
        .into_iter()
        .map(|(key, value)| (format!("org.opencontainers.image.{key}"), value.unwrap_or_default().to_owned()))
        .collect();
    for item in items {
        let filled = expressions::fill(item, facts)?;
        let Some((key, value)) = filled.split_once('=') else { continue };
        match labels.iter_mut().find(|(known, _)| known == key) {
            Some(label) => value.clone_into(&mut label.1),
            None => labels.push((key.to_owned(), value.to_owned())),
        }
    }
    labels.sort_by(|one, other| collation::compare(&one.0, &other.0));
    Ok(labels)
}
