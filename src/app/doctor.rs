//! Mode `doctor`: what would keep a push or a clean-up from the packages, found before anything is risked. It reads only: to
//! start an upload would be the one way to learn whether a push may, and is left to the push.

use crate::{
    collect::doctor::{Question, examine},
    error::Error,
    event::Context,
    model::{Pages, RepositoryName, Right, TokenKind, Trap},
    policy::doctor::judge,
    ports::{AccessReader, PackagesReader, RegistryReader, Run},
    report::doctor::Report,
};

use super::Finished;

pub use crate::{
    collect::doctor::Question as DoctorQuestion,
    policy::doctor::{Needs, RunFacts, workflow},
};

/// Examines and tells. `server_url` is the root of the web pages.
pub async fn doctor<A, R, U>(question: Question<'_>, server_url: &str, (api, registry, run): (&A, &R, &U)) -> Finished
where
    A: AccessReader + PackagesReader,
    R: RegistryReader,
    U: Run,
{
    let repository: Option<RepositoryName> = question.run.repository.clone();
    let facts = examine(question, api, registry, run).await;
    finished(&Report::of(&facts, judge(&facts), server_url, repository.as_ref()))
}

fn finished(report: &Report<'_>) -> Finished {
    Finished {
        text: report.text(),
        json: report.json(),
        outputs: Vec::new(),
        is_drop_in: false,
        error: error(&report.problems()),
        summary: report.summary(),
        warnings: report.warnings(),
        notices: Vec::new(),
    }
}

/// Says what is known of a token and an event before anything is asked; `pushes` tells whether the run is a push.
#[must_use]
pub fn foreseen(kind: TokenKind, context: &Context, pushes: bool, server_url: &str) -> Option<String> {
    let trap = match kind {
        TokenKind::FineGrained if pushes => Trap::FineGrained { right: Right::Write },
        TokenKind::FineGrained => Trap::FineGrained { right: Right::Delete },
        TokenKind::Installation if pushes && context.is_of_fork() => Trap::ForkPullRequest,
        _ => return None,
    };
    Some(trap.hint(&Pages::of(server_url)))
}

/// A run that would fail is work that fails: exit code 1.
fn error(problems: &[String]) -> Option<Error> {
    let (stands, them) = if problems.len() == 1 { ("problem stands", "it") } else { ("problems stand", "them") };
    let message = format!("find the way clear: {} {stands} in it", problems.len());
    let error = problems.iter().fold(Error::failed(message), Error::with_detail);
    (!problems.is_empty()).then(|| error.with_hint(format!("remove {them}, and run `doctor` again")))
}
