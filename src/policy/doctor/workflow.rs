//! What a workflow file grants the token of a job
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#permissions>).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// How far a permission goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It is not granted.
    #[default]
    None,
    /// Reading.
    Read,
    /// And writing.
    Write,
}

/// What a job is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Granted {
    /// The workflow does not say: the settings of the repository do.
    Unsaid,
    /// The workflow says so of `packages`; what it does not name is not granted.
    Packages(Level),
}

#[derive(Deserialize)]
struct Workflow {
    #[serde(default)]
    permissions: Value,
    #[serde(default)]
    jobs: BTreeMap<String, Job>,
}

#[derive(Deserialize)]
struct Job {
    #[serde(default)]
    permissions: Value,
}

/// Returns what a workflow file grants the job of that id; `None` if it is no workflow, or has no such job (a reusable
/// workflow's jobs are in its own file).
#[must_use]
pub fn granted(text: &str, job: &str) -> Option<Granted> {
    let Workflow { permissions, mut jobs } = serde_yaml::from_str(text).ok()?;
    let own = jobs.remove(job)?.permissions;
    let said = if own.is_null() { permissions } else { own };
    let level = |text: Option<&str>| match text {
        Some("write") => Level::Write,
        Some("read") => Level::Read,
        _ => Level::None,
    };
    Some(match said {
        Value::Null => Granted::Unsaid,
        Value::String(all) => Granted::Packages(level(all.strip_suffix("-all"))),
        named => Granted::Packages(level(named.get("packages").and_then(Value::as_str))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(text: &str) -> Option<Level> {
        match granted(text, "image")? {
            Granted::Unsaid => None,
            Granted::Packages(level) => Some(level),
        }
    }

    #[test]
    fn the_job_s_word_goes_before_the_workflow_s() {
        let job = |permissions: &str| format!("permissions: read-all\njobs:\n  image:\n    steps: []\n{permissions}");
        assert_eq!(packages(&job("")), Some(Level::Read));
        assert_eq!(packages(&job("    permissions: {contents: read}\n")), Some(Level::None));
        assert_eq!(packages(&job("    permissions:\n      packages: write\n")), Some(Level::Write));
        assert_eq!(packages(&job("    permissions: write-all\n")), Some(Level::Write));
        assert_eq!(packages(&job("    permissions: {}\n")), Some(Level::None));
    }

    #[test]
    fn what_is_not_said_or_not_there_is_told_apart() {
        assert_eq!(granted("on: push\njobs: {image: {runs-on: x}}", "image"), Some(Granted::Unsaid));
        assert_eq!(granted("jobs: {other: {}}", "image"), None);
        assert_eq!(granted("[]", "image"), None);
        assert_eq!(granted("permissions: {", "image"), None);
    }
}
