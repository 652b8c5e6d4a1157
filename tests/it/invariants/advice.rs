//! What `check` says of a policy: a tighter row helps, and what can never match never does.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use ghcr_lifecycle::{
    model::{
        Asked, Digest, Evidence, Inventory, Tag, Version, VersionId,
        evidence::Commits,
        inventory::{ManifestFacts, ManifestRole, ReadManifest},
    },
    policy::{
        advice::{Finding, Never, Overlap, Part, Remedy, advise},
        example::examples,
        graph::Graph,
        inversion::Inversion,
        retention::decide,
        rules::Policy,
        tagging::plan_tags,
    },
};
use proptest::{collection, prelude::*, sample};

use super::generated::{Case, any_case, policy_of};

fn settings(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

/// Branches that exist.
const BRANCHES: [&str; 9] =
    ["main", "master", "develop", "feature/login", "fix-123", "release/1.2", "release-1.2", "release/v1.2", "v1.2"];

/// Rows as people write them, close enough to each other to overlap.
fn plausible_row() -> BoxedStrategy<String> {
    let branches = sample::select(vec![
        "branch main",
        "branch **",
        "branch *",
        "branch release/*",
        "branch release-*",
        "branch v*",
        "branch feature/**",
        "branch dev?",
        "branch [a-z]+",
        "branch refs/heads/main",
    ]);
    let away = sample::select(vec!["", "", "", ", '!branch main'", ", '!branch release/**'", ", '!branch **'"]);
    let templates = sample::select(vec![
        "'{{branch}}'",
        "'{{branch}}-{{sha}}'",
        "'main-{{sha}}'",
        "['{{branch}}', '{{sha}}']",
        "'{{branch}}-{{date \"YYYYMMDD\"}}'",
        "'build-{{run_number}}'",
        "'{{sha.full}}'",
    ]);
    let wild =
        sample::select(vec!["branch release/*", "branch release-*", "branch v*", "branch feature/**", "branch **"]);
    let first = sample::select(vec![
        "'{{branch.1}}'",
        "'{{branch.1}}-{{sha}}'",
        "'v{{branch.1}}-{{sha}}'",
        "'pr-{{branch.1}}'",
    ]);
    let others = sample::select(vec![
        "on: pull request, tag: 'pr-{{number}}'",
        "on: pull request, tag: 'pr-{{number}}-{{sha}}'",
        "on: release, tag: 'v{{version}}', also: ['main-{{sha}}']",
        "on: prerelease, tag: 'v{{version}}', rolling: ['{{major}}.{{minor}}', main]",
        "on: schedule, tag: 'nightly-{{date \"YYYYMMDD\"}}'",
        "on: tag **, tag: '{{tag}}'",
        "on: tag docs-*, tag: '{{tag.1}}'",
        "on: merge group, tag: '{{base_ref}}-{{sha}}'",
        "on: dispatch, tag: 'build-{{run_number}}-arm64', index: 'main'",
        "match: '**'",
        "match: 'main-*'",
        "match: '/[0-9a-f]{40}/'",
    ]);
    let branches = (branches, away, templates).prop_map(|(on, away, tag)| format!("on: ['{on}'{away}], tag: {tag}"));
    let wild = (wild, first).prop_map(|(on, tag)| format!("on: '{on}', tag: {tag}"));
    let keep = sample::select(vec![
        "forever",
        "7 days",
        "36 hours",
        "30 days",
        "last 5",
        "{for: 3 days, last: 10}",
        "while open",
        "while branch exists",
    ]);
    let row = prop_oneof![4 => branches, 2 => wild, 3 => others.prop_map(str::to_owned)];
    (row, keep).prop_map(|(row, keep)| format!("{{{row}, keep: {keep}}}")).boxed()
}

fn any_row() -> BoxedStrategy<String> {
    prop_oneof![5 => plausible_row(), 1 => any_case().prop_map(|case| case.row)].boxed()
}

fn overlaps(policy: &Policy) -> Vec<Overlap> {
    let of = |finding| match finding {
        Finding::Overlap(overlap) => Some(*overlap),
        _ => None,
    };
    advise(policy).findings.into_iter().filter_map(of).collect()
}

/// The rows with one of them in other words.
fn remedied(rows: &[String], remedy: &Remedy) -> Vec<String> {
    let mut rows = rows.to_vec();
    match remedy {
        Remedy::Row { number, text } => {
            let lines = text.strip_prefix("- ").unwrap().replace('\n', "\n  ");
            rows[number - 1] = lines.trim_end().to_owned();
        }
        Remedy::Name { number, template, renamed } => {
            let row = &mut rows[number - 1];
            let quotes = ["'", "\""].into_iter().find(|quote| row.contains(&format!("{quote}{template}{quote}")));
            let quote = quotes.unwrap_or_default();
            *row = row.replacen(&format!("{quote}{template}{quote}"), &format!("{quote}{renamed}{quote}"), 1);
        }
    }
    rows
}

/// Whether a tag that has just grown older than this is kept, where nothing else tells its age.
fn is_kept(policy: &Policy, tag: &Tag, older_than: Duration) -> bool {
    let created_at: DateTime<Utc> = "2027-01-01T00:00:00Z".parse().unwrap();
    let commits = Commits { since: DateTime::<Utc>::MIN_UTC, dates: BTreeMap::new() };
    let commits = policy.rules.iter().map(|rule| (rule.row.number, Asked::Known(commits.clone())));
    let inventory = Inventory {
        image: policy.images[0].clone(),
        taken_at: created_at + older_than + Duration::from_secs(60),
        versions: vec![Version {
            id: VersionId::new(1),
            digest: Digest::of(b"image"),
            tags: [tag.clone()].into(),
            created_at,
            updated_at: created_at,
            manifest: ManifestFacts::Read(Box::new(ReadManifest {
                kind: ManifestRole::Image,
                children: Vec::new(),
                subject: None,
                blobs: Vec::new(),
                artifact_type: None,
            })),
        }],
        deleted: Asked::Known(Vec::new()),
        undeletable: BTreeMap::new(),
        pull_requests: Asked::Known([456, 7].into()),
        branches: Asked::Known(BRANCHES.map(str::to_owned).into()),
        evidence: Evidence {
            commits: commits.collect(),
            releases: Asked::Known(BTreeMap::new()),
            git_tags: Asked::Known(BTreeMap::new()),
        },
        references: Asked::Known(Vec::new()),
    };
    decide(&inventory, policy, &Graph::of(&inventory)).tags[0][0].keeps()
}

proptest! {
    #![proptest_config(settings(400))]

    #[test]
    fn what_is_proposed_sets_the_rows_apart(rows in collection::vec(any_row(), 2..5)) {
        let Some(policy) = policy_of(&rows) else { return Ok(()) };
        for overlap in overlaps(&policy) {
            prop_assert_ne!(&overlap.own, &overlap.result);
            let rule = |row: usize| policy.rules.iter().find(|rule| rule.row.number == row).unwrap();
            for row in [&overlap.row, &overlap.by] {
                prop_assert!(Inversion::of(rule(row.number)).explain(&overlap.tag).is_some(), "{:?}", overlap);
            }
            let Some(remedy) = &overlap.remedy else { continue };
            let changed = remedied(&rows, remedy);
            prop_assert_ne!(&changed, &rows);
            let Some(better) = policy_of(&changed) else { panic!("{changed:#?} is no policy") };
            let pair = [overlap.row.number, overlap.by.number];
            for left in overlaps(&better) {
                prop_assert!(!(pair.contains(&left.row.number) && pair.contains(&left.by.number)), "{:?}: {:?}", changed, left);
            }
            if let Remedy::Row { number, .. } = remedy {
                let other = rule(pair[usize::from(pair[0] == *number)]);
                let now = "2026-03-01T12:00:00Z".parse().unwrap();
                let tighter = Inversion::of(&better.rules[number - 1]);
                for tag in examples(rule(*number), &policy, now).into_iter().flat_map(|example| example.row.tag) {
                    prop_assert!(
                        tighter.explain(&tag).is_some() || Inversion::of(other).explain(&tag).is_some() || tag.as_str().contains("example"),
                        "{} is lost by {:?}", tag, changed
                    );
                }
            }
        }
    }

    #[test]
    fn the_life_that_results_is_what_the_clean_up_gives(rows in collection::vec(plausible_row(), 2..4)) {
        let Some(policy) = policy_of(&rows) else { return Ok(()) };
        for overlap in overlaps(&policy) {
            let [Part::For(own)] = overlap.own.as_slice() else { continue };
            let only = |numbers: &[usize]| {
                let rules = policy.rules.iter().filter(|rule| numbers.contains(&rule.row.number)).cloned();
                Policy { rules: rules.collect(), ..policy.clone() }
            };
            let (row, by) = (overlap.row.number, overlap.by.number);
            prop_assert!(!is_kept(&only(&[row]), &overlap.tag, *own), "{:?}", overlap);
            prop_assert!(is_kept(&only(&[row, by]), &overlap.tag, *own), "{:?}", overlap);
            if let [Part::For(longer)] = overlap.result.as_slice() {
                prop_assert!(!is_kept(&only(&[row, by]), &overlap.tag, *longer), "{:?}", overlap);
            }
        }
    }

    #[test]
    fn an_entry_that_fits_is_not_called_dead(Case { row, context } in any_case()) {
        let Some(policy) = policy_of(&[row]) else { return Ok(()) };
        let Ok(plan) = plan_tags(&context, &policy, 7) else { return Ok(()) };
        for row in &plan.rows {
            let fits = row.condition.to_string();
            for finding in advise(&policy).findings {
                let dead = matches!(&finding, Finding::Never { part, why: Never::TakenAway { .. }, .. } if *part == fits);
                prop_assert!(!dead && !matches!(finding, Finding::Never { why: Never::TooLong, .. }), "{:?}", finding);
            }
        }
    }

    #[test]
    fn a_match_that_fits_a_tag_is_not_called_dead((expression, text) in expression().prop_flat_map(|expression| {
        let texts = proptest::string::string_regex(&expression).unwrap();
        (Just(expression), texts)
    })) {
        let Some(policy) = policy_of(&[format!("{{match: '/{expression}/'}}")]) else { return Ok(()) };
        if text.parse::<Tag>().is_ok_and(|tag| !tag.is_referrers_tag()) {
            let never: Vec<Finding> = advise(&policy).findings.into_iter().filter(|finding| matches!(finding, Finding::Never { .. })).collect();
            prop_assert!(never.is_empty(), "{}: {:?}", text, never);
        }
    }
}

fn expression() -> BoxedStrategy<String> {
    let piece = sample::select(vec![
        "a",
        "-",
        "\\.",
        "/",
        "\\/",
        ":",
        "[a-f0-9]",
        "[/a]",
        "(a|/)",
        "(?:x/)?",
        "(a/|-)*",
        "/?",
        "/{0,2}",
        ":{0}",
        "/*",
        ".",
        "b+",
        "c{2}",
        "|",
        "sha256-[0-9a-f]{64}",
        "(\\.sig)?",
        "[.]att",
        "é?",
        " ",
        " ?",
        "[^a]",
        "\\-",
    ]);
    collection::vec(piece, 1..6).prop_map(|pieces| pieces.concat()).boxed()
}
