//! Puts what refers to an image beside it: manifests by digest, cosign's tags, and the fallback tag where the registry has
//! no referrers API.

use std::collections::BTreeMap;

use crate::{
    model::{Digest, ImageName, ListedReferrer, ManifestReference, RawManifest, Tag},
    policy::referrers::{Merged, Signatures, compare_signatures, merge},
    ports::{ImageSource, PortError, PortErrorKind, RegistryWriter},
};

use super::publish::{self, StagedPart};

/// How often a fallback tag is looked at again after it was written: other writers may take entries away.
const LOOKS: usize = 10;

/// What refers to an image.
#[derive(Clone, Copy, Debug)]
pub struct ReferrerSet<'a> {
    /// The manifests, each after what it refers to.
    pub parts: &'a [StagedPart<'a>],
    /// cosign's tags with their manifests.
    pub cosign: &'a [(Tag, RawManifest)],
    /// What the source's registry lists, by subject.
    pub listed: &'a BTreeMap<Digest, Vec<ListedReferrer>>,
}

/// What became of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PutReferrers {
    /// What was sent.
    pub staged: publish::Staged,
    /// cosign's tags that were left as they are: each registry has signatures that the other has not.
    pub differing: Vec<Tag>,
}

/// Puts it all; what is there already is not sent again.
///
/// # Errors
/// The first request that fails for good, or a fallback tag that other writers go on changing.
pub async fn put_referrers<W: RegistryWriter, S: ImageSource>(
    writer: &W,
    source: &S,
    image: &ImageName,
    set: &ReferrerSet<'_>,
) -> Result<PutReferrers, PortError> {
    let staged = publish::stage(writer, source, image, set.parts).await?;
    let mut differing = Vec::new();
    for (tag, manifest) in set.cosign {
        let there = writer.manifest(image, &ManifestReference::Tag(tag.clone())).await?;
        let verdict = match &there {
            None => Signatures::Replace,
            Some(there) if there.digest == manifest.digest => Signatures::Keep,
            Some(there) => compare_signatures(manifest, there),
        };
        match verdict {
            Signatures::Keep => {}
            Signatures::Replace => publish::point(writer, image, tag, manifest).await?,
            Signatures::Differ => differing.push(tag.clone()),
        }
    }
    for (subject, referrers) in set.listed {
        if writer.referrers(image, subject).await?.is_none() {
            keep_fallback(writer, image, subject, referrers).await?;
        }
    }
    Ok(PutReferrers { staged, differing })
}

/// Reads the fallback tag, adds what is missing, writes it, and reads it back until all is in it.
async fn keep_fallback<W: RegistryWriter>(
    writer: &W,
    image: &ImageName,
    subject: &Digest,
    referrers: &[ListedReferrer],
) -> Result<(), PortError> {
    let tag = Tag::of_referrers(subject, None);
    let operation = || format!("add to the list of referrers {image}:{tag}");
    for _ in 0..LOOKS {
        let there = writer.manifest(image, &ManifestReference::Tag(tag.clone())).await?;
        let merged = merge(there.as_ref(), referrers).map_err(|error| {
            PortError::new(PortErrorKind::Malformed, operation(), error.to_string()).with_source(error)
        })?;
        match merged {
            Merged::Complete => return Ok(()),
            Merged::Write(manifest) => publish::point(writer, image, &tag, &manifest).await?,
        }
    }
    Err(PortError::new(
        PortErrorKind::Unavailable,
        operation(),
        format!("other writers changed it after each of {LOOKS} looks"),
    )
    .with_hint("let the runs that sign share a `concurrency` group"))
}
