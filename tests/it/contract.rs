//! What users rely on: `action.yml`, the README and the code name the same inputs and outputs.

use std::{collections::BTreeMap, fs, path::Path};

use ghcr_lifecycle::{
    inputs::INPUTS,
    policy::{advice::advise, config},
    report::{OUTPUTS, advice, diagnostics},
};
use serde::Deserialize;

/// `action.yml`, as far as the contract goes
/// ([syntax](https://docs.github.com/actions/creating-actions/metadata-syntax-for-github-actions)).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Action {
    name: String,
    description: String,
    author: String,
    branding: BTreeMap<String, String>,
    inputs: BTreeMap<String, Input>,
    outputs: BTreeMap<String, Output>,
    runs: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    description: String,
    #[serde(default)]
    default: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Output {
    description: String,
}

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn action() -> Action {
    serde_yaml::from_str(&read("action.yml")).unwrap()
}

/// The rows of the table under a heading of the README, whose first cell is a name in code.
fn readme_rows(heading: &str) -> BTreeMap<String, String> {
    let text = read("README.md");
    let (_, section) = text.split_once(&format!("\n## {heading}\n")).unwrap();
    section
        .lines()
        .take_while(|line| !line.starts_with("## "))
        .filter_map(|line| {
            let rest = line.strip_prefix("| `")?;
            let (name, cells) = rest.split_once("` |")?;
            Some((name.to_owned(), cells.to_owned()))
        })
        .collect()
}

#[test]
fn action_inputs_are_the_table() {
    let Action { inputs, .. } = action();
    let names = inputs.keys().map(String::as_str).collect::<Vec<_>>();
    let mut expected = INPUTS.iter().map(|input| input.name).collect::<Vec<_>>();
    expected.sort_unstable();
    assert_eq!(names, expected);
    for definition in INPUTS {
        let input = &inputs[definition.name];
        assert_eq!(input.default, definition.default, "default of {}", definition.name);
        assert_eq!(input.description, definition.summary, "description of {}", definition.name);
    }
}

#[test]
fn action_outputs_are_the_reports() {
    let Action { outputs, .. } = action();
    let given: BTreeMap<&str, &str> =
        outputs.iter().map(|(name, output)| (name.as_str(), output.description.as_str())).collect();
    assert_eq!(given, BTreeMap::from(OUTPUTS));
}

#[test]
fn the_action_is_a_container_that_builds_from_the_dockerfile() {
    let Action { name, description, author, branding, outputs, runs, .. } = action();
    assert_eq!(name, "ghcr-lifecycle");
    assert_eq!(author, "ghcr-lifecycle");
    // The marketplace cuts longer ones.
    assert!(description.len() <= 125, "{} characters", description.len());
    assert_eq!(branding.keys().collect::<Vec<_>>(), ["color", "icon"]);
    assert_eq!((runs["using"].as_str(), runs["image"].as_str()), ("docker", "Dockerfile"));
    for (name, Output { description }) in &outputs {
        assert!(description.ends_with('.'), "output {name}: {description}");
    }
}

#[test]
fn summaries_are_sentences() {
    for input in INPUTS {
        assert!(input.summary.ends_with('.'), "{}: {}", input.name, input.summary);
        assert!(!input.summary.contains('\n') && !input.summary.contains('|'), "{}", input.name);
        assert!(input.variable().starts_with("INPUT_"));
        assert_eq!(input.secret, input.placeholder == "SECRET", "{}", input.name);
    }
    let dashed = INPUTS.iter().find(|input| input.name == "github-token").unwrap();
    assert_eq!(dashed.variable(), "INPUT_GITHUB-TOKEN");
}

#[test]
fn the_readme_has_a_row_for_every_input_and_output() {
    let rows = readme_rows("Inputs");
    assert_eq!(rows.len(), INPUTS.len());
    for input in INPUTS {
        let row = rows.get(input.name).unwrap_or_else(|| panic!("README.md has no row for input `{}`", input.name));
        let default = if input.default.is_empty() { String::new() } else { format!("`{}`", input.default) };
        let given = row.split('|').next().unwrap().trim();
        assert_eq!(given, default, "README.md gives `{}` another default", input.name);
    }
    let rows = readme_rows("Outputs");
    for output in action().outputs.keys() {
        assert!(rows.contains_key(output), "README.md has no row for output `{output}`");
    }
}

fn readme_blocks(language: &str) -> Vec<String> {
    blocks("README.md", language)
}

/// A document's blocks of code in one language.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let text = read(document);
    let mut blocks = Vec::new();
    let mut rest = text.as_str();
    let fence = format!("```{language}\n");
    while let Some(start) = rest.find(&fence) {
        let block = &rest[start + fence.len()..];
        let end = block.find("```").unwrap();
        blocks.push(block[..end].to_owned());
        rest = &block[end..];
    }
    blocks
}

#[test]
fn the_policies_of_the_readme_are_valid() {
    let policies: Vec<String> =
        readme_blocks("yaml").into_iter().filter(|block| block.starts_with("version:")).collect();
    assert!(!policies.is_empty());
    for text in policies {
        if let Err(found) = config::parse(&text) {
            panic!("{}", diagnostics::render("README.md", &text, &found));
        }
    }
}

#[test]
fn the_workflows_of_the_documents_give_inputs_that_exist() {
    #[derive(Deserialize)]
    struct Workflow {
        jobs: BTreeMap<String, Job>,
    }
    #[derive(Deserialize)]
    struct Job {
        steps: Vec<Step>,
    }
    #[derive(Deserialize)]
    struct Step {
        uses: Option<String>,
        #[serde(default)]
        with: BTreeMap<String, serde_json::Value>,
    }
    for document in [
        "README.md",
        "docs/coming-from-metadata-action.md",
        "docs/cleaning-up.md",
        "docs/doctor.md",
        "docs/publishing.md",
    ] {
        let mut ours = 0;
        for text in blocks(document, "yaml").into_iter().filter(|block| block.contains("jobs:\n")) {
            let workflow: Workflow = serde_yaml::from_str(&text).unwrap();
            for step in workflow.jobs.into_values().flat_map(|job| job.steps) {
                if step.uses.is_some_and(|action| action.contains("ghcr-lifecycle")) {
                    ours += 1;
                    for name in step.with.keys() {
                        assert!(INPUTS.iter().any(|input| input.name == *name), "{document} gives input `{name}`");
                    }
                }
            }
        }
        assert!(ours > 0, "{document}");
    }
}

/// The mistake and the warning that the README shows are shown that way.
#[test]
fn the_messages_of_the_readme_are_the_real_ones() {
    let [mistake, warning] = readme_blocks("text").try_into().unwrap();
    let text =
        format!("version: 1\nimages: [ghcr.io/kyklos/kyklos]\n{}tags:\n  - on: relase\n    tag: x\n", "#\n".repeat(4));
    let found = config::parse(&text).unwrap_err();
    let rendered = diagnostics::render(".github/ghcr-lifecycle.yml", &text, &found);
    assert_eq!(mistake.trim(), rendered.trim());
    let case: toml::Table = toml::from_str(&read("fixtures/advice/release-branches-explain-main.toml")).unwrap();
    let warnings = advice::warnings(&advise(&config::parse(case["policy"].as_str().unwrap()).unwrap()));
    assert_eq!([warning.trim_end().strip_prefix("warning: ").unwrap()], warnings.as_slice());
}
