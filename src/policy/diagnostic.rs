//! Mistakes in a text that somebody wrote, each with its place: what [`super::config`] finds in a policy file, and what
//! `report::diagnostics` shows.

use std::{fmt, ops::Range};

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// A second place that a mistake is about, such as the first of two equal keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// Where it begins.
    pub at: Location,
    /// Which bytes of the text it is.
    pub span: Range<usize>,
    /// What is there.
    pub label: String,
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where it begins.
    pub at: Location,
    /// Which bytes of the text it is; empty where something is missing.
    pub span: Range<usize>,
    /// Which key it belongs to, as `tags[2].keep.for`; empty for the whole file.
    pub key_path: String,
    /// What is wrong, as a lower-case sentence without a full stop.
    pub problem: String,
    /// The remedy, often the nearest valid spelling.
    pub hint: Option<String>,
    /// The other place that it is about.
    pub related: Option<Related>,
}

/// All mistakes of one text in the order of their places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostics {
    /// The first of them, never none.
    pub list: Vec<Diagnostic>,
    /// How many more there are.
    pub omitted: usize,
}

impl Diagnostics {
    /// The most mistakes that are listed: nobody reads more before trying again.
    pub const MAX_LISTED: usize = 50;

    /// Returns how many mistakes there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.list.len() + self.omitted
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.list.first(), self.count()) {
            (Some(first), 1) => write!(formatter, "{}:{}: {}", first.at.line, first.at.column, first.problem),
            (Some(first), count) => write!(
                formatter,
                "{count} mistakes, the first at {}:{}: {}",
                first.at.line, first.at.column, first.problem
            ),
            (None, _) => formatter.write_str("no mistakes"),
        }
    }
}

impl std::error::Error for Diagnostics {}

/// Where the lines of a text begin.
#[derive(Clone, Debug)]
pub struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// Finds the lines of a text. As in YAML, they end in LF, CR LF or CR.
    #[must_use]
    pub fn new(text: &'t str) -> Self {
        let bytes = text.as_bytes();
        // A byte order mark is no character of the first line.
        let mut starts = vec![if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }];
        for (at, byte) in bytes.iter().enumerate() {
            if *byte == b'\n' || (*byte == b'\r' && bytes.get(at + 1) != Some(&b'\n')) {
                starts.push(at + 1);
            }
        }
        Self { text, starts }
    }

    /// Returns the line, from 1, of a byte.
    #[must_use]
    pub fn line(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte).max(1)
    }

    /// Returns the place of a byte.
    #[must_use]
    pub fn location(&self, byte: usize) -> Location {
        let byte = byte.min(self.text.len());
        let line = self.line(byte);
        let start = self.starts[line - 1];
        let column = self.text.get(start..byte).map_or(0, |before| before.chars().count()) + 1;
        Location { line, column }
    }

    /// Returns the byte of a place, which lies within the text even if the place does not.
    #[must_use]
    pub fn byte(&self, location: Location) -> usize {
        let Some(start) = self.starts.get(location.line.saturating_sub(1)) else {
            return self.text.len();
        };
        let line = self.text.get(*start..).unwrap_or_default();
        line.char_indices().nth(location.column.saturating_sub(1)).map_or(self.text.len(), |(offset, _)| start + offset)
    }

    /// Returns the bytes of a line, from 1, without its end.
    #[must_use]
    pub fn span(&self, line: usize) -> Range<usize> {
        let Some(start) = self.starts.get(line.saturating_sub(1)).copied() else {
            return self.text.len()..self.text.len();
        };
        let end = self.starts.get(line).copied().unwrap_or(self.text.len()).max(start);
        let kept = self.text.get(start..end).unwrap_or_default().trim_end_matches(['\n', '\r']).len();
        start..start + kept
    }
}

/// Returns the candidate that was probably meant, if one is near enough.
#[must_use]
pub fn nearest<'c>(text: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    /// Longer than any name that we know, so that no time is lost on noise.
    const MAX_LENGTH: usize = 60;
    if text.len() > MAX_LENGTH {
        return None;
    }
    let plain = |text: &str| text.trim().to_lowercase().replace(['_', ' '], "-");
    let written = plain(text);
    let candidates: Vec<&str> = candidates.into_iter().collect();
    if written.len() >= 3
        && let Some(begun) = candidates.iter().find(|candidate| {
            let candidate = plain(candidate);
            candidate.len() >= 3 && (candidate.starts_with(&written) || written.starts_with(&candidate))
        })
    {
        return Some(begun);
    }
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&written, &plain(candidate)), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= (candidate.chars().count() / 3).max(1))
        .map(|(_, candidate)| candidate)
}
