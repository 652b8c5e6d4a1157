//! What a clean-up leaves behind: its plan, and its journal as a file of JSON Lines. In a workflow each line of the journal goes
//! to the log as well: a cancelled job loses its files, and keeps its log.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use super::files::write_failed;
use crate::{
    model::JournalEntry,
    ports::{Journal, PortError, Records},
};

/// What begins a line of the log that is a line of the journal.
const MARK: &str = "journal";

/// A journal, made when its first line is written.
#[derive(Debug)]
pub struct JournalFile {
    path: PathBuf,
    /// Whether the log gets each line too.
    is_logged: bool,
    file: Mutex<Option<File>>,
}

impl JournalFile {
    /// Prepares a journal. Lines are added to a file that exists.
    #[must_use]
    pub fn at(path: &Path, is_logged: bool) -> Self {
        Self { path: path.to_owned(), is_logged, file: Mutex::new(None) }
    }

    /// Tells whether a line was written.
    #[must_use]
    pub fn is_begun(&self) -> bool {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    fn append(&self, line: &str) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match file.as_mut() {
            Some(open) => open,
            None => file.insert(self.open()?),
        };
        open.write_all(line.as_bytes())?;
        open.sync_data()
    }

    fn open(&self) -> io::Result<File> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let mut file = OpenOptions::new().create(true).append(true).read(true).open(&self.path)?;
        // What a crash cut off must not swallow the next line.
        if !ends_a_line(&file)? {
            file.write_all(b"\n")?;
        }
        // The file's name has to outlive the machine as well.
        File::open(folder)?.sync_all()?;
        Ok(file)
    }
}

fn ends_a_line(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::FileExt as _;
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if length > 0 && file.metadata()?.is_file() {
        file.read_exact_at(&mut last, length - 1)?;
    }
    Ok(last == *b"\n")
}

impl Journal for JournalFile {
    fn write(&self, entry: &JournalEntry) -> Result<(), PortError> {
        const WHAT: &str = "write the journal";
        let mut line = serde_json::to_string(entry).map_err(|error| write_failed(WHAT, io::Error::other(error)))?;
        line.push('\n');
        self.append(&line).map_err(|error| {
            write_failed(WHAT, error)
                .with_hint("without a journal nothing is deleted: make room, or name another `journal-file`")
        })?;
        if self.is_logged {
            // The line begins with a word, so that it is no workflow command.
            let _ = write!(io::stderr(), "{MARK} {line}");
        }
        Ok(())
    }
}

/// Where a run keeps its records.
#[derive(Debug)]
pub struct RecordFiles {
    /// The file of the plan, and its path as later steps know it; none if nobody wants it.
    pub plan: Option<(PathBuf, String)>,
    /// The file of the page for people, and its path as later steps know it; none if nobody wants it.
    pub page: Option<(PathBuf, String)>,
    /// The journal.
    pub journal: JournalFile,
    /// Its path as later steps know it.
    pub journal_place: String,
}

impl Journal for RecordFiles {
    fn write(&self, entry: &JournalEntry) -> Result<(), PortError> {
        self.journal.write(entry)
    }
}

impl Records for RecordFiles {
    fn save_plan(&self, document: &str) -> Result<Option<String>, PortError> {
        let Some((path, place)) = &self.plan else { return Ok(None) };
        write(path, document).map_err(|error| write_failed("write the plan", error))?;
        Ok(Some(place.clone()))
    }

    fn save_page(&self, render: impl FnOnce() -> String) -> Result<Option<String>, PortError> {
        let Some((path, place)) = &self.page else { return Ok(None) };
        write(path, &render()).map_err(|error| {
            write_failed("write the report", error).with_hint("name another `report-file`, or make room")
        })?;
        Ok(Some(place.clone()))
    }

    fn journal_place(&self) -> Option<String> {
        self.journal.is_begun().then(|| self.journal_place.clone())
    }
}

/// Writes a file, and the folders that it is in.
fn write(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Digest, JournalState, JournalStep};

    #[test]
    fn lines_are_added_even_after_a_crash_in_the_middle_of_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/journal.jsonl");
        let entry = JournalEntry {
            at: "2026-03-01T00:00:00Z".to_owned(),
            package: "ghcr.io/acme/shop".to_owned(),
            step: JournalStep::Delete,
            id: Some(crate::model::VersionId::new(7)),
            digest: Digest::of(b"7"),
            tags: ["v1".parse().unwrap()].into(),
            state: JournalState::Intent,
            detail: None,
        };
        let journal = JournalFile::at(&path, false);
        assert!(!journal.is_begun() && !path.exists());
        journal.write(&entry).unwrap();
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"at").unwrap();
        JournalFile::at(&path, false).write(&entry).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[1]), (3, "{\"at"));
        assert_eq!(serde_json::from_str::<JournalEntry>(lines[2]).unwrap(), entry);
    }
}
