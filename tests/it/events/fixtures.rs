//! Every folder of `fixtures/events` against the context beside it.

use std::{collections::BTreeMap, fs, panic};

use ghcr_lifecycle::{
    event::{Context, EventError, RepositoryFacts, Subject},
    model::RepositoryName,
};

use super::{Fixture, assert_sane};

#[test]
fn each_fixture_gives_the_context_beside_it() {
    let mut failed = Vec::new();
    for fixture in Fixture::all() {
        let context = fixture.context();
        if let Ok(context) = &context {
            assert_sane(context);
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&fixture.folder);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let text = format!("{}\n\n{}", fixture.about, rendered(&context));
        // All that differ are reported, not the first only.
        let assertion = panic::AssertUnwindSafe(|| settings.bind(|| insta::assert_snapshot!("context", text)));
        if panic::catch_unwind(assertion).is_err() {
            failed.push(fixture.name);
        }
    }
    assert!(failed.is_empty(), "these fixtures give another context: {failed:?}");
}

#[test]
fn no_fixture_has_a_file_that_no_test_reads() {
    let mut names = BTreeMap::new();
    for fixture in Fixture::all() {
        for entry in fs::read_dir(&fixture.folder).unwrap() {
            let file = entry.unwrap().file_name().into_string().unwrap();
            assert!(
                ["env", "payload.json", "context.snap"].contains(&file.as_str()),
                "fixtures/events/{}/{file} is read by no test",
                fixture.name
            );
        }
        let event = fixture.environment.get("GITHUB_EVENT_NAME").cloned().unwrap_or_default();
        *names.entry(event).or_insert(0) += 1;
    }
    for event in super::KNOWN {
        assert!(names.contains_key(event), "no fixture for `{event}`");
    }
}

#[test]
fn input_ref_is_checked() {
    let context = || ghcr_lifecycle::event::parse(&BTreeMap::new(), None, super::clock()).unwrap();
    let subject = |input: &str| context().with_ref(input).map(|context| context.subject);
    for wrong in ["", "  ", "a\nb", "a\tb", "a\u{7f}b", "a b", "refs/heads/", "refs/pull/1/head", &"x".repeat(1_001)] {
        let error = subject(wrong).expect_err(wrong);
        assert!(!error.to_string().contains(char::is_control) && error.to_string().chars().count() < 300, "{error}");
    }
    for (input, expected) in [
        ("v0.14.0", Subject::Tag("v0.14.0".into())),
        ("0.14.0-rc.1+build", Subject::Tag("0.14.0-rc.1+build".into())),
        ("v0.14", Subject::Branch("v0.14".into())),
        ("refs/tags/v0.14", Subject::Tag("v0.14".into())),
        ("refs/heads/deadbeef", Subject::Branch("deadbeef".into())),
        ("DeadBeef", Subject::Commit("deadbeef".into())),
        ("deadbe", Subject::Branch("deadbe".into())),
        (" master\n", Subject::Branch("master".into())),
        (&"x".repeat(1_000), Subject::Branch("x".repeat(1_000))),
    ] {
        assert_eq!(subject(input).unwrap(), expected, "{input:?}");
    }
}

/// Renders a context for a person to check.
fn rendered(context: &Result<Context, EventError>) -> String {
    let context = match context {
        Ok(context) => context,
        Err(error) => return format!("failed to {error}\nhint: {}\n", error.hint()),
    };
    let Context {
        event_name,
        event,
        action,
        subject,
        only_pull_requests,
        built_elsewhere,
        git_ref,
        sha,
        repository,
        facts: RepositoryFacts { name: _, html_url, description, license, default_branch },
        base_ref,
        run_number,
        commit_date,
        now,
        server_url,
        // `raw.rs` holds it, case by case.
        raw: _,
    } = context;
    let subject = match subject {
        Subject::Branch(name) => format!("branch {}", short(name)),
        Subject::Tag(name) => format!("tag {}", short(name)),
        Subject::PullRequest(Some(number)) => format!("pull request {number}"),
        Subject::PullRequest(None) => "a pull request without a number".to_owned(),
        Subject::MergeGroup => "merge group".to_owned(),
        Subject::Unresolved(name) => format!("tag or branch {}", short(name)),
        Subject::Commit(commit) => format!("commit {commit}"),
        Subject::Nothing(why) => format!("nothing: {why}"),
        Subject::Unknown => "unknown".to_owned(),
    };
    let mut event = event.name().to_owned();
    if event != *event_name {
        event = format!("{event_name}, judged as {event}");
    }
    let lines = [
        ("event", Some(event)),
        ("action", action.as_deref().map(short)),
        ("subject", Some(subject)),
        ("only", only_pull_requests.then(|| "pull request rows".to_owned())),
        ("built", built_elsewhere.then(|| "elsewhere".to_owned())),
        ("git ref", git_ref.as_deref().map(short)),
        ("commit", sha.as_ref().map(ToString::to_string)),
        ("committed", commit_date.map(|date| date.to_rfc3339())),
        ("base", base_ref.as_deref().map(short)),
        ("repository", repository.as_ref().map(RepositoryName::to_string)),
        ("page", html_url.as_deref().map(short)),
        ("description", description.as_deref().map(short)),
        ("licence", license.as_deref().map(short)),
        ("default", default_branch.as_deref().map(short)),
        ("run", run_number.map(|number| number.to_string())),
        ("now", Some(now.to_rfc3339())),
        ("server", Some(short(server_url))),
    ];
    lines.iter().map(|(key, value)| format!("{key:<12} {}\n", value.as_deref().unwrap_or("-"))).collect()
}

fn short(text: &str) -> String {
    let length = text.chars().count();
    let beginning: String = text.chars().take(100).flat_map(char::escape_debug).collect();
    if length > 100 { format!("{beginning}… ({length} characters)") } else { beginning }
}
