//! Which credentials a registry may see. A secret goes to the host that it was given for, and to nobody else.

use std::collections::BTreeMap;

use reqwest::Url;

use super::DockerConfig;
use crate::{
    adapters::http::host_and_port,
    model::{Secret, name::is_loopback_host},
};

/// The credentials that the inputs give.
#[derive(Clone, Debug, Default)]
pub struct CredentialOptions {
    /// The token for `ghcr_host`, and for no other host.
    pub github_token: Option<Secret>,
    /// The host of GHCR, with its port if it has one: `ghcr.io`, or `containers.HOST` on GHES.
    pub ghcr_host: String,
    /// The root of GitHub's web pages (`GITHUB_SERVER_URL`), for the settings that messages tell to open; by default the
    /// public ones.
    pub server_url: String,
    /// The login for the one registry that an input names.
    pub basic: Option<BasicFor>,
    /// Further logins, user name and password by host.
    pub registries: BTreeMap<String, (String, Secret)>,
    /// What the docker configuration file says; the inputs go before it.
    pub docker: DockerConfig,
}

/// A login for one registry.
#[derive(Clone, Debug)]
pub struct BasicFor {
    /// The registry's host, with its port if it has one.
    pub registry: String,
    /// The user name.
    pub username: String,
    /// The password.
    pub password: Secret,
}

/// What a registry's host may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Login {
    /// Nothing.
    Anonymous,
    /// The GitHub token: only ever for GHCR's own host.
    GithubToken(Secret),
    /// A user name and a password.
    Basic { username: String, password: Secret },
}

impl CredentialOptions {
    /// Returns the login for a registry's host, as image names say it.
    pub(super) fn login(&self, registry: &str) -> Login {
        let Self { github_token, ghcr_host, server_url: _, basic, registries, docker } = self;
        let same = |host: &str| canonical(host) == canonical(registry);
        if let Some(BasicFor { registry: _, username, password }) = basic.as_ref().filter(|basic| same(&basic.registry))
        {
            return Login::Basic { username: username.clone(), password: password.clone() };
        }
        if let Some((_, (username, password))) = registries.iter().find(|(host, _)| same(host)) {
            return Login::Basic { username: username.clone(), password: password.clone() };
        }
        match github_token {
            Some(token) if same(ghcr_host) => Login::GithubToken(token.clone()),
            Some(_) | None => match docker.login(registry) {
                Some((username, password)) => Login::Basic { username: username.clone(), password: password.clone() },
                None => Login::Anonymous,
            },
        }
    }

    /// Tells whether a host is GHCR's.
    pub(super) fn is_ghcr(&self, registry: &str) -> bool {
        canonical(&self.ghcr_host) == canonical(registry)
    }
}

/// Spells a registry's host in one way: lower case, and Docker Hub by the name that image references give it.
pub(super) fn canonical(host: &str) -> String {
    match host.trim().to_ascii_lowercase().as_str() {
        "index.docker.io" | "registry-1.docker.io" => "docker.io".to_owned(),
        other => other.to_owned(),
    }
}

/// Returns the host that serves the API for a registry.
pub(super) fn api_host(registry: &str) -> String {
    match canonical(registry).as_str() {
        "docker.io" => "registry-1.docker.io".to_owned(),
        other => other.to_owned(),
    }
}

/// Checks that a registry may send us, or what we carry, to another address: TLS, or this machine to itself.
pub(super) fn may_follow(from: &Url, to: &Url) -> Result<(), String> {
    let loopback = |url: &Url| url.host_str().is_some_and(is_loopback_host);
    match to.scheme() {
        "https" => Ok(()),
        "http" if loopback(from) && loopback(to) => Ok(()),
        "http" => Err(format!("{} is to be asked over plain http", host_and_port(to))),
        _ => Err("the address is neither http nor https".to_owned()),
    }
}

impl Login {
    /// Checks that this login may be sent to a token endpoint that `registry` names.
    pub(super) fn may_go_to(&self, registry: &Url, realm: &Url) -> Result<(), String> {
        may_follow(registry, realm)?;
        if !realm.username().is_empty() || realm.password().is_some() {
            return Err("the token endpoint's address holds a login".to_owned());
        }
        match self {
            Self::GithubToken(_)
                if host_and_port(realm) != host_and_port(registry) || realm.scheme() != registry.scheme() =>
            {
                Err(format!(
                    "the token endpoint is on {}, and the GitHub token is for {} only",
                    host_and_port(realm),
                    host_and_port(registry)
                ))
            }
            Self::Anonymous | Self::GithubToken(_) | Self::Basic { .. } => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text).unwrap()
    }

    fn options() -> CredentialOptions {
        CredentialOptions {
            github_token: Some(secret("token")),
            ghcr_host: "ghcr.io".to_owned(),
            server_url: "https://github.com".to_owned(),
            basic: Some(BasicFor { registry: "quay.io".to_owned(), username: "u".to_owned(), password: secret("p") }),
            registries: BTreeMap::from([("docker.io".to_owned(), ("hub".to_owned(), secret("h")))]),
            docker: DockerConfig::parse(
                br#"{"auths": {"docker.io": {"username": "d", "password": "d"}, "lscr.io": {"username": "l", "password": "l"}}}"#,
            )
            .unwrap(),
        }
    }

    #[test]
    fn each_host_sees_only_what_is_its_own() {
        let options = options();
        assert_eq!(options.login("ghcr.io"), Login::GithubToken(secret("token")));
        assert_eq!(options.login("quay.io"), Login::Basic { username: "u".to_owned(), password: secret("p") });
        assert_eq!(options.login("docker.io"), Login::Basic { username: "hub".to_owned(), password: secret("h") });
        assert_eq!(options.login("lscr.io"), Login::Basic { username: "l".to_owned(), password: secret("l") });
        for host in ["ghcr.io:444", "ghcr.io.evil.example", "evilghcr.io", "quay.io:443", "127.0.0.1:5000", "", "io"] {
            assert_eq!(options.login(host), Login::Anonymous, "{host}");
        }
    }

    #[test]
    fn docker_hub_has_several_names() {
        assert_eq!(api_host("docker.io"), "registry-1.docker.io");
        assert_eq!(options().login("index.docker.io"), options().login("docker.io"));
        assert_eq!(api_host("ghcr.io"), "ghcr.io");
    }

    #[test]
    fn realms_are_https_except_on_this_machine() {
        let may = |login: &Login, registry: &str, realm: &str| {
            login.may_go_to(&registry.parse().unwrap(), &realm.parse().unwrap()).is_ok()
        };
        let token = Login::GithubToken(secret("t"));
        let basic = Login::Basic { username: "u".to_owned(), password: secret("p") };
        assert!(may(&token, "https://ghcr.io/v2/", "https://ghcr.io/token"));
        assert!(!may(&token, "https://ghcr.io/v2/", "https://ghcr.io.evil.example/token"));
        assert!(!may(&token, "https://ghcr.io/v2/", "https://ghcr.io:8443/token"));
        assert!(!may(&token, "https://ghcr.io/v2/", "http://ghcr.io/token"));
        assert!(may(&token, "http://127.0.0.1:5000/v2/", "http://127.0.0.1:5000/token"));
        assert!(!may(&token, "http://127.0.0.1:5000/v2/", "http://127.0.0.1:5001/token"));
        assert!(may(&basic, "https://registry-1.docker.io/v2/", "https://auth.docker.io/token"));
        assert!(!may(&basic, "https://registry-1.docker.io/v2/", "http://auth.docker.io/token"));
        assert!(!may(&basic, "https://quay.io/v2/", "http://127.0.0.1:9/token"));
        assert!(!may(&basic, "https://quay.io/v2/", "file:///etc/passwd"));
        assert!(!may(&basic, "https://quay.io/v2/", "https://user:pw@quay.io/token"));
    }
}
