//! Modes `plan`, `cleanup` and `apply`: what no row keeps is found, told, and retired.

pub mod discover;
mod explain;
mod outdated;
pub mod packages;
pub mod restore;

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::json;

use crate::{
    collect::{
        inventory::{Collected, Wanted, collect},
        look,
    },
    error::Error,
    execute::cleanup::{Applied, Cleaner, End, Lookout, Work},
    model::{Digest, ImageName, Inventory, ManifestReference, RepositoryName, VersionId, untrusted::shown},
    policy::{
        cleanup::{CleanupPlan, MaxDeletions, Step, TooManyDeletions, write_plans},
        metadata::Output,
        movable::Movable,
        rules::Policy,
        verify::{Look, SoFar, shared},
    },
    ports::{
        ManifestCache, PackageFacts, PackagesWriter, PortError, PortErrorKind, Records, RegistryWriter,
        RepositoryReader, Run,
    },
    report::{
        cleanup::{CleanupReport, PackageReport, PackageResult, Problem, explain_json, explain_text},
        words,
    },
};

use super::Finished;

pub use crate::{collect::inventory::Sources, policy::cleanup::SavedPlan, report::cleanup::DryRun};

/// How old a look may be when something is changed.
pub const LOOK_EVERY: Duration = Duration::from_secs(60);

/// What a clean-up is to do.
#[derive(Debug)]
pub struct Cleanup<'a> {
    /// The mode, for the report.
    pub mode: &'static str,
    /// The policy.
    pub policy: &'a Policy,
    /// The packages.
    pub images: Vec<ImageName>,
    /// The source repository of the run, for packages that are linked to none.
    pub own_repository: Option<&'a RepositoryName>,
    /// What takes the place of the API's clock (input `now`).
    pub now: Option<DateTime<Utc>>,
    /// The pull request that was closed, if only its tags are retired.
    pub closed: Option<u64>,
    /// Whether something is changed.
    pub dry_run: DryRun,
    /// How much may be deleted.
    pub max_deletions: MaxDeletions,
    /// Points a minute, for the report.
    pub pace: u32,
    /// The plan that was looked at: only what it contains is done.
    pub saved: Option<SavedPlan>,
    /// What is to be explained, in the place of the whole plan.
    pub explain: Option<ManifestReference>,
    /// How old a look may be when something is changed: [`LOOK_EVERY`].
    pub look_every: Duration,
}

/// What a clean-up works with.
#[derive(Debug)]
pub struct World<'a, P, R, S, C, J, U> {
    /// Whom it asks.
    pub sources: Sources<'a, P, R, S, C>,
    /// Where plan and journal are kept.
    pub records: &'a J,
    /// The run.
    pub run: &'a U,
}

/// Where the files of a run are, as later steps know them.
struct Kept {
    plan: Option<String>,
    journal: Option<String>,
    page: Result<Option<String>, PortError>,
}

/// A package that was planned, and what may be done to it.
struct Ready {
    inventory: Inventory,
    package: Option<PackageFacts>,
    repository: Option<RepositoryName>,
    manifests_read: usize,
    plan: CleanupPlan,
    /// When collecting began, by the run's clock.
    began: Duration,
    too_many: Option<TooManyDeletions>,
}

impl Cleanup<'_> {
    /// Collects, plans and carries out.
    ///
    /// # Errors
    /// If the plan cannot be kept. What goes wrong in one package does not stop the others, and is told at the end.
    pub async fn run<P, R, S, C, J, U>(
        &self,
        world: &World<'_, P, R, S, C, J, U>,
        width: Option<u16>,
    ) -> Result<Finished, Error>
    where
        P: PackagesWriter,
        R: RegistryWriter,
        S: RepositoryReader,
        C: ManifestCache,
        J: Records,
        U: Run,
    {
        let mut planned = Vec::new();
        for image in &self.images {
            planned.push((image, self.plan(world, image).await));
        }
        let plans: Vec<&CleanupPlan> =
            planned.iter().filter_map(|(_, ready)| Some(&ready.as_ref().ok()?.plan)).collect();
        if let Some(what) = &self.explain {
            return self.explained(&plans, what, &planned);
        }
        let outdated = self.saved.as_ref().map(|saved| outdated::outdated(saved, &plans)).unwrap_or_default();
        let document =
            write_plans(plans.iter().copied()).map_err(|error| Error::failed("write the plan").with_source(error))?;
        // Where no package could be planned, the plan of an earlier run that somebody looks at is not written over.
        let nothing_planned = plans.is_empty() && !planned.is_empty();
        let plan_file = if nothing_planned { None } else { world.records.save_plan(&document)? };
        let stops = planned.iter().any(|(_, ready)| ready.as_ref().is_ok_and(|ready| ready.too_many.is_some()));
        let applies = self.dry_run == DryRun::No && !stops;
        let movable = Movable::of(self.policy);
        let mut packages = Vec::new();
        for (image, ready) in planned {
            packages.push(match ready {
                Err(problem) => PackageReport {
                    image: image.to_string(),
                    page: None,
                    settings: None,
                    repository: None,
                    manifests_read: 0,
                    result: Err(problem),
                },
                Ok(ready) => {
                    let applied = if applies { Some(self.apply(world, &ready, &movable).await) } else { None };
                    report(image, ready, applied)
                }
            });
        }
        let report = CleanupReport {
            mode: self.mode,
            policy: self.policy,
            dry_run: self.dry_run,
            closed: self.closed,
            pace: self.pace,
            packages,
        };
        let page = world.records.save_page(|| report.page());
        let files = Kept { plan: plan_file, journal: world.records.journal_place(), page };
        let mut finished = self.finish(&report, width, files);
        finished.warnings.extend(outdated);
        Ok(finished)
    }

    /// Collects the facts of a package and plans; a signal ends that at once, for nothing is changed yet.
    async fn plan<P, R, S, C, J, U>(
        &self,
        world: &World<'_, P, R, S, C, J, U>,
        image: &ImageName,
    ) -> Result<Ready, Problem>
    where
        P: PackagesWriter,
        R: RegistryWriter,
        S: RepositoryReader,
        C: ManifestCache,
        U: Run,
    {
        let ended = |why: &str| Problem {
            message: format!("clean up {image}: {why} before it began"),
            hints: vec!["run it again: nothing was changed".to_owned()],
            is_next_runs: self.dry_run == DryRun::No,
        };
        let interrupted = |signal: &str| Problem { is_next_runs: false, ..ended(&format!("{signal} arrived")) };
        if let Some(signal) = world.run.interrupted() {
            return Err(interrupted(signal));
        }
        if world.run.is_overdue() {
            return Err(ended("the time budget was spent"));
        }
        let began = world.run.elapsed();
        let wanted = Wanted {
            image,
            policy: self.policy,
            own_repository: self.own_repository,
            now: self.now,
            clock: world.run.now(),
            closed: self.closed,
        };
        let collected = tokio::select! {
            collected = collect(&world.sources, &wanted) => collected,
            signal = world.run.interruption() => return Err(interrupted(signal)),
            () = world.run.overdue() => return Err(ended("the time budget was spent")),
        };
        // What a signal kept waiting says so in words of limits.
        if let (Err(_), Some(signal)) = (&collected, world.run.interrupted()) {
            return Err(interrupted(signal));
        }
        let Collected { inventory, package, repository, registry_tags: _, manifests_read, plan } =
            collected.map_err(|error| Problem {
                message: error.to_string(),
                is_next_runs: error.kind == PortErrorKind::RateLimited && self.dry_run == DryRun::No,
                hints: error.hint.into_iter().collect(),
            })?;
        let plan = plan.map_err(|blocked| Problem {
            message: blocked.to_string(),
            hints: vec![blocked.hint()],
            is_next_runs: false,
        })?;
        let too_many = self.max_deletions.check(&plan).err();
        if self.dry_run == DryRun::No && !plan.steps.is_empty() {
            // Tags that were moved onto a placeholder would stay there if its deletion were refused.
            let pushes = plan.steps.iter().any(|step| matches!(step, Step::Untag(_)));
            world.sources.packages.may_change(image, pushes).map_err(|error| Problem {
                message: error.to_string(),
                hints: error.hint.into_iter().collect(),
                is_next_runs: false,
            })?;
        }
        Ok(Ready { inventory, package, repository, manifests_read, plan, began, too_many })
    }

    async fn apply<P, R, S, C, J, U>(
        &self,
        world: &World<'_, P, R, S, C, J, U>,
        ready: &Ready,
        movable: &Movable,
    ) -> Applied
    where
        P: PackagesWriter,
        R: RegistryWriter,
        S: RepositoryReader,
        C: ManifestCache,
        J: Records,
        U: Run,
    {
        let Ready { inventory, repository, plan, began, .. } = ready;
        let steps: Vec<Step> = match &self.saved {
            None => plan.steps.clone(),
            Some(saved) => {
                let name = plan.image.to_string();
                let package = saved.packages.iter().find(|package| package.name == name);
                package.map(|package| shared(plan, package)).unwrap_or_default()
            }
        };
        let work = Work { plan, before: inventory, steps, looked_at: *began, look_every: self.look_every };
        let cleaner = Cleaner {
            packages: world.sources.packages,
            registry: world.sources.registry,
            journal: world.records,
            run: world.run,
        };
        let repository = repository.as_ref();
        let mut lookout = look::Lookout::new(&world.sources, plan, inventory, repository, movable);
        cleaner.apply(&work, &mut lookout).await
    }

    fn finish(&self, report: &CleanupReport<'_>, width: Option<u16>, kept: Kept) -> Finished {
        let Kept { plan, journal, page } = kept;
        let mut error = failure(report);
        let page = page.unwrap_or_else(|problem| {
            // What was done is told all the same.
            error = Some(match error.take() {
                Some(error) => error.with_detail(format!("failed to {problem}")),
                None => problem.into(),
            });
            None
        });
        let files =
            [("plan", "plan-file", plan), ("journal", "journal-file", journal), ("report", "report-file", page)];
        let mut json = report.json();
        if let Some(document) = json.as_object_mut() {
            for (_, name, place) in &files {
                document.insert((*name).to_owned(), json!(place));
            }
        }
        let mut outputs: Vec<Output> =
            report.outputs().into_iter().map(|(name, value)| Output { name, value, file: None }).collect();
        for (_, name, place) in &files {
            outputs.push(Output { name, value: place.clone().unwrap_or_default(), file: None });
        }
        outputs.push(Output { name: "json", value: json.to_string(), file: None });
        let mut text = report.text(width);
        for (what, _, place) in &files {
            if let Some(place) = place {
                text.push_str(&format!("\nThe {what} is in `{place}`."));
            }
        }
        Finished {
            text,
            json,
            outputs,
            is_drop_in: false,
            error,
            summary: report.summary(),
            warnings: report.warnings(),
            notices: report.notices(),
        }
    }

    /// Explains one tag or digest, in whichever packages have it.
    fn explained(
        &self,
        plans: &[&CleanupPlan],
        what: &ManifestReference,
        planned: &[(&ImageName, Result<Ready, Problem>)],
    ) -> Result<Finished, Error> {
        let what = &explain::whole(plans, what)?;
        let texts: Vec<String> = plans.iter().filter_map(|plan| explain_text(plan, self.policy, what)).collect();
        let documents: Vec<serde_json::Value> =
            plans.iter().filter_map(|plan| explain_json(plan, self.policy, what)).collect();
        if texts.is_empty() {
            let mut error = Error::failed(format!("explain `{what}`: no package of this run has it"));
            for (_, ready) in planned {
                if let Err(problem) = ready {
                    error = error.with_detail(format!("failed to {}", problem.message));
                }
            }
            return Err(error.with_hint("name a tag as it is in the registry, or a digest by 6 digits or more"));
        }
        Ok(Finished {
            text: texts.join("\n"),
            json: json!({ "explained": documents }),
            outputs: Vec::new(),
            is_drop_in: false,
            error: None,
            summary: String::new(),
            warnings: Vec::new(),
            notices: Vec::new(),
        })
    }
}

/// Reads the plan that mode `apply` carries out.
///
/// # Errors
/// If it is no plan of this program.
pub fn read_plan(bytes: &[u8], place: &str) -> Result<SavedPlan, Error> {
    SavedPlan::parse(bytes).map_err(|error| {
        Error::input(format!("`{}` is no plan that can be applied", shown(place)))
            .with_source(error)
            .with_hint("name the file that mode `plan` wrote; plans of other versions are made anew")
    })
}

fn report(image: &ImageName, ready: Ready, applied: Option<Applied>) -> PackageReport {
    let Ready { inventory, package, repository, manifests_read, plan, began: _, too_many } = ready;
    let is_plain = |page: &String| {
        let plain = |byte: u8| byte.is_ascii_graphic() && !b"<>()[]\"'`|\\".contains(&byte);
        page.starts_with("https://") && page.bytes().all(plain)
    };
    let (page, settings) = package.map(|package| (package.page, package.settings)).unzip();
    PackageReport {
        image: image.to_string(),
        page: page.filter(is_plain),
        settings: settings.filter(is_plain),
        repository: repository.map(|repository| repository.to_string()),
        manifests_read,
        result: Ok(PackageResult { inventory, plan, too_many, applied }),
    }
}

/// Returns the error that ends the run after everything was told.
fn failure(report: &CleanupReport<'_>) -> Option<Error> {
    let failures = report.failures();
    if failures.is_empty() {
        return None;
    }
    let what = if report.dry_run == DryRun::Plan { "plan the clean-up of" } else { "clean up" };
    let mut error = Error::failed(match report.packages.as_slice() {
        [only] => format!("{what} {}", only.image),
        several => format!("{what} all of {}", words::count(several.len(), "package")),
    });
    for failure in failures {
        error = error.with_detail(failure);
    }
    let hints: BTreeSet<String> =
        report.packages.iter().flat_map(|package| remedies(package, report.dry_run)).collect();
    for hint in hints {
        error = error.with_hint(hint);
    }
    Some(error)
}

fn remedies(package: &PackageReport, dry_run: DryRun) -> Vec<String> {
    match &package.result {
        Err(Problem { is_next_runs: true, .. }) => Vec::new(),
        Err(Problem { message: _, hints, is_next_runs: false }) => hints.clone(),
        Ok(PackageResult { too_many, applied, .. }) => {
            let end = applied.as_ref().map(|applied| &applied.end);
            let hint = if let Some(End::Failed { problem: _, hint }) = end { hint.clone() } else { None };
            let too_many = too_many.as_ref().filter(|_| dry_run == DryRun::No).map(TooManyDeletions::hint);
            hint.into_iter().chain(too_many).collect()
        }
    }
}

impl<P, R, S, C> Lookout for look::Lookout<'_, P, R, S, C>
where
    P: PackagesWriter,
    R: RegistryWriter,
    S: RepositoryReader,
    C: ManifestCache,
{
    async fn look(&mut self, so_far: SoFar<'_>) -> Result<(), PortError> {
        Self::look(self, so_far).await
    }

    async fn look_at_tags(&mut self, so_far: SoFar<'_>) -> Result<(), PortError> {
        Self::look_at_tags(self, so_far).await
    }

    fn seen(&self) -> &Look {
        Self::seen(self)
    }

    fn refused(&mut self, id: VersionId) {
        Self::refused(self, id);
    }

    async fn missing(&self, digests: BTreeSet<Digest>) -> Result<BTreeSet<Digest>, PortError> {
        Self::missing(self, digests).await
    }
}
