//! Sample images: the same choices give the same bytes, as an OCI image layout that every client can copy.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use oci_distribution::manifest as media;
use serde_json::{Map, Value, json};

use super::Control;
use crate::model::{Digest, ManifestReference, RawManifest, Tag, manifest::Platform};

const LAYER_MEDIA_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";
const CONFIG_MEDIA_TYPE: &str = "application/vnd.oci.image.config.v1+json";
const IN_TOTO_MEDIA_TYPE: &str = "application/vnd.in-toto+json";
const PREDICATE_TYPE: &str = "https://slsa.dev/provenance/v0.2";

/// When every sample image says that it was made.
const CREATED: &str = "2026-01-01T00:00:00Z";

/// An image with all its blobs and manifests.
#[derive(Clone, Debug)]
pub struct SampleImage {
    root: RawManifest,
    children: Vec<RawManifest>,
    blobs: BTreeMap<Digest, Bytes>,
    reference_name: Option<String>,
}

/// The choices that a sample image is made from.
#[derive(Clone, Debug)]
pub struct SampleImageBuilder {
    seed: String,
    platforms: Vec<Platform>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    attestation: bool,
    layers: usize,
    layer_size: usize,
    reference_name: Option<String>,
}

impl SampleImageBuilder {
    /// Sets the text that the content depends on: another seed makes another digest.
    #[must_use]
    pub fn seed(mut self, seed: impl Into<String>) -> Self {
        self.seed = seed.into();
        self
    }

    /// Adds a platform, `OS/ARCHITECTURE[/VARIANT]`. Without any the image is for `linux/amd64`.
    #[must_use]
    pub fn platform(mut self, platform: &str) -> Self {
        let mut parts = platform.splitn(3, '/').map(str::to_owned);
        self.platforms.push(Platform {
            os: parts.next().unwrap_or_default(),
            architecture: parts.next().unwrap_or_default(),
            variant: parts.next(),
        });
        self
    }

    /// Adds a label to the configuration of every platform.
    #[must_use]
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(name.into(), value.into());
        self
    }

    /// Adds an annotation to the manifest or index that tags will point at.
    #[must_use]
    pub fn annotation(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.annotations.insert(name.into(), value.into());
        self
    }

    /// Adds an attestation child for each platform, as BuildKit does with provenance; the root is then an index even for
    /// one platform.
    #[must_use]
    pub fn attestation(mut self, attestation: bool) -> Self {
        self.attestation = attestation;
        self
    }

    /// Sets how many layers each platform has; 1 by default.
    #[must_use]
    pub fn layers(mut self, layers: usize) -> Self {
        self.layers = layers;
        self
    }

    /// Sets how many bytes the file in each layer has, at least; by default it holds one line.
    #[must_use]
    pub fn layer_size(mut self, bytes: usize) -> Self {
        self.layer_size = bytes;
        self
    }

    /// Sets the annotation `org.opencontainers.image.ref.name` of the layout's entry.
    #[must_use]
    pub fn reference_name(mut self, name: impl Into<String>) -> Self {
        self.reference_name = Some(name.into());
        self
    }

    /// Makes the image.
    #[must_use]
    pub fn build(mut self) -> SampleImage {
        if self.platforms.is_empty() {
            self = self.platform("linux/amd64");
        }
        let mut blobs = BTreeMap::new();
        let is_index = self.platforms.len() > 1 || self.attestation;
        let images: Vec<RawManifest> =
            self.platforms.iter().map(|platform| self.image(platform, is_index, &mut blobs)).collect();
        let (root, children) = if is_index { self.index(images, &mut blobs) } else { (images[0].clone(), Vec::new()) };
        SampleImage { root, children, blobs, reference_name: self.reference_name }
    }

    fn image(&self, platform: &Platform, is_child: bool, blobs: &mut BTreeMap<Digest, Bytes>) -> RawManifest {
        let layers: Vec<Bytes> = (0..self.layers).map(|number| self.layer(platform, number)).collect();
        let diff_ids: Vec<_> = layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
        let history: Vec<_> = (0..self.layers)
            .map(|number| json!({"created": CREATED, "created_by": format!("COPY sample-{number}.txt /")}))
            .collect();
        let mut config = json!({
            "created": CREATED,
            "architecture": platform.architecture,
            "os": platform.os,
            "config": {"Cmd": ["/sample-0.txt"], "Env": ["PATH=/"], "Labels": self.labels},
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": history,
        });
        if let Some(variant) = &platform.variant {
            config["variant"] = json!(variant);
        }
        let config = store(blobs, CONFIG_MEDIA_TYPE, config.to_string().into());
        let layers: Vec<_> = layers.into_iter().map(|layer| store(blobs, LAYER_MEDIA_TYPE, layer)).collect();
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": media::OCI_IMAGE_MEDIA_TYPE,
            "config": config,
            "layers": layers,
        });
        if !is_child {
            self.annotate(&mut manifest);
        }
        RawManifest::new(media::OCI_IMAGE_MEDIA_TYPE, manifest.to_string().into())
    }

    fn index(&self, images: Vec<RawManifest>, blobs: &mut BTreeMap<Digest, Bytes>) -> (RawManifest, Vec<RawManifest>) {
        let mut entries = Vec::new();
        for (image, platform) in images.iter().zip(&self.platforms) {
            let mut entry = describe(&image.media_type, &image.bytes);
            entry["platform"] = platform_json(platform);
            entries.push(entry);
        }
        let mut children = images;
        if self.attestation {
            let attestations: Vec<_> = children.iter().map(|image| attestation(image, blobs)).collect();
            for (image, attestation) in children.iter().zip(&attestations) {
                let mut entry = describe(&attestation.media_type, &attestation.bytes);
                entry["annotations"] = json!({
                    "vnd.docker.reference.digest": image.digest.to_string(),
                    "vnd.docker.reference.type": "attestation-manifest",
                });
                entry["platform"] = json!({"architecture": "unknown", "os": "unknown"});
                entries.push(entry);
            }
            children.extend(attestations);
        }
        let mut index =
            json!({"schemaVersion": 2, "mediaType": media::OCI_IMAGE_INDEX_MEDIA_TYPE, "manifests": entries});
        self.annotate(&mut index);
        (RawManifest::new(media::OCI_IMAGE_INDEX_MEDIA_TYPE, index.to_string().into()), children)
    }

    fn annotate(&self, document: &mut Value) {
        if !self.annotations.is_empty() {
            document["annotations"] = json!(self.annotations);
        }
    }

    /// A tar archive of one file, filled by repeating a line that names what it is.
    fn layer(&self, platform: &Platform, number: usize) -> Bytes {
        let line = format!("sample {} for {platform}, layer {number}\n", self.seed);
        let mut content = line.clone().into_bytes();
        while content.len() < self.layer_size {
            content.extend_from_slice(line.as_bytes());
        }
        let mut archive = Archive::default();
        archive.file(&format!("sample-{number}.txt"), &content);
        archive.finish()
    }
}

fn attestation(image: &RawManifest, blobs: &mut BTreeMap<Digest, Bytes>) -> RawManifest {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": PREDICATE_TYPE,
        "subject": [{"name": "sample", "digest": {"sha256": image.digest.hex()}}],
        "predicate": {"builder": {"id": ""}, "buildType": "https://mobyproject.org/buildkit@v1"},
    });
    let mut layer = store(blobs, IN_TOTO_MEDIA_TYPE, statement.to_string().into());
    layer["annotations"] = json!({"in-toto.io/predicate-type": PREDICATE_TYPE});
    let config = json!({
        "architecture": "unknown",
        "os": "unknown",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [layer["digest"]]},
    });
    let config = store(blobs, CONFIG_MEDIA_TYPE, config.to_string().into());
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": media::OCI_IMAGE_MEDIA_TYPE,
        "config": config,
        "layers": [layer],
    });
    RawManifest::new(media::OCI_IMAGE_MEDIA_TYPE, manifest.to_string().into())
}

fn platform_json(platform: &Platform) -> Value {
    let mut value = json!({"architecture": platform.architecture, "os": platform.os});
    if let Some(variant) = &platform.variant {
        value["variant"] = json!(variant);
    }
    value
}

fn describe(media_type: &str, bytes: &Bytes) -> Value {
    json!({"mediaType": media_type, "digest": Digest::of(bytes).to_string(), "size": bytes.len()})
}

fn store(blobs: &mut BTreeMap<Digest, Bytes>, media_type: &str, bytes: Bytes) -> Value {
    let descriptor = describe(media_type, &bytes);
    blobs.insert(Digest::of(&bytes), bytes);
    descriptor
}

/// A tar archive in memory whose bytes depend on its files only.
#[derive(Default)]
struct Archive {
    files: Vec<(String, Bytes)>,
}

impl Archive {
    fn file(&mut self, path: &str, content: &[u8]) {
        self.files.push((path.to_owned(), Bytes::copy_from_slice(content)));
    }

    fn finish(self) -> Bytes {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, content) in &self.files {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(0);
            header.set_uid(0);
            header.set_gid(0);
            builder
                .append_data(&mut header, path, content.as_ref())
                .expect("a short relative path and a vector take every file");
        }
        builder.into_inner().expect("a vector takes every byte").into()
    }
}

impl SampleImage {
    /// Begins with one layer of one line, for no platform yet.
    #[must_use]
    pub fn builder() -> SampleImageBuilder {
        SampleImageBuilder {
            seed: String::new(),
            platforms: Vec::new(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            attestation: false,
            layers: 1,
            layer_size: 0,
            reference_name: None,
        }
    }

    /// Returns the manifest or index that a tag points at.
    #[must_use]
    pub fn root(&self) -> &RawManifest {
        &self.root
    }

    /// Returns the digest of the root.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.root.digest
    }

    /// Returns the children of an index, platforms before attestations; none for an image manifest.
    #[must_use]
    pub fn children(&self) -> &[RawManifest] {
        &self.children
    }

    /// Returns the configurations and layers.
    #[must_use]
    pub fn blobs(&self) -> &BTreeMap<Digest, Bytes> {
        &self.blobs
    }

    /// Puts the image whole into a sandbox, past the protocol, and points a tag at it.
    pub fn put_into(&self, sandbox: &Control, repository: &str, tag: &Tag) {
        sandbox.change(|state| {
            for blob in self.blobs.values() {
                state.put_blob(repository, blob.clone());
            }
            for child in &self.children {
                state.put_manifest(repository, &ManifestReference::Digest(child.digest.clone()), child.clone());
            }
            state.put_manifest(repository, &ManifestReference::Tag(tag.clone()), self.root.clone());
        });
    }

    /// Lists the files of the OCI image layout, in a fixed order.
    #[must_use]
    pub fn layout_files(&self) -> Vec<(String, Bytes)> {
        let mut entry = describe(&self.root.media_type, &self.root.bytes);
        if let Some(name) = &self.reference_name {
            let mut annotations = Map::new();
            annotations.insert("org.opencontainers.image.ref.name".to_owned(), json!(name));
            entry["annotations"] = Value::Object(annotations);
        }
        let index = json!({"schemaVersion": 2, "mediaType": media::OCI_IMAGE_INDEX_MEDIA_TYPE, "manifests": [entry]});
        let manifests = self.children.iter().chain([&self.root]).map(|manifest| (&manifest.digest, &manifest.bytes));
        let contents: BTreeMap<_, _> = self.blobs.iter().chain(manifests).collect();
        let mut files = vec![
            ("oci-layout".to_owned(), Bytes::from_static(br#"{"imageLayoutVersion":"1.0.0"}"#)),
            ("index.json".to_owned(), index.to_string().into()),
        ];
        files.extend(
            contents.into_iter().map(|(digest, bytes)| (format!("blobs/sha256/{}", digest.hex()), bytes.clone())),
        );
        files
    }

    /// Returns the layout as a tar archive.
    #[must_use]
    pub fn layout_tar(&self) -> Bytes {
        Archive { files: self.layout_files() }.finish()
    }

    /// Writes the layout into a folder, which it makes.
    ///
    /// # Errors
    /// If a file or folder cannot be written.
    #[expect(clippy::disallowed_methods, reason = "sample images are written for other programs to read")]
    pub fn write_layout(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder.join("blobs").join("sha256"))?;
        for (path, bytes) in self.layout_files() {
            fs::write(folder.join(PathBuf::from(path)), bytes)?;
        }
        Ok(())
    }

    /// Writes the layout as a tar archive.
    ///
    /// # Errors
    /// If the file cannot be written.
    #[expect(clippy::disallowed_methods, reason = "sample images are written for other programs to read")]
    pub fn write_tar(&self, file: &Path) -> io::Result<()> {
        fs::write(file, self.layout_tar())
    }
}
