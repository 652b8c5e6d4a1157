//! What the policy asks of an image before a tag moves, and what follows the push: the release's table of digests, and the
//! pull of a stranger.

use ghcr_lifecycle::{
    model::Secret,
    sandbox::{
        Options, SampleImage, Sandbox,
        state::{OwnerKind, TokenKind},
    },
};

use super::step::{Outcome, REPOSITORY, Step, TOKEN, ghcr, index, layout, policy, single, tags, writes};

/// A release of Kyklos under its policy as it is, with the sandbox as GitHub's API.
fn release(sandbox: &Sandbox, version: &str, image: &SampleImage) -> (Step, tempfile::TempDir) {
    let source = layout(image);
    let step = Step::release(version, sandbox, source.path())
        .policy(&policy("kyklos", &sandbox.host()))
        .variable("GITHUB_API_URL", &format!("http://{}", sandbox.host()));
    (step, source)
}

fn publish_release(sandbox: &Sandbox, git_tag: &str, text: &str) {
    sandbox.change(|state| {
        let now = state.now();
        if state.source(REPOSITORY).is_none() {
            state.add_source(REPOSITORY);
        }
        let source = state.source_mut(REPOSITORY).unwrap();
        let id = source.publish_release(git_tag, now);
        source.releases.get_mut(&id).unwrap().body = Some(text.to_owned());
    });
}

fn text_of(sandbox: &Sandbox, git_tag: &str) -> String {
    sandbox.change(|state| {
        let releases = &state.source(REPOSITORY).unwrap().releases;
        releases.values().find(|release| release.tag_name == git_tag).unwrap().body.clone().unwrap_or_default()
    })
}

/// A policy with one row, and what comes behind it.
fn with(sandbox: &Sandbox, rest: &str) -> String {
    let host = sandbox.host();
    format!(
        "version: 1\nimages: [{host}/{REPOSITORY}]\ntags:\n  - on: release\n    tag: \"v{{{{version}}}}\"\n    rolling: \
         [latest]\n{rest}"
    )
}

#[test]
fn an_image_without_a_wanted_platform_is_not_pushed() {
    let sandbox = ghcr();
    let (step, _source) = release(&sandbox, "v0.1.0", &single("amd64 only"));
    let outcome = step.fail(1);
    for part in ["`checks` of the policy", "it is not for linux/arm64 (it is for linux/amd64)", "nothing was pushed"] {
        assert!(outcome.stderr.contains(part), "{part}: {outcome}");
    }
    assert_eq!(writes(&sandbox), []);
    // The same for an image that is published elsewhere and only promoted.
    single("amd64 only").put_into(&sandbox, REPOSITORY, &"main-1234567".parse().unwrap());
    sandbox.clear_requests();
    let step = step.input("source", &format!("{}/{REPOSITORY}:main-1234567", sandbox.host()));
    assert!(step.fail(1).stderr.contains("it is not for linux/arm64"));
    assert_eq!(writes(&sandbox), []);
}

#[test]
fn an_image_that_is_too_large_is_not_pushed_and_a_large_one_is_warned_of() {
    let sandbox = ghcr();
    let image = index("large");
    let source = layout(&image);
    let step = |size: &str| {
        let policy = with(&sandbox, &format!("checks:\n  size: {{{size}}}\n"));
        Step::release("v0.1.0", &sandbox, source.path()).policy(&policy)
    };
    let outcome = step("target: 10 B, max: 20 B").fail(1);
    for part in ["linux/amd64 has ", "linux/arm64 has ", "and may have 20 bytes", "layer 1 of ", "checks.size.max"] {
        assert!(outcome.stderr.contains(part), "{part}: {outcome}");
    }
    assert_eq!(writes(&sandbox), []);
    let outcome = step("target: 10 B, max: 20 MB").succeed();
    assert!(outcome.stdout.contains("::warning"), "{outcome}");
    assert!(outcome.stdout.contains("`checks.size.target`: linux/arm64 has "), "{outcome}");
    let outcome = step("target: 10 MB, max: 20 MB").succeed();
    assert!(!outcome.stdout.contains("checks.size"), "{outcome}");
}

#[test]
fn where_rows_join_an_index_only_the_index_lacks_platforms() {
    let sandbox = ghcr();
    let host = sandbox.host();
    let policy = format!(
        "version: 1\nimages: [{host}/{REPOSITORY}]\ntags:\n  - on: release\n    tag: \"v{{{{version}}}}-amd64\"\n    index: \
         \"v{{{{version}}}}\"\nchecks: {{platforms: [linux/amd64, linux/riscv64]}}\n"
    );
    let source = layout(&single("amd64"));
    let outcome = Step::release("v0.1.0", &sandbox, source.path()).policy(&policy).succeed();
    assert!(outcome.stdout.contains("v0.1.0 is not for linux/riscv64 yet"), "{outcome}");
    assert_eq!(tags(&sandbox).len(), 2);
}

#[test]
fn the_releases_text_gets_the_digests_and_keeps_the_rest() {
    let sandbox = ghcr();
    let image = index("released");
    publish_release(&sandbox, "v0.1.0", "## Changes\r\n\r\n- a fix \u{1f980}\r\n");
    let (step, _source) = release(&sandbox, "v0.1.0", &image);
    let outcome = step.succeed();
    assert!(outcome.stdout.contains("the digests are in the text of release `v0.1.0`"), "{outcome}");
    let text = text_of(&sandbox, "v0.1.0");
    assert!(text.starts_with("## Changes\r\n\r\n- a fix \u{1f980}\r\n"), "{text}");
    let name = format!("{}/{REPOSITORY}:v0.1.0", sandbox.host());
    for (platform, digest) in [
        ("all", image.digest().to_string()),
        ("linux/amd64", image.children()[0].digest.to_string()),
        ("linux/arm64", image.children()[1].digest.to_string()),
    ] {
        assert!(text.contains(&format!("| `{name}` | {platform} | `{digest}` |")), "{platform}: {text}");
    }
    // Once more: nothing to change, so nothing is sent; and what people write around it stays.
    sandbox.clear_requests();
    step.succeed();
    assert!(sandbox.requests().iter().all(|request| request.method != "PATCH"));
    let edited = format!("Before\n{text}\nBehind");
    publish_release(&sandbox, "v0.2.0", &edited.replace("v0.1.0`", "v0.2.0`"));
    let (step, _source) = release(&sandbox, "v0.2.0", &index("next"));
    step.succeed();
    let next = text_of(&sandbox, "v0.2.0");
    assert!(next.starts_with("Before\n## Changes\r\n") && next.ends_with("-->\nBehind"), "{next}");
    assert_eq!(next.matches("### Image digests").count(), 1);
    assert!(!next.contains(&image.digest().to_string()), "{next}");
    assert_eq!(text_of(&sandbox, "v0.1.0"), text);
}

#[test]
fn a_joined_index_has_a_line_for_itself_and_one_for_each_platform() {
    let sandbox = ghcr();
    publish_release(&sandbox, "v0.1.0", "");
    let images = ["amd64", "arm64"].map(|architecture| {
        let image = SampleImage::builder().seed(architecture).platform(&format!("linux/{architecture}")).attestation(true);
        let policy = format!(
            "version: 1\nimages: [{}/{REPOSITORY}]\ntags:\n  - on: release\n    tag: \"v{{{{version}}}}-{architecture}\"\n    \
             index: \"v{{{{version}}}}\"\nrelease-notes: true\n",
            sandbox.host()
        );
        let image = image.build();
        let (step, _source) = release(&sandbox, "v0.1.0", &image);
        step.policy(&policy).succeed();
        image
    });
    let text = text_of(&sandbox, "v0.1.0");
    let joined = sandbox.tag(REPOSITORY, "v0.1.0").unwrap();
    let name = format!("{}/{REPOSITORY}:v0.1.0", sandbox.host());
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with(&format!("| `{name}` "))).collect();
    let line = |platform: &str, digest: &str| format!("| `{name}` | {platform} | `{digest}` |");
    let of = |image: &SampleImage| image.children()[0].digest.to_string();
    assert_eq!(
        lines,
        [line("all", &joined.to_string()), line("linux/amd64", &of(&images[0])), line("linux/arm64", &of(&images[1]))],
        "{text}"
    );
}

#[test]
fn without_a_release_or_the_right_to_change_it_the_push_succeeds() {
    let sandbox = ghcr();
    sandbox.change(|state| {
        state.add_source(REPOSITORY);
    });
    let (step, _source) = release(&sandbox, "v0.1.0", &index("released"));
    let outcome = step.succeed();
    assert!(outcome.stdout.contains("no GitHub release is published for `v0.1.0`"), "{outcome}");
    assert!(!outcome.stdout.contains("::warning"), "{outcome}");
    // A token that may write packages, and no contents.
    publish_release(&sandbox, "v0.1.0", "text");
    let token = "ghp_packagesOnly00000000000000000000000000";
    let scopes = ["read:packages", "write:packages"];
    sandbox.add_token(Secret::new(token).unwrap(), TokenKind::classic("kyklos", &scopes));
    let step = step.input("github-token", token);
    let outcome = step.succeed();
    assert!(outcome.stdout.contains("grant `contents: write` to the job"), "{outcome}");
    assert_eq!(outcome.stdout.matches("::warning").count(), 1, "{outcome}");
    assert_eq!(text_of(&sandbox, "v0.1.0"), "text");
    assert_eq!(tags(&sandbox).len(), 4);
}

fn push_public(sandbox: &Sandbox, visibility: &str) -> Outcome {
    let source = layout(&single("public"));
    Step::release("v0.1.0", sandbox, source.path())
        .policy(&with(sandbox, &format!("visibility: {visibility}\n")))
        .variable("GITHUB_API_URL", &format!("http://{}", sandbox.host()))
        .succeed()
}

#[test]
fn a_package_that_strangers_cannot_pull_is_warned_of_with_its_settings_page() {
    for (kind, base) in [(OwnerKind::User, "users"), (OwnerKind::Organization, "orgs")] {
        let owners = vec![("kyklos".to_owned(), kind)];
        let sandbox = Sandbox::start_blocking(Options { owners, ..Options::ghcr(TOKEN) }).unwrap();
        let outcome = push_public(&sandbox, "public");
        let page = format!("https://github.com/{base}/kyklos/packages/container/kyklos/settings");
        assert!(outcome.stdout.contains("::warning") && outcome.summary.contains(&page), "{outcome}");
        assert_eq!(tags(&sandbox).len(), 2);
        sandbox.set_public(REPOSITORY, true);
        let outcome = push_public(&sandbox, "public");
        assert!(!outcome.stdout.contains("::warning"), "{outcome}");
        sandbox.set_public(REPOSITORY, false);
        for other in ["private", "internal"] {
            let outcome = push_public(&sandbox, other);
            assert!(!outcome.stdout.contains("::warning"), "{outcome}");
        }
    }
}
