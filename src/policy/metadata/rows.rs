//! Input `tags`: one rule a row, its attributes and their defaults.

use std::{cmp::Ordering, collections::BTreeMap};

use super::{
    csv,
    error::{MetadataError, shown},
    extension::Extension,
    flavor::Flavor,
    javascript::{self, trim},
};
use crate::policy::diagnostic::nearest;

/// What kind of rule a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A cron time.
    Schedule,
    /// A git tag or value that is SemVer.
    Semver,
    /// A git tag or value that is a version of Python's kind.
    Pep440,
    /// A git tag or value that a regular expression fits.
    Match,
    /// The newest of a branch.
    Edge,
    /// The name of a branch.
    RefBranch,
    /// The name of a git tag.
    RefTag,
    /// The number of a pull request.
    RefPullRequest,
    /// A value as it is.
    Raw,
    /// The commit, abbreviated.
    ShaShort,
    /// The commit.
    ShaLong,
}

/// A row of `tags`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The row, as written but for quotes.
    pub text: String,
    /// Its number in the input, from 1.
    pub number: usize,
    /// What kind of rule it is.
    pub kind: Kind,
    /// Its attributes by their names in lower case, with the defaults of its kind.
    attributes: BTreeMap<String, String>,
    /// What it asks for beyond docker/metadata-action.
    pub extension: Extension,
    /// Attributes that mean nothing.
    pub unknown: Vec<Unknown>,
}

/// An attribute that means nothing: docker/metadata-action says nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Its name.
    pub name: String,
    /// What was probably meant.
    pub nearest: Option<&'static str>,
}

/// What `tags` is when it is empty.
pub const DEFAULT_ROWS: [&str; 4] =
    ["type=schedule", "type=ref,event=branch", "type=ref,event=tag", "type=ref,event=pr"];

impl Rule {
    /// Returns an attribute, where the row or its kind has it.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }

    /// Returns an attribute, empty where there is none.
    #[must_use]
    pub(super) fn text_of(&self, name: &str) -> &str {
        self.attribute(name).unwrap_or_default()
    }

    /// Gives the row what all rows have in common, where it does not say otherwise.
    pub(super) fn under(mut self, flavor: &Flavor) -> Self {
        for (name, text) in [("prefix", &flavor.prefix), ("suffix", &flavor.suffix)] {
            self.attributes.entry(name.to_owned()).or_insert_with(|| text.clone());
        }
        self
    }

    /// Returns its prefix and suffix.
    pub(super) fn affixes(&self) -> impl Iterator<Item = &str> {
        ["prefix", "suffix"].into_iter().filter_map(|name| self.attribute(name))
    }

    /// Tells whether its tags are versions.
    #[must_use]
    pub const fn is_about_versions(&self) -> bool {
        matches!(self.kind, Kind::Semver | Kind::Pep440 | Kind::Match | Kind::RefTag)
    }

    /// Reads a row and its priority: rules of higher priority come first; NaN where it is no number.
    fn parse(item: &str, number: usize) -> Result<(f64, Self), MetadataError> {
        let fail = |problem: String| MetadataError::entry("tags", item, problem);
        let mut kind = None;
        let mut attributes = BTreeMap::new();
        for field in csv::fields(item).map_err(|problem| MetadataError::csv("tags", item, problem))? {
            match field.find('=').filter(|at| *at > 0) {
                None => {
                    attributes.insert("value".to_owned(), trim(&field).to_owned());
                }
                Some(at) => {
                    let (key, value) = (trim(&field[..at]).to_lowercase(), trim(&field[at + 1..]));
                    if key == "type" {
                        kind = Some(value.to_owned());
                        if !TYPES.contains(&value) {
                            return Err(fail(no_type(value)));
                        }
                    } else {
                        attributes.insert(key, value.to_owned());
                    }
                }
            }
        }
        let event = attributes.get("event").cloned();
        let mut default =
            |name: &str, value: &str| attributes.entry(name.to_owned()).or_insert_with(|| value.to_owned()).clone();
        let (kind, priority) = match kind.as_deref().unwrap_or("raw") {
            "schedule" => {
                default("pattern", "nightly");
                (Kind::Schedule, "1000")
            }
            name @ ("semver" | "pep440") => {
                default("value", "");
                default("match", "");
                (if name == "semver" { Kind::Semver } else { Kind::Pep440 }, "900")
            }
            "match" => {
                default("value", "");
                if javascript::number(&default("group", "0")).is_nan() {
                    return Err(fail("`group` must be a number".into()));
                }
                (Kind::Match, "800")
            }
            "edge" => {
                default("branch", "");
                (Kind::Edge, "700")
            }
            "ref" => match event.as_deref() {
                Some("branch") => (Kind::RefBranch, "600"),
                Some("tag") => (Kind::RefTag, "600"),
                Some("pr") => {
                    default("prefix", "pr-");
                    (Kind::RefPullRequest, "600")
                }
                _ => return Err(fail("`event` must be `branch`, `tag` or `pr`".into())),
            },
            "sha" => {
                default("prefix", "sha-");
                match default("format", "short").as_str() {
                    "short" => (Kind::ShaShort, "100"),
                    "long" => (Kind::ShaLong, "100"),
                    _ => return Err(fail("`format` must be `short` or `long`".into())),
                }
            }
            _ => (Kind::Raw, "200"),
        };
        let needed = match kind {
            Kind::Semver | Kind::Pep440 | Kind::Match => Some("pattern"),
            Kind::Raw => Some("value"),
            _ => None,
        };
        let unknown: Vec<Unknown> = attributes
            .keys()
            .filter(|name| !ATTRIBUTES.contains(&name.as_str()))
            .map(|name| Unknown { name: shown(name), nearest: nearest(name, ATTRIBUTES) })
            .collect();
        if let Some(needed) = needed.filter(|needed| !attributes.contains_key(*needed)) {
            let meant = unknown.iter().find(|unknown| unknown.nearest == Some(needed));
            let meant = meant.map(|meant| format!("; did you mean it by `{}`?", meant.name)).unwrap_or_default();
            return Err(fail(format!("the row needs the attribute `{needed}`{meant}")));
        }
        attributes.entry("enable".to_owned()).or_insert_with(|| "true".to_owned());
        let priority = javascript::number(attributes.get("priority").map_or(priority, String::as_str));
        let extension = Extension::read(kind, &attributes).map_err(fail)?;
        Ok((priority, Self { text: item.to_owned(), number, kind, attributes, extension, unknown }))
    }
}

const TYPES: [&str; 8] = ["schedule", "semver", "pep440", "match", "edge", "ref", "raw", "sha"];

const ATTRIBUTES: [&str; 15] = [
    "enable",
    "priority",
    "prefix",
    "suffix",
    "pattern",
    "value",
    "match",
    "group",
    "event",
    "branch",
    "format",
    "type",
    "rolling",
    "immutable",
    "keep",
];

fn no_type(found: &str) -> String {
    let types = TYPES.map(|name| format!("`{name}`")).join(", ");
    let meant = nearest(found, TYPES).map(|name| format!("did you mean `{name}`? ")).unwrap_or_default();
    format!("there is no type `{}`; {meant}it is one of {types}", shown(found))
}

/// Reads the rows, or the default ones where there are none, in the order that they are tried.
///
/// # Errors
/// If a row's type is unknown, or an attribute that it needs is missing or wrong.
pub(super) fn parse(items: &[String]) -> Result<Vec<Rule>, MetadataError> {
    let numbered = |(number, item)| Rule::parse(item, number);
    let mut rules: Vec<(f64, Rule)> = if items.is_empty() {
        (1..).zip(DEFAULT_ROWS).map(numbered).collect::<Result<_, _>>()?
    } else {
        (1..).zip(items.iter().map(String::as_str)).map(numbered).collect::<Result<_, _>>()?
    };
    javascript::sort_by(&mut rules, |one, other| other.0.partial_cmp(&one.0).unwrap_or(Ordering::Equal));
    Ok(rules.into_iter().map(|(_, rule)| rule).collect())
}
