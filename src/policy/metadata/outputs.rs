//! The outputs of docker/metadata-action, byte for byte: what goes to the runner, and what the files for Bake hold.

use serde_json::{Map, Value, json};

use super::{
    csv,
    error::MetadataError,
    facts::Facts,
    flavor::Flavor,
    images::{self, Image},
    javascript,
    labels::labels,
    plan::{MetadataPlan, plan},
    rows,
};

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

/// What a run came to.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// The tags; `None` if the rules could not be planned.
    pub plan: Option<MetadataPlan>,
    /// The outputs in the order that they are written, up to the mistake if there is one.
    pub outputs: Vec<Output>,
    /// What stopped the run.
    pub error: Option<MetadataError>,
}

/// The name of the environment variable that repeats an output.
#[must_use]
pub fn environment_name(output: &str) -> String {
    let name: String = output.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    format!("DOCKER_METADATA_OUTPUT_{}", name.to_uppercase())
}

/// Works out all outputs of a run.
#[must_use]
pub fn metadata(inputs: &MetadataInputs, facts: &Facts) -> Metadata {
    let mut metadata = Metadata { plan: None, outputs: Vec::new(), error: None };
    metadata.error = Run::start(inputs, facts).and_then(|run| run.finish(&mut metadata)).err();
    metadata
}

/// The inputs, read.
struct Run<'a> {
    inputs: &'a MetadataInputs,
    facts: &'a Facts,
    images: Vec<Image>,
    labels: Vec<String>,
    annotations: Vec<String>,
    plan: MetadataPlan,
}

fn or<'a>(value: &'a str, default: &'a str) -> &'a str {
    if value.is_empty() { default } else { value }
}

impl<'a> Run<'a> {
    fn start(inputs: &'a MetadataInputs, facts: &'a Facts) -> Result<Self, MetadataError> {
        let items = |input: &'static str, text: &str| {
            csv::items(text).map_err(|problem| MetadataError::csv(input, text, problem))
        };
        let image_items = items("images", &inputs.images)?;
        let tag_items = items("tags", &inputs.tags)?;
        let flavor_items = items("flavor", &inputs.flavor)?;
        let (labels, annotations) = (items("labels", &inputs.labels)?, items("annotations", &inputs.annotations)?);
        let images = images::parse(&image_items)?;
        let rules = rows::parse(&tag_items)?;
        let flavor = Flavor::parse(&flavor_items)?;
        let plan = plan(&rules, &flavor, facts)?;
        Ok(Self { inputs, facts, images, labels, annotations, plan })
    }

    fn finish(self, metadata: &mut Metadata) -> Result<(), MetadataError> {
        let Self { inputs, facts, images, labels: own_labels, annotations: own_annotations, plan } = self;
        metadata.plan = Some(plan.clone());
        let mut push = |name, value| metadata.outputs.push(Output { name, value, file: None });
        let version = plan.version.as_deref();
        push("version", version.unwrap_or_default().to_owned());
        let names = images::enabled_names(&images);
        let bare: Vec<String> = plan.tags().map(str::to_owned).collect();
        let prefix = |name: &str| if name.is_empty() { String::new() } else { format!("{name}:") };
        let full: Vec<String> = match names.as_slice() {
            [] => bare.clone(),
            names => {
                names.iter().flat_map(|name| bare.iter().map(move |tag| format!("{}{tag}", prefix(name)))).collect()
            }
        };
        push("tags", full.join(or(&inputs.sep_tags, "\n")));
        push("tag-names", bare.join(or(&inputs.sep_tags, "\n")));

        let labels_ = labels(&own_labels, version, facts)?;
        let lines = |labels: &[(String, String)]| labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let label_lines: Vec<String> = lines(&labels_);
        push("labels", label_lines.join(or(&inputs.sep_labels, "\n")));

        let annotation_lines: Vec<String> = lines(&labels(&own_annotations, version, facts)?);
        let levels = or(&inputs.annotations_levels, "manifest");
        let at_levels = |levels: &str| -> Vec<String> {
            let level = |level: &str| annotation_lines.iter().map(|line| format!("{level}:{line}")).collect::<Vec<_>>();
            levels.split(',').flat_map(level).collect()
        };
        let annotations = at_levels(levels);
        push("annotations", annotations.join(or(&inputs.sep_annotations, "\n")));

        let label_object = label_object(&label_lines);
        let document = json!({
            "tags": full, "tag-names": bare, "labels": label_object, "annotations": annotations,
        });
        push("json", document.to_string());

        let mut arguments = Map::new();
        arguments.insert("DOCKER_META_IMAGES".into(), names.join(",").into());
        if let Some(version) = version {
            arguments.insert("DOCKER_META_VERSION".into(), version.into());
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
            metadata.outputs.push(Output { name, value, file: Some(file) });
        }
        Ok(())
    }
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
