//! How long each tag lives: every row that explains it is asked, and one that keeps it is enough.

mod decision;
mod last;
mod life;
mod read;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};

pub use self::decision::{Fact, Life, Place, RowVerdict, Span, TagDecision, TagReason, TagVerdict};
pub(crate) use self::{
    decision::time,
    life::{is_older, numbers_in},
};
use self::{
    last::{Places, age_of_version, newest_images, places},
    life::Facts,
    read::{ReadyRow, TagRead, listed_twice, read_tags, ready_rows},
};
use super::{
    glob::Glob,
    graph::{Graph, Node},
    inversion::Role,
    rules::{Policy, Protected},
};
use crate::model::{
    Asked, Inventory, Tag,
    evidence::{GitTag, Reference, Referenced, TagShape},
};

/// What is decided about the tags of a package.
#[derive(Debug)]
pub struct Retention {
    /// The decisions on the tags of each version, in the order of the graph, then of the tags.
    pub tags: Vec<Vec<TagDecision>>,
    /// The newest images of the package, as many as `keep-at-least` says, with their places.
    pub newest: BTreeMap<Node, usize>,
    /// When the youngest tag of each version began.
    pub ages: Vec<DateTime<Utc>>,
    /// What must be asked for before tags that are about to expire can be judged.
    pub questions: BTreeSet<Question>,
}

/// A fact that costs requests and that a decision depends on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Question {
    /// The open pull requests.
    PullRequests,
    /// The branches.
    Branches,
    /// The releases.
    Releases,
    /// The names and kinds of the git tags.
    GitTags,
    /// The date of an annotated git tag.
    GitTagDate {
        /// Its name.
        name: String,
    },
    /// The commits of all branches that a row is on.
    Commits {
        /// The row's number.
        row: usize,
        /// The time since when.
        since: DateTime<Utc>,
    },
    /// The deleted versions.
    DeletedVersions,
}

impl Question {
    /// Returns what a tag's life depends on that this asks for; none for what only referrers depend on.
    #[must_use]
    pub const fn fact(&self) -> Option<Fact> {
        match self {
            Self::PullRequests => Some(Fact::PullRequests),
            Self::Branches => Some(Fact::Branches),
            Self::Releases => Some(Fact::Releases),
            Self::GitTags | Self::GitTagDate { .. } => Some(Fact::GitTags),
            Self::Commits { .. } => Some(Fact::Commits),
            Self::DeletedVersions => None,
        }
    }
}

/// Decides about every tag of a package.
#[must_use]
pub fn decide(inventory: &Inventory, policy: &Policy, graph: &Graph<'_>) -> Retention {
    let rows = ready_rows(policy, inventory);
    let reads = read_tags(&rows, graph);
    let places: Vec<Option<Places>> = (0..rows.len()).map(|rule| places(rule, &rows, &reads, graph)).collect();
    let at_least = usize::try_from(policy.keep_at_least).unwrap_or(usize::MAX);
    let newest: BTreeMap<Node, usize> = newest_images(at_least, &reads, graph).into_iter().collect();
    let beside = Beside::of(inventory, policy, graph);
    let judge = Judge { rows: &rows, facts: Facts::of(inventory), places: &places };
    let mut questions = BTreeSet::new();
    let mut tags = Vec::with_capacity(graph.versions.len());
    for (node, version) in graph.versions.iter().enumerate() {
        let decisions = if version.is_placeholder() {
            version.tags.iter().map(absent).collect()
        } else {
            let tags: Vec<&Tag> = version.tags.iter().collect();
            judge.version(node, &tags, &reads[node], &beside)
        };
        for (decision, reads) in decisions.iter().zip(&reads[node]) {
            judge.ask(inventory, decision, reads, &mut questions);
        }
        tags.push(decisions);
    }
    let ages = (0..graph.versions.len()).map(|node| age_of_version(node, &reads, graph)).collect();
    Retention { tags, newest, ages, questions }
}

fn absent(tag: &Tag) -> TagDecision {
    let others = vec![TagReason::OnPlaceholder];
    TagDecision { tag: tag.clone(), verdict: TagVerdict::Absent, rows: Vec::new(), others }
}

/// What keeps a tag by its name alone: `protect`, `references`, and that it is listed twice.
struct Beside<'a> {
    protected: Vec<&'a Glob>,
    named: HashMap<&'a Tag, BTreeSet<&'a str>>,
    shapes: Vec<(&'a TagShape, &'a str)>,
    twice: HashSet<&'a Tag>,
}

impl<'a> Beside<'a> {
    fn of(inventory: &'a Inventory, policy: &'a Policy, graph: &Graph<'a>) -> Self {
        let protected = policy.protect.iter().filter_map(|protected| match protected {
            Protected::Tags(glob) => Some(glob),
            Protected::Digest(_) => None,
        });
        let (mut named, mut shapes) = (HashMap::new(), Vec::new());
        for Reference { place, names } in inventory.references.known().into_iter().flatten() {
            match names {
                Referenced::Tag(tag) => {
                    named.entry(tag).or_insert_with(BTreeSet::new).insert(place.as_str());
                }
                Referenced::AnyTag(shape) => shapes.push((shape, place.as_str())),
                Referenced::Digest(_) => {}
            }
        }
        Self { protected: protected.collect(), named, shapes, twice: listed_twice(graph) }
    }

    fn reasons(&self, tag: &Tag) -> Vec<TagReason> {
        let protecting = self.protected.iter().filter(|glob| glob.matches(tag.as_str()));
        let mut reasons: BTreeSet<TagReason> =
            protecting.map(|glob| TagReason::Protected { pattern: glob.as_str().to_owned() }).collect();
        let places = self.named.get(tag).into_iter().flatten();
        reasons.extend(places.map(|place| TagReason::Referenced { place: (*place).to_owned() }));
        let shapes = self.shapes.iter().filter(|(shape, _)| shape.could_be(tag));
        reasons.extend(shapes.map(|(shape, place)| TagReason::MayBeReferenced {
            place: (*place).to_owned(),
            pattern: shape.to_string(),
        }));
        if self.twice.contains(tag) {
            reasons.insert(TagReason::OnTwoVersions);
        }
        reasons.into_iter().collect()
    }
}

struct Judge<'a> {
    rows: &'a [ReadyRow<'a>],
    facts: Facts<'a>,
    places: &'a [Option<Places>],
}

impl Judge<'_> {
    /// Decides about the tags of one version.
    fn version(&self, node: Node, tags: &[&Tag], reads: &[Vec<TagRead>], beside: &Beside<'_>) -> Vec<TagDecision> {
        let mut decisions: Vec<TagDecision> = Vec::with_capacity(tags.len());
        for (&tag, tag_reads) in tags.iter().zip(reads) {
            let mut others = beside.reasons(tag);
            let mut rows: Vec<RowVerdict> =
                tag_reads.iter().map(|read| self.row(node, tag, read, tags, reads)).collect();
            // A row may explain a tag by several templates alike.
            rows.dedup();
            let is_referrer = tag.is_referrers_tag();
            if rows.is_empty() && others.is_empty() {
                others.push(if is_referrer { TagReason::NamesSubject } else { TagReason::Unexplained });
            }
            let only_names_subject = others.first() == Some(&TagReason::NamesSubject);
            let keeps = (!others.is_empty() && !only_names_subject) || rows.iter().any(|row| row.keeps);
            let verdict = match (keeps, is_referrer) {
                (true, _) => TagVerdict::Keep,
                (false, true) => TagVerdict::Referrer,
                (false, false) => TagVerdict::Expire,
            };
            decisions.push(TagDecision { tag: tag.clone(), verdict, rows, others });
        }
        self.carry(&mut decisions, reads);
        decisions
    }

    fn row(&self, node: Node, tag: &Tag, read: &TagRead, tags: &[&Tag], reads: &[Vec<TagRead>]) -> RowVerdict {
        let rule = self.rows[read.rule].rule;
        let carries = |role: Role| {
            let fits = move |other: &TagRead| other.rule == read.rule && other.role == role;
            tags.iter().zip(reads).find(|(_, reads)| reads.iter().any(fits)).map(|(tag, _)| *tag)
        };
        let life = match read.role {
            Role::Rolling => Ok(vec![Life::Rolling]),
            // Decided when those are.
            Role::Also if carries(Role::Tag).is_some() => Err(vec![Life::NotCarried]),
            Role::Tag | Role::Also | Role::Index => {
                let life = self.facts.life(node, tag, read, rule, self.places[read.rule].as_ref());
                match carries(Role::Rolling).filter(|_| read.role == Role::Tag) {
                    Some(rolling) if life.is_err() => Ok(vec![Life::PointedAt { rolling: rolling.clone() }]),
                    _ => life,
                }
            }
        };
        let keeps = life.is_ok();
        let (Ok(reasons) | Err(reasons)) = life;
        RowVerdict { row: rule.row.number, role: read.role, keeps, reasons }
    }

    /// Lets each `also` live as long as its version carries a kept `tag` of the row.
    fn carry(&self, decisions: &mut [TagDecision], reads: &[Vec<TagRead>]) {
        loop {
            let mut carried: Vec<(usize, usize, Tag)> = Vec::new();
            for (at, decision) in decisions.iter().enumerate() {
                for (verdict_at, verdict) in decision.rows.iter().enumerate() {
                    if verdict.role != Role::Also || verdict.reasons != [Life::NotCarried] {
                        continue;
                    }
                    let is_own =
                        |read: &TagRead| read.role == Role::Tag && self.rows[read.rule].rule.row.number == verdict.row;
                    let mut own = decisions.iter().zip(reads).filter(|(_, reads)| reads.iter().any(is_own));
                    if let Some((by, _)) = own.find(|(own, _)| own.keeps()) {
                        carried.push((at, verdict_at, by.tag.clone()));
                    }
                }
            }
            if carried.is_empty() {
                return;
            }
            for (at, verdict_at, by) in carried {
                let decision = &mut decisions[at];
                decision.rows[verdict_at].keeps = true;
                decision.rows[verdict_at].reasons = vec![Life::Carried { by }];
                decision.verdict = TagVerdict::Keep;
            }
        }
    }

    /// Collects what nobody asked yet and what alone keeps a tag.
    fn ask(
        &self,
        inventory: &Inventory,
        decision: &TagDecision,
        reads: &[TagRead],
        questions: &mut BTreeSet<Question>,
    ) {
        let is_open = |life: &Life| matches!(life, Life::Unknown { problem: None, .. });
        let kept_for_sure = !decision.others.is_empty()
            || decision.rows.iter().any(|row| row.keeps && !row.reasons.iter().all(is_open));
        if kept_for_sure {
            return;
        }
        for row in decision.rows.iter().filter(|row| row.keeps) {
            for life in &row.reasons {
                let Life::Unknown { fact, problem: None } = life else { continue };
                match fact {
                    Fact::PullRequests => {
                        questions.insert(Question::PullRequests);
                    }
                    Fact::Branches => {
                        questions.insert(Question::Branches);
                    }
                    Fact::Releases => {
                        questions.insert(Question::Releases);
                    }
                    Fact::GitTags => questions.extend(self.git_tag_questions(inventory, row.row, reads)),
                    Fact::Commits => questions.extend(self.commit_question(inventory, row.row)),
                }
            }
        }
    }

    fn git_tag_questions(&self, inventory: &Inventory, row: usize, reads: &[TagRead]) -> Vec<Question> {
        if inventory.evidence.git_tags == Asked::NotAsked {
            return vec![Question::GitTags];
        }
        let of_row = reads.iter().filter(|read| self.rows[read.rule].rule.row.number == row);
        of_row
            .filter_map(|read| match &read.release {
                super::age::ReleaseEvidence::NoDate(name) => Some(Question::GitTagDate { name: name.clone() }),
                super::age::ReleaseEvidence::Settled
                | super::age::ReleaseEvidence::NoReleases
                | super::age::ReleaseEvidence::NoGitTags
                | super::age::ReleaseEvidence::Illegible => None,
            })
            .filter(|question| {
                let Question::GitTagDate { name } = question else { return false };
                let tag = inventory.evidence.git_tags.known().and_then(|tags| tags.get(name));
                matches!(tag, Some(GitTag::Annotated(Asked::NotAsked)))
            })
            .collect()
    }

    fn commit_question(&self, inventory: &Inventory, row: usize) -> Option<Question> {
        let (at, ready) = self.rows.iter().enumerate().find(|(_, ready)| ready.rule.row.number == row)?;
        let cut_off = ready.rule.keep.duration.map(|keep| life::cut_off(inventory.taken_at, keep));
        let last_age = self.places[at].as_ref().and_then(|places| places.last_age);
        let since = [cut_off, last_age].into_iter().flatten().min()?;
        Some(Question::Commits { row, since })
    }
}
