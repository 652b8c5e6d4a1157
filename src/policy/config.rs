//! The policy file: YAML in, a valid [`Policy`] out, or every mistake of the file at once.
//! What reads the file and how mistakes are shown is left to others.

mod amount;
mod entry;
mod keep;
mod keys;
pub(in crate::policy) mod node;
mod row;
mod sections;
mod syntax;
mod walk;

pub(super) use self::{amount::AmountError, keep::keep_of};
use super::{
    diagnostic::Diagnostics,
    language,
    rules::{Policy, TagRule},
};
use keys::Fields;
use node::Kind;
use walk::{Value, Walk};

/// The largest policy that is read, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// Reads and checks a policy.
///
/// # Errors
/// All mistakes of the text, each with its place; a text that is no YAML, or too large, is one mistake.
pub fn parse(text: &str) -> Result<Policy, Diagnostics> {
    let mut walk = Walk::new(text);
    let policy = read(&mut walk);
    match walk.finish() {
        Some(mistakes) => Err(mistakes),
        None => Ok(policy.expect("what gives no policy reports a mistake")),
    }
}

fn read(walk: &mut Walk<'_>) -> Option<Policy> {
    if walk.text.len() > MAX_BYTES {
        let problem = format!("the file has {} bytes; a policy has at most {MAX_BYTES}", walk.text.len());
        walk.mistake_at(0..0, "", problem, Some("is this the right file?".into()));
        return None;
    }
    let root = match node::read(walk.text, &walk.lines) {
        Ok(root) => root,
        Err(error) => {
            syntax::report(walk, &error);
            return None;
        }
    };
    let root = Value { node: &root, path: String::new() };
    if matches!(root.node.kind, Kind::Null) {
        let hint = "a policy begins with `version: 1` and `images: [ghcr.io/owner/name]`";
        walk.mistake_at(0..0, "", "the file is empty", Some(hint.into()));
        return None;
    }
    let fields = walk.fields(&root, "a policy (a map)", &language::POLICY)?;
    version(walk, &root, &fields);
    let images = match fields.get("images") {
        Some(value) => sections::images(walk, value),
        None => {
            walk.missing(&root, &fields, "images", "[ghcr.io/owner/name]");
            Vec::new()
        }
    };
    let rules = rows(walk, &fields);
    let flag = |walk: &mut Walk<'_>, key| fields.get(key).and_then(|value| walk.boolean(value)).unwrap_or(false);
    let untagged = fields.get("untagged").and_then(|value| sections::untagged(walk, value));
    let keep_at_least = fields.get("keep-at-least").and_then(|value| walk.number(value, 0)).unwrap_or(0);
    let protect = fields.get("protect").map(|value| sections::protect(walk, value)).unwrap_or_default();
    let references = fields.get("references").and_then(|value| sections::references(walk, value));
    let repository = fields.get("repository").and_then(|value| sections::repository(walk, value));
    let unreadable = fields.get("unreadable").map(|value| sections::unreadable(walk, value)).unwrap_or_default();
    let checks = fields.get("checks").and_then(|value| sections::checks(walk, value));
    let visibility = fields.get("visibility").and_then(|value| sections::visibility(walk, value));
    let release_notes = flag(walk, "release-notes");
    let mirrors = fields.get("mirrors").map(|value| sections::mirrors(walk, value, &images)).unwrap_or_default();
    let upstream = fields.get("upstream").and_then(|value| sections::upstream(walk, value));
    if !walk.is_clean() {
        return None;
    }
    let not_carried_out = not_carried_out(root.node);
    Some(Policy {
        images,
        rules,
        untagged,
        keep_at_least,
        protect,
        references,
        repository,
        unreadable,
        checks,
        visibility,
        release_notes,
        mirrors,
        upstream,
        drop_in: None,
        not_carried_out,
    })
}

/// Reads a duration as the policy writes it (`30 days`).
///
/// # Errors
/// With what is wrong with it, and the remedy.
pub fn duration(text: &str) -> Result<std::time::Duration, (String, Option<String>)> {
    amount::duration(text).map_err(|error| (error.problem, error.hint))
}

fn version(walk: &mut Walk<'_>, root: &Value<'_>, fields: &Fields<'_>) {
    let Some(value) = fields.get("version") else {
        walk.missing(root, fields, "version", "1");
        return;
    };
    match &value.node.kind {
        Kind::Integer(1) => {}
        Kind::Integer(_) | Kind::Float => {
            let problem = format!(
                "this is version {} of the policy language",
                walk.describe(value.node).trim_start_matches("the number ")
            );
            walk.mistake(value, problem, Some("this program knows version 1: write `version: 1`".into()));
        }
        kind => {
            let quoted = matches!(kind, Kind::Text(text) if text.trim() == "1");
            let hint = if quoted { "remove the quotes: `1`" } else { "write `version: 1`" };
            walk.wrong_type(value, "the number 1", Some(hint.into()));
        }
    }
}

fn rows(walk: &mut Walk<'_>, fields: &Fields<'_>) -> Vec<TagRule> {
    let Some(value) = fields.get("tags") else { return Vec::new() };
    if matches!(value.node.kind, Kind::Map(_)) {
        walk.wrong_type(value, "a list of rows", Some("begin each row with `- `, as in `- on: release`".into()));
        return Vec::new();
    }
    let Some(items) = walk.items(value, "a list of rows") else { return Vec::new() };
    items.iter().enumerate().filter_map(|(index, item)| row::row(walk, item, index + 1)).collect()
}

/// Lists the keys whose work this version does not carry out yet.
fn not_carried_out(root: &node::Node) -> Vec<String> {
    entries(root).map(|(name, _)| name).filter(|name| *name == "upstream").map(str::to_owned).collect()
}

fn entries(node: &node::Node) -> impl Iterator<Item = (&str, &node::Node)> {
    let map = if let Kind::Map(map) = &node.kind { map.as_slice() } else { &[] };
    map.iter().filter_map(|(key, value)| match &key.kind {
        Kind::Text(name) => Some((name.as_str(), value)),
        _ => None,
    })
}
