//! SemVer as `type=semver` reads it: strictly by version 2, but for a leading `v` and blanks at both ends.

use std::rc::Rc;

use super::{
    handlebars::{Functions, Value},
    javascript::trim,
};

/// The longest text that is a version, in characters.
const LONGEST: usize = 256;

/// The greatest number that a version may hold, which is the greatest that JavaScript counts with.
const GREATEST: u64 = (1 << 53) - 1;

/// A version, with its parts as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Version {
    raw: String,
    numbers: [u64; 3],
    prerelease: Vec<String>,
    build: Vec<String>,
}

impl Version {
    /// Reads a version.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.encode_utf16().count() > LONGEST {
            return None;
        }
        let trimmed = trim(text);
        let unprefixed = trimmed.strip_prefix('v').unwrap_or(trimmed);
        let (rest, build) = match unprefixed.split_once('+') {
            Some((rest, build)) => (rest, identifiers(build, false)?),
            None => (unprefixed, Vec::new()),
        };
        let (core, prerelease) = match rest.split_once('-') {
            Some((core, prerelease)) => (core, identifiers(prerelease, true)?),
            None => (rest, Vec::new()),
        };
        let mut parts = core.split('.').map(number);
        let numbers = [parts.next()??, parts.next()??, parts.next()??];
        parts.next().is_none().then(|| Self { raw: text.to_owned(), numbers, prerelease, build })
    }

    pub(super) const fn is_prerelease(&self) -> bool {
        !self.prerelease.is_empty()
    }

    /// Returns the version without build metadata, as versions are compared.
    pub(super) fn released(&self) -> Option<semver::Version> {
        self.text().parse().ok()
    }

    fn text(&self) -> String {
        let [major, minor, patch] = self.numbers;
        let prerelease = if self.is_prerelease() { format!("-{}", self.prerelease.join(".")) } else { String::new() };
        format!("{major}.{minor}.{patch}{prerelease}")
    }

    /// Returns what a pattern may name.
    pub(super) fn properties(&self) -> Vec<(String, Value)> {
        let list = |parts: &[String]| Value::List(Rc::new(parts.iter().cloned().map(Value::Text).collect()));
        let [major, minor, patch] = self.numbers.map(|number| Value::Text(number.to_string()));
        let number = |value: Value| match value {
            // Numbers and their texts show alike, but a 0 is false.
            Value::Text(text) => Value::Number(super::javascript::number(&text)),
            other => other,
        };
        [
            ("options", Value::Object(Rc::new(vec![("loose".to_owned(), Value::Bool(true))]))),
            ("loose", Value::Bool(true)),
            ("includePrerelease", Value::Bool(false)),
            ("raw", Value::Text(self.raw.clone())),
            ("major", number(major)),
            ("minor", number(minor)),
            ("patch", number(patch)),
            ("prerelease", list(&self.prerelease)),
            ("build", list(&self.build)),
            ("version", Value::Text(self.text())),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec()
    }
}

fn number(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    text.parse().ok().filter(|number| canonical && *number <= GREATEST)
}

fn identifiers(text: &str, is_prerelease: bool) -> Option<Vec<String>> {
    let valid = |part: &str| {
        let numeric = part.bytes().all(|byte| byte.is_ascii_digit());
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !(is_prerelease && numeric && part.len() > 1 && part.starts_with('0'))
    };
    let parts: Vec<String> = text.split('.').map(str::to_owned).collect();
    parts.iter().all(|part| valid(part)).then_some(parts)
}

/// A pattern of `type=semver` names values only.
pub(super) struct NoFunctions;

impl Functions for NoFunctions {
    fn call(&self, name: &'static str, _: &[Value], _: Option<&[(String, Value)]>, _: bool) -> Result<Value, String> {
        Err(format!("there is no helper `{name}`"))
    }

    fn arity(&self, _: &'static str) -> u32 {
        0
    }
}
