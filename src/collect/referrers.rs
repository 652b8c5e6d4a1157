//! What refers to an image: by the referrers API, by the fallback tag, by cosign's tags; what refers to that, and to the
//! image's children.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _};

use crate::{
    model::{
        Digest, ImageName, ListedReferrer, ManifestReference, RawManifest, Tag,
        referrer::{COSIGN_SUFFIXES, listed_referrers},
    },
    ports::{ImageSource, PortError, PortErrorKind, RegistryReader},
};

use super::image::{Image, Part, PublishedSource, read_from, read_image};

/// How many requests are under way at once.
const AT_ONCE: usize = 6;

/// The most manifests that may refer to one image, in any number of steps.
const MAX_REFERRERS: usize = 5_000;

/// What refers to an image.
#[derive(Clone, Debug, Default)]
pub struct Referrers {
    /// The manifests, each after what it refers to and after its own children.
    pub parts: Vec<Part>,
    /// The tags of cosign, each with its manifest, which is among the parts.
    pub cosign: Vec<(Tag, RawManifest)>,
    /// What the registry lists, by subject.
    pub listed: BTreeMap<Digest, Vec<ListedReferrer>>,
    /// What it lists and does not have.
    pub missing: BTreeSet<Digest>,
}

/// Reads what refers to any of these manifests. `tags` are all of the image's. What was written a moment ago may be missing
/// there, so the tags of the `root` are asked for as well.
///
/// # Errors
/// If the registry cannot be asked, or something that refers cannot be read.
pub async fn read_referrers<R: RegistryReader>(
    reader: &R,
    image: &ImageName,
    tags: &[Tag],
    root: &Digest,
    manifests: impl IntoIterator<Item = Digest>,
) -> Result<Referrers, PortError> {
    let tags: BTreeSet<&Tag> = tags.iter().filter(|tag| tag.is_referrers_tag()).collect();
    let mut found = Referrers::default();
    let mut waiting: Vec<Digest> = manifests.into_iter().collect();
    let mut known: BTreeSet<Digest> = waiting.iter().cloned().collect();
    while !waiting.is_empty() {
        let (tags, level) = (&tags, std::mem::take(&mut waiting));
        let answers: Vec<OfSubject> = futures::stream::iter(level)
            .map(|subject| async move {
                let is_wanted = |tag: &Tag| subject == *root || tags.contains(tag);
                of_subject(reader, image, &subject, is_wanted).await
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        for OfSubject { subject, mut listed, cosign } in answers {
            let named = listed.iter().map(|referrer| referrer.digest.clone());
            let named: Vec<Digest> = named.chain(cosign.iter().map(|(_, raw)| raw.digest.clone())).collect();
            for digest in named {
                if known.contains(&digest) {
                    continue;
                }
                let source = PublishedSource { reader, image, digest: &digest };
                let parts = match read_image(&source).await {
                    Ok(read) => read.parts,
                    // Deleted since it was listed; nobody can copy it.
                    Err(error) if error.kind == PortErrorKind::NotFound => {
                        found.missing.insert(digest);
                        continue;
                    }
                    Err(error) => return Err(error),
                };
                for part in parts {
                    if known.insert(part.manifest.digest.clone()) {
                        waiting.push(part.manifest.digest.clone());
                        found.parts.push(part);
                    }
                }
                if found.parts.len() > MAX_REFERRERS {
                    return Err(PortError::new(
                        PortErrorKind::Malformed,
                        format!("list what refers to {image}@{root}"),
                        format!("more than {MAX_REFERRERS} manifests do"),
                    ));
                }
            }
            listed.retain(|referrer| !found.missing.contains(&referrer.digest));
            if !listed.is_empty() {
                found.listed.insert(subject, listed);
            }
            found.cosign.extend(cosign.into_iter().filter(|(_, raw)| !found.missing.contains(&raw.digest)));
        }
    }
    Ok(found)
}

/// Reads what the source has beside an image and what refers to it, or to something that does.
///
/// # Errors
/// If one of them cannot be read.
pub async fn read_beside<S: ImageSource>(source: &S, image: &Image) -> Result<Referrers, PortError> {
    let mut waiting: Vec<(RawManifest, Digest)> = Vec::new();
    for descriptor in source.beside() {
        let raw = source.manifest(descriptor).await?;
        if let Some(subject) = raw.parse().ok().and_then(|manifest| manifest.subject) {
            waiting.push((raw, subject.digest));
        }
    }
    let mut found = Referrers::default();
    let mut known: BTreeSet<Digest> = image.parts.iter().map(|part| part.manifest.digest.clone()).collect();
    loop {
        let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|(_, subject)| known.contains(subject));
        if now.is_empty() {
            return Ok(found);
        }
        waiting = later;
        for (raw, subject) in now {
            let entry = ListedReferrer::of(&raw).map_err(|error| {
                PortError::new(PortErrorKind::Malformed, format!("read the manifest {}", raw.digest), error.to_string())
            })?;
            found.listed.entry(subject).or_default().push(entry);
            let parts = read_from(source, raw).await?.parts;
            found.parts.extend(parts.into_iter().filter(|part| known.insert(part.manifest.digest.clone())));
        }
    }
}

/// What refers to one manifest.
struct OfSubject {
    subject: Digest,
    listed: Vec<ListedReferrer>,
    cosign: Vec<(Tag, RawManifest)>,
}

async fn of_subject<R: RegistryReader>(
    reader: &R,
    image: &ImageName,
    subject: &Digest,
    is_wanted: impl Fn(&Tag) -> bool,
) -> Result<OfSubject, PortError> {
    let mut listed = reader.referrers(image, subject).await?.unwrap_or_default();
    let fallback = Tag::of_referrers(subject, None);
    if is_wanted(&fallback)
        && let Some(raw) = real(reader, image, &fallback).await?
    {
        let also = listed_referrers(&raw).map_err(|error| {
            PortError::new(PortErrorKind::Malformed, format!("read {image}:{fallback}"), "it is no list of referrers")
                .with_source(error)
        })?;
        let known: BTreeSet<Digest> = listed.iter().map(|referrer| referrer.digest.clone()).collect();
        listed.extend(also.into_iter().filter(|referrer| !known.contains(&referrer.digest)));
    }
    let mut cosign = Vec::new();
    for suffix in COSIGN_SUFFIXES {
        let tag = Tag::of_referrers(subject, Some(suffix));
        if is_wanted(&tag)
            && let Some(raw) = real(reader, image, &tag).await?
        {
            cosign.push((tag, raw));
        }
    }
    Ok(OfSubject { subject: subject.clone(), listed, cosign })
}

/// Reads what is under a tag; a clean-up's placeholder counts as nothing.
async fn real<R: RegistryReader>(reader: &R, image: &ImageName, tag: &Tag) -> Result<Option<RawManifest>, PortError> {
    let read = reader.manifest(image, &ManifestReference::Tag(tag.clone())).await?;
    Ok(read.filter(|raw| !raw.parse().is_ok_and(|manifest| manifest.is_placeholder())))
}
