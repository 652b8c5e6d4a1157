//! What the source repository tells a clean-up: what is open, what exists, and how old the things are that tags name.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{CommitId, Digest, Tag};

/// A fact that costs requests, and is asked for only where a decision depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Asked<T> {
    /// Nobody asked.
    #[default]
    NotAsked,
    /// It cannot be known in this run.
    Unreadable {
        /// Why: what was answered, bounded and without control characters.
        problem: String,
    },
    /// It is known, completely.
    Known(T),
}

impl<T> Asked<T> {
    /// Returns the fact if it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(fact) => Some(fact),
            Self::NotAsked | Self::Unreadable { .. } => None,
        }
    }
}

/// What may show that a tag is younger than the version that carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The commits of the branches that a row is on, by the row's number.
    pub commits: BTreeMap<usize, Asked<Commits>>,
    /// When each release was published, by the name of its git tag.
    pub releases: Asked<BTreeMap<String, DateTime<Utc>>>,
    /// The git tags, by name.
    pub git_tags: Asked<BTreeMap<String, GitTag>>,
}

/// The commits of some branches since some time, all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commits {
    /// The time that they were asked for since.
    pub since: DateTime<Utc>,
    /// When each was committed. Ids are full.
    pub dates: BTreeMap<CommitId, DateTime<Utc>>,
}

/// A git tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GitTag {
    /// It has no date of its own.
    Lightweight,
    /// It is annotated, and has a date.
    Annotated(Asked<DateTime<Utc>>),
}

/// What a file in the source repository refers to, of the package in question.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Where it stands, as in `deploy/shop.yaml:12`, bounded and without control characters.
    pub place: String,
    /// What it names.
    pub names: Referenced,
}

/// What a reference names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Referenced {
    /// A tag.
    Tag(Tag),
    /// A digest.
    Digest(Digest),
    /// A text that could not be resolved: every tag that it could name.
    AnyTag(TagShape),
}

/// The tags that begin, go on and end with given texts, as `v${VERSION}-alpine` does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TagShape {
    /// The texts around the gaps: one more than there are gaps. Nothing is known where all of them are empty.
    pub parts: Vec<String>,
}

impl TagShape {
    /// Tells whether the gaps can be filled so that the text is this tag.
    #[must_use]
    pub fn could_be(&self, tag: &Tag) -> bool {
        let Some((first, rest)) = self.parts.split_first() else { return true };
        let Some(mut text) = tag.as_str().strip_prefix(first.as_str()) else { return false };
        let Some((last, middle)) = rest.split_last() else { return text.is_empty() };
        for part in middle {
            let Some(at) = text.find(part.as_str()) else { return false };
            text = &text[at + part.len()..];
        }
        text.ends_with(last.as_str())
    }
}

impl std::fmt::Display for TagShape {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.parts.join("*"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_fits_what_its_gaps_can_be_filled_to() {
        let shape = |parts: &[&str]| TagShape { parts: parts.iter().map(|&part| part.to_owned()).collect() };
        let fits = |parts: &[&str], tag: &str| shape(parts).could_be(&tag.parse().unwrap());
        assert!(fits(&["v", "-alpine"], "v1.2-alpine") && fits(&["", ""], "any") && fits(&["v", ""], "v"));
        assert!(!fits(&["v", "-alpine"], "v1.2") && !fits(&["1"], "12") && !fits(&["aa", "a"], "aa"));
        assert!(fits(&["a", "b", "c"], "a1b2c") && !fits(&["a", "b", "c"], "a1c"));
    }
}
