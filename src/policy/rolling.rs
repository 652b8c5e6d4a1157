//! Which rolling tags an image has earned: pointers only move forward.

use std::collections::BTreeMap;

use semver::Version;

use super::{
    inversion::{Inversion, Role},
    rules::{Condition, TagRule},
    template::{Template, Variable},
};
use crate::model::{Ancestry, CommitId, Digest, Tag};

/// An image that a tag points at now, as far as its tags and labels tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedImage {
    /// Its digest.
    pub digest: Digest,
    /// Its version, with the tag that says so: one that the row in question explains.
    pub version: Option<(Version, Tag)>,
    /// Its commit: from a tag that holds one, else from its labels if they name this source repository.
    pub commit: Option<CommitId>,
}

/// What a decision about one pointer rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointerFacts {
    /// The image that it points at; none if the tag does not exist (or is on a clean-up's placeholder).
    pub current: Option<PublishedImage>,
    /// The highest version already published, other than ours, that this pointer is for, with its tag.
    pub highest: Option<(Version, Tag)>,
    /// How our commit stands to that of the current image.
    pub ancestry: Ancestry,
    /// The commit that our branch points at now, if it was asked for and could be known.
    pub tip: Option<CommitId>,
    /// Whether rows with versions and rows without move this tag.
    pub shared: bool,
}

/// What is known of the image that is to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Its digest, where there is an image already.
    pub digest: Option<&'a Digest>,
    /// Its version, on `release` and `prerelease` rows.
    pub version: Option<&'a Version>,
    /// The commit that it was built from.
    pub commit: Option<&'a CommitId>,
}

/// What happens to a pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It moves to our image, or is there.
    Move(MoveReason),
    /// It stays where it is.
    Stay(StayReason),
}

/// Why a pointer moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MoveReason {
    /// There is no such tag yet.
    New,
    /// It points at this image.
    Here,
    /// Ours is the highest version that it is for; the next lower one, if there is one.
    HighestVersion {
        /// The highest version below.
        below: Option<Version>,
    },
    /// The image there was built from the same commit.
    SameCommit,
    /// Our commit comes after that of the image there.
    Descendant {
        /// That image's commit.
        of: CommitId,
    },
    /// The histories diverged, and our commit is the branch's tip.
    BranchTip,
    /// It moves, with a warning, since nothing says which of the two is newer.
    Unknown {
        /// The commit of the image there, where that is known and only the history that would compare the two is not.
        there: Option<CommitId>,
    },
    /// It moves, with a warning, since what was built is of another repository's history (input `ref`).
    Foreign,
    /// The highest version published, which is not ours: a run that raced with this one published it.
    PublishedMeanwhile {
        /// Its tag.
        tag: Tag,
    },
}

/// Why a pointer stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StayReason {
    /// A higher version is published.
    HigherVersion {
        /// That version.
        version: Version,
        /// Its tag.
        tag: Tag,
    },
    /// Our commit comes before that of the image there.
    Ancestor {
        /// That image's commit.
        of: CommitId,
    },
    /// The histories diverged, and our commit is not the branch's tip.
    Diverged {
        /// The commit of the image there.
        from: Option<CommitId>,
        /// The branch's tip, if it is known.
        tip: Option<CommitId>,
    },
    /// A release and a branch share the pointer, and how our commit stands to that of the image there is not known: it
    /// stays, with a warning.
    SharedUnknown,
    /// Another row that fits the event keeps it where it is.
    OtherRow,
}

/// Decides about one pointer.
#[must_use]
pub fn decide(candidate: &Candidate<'_>, facts: &PointerFacts) -> Verdict {
    let PointerFacts { current, highest, ancestry, tip, shared } = facts;
    if let Some(version) = candidate.version {
        if let Some((published, tag)) = highest
            && published > version
        {
            return Verdict::Stay(StayReason::HigherVersion { version: published.clone(), tag: tag.clone() });
        }
        let Some(current) = current else { return Verdict::Move(MoveReason::New) };
        if candidate.digest == Some(&current.digest) {
            return Verdict::Move(MoveReason::Here);
        }
        if let Some((there, tag)) = &current.version
            && there > version
        {
            return Verdict::Stay(StayReason::HigherVersion { version: there.clone(), tag: tag.clone() });
        }
        let highest_version =
            MoveReason::HighestVersion { below: highest.as_ref().map(|(version, _)| version.clone()) };
        if !shared || current.version.is_some() {
            return Verdict::Move(highest_version);
        }
        return match ancestry {
            Ancestry::Same | Ancestry::Descendant => Verdict::Move(highest_version),
            Ancestry::Ancestor => Verdict::Stay(ancestor(current)),
            Ancestry::Diverged => {
                Verdict::Stay(StayReason::Diverged { from: current.commit.clone(), tip: tip.clone() })
            }
            Ancestry::Unknown => Verdict::Stay(StayReason::SharedUnknown),
        };
    }
    let Some(current) = current else { return Verdict::Move(MoveReason::New) };
    if candidate.digest == Some(&current.digest) {
        return Verdict::Move(MoveReason::Here);
    }
    match ancestry {
        Ancestry::Same => Verdict::Move(MoveReason::SameCommit),
        Ancestry::Descendant => Verdict::Move(match &current.commit {
            Some(of) => MoveReason::Descendant { of: of.clone() },
            None => MoveReason::Unknown { there: None },
        }),
        Ancestry::Ancestor => Verdict::Stay(ancestor(current)),
        Ancestry::Diverged => match (candidate.commit, tip) {
            (Some(ours), Some(tip)) if ours.same_commit(tip) => Verdict::Move(MoveReason::BranchTip),
            _ => Verdict::Stay(StayReason::Diverged { from: current.commit.clone(), tip: tip.clone() }),
        },
        Ancestry::Unknown => Verdict::Move(match candidate.commit {
            Some(_) => MoveReason::Unknown { there: current.commit.clone() },
            None => MoveReason::Foreign,
        }),
    }
}

/// What is known of a pointer after it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfterWrite {
    /// The facts, afresh.
    pub facts: PointerFacts,
    /// The tag and image of the highest version that it is for, ours included.
    pub highest: Option<(Tag, Digest)>,
    /// The newest build for this pointer that comes after ours by the history; where ours has a version, of rows without
    /// versions only.
    pub newer: Option<(Tag, Digest)>,
}

/// Where a pointer belongs after it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is right as it is.
    Right,
    /// It belongs on our image, but another run moved it away.
    Ours,
    /// It belongs on an image that another run published.
    Theirs {
        /// That image's tag.
        tag: Tag,
        /// Its digest.
        digest: Digest,
    },
}

/// Decides where a pointer belongs after it was written.
///
/// Every run writes its tags before its pointers and looks at each pointer after its last write to it. Of all runs that
/// race for a pointer, take the one that writes it last: whoever wrote the pointer before has its tags in the list that
/// this run looks at, so this run finds the highest version (or newest commit) of them all and leaves the pointer there.
/// A run whose tags are not in that list yet writes the pointer later, and so was not left out.
///
/// Where rows with and without versions share the pointer and it was on another version, only builds that appeared since
/// the first look may take it: an older one may have lost it to that version. So if a build's run writes its tags before
/// a release's first look and its pointer between the release's last look before the write and that write, the release
/// keeps the pointer, as if it had come first and the build had not followed.
#[must_use]
pub fn settle(candidate: &Candidate<'_>, after: &AfterWrite) -> Settled {
    let AfterWrite { facts, highest, newer } = after;
    let Some(ours) = candidate.digest else { return Settled::Right };
    let now = facts.current.as_ref().map(|image| &image.digest);
    let wanted = |(tag, digest): &(Tag, Digest)| {
        if now == Some(digest) {
            Settled::Right
        } else if digest == ours {
            Settled::Ours
        } else {
            Settled::Theirs { tag: tag.clone(), digest: digest.clone() }
        }
    };
    if candidate.version.is_some() {
        let own_row = now == Some(ours) || facts.current.as_ref().is_none_or(|image| image.version.is_some());
        match highest {
            Some(highest) if own_row || !facts.shared => {
                // Without our own tag the highest of the others would win: somebody deleted it, and it will be put back.
                let own_tag_is_gone = facts.highest.as_ref().is_some_and(|(published, tag)| {
                    *tag == highest.0 && candidate.version.is_some_and(|version| published < version)
                });
                if own_tag_is_gone {
                    return if now == Some(ours) { Settled::Right } else { Settled::Ours };
                }
                return match (wanted(highest), newer) {
                    (Settled::Right, Some(newer)) if now == Some(ours) => wanted(newer),
                    (settled, _) => settled,
                };
            }
            // No tag tells the versions apart, so nothing can be said against where the pointer is.
            None if !facts.shared && now.is_some() => return Settled::Right,
            Some(_) | None => {}
        }
    } else if now == Some(ours) {
        return newer.as_ref().map_or(Settled::Right, wanted);
    }
    if now == Some(ours) {
        return Settled::Right;
    }
    match decide(candidate, facts) {
        Verdict::Move(MoveReason::Unknown { .. } | MoveReason::Foreign | MoveReason::Here) | Verdict::Stay(_) => {
            Settled::Right
        }
        // Two builds of one commit: whoever moved it last may have it.
        Verdict::Move(MoveReason::SameCommit) => Settled::Right,
        Verdict::Move(_) => Settled::Ours,
    }
}

fn ancestor(current: &PublishedImage) -> StayReason {
    match &current.commit {
        Some(of) => StayReason::Ancestor { of: of.clone() },
        None => StayReason::SharedUnknown,
    }
}

/// Returns the versions of a row among the tags, each with its tag, that a pointer is for.
#[must_use]
pub fn versions_of_pointer(rule: &TagRule, tags: &[Tag], is_for: impl Fn(&Version) -> bool) -> BTreeMap<Version, Tag> {
    let inversion = Inversion::of(rule);
    tags.iter()
        .filter_map(|tag| Some((inversion.explain_as(Role::Tag, tag)?.version?, tag.clone())))
        .filter(|(version, _)| is_for(version))
        .collect()
}

/// Fills in a template that needs nothing but a version.
#[must_use]
pub fn expand_version(template: &Template, version: &Version) -> Option<Tag> {
    template
        .expand(|variable| match variable {
            Variable::Version => Ok(version.to_string()),
            Variable::Major => Ok(version.major.to_string()),
            Variable::Minor => Ok(version.minor.to_string()),
            Variable::Patch => Ok(version.patch.to_string()),
            Variable::Prerelease => Ok(version.pre.to_string()),
            Variable::Branch(_)
            | Variable::GitTag(_)
            | Variable::Number
            | Variable::Sha
            | Variable::ShaFull
            | Variable::BaseRef
            | Variable::Date(_)
            | Variable::CommitDate(_)
            | Variable::RunNumber => Err(String::new()),
        })
        .ok()
}

/// Tells whether rows with versions and rows without move this tag.
#[must_use]
pub fn is_shared(rules: &[TagRule], pointer: &Tag) -> bool {
    let moves = |versioned: bool| {
        rules.iter().any(|rule| {
            has_versions(rule) == versioned
                && !rule.rolling.is_empty()
                && Inversion::of(rule).explain_as(Role::Rolling, pointer).is_some()
        })
    };
    moves(true) && moves(false)
}

/// Tells whether the row is about versions.
#[must_use]
pub fn has_versions(rule: &TagRule) -> bool {
    rule.on.iter().any(|entry| match &entry.condition {
        Condition::Release(_) | Condition::Prerelease(_) => !entry.negated,
        Condition::Metadata(row) => row.is_about_versions(),
        Condition::Latest(_) => true,
        Condition::Tag(_)
        | Condition::Branch(_)
        | Condition::PullRequest
        | Condition::Schedule
        | Condition::Dispatch
        | Condition::MergeGroup => false,
    })
}
