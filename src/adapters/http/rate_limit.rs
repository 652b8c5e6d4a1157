//! How long a server asks us to wait: by header, or in its own words.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// Returns the server's idea of now, else ours: waiting times given as dates are the server's.
pub(super) fn now(headers: &HeaderMap) -> DateTime<Utc> {
    headers
        .get(DATE)
        .and_then(|value| value.to_str().ok())
        .and_then(http_date)
        .unwrap_or_else(|| DateTime::<Utc>::from(SystemTime::now()))
}

fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text.trim()).ok().map(|date| date.to_utc())
}

/// Returns the wait that an answer asks for: `Retry-After` (seconds or a date), the end of a spent GitHub rate limit, or
/// GHCR's words inside the body.
pub(super) fn asked_wait(headers: &HeaderMap, body: &[u8]) -> Option<Duration> {
    retry_after(headers).or_else(|| spent_limit(headers)).or_else(|| wording(&String::from_utf8_lossy(body)))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = http_date(text)?;
    // A date that has passed asks for no wait.
    Some((until - now(headers)).to_std().unwrap_or_default())
}

/// GitHub's `x-ratelimit-*` headers: <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>.
fn spent_limit(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    if number("x-ratelimit-remaining")? != 0 {
        return None;
    }
    let reset = DateTime::<Utc>::from_timestamp(number("x-ratelimit-reset")?, 0)?;
    Some((reset - now(headers)).to_std().unwrap_or_default())
}

/// Finds GHCR's `retry-after: 12.5ms, allowed: 2000/minute`, whose value is a Go duration.
fn wording(body: &str) -> Option<Duration> {
    let lower = body.to_lowercase();
    let (_, rest) = lower.split_once("retry-after:")?;
    go_duration(rest.trim_start())
}

fn go_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    let mut found = false;
    loop {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        if digits == 0 {
            return found.then_some(total);
        }
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let (unit, seconds) = [
            ("ns", 1e-9),
            ("us", 1e-6),
            ("µs", 1e-6),
            ("μs", 1e-6),
            ("ms", 1e-3),
            ("s", 1.0),
            ("m", 60.0),
            ("h", 3600.0),
        ]
        .into_iter()
        .find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        total = total.checked_add(Duration::try_from_secs_f64(number * seconds).ok()?)?;
        found = true;
    }
}

/// Tells whether a refusal is GitHub's secondary rate limit, which also comes through GHCR as a 403.
pub(super) fn is_secondary_limit(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body).to_lowercase();
    text.contains("secondary rate limit") || text.contains("abuse detection")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn ghcr_says_its_wait_as_a_go_duration() {
        let body = |text: &str| {
            format!(
                r#"{{"errors":[{{"code":"TOOMANYREQUESTS","message":"retry-after: {text}, allowed: 2000/minute"}}]}}"#
            )
        };
        for (text, micros) in [
            ("12.5ms", 12_500),
            ("850µs", 850),
            ("1.5s", 1_500_000),
            ("1m2s", 62_000_000),
            ("7us", 7),
            ("2m", 120_000_000),
        ] {
            assert_eq!(asked_wait(&headers(&[]), body(text).as_bytes()), Some(Duration::from_micros(micros)), "{text}");
        }
        for text in ["soon", "", "12", "1..2s", "-5s", "5 s"] {
            assert_eq!(asked_wait(&headers(&[]), body(text).as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_against_the_servers_clock() {
        assert_eq!(asked_wait(&headers(&[("retry-after", "7")]), b""), Some(Duration::from_secs(7)));
        let dated =
            headers(&[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")]);
        assert_eq!(asked_wait(&dated, b""), Some(Duration::from_secs(30)));
        let passed =
            headers(&[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", "Sun, 06 Nov 1994 08:40:00 GMT")]);
        assert_eq!(asked_wait(&passed, b""), Some(Duration::ZERO));
    }

    #[test]
    fn a_spent_limit_waits_for_its_reset_and_an_unspent_one_does_not() {
        let spent = headers(&[
            ("date", "Thu, 01 Jan 1970 00:00:10 GMT"),
            ("x-ratelimit-remaining", "0"),
            ("x-ratelimit-reset", "25"),
        ]);
        assert_eq!(asked_wait(&spent, b""), Some(Duration::from_secs(15)));
        assert_eq!(asked_wait(&headers(&[("x-ratelimit-remaining", "3"), ("x-ratelimit-reset", "25")]), b""), None);
    }
}
