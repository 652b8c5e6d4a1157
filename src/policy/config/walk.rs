//! Walking the values of a policy file: type checks, and the mistakes found on the way.

use std::ops::Range;

use super::node::{Kind, Node};
use crate::{
    model::untrusted::shown_up_to,
    policy::diagnostic::{Diagnostic, Diagnostics, Lines, Location, Related},
};

/// The most characters of a value that a message repeats.
pub(super) const MAX_SHOWN: usize = 80;

/// A value and the path of keys that leads to it.
#[derive(Clone, Debug)]
pub(super) struct Value<'n> {
    pub(super) node: &'n Node,
    pub(super) path: String,
}

/// A text value.
#[derive(Clone, Debug)]
pub(super) struct Text<'n> {
    pub(super) text: &'n str,
    pub(super) value: Value<'n>,
}

impl<'n> Value<'n> {
    fn item(&self, index: usize, node: &'n Node) -> Self {
        Self { node, path: format!("{}[{index}]", self.path) }
    }

    pub(super) fn key(&self, key: &str, node: &'n Node) -> Self {
        let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
        let key = shown_up_to(key, 60);
        let path = match (plain, self.path.is_empty()) {
            (true, true) => key,
            (true, false) => format!("{}.{key}", self.path),
            (false, _) => format!("{}[\"{key}\"]", self.path),
        };
        Self { node, path }
    }
}

/// The text, and the mistakes found in it so far.
#[derive(Debug)]
pub(super) struct Walk<'t> {
    pub(super) text: &'t str,
    pub(super) lines: Lines<'t>,
    found: Vec<Diagnostic>,
}

impl<'t> Walk<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, lines: Lines::new(text), found: Vec::new() }
    }

    /// Returns the mistakes in the order of the file, or nothing if there are none.
    pub(super) fn finish(self) -> Option<Diagnostics> {
        let Self { text: _, lines, mut found } = self;
        // What an alias repeats is one mistake.
        found.sort_by(|a, b| (a.span.start, a.span.end, &a.problem).cmp(&(b.span.start, b.span.end, &b.problem)));
        found.dedup_by(|a, b| a.span == b.span && a.problem == b.problem);
        let omitted = found.len().saturating_sub(Diagnostics::MAX_LISTED);
        found.truncate(Diagnostics::MAX_LISTED);
        for diagnostic in &mut found {
            diagnostic.at = lines.location(diagnostic.span.start);
            if let Some(related) = &mut diagnostic.related {
                related.at = lines.location(related.span.start);
            }
        }
        (!found.is_empty()).then_some(Diagnostics { list: found, omitted })
    }

    /// Tells whether nothing is wrong so far.
    pub(super) fn is_clean(&self) -> bool {
        self.found.is_empty()
    }

    pub(super) fn mistake_at(
        &mut self,
        span: Range<usize>,
        key_path: &str,
        problem: impl Into<String>,
        hint: Option<String>,
    ) -> &mut Diagnostic {
        // Places are filled in at the end, for those that are listed.
        let at = Location { line: 1, column: 1 };
        let index = self.found.len();
        self.found.push(Diagnostic {
            at,
            span,
            key_path: key_path.to_owned(),
            problem: problem.into(),
            hint,
            related: None,
        });
        &mut self.found[index]
    }

    pub(super) fn mistake(&mut self, value: &Value<'_>, problem: impl Into<String>, hint: Option<String>) {
        self.mistake_at(value.node.span.clone(), &value.path, problem, hint);
    }

    /// Reports a mistake that another place has to do with.
    pub(super) fn mistake_twice(
        &mut self,
        value: &Value<'_>,
        problem: impl Into<String>,
        hint: Option<String>,
        (first, label): (Range<usize>, &str),
    ) {
        let at = Location { line: 1, column: 1 };
        let related = Related { at, span: first, label: label.to_owned() };
        self.mistake_at(value.node.span.clone(), &value.path, problem, hint).related = Some(related);
    }

    /// Reports a mistake in a part of a text, if the text stands in the file as it is; else in the whole of it.
    pub(super) fn mistake_within(
        &mut self,
        text: &Text<'_>,
        part: Range<usize>,
        problem: impl Into<String>,
        hint: Option<String>,
    ) {
        let span = self.part(text, part);
        self.mistake_at(span, &text.value.path, problem, hint);
    }

    fn part(&self, text: &Text<'_>, part: Range<usize>) -> Range<usize> {
        let whole = text.value.node.span.clone();
        let raw = self.raw(text.value.node);
        let offset = if raw == text.text {
            0
        } else if raw.starts_with(['"', '\'']) && raw.get(1..raw.len() - 1) == Some(text.text) {
            1
        } else {
            return whole;
        };
        let inside = whole.start + offset + part.start..whole.start + offset + part.end;
        if self.text.get(inside.clone()).is_some() { inside } else { whole }
    }

    /// Returns a value as it is written.
    pub(super) fn raw(&self, node: &Node) -> &'t str {
        self.text.get(node.span.clone()).unwrap_or_default()
    }

    /// Returns the YAML tag before a value, as in `!branch main`: what somebody wrote who meant text.
    fn tag_before(&self, node: &Node) -> Option<&'t str> {
        let before = self.text.get(..node.span.start)?.trim_end_matches([' ', '\t']);
        let word = &before[before.rfind(|c: char| c.is_whitespace() || matches!(c, '[' | '{' | ','))? + 1..];
        (word.starts_with('!') && !word.starts_with("!!") && word.len() > 1).then_some(word)
    }

    /// Names a value for a message.
    pub(super) fn describe(&self, node: &Node) -> String {
        match &node.kind {
            Kind::Null => "nothing".to_owned(),
            Kind::Bool(value) => format!("`{value}`"),
            Kind::Integer(_) | Kind::Float => format!("the number {}", shown_up_to(self.raw(node), 40)),
            Kind::Text(text) => format!("the text `{}`", shown_up_to(text, MAX_SHOWN)),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a map".to_owned(),
        }
    }

    pub(super) fn wrong_type(&mut self, value: &Value<'_>, expected: &str, hint: Option<String>) {
        let found = self.describe(value.node);
        self.mistake(value, format!("expected {expected}, found {found}"), hint);
    }

    /// Reads the items of a list.
    pub(super) fn items<'n>(&mut self, value: &Value<'n>, expected: &str) -> Option<Vec<Value<'n>>> {
        if let Kind::List(list) = &value.node.kind {
            return Some(list.iter().enumerate().map(|(index, item)| value.item(index, item)).collect());
        }
        let hint = match &value.node.kind {
            Kind::Text(_) | Kind::Bool(_) | Kind::Integer(_) | Kind::Float => {
                Some(format!("write it as a list: `[{}]`", shown_up_to(self.raw(value.node), MAX_SHOWN)))
            }
            Kind::Map(_) => Some("begin each item with `- `".into()),
            Kind::Null | Kind::List(_) => None,
        };
        self.wrong_type(value, expected, hint);
        None
    }

    /// Reads a text.
    pub(super) fn text<'n>(&mut self, value: &Value<'n>, expected: &str) -> Option<Text<'n>> {
        if let Some(tag) = self.tag_before(value.node)
            && !matches!(value.node.kind, Kind::List(_) | Kind::Map(_))
        {
            let raw = shown_up_to(self.raw(value.node), MAX_SHOWN);
            let start = self.text[..value.node.span.start].rfind(tag).unwrap_or(value.node.span.start);
            let tag = shown_up_to(tag, MAX_SHOWN);
            self.mistake_at(
                start..value.node.span.end,
                &value.path,
                format!("`{tag}` is read as a YAML tag, not as text"),
                Some(format!("put the whole in quotes: `\"{}\"`", format!("{tag} {raw}").trim_end())),
            );
            return None;
        }
        if let Kind::Text(text) = &value.node.kind {
            return Some(Text { text, value: value.clone() });
        }
        let raw = self.raw(value.node);
        let hint = match &value.node.kind {
            Kind::Bool(_) | Kind::Integer(_) | Kind::Float => {
                Some(format!("put it in quotes: `\"{}\"`", shown_up_to(raw, 40)))
            }
            Kind::Map(_) if self.text[value.node.span.start..].starts_with("{{") => {
                Some("a text that begins with `{` needs quotes, as in `\"{{version}}\"`".into())
            }
            Kind::Null if !raw.is_empty() => Some(format!("if it is meant as text: `\"{}\"`", shown_up_to(raw, 40))),
            Kind::List(list) if list.len() == 1 => Some("write it without brackets".into()),
            Kind::Map(map) if expected.contains("event") && map.len() == 1 => {
                let (key, inner) = &map[0];
                let words = format!("{} {}", self.raw(key), self.raw(inner));
                Some(format!("write it as text: `{}`", shown_up_to(&words, MAX_SHOWN)))
            }
            Kind::Null | Kind::List(_) | Kind::Map(_) | Kind::Text(_) => None,
        };
        self.wrong_type(value, expected, hint);
        None
    }

    /// Reads a list of texts; if `one` says so, a single text is a list of one.
    pub(super) fn texts<'n>(&mut self, value: &Value<'n>, expected: &str, one: Single) -> Vec<Text<'n>> {
        if one == Single::Allowed && !matches!(value.node.kind, Kind::List(_)) {
            return self.text(value, expected).into_iter().collect();
        }
        let Some(items) = self.items(value, expected) else { return Vec::new() };
        if items.is_empty() {
            self.mistake(value, format!("expected {expected}, found an empty list"), None);
        }
        items.iter().filter_map(|item| self.text(item, "text")).collect()
    }

    /// Reads `true` or `false`.
    pub(super) fn boolean(&mut self, value: &Value<'_>) -> Option<bool> {
        match &value.node.kind {
            Kind::Bool(value) => Some(*value),
            kind => {
                let hint = match kind {
                    Kind::Text(text) => match text.to_lowercase().as_str() {
                        "true" | "yes" | "on" | "y" => Some("write `true`, without quotes".to_owned()),
                        "false" | "no" | "off" | "n" => Some("write `false`, without quotes".to_owned()),
                        _ => None,
                    },
                    _ => None,
                };
                self.wrong_type(value, "`true` or `false`", hint);
                None
            }
        }
    }

    /// Reads a whole number that fits.
    pub(super) fn number(&mut self, value: &Value<'_>, least: u32) -> Option<u32> {
        let expected = if least == 0 { "a whole number" } else { "a whole number above 0" };
        if let Kind::Integer(number) = value.node.kind {
            if let Some(number) = u32::try_from(number).ok().filter(|number| *number >= least) {
                return Some(number);
            }
            self.wrong_type(value, expected, (number > 0).then(|| format!("at most {}", u32::MAX)));
            return None;
        }
        let hint = match &value.node.kind {
            Kind::Text(text) if text.trim().parse::<u32>().is_ok() => {
                Some(format!("remove the quotes: `{}`", text.trim()))
            }
            _ => None,
        };
        self.wrong_type(value, expected, hint);
        None
    }
}

/// Whether a single text may stand for a list of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Single {
    Allowed,
    Refused,
}
