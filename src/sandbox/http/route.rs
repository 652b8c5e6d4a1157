//! Paths of the distribution API, and the grammar of repository names.

/// The longest repository name, in characters; the distribution spec says that many clients allow 255 with the host.
const MAX_NAME_LENGTH: usize = 255;

/// An endpoint of a repository.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Endpoint<'a> {
    Manifest(&'a str),
    Tags,
    Referrers(&'a str),
    Blob(&'a str),
    Uploads,
    Upload(&'a str),
}

/// Where a path leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Base,
    Token,
    Storage(&'a str),
    Repository(&'a str, Endpoint<'a>),
    Unknown,
}

impl<'a> Route<'a> {
    pub(super) fn parse(path: &'a str) -> Self {
        match path {
            "/token" => return Self::Token,
            "/v2" | "/v2/" => return Self::Base,
            _ => {}
        }
        if let Some(digest) = path.strip_prefix(super::storage::PATH) {
            return Self::Storage(digest);
        }
        match path.strip_prefix("/v2/").and_then(endpoint) {
            Some((name, endpoint)) => Self::Repository(name, endpoint),
            None => Self::Unknown,
        }
    }
}

/// Decodes a path: some clients write a digest's colon as `%3A`. What cannot be decoded stays, and names nothing then.
pub(super) fn decode(path: &str) -> String {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let digit = |place: usize| after.get(place).and_then(|byte| char::from(*byte).to_digit(16));
        let value = digit(0).zip(digit(1)).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
        match (first, value) {
            (b'%', Some(value)) => {
                decoded.push(value);
                rest = &after[2..];
            }
            _ => {
                decoded.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| path.to_owned())
}

/// Splits from the right: a repository may itself be called `manifests` or `blobs`.
fn endpoint(path: &str) -> Option<(&str, Endpoint<'_>)> {
    if let Some(name) = path.strip_suffix("/tags/list") {
        return Some((name, Endpoint::Tags));
    }
    if let Some(name) = path.strip_suffix("/blobs/uploads/").or_else(|| path.strip_suffix("/blobs/uploads")) {
        return Some((name, Endpoint::Uploads));
    }
    let (rest, last) = path.rsplit_once('/')?;
    if let Some(name) = rest.strip_suffix("/manifests") {
        Some((name, Endpoint::Manifest(last)))
    } else if let Some(name) = rest.strip_suffix("/referrers") {
        Some((name, Endpoint::Referrers(last)))
    } else if let Some(name) = rest.strip_suffix("/blobs/upload").or_else(|| rest.strip_suffix("/blobs/uploads")) {
        Some((name, Endpoint::Upload(last)))
    } else {
        rest.strip_suffix("/blobs").map(|name| (name, Endpoint::Blob(last)))
    }
}

/// Tells whether the distribution spec's grammar allows a repository name.
pub(super) fn is_valid_name(name: &str) -> bool {
    name.len() <= MAX_NAME_LENGTH && name.split('/').all(is_valid_component)
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_valid_component(component: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    component.starts_with(word)
        && component.ends_with(word)
        && component
            .split(word)
            .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_grammar() {
        for valid in ["a/b", "acme/charts/shop", "a1", "a.b/c_d/e__f/g---h", "manifests/blobs"] {
            assert!(is_valid_name(valid), "{valid}");
        }
        for invalid in ["", "A/b", "a//b", "/a", "a/", "a..b", "a___b", "-a", "a-", "a._b", "a b", "ä/b"] {
            assert!(!is_valid_name(invalid), "{invalid}");
        }
    }

    #[test]
    fn names_may_look_like_endpoints() {
        let path = "/v2/manifests/blobs/manifests/v1";
        assert_eq!(Route::parse(path), Route::Repository("manifests/blobs", Endpoint::Manifest("v1")));
        assert_eq!(Route::parse("/v2/a/b/blobs/uploads/"), Route::Repository("a/b", Endpoint::Uploads));
        assert_eq!(Route::parse("/v2/a/b/blobs/upload/7"), Route::Repository("a/b", Endpoint::Upload("7")));
        assert_eq!(Route::parse("/v2/_catalog"), Route::Unknown);
    }

    #[test]
    fn paths_are_decoded_once() {
        for (path, decoded) in [("/v2/a%2Fb", "/v2/a/b"), ("%3a%253A", ":%3A"), ("100%", "100%"), ("%zz%f", "%zz%f")] {
            assert_eq!(decode(path), decoded);
        }
        assert_eq!(decode("/%ff"), "/%ff");
    }
}
