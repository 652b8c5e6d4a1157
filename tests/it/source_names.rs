//! How a user names a source.

use std::{
    fs,
    path::{Path, PathBuf},
};

use ghcr_lifecycle::{
    adapters::sources::{LocalKind, LocalSource, SourceSpec},
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
        (format!("oci-archive:{file_text}"), local(LocalKind::Archive, &file, None)),
        (format!(" {file_text}\n"), local(LocalKind::Archive, &file, None)),
        (format!("oci-archive:{file_text}@{digest}"), local(LocalKind::Archive, &file, Some(&digest.to_string()))),
        (format!("oci-archive:{file_text}:ghcr.io/a/b:1"), local(LocalKind::Archive, &file, Some("ghcr.io/a/b:1"))),
        ("oci:not/there:1".into(), local(LocalKind::Layout, &Path::new("not/there:1").to_owned(), None)),
    ] {
        assert_eq!(SourceSpec::parse(&text).unwrap(), expected, "{text}");
    }
    for text in ["docker://ghcr.io/a/b:1", "ghcr.io/a/b:1", "127.0.0.1:5000/a/b:1"] {
        let expected = text.trim_start_matches("docker://");
        match SourceSpec::parse(text).unwrap() {
            SourceSpec::Registry(reference) => assert_eq!(reference.to_string(), expected),
            SourceSpec::Local(local) => panic!("{local:?}"),
        }
    }
    for (text, words) in [
        ("", "it is empty"),
        ("oci:", "the path is missing"),
        ("nowhere", "no such file or folder"),
        ("docker-daemon:a:1", "later version"),
        ("docker-archive:a.tar", "later version"),
        ("dir:a", "not supported"),
        ("docker://alpine", "names no image source"),
        ("ghcr.io/a/b", "say which tag or digest"),
    ] {
        let error = SourceSpec::parse(text).unwrap_err();
        assert!(error.to_string().contains(words), "{text}: {error}");
        assert!(!error.hint().is_empty());
    }
}
