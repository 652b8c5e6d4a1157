//! The keys of the maps beside `tags`.

use super::{Form, Key, MapForm, Text, Without};

/// `untagged`.
pub static UNTAGGED: MapForm = MapForm {
    place: "`untagged`",
    keys: &[plain(
        "keep",
        Form::One(Text::DurationOrForever),
        Without::Required,
        "They are kept until they are this old.",
    )],
};

/// `references`.
pub static REFERENCES: MapForm = MapForm {
    place: "`references`",
    keys: &[
        plain(
            "files",
            Form::List(Text::Path),
            Without::Required,
            "[Patterns](#patterns) over paths from the repository's root; `**/` stands for no folder as well.",
        ),
        plain(
            "branches",
            Form::List(Text::Branch),
            Without::Words("the default branch alone"),
            "Branches whose files are looked at beside those of the default branch.",
        ),
        plain(
            "require-registry",
            Form::Flag,
            Without::Value("false"),
            "Whether `ghcr-lifecycle check` fails where an image reference in these files names no registry.",
        ),
    ],
};

/// `checks`.
pub static CHECKS: MapForm = MapForm {
    place: "`checks`",
    keys: &[
        plain(
            "platforms",
            Form::List(Text::Platform),
            Without::Words("any will do"),
            "Platforms that it must have; without one of them it is not pushed.",
        ),
        plain(
            "size",
            Form::Map(&SIZE),
            Without::Words("any will do"),
            "How large it may be: its compressed layers, each platform for itself.",
        ),
    ],
};

/// `checks.size`.
pub static SIZE: MapForm = MapForm {
    place: "`checks.size`",
    keys: &[
        plain(
            "target",
            Form::One(Text::Size),
            Without::Words("no warning"),
            "Above it there is a warning; it is not above `max`.",
        ),
        plain(
            "max",
            Form::One(Text::Size),
            Without::Words("no limit"),
            "Above it the image is not pushed, and its largest layers are named.",
        ),
    ],
};

/// An item of `mirrors`.
pub static MIRROR: MapForm = MapForm {
    place: "an item of `mirrors`",
    keys: &[
        plain(
            "image",
            Form::One(Text::Image),
            Without::Required,
            "The image elsewhere, with its registry; none of `images`.",
        ),
        plain(
            "only",
            Form::OneOrList(Text::KindOfEvent),
            Without::Words("all rows"),
            "The rows whose tags are copied, by their [events](#events); here `tag` and `branch` may stand alone, for any.",
        ),
        plain(
            "rename",
            Form::Renames,
            Without::Words("the same names"),
            "Names that change, template to template. The new one can use the values of the old one; an `index` tag is \
             copied only if it is named here.",
        ),
    ],
};

/// `upstream`.
pub static UPSTREAM: MapForm = MapForm {
    place: "`upstream`",
    keys: &[
        plain("repository", Form::One(Text::Repository), Without::Required, "Its source repository on GitHub."),
        plain(
            "workflow",
            Form::One(Text::Workflow),
            Without::Words("none"),
            "The workflow of this repository that builds a version, by its file in `.github/workflows`.",
        ),
        plain("issue", Form::Flag, Without::Value("false"), "Whether each version gets an issue that tracks it."),
    ],
};

/// A key that one sentence explains, and that the example of its map shows.
const fn plain(name: &'static str, form: Form, without: Without, about: &'static str) -> Key {
    Key { name, form, without, about, details: "", example: "" }
}
