//! Image layouts as other programs write them, and as nobody should.

mod docker_save;
mod joined;
mod packed;

use std::{collections::BTreeMap, fs, io::Write as _, os::unix::fs::symlink, path::Path};

use ghcr_lifecycle::{
    adapters::{
        runner::temporary::Scratch,
        sources::{ArchiveForm, ArchiveSource, LayoutSource, SingleSource},
    },
    model::{Descriptor, Digest, ManifestKind},
    ports::{ImageSource, PortError, PortErrorKind},
};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;

use crate::programs::{program, run};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A layout in memory: names and contents in the order of the archive.
#[derive(Clone)]
struct Files(Vec<(String, Vec<u8>)>);

fn descriptor(media_type: &str, bytes: &[u8], more: &str) -> String {
    let (digest, size) = (Digest::of(bytes), bytes.len());
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}{more}}}"#)
}

fn blob_name(bytes: &[u8]) -> String {
    format!("blobs/sha256/{}", Digest::of(bytes).hex())
}

impl Files {
    /// An index of two platforms, listed once for each of `names`.
    fn index(names: &[&str]) -> Self {
        let mut files = vec![("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec())];
        let mut children = Vec::new();
        for architecture in ["amd64", "arm64"] {
            let config = format!(r#"{{"os":"linux","architecture":"{architecture}"}}"#).into_bytes();
            let layer = format!("layer for {architecture}").into_bytes();
            let config_descriptor = descriptor("application/vnd.oci.image.config.v1+json", &config, "");
            let layer_descriptor = descriptor("application/vnd.oci.image.layer.v1.tar", &layer, "");
            let manifest = format!(
                r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config_descriptor},"layers":[{layer_descriptor}]}}"#
            )
            .into_bytes();
            let platform = format!(r#","platform":{{"os":"linux","architecture":"{architecture}"}}"#);
            children.push(descriptor(MANIFEST, &manifest, &platform));
            files.extend([config, layer, manifest].map(|bytes| (blob_name(&bytes), bytes)));
        }
        let index = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#, children.join(","));
        let mut files = Self(files);
        files.list(&[(INDEX, index.into_bytes(), names)]);
        files
    }

    /// Adds the roots and an `index.json` that lists them.
    fn list(&mut self, roots: &[(&str, Vec<u8>, &[&str])]) {
        let mut listed = Vec::new();
        for (media_type, bytes, names) in roots {
            let annotation = |name| format!(r#","annotations":{{"org.opencontainers.image.ref.name":"{name}"}}"#);
            let annotations: Vec<String> =
                if names.is_empty() { vec![String::new()] } else { names.iter().map(annotation).collect() };
            listed.extend(annotations.iter().map(|more| descriptor(media_type, bytes, more)));
            self.0.push((blob_name(bytes), bytes.clone()));
        }
        self.set("index.json", format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, listed.join(",")).into_bytes());
    }

    fn set(&mut self, name: &str, bytes: Vec<u8>) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.into(), bytes));
    }

    fn folder(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in &self.0 {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    fn tar(&self) -> Vec<u8> {
        self.tar_with(|_| {})
    }

    /// A tar of the files with entries of a test's own after them.
    fn tar_with(&self, more: impl FnOnce(&mut Builder<Vec<u8>>)) -> Vec<u8> {
        let mut builder = Builder::new(Vec::new());
        for (name, bytes) in &self.0 {
            add(&mut builder, name.as_bytes(), EntryType::Regular, bytes);
        }
        more(&mut builder);
        builder.into_inner().unwrap()
    }
}

/// Appends an entry with any name, even one that the tar crate would refuse to write.
fn add(builder: &mut Builder<Vec<u8>>, name: &[u8], kind: EntryType, bytes: &[u8]) {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    builder.append(&header, bytes).unwrap();
}

fn pax(builder: &mut Builder<Vec<u8>>, kind: EntryType, key: &str, value: &str) {
    let body = format!(" {key}={value}\n");
    let mut length = body.len();
    while body.len() + length.to_string().len() != length {
        length = body.len() + length.to_string().len();
    }
    add(builder, b"PaxHeaders/x", kind, format!("{length}{body}").as_bytes());
}

fn written(bytes: &[u8]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

async fn archive(path: &Path, select: Option<&str>) -> Result<ArchiveSource, PortError> {
    ArchiveSource::open(path, select, ArchiveForm::Any, &Scratch::new(&BTreeMap::new())).await
}

/// The same for tests that do nothing else that waits.
fn archive_now(path: &Path, select: Option<&str>) -> Result<ArchiveSource, PortError> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(archive(path, select))
}

fn open_tar(bytes: &[u8]) -> Result<(), PortError> {
    archive_now(written(bytes).path(), None).map(drop)
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T, PortError>, words: &str) -> PortError {
    let error = result.unwrap_err();
    let text = format!("{error} (hint: {})", error.hint.as_deref().unwrap_or("none"));
    assert!(text.contains(words), "expected `{words}` in: {text}");
    error
}

/// Reads the whole image and returns the digests of its manifests, root first.
async fn read_all(source: &impl ImageSource) -> Vec<Digest> {
    let root = source.root().await.unwrap();
    let mut digests = vec![root.digest.clone()];
    let mut manifests = vec![root];
    while let Some(raw) = manifests.pop() {
        match raw.parse().unwrap().kind {
            ManifestKind::Index { manifests: children } => {
                for child in children {
                    let manifest = source.manifest(&child).await.unwrap();
                    assert_eq!(manifest.digest, child.digest);
                    digests.push(manifest.digest.clone());
                    manifests.push(manifest);
                }
            }
            ManifestKind::Image { config, layers } => {
                for blob in layers.iter().chain([config.as_ref()]) {
                    assert_eq!(Digest::of(&read_blob(source, blob).await), blob.digest);
                }
            }
        }
    }
    digests
}

async fn read_blob(source: &impl ImageSource, blob: &Descriptor) -> Vec<u8> {
    let mut bytes = Vec::new();
    source.blob(blob).await.unwrap().read_to_end(&mut bytes).await.unwrap();
    bytes
}

/// An image made by buildah, as the layout `lay`, the archive `image.tar`, and skopeo's copies of it.
fn built() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let buildah = |arguments: &[&str]| {
        let mut command = program("buildah", "buildah");
        command.arg("--root").arg(at.join("root")).arg("--runroot").arg(at.join("runroot"));
        run(command.args(["--storage-driver", "vfs"]).args(arguments).current_dir(at))
    };
    fs::write(at.join("greeting"), "hello\n").unwrap();
    let container = buildah(&["from", "--isolation", "chroot", "scratch"]);
    buildah(&["copy", &container, "greeting", "/greeting"]);
    buildah(&["commit", "--quiet", "--rm", &container, "localhost/image:1"]);
    buildah(&["push", "--quiet", "localhost/image:1", "oci:lay:v1"]);
    buildah(&["push", "--quiet", "localhost/image:1", "oci-archive:image.tar:v1"]);
    let skopeo = |to: &str| run(program("skopeo", "skopeo").args(["copy", "-q", "oci:lay:v1", to]).current_dir(at));
    skopeo("oci-archive:copy.tar:other");
    skopeo("docker-archive:save.tar:image:1");
    folder
}

#[tokio::test]
async fn images_of_buildah_and_skopeo_are_read_whole() {
    let built = built();
    let at = |name: &str| built.path().join(name);
    let expected = vec![Digest::of(
        run(program("skopeo", "skopeo").args(["inspect", "--raw", "oci:lay:v1"]).current_dir(built.path())).as_bytes(),
    )];
    let layout = LayoutSource::open(&at("lay"), None).unwrap();
    assert_eq!(read_all(&layout).await, expected);
    assert_eq!(read_all(&LayoutSource::open(&at("lay"), Some("v1")).unwrap()).await, expected);
    for (name, select) in [("image.tar", Some("v1")), ("copy.tar", None)] {
        assert_eq!(read_all(&archive(&at(name), select).await.unwrap()).await, expected);
    }

    // As the system's tar packs a folder: names begin with `./`, folders are entries.
    run(program("tar", "tar").arg("-cf").arg(at("plain.tar")).arg("-C").arg(at("lay")).arg("."));
    assert_eq!(read_all(&archive(&at("plain.tar"), None).await.unwrap()).await, expected);
    run(program("tar", "tar").arg("--format=pax").arg("-cf").arg(at("pax.tar")).arg("-C").arg(at("lay")).arg("."));
    assert_eq!(read_all(&archive(&at("pax.tar"), None).await.unwrap()).await, expected);
    // By its first bytes, whatever it is called.
    run(program("gzip", "gzip").arg(at("plain.tar")));
    fs::rename(at("plain.tar.gz"), at("plain")).unwrap();
    assert_eq!(read_all(&archive(&at("plain"), None).await.unwrap()).await, expected);
}

#[tokio::test]
async fn an_index_and_its_children_are_read_from_folder_and_tar() {
    let files = Files::index(&["latest", "v1"]);
    let folder = files.folder();
    let layout = LayoutSource::open(folder.path(), None).unwrap();
    let digests = read_all(&layout).await;
    assert_eq!(digests.len(), 3);
    let file = written(&files.tar());
    let archive = SingleSource::Archive(archive(file.path(), Some("v1")).await.unwrap());
    assert_eq!(read_all(&archive).await, digests);
    let blob: Descriptor = serde_json::from_str(&descriptor("application/octet-stream", b"", "")).unwrap();
    assert!(archive.mount_from(&blob).is_none());
}

#[tokio::test]
async fn blobs_of_an_archive_are_read_side_by_side() {
    let file = written(&Files::index(&[]).tar());
    let archive = archive(file.path(), None).await.unwrap();
    let results = futures::future::join_all((0..8).map(|_| read_all(&archive))).await;
    assert!(results.iter().all(|digests| *digests == results[0]));
}

#[test]
fn several_images_need_a_selection() {
    let mut files = Files::index(&[]);
    let root = |layer: &str| {
        let config = descriptor("application/vnd.oci.image.config.v1+json", layer.as_bytes(), "");
        format!(r#"{{"schemaVersion":2,"config":{config},"layers":[]}}"#).into_bytes()
    };
    let (one, two) = (root("one"), root("two"));
    files.list(&[(MANIFEST, one.clone(), &["one"]), (MANIFEST, two.clone(), &["two"])]);
    let folder = files.folder();
    let open = |select: Option<&str>| LayoutSource::open(folder.path(), select);
    let error = refused(open(None), "holds 2 images");
    assert!(error.detail.contains("`one`") && error.detail.contains(&Digest::of(&two).to_string()));
    refused(open(Some("three")), "no image in it is called `three`");
    assert!(open(Some("one")).is_ok());
    assert!(open(Some(&Digest::of(&two).to_string())).is_ok());
    assert_eq!(open(Some("three")).unwrap_err().kind, PortErrorKind::NotFound);
}

#[test]
fn a_manifest_that_is_not_what_its_descriptor_says_is_refused() {
    let good = Files::index(&[]);
    let with_index = |text: String| {
        let mut files = good.clone();
        files.set("index.json", text.into_bytes());
        let folder = files.folder();
        let tar = open_tar(&files.tar());
        let layout = LayoutSource::open(folder.path(), None).map(drop);
        assert_eq!(layout.as_ref().map_err(|error| &error.detail), tar.as_ref().map_err(|error| &error.detail));
        tar
    };
    let root = good.0.iter().rev().nth(1).unwrap().1.clone();
    let list = |entry: String| with_index(format!(r#"{{"schemaVersion":2,"manifests":[{entry}]}}"#));
    list(descriptor(INDEX, &root, "")).unwrap();
    refused(list(descriptor(INDEX, &root, "").replace(r#""size":"#, r#""size":1"#)), "is listed with");
    refused(list(descriptor(MANIFEST, &root, "")), "calls itself");
    refused(list(descriptor("text/plain", &root, "")), "is no manifest");
    refused(list(descriptor(INDEX, b"absent", "")), "is not in it");
    refused(list(r#"{"mediaType":"a","digest":"sha256:../../../etc/passwd","size":1}"#.into()), "cannot be read");
    let huge = descriptor(INDEX, &root, "").replace(r#""size":"#, r#""size":99999999"#);
    refused(list(huge), "at most 4 MiB");
    refused(with_index("{}".into()), "cannot be read");
    refused(with_index(r#"{"manifests":[]}"#.into()), "lists no image");

    let mut damaged = good.clone();
    let mut bytes = root.clone();
    bytes[20] ^= 1;
    damaged.set(&blob_name(&root), bytes);
    refused(open_tar(&damaged.tar()), "is damaged");
    let mut old = good.clone();
    old.set("oci-layout", br#"{"imageLayoutVersion":"2.0.0"}"#.to_vec());
    refused(open_tar(&old.tar()), "version `2.0.0`");
    let mut large = good;
    large.set("index.json", vec![b' '; 5 * 1024 * 1024]);
    refused(open_tar(&large.tar()), "at most 4194304");
    refused(LayoutSource::open(large.folder().path(), None), "at most 4194304");
}

#[tokio::test]
async fn a_blob_of_the_wrong_size_is_not_opened() {
    let mut files = Files::index(&[]);
    let layer = b"layer for amd64".to_vec();
    let short = layer[..4].to_vec();
    files.set(&blob_name(&layer), short);
    let blob: Descriptor = serde_json::from_str(&descriptor("application/octet-stream", &layer, "")).unwrap();
    let (folder, file) = (files.folder(), written(&files.tar()));
    let layout = LayoutSource::open(folder.path(), None).unwrap();
    let archive = archive(file.path(), None).await.unwrap();
    refused(layout.blob(&blob).await.map(drop), "has 4 bytes, but is listed with 15");
    refused(archive.blob(&blob).await.map(drop), "has 4 bytes, but is listed with 15");
}

#[tokio::test]
async fn an_archive_that_changes_while_it_is_read_is_noticed() {
    let file = written(&Files::index(&[]).tar());
    let archive = archive(file.path(), None).await.unwrap();
    let blob: Descriptor =
        serde_json::from_str(&descriptor("application/octet-stream", b"layer for amd64", "")).unwrap();
    read_blob(&archive, &blob).await;
    fs::OpenOptions::new().append(true).open(file.path()).unwrap().write_all(b"more").unwrap();
    refused(archive.blob(&blob).await.map(drop), "changed while it was read");
}

#[test]
fn links_out_of_a_folder_are_refused() {
    let outside = tempfile::tempdir().unwrap();
    let files = Files::index(&[]);
    let folder = files.folder();
    fs::rename(folder.path().join("index.json"), outside.path().join("index.json")).unwrap();
    symlink(outside.path().join("index.json"), folder.path().join("index.json")).unwrap();
    refused(LayoutSource::open(folder.path(), None), "leads out of the folder");

    let folder = files.folder();
    fs::rename(folder.path().join("blobs/sha256"), outside.path().join("sha256")).unwrap();
    symlink(outside.path().join("sha256"), folder.path().join("blobs/sha256")).unwrap();
    refused(LayoutSource::open(folder.path(), None), "leads out of the folder");

    let folder = files.folder();
    fs::rename(folder.path().join("blobs"), folder.path().join("elsewhere")).unwrap();
    symlink("elsewhere", folder.path().join("blobs")).unwrap();
    LayoutSource::open(folder.path(), None).unwrap();

    let folder = files.folder();
    fs::remove_file(folder.path().join("index.json")).unwrap();
    run(program("mkfifo", "coreutils").arg(folder.path().join("index.json")));
    refused(LayoutSource::open(folder.path(), None), "no regular file");
    refused(archive_now(&folder.path().join("index.json"), None), "no regular file");
}

#[test]
fn hostile_archives_are_refused() {
    let files = Files::index(&[]);
    let with = |more: &dyn Fn(&mut Builder<Vec<u8>>)| open_tar(&files.tar_with(|builder| more(builder)));
    let entry = |name: &'static [u8], kind| with(&move |builder| add(builder, name, kind, b""));
    open_tar(&files.tar()).unwrap();
    entry(b"some/folder/", EntryType::Directory).unwrap();
    for name in [&b"../evil"[..], b"blobs/../../evil", b"..", b"a/.."] {
        refused(entry(name.to_vec().leak(), EntryType::Regular), "leads out of the archive");
    }
    refused(entry(b"/etc/passwd", EntryType::Regular), "leads out of the archive");
    refused(entry(b"\xff\xfe", EntryType::Regular), "no valid name");
    refused(entry(b"link", EntryType::Symlink), "a symbolic link");
    refused(entry(b"link", EntryType::Link), "a hard link");
    for kind in [EntryType::Char, EntryType::Block, EntryType::Fifo] {
        refused(entry(b"device", kind), "a device or pipe");
    }
    refused(entry(b"sparse", EntryType::GNUSparse), "a sparse file");
    refused(entry(b"what", EntryType::new(b'Z')), "of an unknown kind");
    refused(entry(b"index.json", EntryType::Regular), "occurs twice");
    refused(entry(b"./blobs//../index.json", EntryType::Regular), "leads out");
    refused(entry(b".//index.json", EntryType::Regular), "occurs twice");
    refused(with(&|builder| pax(builder, EntryType::XHeader, "GNU.sparse.major", "1")), "a sparse file");
    refused(with(&|builder| pax(builder, EntryType::XGlobalHeader, "path", "index.json")), "a global header");
    refused(with(&|builder| add(builder, b"x", EntryType::XHeader, &[b'9'; 70_000])), "at most 65536");
    refused(with(&|builder| add(builder, b"x", EntryType::XHeader, b"99 path=a\n")), "extended header cannot be read");
    let renamed = with(&|builder| {
        pax(builder, EntryType::XHeader, "path", "index.json");
        add(builder, b"harmless", EntryType::Regular, b"");
    });
    refused(renamed, "occurs twice");
    let long = with(&|builder| {
        add(builder, b"././@LongLink", EntryType::GNULongName, b"../evil\0");
        add(builder, b"harmless", EntryType::Regular, b"");
    });
    refused(long, "leads out");
    let past_the_end = with(&|builder| {
        pax(builder, EntryType::XHeader, "size", "18446744073709551615");
        add(builder, b"big", EntryType::Regular, b"");
    });
    refused(past_the_end, "runs past its end");

    let whole = files.tar();
    refused(open_tar(&whole[..whole.len() - 1024 - 512]), "cut off");
    refused(open_tar(&whole[..whole.len() - 1024]), "no end mark");
    refused(open_tar(&whole[..700]), "cut off");
    let mut flipped = whole.clone();
    flipped[1024] ^= 1;
    refused(open_tar(&flipped), "damaged");
    refused(open_tar(b""), "no tar archive");
    refused(open_tar(&[b'x'; 4096]), "no tar archive");
    refused(open_tar(&[0; 10240]), "no OCI image layout");
    refused(open_tar(b"\x28\xb5\x2f\xfd\0"), "compressed with zstd");
}

#[test]
fn an_archive_of_too_many_entries_is_refused() {
    let mut builder = Builder::new(Vec::new());
    for number in 0..100_001_u32 {
        add(&mut builder, format!("{number}").as_bytes(), EntryType::Regular, b"");
    }
    refused(open_tar(&builder.into_inner().unwrap()), "more than 100000 entries");
}

#[test]
fn a_missing_source_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent");
    assert_eq!(LayoutSource::open(&absent, None).unwrap_err().kind, PortErrorKind::NotFound);
    assert_eq!(archive_now(&absent, None).unwrap_err().kind, PortErrorKind::NotFound);
    refused(LayoutSource::open(folder.path(), None), "type=oci");
    fs::write(folder.path().join("manifest.json"), "[]").unwrap();
    refused(LayoutSource::open(folder.path(), None), "unpacked `docker save`");
}
