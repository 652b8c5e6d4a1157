//! The event made complete by what only the source repository can tell.

use crate::{error::Error, event::Context, inputs::ContextSource, ports::SourceRepository};

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

/// Asks the API for the repository's facts, if the payload lacks one of them.
///
/// # Errors
/// If the API refuses or cannot be reached.
pub async fn with_facts<S: SourceRepository>(context: Context, repository: &S) -> Result<Context, Error> {
    if context.lacks_facts() {
        let facts = repository.repository_facts().await?;
        return Ok(context.with_facts(facts));
    }
    Ok(context)
}
