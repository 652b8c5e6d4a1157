//! The JSON Schema of a policy, for editors. It is made of [`super::language`], and is never stricter than the parser: what
//! only makes sense together (which value exists on which event, say) is left to `check`.
//!
//! It is draft 7: the YAML language server, on which editors build, knows that one best.

mod patterns;

use serde_json::{Map, Value, json};

use super::language::{
    CONDITIONS, EVENTS, Form, KEEP, KEEP_EXISTING, Key, LIVES, MapForm, POLICY, ROW, Takes, Text, VISIBILITIES, Without,
};

/// Where editors find the schema.
pub const ADDRESS: &str = "https://raw.githubusercontent.com/ghcr-lifecycle/ghcr-lifecycle/v1/docs/policy.schema.json";

/// Where people find the reference.
const REFERENCE: &str = "https://github.com/ghcr-lifecycle/ghcr-lifecycle/blob/v1/docs/policy.md";

/// The most characters of a pattern.
const LONGEST_PATTERN: usize = 512;

/// Makes the schema.
#[must_use]
pub fn schema() -> Value {
    let mut schema = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": ADDRESS,
        "title": "Policy of ghcr-lifecycle",
        "description": "Which git event creates which image tag, whether the tag may move, and how long it lives.",
    });
    extend(&mut schema, map(&POLICY, None));
    schema
}

fn extend(schema: &mut Value, more: Value) {
    if let (Value::Object(schema), Value::Object(more)) = (schema, more) {
        schema.extend(more);
    }
}

/// A map with these keys and no others. Each has its own heading in the reference, unless one explains them all.
fn map(form: &'static MapForm, heading: Option<&'static str>) -> Value {
    let properties: Map<String, Value> =
        form.keys.iter().map(|key| (key.name.to_owned(), property(key, heading.unwrap_or(key.name)))).collect();
    let required: Vec<&str> =
        form.keys.iter().filter(|key| matches!(key.without, Without::Required)).map(|key| key.name).collect();
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        extend(&mut schema, json!({"required": required}));
    }
    if std::ptr::eq(form, &ROW) {
        let needs_tag = |key: &str| (key.to_owned(), json!(["tag"]));
        let mut dependencies: Map<String, Value> =
            ["on", "also", "rolling", "index", "immutable"].into_iter().map(needs_tag).collect();
        dependencies.insert("tag".to_owned(), json!(["on"]));
        extend(
            &mut schema,
            json!({"anyOf": [{"required": ["on"]}, {"required": ["match"]}], "dependencies": dependencies}),
        );
    } else if std::ptr::eq(form, &KEEP) {
        extend(&mut schema, json!({"minProperties": 1}));
    }
    schema
}

/// A key's value with what an editor tells of it: the sentence, an example where the value itself gives none, and where
/// there is more.
fn property(key: &Key, heading: &'static str) -> Value {
    let value = value(key.form, heading);
    let shown = value.get("examples").is_none() && !key.example.is_empty();
    let example = if shown { format!("```yaml\n{}```\n\n", key.example) } else { String::new() };
    let about = linked(key.about);
    let mut schema = json!({
        "description": plain(key.about),
        "markdownDescription": format!("{about}\n\n{example}[Reference]({REFERENCE}#{heading})"),
    });
    if let Without::Value(written) = key.without {
        extend(&mut schema, json!({"default": scalar(written)}));
    }
    extend(&mut schema, value);
    schema
}

fn value(form: Form, heading: &'static str) -> Value {
    match form {
        Form::Version => json!({"const": 1}),
        Form::Number(least) => json!({"type": "integer", "minimum": least, "maximum": u32::MAX}),
        Form::Flag => json!({"type": "boolean"}),
        Form::One(kind) => text(kind),
        Form::List(kind) => list(kind),
        Form::OneOrList(kind) => either(text(kind), list(kind)),
        Form::Immutable => {
            let words = told(one_of(&[KEEP_EXISTING]), "true, false or keep existing", &[KEEP_EXISTING]);
            either(words, json!({"type": "boolean"}))
        }
        Form::Keep => {
            let lives = LIVES.map(|(life, _)| life);
            let message = "forever, a duration such as 30 days, last 10, while open, while branch exists, or a map of for, last \
                           and while";
            either(told(patterns::life(), message, &lives), map(&KEEP, Some(heading)))
        }
        Form::Map(form) => map(form, Some(heading)),
        Form::Maps(form) => {
            let heading = Some(heading).filter(|_| !std::ptr::eq(form, &ROW));
            json!({"type": "array", "items": map(form, heading)})
        }
        Form::Renames => json!({
            "type": "object",
            "propertyNames": text(Text::Template),
            "additionalProperties": text(Text::Template),
        }),
    }
}

/// Joins the schema of a text with that of another type: what each says of its own type leaves the other alone. Editors
/// complete and explain this better than `anyOf`.
fn either(mut text: Value, mut other: Value) -> Value {
    let types = json!([text["type"].take(), other["type"].take()]);
    extend(&mut text, other);
    text["type"] = types;
    text
}

fn list(kind: Text) -> Value {
    let mut schema = json!({"type": "array", "minItems": 1, "items": text(kind)});
    if matches!(kind, Text::Image | Text::Event | Text::Template | Text::Platform) {
        extend(&mut schema, json!({"uniqueItems": true}));
    }
    schema
}

/// A text, told by what it is where it does not fit.
fn told(pattern: String, message: &str, examples: &[&str]) -> Value {
    json!({"type": "string", "pattern": pattern, "patternErrorMessage": message, "examples": examples})
}

/// A pattern for one of these words, with any blanks between them.
fn one_of(choices: &[&str]) -> String {
    let choices: Vec<String> = choices.iter().map(|choice| patterns::words(choice)).collect();
    format!("^\\s*(?:{})\\s*$", choices.join("|"))
}

fn text(kind: Text) -> Value {
    let mut schema = match kind {
        Text::Image => told(
            patterns::image(),
            "An image name with its registry, as in ghcr.io/owner/name",
            &["ghcr.io/owner/name"],
        ),
        Text::Event | Text::KindOfEvent => {
            let entries: Vec<&str> = EVENTS.iter().flat_map(|event| event.examples).copied().collect();
            let mut examples = entries.clone();
            examples.push("!branch dependabot/**");
            let names: Vec<String> = EVENTS
                .iter()
                .map(|event| format!("{}{}", event.name, if event.takes == Takes::Pattern { " PATTERN" } else { "" }))
                .collect();
            let message = format!("An event: {}. A leading ! takes away", names.join(", "));
            told(patterns::event(kind), &message, &examples)
        }
        Text::Template => told(
            patterns::template(),
            "A template of an image tag: letters, digits, _ . - and values such as {{version}}",
            &["v{{version}}", "{{branch}}-{{sha}}", "pr-{{number}}", "latest"],
        ),
        Text::Match => told(
            patterns::matcher(),
            "A pattern over image tags, or a regular expression between slashes",
            &["buildcache*", "/[0-9a-f]{40}/", "/pr-(?<number>[0-9]+)/"],
        ),
        Text::Protected => told(
            patterns::protected(),
            "A pattern over image tags, or a digest (sha256: and 64 hex digits)",
            &["demo-*"],
        ),
        Text::Digest => told(patterns::digest(), "A digest: sha256: and 64 hex digits", &[]),
        Text::Path => told(
            patterns::without_blanks(""),
            "A pattern over paths from the repository's root",
            &["**/Dockerfile*", "docker-compose*.yml", "charts/**/values.yaml"],
        ),
        Text::Branch => {
            told(patterns::without_blanks("~^:?*\\[\\\\"), "The name of a branch; patterns are for files", &["main"])
        }
        Text::Repository => told(patterns::repository(), "A repository on GitHub, as in owner/name", &["owner/name"]),
        Text::Platform => told(
            patterns::platform(),
            "A platform, as in linux/amd64 or linux/arm/v7",
            &["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/riscv64"],
        ),
        Text::Size => {
            told(patterns::size(), "A number, a blank and a unit, as in 20 MB or 20 MiB", &["20 MB", "1.5 GiB"])
        }
        Text::Duration => told(
            format!("^{}$", patterns::duration()),
            "A number, a blank and a unit, as in 30 days",
            &["30 days", "12 hours", "2 weeks"],
        ),
        Text::DurationOrForever => told(
            format!("^(?:\\s*forever\\s*|{})$", patterns::duration()),
            "A duration, as in 14 days, or forever",
            &["14 days", "forever"],
        ),
        Text::While => told(one_of(&CONDITIONS), "open, or branch exists", &CONDITIONS),
        Text::Visibility => json!({"enum": VISIBILITIES}),
        Text::Workflow => {
            told(patterns::workflow(), "The name of a file in .github/workflows, as in build.yml", &["build.yml"])
        }
    };
    if matches!(kind, Text::Match | Text::Path) {
        extend(&mut schema, json!({"maxLength": LONGEST_PATTERN}));
    }
    schema
}

/// A default as it is read.
fn scalar(written: &str) -> Value {
    match written {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        number => number.parse::<u32>().map_or_else(|_| json!(written), |number| json!(number)),
    }
}

/// Takes the marks of Markdown away: `[text](link)` and backticks.
fn plain(markdown: &str) -> String {
    let mut text = String::new();
    let mut rest = markdown;
    while let Some((before, after)) = rest.split_once("](") {
        text.push_str(before);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    text.replace(['`', '['], "")
}

/// Completes links within the reference.
fn linked(markdown: &str) -> String {
    markdown.replace("](#", &format!("]({REFERENCE}#"))
}
