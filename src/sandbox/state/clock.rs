//! The sandbox's own time: the machine's until somebody sets it, and then standing still or running on from there.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike as _, SecondsFormat, TimeDelta, Timelike as _, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment; its text is GitHub's, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(DateTime<Utc>);

impl Time {
    /// Returns the seconds since 1970.
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.timestamp()
    }

    /// Returns the moment as a `chrono` type.
    #[must_use]
    pub fn date_time(self) -> DateTime<Utc> {
        self.0
    }

    /// Returns the moment some seconds later; the end of time stays the end of time.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        let span = TimeDelta::try_seconds(seconds).unwrap_or(TimeDelta::MAX);
        let edge = if seconds < 0 { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        Self(self.0.checked_add_signed(span).unwrap_or(edge))
    }

    /// Writes it as HTTP's `Date` header does.
    #[must_use]
    pub fn http_date(self) -> String {
        self.0.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }
}

impl From<DateTime<Utc>> for Time {
    fn from(time: DateTime<Utc>) -> Self {
        Self(time)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (time, mut text) = (self.0, *b"0000-00-00T00:00:00Z");
        if !(0..=9999).contains(&time.year()) {
            return formatter.write_str(&time.to_rfc3339_opts(SecondsFormat::Secs, true));
        }
        // Lists have thousands of them; chrono makes a text of its own first.
        let (year, parts) =
            (time.year().unsigned_abs(), [time.month(), time.day(), time.hour(), time.minute(), time.second()]);
        let mut put = |at: usize, number: u32| {
            for (place, digit) in [number / 10 % 10, number % 10].into_iter().enumerate() {
                text[at + place] += u8::try_from(digit).unwrap_or_default();
            }
        };
        put(0, year / 100);
        put(2, year % 100);
        for (at, part) in [5, 8, 11, 14, 17].into_iter().zip(parts) {
            put(at, part);
        }
        formatter.write_str(str::from_utf8(&text).unwrap_or_default())
    }
}

impl FromStr for Time {
    type Err = chrono::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        DateTime::parse_from_rfc3339(text).map(|time| Self(time.with_timezone(&Utc)))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Where the sandbox's time comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// The machine's clock.
    #[default]
    Real,
    /// A time that stands still.
    Frozen(Time),
    /// The machine's clock, moved by some milliseconds.
    Shifted(i64),
}

impl Clock {
    /// Returns the time.
    #[must_use]
    pub fn now(self) -> Time {
        match self {
            Self::Real => machine_time(),
            Self::Frozen(time) => time,
            Self::Shifted(milliseconds) => {
                let now = machine_time();
                let span = TimeDelta::milliseconds(milliseconds);
                Time(now.0.checked_add_signed(span).unwrap_or(now.0))
            }
        }
    }

    /// Makes a clock that says `time` now and runs on.
    #[must_use]
    pub fn running_from(time: Time) -> Self {
        let span = time.0 - machine_time().0;
        let milliseconds = span.num_milliseconds();
        // Rounded up: it must not say an earlier time than it was set to.
        Self::Shifted(milliseconds + i64::from(TimeDelta::milliseconds(milliseconds) < span))
    }
}

#[expect(clippy::disallowed_methods, reason = "the sandbox is a world of its own, with a clock")]
fn machine_time() -> Time {
    Time(std::time::SystemTime::now().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_s_text_is_github_s() {
        for text in ["2026-03-01T12:34:56Z", "1970-01-01T00:00:00Z", "0000-12-31T23:59:59Z", "9999-10-20T01:02:03Z"] {
            assert_eq!(text.parse::<Time>().unwrap_or_else(|error| panic!("{error}: {text}")).to_string(), text);
        }
        assert_eq!(
            "2026-03-01T12:34:56.999+01:00".parse::<Time>().map(|time| time.to_string()).ok().as_deref(),
            Some("2026-03-01T11:34:56Z")
        );
        assert!(Time::from(DateTime::<Utc>::MAX_UTC).to_string().starts_with('+'));
    }
}
