//! What reads alone can find of a token's way to the images of a policy. Nothing that is refused ends the search, and nothing
//! is asked that is known to be refused.

use chrono::{DateTime, Utc};

use crate::{
    model::{Digest, ImageName, ManifestReference, RepositoryName, TokenKind, Trap, untrusted::shown_up_to},
    policy::doctor::{Facts, ImageFacts, Needs, PackageSeen, Refusal, RunFacts, Standing},
    ports::{
        AccessReader, PackageFacts, PackagesReader, PortError, PortErrorKind, RegistryReader, RepositoryPart, Run,
        TokenFacts,
    },
};

/// The most of a refusal that is kept, in characters.
const MAX_SAID: usize = 300;

/// What is to be found out.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// The images.
    pub images: &'a [ImageName],
    /// The host of GitHub's registry.
    pub ghcr_host: &'a str,
    /// What will be asked for.
    pub needs: Needs,
    /// The kind of the token, if there is one.
    pub token: Option<TokenKind>,
    /// The run.
    pub run: RunFacts,
    /// The repository that `keep` asks about.
    pub source: Option<&'a RepositoryName>,
}

/// Finds out what there is to know, by reads. `api` shows the token.
pub async fn examine<A, R, U>(question: Question<'_>, api: &A, registry: &R, run: &U) -> Facts
where
    A: AccessReader + PackagesReader,
    R: RegistryReader,
    U: Run,
{
    let Question { images, ghcr_host, needs, token, run: run_facts, source } = question;
    let asks = token.is_some_and(|kind| kind != TokenKind::FineGrained)
        && images.iter().any(|image| image.registry() == ghcr_host);
    let standing = if asks { Some(standing(api, token).await) } else { None };
    let clock: DateTime<Utc> = run.now();
    let knows = matches!(standing, Some(Ok(_)));
    let mut facts = Facts {
        needs,
        token,
        run: run_facts,
        standing,
        clock,
        contents: None,
        pull_requests: None,
        ghcr_host: ghcr_host.to_owned(),
        images: Vec::new(),
    };
    if let Some(source) = source.filter(|_| knows && needs.deletes) {
        facts.contents = asked(api.try_repository(source, RepositoryPart::Contents).await);
        if needs.pull_requests {
            facts.pull_requests = asked(api.try_repository(source, RepositoryPart::PullRequests).await);
        }
    }
    for image in images {
        let is_githubs = image.registry() == ghcr_host;
        let mut found = ImageFacts { image: image.clone(), owner: None, package: None, deleted: None, pull: None };
        if is_githubs && knows {
            ask_about(api, &mut found, needs).await;
        }
        // A token that the API does not know, or that cannot be given the right, is refused here as well.
        let is_unreachable = facts.standing == Some(Err(Refusal::Trap(Trap::Unreachable)));
        if !is_githubs || knows || is_unreachable || token.is_none() {
            found.pull = asked(try_pull(registry, image).await);
        }
        facts.images.push(found);
    }
    facts
}

async fn standing<A: AccessReader>(api: &A, token: Option<TokenKind>) -> Result<Standing, Refusal> {
    let facts = match api.token().await {
        Ok(facts) => facts,
        Err(error) if error.kind == PortErrorKind::Unavailable => return Err(Refusal::Trap(Trap::Unreachable)),
        Err(error) => return Err(refusal(error)),
    };
    let TokenFacts { scopes, limit, answered_at } = facts;
    // A job's token has no user to ask about.
    let login = match token {
        Some(TokenKind::Installation) | None => None,
        Some(_) => api.login().await.ok().flatten(),
    };
    Ok(Standing { scopes, limit, answered_at, login })
}

async fn ask_about<A: AccessReader + PackagesReader>(api: &A, found: &mut ImageFacts, needs: Needs) {
    found.owner = asked(api.owner(&found.image).await);
    if !matches!(found.owner, Some(Ok(_))) {
        return;
    }
    let seen = |package: PackageFacts| PackageSeen {
        visibility: package.visibility,
        versions: package.version_count,
        repository: package.repository,
    };
    found.package = asked(api.package(&found.image).await.map(seen));
    if needs.deletes && matches!(found.package, Some(Ok(_))) {
        found.deleted = asked(api.try_deleted_versions(&found.image).await);
    }
}

/// Asks the registry for a manifest that nobody has: the answer tells whether the image may be read, starts no upload (as
/// asking for the tags of a hidden image does), and counts as no download.
async fn try_pull<R: RegistryReader>(registry: &R, image: &ImageName) -> Result<(), PortError> {
    let nobodys = Digest::of(b"no manifest has this digest");
    registry.manifest(image, &ManifestReference::Digest(nobodys)).await.map(|_| ())
}

/// What the hour or the run had no requests left for was not asked.
fn asked<T>(answer: Result<T, PortError>) -> Option<Result<T, Refusal>> {
    match answer {
        Ok(answer) => Some(Ok(answer)),
        Err(error) if error.kind == PortErrorKind::RateLimited => None,
        Err(error) => Some(Err(refusal(error))),
    }
}

fn refusal(error: PortError) -> Refusal {
    let said = shown_up_to(&error.to_string(), MAX_SAID);
    let PortError { trap, hint, .. } = error;
    match trap {
        Some(trap) => Refusal::Trap(*trap),
        None => Refusal::Other { said, hint },
    }
}
