//! Date formats as moment.js reads them (<https://momentjs.com/docs/#/displaying/format/>), in English. Unlike
//! [`crate::policy::date_format`] every text is a format: letters that are no token are shown as they are.

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, Offset, TimeZone, Timelike, Utc};
use chrono_tz::{OffsetName, TZ_VARIANTS, Tz};

/// A zone by its name, in any case; `_` may stand for `/`. `None` where moment.js would log that it knows no such zone and
/// show local time, which is UTC in a container.
#[must_use]
pub(super) fn zone(name: &str) -> Option<Tz> {
    let normal = |name: &str| name.to_lowercase().replace('/', "_");
    let name = normal(name);
    TZ_VARIANTS.iter().find(|zone| normal(zone.name()) == name).copied()
}

/// Returns what a zone is called at a time: where it has no letters, its offset, as the time zone database writes it.
fn abbreviation(offset: &<Tz as chrono::TimeZone>::Offset) -> String {
    if let Some(letters) = offset.abbreviation() {
        return letters.to_owned();
    }
    let seconds = offset.fix().local_minus_utc();
    let sign = if seconds < 0 { '-' } else { '+' };
    let (hours, minutes) = (seconds.abs() / 3600, seconds.abs() / 60 % 60);
    if minutes == 0 { format!("{sign}{hours:02}") } else { format!("{sign}{hours:02}{minutes:02}") }
}

/// Shows a time, `None` standing for one that could not be read.
#[must_use]
pub(super) fn show(time: Option<DateTime<Utc>>, format: &str, zone: Option<Tz>) -> String {
    let Some(time) = time else { return "Invalid date".into() };
    let local = time.with_timezone(&zone.unwrap_or(Tz::UTC));
    let moment = Moment {
        time: local.with_timezone(&local.offset().fix()),
        abbreviation: zone.map(|_| abbreviation(local.offset())).unwrap_or_default(),
    };
    let format = match format {
        "" if zone.is_some() && moment.offset_minutes() == 0 => "YYYY-MM-DDTHH:mm:ss[Z]",
        "" => "YYYY-MM-DDTHH:mm:ssZ",
        format => format,
    };
    let format = expand_local_formats(format);
    let mut shown = String::new();
    let mut rest = format.as_str();
    while !rest.is_empty() {
        let (piece, length) = next_piece(rest);
        match piece {
            Piece::Bracketed(text) | Piece::Escaped(text) => shown.push_str(text),
            Piece::Token(token) => match moment.token(token) {
                Some(text) => shown.push_str(&text),
                None => shown.push_str(token),
            },
            Piece::LineBreak => {}
        }
        rest = &rest[length..];
    }
    shown
}

enum Piece<'a> {
    /// Text in brackets, which are not shown.
    Bracketed(&'a str),
    /// Text after a backslash, which is not shown.
    Escaped(&'a str),
    Token(&'a str),
    /// A line break outside brackets is lost.
    LineBreak,
}

/// Tokens of which one is the beginning of another, longest first; all others are single characters.
const TOKENS: [&str; 71] = [
    "Hmmss",
    "hmmss",
    "Hmm",
    "hmm",
    "Mo",
    "MMMM",
    "MMM",
    "MM",
    "Do",
    "DDDo",
    "DDDD",
    "DDD",
    "DD",
    "dddd",
    "ddd",
    "dd",
    "do",
    "wo",
    "w|",
    "ww",
    "Wo",
    "W|",
    "WW",
    "Qo",
    "NNNNN",
    "NNNN",
    "NNN",
    "NN",
    "YYYYYY",
    "YYYYY",
    "YYYY",
    "YY",
    "yyyy",
    "yyy",
    "yy",
    "yo",
    "ggggg",
    "gggg",
    "gg",
    "GGGGG",
    "GGGG",
    "GG",
    "hh",
    "HH",
    "kk",
    "mm",
    "ss",
    "SSSSSSSSS",
    "SSSSSSSS",
    "SSSSSSS",
    "SSSSSS",
    "SSSSS",
    "SSSS",
    "SSS",
    "SS",
    "zz",
    "ZZ",
    "M",
    "D",
    "d",
    "w",
    "W",
    "Q",
    "N",
    "y",
    "h",
    "H",
    "k",
    "m",
    "s",
    "S",
];

fn next_piece(rest: &str) -> (Piece<'_>, usize) {
    if let Some(length) = bracketed(rest) {
        return (Piece::Bracketed(&rest[1..length - 1]), length);
    }
    let token = |text: &str| {
        let first = text.chars().next().filter(|first| !super::javascript::ends_line(*first))?;
        Some(TOKENS.into_iter().find(|token| text.starts_with(token)).map_or(first.len_utf8(), str::len))
    };
    if let Some(escaped) = rest.strip_prefix('\\')
        && let Some(length) = token(escaped)
    {
        let text = &escaped[..length];
        return (Piece::Escaped(if text == "\\" { "" } else { text }), length + 1);
    }
    match token(rest) {
        Some(1) if rest.starts_with('\\') => (Piece::Escaped(""), 1),
        Some(length) => (Piece::Token(&rest[..length]), length),
        None => (Piece::LineBreak, rest.chars().next().map_or(1, char::len_utf8)),
    }
}

/// The length of a text in brackets at the start: it goes on to the last `]` before another `[`.
fn bracketed(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('[')?;
    let end = inside.find('[').unwrap_or(inside.len());
    inside[..end].rfind(']').map(|at| at + 2)
}

/// Replaces the tokens that stand for whole formats, as often as moment.js does.
fn expand_local_formats(format: &str) -> String {
    const FORMATS: [(&str, &str); 10] = [
        ("LTS", "h:mm:ss A"),
        ("LT", "h:mm A"),
        ("LLLL", "dddd, MMMM D, YYYY h:mm A"),
        ("LLL", "MMMM D, YYYY h:mm A"),
        ("LL", "MMMM D, YYYY"),
        ("L", "MM/DD/YYYY"),
        ("llll", "ddd, MMM D, YYYY h:mm A"),
        ("lll", "MMM D, YYYY h:mm A"),
        ("ll", "MMM D, YYYY"),
        ("l", "M/D/YYYY"),
    ];
    let mut expanded = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        let find = |text: &str| FORMATS.into_iter().find(|(token, _)| text.starts_with(token));
        let length = if let Some(length) = bracketed(rest) {
            expanded.push_str(&rest[..length]);
            length
        } else if let Some((token, _)) = rest.strip_prefix('\\').and_then(find) {
            expanded.push_str(&rest[..=token.len()]);
            token.len() + 1
        } else if let Some((token, meaning)) = find(rest) {
            expanded.push_str(meaning);
            token.len()
        } else {
            expanded.push(first);
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    expanded
}

struct Moment {
    time: DateTime<FixedOffset>,
    abbreviation: String,
}

impl Moment {
    fn offset_minutes(&self) -> i32 {
        self.time.offset().local_minus_utc() / 60
    }

    /// Shows a token, where it is one.
    fn token(&self, token: &str) -> Option<String> {
        let time = &self.time;
        let two = |number: u32| format!("{number:02}");
        let (year, hour) = (time.year(), time.hour());
        let hour12 = time.hour12().1;
        let hour24 = if hour == 0 { 24 } else { hour };
        let weekday = time.weekday().num_days_from_sunday();
        let iso = time.iso_week();
        Some(match token {
            "M" => time.month().to_string(),
            "Mo" => ordinal(time.month()),
            "MM" => two(time.month()),
            "MMM" => time.format("%b").to_string(),
            "MMMM" => time.format("%B").to_string(),
            "Q" => time.quarter().to_string(),
            "Qo" => ordinal(time.quarter()),
            "D" => time.day().to_string(),
            "Do" => ordinal(time.day()),
            "DD" => two(time.day()),
            "DDD" => time.ordinal().to_string(),
            "DDDo" => ordinal(time.ordinal()),
            "DDDD" => format!("{:03}", time.ordinal()),
            "d" | "e" => weekday.to_string(),
            "do" => ordinal(weekday),
            "dd" => time.format("%a").to_string()[..2].to_owned(),
            "ddd" => time.format("%a").to_string(),
            "dddd" => time.format("%A").to_string(),
            "E" => time.weekday().number_from_monday().to_string(),
            "w" => week(time).1.to_string(),
            "wo" => ordinal(week(time).1),
            "ww" => two(week(time).1),
            "W" => iso.week().to_string(),
            "Wo" => ordinal(iso.week()),
            "WW" => two(iso.week()),
            "N" | "NN" | "NNN" | "NNNNN" => "AD".into(),
            "NNNN" => "Anno Domini".into(),
            "y" => year.to_string(),
            "yo" => ordinal(u32::try_from(year).unwrap_or_default()),
            "yy" => zero_filled(year, 2),
            "yyy" => zero_filled(year, 3),
            "yyyy" | "YYYY" => zero_filled(year, 4),
            "Y" if year > 9999 => format!("+{year}"),
            "Y" => zero_filled(year, 4),
            "YY" => zero_filled(year % 100, 2),
            "YYYYY" => zero_filled(year, 5),
            "YYYYYY" => format!("{}{}", if year < 0 { "" } else { "+" }, zero_filled(year, 6)),
            "gg" => zero_filled(week(time).0 % 100, 2),
            "gggg" => zero_filled(week(time).0, 4),
            "ggggg" => zero_filled(week(time).0, 5),
            "GG" => zero_filled(iso.year() % 100, 2),
            "GGGG" => zero_filled(iso.year(), 4),
            "GGGGG" => zero_filled(iso.year(), 5),
            "H" => hour.to_string(),
            "HH" => two(hour),
            "h" => hour12.to_string(),
            "hh" => two(hour12),
            "k" => hour24.to_string(),
            "kk" => two(hour24),
            "hmm" => format!("{hour12}{}", time.format("%M")),
            "hmmss" => format!("{hour12}{}", time.format("%M%S")),
            "Hmm" => format!("{hour}{}", time.format("%M")),
            "Hmmss" => format!("{hour}{}", time.format("%M%S")),
            "A" => if hour < 12 { "AM" } else { "PM" }.into(),
            "a" => if hour < 12 { "am" } else { "pm" }.into(),
            "m" => time.minute().to_string(),
            "mm" => two(time.minute()),
            "s" => time.second().to_string(),
            "ss" => two(time.second()),
            "z" | "zz" => self.abbreviation.clone(),
            "x" => time.timestamp_millis().to_string(),
            "X" => time.timestamp().to_string(),
            "Z" => self.offset(":"),
            "ZZ" => self.offset(""),
            _ if token.bytes().all(|byte| byte == b'S') => {
                let digits = format!("{:03}000000", time.timestamp_subsec_millis().min(999));
                digits[..token.len().min(digits.len())].to_owned()
            }
            _ => return None,
        })
    }

    fn offset(&self, separator: &str) -> String {
        let minutes = self.offset_minutes();
        let sign = if minutes < 0 { '-' } else { '+' };
        format!("{sign}{:02}{separator}{:02}", minutes.abs() / 60, minutes.abs() % 60)
    }
}

fn zero_filled(number: i32, length: usize) -> String {
    let mut text = String::new();
    let sign = if number < 0 { "-" } else { "" };
    let _ = write!(text, "{sign}{:0length$}", number.unsigned_abs());
    text
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 100 / 10, number % 10) {
        (1, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

/// The week of the year and its year as English counts them: weeks begin on Sunday, and the first holds 1 January.
fn week(time: &DateTime<FixedOffset>) -> (i32, u32) {
    let day = time.date_naive();
    let sunday = day - chrono::Days::new(u64::from(day.weekday().num_days_from_sunday()));
    let saturday = sunday + chrono::Days::new(6);
    let year = saturday.year();
    let first = NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or(day);
    let first_sunday = first - chrono::Days::new(u64::from(first.weekday().num_days_from_sunday()));
    let weeks = (sunday - first_sunday).num_days() / 7 + 1;
    (year, u32::try_from(weeks).unwrap_or(1))
}

/// Reads a time as GitHub writes it.
#[must_use]
pub(super) fn read(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|time| Utc.from_utc_datetime(&time.naive_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_show_what_moment_shows() {
        let time = read("2024-06-08T14:03:02.045Z");
        for (format, zone_name, shown) in [
            ("", "UTC", "2024-06-08T14:03:02Z"),
            ("", "europe/berlin", "2024-06-08T16:03:02+02:00"),
            ("", "nowhere", "2024-06-08T14:03:02+00:00"),
            ("dddd, MMMM Do YYYY, h:mm:ss a", "UTC", "Saturday, June 8th 2024, 2:03:02 pm"),
            ("[at] YYYY [x] [y", "UTC", "at 2024 x [2024"),
            ("L LT l", "America_New_York", "06/08/2024 10:03 AM 6/8/2024"),
            ("\\YYYY \\[- gggg-ww Q SSSS z ZZ X", "UTC", "YYYY [- 2024-23 2 0450 UTC +0000 1717855382"),
        ] {
            assert_eq!(show(time, format, zone(zone_name)), shown, "{format}");
        }
        assert_eq!(show(None, "YYYY", zone("UTC")), "Invalid date");
    }
}
