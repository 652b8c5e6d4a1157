//! A clean-up carried out: journal first, newer looks in between, and a check at the end. Nothing is decided here but to do less
//! than the plan says.

mod check;
mod outcome;
mod placeholder;
mod untag;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

pub use self::outcome::{Applied, End, Outcome, Refused, Restored};
use crate::{
    model::{Digest, Inventory, JournalEntry, JournalState, JournalStep, Tag, VersionId, journal::PLACEHOLDER},
    policy::{
        cleanup::{CleanupPlan, PlannedUntag, Step},
        verify::{Look, SoFar, allowed},
    },
    ports::{Deletion, Journal, PackagesWriter, PortError, PortErrorKind, RegistryWriter, Run},
};

/// How many requests in a row may fail before the work on a package ends: more of them would change nothing.
const FAILURES: usize = 5;

/// How often something is looked at again because a limit or a failure kept it from being sent in time.
const TRIES: usize = 5;

/// The least and the most time that something may be sent after a look that itself took long.
const LEAST_FRESH: Duration = Duration::from_secs(1);
const MOST_FRESH: Duration = Duration::from_secs(5);

/// Looks at the package again.
pub trait Lookout: Send {
    /// Looks again.
    fn look(&mut self, so_far: SoFar<'_>) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Looks only at where tags are, by the registry's word.
    fn look_at_tags(&mut self, so_far: SoFar<'_>) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Returns what was seen so far.
    fn seen(&self) -> &Look;

    /// Notes that a version will not be deleted.
    fn refused(&mut self, id: VersionId);

    /// Returns those of some manifests that the registry has no more.
    fn missing(&self, digests: BTreeSet<Digest>) -> impl Future<Output = Result<BTreeSet<Digest>, PortError>> + Send;
}

/// Who does it.
#[derive(Debug)]
pub struct Cleaner<'a, P, R, J, U> {
    /// The Packages API.
    pub packages: &'a P,
    /// The registry.
    pub registry: &'a R,
    /// The journal.
    pub journal: &'a J,
    /// The run.
    pub run: &'a U,
}

/// What is to be done to one package.
#[derive(Debug)]
pub struct Work<'a> {
    /// The plan.
    pub plan: &'a CleanupPlan,
    /// The facts that it was made from.
    pub before: &'a Inventory,
    /// Those of its steps that may be carried out, in its order.
    pub steps: Vec<Step>,
    /// When collecting the facts began, by the run's own clock.
    pub looked_at: Duration,
    /// How old a look may be when something is changed.
    pub look_every: Duration,
}

impl<P, R, J, U> Cleaner<'_, P, R, J, U>
where
    P: PackagesWriter,
    R: RegistryWriter,
    J: Journal,
    U: Run,
{
    /// Carries out a plan as far as it goes.
    pub async fn apply<L: Lookout>(&self, work: &Work<'_>, lookout: &mut L) -> Applied {
        let mut sweep = Sweep {
            with: self,
            work,
            lookout,
            applied: Applied::begin(work.plan, &work.steps),
            package: work.plan.image.to_string(),
            allowed_ids: work.steps.iter().filter_map(Step::deleted).collect(),
            allowed_tags: work.steps.iter().flat_map(Step::untagged).cloned().collect(),
            moved: BTreeSet::new(),
            gone: BTreeSet::new(),
            looked_at: work.looked_at,
            look_ended: work.looked_at,
            saw_tags: false,
            failures: 0,
            done: 0,
            has_deleted: false,
        };
        if let Err(end) = sweep.carry_out().await {
            sweep.applied.end = end;
        }
        if sweep.has_deleted && !matches!(sweep.applied.end, End::Interrupted { .. }) {
            sweep.check().await;
        }
        sweep.applied
    }
}

/// A plan on its way.
struct Sweep<'a, P, R, J, U, L> {
    with: &'a Cleaner<'a, P, R, J, U>,
    work: &'a Work<'a>,
    lookout: &'a mut L,
    applied: Applied,
    package: String,
    /// What may still be deleted and taken away, as the last look has it.
    allowed_ids: BTreeSet<VersionId>,
    allowed_tags: BTreeSet<Tag>,
    /// The tags that this run moved.
    moved: BTreeSet<Tag>,
    /// The versions that are gone.
    gone: BTreeSet<VersionId>,
    looked_at: Duration,
    look_ended: Duration,
    /// Whether the registry was asked where the tags are.
    saw_tags: bool,
    /// Requests that failed in a row.
    failures: usize,
    done: usize,
    /// Whether a deletion was sent, so that a kept image may lack something. Taking tags away cannot do that.
    has_deleted: bool,
}

impl<P, R, J, U, L> Sweep<'_, P, R, J, U, L>
where
    P: PackagesWriter,
    R: RegistryWriter,
    J: Journal,
    U: Run,
    L: Lookout,
{
    async fn carry_out(&mut self) -> Result<(), End> {
        for step in &self.work.steps {
            match step {
                Step::Delete(id) => self.delete(*id).await?,
                Step::Untag(tags) => self.untag(tags).await?,
            }
        }
        Ok(())
    }

    /// Says whether a request that changes something may go now, after a newer look if the last one is too old.
    async fn ready(&mut self) -> Result<(), End> {
        let run = self.with.run;
        if let Some(signal) = run.interrupted() {
            return Err(End::Interrupted { signal });
        }
        if run.is_overdue() {
            return Err(End::TimeBudget);
        }
        let is_old = |sweep: &Self| run.elapsed().saturating_sub(sweep.looked_at) >= sweep.work.look_every;
        // GHCR's list of versions lags behind for seconds, so that a tag may be where the plan does not know of it.
        let deletes = self.work.steps.iter().any(|step| step.deleted().is_some());
        if deletes && !self.saw_tags && !is_old(self) {
            self.look(Scope::Tags).await?;
        }
        if is_old(self) {
            self.look(Scope::All).await?;
        }
        Ok(())
    }

    async fn look(&mut self, scope: Scope) -> Result<(), End> {
        let began = self.with.run.elapsed();
        let steps = self.left();
        let so_far = SoFar { steps: &steps, moved: &self.moved, gone: &self.gone };
        let looked = match scope {
            Scope::All => self.lookout.look(so_far).await,
            Scope::Tags => self.lookout.look_at_tags(so_far).await,
        };
        looked.map_err(|error| self.end(error))?;
        self.saw_tags = true;
        if scope == Scope::All {
            self.looked_at = began;
            self.look_ended = self.with.run.elapsed();
        }
        self.narrow();
        Ok(())
    }

    /// Returns for how long the last look is new enough. After one that took longer than that, there is a moment at least.
    fn fresh_for(&self) -> Duration {
        let every = self.work.look_every;
        let least = self.look_ended.saturating_add(every.clamp(LEAST_FRESH, MOST_FRESH));
        self.looked_at.saturating_add(every).max(least).saturating_sub(self.with.run.elapsed())
    }

    /// Returns the steps that are left, as far as they are still allowed.
    fn left(&self) -> Vec<Step> {
        let is_left = |id: &VersionId| self.allowed_ids.contains(id) && !self.gone.contains(id);
        let left = self.work.steps.iter().filter_map(|step| match step {
            Step::Delete(id) => is_left(id).then(|| step.clone()),
            Step::Untag(tags) => {
                let tags: Vec<Tag> = tags
                    .iter()
                    .filter(|tag| self.allowed_tags.contains(*tag) && !self.moved.contains(*tag))
                    .cloned()
                    .collect();
                (!tags.is_empty()).then_some(Step::Untag(tags))
            }
        });
        left.collect()
    }

    /// Takes away from what is allowed what the last look forbids. What was forbidden once stays so.
    fn narrow(&mut self) {
        let steps = allowed(self.work.plan, self.work.before, self.lookout.seen());
        let ids: BTreeSet<VersionId> = steps.iter().filter_map(Step::deleted).collect();
        let tags: BTreeSet<&Tag> = steps.iter().flat_map(Step::untagged).collect();
        self.allowed_ids.retain(|id| ids.contains(id));
        self.allowed_tags.retain(|tag| tags.contains(tag));
    }

    /// Notes that a version stays, so that what it needs stays too.
    fn stays(&mut self, id: VersionId) {
        self.lookout.refused(id);
        self.narrow();
    }

    async fn delete(&mut self, id: VersionId) -> Result<(), End> {
        self.ready().await?;
        self.progress();
        let Some(version) = self.work.plan.version(id).filter(|_| self.allowed_ids.contains(&id)) else {
            self.applied.deletions.insert(id, Outcome::Protected);
            return Ok(());
        };
        let tags: BTreeSet<Tag> = version.tags.iter().map(|decision| decision.tag.clone()).collect();
        let line = Line { step: JournalStep::Delete, id: Some(id), digest: &version.digest, tags: &tags };
        let note = version.is_placeholder.then(|| PLACEHOLDER.to_owned());
        self.write(&line, JournalState::Intent, note.clone())?;
        self.has_deleted = true;
        let (outcome, end) = self.send_deletion(id).await;
        match &outcome {
            Outcome::Done | Outcome::AlreadyGone => {
                self.gone.insert(id);
            }
            _ => self.stays(id),
        }
        let (state, detail) = journalled(&outcome);
        self.applied.deletions.insert(id, outcome);
        self.write(&line, state, detail.or(note))?;
        end.map_or(Ok(()), Err)
    }

    /// Asks for a deletion. If it cannot be sent at once, what is known is too old by then: it is decided anew.
    async fn send_deletion(&mut self, id: VersionId) -> (Outcome, Option<End>) {
        for _ in 0..TRIES {
            match self.with.packages.delete_version(&self.work.plan.image, id, self.fresh_for()).await {
                Ok(deletion) => {
                    if let Some(outcome) = outcome(deletion) {
                        self.failures = 0;
                        return (outcome, None);
                    }
                }
                Err(error) => {
                    let problem = error.to_string();
                    let end = self.failed(error);
                    let is_good = end.as_ref().is_some_and(End::is_good);
                    return (if is_good { Outcome::Remaining } else { Outcome::Failed { problem } }, end);
                }
            }
            if let Err(end) = self.ready().await {
                return (Outcome::Remaining, Some(end));
            }
            if !self.allowed_ids.contains(&id) {
                return (Outcome::Protected, None);
            }
        }
        (Outcome::Remaining, Some(never_in_time()))
    }

    /// Notes a failed request. Returns the end of the work where going on would change nothing.
    fn failed(&mut self, error: PortError) -> Option<End> {
        self.failures += 1;
        match error.kind {
            PortErrorKind::RateLimited | PortErrorKind::Denied | PortErrorKind::NotFound => Some(self.end(error)),
            PortErrorKind::Unavailable if self.failures >= FAILURES => Some(self.end(error)),
            PortErrorKind::Unavailable | PortErrorKind::Malformed | PortErrorKind::Unsupported => None,
        }
    }

    /// Says how the work ends with an error.
    fn end(&self, error: PortError) -> End {
        let run = self.with.run;
        let problem = error.to_string();
        match error.kind {
            PortErrorKind::RateLimited => match run.interrupted() {
                Some(signal) => End::Interrupted { signal },
                None => End::Limit {
                    problem: match error.hint {
                        Some(hint) => format!("{problem}; {hint}"),
                        None => problem,
                    },
                },
            },
            PortErrorKind::NotFound
            | PortErrorKind::Denied
            | PortErrorKind::Unavailable
            | PortErrorKind::Malformed
            | PortErrorKind::Unsupported => End::Failed { problem, hint: error.hint },
        }
    }

    /// Writes a line of the journal. Without a journal nothing may be changed.
    fn write(&self, line: &Line<'_>, state: JournalState, detail: Option<String>) -> Result<(), End> {
        let entry = JournalEntry {
            at: self.with.run.now().to_rfc3339_opts(chrono::SecondsFormat::Secs, true),
            package: self.package.clone(),
            step: line.step,
            id: line.id,
            digest: line.digest.clone(),
            tags: line.tags.clone(),
            state,
            detail,
        };
        self.with.journal.write(&entry).map_err(|error| End::Failed { problem: error.to_string(), hint: error.hint })
    }

    fn progress(&mut self) {
        self.done += 1;
        let all = self.applied.deletions.len() + self.applied.untagging.len();
        self.with.run.progress(&self.package, self.done, all);
    }

    /// Returns the plan's words on tags that are taken away, by tag.
    fn planned(&self) -> BTreeMap<&Tag, &PlannedUntag> {
        self.work.plan.untag.iter().map(|untag| (&untag.tag, untag)).collect()
    }
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scope {
    All,
    Tags,
}

/// What a line of the journal is about.
struct Line<'a> {
    step: JournalStep,
    id: Option<VersionId>,
    digest: &'a Digest,
    tags: &'a BTreeSet<Tag>,
}

/// Returns what became of a deletion; `None` if it has to be decided anew.
fn outcome(deletion: Deletion) -> Option<Outcome> {
    match deletion {
        Deletion::Done => Some(Outcome::Done),
        Deletion::AlreadyGone => Some(Outcome::AlreadyGone),
        Deletion::Refused { why, said } => Some(Outcome::Refused { why, said }),
        Deletion::TooLate => None,
    }
}

fn never_in_time() -> End {
    End::Limit { problem: format!("a deletion could not be sent at once {TRIES} times in a row") }
}

/// Returns what the journal says of an outcome.
fn journalled(outcome: &Outcome) -> (JournalState, Option<String>) {
    match outcome {
        Outcome::Done => (JournalState::Done, None),
        Outcome::AlreadyGone => (JournalState::AlreadyGone, None),
        Outcome::Refused { why: _, said } => (JournalState::Refused, Some(said.clone())),
        Outcome::Failed { problem } => (JournalState::Failed, Some(problem.clone())),
        Outcome::Protected | Outcome::NotInBoth | Outcome::Remaining => {
            (JournalState::Failed, Some("nothing more was sent".to_owned()))
        }
    }
}
