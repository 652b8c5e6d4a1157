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
        if let Some(node) = flow(rest) {
            read_flow(&mut done, line, "", node, 0);
            continue;
        }
        let Some((key, value)) = entry(rest) else {
            // The list that it is an item of is its key's value, which may stand in the same column.
            let above = open.iter().rev().find(|(other, _)| *other <= indent).and_then(|(_, map)| map.entries.last());
            if is_item && let Some(above) = above.filter(|above| above.value.is_empty()) {
                done.push(items(line, &above.key, [rest]));
            }
            continue;
        };
        while open.last().is_some_and(|(other, _)| *other > indent || (*other == indent && is_item)) {
            done.extend(open.pop().map(|(_, map)| map));
        }
        if open.last().is_none_or(|(other, _)| *other < indent) {
            let under = open.last().and_then(|(_, map)| map.entries.last()).map(|entry| entry.key.clone());
            open.push((indent, Map { under: under.unwrap_or_default(), entries: Vec::new() }));
        }
        if let Some(node) = flow(value) {
            read_flow(&mut done, line, &unquoted(key), node, 0);
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

/// A map or list that is written on one line.
#[derive(Clone, Copy)]
enum Flow<'t> {
    Map(&'t str),
    List(&'t str),
}

/// How deep maps and lists of one line may be nested.
const DEEPEST: usize = 8;

/// Tells whether a text is a map or list, and returns its inside.
fn flow(text: &str) -> Option<Flow<'_>> {
    let text = without_comment(text).trim_end_matches(',');
    if let Some(inside) = text.strip_prefix('[') {
        return inside.strip_suffix(']').map(Flow::List);
    }
    let inside = text.strip_prefix('{')?.strip_suffix('}')?;
    // A template is no map.
    (!inside.starts_with('{')).then_some(Flow::Map(inside))
}

fn read_flow(done: &mut Vec<Map>, line: usize, under: &str, node: Flow<'_>, depth: usize) {
    if depth > DEEPEST {
        return;
    }
    match node {
        Flow::List(inside) => {
            let (nested, plain): (Vec<&str>, Vec<&str>) =
                parts(inside).into_iter().partition(|part| flow(part).is_some());
            for node in nested.into_iter().filter_map(flow) {
                read_flow(done, line, under, node, depth + 1);
            }
            done.push(items(line, under, plain));
        }
        Flow::Map(inside) => {
            let mut map = Map { under: under.to_owned(), entries: Vec::new() };
            for (key, value) in parts(inside).into_iter().filter_map(entry) {
                match flow(value) {
                    Some(node) => read_flow(done, line, &unquoted(key), node, depth + 1),
                    None => map.entries.push(Entry { line, key: unquoted(key), value: scalar(value) }),
                }
            }
            done.push(map);
        }
    }
}

/// Returns the items of a list as entries without a key.
fn items<'t>(line: usize, under: &str, items: impl IntoIterator<Item = &'t str>) -> Map {
    let entries = items.into_iter().map(|item| Entry { line, key: String::new(), value: scalar(item) }).collect();
    Map { under: under.to_owned(), entries }
}

/// Splits the inside of a map or list at its own commas.
fn parts(inside: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth, mut quote) = (Vec::new(), 0, 0_usize, None);
    for (at, character) in inside.char_indices() {
        match (quote, character) {
            (Some(open), _) => quote = Some(open).filter(|_| open != character),
            (None, '"' | '\'') => quote = Some(character),
            (None, '{' | '[') => depth += 1,
            (None, '}' | ']') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(inside[start..at].trim());
                start = at + 1;
            }
            (None, _) => {}
        }
    }
    parts.push(inside[start..].trim());
    parts
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
