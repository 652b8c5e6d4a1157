//! The clean-up at the end of the demo: the same code that a weekly workflow runs.

use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::text::size;
use crate::{
    app::cleanup::{Cleanup, DryRun, LOOK_EVERY, Sources, World},
    error::Error,
    model::{Digest, ImageName, JournalEntry, RepositoryName, inventory::ManifestFacts},
    policy::{cleanup::MaxDeletions, rules::Policy},
    ports::{Journal, ManifestCache, PackagesWriter, PortError, Records, RegistryWriter, RepositoryReader, Run},
    report::words::count,
};

/// Whom the demo's clean-up asks and tells.
#[derive(Debug)]
pub struct Clients<'a, W, P, S, U> {
    /// The embedded registry.
    pub registry: &'a W,
    /// Its Packages API.
    pub packages: &'a P,
    /// The source repository.
    pub repository: &'a S,
    /// The run.
    pub run: &'a U,
}

/// A journal that lasts as long as the demo.
#[derive(Debug, Default)]
struct Ledger(Mutex<Vec<JournalEntry>>);

impl Journal for Ledger {
    fn write(&self, entry: &JournalEntry) -> Result<(), PortError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry.clone());
        Ok(())
    }
}

impl Records for Ledger {
    fn save_plan(&self, _: &str) -> Result<Option<String>, PortError> {
        Ok(None)
    }

    fn save_page(&self, _: impl FnOnce() -> String) -> Result<Option<String>, PortError> {
        Ok(None)
    }

    fn journal_place(&self) -> Option<String> {
        None
    }
}

/// Nothing is remembered from one run to the next.
struct NoCache;

impl ManifestCache for NoCache {
    fn get(&self, _: &Digest) -> Option<ManifestFacts> {
        None
    }

    fn put(&self, _: &Digest, _: &ManifestFacts) {}
}

/// Cleans up what was published, and returns what a run of mode `cleanup` tells.
///
/// # Errors
/// If the clean-up fails.
pub(super) async fn clean<W, P, S, U>(
    clients: &Clients<'_, W, P, S, U>,
    policy: &Policy,
    images: Vec<ImageName>,
    repository: &RepositoryName,
) -> Result<Value, Error>
where
    W: RegistryWriter,
    P: PackagesWriter,
    S: RepositoryReader,
    U: Run,
{
    let Clients { registry, packages, repository: source, run } = *clients;
    let task = Cleanup {
        mode: "cleanup",
        policy,
        images,
        own_repository: Some(repository),
        now: None,
        closed: None,
        dry_run: DryRun::No,
        // A year without a clean-up leaves more than half behind.
        max_deletions: MaxDeletions::Share(100),
        pace: 0,
        saved: None,
        explain: None,
        look_every: LOOK_EVERY,
    };
    let world = World {
        sources: Sources { packages, registry, repository: source, cache: &NoCache },
        records: &Ledger::default(),
        run,
    };
    let finished = task.run(&world, None).await?;
    match finished.error {
        None => Ok(finished.json),
        Some(error) => Err(error),
    }
}

/// Says what became of it.
pub(super) fn told(done: &Value) -> String {
    let number = |name: &str| usize::try_from(done[name].as_u64().unwrap_or_default()).unwrap_or_default();
    if number("deleted") + number("untagged") == 0 {
        return "\nThen a clean-up ran, as it would every week, and found nothing that the policy lets go.\n"
            .to_owned();
    }
    let tags = match number("untagged") {
        0 => String::new(),
        tags => format!(", and {} taken away from versions that stay", count(tags, "expired tag")),
    };
    format!(
        "\nThen a clean-up ran, as it would every week (`ghcr-lifecycle cleanup --dry-run false`):\n   {} of {} deleted{tags}; {} \
         freed\n   {} stay, and every tag is on a complete image\n",
        number("deleted"),
        count(number("versions"), "version"),
        size(done["freed-bytes"].as_u64().unwrap_or_default()),
        count(number("kept"), "version"),
    )
}
