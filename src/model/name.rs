//! Names of images, of references to them, and of source repositories.

use std::{fmt, str::FromStr};

use super::{Digest, Tag, untrusted::shown};

/// A fully qualified image name, `ghcr.io/owner/name`: a registry host and a repository in it, in lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ImageName {
    registry: String,
    repository: String,
}

/// Text that is no image name or reference.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is no {what}: {problem}")]
pub struct NameError {
    text: String,
    what: &'static str,
    problem: String,
}

impl ImageName {
    /// Returns the registry's host, with its port if it has one.
    #[must_use]
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Returns the repository inside the registry, `owner/name`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// Tells whether `ending` names this image: the whole name, or its last path segments.
    #[must_use]
    pub fn ends_with(&self, ending: &str) -> bool {
        let ending = ending.to_lowercase();
        let whole = self.to_string();
        whole == ending || (!ending.is_empty() && whole.strip_suffix(&ending).is_some_and(|rest| rest.ends_with('/')))
    }

    /// Tells whether the registry is on this machine, where plain HTTP is spoken.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback_host(&self.registry)
    }
}

/// Tells whether `host` (with or without a port) is a loopback address or `localhost`.
#[must_use]
pub fn is_loopback_host(host: &str) -> bool {
    let name = if let Some(rest) = host.strip_prefix('[') {
        rest.split(']').next().unwrap_or_default()
    } else if host.matches(':').count() == 1 {
        host.split(':').next().unwrap_or_default()
    } else {
        host
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn names_a_registry(first: &str) -> bool {
    first.contains(['.', ':']) || first == "localhost"
}

impl FromStr for ImageName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |problem: &str| NameError { text: shown(text), what: "image name", problem: problem.to_owned() };
        let lower = text.trim().to_lowercase();
        let (registry, repository) = match lower.split_once('/') {
            Some((first, rest)) if names_a_registry(first) && !rest.is_empty() => (first, rest),
            _ => return Err(fail("it must begin with its registry, as in `ghcr.io/owner/name`")),
        };
        if repository.contains('@') {
            return Err(fail("a digest belongs to a reference, not to a name"));
        }
        if repository.contains(':') {
            return Err(fail("a tag belongs to a reference, not to a name"));
        }
        if !is_host(registry) {
            return Err(fail("its registry is no host name"));
        }
        if !repository.split('/').all(is_path_segment) {
            return Err(fail(
                "each part of its path is made of letters and digits, joined by `.`, `_`, `__` or any number of `-`",
            ));
        }
        // Docker Hub has two names for itself, and one for the owner of images without an owner.
        let registry = if registry == "index.docker.io" { "docker.io" } else { registry };
        let repository = match repository {
            official if registry == "docker.io" && !official.contains('/') => format!("library/{official}"),
            whole => whole.to_owned(),
        };
        if repository.len() > MAX_REPOSITORY_LENGTH {
            return Err(fail("its path is longer than 255 characters"));
        }
        Ok(Self { registry: registry.to_owned(), repository })
    }
}

/// The longest path that registries take, in characters.
const MAX_REPOSITORY_LENGTH: usize = 255;

/// Tells whether `text` is a host name or an IPv4 address, with or without a port.
fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "0"));
    let is_label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.split('.').all(is_label) && !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit())
}

/// Tells whether `text` fits `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
/// ([distribution spec](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests)).
///
/// By hand: the regular expression that other implementations use costs more memory than all else that tagging does.
fn is_path_segment(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(is_word)
        && text.ends_with(is_word)
        && text
            .split(is_word)
            .all(|joint| matches!(joint, "" | "." | "_" | "__") || joint.bytes().all(|byte| byte == b'-'))
}

impl fmt::Display for ImageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.registry, self.repository)
    }
}

impl fmt::Debug for ImageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// How a manifest is asked for: by tag or by digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ManifestReference {
    /// By a tag, which may point elsewhere tomorrow.
    Tag(Tag),
    /// By its digest.
    Digest(Digest),
}

impl fmt::Display for ManifestReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(formatter),
            Self::Digest(digest) => digest.fmt(formatter),
        }
    }
}

impl From<Tag> for ManifestReference {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

impl From<Digest> for ManifestReference {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}

/// An image in a registry: `ghcr.io/owner/name:tag`, `…@sha256:…`, or both (the digest then decides).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageReference {
    /// Which image.
    pub name: ImageName,
    /// Which of its manifests.
    pub manifest: ManifestReference,
}

impl FromStr for ImageReference {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |problem: String| NameError { text: shown(text), what: "image reference", problem };
        let trimmed = text.trim();
        let (name_and_tag, digest) = match trimmed.split_once('@') {
            Some((left, right)) => (left, Some(right.parse::<Digest>().map_err(|error| fail(error.to_string()))?)),
            None => (trimmed, None),
        };
        let (name, tag) = match name_and_tag.rsplit_once(':') {
            Some((left, right)) if !right.contains('/') && left.contains('/') => {
                (left, Some(right.parse::<Tag>().map_err(|error| fail(error.to_string()))?))
            }
            _ => (name_and_tag, None),
        };
        let name = name.parse::<ImageName>().map_err(|error| fail(error.problem))?;
        let manifest = match (digest, tag) {
            (Some(digest), _) => digest.into(),
            (None, Some(tag)) => tag.into(),
            (None, None) => {
                return Err(fail("say which tag or digest, as in `ghcr.io/owner/name:tag`".into()));
            }
        };
        Ok(Self { name, manifest })
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = match self.manifest {
            ManifestReference::Tag(_) => ':',
            ManifestReference::Digest(_) => '@',
        };
        write!(formatter, "{}{separator}{}", self.name, self.manifest)
    }
}

/// A source repository on GitHub, `owner/name`, in the case it was written in.
#[derive(Clone, Debug)]
pub struct RepositoryName {
    owner: String,
    name: String,
}

impl RepositoryName {
    /// Returns the login of the user or organisation.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Returns the repository's name without its owner.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// GitHub compares owners and names without regard to case.
impl PartialEq for RepositoryName {
    fn eq(&self, other: &Self) -> bool {
        self.owner.eq_ignore_ascii_case(&other.owner) && self.name.eq_ignore_ascii_case(&other.name)
    }
}

impl Eq for RepositoryName {}

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = |part: &str| {
            !part.is_empty()
                && part != "."
                && part != ".."
                && part.len() <= 100
                && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
        };
        match text.split_once('/') {
            Some((owner, name)) if valid(owner) && valid(name) => {
                Ok(Self { owner: owner.to_owned(), name: name.to_owned() })
            }
            _ => Err(NameError { text: shown(text), what: "repository", problem: "expected `owner/name`".to_owned() }),
        }
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.owner, self.name)
    }
}
