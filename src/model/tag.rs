//! Image tags.

use std::{fmt, str::FromStr};

use super::{Digest, untrusted::shown};

/// A tag of the OCI grammar `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`
/// ([distribution spec](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests)).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

/// Text that the OCI grammar does not allow as a tag.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{text}` is no image tag: a tag has 1 to 128 letters, digits, `_`, `.` or `-`, and does not begin with `.` or `-`"
)]
pub struct TagError {
    text: String,
}

impl Tag {
    /// The longest tag that the grammar allows, in characters.
    pub const MAX_LENGTH: usize = 128;

    /// Returns the tag as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Tells whether a tag may hold this character after its first.
    #[must_use]
    pub fn allows(character: char) -> bool {
        character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '-')
    }

    /// Tells whether this is a referrers tag (`sha256-<64 hex>`, with or without a suffix such as `.sig`), which belongs
    /// to the image that it names and is never the work of a policy row.
    #[must_use]
    pub fn is_referrers_tag(&self) -> bool {
        let Some(rest) = self.0.strip_prefix("sha256-") else {
            return false;
        };
        rest.len() >= 64
            && rest.bytes().take(64).all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
            && (rest.len() == 64 || rest.as_bytes()[64] == b'.')
    }

    /// Returns the digest that a referrers tag names; `None` for any other tag.
    #[must_use]
    pub fn subject(&self) -> Option<Digest> {
        if !self.is_referrers_tag() {
            return None;
        }
        format!("sha256:{}", &self.0["sha256-".len()..][..64]).parse().ok()
    }

    /// Returns the referrers tag of a digest; with a suffix (`sig`), the one that cosign uses.
    #[must_use]
    pub fn of_referrers(subject: &Digest, suffix: Option<&str>) -> Self {
        let dot = if suffix.is_some() { "." } else { "" };
        Self(format!("sha256-{}{dot}{}", subject.hex(), suffix.unwrap_or_default()))
    }
}

impl FromStr for Tag {
    type Err = TagError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = text.len() <= Self::MAX_LENGTH
            && text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && text.chars().all(Self::allows);
        if valid { Ok(Self(text.to_owned())) } else { Err(TagError { text: shown(text) }) }
    }
}

impl serde::Serialize for Tag {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Tag {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, formatter)
    }
}
