//! What `docker save` writes, in both of its forms.

use std::{
    collections::BTreeMap,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use futures::FutureExt as _;
use ghcr_lifecycle::{
    adapters::sources::{ArchiveForm, ArchiveSource},
    model::{Digest, ManifestKind, RawManifest},
    ports::{ImageSource, PortError, PortErrorKind},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};
use tempfile::NamedTempFile;

use super::{
    Files, MANIFEST, Scratch, add, archive, archive_now, blob_name, built, descriptor, read_all, read_blob, refused,
    written,
};
use crate::programs::{program, run};

/// An archive of the old form in parts, each of which a test may spoil.
struct Saved {
    config: Vec<u8>,
    config_name: String,
    layers: Vec<(String, Vec<u8>)>,
    listed: Value,
}

/// Not a tar, but nobody looks into it.
fn layer(number: u8) -> Vec<u8> {
    format!("layer {number} ").repeat(10_000 + usize::from(number)).into_bytes()
}

impl Saved {
    fn new() -> Self {
        let layers = [layer(0), layer(1)];
        let diff_ids: Vec<String> = layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
        let config =
            json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": diff_ids}});
        let config = config.to_string().into_bytes();
        let config_name = format!("{}.json", Digest::of(&config).hex());
        let layers: Vec<(String, Vec<u8>)> =
            layers.into_iter().enumerate().map(|(number, bytes)| (format!("l{number}/layer.tar"), bytes)).collect();
        let names: Vec<&String> = layers.iter().map(|(name, _)| name).collect();
        let listed = json!([{"Config": config_name, "RepoTags": ["shop:1"], "Layers": names}]);
        Self { config, config_name, layers, listed }
    }

    fn files(&self) -> Files {
        let mut files = self.layers.clone();
        files.push((self.config_name.clone(), self.config.clone()));
        files.push(("manifest.json".into(), self.listed.to_string().into_bytes()));
        Files(files)
    }

    fn open(&self) -> Result<ArchiveSource, PortError> {
        archive_now(written(&self.files().tar()).path(), None)
    }

    async fn opened(&self) -> ArchiveSource {
        archive(written(&self.files().tar()).path(), None).await.unwrap()
    }

    fn open_with(&self, more: impl FnOnce(&mut Builder<Vec<u8>>)) -> Result<ArchiveSource, PortError> {
        archive_now(written(&self.files().tar_with(more)).path(), None)
    }
}

fn parts(manifest: &RawManifest) -> (Digest, Vec<Digest>) {
    match manifest.parse().unwrap().kind {
        ManifestKind::Image { config, layers } => {
            (config.digest, layers.into_iter().map(|layer| layer.digest).collect())
        }
        ManifestKind::Index { .. } => panic!("an index"),
    }
}

/// The uncompressed layers of an image.
async fn unpacked(source: &impl ImageSource) -> Vec<Vec<u8>> {
    let ManifestKind::Image { layers, .. } = source.root().await.unwrap().parse().unwrap().kind else {
        panic!("an index")
    };
    let mut found = Vec::new();
    for layer in layers {
        assert_eq!(layer.media_type, "application/vnd.docker.image.rootfs.diff.tar.gzip");
        let mut bytes = Vec::new();
        GzDecoder::new(&read_blob(source, &layer).await[..]).read_to_end(&mut bytes).unwrap();
        found.push(bytes);
    }
    found
}

fn symbolic_link(builder: &mut Builder<Vec<u8>>, name: &str, target: &str) {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Symlink);
    header.set_path(name).unwrap();
    header.set_link_name_literal(target).unwrap();
    header.set_size(0);
    header.set_cksum();
    builder.append(&header, &b""[..]).unwrap();
}

#[tokio::test]
async fn an_archive_of_the_old_form_becomes_the_manifest_that_skopeo_makes() {
    let built = built();
    let source = archive(&built.path().join("save.tar"), None).await.unwrap();
    let ours = source.root().await.unwrap();
    assert_eq!(ours.media_type, "application/vnd.docker.distribution.manifest.v2+json");
    read_all(&source).await;
    // A folder of its manifest and blobs, with the layers as they are in the archive.
    run(program("skopeo", "skopeo")
        .args(["copy", "-q", "docker-archive:save.tar", "dir:theirs"])
        .current_dir(built.path()));
    let raw = std::fs::read(built.path().join("theirs/manifest.json")).unwrap();
    let theirs = RawManifest::new(ours.media_type.clone(), raw.into());
    let (config, layers) = parts(&theirs);
    assert_eq!(parts(&ours).0, config);
    let unpacked: Vec<Digest> = unpacked(&source).await.iter().map(|bytes| Digest::of(bytes)).collect();
    assert_eq!(unpacked, layers);
    let document = |manifest: &RawManifest| {
        let mut document: Value = serde_json::from_slice(&manifest.bytes).unwrap();
        for layer in document["layers"].as_array_mut().unwrap() {
            *layer = layer["mediaType"].as_str().unwrap().trim_end_matches(".gzip").into();
        }
        document
    };
    assert_eq!(document(&ours), document(&theirs));
}

/// The digest must not depend on where and when a layer is compressed, nor on how its bytes came.
#[tokio::test]
async fn the_same_image_has_the_same_digest_each_time() {
    let saved = Saved::new();
    let root = saved.opened().await.root().await.unwrap();
    assert_eq!(root.digest.to_string(), "sha256:54344791f0a3db640c8d76d6eb512e973a527668ed9835bc79aa0cff508a7171");
    let mut reordered = saved.files();
    reordered.0.reverse();
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&reordered.tar()).unwrap();
    let again = archive(written(&packed.finish().unwrap()).path(), None).await.unwrap();
    assert_eq!(again.root().await.unwrap(), root);
    let layers: Vec<Vec<u8>> = saved.layers.iter().map(|(_, bytes)| bytes.clone()).collect();
    assert_eq!(unpacked(&again).await, layers);
}

/// Engines since Docker 25 write a layout beside `manifest.json`, with uncompressed layers unless they have a content store.
#[tokio::test]
async fn the_new_form_gives_the_manifest_of_the_old_one() {
    let old = Saved::new();
    let mut files: Vec<(String, Vec<u8>)> = vec![("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec())];
    let mut layers = Vec::new();
    for (_, bytes) in &old.layers {
        layers.push(descriptor("application/vnd.oci.image.layer.v1.tar", bytes, ""));
        files.push((blob_name(bytes), bytes.clone()));
    }
    let config = descriptor("application/vnd.oci.image.config.v1+json", &old.config, "");
    files.push((blob_name(&old.config), old.config.clone()));
    let manifest =
        format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config},"layers":[{}]}}"#, layers.join(","));
    let names: Vec<String> = old.layers.iter().map(|(_, bytes)| blob_name(bytes)).collect();
    let listed = json!([{"Config": blob_name(&old.config), "RepoTags": ["shop:1"], "Layers": names}]);
    files.push(("manifest.json".into(), listed.to_string().into_bytes()));
    let mut files = Files(files);
    let digest = Digest::of(manifest.as_bytes());
    files.list(&[(MANIFEST, manifest.into_bytes(), &["1"])]);
    let file = written(&files.tar());
    let expected = old.opened().await.root().await.unwrap();
    for select in [None, Some("1")] {
        let source = archive(file.path(), select).await.unwrap();
        assert_eq!(source.root().await.unwrap(), expected);
        read_all(&source).await;
    }
    let scratch = Scratch::new(&BTreeMap::new());
    let open = |form| ArchiveSource::open(file.path(), None, form, &scratch);
    assert_eq!(open(ArchiveForm::Docker).await.unwrap().root().await.unwrap(), expected);
    // Called a layout, it is published as it is.
    assert_eq!(open(ArchiveForm::Oci).await.unwrap().root().await.unwrap().digest, digest);

    files.set("manifest.json", b"[]".to_vec());
    refused(archive(written(&files.tar()).path(), None).await, "`index.json` and `manifest.json` disagree");
}

#[tokio::test]
async fn a_layer_that_is_compressed_already_is_sent_as_it_is() {
    let mut saved = Saved::new();
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&saved.layers[0].1).unwrap();
    let packed = packed.finish().unwrap();
    saved.layers[0].1.clone_from(&packed);
    let file = written(&saved.files().tar());
    let source = archive(file.path(), None).await.unwrap();
    assert_eq!(parts(&source.root().await.unwrap()).1[0], Digest::of(&packed));
    assert_eq!(unpacked(&source).await, [layer(0), layer(1)]);
    read_all(&source).await;
}

#[tokio::test]
async fn a_layer_behind_a_link_is_found() {
    let mut saved = Saved::new();
    let (config, layers) = parts(&saved.opened().await.root().await.unwrap());
    saved.layers[1].0 = "shared.tar".into();
    let file = written(&saved.files().tar_with(|builder| symbolic_link(builder, "l1/layer.tar", "../shared.tar")));
    let source = archive(file.path(), None).await.unwrap();
    assert_eq!(parts(&source.root().await.unwrap()), (config, layers));
    read_all(&source).await;
}

#[tokio::test]
async fn one_of_several_images_is_chosen_by_name_or_id() {
    let mut saved = Saved::new();
    let mut other = saved.listed[0].clone();
    other["RepoTags"] = json!(["docker.io/library/cart:2", "ghcr.io/acme/cart:2"]);
    let config = String::from_utf8(saved.config.clone()).unwrap().replace("amd64", "arm64").into_bytes();
    let id = Digest::of(&config);
    other["Config"] = json!(format!("{}.json", id.hex()));
    saved.listed.as_array_mut().unwrap().push(other);
    let mut files = saved.files();
    files.set(&format!("{}.json", id.hex()), config);
    let file = written(&files.tar());
    let error = refused(archive(file.path(), None).await, "it holds 2 images: `shop:1`, `docker.io/library/cart:2`");
    assert!(error.hint.unwrap().contains(":NAME"));
    for select in ["cart:2", "docker.io/library/cart:2", "ghcr.io/acme/cart:2", &id.to_string()] {
        let source = archive(file.path(), Some(select)).await.unwrap();
        assert_eq!(parts(&source.root().await.unwrap()).0, id, "{select}");
    }
    let error = refused(archive(file.path(), Some("cart:3")).await, "no image in it is called `cart:3`");
    assert_eq!(error.kind, PortErrorKind::NotFound);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let spoiled = |spoil: &dyn Fn(&mut Saved)| {
        let mut saved = Saved::new();
        spoil(&mut saved);
        saved.open()
    };
    refused(spoiled(&|saved| drop(saved.layers.pop())), "names the layer `l1/layer.tar`, which is not in it");
    refused(spoiled(&|saved| saved.config_name = "other.json".into()), "which is not in it");
    refused(spoiled(&|saved| saved.layers[0].1[7] ^= 1), "is damaged: its bytes have the digest");
    refused(spoiled(&|saved| saved.config.push(b' ')), "is damaged: its bytes have the digest");
    let swapped = spoiled(&|saved| saved.listed[0]["Layers"] = json!(["l1/layer.tar", "l0/layer.tar"]));
    refused(swapped, "is damaged");
    let short = spoiled(&|saved| saved.listed[0]["Layers"] = json!(["l0/layer.tar"]));
    refused(short, "lists 1 layers, but the image's configuration 2");
    refused(spoiled(&|saved| saved.listed = json!([])), "lists no image");
    refused(spoiled(&|saved| saved.listed = json!({"Config": 1})), "`manifest.json` cannot be read");
    refused(spoiled(&|saved| saved.listed = json!(vec![saved.listed[0].clone(); 1001])), "more than 1000 images");
    refused(
        spoiled(&|saved| saved.listed[0]["Layers"] = json!(["../l0/layer.tar", "l1/layer.tar"])),
        "leads out of the archive",
    );
    refused(spoiled(&|saved| saved.listed[0]["Config"] = json!("/etc/passwd")), "leads out of the archive");
    refused(
        spoiled(&|saved| {
            saved.config = b"{}".to_vec();
            saved.config_name = "config.json".into();
            saved.listed[0]["Config"] = json!("config.json");
        }),
        "the configuration `config.json` cannot be read",
    );
    refused(
        spoiled(&|saved| {
            saved.config_name = "config.json".into();
            saved.listed[0]["Config"] = json!("config.json");
            saved.config.resize(5 * 1024 * 1024, b' ');
        }),
        "at most 4194304",
    );
    let many = spoiled(&|saved| {
        let layers = vec!["l0/layer.tar"; 501];
        let diff_ids = vec![Digest::of(&saved.layers[0].1).to_string(); 501];
        saved.config = json!({"rootfs": {"diff_ids": diff_ids}}).to_string().into_bytes();
        saved.config_name = "config.json".into();
        saved.listed = json!([{"Config": "config.json", "Layers": layers}]);
    });
    refused(many, "at most 500");
    let zstd = spoiled(&|saved| saved.layers[0].1 = b"\x28\xb5\x2f\xfd and so on".to_vec());
    refused(zstd, "it is compressed with zstd, and only gzip is read");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every byte is checked by something, or does not matter.
    #[test]
    fn a_flipped_bit_is_refused_or_changes_nothing(at in any::<prop::sample::Index>(), bit in 0..8_u32) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let saved = Saved::new();
        let expected = runtime.block_on(saved.opened()).root().now_or_never();
        let mut tar = saved.files().tar();
        let at = at.index(tar.len());
        tar[at] ^= 1 << bit;
        if let Ok(source) = archive_now(written(&tar).path(), None) {
            prop_assert_eq!(source.root().now_or_never().unwrap().unwrap(), expected.unwrap().unwrap());
        }
    }
}

#[test]
fn hostile_archives_are_refused() {
    let without_layer = || {
        let mut saved = Saved::new();
        saved.layers.pop();
        saved
    };
    for target in ["/etc/passwd", "../../etc/passwd", ""] {
        let opened = without_layer().open_with(|builder| symbolic_link(builder, "l1/layer.tar", target));
        refused(opened, "is a symbolic link that leads out of the archive");
    }
    let chain = without_layer().open_with(|builder| {
        symbolic_link(builder, "l1/layer.tar", "../a");
        symbolic_link(builder, "a", "l1/layer.tar");
    });
    refused(chain, "is a symbolic link to what is no file of the archive");
    let hard = without_layer().open_with(|builder| add(builder, b"l1/layer.tar", EntryType::Link, b""));
    refused(hard, "is a hard link");
    let twice = Saved::new().open_with(|builder| symbolic_link(builder, "l1/layer.tar", "../a"));
    refused(twice, "occurs twice");
    let saved = Saved::new();
    let with = |name: &'static [u8], kind| saved.open_with(|builder| add(builder, name, kind, b""));
    refused(with(b"../evil", EntryType::Regular), "leads out of the archive");
    refused(with(b"/evil", EntryType::Regular), "leads out of the archive");
    refused(with(b"manifest.json", EntryType::Regular), "occurs twice");
    refused(with(b"sparse", EntryType::GNUSparse), "a sparse file");
    refused(with(b"device", EntryType::Char), "a device or pipe");
    let mut huge = saved.files().tar();
    huge.truncate(huge.len() - 1024);
    let mut builder = Builder::new(huge);
    let mut header = Header::new_gnu();
    header.set_path("huge").unwrap();
    header.set_size(1 << 60);
    header.set_cksum();
    builder.append(&header, &b""[..]).unwrap();
    refused(archive_now(written(&builder.into_inner().unwrap()).path(), None), "runs past its end");
}

/// The file takes 4 KB on disk, and says that it has 300 GB.
#[test]
fn layers_that_are_holes_are_refused() {
    const SIZE: u64 = 300_000_000_000 / 512 * 512;
    let mut saved = Saved::new();
    let (name, _) = saved.layers.remove(0);
    let mut header = Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_size(SIZE);
    header.set_cksum();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.as_file().set_len(512 + SIZE).unwrap();
    file.seek(SeekFrom::End(0)).unwrap();
    file.write_all(&saved.files().tar()).unwrap();
    refused(archive_now(file.path(), None), "its layers have 300000");
}

#[tokio::test]
async fn an_index_that_the_engine_has_only_a_part_of_says_so() {
    let mut files = Files::index(&["1"]);
    files.set("manifest.json", b"[]".to_vec());
    let manifests = |(_, bytes): &&(String, Vec<u8>)| {
        bytes.starts_with(br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest"#)
    };
    let last = files.0.iter().rfind(manifests).unwrap().0.clone();
    files.0.retain(|(name, _)| *name != last);
    let source = archive(written(&files.tar()).path(), None).await.unwrap();
    let ManifestKind::Index { manifests } = source.root().await.unwrap().parse().unwrap().kind else {
        panic!("an image")
    };
    source.manifest(&manifests[0]).await.unwrap();
    let error = refused(source.manifest(&manifests[1]).await, "is not in it");
    assert!(error.hint.unwrap().contains("--platform"));
}

/// 330 kB that unpack to 320 MiB, as a layer: nobody would learn of it before a registry or engine unpacks it.
#[test]
fn a_bomb_for_a_layer_is_refused() {
    let mut member = GzEncoder::new(Vec::new(), Compression::best());
    member.write_all(&vec![0; 16 * 1024 * 1024]).unwrap();
    let mut saved = Saved::new();
    saved.layers[0].1 = member.finish().unwrap().repeat(20);
    refused(saved.open(), "more than 268435456 when it is unpacked");
}

#[test]
fn names_of_a_tar_take_bounded_memory() {
    let name = [vec![b'a'; 60_000], vec![0]].concat();
    let opened = Saved::new().open_with(|builder| {
        for number in 0..300_u32 {
            let name = [number.to_string().as_bytes(), &name].concat();
            add(builder, b"././@LongLink", EntryType::GNULongName, &name);
            add(builder, b"short", EntryType::Regular, b"");
        }
    });
    refused(opened, "the names of its entries take more than");
}

#[tokio::test]
async fn who_says_what_it_is_is_held_to_it() {
    let old = written(&Saved::new().files().tar());
    let layout = written(&Files::index(&[]).tar());
    let scratch = Scratch::new(&BTreeMap::new());
    let open = |file: &NamedTempFile, form| {
        let (path, scratch) = (file.path().to_owned(), &scratch);
        async move { ArchiveSource::open(&path, None, form, scratch).await }
    };
    refused(open(&old, ArchiveForm::Oci).await, "`docker-archive:`");
    refused(open(&layout, ArchiveForm::Docker).await, "`oci-archive:`");
    open(&old, ArchiveForm::Docker).await.unwrap();
    open(&layout, ArchiveForm::Oci).await.unwrap();
}
