//! Publishing in the safe order: blobs, children, the image's own manifest, then tags, then pointers. A crash at any point
//! leaves no tag on an incomplete image.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _};

use crate::{
    model::{Digest, ImageName, ManifestReference, RawManifest, Tag},
    ports::{BlobOutcome, ImageSource, PortError, PortErrorKind, RegistryWriter},
};

/// How many blobs are sent at once.
const BLOBS_AT_ONCE: usize = 4;

/// How often what a check found missing is put again before the run gives up.
const REPAIRS: usize = 3;

/// A manifest to put, with the blobs that it needs.
#[derive(Clone, Copy, Debug)]
pub struct StagedPart<'a> {
    /// The manifest.
    pub manifest: &'a RawManifest,
    /// The blobs.
    pub blobs: &'a [crate::model::Descriptor],
}

/// How many blobs and manifests were there, mounted or sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Staged {
    /// Manifests sent.
    pub manifests_sent: usize,
    /// Blobs that the registry took from another of its repositories.
    pub blobs_mounted: usize,
    /// Blobs sent.
    pub blobs_sent: usize,
    /// Bytes of the blobs sent.
    pub bytes_sent: u64,
}

impl Staged {
    /// Adds what else was done.
    pub fn add(&mut self, other: Self) {
        let Self { manifests_sent, blobs_mounted, blobs_sent, bytes_sent } = other;
        self.manifests_sent += manifests_sent;
        self.blobs_mounted += blobs_mounted;
        self.blobs_sent += blobs_sent;
        self.bytes_sent += bytes_sent;
    }
}

/// Makes every part present under its digest, children first; nothing of this is visible by a tag yet.
///
/// # Errors
/// The first request that fails for good.
pub async fn stage<W: RegistryWriter, S: ImageSource>(
    writer: &W,
    source: &S,
    image: &ImageName,
    parts: &[StagedPart<'_>],
) -> Result<Staged, PortError> {
    let mut staged = Staged::default();
    let mut there: BTreeSet<&Digest> = BTreeSet::new();
    for part in parts {
        let by_digest = ManifestReference::Digest(part.manifest.digest.clone());
        if writer.manifest_digest(image, &by_digest).await?.is_some() {
            // A registry takes a manifest only with its blobs.
            there.extend(part.blobs.iter().map(|blob| &blob.digest));
            continue;
        }
        let missing: Vec<_> = part.blobs.iter().filter(|blob| there.insert(&blob.digest)).collect();
        staged.add(send_blobs(writer, source, image, &missing).await?);
        match writer.put_manifest(image, &by_digest, part.manifest).await {
            // A blob that was there a moment ago (or was taken for there) is gone: send them all once more.
            Err(error) if error.kind == PortErrorKind::NotFound => {
                let all: Vec<_> = part.blobs.iter().collect();
                staged.add(send_blobs(writer, source, image, &all).await?);
                writer.put_manifest(image, &by_digest, part.manifest).await?;
            }
            other => other?,
        }
        staged.manifests_sent += 1;
    }
    Ok(staged)
}

async fn send_blobs<W: RegistryWriter, S: ImageSource>(
    writer: &W,
    source: &S,
    image: &ImageName,
    blobs: &[&crate::model::Descriptor],
) -> Result<Staged, PortError> {
    futures::stream::iter(blobs)
        .map(|blob| async move {
            let outcome = writer.put_blob(image, blob, source).await?;
            Ok::<_, PortError>(match outcome {
                BlobOutcome::Present => Staged::default(),
                BlobOutcome::Mounted => Staged { blobs_mounted: 1, ..Staged::default() },
                BlobOutcome::Uploaded => Staged { blobs_sent: 1, bytes_sent: blob.size, ..Staged::default() },
            })
        })
        .buffer_unordered(BLOBS_AT_ONCE)
        .try_fold(Staged::default(), |mut sum, one| async move {
            sum.add(one);
            Ok(sum)
        })
        .await
}

/// Points a tag at a manifest that is staged.
///
/// # Errors
/// If the registry does not take it.
pub async fn point<W: RegistryWriter>(
    writer: &W,
    image: &ImageName,
    tag: &Tag,
    manifest: &RawManifest,
) -> Result<(), PortError> {
    writer.put_manifest(image, &ManifestReference::Tag(tag.clone()), manifest).await
}

/// Checks that every part is there, and puts again what is not (a clean-up may have taken it since it was staged).
/// Returns the digests that had to be put again.
///
/// # Errors
/// If a part cannot be put, or goes away again each time.
pub async fn verify_parts<W: RegistryWriter, S: ImageSource>(
    writer: &W,
    source: &S,
    image: &ImageName,
    parts: &[StagedPart<'_>],
) -> Result<Vec<Digest>, PortError> {
    let mut repaired = Vec::new();
    for _ in 0..=REPAIRS {
        let missing: Vec<StagedPart<'_>> = futures::stream::iter(parts)
            .map(|part| async move {
                let by_digest = ManifestReference::Digest(part.manifest.digest.clone());
                let found = writer.manifest_digest(image, &by_digest).await?;
                Ok::<_, PortError>(found.is_none().then_some(*part))
            })
            .buffered(BLOBS_AT_ONCE)
            .try_filter_map(|part| async move { Ok(part) })
            .try_collect()
            .await?;
        if missing.is_empty() {
            return Ok(repaired);
        }
        repaired.extend(missing.iter().map(|part| part.manifest.digest.clone()));
        stage(writer, source, image, &missing).await?;
    }
    Err(PortError::new(
        PortErrorKind::Unavailable,
        format!("keep the image complete in {image}"),
        format!(
            "{} went away again after it was put {REPAIRS} times",
            repaired.last().map(ToString::to_string).unwrap_or_default()
        ),
    )
    .with_hint("is a clean-up of another tool running at the same time? Let the two share a `concurrency` group"))
}

/// Reads which digest a tag points at.
///
/// # Errors
/// If the registry cannot be asked.
pub async fn read_back<W: RegistryWriter>(
    writer: &W,
    image: &ImageName,
    tag: &Tag,
) -> Result<Option<Digest>, PortError> {
    writer.manifest_digest(image, &ManifestReference::Tag(tag.clone())).await
}
