//! Publishing in the safe order: blobs, children, the image's own manifest, then tags, then pointers. A crash at any point
//! leaves no tag on an incomplete image.

use std::{cmp::Reverse, collections::BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _};
use tokio::sync::Semaphore;

use crate::{
    model::{Descriptor, Digest, ImageName, ManifestKind, ManifestReference, RawManifest, Tag},
    ports::{BlobOutcome, ImageSource, PortError, PortErrorKind, RegistryWriter},
};

/// How many requests are on their way at once. Small blobs cost little but the time until an answer comes.
const REQUESTS_AT_ONCE: usize = 16;

/// From how many bytes on a blob is large: sending it takes longer than asking for it.
const LARGE: u64 = 8 * 1024 * 1024;

/// How many turns there are, and how many of them a large blob takes: 6 of them share a line well and fit into memory.
const TURNS: usize = 24;
const TURNS_OF_LARGE: u32 = 4;

/// How often what a check found missing is put again before the run gives up.
const REPAIRS: usize = 3;

/// A manifest to put, with the blobs that it needs.
#[derive(Clone, Copy, Debug)]
pub struct StagedPart<'a> {
    /// The manifest.
    pub manifest: &'a RawManifest,
    /// The blobs.
    pub blobs: &'a [Descriptor],
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
    let by_digest = |part: &StagedPart<'_>| ManifestReference::Digest(part.manifest.digest.clone());
    let found: Vec<Option<Digest>> = futures::stream::iter(parts)
        .map(|part| async move { writer.manifest_digest(image, &by_digest(part)).await })
        .buffered(REQUESTS_AT_ONCE)
        .try_collect()
        .await?;
    let (present, missing): (Vec<_>, Vec<_>) = parts.iter().zip(&found).partition(|(_, found)| found.is_some());
    // A registry takes a manifest only with its blobs.
    let mut there: BTreeSet<&Digest> =
        present.iter().flat_map(|(part, _)| part.blobs).map(|blob| &blob.digest).collect();
    let wanted = missing.iter().flat_map(|(part, _)| part.blobs).filter(|blob| there.insert(&blob.digest)).collect();
    let mut staged = send_blobs(writer, source, image, wanted).await?;
    // An index only after what it lists; the others in any order.
    let (indexes, images): (Vec<_>, Vec<_>) =
        missing.into_iter().map(|(part, _)| part).partition(|part| lists_manifests(part.manifest));
    let put = |part| put_manifest(writer, source, image, part);
    let sent: Vec<Staged> =
        futures::stream::iter(images).map(put).buffer_unordered(REQUESTS_AT_ONCE).try_collect().await?;
    sent.into_iter().for_each(|one| staged.add(one));
    for part in indexes {
        staged.add(put(part).await?);
    }
    Ok(staged)
}

/// Tells whether others have to be there first; of what cannot be read, that is believed.
fn lists_manifests(manifest: &RawManifest) -> bool {
    manifest.parse().map_or(true, |manifest| matches!(manifest.kind, ManifestKind::Index { .. }))
}

/// Puts a manifest under its digest.
async fn put_manifest<W: RegistryWriter, S: ImageSource>(
    writer: &W,
    source: &S,
    image: &ImageName,
    part: &StagedPart<'_>,
) -> Result<Staged, PortError> {
    let by_digest = ManifestReference::Digest(part.manifest.digest.clone());
    let mut staged = Staged::default();
    match writer.put_manifest(image, &by_digest, part.manifest).await {
        // A blob that was there a moment ago (or was taken for there) is gone: send them all once more.
        Err(error) if error.kind == PortErrorKind::NotFound => {
            staged = send_blobs(writer, source, image, part.blobs.iter().collect()).await?;
            writer.put_manifest(image, &by_digest, part.manifest).await?;
        }
        other => other?,
    }
    staged.manifests_sent += 1;
    Ok(staged)
}

/// Makes blobs present, the largest first: what is sent last should not be sent alone.
async fn send_blobs<W: RegistryWriter, S: ImageSource>(
    writer: &W,
    source: &S,
    image: &ImageName,
    mut blobs: Vec<&Descriptor>,
) -> Result<Staged, PortError> {
    blobs.sort_by_key(|blob| (Reverse(blob.size), &blob.digest));
    writer.expect_bytes(blobs.iter().map(|blob| blob.size).sum());
    let turns = &Semaphore::new(TURNS);
    futures::stream::iter(blobs)
        .map(|blob| async move {
            let _turn = turns.acquire_many(if blob.size < LARGE { 1 } else { TURNS_OF_LARGE }).await;
            let outcome = writer.put_blob(image, blob, source).await?;
            Ok::<_, PortError>(match outcome {
                BlobOutcome::Present => Staged::default(),
                BlobOutcome::Mounted => Staged { blobs_mounted: 1, ..Staged::default() },
                BlobOutcome::Uploaded => Staged { blobs_sent: 1, bytes_sent: blob.size, ..Staged::default() },
            })
        })
        .buffer_unordered(REQUESTS_AT_ONCE)
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
            .buffered(REQUESTS_AT_ONCE)
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
