//! Broken policies through the whole program: nothing is asked of anybody.

use std::{fs, path::Path};

use super::step::{Step, each, ghcr, layout, single};

#[test]
fn a_broken_policy_ends_with_two_before_any_request() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/policies/broken");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = files.filter(|path| path.extension().is_some_and(|extension| extension == "yml")).collect();
    assert!(files.len() >= 30, "{}", files.len());
    let sandbox = ghcr();
    let source = layout(&single("release"));
    each(files, |path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let step = Step::release("v0.1.0", &sandbox, source.path());
        fs::copy(&path, step.path("workspace/.github/ghcr-lifecycle.yml")).unwrap();
        let outcome = step.fail(2);
        assert!(outcome.stderr.starts_with("error: the policy is not valid\n"), "{name}: {outcome}");
        assert!(outcome.stderr.contains(".github/ghcr-lifecycle.yml:"), "{name}: {outcome}");
        assert!(outcome.outputs.is_empty() && outcome.summary.starts_with("### Failed\n"), "{name}: {outcome}");
        assert!(outcome.stdout.contains("::error file=.github/ghcr-lifecycle.yml,line="), "{name}: {outcome}");
    });
    assert_eq!(sandbox.requests(), []);
}

#[test]
fn noise_ends_with_two_before_any_request() {
    let sandbox = ghcr();
    let source = layout(&single("release"));
    let noise: Vec<u8> = (0..2_000_000_u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let text = "a: [".repeat(300_000);
    for bytes in [&noise[..], &noise[..1000], text.as_bytes(), b"\xff\xfe", b"\0"] {
        let step = Step::release("v0.1.0", &sandbox, source.path());
        fs::write(step.path("workspace/.github/ghcr-lifecycle.yml"), bytes).unwrap();
        let outcome = step.fail(2);
        assert!(outcome.stderr.len() < 20_000, "{} bytes of message", outcome.stderr.len());
    }
    assert_eq!(sandbox.requests(), []);
}

#[test]
fn a_policy_that_is_not_there_or_not_in_the_workspace_is_said_so() {
    let sandbox = ghcr();
    let source = layout(&single("release"));
    let step = Step::release("v0.1.0", &sandbox, source.path());
    fs::remove_file(step.path("workspace/.github/ghcr-lifecycle.yml")).unwrap();
    let outcome = step.fail(2);
    assert!(outcome.stderr.contains("actions/checkout"), "{outcome}");
    for outside in ["../event.json", "/etc/passwd"] {
        let step = Step::release("v0.1.0", &sandbox, source.path()).input("policy", outside);
        let outcome = step.run();
        assert!(matches!(outcome.code, Some(1 | 2)), "{outcome}");
        assert!(!outcome.stderr.contains("root:"), "{outcome}");
    }
    assert_eq!(sandbox.requests(), []);
}
