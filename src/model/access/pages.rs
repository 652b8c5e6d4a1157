//! The addresses of settings pages, which differ between users and organisations.

use super::OwnerKind;
use crate::model::{ImageName, RepositoryName};

/// What the addresses of settings pages are made of.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pages<'a> {
    /// The root of the web pages (`GITHUB_SERVER_URL`).
    pub server: &'a str,
    /// The image whose package it is about.
    pub image: Option<&'a ImageName>,
    /// What kind of account owns it, once that is known.
    pub owner: Option<OwnerKind>,
    /// The source repository of the run.
    pub repository: Option<&'a RepositoryName>,
}

impl<'a> Pages<'a> {
    /// Makes the pages of a server, without a package.
    #[must_use]
    pub const fn of(server: &'a str) -> Self {
        Self { server, image: None, owner: None, repository: None }
    }

    fn below(&self, path: &str) -> String {
        format!("{}/{path}", self.server.trim_end_matches('/'))
    }

    /// Returns the page of one's own tokens.
    #[must_use]
    pub fn tokens(&self) -> String {
        self.below("settings/tokens")
    }

    /// Returns the page that makes a classic token with these scopes.
    #[must_use]
    pub fn new_token(&self, scopes: &[&str]) -> String {
        self.below(&format!("settings/tokens/new?scopes={}", scopes.join(",")))
    }

    /// Returns the owner of the package, as its name has it.
    fn login(&self) -> Option<&'a str> {
        Some(self.image?.repository().split_once('/')?.0)
    }

    /// Returns the page of the owner.
    #[must_use]
    pub fn account(&self) -> Option<String> {
        Some(self.below(self.login()?))
    }

    /// Returns the page of the package's settings. Where the kind of its owner is not known, it says what to write for the
    /// other.
    #[must_use]
    pub fn package_settings(&self) -> Option<String> {
        let (login, name) = self.image?.repository().split_once('/')?;
        // Slashes are all that a name has and one segment of a path has not.
        let tail = format!("{login}/packages/container/{}/settings", name.replace('/', "%2F"));
        Some(match self.owner {
            Some(OwnerKind::User) => self.below(&format!("users/{tail}")),
            Some(OwnerKind::Organization) => self.below(&format!("orgs/{tail}")),
            None => format!("{} (`users` for `orgs` if `{login}` is a user)", self.below(&format!("orgs/{tail}"))),
        })
    }

    /// Returns the page on which an organisation says who may make packages.
    #[must_use]
    pub fn package_creation(&self) -> Option<String> {
        Some(self.below(&format!("organizations/{}/settings/packages", self.login()?)))
    }

    /// Returns the page of the source repository's settings for workflows.
    #[must_use]
    pub fn workflow_settings(&self) -> Option<String> {
        Some(self.below(&format!("{}/settings/actions", self.repository?)))
    }

    /// Returns the page of the secrets that Dependabot's runs get.
    #[must_use]
    pub fn dependabot_secrets(&self) -> Option<String> {
        Some(self.below(&format!("{}/settings/secrets/dependabot", self.repository?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_organisations_have_other_addresses() {
        let image: ImageName = "ghcr.io/acme/charts/web".parse().expect("a name");
        let pages = Pages { image: Some(&image), ..Pages::of("https://github.example/") };
        let settings = |owner| Pages { owner, ..pages }.package_settings().expect("a package");
        let tail = "acme/packages/container/charts%2Fweb/settings";
        assert_eq!(settings(Some(OwnerKind::User)), format!("https://github.example/users/{tail}"));
        assert_eq!(settings(Some(OwnerKind::Organization)), format!("https://github.example/orgs/{tail}"));
        assert_eq!(
            settings(None),
            format!("https://github.example/orgs/{tail} (`users` for `orgs` if `acme` is a user)")
        );
        assert_eq!(
            pages.new_token(&["read:packages"]),
            "https://github.example/settings/tokens/new?scopes=read:packages"
        );
    }
}
