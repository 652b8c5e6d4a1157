//! `fixtures/index/*.toml`: tags with their images, and the index that they are joined into.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use ghcr_lifecycle::{
    model::{Digest, RawManifest, Tag},
    policy::join::{Sibling, join, siblings},
};
use serde::Deserialize;
use serde_json::{Value, json};

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    /// The tag of the run.
    own: String,
    /// The tags of the registry with what their images run on; one platform is an image, several are an index, and
    /// `attestation` in the list adds one for the image before it.
    tags: BTreeMap<String, Vec<String>>,
}

fn platform(text: &str) -> Value {
    let mut parts = text.split('/');
    let mut platform = json!({"os": parts.next(), "architecture": parts.next()});
    if let Some(variant) = parts.next() {
        platform["variant"] = json!(variant);
    }
    platform
}

fn image(seed: &str) -> RawManifest {
    let blob = json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": Digest::of(seed.as_bytes()), "size": 1});
    let document = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": blob, "layers": []});
    RawManifest::new(IMAGE, document.to_string().into())
}

/// Renders the children of the index in their order, and the tags that are not in it.
pub(crate) fn index(path: &Path) -> datatest_stable::Result<()> {
    let Case { about, own, tags } = toml::from_str(&std::fs::read_to_string(path)?)?;
    let own: Vec<Tag> = vec![own.parse()?];
    let mut names: BTreeMap<String, String> = BTreeMap::new();
    let listed: Vec<Tag> = tags.keys().map(|tag| tag.parse()).collect::<Result<_, _>>()?;
    let mut there = Vec::new();
    for (tag, suffix) in siblings(&own, &listed) {
        let Some(platforms) = tags.get(tag.as_str()) else { continue };
        let (root, said) = match platforms.as_slice() {
            [] => (image(tag.as_str()), None),
            [one] => {
                let root = image(&format!("{one} of {tag}"));
                names.insert(root.digest.to_string(), format!("{one} of {tag}"));
                (root, Some(platform(one)))
            }
            several => {
                let mut entries: Vec<Value> = Vec::new();
                for one in several {
                    let seed = format!("{one} of {tag}");
                    let child = image(&seed);
                    names.insert(child.digest.to_string(), seed);
                    let mut entry = json!({"mediaType": IMAGE, "digest": child.digest, "size": child.bytes.len()});
                    if one == "attestation" {
                        let subject = entries.last().map(|entry| entry["digest"].clone());
                        entry["annotations"] = json!({"vnd.docker.reference.digest": subject});
                        entry["platform"] = platform("unknown/unknown");
                    } else {
                        entry["platform"] = platform(one);
                    }
                    entries.push(entry);
                }
                let media_type = "application/vnd.oci.image.index.v1+json";
                let document = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": entries});
                (RawManifest::new(media_type, document.to_string().into()), None)
            }
        };
        there.push(Sibling { tag, suffix, root, platform: said });
    }
    let joined = join(&there).expect("the index is small");
    there.reverse();
    let again = join(&there).expect("the index is small");
    assert_eq!(joined.manifest, again.manifest, "the order of siblings decides nothing");
    let mut text = String::new();
    match &joined.manifest {
        None => writeln!(text, "nothing to join")?,
        Some(manifest) => {
            let document: Value = serde_json::from_slice(&manifest.bytes)?;
            for entry in document["manifests"].as_array().into_iter().flatten() {
                writeln!(text, "child     {}", names[entry["digest"].as_str().unwrap_or_default()])?;
            }
        }
    }
    for (tag, why) in &joined.left_out {
        writeln!(text, "left out  {tag}: {why}")?;
    }
    crate::snapshot(path, &about, &text);
    Ok(())
}
