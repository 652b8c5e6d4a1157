//! The inputs of docker/metadata-action, from a step to its outputs, with what they can do beyond it.

use std::{fs, os::unix::fs::PermissionsExt as _};

use super::step::{REPOSITORY, Step, TOKEN, ghcr, kyklos, layout, single, tags};

const ROWS: &str = "type=semver,pattern={{version}},immutable=true\n\
                    type=semver,pattern={{major}}.{{minor}},rolling=true\n\
                    type=semver,pattern={{major}},rolling=true\n";

/// A policy that needs nothing of a registry.
const POLICY: &str =
    r#"{version: 1, images: [ghcr.io/kyklos/kyklos], tags: [{on: branch **, tag: "{{branch}}-{{sha}}"}]}"#;

/// A push of a git tag or branch of a repository that the payload describes.
fn pushed(git_ref: &str, commit: char) -> Step {
    let payload = serde_json::json!({
        "ref": git_ref,
        "repository": {
            "name": "kyklos", "full_name": "kyklos/kyklos", "html_url": "https://github.com/kyklos/kyklos",
            "description": null, "license": null, "default_branch": "main",
        },
    });
    Step::new()
        .variable("GITHUB_EVENT_NAME", "push")
        .variable("GITHUB_REPOSITORY", "kyklos/kyklos")
        .variable("GITHUB_REF", git_ref)
        .variable("GITHUB_SHA", &String::from(commit).repeat(40))
        .payload(payload.to_string().as_bytes())
}

#[test]
fn one_changed_line_gives_the_outputs_and_the_environment() {
    let outcome = pushed("refs/tags/v1.2.3", 'a').input("images", "ghcr.io/acme/shop\nquay.io/acme/shop").succeed();
    assert_eq!(
        outcome.lines("tags"),
        [
            "ghcr.io/acme/shop:v1.2.3",
            "ghcr.io/acme/shop:latest",
            "quay.io/acme/shop:v1.2.3",
            "quay.io/acme/shop:latest"
        ]
    );
    assert_eq!((outcome.lines("version"), outcome.lines("tag-names")), (vec!["v1.2.3"], vec!["v1.2.3", "latest"]));
    let names = [
        "version",
        "tags",
        "tag-names",
        "labels",
        "annotations",
        "json",
        "bake-file",
        "bake-file-tags",
        "bake-file-labels",
        "bake-file-annotations",
    ];
    for name in names {
        let variable = format!("DOCKER_METADATA_OUTPUT_{}", name.to_uppercase().replace('-', "_"));
        assert_eq!(outcome.environment.get(&variable), outcome.outputs.get(name), "{variable}");
    }
    assert_eq!(outcome.environment.len(), names.len());
    assert_eq!(outcome.lines("labels").len(), 8, "what is not known is there, and empty: {outcome}");
    assert!(outcome.lines("labels").contains(&"org.opencontainers.image.licenses="));
}

#[test]
fn files_for_bake_can_be_read_by_steps_of_other_users() {
    let step = pushed("refs/heads/main", 'a').input("images", "acme/shop").input("bake-target", "release");
    let outcome = step.succeed();
    let path = outcome.outputs["bake-file-tags"].as_str();
    let document: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(document["target"]["release"]["tags"], serde_json::json!(["acme/shop:main"]));
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(std::path::Path::new(path)) & 0o044, 0o044);
    assert_eq!(mode(std::path::Path::new(path).parent().unwrap()), 0o755);
}

#[test]
fn the_environment_can_be_left_alone() {
    let step = pushed("refs/heads/main", 'a').input("images", "acme/shop");
    let outcome = step.variable("DOCKER_METADATA_SET_OUTPUT_ENV", "false").succeed();
    assert!(outcome.environment.is_empty() && outcome.lines("tags") == ["acme/shop:main"], "{outcome}");
}

#[test]
fn rows_go_before_a_policy_and_images_after_it() {
    let step = |input: &str, value: &str| {
        pushed("refs/heads/main", 'a').policy(POLICY).mode("tags").input(input, value).succeed()
    };
    assert_eq!(step("tags", "type=raw,value=ours").lines("tag-names"), ["ours"]);
    let by_policy = step("images", "ghcr.io/kyklos/kyklos");
    assert_eq!(by_policy.lines("tags"), ["ghcr.io/kyklos/kyklos:main-aaaaaaa"]);
    assert!(by_policy.environment.is_empty(), "{by_policy}");
}

#[test]
fn labels_and_annotations_of_the_inputs_are_a_policys_too() {
    let outcome = pushed("refs/heads/main", 'a')
        .policy(POLICY)
        .input("labels", "team={{branch}}\norg.opencontainers.image.title=Kyklos")
        .input("annotations", "stage=dev")
        .input("sep-labels", "|")
        .variable("DOCKER_METADATA_ANNOTATIONS_LEVELS", "index,manifest")
        .succeed();
    let labels: Vec<&str> = outcome.outputs["labels"].split('|').collect();
    assert!(labels.contains(&"team=main") && labels.contains(&"org.opencontainers.image.title=Kyklos"), "{labels:?}");
    let annotations = outcome.lines("annotations");
    assert!(annotations.contains(&"index:stage=dev") && annotations.contains(&"manifest:stage=dev"), "{annotations:?}");
    let json: serde_json::Value = serde_json::from_str(&outcome.outputs["json"]).unwrap();
    assert_eq!(json["labels"]["team"], "main");
    assert_eq!(json["annotations"].as_array().unwrap().len(), annotations.len());
}

#[test]
fn a_wrong_label_stops_a_policys_run_before_anything_is_sent() {
    let sandbox = ghcr();
    let image = layout(&single("one"));
    let step = Step::on("push-kyklos-main").policy(&kyklos(&sandbox.host())).to(&sandbox).mode("push");
    let outcome = step.source(image.path()).input("labels", "a={{").fail(2);
    assert!(outcome.stderr.contains("error: failed to fill in the template `a={{`"), "{outcome}");
    assert!(sandbox.requests().is_empty() && outcome.outputs.is_empty());
}

#[test]
fn outputs_before_a_mistake_are_written() {
    let outcome = pushed("refs/heads/main", 'a').input("tags", "type=edge").input("labels", "a={{").fail(2);
    assert_eq!((outcome.lines("version"), outcome.lines("tags")), (vec!["edge"], vec!["edge"]));
    assert!(!outcome.outputs.contains_key("labels"));
}

#[test]
fn releases_move_forward_only() {
    let sandbox = ghcr();
    let images = ["first", "second", "hotfix"].map(single);
    let image = format!("{}/{REPOSITORY}", sandbox.host());
    let release = |version: &str, commit, mode: &str| {
        let step = pushed(&format!("refs/tags/v{version}"), commit).to(&sandbox).mode(mode).input("images", &image);
        step.input("tags", ROWS).input("flavor", "latest=forward")
    };
    let layouts = images.each_ref().map(layout);
    release("1.1.4", 'a', "push").source(layouts[0].path()).succeed();
    release("1.2.0", 'b', "push").source(layouts[1].path()).succeed();

    let planned = release("1.1.5", 'c', "tags").succeed();
    assert_eq!(planned.lines("tag-names"), ["1.1.5", "1.1"]);
    assert_eq!(planned.lines("tags"), [format!("{image}:1.1.5"), format!("{image}:1.1")]);
    assert_eq!(planned.lines("stayed"), [format!("{image}:1"), format!("{image}:latest")]);
    assert_eq!(planned.lines("version"), ["1.1.5"]);

    let hotfix = release("1.1.5", 'c', "push").source(layouts[2].path()).succeed();
    assert_eq!(hotfix.lines("tag-names"), ["1.1.5", "1.1"]);
    let digests = images.each_ref().map(|image| image.digest().to_string());
    let held = tags(&sandbox);
    for (tag, digest) in [("1.1.4", 0), ("1.1", 2), ("1.1.5", 2), ("1.2.0", 1), ("1.2", 1), ("1", 1), ("latest", 1)] {
        assert_eq!(held.get(tag), Some(&digests[digest]), "{tag}: {held:?}");
    }

    let again = release("1.1.5", 'c', "push").source(layouts[0].path()).fail(1);
    assert!(again.stderr.contains("1.1.5 is published as") && again.stderr.contains("`immutable=true`"));
    assert_eq!(tags(&sandbox), held, "nothing was written: {again}");
    release("1.1.5", 'c', "push").source(layouts[2].path()).succeed();
    assert_eq!(tags(&sandbox), held, "the same content changes nothing");
}

#[test]
fn a_plain_rows_tag_is_pushed_and_moves() {
    let sandbox = ghcr();
    let image = format!("{}/{REPOSITORY}", sandbox.host());
    for seed in ["one", "two"] {
        let sample = single(seed);
        let step = pushed("refs/heads/main", 'a').to(&sandbox).input("images", &image).input("tags", "type=edge");
        let outcome = step.source(layout(&sample).path()).succeed();
        assert_eq!(outcome.lines("digest"), [sample.digest().to_string()]);
        assert_eq!(tags(&sandbox)["edge"], sample.digest().to_string());
    }
}

#[test]
fn what_no_registry_takes_is_not_pushed() {
    let sandbox = ghcr();
    let image = layout(&single("one"));
    let push = |images: &str, rows: &str| {
        let step = pushed("refs/heads/main", 'a').to(&sandbox).input("images", images).input("tags", rows);
        step.source(image.path())
    };
    let name = format!("{}/{REPOSITORY}", sandbox.host());
    let wrong = push(&name, "type=raw,value=fine\ntype=raw,value=-dash").fail(1);
    assert!(wrong.stderr.contains("gives `-dash`, which is no tag"), "{wrong}");
    let unqualified = push("acme/shop", "type=edge").fail(2);
    assert!(
        unqualified.stderr.contains("`acme/shop`, which is no name of an image with its registry"),
        "{unqualified}"
    );
    let nameless = push("", "type=edge").fail(2);
    assert!(nameless.stderr.contains("names no image"), "{nameless}");
    assert!(sandbox.requests().is_empty(), "nothing was asked or sent");
}

#[test]
fn no_tag_is_a_warning_that_gives_each_rows_reason() {
    let step = || {
        let rows = "type=semver,pattern={{version}}\ntype=raw,value=x,enable=false";
        pushed("refs/heads/main", 'a').input("images", "acme/shop").input("tags", rows)
    };
    let outcome = step().succeed();
    let warning = outcome.stdout.lines().find(|line| line.starts_with("::warning")).expect("a warning");
    for reason in ["needs a git tag, and the run is on `refs/heads/main`", "its `enable` is `false`"] {
        assert!(warning.contains(reason), "{outcome}");
    }
    assert_eq!(outcome.outputs["tags"], "");
    assert!(outcome.summary.contains("[!WARNING]"), "{}", outcome.summary);
    let failed = step().input("allow-empty", "false").fail(1);
    assert!(failed.stderr.contains("no row of input `tags` fits a push of the branch `main`"), "{failed}");
    let silent = step().input("allow-empty", "true").succeed();
    assert!(!silent.stdout.contains("::warning"), "{silent}");
}

#[test]
fn an_expression_without_end_is_ended() {
    let rows = format!("type=match,pattern=(a+)+$,value={}b", "a".repeat(60));
    let outcome = pushed("refs/heads/main", 'a').input("tags", &rows).fail(2);
    assert!(outcome.stderr.contains("a regular expression in input `tags` finds no end"), "{outcome}");
}

#[test]
fn the_api_is_asked_only_for_what_the_payload_lacks() {
    // Nobody listens at the API's address.
    let known = pushed("refs/heads/main", 'a').input("tags", "type=edge").succeed();
    assert_eq!(known.lines("tags"), ["edge"]);
    let unknown = Step::new()
        .variable("GITHUB_EVENT_NAME", "push")
        .variable("GITHUB_REPOSITORY", "kyklos/kyklos")
        .variable("GITHUB_REF", "refs/heads/main")
        .input("github-token", TOKEN)
        .input("tags", "type=edge")
        .fail(1);
    assert!(unknown.stderr.contains("kyklos/kyklos"), "{unknown}");
}

#[test]
fn an_image_that_the_policy_does_not_list_is_a_mistake() {
    let step = pushed("refs/heads/main", 'a').policy(POLICY).input("images", "ghcr.io/acme/shop");
    let wrong = step.fail(2);
    assert!(
        wrong.stderr.contains("`ghcr.io/acme/shop`, and the policy, which gives the tags, does not list it"),
        "{wrong}"
    );
}

#[test]
fn an_attribute_that_means_nothing_is_a_warning() {
    let rows = "type=raw,value=x,imutable=true\ntype=edge,colour=red";
    let outcome = pushed("refs/heads/main", 'a').input("tags", rows).succeed();
    for text in
        ["the attribute `imutable` means nothing: did you mean `immutable`?", "the attribute `colour` means nothing"]
    {
        assert!(outcome.stdout.contains(text), "{outcome}");
    }
    assert_eq!(outcome.lines("tags"), ["edge", "x"]);
    let wrong = pushed("refs/heads/main", 'a').input("tags", "type=semver,patern={{version}}").fail(2);
    assert!(wrong.stderr.contains("needs the attribute `pattern`; did you mean it by `patern`?"), "{wrong}");
    let wrong = pushed("refs/heads/main", 'a').input("tags", "type=semvr,pattern={{version}}").fail(2);
    assert!(wrong.stderr.contains("there is no type `semvr`; did you mean `semver`?"), "{wrong}");
}

#[test]
fn a_pointer_is_guarded_against_rows_that_do_not_ask() {
    let sandbox = ghcr();
    let image = format!("{}/{REPOSITORY}", sandbox.host());
    let release = |version: &str, rows: &str| {
        let step = pushed(&format!("refs/tags/v{version}"), 'a').to(&sandbox).input("images", &image);
        step.input("tags", rows).input("flavor", "latest=forward")
    };
    // Versions were published with a `v` before, by another row.
    let (old, new) = (single("old"), single("new"));
    release("1.1.0", "type=ref,event=tag").source(layout(&new).path()).succeed();
    let rows = "type=semver,pattern={{version}},immutable=true\ntype=raw,value=latest,enable={{is_default_branch}}\n\
                type=raw,value=1.0.5,enable={{is_default_branch}}";
    let hotfix = release("1.0.5", rows).source(layout(&old).path()).succeed();
    assert_eq!(hotfix.lines("stayed"), [format!("{image}:latest")]);
    assert_eq!(tags(&sandbox)["latest"], new.digest().to_string());

    let main = pushed("refs/heads/main", 'b').to(&sandbox).input("images", &image).input("flavor", "latest=forward");
    let taken = main.input("tags", rows).fail(1);
    assert!(taken.stderr.contains(":1.0.5, but that tag exists and is immutable by row 1"), "{taken}");
    let rows = "type=semver,pattern={{version}}\ntype=raw,value=latest";
    let main = pushed("refs/heads/main", 'b').to(&sandbox).input("images", &image).input("flavor", "latest=forward");
    let warned = main.input("tags", rows).input("mode", "tags").succeed();
    assert!(warned.stdout.contains("moves `latest` wherever it points"), "{warned}");
}

#[test]
fn that_every_tag_stays_is_said() {
    let sandbox = ghcr();
    let image = format!("{}/{REPOSITORY}", sandbox.host());
    let rows = "type=semver,pattern={{version}}\ntype=semver,pattern={{major}},rolling=true";
    let release = |version: &str, rows: &str| {
        let step = pushed(&format!("refs/tags/v{version}"), 'a').to(&sandbox).input("images", &image);
        step.input("tags", rows).input("flavor", "latest=false")
    };
    release("1.1.0", rows).source(layout(&single("new")).path()).succeed();
    let rows = "type=semver,pattern={{version}},enable=false\ntype=semver,pattern={{major}},rolling=true";
    let outcome = release("1.0.5", rows).input("mode", "tags").succeed();
    assert_eq!(outcome.outputs["tags"], "");
    assert!(outcome.stdout.contains("::notice::every tag of this run stays where it is"), "{outcome}");
}
