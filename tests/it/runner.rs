//! The runner's protocol, read back as the runner reads it.

use std::{collections::BTreeMap, fs, os::unix::fs::symlink, path::Path};

use ghcr_lifecycle::{
    adapters::runner::{
        self, Reach,
        commands::{Annotation, Annotations, MAX_ANNOTATIONS, Severity, add_mask, endgroup, group, inert},
        files::{Files, MAX_SUMMARY_BYTES},
    },
    ports::PortErrorKind,
};
use proptest::prelude::*;

/// Reads a file of outputs or environment variables as the runner does on Linux.
pub(crate) fn parse_output_file(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut entries = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        rest = after;
        if line.is_empty() {
            continue;
        }
        match (line.find('='), line.find("<<")) {
            (Some(equals), heredoc) if heredoc.is_none_or(|at| equals < at) => {
                entries.push((line[..equals].to_owned(), line[equals + 1..].to_owned()));
            }
            (_, Some(at)) if at > 0 && line.len() > at + 2 => {
                let (name, delimiter) = (&line[..at], &line[at + 2..]);
                let mut lines = Vec::new();
                loop {
                    if rest.is_empty() {
                        return Err(format!("Matching delimiter not found '{delimiter}'"));
                    }
                    let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
                    rest = after;
                    if line == delimiter {
                        break;
                    }
                    lines.push(line);
                }
                entries.push((name.to_owned(), lines.join("\n")));
            }
            _ => return Err(format!("Invalid format '{line}'")),
        }
        if entries.last().is_some_and(|(name, _)| name.is_empty()) {
            return Err(format!("Invalid format '{line}'. Name must not be empty"));
        }
    }
    Ok(entries)
}

/// A workflow command as the runner understands it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) name: String,
    pub(crate) properties: BTreeMap<String, String>,
    pub(crate) data: String,
}

/// Finds the workflow commands in a log as the runner does: `::name k=v::data` at the start of a line, `##[name]data`
/// anywhere in it. A lone CR ends a line, too.
pub(crate) fn parse_log_commands(log: &str) -> Vec<Command> {
    log.split(['\n', '\r']).filter_map(parse_command).collect()
}

fn parse_command(line: &str) -> Option<Command> {
    let ((head, data), separator) = match line.trim_start().strip_prefix("::") {
        Some(rest) => (rest.split_once("::")?, ','),
        None => (line.split_once("##[")?.1.split_once(']')?, ';'),
    };
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    let unescape = |text: &str| {
        text.replace("%0D", "\r").replace("%0A", "\n").replace("%3A", ":").replace("%2C", ",").replace("%25", "%")
    };
    let properties = properties
        .split(separator)
        .filter_map(|property| property.split_once('='))
        .map(|(key, value)| (key.trim().to_owned(), unescape(value)))
        .collect();
    let data = data.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%");
    Some(Command { name: name.to_owned(), properties, data })
}

/// Text as payloads, branch names and labels may hold it, pieces of the protocol among it.
pub(crate) fn nasty() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\n".to_owned()),
        Just("\r".to_owned()),
        Just("\r\n".to_owned()),
        Just("%0A".to_owned()),
        Just("%25".to_owned()),
        Just("::".to_owned()),
        Just("::error file=x,line=1::".to_owned()),
        Just("##[".to_owned()),
        Just("##[group]".to_owned()),
        Just("::stop-commands::x".to_owned()),
        Just("<<EOF".to_owned()),
        Just("EOF".to_owned()),
        Just("ghcr_lifecycle_".to_owned()),
        Just("=".to_owned()),
        Just("\"'`$(id)".to_owned()),
        Just("🦀é\u{200b}\u{feff}".to_owned()),
        Just("\u{1b}[31m\0\u{85}\u{a0}\u{2028}\u{b}\u{c}".to_owned()),
        Just("x".repeat(4000)),
        "[ -~]{0,12}",
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn files(folder: &Path) -> Files {
    let path = |name: &str| folder.join(name).display().to_string();
    Files::from_environment(&BTreeMap::from([
        ("GITHUB_OUTPUT".to_owned(), path("output")),
        ("GITHUB_ENV".to_owned(), path("env")),
        ("GITHUB_STEP_SUMMARY".to_owned(), path("summary")),
    ]))
}

fn settings() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) }
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn every_value_comes_back_from_the_files(values in prop::collection::vec(nasty(), 1..4), before in "|a=b|a=b\n") {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("output"), &before).unwrap();
        let named: Vec<(String, String)> =
            values.into_iter().enumerate().map(|(index, value)| (format!("image-refs_{index}"), value)).collect();
        let borrowed = || named.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        files(folder.path()).set_outputs(borrowed()).unwrap();
        files(folder.path()).set_outputs([("last", "")]).unwrap();
        let read = parse_output_file(&fs::read_to_string(folder.path().join("output")).unwrap()).unwrap();
        let mut expected = named.clone();
        if !before.is_empty() {
            expected.insert(0, ("a".into(), "b".into()));
        }
        expected.push(("last".into(), String::new()));
        prop_assert_eq!(read, expected);
    }

    #[test]
    fn every_annotation_comes_back_from_the_log(message in nasty(), title in nasty(), file in nasty(), line in 1..99_u64) {
        let annotation = Annotation {
            title: Some(title.clone()),
            file: Some(file.clone()),
            line: Some(line),
            column: Some(7),
            ..Annotation::new(Severity::Warning, message.clone())
        };
        let text = Annotations::default().render(&annotation);
        let commands = parse_log_commands(&text);
        prop_assert_eq!(commands.len(), 1);
        let Command { name, properties, data } = &commands[0];
        prop_assert_eq!(name, "warning");
        let fits = |read: &str, written: &str| {
            read == written || (read.encode_utf16().count() <= 4096 && written.starts_with(read.strip_suffix('…').unwrap()))
        };
        prop_assert!(fits(data, &message));
        prop_assert!(fits(&properties["title"], &title) && fits(&properties["file"], &file));
        prop_assert_eq!((&properties["line"], &properties["col"]), (&line.to_string(), &"7".to_owned()));
    }

    #[test]
    fn inert_text_holds_no_command(text in nasty()) {
        let safe = inert(&text);
        prop_assert_eq!(parse_log_commands(&safe), Vec::new());
        prop_assert_eq!(inert(&safe), safe.clone());
        prop_assert!(!safe.contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
    }

    #[test]
    fn plain_annotations_hold_no_command(message in nasty(), title in nasty()) {
        let mut annotations = Annotations::default();
        let annotation = Annotation { title: Some(title), ..Annotation::new(Severity::Error, message) };
        for _ in 0..MAX_ANNOTATIONS {
            prop_assert_eq!(parse_log_commands(&annotations.render(&annotation)).len(), 1);
        }
        prop_assert_eq!(parse_log_commands(&annotations.render(&annotation)), Vec::new());
    }

    #[test]
    fn masks_cover_every_line(secret in nasty()) {
        let lines = add_mask(&secret);
        let masked: Vec<String> = parse_log_commands(&lines.join("\n")).into_iter().map(|command| command.data).collect();
        prop_assert_eq!(masked.len(), lines.len());
        for line in secret.split(['\n', '\r']).filter(|line| !line.trim().is_empty()) {
            prop_assert!(masked.iter().any(|mask| mask == line));
        }
        prop_assert!(masked.iter().all(|mask| !mask.trim().is_empty()));
    }

    #[test]
    fn summaries_stay_within_what_is_uploaded(filler in 0..40_usize, text in nasty(), times in 0..600_usize) {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path());
        files.append_summary(&"x".repeat(filler * 26_214)).unwrap();
        files.append_summary(&text.repeat(times)).unwrap();
        files.append_summary("end").unwrap();
        let summary = fs::read(folder.path().join("summary")).unwrap_or_default();
        prop_assert!(summary.len() <= MAX_SUMMARY_BYTES);
        prop_assert!(String::from_utf8(summary).is_ok());
    }
}

#[test]
fn harmless_text_is_left_as_it_is() {
    for text in ["", "plain", "ghcr.io/a/b:1 -> sha256:00", "a::b", "# [x]", "## [x]", "two\nlines\n", "tab\t🦀 100%"]
    {
        assert_eq!(inert(text), text);
    }
    assert_eq!(inert("  ::error::x"), "  \\::error::x");
    assert_eq!(inert("a ##[error]x\r::add-mask::y"), "a ##\\[error]x\\r::add-mask::y");
}

#[test]
fn commands_are_written_as_documented() {
    let mut annotations = Annotations::default();
    assert_eq!(annotations.render(&Annotation::new(Severity::Notice, "100% of\r\nit")), "::notice::100%25 of%0D%0Ait");
    let placed = Annotation {
        file: Some("a,b:c".into()),
        line: Some(3),
        column: Some(4),
        title: Some("T: x".into()),
        ..Annotation::new(Severity::Error, "no: really, no")
    };
    assert_eq!(annotations.render(&placed), "::error file=a%2Cb%3Ac,title=T%3A x,line=3,col=4::no: really, no");
    assert_eq!(group("push\n::x"), "::group::push%0A::x");
    assert_eq!(endgroup(), "::endgroup::");
    assert_eq!(add_mask("one\ntwo"), ["::add-mask::one%0Atwo", "::add-mask::one", "::add-mask::two"]);
    assert!(add_mask("").is_empty() && add_mask(" \n").is_empty());
}

#[test]
fn annotations_beyond_what_is_shown_are_counted() {
    let mut annotations = Annotations::default();
    assert!(annotations.finish().is_empty());
    for number in 0..12 {
        let warning = annotations.render(&Annotation::new(Severity::Warning, format!("w{number}")));
        assert_eq!(warning.starts_with("::warning::"), number < 10, "{warning}");
        if number < 11 {
            let _ = annotations.render(&Annotation::new(Severity::Error, "e"));
        }
    }
    let expected = ["2 more warnings are in the log above only", "1 more error is in the log above only"];
    assert_eq!(annotations.finish(), expected);
}

#[test]
fn names_are_checked_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let files = files(folder.path());
    for name in ["", "a b", "a=b", "a<<b", "a\nb", "1a", "-a", "é"] {
        assert!(files.set_outputs([("good", "x"), (name, "x")]).is_err(), "{name:?}");
        assert!(files.export([("good", "x"), (name, "x")]).is_err(), "{name:?}");
    }
    for name in ["NODE_OPTIONS", "node_options", "GITHUB_SHA", "RUNNER_TEMP", "a-b"] {
        assert!(files.export([(name, "x")]).is_err(), "{name:?}");
    }
    assert!(files.export([("A", "nul\0")]).is_err());
    assert!(!folder.path().join("output").exists() && !folder.path().join("env").exists());
    files.export([("DOCKER_METADATA_OUTPUT_TAGS", "a\nb")]).unwrap();
    let read = parse_output_file(&fs::read_to_string(folder.path().join("env")).unwrap()).unwrap();
    assert_eq!(read, [("DOCKER_METADATA_OUTPUT_TAGS".to_owned(), "a\nb".to_owned())]);
}

#[test]
fn at_a_terminal_there_are_no_files() {
    let files = Files::from_environment(&BTreeMap::from([("GITHUB_OUTPUT".to_owned(), String::new())]));
    files.set_outputs([("a", "b")]).unwrap();
    files.export([("a", "b")]).unwrap();
    files.append_summary("x").unwrap();
    let missing = BTreeMap::from([("GITHUB_OUTPUT".to_owned(), "/nonexistent/folder/file".to_owned())]);
    assert!(Files::from_environment(&missing).set_outputs([("a", "b")]).is_err());
}

#[test]
fn a_long_summary_is_cut_between_lines_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    files(folder.path()).append_summary(&"| é | 🦀 |\n".repeat(100_000)).unwrap();
    let summary = fs::read_to_string(folder.path().join("summary")).unwrap();
    assert!(summary.len() <= MAX_SUMMARY_BYTES && summary.len() > MAX_SUMMARY_BYTES - 200);
    let (table, notice) = summary.split_once("\n\n").unwrap();
    assert!(table.lines().all(|line| line == "| é | 🦀 |"));
    assert!(notice.contains("was cut here"));
}

#[test]
fn policies_are_read_from_the_workspace_only() {
    let folder = tempfile::tempdir().unwrap();
    let workspace = folder.path().join("work");
    fs::create_dir_all(workspace.join("sub")).unwrap();
    fs::write(workspace.join("policy.yml"), "x").unwrap();
    fs::write(folder.path().join("secret"), "s").unwrap();
    symlink(folder.path().join("secret"), workspace.join("link")).unwrap();
    symlink("policy.yml", workspace.join("inner")).unwrap();
    let inside = |path: &str| runner::read_policy(&workspace, path, Reach::Workspace);
    let absolute = workspace.join("policy.yml").display().to_string();
    for path in ["policy.yml", "./policy.yml", "sub/../policy.yml", "inner", &absolute] {
        assert_eq!(inside(path).unwrap().as_deref(), Some(&b"x"[..]), "{path}");
    }
    assert_eq!(inside("absent").unwrap(), None);
    let secret = folder.path().join("secret").display().to_string();
    for path in ["../secret", "sub/../../secret", "link", &secret, "/etc/absent", "../absent"] {
        assert_eq!(inside(path).unwrap_err().kind, PortErrorKind::Denied, "{path}");
    }
    for path in ["../secret", &secret, "link"] {
        let read = runner::read_policy(&workspace, path, Reach::Anywhere).unwrap();
        assert_eq!(read.as_deref(), Some(&b"s"[..]), "{path}");
    }
    assert_eq!(inside("sub").unwrap_err().kind, PortErrorKind::Malformed);
    fs::write(workspace.join("large"), vec![b'x'; 3 * 1024 * 1024]).unwrap();
    assert_eq!(inside("large").unwrap().unwrap().len(), 1024 * 1024 + 1);
}

#[test]
fn payloads_and_certificates_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("event.json");
    assert_eq!(runner::payload(&path).unwrap(), None);
    fs::write(&path, "{}").unwrap();
    assert_eq!(runner::payload(&path).unwrap().as_deref(), Some(&b"{}"[..]));
    let environment = |path: &Path| BTreeMap::from([("SSL_CERT_FILE".to_owned(), path.display().to_string())]);
    assert_eq!(runner::extra_ca_pem(&BTreeMap::new()).unwrap(), None);
    assert_eq!(runner::extra_ca_pem(&environment(&folder.path().join("absent"))).unwrap(), None);
    assert_eq!(runner::extra_ca_pem(&environment(&path)).unwrap().unwrap(), b"{}");
    fs::File::options().write(true).open(&path).unwrap().set_len(25 * 1024 * 1024 + 1).unwrap();
    assert_eq!(runner::payload(&path).unwrap_err().kind, PortErrorKind::Malformed);
    assert_eq!(runner::extra_ca_pem(&environment(&path)).unwrap_err().kind, PortErrorKind::Malformed);
    assert!(runner::environment().contains_key("PATH"));
}
