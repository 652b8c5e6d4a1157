//! Wires mode `doctor`: clients that wait for nothing, and what the run says of itself.

use std::{collections::BTreeMap, time::Duration};

use ghcr_lifecycle::{
    adapters::{
        http::HttpClient,
        packages::Packages,
        registry::RegistryClient,
        rest::{Api, ApiOptions},
        runner::{self, Reach, ThisRun},
    },
    app::{
        Finished,
        doctor::{self, DoctorQuestion, Needs, RunFacts, workflow},
        plan,
        rules::Rules,
    },
    error::Error,
    event::Context,
    inputs::Inputs,
    model::ImageName,
};

use crate::{
    images::{credentials, server_url, target},
    workspace,
};

/// Nobody waits for a limit to learn that there is one.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The wait before the API is asked a second time; it doubles from try to try.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// What Dependabot calls itself.
const DEPENDABOT: &str = "dependabot[bot]";

/// Examines the images of the rules, or the one that input `image` names in full.
pub(crate) async fn doctor(
    inputs: &Inputs,
    variables: &BTreeMap<String, String>,
    run: &ThisRun,
    rules: Option<&Rules>,
    context: &Context,
    http: HttpClient,
) -> Result<Finished, Error> {
    let images = chosen(inputs, rules)?;
    let address = inputs.api_url.parse().map_err(|_| Error::input("GITHUB_API_URL is no address"))?;
    let options = ApiOptions {
        pace: inputs.cleanup.pace,
        longest_wait: LONGEST_WAIT,
        first_wait: FIRST_WAIT,
        deadline: run.deadline(),
        ..ApiOptions::default()
    };
    let api = Api::new(http.below(&address).clone(), &inputs.api_url, inputs.github_token.as_ref(), options)?;
    let packages = Packages::new(api, server_url(variables), inputs.token_kind());
    let registry = RegistryClient::new(http, credentials(inputs, variables)?);
    let source = rules.and_then(|rules| rules.policy.repository.as_ref()).or(context.repository.as_ref());
    let lists = inputs.cleanup.packages.iter().any(|name| name.contains(['*', '?', '[']));
    let question = DoctorQuestion {
        images: &images,
        ghcr_host: &inputs.ghcr_host,
        needs: Needs { lists, ..rules.map(|rules| Needs::of(&rules.policy)).unwrap_or_default() },
        token: inputs.github_token.as_ref().map(|_| inputs.token_kind()),
        run: RunFacts {
            in_workflow: inputs.under_actions,
            repository: context.repository.clone(),
            is_of_fork: inputs.under_actions && context.is_of_fork(),
            is_dependabots: variables.get("GITHUB_ACTOR").is_some_and(|actor| actor == DEPENDABOT),
            granted: granted(inputs, variables),
        },
        source,
    };
    Ok(doctor::doctor(question, server_url(variables), (&packages, &registry, run)).await)
}

/// Warns of what is known before anything is asked.
pub(crate) fn warn_of_token(inputs: &Inputs, variables: &BTreeMap<String, String>, context: &Context) {
    let pushes = !inputs.mode.is_about_packages();
    if let Some(warning) = doctor::foreseen(inputs.token_kind(), context, pushes, server_url(variables)) {
        tracing::warn!("{warning}");
    }
}

/// Chooses the images: those of the policy or the one of input `image`, and whole names in input `packages`.
fn chosen(inputs: &Inputs, rules: Option<&Rules>) -> Result<Vec<ImageName>, Error> {
    let mut images = match (rules, &inputs.image) {
        (None, _) => target(inputs).into_iter().collect(),
        (Some(rules), Some(image)) => plan::choose_images(&rules.policy, Some(image))?,
        (Some(rules), None) => rules.policy.images.clone(),
    };
    for name in inputs.cleanup.packages.iter().filter_map(|name| name.parse::<ImageName>().ok()) {
        if !images.contains(&name) {
            images.push(name);
        }
    }
    Ok(images)
}

/// Reads what the workflow file grants this job, if it is in the work tree and the job is one of its own.
fn granted(inputs: &Inputs, variables: &BTreeMap<String, String>) -> Option<workflow::Granted> {
    let variable = |name: &str| variables.get(name).filter(|value| !value.is_empty());
    // `owner/name/.github/workflows/image.yml@refs/heads/main`
    let (path, _) = variable("GITHUB_WORKFLOW_REF").filter(|_| inputs.under_actions)?.split_once('@')?;
    let path = path.strip_prefix(variable("GITHUB_REPOSITORY")?)?.strip_prefix('/')?;
    let bytes = runner::read_policy(&workspace(inputs), path, Reach::Workspace).ok()??;
    workflow::granted(std::str::from_utf8(&bytes).ok()?, variable("GITHUB_JOB")?)
}
