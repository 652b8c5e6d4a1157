//! Expressions of a workflow (`${{ … }}`): those whose value the repository tells are filled in, others stay as they are.

use std::collections::BTreeMap;

use super::workflow::{entries, get, scalar};
use crate::policy::config::node::Node;

/// What expressions may name.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// `owner/name`.
    pub(super) repository: Option<String>,
    /// The variables of `env`, filled in.
    environment: BTreeMap<String, String>,
    /// The values of the matrix, those within maps as `key.name`.
    pub(super) matrix: BTreeMap<String, String>,
}

impl Known {
    pub(super) fn of(repository: Option<String>) -> Self {
        Self { repository, ..Self::default() }
    }

    /// Adds the variables that a workflow, a job or a step sets.
    pub(super) fn add_environment(&mut self, node: &Node) {
        let found: Vec<(String, String)> = get(node, "env")
            .map(entries)
            .into_iter()
            .flatten()
            .filter_map(|(name, value)| Some((name.to_owned(), fill(&scalar(value)?, self))))
            .collect();
        self.environment.extend(found);
    }

    fn value(&self, expression: &str) -> Option<String> {
        let repository = self.repository.as_deref();
        match expression {
            "github.repository" => return repository.map(str::to_owned),
            "github.repository_owner" => return Some(repository?.split_once('/')?.0.to_owned()),
            "github.event.repository.name" => return Some(repository?.split_once('/')?.1.to_owned()),
            _ => {}
        }
        if let Some(name) = expression.strip_prefix("env.") {
            return self.environment.get(name).cloned();
        }
        self.matrix.get(expression.strip_prefix("matrix.")?).cloned()
    }
}

/// The expressions of a text, each with where it stands.
pub(super) fn expressions(text: &str) -> impl Iterator<Item = (std::ops::Range<usize>, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text.get(at..)?.find("${{")?;
        let end = start + text[start..].find("}}")? + 2;
        at = end;
        Some((start..end, text[start + 3..end - 2].trim()))
    })
}

/// Fills in what is known.
pub(super) fn fill(text: &str, known: &Known) -> String {
    replace(text, |expression| known.value(expression))
}

/// Puts what `value` says in the place of expressions; those that it knows nothing of stay.
pub(super) fn replace(text: &str, mut value: impl FnMut(&str) -> Option<String>) -> String {
    let (mut filled, mut from) = (String::new(), 0);
    for (place, expression) in expressions(text) {
        filled.push_str(&text[from..place.start]);
        match value(expression) {
            Some(value) => filled.push_str(&value),
            None => filled.push_str(&text[place.clone()]),
        }
        from = place.end;
    }
    filled.push_str(&text[from..]);
    filled
}
