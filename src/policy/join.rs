//! `index` rows: one index joined from tags that differ only in an architecture suffix, `v0.14.0` from `v0.14.0-riscv64`,
//! `v0.14.0-amd64` and whichever others there are. The same siblings give the same bytes, whoever joins them.

use std::fmt;

use oci_distribution::manifest::OCI_IMAGE_INDEX_MEDIA_TYPE;
use serde_json::{Map, Value, json};

use super::template::{Piece, Template, Variable};
use crate::model::{
    Digest, ManifestKind, RawManifest, Tag,
    manifest::{MAX_MANIFEST_BYTES, Platform},
};

/// The architectures that Go names (GOARCH); a suffix is one of these, with or without a variant.
const ARCHITECTURES: [&str; 15] = [
    "386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64",
    "s390x", "sparc64", "wasm",
];

/// What stands between a name and its suffix.
const SEPARATORS: [char; 3] = ['-', '_', '.'];

/// An architecture as a tag's suffix says it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Suffix {
    /// GOARCH.
    pub architecture: &'static str,
    /// The variant, as in `v7`, where the suffix has one.
    pub variant: Option<String>,
}

impl fmt::Display for Suffix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { architecture, variant } = self;
        write!(formatter, "{architecture}{}", variant.as_ref().map(|text| format!("/{text}")).unwrap_or_default())
    }
}

impl Suffix {
    /// Tells whether a platform is the one that the suffix says. A suffix without a variant is for any.
    #[must_use]
    pub fn fits(&self, platform: &Platform) -> bool {
        let usual = match platform.architecture.as_str() {
            "arm64" => "v8",
            "amd64" => "v1",
            "arm" => "v7",
            _ => "",
        };
        let variant = platform.variant.as_deref().filter(|text| !text.is_empty()).unwrap_or(usual);
        platform.architecture == self.architecture && self.variant.as_deref().is_none_or(|wanted| wanted == variant)
    }
}

/// Splits a tag into what it shares with its siblings (with the separator) and its architecture.
#[must_use]
pub fn split(tag: &Tag) -> Option<(&str, Suffix)> {
    let text = tag.as_str();
    let (at, _) = text.char_indices().rfind(|(_, c)| SEPARATORS.contains(c))?;
    let suffix = |shared: &str, word: &str| -> Option<Suffix> {
        if shared.len() < 2 {
            return None;
        }
        ARCHITECTURES.iter().find_map(|architecture| {
            let variant = word.strip_prefix(architecture)?;
            let variant = match variant {
                "" => None,
                text if is_variant(text) => Some(text.to_owned()),
                _ => return None,
            };
            Some(Suffix { architecture, variant })
        })
    };
    let (shared, word) = text.split_at(at + 1);
    if let Some(found) = suffix(shared, word) {
        return Some((shared, found));
    }
    // `-arm-v7`: the variant is a word of its own.
    let separator = &text[at..=at];
    let (before, architecture) = text[..at].rsplit_once(separator)?;
    let shared = &text[..=before.len()];
    let found = suffix(shared, architecture).filter(|found| found.variant.is_none() && is_variant(word))?;
    Some((shared, Suffix { variant: Some(word.to_owned()), ..found }))
}

fn is_variant(text: &str) -> bool {
    text.strip_prefix('v')
        .is_some_and(|digits| matches!(digits.len(), 1 | 2) && digits.bytes().all(|b| b.is_ascii_digit()))
}

/// Tells whether a tag that this template gives may end in an architecture. `releases` says that its `{{version}}` never
/// has a pre-release part.
#[must_use]
pub fn may_end_in_architecture(template: &Template, releases: bool) -> bool {
    let pieces = template.pieces();
    match pieces.last() {
        None => false,
        Some(Piece::Literal(text)) => match text.rfind(SEPARATORS) {
            // `v7` may follow a value that ends in `arm`.
            Some(at) => {
                let word = &text[at + 1..];
                is_variant(word) || format!("xx-{word}").parse().is_ok_and(|tag| split(&tag).is_some())
            }
            // What begins the word may be a value's.
            None => pieces.len() > 1,
        },
        Some(Piece::Value { variable, .. }) => match variable {
            Variable::Number
            | Variable::Sha
            | Variable::ShaFull
            | Variable::Major
            | Variable::Minor
            | Variable::Patch
            | Variable::RunNumber => false,
            Variable::Version => !releases,
            Variable::Branch(_)
            | Variable::GitTag(_)
            | Variable::Prerelease
            | Variable::BaseRef
            | Variable::Date(_)
            | Variable::CommitDate(_) => true,
        },
    }
}

/// Returns the tags that differ from one of these only in the architecture, these among them, in the order of their names.
#[must_use]
pub fn siblings<'a>(own: &'a [Tag], tags: impl IntoIterator<Item = &'a Tag>) -> Vec<(Tag, Suffix)> {
    let shared: Vec<&str> = own.iter().filter_map(|tag| Some(split(tag)?.0)).collect();
    let mut found: Vec<(Tag, Suffix)> = tags
        .into_iter()
        .chain(own)
        .filter_map(|tag| split(tag).map(|(shared, suffix)| (tag, shared, suffix)))
        .filter(|(_, with, _)| shared.contains(with))
        .map(|(tag, _, suffix)| (tag.clone(), suffix))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// A sibling as the registry has it.
#[derive(Clone, Debug)]
pub struct Sibling {
    /// Its tag.
    pub tag: Tag,
    /// What the tag says that it runs on.
    pub suffix: Suffix,
    /// What is under it.
    pub root: RawManifest,
    /// What a single image's configuration says that it runs on, as an index is to say it.
    pub platform: Option<Value>,
}

/// Why a sibling is not in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// Its image is for something else than its tag says, or does not say for what.
    OtherPlatform {
        /// What the image says.
        found: Vec<String>,
    },
    /// Another tag has an image for the same platform.
    SamePlatform {
        /// That tag.
        tag: Tag,
    },
    /// It is no image.
    Unreadable,
    /// It lists a manifest that is gone.
    Incomplete,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OtherPlatform { found } if found.is_empty() => {
                formatter.write_str("its image does not say what it runs on")
            }
            Self::OtherPlatform { found } => write!(formatter, "its image is for {}", found.join(", ")),
            Self::SamePlatform { tag } => write!(formatter, "`{tag}` has an image for the same platform"),
            Self::Unreadable => formatter.write_str("what is under it is no image"),
            Self::Incomplete => formatter.write_str("a part of its image is gone"),
        }
    }
}

/// An index of siblings.
#[derive(Clone, Debug)]
pub struct Joined {
    /// The index; none if no sibling has an image for its platform.
    pub manifest: Option<RawManifest>,
    /// The tags whose images are in it, each with its platform.
    pub tags: Vec<(Tag, String)>,
    /// The tags that are left out.
    pub left_out: Vec<(Tag, LeftOut)>,
}

/// One image for the index, with what belongs to it.
struct Child {
    tag: Tag,
    has_variant: bool,
    platform: String,
    digest: Digest,
    entry: Value,
    attestations: Vec<Value>,
}

/// Joins siblings: of each the image for the platform that its tag says, with its attestations, in the order of platforms.
///
/// # Errors
/// If the index would be larger than registries take; the error is its size in bytes.
pub fn join(siblings: &[Sibling]) -> Result<Joined, usize> {
    let mut children: Vec<Child> = Vec::new();
    let mut left_out = Vec::new();
    for sibling in siblings {
        match contributed(sibling) {
            Ok(found) => children.extend(found),
            Err(why) => left_out.push((sibling.tag.clone(), why)),
        }
    }
    // A tag that names the variant is the more precise one.
    children.sort_by(|a, b| {
        (&a.platform, !a.has_variant, &a.tag, &a.digest).cmp(&(&b.platform, !b.has_variant, &b.tag, &b.digest))
    });
    let mut kept: Vec<Child> = Vec::new();
    for child in children {
        match kept.iter().find(|other| other.platform == child.platform) {
            Some(other) if other.digest != child.digest => {
                left_out.push((child.tag, LeftOut::SamePlatform { tag: other.tag.clone() }));
            }
            Some(_) => {}
            None => kept.push(child),
        }
    }
    left_out.sort_by(|a, b| a.0.cmp(&b.0));
    let tags = kept.iter().map(|child| (child.tag.clone(), child.platform.clone())).collect();
    if kept.is_empty() {
        return Ok(Joined { manifest: None, tags, left_out });
    }
    let (images, attestations): (Vec<Value>, Vec<Vec<Value>>) =
        kept.into_iter().map(|child| (child.entry, child.attestations)).unzip();
    let manifests: Vec<Value> = images.into_iter().chain(attestations.into_iter().flatten()).collect();
    let index = json!({"schemaVersion": 2, "mediaType": OCI_IMAGE_INDEX_MEDIA_TYPE, "manifests": manifests});
    let bytes = index.to_string();
    if bytes.len() > MAX_MANIFEST_BYTES {
        return Err(bytes.len());
    }
    Ok(Joined { manifest: Some(RawManifest::new(OCI_IMAGE_INDEX_MEDIA_TYPE, bytes.into())), tags, left_out })
}

fn contributed(sibling: &Sibling) -> Result<Vec<Child>, LeftOut> {
    let Sibling { tag, suffix, root, platform } = sibling;
    let has_variant = suffix.variant.is_some();
    let manifest = root.parse().map_err(|_| LeftOut::Unreadable)?;
    let mut found = Vec::new();
    let children = match manifest.kind {
        ManifestKind::Image { .. } => {
            let entry = json!({
                "mediaType": root.media_type,
                "digest": root.digest,
                "size": root.bytes.len(),
                "platform": platform.clone().unwrap_or_else(|| Value::Object(Map::new())),
            });
            vec![(root.digest.clone(), entry)]
        }
        ManifestKind::Index { manifests } => {
            // The model leaves out what nobody here needs; the new index does not.
            let document: Value = serde_json::from_slice(&root.bytes).map_err(|_| LeftOut::Unreadable)?;
            let entries = document.get("manifests").and_then(Value::as_array).cloned().unwrap_or_default();
            let children = manifests.into_iter().filter(|child| child.is_manifest()).map(|child| child.digest);
            children
                .filter_map(|digest| {
                    let text = digest.to_string();
                    let entry =
                        entries.iter().find(|entry| entry.get("digest").and_then(Value::as_str) == Some(&text))?;
                    Some((digest, entry.clone()))
                })
                .collect()
        }
    };
    let subject =
        |entry: &Value| entry.get("annotations")?.get("vnd.docker.reference.digest")?.as_str().map(str::to_owned);
    let mut images = Vec::new();
    for (digest, entry) in &children {
        let platform =
            entry.get("platform").and_then(|platform| serde_json::from_value::<Platform>(platform.clone()).ok());
        let Some(platform) = platform.filter(|platform| !matches!(platform.os.as_str(), "" | "unknown")) else {
            continue;
        };
        found.push(platform.to_string());
        if suffix.fits(&platform) {
            let own = digest.to_string();
            let attestations = children.iter().filter(|(_, other)| subject(other).as_ref() == Some(&own));
            images.push(Child {
                tag: tag.clone(),
                has_variant,
                platform: comparable(&platform, entry),
                digest: digest.clone(),
                entry: entry.clone(),
                attestations: attestations.map(|(_, entry)| entry.clone()).collect(),
            });
        }
    }
    if images.is_empty() { Err(LeftOut::OtherPlatform { found }) } else { Ok(images) }
}

/// A platform in the form by which two are the same: variants that go without saying are left out or added.
fn comparable(platform: &Platform, entry: &Value) -> String {
    let variant = match (platform.architecture.as_str(), platform.variant.as_deref().unwrap_or_default()) {
        ("arm64", "v8") | ("amd64", "v1") => "",
        ("arm", "") => "v7",
        (_, variant) => variant,
    };
    let version = entry.get("platform").and_then(|platform| platform.get("os.version")?.as_str()).unwrap_or_default();
    let mut text = format!("{}/{}", platform.os, platform.architecture);
    for part in [variant, version].into_iter().filter(|part| !part.is_empty()) {
        text.push('/');
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Option<(String, String)> {
        let tag: Tag = text.parse().unwrap();
        split(&tag).map(|(shared, suffix)| (shared.to_owned(), suffix.to_string()))
    }

    #[test]
    fn a_suffix_is_an_architecture_with_or_without_a_variant() {
        let some = |shared: &str, suffix: &str| Some((shared.to_owned(), suffix.to_owned()));
        assert_eq!(parts("v0.14.0-riscv64"), some("v0.14.0-", "riscv64"));
        assert_eq!(parts("v0.14.0-armv7"), some("v0.14.0-", "arm/v7"));
        assert_eq!(parts("v0.14.0-arm-v7"), some("v0.14.0-", "arm/v7"));
        assert_eq!(parts("v0.14.0-arm64-v8"), some("v0.14.0-", "arm64/v8"));
        assert_eq!(parts("v0.14.0_386"), some("v0.14.0_", "386"));
        for none in
            ["v0.14.0", "v0.14.0-rc1", "amd64", "-amd64".trim_start_matches('-'), "v1-arm64x", "v1-v7", "v1-x86"]
        {
            assert_eq!(parts(none), None, "{none}");
        }
    }

    #[test]
    fn siblings_share_all_but_the_suffix() {
        let tag = |text: &str| text.parse::<Tag>().unwrap();
        let tags = ["v1.0-amd64", "v1.0_arm64", "v1.0", "v1.0.1-amd64", "v1.0-rc1-amd64", "xv1.0-amd64"].map(tag);
        let found = siblings(&[tag("v1.0-riscv64")], &tags);
        let names: Vec<&str> = found.iter().map(|(tag, _)| tag.as_str()).collect();
        assert_eq!(names, ["v1.0-amd64", "v1.0-riscv64"]);
    }
}
