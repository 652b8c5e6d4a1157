//! Wires the modes that are about packages: clients with their limits, records, the choice of packages.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use ghcr_lifecycle::{
    adapters::{
        http::HttpClient,
        manifest_cache::FileCache,
        packages::Packages,
        registry::RegistryClient,
        repository::Repositories,
        rest::{Api, ApiOptions},
        runner::{
            self, ThisRun,
            records::{JournalFile, RecordFiles},
            temporary::TemporaryFolder,
        },
    },
    app::{
        self, Finished,
        cleanup::{self, Cleanup, DryRun, SavedPlan, Sources, World, restore::Restorer},
        rules::Rules,
    },
    error::Error,
    event::Context,
    inputs::{Inputs, Mode, Rows, is_loopback_host},
};

use crate::{
    images::{credentials, server_url},
    workspace, wrong_input,
};

/// The modes' clients.
struct Clients {
    packages: Packages,
    repositories: Repositories,
    registry: RegistryClient,
}

/// Tells whether a run changes packages: then the policy must be the default branch's.
pub(crate) fn changes_packages(inputs: &Inputs, context: &Context) -> bool {
    match dry_run(inputs, context) {
        Some(DryRun::No) => true,
        Some(DryRun::Plan | DryRun::ByDefault | DryRun::Asked) | None => false,
    }
}

/// Tells whether the run is a fork's pull request that was closed and may change nothing: that is said before anything is
/// asked for.
pub(crate) fn is_powerless(inputs: &Inputs, context: &Context) -> bool {
    inputs.mode == Mode::Auto
        && inputs.rows() == Rows::None
        && changes_packages(inputs, context)
        && context.is_of_fork()
}

/// Says whether a clean-up changes anything; `None` if the run is none.
fn dry_run(inputs: &Inputs, context: &Context) -> Option<DryRun> {
    let asked = inputs.cleanup.dry_run;
    let is_closed = inputs.mode == Mode::Auto && context.closed_pull_request().is_some();
    match inputs.mode {
        Mode::Plan => Some(DryRun::Plan),
        Mode::Apply => Some(DryRun::No),
        Mode::Cleanup => Some(by_default(asked)),
        Mode::Auto if is_closed => Some(by_default(asked)),
        _ => None,
    }
}

const fn by_default(asked: Option<bool>) -> DryRun {
    match asked {
        Some(false) => DryRun::No,
        Some(true) => DryRun::Asked,
        None => DryRun::ByDefault,
    }
}

fn clients(
    inputs: &Inputs,
    variables: &BTreeMap<String, String>,
    http: HttpClient,
    run: &ThisRun,
) -> Result<Clients, Error> {
    let Some(token) = &inputs.github_token else {
        return Err(Error::input("clean-ups need a token for GitHub's API").with_hint(if inputs.under_actions {
            "pass `github-token: ${{ github.token }}`, and grant `packages: write` to the job (`read` for `plan`)"
        } else {
            "set GITHUB_TOKEN to a classic token with the scopes `read:packages`, `write:packages` and `delete:packages`"
        }));
    };
    let host = inputs.api_url.split("://").nth(1).unwrap_or_default().split('/').next().unwrap_or_default();
    if is_loopback_host(&inputs.ghcr_host) && !is_loopback_host(host) {
        return Err(Error::input(format!(
            "`ghcr-host` is {}, on this machine, and the API is {}, which is not",
            inputs.ghcr_host, inputs.api_url
        ))
        .with_hint(format!("set GITHUB_API_URL=http://{}, where a sandbox has its API", inputs.ghcr_host)));
    }
    let address = inputs.api_url.parse().map_err(|_| Error::input("GITHUB_API_URL is no address"))?;
    let options = ApiOptions {
        pace: inputs.cleanup.pace,
        request_budget: inputs.cleanup.request_budget,
        reserve: inputs.cleanup.reserve,
        longest_wait: Duration::MAX,
        deadline: run.deadline(),
        ..ApiOptions::default()
    };
    let api = Api::new(http.below(&address).clone(), &inputs.api_url, Some(token), options)?.stopped_by(run.stop());
    Ok(Clients {
        packages: Packages::new(api.clone(), server_url(variables), inputs.token_kind()),
        repositories: Repositories::new(api),
        registry: RegistryClient::new(http, credentials(inputs, variables)?),
    })
}

/// Makes the client of the Packages API alone.
#[cfg(feature = "sandbox")]
pub(crate) fn packages(
    inputs: &Inputs,
    variables: &BTreeMap<String, String>,
    http: HttpClient,
    run: &ThisRun,
) -> Result<Packages, Error> {
    clients(inputs, variables, http, run).map(|clients| clients.packages)
}

/// Runs a mode that is about packages, under a policy.
pub(crate) async fn clean(
    inputs: &Inputs,
    variables: &BTreeMap<String, String>,
    run: &ThisRun,
    rules: &Rules,
    context: &Context,
    http: HttpClient,
) -> Result<Finished, Error> {
    let width = crate::width(inputs, variables);
    if inputs.mode == Mode::Auto
        && inputs.cleanup.packages.is_empty()
        && !rules.policy.images.iter().any(|image| image.registry() == inputs.ghcr_host)
    {
        return Ok(app::nothing_to_retire(&inputs.ghcr_host));
    }
    crate::doctor::warn_of_token(inputs, variables, context);
    let Clients { packages, repositories, registry } = clients(inputs, variables, http, run)?;
    let images =
        cleanup::packages::choose(&rules.policy, &inputs.ghcr_host, &inputs.cleanup.packages, &packages, run).await?;
    let Some(dry_run) = dry_run(inputs, context) else { return Ok(cleanup::discover::discover(&images)) };
    if inputs.now.is_some() && inputs.mode != Mode::Plan && !images.iter().all(|image| image.is_loopback()) {
        return Err(Error::input(
            "input `now` sets another time than the clock's, and a package is not on this machine",
        )
        .with_hint("`now` is for mode `plan`, and for registries on 127.0.0.1"));
    }
    let closed = if inputs.mode == Mode::Auto { context.closed_pull_request() } else { None };
    if inputs.mode == Mode::Apply && inputs.cleanup.dry_run == Some(true) {
        return Err(Error::input("mode `apply` carries a plan out, and `dry-run` is `true`")
            .with_hint("`plan` says what would go, and changes nothing"));
    }
    let saved = match inputs.mode {
        Mode::Apply => Some(saved_plan(inputs)?),
        _ => None,
    };
    let cache_folder = inputs.cleanup.cache_dir.as_ref().map(|folder| workspace(inputs).join(folder));
    let cache = FileCache::open(cache_folder.as_deref());
    let records = records(inputs, variables, dry_run)?;
    let task = Cleanup {
        mode: match inputs.mode {
            Mode::Plan => "plan",
            Mode::Apply => "apply",
            _ => "cleanup",
        },
        policy: &rules.policy,
        images,
        own_repository: context.repository.as_ref(),
        now: inputs.now,
        closed,
        dry_run,
        max_deletions: inputs.cleanup.max_deletions,
        pace: inputs.cleanup.pace,
        saved,
        explain: inputs.cleanup.explain.clone(),
        look_every: cleanup::LOOK_EVERY,
    };
    let sources = Sources { packages: &packages, registry: &registry, repository: &repositories, cache: &cache };
    let world = World { sources, records: &records, run };
    let finished = task.run(&world, width).await;
    if let Err(error) = cache.save() {
        tracing::warn!("what manifests say could not be kept in `cache-dir`: {error}");
    }
    finished
}

/// Undoes a clean-up: no policy decides about that.
pub(crate) async fn restore(
    inputs: &Inputs,
    variables: &BTreeMap<String, String>,
    run: &ThisRun,
    http: HttpClient,
) -> Result<Finished, Error> {
    let plans = match (&inputs.cleanup.journal_file, inputs.cleanup.versions.is_empty()) {
        (Some(_), false) => {
            return Err(Error::input("mode `restore` takes `journal-file` or `versions`, not both"));
        }
        (None, true) => {
            return Err(Error::input("mode `restore` needs `journal-file`: the journal of the clean-up to undo")
                .with_hint("or `image` and `versions`: the numbers of versions to bring back"));
        }
        (Some(path), true) => {
            let bytes = runner::read_record(&workspace(inputs).join(path)).map_err(wrong_input)?;
            cleanup::restore::of_journal(&bytes, path, &inputs.ghcr_host)?
        }
        (None, false) => {
            let wrong = || {
                Error::input("mode `restore` with `versions` needs `image`: the package, by its whole name")
                    .with_hint(format!("set `image: {}/owner/name`", inputs.ghcr_host))
            };
            let image = inputs.image.as_deref().and_then(|name| name.parse().ok()).ok_or_else(wrong)?;
            cleanup::restore::of_versions(image, &inputs.cleanup.versions)
        }
    };
    let dry_run = inputs.cleanup.dry_run == Some(true);
    let Clients { packages, registry, .. } = clients(inputs, variables, http, run)?;
    // The journal that is read is not written to; the log has what is done.
    let place = TemporaryFolder::make(variables)?.place("journal.jsonl");
    let records = RecordFiles {
        plan: None,
        page: None,
        journal: JournalFile::at(&place.0, inputs.under_actions),
        journal_place: place.1,
    };
    let restorer = Restorer { packages: &packages, registry: &registry, journal: &records, run };
    Ok(cleanup::restore::restore(&restorer, &plans, dry_run).await)
}

fn saved_plan(inputs: &Inputs) -> Result<SavedPlan, Error> {
    let Some(path) = &inputs.cleanup.plan_file else {
        return Err(Error::input("mode `apply` needs `plan-file`: the plan that was looked at")
            .with_hint("`plan` writes it, and output `plan-file` names it"));
    };
    let bytes = runner::read_record(&workspace(inputs).join(path)).map_err(wrong_input)?;
    app::cleanup::read_plan(&bytes, path)
}

/// Says where plan and journal go. In a workflow every step has files of its own unless it names them.
fn records(inputs: &Inputs, variables: &BTreeMap<String, String>, dry_run: DryRun) -> Result<RecordFiles, Error> {
    let mut folder = None;
    let mut place = |given: Option<&String>, name: &str| -> Result<(PathBuf, String), Error> {
        if let Some(path) = given {
            return Ok((workspace(inputs).join(path), path.clone()));
        }
        if !inputs.under_actions {
            return Ok((PathBuf::from(name), name.to_owned()));
        }
        let folder = match &folder {
            Some(folder) => folder,
            None => folder.insert(TemporaryFolder::make(variables)?),
        };
        Ok(folder.place(name))
    };
    let given = match inputs.mode {
        // What it reads is not overwritten.
        Mode::Apply => None,
        _ => inputs.cleanup.plan_file.as_ref(),
    };
    let wants_plan = inputs.under_actions || given.is_some() || inputs.mode == Mode::Plan;
    let wants_plan = wants_plan && inputs.cleanup.explain.is_none();
    let plan = if wants_plan { Some(place(given, "plan.json")?) } else { None };
    let (journal, journal_place) = match dry_run {
        DryRun::No => place(inputs.cleanup.journal_file.as_ref(), "journal.jsonl")?,
        DryRun::Plan | DryRun::ByDefault | DryRun::Asked => (Path::new("journal.jsonl").to_owned(), String::new()),
    };
    let page = match (&inputs.cleanup.report_file, &inputs.cleanup.explain) {
        (Some(path), None) => Some(place(Some(path), "report.html")?),
        _ => None,
    };
    Ok(RecordFiles { plan, page, journal: JournalFile::at(&journal, inputs.under_actions), journal_place })
}
