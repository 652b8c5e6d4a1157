//! Workflows that are here to be run or copied: this repository's own, those of the projects in `fixtures/projects`, and
//! those that documents show. `tests/workflows` has their syntax checked; here they are held to what this action takes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use ghcr_lifecycle::{inputs::INPUTS, policy::config, report::OUTPUTS};
use serde::Deserialize;
use serde_json::Value;

use crate::programs::program;

/// Whoever copies from here gets pinned actions and reasons; the other documents are about single lines.
const TO_COPY: &str = "docs/workflows.md";

/// A workflow, as far as these tests read it
/// ([syntax](https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax)).
#[derive(Deserialize)]
struct Workflow {
    #[serde(default)]
    on: Value,
    permissions: Option<BTreeMap<String, String>>,
    jobs: BTreeMap<String, Job>,
}

#[derive(Deserialize)]
struct Job {
    uses: Option<String>,
    #[serde(default)]
    with: BTreeMap<String, Value>,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
    #[serde(default)]
    steps: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    id: Option<String>,
    uses: Option<String>,
    run: Option<String>,
    #[serde(default)]
    with: BTreeMap<String, Value>,
}

impl Step {
    /// Whether the step is this action, published, checked out, or made of a new build.
    fn is_ours(&self) -> bool {
        self.uses.as_deref().is_some_and(|uses| {
            uses.starts_with("ghcr-lifecycle/ghcr-lifecycle@")
                || ["./.ghcr-lifecycle/action", "./target/action"].contains(&uses)
        })
    }
}

/// A workflow and where it stands.
struct Found {
    place: String,
    text: String,
    workflow: Workflow,
}

impl Found {
    fn new(place: String, text: String) -> Self {
        let workflow = serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{place}: {error}"));
        Self { place, text, workflow }
    }

    /// Whether it is a file, or the text of one.
    fn is_whole(&self) -> bool {
        self.place.starts_with('.') || self.place.starts_with("fixtures/") || self.place.starts_with(TO_COPY)
    }

    fn steps(&self) -> impl Iterator<Item = &Step> {
        self.workflow.jobs.values().flat_map(|job| &job.steps)
    }

    /// What a caller may give it, and whether it must.
    fn inputs(&self) -> BTreeMap<&str, bool> {
        let Some(inputs) = self.workflow.on["workflow_call"]["inputs"].as_object() else { return BTreeMap::new() };
        inputs.iter().map(|(name, input)| (name.as_str(), input["required"] == Value::Bool(true))).collect()
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &str) -> Vec<Found> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let place = path.strip_prefix(root()).unwrap().display().to_string();
            Found::new(place, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// The folders of `fixtures/projects`, relative to the repository.
fn projects() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join("fixtures/projects"))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| format!("fixtures/projects/{}", entry.file_name().to_string_lossy()))
        .collect();
    names.sort();
    names
}

/// The workflows among a document's blocks of YAML.
fn shown(document: &str) -> Vec<Found> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    text.split("```yaml\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .filter(|block| block.lines().any(|line| line == "jobs:"))
        .enumerate()
        .map(|(at, block)| Found::new(format!("{document}, workflow {}", at + 1), block.to_owned()))
        .collect()
}

fn all() -> Vec<Found> {
    let mut found = files(".github/workflows");
    for project in projects() {
        found.extend(files(&format!("{project}/.github/workflows")));
    }
    let mut documents: Vec<String> = fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| format!("docs/{}", entry.unwrap().file_name().to_string_lossy()))
        .filter(|name| name.ends_with(".md"))
        .collect();
    documents.sort();
    documents.insert(0, "README.md".to_owned());
    found.extend(documents.iter().flat_map(|document| shown(document)));
    assert!(found.iter().filter(|found| found.place.starts_with(TO_COPY)).count() >= 4);
    found
}

#[test]
fn inputs_and_outputs_of_this_action_exist() {
    for found in all() {
        for step in found.steps().filter(|step| step.is_ours()) {
            for name in step.with.keys() {
                assert!(INPUTS.iter().any(|input| input.name == *name), "{} gives input `{name}`", found.place);
            }
            let Some(id) = &step.id else { continue };
            for read in found.text.split(&format!("steps.{id}.outputs.")).skip(1) {
                let name: String = read
                    .chars()
                    .take_while(|character| character.is_ascii_alphanumeric() || *character == '-')
                    .collect();
                assert!(OUTPUTS.iter().any(|(output, _)| *output == name), "{} reads output `{name}`", found.place);
            }
        }
    }
}

/// `owner/name@<40 hex digits> # v1.2.3`; but what a release is named in is older than its commit.
#[test]
fn actions_are_pinned_by_commit_with_their_version_beside() {
    for found in all().into_iter().filter(Found::is_whole) {
        for line in found.text.lines() {
            let Some(uses) = line.trim_start().trim_start_matches("- ").strip_prefix("uses: ") else { continue };
            if uses.starts_with("./") || uses.starts_with("ghcr-lifecycle/ghcr-lifecycle") && uses.ends_with("@v1") {
                continue;
            }
            let pinned =
                uses.split_once('@').and_then(|(_, rest)| rest.split_once(" # v")).is_some_and(|(commit, version)| {
                    commit.len() == 40
                        && commit.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
                        && version.starts_with(|character: char| character.is_ascii_digit())
                });
            assert!(pinned, "{}: {uses}", found.place);
        }
    }
}

/// One version of an action in all files: what is updated in one place is not forgotten in another.
#[test]
fn an_action_has_one_version() {
    let mut versions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for found in all().into_iter().filter(Found::is_whole) {
        for uses in found.text.lines().filter_map(|line| line.trim_start().strip_prefix("uses: ")) {
            if let Some((action, version)) = uses.split_once('@') {
                versions.entry(action.to_owned()).or_default().insert(version.to_owned());
            }
        }
    }
    versions.retain(|_, versions| versions.len() > 1);
    assert_eq!(versions, BTreeMap::new());
}

#[test]
fn nothing_is_granted_without_a_reason() {
    for found in all().into_iter().filter(Found::is_whole) {
        assert_eq!(
            found.workflow.permissions,
            Some(BTreeMap::new()),
            "{}: `permissions: {{}}` at its top",
            found.place
        );
        let levels = ["read", "write", "none"];
        let granted: usize = found.workflow.jobs.values().map(|job| job.permissions.len()).sum();
        let reasons = found
            .text
            .lines()
            .filter_map(|line| line.trim_start().split_once(": "))
            .filter_map(|(_, level)| level.split_once(" # "))
            .filter(|(level, why)| levels.contains(level) && !why.trim().is_empty())
            .count();
        assert_eq!(reasons, granted, "{}: each permission has its reason behind it", found.place);
        for (name, job) in &found.workflow.jobs {
            assert!(!job.permissions.is_empty(), "{}: job {name} says what it may do", found.place);
        }
    }
}

/// GitHub refuses a call whose job grants less than the called workflow asks for, and one with an unknown input.
#[test]
fn callers_give_what_called_workflows_ask_for() {
    let mut calls = 0;
    for found in all() {
        for (name, job) in &found.workflow.jobs {
            let Some(uses) = &job.uses else { continue };
            calls += 1;
            let place = format!("{}, job {name}", found.place);
            let (_, file) = uses.split('@').next().unwrap().rsplit_once('/').unwrap();
            let folder = match uses.starts_with("./") {
                true => Path::new(&found.place).parent().unwrap().to_owned(),
                false => PathBuf::from(".github/workflows"),
            };
            let called = folder.join(file).display().to_string();
            let called = Found::new(called.clone(), fs::read_to_string(root().join(&called)).expect(&called));
            let inputs = called.inputs();
            for input in job.with.keys() {
                assert!(inputs.contains_key(input.as_str()), "{place} gives input `{input}`");
            }
            for (input, _) in inputs.iter().filter(|(_, required)| **required) {
                assert!(job.with.contains_key(*input), "{place} gives no input `{input}`");
            }
            let mut asked: BTreeMap<&str, &str> = BTreeMap::new();
            for (scope, level) in called.workflow.jobs.values().flat_map(|job| &job.permissions) {
                let there = asked.entry(scope).or_insert(level);
                if level == "write" {
                    *there = level;
                }
            }
            let granted: BTreeMap<&str, &str> =
                job.permissions.iter().map(|(scope, level)| (scope.as_str(), level.as_str())).collect();
            assert_eq!(granted, asked, "{place} grants just what {uses} asks for");
        }
    }
    assert!(calls >= 9, "{calls} calls");
}

/// The tables of the page are the inputs, in their order, with default and description.
#[test]
fn the_page_lists_the_inputs_of_the_called_workflows() {
    let page = fs::read_to_string(root().join(TO_COPY)).unwrap();
    let mut pages = 0;
    for found in files(".github/workflows") {
        let Some(inputs) = found.workflow.on["workflow_call"]["inputs"].as_object() else { continue };
        pages += 1;
        let mut table = String::from("| input | default | what it is |\n|---|---|---|\n");
        for (name, input) in inputs {
            let default = match &input["default"] {
                Value::String(text) if text.is_empty() => String::new(),
                Value::String(text) => format!("`{text}`"),
                other => format!("`{other}`"),
            };
            table.push_str(&format!("| `{name}` | {default} | {} |\n", input["description"].as_str().unwrap()));
        }
        assert!(page.contains(&table), "{TO_COPY} has no such table for {}:\n{table}", found.place);
    }
    assert_eq!(pages, 4);
}

/// Text of an event never becomes a part of a script, and scripts have no known mistakes.
#[test]
fn scripts_are_sound_and_hold_no_expressions() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("script");
    for found in all() {
        for script in found.steps().filter_map(|step| step.run.as_deref()) {
            assert!(!script.contains("${{"), "{}: {script}", found.place);
            // As the runner calls it.
            fs::write(&file, format!("set -e\n{script}")).unwrap();
            let output = program("shellcheck", "shellcheck").arg("--shell=bash").arg(&file).output().unwrap();
            assert!(output.status.success(), "{}: {}", found.place, String::from_utf8_lossy(&output.stdout));
        }
    }
}

/// A closed pull request's workflow has a token that may write, for strangers' pull requests, too.
#[test]
fn nothing_of_a_strangers_pull_request_is_checked_out() {
    let mut dangerous = 0;
    for found in all() {
        let called = found.place == ".github/workflows/pull-request-closed.yml";
        if !called && found.workflow.on["pull_request_target"].is_null() {
            continue;
        }
        dangerous += 1;
        for step in found.steps() {
            assert!(step.run.is_none(), "{} runs a script", found.place);
            if step.uses.as_deref().is_some_and(|uses| uses.starts_with("actions/checkout@")) {
                assert_eq!(step.with["repository"], "${{ job.workflow_repository }}", "{}", found.place);
                assert_eq!(step.with["ref"], "${{ job.workflow_sha }}", "{}", found.place);
            } else {
                assert!(step.is_ours(), "{} uses {:?}", found.place, step.uses);
            }
        }
    }
    assert_eq!(dangerous, 3);
}

#[test]
fn policies_beside_workflows_are_valid() {
    let mut policies: Vec<String> = projects();
    assert_eq!(policies.len(), 4, "{policies:?}");
    policies.push(String::new());
    for folder in policies {
        let path = root().join(folder).join(".github/ghcr-lifecycle.yml");
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(config::parse(&text).is_ok(), "{}", path.display());
    }
}
