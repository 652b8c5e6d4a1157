//! The policy language as a table: its maps and their keys, the events, the values of templates. The parser takes its keys
//! from here, and the JSON Schema and the reference are made of it, so that none of them can know what the others do not.

mod events;
mod row;
mod sections;
mod top;
mod units;
mod values;

pub use self::{
    events::{EVENTS, Event, EventName, Takes, event_names},
    row::{KEEP, ROW},
    sections::{CHECKS, MIRROR, REFERENCES, SIZE, UNTAGGED, UPSTREAM},
    top::POLICY,
    units::{DAY, SIZE_UNITS, TIME_UNITS},
    values::{VALUES, Value},
};

/// A map with a fixed set of keys.
#[derive(Debug)]
pub struct MapForm {
    /// Where such a map stands, for messages.
    pub place: &'static str,
    /// Its keys, in the order that they are explained in.
    pub keys: &'static [Key],
}

/// A key of a map.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What its value may be.
    pub form: Form,
    /// What holds where it is left out.
    pub without: Without,
    /// One sentence about it, Markdown.
    pub about: &'static str,
    /// Everything else about it, Markdown; empty where the sentence says it all.
    pub details: &'static str,
    /// A part of a policy that shows it; a whole one, with the keys of [`BEGINNING`] that it lacks. Empty where its map's
    /// shows it.
    pub example: &'static str,
}

/// What makes a whole policy of a key's example.
pub const BEGINNING: &str = "version: 1\nimages: [ghcr.io/acme/shop]\n";

/// What holds where a key is left out.
#[derive(Clone, Copy, Debug)]
pub enum Without {
    /// That is a mistake.
    Required,
    /// As if this were written.
    Value(&'static str),
    /// In words, Markdown.
    Words(&'static str),
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// The number of the language's version.
    Version,
    /// A whole number of at least this.
    Number(u32),
    /// `true` or `false`.
    Flag,
    /// A text.
    One(Text),
    /// A list of texts, not empty.
    List(Text),
    /// A text, or a list of them.
    OneOrList(Text),
    /// `true`, `false` or `keep existing`.
    Immutable,
    /// How long tags live, in words or as a map.
    Keep,
    /// A map.
    Map(&'static MapForm),
    /// A list of maps.
    Maps(&'static MapForm),
    /// A map from template to template.
    Renames,
}

/// What a text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Text {
    /// A fully qualified image name.
    Image,
    /// An entry of a row's `on`.
    Event,
    /// An entry of a mirror's `only`, in which `tag` and `branch` may stand alone.
    KindOfEvent,
    /// A template of a tag.
    Template,
    /// A pattern over tags, or a regular expression between slashes.
    Match,
    /// A pattern over tags, or a digest.
    Protected,
    /// A digest.
    Digest,
    /// A pattern over paths.
    Path,
    /// A branch's name.
    Branch,
    /// A source repository.
    Repository,
    /// `os/architecture`, with a variant or without.
    Platform,
    /// A number of bytes with its unit.
    Size,
    /// A duration.
    Duration,
    /// A duration, or `forever`.
    DurationOrForever,
    /// `open` or `branch exists`.
    While,
    /// `public`, `private` or `internal`.
    Visibility,
    /// The file of a workflow.
    Workflow,
}

/// All maps of the language.
pub const MAPS: [&MapForm; 9] = [&POLICY, &ROW, &KEEP, &UNTAGGED, &REFERENCES, &CHECKS, &SIZE, &MIRROR, &UPSTREAM];

/// The forms of `keep` that are a text, each with its meaning, Markdown.
pub const LIVES: [(&str, &str); 5] = [
    ("forever", "never retired"),
    ("30 days", "retired at that age"),
    ("last 10", "kept while its image is one of the 10 newest of the row; images are counted, not tags"),
    ("while open", "kept while the pull request is open (a row on `pull request` whose tags hold `{{number}}`)"),
    ("while branch exists", "kept while the branch exists (a row on `branch` whose tags hold `{{branch}}`)"),
];

/// The text that `immutable` takes beside `true` and `false`.
pub const KEEP_EXISTING: &str = "keep existing";

/// What `while` in a map of `keep` asks about.
pub const CONDITIONS: [&str; 2] = ["open", "branch exists"];

/// What `visibility` takes.
pub const VISIBILITIES: [&str; 3] = ["public", "private", "internal"];

impl MapForm {
    /// Tells whether the map has a key of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.name == name)
    }

    /// Returns the names of its keys.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }
}
