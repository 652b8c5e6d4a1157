//! Mode `init`: a policy for a repository that has none, from what the repository shows and what its packages hold.

use chrono::{DateTime, Utc};

use super::{Finished, read_policy};
use crate::{
    error::Error,
    model::{ImageName, Tag},
    policy::{
        advice::advise,
        proposal::{self, Nothing, Proposal, unexplained},
    },
    ports::{PackagesReader, PortErrorKind},
    report::{advice, proposal as report},
};

pub use crate::policy::proposal::Project;
pub use crate::report::proposal::Holding;

/// A policy to be written.
#[derive(Debug)]
pub struct Initial {
    proposal: Proposal,
    holdings: Vec<Holding>,
    now: DateTime<Utc>,
    /// The text of its file.
    pub file: String,
}

/// Proposes a policy.
///
/// # Errors
/// If nothing says how the image is called, or no row can be proposed.
pub fn propose(project: &Project) -> Result<Proposal, Error> {
    proposal::propose(project).map_err(|nothing| match nothing {
        Nothing::Image => Error::input("nothing says how the image is called: there is no remote of git to tell")
            .with_hint(format!("name it: `ghcr-lifecycle init --image {}/OWNER/NAME`", project.ghcr_host)),
        Nothing::Rows => Error::failed("propose a policy: no row of the workflows can be taken over")
            .with_hint("write one: the README shows how"),
    })
}

/// Asks what the packages of a proposal hold now. A package that cannot be read is no obstacle: that is told.
pub async fn holdings<P: PackagesReader>(proposal: &Proposal, ghcr_host: &str, packages: &P) -> Vec<Holding> {
    let mut holdings = Vec::new();
    for image in proposal.policy.images.iter().filter(|image| image.registry() == ghcr_host) {
        holdings.push(holding(proposal, image, packages).await);
    }
    holdings
}

async fn holding<P: PackagesReader>(proposal: &Proposal, image: &ImageName, packages: &P) -> Holding {
    let found = match packages.active_versions(image).await {
        Ok(versions) => {
            let tags: Vec<&Tag> = versions.iter().flat_map(|version| &version.tags).collect();
            let unexplained = unexplained(&proposal.policy, tags.iter().copied());
            report::Found::Tags { count: tags.len(), unexplained }
        }
        Err(error) if error.kind == PortErrorKind::NotFound => report::Found::Nothing,
        Err(error) => report::Found::Unknown { problem: error.to_string() },
    };
    Holding { image: image.clone(), found }
}

impl Initial {
    /// Writes the policy down, and reads it back as any policy is read. Examples in it are as of `now`.
    ///
    /// # Errors
    /// If it cannot be read back.
    pub fn of(proposal: Proposal, holdings: Vec<Holding>, now: DateTime<Utc>) -> Result<Self, Error> {
        let file = report::file(&proposal, &holdings, now);
        read_policy("the proposed policy", file.as_bytes())?;
        Ok(Self { proposal, holdings, now, file })
    }

    /// Tells about it: about the file at `path`, if it is written, else the policy itself.
    #[must_use]
    pub fn finished(&self, path: &str, is_written: bool) -> Finished {
        let Self { proposal, holdings, now, file } = self;
        Finished {
            text: if is_written { report::text(proposal, holdings, path, *now) } else { file.clone() },
            json: report::document(proposal, holdings, path, is_written, file),
            outputs: Vec::new(),
            is_drop_in: false,
            error: None,
            summary: String::new(),
            // In the file that is shown they are comments already.
            warnings: if is_written { self.warnings() } else { Vec::new() },
            notices: if is_written { report::sentences(proposal, holdings) } else { Vec::new() },
        }
    }

    /// Returns what the policy may not mean, a sentence each.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        advice::warnings(&advise(&self.proposal.policy))
    }
}
