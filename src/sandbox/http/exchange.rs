//! One request on its way to its answer.

use hyper::{HeaderMap, Method, body::Incoming, header::HOST};

use crate::{model::name::is_loopback_host, sandbox::Control};

/// What an endpoint sees of a request.
pub(super) struct Exchange {
    pub(super) control: Control,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) body: Incoming,
}

impl Exchange {
    /// Returns the first value of a query parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the host that the client calls the registry by, so that the URLs that it gets name the same one.
    pub(super) fn host(&self) -> String {
        match self.header(HOST.as_str()) {
            Some(host) if is_loopback_host(host) => host.to_owned(),
            _ => self.control.host(),
        }
    }
}

/// Splits a query into its decoded parameters.
pub(super) fn parse_query(query: Option<&str>) -> Vec<(String, String)> {
    let Some(query) = query else { return Vec::new() };
    match reqwest::Url::parse(&format!("http://localhost/?{query}")) {
        Ok(url) => url.query_pairs().into_owned().collect(),
        Err(_) => Vec::new(),
    }
}
