//! The keys of a policy's maps: which there are, which are missing, twice or misspelt.

use std::{collections::BTreeMap, ops::Range};

use super::{
    node::Kind,
    walk::{MAX_SHOWN, Text, Value, Walk},
};
use crate::{
    model::untrusted::shown_up_to,
    policy::{
        diagnostic::nearest,
        language::{MAPS, MapForm},
    },
};

/// The values of a map by their keys.
#[derive(Debug)]
pub(super) struct Fields<'n> {
    form: &'static MapForm,
    entries: Vec<(&'static str, Value<'n>, Range<usize>)>,
    /// Keys that others were probably meant to be: they are not missing as well.
    misspelt: Vec<&'static str>,
    /// Whether a merge (`<<`) was to bring further keys.
    merges: bool,
}

impl<'n> Fields<'n> {
    /// Returns the value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Value<'n>> {
        debug_assert!(self.form.has(key), "the language has no key `{key}` in {}", self.form.place);
        self.entries.iter().find(|(name, ..)| *name == key).map(|(_, value, _)| value)
    }

    /// Tells whether a key is there, or was probably meant to be.
    pub(super) fn intends(&self, key: &str) -> bool {
        self.merges || self.get(key).is_some() || self.misspelt.contains(&key)
    }

    /// Returns where a key is written.
    pub(super) fn key_span(&self, key: &str) -> Option<Range<usize>> {
        self.entries.iter().find(|(name, ..)| *name == key).map(|(.., span)| span.clone())
    }
}

impl Walk<'_> {
    /// Reads a map with these keys; others are mistakes, and so are keys that occur twice.
    pub(super) fn fields<'n>(
        &mut self,
        value: &Value<'n>,
        expected: &str,
        form: &'static MapForm,
    ) -> Option<Fields<'n>> {
        let keys = &form.names();
        let Kind::Map(map) = &value.node.kind else {
            let hint = format!("its keys are {}", listed(keys));
            self.wrong_type(value, expected, Some(hint));
            return None;
        };
        let mut fields = Fields { form, entries: Vec::new(), misspelt: Vec::new(), merges: false };
        let mut seen: BTreeMap<&str, Range<usize>> = BTreeMap::new();
        for (key, inner) in map {
            let Kind::Text(name) = &key.kind else {
                let found = self.describe(key);
                let place = Value { node: key, path: value.path.clone() };
                self.mistake(&place, format!("expected a key, found {found}"), Some(keys_here(keys)));
                continue;
            };
            let place = value.key(name, key);
            if let Some(first) = seen.get(name.as_str()) {
                let first = (first.clone(), "first here");
                let problem = format!("the key `{}` occurs twice", shown_up_to(name, MAX_SHOWN));
                self.mistake_twice(&place, problem, Some("keep one of them".into()), first);
                continue;
            }
            seen.insert(name, key.span.clone());
            match keys.iter().find(|known| *known == name) {
                Some(known) => fields.entries.push((known, value.key(name, inner), key.span.clone())),
                None => {
                    let problem = format!("unknown key `{}`", shown_up_to(name, MAX_SHOWN));
                    fields.misspelt.extend(nearest(name, keys.iter().copied()));
                    fields.merges |= name == "<<";
                    self.mistake(&place, problem, Some(key_hint(name, keys)));
                }
            }
        }
        Some(fields)
    }

    /// Reads a map whose keys are texts of any kind.
    pub(super) fn entries<'n>(
        &mut self,
        value: &Value<'n>,
        expected: &str,
        example: &str,
    ) -> Option<Vec<(Text<'n>, Value<'n>)>> {
        let Kind::Map(map) = &value.node.kind else {
            self.wrong_type(value, expected, Some(format!("as in `{example}`")));
            return None;
        };
        let mut seen: BTreeMap<&str, Range<usize>> = BTreeMap::new();
        let mut entries = Vec::new();
        for (key, inner) in map {
            let place = Value { node: key, path: value.path.clone() };
            let Some(text) = self.text(&place, "a text as key") else { continue };
            let text = Text { text: text.text, value: value.key(text.text, key) };
            if let Some(first) = seen.get(text.text) {
                let first = (first.clone(), "first here");
                let problem = format!("the key `{}` occurs twice", shown_up_to(text.text, MAX_SHOWN));
                self.mistake_twice(&text.value, problem, Some("keep one of them".into()), first);
                continue;
            }
            seen.insert(text.text, key.span.clone());
            let inner = value.key(text.text, inner);
            entries.push((text, inner));
        }
        Some(entries)
    }

    /// Reports that a key must be there, unless it was probably meant to be.
    pub(super) fn missing(&mut self, value: &Value<'_>, fields: &Fields<'_>, key: &str, example: &str) {
        if fields.intends(key) {
            return;
        }
        let start = value.node.span.start;
        let path = if value.path.is_empty() { key.to_owned() } else { format!("{}.{key}", value.path) };
        let problem = format!("the key `{key}` is missing");
        self.mistake_at(start..start, &path, problem, Some(format!("add it, as in `{key}: {example}`")));
    }
}

/// Writes names one after the other, in backticks.
pub(super) fn listed(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn key_hint(name: &str, keys: &[&'static str]) -> String {
    if name == "<<" {
        return "merging maps is not supported; write the keys out".to_owned();
    }
    // `image` for `images`: also the name of a key elsewhere, and hardly meant as such.
    let one_of_many = |key: &&&str| key.strip_suffix('s') == Some(name) || name.strip_suffix('s') == Some(**key);
    let elsewhere: Vec<&str> = MAPS.iter().filter(|form| form.has(name)).map(|form| form.place).collect();
    match keys.iter().find(one_of_many).copied().or_else(|| nearest(name, keys.iter().copied())) {
        Some(meant) if elsewhere.is_empty() || one_of_many(&&meant) => format!("did you mean `{meant}`?"),
        None if elsewhere.is_empty() => keys_here(keys),
        _ => format!("`{name}` belongs to {}", elsewhere.join(" or ")),
    }
}

fn keys_here(keys: &[&'static str]) -> String {
    match keys {
        [only] => format!("the only key here is `{only}`"),
        keys => format!("keys here are {}", listed(keys)),
    }
}
