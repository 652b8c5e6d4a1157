//! Numbers, ages, durations and sizes as people say them.

use chrono::{DateTime, Utc};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const TWO_DAYS: u64 = 2 * DAY;

/// Writes a number with its thousands apart, as in `12,345`.
pub(super) fn number(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Says how many, with the noun in the right number.
pub(super) fn counted(many: usize, noun: &str) -> String {
    let ending = match (many, noun.ends_with('x')) {
        (1, _) => "",
        (_, true) => "es",
        (_, false) => "s",
    };
    format!("{} {noun}{ending}", number(many))
}

/// Chooses the word that goes with a number.
pub(super) const fn by_number<'a>(many: usize, one: &'a str, several: &'a str) -> &'a str {
    if many == 1 { one } else { several }
}

/// Says a duration as a policy does: in the largest unit of which it is a whole number.
pub(super) fn duration(seconds: u64) -> String {
    let (unit, noun) = [(DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")]
        .into_iter()
        .find(|(unit, _)| seconds.is_multiple_of(*unit))
        .unwrap_or((1, "second"));
    in_units(seconds / unit, noun)
}

/// Says about how long something takes.
pub(super) fn about(seconds: usize) -> String {
    let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
    let (unit, noun) =
        [(HOUR, "hour"), (MINUTE, "minute")].into_iter().find(|(unit, _)| seconds >= 2 * unit).unwrap_or((1, "second"));
    in_units(seconds.div_ceil(unit), noun)
}

/// The seconds that have passed since `since`; what lies ahead has no age.
fn seconds_since(now: DateTime<Utc>, since: DateTime<Utc>) -> u64 {
    u64::try_from(now.signed_duration_since(since).num_seconds()).unwrap_or(0)
}

/// The unit that an age is said in, in seconds: days from the second on.
fn unit_of(seconds: u64) -> (u64, &'static str) {
    match seconds {
        0..HOUR => (MINUTE, "minute"),
        HOUR..TWO_DAYS => (HOUR, "hour"),
        TWO_DAYS.. => (DAY, "day"),
    }
}

/// How much time has passed since `since`, in whole units.
fn passed(now: DateTime<Utc>, since: DateTime<Utc>) -> (u64, &'static str) {
    let seconds = seconds_since(now, since);
    let (unit, noun) = unit_of(seconds);
    (seconds / unit, noun)
}

/// Tells whether an age is over a limit by less than the unit that it is said in.
pub(super) fn is_just_over(now: DateTime<Utc>, since: DateTime<Utc>, limit: u64) -> bool {
    let seconds = seconds_since(now, since);
    seconds > limit
        && seconds - limit < unit_of(seconds).0
        && seconds / unit_of(seconds).0 * unit_of(seconds).0 <= limit
}

fn in_units(many: u64, noun: &str) -> String {
    counted(usize::try_from(many).unwrap_or(usize::MAX), noun)
}

/// Says how old something is.
pub(super) fn age(now: DateTime<Utc>, since: DateTime<Utc>) -> String {
    let (many, noun) = passed(now, since);
    in_units(many, noun)
}

/// Says between which ages things are.
pub(super) fn ages(now: DateTime<Utc>, youngest: DateTime<Utc>, oldest: DateTime<Utc>) -> String {
    let ((from, from_noun), (to, to_noun)) = (passed(now, youngest), passed(now, oldest));
    match from_noun == to_noun {
        true if from == to => in_units(from, from_noun),
        true => format!("{} to {}", number(usize::try_from(from).unwrap_or(usize::MAX)), in_units(to, to_noun)),
        false => format!("{} to {}", in_units(from, from_noun), in_units(to, to_noun)),
    }
}

/// Says a size in decimal units, as registries do.
pub(super) fn bytes(bytes: u64) -> String {
    let units = [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")];
    let Some((unit, name)) = units.into_iter().find(|(unit, _)| bytes >= *unit) else {
        return in_units(bytes, "byte");
    };
    // A size never looks larger than it is.
    let tenths = u128::from(bytes) * 10 / u128::from(unit);
    match tenths {
        100.. => format!("{} {name}", tenths / 10),
        _ => format!("{}.{} {name}", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_at_a_glance() {
        let texts: Vec<String> = [0, 999, 1_000, 1_234_567].into_iter().map(number).collect();
        assert_eq!(texts, ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([counted(1, "index"), counted(2, "index")], ["1 index", "2 indexes"]);
        assert_eq!([duration(30 * DAY), duration(36 * HOUR), duration(60)], ["30 days", "36 hours", "1 minute"]);
        assert_eq!(
            [about(1), about(119), about(150), about(2 * 3600)],
            ["1 second", "119 seconds", "3 minutes", "2 hours"]
        );
        assert_eq!(
            [bytes(1), bytes(999), bytes(1_290_000), bytes(25_900_000_000)],
            ["1 byte", "999 bytes", "1.2 MB", "25 GB"]
        );
        assert_eq!(bytes(u64::MAX), "18446744 TB");
    }

    #[test]
    fn ages_are_whole_and_never_negative() {
        let now = DateTime::from_timestamp(1_772_366_400, 0).unwrap();
        let ago = |seconds: i64| now - chrono::TimeDelta::seconds(seconds);
        assert_eq!(
            [age(now, ago(-5)), age(now, ago(7_199)), age(now, ago(86_400))],
            ["0 minutes", "1 hour", "24 hours"]
        );
        assert_eq!(ages(now, ago(3 * 86_400), ago(29 * 86_400)), "3 to 29 days");
        assert_eq!(ages(now, ago(7_200), ago(200_000)), "2 hours to 2 days");
        assert_eq!(ages(now, ago(200_000), ago(200_001)), "2 days");
        assert!(
            is_just_over(now, ago(30 * 86_400 + 1), 30 * 86_400) && !is_just_over(now, ago(31 * 86_400), 30 * 86_400)
        );
        assert!(is_just_over(now, ago(86_401), 86_400) && !is_just_over(now, ago(86_400), 86_400));
        assert!(!is_just_over(now, ago(37 * 3_600), 36 * 3_600));
    }
}
