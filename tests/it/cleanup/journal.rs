//! A journal in memory, which may break.

use std::sync::{Mutex, atomic::AtomicUsize, atomic::Ordering};

use ghcr_lifecycle::{
    model::{JournalEntry, JournalState, JournalStep},
    ports::{Journal, PortError, PortErrorKind, Records},
};

#[derive(Debug)]
pub(super) struct Notes {
    lines: Mutex<Vec<String>>,
    plan: Mutex<String>,
    asked: AtomicUsize,
    /// How many lines can be written.
    room: usize,
}

impl Default for Notes {
    fn default() -> Self {
        Self::with_room(usize::MAX)
    }
}

impl Notes {
    pub(super) fn with_room(room: usize) -> Self {
        Self { lines: Mutex::default(), plan: Mutex::default(), asked: AtomicUsize::new(0), room }
    }

    /// The journal as its file has it.
    pub(super) fn text(&self) -> String {
        self.lines.lock().unwrap().concat()
    }

    /// The plan as its file has it.
    pub(super) fn plan(&self) -> String {
        self.plan.lock().unwrap().clone()
    }

    pub(super) fn entries(&self) -> Vec<JournalEntry> {
        JournalEntry::read_all(&self.text())
    }

    /// The versions whose deletion the journal announces, and those of which it says that they are gone; those that were
    /// restored are none of them.
    pub(super) fn deletions(&self) -> (Vec<u64>, Vec<u64>) {
        let (mut announced, mut gone) = (Vec::new(), Vec::new());
        for entry in self.entries() {
            let Some(id) = entry.id.map(|id| id.number()) else { continue };
            match (entry.step, entry.state) {
                (JournalStep::Delete, JournalState::Intent) => announced.push(id),
                (JournalStep::Delete, JournalState::Done | JournalState::AlreadyGone) => gone.push(id),
                (JournalStep::Restore, JournalState::Done) => {
                    announced.retain(|known| *known != id);
                    gone.retain(|known| *known != id);
                }
                _ => {}
            }
        }
        (announced, gone)
    }

    /// How often somebody tried to write a line after the last one that could be written.
    pub(super) fn refused(&self) -> usize {
        self.asked.load(Ordering::SeqCst).saturating_sub(self.room)
    }
}

impl Journal for Notes {
    fn write(&self, entry: &JournalEntry) -> Result<(), PortError> {
        if self.asked.fetch_add(1, Ordering::SeqCst) >= self.room {
            return Err(PortError::new(PortErrorKind::Unavailable, "write the journal", "no space left on device"));
        }
        self.lines.lock().unwrap().push(format!("{}\n", serde_json::to_string(entry).unwrap()));
        Ok(())
    }
}

impl Records for Notes {
    fn save_plan(&self, document: &str) -> Result<Option<String>, PortError> {
        *self.plan.lock().unwrap() = document.to_owned();
        Ok(None)
    }

    fn save_page(&self, _: impl FnOnce() -> String) -> Result<Option<String>, PortError> {
        Ok(None)
    }

    fn journal_place(&self) -> Option<String> {
        None
    }
}
