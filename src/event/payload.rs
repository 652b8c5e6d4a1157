//! The event payload as a tree that any JSON object fits: what is missing, `null` or of another type than expected reads as
//! absent, since captured payloads differ from the documented ones in many places.

use chrono::{DateTime, FixedOffset};
use serde_json::{Map, Value};

use super::error::{EventError, bounded_name, quoted};
use crate::model::CommitId;

/// The largest payload that is read, in bytes. GitHub sends at most 25 MB
/// (<https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap>).
pub(super) const MAX_BYTES: usize = 32 * 1024 * 1024;

/// A whole payload.
pub(super) struct Payload(Option<Value>);

impl Payload {
    /// Reads a payload; without bytes it has nothing in it.
    pub(super) fn parse(bytes: Option<&[u8]>) -> Result<Self, EventError> {
        let Some(bytes) = bytes else {
            return Ok(Self(None));
        };
        if bytes.len() > MAX_BYTES {
            return Err(EventError::PayloadTooLarge { bytes: bytes.len() });
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(EventError::PayloadNotObject { found: "empty" });
        }
        let found = match serde_json::from_slice(bytes) {
            Ok(object @ Value::Object(_)) => return Ok(Self(Some(object))),
            Ok(Value::Null) => "`null`",
            Ok(Value::Bool(_)) => "a truth value",
            Ok(Value::Number(_)) => "a number",
            Ok(Value::String(_)) => "a string",
            Ok(Value::Array(_)) => "a list",
            Err(error) => {
                return Err(EventError::PayloadNotJson {
                    near: near(bytes, error.line(), error.column()),
                    problem: quoted(&error.to_string()),
                });
            }
        };
        Err(EventError::PayloadNotObject { found })
    }

    /// Returns the object at the top.
    pub(super) fn root(&self) -> Node<'_> {
        Node(self.0.as_ref())
    }
}

/// Returns up to 20 bytes before a place and 20 after it.
fn near(bytes: &[u8], line: usize, column: usize) -> String {
    let line_start = bytes
        .split_inclusive(|byte| *byte == b'\n')
        .take(line.saturating_sub(1))
        .map(<[u8]>::len)
        .sum::<usize>()
        .min(bytes.len());
    let at = line_start.saturating_add(column).min(bytes.len());
    quoted(&String::from_utf8_lossy(&bytes[at.saturating_sub(20)..at.saturating_add(20).min(bytes.len())]))
}

/// A place in the payload, where something may be.
#[derive(Clone, Copy)]
pub(super) struct Node<'a>(Option<&'a Value>);

impl<'a> Node<'a> {
    /// Returns what an object has under a key.
    pub(super) fn get(self, key: &str) -> Self {
        Self(self.0.and_then(Value::as_object).and_then(|object: &Map<String, Value>| object.get(key)))
    }

    /// Returns the items of a list, none if it is no list.
    pub(super) fn items(self) -> impl Iterator<Item = Node<'a>> {
        self.0.and_then(Value::as_array).into_iter().flatten().map(|item| Node(Some(item)))
    }

    /// Tells whether this is `true`.
    pub(super) fn is_true(self) -> bool {
        self.0 == Some(&Value::Bool(true))
    }

    /// Returns whatever is here, `null` included.
    pub(super) fn value(self) -> Option<&'a Value> {
        self.0
    }

    /// Returns a text, empty or not.
    pub(super) fn string(self) -> Option<&'a str> {
        self.0.and_then(Value::as_str)
    }

    /// Returns a text that is not empty.
    pub(super) fn text(self) -> Option<&'a str> {
        self.string().filter(|text| !text.is_empty())
    }

    /// Returns a name, or an error where it is too long to be one.
    pub(super) fn name(self, what: &str) -> Result<Option<String>, EventError> {
        self.text().map(|name| bounded_name(what, name)).transpose()
    }

    /// Returns a positive number, which may stand in a string.
    pub(super) fn number(self) -> Option<u64> {
        let value = self.0?;
        value.as_u64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| *number > 0)
    }

    /// Returns a commit id; forty zeros, which stand for no commit, are none.
    pub(super) fn commit(self) -> Option<CommitId> {
        commit_id(self.text()?)
    }

    /// Returns a date in RFC 3339.
    pub(super) fn date(self) -> Option<DateTime<FixedOffset>> {
        DateTime::parse_from_rfc3339(self.text()?.trim()).ok()
    }
}

/// Reads a commit id; forty zeros, which stand for no commit, are none.
pub(super) fn commit_id(text: &str) -> Option<CommitId> {
    text.trim().parse().ok().filter(|_| !is_zero(text))
}

/// Tells whether this is the id that stands for no commit.
pub(super) fn is_zero(text: &str) -> bool {
    !text.is_empty() && text.trim().bytes().all(|byte| byte == b'0')
}
