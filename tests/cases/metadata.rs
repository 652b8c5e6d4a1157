//! `fixtures/metadata/*.toml`: situations of docker/metadata-action's language, each with what it gives.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use chrono::DateTime;
use ghcr_lifecycle::{
    event::{self, Committed, RepositoryFacts},
    policy::{
        metadata::{Content, Facts, MetadataError, MetadataInputs, Output, Settings, compile, outputs},
        tagging::{TaggingError, plan_tags},
    },
};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Situations {
    about: String,
    case: Vec<Situation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Situation {
    about: String,
    environment: BTreeMap<String, String>,
    /// Variables that a run has and this one lacks.
    #[serde(default)]
    unset: Vec<String>,
    /// The payload where it is not the usual repository alone.
    payload: Option<String>,
    inputs: BTreeMap<String, String>,
    #[serde(default)]
    fails: bool,
    version: Option<String>,
    tags: Option<Tags>,
    labels: Option<String>,
    annotations: Option<String>,
    json: Option<String>,
    bake_file: Option<String>,
}

/// The output `tags`, or its lines.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tags {
    Lines(Vec<String>),
    Text(String),
}

/// Goes the way of a run, but for asking anybody.
fn run(
    environment: &BTreeMap<String, String>,
    payload: &Value,
    now: DateTime<chrono::Utc>,
    inputs: &MetadataInputs,
) -> (Vec<Output>, Option<MetadataError>) {
    let variable = |name: &str| environment.get(name).cloned();
    let mut context = event::parse(environment, Some(payload.to_string().as_bytes()), now).unwrap();
    // What the API answers.
    context.facts = RepositoryFacts {
        name: Some("r".to_owned()),
        description: Some("A thing".to_owned()),
        html_url: Some("https://github.com/o/r".to_owned()),
        default_branch: Some("master".to_owned()),
        license: Some("MIT".to_owned()),
    };
    let settings = Settings {
        pull_request_head: variable("DOCKER_METADATA_PR_HEAD_SHA")
            .is_some_and(|text| text.to_lowercase().contains("true")),
        short_sha_length: variable("DOCKER_METADATA_SHORT_SHA_LENGTH"),
    };
    let built = context.built(settings.pull_request_head);
    if built.committed == Committed::Unknown && built.sha.is_some() {
        context.raw.asked_date = Some("2021-07-04T05:06:07Z".parse().unwrap());
    }
    let compiled = match compile(inputs, settings) {
        Ok(compiled) => compiled,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let plan = match plan_tags(&context, &compiled.policy, 7) {
        Ok(plan) => plan,
        Err(errors) => match errors.as_slice() {
            [TaggingError::Metadata(error)] => return (Vec::new(), Some(error.clone())),
            other => panic!("{other:?}"),
        },
    };
    let facts = Facts::of(&context, compiled.policy.drop_in.as_ref().unwrap());
    let content = Content::of(&plan, &compiled.names, &facts, |_, _| true);
    let given = outputs(inputs, &compiled.items, &content, &facts);
    (given.outputs, given.error)
}

/// Says what differs from what is expected.
fn difference(situation: &Situation) -> Option<String> {
    let usual = json!({
        "name": "r", "description": "A thing", "html_url": "https://github.com/o/r", "default_branch": "master",
        "license": { "spdx_id": "MIT" },
    });
    let mut environment = BTreeMap::from([
        ("GITHUB_REPOSITORY".to_owned(), "o/r".to_owned()),
        ("GITHUB_SHA".to_owned(), "860c1904a1ce19322e91ac35af1ab07466440c37".to_owned()),
    ]);
    environment.retain(|name, _| !situation.unset.contains(name));
    environment.extend(situation.environment.clone());
    let mut payload: Value = situation
        .payload
        .as_deref()
        .map_or_else(|| json!({ "repository": "the usual" }), |text| serde_json::from_str::<Value>(text).unwrap());
    if payload["repository"] == "the usual" {
        payload["repository"] = usual;
    }
    let now = DateTime::from_timestamp_millis(1_717_855_382_045).unwrap();
    let input = |name: &str| situation.inputs.get(name).cloned().unwrap_or_default();
    let inputs = MetadataInputs {
        images: input("images"),
        tags: input("tags"),
        flavor: input("flavor"),
        labels: input("labels"),
        annotations: input("annotations"),
        sep_tags: input("sep-tags"),
        sep_labels: input("sep-labels"),
        sep_annotations: input("sep-annotations"),
        bake_target: input("bake-target"),
        annotations_levels: environment.get("DOCKER_METADATA_ANNOTATIONS_LEVELS").cloned().unwrap_or_default(),
    };
    let (given, error) = run(&environment, &payload, now, &inputs);
    if error.is_some() != situation.fails {
        return Some(format!("fails: {error:?}"));
    }
    let output = |name: &str| given.iter().find(|output| output.name == name).map(|output| output.value.clone());
    let tags = situation.tags.as_ref().map(|tags| match tags {
        Tags::Lines(lines) => lines.join("\n"),
        Tags::Text(text) => text.clone(),
    });
    for (name, expected) in [
        ("version", &situation.version),
        ("tags", &tags),
        ("labels", &situation.labels),
        ("annotations", &situation.annotations),
        ("json", &situation.json),
    ] {
        if expected.is_some() && output(name) != *expected {
            return Some(format!("{name}: {:?}, expected {expected:?}", output(name)));
        }
    }
    let bake = situation.bake_file.as_deref().map(|text| serde_json::from_str::<Value>(text).unwrap());
    let given = output("bake-file").map(|text| serde_json::from_str::<Value>(&text).unwrap());
    (bake.is_some() && bake != given).then(|| format!("bake-file: {given:?}, expected {bake:?}"))
}

pub(crate) fn metadata_situations(path: &Path) -> datatest_stable::Result<()> {
    let text = std::fs::read_to_string(path).unwrap();
    let situations: Situations = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(!situations.about.is_empty());
    let mut wrong = String::new();
    for situation in &situations.case {
        if let Some(difference) = difference(situation) {
            let _ = writeln!(wrong, "{}\n  {difference}", situation.about);
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.into()) }
}
