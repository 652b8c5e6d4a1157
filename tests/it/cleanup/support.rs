//! A package in the embedded registry that is put back as it was before each try, and clean-ups of it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ghcr_lifecycle::{
    adapters::{
        http::{HttpClient, HttpOptions, RetryPolicy},
        manifest_cache::FileCache,
        packages::Packages,
        registry::{CredentialOptions, RegistryClient},
        repository::Repositories,
        rest::{Api, ApiOptions},
        runner::ThisRun,
    },
    app::{
        Finished,
        cleanup::{Cleanup, DryRun, SavedPlan, Sources, World, read_plan, restore},
    },
    execute::restore::Restorer,
    model::{ImageName, Secret, TokenKind},
    policy::{cleanup::MaxDeletions, config, rules::Policy},
    ports::{Records, Run},
    sandbox::{
        Control, Fault, FaultEffect, Sandbox, State, options::Habits, requests::RequestInfo, state::limits::Limits,
    },
};
use tokio::sync::Notify;

use super::{
    journal::Notes,
    package::{Contents, Named, POLICY, contents, placeholders},
};
use crate::sandbox::{
    api::{PACKAGE, acme},
    support::{TOKEN, install_provider},
};

/// A look before each change.
pub(super) const ALWAYS: Duration = Duration::ZERO;

/// One look while collecting, as in a run that takes less than a minute.
pub(super) const ONCE: Duration = Duration::from_secs(60);

pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    pub(super) named: Named,
    pub(super) image: ImageName,
    policy: Policy,
    /// The registry as it is before each try.
    start: State,
    before: Contents,
    clients: [HttpClient; 2],
}

/// Whose request it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    A,
    B,
}

impl Stage {
    pub(super) async fn new(fill: impl FnOnce(&Control) -> Named) -> Self {
        Self::with_policy(POLICY, fill).await
    }

    pub(super) async fn with_policy(rows: &str, fill: impl FnOnce(&Control) -> Named) -> Self {
        install_provider();
        let sandbox = acme().await;
        // Hundreds of runs share it, in one hour of its clock.
        sandbox.set_limits(Limits { primary_budget: Some(100_000_000), ..Limits::default() });
        let named = fill(&sandbox);
        let start = sandbox.state();
        let before = contents(&sandbox);
        let image: ImageName = format!("{}/{PACKAGE}", sandbox.host()).parse().unwrap();
        let retry = RetryPolicy {
            attempts: 3,
            first_delay: Duration::from_millis(1),
            longest_delay: Duration::from_millis(2),
            ..RetryPolicy::default()
        };
        let client = |name: &str| {
            let user_agent = format!("ghcr-lifecycle/0 ({name})");
            HttpClient::new(&HttpOptions { user_agent, retry, ..HttpOptions::default() }).unwrap()
        };
        let policy = config::parse(&format!("version: 1\nimages: [{image}]\n{rows}")).unwrap();
        Self { sandbox, named, image, policy, start, before, clients: [client("a"), client("b")] }
    }

    /// Puts everything back as it was, as far as a registry can differ in what nobody knows of GHCR.
    pub(super) fn reset(&self, habits: Habits) {
        self.sandbox.clear_hook();
        self.sandbox.clear_faults();
        self.sandbox.change(|state| {
            *state = self.start.clone();
            state.set_habits(habits);
        });
        self.sandbox.clear_requests();
    }

    /// What the package holds before each try, without what a crashed run had left in it.
    pub(super) fn before(&self) -> Contents {
        let crashed = self.sandbox.change(|state| std::mem::replace(state, self.start.clone()));
        let ours = placeholders(&self.sandbox);
        self.sandbox.change(|state| *state = crashed);
        self.before.iter().filter(|(id, _)| !ours.contains_key(id)).map(|(id, it)| (*id, it.clone())).collect()
    }

    fn api(&self, who: Who, options: ApiOptions) -> (Packages, Repositories, RegistryClient) {
        let http = &self.clients[who as usize];
        let url = format!("http://{}", self.sandbox.host());
        let secret = Secret::new(TOKEN).unwrap();
        let api = Api::new(http.below(&url.parse().unwrap()).clone(), &url, Some(&secret), options).unwrap();
        let credentials = CredentialOptions {
            github_token: Some(secret),
            ghcr_host: self.sandbox.host(),
            ..CredentialOptions::default()
        };
        let registry = RegistryClient::new(http.clone(), credentials);
        (Packages::new(api.clone(), "https://github.com", TokenKind::Classic), Repositories::new(api), registry)
    }

    /// Cleans up.
    pub(super) async fn clean(&self, who: Who, look_every: Duration, journal: &impl Records) -> Finished {
        self.clean_with(who, look_every, journal, &ThisRun::start(None, false), None, options()).await
    }

    /// Says what a clean-up would do, as mode `apply` reads it.
    pub(super) async fn plan(&self) -> SavedPlan {
        let journal = Notes::default();
        self.run(Who::A, ONCE, &journal, &ThisRun::start(None, false), None, options(), DryRun::Plan).await;
        read_plan(journal.plan().as_bytes(), "plan.json").unwrap()
    }

    pub(super) async fn clean_with(
        &self,
        who: Who,
        look_every: Duration,
        journal: &impl Records,
        run: &impl Run,
        saved: Option<SavedPlan>,
        options: ApiOptions,
    ) -> Finished {
        self.run(who, look_every, journal, run, saved, options, DryRun::No).await
    }

    #[expect(clippy::too_many_arguments, reason = "each test varies another one")]
    async fn run(
        &self,
        who: Who,
        look_every: Duration,
        journal: &impl Records,
        run: &impl Run,
        saved: Option<SavedPlan>,
        options: ApiOptions,
        dry_run: DryRun,
    ) -> Finished {
        let (packages, repositories, registry) = self.api(who, options);
        let cache = FileCache::open(None);
        let task = Cleanup {
            mode: "cleanup",
            policy: &self.policy,
            images: vec![self.image.clone()],
            own_repository: None,
            now: None,
            closed: None,
            dry_run,
            max_deletions: MaxDeletions::Share(100),
            pace: 0,
            saved,
            explain: None,
            look_every,
        };
        let sources = Sources { packages: &packages, registry: &registry, repository: &repositories, cache: &cache };
        task.run(&World { sources, records: journal, run }, None).await.unwrap()
    }

    /// Undoes what journals say, one after the other in one text. Returns what that run writes into its own.
    pub(super) async fn restore(&self, text: &str) -> (Finished, Notes) {
        let notes = Notes::default();
        let plans = restore::of_journal(text.as_bytes(), "journal.jsonl", &self.sandbox.host()).unwrap();
        let (packages, _, registry) = self.api(Who::A, options());
        let run = ThisRun::start(None, false);
        let restorer = Restorer { packages: &packages, registry: &registry, journal: &notes, run: &run };
        let finished = restore::restore(&restorer, &plans, false).await;
        (finished, notes)
    }

    /// Panics unless every tag of the package can be pulled whole.
    pub(super) fn check_whole(&self, what: &str) {
        let incomplete = self.sandbox.incomplete(PACKAGE);
        assert!(incomplete.is_empty(), "{what}: {incomplete:?}\n{}", self.requests());
    }

    /// The numbers of the versions that were there before a try and are gone.
    pub(super) fn gone(&self) -> Vec<u64> {
        let now = contents(&self.sandbox);
        self.before.keys().filter(|id| !now.contains_key(id)).copied().collect()
    }

    /// The requests since the last reset, with the names that tests have for versions.
    pub(super) fn requests(&self) -> String {
        let line = |request: &RequestInfo| {
            let client = request.client.as_deref().unwrap_or("?");
            let mut path = request.path.replace(PACKAGE, "…");
            if let Some((head, id)) = request.path.split_once("/versions/") {
                let (number, tail) = id.split_once('/').unwrap_or((id, ""));
                let name = number.parse().map_or_else(|_| number.to_owned(), |id| self.named.name(id));
                path = format!("{head}/versions/{name} {tail}");
            }
            format!("  {client} {} {path}\n", request.method)
        };
        self.sandbox.requests().iter().map(line).collect()
    }
}

/// How clients retry here: as often, without the waits.
pub(super) fn options() -> ApiOptions {
    ApiOptions {
        pace: 0,
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(1500),
        ..ApiOptions::default()
    }
}

/// How a run is cut at a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// The connection breaks before the request has an effect.
    Dropped,
    /// It breaks after it.
    AnswerLost,
    /// The request takes effect, and the answer says otherwise.
    LateError,
    /// From this request on nothing gets through.
    Down,
    /// The request takes effect, its answer is lost, and from then on nothing gets through.
    DownAfter,
    /// The request takes effect, and this and all answers from then on say otherwise.
    FailingAfter,
    /// The process dies, and the request has no effect.
    Killed,
    /// The process dies after the request has taken effect.
    KilledAfter,
}

impl Cut {
    fn effect(self, number: usize, at: usize) -> Option<FaultEffect> {
        let error = || FaultEffect::LateStatus { code: 500, body: r#"{"message":"Server Error"}"#.to_owned() };
        let refusal =
            || FaultEffect::Status { code: 500, body: r#"{"message":"Server Error"}"#.to_owned(), headers: Vec::new() };
        if number < at {
            return None;
        }
        let is_first = number == at;
        match self {
            Self::Dropped => is_first.then_some(FaultEffect::DropConnection),
            Self::AnswerLost => is_first.then_some(FaultEffect::LoseAnswer),
            Self::LateError => is_first.then(error),
            Self::Down | Self::Killed => Some(FaultEffect::DropConnection),
            Self::DownAfter | Self::KilledAfter => {
                Some(if is_first { FaultEffect::LoseAnswer } else { FaultEffect::DropConnection })
            }
            Self::FailingAfter => Some(if is_first { error() } else { refusal() }),
        }
    }

    /// The request at whose arrival the process is gone.
    fn dies_at(self, at: usize) -> Option<usize> {
        match self {
            Self::Killed => Some(at),
            // By then the one before has taken effect.
            Self::KilledAfter => Some(at + 1),
            _ => None,
        }
    }

    /// Cleans up, cut at a request; tells whether the run came to an end of its own.
    pub(super) async fn run(self, stage: &Stage, at: usize, look_every: Duration, journal: &Notes) -> Option<Finished> {
        let count = AtomicUsize::new(0);
        let dead = Arc::new(Notify::new());
        let (control, bell) = (stage.sandbox.control(), Arc::clone(&dead));
        stage.sandbox.on_request(move |_| {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            if let Some(effect) = self.effect(number, at) {
                control.fault(Fault::once(effect));
            }
            if self.dies_at(at) == Some(number) {
                bell.notify_one();
            }
            std::future::ready(())
        });
        let finished = tokio::select! {
            finished = stage.clean(Who::A, look_every, journal) => Some(finished),
            () = dead.notified() => None,
        };
        stage.sandbox.clear_hook();
        stage.sandbox.clear_faults();
        finished
    }
}

/// How many requests lie between two that are tried: what a usual run can afford, or none (GHCR_LIFECYCLE_EVERY_REQUEST), which
/// takes minutes.
pub(super) fn stride_of(usual: usize) -> usize {
    if std::env::var_os("GHCR_LIFECYCLE_EVERY_REQUEST").is_some() { 1 } else { usual }
}
