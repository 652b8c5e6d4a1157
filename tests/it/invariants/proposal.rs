//! Whatever a repository shows, the policy that is proposed for it can be read back.

use std::collections::BTreeMap;

use chrono::DateTime;
use ghcr_lifecycle::{
    app::init::{Initial, Project},
    policy::proposal::propose,
};
use proptest::prelude::*;

fn row() -> impl Strategy<Value = String> {
    let kinds = prop::sample::select(vec![
        "type=ref,event=branch",
        "type=ref,event=tag",
        "type=ref,event=pr",
        "type=semver,pattern={{version}}",
        "type=semver,pattern={{major}}.{{minor}}",
        "type=semver,pattern={{raw}}",
        "type=pep440,pattern={{major}}",
        r"type=match,pattern=v(\d+.\d+),group=1",
        "type=edge",
        "type=edge,branch=next/a",
        "type=schedule,pattern={{date 'YYYY'}}",
        "type=schedule",
        "type=sha",
        "type=sha,format=long",
        "type=raw,value=latest",
        "type=raw,value={{branch}}-{{sha}}",
        "type=raw,value=${{ github.ref_name }}",
    ]);
    let more = prop::sample::select(vec![
        "",
        ",prefix=",
        ",prefix=a-",
        ",suffix=-b",
        ",prefix={{branch}}-",
        ",prefix={{date 'X'}}",
        ",enable={{is_default_branch}}",
        ",enable=${{ github.ref == format('refs/heads/{0}', 'dev') }}",
        ",enable=${{ github.event_name == 'pull_request' }}",
        ",enable=false",
    ]);
    (kinds, more).prop_map(|(kind, more)| format!("{kind}{more}"))
}

fn triggers() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "push",
        "[push, pull_request]",
        "{push: {branches: [main, 'release/**', '!release/old']}, schedule: [{cron: '0 0 * * *'}]}",
        "{push: {tags: ['v*', 'app-*']}}",
        "{push: {branches-ignore: [wip]}, release: {types: [published]}}",
        "workflow_dispatch",
        "{push: {branches: ['**', main], tags: ['[0-9]+.[0-9]+']}}",
    ])
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,6}",
        "[a-z]{1,4}/[a-z0-9.]{1,6}",
        "v?[0-9]\\.[0-9]\\.[0-9](-rc\\.1)?",
        "[a-z]{2}-v[0-9]\\.[0-9]\\.[0-9]",
        "\\PC{1,8}"
    ]
}

proptest! {
    #[test]
    fn what_is_proposed_can_be_read_back(
        rows in prop::collection::vec(row(), 0..6),
        flavor in prop::sample::select(vec!["", "latest=true", "latest=false", "suffix=-x,onlatest=true", "prefix=p."]),
        on in triggers(),
        default in name(),
        branches in prop::collection::vec(name(), 0..4),
        tags in prop::collection::vec(name(), 0..5),
        has_workflow in any::<bool>(),
    ) {
        let lines: String = rows.iter().map(|row| format!("            {row}\n")).collect();
        let text = format!(
            "on: {on}\njobs:\n  a:\n    steps:\n      - uses: docker/metadata-action@v5\n        with:\n          flavor: {flavor:?}\n          tags: |\n{lines}"
        );
        let workflows = has_workflow.then(|| (".github/workflows/a.yml".to_owned(), text.clone()));
        let project = Project {
            repository: "acme/shop".parse().ok(),
            ghcr_host: "ghcr.io".to_owned(),
            default_branch: Some(default),
            branches,
            tags,
            workflows: workflows.into_iter().collect::<BTreeMap<_, _>>(),
            ..Project::default()
        };
        let Ok(proposal) = propose(&project) else { return Ok(()) };
        let rows = proposal.policy.rules.len();
        prop_assert_eq!(rows, proposal.origins.len());
        let initial = Initial::of(proposal, Vec::new(), DateTime::UNIX_EPOCH);
        prop_assert!(initial.is_ok(), "{}\n{text}", initial.unwrap_err().render());
    }
}
