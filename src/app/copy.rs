//! An image of one registry put into another, or into another image of the same one: same bytes, with all that it reaches
//! and all that refers to it.

use crate::{
    collect::{
        image::{Image, Part, PublishedSource, read_image},
        referrers::{read_beside, read_referrers},
    },
    execute::{
        publish::{self, Staged, StagedPart},
        referrers::{PutReferrers, ReferrerSet, put_referrers},
    },
    model::{Digest, ImageName, Tag},
    ports::{ImageSource, PortError, PortErrorKind, RegistryWriter},
    report::copies::Failure,
};

/// Referrers that were copied.
#[derive(Debug, Default)]
pub struct Copied {
    /// What was sent.
    pub staged: Staged,
    /// How many manifests refer to the image.
    pub referrers: usize,
    /// What may be wrong, a sentence each.
    pub warnings: Vec<String>,
}

/// Returns an image's parts in the form in which they are staged.
#[must_use]
pub fn staged_parts(parts: &[Part]) -> Vec<StagedPart<'_>> {
    parts.iter().map(|Part { manifest, blobs }| StagedPart { manifest, blobs }).collect()
}

/// Copies what refers to an image, whose manifests are there already. `tags` are the tags of `from`.
///
/// # Errors
/// If what refers to it cannot be read or written.
pub async fn copy_referrers<W: RegistryWriter>(
    writer: &W,
    from: &ImageName,
    tags: &[Tag],
    to: &ImageName,
    image: &Image,
) -> Result<Copied, PortError> {
    let root = &image.root().digest;
    let manifests = image.parts.iter().map(|part| part.manifest.digest.clone());
    let found = read_referrers(writer, from, tags, root, manifests).await?;
    let mut copied = Copied { referrers: found.parts.len(), ..Copied::default() };
    for digest in &found.missing {
        copied.warnings.push(format!("{from} lists {digest} as a referrer of {root}, and does not have it (any more)"));
    }
    let parts = staged_parts(&found.parts);
    let set = ReferrerSet { parts: &parts, cosign: &found.cosign, listed: &found.listed };
    let source = PublishedSource { reader: writer, image: from, digest: root };
    let PutReferrers { staged, differing } = put_referrers(writer, &source, to, &set).await?;
    copied.staged = staged;
    for tag in differing {
        copied.warnings.push(format!(
            "{to}:{tag} was left as it is: it has signatures that {from}:{tag} lacks, and the other way round; sign the image in {to} again to have all of them there"
        ));
    }
    Ok(copied)
}

/// Puts what the source of an image has beside it and what refers to it. The image's manifests are there already.
///
/// # Errors
/// If what refers to it cannot be read or written.
pub async fn put_beside<W: RegistryWriter, S: ImageSource>(
    writer: &W,
    source: &S,
    to: &ImageName,
    image: &Image,
) -> Result<Copied, PortError> {
    let found = read_beside(source, image).await?;
    let parts = staged_parts(&found.parts);
    let set = ReferrerSet { parts: &parts, cosign: &[], listed: &found.listed };
    let PutReferrers { staged, differing: _ } = put_referrers(writer, source, to, &set).await?;
    Ok(Copied { staged, referrers: found.parts.len(), warnings: Vec::new() })
}

/// Copies an image with all that it reaches and all that refers to it. No tag points at it yet.
///
/// # Errors
/// If it cannot be read or written.
pub async fn copy_image<W: RegistryWriter>(
    writer: &W,
    from: &ImageName,
    tags: &[Tag],
    to: &ImageName,
    digest: &Digest,
) -> Result<(Image, Copied), PortError> {
    let source = PublishedSource { reader: writer, image: from, digest };
    let image = read_image(&source).await?;
    let mut staged = publish::stage(writer, &source, to, &staged_parts(&image.parts)).await?;
    let mut copied = copy_referrers(writer, from, tags, to, &image).await?;
    staged.add(copied.staged);
    copied.staged = staged;
    Ok((image, copied))
}

/// Lists the tags of an image whose referrers are wanted. A registry that gives these credentials no list is told of, not
/// an end of the run: the image itself can be had.
///
/// # Errors
/// If the registry cannot be asked.
pub async fn tags_if_shown<W: RegistryWriter>(
    writer: &W,
    image: &ImageName,
) -> Result<Result<Vec<Tag>, String>, PortError> {
    match writer.tags(image).await {
        Ok(tags) => Ok(Ok(tags)),
        Err(error) if matches!(error.kind, PortErrorKind::RateLimited | PortErrorKind::Unavailable) => Err(error),
        Err(error) => Ok(Err(format!(
            "signatures and other referrers of {image} were not copied: its tags cannot be listed ({})",
            error.detail
        ))),
    }
}

/// Describes what kept a copy from being complete.
#[must_use]
pub fn failure(error: &PortError) -> Failure {
    let PortError { operation, detail, hint, .. } = error;
    Failure { message: format!("failed to {operation}: {detail}"), hint: hint.clone() }
}
