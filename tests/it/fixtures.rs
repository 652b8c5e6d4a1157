//! What the fixture folders hold.

use std::path::Path;

/// A snapshot whose case is gone would be reviewed by nobody, and a case without one tests nothing.
#[test]
fn each_case_has_its_snapshot_and_each_snapshot_its_case() {
    let mut cases = 0;
    let folders = [
        "fixtures/advice",
        "fixtures/doctor",
        "fixtures/tagging",
        "fixtures/publish",
        "fixtures/retention",
        "fixtures/cleanup-report",
    ];
    for folder in folders {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let other = match path.extension().and_then(|extension| extension.to_str()) {
                Some("toml") => path.with_extension("snap"),
                Some("snap") => path.with_extension("toml"),
                _ => panic!("{} is neither a case nor a snapshot", path.display()),
            };
            assert!(Path::new(&other).exists(), "{} has no {} beside it", path.display(), other.display());
            cases += 1;
        }
    }
    assert!(cases > 100, "only {cases} files");
}
