//! What happens in a year of the project, as data: the dates are fixed, the names are those that the rows of the policy ask
//! for.

use std::collections::BTreeSet;

use chrono::{DateTime, Days, NaiveDate, Utc};

use crate::{
    model::Tag,
    policy::{
        example::name,
        glob::Glob,
        rules::{Condition, Policy, TagMatcher, TagRule},
    },
};

/// The year.
pub(super) const YEAR: i32 = 2025;

/// How many patterns of one kind of row the story plays; further ones would only tell the same again.
const PATTERNS: usize = 2;

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
        for event in pull_request(number, &names.topic(topic), fate, &default_branch, names.merge_group) {
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
        _ => true,
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
fn pull_request(month: u32, branch: &str, fate: Fate, default_branch: &str, queue: bool) -> Vec<Event> {
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
        events.push((closed, push(default_branch)));
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

/// The names that the rows ask for.
struct Names {
    default_branch: String,
    /// Further branches that a row names in full.
    long_lived: Vec<String>,
    /// What short-lived branches are called.
    topics: Vec<Pattern>,
    /// What branches of older versions are called.
    maintenance: Vec<Pattern>,
    releases: Vec<Form>,
    prereleases: Vec<Form>,
    tags: Vec<Glob>,
    schedule: bool,
    dispatch: bool,
    merge_group: bool,
}

/// The name of a version's git tag.
struct Form(Option<Glob>);

impl Form {
    fn name(&self, version: &str) -> String {
        self.0.as_ref().map_or_else(|| format!("v{version}"), |glob| name(glob, version))
    }
}

/// A row's pattern for branches, with those that it takes away.
struct Pattern {
    glob: Glob,
    taken_away: Vec<Glob>,
}

impl Pattern {
    fn all(rule: &TagRule) -> impl Iterator<Item = Self> {
        let globs = |negated: bool| {
            rule.on.iter().filter(move |entry| entry.negated == negated).filter_map(|entry| match &entry.condition {
                Condition::Branch(glob) => Some(glob.clone()),
                _ => None,
            })
        };
        globs(false).map(move |glob| Self { glob, taken_away: globs(true).collect() })
    }

    /// Writes the first of these that it fits, in the places of its wildcards.
    fn name(&self, fillers: &[&str]) -> Option<String> {
        fillers
            .iter()
            .map(|filler| name(&self.glob, filler))
            .find(|name| self.glob.matches(name) && !self.taken_away.iter().any(|glob| glob.matches(name)))
    }

    /// Tells whether branches of older versions are meant, by the words that projects use for them.
    fn is_maintenance(&self) -> bool {
        let text = self.glob.as_str();
        ["release", "hotfix", "maint", "stable", "support"].iter().any(|word| text.contains(word))
            || text.ends_with("v*")
            || text.ends_with(".x")
    }
}

impl Names {
    fn of(policy: &Policy) -> Self {
        let (named, patterns): (Vec<Pattern>, Vec<Pattern>) =
            policy.rules.iter().flat_map(Pattern::all).partition(|pattern| pattern.glob.wildcards() == 0);
        // The first of each row: `["branch main", "branch master"]` is about one branch.
        let first_of_row =
            policy.rules.iter().filter_map(|rule| Pattern::all(rule).find(|one| one.glob.wildcards() == 0));
        let mut branches: Vec<String> = first_of_row.filter_map(|pattern| pattern.name(&[""])).collect();
        let is_usual = |name: &String| matches!(name.as_str(), "main" | "master" | "trunk");
        let usual = named.iter().filter_map(|pattern| pattern.name(&[""])).find(is_usual);
        let default_branch = usual.or_else(|| branches.first().cloned()).unwrap_or_else(|| "main".to_owned());
        branches.retain(|branch| *branch != default_branch);
        branches.dedup();
        branches.truncate(PATTERNS);
        let (maintenance, topics) = patterns.into_iter().partition(Pattern::is_maintenance);
        let mut names = Self {
            default_branch,
            long_lived: branches,
            topics,
            maintenance,
            releases: Vec::new(),
            prereleases: Vec::new(),
            tags: Vec::new(),
            schedule: false,
            dispatch: false,
            merge_group: false,
        };
        for entry in policy.rules.iter().flat_map(|rule| &rule.on).filter(|entry| !entry.negated) {
            names.note(&entry.condition);
        }
        names
    }

    fn note(&mut self, condition: &Condition) {
        let add = |forms: &mut Vec<Form>, glob: &Option<Glob>| {
            let form = Form(glob.clone());
            let is_new = forms.iter().all(|known| known.name("1.0.0") != form.name("1.0.0"));
            if is_new && forms.len() < PATTERNS {
                forms.push(form);
            }
        };
        match condition {
            Condition::Release(glob) => add(&mut self.releases, glob),
            Condition::Prerelease(glob) => add(&mut self.prereleases, glob),
            Condition::Tag(glob) if self.tags.len() < PATTERNS => self.tags.push(glob.clone()),
            Condition::Schedule => self.schedule = true,
            Condition::Dispatch => self.dispatch = true,
            Condition::MergeGroup => self.merge_group = true,
            Condition::Tag(_)
            | Condition::Branch(_)
            | Condition::PullRequest
            | Condition::Metadata(_)
            | Condition::Latest(_) => {}
        }
    }

    fn topic(&self, word: &str) -> String {
        let usual = format!("feature/{word}");
        let known = self.topics.iter().find_map(|pattern| pattern.name(&[&usual, word]));
        known.unwrap_or(usual)
    }

    fn maintenance(&self, series: &str) -> String {
        let usual = format!("release/{series}");
        self.maintenance.iter().find_map(|pattern| pattern.name(&[series])).unwrap_or(usual)
    }
}

/// Tags that a former pipeline may have left: some for each row that only retires tags.
fn former_tags(policy: &Policy) -> Vec<Tag> {
    let retiring = policy.rules.iter().filter(|rule| rule.on.is_empty()).filter_map(|rule| rule.matcher.as_ref());
    retiring.take(PATTERNS).flat_map(matching).collect()
}

/// Guesses tags that an expression matches.
fn matching(matcher: &TagMatcher) -> Vec<Tag> {
    let TagMatcher { text, regex } = matcher;
    let hex = "4f1c2ab98d7e6f5a4b3c2d1e0f9a8b7c6d5e4f30";
    let guesses = ["amd64", "arm64"].map(|filler| text.replace('*', &format!("-{filler}")));
    let usual = [hex, &hex[..7], "pr-1", "nightly-20241231", "preview-old", "1.0.0-old", "v0.0.1", "old", "1"];
    let all = guesses.iter().map(String::as_str).chain(usual);
    all.filter(|guess| regex.is_match(guess)).filter_map(|guess| guess.parse().ok()).take(2).collect()
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

    #[test]
    fn names_fit_the_rows() {
        let text = "version: 1\nimages: [ghcr.io/a/b]\ntags:\n  - on: [\"branch **\", \"!branch feature/**\", \"!branch trunk\"]\n    tag: \"x-{{branch}}\"\n  - on: branch trunk\n    tag: \"{{sha}}\"\n  - on: branch maint-*\n    tag: \"m-{{sha}}\"\n";
        let names = Names::of(&config::parse(text).expect("a valid policy"));
        assert_eq!(names.default_branch, "trunk");
        assert_eq!((names.topic("tls"), names.maintenance("0.1")), ("tls".to_owned(), "maint-0.1".to_owned()));
    }
}
