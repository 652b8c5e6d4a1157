use super::*;
use crate::policy::metadata::MetadataInputs;

fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn run(arguments: &[&str], pairs: &[(&str, &str)]) -> Result<Box<Inputs>, InputErrors> {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect::<Vec<_>>();
    match parse(&arguments, &environment(pairs), None)? {
        Parsed::Run(inputs) => Ok(inputs),
        Parsed::Show(text) => panic!("shows {text}"),
    }
}

fn mistakes(arguments: &[&str], pairs: &[(&str, &str)]) -> String {
    run(arguments, pairs).expect_err("a mistake").to_string()
}

#[test]
fn the_actions_variables_are_read_trimmed_and_empty_ones_are_absent() {
    let inputs = run(
        &[],
        &[
            ("GITHUB_ACTIONS", "true"),
            ("INPUT_MODE", "push\n"),
            ("INPUT_ALLOW-EMPTY", " True "),
            ("INPUT_IMAGE", ""),
            ("INPUT_GITHUB-TOKEN", "ghs_1"),
            ("INPUT_SOURCE", "layout"),
            ("GITHUB_TOKEN", "not this one"),
        ],
    )
    .expect("valid inputs");
    assert_eq!(inputs.mode, Mode::Push);
    assert_eq!(inputs.allow_empty, Some(true));
    assert_eq!(inputs.image, None);
    assert_eq!(inputs.github_token.as_ref().map(Secret::expose), Some("ghs_1"));
    assert_eq!(inputs.sources, ["layout"]);
    assert_eq!(inputs.policy, PolicyInput::Path(DEFAULT_POLICY.to_owned()));
    assert!(!inputs.policy_given);
    assert_eq!(inputs.ghcr_host, "ghcr.io");
    assert_eq!(inputs.api_url, "https://api.github.com");
}

#[test]
fn sources_are_lines_or_options() {
    let pairs = [("GITHUB_ACTIONS", "true"), ("INPUT_SOURCE", "\n a.tar \r\n\n b.tar,platform=linux/arm64\n")];
    assert_eq!(run(&[], &pairs).expect("valid inputs").sources, ["a.tar", "b.tar,platform=linux/arm64"]);
    let typed = run(&["push", "--source", "a.tar", "--source", "b.tar"], &pairs).expect("valid inputs");
    assert_eq!(typed.sources, ["a.tar", "b.tar"]);
    let many = "a.tar\n".repeat(101);
    let error = run(&["push", "--source", &many], &[]).expect_err("too many lines");
    assert_eq!(error.to_string(), "input `source`: it has 101 lines");
    let error = run(&["push", "--source", "a\u{1b}[2J"], &[]).expect_err("control characters");
    assert!(error.to_string().contains("control characters"), "{error}");
}

#[test]
fn options_win_over_variables_and_stand_before_or_after_the_mode() {
    let pairs = [("INPUT_REF", "v1.0.0"), ("INPUT_IMAGE", "shop"), ("GITHUB_TOKEN", "ghp_1")];
    for arguments in [["tags", "--ref", "v2.0.0"], ["--ref", "v2.0.0", "tags"]] {
        let inputs = run(&arguments, &pairs).expect("valid inputs");
        assert_eq!(inputs.git_ref.as_deref(), Some("v2.0.0"));
        assert_eq!(inputs.image.as_deref(), Some("shop"));
        assert_eq!(inputs.github_token.as_ref().map(Secret::expose), Some("ghp_1"));
    }
}

#[test]
fn github_token_of_the_environment_is_not_read_in_the_actions_own_step() {
    let inputs = run(&[], &[("GITHUB_ACTIONS", "true"), ("GITHUB_TOKEN", "ghp_1")]).expect("valid inputs");
    assert_eq!(inputs.github_token, None);
    assert_eq!(inputs.mode, Mode::Auto);
}

#[test]
fn a_policy_is_a_path_or_the_yaml_itself() {
    let policy = |text: &str| run(&["tags"], &[("INPUT_POLICY", text)]).expect("valid inputs").policy.clone();
    assert_eq!(policy("other.yml\n"), PolicyInput::Path("other.yml".to_owned()));
    assert_eq!(policy("images: [a]"), PolicyInput::Text("images: [a]".to_owned()));
    assert_eq!(policy("\n  a:\n    b\n"), PolicyInput::Text("  a:\n    b".to_owned()));
    let check = run(&["check", "other.yml"], &[]).expect("valid inputs");
    assert_eq!((check.policy, check.policy_given), (PolicyInput::Path("other.yml".to_owned()), true));
}

#[test]
fn every_mistake_is_reported_at_once() {
    let text = mistakes(
        &[],
        &[
            ("GITHUB_ACTIONS", "true"),
            ("INPUT_MODE", "tag"),
            ("INPUT_REF", "a\u{1b}[31m\nb"),
            ("INPUT_REGISTRY", "https://ghcr.io/x"),
            ("INPUT_USERNAME", "me"),
            ("INPUT_NOW", "yesterday"),
            ("INPUT_ALLOW-EMPTY", "perhaps"),
            ("INPUT_LOG-LEVEL", "warning"),
            ("INPUT_REGISTRIES", "[\"hunter2\"]"),
            ("DOCKER_METADATA_SHORT_SHA_LENGTH", "4"),
            ("GITHUB_API_URL", "http://api.example"),
        ],
    );
    let expected = "\
10 inputs are wrong
  input `mode`: `tag` is no mode
    hint: did you mean `tags`? the modes are `auto`, `tags`, `push`, `mirror`, `cleanup`, `plan`, `apply`, `restore`, `discover`, `doctor`, `init`, `check` and `schema`
  input `ref`: `a\\u{1b}[31m\\nb` holds control characters
    hint: give one line of plain text
  input `registry`: `https://ghcr.io/x` is an address with a scheme
    hint: name the host alone, as in `ghcr.io` or `127.0.0.1:5000`
  input `username`: a `password` must come with it
    hint: set `password`, or pipe it into `--password-stdin`
  input `registries`: it is no map of hosts
    hint: write JSON: {\"host\": {\"username\": \"…\", \"password\": \"…\"}}
  input `now`: `yesterday` is no RFC 3339 time
    hint: write it as in `2026-03-01T00:00:00Z`
  input `allow-empty`: `perhaps` is neither true nor false
    hint: write `true` or `false`
  input `log-level`: `warning` is no level
    hint: did you mean `warn`? the levels are `error`, `warn`, `info`, `debug` and `trace`
  DOCKER_METADATA_SHORT_SHA_LENGTH is `4`, and a policy needs 7 to 40
    hint: a shorter commit id could not be told from other parts of a tag
  GITHUB_API_URL is `http://api.example`, which is no https address
    hint: the token is sent there, so only a host on this machine may speak http";
    assert_eq!(text.replace("`check`, `schema`, `demo` and `sandbox`", "`check` and `schema`"), expected);
}

#[test]
fn credentials_belong_to_one_registry_that_an_input_names() {
    let pair = [("INPUT_USERNAME", "me"), ("INPUT_PASSWORD", "hunter2")];
    let with = |more: (&'static str, &'static str)| run(&["push"], &[pair[0], pair[1], more]);
    let registry = |more| with(more).expect("valid inputs").registry.clone();
    assert_eq!(registry(("INPUT_IMAGE", "quay.io/acme/shop")).as_deref(), Some("quay.io"));
    assert_eq!(registry(("INPUT_REGISTRY", "127.0.0.1:5000")).as_deref(), Some("127.0.0.1:5000"));
    for images in ["Quay.io/acme/shop", "# ours\n\"quay.io/a/b\",quay.io/c/d\n", "name=quay.io/a/b,enable=false"] {
        assert_eq!(registry(("INPUT_IMAGES", images)).as_deref(), Some("quay.io"), "{images}");
    }
    for images in ["acme/shop", "quay.io/a/b,ghcr.io/a/b", "quay.io/a/b\nacme/shop", "enable=true"] {
        with(("INPUT_IMAGES", images)).expect_err(images);
    }
    let text = with(("INPUT_IMAGE", "shop")).expect_err("no registry").to_string();
    assert_eq!(text, "input `username`: no input names the registry that it belongs to");
    let text = mistakes(&["push"], &[("INPUT_PASSWORD", "hunter2")]);
    assert_eq!(text, "input `password`: a `username` must come with it");
}

#[test]
fn a_map_of_registries_never_shows_its_values() {
    let good = r#"{"Quay.io": {"username": "me", "password": "hunter2"}}"#;
    let inputs = run(&["push"], &[("INPUT_REGISTRIES", good)]).expect("valid inputs");
    assert_eq!(inputs.registries["quay.io"].1.expose(), "hunter2");
    assert!(!format!("{inputs:?}").contains("hunter2"));
    for bad in [
        r#"{"quay.io": "hunter2"}"#,
        r#"{"quay.io": {"username": "me", "password": ["hunter2"]}}"#,
        r#"{"quay.io": {"username": "me", "password": "hunter2", "x": 1}}"#,
        r#"{"hunter2 ": hunter2}"#,
        "quay.io: hunter2",
        "\"hunter2\"",
    ] {
        let error = run(&["push"], &[("INPUT_REGISTRIES", bad)]).expect_err(bad);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[test]
fn the_command_line_says_what_it_does_not_understand() {
    let hint = |arguments: &[&str]| {
        let errors = run(arguments, &[]).expect_err("a mistake");
        let mistake = &errors.mistakes[0];
        format!("{mistake}; {}", mistake.hint.clone().unwrap_or_default())
    };
    assert_eq!(hint(&["tags", "--imge", "x"]), "unexpected argument `--imge`; did you mean `--image`?");
    assert!(hint(&["clenup"]).starts_with("input `mode`: `clenup` is no mode; did you mean `cleanup`? the modes are"));
    #[cfg(feature = "sandbox")]
    assert!(hint(&["completion"]).contains("did you mean `completions`?"));
    assert!(hint(&["tidy"]).starts_with("input `mode`: `tidy` is no mode; the modes are `auto`"));
    let password =
        "`--password` is no option, as other processes could read the secret; pipe it into `--password-stdin`";
    assert_eq!(hint(&["push", "--password", "x"]), password);
    assert_eq!(hint(&["push", "--password=x"]), password);
    assert!(hint(&["tags", "--format", "yaml"]).starts_with("invalid value 'yaml' for '--format <FORMAT>'"));
    assert_eq!(
        hint(&["tags", "--format", "markdown"]),
        "only `schema` prints Markdown; `--format` is `text` or `json` here"
    );
    let schema = run(&["schema", "--format", "markdown"], &[]).expect("valid inputs");
    assert_eq!((schema.mode, schema.format), (Mode::Schema, Format::Markdown));
    let input = run(&[], &[("GITHUB_ACTIONS", "true"), ("INPUT_MODE", "schema")]).expect_err("a command");
    assert_eq!(input.mistakes[0].hint.as_deref(), Some("run `ghcr-lifecycle schema` at a terminal"));
    assert!(hint(&["tags", "extra"]).starts_with("unexpected argument `extra`"));
    assert!(hint(&["check", "a.yml", "--policy", "b.yml"]).starts_with("the policy was given twice"));
    let none = run(&[], &[]).expect_err("no mode");
    assert!(none.help.expect("help").contains("Begin with:"));
}

#[test]
fn clean_ups_have_limits_unless_the_inputs_say_otherwise() {
    let inputs = run(&["cleanup"], &[]).unwrap().cleanup;
    assert_eq!((inputs.dry_run, inputs.pace, inputs.reserve, inputs.request_budget), (None, 900, 0, None));
    assert_eq!((inputs.time_budget.as_secs(), inputs.max_deletions.to_string()), (1800, "50 %".to_owned()));
    let inputs = run(
        &["plan"],
        &[
            ("INPUT_PACKAGES", "shop, charts/*\nghcr.io/acme/api\n"),
            ("INPUT_DRY-RUN", "false"),
            ("INPUT_MAX-DELETIONS", "200"),
            ("INPUT_TIME-BUDGET", "2 hours"),
            ("INPUT_REQUEST-BUDGET", "500"),
            ("INPUT_EXPLAIN", "v1.2.3"),
            ("INPUT_VERSIONS", "7, 8"),
        ],
    );
    let inputs = inputs.unwrap().cleanup;
    assert_eq!(inputs.packages, ["shop", "charts/*", "ghcr.io/acme/api"]);
    assert_eq!((inputs.dry_run, inputs.request_budget), (Some(false), Some(500)));
    assert_eq!((inputs.time_budget.as_secs(), inputs.max_deletions.to_string()), (7200, "200".to_owned()));
    assert_eq!((inputs.explain.unwrap().to_string().as_str(), inputs.versions.len()), ("v1.2.3", 2));
    let text = mistakes(
        &["plan"],
        &[
            ("INPUT_MAX-DELETIONS", "half"),
            ("INPUT_PACE", "fast"),
            ("INPUT_TIME-BUDGET", "30m"),
            ("INPUT_EXPLAIN", "a b"),
            ("INPUT_VERSIONS", "v1"),
        ],
    );
    let expected = "\
5 inputs are wrong
  input `max-deletions`: `half` is neither a number nor a share
    hint: write `200`, or `50 %` of a package's versions
  input `pace`: `fast` is no whole number
    hint: write it in digits, as in `500`
  input `time-budget`: `30m` is no duration
    hint: did you mean `30 minutes`?
  input `explain`: `a b` is neither a tag nor a digest
    hint: name one of a package's tags, or a digest by 6 digits or more (`sha256:…`)
  input `versions`: `v1` is no number of a version
    hint: the numbers are in the journal and in the addresses of the package's pages";
    assert_eq!(text, expected);
}

#[test]
fn help_and_version_are_shown() {
    for (argument, expected) in [("--help", "First steps:"), ("--version", env!("CARGO_PKG_VERSION"))] {
        match parse(&[argument.to_owned()], &BTreeMap::new(), None) {
            Ok(Parsed::Show(text)) => assert!(text.contains(expected), "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_password_may_come_from_standard_input() {
    let arguments = ["push", "--image", "quay.io/a/b", "--username", "me", "--password-stdin"].map(str::to_owned);
    assert!(wants_password(&arguments));
    match parse(&arguments, &BTreeMap::new(), Some("hunter2\n".to_owned())) {
        Ok(Parsed::Run(inputs)) => assert_eq!(inputs.password.as_ref().map(Secret::expose), Some("hunter2")),
        other => panic!("{other:?}"),
    }
}

#[test]
fn enterprise_server_has_a_registry_of_its_own() {
    let host = |server| run(&["tags"], &[("GITHUB_SERVER_URL", server)]).expect("valid inputs").ghcr_host.clone();
    assert_eq!(host("https://github.com"), "ghcr.io");
    assert_eq!(host("https://git.example.org/"), "containers.git.example.org");
}

#[test]
fn debug_of_the_runner_is_debug_here() {
    let level = |level: &str, debug: &str| {
        run(&["tags"], &[("INPUT_LOG-LEVEL", level), ("RUNNER_DEBUG", debug)]).expect("valid inputs").log_level
    };
    assert_eq!(level("info", "1"), LogLevel::Debug);
    assert_eq!(level("trace", "1"), LogLevel::Trace);
    assert_eq!(level("", ""), LogLevel::Info);
}

#[test]
fn the_inputs_of_metadata_action_are_kept_as_they_were_typed() {
    let absent = run(&["tags"], &[]).expect("valid inputs");
    assert_eq!((&absent.drop_in, absent.allow_empty), (&DropInInputs::default(), None));
    let texts = [
        ("INPUT_IMAGES", "  a\n"),
        ("INPUT_TAGS", "\n  type=ref,event=branch \r\n"),
        ("INPUT_FLAVOR", " latest=true"),
        ("INPUT_LABELS", "a=\tb\n"),
        ("INPUT_ANNOTATIONS", "c=d "),
        ("INPUT_SEP-TAGS", " "),
        ("INPUT_SEP-LABELS", "\\n"),
        ("INPUT_SEP-ANNOTATIONS", "\t"),
        ("INPUT_BAKE-TARGET", " x "),
        ("INPUT_CONTEXT", " git\n"),
        ("INPUT_ALLOW-EMPTY", "false"),
        ("DOCKER_METADATA_PR_HEAD_SHA", "unTRUEly"),
        ("DOCKER_METADATA_SHORT_SHA_LENGTH", " 4.5"),
        ("DOCKER_METADATA_ANNOTATIONS_LEVELS", "index, manifest"),
        ("DOCKER_METADATA_SET_OUTPUT_ENV", "F"),
    ];
    let inputs = run(&["tags"], &texts).expect("valid inputs");
    let text = |name: &str| {
        texts.iter().find(|(variable, _)| *variable == name).map(|(_, text)| (*text).to_owned()).expect("a text")
    };
    let expected = DropInInputs {
        texts: MetadataInputs {
            images: text("INPUT_IMAGES"),
            tags: text("INPUT_TAGS"),
            flavor: text("INPUT_FLAVOR"),
            labels: text("INPUT_LABELS"),
            annotations: text("INPUT_ANNOTATIONS"),
            sep_tags: text("INPUT_SEP-TAGS"),
            sep_labels: text("INPUT_SEP-LABELS"),
            sep_annotations: text("INPUT_SEP-ANNOTATIONS"),
            bake_target: text("INPUT_BAKE-TARGET"),
            annotations_levels: text("DOCKER_METADATA_ANNOTATIONS_LEVELS"),
        },
        pull_request_head: true,
        short_sha_length: Some(text("DOCKER_METADATA_SHORT_SHA_LENGTH")),
        set_output_env: false,
    };
    assert_eq!(inputs.drop_in, expected);
    assert_eq!((inputs.context, inputs.allow_empty), (ContextSource::Git, Some(false)));
    let typed = run(&["tags", "--tags", " type=sha ", "--sep-tags", ","], &texts).expect("valid inputs");
    assert_eq!((typed.drop_in.texts.tags.as_str(), typed.drop_in.texts.sep_tags.as_str()), (" type=sha ", ","));
}

#[test]
fn rows_decide_before_a_policy_and_images_only_without_one() {
    let decides = |pairs: &[(&str, &str)]| {
        let inputs = run(&["tags"], pairs).expect("valid inputs");
        (inputs.drop_in.decide(true), inputs.drop_in.decide(false))
    };
    assert_eq!(decides(&[]), (false, false));
    assert_eq!(decides(&[("INPUT_TAGS", "type=sha")]), (true, true));
    assert_eq!(decides(&[("INPUT_TAGS", "# nothing but this")]), (true, true));
    assert_eq!(decides(&[("INPUT_FLAVOR", "latest=true")]), (true, true));
    assert_eq!(decides(&[("INPUT_IMAGES", "a/b")]), (false, true));
    assert_eq!(decides(&[("INPUT_IMAGES", " \n"), ("INPUT_TAGS", "\n")]), (false, false));
    assert_eq!(decides(&[("INPUT_LABELS", "a=b"), ("INPUT_BAKE-TARGET", "x")]), (false, false));
}

#[test]
fn a_policy_needs_commit_ids_of_seven_digits_and_rows_do_not() {
    let length = ("DOCKER_METADATA_SHORT_SHA_LENGTH", "4");
    let message = "DOCKER_METADATA_SHORT_SHA_LENGTH is `4`, and a policy needs 7 to 40";
    assert_eq!(mistakes(&["tags"], &[length]), message);
    let images = run(&["tags"], &[length, ("INPUT_IMAGES", "a")]).expect("valid inputs");
    assert_eq!(images.check_for_policy().expect_err("a mistake").to_string(), message);
    for length in ["", " 12 "] {
        let pairs = [("DOCKER_METADATA_SHORT_SHA_LENGTH", length), ("INPUT_IMAGES", "a")];
        run(&["tags"], &pairs).expect("valid inputs").check_for_policy().expect("a length for policies");
    }
}

#[test]
fn what_decides_how_outputs_are_set_is_checked() {
    let exported = |value: &str| {
        let pairs = [("INPUT_TAGS", "type=sha"), ("DOCKER_METADATA_SET_OUTPUT_ENV", value)];
        run(&["tags"], &pairs).map(|inputs| inputs.drop_in.set_output_env).map_err(|errors| errors.to_string())
    };
    for value in ["", "1", "t", "T", "true", "TRUE", "True"] {
        assert_eq!(exported(value), Ok(true));
    }
    for value in ["0", "f", "F", "false", "FALSE", "False"] {
        assert_eq!(exported(value), Ok(false));
    }
    for value in ["no", " true", "tRUE"] {
        assert!(exported(value).expect_err("a mistake").starts_with("DOCKER_METADATA_SET_OUTPUT_ENV is `"));
    }
    assert!(run(&["tags"], &[("DOCKER_METADATA_SET_OUTPUT_ENV", "no")]).is_ok(), "a policy does not ask for it");
    let context = |value: &str| mistakes(&["tags"], &[("INPUT_CONTEXT", value)]);
    assert_eq!(context("gti"), "input `context`: `gti` is no source of the context");
    assert_eq!(context("Git"), "input `context`: `Git` is no source of the context");
}

#[test]
fn an_option_that_is_true_or_false_needs_no_value() {
    let dry = |arguments: &[&str]| run(arguments, &[]).unwrap().cleanup.dry_run;
    assert_eq!(dry(&["cleanup", "--dry-run"]), dry(&["cleanup", "--dry-run", "true"]));
    assert_eq!(dry(&["cleanup", "--dry-run", "--max-deletions", "5"]), dry(&["cleanup", "--dry-run", "true"]));
    assert_ne!(dry(&["cleanup", "--dry-run"]), dry(&["cleanup", "--dry-run", "false"]));
}
