//! What users rely on: `action.yml`, the README and the code name the same inputs and outputs.

use std::{collections::BTreeMap, fs, path::Path};

use ghcr_lifecycle::inputs::INPUTS;
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

/// The outputs, as they are to be named wherever they are written or described.
const OUTPUTS: &[&str] =
    &["tags", "tag-names", "version", "labels", "digest", "digests", "image-refs", "moved", "stayed", "exists", "json"];

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn action() -> Action {
    serde_yaml::from_str(&read("action.yml")).unwrap()
}

/// The rows of the README's tables whose first cell is a name in code.
fn readme_rows() -> BTreeMap<String, String> {
    read("README.md")
        .lines()
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
    let mut expected = OUTPUTS.to_vec();
    expected.sort_unstable();
    assert_eq!(outputs.keys().collect::<Vec<_>>(), expected);
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
    let rows = readme_rows();
    for input in INPUTS {
        let row = rows.get(input.name).unwrap_or_else(|| panic!("README.md has no row for input `{}`", input.name));
        assert!(row.contains(input.default), "README.md gives `{}` another default than {}", input.name, input.default);
    }
    for output in action().outputs.keys() {
        assert!(rows.contains_key(output), "README.md has no row for output `{output}`");
    }
}
