//! The one table of inputs: the action's variables, the command line, `action.yml` and the README all come from it.

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
        "What to do: `auto` (push if a `source` is given, else tags), `tags`, `push` or `check`.",
    ),
    input("policy", "PATH", DEFAULT_POLICY, "The policy: the path of its file, or the YAML itself."),
    input(
        "image",
        "NAME",
        "",
        "Which of the policy's images this run is about, in full or by an unambiguous ending, or `all` if their content \
         is the same; required where the policy lists several.",
    ),
    input(
        "source",
        "SOURCE",
        "",
        "The image to push: an OCI image layout (a folder or a tar), a `docker save` archive, `docker-daemon:NAME`, or a \
         reference in a registry (`ghcr.io/owner/name:tag`); several, one a line, are joined into one index.",
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
    input("now", "TIME", "", "The time that counts as now, RFC 3339; for registries on this machine only."),
    input(
        "allow-empty",
        "BOOLEAN",
        "",
        "Whether an event that gives no tag at all is fine (`true` or `false`); by default it is an error with a policy, \
         and a warning with rows of `tags`.",
    ),
    input("log-level", "LEVEL", "info", "How much is logged: `error`, `warn`, `info`, `debug` or `trace`."),
];
