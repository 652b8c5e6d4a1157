//! Several sources as one index.

use std::collections::BTreeMap;

use ghcr_lifecycle::{
    adapters::{
        http::{HttpClient, HttpOptions},
        registry::{CredentialOptions, RegistryClient},
        sources::{NamedSource, Opener, Source},
    },
    model::{Digest, RawManifest},
    ports::{ImageSource as _, PortError},
    sandbox::SampleImage,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Files, MANIFEST, descriptor, read_all, refused};

/// Layouts in folders, by the order in which they were made.
struct Layouts {
    folders: Vec<TempDir>,
}

impl Layouts {
    fn new() -> Self {
        Self { folders: Vec::new() }
    }

    fn add(&mut self, folder: TempDir) -> String {
        let text = format!("oci:{}", folder.path().display());
        self.folders.push(folder);
        text
    }

    fn sample(&mut self, image: &SampleImage) -> String {
        let folder = tempfile::tempdir().unwrap();
        image.write_layout(folder.path()).unwrap();
        self.add(folder)
    }

    /// A layout of one image with this configuration.
    fn image(&mut self, config: &Value, media_type: &str) -> String {
        let config = config.to_string().into_bytes();
        let config_descriptor = descriptor(media_type, &config, "");
        let manifest =
            format!(r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{config_descriptor},"layers":[]}}"#)
                .into_bytes();
        let mut files = Files(vec![("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec())]);
        files.0.push((super::blob_name(&config), config));
        files.list(&[(MANIFEST, manifest, &[])]);
        self.add(files.folder())
    }

    /// A layout of one image for this platform.
    fn runs_on(&mut self, platform: Value) -> String {
        self.image(&platform, "application/vnd.oci.image.config.v1+json")
    }
}

async fn join(lines: &[String]) -> Result<Source, PortError> {
    let client = HttpClient::new(&HttpOptions::default()).unwrap();
    let opener = Opener::new(&RegistryClient::new(client, CredentialOptions::default()), &BTreeMap::new());
    let named: Vec<NamedSource> = lines.iter().map(|line| NamedSource::parse(line).unwrap()).collect();
    Source::of(opener.open_all(&named).await.unwrap()).await
}

async fn root(lines: &[String]) -> RawManifest {
    join(lines).await.unwrap().root().await.unwrap()
}

fn entries(index: &RawManifest) -> Vec<Value> {
    let document: Value = serde_json::from_slice(&index.bytes).unwrap();
    document["manifests"].as_array().unwrap().clone()
}

fn single(platform: &str) -> SampleImage {
    SampleImage::builder().seed(platform).platform(platform).build()
}

#[tokio::test]
async fn one_source_stays_what_it_is() {
    let mut layouts = Layouts::new();
    let image = single("linux/amd64");
    let text = layouts.sample(&image);
    let root = root(&[text]).await;
    assert_eq!(root.digest, *image.digest());
}

#[tokio::test]
async fn images_of_several_platforms_become_one_index_in_their_order() {
    let mut layouts = Layouts::new();
    let config = json!({"os": "linux", "architecture": "arm", "variant": "v6"});
    let lines = [
        layouts.runs_on(json!({"os": "linux", "architecture": "riscv64"})),
        layouts.runs_on(
            json!({"architecture": "amd64", "os": "windows", "os.version": "10.0.20348.1", "os.features": ["x"]}),
        ),
        layouts.runs_on(config),
    ];
    let source = join(&lines).await.unwrap();
    let index = source.root().await.unwrap();
    assert_eq!(index.media_type, "application/vnd.oci.image.index.v1+json");
    let platforms: Vec<String> = entries(&index).iter().map(|entry| entry["platform"].to_string()).collect();
    assert_eq!(
        platforms,
        [
            r#"{"architecture":"riscv64","os":"linux"}"#,
            r#"{"architecture":"amd64","os":"windows","os.version":"10.0.20348.1","os.features":["x"]}"#,
            r#"{"architecture":"arm","os":"linux","variant":"v6"}"#,
        ]
    );
    assert_eq!(read_all(&source).await.len(), 4);
    assert_eq!(root(&lines).await, index);
    // Its bytes are its identity: who changes them changes every digest.
    assert_eq!(index.digest.to_string(), "sha256:8c0008eeb6471c02c7ea1ff72c4261c7bc4fb9599a3af7622a2f11b5f2ca3e0b");
}

#[tokio::test]
async fn an_index_contributes_its_children_as_it_lists_them() {
    let mut layouts = Layouts::new();
    let both = SampleImage::builder()
        .platform("linux/amd64")
        .platform("linux/arm64")
        .attestation(true)
        .annotation("org.opencontainers.image.description", "a shop")
        .build();
    let more = single("linux/riscv64");
    let lines = [layouts.sample(&both), layouts.sample(&more)];
    let source = join(&lines).await.unwrap();
    let index = source.root().await.unwrap();
    let (before, after) = (entries(both.root()), entries(&index));
    assert_eq!(after[..before.len()], before[..]);
    assert_eq!(after.len(), before.len() + 1);
    assert_eq!(after[before.len()]["digest"], more.digest().to_string());
    let document: Value = serde_json::from_slice(&index.bytes).unwrap();
    assert_eq!(document["annotations"]["org.opencontainers.image.description"], "a shop");
    read_all(&source).await;

    // Joined again with what it has already, it stays what it is.
    let twice = [&lines[..], &lines[..]].concat();
    assert_eq!(root(&twice).await, index);
}

#[tokio::test]
async fn two_images_for_one_platform_are_an_error_that_names_both() {
    let mut layouts = Layouts::new();
    let images = ["one", "two"].map(|seed| SampleImage::builder().seed(seed).platform("linux/arm64").build());
    let lines = images.map(|image| layouts.sample(&image));
    let error = refused(join(&lines).await, "both hold an image for linux/arm64");
    assert!(lines.iter().all(|line| error.detail.contains(line)), "{error}");
    // Variants that go without saying.
    for (one, two) in [
        (
            json!({"os": "linux", "architecture": "arm64"}),
            json!({"os": "linux", "architecture": "arm64", "variant": "v8"}),
        ),
        (json!({"os": "linux", "architecture": "arm"}), json!({"os": "linux", "architecture": "arm", "variant": "v7"})),
    ] {
        let lines = [layouts.runs_on(one), layouts.runs_on(two)];
        refused(join(&lines).await, "both hold an image for");
    }
    let lines =
        ["v6", "v7"].map(|variant| layouts.runs_on(json!({"os": "linux", "architecture": "arm", "variant": variant})));
    assert_eq!(entries(&root(&lines).await).len(), 2);
}

#[tokio::test]
async fn a_platform_is_said_where_the_image_does_not() {
    let mut layouts = Layouts::new();
    let silent = layouts.image(&json!({}), "application/vnd.oci.image.config.v1+json");
    let artifact = layouts.image(&json!("no object"), "application/vnd.acme.thing.v1+json");
    let other = layouts.runs_on(json!({"os": "linux", "architecture": "amd64"}));
    let error = refused(join(&[other.clone(), silent.clone()]).await, "does not say what the image runs on");
    assert!(error.hint.unwrap().contains(",platform="));
    refused(join(&[other.clone(), artifact.clone()]).await, "does not say what the image runs on");
    let lines =
        [other.clone(), format!("{silent},platform=linux/riscv64"), format!("{artifact},platform=plan9/mips/x")];
    let platforms: Vec<String> =
        entries(&root(&lines).await).iter().map(|entry| entry["platform"].to_string()).collect();
    assert_eq!(
        platforms[1..],
        [r#"{"architecture":"riscv64","os":"linux"}"#, r#"{"architecture":"mips","os":"plan9","variant":"x"}"#]
    );
    // Alone too: only an index can say it.
    let alone = root(&[format!("{silent},platform=linux/riscv64")]).await;
    assert_eq!(entries(&alone)[0]["platform"]["architecture"], "riscv64");

    let error = refused(join(&[format!("{other},platform=linux/arm64")]).await, "its configuration says linux/amd64");
    assert!(error.detail.contains("is said to be for linux/arm64"));
    let arm = layouts.runs_on(json!({"os": "linux", "architecture": "arm"}));
    let more = root(&[format!("{arm},platform=linux/arm/v6")]).await;
    assert_eq!(entries(&more)[0]["platform"]["variant"], "v6");
    let index = layouts.add(Files::index(&[]).folder());
    refused(join(&[format!("{index},platform=linux/arm64"), other]).await, "is an index, which says itself");
}

#[tokio::test]
async fn what_cannot_be_joined_is_refused() {
    let mut layouts = Layouts::new();
    let other = layouts.runs_on(json!({"os": "linux", "architecture": "amd64"}));
    let cache = {
        let mut files = Files(vec![("oci-layout".into(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec())]);
        let part = descriptor("application/vnd.buildkit.cacheconfig.v0", b"{}", "");
        let index = format!(r#"{{"schemaVersion":2,"mediaType":"{}","manifests":[{part}]}}"#, super::INDEX);
        files.list(&[(super::INDEX, index.into_bytes(), &[])]);
        layouts.add(files.folder())
    };
    refused(join(&[other.clone(), cache]).await, "is an index that lists no image");
    let damaged = layouts.runs_on(json!({"os": "linux", "architecture": "arm64"}));
    let config = json!({"os": "linux", "architecture": "arm64"}).to_string();
    let path = damaged.trim_start_matches("oci:");
    let blob = std::path::Path::new(path).join("blobs/sha256").join(Digest::of(config.as_bytes()).hex());
    std::fs::write(blob, config.replace("arm64", "arm65")).unwrap();
    refused(join(&[other, damaged]).await, "does not match its digest");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// The index lists every platform once, in the order given, and the same lines give the same bytes.
    #[test]
    fn any_set_of_platforms_becomes_one_index(names in proptest::collection::hash_set("[a-z]{3,8}", 2..6)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut layouts = Layouts::new();
        let lines: Vec<String> = names.iter().map(|name| layouts.runs_on(json!({"os": "linux", "architecture": name}))).collect();
        let index = runtime.block_on(root(&lines));
        let found: Vec<String> = entries(&index)
            .iter()
            .map(|entry| entry["platform"]["architecture"].as_str().unwrap().to_owned())
            .collect();
        prop_assert_eq!(found, names.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(runtime.block_on(root(&lines)), index);
    }
}
