//! A workflow as far as it says how images are made: when it runs, and the inputs of its steps. Expressions whose value is
//! known are filled in; what cannot be read is left out, since a proposal needs no completeness.

use std::collections::BTreeMap;

use super::expression::{Known, fill};
use crate::policy::{
    config::node::{self, Kind, Node},
    diagnostic::Lines,
};

/// A workflow.
#[derive(Clone, Debug, Default)]
pub(super) struct Workflow {
    /// Its path in the repository.
    pub(super) path: String,
    /// When it runs.
    pub(super) triggers: Triggers,
    /// Its steps that use an action, those of a matrix once for each of its entries.
    pub(super) steps: Vec<Step>,
}

/// When a workflow runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Triggers {
    /// The patterns of branches whose pushes it runs on; `None` if pushes to branches start nothing.
    pub(super) branches: Option<Vec<String>>,
    /// The patterns of git tags; `None` if they start nothing.
    pub(super) tags: Option<Vec<String>>,
    /// Whether it runs for pull requests.
    pub(super) pull_requests: bool,
    /// Whether it runs at times.
    pub(super) schedule: bool,
}

/// A step that uses an action.
#[derive(Clone, Debug)]
pub(super) struct Step {
    /// The action, without its version, in lower case.
    pub(super) action: String,
    /// Its inputs.
    pub(super) with: BTreeMap<String, String>,
}

impl Step {
    pub(super) fn input(&self, name: &str) -> Option<&str> {
        self.with.get(name).map(|text| text.trim()).filter(|text| !text.is_empty())
    }
}

/// The most entries of a matrix that are looked at.
const MOST_ENTRIES: usize = 50;

/// Reads a workflow; `None` if the text is none.
pub(super) fn read(path: &str, text: &str, repository: &Known) -> Option<Workflow> {
    let root = node::read(text, &Lines::new(text)).ok()?;
    let mut known = repository.clone();
    known.add_environment(&root);
    let mut steps = Vec::new();
    for (_, job) in entries(get(&root, "jobs")?) {
        let mut known = known.clone();
        known.add_environment(job);
        for entry in matrix(job, &known) {
            let mut known = known.clone();
            known.matrix = entry;
            for item in get(job, "steps").map(items).unwrap_or_default() {
                known_step(item, &known, &mut steps);
            }
        }
    }
    let triggers = get(&root, "on").map(triggers).unwrap_or_default();
    Some(Workflow { path: path.to_owned(), triggers, steps })
}

fn known_step(item: &Node, known: &Known, steps: &mut Vec<Step>) {
    let Some(uses) = get(item, "uses").and_then(scalar) else { return };
    let mut known = known.clone();
    known.add_environment(item);
    let action = uses.split('@').next().unwrap_or_default().to_lowercase();
    let with = get(item, "with").map(entries).into_iter().flatten();
    let with = with.filter_map(|(name, value)| Some((name.to_lowercase(), fill(&scalar(value)?, &known)))).collect();
    let step = Step { action, with };
    if !steps.iter().any(|other| other.action == step.action && other.with == step.with) {
        steps.push(step);
    }
}

/// Lists the entries of a job's matrix: its products and what `include` adds; one without values where there is none.
fn matrix(job: &Node, known: &Known) -> Vec<BTreeMap<String, String>> {
    let mut list = vec![BTreeMap::new()];
    let Some(matrix) = get(job, "strategy").and_then(|strategy| get(strategy, "matrix")) else { return list };
    for (name, values) in entries(matrix).filter(|(name, _)| !matches!(*name, "include" | "exclude")) {
        let values: Vec<BTreeMap<String, String>> =
            items(values).iter().map(|value| named(name, value, known)).collect();
        let with = |entry: &BTreeMap<String, String>, value: &BTreeMap<String, String>| {
            entry.iter().chain(value).map(|(name, text)| (name.clone(), text.clone())).collect()
        };
        if !values.is_empty() {
            list = list.iter().flat_map(|entry| values.iter().map(move |value| with(entry, value))).collect();
        }
        list.truncate(MOST_ENTRIES);
    }
    let included = get(matrix, "include").map(items).unwrap_or_default();
    let included = included
        .iter()
        .map(|entry| entries(entry).flat_map(|(name, value)| named(name, value, known)).collect::<BTreeMap<_, _>>());
    let included: Vec<_> = included.take(MOST_ENTRIES).collect();
    if list.iter().all(BTreeMap::is_empty) && !included.is_empty() {
        included
    } else {
        list.into_iter().chain(included).collect()
    }
}

/// Names a value of a matrix, and the values in it where it is a map.
fn named(name: &str, value: &Node, known: &Known) -> BTreeMap<String, String> {
    let own = scalar(value).map(|text| (name.to_owned(), fill(&text, known)));
    let inner = entries(value).filter_map(|(key, value)| Some((format!("{name}.{key}"), fill(&scalar(value)?, known))));
    own.into_iter().chain(inner).collect()
}

fn triggers(on: &Node) -> Triggers {
    let mut triggers = Triggers::default();
    let mut add = |name: &str, value: Option<&Node>| {
        let patterns = |key: &str| value.and_then(|value| get(value, key)).map(texts);
        match name {
            "push" => {
                let (branches, tags) = (patterns("branches"), patterns("tags"));
                let ignored = patterns("branches-ignore").map(|list| {
                    std::iter::once("**".to_owned()).chain(list.into_iter().map(|name| format!("!{name}"))).collect()
                });
                let branches = branches.or(ignored);
                let ignores_tags = value.is_some_and(|value| get(value, "tags-ignore").is_some());
                match (branches, tags) {
                    (None, None) => {
                        triggers.branches = Some(vec!["**".to_owned()]);
                        triggers.tags.get_or_insert_default();
                    }
                    (branches, tags) => {
                        triggers.branches = branches.or(ignores_tags.then(|| vec!["**".to_owned()]));
                        triggers.tags = tags.or(triggers.tags.take()).or(ignores_tags.then(Vec::new));
                    }
                }
            }
            "release" => {
                triggers.tags.get_or_insert_default();
            }
            "pull_request" | "pull_request_target" => triggers.pull_requests = true,
            "schedule" => triggers.schedule = true,
            _ => {}
        }
    };
    match &on.kind {
        Kind::Text(name) => add(name, None),
        Kind::List(list) => list.iter().filter_map(scalar).for_each(|name| add(&name, None)),
        Kind::Map(_) => entries(on).for_each(|(name, value)| add(name, Some(value))),
        Kind::Null | Kind::Bool(_) | Kind::Integer(_) | Kind::Float => {}
    }
    triggers
}

/// Returns the value of a key.
pub(super) fn get<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    entries(node).find(|(name, _)| *name == key).map(|(_, value)| value)
}

/// Lists the entries of a map whose keys are texts.
pub(super) fn entries(node: &Node) -> impl Iterator<Item = (&str, &Node)> {
    let map = if let Kind::Map(map) = &node.kind { map.as_slice() } else { &[] };
    map.iter().filter_map(|(key, value)| match &key.kind {
        Kind::Text(name) => Some((name.as_str(), value)),
        _ => None,
    })
}

fn items(node: &Node) -> &[Node] {
    if let Kind::List(list) = &node.kind { list } else { &[] }
}

/// Reads a text, or a list of them.
fn texts(node: &Node) -> Vec<String> {
    scalar(node).into_iter().chain(items(node).iter().filter_map(scalar)).collect()
}

/// Reads a value as the runner hands it on.
pub(super) fn scalar(node: &Node) -> Option<String> {
    match &node.kind {
        Kind::Text(text) => Some(text.clone()),
        Kind::Bool(value) => Some(value.to_string()),
        Kind::Integer(value) => Some(value.to_string()),
        Kind::Null | Kind::Float | Kind::List(_) | Kind::Map(_) => None,
    }
}
