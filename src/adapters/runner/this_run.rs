//! The run itself: its clocks, the signal that ended it, what it shows on the way.

use std::{
    convert::Infallible,
    io::{self, IsTerminal as _, Write as _},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::{adapters::registry::Transfers, ports::Run};

/// Columns of the bar on a terminal.
const WIDTH: usize = 40;

/// How often the bar of transfers is drawn.
const REDRAW: Duration = Duration::from_millis(200);

/// This run. Clones would be other runs: it is lent.
#[derive(Debug)]
pub struct ThisRun {
    began: Instant,
    time_budget: Option<Duration>,
    stop: CancellationToken,
    signal: OnceLock<&'static str>,
    ends_by_itself: AtomicBool,
    /// Whether somebody looks on at a terminal.
    is_watched: bool,
}

impl ThisRun {
    /// Starts a run; `is_watched` tells whether progress is drawn where standard error is a terminal.
    #[must_use]
    pub fn start(time_budget: Option<Duration>, is_watched: bool) -> Self {
        Self {
            began: Instant::now(),
            time_budget,
            stop: CancellationToken::new(),
            signal: OnceLock::new(),
            ends_by_itself: AtomicBool::new(false),
            is_watched: is_watched && io::stderr().is_terminal(),
        }
    }

    /// Notes that the work heeds a signal by itself, and ends in good order.
    pub fn end_by_itself(&self) {
        self.ends_by_itself.store(true, Ordering::Relaxed);
    }

    /// Tells whether the work heeds a signal by itself.
    #[must_use]
    pub fn ends_by_itself(&self) -> bool {
        self.ends_by_itself.load(Ordering::Relaxed)
    }

    /// Asks for the run's end.
    pub fn interrupt(&self, signal: &'static str) {
        let _ = self.signal.set(signal);
        self.stop.cancel();
    }

    /// Returns what is cancelled once the run is to end.
    #[must_use]
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Draws how far the transfers are, until the future is dropped.
    pub async fn show_transfers(&self, transfers: &Transfers) -> Infallible {
        if !self.is_watched {
            return std::future::pending().await;
        }
        transfers.watch();
        loop {
            tokio::time::sleep(REDRAW).await;
            let (done, expected) = transfers.progress();
            // What takes no time needs no bar.
            if expected > 0 {
                let _ = write!(io::stderr(), "\r\x1b[K{}", transfer_line(done, expected));
            }
        }
    }

    /// Takes away what was drawn.
    pub fn clear_line(&self) {
        if self.is_watched {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }

    /// Returns when the time of the run is over.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.time_budget.and_then(|budget| self.began.checked_add(budget))
    }
}

impl Run for ThisRun {
    fn now(&self) -> DateTime<Utc> {
        DateTime::<Utc>::from(SystemTime::now())
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn interrupted(&self) -> Option<&'static str> {
        self.signal.get().copied()
    }

    async fn interruption(&self) -> &'static str {
        self.stop.cancelled().await;
        self.interrupted().unwrap_or("a signal")
    }

    fn is_overdue(&self) -> bool {
        self.time_budget.is_some_and(|budget| self.began.elapsed() >= budget)
    }

    async fn overdue(&self) {
        match self.time_budget {
            Some(budget) => tokio::time::sleep(budget.saturating_sub(self.began.elapsed())).await,
            None => std::future::pending().await,
        }
    }

    fn unique(&self) -> String {
        let mut random = [0; 16];
        // Without random bytes the time has to do.
        if getrandom::fill(&mut random).is_err() {
            random = self.now().timestamp_nanos_opt().map_or([0; 16], |nanos| i128::from(nanos).to_be_bytes());
        }
        random.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn progress(&self, package: &str, done: usize, all: usize) {
        if !self.is_watched {
            return;
        }
        let _ = write!(io::stderr(), "\r\x1b[K{} {done} of {all} steps · {package}", bar(done as u64, all as u64));
    }
}

impl Drop for ThisRun {
    /// Leaves nothing of the bar.
    fn drop(&mut self) {
        self.clear_line();
    }
}

fn bar(done: u64, all: u64) -> String {
    // In 128 bits, for gigabytes times columns.
    let filled = WIDTH as u128 * u128::from(done.min(all)) / u128::from(all.max(1));
    let filled = usize::try_from(filled).unwrap_or(WIDTH);
    format!("{}{}", "█".repeat(filled), "░".repeat(WIDTH - filled))
}

fn transfer_line(done: u64, expected: u64) -> String {
    let megabytes = |bytes: u64| format!("{:.1}", bytes as f64 / 1e6);
    format!("{} {} of {} MB", bar(done, expected), megabytes(done), megabytes(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_full_at_the_end_only() {
        assert_eq!(bar(0, 10), "░".repeat(WIDTH));
        assert!(bar(u64::MAX - 1, u64::MAX).ends_with('░'));
        assert!(bar(999, 1000).ends_with('░'));
        assert_eq!(bar(10, 10), "█".repeat(WIDTH));
        assert_eq!(bar(0, 0), "░".repeat(WIDTH));
    }

    #[test]
    fn transfers_are_told_in_megabytes() {
        let line = transfer_line(1_234_567, 2_000_000_000);
        assert!(line.ends_with("░ 1.2 of 2000.0 MB"), "{line}");
    }
}
