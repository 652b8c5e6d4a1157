//! The keys at the top of a policy.

use super::{CHECKS, Form, Key, MIRROR, MapForm, REFERENCES, ROW, Text, UNTAGGED, UPSTREAM, Without};

/// A policy.
pub static POLICY: MapForm = MapForm {
    place: "the top of the file",
    keys: &[
        Key {
            name: "version",
            form: Form::Version,
            without: Without::Required,
            about: "The version of the policy language, `1`.",
            details: "",
            example: "version: 1\n",
        },
        Key {
            name: "images",
            form: Form::List(Text::Image),
            without: Without::Required,
            about: "The images that share the rows, each with its registry.",
            details: "They share rows, not content: where there are several, the input `image` of a step says which one it \
                      builds (`image: all` if they are all the same). A clean-up works on all of them.",
            example: "images: [ghcr.io/acme/shop, ghcr.io/acme/shop-worker]\n",
        },
        Key {
            name: "tags",
            form: Form::Maps(&ROW),
            without: Without::Words("no event gives a tag, and every published tag is kept"),
            about: "The rows: which event creates which tags, whether they may move, and how long they live.",
            details: "An event may fit several rows and gets the tags of all of them. A published tag is kept if **any** row \
                      that explains it keeps it, so the order of rows does not matter; a tag that no row explains is kept.",
            example: "\
tags:
  - on: release
    tag: \"v{{version}}\"
    immutable: true
    rolling: [\"v{{major}}\", latest]
  - on: pull request
    tag: \"pr-{{number}}\"
    keep: while open
",
        },
        Key {
            name: "untagged",
            form: Form::Map(&UNTAGGED),
            without: Without::Words("they are kept for good, the platforms of deleted indexes too"),
            about: "The life of versions that no tag reaches.",
            details: "It counts from the day on which the registry first saw them: nobody records when a version lost its \
                      last tag. A day or more is sensible, since the platforms of an image have no tag while it is being pushed.",
            example: "untagged: {keep: 14 days}\n",
        },
        Key {
            name: "keep-at-least",
            form: Form::Number(0),
            without: Without::Value("0"),
            about: "The newest images of a package that stay, whatever the rows say, with all their tags.",
            details: "Indexes, and images that no index lists, count as one each; signatures and build caches do not count.",
            example: "keep-at-least: 5\n",
        },
        Key {
            name: "protect",
            form: Form::List(Text::Protected),
            without: Without::Words("nothing is protected beside what rows keep"),
            about: "Tags, by [patterns](#patterns), and digests that are never deleted.",
            details: "",
            example: "\
protect:
  - \"demo-*\"
  - sha256:4b825dc642cb6eb9a060e54bf8d69288fbee4904d4a1e4e1c0e4f0ed0e8c7e9a
",
        },
        Key {
            name: "references",
            form: Form::Map(&REFERENCES),
            without: Without::Words("no file is looked at"),
            about: "Files of the repository whose image references are kept.",
            details: "Tags and digests of the policy's images that these files name are never deleted. They are found in \
                      `image: name:tag@digest`, in the keys `registry`, `repository`, `tag` and `digest` of Helm values, in \
                      `FROM`, and in defaults such as `${TAG:-v1}`. What cannot be worked out keeps every tag that it could \
                      name, with a warning; a file that cannot be read stops the clean-up of the package.",
            example: "\
references:
  files: [\"deploy/**/*.yaml\", \"**/Dockerfile*\"]
  branches: [release/1.x]
  require-registry: true
",
        },
        Key {
            name: "repository",
            form: Form::One(Text::Repository),
            without: Without::Words("the repository that the package is linked to on GitHub"),
            about: "The source repository whose pull requests, branches, commits and releases `keep` asks about.",
            details: "If it is unknown or cannot be read, the tags in question are kept.",
            example: "repository: acme/shop\n",
        },
        Key {
            name: "unreadable",
            form: Form::List(Text::Digest),
            without: Without::Words("a manifest that cannot be read stops the clean-up of its package"),
            about: "Digests of manifests that are known to be lost.",
            details: "A clean-up that cannot read the manifest of a kept version deletes nothing of that package, because the \
                      manifest might need any of it. The message names the digest to write here once nobody needs that image.",
            example: "unreadable: [\"sha256:4b825dc642cb6eb9a060e54bf8d69288fbee4904d4a1e4e1c0e4f0ed0e8c7e9a\"]\n",
        },
        Key {
            name: "checks",
            form: Form::Map(&CHECKS),
            without: Without::Words("an image is pushed as it is"),
            about: "What an image must be before anything of it is pushed.",
            details: "",
            example: "\
checks:
  platforms: [linux/amd64, linux/arm64]
  size: {target: 20 MB, max: 30 MB}
",
        },
        Key {
            name: "visibility",
            form: Form::One(Text::Visibility),
            without: Without::Words("it is not looked at"),
            about: "Who is meant to be able to pull: `public`, `private` or `internal`.",
            details: "With `public`, a push is followed by a pull without a login. If that is refused, a warning names the \
                      settings page to open: no API can change a package's visibility.",
            example: "visibility: public\n",
        },
        Key {
            name: "release-notes",
            form: Form::Flag,
            without: Without::Value("false"),
            about: "Whether a table \"Image digests\" is kept current in the text of the GitHub release.",
            details: "It is written when a `release` or `prerelease` row fired and that release exists, and needs \
                      `contents: write`; without it, a warning says so.",
            example: "release-notes: true\n",
        },
        Key {
            name: "mirrors",
            form: Form::Maps(&MIRROR),
            without: Without::Words("there are none"),
            about: "Images in other registries that get the same tags.",
            details: "Each gets the tags of a run once they are right in the policy's own registry, digest for digest. If a \
                      mirror fails, the step fails after its outputs are written, and the image stays published. Logins come \
                      from the input `registries`. [More about mirrors](publishing.md#mirrors).",
            example: "\
tags:
  - on: release
    tag: \"v{{version}}-riscv64\"
    index: \"v{{version}}\"
mirrors:
  - image: docker.io/acme/shop
    only: release
    rename: {\"v{{version}}-riscv64\": \"v{{version}}\"}
",
        },
        Key {
            name: "upstream",
            form: Form::Map(&UPSTREAM),
            without: Without::Words("the images belong to this project alone"),
            about: "The project whose releases these images package.",
            details: "**Read and validated, and not carried out yet**: a policy can be written in full today, and a notice says \
                      so in each run.",
            example: "\
upstream:
  repository: moby/buildkit
  workflow: build.yml
  issue: true
",
        },
    ],
};
