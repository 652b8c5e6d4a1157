//! Mode `init` in a real clone: the file that it writes, what it asks the package, and what it leaves alone.

use std::fs;

use serde_json::Value;

use super::{
    cleanup::shop::{PACKAGE, POLICY, TOKEN, shop},
    step::Step,
};
use crate::git::git;
use crate::programs::run;

const WORKFLOW: &str = "\
on: {push: {branches: [main], tags: ['v*']}, pull_request: }
jobs:
  image:
    steps:
      - uses: docker/metadata-action@v5
        with:
          images: ghcr.io/${{ github.repository }}
          tags: |
            type=ref,event=pr
            type=semver,pattern=v{{version}}
            type=sha,prefix={{branch}}-
            type=raw,value=${{ inputs.channel }}
";

/// A call at a terminal in a clone with a workflow and a release.
fn clone(arguments: &[&str]) -> Step {
    let step = Step::new().at_terminal(arguments);
    let at = step.path("workspace");
    fs::create_dir_all(at.join(".github/workflows")).unwrap();
    fs::write(at.join(".github/workflows/image.yml"), WORKFLOW).unwrap();
    for arguments in [
        &["init", "-q"][..],
        &["add", "."],
        &["commit", "-q", "-m", "begin"],
        &["tag", "v1.0.0"],
        &["remote", "add", "origin", "git@github.com:acme/shop.git"],
    ] {
        run(git(&at).args(arguments));
    }
    step
}

#[test]
fn a_policy_is_written_that_check_has_nothing_against() {
    let step = clone(&["init"]);
    let outcome = step.succeed();
    let file = fs::read_to_string(step.path("workspace").join(POLICY)).unwrap();
    for part in ["images: [ghcr.io/acme/shop]", "- on: release", "tag: \"{{branch}}-{{sha}}\"", "inputs.channel"] {
        assert!(file.contains(part), "no `{part}`:\n{file}");
    }
    assert!(outcome.stdout.starts_with(&format!("wrote {POLICY}: 4 rows for ghcr.io/acme/shop\n")), "{outcome}");
    assert!(outcome.stdout.contains("note: `type=raw,value=${{ inputs.channel }}`"), "{outcome}");
    let checked = step.at_terminal(&["check"]).succeed();
    assert!(checked.stdout.contains("is valid: 4 rows"), "{checked}");
    assert!(!checked.stdout.contains("warning"), "{checked}");
}

#[test]
fn a_policy_that_is_there_is_never_overwritten() {
    let step = clone(&["init"]).policy("version: 1\n");
    let outcome = step.fail(2);
    assert!(outcome.stderr.contains("exists already, and `init` never overwrites a policy"), "{outcome}");
    assert!(outcome.stderr.contains("--dry-run true"), "{outcome}");
    let step = step.at_terminal(&["init", "--dry-run", "true"]);
    let outcome = step.succeed();
    assert!(outcome.stdout.contains("version: 1\n\nimages: [ghcr.io/acme/shop]\n"), "{outcome}");
    let step = step.at_terminal(&["init", "--policy", "other/policy.yml", "--image", "quay.io/acme/shop"]);
    step.succeed();
    assert!(
        fs::read_to_string(step.path("workspace/other/policy.yml")).unwrap().contains("images: [quay.io/acme/shop]")
    );
    assert_eq!(fs::read_to_string(step.path("workspace").join(POLICY)).unwrap(), "version: 1\n");
}

#[test]
fn with_a_token_the_tags_that_no_row_explains_are_named() {
    let sandbox = shop();
    let host = sandbox.host();
    let image = format!("{host}/{PACKAGE}");
    let step = clone(&["init", "--ghcr-host", &host, "--image", &image, "--format", "json"])
        .variable("GITHUB_API_URL", &format!("http://{host}"))
        .variable("GITHUB_TOKEN", TOKEN);
    let outcome = step.succeed();
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["written"], true, "{outcome}");
    let unexplained: Vec<&str> = report["packages"][0]["unexplained"]
        .as_array()
        .unwrap()
        .iter()
        .map(|shape| shape["example"].as_str().unwrap())
        .collect();
    assert_eq!(unexplained, ["signed"], "{outcome}");
    let file = fs::read_to_string(step.path("workspace").join(POLICY)).unwrap();
    assert!(file.contains("#   - match: \"signed\""), "{file}");
    assert!(sandbox.requests().iter().all(|request| !request.is_write()), "it only reads");
}

#[test]
fn what_nobody_knows_is_asked_for() {
    let nowhere = Step::new().at_terminal(&["init"]);
    let outcome = nowhere.fail(2);
    assert!(outcome.stderr.contains("nothing says how the image is called"), "{outcome}");
    assert!(outcome.stderr.contains("hint: name it: `ghcr-lifecycle init --image ghcr.io/OWNER/NAME`"), "{outcome}");
    let below = clone(&["init"]);
    fs::create_dir_all(below.path("workspace/below")).unwrap();
    let below = below.variable("GITHUB_WORKSPACE", "below");
    assert!(below.fail(2).stderr.contains("this is no repository's root"));
    let in_a_workflow = Step::new().mode("init").fail(2);
    assert!(in_a_workflow.stderr.contains("`init` is a command, not an input"), "{in_a_workflow}");
}
