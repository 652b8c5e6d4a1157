//! The registry's own rate limits, with the denials that GHCR words.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use hyper::{Method, StatusCode};

use super::answer::Answer;
use crate::sandbox::RegistryLimits;

const MINUTE: Duration = Duration::from_secs(60);

/// When each kind of request would have been used up at its rate: the one number that a leaky bucket needs.
#[derive(Default)]
pub(in crate::sandbox) struct RegistryLimiter {
    reads: Mutex<Option<Instant>>,
    writes: Mutex<Option<Instant>>,
}

impl RegistryLimiter {
    /// Counts a request, or refuses it; a refused one does not count.
    pub(super) fn admit(&self, limits: &RegistryLimits, method: &Method) -> Result<(), Answer> {
        let RegistryLimits { reads_per_minute, writes_per_minute, burst } = *limits;
        let (used_up, per_minute) = match *method {
            Method::GET | Method::HEAD => (&self.reads, reads_per_minute),
            _ => (&self.writes, writes_per_minute),
        };
        let mut used_up = used_up.lock().unwrap_or_else(PoisonError::into_inner);
        take(&mut used_up, Instant::now(), per_minute, burst).map_err(|wait| {
            let message = format!("retry-after: {}, allowed: {per_minute}/minute", go_duration(wait));
            Answer::error(StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS", &message)
        })
    }
}

/// Takes one request out of the bucket, or says how long to wait for it.
fn take(used_up: &mut Option<Instant>, now: Instant, per_minute: u32, burst: u32) -> Result<(), Duration> {
    let each = MINUTE / per_minute.max(1);
    let start = used_up.map_or(now, |time| time.max(now));
    let wait = (start - now).saturating_sub(each * burst.max(1).saturating_sub(1));
    if wait > Duration::ZERO {
        return Err(wait);
    }
    *used_up = Some(start + each);
    Ok(())
}

/// Writes a duration as Go does, which is how GHCR gives it.
fn go_duration(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos();
    let (unit, name) = match nanoseconds {
        0..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let fraction = format!("{:09}", (nanoseconds % unit) * (1_000_000_000 / unit));
    match fraction.trim_end_matches('0') {
        "" => format!("{}{name}", nanoseconds / unit),
        fraction => format!("{}.{fraction}{name}", nanoseconds / unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_fills_at_its_rate() {
        let (mut used_up, start) = (None, Instant::now());
        let mut at = |milliseconds| take(&mut used_up, start + Duration::from_millis(milliseconds), 600, 2);
        assert_eq!((at(0), at(0)), (Ok(()), Ok(())));
        assert_eq!(at(0), Err(Duration::from_millis(100)));
        assert_eq!(at(40), Err(Duration::from_millis(60)));
        assert_eq!((at(100), at(100)), (Ok(()), Err(Duration::from_millis(100))));
        assert_eq!((at(9000), at(9000)), (Ok(()), Ok(())));
        assert!(at(9000).is_err());
    }

    #[test]
    fn durations_look_like_go() {
        for (nanoseconds, text) in
            [(0, "0ns"), (999, "999ns"), (1500, "1.5µs"), (12_500_000, "12.5ms"), (1_000_000_000, "1s")]
        {
            assert_eq!(go_duration(Duration::from_nanos(nanoseconds)), text);
        }
    }
}
