//! Wires what needs no GHCR: `demo`, `sandbox`, and runs of other modes on a sandbox.

use std::time::Duration;

use ghcr_lifecycle::{
    adapters::{
        github::GitHub,
        history::History,
        http::{HttpClient, HttpOptions},
        packages::Packages,
        registry::{CredentialOptions, RegistryClient},
        repository::Repositories,
        rest::{Api, ApiOptions},
        runner::{self, Reach, ThisRun},
        sandbox::answers,
    },
    app::{self, Finished, demo::Demo, rules::Rules},
    error::Error,
    inputs::{Inputs, PolicyInput},
    sandbox::Sandbox,
};

use crate::{
    interrupted,
    tell::{Progress, print, say},
    workspace, wrong_input,
};

/// How long a run waits for its sandbox: a year of many events, played without optimisation, takes half of it.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// Serves until a signal comes; that is its good end.
pub(crate) async fn sandbox(inputs: &Inputs) -> Result<(), Error> {
    let interrupted = interrupted();
    tokio::pin!(interrupted);
    let sandbox = if inputs.sandbox.demo {
        let (sandbox, policy) = tokio::select! {
            filled = filled(inputs) => filled?,
            _ = &mut interrupted => return Ok(()),
        };
        print(&app::sandbox::announcement(&sandbox));
        say(&app::sandbox::next_steps(&sandbox, inputs, &program(), &policy));
        sandbox
    } else {
        let sandbox = app::sandbox::start(&inputs.sandbox)?;
        print(&app::sandbox::announcement(&sandbox));
        sandbox
    };
    interrupted.await;
    app::sandbox::stop(sandbox)
}

/// What this program was called: that can be typed again.
#[expect(clippy::disallowed_methods, reason = "it is shown, and nothing depends on it")]
fn program() -> String {
    std::env::args_os().next().map_or_else(|| "ghcr-lifecycle".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Starts a sandbox with the year of the demo, and names the policy that was played.
async fn filled(inputs: &Inputs) -> Result<(Sandbox, String), Error> {
    let reserved = app::sandbox::reserve(&inputs.sandbox)?;
    let policy = given(inputs)?.or(repositorys_own(inputs)?);
    let name = policy.as_ref().map_or_else(|| app::demo::own_policy().0, |(name, _)| name.clone());
    let demo = Demo::start(policy).await?;
    let Clients { registry, history, .. } = clients(inputs, &demo)?;
    // No bar: this is meant to run behind another command, which has the terminal.
    say(&format!("playing a year under {name}, which takes some seconds"));
    let state = demo.fill(&registry, &history, |_, _| {}).await?;
    Ok((app::sandbox::serve(reserved, state)?, name))
}

/// Plays the year and tells it.
pub(crate) async fn demo(inputs: &Inputs, this_run: &ThisRun) -> Result<Finished, Error> {
    let demo = Demo::start(given(inputs)?).await?;
    let Clients { registry, packages, repositories, history } = clients(inputs, &demo)?;
    let clients =
        app::demo::Clients { registry: &registry, packages: &packages, repository: &repositories, run: this_run };
    let progress = Progress::start(inputs.under_actions);
    demo.play(&clients, &history, |done, all| progress.show(done, all)).await
}

/// Waits for the sandbox that the run is pointed at, if it is.
pub(crate) async fn wait(inputs: &Inputs, http: &HttpClient) -> Result<(), Error> {
    let Some(address) = inputs.sandbox.at else { return Ok(()) };
    let waits = || {
        let most = LONGEST_WAIT.as_secs() / 60;
        say(&format!(
            "waiting for the sandbox at {address}, for up to {most} minutes (`ghcr-lifecycle sandbox --demo` starts one)"
        ));
    };
    Ok(answers(http, address, LONGEST_WAIT, waits).await?)
}

/// Puts the sandbox that the run is pointed at in the place of the registries of its rules.
pub(crate) fn stand_in(inputs: &Inputs, rules: Rules) -> Result<Rules, Error> {
    let Some(address) = inputs.sandbox.at else { return Ok(rules) };
    let mut rules = rules;
    for mirror in app::sandbox::stand_in(&mut rules.policy, &address.to_string())? {
        tracing::warn!("the mirror {mirror} is left out: a run on a sandbox talks to nobody else");
    }
    Ok(rules)
}

/// Lets the commands that a result names lead to the sandbox that the run was pointed at.
pub(crate) fn retell(inputs: &Inputs, finished: &mut Finished) {
    if let Some(address) = inputs.sandbox.at {
        finished.text = finished.text.replace(&format!("--ghcr-host {address}"), &format!("--sandbox {address}"));
    }
}

/// Reads the policy that was named.
fn given(inputs: &Inputs) -> Result<Option<(String, Vec<u8>)>, Error> {
    match &inputs.policy {
        _ if !inputs.policy_given => Ok(None),
        PolicyInput::Text(text) => Ok(Some(("input `policy`".to_owned(), text.clone().into_bytes()))),
        PolicyInput::Path(path) => {
            let bytes = runner::read_policy(&workspace(inputs), path, Reach::Anywhere).map_err(wrong_input)?;
            let missing = || Error::input(format!("there is no policy: `{path}` does not exist"));
            Ok(Some((path.clone(), bytes.ok_or_else(missing)?)))
        }
    }
}

/// Reads the policy of the repository that this runs in, where it has one and no other was named.
fn repositorys_own(inputs: &Inputs) -> Result<Option<(String, Vec<u8>)>, Error> {
    match &inputs.policy {
        PolicyInput::Path(path) if !inputs.policy_given => {
            let bytes = runner::read_policy(&workspace(inputs), path, Reach::Anywhere).map_err(wrong_input)?;
            Ok(bytes.map(|bytes| (path.clone(), bytes)))
        }
        PolicyInput::Path(_) | PolicyInput::Text(_) => Ok(None),
    }
}

/// The clients of an embedded registry.
struct Clients {
    registry: RegistryClient,
    packages: Packages,
    repositories: Repositories,
    history: History,
}

fn clients(inputs: &Inputs, demo: &Demo) -> Result<Clients, Error> {
    let (token, host) = (demo.token(), demo.host());
    let http = HttpClient::new(&HttpOptions::default())?;
    let address = format!("http://{host}");
    let api = address.parse().map_err(|_| Error::failed("find the embedded API"))?;
    let github = GitHub::new(http.below(&api).clone(), &address, token.as_ref(), demo.repository().clone())?;
    let unpaced = ApiOptions { pace: 0, ..ApiOptions::default() };
    let api = Api::new(http.below(&api).clone(), &address, token.as_ref(), unpaced)?;
    let credentials = CredentialOptions { github_token: token, ghcr_host: host, ..CredentialOptions::default() };
    Ok(Clients {
        registry: RegistryClient::new(http, credentials),
        packages: Packages::new(api.clone(), &address, inputs.token_kind()),
        repositories: Repositories::new(api),
        history: History { clone: None, github: Some(github) },
    })
}
