//! The outputs of docker/metadata-action, byte for byte: what goes to the runner, and what the files for Bake hold.

use serde_json::{Map, Value, json};

use super::{
    csv,
    error::MetadataError,
    facts::Facts,
    javascript,
    labels::{self, Labels, labels},
};
use crate::policy::{rules::Condition, tagging::TagPlan};

/// The inputs as written, with the defaults of docker/metadata-action where they are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataInputs {
    /// Input `images`.
    pub images: String,
    /// Input `tags`.
    pub tags: String,
    /// Input `flavor`.
    pub flavor: String,
    /// Input `labels`.
    pub labels: String,
    /// Input `annotations`.
    pub annotations: String,
    /// Input `sep-tags`, not trimmed.
    pub sep_tags: String,
    /// Input `sep-labels`, not trimmed.
    pub sep_labels: String,
    /// Input `sep-annotations`, not trimmed.
    pub sep_annotations: String,
    /// Input `bake-target`.
    pub bake_target: String,
    /// `DOCKER_METADATA_ANNOTATIONS_LEVELS`.
    pub annotations_levels: String,
}

/// An output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: &'static str,
    /// What it holds; for a file, what that holds.
    pub value: String,
    /// The name of the file whose path is the output's value.
    pub file: Option<&'static str>,
}

/// The items of `labels` and `annotations`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Items {
    /// Those of `labels`.
    pub labels: Vec<String>,
    /// Those of `annotations`.
    pub annotations: Vec<String>,
}

impl Items {
    /// Reads both inputs.
    ///
    /// # Errors
    /// If the quotes in one of them are wrong.
    pub fn read(inputs: &MetadataInputs) -> Result<Self, MetadataError> {
        let items = |input: &'static str, text: &str| {
            csv::items(text).map_err(|problem| MetadataError::csv(input, text, problem))
        };
        Ok(Self { labels: items("labels", &inputs.labels)?, annotations: items("annotations", &inputs.annotations)? })
    }
}

/// What outputs are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The first tag.
    pub version: Option<String>,
    /// The names of the images.
    pub images: Vec<String>,
    /// The tags that are given.
    pub tags: Vec<String>,
    /// The same with the image before each.
    pub full: Vec<String>,
    /// The labels to which those of the inputs are added.
    pub labels: Labels,
}

impl Content {
    /// Takes the names out of a plan of docker/metadata-action's rules: each tag once, but for `latest`, which comes last and
    /// may be among the others as well. `is_given` tells whether an image is given a tag.
    pub fn of(plan: &TagPlan, images: &[String], facts: &Facts, is_given: impl Fn(&str, &str) -> bool) -> Self {
        let mut tags: Vec<String> = Vec::new();
        for row in &plan.rows {
            for name in row.names() {
                if matches!(row.condition, Condition::Latest(_)) || !tags.iter().any(|known| known == name) {
                    tags.push(name.to_owned());
                }
            }
        }
        let version = tags.first().cloned();
        let labels = labels::known(version.as_deref(), facts);
        if images.is_empty() {
            return Self { version, images: Vec::new(), full: tags.clone(), tags, labels };
        }
        let mut full = Vec::new();
        for image in images {
            let prefix = if image.is_empty() { String::new() } else { format!("{image}:") };
            full.extend(tags.iter().filter(|tag| is_given(image, tag)).map(|tag| format!("{prefix}{tag}")));
        }
        tags.retain(|tag| images.iter().any(|image| is_given(image, tag)));
        Self { version, images: images.to_vec(), tags, full, labels }
    }
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Metadata {
    /// The outputs in the order that they are written, up to the mistake if there is one.
    pub outputs: Vec<Output>,
    /// What stopped the run.
    pub error: Option<MetadataError>,
}

/// The outputs of docker/metadata-action.
pub const OUTPUT_NAMES: [&str; 10] = [
    "version",
    "tags",
    "tag-names",
    "labels",
    "annotations",
    "json",
    "bake-file-tags",
    "bake-file-labels",
    "bake-file-annotations",
    "bake-file",
];

/// The name of the environment variable that repeats an output.
#[must_use]
pub fn environment_name(output: &str) -> String {
    let name: String = output.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    format!("DOCKER_METADATA_OUTPUT_{}", name.to_uppercase())
}

/// Works out all outputs of a run.
#[must_use]
pub fn outputs(inputs: &MetadataInputs, items: &Items, content: &Content, facts: &Facts) -> Metadata {
    let mut metadata = Metadata::default();
    metadata.error = write(inputs, items, content, facts, &mut metadata.outputs).err();
    metadata
}

fn or<'a>(value: &'a str, default: &'a str) -> &'a str {
    if value.is_empty() { default } else { value }
}

fn write(
    inputs: &MetadataInputs,
    items: &Items,
    content: &Content,
    facts: &Facts,
    outputs: &mut Vec<Output>,
) -> Result<(), MetadataError> {
    let Content { version, images, tags, full, labels: others } = content;
    let mut push = |name, value| outputs.push(Output { name, value, file: None });
    push("version", version.clone().unwrap_or_default());
    push("tags", full.join(or(&inputs.sep_tags, "\n")));
    push("tag-names", tags.join(or(&inputs.sep_tags, "\n")));

    let lines = |labels: Labels| labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>();
    let label_lines = lines(labels(&items.labels, others, facts)?);
    push("labels", label_lines.join(or(&inputs.sep_labels, "\n")));

    let annotation_lines = lines(labels(&items.annotations, others, facts)?);
    let levels = or(&inputs.annotations_levels, "manifest");
    let at_levels = |levels: &str| -> Vec<String> {
        let level = |level: &str| annotation_lines.iter().map(|line| format!("{level}:{line}")).collect::<Vec<_>>();
        levels.split(',').flat_map(level).collect()
    };
    let annotations = at_levels(levels);
    push("annotations", annotations.join(or(&inputs.sep_annotations, "\n")));

    let label_object = label_object(&label_lines);
    let document = json!({
        "tags": full, "tag-names": tags, "labels": label_object, "annotations": annotations,
    });
    push("json", document.to_string());

    let mut arguments = Map::new();
    arguments.insert("DOCKER_META_IMAGES".into(), images.join(",").into());
    if let Some(version) = version {
        arguments.insert("DOCKER_META_VERSION".into(), version.as_str().into());
    }
    let target = or(javascript::trim(&inputs.bake_target), "docker-metadata-action");
    // Only what stands between the first two colons of `annotations:<levels>` is read.
    let bake_annotations = at_levels(levels.split(':').next().unwrap_or_default());
    for (name, file, definition) in [
        ("bake-file-tags", "docker-metadata-action-bake-tags.json", json!({"tags": full, "args": arguments})),
        ("bake-file-labels", "docker-metadata-action-bake-labels.json", json!({"labels": label_object})),
        (
            "bake-file-annotations",
            "docker-metadata-action-bake-annotations.json",
            json!({"annotations": bake_annotations}),
        ),
        (
            "bake-file",
            "docker-metadata-action-bake.json",
            json!({"tags": full, "labels": label_object, "args": arguments}),
        ),
    ] {
        let mut targets = Map::new();
        targets.insert(target.to_owned(), definition);
        // A map of texts and lists can always be written.
        let value = serde_json::to_string_pretty(&json!({"target": targets})).unwrap_or_default();
        outputs.push(Output { name, value, file: Some(file) });
    }
    Ok(())
}

/// The labels as a JavaScript object: values end at the first line break, keys that are numbers come first.
fn label_object(lines: &[String]) -> Map<String, Value> {
    let mut numbered: Vec<(u32, &str)> = Vec::new();
    let mut named: Vec<(&str, &str)> = Vec::new();
    for line in lines {
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = value.split(javascript::ends_line).next().unwrap_or_default();
        match javascript::array_index(key) {
            Some(number) => numbered.push((number, value)),
            // Setting an object's prototype to a text does nothing.
            None if key == "__proto__" => {}
            None => named.push((key, value)),
        }
    }
    numbered.sort_unstable();
    let numbered = numbered.into_iter().map(|(number, value)| (number.to_string(), value.into()));
    numbered.chain(named.into_iter().map(|(key, value)| (key.to_owned(), value.into()))).collect()
}
