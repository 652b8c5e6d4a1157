//! A request that can be sent again, and what came back.

use bytes::Bytes;
use reqwest::{
    Method, Response, StatusCode, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue},
};

/// A request whose body is in memory, so that a retry can send it again.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The address.
    pub url: Url,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, often empty.
    pub body: Bytes,
}

impl Request {
    /// Makes a request without headers and without a body.
    #[must_use]
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Adds credentials, or leaves the request bare.
    #[must_use]
    pub fn with_authorization(mut self, value: Option<HeaderValue>) -> Self {
        if let Some(mut value) = value {
            value.set_sensitive(true);
            self.headers.insert(AUTHORIZATION, value);
        }
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: Bytes) -> Self {
        self.body = body;
        self
    }
}

/// How the body of a successful answer is taken. The body of any other answer is read whole, up to a bound of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// Into memory, at most so many bytes; more is an error.
    Whole(usize),
    /// Not at all: the answer holds the open stream.
    Stream,
}

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The address that answered.
    pub url: Url,
    /// The body, unless it was left in the stream.
    pub body: Bytes,
    /// The open body of a success that was asked for as a stream.
    pub stream: Option<Response>,
}

impl Answer {
    /// Returns a header's value if it is plain text.
    #[must_use]
    pub fn header(&self, name: impl AsRef<str>) -> Option<&str> {
        self.headers.get(name.as_ref()).and_then(|value| value.to_str().ok())
    }

    /// Tells whether the server points elsewhere.
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        matches!(self.status.as_u16(), 301 | 302 | 303 | 307 | 308)
    }
}
