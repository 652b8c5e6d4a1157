//! A policy for a repository that has none: what its workflows say of tags, else what its branches and git tags suggest.
//! It proposes only what can be read back; what it could not take over is a note.

mod clean_up_step;
mod convert;
mod draft;
mod expression;
mod guess;
mod shapes;
mod workflow;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

pub use self::shapes::{Shape, unexplained};
use self::{
    convert::{Setting, convert, leaves_pull_requests_out},
    draft::{Drafts, Events, Row},
    expression::Known,
    guess::{Tags, guess},
    workflow::{Step, Workflow},
};
use super::{
    config,
    metadata::{self, MetadataInputs, Settings},
    rules::Policy,
};
use crate::model::{ImageName, RepositoryName};

/// What is known of a repository.
#[derive(Clone, Debug, Default)]
pub struct Project {
    /// The images, where somebody names them.
    pub images: Vec<ImageName>,
    /// Its name.
    pub repository: Option<RepositoryName>,
    /// The host of GitHub's container registry.
    pub ghcr_host: String,
    /// Its default branch.
    pub default_branch: Option<String>,
    /// Its branches.
    pub branches: Vec<String>,
    /// Its git tags, the oldest first as far as that is known.
    pub tags: Vec<String>,
    /// Its workflows, texts by their paths.
    pub workflows: BTreeMap<String, String>,
    /// The paths of its Dockerfiles.
    pub dockerfiles: Vec<String>,
}

/// A policy that fits a repository.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The policy.
    pub policy: Policy,
    /// Where each of its rows comes from, in their order.
    pub origins: Vec<Origin>,
    /// What takes the place of default values, by the clean-up steps that say so.
    pub clean_up: Vec<CleanUpStep>,
    /// What its author should know.
    pub notes: Vec<Note>,
}

/// Where a row comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// What says so.
    pub sources: Vec<Source>,
    /// Whether its `tag` was added, since pointers need a name of the build beside them.
    pub adds_tag: bool,
}

/// What speaks for a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A row of docker/metadata-action's `tags`.
    Row {
        /// The workflow.
        file: String,
        /// The row.
        text: String,
    },
    /// Its `flavor`.
    Flavor {
        /// The workflow.
        file: String,
    },
    /// A branch.
    Branch {
        /// Its name.
        name: String,
    },
    /// Git tags.
    GitTags(GitTags),
    /// Pull requests start a workflow, or may.
    PullRequests,
}

/// Git tags that look alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GitTags {
    /// How many; none where there are no tags at all.
    pub count: usize,
    /// One of them.
    pub example: String,
}

/// A clean-up action's step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanUpStep {
    /// The workflow.
    pub file: String,
    /// The action.
    pub action: String,
    /// What was taken over.
    pub taken: Vec<Taken>,
    /// Inputs that were not, with their values.
    pub left: Vec<(String, String)>,
}

/// What a clean-up action's input says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// `keep-at-least`.
    KeepAtLeast(u32),
    /// `untagged: {keep: … days}`.
    UntaggedDays(u64),
    /// `protect`.
    Protect(Vec<String>),
}

/// An expression of a workflow that says when a row counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// As written.
    pub expression: String,
}

/// Why a row was not taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Nobody knows when it counts.
    Condition(Condition),
    /// Nobody knows what an expression or a pattern gives.
    Expression(String),
    /// What it makes is no template of the policy language.
    Template(String),
    /// One name for the images of all pull requests would be taken by any of them.
    PullRequestPointer,
}

/// What the author of the policy should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A row was not taken over.
    NotConverted {
        /// The row.
        source: Source,
        /// Why.
        problem: Problem,
    },
    /// A row was taken over without its condition.
    ConditionLeft {
        /// The row.
        source: Source,
        /// The condition.
        condition: Condition,
    },
    /// A row's version comes from elsewhere, which is input `ref`'s work.
    NeedsRef {
        /// The row.
        source: Source,
    },
    /// Python's versions that are no SemVer fit no row.
    OnlySemVer {
        /// The row.
        source: Source,
    },
    /// A step of docker/metadata-action that cannot be read.
    Unreadable {
        /// The workflow.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// A second step in a workflow has other rows, and images share theirs.
    OtherRows {
        /// The workflow.
        file: String,
        /// Its images, as written.
        images: String,
    },
    /// The name of an image that only the run knows.
    UnknownImage {
        /// The workflow.
        file: String,
        /// As written.
        text: String,
    },
    /// No step says what tags there are.
    Guessed,
    /// A clean-up needs packages, and no image is one.
    NoPackages,
    /// Images elsewhere that cannot be mirrors: several images share the rows, and each would go to every mirror.
    NoMirrors(Vec<ImageName>),
    /// Several Dockerfiles, and one image.
    Dockerfiles(Vec<String>),
    /// Git tags that no row fits.
    GitTags(GitTags),
}

/// Why no policy can be proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nothing {
    /// Nothing says how the image is called.
    Image,
    /// No row of the workflows can be taken over.
    Rows,
}

/// The life of versions that no tag reaches, in days, where nothing says another: the platforms of a push under way have a
/// margin, and a mistake is seen before it costs.
const UNTAGGED_DAYS: u64 = 14;

/// Proposes a policy.
///
/// # Errors
/// If nothing says how the image is called, or no row can be taken over.
pub fn propose(project: &Project) -> Result<Proposal, Nothing> {
    let known = Known::of(project.repository.as_ref().map(ToString::to_string));
    let workflows: Vec<Workflow> =
        project.workflows.iter().filter_map(|(path, text)| workflow::read(path, text, &known)).collect();
    let default = project.default_branch.as_deref().unwrap_or("main");
    let tags = Tags::of(&project.tags);
    let mut drafts = Drafts::default();
    let images = images(project, &workflows, &mut drafts)?;
    for workflow in &workflows {
        convert_workflow(workflow, default, &tags, &mut drafts);
    }
    if drafts.is_empty() {
        let pull_requests = workflows.is_empty() || workflows.iter().any(|workflow| workflow.triggers.pull_requests);
        drafts.notes.push(Note::Guessed);
        guess(project, default, &tags, pull_requests, &mut drafts);
        if let Some(example) = tags.others.last() {
            drafts.notes.push(Note::GitTags(GitTags { count: tags.others.len(), example: example.clone() }));
        }
    }
    if project.dockerfiles.len() > 1 && images.len() == 1 {
        drafts.notes.push(Note::Dockerfiles(project.dockerfiles.clone()));
    }
    let clean_up: Vec<CleanUpStep> = workflows
        .iter()
        .flat_map(|workflow| workflow.steps.iter().filter_map(|step| clean_up_step::read(&workflow.path, step)))
        .collect();
    assemble(project, images, drafts, clean_up).ok_or(Nothing::Rows)
}

fn is_metadata(step: &&Step) -> bool {
    step.action == "docker/metadata-action"
}

/// Names the images: as somebody said, as steps say, else as the repository.
fn images(project: &Project, workflows: &[Workflow], drafts: &mut Drafts) -> Result<Vec<ImageName>, Nothing> {
    if !project.images.is_empty() {
        return Ok(project.images.clone());
    }
    let mut images: Vec<ImageName> = Vec::new();
    for workflow in workflows {
        for step in workflow.steps.iter().filter(is_metadata) {
            for line in step.input("images").unwrap_or_default().lines() {
                if line.contains("${{") {
                    let text = line.trim().to_owned();
                    drafts.notes.push(Note::UnknownImage { file: workflow.path.clone(), text });
                    continue;
                }
                let inputs = MetadataInputs { images: line.to_owned(), ..MetadataInputs::default() };
                let names = metadata::compile(&inputs, Settings::default()).map(|compiled| compiled.names);
                let parse = |name: &String| name.parse().or_else(|_| format!("docker.io/{name}").parse()).ok();
                images.extend(names.unwrap_or_default().iter().filter_map(parse));
            }
        }
    }
    if images.is_empty() {
        let references = workflows
            .iter()
            .flat_map(|workflow| workflow.steps.iter().filter(|step| step.action == "docker/build-push-action"))
            .flat_map(|step| step.input("tags").unwrap_or_default().split([',', '\n']));
        images.extend(references.filter_map(|text| {
            let (name, _) = text.trim().rsplit_once(':')?;
            name.to_lowercase().parse::<ImageName>().ok().filter(|image| image.registry() == project.ghcr_host)
        }));
    }
    if images.is_empty() {
        let repository = project.repository.as_ref().ok_or(Nothing::Image)?;
        let name = format!("{}/{repository}", project.ghcr_host).to_lowercase();
        images.push(name.parse().map_err(|_| Nothing::Image)?);
    }
    let mut seen = BTreeSet::new();
    images.retain(|image| seen.insert(image.to_string()));
    Ok(images)
}

fn convert_workflow(workflow: &Workflow, default: &str, tags: &Tags, drafts: &mut Drafts) {
    let events = Events::of(&workflow.triggers, default);
    let mut pushes = workflow.steps.iter().filter(|step| step.action == "docker/build-push-action").peekable();
    let setting = Setting {
        file: &workflow.path,
        events: &events,
        default_branch: default,
        tags_are_versions: tags.are_versions(),
        has_v: tags.has_v,
        pushes_pull_requests: pushes.peek().is_none()
            || pushes.any(|step| !leaves_pull_requests_out(step.input("push"))),
    };
    let rows = |step: &Step| [step.with.get("tags").cloned(), step.with.get("flavor").cloned()];
    let mut first: Option<&Step> = None;
    for step in workflow.steps.iter().filter(is_metadata) {
        match first {
            None => {
                convert(step, &setting, drafts);
                first = Some(step);
            }
            Some(first) if rows(first) == rows(step) => {}
            Some(_) => {
                let images = step.input("images").unwrap_or_default().to_owned();
                drafts.notes.push(Note::OtherRows { file: workflow.path.clone(), images });
            }
        }
    }
}

/// Reads the rows back, leaving out what is no row, and puts the policy together.
fn assemble(project: &Project, images: Vec<ImageName>, drafts: Drafts, clean_up: Vec<CleanUpStep>) -> Option<Proposal> {
    let (rows, mut notes) = drafts.rows();
    let (mut values, mut origins) = (Vec::new(), Vec::new());
    for mut row in rows {
        if read_back(vec![document(&row)]).is_none() {
            keep_readable(&mut row, &mut notes);
        }
        let value = document(&row);
        if row.tag.is_empty() || read_back(vec![value.clone()]).is_none() {
            continue;
        }
        values.push(value);
        origins.push(Origin { sources: row.sources, adds_tag: row.adds_tag });
    }
    let mut policy = read_back(values).filter(|policy| !policy.rules.is_empty())?;
    let (ours, others): (Vec<ImageName>, Vec<ImageName>) =
        images.into_iter().partition(|image| image.registry() == project.ghcr_host);
    if ours.is_empty() {
        notes.push(Note::NoPackages);
    }
    let (ours, others) = if ours.is_empty() { (others, Vec::new()) } else { (ours, others) };
    policy.images = ours;
    if policy.images.len() > 1 && !others.is_empty() {
        notes.push(Note::NoMirrors(others));
    } else {
        let copy = |image| super::rules::Mirror { image, line: 0, only: Vec::new(), rename: Vec::new() };
        policy.mirrors = others.into_iter().map(copy).collect();
    }
    let taken = || clean_up.iter().flat_map(|step| &step.taken);
    let days = taken().filter_map(|taken| if let Taken::UntaggedDays(days) = taken { Some(*days) } else { None }).max();
    let day = std::time::Duration::from_secs(24 * 60 * 60);
    policy.untagged = Some(day * u32::try_from(days.unwrap_or(UNTAGGED_DAYS)).unwrap_or(u32::MAX));
    let newest = taken().filter_map(|taken| if let Taken::KeepAtLeast(number) = taken { Some(*number) } else { None });
    policy.keep_at_least = newest.max().unwrap_or_default();
    let globs = taken().filter_map(|taken| if let Taken::Protect(globs) = taken { Some(globs) } else { None });
    let globs: BTreeSet<&String> = globs.flatten().collect();
    let globs = globs.into_iter().filter_map(|glob| super::glob::Glob::parse(glob).ok());
    policy.protect = globs.map(super::rules::Protected::Tags).collect();
    Some(Proposal { policy, origins, clean_up, notes })
}

/// Leaves those templates out that no row can have.
fn keep_readable(row: &mut Row, notes: &mut Vec<Note>) {
    let alone = |tag: &[String], rolling: &[String]| {
        let row = Row { tag: tag.to_vec(), rolling: rolling.to_vec(), ..row.clone() };
        read_back(vec![document(&row)]).is_some()
    };
    let mut tag: Vec<String> = Vec::new();
    let mut left: Vec<String> = Vec::new();
    for template in &row.tag {
        let more: Vec<String> = tag.iter().cloned().chain([template.clone()]).collect();
        if alone(&more, &[]) { tag = more } else { left.push(template.clone()) }
    }
    let mut rolling: Vec<String> = Vec::new();
    for template in &row.rolling {
        let more: Vec<String> = rolling.iter().cloned().chain([template.clone()]).collect();
        if alone(&tag, &more) { rolling = more } else { left.push(template.clone()) }
    }
    if let Some(source) = row.sources.first() {
        let note = |template| Note::NotConverted { source: source.clone(), problem: Problem::Template(template) };
        notes.extend(left.into_iter().map(note));
    }
    (row.tag, row.rolling) = (tag, rolling);
}

fn document(row: &Row) -> Value {
    let Row { on, tag, rolling, immutable, keep, sources: _, adds_tag: _ } = row;
    let mut value = json!({ "on": on, "tag": tag });
    if !rolling.is_empty() {
        value["rolling"] = json!(rolling);
    }
    if *immutable {
        value["immutable"] = json!(true);
    }
    if let Some(keep) = keep {
        value["keep"] = json!(keep);
    }
    value
}

/// Reads rows as a policy would: JSON is YAML as well.
fn read_back(rows: Vec<Value>) -> Option<Policy> {
    let document = json!({ "version": 1, "images": ["ghcr.io/owner/name"], "tags": rows });
    config::parse(&document.to_string()).ok()
}
