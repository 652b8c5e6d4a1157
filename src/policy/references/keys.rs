//! Keys that stand side by side, by their indentation: templates of YAML are not YAML, but look the same. JSON that is
//! written over several lines does too.

/// Keys of one map, in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Map {
    /// The key that the map belongs to, if one is seen.
    pub(super) under: String,
    pub(super) entries: Vec<Entry>,
}

/// A key with its value on the same line.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) line: usize,
    pub(super) key: String,
    pub(super) value: String,
}

/// The longest key that is looked at, in bytes.
const LONGEST_KEY: usize = 64;

/// Finds the maps of a text.
pub(super) fn maps(text: &str) -> Vec<Map> {
    let mut done = Vec::new();
    let mut open: Vec<(usize, Map)> = Vec::new();
    for (line, text) in (1..).zip(text.lines()) {
        let mut rest = text.trim_start();
        if rest.is_empty() || rest.starts_with('#') {
            continue;
        }
        if rest.starts_with("---") {
            done.extend(open.drain(..).map(|(_, map)| map));
            continue;
        }
        let mut indent = text.len() - rest.len();
        let mut is_item = false;
        while let Some(after) = rest.strip_prefix("- ") {
            let inner = after.trim_start();
            indent += rest.len() - inner.len();
            rest = inner;
            is_item = true;
        }
        if let Some(inside) = flow(rest) {
            done.push(flow_map(line, String::new(), inside));
            continue;
        }
        let Some((key, value)) = entry(rest) else { continue };
        while open.last().is_some_and(|(other, _)| *other > indent || (*other == indent && is_item)) {
            done.extend(open.pop().map(|(_, map)| map));
        }
        if open.last().is_none_or(|(other, _)| *other < indent) {
            let under = open.last().and_then(|(_, map)| map.entries.last()).map(|entry| entry.key.clone());
            open.push((indent, Map { under: under.unwrap_or_default(), entries: Vec::new() }));
        }
        if let Some(inside) = flow(value) {
            done.push(flow_map(line, unquoted(key), inside));
        } else if let Some((_, map)) = open.last_mut() {
            map.entries.push(Entry { line, key: unquoted(key), value: scalar(value) });
        }
    }
    done.extend(open.into_iter().map(|(_, map)| map));
    done
}

/// Splits `key: value`.
fn entry(text: &str) -> Option<(&str, &str)> {
    let end = match text.chars().next()? {
        quote @ ('"' | '\'') => 2 + text[1..].find(quote)?,
        _ => text.find([':', ' '])?,
    };
    let (key, rest) = text.split_at(end);
    let value = rest.trim_start().strip_prefix(':')?;
    let is_key =
        key.len() <= LONGEST_KEY && (value.is_empty() || value.starts_with([' ', '\t']) || key.starts_with('"'));
    is_key.then(|| (key, value.trim()))
}

/// Returns the inside of a map that is written on one line.
fn flow(text: &str) -> Option<&str> {
    let text = without_comment(text).trim_end_matches(',');
    let inside = text.strip_prefix('{')?.strip_suffix('}')?;
    // A template is no map.
    (!inside.starts_with('{')).then_some(inside)
}

fn flow_map(line: usize, under: String, inside: &str) -> Map {
    let pairs = inside.split(',').filter_map(|pair| entry(pair.trim()));
    let entries = pairs.map(|(key, value)| Entry { line, key: unquoted(key), value: scalar(value) }).collect();
    Map { under, entries }
}

fn unquoted(text: &str) -> String {
    text.trim_matches(['"', '\'']).to_owned()
}

/// Returns a value without quotes, comments, anchors, and the comma of JSON; an alias becomes a variable.
fn scalar(text: &str) -> String {
    let text = text.strip_suffix(',').unwrap_or(text).trim_end();
    for quote in ['"', '\''] {
        // A template may hold quotes of its own: the last one ends the value.
        if let Some(inside) = text.strip_prefix(quote)
            && let Some(end) = without_comment(inside).rfind(quote)
        {
            return inside[..end].to_owned();
        }
    }
    let text = without_comment(text);
    let text = match text.strip_prefix('&').and_then(|rest| rest.split_once(' ')) {
        Some((_, value)) => value.trim_matches(['"', '\'']),
        None => text,
    };
    match text {
        "null" | "~" => String::new(),
        // What an alias stands for is looked up by nobody here, as little as a variable.
        alias if alias.starts_with('*') => "${alias}".to_owned(),
        text => text.to_owned(),
    }
}

fn without_comment(text: &str) -> &str {
    text.find(" #").map_or(text, |at| &text[..at]).trim_end()
}
