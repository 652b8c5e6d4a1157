//! The top-level error: its kind decides the exit code, and it renders the chain of causes once, hints last.

use std::{error, fmt};

use serde_json::{Value, json};

use crate::{
    inputs::InputErrors,
    policy::metadata::MetadataError,
    ports::{PortError, PortErrorKind},
};

/// Whose turn it is to cure an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Inputs or policy are wrong; nothing was touched.
    Input,
    /// The work failed.
    Failed,
}

impl Kind {
    /// Returns the exit code of a run that ends with it; 0 is left to runs that end well.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::Input => 2,
        }
    }
}

/// A place in a file, for an annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file's path in the repository.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1, in characters.
    pub column: u64,
    /// What is wrong there, with the remedy.
    pub message: String,
}

/// What ended a run.
#[derive(Debug)]
pub struct Error {
    /// Whose turn it is.
    pub kind: Kind,
    /// For [`Kind::Failed`] a fragment that fits after "failed to "; for [`Kind::Input`] what is wrong, in several lines
    /// where it shows several mistakes.
    pub message: String,
    /// What exactly, where there are several things, a line each.
    pub details: Vec<String>,
    /// The places in a file that it is about, each with what is wrong there.
    pub places: Vec<Place>,
    /// What to do about it, each in one sentence.
    pub hints: Vec<String>,
    /// The error below this one.
    pub source: Option<Box<dyn error::Error + Send + Sync>>,
}

impl Error {
    /// Makes an error about inputs or policy.
    #[must_use]
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(Kind::Input, message.into())
    }

    /// Makes an error about work that failed; `message` fits after "failed to ".
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message.into())
    }

    const fn new(kind: Kind, message: String) -> Self {
        Self { kind, message, details: Vec::new(), places: Vec::new(), hints: Vec::new(), source: None }
    }

    /// Adds one of several things that are wrong.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.details.push(detail.into());
        self
    }

    /// Adds a remedy.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds the error below.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns the error as a document for programs.
    #[must_use]
    pub fn document(&self) -> Value {
        let Self { kind, message: _, details, places, hints, source: _ } = self;
        let mut causes = Vec::new();
        let mut below = error::Error::source(self);
        while let Some(cause) = below {
            causes.push(cause.to_string());
            below = cause.source();
        }
        let places = places.iter().map(|Place { file, line, column, message }| {
            json!({"file": file, "line": line, "column": column, "message": message})
        });
        json!({
            "exit-code": kind.exit_code(),
            "message": self.to_string(),
            "details": details,
            "causes": causes,
            "hints": hints,
            "places": places.collect::<Vec<_>>(),
        })
    }

    /// Renders the error, the errors below it, and the hints, each on lines of its own.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = format!("error: {self}\n");
        for detail in &self.details {
            text.push_str(&format!("  - {detail}\n"));
        }
        let mut below = error::Error::source(self);
        while let Some(cause) = below {
            text.push_str(&format!("  caused by: {cause}\n"));
            below = cause.source();
        }
        for hint in &self.hints {
            text.push_str(&format!("hint: {hint}\n"));
        }
        text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Failed => write!(formatter, "failed to {}", self.message),
            Kind::Input => formatter.write_str(&self.message),
        }
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<MetadataError> for Error {
    fn from(mistake: MetadataError) -> Self {
        Self::input(format!("failed to {mistake}"))
    }
}

impl From<PortError> for Error {
    fn from(error: PortError) -> Self {
        let message = error.to_string();
        let PortError { kind, operation: _, detail: _, hint, trap: _, source } = error;
        let way = "is the name right, does the server run, and does the way there need a proxy (`HTTPS_PROXY`)?";
        let hint = hint.or_else(|| (kind == PortErrorKind::Unavailable).then(|| way.to_owned()));
        Self { hints: hint.into_iter().collect(), source, ..Self::failed(message) }
    }
}

impl From<InputErrors> for Error {
    fn from(errors: InputErrors) -> Self {
        // Several mistakes show their hints in place.
        let hints = match errors.mistakes.as_slice() {
            [only] => only.hint.clone().into_iter().collect(),
            _ => Vec::new(),
        };
        let mut message = errors.to_string();
        if let Some(help) = errors.help {
            message = format!("{message}\n\n{}", help.trim_end());
        }
        Self { hints, ..Self::input(message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_is_shown_once_and_the_hints_last() {
        let below = std::io::Error::other("connection reset");
        let error = PortError::new(PortErrorKind::Denied, "list the tags of ghcr.io/acme/shop", "403 Forbidden")
            .with_hint("grant `packages: write` to the job")
            .with_source(below);
        let error = Error::from(error);
        assert_eq!(error.kind.exit_code(), 1);
        assert_eq!(
            error.render(),
            "error: failed to list the tags of ghcr.io/acme/shop: 403 Forbidden\n  caused by: connection reset\nhint: \
             grant `packages: write` to the job\n"
        );
    }

    #[test]
    fn wrong_inputs_end_with_two() {
        let error = Error::input("input `now`: `x` is no RFC 3339 time").with_hint("write it as in …");
        assert_eq!(error.kind.exit_code(), 2);
        assert_eq!(error.render(), "error: input `now`: `x` is no RFC 3339 time\nhint: write it as in …\n");
    }
}
