//! Versions of Python packages as `type=pep440` reads and normalises them
//! (<https://packaging.python.org/en/latest/specifications/version-specifiers/>). Numbers are those of JavaScript, and the
//! parts of a local version are joined by commas, as docker/metadata-action's users know it.

use regex_lite::Regex;

use super::{
    handlebars::{Functions, Value},
    javascript::{number, number_text},
};

/// The grammar of the specification's appendix.
const GRAMMAR: &str = r"(?i)^v?(?:([0-9]+)!)?([0-9]+(?:\.[0-9]+)*)(?:[-_.]?(a|b|c|rc|alpha|beta|pre|preview)[-_.]?([0-9]+)?)?(?:-([0-9]+)|[-_.]?(post|rev|r)[-_.]?([0-9]+)?)?(?:[-_.]?(dev)[-_.]?([0-9]+)?)?(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$";

/// A version.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Version {
    raw: String,
    release: Vec<f64>,
    /// Whether it is a pre-release, post-release or development release.
    pub(super) is_unusual: bool,
    normal: String,
}

impl Version {
    /// Reads a version.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let grammar = Regex::new(GRAMMAR).ok()?;
        let found = grammar.captures(text)?;
        let group = |at: usize| found.get(at).map(|group| group.as_str());
        let count = |at: usize| group(at).map_or(0.0, number);
        let epoch = count(1);
        let release: Vec<f64> = group(2)?.split('.').map(number).collect();
        let numbered = |word: &str, count: f64| format!("{word}{}", number_text(count));
        let pre = group(3).map(|letter| {
            let word = match letter.to_ascii_lowercase().as_str() {
                "a" | "alpha" => "a",
                "b" | "beta" => "b",
                _ => "rc",
            };
            numbered(word, count(4))
        });
        let post = match (group(5), group(6)) {
            (Some(_), _) => Some(numbered(".post", count(5))),
            (None, Some(_)) => Some(numbered(".post", count(7))),
            (None, None) => None,
        };
        let dev = group(8).map(|_| numbered(".dev", count(9)));
        let is_unusual = pre.is_some() || post.is_some() || dev.is_some();
        let mut normal = String::new();
        if epoch != 0.0 {
            normal.push_str(&numbered("", epoch));
            normal.push('!');
        }
        normal.push_str(&release.iter().map(|part| number_text(*part)).collect::<Vec<_>>().join("."));
        normal.extend([pre, post, dev].into_iter().flatten());
        if let Some(local) = group(10) {
            let parts = local.split(['.', '_', '-']).map(|part| match number(part) {
                value if value.is_nan() => part.to_lowercase(),
                value => number_text(value),
            });
            normal.push('+');
            normal.push_str(&parts.collect::<Vec<_>>().join(","));
        }
        Some(Self { raw: text.to_owned(), release, is_unusual, normal })
    }

    pub(super) fn raw(&self) -> &str {
        &self.raw
    }

    pub(super) fn normal(&self) -> &str {
        &self.normal
    }

    /// Returns what a pattern may name.
    pub(super) fn properties() -> Vec<(String, Value)> {
        ["raw", "version", "major", "minor", "patch"].map(|name| (name.to_owned(), Value::Function(name))).to_vec()
    }
}

impl Functions for Version {
    fn call(&self, name: &'static str, _: &[Value], _: Option<&[(String, Value)]>, _: bool) -> Result<Value, String> {
        let part = |at: usize| Value::Number(self.release.get(at).copied().unwrap_or(0.0));
        Ok(match name {
            "raw" => Value::Text(self.raw.clone()),
            "version" => Value::Text(self.normal.clone()),
            "major" => part(0),
            "minor" => part(1),
            _ => part(2),
        })
    }

    fn arity(&self, _: &'static str) -> u32 {
        0
    }
}
