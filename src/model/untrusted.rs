//! Text from files, users and servers, on its way into a message.

/// The most that a message quotes unless it says otherwise, in characters.
const MAX_CHARACTERS: usize = 200;

/// Makes untrusted text fit for a message: at most 200 characters, those that a terminal would obey or hide escaped.
#[must_use]
pub fn shown(text: &str) -> String {
    shown_up_to(text, MAX_CHARACTERS)
}

/// Makes untrusted text fit for a message: at most `most` characters, those that a terminal would obey or hide escaped.
#[must_use]
pub fn shown_up_to(text: &str, most: usize) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == most {
            shown.push('…');
            break;
        }
        if is_unprintable(character) {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Tells whether a character would move the cursor, hide, or turn the direction of what follows.
#[must_use]
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || (character.is_whitespace() && character != ' ')
        || matches!(character, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_gets_through() {
        assert_eq!(shown("a\n::error::b\u{1b}[2J\u{202e}"), "a\\n::error::b\\u{1b}[2J\\u{202e}");
        assert_eq!(shown("größer 🎉"), "größer 🎉");
        assert_eq!(shown(&"x".repeat(1000)).chars().count(), MAX_CHARACTERS + 1);
    }
}
