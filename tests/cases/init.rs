//! `fixtures/init/*.toml`: what a repository shows gives the policy that mode `init` writes, and what `check` says of that.

use std::{collections::BTreeMap, path::Path};

use chrono::DateTime;
use ghcr_lifecycle::{
    app::init::{Holding, Initial, Project},
    model::Tag,
    policy::proposal::{propose, unexplained},
    report::proposal::Found,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    about: String,
    /// `owner/name`.
    repository: Option<String>,
    /// Input `image`.
    #[serde(default)]
    images: Vec<String>,
    default_branch: Option<String>,
    #[serde(default)]
    branches: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    dockerfiles: Vec<String>,
    #[serde(default)]
    workflows: BTreeMap<String, String>,
    /// The tags of the first image's package, where it is asked.
    published: Option<Vec<String>>,
    /// Whether `check` has something to say of the policy.
    #[serde(default)]
    warns: bool,
}

pub(crate) fn init(path: &Path) -> datatest_stable::Result<()> {
    let case: Case = toml::from_str(&std::fs::read_to_string(path)?)?;
    let project = Project {
        images: case.images.iter().map(|name| name.parse().unwrap()).collect(),
        repository: case.repository.map(|name| name.parse().unwrap()),
        ghcr_host: "ghcr.io".to_owned(),
        default_branch: case.default_branch,
        branches: case.branches,
        tags: case.tags,
        workflows: case.workflows,
        dockerfiles: case.dockerfiles,
    };
    let proposal = propose(&project).unwrap_or_else(|nothing| panic!("{nothing:?}"));
    let published: Option<Vec<Tag>> = case.published.map(|tags| tags.iter().map(|tag| tag.parse().unwrap()).collect());
    let holdings = published.map(|tags| Holding {
        image: proposal.policy.images[0].clone(),
        found: Found::Tags { count: tags.len(), unexplained: unexplained(&proposal.policy, &tags) },
    });
    let now = DateTime::parse_from_rfc3339("2026-03-01T00:00:00Z")?.to_utc();
    let initial =
        Initial::of(proposal, holdings.into_iter().collect(), now).unwrap_or_else(|error| panic!("{}", error.render()));
    let warnings = initial.warnings();
    assert_eq!(case.warns, !warnings.is_empty(), "{}\n{warnings:#?}", initial.file);
    let checked =
        if warnings.is_empty() { String::new() } else { format!("\ncheck warns:\n{}\n", warnings.join("\n")) };
    crate::snapshot(path, &case.about, &format!("{}{checked}", initial.file));
    Ok(())
}
