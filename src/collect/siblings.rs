//! What an index is joined from: the tags that differ only in their architecture, with what their images run on.

use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Map, Value, json};

use crate::{
    model::{Descriptor, Digest, ImageName, Manifest, ManifestKind, ManifestReference, Tag},
    policy::join::{self, LeftOut, Sibling, Suffix},
    ports::{PortError, RegistryReader},
};

/// How many requests are under way at once.
const AT_ONCE: usize = 6;

/// The largest image configuration that is read for its platform, in bytes.
const MAX_CONFIG: u64 = 4 * 1024 * 1024;

/// The siblings of a tag.
#[derive(Clone, Debug, Default)]
pub struct Siblings {
    /// Those whose images are there.
    pub siblings: Vec<Sibling>,
    /// Those that are there and cannot be in an index.
    pub left_out: Vec<(Tag, LeftOut)>,
    /// What the index's tag points at.
    pub current: Option<Digest>,
}

/// Reads the siblings of `own`. The list of tags may lag behind a write of a moment ago, so what the published index has
/// images for is asked for as well.
///
/// # Errors
/// If the registry cannot be asked, or a manifest that is there cannot be read.
pub async fn read_siblings<R: RegistryReader>(
    reader: &R,
    image: &ImageName,
    own: &[Tag],
    index: &Tag,
) -> Result<Siblings, PortError> {
    let tags = reader.tags(image).await?;
    let mut found = Siblings::default();
    let mut candidates = join::siblings(own, &tags);
    if let Some(raw) = reader.manifest(image, &ManifestReference::Tag(index.clone())).await?
        && let Ok(manifest) = raw.parse()
        && !manifest.is_placeholder()
    {
        let listed = spelled(own, &manifest);
        candidates.extend(listed.into_iter().filter(|(tag, _)| tag != index));
        candidates.sort();
        candidates.dedup();
        found.current = Some(raw.digest);
    }
    candidates.retain(|(tag, _)| tag != index);
    let read: Vec<Option<Result<Sibling, (Tag, LeftOut)>>> = futures::stream::iter(candidates)
        .map(|(tag, suffix)| read_sibling(reader, image, tag, suffix))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    for one in read.into_iter().flatten() {
        match one {
            Ok(sibling) => found.siblings.push(sibling),
            Err(left_out) => found.left_out.push(left_out),
        }
    }
    Ok(found)
}

/// Spells the tags that an index may have been joined from.
fn spelled(own: &[Tag], index: &Manifest) -> Vec<(Tag, Suffix)> {
    let ManifestKind::Index { manifests } = &index.kind else { return Vec::new() };
    let mut spelled = Vec::new();
    for platform in manifests.iter().filter_map(|child| child.platform.as_ref()) {
        let mut words = vec![platform.architecture.clone()];
        if let Some(variant) = platform.variant.as_deref().filter(|variant| !variant.is_empty()) {
            words.push(format!("{}{variant}", platform.architecture));
            words.push(format!("{}-{variant}", platform.architecture));
        }
        for (shared, _) in own.iter().filter_map(join::split) {
            let tags = words.iter().filter_map(|word| format!("{shared}{word}").parse::<Tag>().ok());
            spelled.extend(tags.filter_map(|tag| {
                let (_, suffix) = join::split(&tag)?;
                Some((tag.clone(), suffix))
            }));
        }
    }
    spelled
}

/// Reads one sibling; nothing if its tag does not exist, or is on a placeholder.
async fn read_sibling<R: RegistryReader>(
    reader: &R,
    image: &ImageName,
    tag: Tag,
    suffix: Suffix,
) -> Result<Option<Result<Sibling, (Tag, LeftOut)>>, PortError> {
    let Some(root) = reader.manifest(image, &ManifestReference::Tag(tag.clone())).await? else { return Ok(None) };
    let Ok(manifest) = root.parse() else { return Ok(Some(Err((tag, LeftOut::Unreadable)))) };
    if manifest.is_placeholder() {
        return Ok(None);
    }
    let platform = match &manifest.kind {
        ManifestKind::Image { config, .. } => platform(reader, image, config).await?,
        ManifestKind::Index { manifests } => {
            for child in manifests.iter().filter(|child| child.is_manifest()) {
                let by_digest = ManifestReference::Digest(child.digest.clone());
                if reader.manifest_digest(image, &by_digest).await?.is_none() {
                    return Ok(Some(Err((tag, LeftOut::Incomplete))));
                }
            }
            None
        }
    };
    Ok(Some(Ok(Sibling { tag, suffix, root, platform })))
}

/// Reads what a single image runs on, in the form in which an index says it.
async fn platform<R: RegistryReader>(
    reader: &R,
    image: &ImageName,
    config: &Descriptor,
) -> Result<Option<Value>, PortError> {
    if config.size > MAX_CONFIG || !config.media_type.contains("image") {
        return Ok(None);
    }
    let bytes = reader.small_blob(image, config).await?;
    let said: Map<String, Value> = serde_json::from_slice(&bytes).unwrap_or_default();
    let mut platform = json!({});
    for key in ["architecture", "os", "variant", "os.version", "os.features"] {
        if let Some(value) = said.get(key).filter(|value| value.as_str() != Some("") && !value.is_null()) {
            platform[key] = value.clone();
        }
    }
    Ok(Some(platform))
}
