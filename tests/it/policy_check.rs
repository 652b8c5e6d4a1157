//! What `check` shows of a policy, as a user reads it.

use std::{fs, path::Path};

use ghcr_lifecycle::{app::check::check, policy::config::parse};

#[test]
fn every_row_is_shown_with_its_life() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let now = "2026-03-14T09:26:53Z".parse().unwrap();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder.join("check"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for name in ["buildkit-riscv64", "kyklos", "phialo", "raqeem", "storefront"] {
        let text = fs::read_to_string(folder.join(format!("policies/{name}.yml"))).unwrap();
        let check = check(&parse(&text).unwrap(), now, None);
        settings.bind(|| insta::assert_snapshot!(name, check.text(".github/ghcr-lifecycle.yml")));
    }
}

#[test]
fn programs_read_lives_too() {
    let text = "version: 1\nimages: [ghcr.io/a/b]\ntags: [{on: release, tag: 'v{{version}}', immutable: keep existing, keep: \
                {for: 30 days, last: 5}}]\nuntagged: {keep: 3 days}\nkeep-at-least: 2\nprotect: [demo-*]\n";
    let json = check(&parse(text).unwrap(), "2026-03-14T09:26:53Z".parse().unwrap(), None).json();
    assert_eq!(json["rows"][0]["keep"], "for 30 days or while it is on one of the 5 newest images of row 1");
    assert_eq!(json["rows"][0]["immutable"], "keep existing");
    assert_eq!((&json["untagged"], &json["keep-at-least"]), (&"3 days".into(), &2.into()));
    assert_eq!(json["protect"], serde_json::json!(["demo-*"]));
}
