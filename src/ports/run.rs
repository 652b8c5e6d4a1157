//! What a run that changes something needs beside the things that it changes: a journal, clocks, and a word when to stop.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::PortError;
use crate::model::JournalEntry;

/// Keeps the journal of a run.
pub trait Journal: Sync {
    /// Writes a line. When this returns, the line outlives the machine.
    ///
    /// # Errors
    /// If it cannot be written: then nothing may be changed any more.
    fn write(&self, entry: &JournalEntry) -> Result<(), PortError>;
}

/// Keeps what a run leaves for those who come after it.
pub trait Records: Journal {
    /// Keeps the plan, in the place of an earlier one. Returns where it is, as later steps know it; `None` if nobody wants it.
    ///
    /// # Errors
    /// If it cannot be written.
    fn save_plan(&self, document: &str) -> Result<Option<String>, PortError>;

    /// Keeps the page for people, in the place of an earlier one, if somebody wants it: `render` makes it. Returns where it is,
    /// as later steps know it.
    ///
    /// # Errors
    /// If it cannot be written.
    fn save_page(&self, render: impl FnOnce() -> String) -> Result<Option<String>, PortError>;

    /// Returns where the journal is, as later steps know it; `None` if there is none.
    fn journal_place(&self) -> Option<String>;
}

/// The run itself: its clocks, who wants it to end, who looks on.
pub trait Run: Sync {
    /// Returns the time, for the journal.
    fn now(&self) -> DateTime<Utc>;

    /// Returns how long the run has gone on, by a clock that nobody sets.
    fn elapsed(&self) -> Duration;

    /// Returns the signal that asked for the run's end, if one did.
    fn interrupted(&self) -> Option<&'static str>;

    /// Returns once a signal asked for the run's end.
    fn interruption(&self) -> impl Future<Output = &'static str> + Send;

    /// Returns whether the time of the run is over (input `time-budget`).
    fn is_overdue(&self) -> bool;

    /// Returns once the time of the run is over; never, if it may take any time.
    fn overdue(&self) -> impl Future<Output = ()> + Send;

    /// Returns a text that no run has returned before.
    fn unique(&self) -> String;

    /// Shows how far the work on a package is.
    fn progress(&self, package: &str, done: usize, all: usize);
}
