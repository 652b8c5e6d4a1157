//! Untrusted text on its way into a message.

/// The longest piece of a server's text that a message quotes, in characters.
const MAX_QUOTED: usize = 300;

/// Bounds `text` and escapes its control characters, so that it stays on its line and cannot command a terminal.
pub(crate) fn quoted(text: &str) -> String {
    let mut result = String::new();
    for character in text.trim().chars().take(MAX_QUOTED) {
        // Beside control characters: marks that reorder or break the line that they stand in.
        if character.is_control()
            || matches!(character, '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            result.extend(character.escape_default());
        } else {
            result.push(character);
        }
    }
    if text.trim().chars().nth(MAX_QUOTED).is_some() {
        result.push('…');
    }
    result
}

/// Says an answer's body in one line: quoted if it is text, named if it is a web page, said to be missing if it is empty.
pub(crate) fn one_line(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * MAX_QUOTED + 4)]);
    match text.trim() {
        "" => "without a word".to_owned(),
        page if page.starts_with('<') => "with a web page".to_owned(),
        words => format!("with `{}`", quoted(words)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_length_is_bounded() {
        assert_eq!(quoted("a\n::error::b\u{1b}[2J"), "a\\n::error::b\\u{1b}[2J");
        assert_eq!(quoted(&"x".repeat(1000)).chars().count(), MAX_QUOTED + 1);
    }

    #[test]
    fn web_pages_are_named_not_quoted() {
        assert_eq!(one_line(b" <html><body>proxy</body></html>"), "with a web page");
        assert_eq!(one_line(b""), "without a word");
        assert_eq!(one_line(b"no"), "with `no`");
    }
}
