//! The sandbox's own time: the machine's until somebody sets it, and then standing still or running on from there.

use std::{fmt, str::FromStr};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
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
        formatter.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Secs, true))
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
