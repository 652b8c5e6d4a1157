//! GitHub's rate limits in its answers
//! (<https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>): 403 or 429, told apart from missing
//! rights by headers and wording.

use std::time::{Duration, SystemTime};

use chrono::{DateTime, Utc};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::ports::RateLimit;

/// What GitHub asks to wait at least where it says no time.
const SECONDARY_WAIT: Duration = Duration::from_secs(60);

/// Returns when the API answered, by its own clock if it said so.
pub(super) fn answered_at(headers: &HeaderMap) -> DateTime<Utc> {
    let text = headers.get(DATE).and_then(|value| value.to_str().ok());
    text.and_then(|text| DateTime::parse_from_rfc2822(text.trim()).ok())
        .map_or_else(|| DateTime::<Utc>::from(SystemTime::now()), |date| date.to_utc())
}

fn number(headers: &HeaderMap, name: &str) -> Option<i64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

/// Reads what is left of the hour, and how long it goes on. Other resources than `core` have budgets of their own.
pub(super) fn standing(headers: &HeaderMap) -> Option<(RateLimit, Duration)> {
    if headers.get("x-ratelimit-resource").is_some_and(|resource| resource.as_bytes() != b"core") {
        return None;
    }
    let unsigned = |name| number(headers, name).and_then(|number| u64::try_from(number).ok());
    let (limit, remaining) = (unsigned("x-ratelimit-limit")?, unsigned("x-ratelimit-remaining")?);
    let reset = DateTime::from_timestamp(number(headers, "x-ratelimit-reset")?, 0)?;
    Some((RateLimit { limit, remaining, reset }, until(reset, headers)))
}

/// A moment that has passed, as after a long listing, is no wait.
fn until(moment: DateTime<Utc>, headers: &HeaderMap) -> Duration {
    (moment - answered_at(headers)).to_std().unwrap_or_default()
}

/// Returns how long a refusal asks to wait; `None` if it is about something else than limits. `denials` is how many came
/// before it to the same request.
pub(super) fn asked_wait(status: u16, headers: &HeaderMap, message: &str, denials: u32) -> Option<Duration> {
    if !matches!(status, 403 | 429) {
        return None;
    }
    let after = number(headers, RETRY_AFTER.as_str()).map(|seconds| seconds.try_into().unwrap_or(0_u64));
    let spent = number(headers, "x-ratelimit-remaining") == Some(0);
    let lower = message.to_lowercase();
    let is_worded = lower.contains("rate limit") || lower.contains("abuse detection");
    if status == 403 && after.is_none() && !spent && !is_worded {
        return None;
    }
    let reset = number(headers, "x-ratelimit-reset").filter(|_| spent);
    Some(match (after, reset.and_then(|seconds| DateTime::from_timestamp(seconds, 0))) {
        (Some(seconds), _) => Duration::from_secs(seconds),
        // Resets are whole seconds, and their clock is not ours.
        (None, Some(reset)) => until(reset, headers) + Duration::from_secs(1),
        (None, None) => SECONDARY_WAIT.saturating_mul(2_u32.saturating_pow(denials)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn limits_are_told_apart_from_missing_rights() {
        let wait = |status, pairs: &[(&'static str, &'static str)], message: &str, denials| {
            asked_wait(status, &headers(pairs), message, denials).map(|wait| wait.as_secs())
        };
        let left = ("x-ratelimit-remaining", "12");
        assert_eq!(wait(403, &[left], "Resource not accessible by integration", 0), None);
        assert_eq!(wait(404, &[("retry-after", "3")], "Not Found", 0), None);
        assert_eq!(wait(403, &[left], "You have exceeded a secondary rate limit.", 0), Some(60));
        assert_eq!(wait(403, &[left], "You have triggered an abuse detection mechanism", 1), Some(120));
        assert_eq!(wait(429, &[], "", 0), Some(60));
        assert_eq!(wait(429, &[("retry-after", "7"), left], "", 0), Some(7));
        assert_eq!(wait(403, &[("retry-after", "-7")], "", 0), Some(0));
        let date = ("date", "Thu, 01 Jan 1970 00:00:10 GMT");
        let spent = ("x-ratelimit-remaining", "0");
        assert_eq!(wait(403, &[date, spent, ("x-ratelimit-reset", "25")], "", 0), Some(16));
        assert_eq!(wait(403, &[date, spent, ("x-ratelimit-reset", "5")], "", 0), Some(1), "the hour is over already");
    }

    #[test]
    fn a_standing_needs_all_three_headers() {
        let all = [("x-ratelimit-limit", "1000"), ("x-ratelimit-remaining", "7"), ("x-ratelimit-reset", "25")];
        let date = ("date", "Thu, 01 Jan 1970 00:00:10 GMT");
        let (limit, wait) = standing(&headers(&[&all[..], &[date]].concat())).unwrap();
        assert_eq!((limit.limit, limit.remaining, wait.as_secs()), (1000, 7, 15));
        assert!(standing(&headers(&all[..2])).is_none());
        assert!(standing(&headers(&[&all[..], &[("x-ratelimit-resource", "search")]].concat())).is_none());
    }
}
