//! The text of a release, read and written.

use serde_json::json;

use super::{CONTENTS, Repositories, base, refusal, wire};
use crate::{
    adapters::{
        github::encode,
        rest::{Call, Verb},
    },
    model::{RepositoryName, untrusted::shown},
    ports::{PortError, ReleaseText, ReleaseTexts},
};

impl ReleaseTexts for Repositories {
    async fn release_text(&self, repository: &RepositoryName, git_tag: &str) -> Result<Option<ReleaseText>, PortError> {
        let operation = format!("read the release `{}` of {repository}", shown(git_tag));
        let call = Call::get(format!("{}/releases/tags/{}", base(repository), encode(git_tag)), &operation);
        let answer = self.api.send(&call).await?;
        match answer.status.as_u16() {
            404 => Ok(None),
            _ if answer.status.is_success() => {
                let wire::TextOfRelease { id, body } = answer.json(&call)?;
                Ok(Some(ReleaseText { id, text: body.unwrap_or_default() }))
            }
            _ => Err(refusal(&call, &answer, CONTENTS)),
        }
    }

    async fn set_release_text(&self, repository: &RepositoryName, id: u64, text: &str) -> Result<(), PortError> {
        let operation = format!("change the text of a release of {repository}");
        let path = format!("{}/releases/{id}", base(repository));
        let call = Call::change(Verb::Patch, path, &operation).with_body(json!({"body": text}));
        let answer = self.api.send(&call).await?;
        if answer.status.is_success() { Ok(()) } else { Err(refusal(&call, &answer, "contents: write")) }
    }
}
