//! Input `flavor`: whether there is a `latest` tag, and what stands before and after every tag.

use super::{csv, error::MetadataError, javascript::trim};

/// Whether there is a `latest` tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Latest {
    /// The first rule that gives a tag decides.
    #[default]
    Auto,
    /// There is.
    Always,
    /// There is none.
    Never,
    /// As `Auto`, but it never moves to a lower version than the highest that is published.
    Forward,
}

/// What all tags have in common.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Flavor {
    /// Whether there is a `latest` tag.
    pub latest: Latest,
    /// A template before every tag that has no prefix of its own.
    pub prefix: String,
    /// Whether the prefix, as written, stands before `latest` too.
    pub prefix_on_latest: bool,
    /// A template after every tag that has no suffix of its own.
    pub suffix: String,
    /// Whether the suffix, as written, stands after `latest` too.
    pub suffix_on_latest: bool,
}

impl Flavor {
    /// Reads the items of the input; later ones win.
    ///
    /// # Errors
    /// If an attribute is unknown or holds something else than it may.
    pub fn parse(items: &[String]) -> Result<Self, MetadataError> {
        let mut flavor = Self::default();
        for item in items {
            flavor.read(item)?;
        }
        Ok(flavor)
    }

    fn read(&mut self, item: &str) -> Result<(), MetadataError> {
        enum Target {
            Prefix,
            Suffix,
        }
        let fail = |problem: &str| Err(MetadataError::entry("flavor", item, problem));
        let mut on_latest_of = None;
        for field in csv::fields(item).map_err(|problem| MetadataError::csv("flavor", item, problem))? {
            let mut parts = field.split('=').map(trim);
            let (Some(key), Some(value)) = (parts.next(), parts.next()) else {
                return fail("each part is written as `key=value`");
            };
            match key.to_lowercase().as_str() {
                "latest" => {
                    self.latest = match value {
                        "auto" => Latest::Auto,
                        "true" => Latest::Always,
                        "false" => Latest::Never,
                        "forward" => Latest::Forward,
                        _ => return fail("`latest` must be `auto`, `true`, `false` or `forward`"),
                    }
                }
                "prefix" => {
                    value.clone_into(&mut self.prefix);
                    on_latest_of = Some(Target::Prefix);
                }
                "suffix" => {
                    value.clone_into(&mut self.suffix);
                    on_latest_of = Some(Target::Suffix);
                }
                "onlatest" => {
                    let on = match value {
                        "true" => true,
                        "false" => false,
                        _ => return fail("`onlatest` must be `true` or `false`"),
                    };
                    match on_latest_of {
                        Some(Target::Prefix) => self.prefix_on_latest = on,
                        Some(Target::Suffix) => self.suffix_on_latest = on,
                        None => {}
                    }
                }
                _ => return fail("a flavor has only the attributes `latest`, `prefix`, `suffix` and `onlatest`"),
            }
        }
        Ok(())
    }

    /// Returns the `latest` tag before it is sanitised. Its prefix and suffix are not filled in.
    #[must_use]
    pub fn latest_tag(&self) -> String {
        let prefix = if self.prefix_on_latest { self.prefix.as_str() } else { "" };
        let suffix = if self.suffix_on_latest { self.suffix.as_str() } else { "" };
        format!("{prefix}latest{suffix}")
    }
}
