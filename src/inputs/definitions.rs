//! The one table of inputs: the action's variables, the command line, `action.yml` and the README all come from it.

use super::cleanup::{DEFAULT_PACE, DEFAULT_TIME_BUDGET};

/// An input of the action, which is a long option of the same name at a terminal unless it is secret.
#[derive(Clone, Copy, Debug)]
pub struct InputDefinition {
    /// Its name, in lower case with dashes.
    pub name: &'static str,
    /// The default that `action.yml` gives it; empty for none. A `${{ … }}` is the runner's to fill in.
    pub default: &'static str,
    /// Whether the value must never be shown; such an input has no long option.
    pub secret: bool,
    /// What it is, in one sentence.
    pub summary: &'static str,
    /// What stands for the value in the help text.
    pub placeholder: &'static str,
}

impl InputDefinition {
    /// Returns the variable that the runner hands the input over in: `INPUT_` and the name, upper-cased, spaces as `_`,
    /// dashes kept.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("INPUT_{}", self.name.replace(' ', "_").to_uppercase())
    }
}

/// Where a repository's policy is unless input `policy` says otherwise.
pub const DEFAULT_POLICY: &str = ".github/ghcr-lifecycle.yml";

const fn input(
    name: &'static str,
    placeholder: &'static str,
    default: &'static str,
    summary: &'static str,
) -> InputDefinition {
    InputDefinition { name, default, secret: false, summary, placeholder }
}

const fn secret(name: &'static str, default: &'static str, summary: &'static str) -> InputDefinition {
    InputDefinition { name, default, secret: true, summary, placeholder: "SECRET" }
}

/// All inputs, in the order in which they are shown.
pub const INPUTS: &[InputDefinition] = &[
    input(
        "mode",
        "MODE",
        "auto",
        "What to do: `auto` (retire the tags of a pull request that was closed; else push if a `source` or `promote-from` is given, else \
         tags), `tags`, `push`, `mirror`, `cleanup`, `plan`, `apply`, `restore`, `discover`, `doctor` or `check`.",
    ),
    input("policy", "PATH", DEFAULT_POLICY, "The policy: the path of its file, or the YAML itself."),
    input(
        "image",
        "NAME",
        "",
        "Which of the policy's images this run is about, in full or by an unambiguous ending, or `all` if their content \
         is the same; required where the policy lists several. For mode `mirror`, where to: any name in full.",
    ),
    input(
        "source",
        "SOURCE",
        "",
        "The image to push: an OCI image layout (a folder or a tar), a `docker save` archive, `docker-daemon:NAME`, or a \
         reference in a registry (`ghcr.io/owner/name:tag`); several, one a line, are joined into one index. For mode \
         `mirror`, the name of an image.",
    ),
    input(
        "promote-from",
        "auto|TEMPLATE",
        "",
        "Gives the tags to an image that is published already, instead of a new build: `auto` finds the one that a branch \
         build of this commit pushed, a template (`main-{{sha}}`) names its tag. If there is none, `source` is pushed.",
    ),
    input(
        "only",
        "PATTERNS",
        "",
        "The tags that mode `mirror` copies, one pattern a line or with commas (`v*`, `!v0.*`); by default all.",
    ),
    input(
        "rename",
        "RULES",
        "",
        "Other names for tags that mode `mirror` copies, one rule a line: `v{{version}}-riscv64 => v{{version}}`.",
    ),
    input(
        "ref",
        "REF",
        "",
        "What was built, where that is not what triggered the run: a version is taken for a tag, 7 to 40 hex digits for \
         a commit, anything else for a branch.",
    ),
    input(
        "context",
        "SOURCE",
        "workflow",
        "Where ref and commit come from: `workflow` (the event of the run) or `git` (what is checked out).",
    ),
    input(
        "images",
        "NAMES",
        "",
        "Base names of the image's tags, as docker/metadata-action takes them: one a line, with `name` and `enable`; a policy that decides must list them.",
    ),
    input(
        "tags",
        "ROWS",
        "",
        "Rows that tags are made of, one a line, as docker/metadata-action takes them (`type=semver,pattern={{version}}`), and `rolling`, `immutable`, `keep`; they go before a policy.",
    ),
    input(
        "flavor",
        "ROWS",
        "",
        "What all tags have in common, as docker/metadata-action takes it: `latest` (`forward`, too), `prefix`, `suffix`, `onlatest`.",
    ),
    input("labels", "ROWS", "", "Labels beside or in the place of the usual ones, `key=value`, one per line."),
    input(
        "annotations",
        "ROWS",
        "",
        "Annotations beside or in the place of the usual ones, `key=value`, one per line.",
    ),
    input("sep-tags", "TEXT", "", "What stands between the names in output `tags`; by default a line break."),
    input("sep-labels", "TEXT", "", "What stands between the labels in output `labels`; by default a line break."),
    input(
        "sep-annotations",
        "TEXT",
        "",
        "What stands between the annotations in output `annotations`; by default a line break.",
    ),
    input("bake-target", "NAME", "", "The target in the bake files; by default `docker-metadata-action`."),
    secret(
        "github-token",
        "${{ github.token }}",
        "The token for GitHub's API and for the registry that `ghcr-host` names; it goes nowhere else.",
    ),
    input(
        "registry",
        "HOST",
        "",
        "The registry that `username` and `password` belong to, where `image` does not name it in full.",
    ),
    input("username", "NAME", "", "The user name for one registry; needs `password`."),
    secret("password", "", "The password for that registry; at a terminal it is read by `--password-stdin`."),
    secret(
        "registries",
        "",
        "Credentials for several registries, as JSON: `{\"host\": {\"username\": \"…\", \"password\": \"…\"}}`.",
    ),
    input(
        "ghcr-host",
        "HOST",
        "",
        "The host of GitHub's container registry; by default `ghcr.io`, on GitHub Enterprise Server `containers.HOST`.",
    ),
    input(
        "packages",
        "NAMES",
        "",
        "The packages that a clean-up is about, one a line or with commas: names or endings of the policy's images, whole \
         names (`ghcr.io/owner/name`), or patterns (`*`, `ghcr.io/owner/charts/*`); by default all images of the policy.",
    ),
    input(
        "dry-run",
        "BOOLEAN",
        "",
        "Whether a clean-up only says what it would do (`true` or `false`); by default `true`, and `false` for mode `mirror`; mode `apply` acts.",
    ),
    input(
        "max-deletions",
        "LIMIT",
        "50 %",
        "How many versions of a package a run may delete, as a number or a share; a run that would delete more stops before \
         the first. A share never stops fewer than 20.",
    ),
    input(
        "pace",
        "POINTS",
        DEFAULT_PACE,
        "How fast requests go to GitHub's API, in points a minute: a read is 1, a write 5; 0 for a server without limits.",
    ),
    input("reserve", "REQUESTS", "0", "How many requests of the token's hour are left to others."),
    input("request-budget", "REQUESTS", "", "How many requests to GitHub's API a run may make; by default any number."),
    input(
        "time-budget",
        "DURATION",
        DEFAULT_TIME_BUDGET,
        "How long a clean-up may take, waits for limits included; what remains is the next run's.",
    ),
    input(
        "cache-dir",
        "FOLDER",
        "",
        "A folder that remembers what manifests say, so that the next run need not ask again; keep it with `actions/cache`.",
    ),
    input(
        "plan-file",
        "PATH",
        "",
        "The file that the plan is written to; for mode `apply`, the one that is carried out. By default `plan.json` at a \
         terminal, and in a workflow a file of its own, which output `plan-file` names.",
    ),
    input(
        "journal-file",
        "PATH",
        "",
        "The file that the journal of deletions is added to; for mode `restore`, the one that is undone, or a saved log. By \
         default `journal.jsonl` at a terminal, and in a workflow a file of its own, which output `journal-file` names.",
    ),
    input(
        "report-file",
        "PATH",
        "",
        "A page for people that a clean-up or its plan is written to: one HTML file that needs nothing else, with every \
         image, its size, and why it stays or goes. By default none.",
    ),
    input("explain", "TAG|DIGEST", "", "A tag or digest: mode `plan` then says why it stays or goes."),
    input(
        "versions",
        "NUMBERS",
        "",
        "The numbers of deleted versions that mode `restore` brings back, for input `image`.",
    ),
    input(
        "now",
        "TIME",
        "",
        "The time that counts as now, RFC 3339; for registries on this machine, and for mode `plan`.",
    ),
    input(
        "allow-empty",
        "BOOLEAN",
        "",
        "Whether an event that gives no tag at all is fine (`true` or `false`); by default it is an error with a policy, \
         and a warning with rows of `tags`.",
    ),
    input("log-level", "LEVEL", "info", "How much is logged: `error`, `warn`, `info`, `debug` or `trace`."),
];
