//! The rows held against every tag of a package, once: what each reads in it, and how old that makes it.

use std::collections::HashSet;

use crate::{
    model::{Inventory, Tag},
    policy::{
        age::{Age, ReleaseEvidence, RowEvidence},
        graph::{Graph, Node},
        inversion::{Inversion, Reading, Role},
        rules::{Policy, TagRule, While},
        template::{Piece, Template, Variable},
    },
};

/// A row, ready to be held against tags.
#[derive(Debug)]
pub(super) struct ReadyRow<'a> {
    pub(super) rule: &'a TagRule,
    inversion: Inversion,
    evidence: RowEvidence<'a>,
}

/// What a row reads in a tag.
#[derive(Clone, Debug)]
pub(super) struct TagRead {
    /// The row, by its place in the policy.
    pub(super) rule: usize,
    pub(super) role: Role,
    pub(super) age: Age,
    /// Whether the tag names a commit of the row's branches.
    pub(super) names_commit: bool,
    pub(super) release: ReleaseEvidence,
    /// What `while` asks about.
    pub(super) shows: Shows,
}

/// What a tag shows of the thing that `while` asks about.
#[derive(Clone, Debug)]
pub(super) enum Shows {
    /// The row has no `while`.
    NotAsked,
    /// The number of the pull request.
    Number(u64),
    /// One of these numbers: the tag can be read in several ways.
    AnyNumber,
    /// The branch.
    Branch(String),
    /// A name that can be read in several ways, or a part of it with a hash of all of it.
    AnyBranch,
    /// Nothing of it.
    Nothing,
}

/// The tags of all versions, as the rows read them: for each version in the order of the graph, for each of its tags.
pub(super) type Reads = Vec<Vec<Vec<TagRead>>>;

/// Inverts the rows, once.
pub(super) fn ready_rows<'a>(policy: &'a Policy, inventory: &'a Inventory) -> Vec<ReadyRow<'a>> {
    let ready = |rule: &'a TagRule| ReadyRow {
        rule,
        inversion: Inversion::of(rule),
        evidence: RowEvidence::of(rule, &inventory.evidence),
    };
    policy.rules.iter().map(ready).collect()
}

/// Reads every tag of every version that is no placeholder.
pub(super) fn read_tags(rows: &[ReadyRow<'_>], graph: &Graph<'_>) -> Reads {
    let read_version = |node: Node| -> Vec<Vec<TagRead>> {
        let version = graph.versions[node];
        if version.is_placeholder() {
            return vec![Vec::new(); version.tags.len()];
        }
        let read = |tag: &Tag| {
            let of_row = |(rule, row): (usize, &ReadyRow<'_>)| {
                let readings = row.inversion.readings(tag);
                readings
                    .into_iter()
                    .map(|reading| row.read(rule, version.created_at, tag, &reading))
                    .collect::<Vec<_>>()
            };
            rows.iter().enumerate().flat_map(of_row).collect()
        };
        version.tags.iter().map(read).collect()
    };
    (0..graph.versions.len()).map(read_version).collect()
}

impl ReadyRow<'_> {
    fn read(
        &self,
        rule: usize,
        created_at: chrono::DateTime<chrono::Utc>,
        tag: &Tag,
        reading: &Reading<'_>,
    ) -> TagRead {
        let (age, release) = self.evidence.age(created_at, tag, reading);
        let shows = match self.rule.keep.while_holds {
            _ if self.rule.keep.forever => Shows::NotAsked,
            None => Shows::NotAsked,
            Some(While::Open) => match reading.values.number {
                Some(_) if reading.template.is_some_and(|template| !is_certain(template, &Variable::Number)) => {
                    Shows::AnyNumber
                }
                Some(number) => Shows::Number(number),
                None => Shows::Nothing,
            },
            Some(While::BranchExists) => match &reading.values.branch {
                _ if reading.template.is_some_and(|template| !shows_branch(template)) => Shows::Nothing,
                // Sanitising leaves no trace of a cut but the length and the hash.
                _ if reading.may_be_cut(tag) => Shows::AnyBranch,
                Some(_) if reading.template.is_some_and(|template| !is_certain(template, &Variable::Branch(None))) => {
                    Shows::AnyBranch
                }
                Some(branch) => Shows::Branch(branch.clone()),
                None => Shows::Nothing,
            },
        };
        let names_commit = self.evidence.asks_for_commit(reading);
        TagRead { rule, role: reading.role, age, names_commit, release, shows }
    }
}

fn shows_branch(template: &Template) -> bool {
    template.variables().any(|(variable, _)| *variable == Variable::Branch(None))
}

/// Tells whether a tag can be split in one way only where this value begins and ends.
///
/// A number next to a digit, or a name next to another name, could end elsewhere.
fn is_certain(template: &Template, wanted: &Variable) -> bool {
    let pieces = template.pieces();
    let is_name = |piece: &&Piece| match piece {
        Piece::Literal(_) => false,
        Piece::Value { variable, .. } => matches!(
            variable,
            Variable::Branch(_) | Variable::GitTag(_) | Variable::BaseRef | Variable::Version | Variable::Prerelease
        ),
    };
    let bounds = |character: Option<char>| match wanted {
        Variable::Number => character.is_some_and(|character| !character.is_ascii_digit()),
        _ => character.is_some_and(|character| !character.is_ascii_alphanumeric()),
    };
    let ends_before = |index: usize| match index.checked_sub(1).map(|before| &pieces[before]) {
        None => true,
        Some(Piece::Literal(text)) => index == 1 || bounds(text.chars().next_back()),
        Some(Piece::Value { .. }) => false,
    };
    let begins_after = |index: usize| match pieces.get(index + 1) {
        None => true,
        Some(Piece::Literal(text)) => index + 2 == pieces.len() || bounds(text.chars().next()),
        Some(Piece::Value { .. }) => false,
    };
    let is_wanted = |piece: &Piece| matches!(piece, Piece::Value { variable, .. } if variable == wanted);
    let mut places = pieces.iter().enumerate().filter(|(_, piece)| is_wanted(piece)).map(|(index, _)| index);
    pieces.iter().filter(is_name).count() <= 1 && places.all(|index| ends_before(index) && begins_after(index))
}

/// Returns the tags that more than one version lists.
pub(super) fn listed_twice<'a>(graph: &Graph<'a>) -> HashSet<&'a Tag> {
    let mut seen = HashSet::new();
    let tags = graph.versions.iter().flat_map(|version| &version.tags);
    tags.filter(|tag| !seen.insert(*tag)).collect()
}
