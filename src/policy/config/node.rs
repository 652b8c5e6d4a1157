//! The YAML of a policy file as plain data with a place for each value. The only file that knows the YAML crate.

use std::{fmt, ops::Range};

use serde::de;
use serde_yaml::{
    Error, Spanned,
    options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy},
};

use crate::policy::diagnostic::{Lines, Location};

/// A value and which bytes of the text it is. What an alias stands for lies where it was defined.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Node {
    pub(in crate::policy) span: Range<usize>,
    pub(in crate::policy) kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(in crate::policy) enum Kind {
    Null,
    Bool(bool),
    Integer(i128),
    Float,
    Text(String),
    List(Vec<Node>),
    /// In the order of the text, equal keys included.
    Map(Vec<(Node, Node)>),
}

/// Why a text is no YAML that a policy may be written in.
#[derive(Debug)]
pub(in crate::policy) struct Unreadable {
    /// Where reading stopped, in bytes.
    pub(super) at: usize,
    pub(super) reason: Reason,
}

/// What stopped reading.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::policy) enum Reason {
    SecondDocument,
    UnknownAlias,
    AliasOfItself,
    TooDeep,
    TooManyAliases,
    TooLarge,
    /// The crate's own words.
    Syntax(String),
}

/// A policy nests 5 deep.
pub(super) const MAX_DEPTH: usize = 32;
/// The largest policy that anybody wrote for the tests has 150 values, aliases filled in.
pub(super) const MAX_NODES: usize = 20_000;
pub(super) const MAX_ALIASES: usize = 100;

/// Reads a text; an empty one is `Null`.
pub(in crate::policy) fn read(text: &str, lines: &Lines<'_>) -> Result<Node, Unreadable> {
    let options = serde_yaml::options! {
        budget: serde_yaml::budget! { max_depth: MAX_DEPTH, max_nodes: MAX_NODES, max_aliases: MAX_ALIASES },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        strict_booleans: true,
        with_snippet: false,
    };
    match serde_yaml::from_str_with_options::<Spanned<Loose>>(text, options) {
        Ok(root) => Ok(node(root, text, lines)),
        Err(error) => Err(unreadable(&error, text, lines)),
    }
}

/// The value as the crate gives it, its places still the crate's.
struct Loose(LooseKind);

enum LooseKind {
    Scalar(Kind),
    List(Vec<Spanned<Loose>>),
    Map(Vec<(Spanned<Loose>, Spanned<Loose>)>),
}

impl<'de> de::Deserialize<'de> for Loose {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor).map(Self)
    }
}

struct LooseVisitor;

impl<'de> de::Visitor<'de> for LooseVisitor {
    type Value = LooseKind;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<LooseKind, E> {
        Ok(LooseKind::Scalar(Kind::Null))
    }

    fn visit_none<E>(self) -> Result<LooseKind, E> {
        Ok(LooseKind::Scalar(Kind::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<LooseKind, E> {
        Ok(LooseKind::Scalar(Kind::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<LooseKind, E> {
        Ok(LooseKind::Scalar(Kind::Integer(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<LooseKind, E> {
        Ok(LooseKind::Scalar(Kind::Integer(value.into())))
    }

    fn visit_f64<E>(self, _value: f64) -> Result<LooseKind, E> {
        Ok(LooseKind::Scalar(Kind::Float))
    }

    fn visit_str<E>(self, value: &str) -> Result<LooseKind, E> {
        Ok(LooseKind::Scalar(Kind::Text(value.to_owned())))
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut access: A) -> Result<LooseKind, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = access.next_element()? {
            list.push(item);
        }
        Ok(LooseKind::List(list))
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut access: A) -> Result<LooseKind, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = access.next_entry()? {
            map.push(entry);
        }
        Ok(LooseKind::Map(map))
    }
}

fn node(loose: Spanned<Loose>, text: &str, lines: &Lines<'_>) -> Node {
    let span = span(&loose.defined, text, lines);
    let kind = match loose.value.0 {
        LooseKind::Scalar(kind) => kind,
        LooseKind::List(list) => Kind::List(list.into_iter().map(|item| node(item, text, lines)).collect()),
        LooseKind::Map(map) => {
            Kind::Map(map.into_iter().map(|(key, value)| (node(key, text, lines), node(value, text, lines))).collect())
        }
    };
    Node { span, kind }
}

fn span(location: &serde_yaml::Location, text: &str, lines: &Lines<'_>) -> Range<usize> {
    let span = location.span();
    let bytes = match (span.byte_offset(), span.byte_len()) {
        (Some(start), Some(length)) => usize::try_from(start).ok().zip(usize::try_from(start + length).ok()),
        _ => None,
    };
    match bytes {
        Some((start, end)) if start <= end && text.get(start..end).is_some() => {
            // A scalar's span may take in the line end after it.
            let kept = text[start..end].trim_end().len();
            start..start + kept
        }
        _ => {
            let at = byte(location, lines);
            at..at
        }
    }
}

fn byte(location: &serde_yaml::Location, lines: &Lines<'_>) -> usize {
    let number = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
    lines.byte(Location { line: number(location.line()), column: number(location.column()) })
}

fn unreadable(error: &Error, text: &str, lines: &Lines<'_>) -> Unreadable {
    let at = error.locations().map_or_else(|| error.location(), |locations| Some(locations.reference_location));
    let at = at.map_or(text.len(), |location| span(&location, text, lines).start);
    let error = match error.without_snippet() {
        Error::AliasError { error, .. } => error,
        error => error,
    };
    let whole = error.to_string();
    let words = whole.rsplit_once(" at line ").map_or(whole.as_str(), |(words, _)| words).to_owned();
    let reason = match error {
        Error::MultipleDocuments { .. } => Reason::SecondDocument,
        Error::UnknownAnchor { .. } => Reason::UnknownAlias,
        Error::RecursiveReferencesRequireWeakTypes { .. } => Reason::AliasOfItself,
        Error::AliasReplayStackDepthExceeded { .. } => Reason::TooDeep,
        Error::AliasReplayLimitExceeded { .. } | Error::AliasExpansionLimitExceeded { .. } => Reason::TooLarge,
        // The variants of a breach are many and their names are their message.
        Error::Budget { breach, .. } => {
            let breach = format!("{breach:?}");
            if breach.starts_with("Depth") {
                Reason::TooDeep
            } else if breach.starts_with("Alias") {
                Reason::TooManyAliases
            } else {
                Reason::TooLarge
            }
        }
        _ if words.contains("nesting") || words.contains("recursion") => Reason::TooDeep,
        _ => Reason::Syntax(words),
    };
    Unreadable { at, reason }
}
