//! What can be read of a token's rights (<https://docs.github.com/en/rest/rate-limit/rate-limit>: free of the hour's limit).

use std::sync::PoisonError;

use chrono::DateTime;

use super::{
    Packages, refusal,
    wire::{Login, Standings},
};
use crate::{
    adapters::{
        github::encode,
        rest::{ApiAnswer, Call},
    },
    model::{ImageName, OwnerKind, Pages, RateLimit, RepositoryName, Right, Trap},
    ports::{AccessReader, PortError, PortErrorKind, RepositoryPart, TokenFacts},
};

impl Packages {
    /// Explains why the API does not even say what the token is.
    fn token_refusal(&self, call: &Call<'_>, answer: &ApiAnswer) -> PortError {
        self.asker.owner_refusal(call, answer, &self.asker.pages())
    }

    /// Tells whether the scopes that answers named so far go far enough to delete versions, and to move tags.
    pub(super) fn scopes_allow(&self, image: &ImageName, pushes: bool) -> Result<(), PortError> {
        let scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let lacks = scopes.and_then(|scopes| refusal::no_scope(self.asker.token, &scopes, Right::Delete));
        match lacks {
            None => Ok(()),
            Some(Trap::NoScope { missing, .. }) if !pushes && missing == ["write:packages"] => Ok(()),
            Some(trap) => {
                let detail = "it would be refused half-way";
                let error = PortError::new(PortErrorKind::Denied, format!("clean up {image}"), detail);
                Err(error.with_trap(trap, &self.asker.pages()))
            }
        }
    }
}

impl AccessReader for Packages {
    async fn token(&self) -> Result<TokenFacts, PortError> {
        let call = Call::get("/rate_limit", "ask what the token is");
        let answer = self.api.send(&call).await?;
        // A server without limits has no such page, and names the scopes all the same.
        let limit = match answer.status.as_u16() {
            404 => None,
            200 => {
                let core = answer.json::<Standings>(&call)?.resources.core;
                DateTime::from_timestamp(core.reset, 0).map(|reset| RateLimit {
                    limit: core.limit,
                    remaining: core.remaining,
                    reset,
                })
            }
            _ => return Err(self.token_refusal(&call, &answer)),
        };
        Ok(TokenFacts { scopes: answer.scopes(), limit, answered_at: answer.answered_at() })
    }

    async fn login(&self) -> Result<Option<String>, PortError> {
        let call = Call::get("/user", "ask whose the token is");
        let answer = self.api.send(&call).await?;
        match answer.status.as_u16() {
            200 => Ok(Some(answer.json::<Login>(&call)?.login)),
            // A job's token, and that of an App, is nobody's.
            403 | 404 => Ok(None),
            _ => Err(self.token_refusal(&call, &answer)),
        }
    }

    async fn owner(&self, image: &ImageName) -> Result<OwnerKind, PortError> {
        Ok(self.place(image).await?.owner)
    }

    async fn try_deleted_versions(&self, image: &ImageName) -> Result<(), PortError> {
        let operation = format!("list the deleted versions of {image}");
        let place = self.place(image).await?;
        let call = Call::get(format!("{}/versions?state=deleted&per_page=1", place.path), &operation);
        let answer = self.api.send(&call).await?;
        if answer.status.is_success() {
            return Ok(());
        }
        Err(self.asker.refusal(&call, &answer, &self.pages(image, &place), Right::Read))
    }

    async fn try_repository(&self, repository: &RepositoryName, part: RepositoryPart) -> Result<(), PortError> {
        let (list, trap) = match part {
            RepositoryPart::Contents => ("branches", Trap::NoContents),
            RepositoryPart::PullRequests => ("pulls", Trap::NoPullRequests),
        };
        let operation = format!("list the {list} of {repository}");
        let (owner, name) = (encode(repository.owner()), encode(repository.name()));
        let call = Call::get(format!("/repos/{owner}/{name}/{list}?per_page=1"), &operation);
        let answer = self.api.send(&call).await?;
        let kind = match answer.status.as_u16() {
            200..=299 => return Ok(()),
            401 => return Err(self.token_refusal(&call, &answer)),
            403 => PortErrorKind::Denied,
            404 => PortErrorKind::NotFound,
            _ => return Err(call.error(PortErrorKind::Malformed, answer.said())),
        };
        let pages = Pages { repository: Some(repository), ..self.asker.pages() };
        Err(call.error(kind, answer.said()).with_trap(trap, &pages))
    }
}
