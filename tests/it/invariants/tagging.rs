//! From events to tags, and back from tags to rows.

use std::collections::BTreeMap;

use chrono::DateTime;
use ghcr_lifecycle::{
    event::{self, Context, EventKind, Subject},
    model::Tag,
    policy::{
        inversion::{Inversion, Role},
        rules::{Condition, Policy},
        tagging::{RowPlan, plan_tags},
        template::{Template, Variable},
    },
};
use proptest::{collection, prelude::*, sample};
use serde_json::json;

use super::generated::{self, Case, POLICIES, any_case, any_context, name, policy_of, row, version};

fn settings(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Each tag of a row is one, and is explained by the row in its role.
fn assert_explained(policy: &Policy, rows: &[RowPlan]) {
    for row in rows {
        let rule = &policy.rules[row.rule];
        let inversion = Inversion::of(rule);
        for (role, tag) in row.tags() {
            assert_eq!(tag.as_str().parse::<Tag>().unwrap(), *tag);
            assert!(inversion.explain_as(role, tag).is_some(), "{} does not explain its {role:?} `{tag}`", rule.row);
            assert!(inversion.explain(tag).is_some());
        }
    }
}

/// Whether the values can be told from the text between them.
fn is_plain(template: &Template) -> bool {
    let variables: Vec<_> = template.variables().collect();
    variables.windows(2).all(|pair| template.as_str()[pair[0].1.end..pair[1].1.start].starts_with('-'))
        && variables
            .iter()
            .filter(|(variable, _)| {
                !matches!(variable, Variable::Sha | Variable::ShaFull | Variable::Number | Variable::RunNumber)
            })
            .count()
            <= 1
}

proptest! {
    #![proptest_config(settings(500))]

    #[test]
    fn what_a_row_creates_it_explains(Case { row, context } in any_case(), length in 7..41_usize) {
        let Some(policy) = policy_of(&[row]) else { return Ok(()) };
        let Ok(plan) = plan_tags(&context, &policy, length) else { return Ok(()) };
        assert_explained(&policy, &plan.rows);
        let again = plan_tags(&context, &policy, length).unwrap();
        prop_assert_eq!(&plan.rows, &again.rows);
        prop_assert_eq!(&plan.skipped, &again.skipped);
    }

    #[test]
    fn what_a_tag_says_is_what_went_into_it(Case { row, context } in any_case(), length in 7..41_usize) {
        let Some(policy) = policy_of(&[row]) else { return Ok(()) };
        let Ok(plan) = plan_tags(&context, &policy, length) else { return Ok(()) };
        for row in &plan.rows {
            let rule = &policy.rules[row.rule];
            let ([template], [tag]) = (rule.tag.as_slice(), row.tag.as_slice()) else { continue };
            if tag.as_str().len() == Tag::MAX_LENGTH || !is_plain(template) {
                continue;
            }
            let values = Inversion::of(rule).explain_as(Role::Tag, tag).unwrap();
            let holds = |wanted: &[Variable]| template.variables().any(|(variable, _)| wanted.contains(variable));
            if holds(&[Variable::Sha, Variable::ShaFull]) {
                prop_assert!(values.commit.is_some_and(|commit| commit.same_commit(context.sha.as_ref().unwrap())), "{}", tag);
            }
            if holds(&[Variable::Version]) {
                prop_assert_eq!(values.version.as_ref(), row.version.as_ref(), "{}", tag);
            } else {
                prop_assert_eq!(values.version, None, "{}", tag);
            }
            if let (true, Subject::PullRequest(number)) = (holds(&[Variable::Number]), &context.subject) {
                prop_assert_eq!(values.number, *number, "{}", tag);
            }
        }
    }

    #[test]
    fn three_numbers_are_a_version_with_its_pre_release_only(text in version()) {
        let rows = ["{on: release, tag: 'v{{major}}.{{minor}}.{{patch}}'}", "{on: prerelease, tag: 'p{{major}}.{{minor}}.{{patch}}'}",
            "{on: prerelease, tag: '{{major}}.{{minor}}.{{patch}}-{{prerelease}}'}"].map(str::to_owned);
        let policy = policy_of(&rows).unwrap();
        let context = event_on(&format!("refs/tags/v{text}"));
        for row in plan_tags(&context, &policy, 7).unwrap().rows {
            let values = Inversion::of(&policy.rules[row.rule]).explain_as(Role::Tag, &row.tag[0]).unwrap();
            let cut = row.tag[0].as_str().len() == Tag::MAX_LENGTH;
            let expected = if row.rule == 1 { None } else { row.version.clone() };
            prop_assert!(cut || values.version == expected, "{:?}: {:?}", row.tag, values.version);
        }
    }

    #[test]
    fn rows_that_are_added_change_no_other(cases in collection::vec(any_case(), 1..4), added in any_case()) {
        let rows: Vec<String> = cases.iter().map(|case| case.row.clone()).collect();
        // An event of its own row leaves the others: that is what such rows are for.
        if added.row.contains("schedule") || added.row.contains("dispatch") {
            return Ok(());
        }
        let more: Vec<String> = std::iter::once(added.row.clone()).chain(rows.iter().cloned()).collect();
        let (Some(policy), Some(larger)) = (policy_of(&rows), policy_of(&more)) else { return Ok(()) };
        for context in cases.iter().chain([&added]).map(|case| &case.context) {
            let (Ok(plan), Ok(other)) = (plan_tags(context, &policy, 7), plan_tags(context, &larger, 7)) else { continue };
            for row in &plan.rows {
                let same = other.rows.iter().find(|other| other.rule == row.rule + 1).unwrap();
                prop_assert_eq!((&row.tag, &row.also, &row.rolling), (&same.tag, &same.also, &same.rolling));
            }
        }
    }

    #[test]
    fn each_template_of_the_five_policies_explains_what_it_creates(context in any_context(), which in sample::select(&POLICIES[..])) {
        let policy = generated::policy(which);
        if let Ok(plan) = plan_tags(&context, &policy, 7) {
            assert_explained(&policy, &plan.rows);
        }
    }

    #[test]
    fn a_name_that_is_taken_away_is_not_explained_and_all_others_are(name in name(), away in name(), start in sample::select(vec!["", "preview-", "{{sha}}-"])) {
        let Some(policy) = policy_of(&[row(&["branch **".to_owned(), format!("!branch {away}")], &[format!("{start}{{{{branch}}}}")], &[])]) else {
            return Ok(());
        };
        let inversion = Inversion::of(&policy.rules[0]);
        if let Ok(plan) = plan_tags(&event_on(&format!("refs/heads/{name}")), &policy, 7) {
            assert_explained(&policy, &plan.rows);
        }
        let is_plain = away.bytes().all(|byte| byte.is_ascii_lowercase()) && away.len() < 100 && start != "{{sha}}-";
        if is_plain && !(away.len() == 8 && away.bytes().all(|byte| byte.is_ascii_hexdigit())) {
            let tag: Tag = format!("{start}{away}").parse().unwrap();
            prop_assert!(inversion.explain(&tag).is_none(), "{}", tag);
        }
    }

    #[test]
    fn code_from_a_pull_request_or_a_fork_gets_no_other_tag(
        cases in collection::vec(any_case(), 1..4), fork in fork(), which in sample::select(&POLICIES[..]), input in proptest::option::of(name()),
    ) {
        let rows: Vec<String> = cases.into_iter().map(|case| case.row).collect();
        let context = match &input {
            Some(input) => match fork.clone().with_ref(input) { Ok(context) => context, Err(_) => fork },
            None => fork,
        };
        for policy in policy_of(&rows).into_iter().chain([generated::policy(which)]) {
            if let Ok(plan) = plan_tags(&context, &policy, 7) {
                for row in plan.rows {
                    prop_assert_eq!(row.condition, Condition::PullRequest);
                }
            }
        }
    }
}

/// A push to a ref.
fn event_on(git_ref: &str) -> Context {
    let subject = Subject::from_ref(git_ref);
    let mut context = parsed(&[("GITHUB_EVENT_NAME", "push"), ("GITHUB_REF", "refs/heads/x")], &json!({}));
    context.subject = subject;
    context
}

fn parsed(environment: &[(&str, &str)], payload: &serde_json::Value) -> Context {
    let mut all: BTreeMap<String, String> =
        environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    all.insert("GITHUB_SHA".to_owned(), "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334".to_owned());
    all.insert("GITHUB_RUN_NUMBER".to_owned(), "7".to_owned());
    all.insert("GITHUB_REPOSITORY".to_owned(), "acme/shop".to_owned());
    let now = DateTime::from_timestamp(1_767_225_600, 0).unwrap();
    event::parse(&all, Some(payload.to_string().as_bytes()), now).unwrap()
}

/// Events that run a pull request's or a fork's code, through the parser.
fn fork() -> BoxedStrategy<Context> {
    let pull_request = (sample::select(vec!["pull_request", "pull_request_target", "pull_request_review"]), 1..10_000_u64).prop_map(
        |(event, number)| {
            let payload = json!({"action": "opened", "number": number, "pull_request": {"number": number,
                "head": {"ref": "main", "sha": "b".repeat(40), "repo": {"full_name": "eve/shop"}}, "base": {"ref": "main"}}});
            parsed(&[("GITHUB_EVENT_NAME", event), ("GITHUB_REF", "refs/heads/main"), ("GITHUB_BASE_REF", "main")], &payload)
        },
    );
    let triggers = vec![
        "push",
        "create",
        "release",
        "pull_request",
        "schedule",
        "workflow_dispatch",
        "repository_dispatch",
        "merge_group",
    ];
    let triggered =
        (sample::select(triggers), sample::select(vec!["main", "v1.2.3", "release/v1", "latest"]), any::<bool>())
            .prop_map(|(event, branch, numbered)| {
                let requests = if numbered { json!([{"number": 5}]) } else { json!([]) };
                let payload = json!({"action": "completed", "repository": {"full_name": "acme/shop"}, "workflow_run": {
                "event": event, "head_branch": branch, "head_sha": "c".repeat(40), "pull_requests": requests,
                "head_repository": {"full_name": "eve/shop"}, "repository": {"full_name": "acme/shop"}}});
                parsed(&[("GITHUB_EVENT_NAME", "workflow_run"), ("GITHUB_REF", "refs/heads/main")], &payload)
            });
    prop_oneof![pull_request, triggered].boxed()
}

/// On `dispatch`, a branch keeps its name though `branch` entries take it away.
#[test]
fn a_dispatched_run_keeps_its_branch() {
    let policy = policy_of(&[row(
        &["dispatch", "branch **", "!branch main"].map(str::to_owned),
        &["{{branch}}".to_owned()],
        &[],
    )])
    .unwrap();
    let mut context = event_on("refs/heads/main");
    context.event = EventKind::WorkflowDispatch;
    let plan = plan_tags(&context, &policy, 7).unwrap();
    assert_eq!(plan.rows.len(), 1);
    assert_explained(&policy, &plan.rows);
}
