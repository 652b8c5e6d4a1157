//! Mode `mirror`: tags of one image in another registry, digest for digest. What is there already is not sent, so that an
//! interrupted run is finished by the same run again.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _};

use super::{
    Finished,
    copy::{copy_image, failure},
};
use crate::{
    error::Error,
    execute::publish,
    inputs::MirrorInputs,
    model::{Digest, ImageName, ManifestReference, Tag, referrer::listed_referrers},
    ports::{PortError, PortErrorKind, RegistryReader, RegistryWriter, Run},
    report::{
        TagOutcome,
        copies::{CopiedTag, Failure},
        mirror::MirrorRun,
    },
};

/// How many tags are compared at once.
const AT_ONCE: usize = 6;

/// What is copied where.
#[derive(Clone, Copy, Debug)]
pub struct Mirroring<'a> {
    /// The image to copy.
    pub from: &'a ImageName,
    /// Where to.
    pub to: &'a ImageName,
    /// Which of its tags, and their names there.
    pub inputs: &'a MirrorInputs,
    /// Whether to say only what would be done.
    pub dry_run: bool,
}

/// A tag to copy.
struct Wanted {
    from: Tag,
    to: Tag,
    digest: Digest,
    there: Option<Digest>,
}

/// Copies the tags that differ, with all that their images reach and all that refers to them. An image that is broken where
/// it comes from is left out, and reported.
///
/// # Errors
/// If the tags cannot be listed, two of them would have one name, none is chosen, or a registry refuses or goes away.
pub async fn mirror<W: RegistryWriter, R: Run>(
    mirroring: &Mirroring<'_>,
    writer: &W,
    run: &R,
) -> Result<Finished, Error> {
    let Mirroring { from, to, inputs: _, dry_run } = *mirroring;
    if from == to {
        return Err(Error::input(format!("a mirror is a copy elsewhere, and {to} is the image itself"))
            .with_hint("say where to with `image`, and what with `source`"));
    }
    let tags = writer.tags(from).await?;
    let names = names(mirroring, &tags)?;
    // What is published for the first time is known to be so once its tags were asked for.
    let there: BTreeSet<Tag> = writer.tags(to).await?.into_iter().collect();
    let compared: Vec<Option<Wanted>> = futures::stream::iter(names)
        .map(|(name, target)| compare(mirroring, writer, &there, name, target))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut report = MirrorRun::new(from, to, dry_run);
    let mut by_digest: BTreeMap<Digest, Vec<Wanted>> = BTreeMap::new();
    for wanted in compared.into_iter().flatten() {
        if wanted.there.as_ref() == Some(&wanted.digest) {
            report.tags.push(line(wanted, TagOutcome::Unchanged));
        } else {
            by_digest.entry(wanted.digest.clone()).or_default().push(wanted);
        }
    }
    let all = by_digest.len();
    let mut copied: BTreeSet<Digest> = BTreeSet::new();
    for (number, (digest, tags_of)) in by_digest.into_iter().enumerate() {
        run.progress(&to.to_string(), number, all);
        if dry_run {
            report.tags.extend(tags_of.into_iter().map(|wanted| line(wanted, TagOutcome::Planned)));
            continue;
        }
        let named: Vec<String> = tags_of.iter().map(|wanted| wanted.from.to_string()).collect();
        tracing::info!("image {} of {all}: {from}:{} ({})", number + 1, named.join(", "), digest.short());
        match copy(mirroring, writer, &tags, &digest, &tags_of, &mut report).await {
            Ok(Some(manifests)) => {
                copied.extend(manifests);
                for wanted in tags_of {
                    let outcome = wanted.there.clone().map_or(TagOutcome::Created, |from| TagOutcome::Moved { from });
                    report.tags.push(line(wanted, outcome));
                }
            }
            // A clean-up's placeholder is no image.
            Ok(None) => {}
            Err(error) if is_about_one_image(&error) => {
                let Failure { message, hint } = failure(&error);
                let message = format!("{from}:{} was left out: {message}", named.join(", "));
                report.failures.push(Failure { message, hint });
            }
            Err(error) => {
                return Err(Error::from(error).with_hint(format!(
                    "{} of {all} images were copied; run this again, and it goes on there",
                    number - report.failures.len().min(number)
                )));
            }
        }
    }
    if !dry_run {
        later_referrers(mirroring, writer, &tags, &copied, &mut report).await?;
    }
    report.tags.sort_by(|a, b| a.to.cmp(&b.to));
    Ok(finished(&report))
}

fn line(wanted: Wanted, outcome: TagOutcome) -> CopiedTag {
    let Wanted { from, to, digest, there: _ } = wanted;
    CopiedTag { from, to, digest, outcome }
}

/// Tells whether other images may be copied all the same.
fn is_about_one_image(error: &PortError) -> bool {
    match error.kind {
        PortErrorKind::NotFound | PortErrorKind::Malformed | PortErrorKind::Unsupported => true,
        PortErrorKind::Denied | PortErrorKind::RateLimited | PortErrorKind::Unavailable => false,
    }
}

/// Chooses the tags and names their copies.
fn names(mirroring: &Mirroring<'_>, tags: &[Tag]) -> Result<Vec<(Tag, Tag)>, Error> {
    let Mirroring { from, to, inputs, .. } = mirroring;
    let mut names: Vec<(Tag, Tag)> = Vec::new();
    let mut error = Error::input(format!("the copies in {to} cannot be named"));
    let mut taken: BTreeMap<Tag, Tag> = BTreeMap::new();
    for tag in tags.iter().filter(|tag| !tag.is_referrers_tag() && inputs.wants(tag)) {
        match inputs.name(tag) {
            Ok(name) => {
                if let Some(other) = taken.insert(name.clone(), tag.clone()) {
                    error = error.with_detail(format!("`{other}` and `{tag}` would both be `{name}`"));
                }
                names.push((tag.clone(), name));
            }
            Err(problem) => error = error.with_detail(format!("`{tag}` gets no name: {problem}")),
        }
    }
    if !error.details.is_empty() {
        return Err(error.with_hint("let `rename` give each tag a name of its own, or leave one out with `only`"));
    }
    if names.is_empty() {
        let hint = if inputs.only.is_empty() {
            "is this the right image? Nothing is published there, or it is hidden from these credentials"
        } else {
            "patterns of `only` are those of GitHub's filters: `*` matches any part of a tag"
        };
        return Err(Error::failed(format!("find a tag of {from} to copy; it has {}", tags.len())).with_hint(hint));
    }
    Ok(names)
}

/// Compares a tag with its copy. Nothing if it went away since it was listed.
async fn compare<R: RegistryReader>(
    mirroring: &Mirroring<'_>,
    reader: &R,
    there: &BTreeSet<Tag>,
    from: Tag,
    to: Tag,
) -> Result<Option<Wanted>, PortError> {
    let digest = reader.manifest_digest(mirroring.from, &ManifestReference::Tag(from.clone())).await?;
    let Some(digest) = digest else { return Ok(None) };
    let copy = if there.contains(&to) {
        reader.manifest_digest(mirroring.to, &ManifestReference::Tag(to.clone())).await?
    } else {
        None
    };
    Ok(Some(Wanted { from, to, digest, there: copy }))
}

/// Copies an image and points its tags at it. Returns its manifests; nothing if it is a clean-up's placeholder.
async fn copy<W: RegistryWriter>(
    mirroring: &Mirroring<'_>,
    writer: &W,
    tags: &[Tag],
    digest: &Digest,
    wanted: &[Wanted],
    report: &mut MirrorRun,
) -> Result<Option<Vec<Digest>>, PortError> {
    let Mirroring { from, to, .. } = mirroring;
    let root = writer.manifest(from, &ManifestReference::Digest(digest.clone())).await?;
    if root.and_then(|raw| raw.parse().ok()).is_some_and(|manifest| manifest.is_placeholder()) {
        return Ok(None);
    }
    let (image, copied) = copy_image(writer, from, tags, to, digest).await?;
    report.add(copied.staged, copied.referrers, copied.warnings);
    for Wanted { to: tag, .. } in wanted {
        publish::point(writer, to, tag, image.root()).await?;
        let now = publish::read_back(writer, to, tag).await?;
        if now.as_ref() != Some(digest) {
            return Err(PortError::new(
                PortErrorKind::Malformed,
                format!("put {to}:{tag}"),
                format!("it points at {now:?} instead of {digest}"),
            )
            .with_hint("does somebody else write the same tag? Run this again"));
        }
    }
    Ok(Some(image.parts.iter().map(|part| part.manifest.digest.clone()).collect()))
}

/// Takes along what came to refer to images that had been copied before.
async fn later_referrers<W: RegistryWriter>(
    mirroring: &Mirroring<'_>,
    writer: &W,
    tags: &[Tag],
    copied: &BTreeSet<Digest>,
    report: &mut MirrorRun,
) -> Result<(), Error> {
    let Mirroring { from, to, .. } = *mirroring;
    let referrers: Vec<(&Tag, Digest)> = tags
        .iter()
        .filter_map(|tag| Some((tag, tag.subject()?)))
        .filter(|(_, subject)| !copied.contains(subject))
        .collect();
    let differing: Vec<Option<Digest>> = futures::stream::iter(referrers)
        .map(|(tag, subject)| async move {
            let by_digest = ManifestReference::Digest(subject.clone());
            if writer.manifest_digest(to, &by_digest).await?.is_none() {
                return Ok::<_, PortError>(None);
            }
            let by_tag = ManifestReference::Tag(tag.clone());
            let (ours, theirs) =
                (writer.manifest_digest(from, &by_tag).await?, writer.manifest_digest(to, &by_tag).await?);
            Ok((ours.is_some() && ours != theirs).then_some(subject))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let unchanged = report.tags.iter().filter(|tag| tag.outcome == TagOutcome::Unchanged);
    let unchanged: BTreeSet<Digest> = unchanged.map(|tag| tag.digest.clone()).collect();
    let mut behind = behind(mirroring, writer, unchanged).await?;
    behind.extend(differing.into_iter().flatten());
    for subject in behind {
        match copy_image(writer, from, tags, to, &subject).await {
            Ok((_, copied)) => report.add(copied.staged, copied.referrers, copied.warnings),
            Err(error) if is_about_one_image(&error) => report.failures.push(failure(&error)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Chooses the images that the referrers API lists something of which is not known of their copies. Of what refers to
/// their children only tags tell: to ask for each child, its index would have to be read.
async fn behind<W: RegistryWriter>(
    mirroring: &Mirroring<'_>,
    writer: &W,
    unchanged: BTreeSet<Digest>,
) -> Result<BTreeSet<Digest>, PortError> {
    let Mirroring { from, to, .. } = *mirroring;
    let compared: Vec<Option<Digest>> = futures::stream::iter(unchanged)
        .map(|subject| async move {
            let ours = writer.referrers(from, &subject).await?.unwrap_or_default();
            if ours.is_empty() {
                return Ok::<_, PortError>(None);
            }
            let theirs = match writer.referrers(to, &subject).await? {
                Some(theirs) => theirs,
                None => {
                    let fallback = ManifestReference::Tag(Tag::of_referrers(&subject, None));
                    let list = writer.manifest(to, &fallback).await?;
                    list.and_then(|raw| listed_referrers(&raw).ok()).unwrap_or_default()
                }
            };
            let known: BTreeSet<Digest> = theirs.into_iter().map(|referrer| referrer.digest).collect();
            Ok(ours.iter().any(|referrer| !known.contains(&referrer.digest)).then_some(subject))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(compared.into_iter().flatten().collect())
}

fn finished(report: &MirrorRun) -> Finished {
    let error = (!report.failures.is_empty()).then(|| {
        let mut error = Error::failed(format!("copy every image of {}", report.from));
        for Failure { message, hint } in &report.failures {
            error = error.with_detail(message);
            if let Some(hint) = hint.as_ref().filter(|hint| !error.hints.contains(hint)) {
                error = error.with_hint(hint);
            }
        }
        error
    });
    Finished {
        text: report.text(),
        json: report.json(),
        outputs: report.outputs(),
        is_drop_in: false,
        error,
        summary: report.summary(),
        warnings: report.warnings.clone(),
        notices: Vec::new(),
    }
}
