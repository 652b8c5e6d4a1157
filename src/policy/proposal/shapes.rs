//! Tags that no row explains, grouped by what they look like.

use std::collections::BTreeMap;

use crate::{
    model::Tag,
    policy::{glob::Glob, inversion::Inversion, rules::Policy},
};

/// Tags that look alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What they have in common, changing parts between `<` and `>`: `build-<number>`.
    pub text: String,
    /// How many there are.
    pub count: usize,
    /// One of them.
    pub example: Tag,
    /// What a row's `match` could be: a glob, or an expression between slashes.
    pub matcher: String,
}

/// Groups the tags that no row of the policy explains, the largest group first.
#[must_use]
pub fn unexplained<'t>(policy: &Policy, tags: impl IntoIterator<Item = &'t Tag>) -> Vec<Shape> {
    let inversions: Vec<Inversion> = policy.rules.iter().map(Inversion::of).collect();
    let mut shapes: BTreeMap<String, Shape> = BTreeMap::new();
    for tag in tags {
        if tag.is_referrers_tag() || inversions.iter().any(|inversion| inversion.explain(tag).is_some()) {
            continue;
        }
        let (text, expression) = shape(tag.as_str());
        let is_literal = !text.contains('<');
        let matcher = if is_literal { tag.to_string() } else { format!("/^{expression}$/") };
        let matcher = if is_literal && Glob::parse(&matcher).is_err() { format!("/^{expression}$/") } else { matcher };
        shapes.entry(text.clone()).or_insert_with(|| Shape { text, count: 0, example: tag.clone(), matcher }).count +=
            1;
    }
    let mut shapes: Vec<Shape> = shapes.into_values().collect();
    shapes.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.text.cmp(&other.text)));
    shapes
}

/// Says what a tag looks like, and by which expression such tags are matched.
fn shape(tag: &str) -> (String, String) {
    let (mut text, mut expression) = (String::new(), String::new());
    let mut rest = tag;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        if word == 0 {
            text.push(first);
            expression.push_str(&escaped(first));
            rest = &rest[1..];
            continue;
        }
        let (part, left) = rest.split_at(word);
        rest = left;
        let is_hex = part.len() >= 7 && part.bytes().all(|c| c.is_ascii_digit() || matches!(c, b'a'..=b'f'));
        let is_number = part.bytes().all(|c| c.is_ascii_digit());
        if is_number && part.len() == 8 && part.starts_with("20") {
            text.push_str("<date>");
            expression.push_str("20[0-9]{6}");
        } else if is_hex && (!is_number || part.len() == 40) {
            text.push_str("<commit>");
            expression.push_str("[0-9a-f]{7,40}");
        } else {
            // Within words, too: `v1`, `rc2`.
            let mut digits = false;
            for character in part.chars() {
                if character.is_ascii_digit() && digits {
                    continue;
                }
                digits = character.is_ascii_digit();
                if digits {
                    text.push_str("<number>");
                    expression.push_str("[0-9]+");
                } else {
                    text.push(character);
                    expression.push(character);
                }
            }
        }
    }
    (text, expression)
}

fn escaped(character: char) -> String {
    if character == '.' { "\\.".to_owned() } else { character.to_string() }
}
