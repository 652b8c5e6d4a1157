//! What happens in a year of the project, as data: the dates are fixed, the names are those that the rows of the policy ask
//! for.

use std::collections::BTreeSet;

use chrono::{DateTime, Days, NaiveDate, Utc};

use super::names::{Names, former_tags};
use crate::{
    model::Tag,
    policy::{example::name, rules::Policy},
};

/// The year.
pub(super) const YEAR: i32 = 2025;

/// Something that happens on a date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) at: DateTime<Utc>,
    pub(super) what: What,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A commit is pushed to a branch.
    Push {
        branch: String,
        /// The git tag at which the branch begins if it is new; `None` for the tip of the default branch.
        from: Option<String>,
    },
    /// The branch of a closed pull request is merged to the default branch.
    Merge { branch: String },
    /// A git tag is pushed for the tip of a branch.
    Tag { name: String, branch: String, kind: TagKind },
    /// A pull request from a branch is opened.
    Open { branch: String },
    /// A pull request follows its branch.
    Update { branch: String },
    /// A merge queue checks the pull request of a branch.
    Queue { branch: String },
    /// The pull request of a branch is closed.
    Close { branch: String, merged: bool },
    /// A branch is deleted.
    Delete { branch: String },
    /// A cron time comes.
    Schedule,
    /// Somebody starts the workflow.
    Dispatch,
    /// Somebody pushes an image past the policy.
    ByHand { tag: Tag },
}

/// What a git tag stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagKind {
    Release,
    Prerelease,
    /// A release of an older series than the newest one.
    Hotfix,
    /// No version.
    Plain,
}

/// A year of a project.
#[derive(Clone, Debug)]
pub(super) struct Story {
    pub(super) default_branch: String,
    /// What happens, oldest first.
    pub(super) events: Vec<Event>,
    /// What may be under way when the year ends: the first that the policy has a row for is.
    pub(super) last: Vec<What>,
}

/// The branches that work is done on, and what becomes of the pull request of each.
const TOPICS: [(&str, Fate); 12] = [
    ("search", Fate::Merged),
    ("login", Fate::Merged),
    ("metrics", Fate::Rejected),
    ("retries", Fate::Merged),
    ("arm-build", Fate::Forgotten),
    ("tls", Fate::Merged),
    ("cache", Fate::Merged),
    ("webhooks", Fate::Rejected),
    ("quotas", Fate::Merged),
    ("tracing", Fate::Merged),
    ("dark-mode", Fate::Open),
    ("backups", Fate::Open),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Merged,
    Rejected,
    /// Merged, but the branch stays.
    Forgotten,
    Open,
}

/// The versions of the year, with their days. Those after a pause follow an older series.
const VERSIONS: [(u32, u32, &str, TagKind); 13] = [
    (1, 14, "0.1.0", TagKind::Release),
    (2, 18, "0.2.0-beta.1", TagKind::Prerelease),
    (3, 4, "0.2.0-rc.1", TagKind::Prerelease),
    (3, 11, "0.2.0", TagKind::Release),
    (3, 25, "0.1.1", TagKind::Hotfix),
    (5, 6, "0.3.0-beta.1", TagKind::Prerelease),
    (5, 27, "0.3.0", TagKind::Release),
    (7, 8, "0.2.1", TagKind::Hotfix),
    (8, 19, "0.4.0", TagKind::Release),
    (9, 23, "1.0.0-rc.1", TagKind::Prerelease),
    (10, 7, "1.0.0", TagKind::Release),
    (11, 11, "1.0.1", TagKind::Release),
    (11, 25, "0.4.1", TagKind::Hotfix),
];

/// The version that would come next.
const NEXT_VERSION: &str = "1.1.0";

/// Returns a moment of the year.
pub(super) fn moment(month: u32, day: u32, hour: u32) -> DateTime<Utc> {
    let date = NaiveDate::from_ymd_opt(YEAR, month, day).unwrap_or_default();
    date.and_hms_opt(hour, 0, 0).unwrap_or_default().and_utc()
}

/// Tells the year of a project that has this policy.
pub(super) fn story(policy: &Policy) -> Story {
    let names = Names::of(policy);
    let default_branch = names.default_branch.clone();
    let mut events = Vec::new();
    let mut add = |at: DateTime<Utc>, what: What| events.push(Event { at, what });
    let push = |branch: &str| What::Push { branch: branch.to_owned(), from: None };

    for tag in former_tags(policy) {
        add(moment(1, 2, 9), What::ByHand { tag });
    }
    if let Ok(tag) = "try-this".parse() {
        add(moment(2, 10, 16), What::ByHand { tag });
    }
    for month in 1..=12 {
        add(moment(month, 6, 9), push(&default_branch));
        add(moment(month, 20, 15), push(&default_branch));
        for branch in names.long_lived.iter() {
            add(moment(month, 12, 11), push(branch));
        }
        if names.dispatch {
            add(moment(month, 15, 10), What::Dispatch);
        }
    }
    for (number, (topic, fate)) in (1_u32..).zip(TOPICS) {
        for event in pull_request(number, &names.topic(topic), fate, names.merge_group) {
            add(event.at, event.what);
        }
    }
    for (month, day, version, kind) in VERSIONS {
        for event in version_tag(month, day, version, kind, &names) {
            add(event.at, event.what);
        }
    }
    for (month, season) in [(3, "spring"), (6, "summer"), (9, "autumn"), (12, "winter")] {
        for glob in &names.tags {
            let name = name(glob, season);
            add(moment(month, 3, 14), What::Tag { name, branch: default_branch.clone(), kind: TagKind::Plain });
        }
    }
    if names.schedule {
        for third in 0..17 {
            add(moment(1, 6, 3) + Days::new(21 * third), What::Schedule);
        }
    }
    events.sort_by_key(|event| event.at);
    // A pattern without a wildcard has one name only, and a git tag is made once.
    let mut tags = BTreeSet::new();
    events.retain(|event| match &event.what {
        What::Tag { name, .. } => tags.insert(name.clone()),
        What::Push { .. }
        | What::Merge { .. }
        | What::Open { .. }
        | What::Update { .. }
        | What::Queue { .. }
        | What::Close { .. }
        | What::Delete { .. }
        | What::Schedule
        | What::Dispatch
        | What::ByHand { .. } => true,
    });
    let plain = names.tags.iter().map(|glob| (name(glob, "finale"), TagKind::Plain));
    let release = names.releases.iter().map(|form| (form.name(NEXT_VERSION), TagKind::Release));
    let mut last = vec![push(&default_branch)];
    last.extend(names.long_lived.iter().map(|branch| push(branch)));
    last.extend(TOPICS.last().map(|(topic, _)| What::Update { branch: names.topic(topic) }));
    last.extend(release.chain(plain).map(|(name, kind)| What::Tag { name, branch: default_branch.clone(), kind }));
    last.extend(TOPICS.last().map(|(topic, _)| push(&names.topic(topic))));
    last.extend([What::Schedule, What::Dispatch]);
    Story { default_branch, events, last }
}

/// The life of a branch with its pull request.
fn pull_request(month: u32, branch: &str, fate: Fate, queue: bool) -> Vec<Event> {
    let (branch, opened) = (branch.to_owned(), moment(month.min(12), 4, 10));
    let push = |branch: &str| What::Push { branch: branch.to_owned(), from: None };
    let mut events = vec![(opened, push(&branch)), (opened, What::Open { branch: branch.clone() })];
    if !month.is_multiple_of(2) {
        let updated = opened + Days::new(3);
        events.extend([(updated, push(&branch)), (updated, What::Update { branch: branch.clone() })]);
    }
    // Every third one waits for weeks.
    let closed = opened + Days::new(if month.is_multiple_of(3) { 40 } else { 9 });
    let merged = matches!(fate, Fate::Merged | Fate::Forgotten);
    if merged && queue {
        events.push((closed, What::Queue { branch: branch.clone() }));
    }
    if fate != Fate::Open {
        events.push((closed, What::Close { branch: branch.clone(), merged }));
    }
    if merged {
        events.push((closed, What::Merge { branch: branch.clone() }));
    }
    if matches!(fate, Fate::Merged | Fate::Rejected) {
        events.push((closed, What::Delete { branch }));
    }
    events.into_iter().map(|(at, what)| Event { at, what }).collect()
}

/// A version's git tag: of the default branch, or of one that goes on from the version before it.
fn version_tag(month: u32, day: u32, version: &str, kind: TagKind, names: &Names) -> Vec<Event> {
    let forms = if kind == TagKind::Prerelease { &names.prereleases } else { &names.releases };
    let at = moment(month, day, 12);
    let series = version.rsplit_once('.').map_or(version, |(series, _)| series);
    let mut events = Vec::new();
    for form in forms {
        let branch = if kind == TagKind::Hotfix { names.maintenance(series) } else { names.default_branch.clone() };
        if kind == TagKind::Hotfix && events.is_empty() {
            let from = Some(form.name(&format!("{series}.0")));
            events.push(Event { at: moment(month, day, 8), what: What::Push { branch: branch.clone(), from } });
        }
        events.push(Event { at, what: What::Tag { name: form.name(version), branch, kind } });
    }
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::config;

    #[test]
    fn no_policy_makes_the_year_long() {
        let rows: String = (0..30)
            .flat_map(|number| {
                [
                    "release r{}-*",
                    "prerelease r{}-*",
                    "tag t{}-*",
                    "branch b{}",
                    "branch w{}/**",
                    "schedule",
                    "dispatch",
                ]
                .map(|on| {
                    format!("  - on: {}\n    tag: \"x{number}-{{{{sha}}}}\"\n", on.replace("{}", &number.to_string()))
                })
            })
            .collect();
        let text = format!(
            "version: 1\nimages: [ghcr.io/a/b]\ntags:\n{rows}  - on: merge group\n    tag: \"q-{{{{sha}}}}\"\n"
        );
        let story = story(&config::parse(&text).expect("a valid policy"));
        assert!(story.events.len() <= 230, "{}", story.events.len());
        assert!(story.events.is_sorted_by_key(|event| event.at));
    }
}
