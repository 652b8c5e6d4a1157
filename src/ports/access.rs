//! What can be read of a token's rights, without changing anything.

use std::{collections::BTreeSet, future::Future};

use chrono::{DateTime, Utc};

use super::PortError;
use crate::model::{ImageName, OwnerKind, RateLimit, RepositoryName};

/// What the API says of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFacts {
    /// Its scopes, if it is of a kind that has some.
    pub scopes: Option<BTreeSet<String>>,
    /// Where it stands in its hour; `None` on a server without limits.
    pub limit: Option<RateLimit>,
    /// When the API answered, by its own clock.
    pub answered_at: DateTime<Utc>,
}

/// What of a source repository a job's token needs a permission for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepositoryPart {
    /// `contents: read`.
    Contents,
    /// `pull-requests: read`.
    PullRequests,
}

/// Finds out what a token may do, by reads alone.
pub trait AccessReader: Sync {
    /// Asks what the token is to the API; this costs nothing of its hour.
    fn token(&self) -> impl Future<Output = Result<TokenFacts, PortError>> + Send;

    /// Asks whose the token is. `None` if it is nobody's, as that of a job.
    fn login(&self) -> impl Future<Output = Result<Option<String>, PortError>> + Send;

    /// Finds out what kind of account owns an image.
    fn owner(&self, image: &ImageName) -> impl Future<Output = Result<OwnerKind, PortError>> + Send;

    /// Tries to list an image's deleted versions.
    fn try_deleted_versions(&self, image: &ImageName) -> impl Future<Output = Result<(), PortError>> + Send;

    /// Tries to read a part of a source repository.
    fn try_repository(
        &self,
        repository: &RepositoryName,
        part: RepositoryPart,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}
