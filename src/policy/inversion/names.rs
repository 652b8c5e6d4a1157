//! Names in tags: the expression for the sanitised form of every name that a glob fits.

use super::ANY;
use crate::{
    model::Tag,
    policy::{
        glob::{Atom, Glob, Part, Repeat},
        template::CUT_HASH,
    },
};

/// Literal text of a date format, as sanitising leaves it.
pub(crate) fn dashed(text: &str) -> String {
    let mut dashed = String::new();
    let mut in_run = false;
    for character in text.chars() {
        let allowed = Tag::allows(character);
        if allowed {
            dashed.push(character);
        } else if !in_run {
            dashed.push('-');
        }
        in_run = !allowed;
    }
    dashed
}

/// What a part of a glob becomes in a tag.
enum Element {
    /// Letters, digits, `_`: at least one.
    Text(String),
    /// The same, or nothing.
    Optional(String),
    /// Characters that tags do not allow.
    Dash,
    /// `.` or `-`.
    Dot(char),
    /// Anything or nothing.
    Wild,
}

impl Element {
    fn of(part: &Part) -> Self {
        match &part.atom {
            Atom::Star | Atom::DoubleStar => Self::Wild,
            Atom::Set(inside) => Self::text(&format!("[{inside}]"), part.repeat),
            Atom::Literal(character) if matches!(character, '.' | '-') => match part.repeat {
                Repeat::Once => Self::Dot(*character),
                Repeat::AtMostOnce | Repeat::AtLeastOnce => Self::Wild,
            },
            Atom::Literal(character) if Tag::allows(*character) => Self::text(&character.to_string(), part.repeat),
            Atom::Literal(_) => match part.repeat {
                Repeat::Once | Repeat::AtLeastOnce => Self::Dash,
                Repeat::AtMostOnce => Self::Wild,
            },
        }
    }

    fn text(text: &str, repeat: Repeat) -> Self {
        match repeat {
            Repeat::Once => Self::Text(text.to_owned()),
            Repeat::AtLeastOnce => Self::Text(format!("{text}+")),
            Repeat::AtMostOnce => Self::Optional(format!("{text}?")),
        }
    }
}

/// Writes the expression for the sanitised form of every name that a glob fits.
///
/// Three forms: the name with each run of other characters as one `-`; where it stands at the start of a tag, the same
/// behind the `_` that its leading dots and dashes became; the hash of a name without any letter or digit.
pub(super) fn name_fragment(glob: &Glob, at_start: bool) -> String {
    let elements: Vec<Element> = glob.parts().iter().map(Element::of).collect();
    let mut forms = vec![dashed_form(&elements)];
    let first_text = elements.iter().position(|element| matches!(element, Element::Text(_)));
    let (lead, rest) = elements.split_at(first_text.unwrap_or(elements.len()));
    if at_start && !lead.is_empty() {
        let fixed = lead.iter().all(|element| matches!(element, Element::Dash | Element::Dot(_)));
        let between = if fixed { String::new() } else { format!("{ANY}*") };
        forms.push(format!("_{between}{}", dashed_form(rest)));
    }
    if first_text.is_none() {
        forms.push(format!("[0-9a-f]{{{CUT_HASH}}}"));
    }
    // What begins with a wildcard alone covers the other two.
    if matches!(elements.as_slice(), [Element::Wild]) {
        forms.truncate(1);
    }
    forms.join("|")
}

/// A run of characters that tags do not allow is one `-`, so one beside a wildcard may have merged with what the wildcard
/// matched.
fn dashed_form(elements: &[Element]) -> String {
    let mut source = String::new();
    let (mut wild, mut after_dash) = (false, false);
    for element in elements {
        match element {
            Element::Wild => wild = true,
            // Nothing is there, perhaps, and the dashes around it are one.
            Element::Optional(_) if wild || after_dash => wild = true,
            Element::Dash => {
                source.push_str(&match (wild, after_dash) {
                    (false, false) => "-".to_owned(),
                    (false, true) => String::new(),
                    (true, false) => format!("{ANY}*-"),
                    (true, true) => format!("(?:{ANY}*-)?"),
                });
                (wild, after_dash) = (false, true);
            }
            Element::Text(_) | Element::Optional(_) | Element::Dot(_) => {
                if wild {
                    source.push_str(&format!("{ANY}*"));
                }
                match element {
                    Element::Text(text) | Element::Optional(text) => source.push_str(text),
                    Element::Dot(character) => source.push_str(&regex_lite::escape(&character.to_string())),
                    Element::Dash | Element::Wild => {}
                }
                (wild, after_dash) = (false, false);
            }
        }
    }
    if wild {
        source.push_str(&format!("{ANY}*"));
    }
    source
}
