//! The few rules of JavaScript that show in what docker/metadata-action's users write: blanks, numbers, key order, sorting.

use std::cmp::Ordering;

/// Tells whether JavaScript trims a character and matches it by `\s`.
pub(super) const fn is_blank(character: char) -> bool {
    matches!(
        character,
        '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200a}' | '\u{2028}' | '\u{2029}' | '\u{202f}' | '\u{205f}' | '\u{3000}' | '\u{feff}'
    )
}

/// Removes blanks at both ends.
pub(super) fn trim(text: &str) -> &str {
    text.trim_matches(is_blank)
}

/// Tells whether a regular expression's `.` stops at a character.
pub(super) const fn ends_line(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{2028}' | '\u{2029}')
}

/// Reads a text as `Number(text)` does
/// (<https://tc39.es/ecma262/#sec-stringtonumber>): not a number is NaN, nothing is 0.
pub(super) fn number(text: &str) -> f64 {
    let text = trim(text);
    if text.is_empty() {
        return 0.0;
    }
    for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0O", 8), ("0b", 2), ("0B", 2)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            return whole_number(digits, radix).unwrap_or(f64::NAN);
        }
    }
    let (sign, unsigned) = match text.as_bytes()[0] {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    if unsigned == "Infinity" {
        return sign * f64::INFINITY;
    }
    let decimal = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    if decimal { unsigned.parse::<f64>().map_or(f64::NAN, |number| sign * number) } else { f64::NAN }
}

/// Reads digits in a radix that is a power of two; long ones lose precision as everywhere in JavaScript.
fn whole_number(digits: &str, radix: u32) -> Option<f64> {
    if digits.is_empty() {
        return None;
    }
    digits.chars().try_fold(0.0, |sum, digit| Some(sum * f64::from(radix) + f64::from(digit.to_digit(radix)?)))
}

/// Writes a number as `String(number)` does (<https://tc39.es/ecma262/#sec-numeric-types-number-tostring>).
pub(super) fn number_text(number: f64) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number == 0.0 {
        return "0".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity".into() } else { "-Infinity".into() };
    }
    let scientific = format!("{:e}", number.abs());
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if number < 0.0 { "-" } else { "" };
    let point = exponent + 1;
    let length = i32::try_from(digits.len()).unwrap_or(i32::MAX);
    let place = |at: i32| usize::try_from(at).unwrap_or(0);
    if (length..=21).contains(&point) {
        format!("{sign}{digits}{}", "0".repeat(place(point - length)))
    } else if point > 0 && point <= 21 {
        format!("{sign}{}.{}", &digits[..place(point)], &digits[place(point)..])
    } else if point > -6 && point <= 0 {
        format!("{sign}0.{}{digits}", "0".repeat(place(-point)))
    } else {
        let fraction = if digits.len() > 1 { format!(".{}", &digits[1..]) } else { String::new() };
        let direction = if exponent < 0 { '-' } else { '+' };
        format!("{sign}{}{fraction}e{direction}{}", &digits[..1], exponent.abs())
    }
}

/// Returns the number that an object's key stands for, where it is one: such keys come first, in their order.
pub(super) fn array_index(key: &str) -> Option<u32> {
    key.parse::<u32>().ok().filter(|number| *number < u32::MAX && number.to_string() == key)
}

/// Sorts as V8's `Array.prototype.sort` does lists of up to 64 items: a run from the start, then binary insertion. It only
/// matters where the comparison is inconsistent, as it is with NaN; longer lists are sorted so as well, which differs from
/// V8 in nothing but the order of inconsistent ones.
pub(super) fn sort_by<T>(items: &mut [T], order: impl Fn(&T, &T) -> Ordering) {
    if items.len() < 2 {
        return;
    }
    let descending = order(&items[1], &items[0]) == Ordering::Less;
    let mut run = 2;
    while run < items.len() && (order(&items[run], &items[run - 1]) == Ordering::Less) == descending {
        run += 1;
    }
    if descending {
        items[..run].reverse();
    }
    for start in run..items.len() {
        let (mut left, mut right) = (0, start);
        while left < right {
            let middle = left + (right - left) / 2;
            if order(&items[start], &items[middle]) == Ordering::Less {
                right = middle;
            } else {
                left = middle + 1;
            }
        }
        items[left..=start].rotate_right(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_written_as_javascript_does() {
        for (text, expected) in [
            ("", "0"),
            (" 12 ", "12"),
            ("0x1F", "31"),
            ("1e3", "1000"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-0", "0"),
            ("1e21", "1e+21"),
            ("123456789012345680000", "123456789012345680000"),
            ("1e-7", "1e-7"),
            ("0.000001", "0.000001"),
            ("-1.5e-9", "-1.5e-9"),
            ("Infinity", "Infinity"),
            ("-Infinity", "-Infinity"),
            ("infinity", "NaN"),
            ("1_0", "NaN"),
            ("0x", "NaN"),
            ("--1", "NaN"),
            ("1e", "NaN"),
            (".", "NaN"),
            ("-0x1", "NaN"),
        ] {
            assert_eq!(number_text(number(text)), expected, "{text:?}");
        }
    }
}
