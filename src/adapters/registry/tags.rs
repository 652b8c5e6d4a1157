//! The tag list: complete, or an error.

use std::collections::HashSet;

use oci_distribution::errors::OciErrorCode;
use reqwest::{Method, Url};
use serde::Deserialize;

use super::{
    RegistryClient,
    authenticator::Scope,
    client::Called,
    location::{location, next_page},
    refusal::{Right, envelope, has_code, words},
    upload::MAX_ANSWER,
};
use crate::{
    adapters::http::{Answer, Request, Take, quoted},
    model::{ImageName, Tag},
    ports::{PortError, PortErrorKind},
};

/// How many tags a page is asked for; GHCR honours it, docker-registry 2.8 sends all at once.
const PAGE: usize = 1000;

/// More pages than any list has that ends.
const MAX_PAGES: usize = 10_000;

/// The largest page that is read, in bytes: some registries send the whole list as one page.
const MAX_PAGE_BYTES: usize = 32 * 1024 * 1024;

/// More tags than are worth holding in memory.
const MAX_TAGS: usize = 2_000_000;

#[derive(Deserialize)]
struct Page {
    /// `null` where there are none; a document without it is no list.
    #[serde(deserialize_with = "Option::deserialize")]
    tags: Option<Vec<String>>,
}

impl RegistryClient {
    pub(super) async fn list_tags(&self, image: &ImageName) -> Result<Vec<Tag>, PortError> {
        let operation = format!("list the tags of {image}");
        let scope = Scope::new(image, Right::Read);
        let first = Request::new(Method::GET, self.url(&operation, image, &format!("tags/list?n={PAGE}"))?);
        let called = match self.call(&operation, &scope, &first, Take::Whole(MAX_PAGE_BYTES)).await {
            Ok(called) => called,
            Err(error) if error.kind == PortErrorKind::Denied => {
                return self.empty_if_writable(&operation, image, error).await;
            }
            Err(error) => return Err(error),
        };
        let Called { answer, authenticated } = called;
        match answer.status.as_u16() {
            200 => self.further_pages(&operation, &scope, answer).await,
            404 if has_code(
                &answer,
                &[OciErrorCode::NameUnknown, OciErrorCode::NotFound, OciErrorCode::ManifestUnknown],
            ) =>
            {
                if authenticated {
                    return Ok(Vec::new());
                }
                // Whoever is not known may be told "not found" of what is there.
                let error = self.refusal(&operation, image, Right::Read, &answer);
                self.empty_if_writable(&operation, image, error).await
            }
            404 if envelope(&answer).is_none() => {
                let detail = format!("{}, which is no registry's answer", words("the server", &answer));
                Err(PortError::new(PortErrorKind::Malformed, operation, detail))
            }
            401 | 403 => {
                let error = self.refusal(&operation, image, Right::Read, &answer);
                self.empty_if_writable(&operation, image, error).await
            }
            _ => Err(self.refusal(&operation, image, Right::Read, &answer)),
        }
    }

    async fn further_pages(&self, operation: &str, scope: &Scope<'_>, first: Answer) -> Result<Vec<Tag>, PortError> {
        let mut asked: HashSet<Url> = HashSet::from([first.url.clone()]);
        let mut known: HashSet<Tag> = HashSet::new();
        let mut tags = Vec::new();
        let mut answer = first;
        loop {
            let page = page_of_tags(operation, &answer)?;
            let had_tags = !page.is_empty();
            let before = tags.len();
            tags.extend(page.into_iter().filter(|tag| known.insert(tag.clone())));
            let Some(next) = next_page(operation, &answer)? else {
                return Ok(tags);
            };
            let endless = |detail: &str| Err(PortError::new(PortErrorKind::Malformed, operation, detail));
            if (had_tags && tags.len() == before) || !asked.insert(next.clone()) {
                return endless("the registry repeats a page of its list, so the list has no end");
            }
            if asked.len() > MAX_PAGES || tags.len() > MAX_TAGS {
                return endless("the registry's list does not end");
            }
            let request = Request::new(Method::GET, next);
            answer = self.call(operation, scope, &request, Take::Whole(MAX_PAGE_BYTES)).await?.answer;
            if answer.status.as_u16() != 200 {
                let mut error = self.refusal(operation, scope.image, Right::Read, &answer);
                error.detail = format!("page {} of the list is missing: {}", asked.len(), error.detail);
                return Err(error);
            }
        }
    }

    /// Tells 'nothing published yet' from 'not for you': only the former lets the same credentials start an upload.
    async fn empty_if_writable(
        &self,
        operation: &str,
        image: &ImageName,
        refused: PortError,
    ) -> Result<Vec<Tag>, PortError> {
        let scope = Scope::new(image, Right::Write);
        let probe = Request::new(Method::POST, self.url(operation, image, "blobs/uploads/")?);
        let answer = match self.call(operation, &scope, &probe, Take::Whole(MAX_ANSWER)).await {
            Ok(Called { answer, .. }) => answer,
            Err(error) if error.kind == PortErrorKind::Denied => return Err(denied(refused)),
            Err(error) => return Err(error),
        };
        if answer.status.as_u16() != 202 {
            return Err(denied(refused));
        }
        if let Ok(upload) = location(operation, &answer) {
            self.cancel_upload(operation, &scope, upload).await;
        }
        self.note_unpublished(image, true);
        tracing::debug!(%image, "nothing is published yet: its tags cannot be read, but an upload may start");
        Ok(Vec::new())
    }

    /// Ends an upload that nothing will follow. It would end by itself, so a failure changes nothing.
    pub(super) async fn cancel_upload(&self, operation: &str, scope: &Scope<'_>, upload: Url) {
        let cancel = Request::new(Method::DELETE, upload);
        if let Err(error) = self.call(operation, scope, &cancel, Take::Whole(MAX_ANSWER)).await {
            tracing::debug!(%error, "the upload could not be cancelled");
        }
    }
}

/// A list that cannot be read is a denial, even where the registry says 'not found' to strangers.
fn denied(mut refused: PortError) -> PortError {
    if refused.kind == PortErrorKind::NotFound {
        refused.kind = PortErrorKind::Denied;
        refused.hint.get_or_insert_with(|| {
            "the image is unknown to this registry or hidden from these credentials, which may not push it either"
                .to_owned()
        });
    }
    refused
}

fn page_of_tags(operation: &str, answer: &Answer) -> Result<Vec<Tag>, PortError> {
    let malformed = |detail: String| PortError::new(PortErrorKind::Malformed, operation, detail);
    let Page { tags } = serde_json::from_slice(&answer.body)
        .map_err(|error| malformed("the server's answer is no list of tags".to_owned()).with_source(error))?;
    let mut valid = Vec::new();
    let mut too_long = 0_usize;
    for text in tags.unwrap_or_default() {
        match text.parse::<Tag>() {
            Ok(tag) => valid.push(tag),
            Err(_) if text.len() > Tag::MAX_LENGTH && text.chars().all(Tag::allows) => too_long += 1,
            Err(_) => return Err(malformed(format!("the list holds `{}`, which is no tag", quoted(&text)))),
        }
    }
    if too_long > 0 {
        tracing::warn!(operation, too_long, "tags longer than the specification allows were left out");
    }
    Ok(valid)
}
