//! The use cases, one file per mode. They know ports, not adapters.

pub mod check;
pub mod cleanup;
pub mod context;
pub mod copy;
#[cfg(feature = "sandbox")]
pub mod demo;
pub mod doctor;
pub mod init;
pub mod mirror;
pub mod plan;
pub mod push;
pub mod rules;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod schema;
pub mod tags;

use serde_json::Value;

pub use crate::policy::metadata::Output;

use crate::{
    error::{Error, Place},
    event::{Context, EventKind},
    policy::{
        config,
        metadata::{Items, Metadata, MetadataInputs, OUTPUT_NAMES, environment_name},
        rules::Policy,
    },
    report::{self, Report},
};

/// What a run tells, rendered for everybody who listens.
#[derive(Debug)]
pub struct Finished {
    /// For people.
    pub text: String,
    /// For programs.
    pub json: Value,
    /// The outputs of the action: of a file its content, in place of which its path is handed on.
    pub outputs: Vec<Output>,
    /// Whether docker/metadata-action's rules gave the tags, so that its outputs become environment variables as well.
    pub is_drop_in: bool,
    /// What stopped the run after these outputs.
    pub error: Option<Error>,
    /// The job summary.
    pub summary: String,
    /// Annotations that warn.
    pub warnings: Vec<String>,
    /// Annotations that inform.
    pub notices: Vec<String>,
}

impl Finished {
    /// Renders a report. `width` is that of the terminal, where there is one.
    #[must_use]
    pub fn of(report: &Report, inputs: &MetadataInputs, items: &Items, width: Option<u16>) -> Self {
        let Metadata { outputs, error } = report::outputs::outputs(report, inputs, items);
        let mut text = report::terminal::text(report, width);
        if report.drop_in.is_some() {
            text.push_str(&report::terminal::described(&outputs));
        }
        Self {
            text,
            json: report::json::document(report),
            outputs,
            is_drop_in: report.drop_in.is_some(),
            error: error.map(Error::from).or_else(|| unfilled(report)),
            summary: report::markdown::summary(report),
            warnings: report.warnings.clone(),
            notices: report.notices.clone(),
        }
    }
}

/// Says which mirrors are not complete. What they are copies of is published all the same.
fn unfilled(report: &Report) -> Option<Error> {
    let mut hints: Vec<&String> = Vec::new();
    let mut error = Error::failed("fill every mirror; the image itself is published");
    let failed: Vec<_> = report.mirrors.iter().filter_map(|mirror| mirror.failure.as_ref()).collect();
    for failure in &failed {
        error = error.with_detail(&failure.message);
        if let Some(hint) = failure.hint.as_ref().filter(|hint| !hints.contains(hint)) {
            hints.push(hint);
        }
    }
    for hint in hints {
        error = error.with_hint(hint);
    }
    (!failed.is_empty()).then(|| error.with_hint("run this again: what is there already is not sent twice"))
}

/// Reads a policy.
///
/// # Errors
/// With every mistake of it, each with its place.
pub fn read_policy(name: &str, bytes: &[u8]) -> Result<Policy, Error> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Error::input(format!("{name} is no text in UTF-8: byte {} is not", error.valid_up_to()))
            .with_hint("save the file in UTF-8")
    })?;
    config::parse(text).map_err(|found| {
        let places = found
            .list
            .iter()
            .map(|mistake| Place {
                file: name.to_owned(),
                line: mistake.at.line as u64,
                column: mistake.at.column as u64,
                message: match &mistake.hint {
                    Some(hint) => format!("{} ({hint})", mistake.problem),
                    None => mistake.problem.clone(),
                },
            })
            .collect();
        let shown = report::diagnostics::render(name, text, &found);
        Error { places, ..Error::input(format!("the policy is not valid\n\n{}", shown.trim_end())) }
    })
}

/// Returns the name of the environment variable that repeats an output where docker/metadata-action's rules gave the tags.
#[must_use]
pub fn exported_name(output: &str) -> Option<String> {
    OUTPUT_NAMES.contains(&output).then(|| environment_name(output))
}

/// Renders an error for the job summary.
#[must_use]
pub fn failure_summary(text: &str) -> String {
    report::markdown::failure(text)
}

/// What mode `auto` comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A closed pull request publishes nothing.
    ClosedPullRequest,
    /// There is a source to push.
    Push,
    /// There is none.
    Tags,
}

/// Chooses what mode `auto` does.
#[must_use]
pub fn choose(context: &Context, policy: &Policy, has_source: bool) -> Choice {
    let closed = policy.drop_in.is_none()
        && matches!(context.event, EventKind::PullRequest | EventKind::PullRequestTarget)
        && context.action.as_deref() == Some("closed");
    match (closed, has_source) {
        (true, _) => Choice::ClosedPullRequest,
        (false, true) => Choice::Push,
        (false, false) => Choice::Tags,
    }
}

/// Reports a fork's pull request that was closed: its run may change nothing.
#[must_use]
pub fn forks_pull_request() -> Finished {
    let text = "nothing was changed: this is a fork's pull request, whose token may only read. The weekly clean-up retires its \
                tags; so does this step under `pull_request_target`"
        .to_owned();
    left_alone("a fork's pull request was closed", text)
}

/// Reports a pull request that was closed where no image of the policy has packages: nothing asks for a clean-up but the event.
#[must_use]
pub fn nothing_to_retire(ghcr_host: &str) -> Finished {
    let text =
        format!("nothing was changed: no image of the policy is at `{ghcr_host}`, where tags could be taken away");
    left_alone("a pull request was closed", text)
}

/// Says in one sentence why nothing was done.
fn left_alone(what: &str, why: String) -> Finished {
    Finished {
        json: serde_json::json!({ "mode": "cleanup", "packages": [], "notices": [&why] }),
        outputs: Vec::new(),
        is_drop_in: false,
        error: None,
        summary: String::new(),
        warnings: Vec::new(),
        notices: vec![why],
        text: what.to_owned(),
    }
}
