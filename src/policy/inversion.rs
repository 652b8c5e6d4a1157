//! Templates read backwards: from a tag of the registry to the row that made it, and to the values in it.
//!
//! Sanitising loses characters, so an inversion may explain a little more than its row can create, and never less: a tag
//! that a row explains is kept if that row keeps it.

mod names;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use regex_lite::Regex;
use semver::Version;

pub(crate) use self::names::dashed;
use self::names::name_fragment;
use super::{
    date_format::DateFormat,
    glob::Glob,
    rules::{Condition, TagMatcher, TagRule},
    template::{CUT_HASH, Piece, Template, Variable, sanitise},
};
use crate::model::{CommitId, Tag};

/// Which of a row's templates explains a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A name that `keep` is about.
    Tag,
    /// A further name of the same image.
    Also,
    /// A pointer.
    Rolling,
    /// The tag that joins siblings.
    Index,
}

/// What a tag says of its image, read by a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// The version, where the template holds all of it.
    pub version: Option<Version>,
    /// The commit, where the template holds `{{sha}}`.
    pub commit: Option<CommitId>,
    /// The number of the pull request.
    pub number: Option<u64>,
    /// The branch as the tag spells it.
    pub branch: Option<String>,
    /// The git tag, or what a wildcard matched of it, as the tag spells it.
    pub git_tag: Option<String>,
    /// The beginning of the time that `{{date}}` shows.
    pub date: Option<DateTime<Utc>>,
}

/// What one template, or a `match`, reads in a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading<'a> {
    /// What the tag is to the row.
    pub role: Role,
    /// The template; none for a `match`.
    pub template: Option<&'a Template>,
    /// What the tag says.
    pub values: Values,
}

impl Reading<'_> {
    /// Tells whether a name or version in the tag may have been cut, so that only a part of it is there.
    #[must_use]
    pub fn may_be_cut(&self, tag: &Tag) -> bool {
        let cuts = |template: &Template| template.variables().any(|(variable, _)| variable.may_be_cut());
        tag.as_str().len() == Tag::MAX_LENGTH && self.template.is_some_and(cuts)
    }
}

/// The inversion of one row.
#[derive(Debug)]
pub struct Inversion {
    matchers: Vec<(Role, Option<Template>, Matcher)>,
}

impl Inversion {
    /// Inverts the templates of a row; its `match` takes the place of its `tag` templates.
    #[must_use]
    pub fn of(rule: &TagRule) -> Self {
        let mut matchers = Vec::new();
        match &rule.matcher {
            Some(TagMatcher { regex, .. }) => matchers.push((Role::Tag, None, Matcher::Given(regex.clone()))),
            None => matchers.extend(rule.tag.iter().map(|template| inverted(Role::Tag, template, rule))),
        }
        matchers.extend(rule.also.iter().map(|template| inverted(Role::Also, template, rule)));
        matchers.extend(rule.rolling.iter().map(|template| inverted(Role::Rolling, template, rule)));
        matchers.extend(rule.index.iter().map(|template| inverted(Role::Index, template, rule)));
        Self { matchers }
    }

    /// Returns the first role in which the row explains the tag, with what the tag says. Referrers tags are no row's work.
    #[must_use]
    pub fn explain(&self, tag: &Tag) -> Option<(Role, Values)> {
        if tag.is_referrers_tag() {
            return None;
        }
        self.matchers.iter().find_map(|(role, _, matcher)| Some((*role, matcher.read(tag)?)))
    }

    /// Returns everything that the row reads in the tag: one reading for each of its templates that explains it.
    #[must_use]
    pub fn readings(&self, tag: &Tag) -> Vec<Reading<'_>> {
        if tag.is_referrers_tag() {
            return Vec::new();
        }
        let read = self.matchers.iter().filter_map(|(role, template, matcher)| {
            Some(Reading { role: *role, template: template.as_ref(), values: matcher.read(tag)? })
        });
        read.collect()
    }

    /// Returns what the tag says if the row explains it in this role.
    #[must_use]
    pub fn explain_as(&self, wanted: Role, tag: &Tag) -> Option<Values> {
        if tag.is_referrers_tag() {
            return None;
        }
        self.matchers.iter().filter(|(role, ..)| *role == wanted).find_map(|(.., matcher)| matcher.read(tag))
    }
}

fn inverted(role: Role, template: &Template, rule: &TagRule) -> (Role, Option<Template>, Matcher) {
    (role, Some(template.clone()), Matcher::invert(template, rule))
}

#[derive(Debug)]
enum Matcher {
    Given(Regex),
    Inverted(Vec<Alternative>),
}

/// The inversion under one entry of `on`.
#[derive(Debug)]
struct Alternative {
    whole: Regex,
    /// For tags of full length, in which names may be cut.
    cut: Option<Regex>,
    /// Patterns of which a branch's own name, where the tag shows it unchanged, must fit none.
    taken_away: Vec<Glob>,
    /// The format of the first `{{date}}`.
    date: Option<DateFormat>,
    /// What every such tag begins with; comparing it spares most tags the expression.
    prefix: String,
}

/// A character of a tag.
const ANY: &str = "[A-Za-z0-9._-]";
const NUMBER: &str = "(?:0|[1-9][0-9]*)";
/// SemVer's pre-release part: identifiers of which none is empty and no number begins with a zero.
const PRERELEASE: &str =
    r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*))*";

impl Matcher {
    fn invert(template: &Template, rule: &TagRule) -> Self {
        let mut seen = BTreeSet::new();
        let mut alternatives = Vec::new();
        let taken_away: Vec<Glob> = rule
            .on
            .iter()
            .filter(|entry| entry.negated)
            .filter_map(|entry| match &entry.condition {
                Condition::Branch(glob) => Some(glob.clone()),
                _ => None,
            })
            .collect();
        for entry in rule.on.iter().filter(|entry| !entry.negated) {
            let whole = source(template, &entry.condition, false);
            // A run on `schedule` or `dispatch` keeps its branch's name, whatever is taken away from `branch`.
            let shows_names = matches!(entry.condition, Condition::Branch(_)) && branch_stands_alone(template);
            if !seen.insert((whole.clone(), shows_names)) {
                continue;
            }
            let may_be_cut = template.variables().any(|(variable, _)| variable.may_be_cut());
            let date = template.variables().find_map(|(variable, _)| match variable {
                Variable::Date(format) => Some(format.clone()),
                _ => None,
            });
            alternatives.push(Alternative {
                prefix: fixed_start(template, &entry.condition),
                date,
                whole: compile(&whole),
                cut: may_be_cut.then(|| compile(&source(template, &entry.condition, true))),
                taken_away: if shows_names { taken_away.clone() } else { Vec::new() },
            });
        }
        Self::Inverted(alternatives)
    }

    fn read(&self, tag: &Tag) -> Option<Values> {
        match self {
            Self::Given(regex) => values(regex, None, tag),
            Self::Inverted(alternatives) => alternatives.iter().find_map(|alternative| alternative.read(tag)),
        }
    }
}

impl Alternative {
    fn read(&self, tag: &Tag) -> Option<Values> {
        if tag.as_str().len() < Tag::MAX_LENGTH && !tag.as_str().starts_with(&self.prefix) {
            return None;
        }
        if let Some(found) = values(&self.whole, self.date.as_ref(), tag) {
            // A `-` may have been another character and 8 hex digits may be the hash of another name; any other name
            // stands in the tag as it is.
            let is_own_name = |name: &str| {
                let is_hash = name.len() == CUT_HASH && name.bytes().all(|b| b.is_ascii_hexdigit());
                !(name.contains('-') || name.starts_with('_') || is_hash)
            };
            let excluded = found
                .branch
                .as_deref()
                .is_some_and(|name| is_own_name(name) && self.taken_away.iter().any(|glob| glob.matches(name)));
            if !excluded {
                return Some(found);
            }
        }
        let cut = self.cut.as_ref().filter(|_| tag.as_str().len() == Tag::MAX_LENGTH)?;
        // A version of which a part may be gone is none.
        values(cut, self.date.as_ref(), tag).map(|found| Values { version: None, ..found })
    }
}

/// Tells whether a tag can be split into the branch's name and the rest in one way only, if the name holds no `-`.
fn branch_stands_alone(template: &Template) -> bool {
    let mut pieces = template.pieces().iter().peekable();
    while let Some(piece) = pieces.next() {
        let Piece::Value { variable, .. } = piece else { continue };
        let next = match pieces.peek() {
            None => None,
            Some(Piece::Literal(text)) => Some(text.as_str()),
            Some(Piece::Value { .. }) => return false,
        };
        match variable {
            Variable::Branch(None) => return next.is_none_or(|text| text.starts_with('-')),
            Variable::Number
            | Variable::Sha
            | Variable::ShaFull
            | Variable::Date(_)
            | Variable::CommitDate(_)
            | Variable::RunNumber => {
                if !next.is_some_and(|text| text.starts_with(['-', '.', '_'])) {
                    return false;
                }
            }
            Variable::Branch(Some(_))
            | Variable::GitTag(_)
            | Variable::Version
            | Variable::Major
            | Variable::Minor
            | Variable::Patch
            | Variable::Prerelease
            | Variable::BaseRef => return false,
        }
    }
    false
}

fn compile(source: &str) -> Regex {
    Regex::new(source).expect("an inverted template is a valid expression")
}

/// Reads a tag, or says no. A version with a number beyond 64 bits is left out.
fn values(regex: &Regex, date: Option<&DateFormat>, tag: &Tag) -> Option<Values> {
    if !regex.is_match(tag.as_str()) {
        return None;
    }
    let captures = regex.captures(tag.as_str())?;
    let text = |name: &str| captures.name(name).map(|found| found.as_str());
    let version = match (text("version"), text("major"), text("minor"), text("patch")) {
        (Some(version), ..) => Version::parse(version).ok(),
        (None, Some(major), Some(minor), Some(patch)) => {
            let suffix = text("prerelease").map(|text| format!("-{text}")).unwrap_or_default();
            Version::parse(&format!("{major}.{minor}.{patch}{suffix}")).ok()
        }
        _ => None,
    };
    Some(Values {
        version,
        commit: text("sha").and_then(|text| text.parse().ok()),
        number: text("number").and_then(|text| text.parse().ok()),
        branch: text("branch").map(str::to_owned),
        git_tag: text("tag").map(str::to_owned),
        date: date.zip(text("date")).and_then(|(format, text)| format.read(text)),
    })
}

/// Returns the text that every tag of the template begins with: literal text, and a branch that is named outright.
fn fixed_start(template: &Template, condition: &Condition) -> String {
    let mut start = String::new();
    for piece in template.pieces() {
        match (piece, condition) {
            (Piece::Literal(text), _) => start.push_str(text),
            (Piece::Value { variable: Variable::Branch(None), .. }, Condition::Branch(glob))
                if !glob.as_str().is_empty() && glob.as_str().bytes().all(|byte| byte.is_ascii_alphanumeric()) =>
            {
                start.push_str(glob.as_str());
            }
            (Piece::Value { .. }, _) => break,
        }
    }
    start
}

/// Returns the pattern that a template inverts to under one entry of `on`, for people to read.
#[must_use]
pub fn shown_pattern(template: &Template, condition: &Condition) -> String {
    let mut shown = String::from("^");
    for (index, piece) in template.pieces().iter().enumerate() {
        match piece {
            Piece::Literal(text) => shown.push_str(&regex_lite::escape(text)),
            Piece::Value { variable, .. } => {
                let (_, fragment) = fragment(variable, condition, index == 0, false);
                if fragment.contains('|') && !fragment.starts_with("(?:") {
                    shown.push_str(&format!("({fragment})"));
                } else {
                    shown.push_str(&fragment);
                }
            }
        }
    }
    shown.push('$');
    let shown = shown.replace(PRERELEASE, "[0-9A-Za-z.-]+");
    shown.replace("(?:", "(").replace("(0|[1-9][0-9]*)", "[0-9]+").replace("\\-", "-")
}

/// Writes the expression for a template under one entry of `on`; `cut` is the form for names that were cut.
fn source(template: &Template, condition: &Condition, cut: bool) -> String {
    let mut source = String::from("^");
    let mut named = BTreeSet::new();
    // Three numbers are no pre-release's whole version.
    let holds_prerelease =
        template.variables().any(|(variable, span)| *variable == Variable::Prerelease && span.start > 0);
    if matches!(condition, Condition::Prerelease(_)) && !holds_prerelease {
        named.insert("patch");
    }
    for (index, piece) in template.pieces().iter().enumerate() {
        match piece {
            Piece::Literal(text) => source.push_str(&regex_lite::escape(text)),
            Piece::Value { variable, .. } => {
                let (name, fragment) = fragment(variable, condition, index == 0, cut);
                match name.filter(|name| named.insert(*name)) {
                    Some(name) => source.push_str(&format!("(?<{name}>{fragment})")),
                    None => source.push_str(&format!("(?:{fragment})")),
                }
            }
        }
    }
    source.push('$');
    source
}

fn fragment(variable: &Variable, condition: &Condition, at_start: bool, cut: bool) -> (Option<&'static str>, String) {
    let any = || format!("{ANY}+");
    if cut && variable.may_be_cut() {
        return (None, any());
    }
    let semver = |with_prerelease: bool| {
        let core = format!("{NUMBER}\\.{NUMBER}\\.{NUMBER}");
        if with_prerelease { format!("{core}-{PRERELEASE}") } else { core }
    };
    match variable {
        Variable::Branch(None) => match condition {
            Condition::Branch(glob) => (Some("branch"), name_fragment(glob, at_start)),
            _ => (Some("branch"), any()),
        },
        Variable::GitTag(None) => match condition {
            Condition::Tag(glob) | Condition::Release(Some(glob)) | Condition::Prerelease(Some(glob)) => {
                (Some("tag"), name_fragment(glob, at_start))
            }
            // Build metadata follows a `+`, which becomes a `-`.
            Condition::Release(None) => (Some("tag"), format!("v?{}(?:-[0-9A-Za-z.-]+)?", semver(false))),
            Condition::Prerelease(None) => (Some("tag"), format!("v?{}-[0-9A-Za-z.-]+", semver(false))),
            _ => (Some("tag"), any()),
        },
        Variable::GitTag(Some(_)) => (Some("tag"), any()),
        Variable::Branch(Some(_)) | Variable::BaseRef => (None, any()),
        Variable::Number => (Some("number"), "[1-9][0-9]*".to_owned()),
        Variable::Sha => (Some("sha"), "[0-9a-f]{7,40}".to_owned()),
        Variable::ShaFull => (Some("sha"), "[0-9a-f]{40}".to_owned()),
        Variable::Version => (Some("version"), semver(matches!(condition, Condition::Prerelease(_)))),
        Variable::Major => (Some("major"), NUMBER.to_owned()),
        Variable::Minor => (Some("minor"), NUMBER.to_owned()),
        Variable::Patch => (Some("patch"), NUMBER.to_owned()),
        Variable::Prerelease if at_start => (None, any()),
        Variable::Prerelease => (Some("prerelease"), PRERELEASE.to_owned()),
        Variable::Date(format) => (Some("date"), date_fragment(format, at_start)),
        Variable::CommitDate(format) => (None, date_fragment(format, at_start)),
        Variable::RunNumber => (None, "[0-9]+".to_owned()),
    }
}

/// Writes the expression for what a date format prints, as sanitising leaves it.
fn date_fragment(format: &DateFormat, at_start: bool) -> String {
    if let Some(text) = format.fixed_text() {
        return regex_lite::escape(&sanitise(text, at_start));
    }
    format.pattern(|literal, first| {
        let dashed = dashed(literal);
        let rest = if first && at_start { dashed.trim_start_matches(['.', '-']) } else { &dashed };
        let lead = if rest.len() < dashed.len() { "_" } else { "" };
        format!("{lead}{}", regex_lite::escape(rest))
    })
}
