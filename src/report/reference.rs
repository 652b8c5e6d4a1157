//! The reference of the policy language, a page in Markdown. Keys, events and values are those of the language's table;
//! where a value exists and what it looks like is tried out.

mod tables;

use std::fmt::Write as _;

use crate::policy::{
    language::{Form, KEEP, Key, LIVES, MapForm, POLICY, ROW, Text, Without},
    schema::ADDRESS,
};

/// The page's beginning, up to the policy that it shows.
const INTRODUCTION: &str = "\
# The policy file

`.github/ghcr-lifecycle.yml` says which git event creates which image tag, whether that tag may move, and how long it lives. This page is its whole language. It is made from the program itself (`ghcr-lifecycle schema --format markdown`), so it cannot fall behind.
";

/// A policy that a new project could begin with.
const FIRST_POLICY: &str = "\
version: 1

images: [ghcr.io/acme/shop]

tags:
  - on: release                                   # git tag v1.2.3
    tag: \"v{{version}}\"
    immutable: true                               # published once, never replaced
    rolling: [\"v{{major}}.{{minor}}\", latest]     # move forward only

  - on: branch main
    tag: \"main-{{sha}}\"
    keep: 30 days

  - on: pull request
    tag: \"pr-{{number}}\"
    keep: while open

untagged:
  keep: 14 days
";

const AFTER_FIRST_POLICY: &str = "\
The first line is for editors: those that build on the YAML language server, such as VS Code with the extension YAML, then complete keys, explain them, and underline what does not fit. `ghcr-lifecycle check` knows more than the schema: it shows what each row matches with an example, and warns of what a policy may not mean.

An unknown key, a wrong type or a bad duration is an error that names its line and the nearest valid spelling, all of them at once, before anything is pushed or deleted.
";

const EVENTS_INTRODUCTION: &str = "\
## Events

What an entry of `on` can say, and which [events of GitHub](https://docs.github.com/actions/reference/workflows-and-actions/events-that-trigger-workflows) fit it:
";

const EVENTS_END: &str = "\
A `workflow_run` counts as the run that triggered it, a `workflow_call` as its caller. Deletions, and release events that publish nothing, give no tags and succeed. Any other event fits no row. The input `ref` says what was built where that is not what triggered the run.
";

const TEMPLATES_INTRODUCTION: &str = "\
## Templates

Literal text with values in double braces: `v{{version}}`. A template that begins with a brace needs quotes in YAML. Each run of characters that a tag cannot hold becomes one `-` (at its start, `_`); a name that is too long is cut and ends in 8 digits of its hash.
";

const PATTERNS: &str = "\
## Patterns

GitHub's own [filter patterns](https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet), over the whole name:

| pattern | matches |
|---|---|
| `*` | any characters but `/` |
| `**` | any characters |
| `?`, `+` | the character before it at most once, at least once |
| `[a-z0-9]` | one of these |
| `\\*` | the character itself |

What the wildcards matched is at hand in templates, in order: `{{branch.1}}`, `{{tag.2}}`.
";

/// Renders the page.
#[must_use]
pub fn reference() -> String {
    let mut page = format!("{INTRODUCTION}\n```yaml\n# yaml-language-server: $schema={ADDRESS}\n{FIRST_POLICY}```\n\n");
    page.push_str(AFTER_FIRST_POLICY);
    page.push_str("\n## All keys\n\n| key | value | what it says |\n|---|---|---|\n");
    for key in POLICY.keys {
        summary(&mut page, key, "");
        if key.name == "tags" {
            ROW.keys.iter().for_each(|key| summary(&mut page, key, "&nbsp;&nbsp;"));
        }
    }
    let (always, others): (Vec<&Key>, Vec<&Key>) =
        POLICY.keys.iter().filter(|key| key.name != "tags").partition(|key| matches!(key.without, Without::Required));
    page.push_str("\n## What every policy has\n");
    always.iter().for_each(|key| section(&mut page, key, "###"));
    page.push_str("\n## Rows\n");
    POLICY.keys.iter().filter(|key| key.name == "tags").for_each(|key| section(&mut page, key, "###"));
    ROW.keys.iter().for_each(|key| section(&mut page, key, "####"));
    let _ = write!(page, "\n{EVENTS_INTRODUCTION}\n{}\n{EVENTS_END}", tables::events());
    let _ = write!(page, "\n{TEMPLATES_INTRODUCTION}\n{}", tables::values());
    let _ = write!(page, "\n{PATTERNS}\n{}", tables::amounts());
    page.push_str("\n## The other keys\n");
    others.iter().for_each(|key| section(&mut page, key, "###"));
    page
}

/// A line of the table of all keys.
fn summary(page: &mut String, key: &Key, indent: &str) {
    let Key { name, form, about, .. } = key;
    let _ = writeln!(page, "| {indent}[`{name}`](#{name}) | {} | {about} |", value(*form));
}

/// All about a key.
fn section(page: &mut String, key: &Key, level: &str) {
    let Key { name, form, without, about, details, example } = key;
    let _ = write!(page, "\n{level} `{name}`\n\n{about}\n\n- **Value:** {}\n- {}\n", value(*form), left_out(*without));
    if let Form::Keep = form {
        page.push_str("\n| `keep` | a tag is |\n|---|---|\n");
        for (life, meaning) in LIVES {
            let _ = writeln!(page, "| `{life}` | {meaning} |");
        }
        page.push_str("\nA map keeps a tag while **any** of its keys does:\n\n");
        keys(page, &KEEP);
    }
    if !details.is_empty() {
        let _ = write!(page, "\n{details}\n");
    }
    if let Form::Map(form) | Form::Maps(form) = form
        && !std::ptr::eq(*form, &ROW)
    {
        page.push('\n');
        keys(page, form);
    }
    let _ = write!(page, "\n```yaml\n{example}```\n");
}

/// The keys of a small map as a table, those of maps within it too.
fn keys(page: &mut String, form: &'static MapForm) {
    page.push_str("| key | value | without it | what it says |\n|---|---|---|---|\n");
    rows(page, form, "");
}

fn rows(page: &mut String, form: &'static MapForm, path: &str) {
    for Key { name, form, without, about, .. } in form.keys {
        let without = match without {
            Without::Required => "it is required".to_owned(),
            Without::Value(value) => format!("`{value}`"),
            Without::Words(words) => (*words).to_owned(),
        };
        let _ = writeln!(page, "| `{path}{name}` | {} | {without} | {about} |", value(*form));
        if let Form::Map(inner) = form {
            rows(page, inner, &format!("{path}{name}."));
        }
    }
}

fn left_out(without: Without) -> String {
    match without {
        Without::Required => "**Required.**".to_owned(),
        Without::Value(value) => format!("**Without it:** `{value}`"),
        Without::Words(words) => format!("**Without it:** {words}"),
    }
}

/// Says what a value may be.
fn value(form: Form) -> String {
    match form {
        Form::Version => "`1`".to_owned(),
        Form::Number(0) => "a whole number".to_owned(),
        Form::Number(_) => "a whole number above 0".to_owned(),
        Form::Flag => "`true` or `false`".to_owned(),
        Form::One(text) => words(text).0.to_owned(),
        Form::List(text) => format!("a list of {}", words(text).1),
        Form::OneOrList(text) => format!("{}, or a list", words(text).0),
        Form::Immutable => "`true`, `false` or `keep existing`".to_owned(),
        Form::Keep => "a life, as in `30 days`, or a map".to_owned(),
        Form::Map(_) => "a map".to_owned(),
        Form::Maps(form) if std::ptr::eq(form, &ROW) => "a list of rows".to_owned(),
        Form::Maps(_) => "a list of maps".to_owned(),
        Form::Renames => "a map from [template](#templates) to template".to_owned(),
    }
}

/// What a text is, one and several of them.
fn words(text: Text) -> (&'static str, &'static str) {
    match text {
        Text::Image => ("an image name", "image names"),
        Text::Event | Text::KindOfEvent => ("an [event](#events)", "[events](#events)"),
        Text::Template => ("a [template](#templates)", "[templates](#templates)"),
        Text::Match => ("a [pattern](#patterns), or a `/regular expression/`", "patterns"),
        Text::Protected => ("a pattern or digest", "[patterns](#patterns) and digests"),
        Text::Digest => ("a digest", "digests"),
        Text::Path => ("a pattern", "[patterns](#patterns)"),
        Text::Branch => ("a branch", "branches"),
        Text::Repository => ("`owner/name`", "repositories"),
        Text::Platform => ("a platform", "platforms, as in `linux/amd64`"),
        Text::Size => ("a [size](#durations-and-sizes)", "sizes"),
        Text::Duration => ("a [duration](#durations-and-sizes)", "durations"),
        Text::DurationOrForever => ("a [duration](#durations-and-sizes), or `forever`", "durations"),
        Text::While => ("`open` or `branch exists`", "conditions"),
        Text::Visibility => ("`public`, `private` or `internal`", "visibilities"),
        Text::Workflow => ("a file name", "file names"),
    }
}
