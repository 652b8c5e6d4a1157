//! The event context: hand-written fixtures, real payloads, and what holds for any of them.

mod fixtures;
pub(crate) mod payloads;
mod properties;
mod raw;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use chrono::{DateTime, Utc};
use ghcr_lifecycle::event::{self, Context, EventError, EventKind, Subject};

/// The events that rows of a policy know.
pub(crate) const KNOWN: [&str; 11] = [
    "push",
    "pull_request",
    "pull_request_target",
    "merge_group",
    "release",
    "schedule",
    "workflow_dispatch",
    "repository_dispatch",
    "workflow_run",
    "create",
    "delete",
];

/// One folder of `fixtures/events`.
struct Fixture {
    name: String,
    folder: PathBuf,
    /// What the fixture is there for.
    about: String,
    environment: BTreeMap<String, String>,
    payload: Option<Vec<u8>>,
}

impl Fixture {
    fn all() -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/events");
        let mut folders: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
        folders.sort();
        folders.into_iter().map(Self::read).collect()
    }

    fn read(folder: PathBuf) -> Self {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(folder.join("env")).unwrap_or_else(|error| panic!("{name}/env: {error}"));
        let (first, rest) = text.split_once('\n').unwrap();
        let about =
            first.strip_prefix("# ").unwrap_or_else(|| panic!("{name}/env does not begin with `# `")).to_owned();
        let environment = rest
            .lines()
            .map(|line| line.split_once('=').unwrap_or_else(|| panic!("{name}/env: no `=` in `{line}`")))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        let payload = fs::read(folder.join("payload.json")).ok();
        Self { name, folder, about, environment, payload }
    }

    /// Reads the fixture as the binary would: the event, then input `ref` if the environment has one.
    fn context(&self) -> Result<Context, EventError> {
        let context = event::parse(&self.environment, self.payload.as_deref(), clock())?;
        match self.environment.get("INPUT_REF") {
            Some(input) => context.with_ref(input),
            None => Ok(context),
        }
    }
}

fn clock() -> DateTime<Utc> {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

/// Asserts what holds for the context of any event, whatever is in its payload.
fn assert_sane(context: &Context) {
    let bound =
        matches!(context.event, EventKind::PullRequest | EventKind::PullRequestTarget) || context.only_pull_requests;
    if bound {
        assert!(matches!(context.subject, Subject::PullRequest(_)), "{context:?}");
    }
    if context.event_name == "workflow_run" {
        assert!(
            !matches!(context.subject, Subject::Branch(_) | Subject::Tag(_)) || context.built_elsewhere,
            "{context:?}"
        );
    }
    if let EventKind::MergeGroup = context.event {
        assert!(matches!(context.subject, Subject::MergeGroup | Subject::PullRequest(_)), "{context:?}");
    }
    if let Subject::Nothing(text) = &context.subject {
        assert!(!text.is_empty() && text.len() < 1_000 && !text.contains(char::is_control), "{text:?}");
    }
    if let Subject::Branch(name) | Subject::Tag(name) | Subject::Unresolved(name) = &context.subject {
        assert!(!name.is_empty() && name.chars().count() <= 1_000, "{name:?}");
    }
    assert!(context.facts.description.as_ref().is_none_or(|text| text.chars().count() <= 4_096));
    assert!(context.sha.as_ref().is_none_or(|sha| sha.as_str().bytes().any(|digit| digit != b'0')));
    assert!(!context.server_url.ends_with('/') && !context.server_url.is_empty());
    assert!(!context.built_elsewhere || (context.sha.is_none() && context.commit_date.is_none()));
}
