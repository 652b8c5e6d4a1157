//! The order of label keys: that of the Unicode Collation Algorithm with CLDR's root table, as ICU has it
//! (<https://cldr.unicode.org/index/cldr-spec>), exact for ASCII and the common accented Latin letters; other
//! characters sort after them by their code points.

use std::cmp::Ordering;

/// Characters that weigh less than digits, lightest first. Control characters that are not among them weigh nothing.
const MARKS: &str = "\t\n\u{b}\u{c}\r _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$";

/// Accents, lightest first, each with the Latin letters that have it and the ones that they are made of.
const ACCENTS: [(&str, &str); 14] = [
    ("áćéíĺńóŕśúýź", "aceilnorsuyz"),
    ("àèìòù", "aeiou"),
    ("ăĕğĭŏŭ", "aegiou"),
    ("âĉêĝĥîĵôŝûŵŷ", "aceghijosuwy"),
    ("čďěňřšťž", "cdenrstz"),
    ("åů", "au"),
    ("äëïöüÿ", "aeiouy"),
    ("őű", "ou"),
    ("ãĩñõũ", "ainou"),
    ("ċėġż", "cegz"),
    ("ø", "o"),
    ("çģķļņŗşţ", "cgklnrst"),
    ("ąęįų", "aeiu"),
    ("āēīōū", "aeiou"),
];

/// What a character counts for: letters first, then accents, then case.
type Weight = (u32, usize, bool);

/// Compares two keys: by their characters without accents and case, then by accents, then by case, small letters first.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    let weights = |text: &str| text.chars().filter_map(weight).collect::<Vec<Weight>>();
    let (one, other) = (weights(one), weights(other));
    let letters = one.iter().map(|weight| weight.0).cmp(other.iter().map(|weight| weight.0));
    letters
        .then_with(|| one.iter().map(|weight| weight.1).cmp(other.iter().map(|weight| weight.1)))
        .then_with(|| one.iter().map(|weight| weight.2).cmp(other.iter().map(|weight| weight.2)))
}

fn weight(character: char) -> Option<Weight> {
    if let Some(at) = MARKS.chars().position(|mark| mark == character) {
        return Some((u32::try_from(at).unwrap_or_default(), 0, false));
    }
    let small = character.to_lowercase().next().unwrap_or(character);
    let is_capital = small != character;
    for (accent, (accented, plain)) in ACCENTS.iter().enumerate() {
        if let Some((_, letter)) = accented.chars().zip(plain.chars()).find(|(accented, _)| *accented == small) {
            return Some((letter_weight(letter), accent + 1, is_capital));
        }
    }
    match character {
        '\0'..='\u{1f}' | '\u{7f}' => None,
        '0'..='9' => Some((100 + u32::from(character) - u32::from('0'), 0, false)),
        _ if small.is_ascii_lowercase() => Some((letter_weight(small), 0, is_capital)),
        _ => Some((1000 + u32::from(small), 0, is_capital)),
    }
}

fn letter_weight(letter: char) -> u32 {
    200 + u32::from(letter) - u32::from('a')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_count_after_letters() {
        let mut keys = ["f", "é", "e", "ea", "É", "è", "eb", "éa", "ñ", "n"];
        keys.sort_by(|one, other| compare(one, other));
        assert_eq!(keys, ["e", "é", "É", "è", "ea", "éa", "eb", "f", "n", "ñ"]);
    }

    #[test]
    fn ascii_is_in_the_order_of_icu() {
        let mut keys = ["b", "A", "a", "_", "-", ".", "1", "aB", "ab", "Ab", "$", "a.b", "a-b", "B", "Z", "~"];
        keys.sort_by(|one, other| compare(one, other));
        assert_eq!(keys, ["_", "-", ".", "~", "$", "1", "a", "A", "a-b", "a.b", "ab", "aB", "Ab", "b", "B", "Z"]);
    }
}
