//! Tag templates of the policy language: literal text with `{{values}}`, read here and expanded over a [`Context`](crate::event::Context).
//! The other direction, from a tag back to its values, is [`super::inversion`].

use std::{fmt, ops::Range};

use sha2::{Digest as _, Sha256};

use super::{date_format::DateFormat, language::VALUES};
use crate::model::Tag;

/// A template for one tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Literal(String),
    Value { variable: Variable, span: Range<usize> },
}

/// What a `{{…}}` stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// `branch`, or with a number what that wildcard of the row's glob matched.
    Branch(Option<usize>),
    /// `tag`, or with a number what that wildcard of the row's glob matched.
    GitTag(Option<usize>),
    /// `number`: the pull request's.
    Number,
    /// `sha`: the head commit, 7 digits unless `DOCKER_METADATA_SHORT_SHA_LENGTH` says more.
    Sha,
    /// `sha.full`: all 40.
    ShaFull,
    /// `version`: the SemVer of the git tag without build metadata.
    Version,
    /// `major`.
    Major,
    /// `minor`.
    Minor,
    /// `patch`.
    Patch,
    /// `prerelease`.
    Prerelease,
    /// `base_ref`: the base branch of a pull request or merge group, or the branch that a tag was pushed from.
    BaseRef,
    /// `date 'format' tz='zone'`: the time of the run.
    Date(DateFormat),
    /// `commit_date 'format' tz='zone'`: the time of the head commit.
    CommitDate(DateFormat),
    /// `run_number`.
    RunNumber,
}

/// A mistake in a template.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct TemplateError {
    /// Where in the template, in bytes.
    pub span: Range<usize>,
    /// What is wrong.
    pub problem: String,
    /// What was probably meant, as it would be written between the braces.
    pub nearest: Option<String>,
}

/// Returns the names between braces, for messages and for the nearest spelling.
#[must_use]
pub fn variable_names() -> [&'static str; VALUES.len()] {
    VALUES.each_ref().map(|value| value.name)
}

impl Template {
    /// The most literal text that a template may hold, in characters: the rest of a tag's 128 is for its values.
    const MAX_LITERAL: usize = 96;

    /// Reads a template.
    ///
    /// # Errors
    /// If a value is unknown, a brace is open, or literal text is not allowed in a tag.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let fail = |span: Range<usize>, problem: String| TemplateError { span, problem, nearest: None };
        if text.is_empty() {
            return Err(fail(0..0, "the template is empty".into()));
        }
        let mut pieces = Vec::new();
        let mut at = 0;
        let mut literal_length = 0;
        while at < text.len() {
            let rest = &text[at..];
            if rest.starts_with("{{") {
                let Some(end) = closing(rest) else {
                    return Err(fail(at..text.len(), "`{{` is never closed by `}}`".into()));
                };
                let span = at..at + end + 2;
                let variable = Variable::parse(&rest[2..end]).map_err(|mut error| {
                    error.span = span.clone();
                    error
                })?;
                pieces.push(Piece::Value { variable, span: span.clone() });
                at = span.end;
            } else {
                let end = rest.find("{{").unwrap_or(rest.len());
                let literal = &rest[..end];
                if let Some((offset, character)) = literal.char_indices().find(|(_, c)| !Tag::allows(*c)) {
                    let at = at + offset;
                    return Err(fail(
                        at..at + character.len_utf8(),
                        format!(
                            "`{}` is not allowed in an image tag: those hold letters, digits, `_`, `.` and `-`",
                            character.escape_debug()
                        ),
                    ));
                }
                if at == 0 && literal.starts_with(['.', '-']) {
                    return Err(fail(0..1, "an image tag does not begin with `.` or `-`".into()));
                }
                literal_length += literal.len();
                pieces.push(Piece::Literal(literal.to_owned()));
                at += end;
            }
        }
        if literal_length > Self::MAX_LITERAL {
            return Err(fail(
                0..text.len(),
                format!(
                    "the template holds {literal_length} characters of literal text; a tag has room for {}",
                    Self::MAX_LITERAL
                ),
            ));
        }
        Ok(Self { text: text.to_owned(), pieces })
    }

    /// Returns the template as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the values that it holds, with the place of each in the template's text.
    pub fn variables(&self) -> impl Iterator<Item = (&Variable, Range<usize>)> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(_) => None,
            Piece::Value { variable, span } => Some((variable, span.clone())),
        })
    }

    /// Tells whether a branch's or git tag's own name goes into the tag.
    #[must_use]
    pub fn holds_a_name(&self) -> bool {
        self.variables()
            .any(|(variable, _)| matches!(variable, Variable::Branch(_) | Variable::GitTag(_) | Variable::BaseRef))
    }

    pub(crate) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Fills the template in.
    ///
    /// `value` gives the text of a variable, or says why it has none. Values are made to fit the grammar of tags: each run
    /// of other characters becomes one `-`, and where the whole is longer than 128 characters, names and versions are cut
    /// and end in 8 hex digits of their hash.
    ///
    /// # Errors
    /// What `value` said, or that a value is empty.
    pub fn expand(&self, value: impl Fn(&Variable) -> Result<String, String>) -> Result<Tag, String> {
        struct Filled {
            text: String,
            /// The value as it was, where it may be cut.
            original: Option<String>,
        }
        let mut filled: Vec<Filled> = Vec::new();
        for piece in &self.pieces {
            filled.push(match piece {
                Piece::Literal(text) => Filled { text: text.clone(), original: None },
                Piece::Value { variable, .. } => {
                    let original = value(variable)?;
                    if original.is_empty() {
                        return Err(format!("`{{{{{variable}}}}}` is empty"));
                    }
                    let text = sanitise(&original, filled.is_empty());
                    let original = variable.may_be_cut().then_some(original);
                    Filled { text, original }
                }
            });
        }
        loop {
            let length: usize = filled.iter().map(|part| part.text.len()).sum();
            if length <= Tag::MAX_LENGTH {
                break;
            }
            let longest = filled
                .iter_mut()
                .filter(|part| part.original.is_some())
                .max_by_key(|part| part.text.len())
                .ok_or("the tag is longer than 128 characters")?;
            let room = longest.text.len().saturating_sub(length - Tag::MAX_LENGTH).max(CUT_HASH + 2);
            let hash = short_hash(longest.original.as_deref().unwrap_or_default());
            longest.text.truncate(room - CUT_HASH - 1);
            longest.text.push('-');
            longest.text.push_str(&hash);
            longest.original = None;
        }
        let text: String = filled.into_iter().map(|part| part.text).collect();
        text.parse::<Tag>().map_err(|error| error.to_string())
    }
}

/// Finds the `}}` that ends the `{{` at the start, passing over quoted text.
fn closing(text: &str) -> Option<usize> {
    let mut quote = None;
    let bytes = text.as_bytes();
    let mut at = 2;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (Some(open), byte) if byte == open => quote = None,
            (Some(_), _) => {}
            (None, byte @ (b'\'' | b'"')) => quote = Some(byte),
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            (None, b'{') => return None,
            (None, _) => {}
        }
        at += 1;
    }
    None
}

/// Hex digits of the hash that a cut or unprintable value ends in: 32 bits tell apart what one project names.
pub(crate) const CUT_HASH: usize = 8;

pub(crate) fn short_hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(CUT_HASH / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// Makes a value fit the grammar of tags: each run of characters that it does not allow becomes one `-`. At the start of a
/// tag, leading `.` and `-` become one `_`, so that no name turns into that of another. A value that had to be changed and
/// of which no letter, digit or `_` is left becomes a hash of itself.
pub(crate) fn sanitise(value: &str, at_start: bool) -> String {
    let mut text = String::with_capacity(value.len());
    let mut in_run = false;
    for character in value.chars() {
        if Tag::allows(character) {
            text.push(character);
            in_run = false;
        } else if !in_run {
            text.push('-');
            in_run = true;
        }
    }
    let fits = text == value && !at_start;
    if !fits && !text.contains(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        return short_hash(value);
    }
    match text.trim_start_matches(['.', '-']) {
        trimmed if at_start && trimmed.len() < text.len() => format!("_{trimmed}"),
        _ => text,
    }
}

/// Returns the tag-safe form of a whole name, as `{{branch}}` gives it at the start of a tag.
#[must_use]
pub fn sanitised_name(name: &str) -> String {
    sanitise(name, true)
}

impl Variable {
    fn parse(text: &str) -> Result<Self, TemplateError> {
        let text = text.trim();
        let unknown = || {
            let names = variable_names().map(|name| (strsim::jaro_winkler(name, text), name));
            let nearest = names
                .into_iter()
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .filter(|(score, _)| *score > 0.75)
                .map(|(_, name)| name.to_owned());
            TemplateError {
                span: 0..0,
                problem: format!("`{{{{{}}}}}` is no value of a template", text.escape_debug()),
                nearest,
            }
        };
        let (name, arguments) = match text.split_once(char::is_whitespace) {
            Some((name, arguments)) => (name, arguments.trim()),
            None => (text, ""),
        };
        if matches!(name, "date" | "commit_date") {
            let format = date_arguments(name, arguments)?;
            return Ok(if name == "date" { Self::Date(format) } else { Self::CommitDate(format) });
        }
        if !arguments.is_empty() {
            return Err(unknown());
        }
        let group = |text: &str| match text.as_bytes() {
            [digit @ b'1'..=b'9'] => Some(usize::from(digit - b'0')),
            _ => None,
        };
        Ok(match name {
            "branch" => Self::Branch(None),
            "tag" => Self::GitTag(None),
            "number" => Self::Number,
            "sha" => Self::Sha,
            "sha.full" => Self::ShaFull,
            "version" => Self::Version,
            "major" => Self::Major,
            "minor" => Self::Minor,
            "patch" => Self::Patch,
            "prerelease" => Self::Prerelease,
            "base_ref" => Self::BaseRef,
            "run_number" => Self::RunNumber,
            _ => match name.split_once('.') {
                Some(("branch", number)) => Self::Branch(Some(group(number).ok_or_else(unknown)?)),
                Some(("tag", number)) => Self::GitTag(Some(group(number).ok_or_else(unknown)?)),
                _ => return Err(unknown()),
            },
        })
    }

    /// Tells whether the value is free text, which is cut where a tag would be too long.
    pub(crate) fn may_be_cut(&self) -> bool {
        matches!(self, Self::Branch(_) | Self::GitTag(_) | Self::BaseRef | Self::Version | Self::Prerelease)
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(None) => formatter.write_str("branch"),
            Self::Branch(Some(number)) => write!(formatter, "branch.{number}"),
            Self::GitTag(None) => formatter.write_str("tag"),
            Self::GitTag(Some(number)) => write!(formatter, "tag.{number}"),
            Self::Number => formatter.write_str("number"),
            Self::Sha => formatter.write_str("sha"),
            Self::ShaFull => formatter.write_str("sha.full"),
            Self::Version => formatter.write_str("version"),
            Self::Major => formatter.write_str("major"),
            Self::Minor => formatter.write_str("minor"),
            Self::Patch => formatter.write_str("patch"),
            Self::Prerelease => formatter.write_str("prerelease"),
            Self::BaseRef => formatter.write_str("base_ref"),
            Self::Date(_) => formatter.write_str("date"),
            Self::CommitDate(_) => formatter.write_str("commit_date"),
            Self::RunNumber => formatter.write_str("run_number"),
        }
    }
}

fn date_arguments(name: &str, arguments: &str) -> Result<DateFormat, TemplateError> {
    let fail = |problem: String| TemplateError { span: 0..0, problem, nearest: Some(format!("{name} 'YYYYMMDD'")) };
    let quoted = |text: &str| -> Option<(String, String)> {
        let open = text.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (inside, rest) = text[1..].split_once(open)?;
        Some((inside.to_owned(), rest.trim().to_owned()))
    };
    let Some((format, rest)) = quoted(arguments) else {
        return Err(fail(format!("`{name}` needs a format in quotes")));
    };
    let zone = match rest.strip_prefix("tz").map(|rest| rest.trim_start()) {
        None if rest.is_empty() => None,
        Some(rest) => match rest.strip_prefix('=').and_then(|rest| quoted(rest.trim_start())) {
            Some((zone, rest)) if rest.is_empty() => Some(zone),
            _ => return Err(fail("a time zone is written as `tz='Europe/Berlin'`".into())),
        },
        None => return Err(fail(format!("`{name}` takes a format and `tz='…'`, nothing else"))),
    };
    DateFormat::parse(&format, zone.as_deref()).map_err(|error| TemplateError {
        span: 0..0,
        problem: error.to_string(),
        nearest: None,
    })
}
