//! Untrusted text on its way into a message.

use crate::model::untrusted::shown_up_to;

/// The longest piece of a server's text that a message quotes, in characters.
const MAX_QUOTED: usize = 300;

/// Bounds `text` and escapes its control characters, so that it stays on its line and cannot command a terminal.
pub(crate) fn quoted(text: &str) -> String {
    shown_up_to(text.trim(), MAX_QUOTED)
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
