//! File commands: outputs, environment variables and the job summary, appended to files that the runner reads after the
//! step.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
};

use crate::{
    model::untrusted::shown,
    ports::{PortError, PortErrorKind},
};

/// The largest summary that the runner uploads for a step, in bytes.
pub const MAX_SUMMARY_BYTES: usize = 1024 * 1024;

/// What stands at the end of a summary that was cut.
const CUT: &str = "\n\n**The summary was cut here: GitHub shows at most 1 MiB of it. The log has everything.**\n";

/// The longest search for a line break to cut a summary at, in bytes.
const LONGEST_LINE: usize = 64 * 1024;

/// The files that the runner gives a step. Without one (at a terminal), what is meant for it is dropped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    output: Option<PathBuf>,
    environment: Option<PathBuf>,
    summary: Option<PathBuf>,
}

impl Files {
    /// Finds the files by `GITHUB_OUTPUT`, `GITHUB_ENV` and `GITHUB_STEP_SUMMARY`.
    #[must_use]
    pub fn from_environment(environment: &BTreeMap<String, String>) -> Self {
        let path = |name| environment.get(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        Self { output: path("GITHUB_OUTPUT"), environment: path("GITHUB_ENV"), summary: path("GITHUB_STEP_SUMMARY") }
    }

    /// Tells whether somebody reads the outputs.
    #[must_use]
    pub fn take_outputs(&self) -> bool {
        self.output.is_some()
    }

    /// Sets outputs of the step, all or none.
    ///
    /// # Errors
    /// If a name is none (letters, digits, `_` and `-`), or if the file cannot be written.
    pub fn set_outputs<'a>(&self, outputs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<(), PortError> {
        const WHAT: &str = "set the outputs of the step";
        let mut text = String::new();
        for (name, value) in outputs {
            check_name(WHAT, name, true)?;
            text.push_str(&heredoc(WHAT, name, value)?);
        }
        append(WHAT, self.output.as_ref(), &text)
    }

    /// Sets environment variables for later steps, all or none.
    ///
    /// # Errors
    /// If a name is none or one that the runner keeps to itself, if a value holds a NUL character, or if the file cannot be
    /// written.
    pub fn export<'a>(&self, variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<(), PortError> {
        const WHAT: &str = "set environment variables for later steps";
        let mut text = String::new();
        for (name, value) in variables {
            check_name(WHAT, name, false)?;
            // The runner fails the step for these.
            let upper = name.to_ascii_uppercase();
            if upper == "NODE_OPTIONS" || upper.starts_with("GITHUB_") || upper.starts_with("RUNNER_") {
                return Err(refused(WHAT, format!("`{name}` is not ours to set")));
            }
            if value.contains('\0') {
                return Err(refused(WHAT, format!("the value of `{name}` holds a NUL character")));
            }
            text.push_str(&heredoc(WHAT, name, value)?);
        }
        append(WHAT, self.environment.as_ref(), &text)
    }

    /// Adds to the job summary, which is cut where it would grow over 1 MiB.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn append_summary(&self, markdown: &str) -> Result<(), PortError> {
        const WHAT: &str = "write the job summary";
        let Some(path) = &self.summary else {
            return Ok(());
        };
        let failed = |error| write_failed(WHAT, error);
        let present = match std::fs::metadata(path) {
            Ok(metadata) => usize::try_from(metadata.len()).unwrap_or(usize::MAX),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(failed(error)),
        };
        // A line break may have to be put before it, another after it.
        let room = MAX_SUMMARY_BYTES.saturating_sub(present).saturating_sub(2);
        append(WHAT, Some(path), &cut(markdown, room))
    }
}

fn cut(markdown: &str, room: usize) -> String {
    if markdown.len() <= room {
        return markdown.to_owned();
    }
    let Some(room) = room.checked_sub(CUT.len()) else {
        return String::new();
    };
    let end = markdown.floor_char_boundary(room);
    let whole_lines = markdown[..end].rfind('\n').filter(|at| end - at <= LONGEST_LINE);
    format!("{}{CUT}", &markdown[..whole_lines.unwrap_or(end)])
}

/// Renders `name<<DELIMITER`, the value, `DELIMITER`: the only form that takes every value. The delimiter is random, so no
/// value can have been made to hold it; that it does not is checked all the same.
fn heredoc(what: &str, name: &str, value: &str) -> Result<String, PortError> {
    loop {
        let random = || {
            getrandom::u64().map_err(|error| {
                PortError::new(PortErrorKind::Unavailable, what, "the system gives no random numbers")
                    .with_source(error)
            })
        };
        let delimiter = format!("ghcr_lifecycle_{:016x}{:016x}", random()?, random()?);
        if !value.contains(&delimiter) {
            return Ok(format!("{name}<<{delimiter}\n{value}\n{delimiter}\n"));
        }
    }
}

fn check_name(what: &str, name: &str, dashes: bool) -> Result<(), PortError> {
    let valid = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || (dashes && c == '-'));
    if valid { Ok(()) } else { Err(refused(what, format!("`{}` is no name", shown(name)))) }
}

fn refused(what: &str, detail: String) -> PortError {
    PortError::new(PortErrorKind::Malformed, what, detail)
}

pub(super) fn write_failed(what: &str, error: io::Error) -> PortError {
    PortError::new(PortErrorKind::Unavailable, what, "the runner's file cannot be written")
        .with_source(error)
        .with_hint("the container has to run as root: the runner's files are not writable for others")
}

fn append(what: &str, path: Option<&PathBuf>, text: &str) -> Result<(), PortError> {
    let Some(path) = path.filter(|_| !text.is_empty()) else {
        return Ok(());
    };
    let write = || {
        let mut file = OpenOptions::new().append(true).create(true).read(true).open(path)?;
        let mut whole = String::with_capacity(text.len() + 2);
        if !ends_its_last_line(&mut file)? {
            whole.push('\n');
        }
        whole.push_str(text);
        if !text.ends_with('\n') {
            whole.push('\n');
        }
        file.write_all(whole.as_bytes())
    };
    write().map_err(|error| write_failed(what, error))
}

/// Tells whether something may be appended as it is. Another program of the step may have left half a line.
fn ends_its_last_line(file: &mut File) -> io::Result<bool> {
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
