//! How a user names a source.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ghcr_lifecycle::{
    adapters::sources::{ArchiveForm, LocalKind, LocalSource, NamedSource, SourceSpec},
    model::Digest,
};

#[test]
fn users_name_sources_in_several_ways() {
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("lay:out");
    fs::create_dir(&layout).unwrap();
    let file = folder.path().join("image.tar");
    fs::write(&file, "").unwrap();
    let (layout_text, file_text) = (layout.display(), file.display());
    let local = |kind, path: &PathBuf, select: Option<&str>| {
        SourceSpec::Local(LocalSource { kind, path: path.clone(), select: select.map(str::to_owned) })
    };
    let digest = Digest::of(b"");
    for (text, expected) in [
        (format!("oci:{layout_text}"), local(LocalKind::Layout, &layout, None)),
        (format!("{layout_text}"), local(LocalKind::Layout, &layout, None)),
        (format!("oci:{layout_text}:v1"), local(LocalKind::Layout, &layout, Some("v1"))),
        (format!("oci-archive:{file_text}"), local(LocalKind::Archive(ArchiveForm::Oci), &file, None)),
        (format!(" {file_text}\n"), local(LocalKind::Archive(ArchiveForm::Any), &file, None)),
        (
            format!("oci-archive:{file_text}@{digest}"),
            local(LocalKind::Archive(ArchiveForm::Oci), &file, Some(&digest.to_string())),
        ),
        (
            format!("oci-archive:{file_text}:ghcr.io/a/b:1"),
            local(LocalKind::Archive(ArchiveForm::Oci), &file, Some("ghcr.io/a/b:1")),
        ),
        (format!("docker-archive:{file_text}:a:1"), local(LocalKind::Archive(ArchiveForm::Docker), &file, Some("a:1"))),
        ("oci:not/there:1".into(), local(LocalKind::Layout, &Path::new("not/there:1").to_owned(), None)),
    ] {
        assert_eq!(SourceSpec::parse(&text).unwrap(), expected, "{text}");
    }
    for text in ["docker://ghcr.io/a/b:1", "ghcr.io/a/b:1", "127.0.0.1:5000/a/b:1"] {
        let expected = text.trim_start_matches("docker://");
        match SourceSpec::parse(text).unwrap() {
            SourceSpec::Registry(reference) => assert_eq!(reference.to_string(), expected),
            other => panic!("{other:?}"),
        }
    }
    for (text, words) in [
        ("", "it is empty"),
        ("oci:", "the path is missing"),
        ("nowhere", "no such file or folder"),
        ("docker-daemon:", "no name of an image"),
        ("docker-daemon:../../containers/json", "no name of an image"),
        ("docker-daemon:a?b", "no name of an image"),
        ("docker-daemon:a//b", "no name of an image"),
        ("docker-archive:", "the path is missing"),
        ("dir:a", "not supported"),
        ("docker://alpine", "names no image source"),
        ("ghcr.io/a/b", "say which tag or digest"),
    ] {
        let error = SourceSpec::parse(text).unwrap_err();
        assert!(error.to_string().contains(words), "{text}: {error}");
        assert!(!error.hint().is_empty());
    }
}

#[test]
fn a_name_of_the_engine_without_a_tag_is_latest() {
    let id = "4bcff63911fcb4448bd4fdacec207030997caf25e9bea4045fa6c8c44de311d1";
    for (text, expected) in [
        ("shop", "shop:latest".to_owned()),
        ("shop:1", "shop:1".to_owned()),
        ("localhost:5000/shop", "localhost:5000/shop:latest".to_owned()),
        (id, id.to_owned()),
        (&id[..12], id[..12].to_owned()),
        (&format!("sha256:{id}"), format!("sha256:{id}")),
    ] {
        match SourceSpec::parse(&format!("docker-daemon:{text}")).unwrap() {
            SourceSpec::Daemon(image) => assert_eq!(image.to_string(), expected),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_platform_may_stand_behind_a_source() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("oci:{}", folder.path().display());
    let plain = NamedSource::parse(&text).unwrap();
    assert_eq!((plain.platform, &plain.text), (None, &text));
    let named = NamedSource::parse(&format!("{text} ,platform= linux/arm/v7 ")).unwrap();
    assert_eq!(named.platform.unwrap().to_string(), "linux/arm/v7");
    assert_eq!((named.spec, named.text), (plain.spec, text.clone()));
    for platform in ["", "linux", "linux/", "linux/arm/v7/more", "Linux/arm", "linux/a m"] {
        let error = NamedSource::parse(&format!("{text},platform={platform}")).unwrap_err();
        assert!(error.to_string().contains("is no platform"), "{error}");
        assert!(error.hint().contains(",platform=linux/riscv64"));
    }
}
