//! The inputs of mode `mirror`.

use super::{mistakes::quote, reader::Reader};
use crate::{
    model::Tag,
    policy::{glob::Glob, mirror::rename::Rename},
};

/// What mode `mirror` copies.
#[derive(Clone, Debug, Default)]
pub struct MirrorInputs {
    /// Patterns of tags, and whether each takes away; none for all tags.
    pub only: Vec<(bool, Glob)>,
    /// Other names, the first rule that reads a tag decides.
    pub rename: Vec<Rename>,
}

impl MirrorInputs {
    /// Tells whether a tag is to be copied: a pattern has it, and none takes it away.
    #[must_use]
    pub fn wants(&self, tag: &Tag) -> bool {
        let fits = |negated: bool| self.only.iter().any(|(away, glob)| *away == negated && glob.matches(tag.as_str()));
        (self.only.iter().all(|(away, _)| *away) || fits(false)) && !fits(true)
    }

    /// Returns the name of a tag's copy.
    ///
    /// # Errors
    /// If a rule reads the tag and what it gives is none.
    pub fn name(&self, tag: &Tag) -> Result<Tag, String> {
        self.rename.iter().find_map(|rule| rule.apply(tag)).unwrap_or_else(|| Ok(tag.clone()))
    }
}

impl Reader {
    pub(super) fn mirror(&mut self) -> MirrorInputs {
        let mut inputs = MirrorInputs::default();
        for line in self.lines("only") {
            for text in line.split(',').map(str::trim).filter(|text| !text.is_empty()) {
                let (away, pattern) = match text.strip_prefix('!') {
                    Some(rest) => (true, rest.trim()),
                    None => (false, text),
                };
                match Glob::parse(pattern) {
                    Ok(glob) => inputs.only.push((away, glob)),
                    Err(error) => {
                        let message = format!("{}: {error}", quote(text));
                        self.errors.add("only", message, "write patterns of tags, as in `v*` or `!v0.*`");
                    }
                }
            }
        }
        for line in self.lines("rename") {
            match line.parse() {
                Ok(rule) => inputs.rename.push(rule),
                Err(error) => {
                    let hint = "write one rule a line: `v{{version}}-riscv64 => v{{version}}`";
                    self.errors.add("rename", error.to_string(), hint);
                }
            }
        }
        inputs
    }
}
