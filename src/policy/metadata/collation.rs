//! The order of label keys: that of the Unicode Collation Algorithm with CLDR's root table, as ICU has it
//! (<https://cldr.unicode.org/index/cldr-spec>), exact for ASCII and near it for other characters, which sort after.

use std::cmp::Ordering;

/// Characters that weigh less than digits, lightest first. Control characters that are not among them weigh nothing.
const MARKS: &str = "\t\n\u{b}\u{c}\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";

/// Compares two keys: by their characters without case, then by case, small letters first.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let weights = |text: &str| text.chars().filter_map(weight).collect::<Vec<_>>();
    let (one, other) = (weights(one), weights(other));
    let primary = one.iter().map(|(primary, _)| primary).cmp(other.iter().map(|(primary, _)| primary));
    primary.then_with(|| one.iter().map(|(_, upper)| upper).cmp(other.iter().map(|(_, upper)| upper)))
}

/// A character's weight and whether it is a capital.
fn weight(character: char) -> Option<(u32, bool)> {
    if let Some(at) = MARKS.find(character) {
        return Some((u32::try_from(at).unwrap_or_default(), false));
    }
    match character {
        '\0'..='\u{1f}' | '\u{7f}' => None,
        '0'..='9' => Some((100 + u32::from(character) - u32::from('0'), false)),
        'a'..='z' | 'A'..='Z' => {
            Some((200 + u32::from(character.to_ascii_lowercase()) - u32::from('a'), character.is_ascii_uppercase()))
        }
        other => {
            let small = other.to_lowercase().next().unwrap_or(other);
            Some((1000 + u32::from(small), small != other))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ascii_is_in_the_order_of_icu() {
        let mut keys = ["b", "A", "a", "_", "-", ".", "1", "aB", "ab", "Ab", "$", "a.b", "a-b", "B", "Z", "~"];
        keys.sort_by(|one, other| compare(one, other));
        assert_eq!(keys, ["_", "-", ".", "~", "$", "1", "a", "A", "a-b", "a.b", "ab", "aB", "Ab", "b", "B", "Z"]);
    }
}
