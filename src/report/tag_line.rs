//! What became of one tag, and why.

use crate::{
    model::{Descriptor, Digest, ManifestKind, RawManifest, Tag},
    policy::{
        inversion::Role,
        publish::{Change, Stay, Target, Write},
        rolling::{MoveReason, StayReason},
        rules::Row,
    },
};

use super::words;

/// What became of a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagOutcome {
    /// Whoever pushes the image is to write it.
    Planned,
    /// It is new.
    Created,
    /// It pointed elsewhere before.
    Moved {
        /// At this.
        from: Digest,
    },
    /// It pointed there already.
    Unchanged,
    /// It was left where it is.
    Stayed,
}

/// What was missing to decide about a pointer for sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The commit of the image that it points at.
    Commit,
    /// The history that compares two commits, or the branch's tip.
    History,
    /// What was built is of another repository's history.
    Foreign,
}

/// One tag.
#[derive(Clone, Debug)]
pub struct TagLine {
    /// The tag. Rules of docker/metadata-action may give one that no registry takes.
    pub tag: String,
    /// What it points at, where that is known.
    pub digest: Option<Digest>,
    /// The row that it comes from.
    pub row: Row,
    /// The part that it plays in its row.
    pub role: Role,
    /// What became of it.
    pub outcome: TagOutcome,
    /// Why, in a few words.
    pub why: String,
    /// What made the decision a guess, where it was one: worth a warning.
    pub doubt: Option<Doubt>,
    /// Whether nobody is to write it, because the row's image is published already (mode `tags`).
    pub only_published: bool,
    /// The platforms of an index that was joined, each with the digest of its image manifest.
    pub platforms: Vec<(String, Digest)>,
}

impl TagLine {
    fn new(write: &Write, row: Row, digest: Option<&Digest>, outcome: TagOutcome) -> Self {
        let why = match (&write.reason, write.role) {
            (Some(reason), _) => words::move_reason(reason),
            (None, Role::Also) => "further name".to_owned(),
            (None, _) => String::new(),
        };
        Self {
            tag: write.tag.to_string(),
            digest: digest.cloned(),
            row,
            role: write.role,
            outcome,
            why,
            doubt: match &write.reason {
                Some(MoveReason::Unknown { there: None }) => Some(Doubt::Commit),
                Some(MoveReason::Foreign) => Some(Doubt::Foreign),
                Some(MoveReason::Unknown { there: Some(_) }) => Some(Doubt::History),
                _ => None,
            },
            only_published: false,
            platforms: Vec::new(),
        }
    }

    /// Tells whether whoever builds the image is to give it this tag, or has. In mode `tags` a tag that is published already
    /// is none of them: the build can be left out.
    #[must_use]
    pub const fn is_given(&self) -> bool {
        match self.outcome {
            TagOutcome::Planned | TagOutcome::Unchanged => !self.only_published,
            TagOutcome::Created | TagOutcome::Moved { .. } => true,
            TagOutcome::Stayed => false,
        }
    }

    /// Tells whether the tag is new or points elsewhere than before.
    #[must_use]
    pub const fn is_moved(&self) -> bool {
        matches!(self.outcome, TagOutcome::Created | TagOutcome::Moved { .. })
    }

    /// Reports a tag that somebody else is to write.
    #[must_use]
    pub fn planned(write: &Write, row: Row) -> Self {
        Self::new(write, row, None, TagOutcome::Planned)
    }

    /// Reports a name that whoever pushes the image may give it, of which nothing more is known.
    #[must_use]
    pub fn named(name: &str, row: Row) -> Self {
        Self {
            tag: name.to_owned(),
            digest: None,
            row,
            role: Role::Tag,
            outcome: TagOutcome::Planned,
            why: String::new(),
            doubt: None,
            only_published: false,
            platforms: Vec::new(),
        }
    }

    /// Reports a tag of a row whose image is published already: nothing is to be built for it.
    #[must_use]
    pub fn published(write: &Write, row: Row, digest: &Digest) -> Self {
        let (outcome, why) = match &write.change {
            Change::Unchanged => (TagOutcome::Unchanged, "published already, so nothing is to be built for it"),
            Change::Create | Change::Move { .. } | Change::Unknown => {
                (TagOutcome::Planned, "belongs on the published image, and is not there yet")
            }
        };
        Self { why: why.to_owned(), doubt: None, only_published: true, ..Self::new(write, row, Some(digest), outcome) }
    }

    /// Reports a tag that was written.
    #[must_use]
    pub fn written(write: &Write, row: Row, digest: &Digest) -> Self {
        let outcome = match &write.change {
            Change::Create | Change::Unknown => TagOutcome::Created,
            Change::Move { from } => TagOutcome::Moved { from: from.clone() },
            Change::Unchanged => TagOutcome::Unchanged,
        };
        let unchanged = outcome == TagOutcome::Unchanged;
        let mut line = Self::new(write, row, Some(digest), outcome);
        let kept = matches!(write.target, Target::Published(_)) && write.role != Role::Rolling;
        if kept {
            "kept: it was published before, and takes the place of this build".clone_into(&mut line.why);
        } else if unchanged {
            "points at this image already".clone_into(&mut line.why);
        }
        if unchanged {
            line.doubt = None;
        }
        line
    }

    /// Reports a pointer that stays.
    #[must_use]
    pub fn stayed(stay: &Stay, row: Row) -> Self {
        Self {
            tag: stay.tag.to_string(),
            digest: stay.digest.clone(),
            row,
            role: Role::Rolling,
            outcome: TagOutcome::Stayed,
            why: words::stay_reason(&stay.reason),
            doubt: matches!(stay.reason, StayReason::SharedUnknown | StayReason::Diverged { .. })
                .then_some(Doubt::History),
            only_published: false,
            platforms: Vec::new(),
        }
    }

    /// Notes that another run moved the pointer on.
    pub fn overtake(&mut self, now: &Digest) {
        self.digest = Some(now.clone());
        self.outcome = TagOutcome::Stayed;
        "another run moved it on meanwhile".clone_into(&mut self.why);
    }

    /// Notes that the pointer was put right after the run looked again.
    pub fn repoint(&mut self, digest: &Digest, reason: Option<&MoveReason>) {
        self.digest = Some(digest.clone());
        if let Some(reason) = reason {
            self.why = words::move_reason(reason);
            self.outcome = TagOutcome::Stayed;
        }
    }

    /// Reports the tag of an index.
    #[must_use]
    pub fn joined(tag: &Tag, row: Row, index: &RawManifest, change: &Change, of: &[(Tag, String)]) -> Self {
        let mut names: Vec<&str> = of.iter().map(|(tag, _)| tag.as_str()).collect();
        names.dedup();
        Self {
            tag: tag.to_string(),
            digest: Some(index.digest.clone()),
            row,
            role: Role::Index,
            outcome: match change {
                Change::Create | Change::Unknown => TagOutcome::Created,
                Change::Move { from } => TagOutcome::Moved { from: from.clone() },
                Change::Unchanged => TagOutcome::Unchanged,
            },
            why: format!("joins {}", names.join(", ")),
            doubt: None,
            only_published: false,
            platforms: platforms(index),
        }
    }
}

/// Returns what an index lists for a platform; attestations are for none.
fn platforms(index: &RawManifest) -> Vec<(String, Digest)> {
    let Ok(ManifestKind::Index { manifests }) = index.parse().map(|manifest| manifest.kind) else { return Vec::new() };
    let known = |Descriptor { platform, digest, .. }: Descriptor| {
        platform.filter(|platform| platform.os != "unknown").map(|platform| (platform.to_string(), digest))
    };
    manifests.into_iter().filter_map(known).collect()
}
