//! The tighter row: candidates are written, read back, and held against all rows again; only what surely helps is proposed.

use super::{
    never::never,
    pairs::{Overlap, Tried, of_its_own, overlap_of_pair},
    samples::Sample,
    written::row_text,
};
use crate::{
    model::{Tag, untrusted::is_unprintable},
    policy::{
        config,
        glob::{Atom, Glob, Part, Repeat},
        inversion::{Inversion, Role},
        rules::{Condition, OnEntry, Policy, Row, TagMatcher, TagRule},
        template::{Piece, Template, Variable, sanitise},
    },
};

/// What sets two rows apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// This row, as YAML, in the place of the one that explains too much. It explains its own example tags as before.
    Row {
        /// The number of the row whose place it takes.
        number: usize,
        /// The row, as an item of `tags`.
        text: String,
    },
    /// Another name for its tags: those published before it are explained no more, and so are kept.
    Name {
        /// The number of the row.
        number: usize,
        /// The template as it is.
        template: String,
        /// The template with a literal of its own.
        renamed: String,
    },
}

/// Looks for what sets the rows of an overlap apart.
pub(super) fn remedy(policy: &Policy, rows: &[Tried<'_>], overlap: &Overlap) -> Option<Remedy> {
    let find = |row: &Row| rows.iter().find(|tried| tried.rule.row == *row);
    let (row, by) = (find(&overlap.row)?, find(&overlap.by)?);
    // A pointer stays; the row that makes its name from a branch gives way.
    let (row, loose) = if overlap.role == Role::Rolling { (by, row) } else { (row, by) };
    let trial = Trial { policy, rows, row, loose };
    let tighter = [without_branches(loose.rule, row.rule), with_match(loose.rule, overlap.role)];
    for candidate in tighter.into_iter().flatten() {
        if trial.holds(&candidate, true) {
            return Some(Remedy::Row { number: candidate.row.number, text: row_text(&candidate) });
        }
    }
    let (template, renamed, candidate) = renamed(loose, overlap)?;
    trial.holds(&candidate, false).then_some(Remedy::Name { number: candidate.row.number, template, renamed })
}

/// The rows that a candidate is held against.
struct Trial<'a> {
    policy: &'a Policy,
    rows: &'a [Tried<'a>],
    row: &'a Tried<'a>,
    loose: &'a Tried<'a>,
}

impl Trial<'_> {
    /// Tells whether a candidate can be written down, overlaps the row no more and no other row that it did not overlap
    /// before, and still creates and explains what is the loose row's own.
    fn holds(&self, candidate: &TagRule, keeps_names: bool) -> bool {
        let Some(rule) = read_back(candidate) else { return false };
        if !never(&rule).is_empty() {
            return false;
        }
        let tried = Tried::of(&rule, self.policy);
        if tried.samples.is_empty() || overlap_of_pair(self.row, &tried, self.policy).is_some() {
            return false;
        }
        if keeps_names {
            let own = of_its_own(self.loose, self.row);
            let still = |tag: &Tag| {
                tried.samples.iter().any(|sample| sample.tag == *tag) && tried.inversion.explain(tag).is_some()
            };
            if own.is_empty() || !own.into_iter().all(still) {
                return false;
            }
        }
        let others =
            self.rows.iter().filter(|other| ![&self.row.rule.row, &self.loose.rule.row].contains(&&other.rule.row));
        others.into_iter().all(|other| {
            overlap_of_pair(&tried, other, self.policy).is_none()
                || overlap_of_pair(self.loose, other, self.policy).is_some()
        })
    }
}

/// Reads the row as a policy would that somebody copied it into.
fn read_back(candidate: &TagRule) -> Option<TagRule> {
    let row = row_text(candidate);
    if row.chars().any(|c| c != '\n' && is_unprintable(c)) {
        return None;
    }
    let lines: String = row.lines().map(|line| format!("  {line}\n")).collect();
    let text = format!("version: 1\nimages: [ghcr.io/owner/name]\ntags:\n{lines}");
    let mut rule = config::parse(&text).ok()?.rules.pop()?;
    rule.row = candidate.row.clone();
    Some(rule)
}

/// Takes the other row's branches away.
fn without_branches(loose: &TagRule, row: &TagRule) -> Option<TagRule> {
    let is_branch = |entry: &&OnEntry| matches!(entry.condition, Condition::Branch(_));
    loose.on.iter().find(|entry| is_branch(entry) && !entry.negated)?;
    let mut candidate = loose.clone();
    for entry in row.on.iter().filter(is_branch).filter(|entry| !entry.negated) {
        let away = OnEntry { negated: true, condition: entry.condition.clone() };
        if !candidate.on.contains(&away) {
            candidate.on.push(away);
        }
    }
    (candidate.on.len() > loose.on.len()).then_some(candidate)
}

/// What a wildcard matches where it stands for a version, as in `release/*`.
const VERSION_LIKE: &str = "v?[0-9][0-9A-Za-z._]*";

/// Gives the row a `match` in which wildcards stand for versions.
///
/// Only where no evidence of the tags' ages is lost by it: releases, git tags and dates are read by templates alone.
fn with_match(loose: &TagRule, role: Role) -> Option<TagRule> {
    let [template] = loose.tag.as_slice() else { return None };
    if loose.matcher.is_some() || role != Role::Tag {
        return None;
    }
    let mut expressions: Vec<String> = Vec::new();
    for entry in loose.on.iter().filter(|entry| !entry.negated) {
        let expression = expression(template, &entry.condition, loose.keep.forever)?;
        if !expressions.contains(&expression) {
            expressions.push(expression);
        }
    }
    let [expression] = expressions.as_slice() else { return None };
    let regex = regex_lite::Regex::new(&format!("^(?:{expression})$")).ok()?;
    Some(TagRule { matcher: Some(TagMatcher { text: format!("/{expression}/"), regex }), ..loose.clone() })
}

fn expression(template: &Template, condition: &Condition, keeps_forever: bool) -> Option<String> {
    let mut text = String::new();
    for (at, piece) in template.pieces().iter().enumerate() {
        let variable = match piece {
            Piece::Literal(literal) => {
                text.push_str(&literal.replace('.', "\\."));
                continue;
            }
            Piece::Value { variable, .. } => variable,
        };
        match (variable, condition) {
            (Variable::Branch(None), Condition::Branch(glob)) => {
                text.push_str(&format!("(?<branch>{})", version_like(glob, at == 0)?));
            }
            (Variable::Branch(Some(_)) | Variable::BaseRef, _) => text.push_str(VERSION_LIKE),
            (Variable::GitTag(Some(_)), _) if keeps_forever => text.push_str(VERSION_LIKE),
            (Variable::GitTag(None), Condition::Tag(glob)) if keeps_forever => {
                text.push_str(&version_like(glob, at == 0)?);
            }
            (Variable::Number, _) => text.push_str("(?<number>[1-9][0-9]*)"),
            (Variable::Sha, _) => text.push_str("(?<sha>[0-9a-f]{7,40})"),
            (Variable::ShaFull, _) => text.push_str("(?<sha>[0-9a-f]{40})"),
            (Variable::RunNumber, _) => text.push_str("[0-9]+"),
            (
                Variable::Branch(None)
                | Variable::GitTag(_)
                | Variable::Version
                | Variable::Major
                | Variable::Minor
                | Variable::Patch
                | Variable::Prerelease
                | Variable::Date(_)
                | Variable::CommitDate(_),
                _,
            ) => return None,
        }
    }
    Some(text)
}

/// Writes the names that a glob fits where its wildcards are versions.
fn version_like(glob: &Glob, at_start: bool) -> Option<String> {
    let mut text = String::new();
    for Part { atom, repeat } in glob.parts() {
        match (atom, repeat) {
            (Atom::Literal(character), Repeat::Once) => {
                text.push_str(&sanitise(&character.to_string(), false).replace('.', "\\."));
            }
            (Atom::Star | Atom::DoubleStar, Repeat::Once) => text.push_str(VERSION_LIKE),
            (Atom::Literal(_) | Atom::Set(_) | Atom::Star | Atom::DoubleStar, _) => return None,
        }
    }
    (!at_start || text.starts_with(|c: char| c.is_ascii_alphanumeric())).then_some(text)
}

/// Puts a word before the template that explains too much.
fn renamed(tried: &Tried<'_>, overlap: &Overlap) -> Option<(String, String, TagRule)> {
    let loose = tried.rule;
    let word = word(&loose.on.iter().find(|entry| !entry.negated)?.condition)?;
    let has_it = |sample: &Sample| sample.tag.as_str().starts_with(&word);
    if loose.matcher.is_some() || tried.samples.iter().any(has_it) {
        return None;
    }
    let alone = |role: Role, template: &Template| {
        let mut rule = loose.clone();
        for list in [&mut rule.tag, &mut rule.also, &mut rule.rolling] {
            list.clear();
        }
        rule.index = None;
        match role {
            Role::Tag => rule.tag.push(template.clone()),
            Role::Also | Role::Index => rule.also.push(template.clone()),
            Role::Rolling => return false,
        }
        Inversion::of(&rule).explain(&overlap.tag).is_some()
    };
    let mut rule = loose.clone();
    let (role, list) = match overlap.role {
        Role::Tag => (Role::Tag, &mut rule.tag),
        Role::Also => (Role::Also, &mut rule.also),
        Role::Rolling | Role::Index => return None,
    };
    let template = list.iter_mut().find(|template| alone(role, template))?;
    let (old, new) = (template.as_str().to_owned(), format!("{word}-{}", template.as_str()));
    *template = Template::parse(&new).ok()?;
    Some((old, new, rule))
}

fn word(condition: &Condition) -> Option<String> {
    let of_glob = |glob: &Glob, other: &str| {
        let text = glob.as_str();
        let word: String = text.chars().take_while(char::is_ascii_alphanumeric).collect();
        if word.len() < 2 { other.to_owned() } else { word }
    };
    match condition {
        Condition::Branch(glob) => Some(of_glob(glob, "branch")),
        Condition::Tag(glob) => Some(of_glob(glob, "tag")),
        Condition::Release(_) => Some("release".to_owned()),
        Condition::Prerelease(_) => Some("prerelease".to_owned()),
        Condition::PullRequest => Some("pr".to_owned()),
        Condition::Schedule => Some("schedule".to_owned()),
        Condition::Dispatch => Some("dispatch".to_owned()),
        Condition::MergeGroup => Some("queue".to_owned()),
        Condition::Metadata(_) | Condition::Latest(_) => None,
    }
}
