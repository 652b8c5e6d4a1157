//! A source repository of a few commits in a line.

use chrono::{DateTime, FixedOffset};
use ghcr_lifecycle::{
    model::CommitId,
    ports::{Ancestry, NameKind, PortError, SourceHistory},
};

pub(super) struct Line {
    commits: Vec<CommitId>,
    tip: Option<usize>,
}

impl Line {
    pub(super) fn new(length: u8, tip: Option<usize>) -> Self {
        let commits = (0..length).map(|number| format!("{:02x}", 0xc0 + number).repeat(20).parse().unwrap()).collect();
        Self { commits, tip }
    }

    pub(super) fn commit(&self, number: usize) -> &CommitId {
        &self.commits[number]
    }

    pub(super) fn short(&self, number: usize) -> &str {
        self.commits[number].abbreviated(7)
    }

    fn place(&self, commit: &CommitId) -> Option<usize> {
        self.commits.iter().position(|known| known.same_commit(commit))
    }
}

impl SourceHistory for Line {
    async fn ancestry(&self, ours: &CommitId, theirs: &CommitId) -> Result<Ancestry, PortError> {
        Ok(match (self.place(ours), self.place(theirs)) {
            (Some(ours), Some(theirs)) if ours == theirs => Ancestry::Same,
            (Some(ours), Some(theirs)) if ours > theirs => Ancestry::Descendant,
            (Some(_), Some(_)) => Ancestry::Ancestor,
            _ => Ancestry::Unknown,
        })
    }

    async fn branch_tip(&self, _: &str) -> Result<Option<CommitId>, PortError> {
        Ok(self.tip.map(|tip| self.commits[tip].clone()))
    }

    async fn commit_date(&self, _: &CommitId) -> Result<Option<DateTime<FixedOffset>>, PortError> {
        Ok(None)
    }

    async fn name_kind(&self, _: &str, _: &CommitId) -> Result<NameKind, PortError> {
        Ok(NameKind::Neither)
    }
}
