//! The names of branches and git tags that the rows of a policy ask for.

use crate::{
    model::Tag,
    policy::{
        example::name,
        glob::Glob,
        rules::{Condition, OnEntry, Policy, TagMatcher, TagRule},
    },
};

/// How many patterns of one kind of row the story plays; further ones would only tell the same again.
const PATTERNS: usize = 2;

/// The names that the rows ask for.
pub(super) struct Names {
    pub(super) default_branch: String,
    /// Further branches that a row names in full.
    pub(super) long_lived: Vec<String>,
    /// What short-lived branches are called.
    topics: Vec<Pattern>,
    /// What branches of older versions are called.
    maintenance: Vec<Pattern>,
    pub(super) releases: Vec<Form>,
    pub(super) prereleases: Vec<Form>,
    pub(super) tags: Vec<Glob>,
    pub(super) schedule: bool,
    pub(super) dispatch: bool,
    pub(super) merge_group: bool,
}

/// The name of a version's git tag.
pub(super) struct Form(Option<Glob>);

impl Form {
    pub(super) fn name(&self, version: &str) -> String {
        self.0.as_ref().map_or_else(|| format!("v{version}"), |glob| name(glob, version))
    }
}

/// A row's pattern for branches, with those that it takes away.
struct Pattern {
    glob: Glob,
    taken_away: Vec<Glob>,
}

impl Pattern {
    fn all(rule: &TagRule) -> impl Iterator<Item = Self> {
        let glob =
            |entry: &OnEntry| if let Condition::Branch(glob) = &entry.condition { Some(glob.clone()) } else { None };
        let globs = move |negated: bool| rule.on.iter().filter(move |entry| entry.negated == negated).filter_map(glob);
        globs(false).map(move |glob| Self { glob, taken_away: globs(true).collect() })
    }

    /// Writes the first of these that it fits, in the places of its wildcards.
    fn name(&self, fillers: &[&str]) -> Option<String> {
        fillers
            .iter()
            .map(|filler| name(&self.glob, filler))
            .find(|name| self.glob.matches(name) && !self.taken_away.iter().any(|glob| glob.matches(name)))
    }

    /// Tells whether branches of older versions are meant, by the words that projects use for them.
    fn is_maintenance(&self) -> bool {
        let text = self.glob.as_str();
        ["release", "hotfix", "maint", "stable", "support"].iter().any(|word| text.contains(word))
            || text.ends_with("v*")
            || text.ends_with(".x")
    }
}

impl Names {
    pub(super) fn of(policy: &Policy) -> Self {
        let (named, patterns): (Vec<Pattern>, Vec<Pattern>) =
            policy.rules.iter().flat_map(Pattern::all).partition(|pattern| pattern.glob.wildcards() == 0);
        // The first of each row: `["branch main", "branch master"]` is about one branch.
        let first_of_row =
            policy.rules.iter().filter_map(|rule| Pattern::all(rule).find(|one| one.glob.wildcards() == 0));
        let mut branches: Vec<String> = first_of_row.filter_map(|pattern| pattern.name(&[""])).collect();
        let is_usual = |name: &String| matches!(name.as_str(), "main" | "master" | "trunk");
        let usual = named.iter().filter_map(|pattern| pattern.name(&[""])).find(is_usual);
        let default_branch = usual.or_else(|| branches.first().cloned()).unwrap_or_else(|| "main".to_owned());
        branches.retain(|branch| *branch != default_branch);
        branches.dedup();
        branches.truncate(PATTERNS);
        let (maintenance, topics) = patterns.into_iter().partition(Pattern::is_maintenance);
        let mut names = Self {
            default_branch,
            long_lived: branches,
            topics,
            maintenance,
            releases: Vec::new(),
            prereleases: Vec::new(),
            tags: Vec::new(),
            schedule: false,
            dispatch: false,
            merge_group: false,
        };
        for entry in policy.rules.iter().flat_map(|rule| &rule.on).filter(|entry| !entry.negated) {
            names.note(&entry.condition);
        }
        names
    }

    fn note(&mut self, condition: &Condition) {
        let add = |forms: &mut Vec<Form>, glob: &Option<Glob>| {
            let form = Form(glob.clone());
            let is_new = forms.iter().all(|known| known.name("1.0.0") != form.name("1.0.0"));
            if is_new && forms.len() < PATTERNS {
                forms.push(form);
            }
        };
        match condition {
            Condition::Release(glob) => add(&mut self.releases, glob),
            Condition::Prerelease(glob) => add(&mut self.prereleases, glob),
            Condition::Tag(glob) if self.tags.len() < PATTERNS => self.tags.push(glob.clone()),
            Condition::Schedule => self.schedule = true,
            Condition::Dispatch => self.dispatch = true,
            Condition::MergeGroup => self.merge_group = true,
            Condition::Tag(_)
            | Condition::Branch(_)
            | Condition::PullRequest
            | Condition::Metadata(_)
            | Condition::Latest(_) => {}
        }
    }

    pub(super) fn topic(&self, word: &str) -> String {
        let usual = format!("feature/{word}");
        let known = self.topics.iter().find_map(|pattern| pattern.name(&[&usual, word]));
        known.unwrap_or(usual)
    }

    pub(super) fn maintenance(&self, series: &str) -> String {
        let usual = format!("release/{series}");
        self.maintenance.iter().find_map(|pattern| pattern.name(&[series])).unwrap_or(usual)
    }
}

/// Tags that a former pipeline may have left: some for each row that only retires tags.
pub(super) fn former_tags(policy: &Policy) -> Vec<Tag> {
    let retiring = policy.rules.iter().filter(|rule| rule.on.is_empty()).filter_map(|rule| rule.matcher.as_ref());
    retiring.take(PATTERNS).flat_map(matching).collect()
}

/// Guesses tags that an expression matches.
fn matching(matcher: &TagMatcher) -> Vec<Tag> {
    let TagMatcher { text, regex } = matcher;
    let hex = "4f1c2ab98d7e6f5a4b3c2d1e0f9a8b7c6d5e4f30";
    let guesses = ["amd64", "arm64"].map(|filler| text.replace('*', &format!("-{filler}")));
    let usual = [hex, &hex[..7], "pr-1", "nightly-20241231", "preview-old", "1.0.0-old", "v0.0.1", "old", "1"];
    let all = guesses.iter().map(String::as_str).chain(usual);
    all.filter(|guess| regex.is_match(guess)).filter_map(|guess| guess.parse().ok()).take(2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::config;

    #[test]
    fn names_fit_the_rows() {
        let text = "version: 1\nimages: [ghcr.io/a/b]\ntags:\n  - on: [\"branch **\", \"!branch feature/**\", \"!branch trunk\"]\n    tag: \"x-{{branch}}\"\n  - on: branch trunk\n    tag: \"{{sha}}\"\n  - on: branch maint-*\n    tag: \"m-{{sha}}\"\n";
        let names = Names::of(&config::parse(text).expect("a valid policy"));
        assert_eq!(names.default_branch, "trunk");
        assert_eq!((names.topic("tls"), names.maintenance("0.1")), ("tls".to_owned(), "maint-0.1".to_owned()));
    }
}
