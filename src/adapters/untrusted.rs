//! Text from files, users and servers, on its way into a message.

/// The most that a message quotes, in characters.
const MAX_CHARACTERS: usize = 200;

/// Makes text fit for a message: bounded, control characters escaped.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == MAX_CHARACTERS {
            out.push('…');
            break;
        }
        if character.is_control() {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
    }
    out
}
