//! Mirrors: which tags go to another registry, and under which names.

pub mod rename;

use std::collections::BTreeMap;

use super::{
    inversion::Role,
    rules::{Condition, Immutable, Mirror, OnEntry, Policy},
    tagging::{self, RowPlan, TagPlan},
};
use crate::{
    event::{Context, Subject},
    model::{ImageName, Tag},
};

/// A tag of a mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirroredTag {
    /// Its name in the policy's image.
    pub from: Tag,
    /// Its name in the mirror.
    pub to: Tag,
    /// The part that it plays in its row.
    pub role: Role,
    /// The row's place in the policy.
    pub rule: usize,
    /// Whether its row lets nobody replace it.
    pub immutable: bool,
}

/// The tags of a mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a plan does nothing until it is executed or shown"]
pub struct MirrorPlan {
    /// The mirror.
    pub image: ImageName,
    /// Its tags, pointers last.
    pub tags: Vec<MirroredTag>,
}

/// Why a mirror's tags cannot be named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MirrorError {
    /// Two tags would have one name.
    #[error("the mirror {image} would have `{first}` and `{second}` under one name, `{name}`")]
    Meeting {
        /// The mirror.
        image: ImageName,
        /// A tag.
        first: Tag,
        /// Another tag.
        second: Tag,
        /// The name of both.
        name: Tag,
    },
    /// The new name of a tag is none.
    #[error("the mirror {image} has no name for `{tag}`: `{template}` cannot be filled in: {problem}")]
    NoName {
        /// The mirror.
        image: ImageName,
        /// The tag.
        tag: Tag,
        /// The template of the name.
        template: String,
        /// What is wrong.
        problem: String,
    },
}

/// Plans the tags of every mirror.
///
/// # Errors
/// Everything that is wrong with the names, at once.
pub fn plan_mirrors(
    policy: &Policy,
    plan: &TagPlan,
    context: &Context,
    short_sha_length: usize,
) -> Result<Vec<MirrorPlan>, Vec<MirrorError>> {
    let mut plans = Vec::new();
    let mut errors = Vec::new();
    for mirror in &policy.mirrors {
        let naming = Naming { mirror, policy, context, short_sha_length };
        match naming.plan(plan) {
            Ok(tags) => plans.push(MirrorPlan { image: mirror.image.clone(), tags }),
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() { Ok(plans) } else { Err(errors) }
}

struct Naming<'a> {
    mirror: &'a Mirror,
    policy: &'a Policy,
    context: &'a Context,
    short_sha_length: usize,
}

impl Naming<'_> {
    fn plan(&self, plan: &TagPlan) -> Result<Vec<MirroredTag>, Vec<MirrorError>> {
        let mut tags: Vec<MirroredTag> = Vec::new();
        let mut errors = Vec::new();
        for row in plan.rows.iter().filter(|row| self.wants(row)) {
            let index = row.index.iter().map(|tag| (Role::Index, tag));
            for (role, from) in row.tags().chain(index) {
                match self.name(row, role, from) {
                    Ok(Some(to)) => {
                        let immutable = role == Role::Tag && self.policy.rules[row.rule].immutable != Immutable::No;
                        let mirrored = MirroredTag { from: from.clone(), to, role, rule: row.rule, immutable };
                        // Several rows may give one tag.
                        match tags.iter_mut().find(|known| known.from == *from && known.to == mirrored.to) {
                            Some(known) => {
                                known.immutable |= immutable;
                                if role == Role::Rolling {
                                    known.role = role;
                                }
                            }
                            None => tags.push(mirrored),
                        }
                    }
                    Ok(None) => {}
                    Err(error) => errors.push(error),
                }
            }
        }
        let mut named: BTreeMap<&Tag, &Tag> = BTreeMap::new();
        for MirroredTag { from, to, .. } in &tags {
            match named.get(to) {
                Some(first) if *first != from => errors.push(MirrorError::Meeting {
                    image: self.mirror.image.clone(),
                    first: (*first).clone(),
                    second: from.clone(),
                    name: to.clone(),
                }),
                Some(_) => {}
                None => {
                    named.insert(to, from);
                }
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        tags.sort_by_key(|tag| tag.role == Role::Rolling);
        Ok(tags)
    }

    /// Tells whether the mirror is for this row: `only` names its kind, and its pattern, where it has one, fits.
    fn wants(&self, row: &RowPlan) -> bool {
        let only = &self.mirror.only;
        let fits = |entry: &&OnEntry| fits(&entry.condition, &row.condition, self.context);
        let named = only.iter().filter(|entry| !entry.negated);
        (only.is_empty() || named.clone().any(|entry| fits(&entry)))
            && !only.iter().filter(|entry| entry.negated).any(|entry| fits(&entry))
    }

    /// Returns the name of a tag in the mirror; none for an index that no rule names.
    fn name(&self, row: &RowPlan, role: Role, tag: &Tag) -> Result<Option<Tag>, MirrorError> {
        for (from, to) in &self.mirror.rename {
            let is_this = tagging::expand_for(from, row, self.context, self.short_sha_length).as_ref() == Some(tag);
            if is_this {
                let name = tagging::fill_in(to, row, self.context, self.short_sha_length);
                return name.map(Some).map_err(|problem| MirrorError::NoName {
                    image: self.mirror.image.clone(),
                    tag: tag.clone(),
                    template: to.as_str().to_owned(),
                    problem,
                });
            }
        }
        Ok((role != Role::Index).then(|| tag.clone()))
    }
}

/// Tells whether an entry of `only` is about a row that fits the event by `condition`.
fn fits(entry: &Condition, condition: &Condition, context: &Context) -> bool {
    let name = match &context.subject {
        Subject::Branch(name) | Subject::Tag(name) => Some(name.as_str()),
        _ => None,
    };
    match (entry, condition) {
        (Condition::Release(glob), Condition::Release(_)) | (Condition::Prerelease(glob), Condition::Prerelease(_)) => {
            glob.as_ref().is_none_or(|glob| name.is_some_and(|name| glob.matches(name)))
        }
        (Condition::Tag(glob), Condition::Tag(_)) | (Condition::Branch(glob), Condition::Branch(_)) => {
            name.is_some_and(|name| glob.matches(name))
        }
        (Condition::PullRequest, Condition::PullRequest)
        | (Condition::Schedule, Condition::Schedule)
        | (Condition::Dispatch, Condition::Dispatch)
        | (Condition::MergeGroup, Condition::MergeGroup) => true,
        _ => false,
    }
}
