//! How much is to be sent and how much has been, for those who watch.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The transfers of a client, in bytes. What is there already counts as sent.
#[derive(Debug, Default)]
pub struct Transfers {
    expected: AtomicU64,
    done: AtomicU64,
    is_watched: AtomicBool,
}

impl Transfers {
    /// Returns how many bytes have been sent, and how many there are in all.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let expected = self.expected.load(Ordering::Relaxed);
        (self.done.load(Ordering::Relaxed).min(expected), expected)
    }

    /// Notes that somebody is shown [`Transfers::progress`]: then single transfers are not logged.
    pub fn watch(&self) {
        self.is_watched.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_watched(&self) -> bool {
        self.is_watched.load(Ordering::Relaxed)
    }

    pub(super) fn expect(&self, bytes: u64) {
        self.expected.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn done(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::Relaxed);
    }

    /// What was sent in vain is sent again.
    pub(super) fn lost(&self, bytes: u64) {
        self.done.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_lost_is_not_done() {
        let transfers = Transfers::default();
        transfers.expect(10);
        transfers.done(7);
        transfers.lost(7);
        transfers.done(4);
        assert_eq!(transfers.progress(), (4, 10));
    }

    #[test]
    fn what_nobody_expected_is_not_more_than_all() {
        let transfers = Transfers::default();
        transfers.done(7);
        assert_eq!(transfers.progress(), (0, 0));
    }
}
