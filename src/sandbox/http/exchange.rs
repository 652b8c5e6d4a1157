//! One request on its way to its answer.

use hyper::{HeaderMap, Method, body::Incoming, header::HOST};

use crate::{model::name::is_loopback_host, sandbox::Control};

/// What an endpoint sees of a request.
pub(in crate::sandbox) struct Exchange {
    pub(in crate::sandbox) control: Control,
    pub(in crate::sandbox) method: Method,
    pub(in crate::sandbox) path: String,
    pub(in crate::sandbox) query: Vec<(String, String)>,
    pub(in crate::sandbox) headers: HeaderMap,
    pub(in crate::sandbox) body: Incoming,
    /// How many requests to the REST API were under way when this one came, itself included; 0 for the registry's.
    pub(in crate::sandbox) concurrent: usize,
}

impl Exchange {
    /// Returns the first value of a query parameter.
    pub(in crate::sandbox) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(in crate::sandbox) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Returns the host that the client calls the registry by, so that the URLs that it gets name the same one.
    pub(in crate::sandbox) fn host(&self) -> String {
        match self.header(HOST.as_str()) {
            Some(host) if is_loopback_host(host) => host.to_owned(),
            _ => self.control.host(),
        }
    }
}

/// Splits a query into its decoded parameters.
pub(in crate::sandbox) fn parse_query(query: Option<&str>) -> Vec<(String, String)> {
    let Some(query) = query else { return Vec::new() };
    match reqwest::Url::parse(&format!("http://localhost/?{query}")) {
        Ok(url) => url.query_pairs().into_owned().collect(),
        Err(_) => Vec::new(),
    }
}
