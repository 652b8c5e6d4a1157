//! The REST API's rate limits ([documentation](https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api)):
//! the primary one, requests in an hour, and the secondary ones, points in a minute and requests at once. Hours and minutes
//! are those of the sandbox's clock.

use std::collections::BTreeMap;

use super::{Time, Token, TokenKind};

/// An hour, in seconds: the window of the primary limit.
const HOUR: i64 = 3600;

/// A minute, in seconds: the window of the secondary limit.
const MINUTE: i64 = 60;

/// How the limits are applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Whether a spent primary limit refuses requests. If not, the hour begins anew when its budget is spent.
    pub primary: bool,
    /// Requests in an hour, in place of those that a token has by its kind.
    pub primary_budget: Option<u64>,
    /// Points in a minute; `None` for no secondary limit. GitHub's is 900.
    pub secondary_points: Option<u64>,
    /// Requests that may be under way at once; `None` for any number. GitHub's limit is 100. Where there is one, an answer
    /// takes a moment, as GitHub's do: requests that took no time would never meet.
    pub concurrent: Option<usize>,
    /// Whether a secondary refusal says how long to wait: some do.
    pub retry_after: bool,
    /// The status of a refusal: 403 or 429.
    pub status: u16,
    /// Whether answers have the `x-ratelimit` headers: sometimes they are missing.
    pub headers: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            primary: false,
            primary_budget: None,
            secondary_points: None,
            concurrent: None,
            retry_after: true,
            status: 403,
            headers: true,
        }
    }
}

impl Limits {
    /// Applies all limits as GitHub does.
    #[must_use]
    pub fn enforced() -> Self {
        Self { primary: true, secondary_points: Some(900), concurrent: Some(100), ..Self::default() }
    }

    fn budget(&self, token: Option<&Token>) -> u64 {
        self.primary_budget.unwrap_or(match token.map(|token| &token.kind) {
            None => 60,
            Some(TokenKind::Workflow { .. }) => 1_000,
            Some(TokenKind::Classic { .. } | TokenKind::FineGrained { .. }) => 5_000,
        })
    }
}

/// Where a token stands in its hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Requests that the hour allows.
    pub limit: u64,
    /// Requests that were made, refused ones too.
    pub used: u64,
    /// When the next hour begins.
    pub reset: Time,
}

impl Standing {
    /// Returns how many requests are left.
    #[must_use]
    pub fn remaining(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// What a limit says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may pass.
    Pass,
    /// The hour's budget is spent.
    Primary,
    /// The minute's budget is spent; so many seconds of it are left.
    Secondary(i64),
}

#[derive(Clone, Copy, Debug)]
struct Window {
    begin: Time,
    used: u64,
}

impl Window {
    /// Begins anew when its time is over, also when the clock was set back.
    fn current(self, now: Time, seconds: i64) -> Self {
        let age = now.seconds() - self.begin.seconds();
        if (0..seconds).contains(&age) { self } else { Self { begin: now, used: 0 } }
    }
}

/// What was used, by whom.
#[derive(Clone, Debug, Default)]
pub struct Limiter {
    hours: BTreeMap<String, Window>,
    minutes: BTreeMap<String, Window>,
}

impl Limiter {
    /// Counts a request and says whether it may pass. `writes` makes it count five points, and one that is `free` does
    /// not count to the hour.
    pub fn count(
        &mut self,
        limits: &Limits,
        token: Option<&Token>,
        now: Time,
        Cost { writes, free }: Cost,
    ) -> (Verdict, Standing) {
        let holder = token.map_or_else(String::new, Token::limited_as);
        let limit = limits.budget(token);
        let fresh = Window { begin: now, used: 0 };
        let hour = self.hours.entry(holder.clone()).or_insert(fresh);
        *hour = hour.current(now, HOUR);
        if !limits.primary && hour.used >= limit {
            *hour = fresh;
        }
        let mut verdict = Verdict::Pass;
        if !free {
            hour.used += 1;
            if limits.primary && hour.used > limit {
                verdict = Verdict::Primary;
            }
        }
        let standing = Standing { limit, used: hour.used, reset: hour.begin.plus_seconds(HOUR) };
        if let Some(most) = limits.secondary_points {
            let minute = self.minutes.entry(holder).or_insert(fresh);
            *minute = minute.current(now, MINUTE);
            minute.used += if writes { 5 } else { 1 };
            if minute.used > most && verdict == Verdict::Pass {
                let left = MINUTE - (now.seconds() - minute.begin.seconds());
                verdict = Verdict::Secondary(left.max(1));
            }
        }
        (verdict, standing)
    }

    /// Forgets what was used.
    pub fn clear(&mut self) {
        self.hours.clear();
        self.minutes.clear();
    }

    /// Makes it so that a token has only `remaining` requests left in this hour.
    pub fn set_remaining(&mut self, limits: &Limits, token: &Token, now: Time, remaining: u64) {
        let used = limits.budget(Some(token)).saturating_sub(remaining);
        self.hours.insert(token.limited_as(), Window { begin: now, used });
    }
}

/// What a request costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Whether it is none of GET, HEAD and OPTIONS.
    pub writes: bool,
    /// Whether the primary limit does not count it.
    pub free: bool,
}
