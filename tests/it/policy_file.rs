//! Policy files: the good ones as they are understood, the broken ones as their messages read.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use ghcr_lifecycle::{
    policy::{
        config::parse,
        diagnostic::{Diagnostics, Lines},
        glob::Glob,
        rules::{Keep, Policy, Protected, References, While},
        template::Template,
    },
    report::diagnostics::{Colour, render, render_with},
};
use proptest::prelude::*;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/policies").join(name)
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    files.sort();
    files
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// Compares with the snapshot beside the fixture.
fn assert_snapshot(folder: &Path, name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn every_good_policy_is_understood() {
    let good = files(&folder(""), "yml");
    assert!(good.len() >= 5, "the five policies are there");
    for path in good {
        let text = fs::read_to_string(&path).unwrap();
        let name = format!("{}.yml", stem(&path));
        let policy = parse(&text).unwrap_or_else(|mistakes| panic!("{}", render(&name, &text, &mistakes)));
        assert_snapshot(&folder(""), &stem(&path), &summary(&policy));
    }
}

#[test]
fn every_broken_policy_gets_its_message() {
    let folder = folder("broken");
    let broken = files(&folder, "yml");
    assert!(broken.len() >= 34, "{} broken policies", broken.len());
    for path in broken {
        let text = fs::read_to_string(&path).unwrap();
        let name = stem(&path);
        let Err(mistakes) = parse(&text) else { panic!("{name}.yml has no mistake") };
        check_places(&text, &mistakes);
        assert_snapshot(&folder, &name, &render(&format!("{name}.yml"), &text, &mistakes));
    }
}

#[test]
fn no_snapshot_is_an_orphan() {
    for folder in [folder(""), folder("broken")] {
        let policies: BTreeSet<String> = files(&folder, "yml").iter().map(|path| stem(path)).collect();
        let snapshots: BTreeSet<String> = files(&folder, "snap").iter().map(|path| stem(path)).collect();
        assert_eq!(policies, snapshots, "in {}", folder.display());
        assert!(files(&folder, "new").is_empty(), "an unreviewed snapshot is left in {}", folder.display());
    }
}

/// Text that no person wrote, the same each time.
fn noise(bytes: usize, alphabet: &[u8]) -> String {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..bytes)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            char::from(alphabet[usize::try_from(state % alphabet.len() as u64).unwrap()])
        })
        .collect()
}

#[test]
fn noise_of_a_megabyte_is_one_short_message() {
    let one_line: Vec<u8> = (b' '..=b'~').collect();
    let controls: Vec<u8> = (0..=127).collect();
    let letters: Vec<u8> = (b'a'..=b'z').collect();
    let colons = b"ab: \n".to_vec();
    for (alphabet, length) in
        [(&one_line, 1 << 20), (&controls, 1 << 20), (&letters, 1 << 20), (&colons, 1 << 20), (&letters, (1 << 20) + 1)]
    {
        let text = noise(length, alphabet);
        let mistakes = parse(&text).unwrap_err();
        assert_eq!(mistakes.count(), 1, "{mistakes}");
        check_places(&text, &mistakes);
        let message = render("noise.yml", &text, &mistakes);
        assert!(message.len() < 1_000, "{message}");
        assert!(!message.contains(|c: char| c.is_control() && c != '\n'), "{message}");
    }
}

#[test]
fn a_long_line_is_cut_around_the_place() {
    let rest = "x".repeat(900);
    let text = format!("version: 1\nimages: [ghcr.io/a/b]\nuntagged: {{ {rest}: 1, kep: 1, {rest}y: 2 }}\n");
    let mistakes = parse(&text).unwrap_err();
    let message = render("policy.yml", &text, &mistakes);
    assert!(message.lines().all(|line| line.chars().count() < 260), "{message}");
    assert!(message.contains("did you mean `keep`?"), "{message}");
}

#[test]
fn many_mistakes_are_counted_beyond_fifty() {
    let mut text = String::from("version: 1\nimages: [ghcr.io/a/b]\n");
    for number in 0..70 {
        writeln!(text, "unknown-{number}: 1").unwrap();
    }
    let mistakes = parse(&text).unwrap_err();
    assert_eq!((mistakes.list.len(), mistakes.omitted), (50, 20));
    assert!(render("policy.yml", &text, &mistakes).ends_with("… and 20 more mistakes\n"));
}

#[test]
fn keys_of_later_versions_are_named_in_the_order_of_the_file() {
    let text = "version: 1\nimages: [ghcr.io/a/b]\nreferences: {files: [a], require-registry: true}\ntags: [{on: tag v*-*, tag: \
                \"{{tag}}\", index: \"{{tag.1}}\"}]\nvisibility: public\nupstream: {repository: a/b}\nchecks: \
                {platforms: [linux/amd64]}\nrelease-notes: true\nuntagged: {keep: 30 days}\n";
    assert_eq!(parse(text).unwrap().not_carried_out, ["upstream"]);
    let text = "version: 1\nimages: [ghcr.io/a/b]\ntags: [{on: release, tag: \"{{version}}\", keep: forever}]\n";
    assert_eq!(parse(text).unwrap().not_carried_out, Vec::<String>::new());
}

#[test]
fn a_byte_order_mark_and_other_line_ends_change_nothing() {
    let text = "version: 1\nimages: [ghcr.io/a/b]\nkep: 1\n";
    let place = |text: &str| parse(text).unwrap_err().list[0].at;
    assert_eq!(place(text), place(&format!("\u{feff}{text}")));
    assert_eq!(place(text), place(&text.replace('\n', "\r\n")));
    assert_eq!(place("kep: 1\n").column, place("\u{feff}kep: 1\n").column);
}

#[test]
fn what_match_says_is_about_the_whole_tag() {
    for (pattern, yes, no) in [
        ("/^[0-9a-f]{4}$/", "abcd", "abcde"),
        ("/[0-9a-f]{4}/", "abcd", "xabcd"),
        ("/a|bc/", "bc", "abc"),
        ("cache-*", "cache-1", "x-cache-1"),
    ] {
        let text = format!("version: 1\nimages: [ghcr.io/a/b]\ntags: [{{match: \"{pattern}\"}}]\n");
        let policy = parse(&text).unwrap();
        let matcher = policy.rules[0].matcher.as_ref().unwrap();
        assert!(matcher.regex.is_match(yes) && !matcher.regex.is_match(no), "{pattern}");
    }
}

/// A policy with all keys, in all their forms.
pub const EVERY_FORM: &str = r#"
version: 1
images: [ghcr.io/acme/shop, "localhost:5000/acme/shop"]
repository: acme/shop
tags:
  - {on: [release app-v*, prerelease app-v*, "!release app-v0*"], tag: ["{{version}}", "v{{version}}"], rolling: "{{major}}", immutable: false}
  - {on: merge group, tag: "queue-{{base_ref}}-{{sha}}", also: "run-{{run_number}}", keep: 2 weeks}
  - {on: [schedule, dispatch], tag: &nightly "nightly-{{commit_date 'YYYYMMDD'}}", keep: {last: 3, for: 90 minutes}}
  - {on: "branch preview/*", tag: "preview-{{branch}}", match: '/preview-(?<branch>.+)/', keep: {while: branch exists}}
  - {match: "/pr-(?<number>[0-9]+)(-.*)?/", keep: while open}
  - {on: tag **, tag: "{{tag}}", keep: 0 days}
untagged: {keep: forever}
keep-at-least: 0
protect: [v1, "v[0-9]+", "demo-**"]
references: {files: ["**/Dockerfile*"], branches: [main, release/1.2], require-registry: false}
unreadable: ["sha256:4b825dc642cb6eb9a060e54bf8d69288fbee4904d4a1e4e1c0e4f0ed0e8c7e9a"]
checks: {platforms: [linux/arm/v7, windows/amd64], size: {target: 1.5 MiB, max: 2 GB}}
visibility: internal
release-notes: false
mirrors:
  - {image: docker.io/acme/shop, only: [release, branch, "!branch main"], rename: {"v{{version}}": "{{version}}", latest: stable}}
  - image: quay.io/acme/shop
upstream: {repository: moby/buildkit}
"#;

#[test]
fn every_form_of_every_key_is_understood() {
    let text = EVERY_FORM;
    let policy = parse(text).unwrap_or_else(|mistakes| panic!("{}", render("policy.yml", text, &mistakes)));
    assert_eq!(policy.rules.len(), 6);
    assert_eq!(policy.untagged, None);
    assert_eq!(policy.checks.unwrap().size_target, Some(1_572_864));
    assert_eq!(
        policy.mirrors[0].only.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["release", "branch **", "!branch main"]
    );
    assert_eq!(policy.rules[1].row.to_string(), "row 2 (`merge group`, line 7)");
    assert_eq!(policy.not_carried_out, ["upstream"]);
}

#[test]
fn colours_change_no_letter() {
    let text = fs::read_to_string(folder("broken/nine-mistakes.yml")).unwrap();
    let mistakes = parse(&text).unwrap_err();
    let coloured = render_with("policy.yml", &text, &mistakes, Colour::Always);
    assert!(coloured.contains('\u{1b}'));
    let mut plain = String::new();
    for (index, piece) in coloured.split('\u{1b}').enumerate() {
        plain.push_str(if index == 0 { piece } else { piece.split_once('m').unwrap().1 });
    }
    assert_eq!(plain, render("policy.yml", &text, &mistakes));
}

/// Each place lies within the text, and line and column are those of the bytes.
fn check_places(text: &str, mistakes: &Diagnostics) {
    assert!(!mistakes.list.is_empty());
    let lines = Lines::new(text);
    let mut last = 0;
    for mistake in &mistakes.list {
        let related = mistake.related.iter().map(|related| (&related.span, related.at));
        for (span, at) in related.chain([(&mistake.span, mistake.at)]) {
            assert!(text.get(span.clone()).is_some(), "{mistake:?}");
            assert_eq!(lines.location(span.start), at, "{mistake:?}");
            assert!(at.line >= 1 && at.column >= 1, "{mistake:?}");
        }
        assert!(mistake.span.start >= last, "in file order: {mistake:?}");
        last = mistake.span.start;
        assert!(!mistake.problem.is_empty() && mistake.problem.len() < 1_500, "{mistake:?}");
    }
}

/// A way to spoil a text.
#[derive(Clone, Debug)]
enum Spoil {
    Insert(prop::sample::Index, String),
    Remove(prop::sample::Index, usize),
    Copy(prop::sample::Index, prop::sample::Index, usize),
    Truncate(prop::sample::Index),
}

fn spoil() -> impl Strategy<Value = Spoil> {
    let piece = prop_oneof![
        "[\\PC\t\n\r\u{0}\u{7f}\u{85}\u{2028}]{1,3}",
        prop::sample::select(vec![
            "{{", "}}", "!", "*", "&a ", "*a", "- ", ": ", "\n", "\t", "\"", "'", "[", "]", "{", "}", "|\n", ">\n",
            "---\n", "<<: ", "/", "\\", "sha256:", "null", "1", "true", " days", "\u{feff}", "é", "🦀", "#", "%", "@",
            "`", "?", "~",
        ])
        .prop_map(str::to_owned),
    ];
    prop_oneof![
        (any::<prop::sample::Index>(), piece).prop_map(|(at, text)| Spoil::Insert(at, text)),
        (any::<prop::sample::Index>(), 1_usize..30).prop_map(|(at, length)| Spoil::Remove(at, length)),
        (any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1_usize..60)
            .prop_map(|(from, to, length)| Spoil::Copy(from, to, length)),
        any::<prop::sample::Index>().prop_map(Spoil::Truncate),
    ]
}

fn spoiled(text: &str, spoils: &[Spoil]) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for spoil in spoils {
        let place = |index: &prop::sample::Index, text: &[char]| index.index(text.len() + 1);
        match spoil {
            Spoil::Insert(at, piece) => {
                let at = place(at, &text);
                text.splice(at..at, piece.chars());
            }
            Spoil::Remove(at, length) => {
                let at = place(at, &text);
                let end = (at + length).min(text.len());
                text.drain(at..end);
            }
            Spoil::Copy(from, to, length) => {
                let (from, to) = (place(from, &text), place(to, &text));
                let piece: Vec<char> = text[from..(from + length).min(text.len())].to_vec();
                text.splice(to..to, piece);
            }
            Spoil::Truncate(at) => {
                let at = place(at, &text);
                text.truncate(at.max(text.len() / 2));
            }
        }
    }
    text.into_iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_too_spoiled_for_a_message(which in 0_usize..5, spoils in prop::collection::vec(spoil(), 1..6)) {
        let text = fs::read_to_string(&files(&folder(""), "yml")[which]).unwrap();
        let text = spoiled(&text, &spoils);
        if let Err(mistakes) = parse(&text) {
            check_places(&text, &mistakes);
            let message = render("policy.yml", &text, &mistakes);
            prop_assert!(message.starts_with("error: "));
            prop_assert!(!message.contains(|c: char| c.is_control() && c != '\n'), "{}", message);
        }
    }

    #[test]
    fn any_characters_get_a_message(text in "[\\PC\t\n\r\u{0}:\\-\"'\\[{]{0,200}") {
        if let Err(mistakes) = parse(&text) {
            check_places(&text, &mistakes);
            prop_assert!(render("policy.yml", &text, &mistakes).starts_with("error: "));
        }
    }
}

/// What a policy was understood as, row by row.
fn summary(policy: &Policy) -> String {
    let Policy {
        drop_in: _,
        images,
        rules,
        untagged,
        keep_at_least,
        protect,
        references,
        repository,
        unreadable,
        checks,
        visibility,
        release_notes,
        mirrors,
        upstream,
        not_carried_out,
    } = policy;
    let mut text = String::new();
    for image in images {
        writeln!(text, "image {image}").unwrap();
    }
    let templates = |list: &[Template]| list.iter().map(Template::as_str).collect::<Vec<_>>().join("  ");
    for rule in rules {
        writeln!(text, "\n{}", rule.row).unwrap();
        let on: Vec<String> = rule.on.iter().map(ToString::to_string).collect();
        for (name, value) in [
            ("on", on.join("  ")),
            ("tag", templates(&rule.tag)),
            ("also", templates(&rule.also)),
            ("rolling", templates(&rule.rolling)),
            ("index", rule.index.iter().map(Template::as_str).collect()),
            ("match", rule.matcher.iter().map(|matcher| matcher.regex.as_str()).collect()),
        ] {
            if !value.is_empty() {
                writeln!(text, "  {name:<9} {value}").unwrap();
            }
        }
        writeln!(text, "  immutable {:?}", rule.immutable).unwrap();
        writeln!(text, "  keep      {}", life(&rule.keep)).unwrap();
    }
    text.push('\n');
    writeln!(
        text,
        "untagged: {}",
        untagged.map_or("kept".to_owned(), |kept| format!("{} hours", kept.as_secs() / 3600))
    )
    .unwrap();
    writeln!(text, "keep at least: {keep_at_least}").unwrap();
    let protect: Vec<String> = protect
        .iter()
        .map(|protected| match protected {
            Protected::Tags(glob) => glob.to_string(),
            Protected::Digest(digest) => digest.to_string(),
        })
        .collect();
    writeln!(text, "protect: {}", protect.join("  ")).unwrap();
    if let Some(References { files, branches, require_registry }) = references {
        let files: Vec<&str> = files.iter().map(Glob::as_str).collect();
        writeln!(text, "references: {} on {branches:?}, registry required: {require_registry}", files.join("  "))
            .unwrap();
    }
    writeln!(text, "repository: {repository:?}").unwrap();
    writeln!(text, "unreadable: {unreadable:?}").unwrap();
    writeln!(text, "checks: {checks:?}").unwrap();
    writeln!(text, "visibility: {visibility:?}").unwrap();
    writeln!(text, "release notes: {release_notes}").unwrap();
    for mirror in mirrors {
        let only: Vec<String> = mirror.only.iter().map(ToString::to_string).collect();
        let rename: Vec<String> =
            mirror.rename.iter().map(|(from, to)| format!("{} -> {}", from.as_str(), to.as_str())).collect();
        writeln!(text, "mirror: {} only {} rename {}", mirror.image, only.join("  "), rename.join("  ")).unwrap();
    }
    writeln!(text, "upstream: {upstream:?}").unwrap();
    writeln!(text, "not carried out: {}", not_carried_out.join(", ")).unwrap();
    text
}

fn life(keep: &Keep) -> String {
    let Keep { forever, duration, last, while_holds } = keep;
    let mut parts = Vec::new();
    if *forever {
        parts.push("forever".to_owned());
    }
    if let Some(duration) = duration {
        parts.push(format!("for {} hours", duration.as_secs() / 3600));
    }
    if let Some(last) = last {
        parts.push(format!("last {last}"));
    }
    match while_holds {
        Some(While::Open) => parts.push("while open".to_owned()),
        Some(While::BranchExists) => parts.push("while branch exists".to_owned()),
        None => {}
    }
    parts.join(" or ")
}
