//! From planned tags and what the registry holds to writes: what is created, what moves, what stays, and what must not be
//! touched.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    inversion::Role,
    rolling::{self, Candidate, MoveReason, PointerFacts, StayReason, Verdict},
    rules::{Immutable, Policy, Row},
    tagging::{Capture, RowPlan, TagPlan},
};
use crate::model::{CommitId, Digest, ImageName, Tag};

/// What a registry holds of one image, as far as the planned tags ask.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// Whether the registry was asked at all; if not, nothing about the planned rows depends on it.
    pub asked: bool,
    /// All tags that exist.
    pub tags: Vec<Tag>,
    /// The digest of each planned tag that exists and is not on a clean-up's placeholder.
    pub current: BTreeMap<Tag, Digest>,
    /// The facts about each pointer of each planned row, by the row's place in the policy.
    pub pointers: BTreeMap<(usize, Tag), PointerFacts>,
    /// The commits of published images that an immutable row would keep, where they could be learnt.
    pub commits: BTreeMap<Digest, CommitId>,
    /// Those of the plan's captures whose tag exists.
    pub captured: Vec<Capture>,
}

/// Which image a tag is to point at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The one that is being published.
    Ours,
    /// One that is published already.
    Published(Digest),
}

/// What a write changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The tag does not exist yet.
    Create,
    /// The tag points at another digest now.
    Move {
        /// That digest.
        from: Digest,
    },
    /// The tag points there already.
    Unchanged,
    /// It was not looked up: nothing about the row depends on it.
    Unknown,
}

/// A tag to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The tag.
    pub tag: Tag,
    /// The part that it plays in its row.
    pub role: Role,
    /// The row's place in the policy.
    pub rule: usize,
    /// What it is to point at.
    pub target: Target,
    /// What that changes.
    pub change: Change,
    /// Why a pointer moves.
    pub reason: Option<MoveReason>,
}

/// A pointer that is left where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The tag.
    pub tag: Tag,
    /// The row's place in the policy.
    pub rule: usize,
    /// Why.
    pub reason: StayReason,
    /// What it points at.
    pub digest: Option<Digest>,
}

/// What happens to one image's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a plan does nothing until it is executed or shown"]
pub struct PublishPlan {
    /// The image.
    pub image: ImageName,
    /// The tags to write: pointers last, each set in the order of the policy.
    pub writes: Vec<Write>,
    /// The pointers that stay.
    pub stays: Vec<Stay>,
    /// The published image that takes the new one's place, where a row says `immutable: keep existing`.
    pub existing: Option<Digest>,
}

/// Why nothing may be written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// An immutable tag exists with another digest.
    #[error("{image}:{tag} is published as {published} and {row} says `immutable{}true`, so it is not replaced{}", if row.line.is_some() { ": " } else { "=" }, .ours.as_ref().map(|ours| format!(" by {ours}")).unwrap_or_default())]
    Immutable {
        /// The image.
        image: ImageName,
        /// The tag.
        tag: Tag,
        /// The row.
        row: Row,
        /// What the tag points at.
        published: Digest,
        /// What was to be published.
        ours: Option<Digest>,
    },
    /// The published image that a row keeps is known to be another commit's.
    #[error(
        "{image}:{tag} is published as {published}, built from commit {theirs}, while this run builds {ours}; {row} keeps what is published, which would pass the other commit's image off as this one's"
    )]
    OtherCommit {
        /// The image.
        image: ImageName,
        /// The tag.
        tag: Tag,
        /// The row.
        row: Row,
        /// What the tag points at.
        published: Digest,
        /// Its commit.
        theirs: CommitId,
        /// Ours.
        ours: CommitId,
    },
    /// Tags of a row that keeps what is published are on different images.
    #[error(
        "{row} keeps what is published, but its tags are on different images: {image}:{first} is {first_digest}, {image}:{second} is {second_digest}"
    )]
    Split {
        /// The image.
        image: ImageName,
        /// The row.
        row: Row,
        /// A tag.
        first: Tag,
        /// Its digest.
        first_digest: Digest,
        /// Another tag.
        second: Tag,
        /// Its digest.
        second_digest: Digest,
    },
    /// A tag made from a name exists under another row's immutable template.
    #[error("{row} would replace {image}:{tag}, but that tag exists and is immutable by {owner}")]
    Captured {
        /// The image.
        image: ImageName,
        /// The tag.
        tag: Tag,
        /// The row that would write it.
        row: Row,
        /// The row that it belongs to.
        owner: Row,
    },
}

impl Conflict {
    /// Returns what to do about it. `git_ref` is the full ref that the run is about.
    #[must_use]
    pub fn hint(&self, git_ref: Option<&str>) -> String {
        // A name that a shell would read otherwise is left for people to write.
        let is_plain = |text: &&str| text.chars().all(|c| c.is_ascii_alphanumeric() || "._-/+".contains(c));
        let git_ref = git_ref.filter(is_plain).map(|name| format!(" --ref {name}")).unwrap_or_default();
        match self {
            // The rows of inputs are in the step itself.
            Self::Immutable { image, published, row: Row { line: None, .. }, .. } => format!(
                "to publish this build, give it a new version; to run the step again with the published image, give it `source: {image}@{published}`"
            ),
            Self::Immutable { image, published, .. } => format!(
                "to finish the run with the published image, promote it: `ghcr-lifecycle push --source {image}@{published} --image {image}{git_ref}` (input `source: {image}@{published}`); to publish this build, give it a new version"
            ),
            Self::OtherCommit { .. } => {
                "was the git tag moved? Publish this commit under a new version, or say `ref` if it was built from another project".to_owned()
            }
            Self::Split { .. } => "point the row's tags at one image, or take the odd one out of the row".to_owned(),
            Self::Captured { row: Row { line: None, .. }, .. } => {
                "rename the branch or git tag, or leave the row out there with its attribute `enable`".to_owned()
            }
            Self::Captured { .. } => {
                "rename the branch or git tag, or take it away from the row with an entry such as `!branch NAME`".to_owned()
            }
        }
    }
}

/// What is known of the image that is to be published, or that somebody else will publish (mode `tags`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    /// Its digest, where there is an image already.
    pub digest: Option<Digest>,
    /// The commit that it was built from; none if it was built elsewhere.
    pub commit: Option<CommitId>,
}

/// Plans the writes for one image.
///
/// # Errors
/// Everything that forbids writing, at once; nothing may be written then, to any image.
pub fn plan_publish(
    image: &ImageName,
    policy: &Policy,
    plan: &TagPlan,
    published: &Published,
    ours: &Ours,
) -> Result<PublishPlan, Vec<Conflict>> {
    let mut conflicts: Vec<Conflict> = published
        .captured
        .iter()
        .map(|Capture { tag, row, owner }| Conflict::Captured {
            image: image.clone(),
            tag: tag.clone(),
            row: row.clone(),
            owner: owner.clone(),
        })
        .collect();
    let mut draft = Draft { image, policy, published, ours, writes: Vec::new(), stays: Vec::new(), existing: None };
    for row in &plan.rows {
        match draft.settle_immutable(row) {
            Ok(target) => draft.assign(row, &target),
            Err(found) => conflicts.extend(found),
        }
    }
    if conflicts.is_empty() { Ok(draft.finish()) } else { Err(conflicts) }
}

struct Draft<'a> {
    image: &'a ImageName,
    policy: &'a Policy,
    published: &'a Published,
    ours: &'a Ours,
    writes: Vec<Write>,
    stays: Vec<Stay>,
    existing: Option<Digest>,
}

impl Draft<'_> {
    /// Says which image the row's tags are for.
    fn settle_immutable(&mut self, row: &RowPlan) -> Result<Target, Vec<Conflict>> {
        let rule = &self.policy.rules[row.rule];
        let exists: Vec<(&Tag, &Digest)> =
            row.tag.iter().filter_map(|tag| Some((tag, self.published.current.get(tag)?))).collect();
        match rule.immutable {
            Immutable::No => Ok(Target::Ours),
            Immutable::Yes => {
                let conflicts: Vec<Conflict> = exists
                    .into_iter()
                    .filter(|(_, digest)| self.ours.digest.as_ref() != Some(*digest))
                    .map(|(tag, digest)| Conflict::Immutable {
                        image: self.image.clone(),
                        tag: tag.clone(),
                        row: rule.row.clone(),
                        published: digest.clone(),
                        ours: self.ours.digest.clone(),
                    })
                    .collect();
                if conflicts.is_empty() { Ok(Target::Ours) } else { Err(conflicts) }
            }
            Immutable::KeepExisting => {
                let Some((tag, digest)) = exists.first().copied() else { return Ok(Target::Ours) };
                if let Some((second, second_digest)) = exists.iter().find(|(_, other)| *other != digest) {
                    return Err(vec![Conflict::Split {
                        image: self.image.clone(),
                        row: rule.row.clone(),
                        first: tag.clone(),
                        first_digest: digest.clone(),
                        second: (*second).clone(),
                        second_digest: (*second_digest).clone(),
                    }]);
                }
                if let (Some(theirs), Some(ours)) = (self.published.commits.get(digest), &self.ours.commit)
                    && !theirs.same_commit(ours)
                {
                    return Err(vec![Conflict::OtherCommit {
                        image: self.image.clone(),
                        tag: tag.clone(),
                        row: rule.row.clone(),
                        published: digest.clone(),
                        theirs: theirs.clone(),
                        ours: ours.clone(),
                    }]);
                }
                self.existing.get_or_insert_with(|| digest.clone());
                Ok(if self.ours.digest.as_ref() == Some(digest) {
                    Target::Ours
                } else {
                    Target::Published(digest.clone())
                })
            }
        }
    }

    fn assign(&mut self, row: &RowPlan, target: &Target) {
        let digest = match target {
            Target::Ours => self.ours.digest.clone(),
            Target::Published(digest) => Some(digest.clone()),
        };
        for (role, tag) in row.tags() {
            let reason = if role == Role::Rolling {
                let Some(facts) = self.published.pointers.get(&(row.rule, tag.clone())) else { continue };
                let candidate = Candidate {
                    digest: digest.as_ref(),
                    version: row.version.as_ref(),
                    commit: self.ours.commit.as_ref(),
                };
                match rolling::decide(&candidate, facts) {
                    Verdict::Move(reason) => Some(reason),
                    Verdict::Stay(reason) => {
                        self.stays.push(Stay {
                            tag: tag.clone(),
                            rule: row.rule,
                            reason,
                            digest: facts.current.as_ref().map(|image| image.digest.clone()),
                        });
                        continue;
                    }
                }
            } else {
                None
            };
            let change = match (self.published.current.get(tag), &digest) {
                (Some(now), Some(digest)) if now == digest => Change::Unchanged,
                (Some(now), _) => Change::Move { from: now.clone() },
                (None, _) if self.published.asked => Change::Create,
                (None, _) => Change::Unknown,
            };
            self.writes.push(Write { tag: tag.clone(), role, rule: row.rule, target: target.clone(), change, reason });
        }
    }

    /// Settles tags that several rows give: an immutable tag that exists stays what it is, a published image that is kept
    /// wins over ours, a pointer that one row keeps where it is stays there for all, and what any row calls a pointer is
    /// written with the pointers.
    fn finish(self) -> PublishPlan {
        let Self { image, policy, writes, mut stays, existing, .. } = self;
        let staying: BTreeMap<Tag, Option<Digest>> =
            stays.iter().map(|stay| (stay.tag.clone(), stay.digest.clone())).collect();
        let strength = |write: &Write| {
            let is_immutable = write.role == Role::Tag && policy.rules[write.rule].immutable != Immutable::No;
            let is_kept = is_immutable && write.change == Change::Unchanged;
            (is_kept, matches!(write.target, Target::Published(_)), is_immutable, write.role == Role::Rolling)
        };
        let mut settled: Vec<Write> = Vec::new();
        for write in writes {
            if let Some(digest) = staying.get(&write.tag) {
                if !stays.iter().any(|stay| stay.tag == write.tag && stay.rule == write.rule) {
                    stays.push(Stay {
                        tag: write.tag,
                        rule: write.rule,
                        reason: StayReason::OtherRow,
                        digest: digest.clone(),
                    });
                }
                continue;
            }
            match settled.iter_mut().find(|other| other.tag == write.tag) {
                Some(other) if strength(&write) > strength(other) => *other = write,
                Some(_) => {}
                None => settled.push(write),
            }
        }
        let mut seen = BTreeSet::new();
        stays.retain(|stay| seen.insert(stay.tag.clone()));
        // Pointers last: whoever reads a version tag and a pointer never finds the pointer ahead. The sort is stable.
        settled.sort_by_key(|write| write.role == Role::Rolling);
        PublishPlan { image: image.clone(), writes: settled, stays, existing }
    }
}
