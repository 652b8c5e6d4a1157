//! Which `Authorization` a request carries: learned from challenges, tokens fetched once and renewed in time
//! ([token specification](https://distribution.github.io/distribution/spec/auth/token/)).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use reqwest::{
    Method, Url,
    header::{HeaderValue, InvalidHeaderValue},
};
use serde::Deserialize;
use tokio::time::Instant;

use super::{
    challenge::Challenge,
    credentials::{CredentialOptions, Login},
    refusal::{Asker, Refused, Right, refusal, with_remedy, words},
};
use crate::{
    adapters::http::{Answer, HttpClient, Request, Take, host_and_port, quoted},
    model::{ImageName, Secret, TokenKind},
    ports::{PortError, PortErrorKind},
};

/// The life of a token that does not say how long it lives, by the token specification.
const DEFAULT_LIFE: Duration = Duration::from_secs(60);

/// The longest life that is believed.
const LONGEST_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// The largest answer of a token endpoint that is read, in bytes.
const MAX_TOKEN_ANSWER: usize = 1024 * 1024;

/// What a request is about to touch, as a token must allow it.
#[derive(Clone, Debug)]
pub(super) struct Scope<'a> {
    /// The image.
    pub(super) image: &'a ImageName,
    /// Whether it is read or written.
    pub(super) right: Right,
    /// The repository that a blob is to be mounted from.
    pub(super) mount_from: Option<&'a str>,
}

impl<'a> Scope<'a> {
    pub(super) fn new(image: &'a ImageName, right: Right) -> Self {
        Self { image, right, mount_from: None }
    }

    fn texts(&self) -> Vec<String> {
        let actions = match self.right {
            Right::Read => "pull",
            Right::Write => "pull,push",
        };
        let own = format!("repository:{}:{actions}", self.image.repository());
        std::iter::once(own).chain(self.mount_from.map(|from| format!("repository:{from}:pull"))).collect()
    }
}

/// The credentials of one request.
#[derive(Clone, Debug)]
pub(super) struct Authorization {
    kind: Kind,
    header: Option<HeaderValue>,
    anonymous: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bare,
    /// The GitHub token itself, in base64, which GHCR takes without an exchange.
    Direct,
    Basic,
    Token,
}

impl Authorization {
    /// Returns the header to send.
    pub(super) fn header(&self) -> Option<HeaderValue> {
        self.header.clone()
    }

    /// Tells whether it says who asks.
    pub(super) fn is_somebody(&self) -> bool {
        self.kind != Kind::Bare && !self.anonymous
    }

    fn bare() -> Self {
        Self { kind: Kind::Bare, header: None, anonymous: true }
    }
}

/// What is known about how a host wants to be asked.
#[derive(Clone, Debug)]
enum Known {
    /// It lets us in without a word, so far.
    Open,
    /// It has sent this challenge.
    Challenged(Challenge),
}

#[derive(Clone, Debug)]
struct Token {
    header: HeaderValue,
    renew_at: Instant,
}

type TokenCell = Arc<tokio::sync::Mutex<Option<Token>>>;

/// Keeps what is known about hosts, and the tokens.
#[derive(Debug)]
pub(super) struct Authenticator {
    credentials: CredentialOptions,
    hosts: Mutex<HashMap<String, Known>>,
    tokens: Mutex<HashMap<(String, Vec<String>), TokenCell>>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Authenticator {
    pub(super) fn new(credentials: CredentialOptions) -> Self {
        Self { credentials, hosts: Mutex::default(), tokens: Mutex::default() }
    }

    /// Returns what is refused by an image's registry, for remedies.
    pub(super) fn refused<'a>(&'a self, image: &'a ImageName, right: Right) -> Refused<'a> {
        Refused { image, server: &self.credentials.server_url, asker: self.asker(image.registry()), right }
    }

    fn asker(&self, registry: &str) -> Asker {
        match (self.credentials.is_ghcr(registry), self.credentials.login(registry)) {
            (true, Login::Anonymous) => Asker::Ghcr { token: None },
            (true, Login::GithubToken(token)) => Asker::Ghcr { token: Some(TokenKind::of(&token)) },
            (_, Login::Anonymous) if self.credentials.docker.is_elsewhere(registry) => Asker::Helped,
            (_, Login::Anonymous) => Asker::Other { with_login: false },
            (_, Login::Basic { .. } | Login::GithubToken(_)) => Asker::Other { with_login: true },
        }
    }

    /// Returns the credentials for a request to the API at `base`.
    pub(super) async fn authorization(
        &self,
        http: &HttpClient,
        operation: &str,
        base: &Url,
        scope: &Scope<'_>,
    ) -> Result<Authorization, PortError> {
        let registry = scope.image.registry();
        let login = self.credentials.login(registry);
        let known = match (self.known(registry), &login) {
            (Some(known), _) => known,
            (None, Login::GithubToken(token)) => {
                return Ok(Authorization {
                    kind: Kind::Direct,
                    header: Some(direct(operation, token)?),
                    anonymous: false,
                });
            }
            (None, Login::Anonymous) => return Ok(Authorization::bare()),
            // Asked without a login, some registries hide what is private behind a 404: so learn first whether it wants one.
            (None, Login::Basic { .. }) => self.ask(http, operation, base, registry).await?,
        };
        match (known, &login) {
            (Known::Open, _) | (Known::Challenged(Challenge::Basic), Login::Anonymous) => Ok(Authorization::bare()),
            (Known::Challenged(Challenge::Basic), Login::GithubToken(_) | Login::Basic { .. }) => {
                Ok(Authorization { kind: Kind::Basic, header: basic(operation, &login)?, anonymous: false })
            }
            (Known::Challenged(Challenge::Bearer { realm, service }), _) => {
                let header = self.token(http, operation, base, scope, &login, &realm, service.as_deref()).await?;
                Ok(Authorization { kind: Kind::Token, header: Some(header), anonymous: login == Login::Anonymous })
            }
        }
    }

    /// Learns from a 401. Returns whether the same request may succeed with other credentials.
    pub(super) async fn learn(&self, scope: &Scope<'_>, used: &Authorization, answer: &Answer) -> bool {
        let registry = scope.image.registry();
        match used.kind {
            Kind::Basic => false,
            Kind::Bare | Kind::Direct => match Challenge::of(&answer.headers) {
                // The GitHub token goes into a password only where a challenge asks for one.
                Some(challenge) => {
                    self.remember(registry, Known::Challenged(challenge));
                    true
                }
                None => false,
            },
            Kind::Token => {
                if let Some(challenge @ Challenge::Bearer { .. }) = Challenge::of(&answer.headers) {
                    self.remember(registry, Known::Challenged(challenge));
                }
                let cell = self.cell(registry, scope);
                let mut token = cell.lock().await;
                // Another request may have renewed it meanwhile.
                if token.as_ref().map(|token| &token.header) == used.header.as_ref() {
                    *token = None;
                }
                true
            }
        }
    }

    async fn ask(&self, http: &HttpClient, operation: &str, base: &Url, registry: &str) -> Result<Known, PortError> {
        let answer =
            http.send(operation, &Request::new(Method::GET, base.clone()), Take::Whole(MAX_TOKEN_ANSWER)).await?;
        let known = match (answer.status.as_u16(), Challenge::of(&answer.headers)) {
            (401, Some(challenge)) => Known::Challenged(challenge),
            (401, None) => {
                return Err(PortError::new(
                    PortErrorKind::Malformed,
                    operation,
                    "the registry asks for credentials without saying which kind",
                ));
            }
            _ => Known::Open,
        };
        self.remember(registry, known.clone());
        Ok(known)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one challenge, at its one call")]
    async fn token(
        &self,
        http: &HttpClient,
        operation: &str,
        base: &Url,
        scope: &Scope<'_>,
        login: &Login,
        realm: &str,
        service: Option<&str>,
    ) -> Result<HeaderValue, PortError> {
        let cell = self.cell(scope.image.registry(), scope);
        // Held during the exchange: whoever needs the same token waits for it instead of asking too.
        let mut held = cell.lock().await;
        if let Some(token) = held.as_ref().filter(|token| Instant::now() < token.renew_at) {
            return Ok(token.header.clone());
        }
        let mut url: Url = realm.parse().map_err(|error| {
            PortError::new(
                PortErrorKind::Malformed,
                operation,
                format!("the registry's token endpoint `{}` is no address", quoted(realm)),
            )
            .with_source(error)
        })?;
        login.may_go_to(base, &url).map_err(|problem| {
            PortError::new(PortErrorKind::Denied, operation, format!("{problem}; nothing was sent there"))
                .with_hint(format!("check that {} is the registry you mean", scope.image.registry()))
        })?;
        {
            let mut query = url.query_pairs_mut();
            if let Some(service) = service {
                query.append_pair("service", service);
            }
            for text in scope.texts() {
                query.append_pair("scope", &text);
            }
        }
        let request = Request::new(Method::GET, url).with_authorization(basic(operation, login)?);
        let answer = http.send(operation, &request, Take::Whole(MAX_TOKEN_ANSWER)).await?;
        let token = self.read_token(operation, scope, &answer)?;
        let header = token.header.clone();
        *held = Some(token);
        Ok(header)
    }

    fn read_token(&self, operation: &str, scope: &Scope<'_>, answer: &Answer) -> Result<Token, PortError> {
        let who = format!("the token endpoint on {}", host_and_port(&answer.url));
        if answer.status.as_u16() != 200 {
            let refused = self.refused(scope.image, scope.right);
            let mut error = refusal(operation, &refused, answer);
            error.detail = words(&who, answer);
            // Endpoints say 400 or 404 of a login that they do not like, too.
            if answer.status.is_client_error() && error.kind != PortErrorKind::RateLimited {
                error.kind = PortErrorKind::Denied;
                if error.hint.is_none() {
                    error = with_remedy(error, &refused, "");
                }
            }
            return Err(error);
        }
        let malformed = |what: &str| PortError::new(PortErrorKind::Malformed, operation, format!("{who} {what}"));
        // The answer is never quoted: it holds a secret.
        let TokenAnswer { token, access_token, expires_in } =
            serde_json::from_slice(&answer.body).map_err(|_| malformed("answered no token document"))?;
        let text = token
            .or(access_token)
            .filter(|text| !text.is_empty())
            .ok_or_else(|| malformed("answered a document without a token"))?;
        let header =
            sensitive(format!("Bearer {text}")).map_err(|_| malformed("answered a token that no header can hold"))?;
        let life =
            expires_in.filter(|seconds| *seconds > 0).map_or(DEFAULT_LIFE, Duration::from_secs).min(LONGEST_LIFE);
        // Renewed a little early: the request that carries it has a way to go.
        let renew_at = Instant::now() + life.saturating_sub((life / 6).min(Duration::from_secs(10)));
        Ok(Token { header, renew_at })
    }

    fn known(&self, registry: &str) -> Option<Known> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner).get(registry).cloned()
    }

    fn remember(&self, registry: &str, known: Known) {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner).insert(registry.to_owned(), known);
    }

    fn cell(&self, registry: &str, scope: &Scope<'_>) -> TokenCell {
        let key = (registry.to_owned(), scope.texts());
        Arc::clone(self.tokens.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default())
    }
}

fn direct(operation: &str, token: &Secret) -> Result<HeaderValue, PortError> {
    sensitive(format!("Bearer {}", BASE64.encode(token.expose()))).map_err(|_| unsendable(operation))
}

fn basic(operation: &str, login: &Login) -> Result<Option<HeaderValue>, PortError> {
    // GHCR takes any user name beside a token.
    let (username, password) = match login {
        Login::Anonymous => return Ok(None),
        Login::GithubToken(token) => ("token", token),
        Login::Basic { username, password } => (username.as_str(), password),
    };
    let text = BASE64.encode(format!("{username}:{}", password.expose()));
    sensitive(format!("Basic {text}")).map(Some).map_err(|_| unsendable(operation))
}

fn sensitive(text: String) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::try_from(text)?;
    value.set_sensitive(true);
    Ok(value)
}

fn unsendable(operation: &str) -> PortError {
    PortError::new(PortErrorKind::Malformed, operation, "the credentials cannot be written into a header")
}
