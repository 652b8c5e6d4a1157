//! What a clone shows of its project.

use std::path::PathBuf;

/// The refs and the remote of a clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloneSurvey {
    /// The folder of the work tree.
    pub top: Option<PathBuf>,
    /// Where `origin` is, else the first remote.
    pub remote: Option<String>,
    /// The default branch: of `origin`, else `main` or `master`, else what is checked out.
    pub default_branch: Option<String>,
    /// The branches, here and at `origin`, by name.
    pub branches: Vec<String>,
    /// The git tags, the oldest commit first.
    pub tags: Vec<String>,
}

impl CloneSurvey {
    /// Returns `owner/name` as the remote's address ends, whether it is written as a URL or as ssh has it.
    #[must_use]
    pub fn repository(&self) -> Option<String> {
        let remote = self.remote.as_deref()?.trim().trim_end_matches('/');
        let path = match remote.split_once("://") {
            Some((_, rest)) => rest.split_once('/')?.1,
            None => remote.split_once(':')?.1,
        };
        let path = path.trim_start_matches('/').strip_suffix(".git").unwrap_or(path.trim_start_matches('/'));
        let mut parts = path.rsplit('/');
        let (name, owner) = (parts.next()?, parts.next()?);
        Some(format!("{owner}/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::CloneSurvey;

    #[test]
    fn a_remote_tells_the_repository() {
        for (remote, expected) in [
            ("https://github.com/acme/shop.git", Some("acme/shop")),
            ("https://github.com/acme/shop", Some("acme/shop")),
            ("https://user@github.com/acme/shop/", Some("acme/shop")),
            ("git@github.com:acme/shop.git", Some("acme/shop")),
            ("ssh://git@github.com:22/acme/shop.git", Some("acme/shop")),
            ("/srv/git/shop.git", None),
            ("https://github.com", None),
            ("", None),
        ] {
            let survey = CloneSurvey { remote: Some(remote.to_owned()), ..CloneSurvey::default() };
            assert_eq!(survey.repository().as_deref(), expected, "{remote}");
        }
    }
}
