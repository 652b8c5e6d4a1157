//! Reads inputs by name: each method turns one kind of text into a value, and notes what is wrong with it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{
    DEFAULT_POLICY, DropInInputs, InputErrors, InputMistake, LogLevel, Mode, PolicyInput, listed,
    mistakes::{nearest, quote},
    mode_from,
    modes::{is_read, readers},
    unknown_mode,
};
use crate::{
    model::{ImageName, Secret, name::is_loopback_host},
    policy::promotion::PromoteFrom,
};

/// Modes that are sub-commands only.
const COMMANDS: &[&str] = &["init", "schema", "sandbox"];

/// Reads inputs by name and collects what is wrong with them.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) values: BTreeMap<&'static str, String>,
    pub(super) errors: InputErrors,
}

impl Reader {
    /// The input's value without blanks around it, if there is any.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let value = self.values.get(name)?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    pub(super) fn line(&mut self, name: &'static str) -> Option<String> {
        let value = self.text(name)?;
        if value.chars().any(char::is_control) {
            let message = format!("{} holds control characters", quote(&value));
            self.errors.add(name, message, "give one line of plain text");
            return None;
        }
        Some(value)
    }

    /// The input's lines without blanks around them; empty ones do not count.
    pub(super) fn lines(&mut self, name: &'static str) -> Vec<String> {
        const MOST: usize = 100;
        let text = self.text(name).unwrap_or_default();
        let lines: Vec<String> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        if let Some(line) = lines.iter().find(|line| line.chars().any(char::is_control)) {
            self.errors.add(name, format!("{} holds control characters", quote(line)), "give lines of plain text");
        }
        if lines.len() > MOST {
            self.errors.add(name, format!("it has {} lines", lines.len()), format!("give at most {MOST}"));
        }
        lines
    }

    pub(super) fn promote_from(&mut self) -> Option<PromoteFrom> {
        let value = self.line("promote-from")?;
        match value.parse() {
            Ok(from) => Some(from),
            Err(error) => {
                let nearest = error.nearest.map(|meant| format!("did you mean `{meant}`? ")).unwrap_or_default();
                let hint = format!("{nearest}write `auto`, or the template of a tag, as in `main-{{{{sha}}}}`");
                self.errors.add("promote-from", format!("{}: {}", quote(&value), error.problem), hint);
                None
            }
        }
    }

    pub(super) fn secret(&self, name: &str) -> Option<Secret> {
        Secret::new(self.text(name)?)
    }

    pub(super) fn mode(&mut self) -> Option<Mode> {
        let name = self.text("mode")?;
        if COMMANDS.contains(&name.as_str()) {
            self.errors.add(
                "mode",
                format!("`{name}` is a command, not an input"),
                format!("run `ghcr-lifecycle {name}` at a terminal"),
            );
            return None;
        }
        let mode = mode_from(&name);
        if mode.is_none() {
            self.errors.mistakes.extend(unknown_mode(&name).mistakes);
        }
        mode
    }

    /// Refuses options that the mode does not read: whoever typed them meant something by them.
    pub(super) fn options_of_other_modes(&mut self, mode: Mode, typed: impl Iterator<Item = &'static str>) {
        let mode = mode.name();
        for name in typed.filter(|name| !is_read(mode, name)) {
            let hint = match readers(name).as_slice() {
                [] => "leave it out".to_owned(),
                modes => format!("leave it out; it is for {}", listed(modes)),
            };
            self.errors.add(name, format!("mode `{mode}` does not read it"), hint);
        }
    }

    pub(super) fn policy(&self) -> (PolicyInput, bool) {
        let raw = self.values.get("policy").map(String::as_str).unwrap_or_default();
        if raw.trim().is_empty() {
            return (PolicyInput::Path(DEFAULT_POLICY.to_owned()), false);
        }
        // The blanks before the first key are YAML's indentation, so a document loses only empty lines and its end.
        let text = raw.trim_end().trim_start_matches(['\n', '\r']);
        if text.contains('\n') || text.contains(": ") {
            return (PolicyInput::Text(text.to_owned()), true);
        }
        let path = text.trim_start();
        (PolicyInput::Path(path.to_owned()), path != DEFAULT_POLICY)
    }

    pub(super) fn host(&mut self, name: &'static str) -> Option<String> {
        let value = self.line(name)?.to_lowercase();
        match host_problem(&value) {
            None => Some(value),
            Some(problem) => {
                let hint = "name the host alone, as in `ghcr.io` or `127.0.0.1:5000`";
                self.errors.add(name, format!("{} {problem}", quote(&value)), hint);
                None
            }
        }
    }

    /// Checks that user name, password and the registry that they belong to come together, and returns that registry.
    pub(super) fn credentials(
        &mut self,
        registry: Option<String>,
        username: Option<&str>,
        password: bool,
        image: Option<&str>,
    ) -> Option<String> {
        match (username, password) {
            (None, false) => registry,
            (Some(_), false) => {
                self.errors.add(
                    "username",
                    "a `password` must come with it",
                    "set `password`, or pipe it into `--password-stdin`",
                );
                registry
            }
            (None, true) => {
                self.errors.add("password", "a `username` must come with it", "set `username`");
                registry
            }
            (Some(_), true) => {
                if registry.is_some() || self.errors.mistakes.iter().any(|mistake| mistake.input == Some("registry")) {
                    return registry;
                }
                let named = match image {
                    Some(image) => image.parse::<ImageName>().ok().map(|image| image.registry().to_owned()),
                    None => DropInInputs::registry_of_images(
                        self.values.get("images").map(String::as_str).unwrap_or_default(),
                    ),
                };
                if named.is_none() {
                    self.errors.add(
                        "username",
                        "no input names the registry that it belongs to",
                        "set `registry`, or `image` or `images` in full (`registry.example/owner/name`); for several registries use \
                         `registries`",
                    );
                }
                named
            }
        }
    }

    /// Reads the map of credentials. No message holds anything of its values: any of them may be the secret.
    pub(super) fn registries(&mut self) -> BTreeMap<String, (String, Secret)> {
        const SHAPE: &str = "write JSON: {\"host\": {\"username\": \"…\", \"password\": \"…\"}}";
        let mut registries = BTreeMap::new();
        let Some(text) = self.text("registries") else {
            return registries;
        };
        let document = match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(serde_json::Value::Object(map)) => map,
            Ok(_) => {
                self.errors.add("registries", "it is no map of hosts", SHAPE);
                return registries;
            }
            Err(error) => {
                let message = format!("it is no JSON (line {}, column {})", error.line(), error.column());
                self.errors.add("registries", message, SHAPE);
                return registries;
            }
        };
        for (position, (host, entry)) in document.iter().enumerate() {
            let host = host.trim().to_lowercase();
            if let Some(problem) = host_problem(&host) {
                self.errors.add("registries", format!("the name of entry {} {problem}", position + 1), SHAPE);
                continue;
            }
            let field = |name: &str| entry.get(name).and_then(|value| value.as_str()).map(str::trim);
            let username = field("username").filter(|name| !name.is_empty());
            let password = field("password").and_then(Secret::new);
            let extra = entry.as_object().is_some_and(|entry| entry.len() > 2);
            match (username, password, extra) {
                (Some(username), Some(password), false) => {
                    registries.insert(host, (username.to_owned(), password));
                }
                _ => {
                    let message = format!("entry {} (`{host}`) needs `username` and `password`, alone", position + 1);
                    self.errors.add("registries", message, SHAPE);
                }
            }
        }
        registries
    }

    pub(super) fn time(&mut self, name: &'static str) -> Option<DateTime<Utc>> {
        let value = self.text(name)?;
        let time = DateTime::parse_from_rfc3339(&value).map(|time| time.to_utc());
        if time.is_err() {
            let message = format!("{} is no RFC 3339 time", quote(&value));
            self.errors.add(name, message, "write it as in `2026-03-01T00:00:00Z`");
        }
        time.ok()
    }

    pub(super) fn boolean(&mut self, name: &'static str) -> Option<bool> {
        let value = self.text(name)?;
        match value.to_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                self.errors.add(
                    name,
                    format!("{} is neither true nor false", quote(&value)),
                    "write `true` or `false`",
                );
                None
            }
        }
    }

    pub(super) fn log_level(&mut self) -> LogLevel {
        const NAMES: &[&str] = &["error", "warn", "info", "debug", "trace"];
        let value = self.text("log-level").unwrap_or_default().to_lowercase();
        match value.as_str() {
            "error" => LogLevel::Error,
            "warn" => LogLevel::Warn,
            "" | "info" => LogLevel::Info,
            "debug" => LogLevel::Debug,
            "trace" => LogLevel::Trace,
            _ => {
                let hint = match nearest(&value, NAMES) {
                    Some(near) => format!("did you mean `{near}`? the levels are {}", listed(NAMES)),
                    None => format!("the levels are {}", listed(NAMES)),
                };
                self.errors.add("log-level", format!("{} is no level", quote(&value)), hint);
                LogLevel::Info
            }
        }
    }

    pub(super) fn short_sha_length(&mut self, value: Option<&str>) -> usize {
        let length = value.map_or(Ok(7), str::parse::<usize>);
        match length {
            Ok(length @ 7..=40) => length,
            _ => {
                self.errors.mistakes.push(InputMistake {
                    input: None,
                    message: format!(
                        "DOCKER_METADATA_SHORT_SHA_LENGTH is {}, and a policy needs 7 to 40",
                        quote(value.unwrap_or_default())
                    ),
                    hint: Some("a shorter commit id could not be told from other parts of a tag".to_owned()),
                });
                7
            }
        }
    }

    pub(super) fn api_url(&mut self, value: Option<&str>) -> String {
        let url = value.unwrap_or("https://api.github.com").trim_end_matches('/');
        let secure = url.starts_with("https://");
        let authority = url.strip_prefix("http://").map(|rest| rest.split('/').next().unwrap_or_default());
        let local = authority.is_some_and(|host| !host.contains('@') && is_loopback_host(host));
        if (!secure && !local) || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
            self.errors.mistakes.push(InputMistake {
                input: None,
                message: format!("GITHUB_API_URL is {}, which is no https address", quote(url)),
                hint: Some("the token is sent there, so only a host on this machine may speak http".to_owned()),
            });
        }
        url.to_owned()
    }
}

/// Says what keeps `host` from being a host with an optional port.
fn host_problem(host: &str) -> Option<&'static str> {
    if host.contains("://") {
        return Some("is an address with a scheme");
    }
    if host.contains('/') {
        return Some("has a path");
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '[' | ']');
    (host.is_empty() || !host.chars().all(allowed)).then_some("is no host")
}
