//! GitHub's filter patterns for branch and tag names
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet>):
//! `*` stops at `/`, `**` does not, `?` and `+` repeat the character before them, `[a-z]` is one of a set, `\` takes the
//! meaning from the next character. What the wildcards matched is kept: `{{branch.1}}` is the first of them. In paths of
//! files, `**/` stands for no folder as well.

use std::fmt;

use regex_lite::Regex;

/// A pattern over names.
#[derive(Clone, Debug)]
pub struct Glob {
    text: String,
    parts: Vec<Part>,
    regex: Regex,
    /// The pattern over paths, where it differs.
    paths: Option<Regex>,
}

/// Text that is no pattern.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct GlobError {
    /// Where in the text, in bytes.
    pub at: usize,
    problem: String,
}

#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) atom: Atom,
    pub(crate) repeat: Repeat,
}

#[derive(Clone, Debug)]
pub(crate) enum Atom {
    Literal(char),
    /// The inside of a set, which holds only letters, digits and ranges of them.
    Set(String),
    /// `*`
    Star,
    /// `**`
    DoubleStar,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    Once,
    AtMostOnce,
    AtLeastOnce,
}

/// What a pattern is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    Names,
    Paths,
}

impl Glob {
    /// Longest pattern, in bytes: git itself allows names of about 250.
    const MAX_BYTES: usize = 512;

    /// Reads a pattern. A leading `!` is not part of one; whoever allows it takes it off first.
    ///
    /// # Errors
    /// If the text is empty, too long, has an open set, a repetition of nothing, or a stray `\`.
    pub fn parse(text: &str) -> Result<Self, GlobError> {
        let fail = |at: usize, problem: &str| GlobError { at, problem: problem.to_owned() };
        if text.is_empty() {
            return Err(fail(0, "the pattern is empty"));
        }
        if text.len() > Self::MAX_BYTES {
            return Err(fail(0, "the pattern is longer than 512 bytes"));
        }
        let mut parts: Vec<Part> = Vec::new();
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            let atom = match character {
                '*' => {
                    let mut stars = 1;
                    while characters.next_if(|(_, c)| *c == '*').is_some() {
                        stars += 1;
                    }
                    match stars {
                        1 => Atom::Star,
                        2 => Atom::DoubleStar,
                        _ => return Err(fail(at, "`*` stops at `/` and `**` does not; there is no `***`")),
                    }
                }
                '?' | '+' => {
                    let repeat = if character == '?' { Repeat::AtMostOnce } else { Repeat::AtLeastOnce };
                    match parts.last_mut() {
                        Some(Part { atom: Atom::Literal(_) | Atom::Set(_), repeat: old }) if *old == Repeat::Once => {
                            *old = repeat;
                            continue;
                        }
                        _ => {
                            return Err(fail(
                                at,
                                "`?` and `+` repeat the character before them; write `\\?` or `\\+` for the character itself",
                            ));
                        }
                    }
                }
                '[' => {
                    let mut inside = String::new();
                    loop {
                        match characters.next() {
                            Some((_, ']')) => break,
                            Some((_, c)) if c.is_ascii_alphanumeric() || c == '-' => inside.push(c),
                            Some((at, _)) => {
                                return Err(fail(
                                    at,
                                    "a set `[…]` holds letters, digits and ranges such as `0-9` only",
                                ));
                            }
                            None => return Err(fail(at, "the set `[` is never closed by `]`")),
                        }
                    }
                    if inside.is_empty() || inside.starts_with('-') || inside.ends_with('-') {
                        return Err(fail(at, "a set `[…]` needs letters, digits, or ranges such as `0-9`"));
                    }
                    if Regex::new(&format!("[{inside}]")).is_err() {
                        return Err(fail(at, "a range in the set `[…]` runs backwards"));
                    }
                    Atom::Set(inside)
                }
                ']' => return Err(fail(at, "this `]` closes nothing; write `\\]` for the character itself")),
                '\\' => match characters.next() {
                    Some((_, c)) => Atom::Literal(c),
                    None => return Err(fail(at, "the pattern ends in `\\`, which must stand before a character")),
                },
                c if c.is_control() || c == ' ' => {
                    return Err(fail(at, "names of branches and tags hold no blanks and no control characters"));
                }
                c => Atom::Literal(c),
            };
            parts.push(Part { atom, repeat: Repeat::Once });
        }
        let compile = |over| Regex::new(&Self::source(&parts, over)).map_err(|_| fail(0, "the pattern is too complex"));
        let regex = compile(Over::Names)?;
        let paths = if text.contains("**/") { Some(compile(Over::Paths)?) } else { None };
        Ok(Self { text: text.to_owned(), parts, regex, paths })
    }

    fn source(parts: &[Part], over: Over) -> String {
        let is_slash = |part: Option<&Part>| {
            part.is_some_and(|part| matches!(part.atom, Atom::Literal('/')) && part.repeat == Repeat::Once)
        };
        let mut source = String::from("(?s)^");
        let mut at = 0;
        while let Some(Part { atom, repeat }) = parts.get(at) {
            let begins_a_folder = at.checked_sub(1).is_none_or(|before| is_slash(parts.get(before)));
            at += 1;
            match atom {
                Atom::DoubleStar if over == Over::Paths && begins_a_folder && is_slash(parts.get(at)) => {
                    source.push_str("(?:.*/)?");
                    at += 1;
                    continue;
                }
                Atom::Star => source.push_str("([^/]*)"),
                Atom::DoubleStar => source.push_str("(.*)"),
                Atom::Set(inside) => {
                    source.push('[');
                    source.push_str(inside);
                    source.push(']');
                }
                Atom::Literal(character) => {
                    source.push_str(&regex_lite::escape(character.encode_utf8(&mut [0; 4])));
                }
            }
            source.push_str(match repeat {
                Repeat::Once => "",
                Repeat::AtMostOnce => "?",
                Repeat::AtLeastOnce => "+",
            });
        }
        source.push('$');
        source
    }

    /// Returns what each wildcard matched, in order, if the pattern fits the whole name.
    #[must_use]
    pub fn captures(&self, name: &str) -> Option<Vec<String>> {
        let captures = self.regex.captures(name)?;
        Some(
            captures
                .iter()
                .skip(1)
                .map(|group| group.map_or_else(String::new, |found| found.as_str().to_owned()))
                .collect(),
        )
    }

    /// Tells whether the pattern fits the whole name.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        self.regex.is_match(name)
    }

    /// Tells whether the pattern fits the whole path of a file: there `**/` also stands for no folder.
    #[must_use]
    pub fn matches_path(&self, path: &str) -> bool {
        self.paths.as_ref().unwrap_or(&self.regex).is_match(path)
    }

    /// Returns how many wildcards (`*`, `**`) the pattern has.
    #[must_use]
    pub fn wildcards(&self) -> usize {
        self.parts.iter().filter(|part| matches!(part.atom, Atom::Star | Atom::DoubleStar)).count()
    }

    /// Returns the pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns what the pattern compiles to, anchored.
    pub(crate) fn regex(&self) -> &Regex {
        &self.regex
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

impl PartialEq for Glob {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Glob {}

impl fmt::Display for Glob {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captures(pattern: &str, name: &str) -> Option<Vec<String>> {
        Glob::parse(pattern).unwrap().captures(name)
    }

    #[test]
    fn a_star_stops_at_a_slash_and_two_do_not() {
        assert_eq!(captures("release/*", "release/1.2"), Some(vec!["1.2".to_owned()]));
        assert_eq!(captures("release/*", "release/1/2"), None);
        assert_eq!(captures("release/**", "release/1/2"), Some(vec!["1/2".to_owned()]));
        assert_eq!(captures("**", "a/b"), Some(vec!["a/b".to_owned()]));
        assert_eq!(captures("main", "main"), Some(vec![]));
    }

    #[test]
    fn repetitions_sets_and_escapes_are_githubs() {
        assert!(Glob::parse("v[12].[0-9]+").unwrap().matches("v1.10"));
        assert!(!Glob::parse("v[12].[0-9]+").unwrap().matches("v3.1"));
        assert!(Glob::parse("*.jsx?").unwrap().matches("page.js"));
        assert!(Glob::parse("a\\*b").unwrap().matches("a*b"));
        assert!(!Glob::parse("a.b").unwrap().matches("axb"));
    }

    #[test]
    fn any_folders_of_a_path_may_be_none() {
        let fits = |pattern: &str, path: &str| Glob::parse(pattern).unwrap().matches_path(path);
        assert!(fits("**/Dockerfile*", "Dockerfile") && fits("**/Dockerfile*", "a/b/Dockerfile.dev"));
        assert!(!fits("**/Dockerfile", "myDockerfile"));
        assert!(
            fits("charts/**/values.yaml", "charts/values.yaml")
                && fits("charts/**/values.yaml", "charts/a/values.yaml")
        );
        assert!(!fits("charts/**/values.yaml", "charts/avalues.yaml"));
        assert!(fits("a**/b", "a/b") && !fits("a**/b", "ab"));
        assert!(!Glob::parse("**/main").unwrap().matches("main"));
    }

    #[test]
    fn mistakes_say_where() {
        for (pattern, at) in
            [("a[b", 1), ("?x", 0), ("a***", 1), ("x\\", 1), ("", 0), ("a]", 1), ("[z-a]", 0), ("*+", 1)]
        {
            assert_eq!(Glob::parse(pattern).expect_err(pattern).at, at, "{pattern}");
        }
    }
}
