//! What somebody at a terminal meets first: help, completions, errors for programs, colours.

use std::{fs, path::Path};

use serde_json::Value;

use super::{
    cleanup::shop::{shop, terminal},
    step::Step,
};
use crate::programs::{program, run};

const MODES: [&str; 13] = [
    "auto", "tags", "push", "mirror", "cleanup", "plan", "apply", "restore", "discover", "init", "check", "demo",
    "sandbox",
];

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/help"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn shown(arguments: &[&str]) -> String {
    Step::new().at_terminal(arguments).succeed().stdout
}

#[test]
fn help_teaches_what_to_do_first() {
    let text = shown(&["--help"]);
    snapshot("overview", &text);
    assert_eq!(shown(&["help"]), text);
    let nothing = Step::new().at_terminal(&[]).fail(2);
    assert!(nothing.stderr.contains("no mode was given") && nothing.stderr.contains("Begin with:"), "{nothing}");
}

#[test]
fn each_mode_shows_its_own_options_and_examples() {
    for mode in MODES {
        let text = shown(&["help", mode]);
        assert_eq!(shown(&[mode, "--help"]), text);
        assert!(text.contains("\nExamples:\n"), "{mode} has no example");
        if ["plan", "init", "mirror"].contains(&mode) {
            snapshot(mode, &text);
        }
    }
    assert!(!shown(&["help", "tags"]).contains("--max-deletions"));
}

/// The commands of the examples are understood: they fail, if they do, at what they work on.
#[test]
fn the_examples_of_the_help_are_no_wrong_command_lines() {
    for mode in MODES {
        for line in shown(&["help", mode]).lines().filter(|line| line.starts_with("  ghcr-lifecycle ")) {
            let words: Vec<&str> = line.split_whitespace().skip(1).map(|word| word.trim_matches('\'')).collect();
            // These run on, or wait for one that does; others have tests of their own.
            if ["sandbox", "demo"].contains(&words[0]) || words.contains(&"--sandbox") {
                continue;
            }
            let outcome = Step::new().at_terminal(&words).run();
            for wrong in ["unexpected argument", "does not read it", "is no mode", "inputs are wrong"] {
                assert!(!outcome.stderr.contains(wrong), "{line}\n{outcome}");
            }
        }
    }
}

#[test]
fn an_option_that_the_mode_does_not_read_is_told() {
    let outcome = Step::new().at_terminal(&["tags", "--max-deletions", "3"]).fail(2);
    assert!(outcome.stderr.contains("input `max-deletions`: mode `tags` does not read it"), "{outcome}");
    assert!(outcome.stderr.contains("it is for `auto`, `cleanup`, `plan` and `apply`"), "{outcome}");
    // Before the mode, too; and what a mode reads may stand there.
    assert!(Step::new().at_terminal(&["--versions", "3", "check"]).fail(2).stderr.contains("does not read it"));
    let outcome = Step::new().at_terminal(&["--policy", "elsewhere.yml", "check"]).fail(2);
    assert!(outcome.stderr.contains("`elsewhere.yml` does not exist"), "{outcome}");
}

#[test]
fn bash_completes_modes_and_their_options() {
    let step = Step::new().at_terminal(&["completions", "bash"]);
    let file = step.path("complete.bash");
    fs::write(&file, step.succeed().stdout).unwrap();
    let complete = |words: &str| {
        let script = format!(
            "source {}; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); \
             function=$(complete -p ghcr-lifecycle | sed 's/.*-F \\([^ ]*\\).*/\\1/'); \
             $function ghcr-lifecycle \"${{COMP_WORDS[-1]}}\" \"${{COMP_WORDS[-2]}}\"; echo \"${{COMPREPLY[@]}}\"",
            file.display()
        );
        run(program("bash", "bash").args(["-c", &script]))
    };
    assert_eq!(complete("ghcr-lifecycle cl"), "cleanup");
    assert_eq!(complete("ghcr-lifecycle plan --exp"), "--explain");
    assert_eq!(complete("ghcr-lifecycle tags --max"), "");
    for (shell, start) in [("zsh", "#compdef ghcr-lifecycle"), ("fish", "# Print an optspec")] {
        assert!(shown(&["completions", shell]).starts_with(start), "{shell}");
    }
    let outcome = Step::new().at_terminal(&["completions", "tcsh"]).fail(2);
    assert!(outcome.stderr.contains("tcsh"), "{outcome}");
}

#[test]
fn programs_get_a_document_also_of_a_failure() {
    let document = |arguments: &[&str], code: i32| -> Value {
        let outcome = Step::new().at_terminal(arguments).fail(code);
        assert!(outcome.stderr.starts_with("error: "), "{outcome}");
        serde_json::from_str(&outcome.stdout).unwrap_or_else(|_| panic!("{outcome}"))
    };
    let error = &document(&["check", "--format", "json"], 2)["error"];
    assert_eq!(error["exit-code"], 2);
    assert_eq!(error["message"], "there is no policy: `.github/ghcr-lifecycle.yml` does not exist");
    assert!(error["hints"].as_array().unwrap().len() > 1, "{error}");
    assert_eq!(document(&["chekc", "--format=json"], 2)["error"]["exit-code"], 2);
    let step = Step::new().policy("version: 1\nimages: x\ntags: []\n").at_terminal(&["check", "--format", "json"]);
    let report: Value = serde_json::from_str(&step.fail(2).stdout).unwrap();
    assert_eq!(report["error"]["places"][0]["line"], 2, "{report}");
}

#[test]
fn a_digest_is_told_by_its_beginning() {
    let sandbox = shop();
    let digest = sandbox.tags("acme/shop").into_iter().find(|(tag, _)| tag.to_string() == "v1.0.0").unwrap().1;
    let hex = digest.to_string().replace("sha256:", "");
    let whole = terminal(&sandbox, &["plan", "--explain", &digest.to_string()]).succeed().stdout;
    for short in [hex[..12].to_owned(), format!("sha256:{}", &hex[..12]), format!("sha256:{}…", &hex[..8])] {
        assert_eq!(terminal(&sandbox, &["plan", "--explain", &short]).succeed().stdout, whole, "{short}");
    }
    let outcome = terminal(&sandbox, &["plan", "--explain", "000000000000"]).fail(1);
    assert!(outcome.stderr.contains("a digest by 6 digits or more"), "{outcome}");
}

#[test]
fn colours_are_for_terminals() {
    let binary = env!("CARGO_BIN_EXE_ghcr-lifecycle");
    let empty = tempfile::tempdir().unwrap();
    let at_terminal = |variables: &[(&str, &str)]| {
        let mut command = program("script", "bsdutils");
        command.args(["-q", "-c", &format!("{binary} check; true"), "/dev/null"]).current_dir(empty.path());
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env_remove("GITHUB_ACTIONS").env("TERM", "xterm");
        run(command.envs(variables.iter().copied()))
    };
    let red = "\u{1b}[1;31merror:\u{1b}[0m there is no policy";
    assert!(at_terminal(&[]).contains(red), "{:?}", at_terminal(&[]));
    for off in [("NO_COLOR", "1"), ("TERM", "dumb"), ("GITHUB_ACTIONS", "true")] {
        let plain = at_terminal(&[off]);
        assert!(plain.contains("error: there is no policy"), "{off:?}: {plain:?}");
    }
    let piped = Step::new().at_terminal(&["check"]);
    assert!(!piped.fail(2).stderr.contains('\u{1b}'));
    assert!(piped.variable("CLICOLOR_FORCE", "1").fail(2).stderr.contains(red));
}
