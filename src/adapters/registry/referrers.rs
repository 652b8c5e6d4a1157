//! The referrers API
//! ([distribution spec](https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-referrers)). A
//! registry that has it answers 200 also for what nobody refers to, so 404 says that it has none.

use std::{collections::HashSet, sync::PoisonError};

use oci_distribution::{errors::OciErrorCode, manifest::OCI_IMAGE_INDEX_MEDIA_TYPE};
use reqwest::{
    Method, Url,
    header::{ACCEPT, HeaderValue},
};

use super::{
    RegistryClient,
    location::next_page,
    refusal::{Right, has_code},
};
use crate::{
    adapters::http::{Request, Take},
    model::{Digest, ImageName, ListedReferrer, RawManifest, manifest::MAX_MANIFEST_BYTES, referrer::listed_referrers},
    ports::{PortError, PortErrorKind},
};

/// More pages than any list has that ends.
const MAX_PAGES: usize = 1_000;

impl RegistryClient {
    pub(super) async fn list_referrers(
        &self,
        image: &ImageName,
        subject: &Digest,
    ) -> Result<Option<Vec<ListedReferrer>>, PortError> {
        if self.without_referrers.lock().unwrap_or_else(PoisonError::into_inner).contains(image.registry()) {
            return Ok(None);
        }
        let operation = format!("list the referrers of {} in {image}", subject.short());
        let malformed = |detail: &str| PortError::new(PortErrorKind::Malformed, &operation, detail);
        let mut url = self.url(&operation, image, &format!("referrers/{subject}"))?;
        let mut asked: HashSet<Url> = HashSet::new();
        let mut listed: Vec<ListedReferrer> = Vec::new();
        loop {
            let request = Request::new(Method::GET, url.clone())
                .with_header(ACCEPT, HeaderValue::from_static(OCI_IMAGE_INDEX_MEDIA_TYPE));
            let answer = self.get(&operation, image, &request, Take::Whole(MAX_MANIFEST_BYTES)).await?;
            match answer.status.as_u16() {
                200 => {}
                404 | 405 | 501 if asked.is_empty() => {
                    let mut known = self.without_referrers.lock().unwrap_or_else(PoisonError::into_inner);
                    known.insert(image.registry().to_owned());
                    return Ok(None);
                }
                400 if asked.is_empty() && has_code(&answer, &[OciErrorCode::Unsupported]) => return Ok(None),
                _ if self.is_unpublished(image, &answer) => return Ok(None),
                _ => return Err(self.refusal(&operation, image, Right::Read, &answer)),
            }
            let page = listed_referrers(&RawManifest::new(OCI_IMAGE_INDEX_MEDIA_TYPE, answer.body.clone()))
                .map_err(|error| malformed("the answer is no list of referrers").with_source(error))?;
            listed.extend(page);
            asked.insert(url);
            match next_page(&operation, &answer)? {
                None => break,
                Some(next) if asked.len() < MAX_PAGES && !asked.contains(&next) => url = next,
                Some(_) => return Err(malformed("the registry's list of referrers does not end")),
            }
        }
        Ok(Some(listed))
    }
}
