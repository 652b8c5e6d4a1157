//! The inputs of docker/metadata-action, as they were typed: their language trims, splits and reads them itself. Only what
//! decides how a run goes on is read here.

use std::collections::BTreeMap;

use super::{
    InputMistake, listed,
    mistakes::{nearest, quote},
    reader::Reader,
};
use crate::{model::ImageName, policy::metadata::MetadataInputs};

/// Where ref and commit come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ContextSource {
    /// The event of the workflow run.
    #[default]
    Workflow,
    /// What is checked out.
    Git,
}

/// Whether the rows of the inputs give the tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// They do: a policy is not looked at.
    Given,
    /// The default rows do, where there is no policy.
    Default,
    /// A policy does.
    None,
}

/// Texts as they were typed, blanks included; empty where there is none, since the runner hands over every input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DropInInputs {
    /// The texts that the language itself reads.
    pub texts: MetadataInputs,
    /// Whether the commit of a pull request is its head (`DOCKER_METADATA_PR_HEAD_SHA`).
    pub pull_request_head: bool,
    /// `DOCKER_METADATA_SHORT_SHA_LENGTH`, a number as JavaScript reads it; `None` if it is not set.
    pub short_sha_length: Option<String>,
    /// Whether outputs become environment variables, too (`DOCKER_METADATA_SET_OUTPUT_ENV`).
    pub set_output_env: bool,
}

impl Default for DropInInputs {
    fn default() -> Self {
        Self {
            texts: MetadataInputs::default(),
            pull_request_head: false,
            short_sha_length: None,
            set_output_env: true,
        }
    }
}

impl DropInInputs {
    /// Tells whether the run follows these inputs rather than a policy: `tags` or `flavor` is given, or `images` where there
    /// is no policy.
    #[must_use]
    pub fn decide(&self, there_is_a_policy: bool) -> bool {
        self.give_rows() || (is_given(&self.texts.images) && !there_is_a_policy)
    }

    /// Tells whether `tags` or `flavor` is given, so that no policy is looked for.
    #[must_use]
    pub fn give_rows(&self) -> bool {
        is_given(&self.texts.tags) || is_given(&self.texts.flavor)
    }

    /// Returns the registry of `images`, if all of them are in one. What cannot be read names none: the language itself says
    /// what is wrong with it.
    pub(super) fn registry_of_images(images: &str) -> Option<String> {
        let mut registries = images
            .lines()
            .filter(|line| !line.starts_with('#'))
            .flat_map(|line| line.split(','))
            .map(|field| field.trim().trim_matches('"'))
            .filter_map(|field| match field.split_once('=') {
                Some((key, name)) if key.trim().eq_ignore_ascii_case("name") => Some(name),
                Some(_) => None,
                None => Some(field).filter(|field| !field.is_empty()),
            })
            .map(|name| name.parse::<ImageName>().ok().map(|image| image.registry().to_owned()));
        let first = registries.next()??;
        registries.all(|registry| registry.as_ref() == Some(&first)).then_some(first)
    }

    /// Tells whether these inputs may decide, as far as can be told without looking for a policy.
    pub(super) fn may_decide(&self) -> bool {
        self.decide(false)
    }
}

fn is_given(text: &str) -> bool {
    !text.trim().is_empty()
}

impl Reader {
    pub(super) fn drop_in(&mut self, environment: &BTreeMap<String, String>) -> DropInInputs {
        let input = |name: &str| self.values.get(name).cloned().unwrap_or_default();
        let variable = |name: &str| environment.get(name).cloned().unwrap_or_default();
        let mut inputs = DropInInputs {
            texts: MetadataInputs {
                images: input("images"),
                tags: input("tags"),
                flavor: input("flavor"),
                labels: input("labels"),
                annotations: input("annotations"),
                sep_tags: input("sep-tags"),
                sep_labels: input("sep-labels"),
                sep_annotations: input("sep-annotations"),
                bake_target: input("bake-target"),
                annotations_levels: variable("DOCKER_METADATA_ANNOTATIONS_LEVELS"),
            },
            pull_request_head: variable("DOCKER_METADATA_PR_HEAD_SHA").to_lowercase().contains("true"),
            short_sha_length: environment.get("DOCKER_METADATA_SHORT_SHA_LENGTH").cloned(),
            set_output_env: true,
        };
        // Where a policy decides, the variable means nothing.
        if inputs.may_decide() {
            inputs.set_output_env = self.set_output_env(&variable("DOCKER_METADATA_SET_OUTPUT_ENV"));
        }
        inputs
    }

    fn set_output_env(&mut self, value: &str) -> bool {
        match value {
            "" | "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
            "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
            _ => {
                self.errors.mistakes.push(InputMistake {
                    input: None,
                    message: format!("DOCKER_METADATA_SET_OUTPUT_ENV is {}, no truth value", quote(value)),
                    hint: Some("write `true` or `false`".to_owned()),
                });
                true
            }
        }
    }

    pub(super) fn context(&mut self) -> ContextSource {
        const NAMES: &[&str] = &["workflow", "git"];
        match self.line("context").as_deref() {
            None | Some("workflow") => ContextSource::Workflow,
            Some("git") => ContextSource::Git,
            Some(other) => {
                let these = format!("it is one of {}", listed(NAMES));
                let hint = match nearest(other, NAMES) {
                    Some(near) => format!("did you mean `{near}`? {these}"),
                    None => these,
                };
                self.errors.add("context", format!("{} is no source of the context", quote(other)), hint);
                ContextSource::Workflow
            }
        }
    }
}
