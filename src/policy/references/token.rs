//! Text in characters and gaps: a gap is what only a shell, a template or a workflow could fill.

use std::collections::BTreeMap;

/// The longest expression that is looked for, in characters.
const LONGEST: usize = 200;

/// How deep defaults nest.
const DEEPEST: usize = 8;

/// How many tokens defaults may add to a text: more than any reference has, and few enough for defaults of defaults that
/// name each other many times.
const MOST_ADDED: usize = 1024;

/// A piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A character that references have.
    Text(char),
    /// Something that is not known here.
    Gap,
    /// A character that ends every reference.
    Break,
}

/// Reads a text; `known` are variables with their defaults.
pub(super) fn scan(text: &str, known: &BTreeMap<String, String>) -> Vec<Token> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::with_capacity(characters.len());
    let most = characters.len() + MOST_ADDED;
    scan_into(&mut tokens, &characters, &Known { defaults: known, most }, 0);
    tokens
}

/// The variables with their defaults, and how many tokens there may be before they are left open.
struct Known<'k> {
    defaults: &'k BTreeMap<String, String>,
    most: usize,
}

fn scan_into(tokens: &mut Vec<Token>, text: &[char], known: &Known<'_>, depth: usize) {
    let mut at = 0;
    while let Some(&character) = text.get(at) {
        let rest = &text[at..];
        let starts = |prefix: &str| prefix.chars().zip(rest).filter(|(a, b)| a == *b).count() == prefix.len();
        let taken = if starts("${{") {
            closed(rest, "${{", "}}")
        } else if starts("{{") {
            closed(rest, "{{", "}}")
        } else if starts("$(") {
            closed(rest, "$(", ")")
        } else if starts("${") {
            let end = braces(rest);
            if let Some(end) = end.filter(|_| depth < DEEPEST) {
                variable(tokens, &rest[2..end - 1], known, depth);
                at += end;
                continue;
            }
            end
        } else if starts("$$") {
            tokens.push(Token::Break);
            at += 2;
            continue;
        } else if character == '$' {
            let length = rest[1..].iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').count();
            if length > 0 && depth < DEEPEST {
                variable(tokens, &rest[1..=length], known, depth);
                at += 1 + length;
                continue;
            }
            None
        } else if character == '<' && matches!(tokens.last(), Some(Token::Text(':' | '@' | '/'))) {
            closed(rest, "<", ">")
        } else if character == '%' && matches!(rest.get(1), Some('s' | 'v')) && !tokens.is_empty() {
            Some(2)
        } else {
            None
        };
        match taken {
            Some(length) => {
                tokens.push(Token::Gap);
                at += length;
            }
            None => {
                let is_text =
                    character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-' | '/' | ':' | '@');
                tokens.push(if is_text { Token::Text(character) } else { Token::Break });
                at += 1;
            }
        }
    }
}

/// Reads what stands inside `${…}`, or after `$`.
fn variable(tokens: &mut Vec<Token>, inside: &[char], known: &Known<'_>, depth: usize) {
    let length = inside.iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').count();
    let (name, rest) = inside.split_at(length);
    let name: String = name.iter().collect();
    let default = match rest {
        [':', '-', default @ ..] | ['-', default @ ..] => Some(default.to_vec()),
        [] => known.defaults.get(&name).map(|value| value.chars().collect()),
        _ => None,
    };
    match default {
        // An empty default leaves open what others set.
        Some(default) if !default.is_empty() && tokens.len() + default.len() <= known.most => {
            scan_into(tokens, &default, known, depth + 1)
        }
        _ => tokens.push(Token::Gap),
    }
}

/// Returns how long an expression is, if it ends.
fn closed(text: &[char], open: &str, close: &str) -> Option<usize> {
    let close: Vec<char> = close.chars().collect();
    let window = &text[..text.len().min(LONGEST)];
    let start = open.chars().count();
    let at = window.get(start..)?.windows(close.len()).position(|window| window == close.as_slice())?;
    Some(start + at + close.len())
}

/// Returns how long `${…}` is, with braces inside it.
fn braces(text: &[char]) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, character) in text.iter().enumerate().take(LONGEST) {
        match character {
            '{' => depth += 1,
            '}' if depth == 1 => return Some(at + 1),
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

/// Splits tokens at the characters that no reference has.
pub(super) fn words(tokens: &[Token]) -> Vec<&[Token]> {
    tokens.split(|token| *token == Token::Break).filter(|word| !word.is_empty()).collect()
}

/// Returns tokens as text, if nothing of it is open.
pub(super) fn text(tokens: &[Token]) -> Option<String> {
    let character = |token: &Token| match token {
        Token::Text(character) => Some(*character),
        Token::Gap | Token::Break => None,
    };
    tokens.iter().map(character).collect()
}

/// Makes tokens of a text that has no gaps.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    text.chars().map(Token::Text).collect()
}

/// Tells whether the gaps can be filled so that this is the text, in lower case.
pub(super) fn fits(pattern: &[Token], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // Which beginnings of the text the pattern so far can be.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    for token in pattern {
        let mut next = vec![false; text.len() + 1];
        match token {
            Token::Text(character) => {
                for (at, wanted) in text.iter().enumerate() {
                    next[at + 1] = reached[at] && *wanted == character.to_ascii_lowercase();
                }
            }
            Token::Gap => {
                let mut any = false;
                for (at, is_reached) in reached.iter().enumerate() {
                    any |= is_reached;
                    next[at] = any;
                }
            }
            Token::Break => {}
        }
        reached = next;
    }
    reached.last() == Some(&true)
}

/// A word as a reference: path, tag, digest.
#[derive(Debug)]
pub(super) struct Name<'a> {
    pub(super) path: &'a [Token],
    pub(super) tag: Option<&'a [Token]>,
    pub(super) digest: Option<&'a [Token]>,
}

impl<'a> Name<'a> {
    pub(super) fn of(word: &'a [Token]) -> Self {
        let is = |wanted: char| move |token: &Token| *token == Token::Text(wanted);
        // `oci://`, `docker://`
        let scheme =
            word.windows(3).position(|window| window == [Token::Text(':'), Token::Text('/'), Token::Text('/')]);
        let word = scheme.map_or(word, |at| &word[at + 3..]);
        let (rest, digest) = match word.iter().position(is('@')) {
            Some(at) => (&word[..at], Some(&word[at + 1..])),
            None => (word, None),
        };
        let last = rest.iter().rposition(is('/')).map_or(0, |at| at + 1);
        let (path, tag) = match rest[last..].iter().position(is(':')) {
            Some(at) => (&rest[..last + at], Some(&rest[last + at + 1..])),
            None => (rest, None),
        };
        Self { path, tag: tag.filter(|tag| !tag.is_empty()), digest: digest.filter(|digest| !digest.is_empty()) }
    }
}
