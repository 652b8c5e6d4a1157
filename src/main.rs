//! The command line and the action: reads inputs and event, wires adapters to a use case, prints what comes of it.

mod after;
mod clean;
mod doctor;
mod images;
#[cfg(feature = "sandbox")]
mod setup;
mod tell;
#[cfg(feature = "sandbox")]
mod trial;

use std::{
    collections::BTreeMap,
    io::{self, Read as _},
    path::PathBuf,
    process::ExitCode,
};

use ghcr_lifecycle::{
    adapters::{
        git::LocalClone,
        github::GitHub,
        history::History,
        http::{HttpClient, HttpOptions},
        registry::RegistryClient,
        runner::{self, Reach, ThisRun, files::Files, work_tree},
    },
    app::{
        self, Choice, Finished,
        plan::{Job, WhenEmpty},
        rules::Rules,
    },
    error::{Error, Kind},
    event::{self, Context},
    inputs::{self, Format, Inputs, Mode, Parsed, PolicyInput, Rows},
};
use tell::{annotate, colour::Colours, mask, print, show_error, start_log, tell};

fn main() -> ExitCode {
    #[expect(clippy::disallowed_methods, reason = "the command line is read here, once")]
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned()).collect();
    let variables = runner::environment();
    let under_actions = variables.get("GITHUB_ACTIONS").is_some_and(|value| value == "true");
    let colours = Colours::of(&variables);
    let (error, is_told) = match run(&arguments, &variables, colours) {
        Ok(None) => return ExitCode::SUCCESS,
        Ok(Some(told)) => (told, true),
        Err(error) => (error, false),
    };
    let text = error.render();
    if !is_told && inputs::wants_json(&arguments) {
        print(&serde_json::json!({ "error": error.document() }).to_string());
    }
    if under_actions {
        annotate(&error, &text);
        // The error itself is what ends the run, whether or not its summary can be written.
        let _ = Files::from_environment(&variables).append_summary(&app::failure_summary(&text));
    }
    show_error(&text, under_actions, colours);
    ExitCode::from(error.kind.exit_code())
}

/// Runs what the arguments say. An error that is returned beside a result has been told with it.
fn run(arguments: &[String], variables: &BTreeMap<String, String>, colours: Colours) -> Result<Option<Error>, Error> {
    let password = if inputs::wants_password(arguments) { Some(read_password()?) } else { None };
    let inputs = match inputs::parse(arguments, variables, password)? {
        Parsed::Show(text) => {
            print(text.trim_end());
            return Ok(None);
        }
        Parsed::Run(inputs) => inputs,
    };
    #[cfg(feature = "sandbox")]
    let inputs = app::sandbox::pointed(*inputs)?;
    if inputs.under_actions {
        mask(&inputs);
    }
    start_log(&inputs);
    #[cfg(feature = "sandbox")]
    if inputs.mode == Mode::Schema {
        print(app::schema::schema(inputs.format).trim_end());
        return Ok(None);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::failed("start the runtime").with_source(error))?;
    #[cfg(feature = "sandbox")]
    if inputs.mode == Mode::Sandbox {
        return runtime.block_on(trial::sandbox(&inputs)).map(|()| None);
    }
    let this_run = ThisRun::start(Some(inputs.cleanup.time_budget), !inputs.under_actions);
    let finished = runtime.block_on(async {
        let work = dispatch(&inputs, variables, &this_run);
        tokio::pin!(work);
        let signal = tokio::select! {
            finished = &mut work => return finished,
            signal = interrupted() => signal,
        };
        let ended = |hint: &str| Err(Error::failed(format!("finish: {signal} arrived")).with_hint(hint));
        if !this_run.ends_by_itself() {
            return ended("run it again: no tag points at an incomplete image, and what is missing is sent then");
        }
        this_run.interrupt(signal);
        tracing::warn!(
            "{signal} arrived: the run ends after the request that is under way; a second signal ends it at once"
        );
        tokio::select! {
            finished = &mut work => finished,
            _ = interrupted() => ended("the journal says what was done: run the same again, or undo it with `restore`"),
        }
    });
    drop(this_run);
    let mut finished = finished?;
    #[cfg(feature = "sandbox")]
    trial::retell(&inputs, &mut finished);
    tell(&inputs, variables, &finished, colours)?;
    if let Some(error) = finished.error.as_mut().filter(|_| !inputs.under_actions && inputs.format == Format::Text) {
        // A terminal shows both streams: what the report says is not said again.
        error.details.retain(|detail| !finished.text.contains(detail.as_str()));
    }
    Ok(finished.error)
}

/// As PID 1 of a container a process does not die of signals that it does not ask for.
/// What comes from the call on counts, also before the first wait.
fn interrupted() -> impl Future<Output = &'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    }
}

/// The width of the terminal, where there is one.
fn width(inputs: &Inputs, variables: &BTreeMap<String, String>) -> Option<u16> {
    variables.get("COLUMNS").and_then(|text| text.parse().ok()).filter(|_| !inputs.under_actions)
}

async fn dispatch(
    inputs: &Inputs,
    variables: &BTreeMap<String, String>,
    this_run: &ThisRun,
) -> Result<Finished, Error> {
    let width = width(inputs, variables);
    #[cfg(feature = "sandbox")]
    if inputs.mode == Mode::Demo {
        return trial::demo(inputs, this_run).await;
    }
    let context = context(inputs, variables)?;
    let http = HttpClient::new(&HttpOptions {
        extra_ca_pem: runner::extra_ca_pem(variables)?.into_iter().collect(),
        ..HttpOptions::default()
    })?;
    #[cfg(feature = "sandbox")]
    trial::wait(inputs, &http).await?;
    if inputs.mode == Mode::Restore {
        this_run.end_by_itself();
        return clean::restore(inputs, variables, this_run, http).await;
    }
    #[cfg(feature = "sandbox")]
    if inputs.mode == Mode::Init {
        return setup::init(inputs, variables, &context, this_run, http).await;
    }
    if clean::is_powerless(inputs, &context) {
        return Ok(app::forks_pull_request());
    }
    if inputs.mode == Mode::Mirror && images::target(inputs).is_some() {
        return images::mirror(inputs, variables, http, this_run, None).await;
    }
    if inputs.mode == Mode::Doctor && images::target(inputs).is_some() {
        return doctor::doctor(inputs, variables, this_run, None, &context, http).await;
    }
    let github = github(inputs, &context, &http)?;
    let rules = match policy(inputs, &context, github.as_ref()).await? {
        Some((source, bytes)) => Rules::of_policy(&source, &bytes, inputs)?,
        None => Rules::of_inputs(inputs)?,
    };
    #[cfg(feature = "sandbox")]
    let rules = trial::stand_in(inputs, rules)?;
    let policy = &rules.policy;
    if inputs.mode == Mode::Mirror {
        return images::mirror(inputs, variables, http, this_run, Some(&rules)).await;
    }
    if inputs.mode == Mode::Doctor {
        return doctor::doctor(inputs, variables, this_run, Some(&rules), &context, http).await;
    }
    if inputs.mode == Mode::Check {
        let files = files_with_references(inputs, &rules)?;
        return Ok(app::check::check(policy, context.now, files.as_ref()).finished(&rules.source));
    }
    if inputs.mode.is_about_packages()
        || (inputs.mode == Mode::Auto && app::choose(&context, policy, false) == Choice::ClosedPullRequest)
    {
        this_run.end_by_itself();
        return clean::clean(inputs, variables, this_run, &rules, &context, http).await;
    }
    if inputs.now.is_some() && !policy.images.iter().all(|image| image.is_loopback()) {
        return Err(Error::input(
            "input `now` sets another time than the clock's, and an image of the policy is not on this machine",
        )
        .with_hint("use `now` with images on 127.0.0.1 only; SOURCE_DATE_EPOCH sets the date of tags"));
    }
    let choice = match inputs.mode {
        Mode::Push => Choice::Push,
        Mode::Auto => app::choose(&context, policy, !inputs.sources.is_empty() || inputs.promote_from.is_some()),
        _ => Choice::Tags,
    };
    if choice == Choice::Push && policy.images.iter().any(|image| image.registry() == inputs.ghcr_host) {
        doctor::warn_of_token(inputs, variables, &context);
    }
    let registry = RegistryClient::new(http.clone(), images::credentials(inputs, variables)?);
    let history = History { clone: LocalClone::open(&workspace(inputs))?, github };
    let context = app::context::from_source(context, inputs.context, &history)?;
    let context = app::context::with_facts(context, policy, inputs.under_actions, &history).await?;
    let job = Job {
        policy,
        context,
        image: inputs.image.as_deref(),
        short_sha_length: inputs.short_sha_length,
        when_empty: match inputs.allow_empty {
            Some(true) => WhenEmpty::Accept,
            None if policy.drop_in.is_some() => WhenEmpty::Warn,
            None | Some(false) => WhenEmpty::Fail,
        },
        names: &rules.names,
        inputs: &rules.inputs,
        items: &rules.items,
    };
    let mut report = match choice {
        // That went another way above.
        Choice::ClosedPullRequest | Choice::Tags => app::tags::tags(&job, &registry, &history).await?,
        Choice::Push => {
            let transfers = registry.transfers();
            let pushed = tokio::select! {
                pushed = images::push(&job, inputs, &registry, &history, variables) => pushed,
                never = this_run.show_transfers(&transfers) => match never {},
            };
            this_run.clear_line();
            pushed?
        }
    };
    if choice == Choice::Push {
        after::after_push(inputs, &job, &registry, &http, &mut report).await?;
    }
    Ok(Finished::of(&report, job.inputs, job.items, width))
}

/// Reads the event. A run at a terminal counts as a push of what `ref` or GITHUB_REF names.
fn context(inputs: &Inputs, variables: &BTreeMap<String, String>) -> Result<Context, Error> {
    let mut variables = variables.clone();
    if !inputs.under_actions {
        variables.entry("GITHUB_EVENT_NAME".to_owned()).or_insert_with(|| "push".to_owned());
    }
    let payload = match &inputs.event_path {
        Some(path) => runner::payload(&PathBuf::from(path))?,
        None => None,
    };
    let now = runner::now();
    let wrong = |error: event::EventError| {
        let hint = error.hint();
        Error::input(format!("failed to {error}")).with_hint(hint)
    };
    let mut context = event::parse(&variables, payload.as_deref(), now).map_err(wrong)?;
    if let Some(now) = inputs.now {
        context.now = now;
    }
    match &inputs.git_ref {
        Some(built) => context.with_ref(built).map_err(wrong),
        None => Ok(context),
    }
}

/// A file that an input names and that is not what it should be: nothing was touched.
fn wrong_input(error: impl Into<Error>) -> Error {
    let error = error.into();
    Error { kind: Kind::Input, message: format!("failed to {}", error.message), ..error }
}

/// The GitHub API, where there is a token for it, or an API of our own.
fn github(inputs: &Inputs, context: &Context, http: &HttpClient) -> Result<Option<GitHub>, Error> {
    let Some(repository) = &context.repository else { return Ok(None) };
    let address = inputs.api_url.parse().ok();
    let Some(address) = address.filter(|_| inputs.github_token.is_some()) else { return Ok(None) };
    let client = http.below(&address).clone();
    Ok(Some(GitHub::new(client, &inputs.api_url, inputs.github_token.as_ref(), repository.clone())?))
}

fn workspace(inputs: &Inputs) -> PathBuf {
    inputs.workspace.as_ref().map_or_else(|| PathBuf::from("."), PathBuf::from)
}

/// Reads the files of the work tree whose image references must name their registry, texts by their paths.
fn files_with_references(inputs: &Inputs, rules: &Rules) -> Result<Option<BTreeMap<String, String>>, Error> {
    let Some(wanted) = rules.policy.references.as_ref().filter(|wanted| wanted.require_registry) else {
        return Ok(None);
    };
    let clone = LocalClone::open(&workspace(inputs))?;
    let ignores = |path: &std::path::Path| clone.as_ref().is_some_and(|clone| clone.ignores(path));
    Ok(Some(work_tree::matching_files(&workspace(inputs), |path| wanted.names(path), ignores)?))
}

/// Reads the policy: from the work tree; but where the work tree may be a stranger's while the token can write, from the
/// default branch. `None` if the rows of the inputs give the tags.
async fn policy(
    inputs: &Inputs,
    context: &Context,
    github: Option<&GitHub>,
) -> Result<Option<(String, Vec<u8>)>, Error> {
    let needs_default_branch =
        inputs.under_actions && clean::changes_packages(inputs, context) && !is_default_branch(context, github).await?;
    let path = match (&inputs.policy, inputs.rows()) {
        (_, Rows::Given) => return Ok(None),
        (PolicyInput::Text(_), _) if needs_default_branch => {
            return Err(Error::input(
                "a policy in the workflow file of another branch than the default one may plan, and \
                                     delete nothing",
            )
            .with_hint("keep the policy in a file: a clean-up reads it from the default branch")
            .with_hint("or run the step on the default branch, as under `schedule` and `pull_request_target`"));
        }
        (PolicyInput::Text(text), _) => return Ok(Some(("input `policy`".to_owned(), text.clone().into_bytes()))),
        (PolicyInput::Path(path), _) => path,
    };
    let reads_default_branch = needs_default_branch
        || (inputs.under_actions && matches!(context.event_name.as_str(), "pull_request_target" | "workflow_run"));
    let found = if reads_default_branch {
        match of_default_branch(context, github, path).await {
            // Tags that nobody pushes here may come from the default rows; a push waits until it is known what decides.
            Err(error)
                if inputs.rows() == Rows::Default && inputs.sources.is_empty() && inputs.promote_from.is_none() =>
            {
                tracing::warn!("{}the default rows of input `tags` are used", error.render());
                None
            }
            found => found?,
        }
    } else {
        let reach = if inputs.under_actions { Reach::Workspace } else { Reach::Anywhere };
        runner::read_policy(&workspace(inputs), path, reach).map_err(wrong_input)?
    };
    match found {
        Some(bytes) => Ok(Some((path.clone(), bytes))),
        // The sandbox plays the same.
        #[cfg(feature = "sandbox")]
        None if inputs.sandbox.at.is_some() && !inputs.policy_given => Ok(Some(app::demo::own_policy())),
        None if inputs.rows() == Rows::Default => Ok(None),
        None if reads_default_branch => Err(Error::input(format!(
            "there is no policy: `{path}` does not exist on the default branch"
        ))
        .with_hint("merge it first, or name its path from the repository's root: the work tree's may be a stranger's")),
        None => Err(Error::input(format!("there is no policy: `{path}` does not exist"))
            .with_hint(match (inputs.policy_given, inputs.under_actions) {
                (true, _) => "name the policy by its path from the repository's root, or give the YAML itself",
                (false, true) => "write one (the README shows how), or name another path with `policy`",
                (false, false) => "`ghcr-lifecycle init` writes one; `--policy PATH` names another",
            })
            .with_hint(if inputs.under_actions {
                "does a step `actions/checkout` run before this one?"
            } else {
                "run it at the repository's root"
            })
            .with_hint("or give `images` and `tags`, as docker/metadata-action takes them")),
    }
}

/// Returns the name of the default branch: the payload's word, else the API's.
async fn default_branch(context: &Context, github: Option<&GitHub>) -> Result<Option<String>, Error> {
    match (&context.facts.default_branch, github) {
        (Some(branch), _) => Ok(Some(branch.clone())),
        (None, Some(github)) => Ok(github.repository_facts().await?.default_branch),
        (None, None) => Ok(None),
    }
}

/// Tells whether the run is on the default branch, so that its work tree and its workflow file are that branch's.
async fn is_default_branch(context: &Context, github: Option<&GitHub>) -> Result<bool, Error> {
    let branch = default_branch(context, github).await?;
    Ok(branch.is_some_and(|branch| context.git_ref.as_deref() == Some(&format!("refs/heads/{branch}"))))
}

async fn of_default_branch(context: &Context, github: Option<&GitHub>, path: &str) -> Result<Option<Vec<u8>>, Error> {
    let (Some(github), Some(branch)) = (github, default_branch(context, github).await?) else {
        let missing = if github.is_none() { "there is no token for the API" } else { "nobody names it" };
        return Err(Error::failed(format!("read the policy `{path}` of the default branch: {missing}"))
            .with_hint("pass `github-token`, and grant `contents: read` to the job")
            .with_hint(format!(
                "under `{}` the work tree may be a stranger's, so the policy is not read from it",
                context.event_name
            )));
    };
    Ok(github.file(path, &branch).await?.map(|bytes| bytes.to_vec()))
}

fn read_password() -> Result<String, Error> {
    const LONGEST: u64 = 64 * 1024;
    let mut password = String::new();
    io::stdin().take(LONGEST).read_to_string(&mut password).map_err(|error| Error {
        kind: Kind::Input,
        ..Error::failed("read the password from standard input").with_source(error)
    })?;
    Ok(password.trim_end_matches(['\r', '\n']).to_owned())
}
