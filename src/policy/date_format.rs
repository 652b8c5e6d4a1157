//! Date formats of templates: the tokens of moment.js over chrono, as docker/metadata-action's users write them
//! (<https://momentjs.com/docs/#/displaying/format/>), each of which can also be matched.

mod shown;

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, Timelike, Utc};
use chrono_tz::Tz;

use self::shown::Shown;
use super::template::sanitise;

/// A format and the time zone that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DateFormat {
    pieces: Vec<Piece>,
    zone: Tz,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Token(Token),
}

/// Text that is no date format.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct DateFormatError {
    /// Where in the format, in bytes.
    pub at: usize,
    problem: String,
}

macro_rules! tokens {
    ($($name:ident $text:literal $pattern:literal $show:expr;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        enum Token { $($name),* }

        impl Token {
            /// Longest first, so that `YYYY` is not read as two `YY`.
            const ALL: &'static [(&'static str, Token)] = &[$(($text, Token::$name)),*];

            /// A regular expression for what the token can print.
            const fn pattern(self) -> &'static str {
                match self { $(Self::$name => $pattern),* }
            }

            fn show(self, time: &DateTime<Tz>) -> String {
                match self { $(Self::$name => { let show: fn(&DateTime<Tz>) -> String = $show; show(time) }),* }
            }
        }
    };
}

tokens! {
    Year4 "YYYY" "[0-9]{4}" |t| format!("{:04}", t.year());
    Year2 "YY" "[0-9]{2}" |t| format!("{:02}", t.year().rem_euclid(100));
    MonthName "MMMM" "[A-Z][a-z]{2,8}" |t| t.format("%B").to_string();
    MonthShort "MMM" "[A-Z][a-z]{2}" |t| t.format("%b").to_string();
    Month2 "MM" "[0-9]{2}" |t| format!("{:02}", t.month());
    Month1 "M" "[0-9]{1,2}" |t| t.month().to_string();
    DayOfYear3 "DDDD" "[0-9]{3}" |t| format!("{:03}", t.ordinal());
    DayOfYear1 "DDD" "[0-9]{1,3}" |t| t.ordinal().to_string();
    Day2 "DD" "[0-9]{2}" |t| format!("{:02}", t.day());
    Day1 "D" "[0-9]{1,2}" |t| t.day().to_string();
    WeekdayName "dddd" "[A-Z][a-z]{5,8}" |t| t.format("%A").to_string();
    WeekdayShort "ddd" "[A-Z][a-z]{2}" |t| t.format("%a").to_string();
    WeekYear "GGGG" "[0-9]{4}" |t| format!("{:04}", t.iso_week().year());
    Week2 "WW" "[0-9]{2}" |t| format!("{:02}", t.iso_week().week());
    Week1 "W" "[0-9]{1,2}" |t| t.iso_week().week().to_string();
    Quarter "Q" "[1-4]" |t| t.quarter().to_string();
    Hour2 "HH" "[0-9]{2}" |t| format!("{:02}", t.hour());
    Hour1 "H" "[0-9]{1,2}" |t| t.hour().to_string();
    HalfHour2 "hh" "[0-9]{2}" |t| format!("{:02}", t.hour12().1);
    HalfHour1 "h" "[0-9]{1,2}" |t| t.hour12().1.to_string();
    Minute2 "mm" "[0-9]{2}" |t| format!("{:02}", t.minute());
    Minute1 "m" "[0-9]{1,2}" |t| t.minute().to_string();
    Second2 "ss" "[0-9]{2}" |t| format!("{:02}", t.second());
    Second1 "s" "[0-9]{1,2}" |t| t.second().to_string();
    Millisecond "SSS" "[0-9]{3}" |t| format!("{:03}", t.timestamp_subsec_millis().min(999));
    UpperHalf "A" "[AP]M" |t| if t.hour12().0 { "PM".into() } else { "AM".into() };
    LowerHalf "a" "[ap]m" |t| if t.hour12().0 { "pm".into() } else { "am".into() };
    Milliseconds "x" "[0-9]+" |t| t.timestamp_millis().to_string();
    Seconds "X" "[0-9]+" |t| t.timestamp().to_string();
}

impl DateFormat {
    /// Reads a format; `[text]` in it is taken literally.
    ///
    /// # Errors
    /// If a letter is no token, or the time zone is unknown.
    pub fn parse(text: &str, zone: Option<&str>) -> Result<Self, DateFormatError> {
        let fail = |at, problem| DateFormatError { at, problem };
        let zone = match zone {
            None => Tz::UTC,
            Some(name) => Tz::from_str_insensitive(name)
                .map_err(|_| fail(0, format!("`{name}` is no time zone; one is named as in `Europe/Berlin`")))?,
        };
        if text.is_empty() {
            return Err(fail(0, "the date format is empty; one is written as in `YYYYMMDD`".into()));
        }
        let mut pieces = Vec::new();
        let mut at = 0;
        let mut literal = String::new();
        while let Some(character) = text[at..].chars().next() {
            let rest = &text[at..];
            if character == '[' {
                let Some(end) = rest.find(']') else {
                    return Err(fail(at, "the literal text `[` is never closed by `]`".into()));
                };
                literal.push_str(&rest[1..end]);
                at += end + 1;
            } else if let Some((name, token)) =
                Token::ALL.iter().filter(|(name, _)| rest.starts_with(name)).max_by_key(|(name, _)| name.len())
            {
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Token(*token));
                at += name.len();
            } else if character.is_alphabetic() {
                let known: Vec<&str> = Token::ALL.iter().map(|(name, _)| *name).collect();
                return Err(fail(
                    at,
                    format!(
                        "`{character}` is no part of a date format (those are {}); literal text goes in `[…]`",
                        known.join(" ")
                    ),
                ));
            } else {
                literal.push(character);
                at += character.len_utf8();
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self { pieces, zone })
    }

    /// Shows a time.
    #[must_use]
    pub fn show<Z: chrono::TimeZone>(&self, time: &DateTime<Z>) -> String {
        let time = time.with_timezone(&self.zone);
        let mut shown = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(text) => shown.push_str(text),
                Piece::Token(token) => shown.push_str(&token.show(&time)),
            }
        }
        shown
    }

    /// Returns the beginning of the time that a text in this format shows, as sanitising left it: the first day of a
    /// month, the first hour of a day. `None` where the text shows no year.
    #[must_use]
    pub fn read(&self, text: &str) -> Option<DateTime<Utc>> {
        let mut shown = Shown::default();
        let time = shown.read(&self.pieces, text).then(|| shown.begin(self.zone))??;
        // What cannot be shown again was read wrongly.
        (sanitise(&self.show(&time), false) == text).then_some(time)
    }

    /// Returns the text of a format that shows nothing of the time.
    pub(crate) fn fixed_text(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [] => Some(""),
            [Piece::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// Returns a regular expression for what the format prints, each literal passed through `literal` first, which
    /// learns whether the format begins with it.
    pub(crate) fn pattern(&self, literal: impl Fn(&str, bool) -> String) -> String {
        let mut pattern = String::new();
        for (index, piece) in self.pieces.iter().enumerate() {
            let _ = match piece {
                Piece::Literal(text) => write!(pattern, "{}", literal(text, index == 0)),
                Piece::Token(token) => write!(pattern, "{}", token.pattern()),
            };
        }
        pattern
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokens_show_what_moment_shows() {
        let time = DateTime::parse_from_rfc3339("2024-06-08T14:03:02.045Z").unwrap();
        for (format, zone, shown) in [
            ("YYYYMMDD", None, "20240608"),
            ("YYYYMMDD-HHmmss", None, "20240608-140302"),
            ("YYYYMMDDHH", Some("Europe/Berlin"), "2024060816"),
            ("ddd, D MMM YY [at] h:mm A", None, "Sat, 8 Jun 24 at 2:03 PM"),
            ("GGGG-[W]WW DDDD Q SSS X", Some("utc"), "2024-W23 160 2 045 1717855382"),
        ] {
            assert_eq!(DateFormat::parse(format, zone).unwrap().show(&time), shown);
        }
    }

    #[test]
    fn a_text_is_read_as_the_beginning_of_what_it_shows() {
        for (format, zone, text, begin) in [
            ("YYYYMMDD", None, "20240608", Some("2024-06-08T00:00:00Z")),
            ("YYYYMMDD", Some("Europe/Berlin"), "20240608", Some("2024-06-07T22:00:00Z")),
            ("YYYYMMDD-HHmmss", None, "20240608-140302", Some("2024-06-08T14:03:02Z")),
            ("YYYY.M.D", None, "2024.6.18", Some("2024-06-18T00:00:00Z")),
            ("YYYYMD", None, "2024618", Some("2024-06-18T00:00:00Z")),
            ("GGGG-[W]WW", None, "2024-W23", Some("2024-06-03T00:00:00Z")),
            ("YYYY-DDDD", None, "2024-160", Some("2024-06-08T00:00:00Z")),
            ("MMM YYYY", None, "Jun-2024", Some("2024-06-01T00:00:00Z")),
            ("D MMMM YY h:mm A", None, "8-June-24-2-03-PM", Some("2024-06-08T14:03:00Z")),
            ("YYYY[-Q]Q", None, "2024-Q2", Some("2024-04-01T00:00:00Z")),
            ("X", None, "1717855382", Some("2024-06-08T14:03:02Z")),
            ("YYYYMMDD", None, "20241308", None),
            ("MMDD", None, "0608", None),
        ] {
            let read = DateFormat::parse(format, zone).unwrap().read(text);
            assert_eq!(read, begin.map(|text| text.parse().unwrap()), "{format} {text}");
        }
    }

    #[test]
    fn mistakes_name_the_remedy() {
        assert!(DateFormat::parse("YYYYbMM", None).unwrap_err().to_string().contains("`b` is no part"));
        assert!(DateFormat::parse("YYYY", Some("Berlin")).unwrap_err().to_string().contains("no time zone"));
        assert!(DateFormat::parse("[x", None).is_err());
    }
}
