//! A rolling tag after it was written: what else was published meanwhile, so that of two runs racing for one pointer the
//! right one ends up under it, whichever writes last.

use std::collections::BTreeSet;

use crate::{
    event::{Context, Subject},
    model::{Ancestry, CommitId, Digest, Tag},
    policy::{
        inversion::{Inversion, Role},
        publish::Published,
        rolling::{self, AfterWrite},
        rules::TagRule,
        tagging::{self, RowPlan},
        template::{Template, Variable},
    },
    ports::{PortError, RegistryReader, SourceHistory},
};

use super::published::{Evidence, Question, pointer_facts, versions_of};

/// How many builds are compared with ours where the branch's tip does not answer: each may cost a request. A build whose
/// run is still under way is one of the newest.
const BUILDS: usize = 16;

/// Collects what decides where a pointer belongs after it was written. `first` is what the first decision rested on.
///
/// # Errors
/// If the registry cannot be asked.
pub async fn after_write<R: RegistryReader, H: SourceHistory>(
    reader: &R,
    history: &H,
    question: &Question<'_>,
    row: &RowPlan,
    pointer: &Tag,
    first: &Published,
) -> Result<AfterWrite, PortError> {
    let before = &first.tags;
    let listed = reader.tags(question.image).await?;
    // A list may lag behind a write of a moment ago: what was there and what this run wrote is asked for as well.
    let known: BTreeSet<&Tag> = listed.iter().collect();
    let mut tags: Vec<Tag> = before.iter().filter(|tag| !known.contains(tag)).cloned().collect();
    let written: Vec<Tag> =
        row.tag.iter().filter(|tag| !known.contains(tag) && !before.contains(tag)).cloned().collect();
    drop(known);
    tags.extend(listed);
    tags.extend(written);
    let mut evidence = Evidence::of_written(reader, question.image, question.policy, tags);
    evidence.look_up([pointer].into_iter(), question.ours.digest.as_ref()).await?;
    let facts = pointer_facts(&mut evidence, history, question, row, pointer).await?;
    let shared = facts.shared;
    let mut after = AfterWrite { facts, highest: None, newer: None };
    if row.version.is_some() {
        let versions = versions_of(question, row, pointer, &evidence.tags);
        after.highest = match evidence.highest_real(&versions).await? {
            Some((_, tag)) => evidence.current.get(&tag).map(|digest| (tag.clone(), digest.clone())),
            None => None,
        };
    }
    if !question.context.built_elsewhere && (row.version.is_none() || shared) {
        after.newer = newer_build(&mut evidence, history, question, row, pointer, first).await?;
    }
    Ok(after)
}

/// Finds a build for the pointer that comes after ours: the branch's tip, else the newest of the other builds.
async fn newer_build<R: RegistryReader, H: SourceHistory>(
    evidence: &mut Evidence<'_, R>,
    history: &H,
    question: &Question<'_>,
    row: &RowPlan,
    pointer: &Tag,
    first: &Published,
) -> Result<Option<(Tag, Digest)>, PortError> {
    let Some(ours) = &question.ours.commit else { return Ok(None) };
    if row.version.is_none()
        && let Subject::Branch(branch) = &question.context.subject
        && let Some(tip) = history.branch_tip(branch).await?
    {
        if tip.same_commit(ours) {
            return Ok(None);
        }
        let rule = &question.policy.rules[row.rule];
        let tags: Vec<Tag> = with_commit(rule)
            .filter_map(|template| of_commit(template, question, row, &tip, question.short_sha_length))
            .filter(|tag| evidence.tags.contains(tag))
            .collect();
        evidence.look_up(tags.iter(), None).await?;
        if let Some(found) = tags.into_iter().find_map(|tag| Some((tag.clone(), evidence.current.get(&tag)?.clone()))) {
            return Ok(Some(found));
        }
    }
    let mut best: Option<(Tag, Digest)> = None;
    let mut best_commit = ours.clone();
    for (tag, mut commit) in builds(question, row, pointer, &evidence.tags, first) {
        if commit.is_none() {
            evidence.look_up([&tag].into_iter(), None).await?;
            if let Some(digest) = evidence.current.get(&tag).cloned() {
                commit = evidence.commit_of(&digest, question.context).await?;
            }
        }
        let Some(commit) = commit.filter(|commit| !commit.same_commit(&best_commit)) else { continue };
        if history.ancestry(&best_commit, &commit).await? == Ancestry::Ancestor {
            evidence.look_up([&tag].into_iter(), None).await?;
            if let Some(digest) = evidence.current.get(&tag) {
                best = Some((tag.clone(), digest.clone()));
                best_commit = commit;
            }
        }
    }
    Ok(best)
}

/// Lists other builds that the pointer may be for, with their commits where their tags say so: first those that appeared
/// since the first decision, then the newest before (GHCR lists the newest last). A run that was under way at the first
/// decision may have had its tags written and its pointer not. Where ours has a version and the pointer was on another, an
/// earlier build is no sign of that: the pointer may have left it for the higher version.
fn builds(
    question: &Question<'_>,
    row: &RowPlan,
    pointer: &Tag,
    tags: &[Tag],
    first: &Published,
) -> Vec<(Tag, Option<CommitId>)> {
    let before: BTreeSet<&Tag> = first.tags.iter().collect();
    let was_on_version = first
        .pointers
        .get(&(row.rule, pointer.clone()))
        .and_then(|facts| facts.current.as_ref())
        .is_some_and(|image| image.version.is_some());
    let (mut appeared, mut earlier) = (Vec::new(), Vec::new());
    let movers: Vec<Mover<'_>> = question
        .policy
        .rules
        .iter()
        .enumerate()
        .filter_map(|(index, rule)| Mover::new(index, rule, row, pointer))
        .collect();
    for tag in tags.iter().rev().filter(|tag| *tag != pointer && !row.tag.contains(tag)) {
        let found = movers.iter().find_map(|mover| Some((mover, mover.build(tag, question, row, pointer)?)));
        let Some((mover, commit)) = found else { continue };
        if !before.contains(tag) {
            appeared.push((tag.clone(), commit));
        } else if !was_on_version && !mover.versioned {
            earlier.push((tag.clone(), commit));
        }
    }
    appeared.extend(earlier);
    appeared.truncate(BUILDS);
    appeared
}

/// A row that moves the pointer.
struct Mover<'a> {
    rule: &'a TagRule,
    inversion: Inversion,
    versioned: bool,
    /// Whether the pointer is this row's for every name that it fits.
    any_name: bool,
}

impl<'a> Mover<'a> {
    fn new(index: usize, rule: &'a TagRule, row: &RowPlan, pointer: &Tag) -> Option<Self> {
        let versioned = rolling::has_versions(rule);
        // Versions are compared as versions.
        if versioned && row.version.is_some() {
            return None;
        }
        let any_name = rule.rolling.iter().any(|template| template.as_str() == pointer.as_str());
        let moves = any_name || versioned || (index == row.rule && row.rolling.contains(pointer));
        let inversion = Inversion::of(rule);
        (moves && inversion.explain_as(Role::Rolling, pointer).is_some()).then_some(Self {
            rule,
            inversion,
            versioned,
            any_name,
        })
    }

    /// Returns the commit of a tag that this row gave a build for the pointer, if the tag tells; `None` if it is another
    /// tag.
    fn build(&self, tag: &Tag, question: &Question<'_>, row: &RowPlan, pointer: &Tag) -> Option<Option<CommitId>> {
        let (role, values) = self.inversion.explain(tag)?;
        if self.versioned {
            let version = values.version.filter(|_| role == Role::Tag)?;
            let is_for = |template| rolling::expand_version(template, &version).is_some_and(|given| given == *pointer);
            return self.rule.rolling.iter().any(is_for).then_some(values.commit);
        }
        let commit = values.commit?;
        // The pointer of a name is for the builds of that name: the same template with that commit gives the tag.
        let of_this_name = || {
            let length = commit.as_str().len();
            with_commit(self.rule)
                .any(|template| of_commit(template, question, row, &commit, length).as_ref() == Some(tag))
        };
        (self.any_name || of_this_name()).then_some(Some(commit))
    }
}

/// Returns the templates of a row that hold a commit.
fn with_commit(rule: &TagRule) -> impl Iterator<Item = &Template> {
    rule.tag.iter().chain(&rule.also).filter(|template| {
        template.variables().any(|(variable, _)| matches!(variable, Variable::Sha | Variable::ShaFull))
    })
}

/// Fills in a template of our row as a run of another commit would have done.
fn of_commit(
    template: &Template,
    question: &Question<'_>,
    row: &RowPlan,
    commit: &CommitId,
    length: usize,
) -> Option<Tag> {
    let context = Context { sha: Some(commit.clone()), ..question.context.clone() };
    tagging::expand_for(template, row, &context, length)
}
