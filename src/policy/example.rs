//! Example events: what a row does, shown on a name that it fits.

use chrono::{DateTime, Utc};

use super::{
    glob::{Atom, Glob},
    rules::{Condition, Policy, TagRule},
    tagging::{RowPlan, plan_tags},
};
use crate::event::{Context, EventKind, RawEvent, RepositoryFacts, Subject};

/// The commit of all examples.
const COMMIT: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334";

/// What a row gives on an example event.
#[derive(Clone, Debug)]
pub struct Example {
    /// The event.
    pub context: Context,
    /// The tags.
    pub row: RowPlan,
}

/// Returns an example for each entry of a row that takes nothing away and that some name fits.
#[must_use]
pub fn examples(rule: &TagRule, policy: &Policy, now: DateTime<Utc>) -> Vec<Example> {
    // On its own, so that no other row decides what the event fits.
    let alone = Policy { rules: vec![rule.clone()], ..policy.clone() };
    rule.on
        .iter()
        .filter(|entry| !entry.negated)
        .filter_map(|entry| {
            let context = context(&entry.condition, now);
            let row = plan_tags(&context, &alone, 7).ok()?.rows.into_iter().next()?;
            Some(Example { context, row })
        })
        .collect()
}

fn context(condition: &Condition, now: DateTime<Utc>) -> Context {
    let (event, subject) = match condition {
        Condition::Release(glob) => (EventKind::Push, Subject::Tag(version_name(glob.as_ref(), "1.2.3"))),
        Condition::Prerelease(glob) => (EventKind::Push, Subject::Tag(version_name(glob.as_ref(), "1.3.0-rc.1"))),
        Condition::Tag(glob) => (EventKind::Push, Subject::Tag(name(glob, "example"))),
        Condition::Branch(glob) => {
            let filler = if glob.as_str().ends_with("v*") { "1.2" } else { "example" };
            (EventKind::Push, Subject::Branch(name(glob, filler)))
        }
        Condition::PullRequest => (EventKind::PullRequest, Subject::PullRequest(Some(456))),
        Condition::Schedule => (EventKind::Schedule, Subject::Branch("main".to_owned())),
        Condition::Dispatch => (EventKind::WorkflowDispatch, Subject::Branch("main".to_owned())),
        Condition::MergeGroup => (EventKind::MergeGroup, Subject::MergeGroup),
        // Their names depend on what the expressions in them find.
        Condition::Metadata(_) | Condition::Latest(_) => (EventKind::Push, Subject::Unknown),
    };
    event_on(event, subject, now)
}

/// Makes an event of which everything is known that a template may hold.
pub(super) fn event_on(event: EventKind, subject: Subject, now: DateTime<Utc>) -> Context {
    Context {
        event_name: event.name().to_owned(),
        event,
        action: None,
        subject,
        only_pull_requests: false,
        built_elsewhere: false,
        git_ref: None,
        sha: COMMIT.parse().ok(),
        repository: None,
        facts: RepositoryFacts::default(),
        base_ref: Some("main".to_owned()),
        run_number: Some(7),
        commit_date: Some(now.fixed_offset()),
        now,
        server_url: String::new(),
        raw: RawEvent::default(),
    }
}

/// Names the git tag of a version.
pub(super) fn version_name(glob: Option<&Glob>, version: &str) -> String {
    glob.map_or_else(|| format!("v{version}"), |glob| name(glob, version))
}

/// Writes a name that the glob fits: wildcards become `filler`.
#[must_use]
pub fn name(glob: &Glob, filler: &str) -> String {
    glob.parts()
        .iter()
        .map(|part| match &part.atom {
            Atom::Star | Atom::DoubleStar => filler.to_owned(),
            Atom::Literal(character) => character.to_string(),
            Atom::Set(inside) => inside.chars().next().map(String::from).unwrap_or_default(),
        })
        .collect()
}
