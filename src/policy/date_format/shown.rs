//! What a text shows of a time, read back token by token.

use chrono::{DateTime, Datelike, Months, NaiveDate, TimeZone, Utc, Weekday};
use chrono_tz::Tz;

use super::{Piece, Token};
use crate::policy::inversion::dashed;

/// The parts of a time that were read.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    year: Option<i64>,
    quarter: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    week_year: Option<i64>,
    week: Option<i64>,
    hour: Option<i64>,
    half_hour: Option<i64>,
    afternoon: bool,
    minute: Option<i64>,
    second: Option<i64>,
    millisecond: Option<i64>,
    instant: Option<i64>,
}

impl Shown {
    /// Reads the pieces from the whole text; tries the longest form of each token first.
    pub(super) fn read(&mut self, pieces: &[Piece], text: &str) -> bool {
        let Some((piece, rest)) = pieces.split_first() else { return text.is_empty() };
        let token = match piece {
            Piece::Literal(literal) => {
                let literal = dashed(literal);
                return text.strip_prefix(literal.as_str()).is_some_and(|text| self.read(rest, text));
            }
            Piece::Token(token) => *token,
        };
        let (shortest, longest) = length(token);
        for length in (shortest..=longest.min(text.len())).rev() {
            let Some((head, tail)) = text.split_at_checked(length) else { continue };
            let before = self.clone();
            if self.take(token, head) && self.read(rest, tail) {
                return true;
            }
            *self = before;
        }
        false
    }

    fn take(&mut self, token: Token, text: &str) -> bool {
        let named = |wanted: &dyn Fn(NaiveDate) -> String| {
            let months = (1..=12).filter_map(|month| NaiveDate::from_ymd_opt(2001, month, 1));
            months.into_iter().find(|date| wanted(*date) == text).map(|date| i64::from(date.month()))
        };
        let number = || text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>().ok()).flatten();
        let (field, value) = match token {
            Token::Year4 => (&mut self.year, number()),
            Token::Year2 => (&mut self.year, number().map(|year| 2000 + year)),
            Token::MonthName => (&mut self.month, named(&|date| date.format("%B").to_string())),
            Token::MonthShort => (&mut self.month, named(&|date| date.format("%b").to_string())),
            Token::Month2 | Token::Month1 => (&mut self.month, number()),
            Token::DayOfYear3 | Token::DayOfYear1 => (&mut self.day_of_year, number()),
            Token::Day2 | Token::Day1 => (&mut self.day, number()),
            // The date says it already.
            Token::WeekdayName | Token::WeekdayShort => return text.bytes().all(|byte| byte.is_ascii_alphabetic()),
            Token::WeekYear => (&mut self.week_year, number()),
            Token::Week2 | Token::Week1 => (&mut self.week, number()),
            Token::Quarter => (&mut self.quarter, number()),
            Token::Hour2 | Token::Hour1 => (&mut self.hour, number()),
            Token::HalfHour2 | Token::HalfHour1 => (&mut self.half_hour, number()),
            Token::Minute2 | Token::Minute1 => (&mut self.minute, number()),
            Token::Second2 | Token::Second1 => (&mut self.second, number()),
            Token::Millisecond => (&mut self.millisecond, number()),
            Token::UpperHalf | Token::LowerHalf => {
                self.afternoon = text.eq_ignore_ascii_case("PM");
                return self.afternoon || text.eq_ignore_ascii_case("AM");
            }
            Token::Milliseconds => (&mut self.instant, number()),
            Token::Seconds => (&mut self.instant, number().and_then(|seconds| seconds.checked_mul(1000))),
        };
        let most = match token {
            Token::Month2 | Token::Month1 => 12,
            Token::Day2 | Token::Day1 => 31,
            _ => i64::MAX,
        };
        // Shown twice, it is the same both times.
        let agrees = value.is_some_and(|value| value <= most && field.is_none_or(|known| known == value));
        *field = value;
        agrees
    }

    /// Returns the first instant that shows this.
    pub(super) fn begin(&self, zone: Tz) -> Option<DateTime<Utc>> {
        if let Some(instant) = self.instant {
            return DateTime::from_timestamp_millis(instant);
        }
        let small = |value: i64| u32::try_from(value).ok();
        let part = |value: Option<i64>, otherwise: u32| value.map_or(Some(otherwise), small);
        let date = match (self.year, self.week_year) {
            (Some(year), _) => {
                let year = i32::try_from(year).ok()?;
                match (self.day_of_year, self.month, self.quarter) {
                    (Some(day), ..) => NaiveDate::from_yo_opt(year, small(day)?)?,
                    (None, None, Some(quarter)) => {
                        NaiveDate::from_ymd_opt(year, 1, part(self.day, 1)?)?
                            + Months::new(small(quarter)?.checked_sub(1)?.checked_mul(3)?)
                    }
                    (None, month, _) => NaiveDate::from_ymd_opt(year, part(month, 1)?, part(self.day, 1)?)?,
                }
            }
            (None, Some(year)) => {
                NaiveDate::from_isoywd_opt(i32::try_from(year).ok()?, part(self.week, 1)?, Weekday::Mon)?
            }
            (None, None) => return None,
        };
        let hour = match (self.hour, self.half_hour) {
            (Some(hour), _) => small(hour)?,
            (None, Some(hour)) => small(hour)? % 12 + if self.afternoon { 12 } else { 0 },
            (None, None) => 0,
        };
        let (minute, second) = (part(self.minute, 0)?, part(self.second, 0)?);
        let time = date.and_hms_milli_opt(hour, minute, second, part(self.millisecond, 0)?)?;
        // An hour that a change of clocks left out begins when the next one does.
        let shifted = || zone.from_local_datetime(&(time + chrono::TimeDelta::hours(1))).earliest();
        let local = zone.from_local_datetime(&time).earliest().or_else(shifted)?;
        Some(local.with_timezone(&Utc))
    }
}

/// The least and the most characters that a token shows.
fn length(token: Token) -> (usize, usize) {
    match token {
        Token::Year4 | Token::WeekYear => (4, 4),
        Token::Year2
        | Token::Month2
        | Token::Day2
        | Token::Week2
        | Token::Hour2
        | Token::HalfHour2
        | Token::Minute2
        | Token::Second2
        | Token::UpperHalf
        | Token::LowerHalf => (2, 2),
        Token::MonthName => (3, 9),
        Token::MonthShort | Token::WeekdayShort | Token::DayOfYear3 | Token::Millisecond => (3, 3),
        Token::Month1
        | Token::Day1
        | Token::Week1
        | Token::Hour1
        | Token::HalfHour1
        | Token::Minute1
        | Token::Second1 => (1, 2),
        Token::DayOfYear1 => (1, 3),
        Token::WeekdayName => (6, 9),
        Token::Quarter => (1, 1),
        Token::Milliseconds | Token::Seconds => (1, 16),
    }
}
