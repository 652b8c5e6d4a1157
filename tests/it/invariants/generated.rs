//! Rows, names and events by chance.

use chrono::{DateTime, FixedOffset};
use ghcr_lifecycle::{
    event::{Context, EventKind, RepositoryFacts, Subject},
    policy::{config, rules::Policy},
};
use proptest::{collection, prelude::*, sample, string::string_regex};

pub(super) const POLICIES: [&str; 5] = ["buildkit-riscv64", "kyklos", "phialo", "raqeem", "storefront"];

pub(super) fn policy(name: &str) -> Policy {
    config::parse(&std::fs::read_to_string(format!("fixtures/policies/{name}.yml")).unwrap()).unwrap()
}

/// Texts that the regular expression fits.
fn fitting(pattern: &str) -> BoxedStrategy<String> {
    string_regex(pattern).unwrap().boxed()
}

/// A branch or git tag, by what git and GitHub may let pass.
pub(super) fn name() -> BoxedStrategy<String> {
    prop_oneof![
        4 => fitting("[a-z0-9][a-zA-Z0-9_./#-]{0,20}"),
        2 => fitting("[-._#/🚀é]{1,6}[a-z0-9._#-]{0,12}"),
        1 => fitting("[#🚀é+.-]{1,8}"),
        1 => fitting("[a-z0-9#/._-]{100,300}"),
        1 => fitting("[0-9a-f]{8}"),
        2 => sample::select(vec!["main", "master", "latest", "release/v1.2", "release/1.2", "dev", "a-b", "1.2", "stable"])
            .prop_map(str::to_owned),
        1 => "\\PC{1,40}",
    ]
    .boxed()
}

fn prerelease() -> BoxedStrategy<String> {
    prop_oneof![
        fitting("(rc|beta|alpha)\\.(0|[1-9][0-9]{0,2})"),
        fitting("[a-z-][a-z0-9-]{0,8}(\\.[a-z-][a-z0-9-]{0,8}){0,3}"),
        fitting("-{1,3}"),
        fitting("[a-z0-9-]{120,200}x"),
    ]
    .boxed()
}

/// A version as text, with a pre-release part or not, with build metadata or not.
pub(super) fn version() -> BoxedStrategy<String> {
    let number = || prop_oneof![4 => 0..30_u64, 1 => any::<u64>()];
    (
        number(),
        number(),
        number(),
        proptest::option::of(prerelease()),
        proptest::option::of(fitting("[0-9a-z-]{1,8}(\\.[0-9]{1,2})?")),
    )
        .prop_map(|(major, minor, patch, prerelease, build)| {
            let prerelease = prerelease.map(|text| format!("-{text}")).unwrap_or_default();
            let build = build.map(|text| format!("+{text}")).unwrap_or_default();
            format!("{major}.{minor}.{patch}{prerelease}{build}")
        })
        .boxed()
}

/// A glob, with a name that it fits.
pub(super) fn glob_and_name() -> BoxedStrategy<(String, String)> {
    let part = prop_oneof![
        4 => fitting("[a-z0-9_]{1,4}").prop_map(|text| (text.clone(), text)),
        3 => fitting("[a-zA-Z0-9_.#-]{0,8}").prop_map(|text| ("*".to_owned(), text)),
        2 => name().prop_map(|text| ("**".to_owned(), text)),
        2 => fitting("[#/🚀@-]|\\."). prop_map(|text| (text.clone(), text)),
        1 => (fitting("[a-z#.-]"), 0..2_usize).prop_map(|(text, times)| (format!("{text}?"), text.repeat(times))),
        1 => (fitting("[a-z#.-]"), 1..4_usize).prop_map(|(text, times)| (format!("{text}+"), text.repeat(times))),
        1 => fitting("[a-f0-9]").prop_map(|text| ("[a-f0-9]".to_owned(), text)),
        1 => fitting("[a-f]{0,1}").prop_map(|text| ("[a-f]?".to_owned(), text)),
    ];
    collection::vec(part, 1..6)
        .prop_map(|parts| {
            let mut glob = String::new();
            let mut name = String::new();
            for (pattern, text) in parts {
                // Three stars are no pattern.
                if !(glob.ends_with('*') && pattern.starts_with('*')) {
                    glob.push_str(&pattern);
                    name.push_str(&text);
                }
            }
            (glob, name)
        })
        .prop_filter("an empty name is none", |(_, name)| !name.is_empty())
        .boxed()
}

fn date_format() -> BoxedStrategy<String> {
    let token = sample::select(vec![
        "YYYY", "YY", "MMMM", "MMM", "MM", "M", "DDDD", "DDD", "DD", "D", "dddd", "ddd", "GGGG", "WW", "W", "Q", "HH",
        "H", "hh", "h", "mm", "m", "ss", "s", "SSS", "A", "a", "x", "X", "-", ".", "_", ":", " ", "/", "[T]", "[.é]",
        "[week]", "[]",
    ]);
    let zone = sample::select(vec!["", " tz='Europe/Berlin'", " tz=\"America/New_York\"", " tz='Asia/Kathmandu'"]);
    (collection::vec(token, 1..6), zone).prop_map(|(tokens, zone)| format!("'{}'{zone}", tokens.concat())).boxed()
}

/// Text that a template may hold between its values.
fn literal() -> BoxedStrategy<String> {
    prop_oneof![3 => Just("-".to_owned()), 1 => Just(String::new()), 2 => fitting("[a-z0-9_.-]{1,6}")].boxed()
}

/// A template of values that `of` gives, and any that every event has.
fn template(of: &'static [&'static str]) -> BoxedStrategy<String> {
    let value = prop_oneof![
        6 => sample::select(of).prop_map(|name| format!("{{{{{name}}}}}")),
        2 => sample::select(vec!["{{sha}}", "{{sha.full}}", "{{run_number}}"]).prop_map(str::to_owned),
        1 => date_format().prop_map(|format| format!("{{{{date {format}}}}}")),
        1 => date_format().prop_map(|format| format!("{{{{commit_date {format}}}}}")),
    ];
    (fitting("([a-z0-9_][a-z0-9_.-]{0,5})?"), collection::vec((value, literal()), 1..4))
        .prop_map(|(start, values)| {
            let rest: String = values.into_iter().map(|(value, literal)| value + &literal).collect();
            start + &rest
        })
        .boxed()
}

/// A row, and an event that it fits (or nearly).
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// In YAML, of one line.
    pub(super) row: String,
    pub(super) context: Context,
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

pub(super) fn row(on: &[String], tags: &[String], also: &[String]) -> String {
    let list = |texts: &[String]| texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(", ");
    let also = if also.is_empty() { String::new() } else { format!(", also: [{}]", list(also)) };
    format!("{{on: [{}], tag: [{}]{also}}}", list(on), list(tags))
}

pub(super) fn policy_of(rows: &[String]) -> Option<Policy> {
    let rows: String = rows.iter().map(|row| format!("  - {row}\n")).collect();
    config::parse(&format!("version: 1\nimages: [ghcr.io/acme/shop]\ntags:\n{rows}")).ok()
}

fn time() -> BoxedStrategy<DateTime<FixedOffset>> {
    (0..250_000_000_000_i64, -12..13_i32)
        .prop_map(|(seconds, hours)| {
            let zone = FixedOffset::east_opt(hours * 3600).unwrap();
            DateTime::from_timestamp(seconds, 123_000_000).unwrap().with_timezone(&zone)
        })
        .boxed()
}

pub(super) fn context(event: EventKind, subject: Subject) -> BoxedStrategy<Context> {
    (fitting("[0-9a-f]{40}"), time(), time(), 1..1_000_000_u64, name())
        .prop_map(move |(sha, now, commit_date, run_number, base_ref)| Context {
            event_name: event.name().to_owned(),
            event: event.clone(),
            action: None,
            subject: subject.clone(),
            only_pull_requests: false,
            built_elsewhere: false,
            git_ref: None,
            sha: Some(sha.parse().unwrap()),
            repository: None,
            facts: RepositoryFacts::default(),
            base_ref: Some(base_ref),
            run_number: Some(run_number),
            commit_date: Some(commit_date),
            now: now.to_utc(),
            server_url: "https://github.com".to_owned(),
            raw: Default::default(),
        })
        .boxed()
}

fn case(on: String, event: EventKind, subject: Subject, values: &'static [&'static str]) -> BoxedStrategy<Case> {
    let templates = || collection::vec(template(values), 1..3);
    let away = prop_oneof![
        3 => Just(Vec::new()),
        1 => sample::select(vec!["!branch main", "!branch dev*", "!branch **-x", "!tag v*"]).prop_map(|text| vec![text.to_owned()]),
    ];
    (templates(), prop_oneof![Just(Vec::new()).boxed(), templates().boxed()], away, context(event, subject))
        .prop_map(move |(tags, also, away, context)| {
            let on: Vec<String> = std::iter::once(on.clone()).chain(away).collect();
            Case { row: row(&on, &tags, &also), context }
        })
        .boxed()
}

/// A row of any kind with an event for it.
pub(super) fn any_case() -> BoxedStrategy<Case> {
    const VERSIONS: &[&str] = &["version", "major", "minor", "patch", "tag", "base_ref"];
    const PRERELEASES: &[&str] = &["version", "major", "minor", "patch", "prerelease", "tag", "base_ref"];
    prop_oneof![
        6 => glob_and_name().prop_flat_map(|(glob, name)| {
            let values: &[&str] = if glob.contains('*') { &["branch", "branch", "branch.1"] } else { &["branch"] };
            case(format!("branch {glob}"), EventKind::Push, Subject::Branch(name), values)
        }),
        3 => glob_and_name().prop_flat_map(|(glob, name)| {
            let values: &[&str] = if glob.contains('*') { &["tag", "tag.1", "base_ref"] } else { &["tag"] };
            case(format!("tag {glob}"), EventKind::Push, Subject::Tag(name), values)
        }),
        2 => (version(), any::<bool>()).prop_flat_map(|(version, v)| {
            let name = format!("{}{version}", if v { "v" } else { "" });
            case("release".to_owned(), EventKind::Push, Subject::Tag(name), VERSIONS)
        }),
        2 => (version(), any::<bool>()).prop_flat_map(|(version, v)| {
            let name = format!("{}{version}", if v { "v" } else { "" });
            case("prerelease".to_owned(), EventKind::Release, Subject::Tag(name), PRERELEASES)
        }),
        1 => version().prop_flat_map(|version| {
            case("release app-v*".to_owned(), EventKind::Create, Subject::Tag(format!("app-v{version}")), &["version", "tag", "tag.1"])
        }),
        1 => version().prop_flat_map(|version| {
            case("prerelease app-*".to_owned(), EventKind::Push, Subject::Tag(format!("app-{version}")), &["version", "prerelease", "tag"])
        }),
        1 => (1..u64::MAX).prop_flat_map(|number| {
            case("pull request".to_owned(), EventKind::PullRequest, Subject::PullRequest(Some(number)), &["number", "number", "base_ref"])
        }),
        1 => name().prop_flat_map(|name| case("schedule".to_owned(), EventKind::Schedule, Subject::Branch(name), &["branch"])),
        1 => name().prop_flat_map(|name| {
            case("dispatch".to_owned(), EventKind::WorkflowDispatch, Subject::Tag(name), &["tag"])
        }),
        1 => Just(()).prop_flat_map(|()| case("merge group".to_owned(), EventKind::MergeGroup, Subject::MergeGroup, &["base_ref"])),
    ]
    .boxed()
}

/// Any event that a policy may meet.
pub(super) fn any_context() -> BoxedStrategy<Context> {
    let subject = prop_oneof![
        3 => name().prop_map(Subject::Branch),
        2 => name().prop_map(Subject::Tag),
        3 => (version(), sample::select(vec!["", "v", "app-v", "docs-"])).prop_map(|(version, start)| Subject::Tag(format!("{start}{version}"))),
        1 => fitting("release/v[a-z0-9.#]{1,6}").prop_map(Subject::Branch),
        1 => (1..1_000_000_u64).prop_map(|number| Subject::PullRequest(Some(number))),
        1 => Just(Subject::PullRequest(None)),
        1 => Just(Subject::MergeGroup),
        1 => Just(Subject::Unknown),
    ];
    let event = sample::select(vec![
        EventKind::Push,
        EventKind::Create,
        EventKind::Release,
        EventKind::Schedule,
        EventKind::WorkflowDispatch,
        EventKind::PullRequest,
        EventKind::PullRequestTarget,
        EventKind::MergeGroup,
        EventKind::Other("issue_comment".to_owned()),
    ]);
    (event, subject).prop_flat_map(|(event, subject)| context(event, subject)).boxed()
}
