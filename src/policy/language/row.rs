//! The keys of a row of `tags`.

use super::{Form, Key, MapForm, Text, Without};

/// A row of `tags`.
pub static ROW: MapForm = MapForm {
    place: "a row of `tags`",
    keys: &[
        Key {
            name: "on",
            form: Form::OneOrList(Text::Event),
            without: Without::Words("`match` is needed: a row for tags that no event here creates"),
            about: "The events that the row fits.",
            details: "A list means any of them. An entry that starts with `!` takes away, and needs quotes in YAML. The \
                      table of [events](#events) has them all, and what a [pattern](#patterns) may hold.",
            example: "\
tags:
  - on: [\"branch **\", \"!branch main\", \"!branch dependabot/**\"]
    tag: \"preview-{{branch}}\"
    keep: while branch exists
",
        },
        Key {
            name: "tag",
            form: Form::OneOrList(Text::Template),
            without: Without::Words("`match` is needed, as for `on`"),
            about: "The image tags that the row creates, and that `keep` is about.",
            details: "A template works in both directions: it makes the tag, and later it tells that a published tag is this \
                      row's, so that `keep` can retire it.",
            example: "\
tags:
  - on: branch main
    tag: [\"{{branch}}-{{sha}}\", \"build-{{run_number}}\"]
    keep: 30 days
",
        },
        Key {
            name: "also",
            form: Form::OneOrList(Text::Template),
            without: Without::Words("there are none"),
            about: "Further names of the same image, which live as long as its `tag`.",
            details: "They are kept while their version carries a kept `tag` of this row. On a version without any `tag` \
                      of this row, `keep` counts for them too.",
            example: "\
tags:
  - on: release
    tag: \"v{{version}}\"
    also: [\"sha-{{sha.full}}\"]
",
        },
        Key {
            name: "rolling",
            form: Form::OneOrList(Text::Template),
            without: Without::Words("there are none"),
            about: "Pointers such as `v1` and `latest`, which only move forward and are always kept.",
            details: "After `v0.2.0`, a hotfix `v0.1.1` moves `v0.1`, but neither `v0` nor `latest`. On branches, ancestry \
                      decides: a build that finishes late does not take `edge` back. While a pointer is on an image, that \
                      image's `tag`s of the row do not expire. On `release` and `prerelease`, the `tag` must hold the version.",
            example: "\
tags:
  - on: release
    tag: \"v{{version}}\"
    rolling: [\"v{{major}}.{{minor}}\", \"v{{major}}\", latest]
  - on: branch main
    tag: \"main-{{sha}}\"
    rolling: edge
    keep: 30 days
",
        },
        Key {
            name: "immutable",
            form: Form::Immutable,
            without: Without::Value("false"),
            about: "Whether a `tag` that is published may get another image.",
            details: "\
| value | a tag that exists with another digest |
|---|---|
| `false` | is moved to the new image |
| `true` | stops the run before anything is pushed, and the message says how to go on |
| `keep existing` | stays, and the published image takes the new one's place: a build that is run again never fails |

With the same digest there is nothing to do. It is about `tag` only: `also` and `rolling` move.",
            example: "\
tags:
  - on: release
    tag: \"v{{version}}\"
    immutable: true
  - on: branch main
    tag: \"main-{{sha}}\"
    immutable: keep existing
    keep: 30 days
",
        },
        Key {
            name: "index",
            form: Form::One(Text::Template),
            without: Without::Words("nothing is joined"),
            about: "A tag that joins this row's `tag` and its siblings of other architectures.",
            details: "Joined are the tags that differ from this one only in an architecture as suffix (`-amd64`, `-arm64`, \
                      `-riscv64`) and whose image says that it is for that platform. It is joined anew whenever one of them \
                      is pushed, lives by the row's `keep`, and `immutable` does not cover it. \
                      [More about indexes](publishing.md#indexes).",
            example: "\
tags:
  - on: release
    tag: \"v{{version}}-riscv64\"
    index: \"v{{version}}\"
",
        },
        Key {
            name: "keep",
            form: Form::Keep,
            without: Without::Value("forever"),
            about: "How long the row's tags live.",
            details: "A tag's age counts from the newest of: the day on which the registry first saw its image, the commit, \
                      release, annotated git tag or date in its name. A clean-up retires what is older; \
                      [what decides](cleaning-up.md#what-decides) in full.",
            example: "\
tags:
  - on: branch main
    tag: \"main-{{sha}}\"
    keep: {for: 30 days, last: 20}
  - on: pull request
    tag: \"pr-{{number}}\"
    keep: {while: open, for: 3 days}
",
        },
        Key {
            name: "match",
            form: Form::One(Text::Match),
            without: Without::Words("the row's own templates say which tags are its"),
            about: "The published tags that the row retires, where its templates cannot say so.",
            details: "A [pattern](#patterns), or a regular expression between slashes, over the whole tag. It stands alone for \
                      tags that no event here creates, such as what a former pipeline left, and beside `tag` it takes the \
                      place of what the templates would match. With `keep: while open` it needs a group `(?<number>…)`, with \
                      `while branch exists` a group `(?<branch>…)`, and with `rolling` on releases a group `(?<version>…)`.",
            example: "\
tags:
  - match: \"buildcache*\"
    keep: last 3
  - match: \"/[0-9a-f]{40}/\"
    keep: 7 days
  - match: \"/pull-(?<number>[0-9]+)/\"
    keep: while open
",
        },
    ],
};

/// `keep` as a map.
pub static KEEP: MapForm = MapForm {
    place: "`keep`",
    keys: &[
        Key {
            name: "for",
            form: Form::One(Text::Duration),
            without: Without::Words("age alone keeps nothing"),
            about: "A tag is kept until it is this old.",
            details: "",
            example: "",
        },
        Key {
            name: "last",
            form: Form::Number(1),
            without: Without::Words("no number is kept"),
            about: "A tag is kept while its image is one of so many newest of the row.",
            details: "",
            example: "",
        },
        Key {
            name: "while",
            form: Form::One(Text::While),
            without: Without::Words("nothing is asked"),
            about: "A tag is kept while its pull request is `open`, or while its `branch exists`.",
            details: "",
            example: "",
        },
    ],
};
