//! Tags that are published once: the error, the way out that it names, and `keep existing`.

use super::step::{Outcome, REPOSITORY, Step, ghcr, index, kyklos, layout, single, tags, writes};

/// Returns the words of the command that a hint advises.
fn advised(outcome: &Outcome) -> Vec<String> {
    let (_, rest) = outcome.stderr.split_once("`ghcr-lifecycle ").unwrap_or_else(|| panic!("no advice: {outcome}"));
    rest.split_once('`').unwrap().0.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn another_image_under_a_published_version_is_refused_and_the_advice_finishes_the_run() {
    for published in [single("published"), index("published")] {
        let sandbox = ghcr();
        let rebuilt = index("rebuilt");
        let layouts = [&published, &rebuilt].map(layout);
        Step::release("v0.1.0", &sandbox, layouts[0].path()).succeed();
        // The run that published it was ended before its last pointers.
        for pointer in ["v0", "latest"] {
            sandbox.change(|state| state.remove_tag(REPOSITORY, &pointer.parse().unwrap()));
        }
        sandbox.clear_requests();
        let before = tags(&sandbox);

        let refused = Step::release("v0.1.0", &sandbox, layouts[1].path()).fail(1);
        assert_eq!(writes(&sandbox), []);
        assert_eq!(tags(&sandbox), before);
        assert!(refused.stderr.contains(&published.digest().to_string()), "{refused}");
        assert!(refused.stderr.contains("immutable"), "{refused}");
        assert!(refused.outputs.is_empty(), "{refused}");

        // The advice to the letter, in a terminal.
        let words = advised(&refused);
        let arguments: Vec<&str> = words.iter().map(String::as_str).chain(["--ghcr-host"]).collect();
        let host = sandbox.host();
        let terminal = Step::release("v0.1.0", &sandbox, layouts[1].path())
            .at_terminal(&[&arguments[..], &[&host]].concat())
            .variable("GITHUB_TOKEN", sandbox.token());
        let outcome = terminal.succeed();
        assert!(outcome.stdout.contains("latest"), "{outcome}");
        let all = tags(&sandbox);
        assert_eq!(all.len(), 4, "{all:?}");
        assert!(all.values().all(|digest| *digest == published.digest().to_string()), "{all:?}");
        assert_eq!(sandbox.incomplete(REPOSITORY), []);

        // And as an input.
        let source = format!("{host}/{REPOSITORY}@{}", published.digest());
        let step = Step::release("v0.1.0", &sandbox, layouts[1].path()).input("source", &source);
        assert_eq!(step.succeed().outputs["digest"], published.digest().to_string());
    }
}

#[test]
fn a_row_that_keeps_what_exists_gives_the_published_image() {
    let sandbox = ghcr();
    let (published, rebuilt) = (index("published"), index("rebuilt"));
    let layouts = [&published, &rebuilt].map(layout);
    let push = |at: usize| {
        let step = Step::on("push-kyklos-main").policy(&kyklos(&sandbox.host())).to(&sandbox).mode("push");
        step.source(layouts[at].path())
    };
    push(0).succeed();
    sandbox.clear_requests();
    let outcome = push(1).succeed();
    assert_eq!(writes(&sandbox), []);
    let reference = format!("{}/{REPOSITORY}@{}", sandbox.host(), published.digest());
    assert_eq!(outcome.outputs["digest"], published.digest().to_string());
    assert_eq!(outcome.lines("image-refs"), std::slice::from_ref(&reference));
    assert_eq!(outcome.outputs["exists"], "true");
    assert_eq!(outcome.outputs["moved"], "");
    assert!(outcome.outputs["digests"].contains(&published.children()[0].digest.to_string()), "{outcome}");

    let mode_tags = Step::on("push-kyklos-main").policy(&kyklos(&sandbox.host())).to(&sandbox).mode("tags");
    let outcome = mode_tags.succeed();
    assert_eq!(outcome.outputs["exists"], "true");
    assert_eq!(outcome.outputs["tags"], "");
    assert_eq!(outcome.outputs["tag-names"], "");
    assert_eq!(outcome.outputs["digest"], published.digest().to_string());
    assert_eq!(outcome.lines("image-refs"), [reference]);
    assert_eq!(writes(&sandbox), []);
}

#[test]
fn tags_mode_refuses_a_published_version_before_it_is_built() {
    let sandbox = ghcr();
    let published = single("published");
    let source = layout(&published);
    Step::release("v0.1.0", &sandbox, source.path()).succeed();
    let step = Step::on("push-kyklos-tag-v0.1.0").policy(&kyklos(&sandbox.host())).to(&sandbox).mode("tags");
    let refused = step.fail(1);
    assert!(refused.stderr.contains(&published.digest().to_string()), "{refused}");
    assert!(refused.outputs.is_empty(), "{refused}");
}

/// A run that was ended before its pointers: mode `tags` does not say that all is done, and its advice finishes the run.
#[test]
fn tags_mode_says_what_an_interrupted_run_left_undone() {
    let sandbox = ghcr();
    let published = index("published");
    let source = layout(&published);
    let policy = format!(
        "version: 1\nimages: [{}/{REPOSITORY}]\ntags:\n  - on: branch main\n    tag: \"main-{{{{sha}}}}\"\n    immutable: keep existing\n    rolling: [edge]\n",
        sandbox.host()
    );
    // The registry knows nothing of branches, so the branch's tip stays unknown.
    let api = format!("http://{}", sandbox.host());
    let step = |mode: &str| {
        Step::on("push-kyklos-main").policy(&policy).to(&sandbox).mode(mode).variable("GITHUB_API_URL", &api)
    };
    step("push").source(source.path()).succeed();
    sandbox.change(|state| state.remove_tag(REPOSITORY, &"edge".parse().unwrap()));

    let said = step("tags").succeed();
    assert_eq!(said.outputs["exists"], "true");
    assert_eq!(said.outputs["tags"], "");
    let advice = format!("source: {}/{REPOSITORY}@{}", sandbox.host(), published.digest());
    assert!(said.stdout.contains("`edge` is not on the published image yet"), "{said}");
    assert!(said.stdout.contains(&advice), "{said}");

    let promoted = step("push").input("source", advice.trim_start_matches("source: ")).succeed();
    assert!(promoted.outputs["moved"].ends_with(":edge"), "{promoted}");
    assert!(!step("tags").succeed().stdout.contains("not on the published image yet"));
}
