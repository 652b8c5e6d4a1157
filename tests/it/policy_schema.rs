//! The JSON Schema of the policy and the reference: both are what the program prints, and the parser agrees with them.

mod mutations;

use std::{fs, path::Path};

use ghcr_lifecycle::{
    app::schema::schema as printed,
    inputs::Format,
    policy::{
        config::parse,
        language::{BEGINNING, MAPS, MapForm, POLICY, ROW, VALUES, Without},
        schema::{ADDRESS, schema},
        template::{Template, Variable},
    },
    report::diagnostics::render,
};
use jsonschema::Validator;
use serde_json::{Value, json};

use crate::policy_file::EVERY_FORM;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All files below a folder.
fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
    found.sort();
}

/// The blocks of YAML in a document.
fn blocks(text: &str) -> Vec<String> {
    text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// Every policy of the fixtures, the documents and the tests that the parser accepts, with where it is from.
fn good_policies() -> Vec<(String, String)> {
    let mut texts = vec![("every form".to_owned(), EVERY_FORM.to_owned())];
    let mut paths = Vec::new();
    files(&root().join("fixtures"), &mut paths);
    files(&root().join("docs"), &mut paths);
    paths.push(root().join("README.md"));
    for path in paths {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("yml") => texts.push((name, fs::read_to_string(path).unwrap())),
            Some("md") => texts.extend(blocks(&read(&name)).into_iter().map(|block| (name.clone(), block))),
            Some("toml") => {
                let case: toml::Table = toml::from_str(&read(&name)).unwrap();
                texts.extend(case.get("policy").and_then(toml::Value::as_str).map(|text| (name, text.to_owned())));
            }
            _ => {}
        }
    }
    texts.retain(|(_, text)| parse(text).is_ok());
    texts
}

/// A policy as an editor reads it.
fn as_json(text: &str) -> Result<Value, String> {
    let options = serde_yaml::options! { strict_booleans: true };
    serde_yaml::from_str_with_options(text, options).map_err(|error| error.to_string())
}

fn validator() -> Validator {
    jsonschema::draft7::new(&schema()).unwrap()
}

/// Says what the schema has against a document.
fn refusal(validator: &Validator, document: &Value) -> Option<String> {
    let found: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    (!found.is_empty()).then(|| found.join("\n"))
}

/// JSON is YAML.
fn is_understood(document: &Value) -> bool {
    parse(&document.to_string()).is_ok()
}

#[test]
fn the_repository_holds_what_the_program_prints() {
    for (file, format, command) in [
        ("docs/policy.schema.json", Format::Text, "cargo run -- schema > docs/policy.schema.json"),
        ("docs/policy.md", Format::Markdown, "cargo run -- schema --format markdown > docs/policy.md"),
    ] {
        assert!(read(file) == printed(format), "{file} is not what the program prints: {command}");
    }
    assert_eq!(printed(Format::Json), printed(Format::Text));
}

#[test]
fn the_schema_is_one_that_editors_can_use() {
    let schema = schema();
    assert!(jsonschema::draft7::meta::is_valid(&schema));
    assert_eq!(schema["$id"], ADDRESS);
    assert!(ADDRESS.ends_with("/v1/docs/policy.schema.json"));
    let mut patterns = 0;
    each(&schema, &mut |value| {
        if let Some(pattern) = value.get("pattern").and_then(Value::as_str) {
            // Editors compile them with this flag, which forbids what a lenient reader lets pass.
            let flags = regress::Flags { unicode: true, ..regress::Flags::default() };
            regress::Regex::with_flags(pattern, flags).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            patterns += 1;
            let examples = value.get("examples").and_then(Value::as_array).into_iter().flatten();
            for example in examples.map(|example| example.as_str().unwrap()) {
                let regex = regress::Regex::with_flags(pattern, flags).unwrap();
                assert!(regex.find(example).is_some(), "{example} does not fit {pattern}");
            }
        }
        if let Some(description) = value.get("description").and_then(Value::as_str) {
            assert!(description.ends_with('.') && !description.contains(['`', '[']), "{description}");
        }
    });
    assert!(patterns > 15, "{patterns} patterns");
}

/// Visits all objects of a document.
fn each(value: &Value, visit: &mut impl FnMut(&Value)) {
    match value {
        Value::Object(map) => {
            visit(value);
            map.values().for_each(|inner| each(inner, visit));
        }
        Value::Array(list) => list.iter().for_each(|inner| each(inner, visit)),
        _ => {}
    }
}

#[test]
fn every_policy_that_the_parser_accepts_fits_the_schema() {
    let validator = validator();
    let policies = good_policies();
    assert!(policies.len() >= 100, "{} policies", policies.len());
    for (name, text) in policies {
        let document = as_json(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        if let Some(refusal) = refusal(&validator, &document) {
            panic!("{name}: {refusal}\n{text}");
        }
    }
}

/// The mistakes of `fixtures/policies/broken` that only show when several parts are looked at together, or that are about
/// how the YAML is written.
const ONLY_THE_PARSER_SEES: &[&str] = &[
    "every-entry-takes-away",
    "index-without-siblings",
    "merge-key",
    "rolling-without-version",
    "size-target-above-max",
    "template-twice-in-a-row",
    "value-missing-on-event",
    "while-open-without-number",
];

#[test]
fn broken_policies_do_not_fit_the_schema() {
    let validator = validator();
    let mut paths = Vec::new();
    files(&root().join("fixtures/policies/broken"), &mut paths);
    let (mut fits, mut refused) = (Vec::new(), 0);
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "yml")) {
        match as_json(&fs::read_to_string(path).unwrap()) {
            Ok(document) if refusal(&validator, &document).is_none() => {
                fits.push(path.file_stem().unwrap().to_string_lossy().into_owned());
            }
            Ok(_) => refused += 1,
            Err(_) => {}
        }
    }
    assert!(refused > 20, "{refused} refused");
    assert_eq!(fits, ONLY_THE_PARSER_SEES);
}

#[test]
fn both_refuse_what_is_structurally_wrong() {
    let validator = validator();
    for (path, value) in [
        ("/vesion", json!(1)),
        ("/version", json!(2)),
        ("/version", json!("1")),
        ("/images", json!([])),
        ("/images", json!("ghcr.io/acme/shop")),
        ("/images/0", json!("acme/shop")),
        ("/images/0", json!("ghcr.io/acme/shop:v1")),
        ("/images/0", json!("https://ghcr.io/acme/shop")),
        ("/images/1", json!("ghcr.io/acme/shop")),
        ("/tags", json!({"on": "release"})),
        ("/tags/0/on", json!("relase")),
        ("/tags/0/on", json!("branch")),
        ("/tags/0/on", json!("branch main develop")),
        ("/tags/0/on", json!("release v1")),
        ("/tags/0/on", json!("release v*-*")),
        ("/tags/0/on", json!("pull request main")),
        ("/tags/0/on", json!("push")),
        ("/tags/0/on", json!([])),
        ("/tags/0/on", json!(["branch main", "branch main"])),
        ("/tags/0/on", json!({"branch": "main"})),
        ("/tags/0/tag", json!(1)),
        ("/tags/0/tag", json!("{{versoin}}")),
        ("/tags/0/tag", json!("{{branch.0}}")),
        ("/tags/0/tag", json!("{{date}}")),
        ("/tags/0/tag", json!("{version}")),
        ("/tags/0/tag", json!("v{{version}")),
        ("/tags/0/tag", json!("release/{{version}}")),
        ("/tags/0/tag", json!("-{{version}}")),
        ("/tags/0/index", json!(["v{{version}}"])),
        ("/tags/0/immutable", json!("keep")),
        ("/tags/0/keep", json!(30)),
        ("/tags/0/keep", json!("30d")),
        ("/tags/0/keep", json!("30days")),
        ("/tags/0/keep", json!("1.5 days")),
        ("/tags/0/keep", json!("3 months")),
        ("/tags/0/keep", json!("last 0")),
        ("/tags/0/keep", json!("last")),
        ("/tags/0/keep", json!("while opened")),
        ("/tags/0/keep", json!({})),
        ("/tags/0/keep", json!({"for": "forever"})),
        ("/tags/0/keep", json!({"last": 0})),
        ("/tags/0/keep", json!({"while": "branch"})),
        ("/tags/0/keep", json!({"until": "30 days"})),
        ("/tags/0/match", json!("release/*")),
        ("/tags/0/match", json!("//")),
        ("/untagged", json!("14 days")),
        ("/untagged", json!({})),
        ("/keep-at-least", json!(-1)),
        ("/keep-at-least", json!("5")),
        ("/protect/0", json!("ghcr.io/acme/shop:demo")),
        ("/protect/0", json!("sha256:4b825dc6")),
        ("/references", json!({"branches": ["main"]})),
        ("/references/branches/0", json!("release/*")),
        ("/repository", json!("shop")),
        ("/unreadable/0", json!("4b825dc6")),
        ("/checks/platforms/0", json!("amd64")),
        ("/checks/size/max", json!("30MB")),
        ("/checks/size/max", json!(30)),
        ("/visibility", json!("secret")),
        ("/release-notes", json!("yes")),
        ("/mirrors/0", json!({"only": "release"})),
        ("/mirrors/0/rename", json!({"v{{version}}": 1})),
        ("/mirrors/0/rename", json!({"v {{version}}": "x"})),
        ("/upstream", json!({"issue": true})),
        ("/upstream/workflow", json!(".github/workflows/build.yml")),
    ] {
        let mut document = as_json(EVERY_FORM).unwrap();
        mutations::put(&mut document, path, value.clone());
        assert!(!is_understood(&document), "the parser takes {value} at {path}");
        assert!(refusal(&validator, &document).is_some(), "the schema takes {value} at {path}");
    }
    for (missing, at) in [("version", ""), ("images", ""), ("on", "/tags/0"), ("tag", "/tags/0")] {
        let mut document = as_json(EVERY_FORM).unwrap();
        document.pointer_mut(at).unwrap().as_object_mut().unwrap().remove(missing).unwrap();
        assert!(!is_understood(&document) && refusal(&validator, &document).is_some(), "without {missing}");
    }
}

/// Where a map of the language stands in [`EVERY_FORM`].
fn place(form: &MapForm) -> &'static str {
    let places = [
        "",
        "/tags/0",
        "/tags/0/keep",
        "/untagged",
        "/references",
        "/checks",
        "/checks/size",
        "/mirrors/0",
        "/upstream",
    ];
    places[MAPS.iter().position(|known| std::ptr::eq(*known, form)).unwrap()]
}

/// A key that the table has and the parser does not look at would be documented and do nothing.
#[test]
fn the_parser_reads_every_key_of_the_table() {
    for form in MAPS {
        for key in form.keys {
            let mut document = as_json(EVERY_FORM).unwrap();
            mutations::put(&mut document, "/tags/0/keep", json!({"last": 3}));
            mutations::put(&mut document, &format!("{}/{}", place(form), key.name), json!([[true]]));
            let mistakes = parse(&document.to_string()).expect_err(key.name);
            let said = |mistake: &&ghcr_lifecycle::policy::diagnostic::Diagnostic| {
                mistake.key_path.contains(key.name) && !mistake.problem.contains("unknown key")
            };
            assert!(mistakes.list.iter().any(|mistake| said(&mistake)), "{}: {}: {mistakes}", form.place, key.name);
        }
    }
}

#[test]
fn what_is_left_out_counts_as_the_table_says() {
    for form in MAPS {
        for key in form.keys {
            let Without::Value(written) = key.without else { continue };
            let mut document = as_json(EVERY_FORM).unwrap();
            let value = serde_json::from_str(written).unwrap_or_else(|_| json!(written));
            let path = format!("{}/{}", place(form), key.name);
            mutations::put(&mut document, &path, value);
            let with = parse(&document.to_string()).unwrap();
            mutations::take(&mut document, &path);
            let without = parse(&document.to_string()).unwrap();
            let plain = |policy| format!("{policy:?}");
            assert_eq!(plain(with), plain(without), "{path}");
        }
    }
}

#[test]
fn every_example_of_the_reference_is_part_of_a_policy() {
    let validator = validator();
    let page = read("docs/policy.md");
    let blocks = blocks(&page);
    assert_eq!(blocks.len(), 1 + POLICY.keys.len() + ROW.keys.len());
    assert!(blocks[0].starts_with(&format!("# yaml-language-server: $schema={ADDRESS}\n")), "{}", blocks[0]);
    for block in &blocks {
        let has = |line: &str| block.lines().any(|own| own.split(' ').next() == line.split(' ').next());
        let before: String = BEGINNING.split_inclusive('\n').filter(|line| !has(line)).collect();
        let text = format!("{before}{block}");
        parse(&text).unwrap_or_else(|mistakes| panic!("{}", render("docs/policy.md", &text, &mistakes)));
        assert_eq!(refusal(&validator, &as_json(&text).unwrap()), None, "{text}");
    }
    for form in MAPS {
        for key in form.keys {
            let shown = POLICY.keys.iter().chain(ROW.keys).any(|outer| {
                let begins = |place: &str| outer.example.contains(&format!("{place}{}:", key.name));
                ["", "\n", " ", "{", "- "].iter().any(|place| begins(place))
            });
            assert!(shown, "no example shows `{}` of {}", key.name, form.place);
        }
    }
}

#[test]
fn every_link_of_the_reference_leads_somewhere() {
    let page = read("docs/policy.md");
    let anchors = |page: &str| -> Vec<String> {
        let headings = page.lines().filter(|line| line.starts_with('#'));
        headings
            .map(|line| line.trim_start_matches('#').trim().to_lowercase().replace(['`', ','], "").replace(' ', "-"))
            .collect()
    };
    let own = anchors(&page);
    for target in page.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
        if target.starts_with("https://") {
            continue;
        }
        let (file, anchor) = target.split_once('#').unwrap();
        let there = if file.is_empty() { own.clone() } else { anchors(&read(&format!("docs/{file}"))) };
        assert!(there.iter().any(|known| known == anchor), "{target}");
    }
}

/// A new value of templates without a line in the table would be unknown to schema and reference.
#[test]
fn the_table_names_every_value_of_templates() {
    let variables: Vec<Variable> = VALUES
        .iter()
        .map(|value| {
            let template = Template::parse(&format!("{{{{{}}}}}", value.name)).unwrap();
            template.variables().next().unwrap().0.clone()
        })
        .collect();
    let line = |variable: &Variable| match variable {
        Variable::Version => 0,
        Variable::Major => 1,
        Variable::Minor => 2,
        Variable::Patch => 3,
        Variable::Prerelease => 4,
        Variable::Branch(None) => 5,
        Variable::Branch(Some(_)) => 6,
        Variable::GitTag(None) => 7,
        Variable::GitTag(Some(_)) => 8,
        Variable::Number => 9,
        Variable::Sha => 10,
        Variable::ShaFull => 11,
        Variable::BaseRef => 12,
        Variable::Date(_) => 13,
        Variable::CommitDate(_) => 14,
        Variable::RunNumber => 15,
    };
    assert_eq!(variables.iter().map(line).collect::<Vec<_>>(), (0..VALUES.len()).collect::<Vec<_>>());
    let page = read("docs/policy.md");
    let examples = page.lines().filter(|line| line.starts_with("| `{{")).map(|line| line.split(" | ").last().unwrap());
    assert!(examples.clone().count() == VALUES.len() && examples.clone().all(|cell| cell.starts_with('`')));
}
