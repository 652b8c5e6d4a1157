//! What these tests share: clients of a sandbox, and packages of any size.

use std::{path::Path, time::Duration};

use ghcr_lifecycle::{
    adapters::{
        http::{HttpClient, HttpOptions, RetryPolicy},
        manifest_cache::FileCache,
        packages::Packages,
        registry::{CredentialOptions, RegistryClient},
        repository::Repositories,
        rest::{Api, ApiOptions},
    },
    collect::inventory::{Collected, Sources, Wanted, collect},
    model::{ImageName, RepositoryName, Secret, TokenKind},
    policy::{config, rules::Policy},
    ports::PortError,
    sandbox::{Sandbox, requests::RequestInfo},
};

use crate::sandbox::{
    api::{PACKAGE, push},
    support::TOKEN,
};

/// How a client retries in tests: as often, without the waits.
pub(super) fn options() -> ApiOptions {
    let milliseconds = Duration::from_millis;
    ApiOptions { first_wait: milliseconds(1), longest_wait: milliseconds(1500), ..ApiOptions::default() }
}

pub(super) struct Clients {
    pub(super) packages: Packages,
    pub(super) repositories: Repositories,
    pub(super) registry: RegistryClient,
    pub(super) image: ImageName,
}

pub(super) fn clients(sandbox: &Sandbox) -> Clients {
    clients_as(sandbox, TOKEN, options())
}

pub(super) fn clients_as(sandbox: &Sandbox, token: &str, options: ApiOptions) -> Clients {
    crate::sandbox::support::install_provider();
    let retry = RetryPolicy {
        first_delay: Duration::from_millis(1),
        longest_delay: Duration::from_millis(5),
        ..RetryPolicy::default()
    };
    let http = HttpClient::new(&HttpOptions { retry, ..HttpOptions::default() }).unwrap();
    let url = format!("http://{}", sandbox.host());
    let secret = Secret::new(token).unwrap();
    let api = Api::new(http.below(&url.parse().unwrap()).clone(), &url, Some(&secret), options).unwrap();
    let credentials = CredentialOptions {
        github_token: Some(secret.clone()),
        ghcr_host: sandbox.host(),
        ..CredentialOptions::default()
    };
    Clients {
        packages: Packages::new(api.clone(), "https://github.com", TokenKind::of(&secret)),
        repositories: Repositories::new(api),
        registry: RegistryClient::new(http, credentials),
        image: format!("{}/{PACKAGE}", sandbox.host()).parse().unwrap(),
    }
}

impl Clients {
    pub(super) async fn collect(&self, policy: &Policy, cache: &FileCache) -> Result<Collected, PortError> {
        self.collect_for(policy, cache, None).await
    }

    pub(super) async fn collect_for(
        &self,
        policy: &Policy,
        cache: &FileCache,
        closed: Option<u64>,
    ) -> Result<Collected, PortError> {
        let sources =
            Sources { packages: &self.packages, registry: &self.registry, repository: &self.repositories, cache };
        let own: RepositoryName = "acme/shop".parse().unwrap();
        // The policy lists the image where the sandbox has it.
        let mut policy = policy.clone();
        policy.images.push(self.image.clone());
        let wanted = Wanted {
            image: &self.image,
            policy: &policy,
            own_repository: Some(&own),
            now: None,
            clock: chrono::DateTime::UNIX_EPOCH,
            closed,
        };
        collect(&sources, &wanted).await
    }
}

/// A cache that outlives nothing, or one in a folder.
pub(super) fn cache(folder: Option<&Path>) -> FileCache {
    FileCache::open(folder)
}

/// A policy for the sandbox's package.
pub(super) fn policy(rows: &str) -> Policy {
    config::parse(&format!("version: 1\nimages: [ghcr.io/acme/shop]\n{rows}")).unwrap()
}

/// Fills a package with versions, `v0` the oldest.
pub(super) fn fill(sandbox: &Sandbox, count: usize) {
    for number in 0..count {
        push(sandbox, PACKAGE, &number.to_string(), &format!("v{number}"));
    }
}

/// The requests to the REST API so far, by method and path.
pub(super) fn rest(sandbox: &Sandbox) -> Vec<String> {
    let is_rest = |request: &RequestInfo| !request.path.starts_with("/v2") && !request.path.starts_with("/token");
    let line = |request: RequestInfo| format!("{} {}", request.method, request.path);
    sandbox.requests().into_iter().filter(is_rest).map(line).collect()
}

/// How many manifests were read so far.
pub(super) fn manifests_read(sandbox: &Sandbox) -> usize {
    let is_manifest = |request: &RequestInfo| request.method == "GET" && request.path.contains("/manifests/");
    sandbox.requests().iter().filter(|request| is_manifest(request)).count()
}
