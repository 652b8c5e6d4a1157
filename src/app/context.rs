//! The event made complete by what only the source repository can tell.

use crate::{error::Error, event::Context, inputs::ContextSource, policy::rules::Policy, ports::SourceRepository};

/// Puts what is checked out in the place of the event's ref and commit, if input `context` says so.
///
/// # Errors
/// If there is no clone, or what is checked out has no name.
pub fn from_source<S: SourceRepository>(
    context: Context,
    source: ContextSource,
    repository: &S,
) -> Result<Context, Error> {
    match source {
        ContextSource::Workflow => Ok(context),
        ContextSource::Git => Ok(context.with_checkout(repository.checkout()?)),
    }
}

/// Asks the API for the repository's facts, if the payload lacks one of them. In a workflow that must succeed where
/// docker/metadata-action's rules ask for them; else a run goes on with what it knows.
///
/// # Errors
/// If the API refuses or cannot be reached.
pub async fn with_facts<S: SourceRepository>(
    context: Context,
    policy: &Policy,
    under_actions: bool,
    repository: &S,
) -> Result<Context, Error> {
    if !context.lacks_facts() || (policy.drop_in.is_none() && !under_actions) {
        return Ok(context);
    }
    match repository.repository_facts().await {
        Ok(facts) => Ok(context.with_facts(facts)),
        Err(error) if policy.drop_in.is_some() && under_actions => Err(error.into()),
        Err(error) => {
            tracing::debug!("the labels lack what the payload does not say: failed to {error}");
            Ok(context)
        }
    }
}
