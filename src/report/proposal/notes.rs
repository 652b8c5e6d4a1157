//! What a proposal could not decide, in sentences.

use crate::{
    model::untrusted::shown_up_to,
    policy::proposal::{CleanUpStep, Condition, GitTags, Note, Problem, Source, Taken},
};

/// Text of a workflow or of git between backticks.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", shown_up_to(text, 160).replace('`', "'"))
}

pub(super) fn git_tags(count: usize) -> String {
    if count == 1 { "is a git tag".to_owned() } else { format!("are {count} git tags") }
}

/// Names a clean-up action's step.
pub(super) fn step(step: &CleanUpStep) -> String {
    format!("{} in {}", shown_up_to(&step.action, 100), shown_up_to(&step.file, 200))
}

fn row(source: &Source) -> String {
    match source {
        Source::Row { file, text } => format!("{} in {}", code(text), shown_up_to(file, 200)),
        Source::Flavor { file } => format!("`flavor` in {}", shown_up_to(file, 200)),
        Source::Branch { name } => format!("the branch {}", code(name)),
        Source::GitTags(GitTags { count: _, example }) => format!("git tags such as {}", code(example)),
        Source::PullRequests => "pull requests".to_owned(),
    }
}

/// Says one thing that the author should look at.
pub(super) fn note(note: &Note) -> String {
    match note {
        Note::NotConverted { source, problem } => format!("{} has no row: {}", row(source), problem_words(problem)),
        Note::ConditionLeft { source, condition: Condition { expression } } => {
            format!("{} has a row without its condition {}", row(source), code(expression))
        }
        Note::NeedsRef { source } => {
            format!(
                "{} takes its version from elsewhere than the event: give it to the step as input `ref`",
                row(source)
            )
        }
        Note::OnlySemVer { source } => {
            format!(
                "{}: versions that are no SemVer, as `1.2rc1`, fit no row; `- on: tag 1.2rc*` would be one",
                row(source)
            )
        }
        Note::Unreadable { file, problem } => {
            format!(
                "the step docker/metadata-action in {} was not read: {}",
                shown_up_to(file, 200),
                shown_up_to(problem, 300)
            )
        }
        Note::OtherRows { file, images } => format!(
            "{} has a second step docker/metadata-action with rows of its own ({}), and images share their rows: give it a \
             policy file of its own, which input `policy` names",
            shown_up_to(file, 200),
            code(images)
        ),
        Note::UnknownImage { file, text } => {
            format!(
                "the image {} in {} is known to the run alone: add it to `images` by its name",
                code(text),
                shown_up_to(file, 200)
            )
        }
        Note::Guessed => {
            "no workflow has a step docker/metadata-action, so branches and git tags alone suggested the rows"
                .to_owned()
        }
        Note::NoPackages => {
            "no image is in GitHub's registry: tags and pushes work elsewhere, too, clean-ups only there".to_owned()
        }
        Note::NoMirrors(images) => {
            let names: Vec<String> = images.iter().map(|image| code(&image.to_string())).collect();
            format!(
                "{} are elsewhere: as `mirrors` they would get the tags of every image of this policy, so each image that is copied needs a policy of its own (input `policy`)",
                names.join(" and ")
            )
        }
        Note::Dockerfiles(paths) => {
            let shown: Vec<String> = paths.iter().take(8).map(|path| code(path)).collect();
            let more = if paths.len() > 8 { format!(" and {} more", paths.len() - 8) } else { String::new() };
            format!(
                "there are several Dockerfiles ({}{more}): images of their own belong into `images`",
                shown.join(", ")
            )
        }
        Note::GitTags(GitTags { count, example }) => {
            format!(
                "there {} such as {} that no row fits; `- on: tag GLOB` would be one",
                git_tags(*count),
                code(example)
            )
        }
    }
}

fn problem_words(problem: &Problem) -> String {
    match problem {
        Problem::Condition(Condition { expression }) => {
            format!("when it counts ({}) is known to the run alone", code(expression))
        }
        Problem::Expression(text) => format!("what {} gives is known to the run alone", code(text)),
        Problem::Template(text) => format!("{} is no template of a policy", code(text)),
        Problem::PullRequestPointer => "any pull request would take its one name from the others".to_owned(),
    }
}

/// Says which inputs of a clean-up action were taken over, and which not.
pub(super) fn left(found: &CleanUpStep) -> Vec<String> {
    let CleanUpStep { file: _, action: _, taken, left } = found;
    let mut sentences = Vec::new();
    let keys: Vec<&str> = taken
        .iter()
        .map(|taken| match taken {
            Taken::KeepAtLeast(_) => "`keep-at-least`",
            Taken::UntaggedDays(_) => "`untagged`",
            Taken::Protect(_) => "`protect`",
        })
        .collect();
    let keys = if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
    sentences.push(format!(
        "{} gave {keys}; the rows say when tags go, so take that step out once `ghcr-lifecycle plan` shows what you want",
        step(found)
    ));
    if !left.is_empty() {
        let inputs: Vec<String> = left.iter().map(|(name, value)| code(&format!("{name}: {value}"))).collect();
        sentences.push(format!("of {}, these have no key of a policy: {}", step(found), inputs.join(", ")));
    }
    sentences
}
