//! Parts of rows that nothing ever fits. Only what is certain is said: no git name, no image tag can be so.

use super::{Finding, samples::samples};
use crate::{
    model::Tag,
    policy::{
        glob::{Atom, Glob, Part, Repeat},
        inversion::Role,
        rules::{Condition, OnEntry, Policy, TagMatcher, TagRule},
        template::{Piece, Template, Variable},
    },
};

/// Why nothing fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Never {
    /// Another entry takes away all that this entry fits.
    TakenAway {
        /// That entry.
        by: String,
    },
    /// Git knows no such name.
    NoGitName {
        /// What no name may hold.
        because: &'static str,
    },
    /// GitHub takes no such name.
    NoGitHubName {
        /// What no name may be.
        because: &'static str,
    },
    /// A tag would have more than 128 characters.
    TooLong,
    /// No tag begins like this.
    NoTagBeginsSo,
    /// No tag holds this character.
    NoTagHolds {
        /// The character.
        character: char,
    },
    /// These are referrers tags, which belong to the image that they name.
    OnlyReferrers,
}

/// Returns the parts of a row that nothing ever fits.
pub(super) fn never(rule: &TagRule) -> Vec<Finding> {
    let finding = |part: String, why: Never| Finding::Never { row: rule.row.clone(), part, why };
    let mut found = Vec::new();
    for entry in rule.on.iter().filter(|entry| !entry.negated) {
        let why = bad_name(&entry.condition).or_else(|| {
            let by = rule.on.iter().find(|other| other.negated && covers(&other.condition, &entry.condition))?;
            Some(Never::TakenAway { by: by.to_string() })
        });
        found.extend(why.map(|why| finding(entry.to_string(), why)));
    }
    let useless_away = rule.on.iter().filter(|entry| entry.negated);
    found.extend(useless_away.filter_map(|entry| Some(finding(entry.to_string(), bad_name(&entry.condition)?))));
    for template in rule.tag.iter().chain(&rule.also).chain(&rule.rolling).chain(&rule.index) {
        let text = || template.as_str().to_owned();
        if shortest(template) > Tag::MAX_LENGTH {
            found.push(finding(text(), Never::TooLong));
        } else if template.as_str().parse::<Tag>().is_ok_and(|tag| tag.is_referrers_tag()) {
            found.push(finding(text(), Never::OnlyReferrers));
        }
    }
    if let Some(TagMatcher { text, .. }) = &rule.matcher {
        let why = match text.strip_prefix('/').and_then(|text| text.strip_suffix('/')) {
            Some(expression) => bad_expression(expression),
            None => Glob::parse(text).ok().and_then(|glob| bad_tag_glob(&glob)),
        };
        found.extend(why.map(|why| finding(text.clone(), why)));
    }
    found
}

/// Returns a row whose `match` fits none of the example tags that the row creates.
pub(super) fn misses_own(rule: &TagRule, policy: &Policy) -> Option<Finding> {
    let matcher = rule.matcher.as_ref().filter(|_| rule.on.iter().any(|entry: &OnEntry| !entry.negated))?;
    let samples = samples(rule, policy);
    let mut own = samples.iter().filter(|sample| sample.role == Role::Tag).peekable();
    let first = own.peek()?.tag.to_string();
    let misses = own.all(|sample| !matcher.regex.is_match(sample.tag.as_str()));
    misses.then(|| Finding::MissesOwn { row: rule.row.clone(), matcher: matcher.text.clone(), tag: first })
}

/// Tells whether everything that `inner` fits is taken away by `outer`.
fn covers(outer: &Condition, inner: &Condition) -> bool {
    if outer == inner {
        return true;
    }
    match (outer, inner) {
        (Condition::Branch(outer), Condition::Branch(inner)) => glob_covers(outer, inner),
        (
            Condition::Tag(outer),
            Condition::Tag(inner) | Condition::Release(Some(inner)) | Condition::Prerelease(Some(inner)),
        ) => glob_covers(outer, inner),
        // No version holds a slash.
        (Condition::Tag(outer), Condition::Release(None) | Condition::Prerelease(None)) => {
            matches!(outer.as_str(), "*" | "**")
        }
        _ => false,
    }
}

fn glob_covers(outer: &Glob, inner: &Glob) -> bool {
    let stays_in_line = |part: &Part| !matches!(part.atom, Atom::DoubleStar | Atom::Literal('/'));
    outer == inner
        || outer.as_str() == "**"
        || (outer.as_str() == "*" && inner.parts().iter().all(stays_in_line))
        || fixed_name(inner).is_some_and(|name| outer.matches(&name))
}

/// Returns the only name that a glob fits, if it has no wildcards.
fn fixed_name(glob: &Glob) -> Option<String> {
    let parts = glob.parts().iter().map(|part| match part {
        Part { atom: Atom::Literal(character), repeat: Repeat::Once } => Some(*character),
        Part { atom: Atom::Literal(_) | Atom::Set(_) | Atom::Star | Atom::DoubleStar, .. } => None,
    });
    parts.collect()
}

/// Says why no branch or git tag has such a name
/// ([git](https://git-scm.com/docs/git-check-ref-format),
/// [GitHub](https://docs.github.com/en/get-started/using-git/dealing-with-special-characters-in-branch-and-tag-names)).
fn bad_name(condition: &Condition) -> Option<Never> {
    let (Condition::Branch(glob)
    | Condition::Tag(glob)
    | Condition::Release(Some(glob))
    | Condition::Prerelease(Some(glob))) = condition
    else {
        return None;
    };
    // What may be anything or nothing is a NUL, which is no part of any pattern.
    let mut text = String::new();
    for Part { atom, repeat } in glob.parts() {
        match (atom, repeat) {
            (Atom::Literal(character), Repeat::Once) => text.push(*character),
            (Atom::Literal(character), Repeat::AtLeastOnce) => text.extend([*character, '\0']),
            _ => text.push('\0'),
        }
    }
    let git = |because| Some(Never::NoGitName { because });
    if text.contains("..") {
        return git("`..`");
    }
    if text.contains(['~', '^', ':', '?', '*', '[', '\\']) {
        return git("one of `~^:?*[\\`");
    }
    if text.contains("@{") {
        return git("`@{`");
    }
    if text.contains("//") || text.starts_with('/') || text.ends_with('/') {
        return git("a `/` at its beginning or end, or two in a row");
    }
    if text.starts_with('.') || text.contains("/.") || text.ends_with('.') {
        return git("a `.` at its beginning or end, or after a `/`");
    }
    if text.ends_with(".lock") || text.contains(".lock/") {
        return git("`.lock` at the end of a part");
    }
    if text.starts_with("refs/") {
        return Some(Never::NoGitHubName { because: "begins with `refs/`" });
    }
    let is_commit = text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_commit.then_some(Never::NoGitHubName { because: "looks like a commit" })
}

/// Returns the length of the shortest tag that a template may give; names and versions are cut where there is no room.
fn shortest(template: &Template) -> usize {
    let length = |piece: &Piece| match piece {
        Piece::Literal(text) => text.len(),
        Piece::Value { variable: Variable::ShaFull, .. } => 40,
        Piece::Value { variable: Variable::Sha, .. } => 7,
        Piece::Value { .. } => 1,
    };
    template.pieces().iter().map(length).sum()
}

fn bad_tag_glob(glob: &Glob) -> Option<Never> {
    if let Some(Part { atom: Atom::Literal('.' | '-'), repeat: Repeat::Once | Repeat::AtLeastOnce }) =
        glob.parts().first()
    {
        return Some(Never::NoTagBeginsSo);
    }
    let must = glob
        .parts()
        .iter()
        .filter(|part| matches!(part.atom, Atom::Literal(_) | Atom::Set(_)) && part.repeat != Repeat::AtMostOnce);
    if must.count() > Tag::MAX_LENGTH {
        return Some(Never::TooLong);
    }
    let tag = fixed_name(glob)?.parse::<Tag>().ok()?;
    tag.is_referrers_tag().then_some(Never::OnlyReferrers)
}

/// Looks at what a regular expression asks for outright: a plain sequence, of which classes and groups may be anything.
fn bad_expression(expression: &str) -> Option<Never> {
    let expression = expression.strip_prefix('^').unwrap_or(expression);
    if expression.strip_prefix("sha256-[0-9a-f]{64}").is_some_and(is_suffix) {
        return Some(Never::OnlyReferrers);
    }
    let literals = required_literals(expression)?;
    if let Some((true, '.' | '-')) = literals.first() {
        return Some(Never::NoTagBeginsSo);
    }
    let alien = literals.into_iter().find(|(_, character)| !Tag::allows(*character));
    alien.map(|(_, character)| Never::NoTagHolds { character })
}

/// Tells whether what follows a digest in an expression is nothing, or begins with a dot.
fn is_suffix(rest: &str) -> bool {
    let begins_with_dot = |text: &str| required_literals(text).is_some_and(|found| found.first() == Some(&(true, '.')));
    let rest = rest.strip_suffix('$').unwrap_or(rest);
    let whole = rest.strip_suffix('?').unwrap_or(rest);
    let group = whole.strip_prefix('(').and_then(|text| text.strip_suffix(')'));
    let inside =
        group.map(|text| text.strip_prefix("?:").unwrap_or(text)).filter(|text| !text.contains(['(', ')', '?']));
    rest.is_empty() || begins_with_dot(rest) || inside.is_some_and(begins_with_dot)
}

/// Returns the characters that every text must hold which an expression fits, the first marked if it begins the text; none
/// where that is not plain to see.
fn required_literals(expression: &str) -> Option<Vec<(bool, char)>> {
    let mut found = Vec::new();
    let mut characters = expression.chars().peekable();
    let mut at_start = true;
    while let Some(character) = characters.next() {
        let literal = match character {
            '|' => return None,
            '(' => {
                skip_group(&mut characters)?;
                None
            }
            '[' => {
                skip_class(&mut characters)?;
                None
            }
            '\\' => {
                let escaped = characters.next()?;
                if escaped.is_alphanumeric() || !escaped.is_ascii() {
                    // A class, a boundary or a code: what follows it may belong to it.
                    return None;
                }
                Some(escaped)
            }
            '$' | '^' => continue,
            '.' => None,
            other => Some(other),
        };
        let optional = match characters.peek() {
            Some('?' | '*') => {
                characters.next();
                true
            }
            Some('+') => {
                characters.next();
                false
            }
            Some('{') => {
                let counts: String = characters.by_ref().take_while(|c| *c != '}').collect();
                counts.starts_with("{0")
            }
            _ => false,
        };
        characters.next_if_eq(&'?');
        if let Some(literal) = literal.filter(|_| !optional) {
            found.push((at_start, literal));
        }
        at_start = false;
    }
    Some(found)
}

/// Passes over a group. One that sets flags changes what all the rest means.
fn skip_group(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<()> {
    if characters.next_if_eq(&'?').is_some() && !matches!(characters.peek(), Some(':' | '<' | 'P')) {
        return None;
    }
    loop {
        match characters.next()? {
            ')' => return Some(()),
            '(' => skip_group(characters)?,
            '[' => skip_class(characters)?,
            '\\' => {
                characters.next()?;
            }
            _ => {}
        }
    }
}

fn skip_class(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<()> {
    characters.next_if_eq(&'^');
    // A bracket that comes first stands for itself.
    characters.next_if_eq(&']');
    loop {
        match characters.next()? {
            ']' => return Some(()),
            '[' => return None,
            '\\' => {
                characters.next()?;
            }
            _ => {}
        }
    }
}
