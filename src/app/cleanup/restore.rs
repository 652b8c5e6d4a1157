//! Mode `restore`: undoes a clean-up.

use std::collections::{BTreeMap, BTreeSet};

pub use crate::execute::restore::Restorer;

use crate::{
    app::Finished,
    error::Error,
    model::{ImageName, JournalEntry, VersionId, untrusted::shown},
    policy::{
        metadata::Output,
        restore::{RestorePlan, plan_restore, restore_versions},
    },
    ports::{PackagesWriter, Records, RegistryWriter, Run},
    report::restore::RestoreReport,
};

/// Reads what is to be brought back from a journal or a saved log.
///
/// # Errors
/// If there is no line of a journal in it, or one names no package at `ghcr_host`.
pub fn of_journal(text: &[u8], place: &str, ghcr_host: &str) -> Result<BTreeMap<ImageName, RestorePlan>, Error> {
    let entries = JournalEntry::read_all(&String::from_utf8_lossy(text));
    if entries.is_empty() {
        return Err(Error::input(format!("`{}` holds no line of a journal", shown(place)))
            .with_hint("name the file in output `journal-file` of the clean-up, or the saved log of its job"));
    }
    let mut plans = BTreeMap::new();
    for (package, plan) in plan_restore(&entries) {
        let image: ImageName = package.parse().map_err(|_| {
            Error::input(format!("`{}` names the package `{}`, which is no image", shown(place), shown(&package)))
        })?;
        if image.registry() != ghcr_host {
            return Err(Error::input(format!(
                "`{}` is the journal of {image}, and packages are at `{ghcr_host}`",
                shown(place)
            ))
            .with_hint(format!("set `ghcr-host: {}`", image.registry())));
        }
        plans.insert(image, plan);
    }
    Ok(plans)
}

/// Says what is to be brought back where only numbers are known.
#[must_use]
pub fn of_versions(image: ImageName, versions: &BTreeSet<VersionId>) -> BTreeMap<ImageName, RestorePlan> {
    BTreeMap::from([(image, restore_versions(versions))])
}

/// Brings it back, or with `dry_run` only says what that is.
pub async fn restore<P, R, J, U>(
    restorer: &Restorer<'_, P, R, J, U>,
    plans: &BTreeMap<ImageName, RestorePlan>,
    dry_run: bool,
) -> Finished
where
    P: PackagesWriter,
    R: RegistryWriter,
    J: Records,
    U: Run,
{
    let mut report = RestoreReport { packages: Vec::new(), dry_run };
    for (image, plan) in plans {
        let done = if dry_run { None } else { Some(restorer.restore(image, plan).await) };
        report.packages.push((image.to_string(), plan.clone(), done));
    }
    let failed = report.failed();
    let error = (failed > 0).then(|| {
        Error::failed("bring everything back, as told above").with_hint("run it again: what is back stays so")
    });
    let outputs = [("restored", report.restored()), ("failed", failed)];
    Finished {
        text: report.text(),
        json: report.json(),
        outputs: outputs.map(|(name, count)| Output { name, value: count.to_string(), file: None }).into(),
        is_drop_in: false,
        error,
        summary: report.summary(),
        warnings: Vec::new(),
        notices: Vec::new(),
    }
}
