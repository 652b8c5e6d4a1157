//! Input `images`: the names that tags are made for.

use super::{csv, error::MetadataError, javascript::trim};

/// An image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Image {
    /// Its name as written.
    pub(super) name: String,
    /// Whether it gets tags.
    pub(super) enable: bool,
}

/// Reads the items of the input. One line without `=` is a list; else each line is an image.
///
/// # Errors
/// If an attribute is unknown or holds something else than it may, or a name is empty.
pub(super) fn parse(items: &[String]) -> Result<Vec<Image>, MetadataError> {
    if let [only] = items {
        let fields = csv::fields(only).map_err(|problem| MetadataError::csv("images", only, problem))?;
        if fields.iter().all(|field| !field.contains('=')) {
            return Ok(fields.iter().map(|field| Image { name: trim(field).to_owned(), enable: true }).collect());
        }
    }
    items.iter().map(|item| parse_item(item)).collect()
}

fn parse_item(item: &str) -> Result<Image, MetadataError> {
    let mut image = Image { name: String::new(), enable: true };
    for field in csv::fields(item).map_err(|problem| MetadataError::csv("images", item, problem))? {
        let mut parts = field.split('=').map(trim);
        let (Some(first), second) = (parts.next(), parts.next()) else { continue };
        match (first.to_lowercase().as_str(), second) {
            (_, None) => image.name = first.to_owned(),
            ("name", Some(value)) => image.name = value.to_owned(),
            ("enable", Some(value @ ("true" | "false"))) => image.enable = value == "true",
            ("enable", Some(_)) => {
                return Err(MetadataError::entry("images", item, "`enable` must be `true` or `false`"));
            }
            (_, Some(_)) => {
                return Err(MetadataError::entry(
                    "images",
                    item,
                    "an image has only the attributes `name` and `enable`",
                ));
            }
        }
    }
    if image.name.is_empty() {
        return Err(MetadataError::entry("images", item, "the image has no name"));
    }
    Ok(image)
}

/// Returns the names that tags are made for, in lower case.
#[must_use]
pub(super) fn enabled_names(images: &[Image]) -> Vec<String> {
    images.iter().filter(|image| image.enable).map(|image| image.name.to_lowercase()).collect()
}
