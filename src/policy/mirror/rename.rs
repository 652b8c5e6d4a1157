//! Names of a copy: a template that a tag is read by, and one that its new name is made from.

use std::collections::BTreeMap;

use regex_lite::Regex;

use crate::{
    model::{Tag, untrusted::shown},
    policy::template::{Piece, Template, Variable},
};

/// What stands between the two templates of a rule.
const ARROW: &str = "=>";

/// A rule: tags that one template reads get the name that another gives.
#[derive(Clone, Debug)]
pub struct Rename {
    from: Template,
    to: Template,
    /// The expression for `from`, with a group for each of its values in their order.
    regex: Regex,
}

/// Text that is no rule.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` renames nothing: {problem}")]
pub struct RenameError {
    text: String,
    problem: String,
}

impl std::str::FromStr for Rename {
    type Err = RenameError;

    /// Reads `FROM => TO`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |problem: String| RenameError { text: shown(text), problem };
        let Some((from, to)) = text.split_once(ARROW) else {
            return Err(fail("write it as in `v{{version}}-riscv64 => v{{version}}`".to_owned()));
        };
        let template = |text: &str| {
            Template::parse(text.trim()).map_err(|error| {
                let meant = error.nearest.map(|meant| format!(" (did you mean `{meant}`?)")).unwrap_or_default();
                fail(format!("{}{meant}", error.problem))
            })
        };
        let (from, to) = (template(from)?, template(to)?);
        if let Some((variable, _)) =
            to.variables().find(|(wanted, _)| !from.variables().any(|(known, _)| known == *wanted))
        {
            return Err(fail(format!("`{{{{{variable}}}}}` is not in the template on the left")));
        }
        let regex = Regex::new(&expression(&from)).map_err(|_| fail("the left side is too long".to_owned()))?;
        Ok(Self { from, to, regex })
    }
}

impl Rename {
    /// Returns a tag's new name; `None` if the rule does not read it.
    ///
    /// # Errors
    /// If the new name is no tag.
    pub fn apply(&self, tag: &Tag) -> Option<Result<Tag, String>> {
        let captures = self.regex.captures(tag.as_str())?;
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for (number, (variable, _)) in self.from.variables().enumerate() {
            let value = captures.get(number + 1)?.as_str().to_owned();
            // A value that occurs twice is the same both times.
            if *values.entry(format!("{variable:?}")).or_insert_with(|| value.clone()) != value {
                return None;
            }
        }
        Some(self.to.expand(|variable| {
            values.get(&format!("{variable:?}")).cloned().ok_or_else(|| format!("`{{{{{variable}}}}}` has no value"))
        }))
    }
}

/// Writes the expression that reads a template's values from a tag.
fn expression(template: &Template) -> String {
    const NUMBER: &str = "0|[1-9][0-9]*";
    let mut source = String::from("^");
    for piece in template.pieces() {
        let fragment = match piece {
            Piece::Literal(text) => {
                source.push_str(&regex_lite::escape(text));
                continue;
            }
            Piece::Value { variable, .. } => match variable {
                Variable::Version => r"(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)\.(?:0|[1-9][0-9]*)(?:-[0-9A-Za-z.-]+)?",
                Variable::Major | Variable::Minor | Variable::Patch => NUMBER,
                Variable::Prerelease => "[0-9A-Za-z.-]+",
                Variable::Number => "[1-9][0-9]*",
                Variable::RunNumber => "[0-9]+",
                Variable::Sha => "[0-9a-f]{7,40}",
                Variable::ShaFull => "[0-9a-f]{40}",
                Variable::Branch(_)
                | Variable::GitTag(_)
                | Variable::BaseRef
                | Variable::Date(_)
                | Variable::CommitDate(_) => "[A-Za-z0-9._-]+",
            },
        };
        source.push_str(&format!("({fragment})"));
    }
    source.push('$');
    source
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renamed(rule: &str, tag: &str) -> Option<String> {
        let rule: Rename = rule.parse().unwrap();
        rule.apply(&tag.parse().unwrap()).map(|name| name.unwrap().to_string())
    }

    #[test]
    fn values_go_from_one_name_into_the_other() {
        let riscv = "v{{version}}-riscv64 => v{{version}}";
        assert_eq!(renamed(riscv, "v0.14.0-riscv64").as_deref(), Some("v0.14.0"));
        assert_eq!(renamed(riscv, "v0.14.0-rc1-riscv64").as_deref(), Some("v0.14.0-rc1"));
        assert_eq!(renamed(riscv, "v0.14-riscv64"), None);
        assert_eq!(renamed(riscv, "v0.14.0"), None);
        assert_eq!(renamed("{{major}}.{{minor}} => v{{major}}.{{minor}}", "1.2").as_deref(), Some("v1.2"));
        assert_eq!(renamed("{{tag}}-alpine=>alpine-{{tag}}", "3-alpine").as_deref(), Some("alpine-3"));
        assert_eq!(renamed("latest => stable", "latest").as_deref(), Some("stable"));
        assert_eq!(renamed("{{major}}-{{major}} => {{major}}", "1-2"), None);
    }

    #[test]
    fn a_rule_says_what_is_wrong_with_it() {
        let problem = |rule: &str| rule.parse::<Rename>().unwrap_err().to_string();
        assert!(problem("a").contains("write it as in"));
        assert!(problem("v{{version}} => {{major}}").contains("not in the template on the left"));
        assert!(problem("v{{verison}} => a").contains("did you mean `version`?"));
    }
}
