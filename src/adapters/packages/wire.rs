//! The API's objects, as far as they are read.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use crate::{
    model::{Digest, Tag, VersionId},
    ports::{ListedVersion, OwnerKind, PortError, PortErrorKind},
};

/// A user or an organisation.
#[derive(Deserialize)]
pub(super) struct Account {
    #[serde(rename = "type")]
    kind: String,
}

impl Account {
    /// Accounts of other kinds (bots, mannequins) own no packages; the API treats them as users.
    pub(super) fn kind(&self) -> OwnerKind {
        if self.kind == "Organization" { OwnerKind::Organization } else { OwnerKind::User }
    }
}

/// Where a token stands.
#[derive(Deserialize)]
pub(super) struct Standings {
    pub(super) resources: Resources,
}

#[derive(Deserialize)]
pub(super) struct Resources {
    pub(super) core: Standing,
}

#[derive(Deserialize)]
pub(super) struct Standing {
    pub(super) limit: u64,
    pub(super) remaining: u64,
    pub(super) reset: i64,
}

/// Whose a token is.
#[derive(Deserialize)]
pub(super) struct Login {
    pub(super) login: String,
}

#[derive(Deserialize)]
pub(super) struct Package {
    pub(super) visibility: String,
    pub(super) version_count: Option<u64>,
    pub(super) repository: Option<Repository>,
    pub(super) html_url: String,
}

/// A package in a list of an owner's.
#[derive(Deserialize)]
pub(super) struct Named {
    pub(super) name: String,
}

#[derive(Deserialize)]
pub(super) struct Repository {
    pub(super) full_name: String,
}

#[derive(Deserialize)]
pub(super) struct Version {
    id: u64,
    name: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    #[serde(default)]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    container: Option<Container>,
}

#[derive(Deserialize)]
struct Container {
    tags: Vec<String>,
}

impl Version {
    /// Returns the digest as it is written.
    pub(super) fn digest(&self) -> &str {
        &self.name
    }

    pub(super) const fn id(&self) -> VersionId {
        VersionId::new(self.id)
    }

    /// Reads a version. One whose tags cannot be known is an error: it would count as untagged.
    pub(super) fn read(self, operation: &str) -> Result<ListedVersion, PortError> {
        let Self { id, name, created_at, updated_at, metadata } = self;
        let wrong = |detail: String| PortError::new(PortErrorKind::Malformed, operation, detail);
        let digest = name.parse::<Digest>().map_err(|error| wrong(format!("version {id}: {error}")))?;
        let container = metadata.and_then(|metadata| metadata.container);
        let Some(Container { tags }) = container else {
            return Err(wrong(format!("version {id} has no list of tags")));
        };
        let tags = tags.iter().map(|tag| tag.parse::<Tag>().map_err(|error| wrong(format!("version {id}: {error}"))));
        let tags = tags.collect::<Result<BTreeSet<Tag>, PortError>>()?;
        Ok(ListedVersion { id: VersionId::new(id), digest, tags, created_at, updated_at })
    }
}
