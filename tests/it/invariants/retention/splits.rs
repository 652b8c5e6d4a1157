//! Templates matched by trying every way to split a tag, for the reference.

use std::collections::BTreeMap;

use ghcr_lifecycle::policy::rules::{Condition, TagRule};

/// One way in which a row reads a tag: each value by name.
pub(super) type Values = BTreeMap<String, String>;

/// Every way to split `text` into the pieces of a template.
pub(super) fn splits(template: &str, text: &str, rule: &TagRule, condition: &Condition) -> Vec<Values> {
    if template.is_empty() {
        return if text.is_empty() { vec![Values::new()] } else { Vec::new() };
    }
    let Some(open) = template.find("{{") else {
        return if template == text { vec![Values::new()] } else { Vec::new() };
    };
    if open > 0 {
        return match text.strip_prefix(&template[..open]) {
            Some(rest) => splits(&template[open..], rest, rule, condition),
            None => Vec::new(),
        };
    }
    let close = template.find("}}").unwrap();
    let name = template[2..close].trim();
    let mut found = Vec::new();
    for end in 1..=text.len() {
        if could_be(name, &text[..end], rule, condition) {
            for mut values in splits(&template[close + 2..], &text[end..], rule, condition) {
                values.insert(name.to_owned(), text[..end].to_owned());
                found.push(values);
            }
        }
    }
    found
}

fn could_be(name: &str, text: &str, rule: &TagRule, condition: &Condition) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| digits(text) && (text == "0" || !text.starts_with('0'));
    match name {
        "number" => number(text) && text != "0",
        "run_number" => digits(text),
        "major" | "minor" | "patch" => number(text),
        "sha" => (7..=40).contains(&text.len()) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
        "sha.full" => text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
        "version" => semver::Version::parse(text)
            .is_ok_and(|v| v.build.is_empty() && v.pre.is_empty() == matches!(condition, Condition::Release(_))),
        "branch" => match condition {
            Condition::Branch(glob) if !glob.as_str().contains('*') => text == glob.as_str(),
            Condition::Branch(_) => !rule.on.iter().any(|entry| {
                entry.negated && matches!(&entry.condition, Condition::Branch(glob) if glob.as_str() == text)
            }),
            _ => true,
        },
        "branch.1" | "tag" | "tag.1" => true,
        date if date.starts_with("date 'YYYYMMDD-HHmmss'") => {
            text.len() == 15 && text.as_bytes()[8] == b'-' && digits(&text[..8]) && digits(&text[9..])
        }
        date if date.starts_with("date 'YYYYMMDD'") => text.len() == 8 && digits(text),
        other => panic!("the reference does not know {{{{{other}}}}}"),
    }
}
