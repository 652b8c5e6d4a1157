//! What `docker save` writes: `manifest.json` names the configuration and the layers of each image
//! ([moby](https://github.com/moby/moby/blob/v24.0.0/image/tarexport/save.go)), beside which new engines write an OCI image
//! layout of the same files. The layers are uncompressed tars.
//!
//! The image's manifest is made here, as `docker push` makes it: of Docker's own media types, for the configuration is
//! Docker's and is published byte for byte, so that the image keeps the id that the engine shows. Both forms give the same
//! manifest.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZero,
    path::Path,
    sync::Mutex,
    thread,
};

use bytes::Bytes;
use oci_distribution::manifest as media;
use serde::{Deserialize, Serialize};

use super::{
    apart::Stop,
    compression::{self, GZIP, Room},
    contents::Contents,
    root::{self, familiar},
    slice::Slice,
    tar_index::Entry,
};
use crate::{
    adapters::runner::temporary::Scratch,
    model::{Digest, RawManifest, manifest::MAX_MANIFEST_BYTES, untrusted::shown},
    ports::{PortError, PortErrorKind},
};

/// The file that lists the images.
pub(super) const MANIFEST: &str = "manifest.json";

/// The largest `manifest.json` and image configuration that is read, in bytes.
const MAX_DOCUMENT_BYTES: u64 = MAX_MANIFEST_BYTES as u64;

/// The most layers that an image may have; engines make at most 127.
const MAX_LAYERS: usize = 500;

/// The most bytes that the layers may have together, unpacked: the file of a hostile archive may be all holes, which take no
/// room on disk, but as much time as any others. GHCR takes layers of 10 GB.
const MAX_LAYERS_BYTES: u64 = 256 * 1024 * 1024 * 1024;

/// The most images that are looked through.
const MAX_IMAGES: usize = 1_000;

/// How many layers are compressed at once, however many CPUs there are: each keeps a CPU busy.
const MOST_AT_ONCE: usize = 8;

/// How many names an error lists.
const MAX_LISTED: usize = 20;

/// An image as `manifest.json` lists it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Option<Vec<String>>,
}

/// An image ready to be published.
pub(super) struct Image {
    /// Its manifest.
    pub(super) manifest: RawManifest,
    /// Its configuration and layers.
    pub(super) blobs: BTreeMap<Digest, Slice>,
}

/// What of an image configuration matters here.
#[derive(Deserialize)]
struct Configuration {
    rootfs: RootFs,
}

#[derive(Deserialize)]
struct RootFs {
    /// The digests of the uncompressed layers.
    #[serde(default)]
    diff_ids: Option<Vec<Digest>>,
}

/// Finds the image: the only one, or the one that `select` names by its tag or by the digest of its configuration.
pub(super) fn choose(contents: &Contents, select: Option<&str>) -> Result<Listed, PortError> {
    let path = &contents.path;
    let images = list(contents)?;
    let mut found = Vec::new();
    for image in &images {
        let fits = match select {
            None => true,
            Some(wanted) => {
                let names = image.repo_tags.iter().flatten();
                names.map(|name| familiar(name)).any(|name| name == familiar(wanted))
                    || (wanted.starts_with("sha256:") && configuration(contents, image)?.1.to_string() == wanted)
            }
        };
        if fits {
            found.push(image);
        }
    }
    match (found.as_slice(), select) {
        ([only], _) => Ok((*only).clone()),
        ([], None) => Err(root::malformed(path, "`manifest.json` lists no image")),
        ([], Some(wanted)) => Err(PortError::new(
            PortErrorKind::NotFound,
            root::reading(path),
            format!("no image in it is called `{}`; it holds {}", shown(wanted), names(&images)),
        )),
        (several, _) => Err(root::malformed(path, format!("it holds {} images: {}", several.len(), names(&images)))
            .with_hint(root::WHICH)),
    }
}

/// Finds the image that has this configuration.
pub(super) fn with_config(contents: &Contents, config: &Digest) -> Result<Listed, PortError> {
    for image in list(contents)? {
        if configuration(contents, &image)?.1 == *config {
            return Ok(image);
        }
    }
    Err(root::malformed(
        &contents.path,
        format!(
            "`index.json` and `manifest.json` disagree: only the first lists the image with configuration {config}"
        ),
    ))
}

fn list(contents: &Contents) -> Result<Vec<Listed>, PortError> {
    let text = contents.small(MANIFEST, MAX_DOCUMENT_BYTES)?.unwrap_or_default();
    let images: Vec<Listed> = serde_json::from_slice(&text)
        .map_err(|error| root::malformed(&contents.path, "`manifest.json` cannot be read").with_source(error))?;
    if images.len() > MAX_IMAGES {
        return Err(root::malformed(&contents.path, format!("`manifest.json` lists more than {MAX_IMAGES} images")));
    }
    Ok(images)
}

fn names(images: &[Listed]) -> String {
    let mut names = images.iter().flat_map(|image| match image.repo_tags.as_deref() {
        Some(tags) if !tags.is_empty() => tags.iter().map(|tag| format!("`{}`", shown(tag))).collect(),
        Some(_) | None => vec![format!("one without a name (`{}`)", shown(&image.config))],
    });
    let mut text: Vec<String> = names.by_ref().take(MAX_LISTED).collect();
    match names.count() {
        0 => {}
        rest => text.push(format!("{rest} more")),
    }
    if text.is_empty() { "none".to_owned() } else { text.join(", ") }
}

/// Reads an image's configuration, and checks it against the digest that its name holds.
fn configuration(contents: &Contents, image: &Listed) -> Result<(Bytes, Digest, Entry), PortError> {
    let path = &contents.path;
    let name = shown(&image.config);
    let absent =
        || root::malformed(path, format!("`manifest.json` names the configuration `{name}`, which is not in it"));
    let bytes = contents.small(&image.config, MAX_DOCUMENT_BYTES)?.ok_or_else(absent)?;
    let entry = contents.entries.find(path, &image.config)?.ok_or_else(absent)?;
    let digest = Digest::of(&bytes);
    match named_digest(&image.config) {
        Some(named) if named != digest => Err(root::malformed(
            path,
            format!("the configuration `{name}` is damaged: its bytes have the digest {digest}"),
        )),
        Some(_) | None => Ok((bytes, digest, entry)),
    }
}

/// The digest that a file is named by: `<hex>.json`, `sha256:<hex>`, `blobs/sha256/<hex>`.
fn named_digest(name: &str) -> Option<Digest> {
    let last = name.rsplit('/').next().unwrap_or(name);
    let hex = last.strip_prefix("sha256:").unwrap_or(last);
    format!("sha256:{}", hex.split('.').next().unwrap_or(hex)).parse().ok()
}

/// Reads an image: makes its manifest, and compresses the layers that are not.
pub(super) fn read(contents: &Contents, image: &Listed, scratch: &Scratch, stop: &Stop) -> Result<Image, PortError> {
    let path = &contents.path;
    let (bytes, config, config_entry) = configuration(contents, image)?;
    let Configuration { rootfs } = serde_json::from_slice(&bytes).map_err(|error| {
        root::malformed(path, format!("the configuration `{}` cannot be read", shown(&image.config))).with_source(error)
    })?;
    let diff_ids = rootfs.diff_ids.unwrap_or_default();
    let layers = image.layers.as_deref().unwrap_or_default();
    if layers.len() != diff_ids.len() {
        let (listed, said) = (layers.len(), diff_ids.len());
        return Err(root::malformed(
            path,
            format!("`manifest.json` lists {listed} layers, but the image's configuration {said}"),
        ));
    }
    if layers.len() > MAX_LAYERS {
        return Err(root::malformed(
            path,
            format!("the image has {} layers; at most {MAX_LAYERS} are read", layers.len()),
        ));
    }
    let mut entries = Vec::new();
    for (name, diff_id) in layers.iter().zip(&diff_ids) {
        let Some(entry) = contents.entries.find(path, name)? else {
            let name = shown(name);
            return Err(root::malformed(path, format!("`manifest.json` names the layer `{name}`, which is not in it")));
        };
        entries.push((entry, diff_id));
    }
    let packed = pack(contents, &entries, scratch, stop)?;
    let mut blobs = BTreeMap::from([(config.clone(), contents.slice(config_entry)?)]);
    let mut parts = Vec::new();
    for (entry, diff_id) in entries {
        let (digest, bytes) = &packed[&(entry.offset, diff_id.clone())];
        parts.push(Part {
            media_type: media::IMAGE_DOCKER_LAYER_GZIP_MEDIA_TYPE,
            size: bytes.size(),
            digest: digest.clone(),
        });
        blobs.insert(digest.clone(), bytes.clone());
    }
    let manifest = Manifest {
        schema_version: 2,
        media_type: media::IMAGE_MANIFEST_MEDIA_TYPE,
        config: Part { media_type: media::IMAGE_DOCKER_CONFIG_MEDIA_TYPE, size: config_entry.size, digest: config },
        layers: parts,
    };
    let bytes = serde_json::to_vec(&manifest).expect("strings and numbers are JSON");
    Ok(Image { manifest: RawManifest::new(media::IMAGE_MANIFEST_MEDIA_TYPE, bytes.into()), blobs })
}

/// The layers, by where each begins and what it has to be.
type Layers = BTreeMap<(u64, Digest), (Digest, Slice)>;

/// Compresses layers, several at once; each once, however often the image has it.
fn pack(
    contents: &Contents,
    entries: &[(Entry, &Digest)],
    scratch: &Scratch,
    stop: &Stop,
) -> Result<Layers, PortError> {
    let mut seen = BTreeSet::new();
    let mut wanted = Vec::new();
    for (entry, diff_id) in entries {
        if seen.insert((entry.offset, *diff_id)) {
            wanted.push((contents.slice(*entry)?, entry.offset, *diff_id));
        }
    }
    let bytes: u64 = wanted.iter().map(|(slice, ..)| slice.size()).sum();
    if bytes > MAX_LAYERS_BYTES {
        return Err(root::malformed(
            &contents.path,
            format!("its layers have {bytes} bytes; at most {MAX_LAYERS_BYTES} are read"),
        ));
    }
    let rooms = Room::cut(scratch, wanted.iter().map(|(slice, ..)| slice.size()))?;
    let wanted: Vec<_> = std::iter::zip(wanted, rooms).collect();
    let at_once = thread::available_parallelism().map_or(1, NonZero::get).min(MOST_AT_ONCE).min(wanted.len());
    let queue = Mutex::new(wanted.into_iter());
    let work = || {
        let mut done = Vec::new();
        loop {
            let next = queue.lock().map_or(None, |mut queue| queue.next());
            let Some(((slice, offset, diff_id), room)) = next else { return Ok(done) };
            let packed = pack_one(&contents.path, slice, diff_id, room, scratch, stop);
            if packed.is_err() {
                // The others have nothing left to work for.
                if let Ok(mut queue) = queue.lock() {
                    queue.by_ref().for_each(drop);
                }
            }
            done.push(((offset, diff_id.clone()), packed?));
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        let mut layers = Layers::new();
        for thread in threads {
            let done: Vec<_> = thread.join().expect("no layer makes it panic")?;
            layers.extend(done);
        }
        Ok(layers)
    })
}

/// Compresses a layer, if it is not compressed yet, and checks that it is the one that the configuration means.
fn pack_one(
    path: &Path,
    layer: Slice,
    diff_id: &Digest,
    room: Room,
    scratch: &Scratch,
    stop: &Stop,
) -> Result<(Digest, Slice), PortError> {
    let head = layer.start(8).map_err(|error| root::failed(path, "a layer", error))?;
    let (digest, unpacked, bytes) = if head.starts_with(GZIP) {
        let (digest, unpacked) = compression::digests(path, &layer, stop)?;
        (digest, unpacked, layer)
    } else {
        let compression::Packed { digest, unpacked, bytes } = compression::pack(path, &layer, room, scratch, stop)?;
        (digest, unpacked, bytes)
    };
    if unpacked == *diff_id {
        return Ok((digest, bytes));
    }
    let mut error = root::malformed(path, format!("layer {diff_id} is damaged: its bytes have the digest {unpacked}"));
    if let Some((name, _)) = root::compression(&head).filter(|_| !head.starts_with(GZIP)) {
        error = error.with_hint(format!("it is compressed with {name}, and only gzip is read"));
    }
    Err(error)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u8,
    media_type: &'static str,
    config: Part,
    layers: Vec<Part>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    media_type: &'static str,
    size: u64,
    digest: Digest,
}
