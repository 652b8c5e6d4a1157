//! Workflow commands: lines of the log that the runner acts on. Nothing is printed here; whoever prints decides where.

use std::fmt::Write as _;

/// The most annotations of one kind that the runner shows for a step.
pub const MAX_ANNOTATIONS: usize = 10;

/// The longest message that the runner shows, in UTF-16 code units.
pub const MAX_MESSAGE_CHARACTERS: usize = 4096;

/// How much an annotation matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something to know.
    Notice,
    /// Something that may be wrong.
    Warning,
    /// Something that failed.
    Error,
}

impl Severity {
    const ALL: [Self; 3] = [Self::Notice, Self::Warning, Self::Error];

    /// Returns the word of the workflow command.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// A message that the runner shows beside the log, at a place in a file if it has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Annotation {
    /// How much it matters.
    pub severity: Severity,
    /// What it says.
    pub message: String,
    /// Its heading.
    pub title: Option<String>,
    /// The file that it is about.
    pub file: Option<String>,
    /// The line in the file, from 1.
    pub line: Option<u64>,
    /// The column in the line, from 1.
    pub column: Option<u64>,
}

impl Annotation {
    /// Makes an annotation without a title or a place.
    #[must_use]
    pub fn new(severity: Severity, message: impl Into<String>) -> Self {
        Self { severity, message: message.into(), title: None, file: None, line: None, column: None }
    }

    fn command(&self) -> String {
        let Self { severity, message, title, file, line, column } = self;
        let mut properties = Vec::new();
        for (key, value) in [("file", file), ("title", title)] {
            if let Some(value) = value {
                properties.push(format!("{key}={}", escape_property(&bounded(value))));
            }
        }
        for (key, value) in [("line", line), ("col", column)] {
            if let Some(value) = value {
                properties.push(format!("{key}={value}"));
            }
        }
        let separator = if properties.is_empty() { "" } else { " " };
        let (properties, message) = (properties.join(","), escape_data(&bounded(message)));
        format!("::{}{separator}{properties}::{message}", severity.word())
    }

    /// Renders the same for people, as a line of the log that is no command.
    fn plain(&self) -> String {
        let Self { severity, message, title, file, line, column } = self;
        let mut text = format!("{}: ", severity.word());
        if let Some(file) = file {
            let place = [line, column].into_iter().map_while(|number| number.map(|number| format!(":{number}")));
            let _ = write!(text, "{file}{}: ", place.collect::<String>());
        }
        if let Some(title) = title {
            let _ = write!(text, "{title}: ");
        }
        text.push_str(message);
        inert(&bounded(&text))
    }
}

/// The annotations of a step, counted: the runner drops what is over [`MAX_ANNOTATIONS`] of a kind without a word.
#[derive(Clone, Debug, Default)]
pub struct Annotations {
    counts: [usize; Severity::ALL.len()],
}

impl Annotations {
    /// Returns the text to print for an annotation: a workflow command, or, when the runner would drop it, plain text.
    #[must_use = "the text has to be printed"]
    pub fn render(&mut self, annotation: &Annotation) -> String {
        let count = &mut self.counts[annotation.severity as usize];
        *count += 1;
        if *count <= MAX_ANNOTATIONS { annotation.command() } else { annotation.plain() }
    }

    /// Returns one line for each kind of which more were made than the runner shows.
    #[must_use = "the lines have to be printed"]
    pub fn finish(&self) -> Vec<String> {
        Severity::ALL
            .into_iter()
            .filter_map(|severity| {
                let more = self.counts[severity as usize].checked_sub(MAX_ANNOTATIONS).filter(|more| *more > 0)?;
                let (plural, verb) = if more == 1 { ("", "is") } else { ("s", "are") };
                Some(format!("{more} more {}{plural} {verb} in the log above only", severity.word()))
            })
            .collect()
    }
}

/// Returns the lines that hide a secret, and each line of it, in everything printed later. None for an empty secret.
#[must_use = "the lines have to be printed"]
pub fn add_mask(secret: &str) -> Vec<String> {
    let mut masks: Vec<&str> = Vec::new();
    for line in std::iter::once(secret).chain(secret.split(['\n', '\r'])) {
        // A mask of blanks would hide every blank of the log.
        if !line.trim().is_empty() && !masks.contains(&line) {
            masks.push(line);
        }
    }
    masks.into_iter().map(|mask| format!("::add-mask::{}", escape_data(mask))).collect()
}

/// Returns the line that begins a foldable group of the log.
#[must_use = "the line has to be printed"]
pub fn group(title: &str) -> String {
    format!("::group::{}", escape_data(&bounded(title)))
}

/// Returns the line that ends a group.
#[must_use = "the line has to be printed"]
pub fn endgroup() -> &'static str {
    "::endgroup::"
}

/// Makes text safe to print under Actions: no line of it is a workflow command. Control characters are shown as escapes,
/// and a backslash breaks `::` at the start of a line and `##[` anywhere. Text without any of them is left as it is.
#[must_use]
pub fn inert(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            out.push('\n');
        }
        let visible = escape_controls(line).replace("##[", "##\\[");
        // The runner skips blanks before a command.
        let start = visible.find(|character: char| !is_skipped(character)).unwrap_or(visible.len());
        let (blanks, rest) = visible.split_at(start);
        out.push_str(blanks);
        if rest.starts_with("::") {
            out.push('\\');
        }
        out.push_str(rest);
    }
    out
}

/// Control characters would move the cursor, and a lone CR begins a line for the runner.
fn escape_controls(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for character in line.chars() {
        match character {
            '\t' => out.push(character),
            '\u{2028}' | '\u{2029}' => out.extend(character.escape_unicode()),
            _ if character.is_control() => out.extend(character.escape_default()),
            _ => out.push(character),
        }
    }
    out
}

fn is_skipped(character: char) -> bool {
    character.is_whitespace() || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Cuts text to what the runner shows, with an ellipsis for what is gone.
fn bounded(text: &str) -> String {
    let mut length = 0;
    let mut end = 0;
    for (at, character) in text.char_indices() {
        length += character.len_utf16();
        if length < MAX_MESSAGE_CHARACTERS {
            end = at + character.len_utf8();
        }
    }
    if length <= MAX_MESSAGE_CHARACTERS { text.to_owned() } else { format!("{}…", &text[..end]) }
}

fn escape_data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}
