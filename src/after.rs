//! What comes after a push and never fails it: the clients of the release's table of digests and of the anonymous pull.

use std::time::Duration;

use ghcr_lifecycle::{
    adapters::{
        http::HttpClient,
        packages::Packages,
        registry::RegistryClient,
        repository::Repositories,
        rest::{Api, ApiOptions},
    },
    app::{
        plan::Job,
        push::{try_anonymous_pull, write_release_notes},
    },
    error::Error,
    inputs::Inputs,
    report::Report,
};

/// The longest that a limit of the API is waited for: the image is published, and the table can wait for the next run.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// The wait before the API is asked a second time, for the same reason.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Writes the release's table of digests and tries an anonymous pull, where the policy wants them.
///
/// # Errors
/// If a client cannot be made.
pub(crate) async fn after_push(
    inputs: &Inputs,
    job: &Job<'_>,
    registry: &RegistryClient,
    http: &HttpClient,
    report: &mut Report,
) -> Result<(), Error> {
    if !job.policy.release_notes && job.policy.visibility.is_none() {
        return Ok(());
    }
    let address = inputs.api_url.parse().map_err(|_| Error::input("GITHUB_API_URL is no address"))?;
    let options = ApiOptions { longest_wait: LONGEST_WAIT, first_wait: FIRST_WAIT, ..ApiOptions::default() };
    let api = Api::new(http.below(&address).clone(), &inputs.api_url, inputs.github_token.as_ref(), options)?;
    let repositories = inputs.github_token.is_some().then(|| Repositories::new(api.clone()));
    write_release_notes(job, report, repositories.as_ref()).await;
    let packages = Packages::new(api, &job.context.server_url, inputs.token_kind());
    try_anonymous_pull(job, report, &registry.without_credentials(), &packages, &inputs.ghcr_host).await;
    Ok(())
}
