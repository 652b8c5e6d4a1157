//! What a valid policy may not mean: rows that lengthen each other's lives, rows that nothing ever fits, pointers that
//! pile up, lives of untagged versions that lose or hoard. Found on example tags, which are always the same; nothing is
//! asked of anybody.

mod life;
mod never;
mod pairs;
mod pointers;
mod remedy;
mod samples;
mod written;

use std::time::Duration;

pub use self::{
    life::{Part, own as life_of},
    never::Never,
    pairs::Overlap,
    remedy::Remedy,
    written::{duration_text, row_text},
};
use super::rules::{Policy, Row};
use crate::model::ImageName;

/// Something about a policy that its author should know.
#[derive(Clone, Debug)]
pub enum Finding {
    /// A row lengthens the life of another row's tags.
    Overlap(Box<Overlap>),
    /// Nothing ever fits a part of a row.
    Never {
        /// The row.
        row: Row,
        /// The part, as written.
        part: String,
        /// Why.
        why: Never,
    },
    /// A row's `match` does not fit the tags that the row creates.
    MissesOwn {
        /// The row.
        row: Row,
        /// Its `match`.
        matcher: String,
        /// A tag that the row creates.
        tag: String,
    },
    /// A rolling template gives a new name each time.
    PilesUp {
        /// The row.
        row: Row,
        /// The template.
        template: String,
        /// The value that is new each time, as it is written between braces.
        value: String,
    },
    /// Tags expire, and versions that no tag reaches are kept for good.
    UntaggedForever {
        /// The first row whose tags expire.
        row: Row,
    },
    /// Versions that no tag reaches live so briefly that the children of a push in flight may be deleted.
    UntaggedBrief {
        /// How long they live.
        keep: Duration,
    },
    /// Several images have one mirror, so only images of the same content can be pushed.
    SharedMirror {
        /// The mirror.
        image: ImageName,
        /// Its line in the policy file, from 1.
        line: usize,
        /// How many images there are.
        images: usize,
    },
}

/// All that was found.
#[derive(Clone, Debug, Default)]
pub struct Advice {
    /// The findings, by kind and then in the order of the rows.
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub omitted: usize,
    /// How many rows at the end of a long policy were not held against the others.
    pub unpaired: usize,
}

/// The most findings that are listed: nobody acts on more at once.
const MOST_LISTED: usize = 20;

/// A push uploads its children before anything tags them, and takes less than a day.
const PUSH: Duration = Duration::from_secs(24 * 60 * 60);

/// Looks for everything that a policy may not mean.
#[must_use]
pub fn advise(policy: &Policy) -> Advice {
    let mut findings: Vec<Finding> = policy.rules.iter().flat_map(never::never).collect();
    findings.extend(policy.rules.iter().filter_map(|rule| never::misses_own(rule, policy)));
    findings.extend(policy.rules.iter().flat_map(pointers::piling_up));
    findings.extend(untagged(policy));
    findings.extend(shared_mirrors(policy));
    let (rows, unpaired) = pairs::tried(policy);
    let overlaps = pairs::overlaps(&rows, policy);
    findings.extend(overlaps.into_iter().map(|overlap| Finding::Overlap(Box::new(overlap))));
    let omitted = findings.len().saturating_sub(MOST_LISTED);
    findings.truncate(MOST_LISTED);
    for finding in &mut findings {
        if let Finding::Overlap(overlap) = finding {
            overlap.remedy = remedy::remedy(policy, &rows, overlap);
        }
    }
    Advice { findings, omitted, unpaired }
}

fn shared_mirrors(policy: &Policy) -> impl Iterator<Item = Finding> + '_ {
    let images = policy.images.len();
    let shared = policy.mirrors.iter().filter(move |_| images > 1);
    shared.map(move |mirror| Finding::SharedMirror { image: mirror.image.clone(), line: mirror.line, images })
}

/// The inputs of docker/metadata-action have no place for `untagged`.
fn untagged(policy: &Policy) -> Option<Finding> {
    match policy.untagged {
        _ if policy.drop_in.is_some() => None,
        Some(keep) if keep < PUSH => Some(Finding::UntaggedBrief { keep }),
        Some(_) => None,
        None => {
            let row = policy.rules.iter().find(|rule| !rule.keep.forever)?.row.clone();
            Some(Finding::UntaggedForever { row })
        }
    }
}
