//! What the help says of each mode: where it stands in the list, which inputs it reads, and an example.

/// Inputs under a heading of the help.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    /// What they are about.
    pub(super) heading: &'static str,
    /// Their names.
    pub(super) inputs: &'static [&'static str],
}

const fn group(heading: &'static str, inputs: &'static [&'static str]) -> Group {
    Group { heading, inputs }
}

/// The modes as the help lists them. Names that this program does not have are left out.
pub(super) const LIST: &[(&str, &[&str])] = &[
    ("Begin with", &["init", "check", "demo", "plan", "doctor"]),
    ("Images", &["tags", "push", "mirror", "auto"]),
    ("Clean-ups", &["cleanup", "apply", "restore", "discover"]),
    ("Beside them", &["schema", "sandbox", "completions", "help"]),
];

const POLICY: Group = group("Policy", &["policy"]);
const POLICY_AND_IMAGE: Group = group("Policy", &["policy", "image"]);
const EVENT: Group = group("What was built", &["ref", "context", "now", "allow-empty"]);
const SOURCE: Group = group("The image", &["source", "promote-from"]);
const ROWS: Group = group(
    "In the place of a policy, as docker/metadata-action has them",
    &["images", "tags", "flavor", "labels", "annotations", "sep-tags", "sep-labels", "sep-annotations", "bake-target"],
);
const REGISTRY: Group = group("Registries", &["registry", "username", "ghcr-host"]);
const PACKAGES: Group = group("Packages", &["packages"]);
const CARE: Group = group("How much", &["dry-run", "max-deletions"]);
const LIMITS: Group = group("Limits", &["pace", "reserve", "request-budget", "time-budget", "cache-dir"]);
const REQUESTS: Group = group("Limits", &["pace", "reserve", "request-budget", "time-budget"]);
const RECORDS: Group = group("Files", &["plan-file", "journal-file", "report-file"]);

/// The inputs that each mode reads beside `mode`, secrets and `log-level`.
const READS: &[(&str, &[Group])] = &[
    ("init", &[group("Policy", &["policy", "image", "dry-run", "now"]), group("Registries", &["ghcr-host"]), REQUESTS]),
    ("check", &[group("Policy", &["policy", "now"])]),
    ("schema", &[]),
    ("doctor", &[POLICY_AND_IMAGE, PACKAGES, REQUESTS, REGISTRY]),
    ("demo", &[POLICY]),
    ("sandbox", &[POLICY]),
    ("tags", &[POLICY_AND_IMAGE, EVENT, ROWS, REGISTRY]),
    ("push", &[POLICY_AND_IMAGE, SOURCE, EVENT, ROWS, REGISTRY]),
    ("mirror", &[POLICY, group("What is copied", &["source", "image", "only", "rename", "dry-run"]), REGISTRY]),
    ("auto", &[POLICY_AND_IMAGE, SOURCE, EVENT, ROWS, REGISTRY, PACKAGES, CARE, LIMITS, RECORDS]),
    ("cleanup", &[POLICY, PACKAGES, CARE, RECORDS, LIMITS, REGISTRY, group("Time", &["now"])]),
    (
        "plan",
        &[
            POLICY,
            PACKAGES,
            group("The plan", &["explain", "plan-file", "report-file", "max-deletions", "now"]),
            LIMITS,
            REGISTRY,
        ],
    ),
    ("apply", &[POLICY, PACKAGES, RECORDS, CARE, LIMITS, REGISTRY, group("Time", &["now"])]),
    ("restore", &[group("What is restored", &["journal-file", "image", "versions", "dry-run"]), REQUESTS, REGISTRY]),
    ("discover", &[POLICY, PACKAGES, REQUESTS, group("Registries", &["ghcr-host"])]),
];

/// Returns the inputs that a mode reads, under their headings; `None` of a mode of which nothing is said, which may read
/// all.
pub(super) fn reads(mode: &str) -> Option<&'static [Group]> {
    READS.iter().find(|(name, _)| *name == mode).map(|(_, groups)| *groups)
}

/// Tells whether a mode reads an input.
pub(super) fn is_read(mode: &str, input: &str) -> bool {
    matches!(input, "mode" | "log-level")
        || reads(mode).is_none_or(|groups| groups.iter().any(|group| group.inputs.contains(&input)))
}

/// Lists the modes that read an input.
pub(super) fn readers(input: &str) -> Vec<&'static str> {
    let reads = |groups: &[Group]| groups.iter().any(|group| group.inputs.contains(&input));
    READS.iter().filter(|(_, groups)| reads(groups)).map(|(name, _)| *name).collect()
}

/// Returns what an input is to a mode, where its summary speaks of others as well.
pub(super) fn own_words(mode: &str, input: &str) -> Option<&'static str> {
    Some(match (mode, input) {
        ("sandbox", "policy") => "With --demo: the policy file whose year is played.",
        ("init", "policy") => "The file to write; one that is there is never overwritten.",
        ("init", "image") => "The image, in full, where neither workflows nor the remote of git tell it.",
        ("init", "dry-run") => "`true` shows what would be written, and writes nothing.",
        ("check", "now") => "The time of the examples that are shown, RFC 3339.",
        ("init", "now") => "The time of the examples in its comments, RFC 3339.",
        ("mirror", "source") => "The name of the image to copy, without a tag.",
        ("mirror", "image") => "Where to: the name of an image, in full.",
        ("mirror", "dry-run") => "`true` only says what would be copied.",
        ("restore", "image") => "The package that `--versions` is about, by its whole name.",
        ("restore", "journal-file") => "The journal of the clean-up that is undone, or the saved log of its job.",
        ("restore", "dry-run") => "`true` only says what would be brought back.",
        _ => return None,
    })
}

/// Returns what the help of a mode ends with: commands to copy, each with what it does.
pub(super) fn examples(mode: &str) -> &'static str {
    match mode {
        "init" => {
            "  ghcr-lifecycle init
      Looks at the repository that it is run in, and writes .github/ghcr-lifecycle.yml; never over one that is there.
  GITHUB_TOKEN=\"$(gh auth token)\" ghcr-lifecycle init --dry-run true
      Shows what it would write, with the tags in the package that no row explains."
        }
        "check" => {
            "  ghcr-lifecycle check
      Shows what each row of .github/ghcr-lifecycle.yml matches, or every mistake in it.
  ghcr-lifecycle check fixtures/policy.yml --format json
      The same of another file, for programs."
        }
        "doctor" => {
            "  GITHUB_TOKEN=\"$(gh auth token)\" ghcr-lifecycle doctor
      Says what this token may do with the policy's packages, and which settings page to open for the rest."
        }
        "schema" => {
            "  ghcr-lifecycle schema > policy.schema.json
      For editors; docs/policy.schema.json is the same.
  ghcr-lifecycle schema --format markdown
      The reference of the language, as docs/policy.md has it."
        }
        "demo" => {
            "  ghcr-lifecycle demo
      Needs nothing: no token, no network.
  ghcr-lifecycle demo --policy .github/ghcr-lifecycle.yml
      Shows what a year under your policy leaves behind."
        }
        "sandbox" => {
            "  ghcr-lifecycle sandbox --demo &
      Holds what a year under your policy leaves behind; then `ghcr-lifecycle plan --sandbox` says what would go.
  ghcr-lifecycle sandbox
      Empty. Prints one line of JSON: the addresses of its registry and of its API, and the token for both."
        }
        "tags" => {
            "  ghcr-lifecycle tags --ref v1.2.3
      Prints the tags that the git tag v1.2.3 gives.
  ghcr-lifecycle tags --ref main --image api --format json
      For one of the policy's images, with the reason of each tag."
        }
        "push" => {
            "  ghcr-lifecycle push --source image.tar --ref v1.2.3
      Puts the image of an OCI layout or a `docker save` under the tags of v1.2.3.
  ghcr-lifecycle push --source amd64.tar --source riscv64.tar,platform=linux/riscv64 --ref main
      Joins images of several platforms into one index and does the same.
  ghcr-lifecycle push --promote-from auto --ref v1.2.3
      Gives the tags to the image that a branch build of this commit pushed.
  echo \"$TOKEN\" | ghcr-lifecycle push --source image.tar --image registry.example/acme/shop \\
      --username deploy --password-stdin
      Pushes to another registry."
        }
        "auto" => {
            "  ghcr-lifecycle auto --ref v1.2.3
      Prints the tags that v1.2.3 gives, as `tags` does.
  ghcr-lifecycle auto --ref v1.2.3 --source image.tar
      Pushes, as `push` does."
        }
        "mirror" => {
            "  ghcr-lifecycle mirror --source docker.io/acme/app --image ghcr.io/acme/app --only 'v*' --dry-run true
      Says which tags would be copied; without --dry-run it copies them, and again only what differs."
        }
        "cleanup" => {
            "  ghcr-lifecycle cleanup
      Says what would go; nothing is changed.
  ghcr-lifecycle cleanup --dry-run false --max-deletions 200
      Deletes it, and writes journal.jsonl, which `restore` undoes."
        }
        "plan" => {
            "  ghcr-lifecycle plan
      Says what a clean-up would delete and why, and writes plan.json, which `apply` carries out.
  ghcr-lifecycle plan --explain main-a1b2c3d
      Every row that explains one tag, and which decides.
  ghcr-lifecycle plan --sandbox
      The same on the sandbox of `ghcr-lifecycle sandbox --demo`: needs no token.
  ghcr-lifecycle plan --now 2027-01-01T00:00:00Z
      What would go then."
        }
        "apply" => {
            "  ghcr-lifecycle apply --plan-file plan.json
      Deletes what both this plan and a fresh one say."
        }
        "restore" => {
            "  ghcr-lifecycle restore --journal-file journal.jsonl
      Undoes a clean-up, within 30 days; a saved log does as well.
  ghcr-lifecycle restore --image ghcr.io/acme/shop --versions 123456
      Brings one version back."
        }
        "discover" => {
            "  ghcr-lifecycle discover --packages 'ghcr.io/acme/charts/*' --format json
      Lists packages, as the matrix of a workflow's job."
        }
        "completions" => {
            "  source <(ghcr-lifecycle completions bash)
      In this shell; in ~/.bashrc, in all.
  ghcr-lifecycle completions zsh > \"${fpath[1]}/_ghcr-lifecycle\"
  ghcr-lifecycle completions fish > ~/.config/fish/completions/ghcr-lifecycle.fish"
        }
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::{LIST, READS, is_read, readers};
    use crate::inputs::{INPUTS, Mode};

    #[test]
    fn every_input_is_read_by_some_mode() {
        for input in INPUTS.iter().filter(|input| !input.secret) {
            let is_read = is_read("tags", input.name) || !readers(input.name).is_empty();
            assert!(is_read, "no mode reads `{}`", input.name);
        }
    }

    #[test]
    fn what_modes_read_are_inputs() {
        for (mode, groups) in READS {
            for name in groups.iter().flat_map(|group| group.inputs) {
                assert!(INPUTS.iter().any(|input| input.name == *name && !input.secret), "`{mode}` reads `{name}`");
            }
        }
    }

    #[test]
    fn every_mode_is_in_the_list_once() {
        for (name, _) in Mode::ALL {
            assert_eq!(LIST.iter().flat_map(|(_, names)| *names).filter(|other| *other == name).count(), 1, "{name}");
        }
    }
}
