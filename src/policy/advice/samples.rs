//! Example tags of a row: what typical events give, several for each entry of `on`, the most typical first.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::{
    event::{Context, EventKind, Subject},
    model::{CommitId, Tag},
    policy::{
        example::{event_on, name, version_name},
        glob::{Atom, Glob},
        inversion::Role,
        rules::{Condition, Policy, TagMatcher, TagRule},
        tagging::plan_tags,
    },
};

/// An example tag.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) tag: Tag,
    pub(super) role: Role,
    /// The branch that gave it.
    pub(super) branch: Option<String>,
    /// The pull request that gave it.
    pub(super) number: Option<u64>,
}

/// Branches as people call them.
const BRANCHES: [&str; 9] = [
    "main",
    "master",
    "develop",
    "feature/login",
    "fix-123",
    "release/1.2",
    "release-1.2",
    "release/v1.2",
    "dependabot/npm_and_yarn/lodash-4.17.21",
];
/// Git tags as people call them; the releases have rows of their own.
const GIT_TAGS: [&str; 3] = ["spring", "v1.2.3", "2026-03"];
/// What wildcards stand for: after words such as `release`, and elsewhere.
const VERSIONS: [&str; 3] = ["1.2", "0.1", "1.x"];
const WORDS: [&str; 3] = ["example", "login", "fix-123"];
const RELEASES: [&str; 3] = ["1.2.3", "0.1.0", "10.20.30"];
const PRERELEASES: [&str; 3] = ["1.3.0-rc.1", "2.0.0-beta", "1.3.0-alpha.20260301"];
/// Tags as registries hold them, for rows that only `match`.
const TAGS: [&str; 22] = [
    "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334",
    "a1b2c3d",
    "v1.2.3",
    "1.2.3",
    "1.3.0-rc.1",
    "pr-456",
    "pr-456-a1b2c3d",
    "main-a1b2c3d",
    "sha-a1b2c3d",
    "nightly-20260301",
    "20260301",
    "preview-login",
    "feature-login",
    "main",
    "master",
    "develop",
    "dev",
    "edge",
    "nightly",
    "latest",
    "buildcache",
    "cache-main",
];
/// A commit whose first digits are no letters: one of 27 is such.
const NUMERIC_COMMIT: &str = "7654321f00d60718293a4b5c6d7e8f9001122334";

/// Returns the example tags of a row, each once. Rolling tags, which always stay, are none.
pub(super) fn samples(rule: &TagRule, policy: &Policy) -> Vec<Sample> {
    let mut seen = BTreeSet::new();
    let mut samples = if rule.on.is_empty() { matched(rule) } else { created(rule, policy) };
    samples.retain(|sample| seen.insert(sample.tag.clone()));
    samples
}

fn created(rule: &TagRule, policy: &Policy) -> Vec<Sample> {
    // The row alone, so that no other decides what an event fits; its `index` lives as its `also` do.
    let mut alone = rule.clone();
    alone.also.extend(alone.index.take());
    alone.rolling.clear();
    let bare = Policy { rules: vec![alone], ..bare(policy) };
    let mut samples = Vec::new();
    for entry in rule.on.iter().filter(|entry| !entry.negated) {
        for (context, sha_length) in events(&entry.condition) {
            let Ok(plan) = plan_tags(&context, &bare, sha_length) else { continue };
            for row in plan.rows {
                let (branch, number) = match &context.subject {
                    Subject::Branch(name) => (Some(name.clone()), None),
                    Subject::PullRequest(number) => (None, *number),
                    _ => (None, None),
                };
                samples.extend(row.tags().map(|(role, tag)| Sample {
                    tag: tag.clone(),
                    role,
                    branch: branch.clone(),
                    number,
                }));
            }
        }
    }
    samples
}

/// The policy without its rows, which are many.
fn bare(policy: &Policy) -> Policy {
    Policy {
        images: policy.images.clone(),
        rules: Vec::new(),
        untagged: None,
        keep_at_least: 0,
        protect: Vec::new(),
        references: None,
        repository: None,
        unreadable: Vec::new(),
        checks: None,
        visibility: None,
        release_notes: false,
        mirrors: Vec::new(),
        upstream: None,
        drop_in: None,
        not_carried_out: Vec::new(),
    }
}

fn matched(rule: &TagRule) -> Vec<Sample> {
    let Some(TagMatcher { text, regex }) = &rule.matcher else { return Vec::new() };
    let written = match Glob::parse(text) {
        Ok(glob) if !text.starts_with('/') => filled(&glob, &WORDS),
        _ => Vec::new(),
    };
    let texts = written.iter().map(String::as_str).chain(TAGS);
    let tags = texts.filter(|text| regex.is_match(text)).filter_map(|text| text.parse().ok());
    tags.map(|tag| Sample { tag, role: Role::Tag, branch: None, number: None }).collect()
}

/// The time of all examples, so that they are the same each time.
pub(super) fn example_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_772_368_496, 0).expect("a time of 2026")
}

/// Returns events that an entry may fit, each with the length of its abbreviated commit.
fn events(condition: &Condition) -> Vec<(Context, usize)> {
    let push = |subjects: Vec<Subject>| -> Vec<(EventKind, Subject)> {
        subjects.into_iter().map(|subject| (EventKind::Push, subject)).collect()
    };
    let main = || Subject::Branch("main".to_owned());
    let versions = |glob: &Option<Glob>, versions: &[&str]| {
        versions.iter().map(|version| Subject::Tag(version_name(glob.as_ref(), version))).collect()
    };
    let events = match condition {
        Condition::Release(glob) => push(versions(glob, &RELEASES)),
        Condition::Prerelease(glob) => push(versions(glob, &PRERELEASES)),
        Condition::Tag(glob) => push(names(glob, &GIT_TAGS).into_iter().map(Subject::Tag).collect()),
        Condition::Branch(glob) => push(names(glob, &BRANCHES).into_iter().map(Subject::Branch).collect()),
        Condition::PullRequest => {
            [456, 7].map(|number| (EventKind::PullRequest, Subject::PullRequest(Some(number)))).to_vec()
        }
        Condition::Schedule => vec![(EventKind::Schedule, main())],
        Condition::Dispatch => vec![(EventKind::WorkflowDispatch, main())],
        Condition::MergeGroup => vec![(EventKind::MergeGroup, Subject::MergeGroup)],
        // Their names depend on what the expressions in them find.
        Condition::Metadata(_) | Condition::Latest(_) => Vec::new(),
    };
    let numeric: Option<CommitId> = NUMERIC_COMMIT.parse().ok();
    let mut contexts: Vec<(Context, usize)> =
        events.into_iter().map(|(event, subject)| (event_on(event, subject, example_time()), 7)).collect();
    if let Some((first, _)) = contexts.first().cloned() {
        contexts.extend([(first.clone(), 12), (first.clone(), 40), (Context { sha: numeric, ..first }, 7)]);
    }
    contexts
}

/// Returns the names of a pool that a glob fits; where none does, its wildcards are filled in.
fn names(glob: &Glob, pool: &[&str]) -> Vec<String> {
    let fitting: Vec<String> = pool.iter().filter(|name| glob.matches(name)).map(|name| (*name).to_owned()).collect();
    if !fitting.is_empty() {
        return fitting;
    }
    let text = glob.as_str();
    let about_versions = ["release", "stable", "v", "version", "hotfix", "support", "maint"]
        .iter()
        .any(|word| text.split(|c: char| !c.is_ascii_alphanumeric()).any(|part| part == *word));
    filled(glob, if about_versions { &VERSIONS } else { &WORDS })
}

fn filled(glob: &Glob, fillers: &[&str]) -> Vec<String> {
    let wild = glob.parts().iter().any(|part| matches!(part.atom, Atom::Star | Atom::DoubleStar));
    let fillers = if wild { fillers } else { &fillers[..1] };
    let names = fillers.iter().map(|filler| name(glob, filler));
    names.filter(|name| glob.matches(name)).collect()
}
