//! Rows in the making: what each kind of event is to give, until they are written down.

use std::collections::{BTreeMap, BTreeSet};

use super::{Note, Source, workflow::Triggers};
use crate::policy::glob::Glob;

/// A kind of event that gets a row of its own, in the order of the rows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    /// Git tags that are SemVer; with the glob that they fit, if they are no bare versions.
    Release(String),
    /// The same with a pre-release part.
    Prerelease(String),
    /// Git tags that fit a glob.
    Tags(String),
    /// The default branch.
    Default(String),
    /// Another branch.
    Branch(String),
    /// Branches that patterns fit, entries of `on`.
    Branches(Vec<String>),
    /// Cron times.
    Schedule,
    /// Pull requests.
    PullRequest,
}

impl Slot {
    /// Writes it as entries of `on`.
    pub(super) fn entries(&self) -> Vec<String> {
        let with = |word: &str, glob: &str| if glob.is_empty() { word.to_owned() } else { format!("{word} {glob}") };
        match self {
            Self::Release(glob) => vec![with("release", glob)],
            Self::Prerelease(glob) => vec![with("prerelease", glob)],
            Self::Tags(glob) => vec![with("tag", glob)],
            Self::Default(name) | Self::Branch(name) => vec![with("branch", name)],
            Self::Branches(entries) => entries.clone(),
            Self::Schedule => vec!["schedule".to_owned()],
            Self::PullRequest => vec!["pull request".to_owned()],
        }
    }

    /// Writes the default branch's name into a template of scheduled runs: read backwards, `{{branch}}` would be any text
    /// there.
    pub(super) fn with_branch(&self, template: &str, default: &str) -> String {
        match self {
            Self::Schedule => template.replace("{{branch}}", &default.replace('/', "-")),
            _ => template.to_owned(),
        }
    }

    /// How long its tags live.
    fn keep(&self) -> Option<&'static str> {
        match self {
            Self::Release(_) | Self::Tags(_) => None,
            Self::Prerelease(_) => Some("90 days"),
            Self::Default(_) | Self::Branch(_) => Some(BUILD),
            Self::Branches(_) => Some("while branch exists"),
            Self::Schedule => Some("last 14"),
            Self::PullRequest => Some("while open"),
        }
    }

    /// What is added where only pointers are known: a pointer needs a name of its own build beside it.
    const fn own_tag(&self) -> Option<&'static str> {
        match self {
            Self::Default(_) | Self::Branch(_) | Self::Branches(_) => Some("{{branch}}-{{sha}}"),
            Self::Schedule => Some("nightly-{{date 'YYYYMMDD'}}"),
            Self::Release(_) => Some("{{version}}"),
            Self::Prerelease(_) | Self::Tags(_) | Self::PullRequest => None,
        }
    }
}

/// Adds scheduled runs, which are runs on the default branch: where a row of their own takes them, the default branch's
/// does not.
pub(super) fn with_schedule(slots: impl IntoIterator<Item = Slot>, has_schedule: bool) -> Vec<Slot> {
    let mut slots: Vec<Slot> = slots.into_iter().collect();
    let is_default = |slot: &Slot| matches!(slot, Slot::Default(_));
    if has_schedule && slots.iter().any(is_default) && !slots.contains(&Slot::Schedule) {
        slots.push(Slot::Schedule);
    }
    slots
}

/// How long the builds of a branch live.
const BUILD: &str = "30 days";

/// What a row is to hold, as text.
#[derive(Clone, Debug, Default)]
pub(super) struct Row {
    pub(super) on: Vec<String>,
    pub(super) tag: Vec<String>,
    pub(super) rolling: Vec<String>,
    pub(super) immutable: bool,
    pub(super) keep: Option<&'static str>,
    pub(super) sources: Vec<Source>,
    /// Whether its `tag` was added, as pointers need one.
    pub(super) adds_tag: bool,
}

/// All rows in the making.
#[derive(Clone, Debug, Default)]
pub(super) struct Drafts {
    rows: BTreeMap<Slot, Row>,
    /// Names of every build, with the events that give them.
    builds: Vec<(String, BTreeSet<Slot>, Source)>,
    pub(super) notes: Vec<Note>,
}

impl Drafts {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.builds.is_empty()
    }

    pub(super) fn tag(&mut self, slot: &Slot, template: &str, source: &Source) {
        self.add(slot, source, |row| &mut row.tag, template);
    }

    pub(super) fn rolling(&mut self, slot: &Slot, template: &str, source: &Source) {
        self.add(slot, source, |row| &mut row.rolling, template);
    }

    fn add(&mut self, slot: &Slot, source: &Source, list: impl Fn(&mut Row) -> &mut Vec<String>, template: &str) {
        let row = self.rows.entry(slot.clone()).or_default();
        if !list(row).iter().any(|other| other == template) {
            list(row).push(template.to_owned());
        }
        if !row.sources.contains(source) {
            row.sources.push(source.clone());
        }
    }

    /// Adds a name that every build of these events gets.
    pub(super) fn build(&mut self, slots: impl IntoIterator<Item = Slot>, template: &str, source: &Source) {
        match self.builds.iter_mut().find(|(other, ..)| other == template) {
            Some((_, known, _)) => known.extend(slots),
            None => self.builds.push((template.to_owned(), slots.into_iter().collect(), source.clone())),
        }
    }

    pub(super) fn has(&self, slot: &Slot) -> bool {
        self.rows.contains_key(slot)
    }

    /// Lists the events of versions that have rows.
    pub(super) fn versions(&self) -> Vec<Slot> {
        let is_version = |slot: &&Slot| matches!(slot, Slot::Release(_) | Slot::Prerelease(_));
        self.rows.keys().filter(is_version).cloned().collect()
    }

    /// Writes the rows down. A branch's builds are the `tag` of its row; those of other events share a row.
    pub(super) fn rows(mut self) -> (Vec<Row>, Vec<Note>) {
        let mut shared: Vec<Row> = Vec::new();
        for (template, slots, source) in &self.builds {
            let (branches, others): (Vec<&Slot>, Vec<&Slot>) =
                slots.iter().partition(|slot| matches!(slot, Slot::Default(_) | Slot::Branch(_)));
            for slot in branches {
                let row = self.rows.entry(slot.clone()).or_default();
                row.tag.push(template.clone());
                if !row.sources.contains(source) {
                    row.sources.push(source.clone());
                }
            }
            if !others.is_empty() {
                let on = others.iter().flat_map(|slot| slot.entries()).collect();
                let (tag, sources) = (vec![template.clone()], vec![source.clone()]);
                shared.push(Row { on, tag, sources, keep: Some(BUILD), ..Row::default() });
            }
        }
        let mut rows = Vec::new();
        for (slot, mut row) in self.rows {
            if row.tag.is_empty()
                && let Some(own) = slot.own_tag()
            {
                row.tag.push(own.to_owned());
                row.adds_tag = true;
            }
            row.rolling.retain(|pointer| !row.tag.contains(pointer));
            row.on = slot.entries();
            row.keep = slot.keep();
            row.immutable = matches!(slot, Slot::Release(_) | Slot::Prerelease(_));
            rows.push(row);
        }
        rows.extend(shared);
        let mut notes: Vec<Note> = Vec::new();
        for note in self.notes {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        (rows, notes)
    }
}

/// The events of a workflow, as rows see them.
#[derive(Clone, Debug, Default)]
pub(super) struct Events {
    /// The default branch, if its pushes count.
    pub(super) default: Option<Slot>,
    /// Other branches with plain names.
    pub(super) named: Vec<Slot>,
    /// Branches that patterns fit.
    pub(super) patterned: Option<Slot>,
    /// Git tags: the patterns that they are restricted to, none for all.
    pub(super) tags: Option<Vec<String>>,
    pub(super) pull_requests: bool,
    pub(super) schedule: bool,
}

impl Events {
    pub(super) fn of(triggers: &Triggers, default: &str) -> Self {
        let Triggers { branches, tags, pull_requests, schedule } = triggers;
        let (mut pull_requests, mut tags, mut branches) = (*pull_requests, tags.clone(), branches.clone());
        if branches.is_none() && tags.is_none() && !pull_requests && !schedule {
            // It runs when another workflow or a person starts it, on whatever they mean.
            (branches, tags, pull_requests) = (Some(vec![default.to_owned()]), Some(Vec::new()), true);
        }
        let mut events = Self { tags, pull_requests, schedule: *schedule, ..Self::default() };
        let patterns = branches.unwrap_or_default();
        let is_plain = |name: &str| name.chars().all(|c| c.is_alphanumeric() || "/._-".contains(c));
        let (plain, globs): (Vec<&String>, Vec<&String>) = patterns.iter().partition(|pattern| is_plain(pattern));
        let takes_default = |pattern: &String| {
            !pattern.starts_with('!') && Glob::parse(pattern).is_ok_and(|glob| glob.matches(default))
        };
        if patterns.iter().any(takes_default) || *schedule {
            events.default = Some(Slot::Default(default.to_owned()));
        }
        events.named =
            plain.iter().filter(|name| ***name != default).map(|name| Slot::Branch((*name).clone())).collect();
        if globs.iter().any(|pattern| !pattern.starts_with('!')) {
            let entry = |pattern: &String| match pattern.strip_prefix('!') {
                Some(taken) => format!("!branch {taken}"),
                None => format!("branch {pattern}"),
            };
            let mut entries: Vec<String> = globs.iter().map(|pattern| entry(pattern)).collect();
            let covered =
                |name: &String| globs.iter().any(|pattern| Glob::parse(pattern).is_ok_and(|glob| glob.matches(name)));
            let rows_of_their_own = events.default.iter().map(|_| default.to_owned()).chain(plain.into_iter().cloned());
            for name in rows_of_their_own.filter(covered) {
                let taken = format!("!branch {name}");
                if !entries.contains(&taken) {
                    entries.push(taken);
                }
            }
            events.patterned = Some(Slot::Branches(entries));
        }
        events
    }

    /// Lists the branches.
    pub(super) fn branches(&self) -> impl Iterator<Item = Slot> {
        self.default.iter().chain(&self.named).chain(&self.patterned).cloned()
    }
}
