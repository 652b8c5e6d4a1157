//! What labels say of the source repository.

/// A repository's facts, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositoryFacts {
    /// Its name, without the owner.
    pub name: Option<String>,
    /// The page of the repository.
    pub html_url: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// The SPDX id of its licence.
    pub license: Option<String>,
    /// Its default branch.
    pub default_branch: Option<String>,
}
