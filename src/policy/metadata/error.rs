//! What stops a run of docker/metadata-action's inputs.

use super::csv::CsvError;

/// A mistake in the inputs, or a value that cannot be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// The quotes of an item are wrong.
    #[error("read the entry `{entry}` of input `{input}`: {problem}")]
    Csv {
        /// The input.
        input: &'static str,
        /// The item, shortened and escaped.
        entry: String,
        /// What is wrong.
        problem: CsvError,
    },
    /// An item says something that it may not.
    #[error("understand the entry `{entry}` of input `{input}`: {problem}")]
    Entry {
        /// The input.
        input: &'static str,
        /// The item, shortened and escaped.
        entry: String,
        /// What is wrong.
        problem: String,
    },
    /// A template cannot be read or filled in.
    #[error("fill in the template `{template}`: {problem}")]
    Template {
        /// The template, shortened and escaped.
        template: String,
        /// What is wrong.
        problem: String,
    },
    /// A regular expression cannot be read or lacks a group.
    #[error("use the regular expression `{pattern}`: {problem}")]
    Pattern {
        /// The expression, shortened and escaped.
        pattern: String,
        /// What is wrong.
        problem: String,
    },
}

impl MetadataError {
    pub(super) fn csv(input: &'static str, item: &str, problem: CsvError) -> Self {
        Self::Csv { input, entry: shown(item), problem }
    }

    pub(super) fn entry(input: &'static str, item: &str, problem: impl Into<String>) -> Self {
        Self::Entry { input, entry: shown(item), problem: problem.into() }
    }

    pub(super) fn template(template: &str, problem: impl Into<String>) -> Self {
        Self::Template { template: shown(template), problem: problem.into() }
    }

    pub(super) fn pattern(pattern: &str, problem: impl Into<String>) -> Self {
        Self::Pattern { pattern: shown(pattern), problem: problem.into() }
    }
}

/// Foreign text as messages show it between backticks: one line of bounded length.
pub(super) fn shown(text: &str) -> String {
    crate::model::untrusted::shown(text).replace('`', "'")
}
