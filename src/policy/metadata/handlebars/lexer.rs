//! Templates into tokens, by the rules of Handlebars' own lexer
//! (<https://github.com/handlebars-lang/handlebars-parser/blob/master/src/handlebars.l>).

use super::super::javascript::is_blank;

/// A token, with the tildes beside its braces.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub kind: TokenKind,
    /// Whether blanks before it are dropped (`{{~`).
    pub strip_before: bool,
    /// Whether blanks after it are dropped (`~}}`).
    pub strip_after: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    Content(String),
    Comment,
    OpenRawBlock,
    CloseRawBlock,
    EndRawBlock(String),
    Open {
        escaped: bool,
        decorator: bool,
    },
    OpenUnescaped,
    OpenBlock {
        decorator: bool,
    },
    OpenInverse,
    OpenInverseChain,
    Inverse,
    OpenEndBlock,
    OpenPartial,
    OpenPartialBlock,
    Close,
    CloseUnescaped,
    OpenSubexpression,
    CloseSubexpression,
    Equals,
    /// A name, and whether it was written in brackets.
    Id(String, bool),
    Separator,
    Text(String),
    Number(String),
    True,
    False,
    Undefined,
    Null,
    Data,
    OpenBlockParams,
    CloseBlockParams,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Mustache,
    Escaped,
    Raw,
}

/// Cuts a template into tokens.
///
/// # Errors
/// If a character is none that may stand there, or a comment or raw block never ends.
pub(super) fn tokens(template: &str) -> Result<Vec<Token>, String> {
    let mut lexer = Lexer { rest: template, states: Vec::new(), tokens: Vec::new() };
    while !lexer.rest.is_empty() {
        match lexer.states.last() {
            None => lexer.content(),
            Some(State::Escaped) => lexer.escaped(),
            Some(State::Raw) => lexer.raw()?,
            Some(State::Mustache) => lexer.mustache()?,
        }
    }
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    rest: &'a str,
    states: Vec<State>,
    tokens: Vec<Token>,
}

impl<'a> Lexer<'a> {
    fn push(&mut self, kind: TokenKind) {
        self.tokens.push(Token { kind, strip_before: false, strip_after: false });
    }

    fn advance(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }

    fn content(&mut self) {
        let Some(end) = self.rest.find("{{") else {
            let text = self.advance(self.rest.len()).to_owned();
            return self.push(TokenKind::Content(text));
        };
        let mut text = self.advance(end);
        if text.ends_with("\\\\") {
            text = &text[..end - 1];
            self.states.push(State::Mustache);
        } else if text.ends_with('\\') {
            text = &text[..end - 1];
            self.states.push(State::Escaped);
        } else {
            self.states.push(State::Mustache);
        }
        if !text.is_empty() {
            self.push(TokenKind::Content(text.to_owned()));
        }
    }

    /// What follows `\{{`: text up to the next braces.
    fn escaped(&mut self) {
        let end = self.rest[2..].find("{{").map_or(self.rest.len(), |at| {
            let before = &self.rest[..at + 2];
            let backslashes = if before.ends_with("\\\\") { 2 } else { usize::from(before.ends_with('\\')) };
            (at + 2 - backslashes).max(2)
        });
        self.states.pop();
        let text = self.advance(end).to_owned();
        self.push(TokenKind::Content(text));
    }

    fn raw(&mut self) -> Result<(), String> {
        if let Some(after) = self.rest.strip_prefix("{{{{") {
            if let Some(name) = after.strip_prefix('/') {
                let length = name.find(|c| !is_id(c)).unwrap_or(name.len());
                if length == 0 || !name[length..].starts_with("}}}}") {
                    return Err("a raw block is not ended by `{{{{/name}}}}`".into());
                }
                let end = self.advance(4 + 1 + length + 4);
                self.states.pop();
                if self.states.last() == Some(&State::Raw) {
                    self.push(TokenKind::Content(end.to_owned()));
                } else {
                    self.push(TokenKind::EndRawBlock(name[..length].to_owned()));
                }
                return Ok(());
            }
            if after.is_empty() {
                return Err("a raw block is never ended".into());
            }
            self.advance(4);
            self.states.push(State::Raw);
            self.push(TokenKind::Content("{{{{".into()));
            return Ok(());
        }
        let start = self.rest.chars().next().map_or(0, char::len_utf8);
        let Some(end) = self.rest[start..].find("{{{{") else {
            return Err("a raw block is never ended".into());
        };
        let text = self.advance(start + end).to_owned();
        self.push(TokenKind::Content(text));
        Ok(())
    }

    fn mustache(&mut self) -> Result<(), String> {
        let rest = self.rest;
        if rest.starts_with("{{{{") {
            self.advance(4);
            self.push(TokenKind::OpenRawBlock);
        } else if rest.starts_with("}}}}") {
            self.advance(4);
            self.states.pop();
            self.states.push(State::Raw);
            self.push(TokenKind::CloseRawBlock);
        } else if rest.starts_with("{{") {
            self.open()?;
        } else if let Some(length) = closing(rest, "}") {
            self.close(length, TokenKind::CloseUnescaped);
        } else if let Some(length) = closing(rest, "") {
            self.close(length, TokenKind::Close);
        } else {
            self.inside()?;
        }
        Ok(())
    }

    fn close(&mut self, length: usize, kind: TokenKind) {
        let text = self.advance(length);
        self.states.pop();
        self.tokens.push(Token { kind, strip_before: false, strip_after: text.contains('~') });
    }

    /// What begins with two braces.
    fn open(&mut self) -> Result<(), String> {
        let rest = self.rest;
        let strip_before = rest[2..].starts_with('~');
        let prefix = 2 + usize::from(strip_before);
        let after = &rest[prefix..];
        let blanks = after.len() - after.trim_start_matches(is_blank).len();
        let push = |lexer: &mut Self, length: usize, kind: TokenKind| {
            lexer.advance(prefix + length);
            lexer.tokens.push(Token { kind, strip_before, strip_after: false });
        };
        if after.starts_with('>') {
            push(self, 1, TokenKind::OpenPartial);
        } else if after.starts_with("#>") {
            push(self, 2, TokenKind::OpenPartialBlock);
        } else if let Some(name) = after.strip_prefix('#') {
            let decorator = name.starts_with('*');
            push(self, 1 + usize::from(decorator), TokenKind::OpenBlock { decorator });
        } else if after.starts_with('/') {
            push(self, 1, TokenKind::OpenEndBlock);
        } else if let Some((length, strip_after)) = alone(after, "^") {
            self.inverse(prefix + length, strip_before, strip_after);
        } else if let Some((length, strip_after)) = alone(&after[blanks..], "else") {
            self.inverse(prefix + blanks + length, strip_before, strip_after);
        } else if after.starts_with('^') {
            push(self, 1, TokenKind::OpenInverse);
        } else if after[blanks..]
            .strip_prefix("else")
            .is_some_and(|after| !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
        {
            push(self, blanks + 4, TokenKind::OpenInverseChain);
        } else if after.starts_with('{') {
            push(self, 1, TokenKind::OpenUnescaped);
        } else if after.starts_with('&') {
            push(self, 1, TokenKind::Open { escaped: false, decorator: false });
        } else if after.starts_with('!') {
            self.comment(prefix, strip_before)?;
        } else {
            let decorator = after.starts_with('*');
            push(self, usize::from(decorator), TokenKind::Open { escaped: true, decorator });
        }
        Ok(())
    }

    fn inverse(&mut self, length: usize, strip_before: bool, strip_after: bool) {
        self.advance(length);
        self.states.pop();
        self.tokens.push(Token { kind: TokenKind::Inverse, strip_before, strip_after });
    }

    fn comment(&mut self, prefix: usize, strip_before: bool) -> Result<(), String> {
        let after = &self.rest[prefix..];
        let length = if after.starts_with("!--") {
            // The opening dashes may be the closing ones: `{{!--}}`.
            let ends = ["--}}", "--~}}"].map(|end| self.rest.find(end).map(|at| at + end.len()));
            ends.into_iter().flatten().min().ok_or("a comment is never ended by `--}}`")?
        } else {
            self.rest.find("}}").ok_or("a comment is never ended by `}}`")? + 2
        };
        let text = self.advance(length);
        self.states.pop();
        let strip_after = text[..length - 2].ends_with('~') && length - 3 >= 2;
        self.tokens.push(Token { kind: TokenKind::Comment, strip_before, strip_after });
        Ok(())
    }

    /// Names, literals and marks between the braces.
    fn inside(&mut self) -> Result<(), String> {
        let rest = self.rest;
        let Some(first) = rest.chars().next() else { return Ok(()) };
        let simple = match first {
            '(' => Some(TokenKind::OpenSubexpression),
            ')' => Some(TokenKind::CloseSubexpression),
            '=' => Some(TokenKind::Equals),
            '@' => Some(TokenKind::Data),
            '|' => Some(TokenKind::CloseBlockParams),
            '.' if rest.starts_with("..") => {
                self.advance(2);
                self.push(TokenKind::Id("..".into(), false));
                return Ok(());
            }
            '.' if rest[1..].starts_with(ends_id) => Some(TokenKind::Id(".".into(), false)),
            '.' | '/' => Some(TokenKind::Separator),
            _ => None,
        };
        if let Some(kind) = simple {
            self.advance(1);
            self.push(kind);
            return Ok(());
        }
        if is_blank(first) {
            let length = rest.len() - rest.trim_start_matches(is_blank).len();
            self.advance(length);
            return Ok(());
        }
        if let '"' | '\'' = first
            && let Some(length) = quoted(rest, first)
        {
            let text = self.advance(length);
            let inside = text[1..length - 1].replace(&format!("\\{first}"), &first.to_string());
            self.push(TokenKind::Text(inside));
            return Ok(());
        }
        for (word, kind) in [
            ("true", TokenKind::True),
            ("false", TokenKind::False),
            ("undefined", TokenKind::Undefined),
            ("null", TokenKind::Null),
        ] {
            if rest.strip_prefix(word).is_some_and(|after| after.starts_with(ends_literal)) {
                self.advance(word.len());
                self.push(kind);
                return Ok(());
            }
        }
        if let Some(length) = number(rest) {
            let text = self.advance(length).to_owned();
            self.push(TokenKind::Number(text));
            return Ok(());
        }
        if let Some(after) = rest.strip_prefix("as") {
            let trimmed = after.trim_start_matches(is_blank);
            if trimmed.len() < after.len() && trimmed.starts_with('|') {
                self.advance(rest.len() - trimmed.len() + 1);
                self.push(TokenKind::OpenBlockParams);
                return Ok(());
            }
        }
        if first == '['
            && let Some(length) = quoted(rest, ']')
        {
            let text = self.advance(length);
            let name = text[1..length - 1].replace("\\]", "]").replace("\\\\", "\\");
            self.push(TokenKind::Id(name, true));
            return Ok(());
        }
        let length = rest.find(|c| !is_id(c)).unwrap_or(rest.len());
        if length > 0 && rest[length..].starts_with(ends_id) {
            let name = self.advance(length).to_owned();
            self.push(TokenKind::Id(name, false));
            return Ok(());
        }
        Err(format!("`{}` may not stand there", first.escape_debug()))
    }
}

/// The length of `mark}}` or `mark~}}` at the start of a text.
fn closing(text: &str, mark: &str) -> Option<usize> {
    let after = text.strip_prefix(mark)?;
    ["}}", "~}}"].into_iter().find(|end| after.starts_with(end)).map(|end| mark.len() + end.len())
}

/// A word that is alone up to the closing braces: its length with these, and whether they have a tilde.
fn alone(text: &str, word: &str) -> Option<(usize, bool)> {
    let after = text.strip_prefix(word)?;
    let trimmed = after.trim_start_matches(is_blank);
    let length = closing(trimmed, "")?;
    Some((text.len() - trimmed.len() + length, length == 3))
}

/// The length of a text that begins with any character and goes on to `end`, which a backslash takes away.
fn quoted(text: &str, end: char) -> Option<usize> {
    let mut found = None;
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        if character == end {
            found = Some(at + 1);
            if !escaped {
                break;
            }
        }
        escaped = character == '\\';
    }
    found
}

fn number(text: &str) -> Option<usize> {
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let sign = usize::from(text.starts_with('-'));
    let whole = digits(&text[sign..]);
    if whole == 0 {
        return None;
    }
    let end = sign + whole;
    if let Some(fraction) = text[end..].strip_prefix('.') {
        let length = digits(fraction);
        if length > 0 && fraction[length..].starts_with(ends_literal) {
            return Some(end + 1 + length);
        }
    }
    text[end..].starts_with(ends_literal).then_some(end)
}

fn ends_literal(character: char) -> bool {
    matches!(character, '~' | '}' | ')') || is_blank(character)
}

fn ends_id(character: char) -> bool {
    matches!(character, '=' | '~' | '}' | '/' | '.' | ')' | '|') || is_blank(character)
}

fn is_id(character: char) -> bool {
    !is_blank(character)
        && !matches!(character, '!' | '"' | '#' | '%'..=',' | '.' | '/' | ';'..='>' | '@' | '['..='^' | '`' | '{'..='~')
}
