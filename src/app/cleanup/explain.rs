//! What `explain` means: a digest may be cut short, as listings show it.

use std::collections::BTreeSet;

use crate::{
    error::Error,
    model::{Digest, ManifestReference},
    policy::cleanup::CleanupPlan,
};

/// The fewest digits that a digest is told by.
const FEWEST: usize = 6;

/// Finds the digest that begins with what was asked for, where no tag is called so.
///
/// # Errors
/// If several do.
pub(super) fn whole(plans: &[&CleanupPlan], what: &ManifestReference) -> Result<ManifestReference, Error> {
    let ManifestReference::Tag(tag) = what else { return Ok(what.clone()) };
    let digits = tag.as_str();
    let versions = || plans.iter().flat_map(|plan| &plan.versions);
    let is_tag = versions().any(|version| version.tags.iter().any(|decision| decision.tag == *tag));
    if is_tag || digits.len() < FEWEST || !digits.bytes().all(|c| c.is_ascii_hexdigit()) {
        return Ok(what.clone());
    }
    let fits = |digest: &&Digest| digest.to_string().strip_prefix("sha256:").is_some_and(|hex| hex.starts_with(digits));
    let found: BTreeSet<&Digest> = versions().map(|version| &version.digest).filter(fits).collect();
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(ManifestReference::Digest(only.clone())),
        (None, _) => Ok(what.clone()),
        (Some(one), Some(other)) => Err(Error::input(format!("`{digits}` is the beginning of several digests"))
            .with_hint(format!("write more of it: `{one}` or `{other}`, for example"))),
    }
}
