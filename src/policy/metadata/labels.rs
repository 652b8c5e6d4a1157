//! Labels and annotations: what is known of the image, and what the inputs add.

use chrono::SecondsFormat;

use super::{collation, error::MetadataError, expressions, facts::Facts};

/// Keys and values.
pub type Labels = Vec<(String, String)>;

/// Returns what docker/metadata-action says of every image; what is not known is empty.
#[must_use]
pub(super) fn known(version: Option<&str>, facts: &Facts) -> Labels {
    let repository = &facts.repository;
    let created = facts.now.to_rfc3339_opts(SecondsFormat::Millis, true);
    [
        ("title", repository.name.as_deref()),
        ("description", repository.description.as_deref()),
        ("url", repository.html_url.as_deref()),
        ("source", repository.html_url.as_deref()),
        ("version", version),
        ("created", Some(created.as_str())),
        ("revision", facts.sha.as_deref()),
        ("licenses", repository.license.as_deref()),
    ]
    .into_iter()
    .map(|(key, value)| (format!("org.opencontainers.image.{key}"), value.unwrap_or_default().to_owned()))
    .collect()
}

/// Puts an input's own labels or annotations over others, and sorts all.
///
/// # Errors
/// If a template among them cannot be filled in.
pub fn labels(items: &[String], others: &Labels, facts: &Facts) -> Result<Labels, MetadataError> {
    let mut labels = others.clone();
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
