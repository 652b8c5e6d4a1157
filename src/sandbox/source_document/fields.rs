//! Reading a JSON object field by field, and remembering what is wrong and where.

use std::cell::RefCell;

use serde_json::{Map, Value};

use crate::sandbox::state::Time;

/// What is wrong with a field.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sandbox) struct Mistake {
    /// Where it stands: `commits[0].date`.
    pub(in crate::sandbox) field: String,
    /// What is wrong, as it goes on after the field.
    pub(in crate::sandbox) problem: String,
}

#[derive(Default)]
pub(super) struct Mistakes(RefCell<Vec<Mistake>>);

impl Mistakes {
    fn add(&self, field: String, problem: &str) {
        self.0.borrow_mut().push(Mistake { field, problem: problem.to_owned() });
    }

    pub(super) fn end(self) -> Result<(), Vec<Mistake>> {
        let mistakes = self.0.into_inner();
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }
}

/// An object and where it stands. A field that is `null` counts as absent.
pub(super) struct Fields<'a> {
    map: &'a Map<String, Value>,
    place: String,
    mistakes: &'a Mistakes,
}

impl<'a> Fields<'a> {
    /// Takes a value for an object that has none but these fields.
    pub(super) fn of(value: &'a Value, place: String, known: &[&str], mistakes: &'a Mistakes) -> Option<Self> {
        let Some(map) = value.as_object() else {
            let place = if place.is_empty() { "the document".to_owned() } else { place };
            mistakes.add(place, "is no object");
            return None;
        };
        let fields = Self { map, place, mistakes };
        for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
            let problem = format!("is not known; there are {}", known.join(", "));
            fields.wrong(fields.place(&name.escape_debug().to_string()), &problem);
        }
        Some(fields)
    }

    /// Does so for a value inside this object.
    pub(super) fn object(&self, place: String, value: &'a Value, known: &[&str]) -> Option<Self> {
        Self::of(value, place, known, self.mistakes)
    }

    pub(super) fn wrong(&self, place: String, problem: &str) {
        self.mistakes.add(place, problem);
    }

    /// Says where a field stands.
    pub(super) fn place(&self, name: &str) -> String {
        if self.place.is_empty() { name.to_owned() } else { format!("{}.{name}", self.place) }
    }

    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    /// Remembers a mistake if a field is absent.
    pub(super) fn require(&self, name: &str) {
        if self.value(name).is_none_or(|value| value == "") {
            self.wrong(self.place(name), "is missing");
        }
    }

    fn read<T>(&self, name: &str, what: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Option<T> {
        let read = read(self.value(name)?);
        if read.is_none() {
            self.wrong(self.place(name), &format!("is no {what}"));
        }
        read
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.read(name, "text", Value::as_str)
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.read(name, "`true` or `false`", Value::as_bool)
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.read(name, "whole number", Value::as_u64)
    }

    pub(super) fn time(&self, name: &str) -> Option<Time> {
        self.read(name, "time as in `2026-03-01T12:00:00Z`", |value| value.as_str()?.parse().ok())
    }

    /// Lists the items of a field, and where each stands.
    pub(super) fn list(&self, name: &str) -> Vec<(String, &'a Value)> {
        let items = self.read(name, "list", Value::as_array).into_iter().flatten();
        items.enumerate().map(|(number, item)| (format!("{}[{number}]", self.place(name)), item)).collect()
    }

    /// Lists the items of a field that are objects with none but these fields.
    pub(super) fn objects(&self, name: &str, known: &[&str]) -> Vec<Self> {
        self.list(name).into_iter().filter_map(|(place, item)| self.object(place, item, known)).collect()
    }

    /// Lists the entries of a field that is an object with keys of the user's own, and where each stands.
    pub(super) fn entries(&self, name: &str) -> Vec<(String, &'a str, &'a Value)> {
        let entries = self.read(name, "object", Value::as_object).into_iter().flatten();
        entries
            .map(|(key, value)| (format!("{}[\"{}\"]", self.place(name), key.escape_debug()), key.as_str(), value))
            .collect()
    }
}
