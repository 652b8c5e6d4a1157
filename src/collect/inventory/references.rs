//! What the files that `references` names refer to. Whatever of it cannot be read stops the package.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::ask::known;
use crate::{
    model::{Asked, ImageName, RepositoryName, evidence::Reference, untrusted::shown},
    policy::{references::find, rules::References},
    ports::{FileEntry, PortError, RepositoryReader},
};

/// How many files are read at once.
const AT_ONCE: usize = 10;

/// Reads the references to an image on the default branch and the branches named.
///
/// # Errors
/// If a limit of requests is spent.
pub(super) async fn collect<S: RepositoryReader>(
    source: &S,
    repository: Option<&RepositoryName>,
    wanted: &References,
    image: &ImageName,
) -> Result<Asked<Vec<Reference>>, PortError> {
    let Some(repository) = repository else {
        let problem = "the package is linked to no source repository, and the policy names none";
        return Ok(Asked::Unreadable { problem: problem.to_owned() });
    };
    known(read(source, repository, wanted, image).await)
}

async fn read<S: RepositoryReader>(
    source: &S,
    repository: &RepositoryName,
    wanted: &References,
    image: &ImageName,
) -> Result<Vec<Reference>, PortError> {
    let default = source.default_branch(repository).await?;
    let others: BTreeSet<&String> = wanted.branches.iter().filter(|branch| **branch != default).collect();
    let mut found = BTreeSet::new();
    for branch in [&default].into_iter().chain(others) {
        let files = source.files(repository, branch).await?;
        let files = files.into_iter().filter(|file| wanted.names(&file.path));
        let of_files: Vec<Vec<Reference>> = stream::iter(files)
            .map(|file: FileEntry| async move {
                let bytes = source.file(repository, &file).await?;
                Ok::<_, PortError>(find(&file.path, &String::from_utf8_lossy(&bytes), image))
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let place = |reference: Reference| match *branch == default {
            true => reference,
            false => Reference { place: format!("{} on branch {}", reference.place, shown(branch)), ..reference },
        };
        found.extend(of_files.into_iter().flatten().map(place));
    }
    Ok(found.into_iter().collect())
}
