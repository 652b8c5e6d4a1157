//! The docker configuration file as a source of logins: what `docker login` and `podman login` leave in `auths`. Programs
//! that keep logins elsewhere (credential helpers) are not run.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde::Deserialize;

use super::credentials::canonical;
use crate::model::Secret;

/// What the file says, by the host of the registry.
#[derive(Clone, Debug, Default)]
pub struct DockerConfig {
    logins: BTreeMap<String, (String, Secret)>,
    /// Hosts whose logins are not in the file, or are no passwords.
    elsewhere: BTreeSet<String>,
    /// Whether a program keeps all that the file does not.
    has_store: bool,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct File {
    auths: BTreeMap<String, Auth>,
    creds_store: String,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Auth {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

impl DockerConfig {
    /// Reads the file's text. No message holds anything of its values: any of them may be a secret.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let File { auths, creds_store, cred_helpers } = serde_json::from_slice(bytes).map_err(|error| {
            format!("it is no configuration of docker (line {}, column {})", error.line(), error.column())
        })?;
        let mut config = Self { has_store: !creds_store.is_empty(), ..Self::default() };
        config.elsewhere.extend(cred_helpers.keys().filter_map(|key| host(key)));
        for (key, Auth { auth, username, password, identitytoken }) in auths {
            let Some(host) = host(&key) else { continue };
            let login = if auth.is_empty() { Some((username, password)) } else { decoded(&auth) };
            match login.and_then(|(username, password)| Some((username, Secret::new(&password)?))) {
                Some((username, password)) if !username.is_empty() && identitytoken.is_empty() => {
                    config.logins.insert(host, (username, password));
                }
                // An entry without a login says that somebody else has it.
                _ => {
                    config.elsewhere.insert(host);
                }
            }
        }
        Ok(config)
    }

    /// Returns the login for a registry's host.
    pub(super) fn login(&self, registry: &str) -> Option<&(String, Secret)> {
        self.logins.get(&canonical(registry))
    }

    /// Tells whether a program has the login for a registry's host, or may have it.
    pub(super) fn is_elsewhere(&self, registry: &str) -> bool {
        let host = canonical(registry);
        !self.logins.contains_key(&host) && (self.has_store || self.elsewhere.contains(&host))
    }
}

/// Returns the host that an entry is for. One for a part of a registry (`ghcr.io/owner`) is for none as a whole.
fn host(key: &str) -> Option<String> {
    let bare = key.trim().trim_start_matches("https://").trim_start_matches("http://");
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    let is_whole = matches!(path.trim_end_matches('/'), "" | "v1" | "v2");
    (is_whole && !host.is_empty()).then(|| canonical(host))
}

fn decoded(auth: &str) -> Option<(String, String)> {
    let bytes = BASE64.decode(auth.trim().trim_end_matches('\0')).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (username, password) = text.trim_end_matches('\0').split_once(':')?;
    Some((username.to_owned(), password.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(config: &DockerConfig, host: &str) -> Option<(String, String)> {
        config.login(host).map(|(username, password)| (username.clone(), password.expose().to_owned()))
    }

    #[test]
    fn logins_are_found_by_the_registrys_host() {
        let text = format!(
            r#"{{"auths": {{"https://index.docker.io/v1/": {{"auth": "{}"}}, "quay.io": {{"username": "q", "password": "s"}},
            "ghcr.io/acme": {{"auth": "{}"}}, "gcr.io": {{"auth": "", "identitytoken": "t"}}}}, "credHelpers": {{"ecr.aws": "ecr"}}}}"#,
            BASE64.encode("hub:pass:word"),
            BASE64.encode("a:b")
        );
        let config = DockerConfig::parse(text.as_bytes()).unwrap();
        let some = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        for name in ["docker.io", "index.docker.io", "registry-1.docker.io"] {
            assert_eq!(login(&config, name), some("hub", "pass:word"));
        }
        assert_eq!(login(&config, "quay.io"), some("q", "s"));
        assert_eq!(login(&config, "ghcr.io"), None);
        assert_eq!(
            ["gcr.io", "ecr.aws", "docker.io", "ghcr.io"].map(|host| config.is_elsewhere(host)),
            [true, true, false, false]
        );
        let stored = DockerConfig::parse(br#"{"auths": {"ghcr.io": {}}, "credsStore": "desktop"}"#).unwrap();
        assert!(stored.is_elsewhere("ghcr.io") && stored.is_elsewhere("quay.io"));
    }

    #[test]
    fn nothing_of_a_broken_file_is_shown() {
        let error = DockerConfig::parse(br#"{"auths": {"ghcr.io": {"auth": 7, "x": "hunter2"}}}"#).unwrap_err();
        assert!(error.contains("line 1") && !error.contains("hunter2"), "{error}");
    }
}
