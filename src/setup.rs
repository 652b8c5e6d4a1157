//! Wires mode `init`: what the repository shows, what its packages hold, and the file that comes of it.

use std::{collections::BTreeMap, path::Path};

use ghcr_lifecycle::{
    adapters::{
        git::LocalClone,
        http::HttpClient,
        runner::{self, ThisRun, new_file, work_tree},
    },
    app::{
        Finished,
        init::{self, Initial, Project},
    },
    error::Error,
    event::Context,
    inputs::{Inputs, PolicyInput},
};

use crate::{clean, workspace};

/// Proposes a policy and writes its file, or shows it.
pub(crate) async fn init(
    inputs: &Inputs,
    variables: &BTreeMap<String, String>,
    context: &Context,
    run: &ThisRun,
    http: HttpClient,
) -> Result<Finished, Error> {
    let path = match &inputs.policy {
        PolicyInput::Path(path) => path,
        PolicyInput::Text(_) => {
            return Err(Error::input("mode `init` writes a policy, and input `policy` is one")
                .with_hint("name the path of the file that it is to write"));
        }
    };
    let place = workspace(inputs).join(path);
    let is_written = inputs.cleanup.dry_run != Some(true);
    if is_written && new_file::exists(&place) {
        return Err(Error::input(format!("`{path}` exists already, and `init` never overwrites a policy"))
            .with_hint("`--dry-run true` shows what it would write; `--policy PATH` writes another file")
            .with_hint("`ghcr-lifecycle check` shows what the policy that is there does"));
    }
    let project = project(inputs, context)?;
    let proposal = init::propose(&project)?;
    let holdings = if inputs.github_token.is_some() {
        let packages = clean::packages(inputs, variables, http, run)?;
        init::holdings(&proposal, &inputs.ghcr_host, &packages).await
    } else {
        tracing::info!("without GITHUB_TOKEN nothing is known of what the packages hold now");
        Vec::new()
    };
    let now = inputs.now.unwrap_or_else(runner::now);
    let initial = Initial::of(proposal, holdings, now)?;
    if is_written {
        new_file::write_new(&place, &initial.file)?;
    }
    Ok(initial.finished(path, is_written))
}

/// Looks at the repository.
fn project(inputs: &Inputs, context: &Context) -> Result<Project, Error> {
    let top = workspace(inputs);
    let clone = LocalClone::open(&top)?;
    let survey = clone.as_ref().map(LocalClone::survey).unwrap_or_default();
    let ignores = |path: &Path| clone.as_ref().is_some_and(|clone| clone.ignores(path));
    if let Some(root) = &survey.top
        && !work_tree::is_same_folder(root, &top)
    {
        return Err(Error::input("this is no repository's root: workflows and the policy are looked for below it")
            .with_hint(format!(
                "run it in `{}`",
                ghcr_lifecycle::model::untrusted::shown(&root.display().to_string())
            )));
    }
    let files = work_tree::matching_files(&top, |path| is_workflow(path) || is_dockerfile(path), ignores)?;
    let dockerfiles = files.keys().filter(|path| is_dockerfile(path)).cloned().collect();
    let images = match &inputs.image {
        None => Vec::new(),
        Some(name) => vec![name.parse().map_err(|_| {
            Error::input(format!("input `image`: `{name}` is no name of an image in full"))
                .with_hint(format!("write it with its registry, as in `{}/owner/name`", inputs.ghcr_host))
        })?],
    };
    let of_remote = || survey.repository().and_then(|name| name.parse().ok());
    Ok(Project {
        images,
        repository: context.repository.clone().or_else(of_remote),
        ghcr_host: inputs.ghcr_host.clone(),
        default_branch: survey.default_branch,
        branches: survey.branches,
        tags: survey.tags,
        workflows: files.into_iter().filter(|(path, _)| is_workflow(path)).collect(),
        dockerfiles,
    })
}

fn is_workflow(path: &str) -> bool {
    path.strip_prefix(".github/workflows/")
        .is_some_and(|name| !name.contains('/') && (name.ends_with(".yml") || name.ends_with(".yaml")))
}

fn is_dockerfile(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_one =
        |word: &str| name == word || name.starts_with(&format!("{word}.")) || name.ends_with(&format!(".{word}"));
    is_one("Dockerfile") || is_one("Containerfile")
}
