//! Inputs that change what a run is about, and events that publish nothing.

use std::collections::BTreeMap;

use crate::programs::{program, run};

use super::step::{REPOSITORY, Step, ghcr, index, kyklos, layout, policy, single, tags, writes};

fn tags_of(sandbox: &ghcr_lifecycle::sandbox::Sandbox, repository: &str) -> BTreeMap<String, String> {
    sandbox.tags(repository).into_iter().map(|(tag, digest)| (tag.to_string(), digest.to_string())).collect()
}

#[test]
fn a_closed_pull_request_publishes_nothing() {
    let sandbox = ghcr();
    let source = layout(&single("pr"));
    single("pr").put_into(&sandbox, REPOSITORY, &"pr-456".parse().unwrap());
    let step = Step::on("pull_request-kyklos-closed").policy(&kyklos(&sandbox.host())).to(&sandbox);
    let step = step.variable("GITHUB_API_URL", &format!("http://{}", sandbox.host()));
    let outcome = step.source(source.path()).succeed();
    assert!(!outcome.outputs.contains_key("tags") && !outcome.outputs.contains_key("digest"), "{outcome}");
    assert!(outcome.stdout.contains("Clean-up of pull request 456: dry run"), "{outcome}");
    assert_eq!(writes(&sandbox), []);
}

#[test]
fn auto_pushes_where_there_is_a_source_and_says_the_tags_where_there_is_none() {
    let sandbox = ghcr();
    let source = layout(&single("pr"));
    let step = || Step::on("pull_request-kyklos-opened").policy(&kyklos(&sandbox.host())).to(&sandbox);
    let said = step().succeed();
    assert_eq!(said.outputs["digest"], "");
    assert_eq!(writes(&sandbox), []);
    let pushed = step().source(source.path()).succeed();
    assert_eq!(pushed.outputs["tag-names"], said.outputs["tag-names"]);
    assert_eq!(pushed.outputs["digest"], single("pr").digest().to_string());
    assert_eq!(tags(&sandbox).len(), 1);
    let push = step().mode("push").fail(2);
    assert!(push.stderr.contains("`source`"), "{push}");
}

#[test]
fn a_deletion_succeeds_without_tags() {
    let sandbox = ghcr();
    let source = layout(&single("x"));
    for event in ["push-deleted-branch", "push-deleted-tag", "delete-branch", "delete-tag", "release-deleted"] {
        let outcome = Step::on(event).policy(&kyklos(&sandbox.host())).to(&sandbox).source(source.path()).succeed();
        assert_eq!(outcome.outputs["tags"], "", "{event}");
        assert!(outcome.stdout.contains("no tags"), "{event}: {outcome}");
    }
    assert_eq!(sandbox.requests(), []);
}

#[test]
fn an_event_that_fits_no_row_is_an_error_unless_that_is_meant() {
    let sandbox = ghcr();
    let source = layout(&single("x"));
    for (event, mode) in [("schedule-without-payload", "tags"), ("issue_comment-on-pull-request", "push")] {
        let policy = "version: 1\nimages: [ghcr.io/kyklos/kyklos]\ntags:\n  - on: release\n    tag: \"{{version}}\"\n";
        let step = || {
            let policy = policy.replace("ghcr.io", &sandbox.host());
            Step::on(event).policy(&policy).to(&sandbox).mode(mode).source(source.path())
        };
        let outcome = step().fail(1);
        assert!(outcome.stderr.contains("row 1") && outcome.stderr.contains("allow-empty"), "{event}: {outcome}");
        let outcome = step().input("allow-empty", "true").succeed();
        assert_eq!(outcome.outputs["tags"], "");
    }
    assert_eq!(sandbox.requests(), []);
}

#[test]
fn one_of_several_images_is_named_by_its_ending() {
    let sandbox = ghcr();
    let (devices, mentor) = ("mj-nehme/raqeem/devices-backend", "mj-nehme/raqeem/mentor-backend");
    let image = index("raqeem");
    let source = layout(&image);
    let step = || {
        let step = Step::on("push-raqeem-tag-v1.4.2").policy(&policy("raqeem", &sandbox.host())).to(&sandbox);
        step.mode("push").source(source.path())
    };
    for (input, message) in [("", "input `image`"), ("backend", "no image"), ("nobody/else", "no image")] {
        let outcome = step().input("image", input).fail(2);
        assert!(outcome.stderr.contains(message), "{input}: {outcome}");
    }
    assert_eq!(sandbox.requests(), []);

    let outcome = step().input("image", "mentor-backend").succeed();
    assert_eq!(outcome.lines("tags").len(), 3);
    assert_eq!(tags_of(&sandbox, mentor).len(), 3);
    assert_eq!(tags_of(&sandbox, devices).len(), 0);

    let full = format!("{}/{devices}", sandbox.host());
    step().input("image", &full).succeed();
    assert_eq!(tags_of(&sandbox, devices), tags_of(&sandbox, mentor));
}

#[test]
fn all_images_get_the_same_content() {
    let sandbox = ghcr();
    let names = ["mj-nehme/raqeem/devices-backend", "mj-nehme/raqeem/mentor-backend"];
    let image = index("raqeem");
    let source = layout(&image);
    let step = Step::on("push-raqeem-tag-v1.4.2").policy(&policy("raqeem", &sandbox.host())).to(&sandbox);
    let outcome = step.mode("push").source(source.path()).input("image", "all").succeed();
    assert_eq!(outcome.lines("tags").len(), 6);
    assert_eq!(outcome.lines("tag-names").len(), 3);
    assert_eq!(outcome.lines("image-refs").len(), 2);
    for name in names {
        assert!(tags_of(&sandbox, name).values().all(|digest| *digest == image.digest().to_string()));
        assert_eq!(tags_of(&sandbox, name).len(), 3);
        assert_eq!(sandbox.incomplete(name), []);
    }
}

#[test]
fn a_conflict_in_one_of_all_images_leaves_the_others_alone() {
    let sandbox = ghcr();
    single("published").put_into(&sandbox, "mj-nehme/raqeem/mentor-backend", &"v1.4.2".parse().unwrap());
    let source = layout(&index("raqeem"));
    let step = Step::on("push-raqeem-tag-v1.4.2").policy(&policy("raqeem", &sandbox.host())).to(&sandbox);
    step.mode("push").source(source.path()).input("image", "all").fail(1);
    assert!(sandbox.requests().iter().all(|request| request.method != "PUT"));
    assert_eq!(tags_of(&sandbox, "mj-nehme/raqeem/devices-backend").len(), 0);
}

#[test]
fn ref_says_what_was_built_elsewhere() {
    let sandbox = ghcr();
    let repository = "gounthar/buildkit-riscv64";
    let riscv64 = |seed| ghcr_lifecycle::sandbox::SampleImage::builder().seed(seed).platform("linux/riscv64").build();
    let images = ["release", "rebuilt", "weekly", "next week"].map(riscv64);
    let layouts = images.each_ref().map(layout);
    // Without what asks other servers than this one.
    let text = policy("buildkit-riscv64", &sandbox.host());
    let text = text.split("\nvisibility:").next().unwrap();
    let push = |event: &str, at: usize| {
        let step = Step::on(event).policy(text).to(&sandbox);
        step.mode("push").source(layouts[at].path())
    };
    let outcome = push("workflow_dispatch-buildkit-input-ref-v0.14.0", 0).succeed();
    assert_eq!(outcome.lines("tag-names"), ["v0.14.0-riscv64", "v0.14.0"]);

    // Dispatched again, the version is not replaced.
    let outcome = push("workflow_dispatch-buildkit-input-ref-v0.14.0", 1).succeed();
    assert_eq!(outcome.outputs["digest"], images[0].digest().to_string());
    assert_eq!(outcome.outputs["exists"], "true");

    let outcome = push("schedule-buildkit-input-ref-master", 2).succeed();
    assert_eq!(outcome.lines("tag-names"), ["master-20260301", "latest"]);
    // What stood under the pointer is not known to be older: it moves, with a warning.
    let outcome = push("schedule-buildkit-input-ref-master", 3).variable("SOURCE_DATE_EPOCH", "1772971200").succeed();
    assert_eq!(outcome.lines("tag-names"), ["master-20260308", "latest"]);
    assert!(outcome.stdout.contains("\n::warning::"), "{outcome}");

    let mut held = tags_of(&sandbox, repository);
    assert!(held.remove("v0.14.0").is_some(), "the index of the one platform");
    let expected = [("latest", 3), ("master-20260301", 2), ("master-20260308", 3), ("v0.14.0-riscv64", 0)];
    assert_eq!(held, expected.map(|(tag, at)| (tag.to_owned(), images[at].digest().to_string())).into());

    // A commit fits no row.
    push("workflow_dispatch-buildkit-input-ref-commit", 3).fail(1);
}

#[test]
fn a_policy_may_be_given_as_text() {
    let sandbox = ghcr();
    let source = layout(&single("x"));
    let step = Step::on("push-kyklos-tag-v0.1.0").to(&sandbox).mode("push").source(source.path());
    step.input("policy", &kyklos(&sandbox.host())).succeed();
    assert_eq!(tags(&sandbox).len(), 4);
}

#[test]
fn another_now_is_for_registries_on_this_machine() {
    let sandbox = ghcr();
    let step = Step::on("push-kyklos-tag-v0.1.0").to(&sandbox).input("now", "2026-01-01T00:00:00Z");
    step.input("policy", &kyklos("ghcr.io")).mode("tags").fail(2);
    assert_eq!(sandbox.requests(), []);
}

#[test]
fn check_asks_nobody() {
    let sandbox = ghcr();
    let step = Step::on("push-kyklos-main").policy(&kyklos(&sandbox.host())).to(&sandbox).mode("check");
    let outcome = step.succeed();
    assert!(outcome.stdout.contains("branch release/v*"), "{outcome}");
    let terminal = Step::on("push-kyklos-main").policy(&kyklos("ghcr.io")).at_terminal(&["check"]).succeed();
    assert!(terminal.stdout.contains("branch release/v*"), "{terminal}");
    assert_eq!(sandbox.requests(), []);
}

#[test]
fn check_warns_of_what_a_policy_may_not_mean_and_succeeds() {
    let rows = "- {on: branch main, tag: 'main-{{sha}}', rolling: '{{sha}}', keep: 3 days}\n- {on: 'branch release/*', tag: '{{branch.1}}-{{sha}}'}";
    let policy = format!("version: 1\nimages: [ghcr.io/acme/shop]\ntags:\n{rows}\nuntagged: {{keep: 1 hour}}\n");
    let log = Step::on("push-kyklos-main").policy(&policy).mode("check").succeed().stdout;
    let warnings: Vec<&str> = log.lines().filter(|line| line.starts_with("::warning")).collect();
    assert_eq!(warnings.len(), 3, "{log}");
    assert!(warnings[2].contains("`main-a1b2c3d`") && warnings[2].contains("%0A  - on: branch release/*%0A"), "{log}");
    let json =
        Step::on("push-kyklos-main").policy(&policy).at_terminal(&["check", "--format", "json"]).succeed().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let kinds: Vec<&str> =
        json["findings"].as_array().unwrap().iter().map(|found| found["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["rolling-piles-up", "untagged-too-brief", "overlap"]);
    let overlap = serde_json::json!({
        "kind": "overlap", "row": 1, "line": 4, "by-row": 2, "by-line": 5, "tag": "main-a1b2c3d", "role": "tag",
        "keep": "for 3 days", "kept": "forever", "rename": null,
        "tighter-row": {"row": 2, "yaml": "- on: branch release/*\n  tag: \"{{branch.1}}-{{sha}}\"\n  match: \"/v?[0-9][0-9A-Za-z._]*-(?<sha>[0-9a-f]{7,40})/\"\n"},
        "message": json["findings"][2]["message"],
    });
    assert_eq!(json["findings"][2], overlap);
}

#[test]
fn what_is_checked_out_decides_if_the_input_says_so() {
    let sandbox = ghcr();
    // The event is a push to main; what is checked out is a release.
    let step = || Step::on("push-kyklos-main").policy(&kyklos(&sandbox.host())).to(&sandbox);
    let git = |step: &Step, arguments: &[&str]| {
        let mut command = program("git", "git");
        command.current_dir(step.path("workspace")).args(["-c", "user.name=A", "-c", "user.email=a@example.org"]);
        run(command.args(["-c", "init.defaultBranch=main", "-c", "advice.detachedHead=false"]).args(arguments))
    };
    assert!(step().succeed().outputs["tag-names"].starts_with("main-a2ab195"));
    let release = step().input("context", "git");
    let outcome = release.fail(1);
    assert!(outcome.stderr.contains("there is no git repository in the workspace"), "{outcome}");
    git(&release, &["init", "-q"]);
    git(&release, &["commit", "-q", "--allow-empty", "-m", "first"]);
    git(&release, &["tag", "v0.2.0"]);
    git(&release, &["checkout", "-q", "--detach"]);
    let outcome = release.succeed();
    assert_eq!(outcome.lines("tag-names")[0], "v0.2.0");
    let commit = git(&release, &["rev-parse", "HEAD"]);
    let revision = format!("org.opencontainers.image.revision={commit}");
    assert!(outcome.lines("labels").contains(&revision.as_str()), "{outcome}");
    let elsewhere = release.input("ref", "v0.3.0").succeed();
    assert_eq!(elsewhere.lines("tag-names")[0], "v0.3.0");
}
