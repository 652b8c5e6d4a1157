//! What was asked so far: the points of the last minute, the requests of the run, and what the API says is left.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::ports::RateLimit;

/// The window of GitHub's points, with a second for clocks and connections that do not keep time.
const WINDOW: Duration = Duration::from_secs(61);

/// Counts requests, and says when the next may go.
#[derive(Debug)]
pub(super) struct Meter {
    /// Points a minute; 0 for any number.
    pace: u32,
    /// Requests that the run may still make.
    budget: Option<u64>,
    /// Requests of the hour that are left to others.
    reserve: u64,
    recent: VecDeque<(Instant, u32)>,
    points: u32,
    pub(super) limit: Option<RateLimit>,
    /// When the hour that `limit` speaks of is over, by our clock.
    reset: Option<Instant>,
    /// Nothing is sent before: the API said so.
    paused: Option<Instant>,
}

/// Whether a request may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    /// It may, and is counted.
    Now,
    /// Not before this long, to stay below the points of a minute.
    Paced(Duration),
    /// Not before this long: the API said so.
    Limited(Duration),
    /// The run has made all requests that it may.
    BudgetSpent,
}

/// Whether an hour has too few requests left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shortage {
    /// It has enough, as far as is known.
    None,
    /// It has too few; the next one has enough.
    Until(Duration),
    /// No hour has enough.
    Ever { limit: u64 },
}

impl Meter {
    pub(super) fn new(pace: u32, budget: Option<u64>, reserve: u64) -> Self {
        Self { pace, budget, reserve, recent: VecDeque::new(), points: 0, limit: None, reset: None, paused: None }
    }

    /// Asks for a request that costs so many points.
    pub(super) fn admit(&mut self, now: Instant, cost: u32) -> Admission {
        if self.budget == Some(0) {
            return Admission::BudgetSpent;
        }
        let until = |moment: Option<Instant>| moment.and_then(|moment| moment.checked_duration_since(now));
        if let Some(wait) = until(self.paused).filter(|wait| !wait.is_zero()) {
            return Admission::Limited(wait);
        }
        // Without a word on what is left (headers are missing at times), nothing is known to be spent.
        let spent = self.limit.is_some_and(|limit| limit.remaining <= self.reserve);
        if let Some(wait) = until(self.reset).filter(|wait| spent && !wait.is_zero()) {
            return Admission::Limited(wait);
        }
        while let Some(&(sent, points)) = self.recent.front() {
            if now.duration_since(sent) < WINDOW {
                break;
            }
            self.points -= points;
            self.recent.pop_front();
        }
        if self.pace > 0 && self.points > 0 && self.points + cost > self.pace {
            let oldest = self.recent.front().map_or(now, |(sent, _)| *sent);
            return Admission::Paced(WINDOW.saturating_sub(now.duration_since(oldest)));
        }
        if self.pace > 0 {
            self.recent.push_back((now, cost));
            self.points += cost;
        }
        if let Some(budget) = &mut self.budget {
            *budget -= 1;
        }
        if let Some(limit) = &mut self.limit {
            limit.remaining = limit.remaining.saturating_sub(1);
        }
        Admission::Now
    }

    /// Tells whether the hour has so many requests left.
    pub(super) fn shortage(&self, now: Instant, requests: u64) -> Shortage {
        let Some(limit) = self.limit else { return Shortage::None };
        if requests > limit.limit.saturating_sub(self.reserve) {
            return Shortage::Ever { limit: limit.limit };
        }
        let until_reset = self.reset.and_then(|reset| reset.checked_duration_since(now));
        match until_reset.filter(|wait| !wait.is_zero()) {
            Some(wait) if requests > limit.remaining.saturating_sub(self.reserve) => Shortage::Until(wait),
            Some(_) | None => Shortage::None,
        }
    }

    /// Learns what an answer says is left; `until_reset` is how long the hour goes on.
    pub(super) fn learn(&mut self, now: Instant, limit: RateLimit, until_reset: Duration) {
        // Answers overtake each other: within an hour, the least that was said to be left is the newest word.
        let same_hour = self.limit.filter(|known| known.reset == limit.reset && known.limit == limit.limit);
        let remaining = same_hour.map_or(limit.remaining, |known| known.remaining.min(limit.remaining));
        self.limit = Some(RateLimit { remaining, ..limit });
        self.reset = now.checked_add(until_reset);
    }

    /// Lets nothing go for so long.
    pub(super) fn pause(&mut self, now: Instant, wait: Duration) {
        let until = now.checked_add(wait);
        self.paused = self.paused.max(until);
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn no_minute_has_more_points_than_the_pace() {
        let (begin, mut meter) = (Instant::now(), Meter::new(10, None, 0));
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        assert_eq!([meter.admit(at(0), 5), meter.admit(at(1), 1), meter.admit(at(2), 1)], [Admission::Now; 3]);
        assert_eq!(meter.admit(at(3), 5), Admission::Paced(Duration::from_secs(58)));
        assert_eq!(meter.admit(at(3), 3), Admission::Now);
        assert_eq!(meter.admit(at(61), 5), Admission::Now);
        assert_eq!(meter.admit(at(61), 1), Admission::Paced(Duration::from_secs(1)));
    }

    #[test]
    fn a_request_that_costs_more_than_the_pace_goes_alone() {
        let (now, mut meter) = (Instant::now(), Meter::new(1, None, 0));
        assert_eq!(meter.admit(now, 5), Admission::Now);
        assert!(matches!(meter.admit(now, 1), Admission::Paced(_)));
    }

    #[test]
    fn no_pace_is_no_wait_and_a_budget_ends() {
        let (now, mut meter) = (Instant::now(), Meter::new(0, Some(2000), 0));
        assert!((0..2000).all(|_| meter.admit(now, 5) == Admission::Now));
        assert_eq!(meter.admit(now, 1), Admission::BudgetSpent);
    }

    #[test]
    fn a_spent_hour_is_waited_for_and_a_reserve_is_left() {
        let (now, mut meter) = (Instant::now(), Meter::new(900, None, 10));
        let reset = DateTime::from_timestamp(1000, 0).unwrap();
        let hour = Duration::from_secs(100);
        meter.learn(now, RateLimit { limit: 1000, remaining: 11, reset }, hour);
        assert_eq!(meter.shortage(now, 1), Shortage::None);
        assert_eq!(meter.shortage(now, 2), Shortage::Until(hour));
        assert_eq!(meter.shortage(now + hour, 990), Shortage::None);
        assert_eq!(meter.shortage(now, 991), Shortage::Ever { limit: 1000 });
        assert_eq!(meter.admit(now, 1), Admission::Now);
        assert_eq!(meter.admit(now, 1), Admission::Limited(hour));
        // An answer that was overtaken does not bring anything back.
        meter.learn(now, RateLimit { limit: 1000, remaining: 12, reset }, hour);
        assert_eq!(meter.admit(now, 1), Admission::Limited(hour));
        assert_eq!(meter.admit(now + hour, 1), Admission::Now);
    }
}
