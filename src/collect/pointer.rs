//! A rolling tag after it was written: what else was published meanwhile, so that of two runs racing for one pointer the
//! right one ends up under it, whichever writes last.

use crate::{
    event::{Context, Subject},
    model::{Ancestry, Digest, Tag},
    policy::{
        rolling::{self, AfterWrite},
        rules::TagRule,
        tagging::{self, RowPlan},
        template::Variable,
    },
    ports::{PortError, RegistryReader, SourceHistory},
};

use super::published::{Evidence, Question, pointer_facts};

/// Collects what decides where a pointer belongs after it was written. `before` is the tag list that the first decision
/// rested on.
///
/// # Errors
/// If the registry cannot be asked.
pub async fn after_write<R: RegistryReader, H: SourceHistory>(
    reader: &R,
    history: &H,
    question: &Question<'_>,
    row: &RowPlan,
    pointer: &Tag,
    before: &[Tag],
) -> Result<AfterWrite, PortError> {
    let rule = &question.policy.rules[row.rule];
    let mut evidence =
        Evidence::of_written(reader, question.image, question.policy, reader.tags(question.image).await?);
    evidence.look_up([pointer].into_iter(), question.ours.digest.as_ref()).await?;
    let facts = pointer_facts(&mut evidence, history, question, rule, row.version.as_ref(), pointer).await?;
    let mut after = AfterWrite { facts, highest: None, newer: None };
    if let Some(version) = &row.version {
        let mut versions = rolling::versions_of_pointer(rule, pointer, &evidence.tags);
        // The list may lag behind our own write.
        versions.extend(row.tag.first().map(|tag| (version.clone(), tag.clone())));
        after.highest = match evidence.highest_real(&versions).await? {
            Some((_, tag)) => evidence.current.get(&tag).map(|digest| (tag.clone(), digest.clone())),
            None => None,
        };
    } else if !question.context.built_elsewhere {
        after.newer = newer_build(&mut evidence, history, question, rule, row, before).await?;
    }
    Ok(after)
}

/// Finds a build of the same row that comes after ours: the branch's tip, else a tag that appeared since.
async fn newer_build<R: RegistryReader, H: SourceHistory>(
    evidence: &mut Evidence<'_, R>,
    history: &H,
    question: &Question<'_>,
    rule: &TagRule,
    row: &RowPlan,
    before: &[Tag],
) -> Result<Option<(Tag, Digest)>, PortError> {
    let Some(ours) = &question.ours.commit else { return Ok(None) };
    if let Subject::Branch(branch) = &question.context.subject
        && let Some(tip) = history.branch_tip(branch).await?
    {
        if tip.same_commit(ours) {
            return Ok(None);
        }
        let at_tip = Context { sha: Some(tip), ..question.context.clone() };
        let tags: Vec<Tag> = rule
            .tag
            .iter()
            .filter(|template| {
                template.variables().any(|(variable, _)| matches!(variable, Variable::Sha | Variable::ShaFull))
            })
            .filter_map(|template| tagging::expand_for(template, row, &at_tip, question.short_sha_length))
            .filter(|tag| evidence.tags.contains(tag))
            .collect();
        evidence.look_up(tags.iter(), None).await?;
        if let Some(found) = tags.into_iter().find_map(|tag| Some((tag.clone(), evidence.current.get(&tag)?.clone()))) {
            return Ok(Some(found));
        }
    }
    let inversion = crate::policy::inversion::Inversion::of(rule);
    let appeared: Vec<(Tag, crate::model::CommitId)> = evidence
        .tags
        .iter()
        .rev()
        .filter(|tag| !before.contains(tag))
        .filter_map(|tag| Some((tag.clone(), inversion.explain(tag)?.1.commit?)))
        .filter(|(_, commit)| !commit.same_commit(ours))
        .take(8)
        .collect();
    for (tag, commit) in appeared {
        if history.ancestry(ours, &commit).await? == Ancestry::Ancestor {
            evidence.look_up([&tag].into_iter(), None).await?;
            if let Some(digest) = evidence.current.get(&tag) {
                return Ok(Some((tag.clone(), digest.clone())));
            }
        }
    }
    Ok(None)
}
