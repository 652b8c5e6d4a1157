//! What is wrong with the inputs: all of it at once, each with its remedy, never a secret's value.

use std::fmt;

use crate::model::untrusted::shown;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputMistake {
    /// The input it is about, if it is about one.
    pub input: Option<&'static str>,
    /// What is wrong, without control characters.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for InputMistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.input {
            Some(input) => write!(formatter, "input `{input}`: {}", self.message),
            None => formatter.write_str(&self.message),
        }
    }
}

/// All mistakes of a command line and its inputs; never empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InputErrors {
    /// The mistakes, in the order of the inputs.
    pub mistakes: Vec<InputMistake>,
    /// The help text, where showing it is the remedy.
    pub help: Option<String>,
}

impl InputErrors {
    pub(super) fn one(message: impl Into<String>, hint: Option<String>) -> Self {
        Self { mistakes: vec![InputMistake { input: None, message: message.into(), hint }], help: None }
    }

    pub(super) fn add(&mut self, input: &'static str, message: impl Into<String>, hint: impl Into<String>) {
        self.mistakes.push(InputMistake { input: Some(input), message: message.into(), hint: Some(hint.into()) });
    }
}

impl fmt::Display for InputErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mistakes.as_slice() {
            [only] => only.fmt(formatter),
            all => {
                write!(formatter, "{} inputs are wrong", all.len())?;
                for mistake in all {
                    write!(formatter, "\n  {mistake}")?;
                    if let Some(hint) = &mistake.hint {
                        write!(formatter, "\n    hint: {hint}")?;
                    }
                }
                Ok(())
            }
        }
    }
}

impl std::error::Error for InputErrors {}

/// Quotes text of unknown origin: control characters escaped, cut at 200 characters.
pub(super) fn quote(text: &str) -> String {
    format!("`{}`", shown(text))
}

/// Finds the candidate that `text` was probably meant to be.
pub(super) fn nearest<'a>(text: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let text = text.to_lowercase();
    candidates
        .iter()
        .map(|candidate| (strsim::jaro_winkler(&text, candidate), *candidate))
        // Below this the words have too little in common for the guess to help.
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, candidate)| candidate)
}
