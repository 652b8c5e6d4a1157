//! The rows of `tags`, and what must fit together within a row.

use std::collections::BTreeMap;

use regex_lite::{Regex, RegexBuilder};

use super::{
    entry::{Place, entry},
    keep::keep,
    keys::{Fields, listed},
    node::Kind,
    walk::{MAX_SHOWN, Single, Text, Value, Walk},
};
use crate::model::Tag;
use crate::model::untrusted::shown_up_to;
use crate::policy::{
    diagnostic::nearest,
    glob::Glob,
    join::may_end_in_architecture,
    language::{self, KEEP_EXISTING},
    rules::{Condition, Immutable, Keep, OnEntry, Row, Sanitiser, TagMatcher, TagRule, While},
    template::{Template, TemplateError, Variable, variable_names},
};

/// A template with its text in the file.
struct Written<'n> {
    template: Template,
    text: Text<'n>,
}

/// Reads a row.
pub(super) fn row(walk: &mut Walk<'_>, value: &Value<'_>, number: usize) -> Option<TagRule> {
    if let Kind::Text(text) = &value.node.kind {
        let hint = if text.contains("{{") {
            format!("as in `- {{on: release, tag: \"{}\"}}`", shown_up_to(text, MAX_SHOWN))
        } else {
            "as in `- on: release` with `tag: \"v{{version}}\"` below it".to_owned()
        };
        walk.wrong_type(value, "a row (a map)", Some(hint));
        return None;
    }
    let fields = walk.fields(value, "a row (a map)", &language::ROW)?;
    let (on, label) = on(walk, &fields);
    let tag = templates(walk, &fields, "tag");
    let also = templates(walk, &fields, "also");
    let rolling = templates(walk, &fields, "rolling");
    let index = index(walk, &fields);
    let immutable = immutable(walk, &fields);
    let keep = match fields.get("keep") {
        Some(value) => keep(walk, value),
        None => Some(Keep::FOREVER),
    };
    let matcher = match fields.get("match") {
        Some(value) => matcher(walk, value),
        None => None,
    };

    whole(walk, value, &fields);
    once(walk, [&tag, &also, &rolling, &index]);
    for written in tag.iter().chain(&also).chain(&rolling).chain(&index) {
        values_exist(walk, written, &on);
    }
    index_has_siblings(walk, &index, &tag, &on);
    let row = RowCheck { fields: &fields, on: &on, tag: &tag, matcher: matcher.as_ref() };
    if !rolling.is_empty() {
        pointers_know_versions(walk, &row);
    }
    if let Some(keep) = &keep
        && let Some(what) = keep.while_holds
    {
        while_is_known(walk, what, &row);
    }

    let label = label.unwrap_or_else(|| match &matcher {
        Some(matcher) => format!("match {}", shown_up_to(&matcher.text, 300)),
        None => "no event".to_owned(),
    });
    let plain = |list: Vec<Written<'_>>| list.into_iter().map(|written| written.template).collect();
    Some(TagRule {
        row: Row { number, line: Some(walk.lines.line(value.node.span.start)), label },
        on,
        tag: plain(tag),
        also: plain(also),
        rolling: plain(rolling),
        index: index.into_iter().next().map(|written| written.template),
        immutable,
        keep: keep?,
        matcher,
        sanitiser: Sanitiser::Oci,
    })
}

fn on(walk: &mut Walk<'_>, fields: &Fields<'_>) -> (Vec<OnEntry>, Option<String>) {
    let Some(value) = fields.get("on") else { return (Vec::new(), None) };
    let texts = walk.texts(value, "an event or a list of events", Single::Allowed);
    let label = texts.iter().map(|text| text.text.trim()).collect::<Vec<_>>().join(", ");
    let mut entries: Vec<(OnEntry, &Text<'_>)> = Vec::new();
    let mut failed = texts.is_empty();
    for text in &texts {
        let Some(entry) = entry(walk, text, Place::Row) else {
            failed = true;
            continue;
        };
        if let Some((_, first)) = entries.iter().find(|(other, _)| *other == entry) {
            let first = (first.value.node.span.clone(), "first here");
            walk.mistake_twice(&text.value, format!("`{entry}` occurs twice"), Some("keep one of them".into()), first);
            continue;
        }
        entries.push((entry, text));
    }
    if !failed && entries.iter().all(|(entry, _)| entry.negated) {
        let hint = match entries.first() {
            Some((OnEntry { condition: Condition::Branch(_), .. }, _)) => {
                "add what they are taken from, as in `branch **`"
            }
            _ => "add what they are taken from, as in `tag **`",
        };
        walk.mistake(value, "every entry takes away (`!`), so nothing is left", Some(hint.into()));
    }
    (entries.into_iter().map(|(entry, _)| entry).collect(), (!label.is_empty()).then(|| shown_up_to(&label, 300)))
}

fn templates<'n>(walk: &mut Walk<'_>, fields: &Fields<'n>, key: &str) -> Vec<Written<'n>> {
    let Some(value) = fields.get(key) else { return Vec::new() };
    let texts = walk.texts(value, "a template or a list of templates", Single::Allowed);
    texts.into_iter().filter_map(|text| written(walk, text)).collect()
}

fn written<'n>(walk: &mut Walk<'_>, text: Text<'n>) -> Option<Written<'n>> {
    let template = template(walk, &text)?;
    Some(Written { template, text })
}

/// Reads a template.
pub(super) fn template(walk: &mut Walk<'_>, text: &Text<'_>) -> Option<Template> {
    match Template::parse(text.text) {
        Ok(template) => Some(template),
        Err(error) => {
            let hint = template_hint(text.text, &error);
            walk.mistake_within(text, error.span.clone(), error.problem.clone(), hint);
            None
        }
    }
}

fn template_hint(text: &str, error: &TemplateError) -> Option<String> {
    let rest = text.get(error.span.start..).unwrap_or_default();
    if rest.starts_with('{') && !rest.starts_with("{{") {
        return Some("a value stands in two braces, as in `{{version}}`".to_owned());
    }
    let name = text.get(error.span.clone()).unwrap_or_default().trim_matches(['{', '}', ' ']);
    let unknown = error.problem.contains("is no value");
    match error.nearest.as_deref().or_else(|| nearest(name, variable_names()).filter(|_| unknown)) {
        Some(meant) => Some(format!("did you mean `{{{{{meant}}}}}`?")),
        None => unknown.then(|| format!("values are {}", listed(&variable_names()))),
    }
}

fn index<'n>(walk: &mut Walk<'_>, fields: &Fields<'n>) -> Vec<Written<'n>> {
    let Some(value) = fields.get("index") else { return Vec::new() };
    let text = walk.text(value, "one template");
    text.and_then(|text| written(walk, text)).into_iter().collect()
}

fn immutable(walk: &mut Walk<'_>, fields: &Fields<'_>) -> Immutable {
    let Some(value) = fields.get("immutable") else { return Immutable::No };
    match &value.node.kind {
        Kind::Bool(true) => Immutable::Yes,
        Kind::Bool(false) => Immutable::No,
        Kind::Text(text) if text.split_whitespace().eq(KEEP_EXISTING.split(' ')) => Immutable::KeepExisting,
        kind => {
            let hint = match kind {
                Kind::Text(text) => match text.to_lowercase().as_str() {
                    "true" | "yes" | "on" => Some("write `true`, without quotes".to_owned()),
                    "false" | "no" | "off" => Some("write `false`, without quotes".to_owned()),
                    _ => nearest(text, [KEEP_EXISTING]).map(|meant| format!("did you mean `{meant}`?")),
                },
                _ => None,
            };
            walk.wrong_type(value, "`true`, `false` or `keep existing`", hint);
            Immutable::No
        }
    }
}

/// The longest `match`, in bytes, and the largest program that it may become.
const MAX_MATCH: usize = 512;
const MAX_PROGRAM: usize = 1 << 20;

fn matcher(walk: &mut Walk<'_>, value: &Value<'_>) -> Option<TagMatcher> {
    let text = walk.text(value, "a pattern or a `/regular expression/`")?;
    if text.text.len() > MAX_MATCH {
        walk.mistake(value, format!("the pattern is longer than {MAX_MATCH} bytes"), None);
        return None;
    }
    let Some(inside) = text.text.strip_prefix('/') else {
        let glob = tag_glob(walk, &text)?;
        return Some(TagMatcher { text: text.text.to_owned(), regex: glob.regex().clone() });
    };
    let Some(inside) = inside.strip_suffix('/').filter(|inside| !inside.is_empty()) else {
        let problem = if text.text.len() > 2 {
            "the regular expression is not closed by `/`"
        } else {
            "the regular expression is empty"
        };
        walk.mistake(value, problem, Some("as in `/[0-9a-f]{40}/`".into()));
        return None;
    };
    match anchored(inside) {
        Ok(regex) => Some(TagMatcher { text: text.text.to_owned(), regex }),
        Err(problem) => {
            let hint = if inside.contains("(?=")
                || inside.contains("(?!")
                || inside.contains("(?<=")
                || inside.contains("(?<!")
            {
                Some("write it without `(?=`, `(?!`, `(?<=` and `(?<!`".to_owned())
            } else {
                Some("it is matched against the whole tag; for a pattern with `*`, leave out the slashes".to_owned())
            };
            walk.mistake_within(&text, 0..text.text.len(), format!("bad regular expression: {problem}"), hint);
            None
        }
    }
}

/// Compiles an expression to match whole tags, whether or not it says `^` and `$` itself.
fn anchored(inside: &str) -> Result<Regex, String> {
    let compile = |source: &str| RegexBuilder::new(source).size_limit(MAX_PROGRAM).build();
    // By itself first: `a)(b` would become valid within the group.
    compile(inside).and_then(|_| compile(&format!("^(?:{inside})$"))).map_err(|error| error.to_string())
}

/// Reads a pattern over image tags.
pub(super) fn tag_glob(walk: &mut Walk<'_>, text: &Text<'_>) -> Option<Glob> {
    if let Some((at, character)) = text.text.char_indices().find(|(_, c)| !Tag::allows(*c) && !r"*?+[]\".contains(*c)) {
        let problem = format!("no image tag holds `{}`", shown_up_to(character.encode_utf8(&mut [0; 4]), 1));
        let hint = "tags hold letters, digits, `_`, `.` and `-`";
        walk.mistake_within(text, at..at + character.len_utf8(), problem, Some(hint.into()));
        return None;
    }
    glob(walk, text)
}

/// Reads a pattern over names or paths.
pub(super) fn glob(walk: &mut Walk<'_>, text: &Text<'_>) -> Option<Glob> {
    match Glob::parse(text.text) {
        Ok(glob) => Some(glob),
        Err(error) => {
            let at = error.at.min(text.text.len());
            let end = at + text.text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
            walk.mistake_within(text, at..end, error.to_string(), None);
            None
        }
    }
}

/// A row has `on` and `tag`, or only `match`.
fn whole(walk: &mut Walk<'_>, value: &Value<'_>, fields: &Fields<'_>) {
    let has = |key: &str| fields.intends(key);
    let start = value.node.span.start..value.node.span.start;
    match (has("on"), has("tag"), has("match")) {
        (true, true, _) => return,
        (true, false, _) => {
            let span = fields.key_span("on").unwrap_or(start);
            let hint = "add it, as in `tag: \"v{{version}}\"`";
            walk.mistake_at(span, &value.path, "the row has `on` but no `tag`", Some(hint.into()));
        }
        (false, true, _) => {
            let span = fields.key_span("tag").unwrap_or(start);
            let hint = "add it, as in `on: release`";
            walk.mistake_at(span, &value.path, "the row has `tag` but no `on`", Some(hint.into()));
        }
        (false, false, true) => {}
        (false, false, false) => {
            let hint = "give it `on` and `tag`, or `match` for tags that no event here creates";
            walk.mistake_at(start, &value.path, "the row says neither `on` nor `match`", Some(hint.into()));
        }
    }
    if !has("tag") {
        for key in ["also", "rolling", "index", "immutable"] {
            if let Some(span) = fields.key_span(key) {
                let path = format!("{}.{key}", value.path);
                let problem = format!("`{key}` needs a `tag` in the same row");
                walk.mistake_at(span, &path, problem, Some("add `tag`, or remove it".into()));
            }
        }
    }
}

fn once(walk: &mut Walk<'_>, lists: [&Vec<Written<'_>>; 4]) {
    let mut seen: BTreeMap<&str, &Written<'_>> = BTreeMap::new();
    for written in lists.into_iter().flatten() {
        if let Some(first) = seen.get(written.template.as_str()) {
            let first = (first.text.value.node.span.clone(), "first here");
            let problem =
                format!("the template `{}` occurs twice in the row", shown_up_to(written.template.as_str(), MAX_SHOWN));
            walk.mistake_twice(&written.text.value, problem, Some("keep one of them".into()), first);
        } else {
            seen.insert(written.template.as_str(), written);
        }
    }
}

/// Each value of a template must exist whenever the row fits.
fn values_exist(walk: &mut Walk<'_>, written: &Written<'_>, on: &[OnEntry]) {
    for (variable, span) in written.template.variables() {
        let missing = on
            .iter()
            .filter(|entry| !entry.negated)
            .find_map(|entry| variable.available_on(&entry.condition).err().map(|reason| (entry, reason)));
        if let Some((entry, reason)) = missing {
            let elsewhere = |entry: &OnEntry| !entry.negated && variable.available_on(&entry.condition).is_ok();
            let hint =
                if on.iter().any(elsewhere) { format!("{reason}; give `{entry}` a row of its own") } else { reason };
            walk.mistake_within(
                &written.text,
                span,
                format!("`{{{{{variable}}}}}` has no value on `{entry}`"),
                Some(hint),
            );
        }
    }
}

/// The siblings of an index are told by the architecture at the end of the row's `tag`.
fn index_has_siblings(walk: &mut Walk<'_>, index: &[Written<'_>], tag: &[Written<'_>], on: &[OnEntry]) {
    let mut fitting = on.iter().filter(|entry| !entry.negated);
    let releases = fitting.all(|entry| matches!(entry.condition, Condition::Release(_)));
    let (Some(index), Some(first)) = (index.first(), tag.first()) else { return };
    if tag.iter().any(|written| may_end_in_architecture(&written.template, releases)) {
        return;
    }
    let problem = "no `tag` of this row ends in an architecture, so nothing tells what the index joins";
    let hint = "let the row's `tag` end in it, as in `v{{version}}-riscv64`";
    let first = (first.text.value.node.span.clone(), "this `tag`");
    walk.mistake_twice(&index.text.value, problem.to_owned(), Some(hint.into()), first);
}

/// What a row's keys are checked against together.
struct RowCheck<'a, 'n> {
    fields: &'a Fields<'n>,
    on: &'a [OnEntry],
    tag: &'a [Written<'n>],
    matcher: Option<&'a TagMatcher>,
}

/// A pointer of releases stays on the highest version, so the versions published before must be readable from their tags.
fn pointers_know_versions(walk: &mut Walk<'_>, row: &RowCheck<'_, '_>) {
    let is_release =
        |entry: &OnEntry| !entry.negated && matches!(entry.condition, Condition::Release(_) | Condition::Prerelease(_));
    let Some(rolling) = row.fields.get("rolling").filter(|_| row.on.iter().any(is_release)) else { return };
    let holds = |wanted: &Variable| {
        row.tag.iter().any(|written| written.template.variables().any(|(variable, _)| variable == wanted))
    };
    let known = match row.matcher {
        Some(matcher) => matcher.regex.capture_names().flatten().any(|name| name == "version"),
        None => {
            holds(&Variable::Version) || (holds(&Variable::Major) && holds(&Variable::Minor) && holds(&Variable::Patch))
        }
    };
    if !known {
        let problem = "a `rolling` tag of releases needs the version in the row's `tag`".to_owned();
        let hint = match row.matcher {
            Some(_) => "give `match` a group `(?<version>…)`",
            None => "as in `tag: \"v{{version}}\"`: the highest version published is read from the tags",
        };
        walk.mistake(rolling, problem, Some(hint.to_owned()));
    }
}

/// `while` must find the pull request or branch in each tag.
fn while_is_known(walk: &mut Walk<'_>, what: While, row: &RowCheck<'_, '_>) {
    let (life, value, group, event) = match what {
        While::Open => ("while open", "{{number}}", "number", "pull request"),
        While::BranchExists => ("while branch exists", "{{branch}}", "branch", "branch"),
    };
    let Some(keep) = row.fields.get("keep") else { return };
    let fits = |entry: &OnEntry| match (what, &entry.condition) {
        (While::Open, Condition::PullRequest) | (While::BranchExists, Condition::Branch(_)) => !entry.negated,
        (While::Open | While::BranchExists, _) => false,
    };
    if !row.on.is_empty() && !row.on.iter().any(fits) {
        let problem = format!("`{life}` needs a row that is on `{event}`");
        walk.mistake(keep, problem, Some("use a duration, as in `30 days`".into()));
        return;
    }
    if let Some(value) = row.fields.get("match") {
        let Some(matcher) = row.matcher else { return };
        if !matcher.regex.capture_names().flatten().any(|name| name == group) {
            let problem = format!(
                "`{life}` needs to find the {} in the tag",
                if group == "number" { "pull request" } else { "branch" }
            );
            let example = if group == "number" { "pr-(?<number>[0-9]+)" } else { "preview-(?<branch>.+)" };
            walk.mistake(value, problem, Some(format!("give `match` a group, as in `/{example}/`")));
        }
        return;
    }
    let holds = |variable: &Variable| match what {
        While::Open => matches!(variable, Variable::Number),
        While::BranchExists => matches!(variable, Variable::Branch(None)),
    };
    for written in row.tag {
        if !written.template.variables().any(|(variable, _)| holds(variable)) {
            let problem = format!("`{life}` needs `{value}` in the template");
            let hint =
                if group == "number" { format!("as in `pr-{value}`") } else { format!("as in `preview-{value}`") };
            let first = (keep.node.span.clone(), "asked for here");
            walk.mistake_twice(&written.text.value, problem, Some(hint), first);
        }
    }
}
