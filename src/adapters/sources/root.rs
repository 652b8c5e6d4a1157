//! What layouts and archives have in common: which manifest of `index.json` is the image, and that a manifest is what
//! its descriptor says.

use std::path::Path;

use bytes::Bytes;

use crate::{
    model::{
        Descriptor, Digest, Manifest, ManifestKind, RawManifest,
        manifest::{MANIFEST_MEDIA_TYPES, MAX_MANIFEST_BYTES},
        untrusted::shown,
    },
    ports::{PortError, PortErrorKind},
};

/// The name of a manifest inside its layout ([image spec](https://github.com/opencontainers/image-spec/blob/main/annotations.md)).
const REF_NAME: &str = "org.opencontainers.image.ref.name";

/// The full name that BuildKit gives an image beside the short one.
const CONTAINERD_NAME: &str = "io.containerd.image.name";

/// The largest `oci-layout` file that is read, in bytes: the document has one field.
pub(super) const MAX_MARKER_BYTES: u64 = 4 * 1024;

/// How many manifests an error lists.
const MAX_LISTED: usize = 20;

/// The first bytes of compressed files, and what unpacks them.
const COMPRESSED: [(&[u8], &str, &str); 4] = [
    (b"\x1f\x8b", "gzip", "gunzip"),
    (b"\x28\xb5\x2f\xfd", "zstd", "unzstd"),
    (b"\xfd7zXZ\0", "xz", "unxz"),
    (b"BZh", "bzip2", "bunzip2"),
];

/// The remedy for what is no OCI image at all.
pub(super) const HOW_TO_WRITE: &str = "write it with `docker buildx build -o type=oci,dest=image.tar` or `docker save -o image.tar`, or copy it with `skopeo copy … oci-archive:image.tar`";

/// The remedy for what holds several images.
pub(super) const WHICH: &str = "say which: add `:NAME` or `@sha256:…` to the path";

/// The operation of every error about a source, fit for "failed to …".
pub(super) fn reading(path: &Path) -> String {
    format!("read the image source `{}`", shown(&path.display().to_string()))
}

pub(super) fn malformed(path: &Path, detail: impl Into<String>) -> PortError {
    PortError::new(PortErrorKind::Malformed, reading(path), detail)
}

pub(super) fn failed(path: &Path, what: &str, error: std::io::Error) -> PortError {
    let (kind, detail) = match error.kind() {
        std::io::ErrorKind::NotFound => (PortErrorKind::NotFound, format!("{what} does not exist")),
        std::io::ErrorKind::PermissionDenied => (PortErrorKind::Denied, format!("{what} may not be read")),
        std::io::ErrorKind::UnexpectedEof => (PortErrorKind::Malformed, format!("{what} ends too early")),
        _ => (PortErrorKind::Unavailable, format!("{what} cannot be read")),
    };
    PortError::new(kind, reading(path), detail).with_source(error)
}

/// Names the compression that `head`, the first bytes of a file, begins, and the program that undoes it.
pub(super) fn compression(head: &[u8]) -> Option<(&'static str, &'static str)> {
    COMPRESSED.iter().find(|(magic, ..)| head.starts_with(magic)).map(|(_, name, program)| (*name, *program))
}

/// Refuses an unpacked `docker save` archive.
pub(super) fn unpacked_docker_save(path: &Path) -> PortError {
    malformed(path, "this folder is an unpacked `docker save` archive, and only the archive itself is read")
        .with_hint("name the file that `docker save` wrote")
}

/// Checks the `oci-layout` file.
pub(super) fn check_marker(path: &Path, marker: &[u8]) -> Result<(), PortError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Marker {
        image_layout_version: String,
    }
    let Marker { image_layout_version: version } = serde_json::from_slice(marker)
        .map_err(|error| malformed(path, "`oci-layout` cannot be read").with_source(error))?;
    if version.starts_with("1.") {
        Ok(())
    } else {
        Err(malformed(path, format!("it is an image layout of version `{}`; known is 1.0.0", shown(&version))))
    }
}

/// What `index.json` lists.
pub(super) struct Listing {
    /// The image.
    pub(super) image: Descriptor,
    /// What refers to some manifest: signatures and the like.
    pub(super) beside: Vec<Descriptor>,
}

/// The most manifests beside an image that are read to see what they refer to.
const MAX_BESIDE: usize = 1_000;

/// Finds the image in `index.json`: the only one, or the one that `select` names by its annotation or digest. What refers
/// to something is no image unless it is named, or nothing else is there.
pub(super) fn choose(
    path: &Path,
    index: &[u8],
    select: Option<&str>,
    read: impl Fn(&Descriptor) -> Result<RawManifest, PortError>,
) -> Result<Listing, PortError> {
    let manifest =
        Manifest::parse(index).map_err(|error| malformed(path, "`index.json` cannot be read").with_source(error))?;
    let ManifestKind::Index { manifests } = manifest.kind else {
        return Err(malformed(path, "`index.json` is no index"));
    };
    // What cannot be read refers to nothing that anybody could know of.
    let refers = |descriptor: &&Descriptor| {
        read(descriptor).is_ok_and(|raw| raw.parse().is_ok_and(|manifest| manifest.subject.is_some()))
    };
    let several = manifests.len() > 1;
    let mut beside: Vec<Descriptor> =
        manifests.iter().take(MAX_BESIDE).filter(|_| several).filter(refers).cloned().collect();
    let image = image(path, &manifests, select, &beside)?;
    beside.retain(|descriptor| descriptor.digest != image.digest);
    Ok(Listing { image, beside })
}

fn image(
    path: &Path,
    manifests: &[Descriptor],
    select: Option<&str>,
    beside: &[Descriptor],
) -> Result<Descriptor, PortError> {
    let fits = |descriptor: &Descriptor| {
        let named = |key: &str| descriptor.annotations.as_ref().and_then(|annotations| annotations.get(key));
        select.is_none_or(|wanted| {
            descriptor.digest.to_string() == wanted
                || named(REF_NAME).is_some_and(|name| name == wanted)
                || named(CONTAINERD_NAME).is_some_and(|name| familiar(name) == familiar(wanted))
        })
    };
    // BuildKit lists one image once for each of its names.
    let mut found: Vec<&Descriptor> = Vec::new();
    for descriptor in manifests.iter().filter(|descriptor| fits(descriptor)) {
        if !found.iter().any(|known| known.digest == descriptor.digest) {
            found.push(descriptor);
        }
    }
    let is_beside = |descriptor: &&Descriptor| beside.iter().any(|other| other.digest == descriptor.digest);
    if select.is_none() && !found.iter().all(is_beside) {
        found.retain(|descriptor| !is_beside(descriptor));
    }
    match (found.as_slice(), select) {
        ([only], _) => Ok((*only).clone()),
        ([], None) => Err(malformed(path, "`index.json` lists no image")),
        ([], Some(wanted)) => Err(PortError::new(
            PortErrorKind::NotFound,
            reading(path),
            format!("no image in it is called `{}`; it holds {}", shown(wanted), listed(manifests.iter())),
        )),
        (several, _) => {
            Err(malformed(path, format!("it holds {} images: {}", several.len(), listed(several.iter().copied())))
                .with_hint(WHICH))
        }
    }
}

/// Leaves out of a name what Docker leaves out when it shows one: the registry and owner that stand for themselves.
pub(super) fn familiar(name: &str) -> &str {
    let name = name.strip_prefix("docker.io/").unwrap_or(name);
    name.strip_prefix("library/").unwrap_or(name)
}

fn listed<'a>(manifests: impl Iterator<Item = &'a Descriptor>) -> String {
    let mut names = manifests.map(|descriptor| {
        let name = descriptor.annotations.as_ref().and_then(|annotations| annotations.get(REF_NAME));
        match (name, &descriptor.platform) {
            (Some(name), _) => format!("`{}` ({})", shown(name), descriptor.digest),
            (None, Some(platform)) => format!("{} ({})", descriptor.digest, shown(&platform.to_string())),
            (None, None) => descriptor.digest.to_string(),
        }
    });
    let mut text: Vec<String> = names.by_ref().take(MAX_LISTED).collect();
    match names.count() {
        0 => {}
        rest => text.push(format!("{rest} more")),
    }
    if text.is_empty() { "none".to_owned() } else { text.join(", ") }
}

/// Refuses descriptors that name no manifest, or one too large to be one, before anything is read.
pub(super) fn check_descriptor(path: &Path, descriptor: &Descriptor) -> Result<(), PortError> {
    if !MANIFEST_MEDIA_TYPES.contains(&descriptor.media_type.as_str()) {
        let media_type = shown(&descriptor.media_type);
        return Err(malformed(path, format!("{} is `{media_type}`, which is no manifest", descriptor.digest)));
    }
    if descriptor.size > MAX_MANIFEST_BYTES as u64 {
        return Err(malformed(
            path,
            format!("manifest {} is said to have {} bytes; at most 4 MiB are read", descriptor.digest, descriptor.size),
        ));
    }
    Ok(())
}

/// Makes a manifest of `bytes`, if they are what `descriptor` says: digest, size, media type and kind.
pub(super) fn verify(path: &Path, descriptor: &Descriptor, bytes: Bytes) -> Result<RawManifest, PortError> {
    let digest = &descriptor.digest;
    check_size(path, descriptor, bytes.len() as u64)?;
    let raw = RawManifest::new(descriptor.media_type.clone(), bytes);
    if raw.digest != *digest {
        return Err(malformed(path, format!("manifest {digest} is damaged: its bytes have the digest {}", raw.digest)));
    }
    let manifest =
        raw.parse().map_err(|error| malformed(path, format!("manifest {digest} cannot be read")).with_source(error))?;
    if let Some(own) = manifest.media_type.as_deref().filter(|own| *own != descriptor.media_type) {
        let (own, said) = (shown(own), &descriptor.media_type);
        return Err(malformed(path, format!("manifest {digest} calls itself `{own}`, but is listed as `{said}`")));
    }
    let listed_as_index = descriptor.media_type.contains("index") || descriptor.media_type.contains("manifest.list");
    if listed_as_index != matches!(manifest.kind, ManifestKind::Index { .. }) {
        return Err(malformed(path, format!("manifest {digest} is not what `{}` names", descriptor.media_type)));
    }
    Ok(raw)
}

/// Checks the size of a blob against its descriptor.
pub(super) fn check_size(path: &Path, descriptor: &Descriptor, size: u64) -> Result<(), PortError> {
    if size == descriptor.size {
        return Ok(());
    }
    let Descriptor { digest, size: said, .. } = descriptor;
    Err(malformed(path, format!("blob {digest} has {size} bytes, but is listed with {said}")))
}

/// Says that a blob is missing.
pub(super) fn missing(path: &Path, digest: &Digest) -> PortError {
    PortError::new(PortErrorKind::NotFound, reading(path), format!("blob {digest} is not in it"))
        .with_hint("the image is incomplete: build or copy it again")
}
