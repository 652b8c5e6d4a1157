//! Messages for texts that are no YAML: what stopped the reader, and the likely remedy.

use std::ops::Range;

use super::{
    node::{MAX_ALIASES, MAX_DEPTH, Reason, Unreadable},
    walk::{MAX_SHOWN, Walk},
};
use crate::{
    model::untrusted::{is_unprintable, shown_up_to},
    policy::diagnostic::{Location, Related},
};

const QUOTE_BRACES: &str = "a text that begins with `{` needs quotes, as in `tag: \"{{version}}\"`";

/// Reports why a text could not be read.
pub(super) fn report(walk: &mut Walk<'_>, error: &Unreadable) {
    let text = walk.text;
    let at = error.at.min(text.len());
    let here = text.get(at..).unwrap_or_default();
    let one = at..at + here.chars().next().map_or(0, char::len_utf8);
    let line = walk.lines.span(walk.lines.line(at));
    let (span, problem, hint): (Range<usize>, String, Option<String>) = match &error.reason {
        Reason::SecondDocument => {
            let dashes =
                text.get(..at).and_then(|before| before.rfind("\n---")).map_or(one, |found| found + 1..found + 4);
            (
                dashes,
                "a second document begins here".into(),
                Some("a policy is one document: remove this line and what follows".into()),
            )
        }
        Reason::UnknownAlias => {
            let word = word(here);
            let quoted = format!("a text that begins with `*` needs quotes: `\"{}\"`", shown_up_to(word, MAX_SHOWN));
            (at..at + word.len(), format!("`{}` is an alias of nothing", shown_up_to(word, MAX_SHOWN)), Some(quoted))
        }
        Reason::AliasOfItself => {
            let word = word(here);
            (
                at..at + word.len(),
                format!("the alias `{}` holds itself", shown_up_to(word, MAX_SHOWN)),
                Some("write the value out".into()),
            )
        }
        Reason::TooDeep => (
            one,
            format!("values are nested more than {MAX_DEPTH} deep"),
            Some("a policy needs 5 levels: is a bracket too many here?".into()),
        ),
        Reason::TooManyAliases => {
            (one, format!("more than {MAX_ALIASES} aliases (`*name`)"), Some("write the values out".into()))
        }
        Reason::TooLarge => (
            one,
            "the file holds more than 20,000 values, those of aliases (`*name`) counted each time".into(),
            Some("write the values out, and leave out what is not needed".into()),
        ),
        Reason::Syntax(words) => {
            let before = text.get(line.start..at).unwrap_or_default();
            if words.contains("tab") {
                let tab = text
                    .get(line.clone())
                    .and_then(|line| line.find('\t'))
                    .map_or(one, |found| line.start + found..line.start + found + 1);
                (tab, "a tab where only blanks may stand".into(), Some("indent with blanks".into()))
            } else if text.get(line.clone()).is_some_and(|line| line.starts_with('%')) {
                let hint = "remove it: a policy needs none".to_owned();
                (line.clone(), "a line that begins with `%` is for the YAML reader".into(), Some(hint))
            } else if let Some((one, character)) =
                unprintable(text, at..line.end).filter(|_| words.contains("unexpected character"))
            {
                (
                    one,
                    format!("the character `{}` is not allowed", character.escape_default()),
                    Some("remove it; it cannot be seen in most editors".into()),
                )
            } else if !words.contains("quoted")
                && let Some(found) = text.get(line.clone()).and_then(unquoted_braces)
            {
                (
                    line.start + found..at.max(line.start + found + 2),
                    "the template is read as YAML, not as text".into(),
                    Some(QUOTE_BRACES.into()),
                )
            } else {
                let (problem, hint) = words_for(words, here, before);
                (one, problem, hint)
            }
        }
    };
    let open =
        matches!(&error.reason, Reason::Syntax(words) if words.contains("quoted") && !words.contains("trailing"))
            .then(|| opening_quote(text, at))
            .flatten();
    let location = Location { line: 1, column: 1 };
    let related = open.filter(|open| *open != span.start).map(|open| Related {
        at: location,
        span: open..open + 1,
        label: "the last quote before it".to_owned(),
    });
    walk.mistake_at(span, "", problem, hint).related = related;
}

/// Puts the reader's words into ours; those that we do not know are passed on.
fn words_for(words: &str, here: &str, before: &str) -> (String, Option<String>) {
    let some = |text: &str| Some(text.to_owned());
    if words.contains("quoted") {
        return if words.contains("trailing content") {
            let remedy = "within single quotes, a quote is written twice (`''`); or put the whole in double quotes";
            ("the text ended at the quote before this".into(), some(remedy))
        } else {
            ("a quote is never closed".into(), some("close it on the line that it begins on"))
        };
    }
    if words.contains("unexpected character") {
        let character = here.chars().next().map(String::from).unwrap_or_default();
        return (
            format!("no text begins with `{}` in YAML", shown_up_to(&character, 1)),
            some("put the whole value in quotes"),
        );
    }
    if words.contains("mapping values are not allowed") {
        let hint = if before.contains(':') {
            "text that holds `: ` needs quotes; else look at the indentation of this line"
        } else {
            "is the line indented like those beside it?"
        };
        return ("a `:` cannot stand here".into(), some(hint));
    }
    if words.contains("unclosed bracket") || words.contains("illegal placement of ':'") || words.contains("flow") {
        return (
            "a `[` or `{` is never closed, or a comma is missing".into(),
            some("text that holds `[`, `]`, `{`, `}` or `,` within brackets needs quotes"),
        );
    }
    if words.contains("block sequence entries") {
        return ("a list cannot begin here".into(), some("begin it on a line of its own, or write `[a, b]`"));
    }
    if words.contains("expected key")
        || words.contains("simple key")
        || words.contains("block mapping")
        || words.contains("block collection")
    {
        return (
            "expected `key: value` here".into(),
            some("is a `:` missing, or is the line indented differently from those beside it?"),
        );
    }
    (format!("this is no valid YAML: {}", shown_up_to(words, 200)), None)
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}')).unwrap_or(text.len()).min(200);
    let end = (0..=end).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// Finds a `{{` outside quotes where a value begins, or within brackets.
fn unquoted_braces(line: &str) -> Option<usize> {
    line.match_indices("{{").map(|(at, _)| at).find(|at| {
        let before = &line[..*at];
        let quoted = before.matches('"').count() % 2 == 1 || before.matches('\'').count() % 2 == 1;
        let begins = before.trim_end().is_empty()
            || before.ends_with(['[', ','])
            || (before.ends_with(' ') && before.trim_end().ends_with([':', '-', '[', ',']));
        let bracketed = before.matches('[').count() > before.matches(']').count();
        !quoted && (begins || bracketed)
    })
}

fn unprintable(text: &str, within: Range<usize>) -> Option<(Range<usize>, char)> {
    let part = text.get(within.clone())?;
    let (offset, character) = part.char_indices().find(|(_, c)| is_unprintable(*c) && *c != '\t')?;
    let start = within.start + offset;
    Some((start..start + character.len_utf8(), character))
}

/// Finds the last quote before a place that may begin a text.
fn opening_quote(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?;
    before.char_indices().rev().take(100_000).find_map(|(found, c)| {
        let begins = || before[..found].ends_with([' ', '\n', '[', '{', ',', ':', '-']) || found == 0;
        (matches!(c, '"' | '\'') && begins()).then_some(found)
    })
}
