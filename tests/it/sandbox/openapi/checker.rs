//! Asks the sandbox and holds each answer against the description.

use std::collections::{BTreeMap, BTreeSet};

use ghcr_lifecycle::sandbox::{Sandbox, endpoints};
use reqwest::{Client, Method};
use serde_json::Value;

use super::{
    super::support::{TOKEN, client},
    description::{Description, Said},
};

/// A status that occurs though the description does not have it.
struct Known {
    status: u16,
    /// The method; empty for all.
    method: &'static str,
    /// How the template ends.
    template: &'static str,
    /// How the message begins, one of these.
    messages: &'static [&'static str],
    /// Where that is known from: a section of the field guide to GHCR, or another operation of the description.
    source: &'static str,
}

const KNOWN: &[Known] = &[
    Known {
        status: 401,
        method: "",
        template: "",
        messages: &["Bad credentials", "Requires authentication"],
        source: "A3: a bad token, or none where one is needed",
    },
    Known {
        status: 403,
        method: "",
        template: "",
        messages: &["API rate limit exceeded for ", "You have exceeded a secondary rate limit."],
        source: "B3: both limits answer 403 or 429",
    },
    Known {
        status: 403,
        method: "",
        template: "",
        messages: &["Resource not accessible by ", "Resource protected by organization SAML", "You need at least "],
        source: "A3 and A5: missing permissions, scopes, SAML; A1: 403 happens where only 200 is documented",
    },
    Known {
        status: 429,
        method: "",
        template: "",
        messages: &["You have exceeded a secondary rate limit."],
        source: "B3: both limits answer 403 or 429",
    },
    Known {
        status: 404,
        method: "",
        template: "",
        messages: &["Not Found", "Package not found.", "Package version not found."],
        source: "A3: what is unknown or not to be seen; A1: 404 happens where only 200 is documented",
    },
    Known {
        status: 400,
        method: "DELETE",
        template: "/{package_version_id}",
        messages: &[
            "You cannot delete the last tagged version",
            "Publicly visible package versions with more than 5000",
        ],
        source: "A3: the last tagged version, and more than 5,000 downloads",
    },
    Known {
        status: 400,
        method: "DELETE",
        template: "/{package_name}",
        messages: &["Publicly visible packages with more than 5000"],
        source: "A3: the rule is documented for package and version",
    },
    Known {
        status: 400,
        method: "GET",
        template: "/versions",
        messages: &["Invalid argument."],
        source: "A1: `state` has two values; A3: the words for an argument that the packages API does not take",
    },
    Known {
        status: 400,
        method: "",
        template: "",
        messages: &["Problems parsing JSON", "Body should be a JSON object"],
        source: "documented for `POST …/issues`",
    },
    Known {
        status: 422,
        method: "",
        template: "",
        messages: &["Validation Failed"],
        source: "documented for `POST …/issues` and `POST …/dispatches`",
    },
];

/// A request to an endpoint.
#[derive(Clone)]
pub(super) struct Ask<'a> {
    method: &'a str,
    template: &'a str,
    names: Vec<(&'a str, String)>,
    query: &'a str,
    token: &'a str,
    body: &'a str,
    agent: &'a str,
}

impl<'a> Ask<'a> {
    /// Asks with the sandbox's own token for what the checker's names say.
    pub(super) fn new(method: &'a str, template: &'a str) -> Self {
        Self { method, template, names: Vec::new(), query: "", token: TOKEN, body: "", agent: "test" }
    }

    /// Puts something else in place of a template's name.
    pub(super) fn with(mut self, name: &'a str, value: impl ToString) -> Self {
        self.names.push((name, value.to_string()));
        self
    }

    pub(super) fn query(self, query: &'a str) -> Self {
        Self { query, ..self }
    }

    /// Asks with another token; nothing means nobody.
    pub(super) fn by(self, token: &'a str) -> Self {
        Self { token, ..self }
    }

    pub(super) fn body(self, body: &'a str) -> Self {
        Self { body, ..self }
    }

    pub(super) fn without_agent(self) -> Self {
        Self { agent: "", ..self }
    }
}

pub(super) struct Checker<'a> {
    sandbox: &'a Sandbox,
    client: Client,
    description: Description,
    /// What stands in place of the templates' names unless a request says otherwise.
    names: BTreeMap<&'static str, String>,
    succeeded: BTreeSet<(String, String)>,
    refused: BTreeSet<(String, String)>,
    used: BTreeSet<&'static str>,
    compared: usize,
    problems: Vec<String>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(sandbox: &'a Sandbox, names: BTreeMap<&'static str, String>) -> Self {
        Self {
            sandbox,
            client: client(),
            description: Description::read(),
            names,
            succeeded: BTreeSet::new(),
            refused: BTreeSet::new(),
            used: BTreeSet::new(),
            compared: 0,
            problems: Vec::new(),
        }
    }

    fn path(&self, ask: &Ask<'_>) -> String {
        let mut path = ask.template.to_owned();
        for (name, value) in &ask.names {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        for (name, value) in &self.names {
            path = path.replace(&format!("{{{name}}}"), value);
        }
        assert!(!path.contains('{'), "{path}");
        path + ask.query
    }

    /// Sends a request and compares its answer; it must have this status.
    pub(super) async fn expect(&mut self, ask: Ask<'_>, status: u16) {
        let (method, path) = (Method::from_bytes(ask.method.as_bytes()).unwrap(), self.path(&ask));
        let mut request = self.client.request(method, format!("http://{}{path}", self.sandbox.host()));
        if !ask.agent.is_empty() {
            request = request.header("user-agent", ask.agent);
        }
        if !ask.token.is_empty() {
            request = request.bearer_auth(ask.token);
        }
        let response = request.body(ask.body.to_owned()).send().await.unwrap();
        let got = response.status().as_u16();
        let media_type = response.headers().get("content-type").map(|value| value.to_str().unwrap().to_owned());
        let text = response.text().await.unwrap();
        self.compared += 1;
        let problem = if got == status { self.compare(&ask, got, media_type.as_deref(), &text) } else { Some(text) };
        if let Some(problem) = problem {
            self.problems.push(format!("{} {path}: {got} for {status}: {problem}", ask.method));
        }
        let endpoint = (ask.method.to_owned(), ask.template.to_owned());
        if got < 300 {
            self.succeeded.insert(endpoint)
        } else {
            self.refused.insert(endpoint)
        };
    }

    fn compare(&mut self, ask: &Ask<'_>, status: u16, media_type: Option<&str>, text: &str) -> Option<String> {
        if ask.agent.is_empty() {
            let right = text.starts_with("Request forbidden by administrative rules.") && status == 403;
            return (!right).then(|| text.to_owned());
        }
        if status == 204 {
            let said = self.description.compare(ask.method, ask.template, status, &Value::Null);
            return (said != Ok(Said::WithoutBody) || !text.is_empty()).then(|| format!("{said:?}, {text:?}"));
        }
        if media_type != Some("application/json; charset=utf-8") {
            return Some(format!("its media type is {media_type:?}"));
        }
        let body: Value = serde_json::from_str(text).unwrap();
        let said = match self.description.compare(ask.method, ask.template, status, &body) {
            Ok(said) => said,
            Err(problem) => return Some(problem),
        };
        if status < 300 {
            return (said != Said::Fits).then(|| format!("{said:?}"));
        }
        // The schema of refusals requires none of its fields.
        let message = body["message"].as_str().unwrap_or_default();
        if message.is_empty()
            || body["status"].as_str() != Some(status.to_string().as_str())
            || !body["documentation_url"].is_string()
        {
            return Some(format!("it is no refusal as GitHub words them: {body}"));
        }
        if said == Said::Undocumented && !self.knows(ask, status, message) {
            return Some(format!("the status is neither documented nor known: {message}"));
        }
        self.description.compare_refusal(&body).err()
    }

    fn knows(&mut self, ask: &Ask<'_>, status: u16, message: &str) -> bool {
        let known = KNOWN.iter().find(|known| {
            known.status == status
                && (known.method.is_empty() || known.method == ask.method)
                && ask.template.ends_with(known.template)
                && known.messages.iter().any(|begin| message.starts_with(begin))
        });
        self.used.extend(known.map(|known| known.source));
        known.is_some()
    }

    /// Fails if an answer was wrong, or an endpoint of the router's table was left out.
    pub(super) fn finish(self) {
        let Self { succeeded, refused, used, compared, mut problems, description, .. } = self;
        let table: BTreeSet<(String, String)> =
            endpoints().into_iter().map(|(method, template)| (method.to_owned(), template)).collect();
        for (what, asked) in [("success", &succeeded), ("refusal", &refused)] {
            let differing = table.symmetric_difference(asked);
            problems.extend(differing.map(|endpoint| format!("{what}: {endpoint:?} is missing or in no table")));
        }
        problems.extend(
            table
                .iter()
                .filter(|(method, template)| !description.has(method, template))
                .map(|endpoint| format!("{endpoint:?} is not in the description")),
        );
        let unused = KNOWN.iter().filter(|known| !used.contains(known.source));
        problems.extend(unused.map(|known| format!("no answer is {} any more: {}", known.status, known.source)));
        assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
        println!("{compared} answers of {} endpoints are as the description says", table.len());
    }
}
