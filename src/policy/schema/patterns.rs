//! Regular expressions for the texts of a policy, in the part of ECMAScript's language that others read alike. Each lets
//! through whatever the parser does.

use crate::policy::language::{EVENTS, SIZE_UNITS, TIME_UNITS, Takes, Text, VALUES};

/// What may stand in a tag or in a pattern over tags.
const TAG_PATTERN: &str = "[A-Za-z0-9_.*?+\\[\\]\\\\-]+";

/// Words with any blanks between them.
pub(super) fn words(text: &str) -> String {
    text.replace(' ', "\\s+")
}

/// A text without blanks, control characters and what else is given, as a class would hold it.
pub(super) fn without_blanks(others: &str) -> String {
    format!("^[^\\u0000-\\u0020\\u007f{others}]+$")
}

pub(super) fn digest() -> String {
    "^sha256:[0-9a-f]{64}$".to_owned()
}

pub(super) fn protected() -> String {
    format!("^(?:sha256:[0-9a-f]{{64}}|{TAG_PATTERN})$")
}

pub(super) fn matcher() -> String {
    format!("^(?:/[\\s\\S]+/|{TAG_PATTERN})$")
}

pub(super) fn repository() -> String {
    "^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$".to_owned()
}

pub(super) fn platform() -> String {
    "^[a-z0-9_.-]+/[a-z0-9_.-]+(?:/[a-z0-9_.-]+)?$".to_owned()
}

pub(super) fn workflow() -> String {
    "^[^/]+\\.ya?ml$".to_owned()
}

/// A registry, which a `.` or a port shows to be one, and a path in it.
pub(super) fn image() -> String {
    let localhost: String =
        "localhost".chars().map(|letter| format!("[{letter}{}]", letter.to_ascii_uppercase())).collect();
    let segment = "/[A-Za-z0-9]+(?:(?:[._]|__|-+)[A-Za-z0-9]+)*";
    format!("^\\s*(?=[^/]*[.:]|{localhost}/)[A-Za-z0-9.-]+(?::[0-9]+)?(?:{segment})+\\s*$")
}

pub(super) fn duration() -> String {
    let units: Vec<String> = TIME_UNITS.iter().map(|(unit, ..)| format!("{unit}s?")).collect();
    format!("\\s*[0-9]+ \\s*(?:{})\\s*", units.join("|"))
}

pub(super) fn size() -> String {
    let units: Vec<&str> = SIZE_UNITS.iter().map(|(unit, _)| *unit).collect();
    // `KB` is taken for `kB`.
    format!("^\\s*[0-9]+(?:\\.[0-9]{{1,3}})? \\s*(?:{}|KB)\\s*$", units.join("|"))
}

/// `keep` as a text.
pub(super) fn life() -> String {
    let lives = [
        "forever".to_owned(),
        words("while open"),
        words("while branch exists"),
        format!("{}\\+?[0-9]*[1-9][0-9]*", words("last ")),
    ];
    format!("^(?:\\s*(?:{})\\s*|{})$", lives.join("|"), duration())
}

/// An entry of `on`, or of a mirror's `only`.
pub(super) fn event(kind: Text) -> String {
    let entries: Vec<String> = EVENTS
        .iter()
        .map(|event| {
            let name = words(event.name);
            match event.takes {
                Takes::Nothing => name,
                Takes::Version => format!("{name}(?:\\s+{ONE_STAR})?"),
                Takes::Pattern if kind == Text::KindOfEvent => format!("{name}(?:\\s+{PATTERN})?"),
                Takes::Pattern => format!("{name}\\s+{PATTERN}"),
            }
        })
        .collect();
    format!("^\\s*(?:!\\s*)?(?:{})\\s*$", entries.join("|"))
}

/// A pattern over names.
const PATTERN: &str = "[^\\u0000-\\u0020]+";

/// A pattern with one run of stars, others taken literally.
const ONE_STAR: &str = "(?:\\\\.|[^*\\\\\\u0000-\\u0020])*\\*{1,2}(?:\\\\.|[^*\\\\\\u0000-\\u0020])*";

/// A template of a tag.
pub(super) fn template() -> String {
    let quoted = "(?:'[^']*'|\"[^\"]*\")";
    let mut values: Vec<String> = Vec::new();
    for value in &VALUES {
        let (name, format) = value.name.split_once(' ').unwrap_or((value.name, ""));
        let name = name.replace(".1", ".[1-9]").replace('.', "\\.");
        values.push(match format {
            "" => name,
            _ => format!("{name}\\s+{quoted}(?:\\s*tz\\s*=\\s*{quoted})?"),
        });
    }
    format!("^(?![.-])(?:[A-Za-z0-9_.-]|\\{{\\{{\\s*(?:{})\\s*\\}}\\}})+$", values.join("|"))
}
