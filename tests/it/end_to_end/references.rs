//! `references.require-registry`: mode `check` on work trees with images that name no registry.

use std::{fmt::Write as _, fs, os::unix::fs::symlink};

use super::step::Step;
use crate::programs::{program, run};

const POLICY: &str = "version: 1
images: [ghcr.io/mj-nehme/raqeem/devices-backend]
tags:
  - {on: release, tag: 'v{{version}}', keep: forever}
references:
  files: ['**/Dockerfile*', 'docker-compose*.yml', 'charts/**/values.yaml', 'k8s/*.yaml']
  require-registry: true
";

const COMPOSE: &str = "services:
  database:
    image: postgres:16
  store:
    image: quay.io/minio/minio:latest
";

/// A step in a workspace with these files.
fn in_tree(files: &[(&str, &str)]) -> Step {
    let step = Step::on("push-kyklos-main").policy(POLICY).mode("check");
    for (path, text) in files {
        let path = step.path("workspace").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    step
}

fn tree() -> Step {
    in_tree(&[
        ("Dockerfile", "FROM docker.io/library/golang:1.25 AS builder\nFROM builder\nCOPY --from=alpine:3 /a, /b\n"),
        ("docker-compose.yml", COMPOSE),
        ("charts/values.yaml", "database:\n  image:\n    repository: bitnami/postgresql\n    tag: 16\n"),
        ("k8s/pod.yaml", "kind: Pod\nspec:\n  containers:\n  - image: ghcr.io/acme/shop:v1\n  - image: nginx\n"),
        ("k8s/deeper/pod.yaml", "image: not-looked-at\n"),
        (".git/Dockerfile", "FROM not-looked-at\n"),
        ("other/.git", "gitdir: elsewhere\n"),
        ("other/Dockerfile", "FROM not-looked-at\n"),
    ])
}

#[test]
fn references_without_a_registry_are_annotated_on_their_lines() {
    let outcome = tree().fail(1);
    let annotations: Vec<&str> = outcome.stdout.lines().filter(|line| line.starts_with("::error")).collect();
    assert_eq!(
        annotations,
        [
            "::error file=Dockerfile,line=3,col=13::`alpine:3` names no registry: write `docker.io/library/alpine:3`",
            "::error file=charts/values.yaml,line=3,col=17::`bitnami/postgresql` names no registry: write `docker.io/bitnami/postgresql`",
            "::error file=docker-compose.yml,line=3,col=12::`postgres:16` names no registry: write `docker.io/library/postgres:16`",
            "::error file=k8s/pod.yaml,line=5,col=12::`nginx` names no registry: write `docker.io/library/nginx`",
        ],
        "{outcome}"
    );
    assert!(outcome.stdout.contains("is valid: 1 row"), "{outcome}");
    assert!(outcome.summary.contains("docker-compose.yml:3:12"), "{}", outcome.summary);
}

#[test]
fn a_terminal_shows_each_with_its_place() {
    let outcome = tree().at_terminal(&["check"]).fail(1);
    assert_eq!(
        outcome.stderr,
        "error: failed to find a registry in every image reference, as `references.require-registry` asks: 4 references name none
  - Dockerfile:3:13: `alpine:3` names no registry: write `docker.io/library/alpine:3`
  - charts/values.yaml:3:17: `bitnami/postgresql` names no registry: write `docker.io/bitnami/postgresql`
  - docker-compose.yml:3:12: `postgres:16` names no registry: write `docker.io/library/postgres:16`
  - k8s/pod.yaml:5:12: `nginx` names no registry: write `docker.io/library/nginx`
hint: `docker.io` is what Docker puts before such a name; write another registry where that is meant
",
        "{outcome}"
    );
    let json = tree().at_terminal(&["check", "--format", "json"]).fail(1).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["references"]["files"], 4);
    assert_eq!(
        json["references"]["without-registry"][2],
        serde_json::json!({"file": "docker-compose.yml", "line": 3, "column": 12, "written": "postgres:16",
                           "qualified": "docker.io/library/postgres:16"})
    );
}

#[test]
fn what_names_its_registry_succeeds() {
    let compose = COMPOSE.replace("postgres", "docker.io/library/postgres");
    let outcome = in_tree(&[("docker-compose.yml", &compose)]).succeed();
    assert!(
        outcome.stdout.contains("every image reference in the files of `references` names its registry"),
        "{outcome}"
    );
    assert!(!outcome.stdout.contains("::"), "{outcome}");
    // A work tree that was never checked out shows nothing, and says so.
    let outcome = in_tree(&[]).succeed();
    assert!(outcome.stdout.contains("::warning::`references.files` names no file"), "{outcome}");
    // Nothing is required.
    let step = tree().policy(&POLICY.replace("require-registry: true", "require-registry: false"));
    assert!(!step.succeed().stdout.contains("::"));
}

#[test]
fn fifty_are_told_and_the_others_counted() {
    let mut text = String::new();
    for number in 0..53 {
        writeln!(text, "FROM image-{number}").unwrap();
    }
    let outcome = in_tree(&[("Dockerfile", &text)]).at_terminal(&["check"]).fail(1);
    assert!(outcome.stderr.contains("53 references name none"), "{outcome}");
    assert!(outcome.stderr.contains("`image-49`") && !outcome.stderr.contains("`image-50`"), "{outcome}");
    assert!(outcome.stderr.contains("  - and 3 more\n"), "{outcome}");
}

#[test]
fn only_files_of_the_repository_are_read() {
    let step = in_tree(&[("build/Dockerfile.real", "FROM alpine\n"), ("node_modules/x/Dockerfile", "FROM vendored\n")]);
    let workspace = step.path("workspace");
    fs::write(step.path("Dockerfile.outside"), "FROM outside\n").unwrap();
    symlink("../Dockerfile.outside", workspace.join("Dockerfile.link")).unwrap();
    symlink("build/Dockerfile.real", workspace.join("Dockerfile.twin")).unwrap();
    symlink("nowhere", workspace.join("Dockerfile.dangling")).unwrap();
    symlink("..", workspace.join("build/loop")).unwrap();
    let listed = |step: &Step| -> Vec<String> {
        let outcome = step.fail(1);
        let lines = outcome.stdout.lines().filter_map(|line| line.strip_prefix("::error file="));
        lines.map(|line| line.split(',').next().unwrap().to_owned()).collect()
    };
    assert_eq!(listed(&step), ["build/Dockerfile.real", "node_modules/x/Dockerfile"]);
    // What git ignores is not the repository's, unless it is tracked all the same.
    let git = |arguments: &[&str]| run(program("git", "git").current_dir(&workspace).args(arguments));
    git(&["init", "-q"]);
    fs::write(workspace.join(".gitignore"), "node_modules/\n").unwrap();
    assert_eq!(listed(&step), ["build/Dockerfile.real"]);
    git(&["add", "--force", "node_modules/x/Dockerfile"]);
    assert_eq!(listed(&step), ["build/Dockerfile.real", "node_modules/x/Dockerfile"]);
    // Too much to be read is no reason to succeed.
    fs::write(workspace.join("Dockerfile.large"), vec![b'#'; 1024 * 1024 + 1]).unwrap();
    let outcome = step.fail(1);
    assert!(outcome.stderr.contains("Dockerfile.large`: it is larger than 1 MiB"), "{outcome}");
}
