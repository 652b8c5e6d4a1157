//! GitHub's Packages API: what a package holds, and deleting and restoring its versions
//! (<https://docs.github.com/en/rest/packages/packages>).

mod access;
mod refusal;
mod wire;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, Utc};

use self::refusal::Asker;
use super::{
    github::encode,
    rest::{Api, ApiAnswer, Call, Page, Pages, Verb},
};
use crate::{
    model::{Digest, ImageName, Pages as SettingsPages, Right, TokenKind, VersionId},
    ports::{
        Deletion, ListedVersion, OwnerKind, PackageFacts, PackagePages, PackagesReader, PackagesWriter, PortError,
        PortErrorKind, RateLimit, Refused, Restoration,
    },
};

/// How often a list that changed while it was read is read again.
const LISTINGS: usize = 5;

/// The packages of one server, as one token sees them. Clones share what was found out.
#[derive(Clone, Debug)]
pub struct Packages {
    api: Api,
    asker: Asker,
    owners: Arc<Mutex<HashMap<String, OwnerKind>>>,
    /// How many versions each package had when it was last looked up, by its path.
    counts: Arc<Mutex<HashMap<String, u64>>>,
    /// The scopes of the token, once an answer about a package named them.
    scopes: Arc<Mutex<Option<BTreeSet<String>>>>,
}

/// Where a package is, in the API and on the web.
struct Place {
    owner: OwnerKind,
    /// The path in the API.
    path: String,
}

impl Packages {
    /// Makes a client. `server_url` (`GITHUB_SERVER_URL`) is where the pages are that messages tell to open; `token` is the
    /// kind of the token that `api` shows.
    #[must_use]
    pub fn new(api: Api, server_url: &str, token: TokenKind) -> Self {
        let asker = Asker { server_url: server_url.trim_end_matches('/').to_owned(), token };
        Self { api, asker, owners: Arc::default(), counts: Arc::default(), scopes: Arc::default() }
    }

    /// Finds out what kind of account an owner is, once; `pages` are those of what it owns.
    async fn account(&self, login: &str, pages: &SettingsPages<'_>) -> Result<OwnerKind, PortError> {
        let known = self.owners.lock().unwrap_or_else(PoisonError::into_inner).get(login).copied();
        if let Some(kind) = known {
            return Ok(kind);
        }
        let operation = format!("find out whether `{login}` is a user or an organisation");
        let call = Call::get(format!("/users/{}", encode(login)), &operation);
        let answer = self.api.send(&call).await?;
        if !answer.status.is_success() {
            return Err(self.asker.owner_refusal(&call, &answer, pages));
        }
        let kind = answer.json::<wire::Account>(&call)?.kind();
        self.owners.lock().unwrap_or_else(PoisonError::into_inner).insert(login.to_owned(), kind);
        Ok(kind)
    }

    /// Lists the newest active versions, until they are enough.
    async fn newest(
        &self,
        image: &ImageName,
        is_enough: impl Fn(&[wire::Version]) -> bool + Send,
    ) -> Result<Vec<ListedVersion>, PortError> {
        let operation = format!("list the newest versions of {image}");
        let place = self.place(image).await?;
        let path = format!("{}/versions?state=active", place.path);
        let pages = Pages { api: &self.api, path: &path, operation: &operation };
        let settings = self.pages(image, &place);
        let refuse = |call: &Call<'_>, answer: &ApiAnswer| self.asker.refusal(call, answer, &settings, Right::Read);
        let items: Vec<wire::Version> = pages.newest(&refuse, is_enough).await?;
        items.into_iter().map(|item| item.read(&operation)).collect()
    }

    async fn place(&self, image: &ImageName) -> Result<Place, PortError> {
        let (login, name) = owner_and_name(image)?;
        let pages = SettingsPages { image: Some(image), ..self.asker.pages() };
        let owner = self.account(login, &pages).await?;
        let (base, name) = (base(owner), encode(name));
        Ok(Place { owner, path: format!("/{base}/{login}/packages/container/{name}") })
    }

    /// Returns the pages of a package.
    fn pages<'a>(&'a self, image: &'a ImageName, place: &Place) -> SettingsPages<'a> {
        SettingsPages { image: Some(image), owner: Some(place.owner), ..self.asker.pages() }
    }

    async fn package_answer(
        &self,
        image: &ImageName,
        place: &Place,
        operation: &str,
    ) -> Result<(wire::Package, DateTime<Utc>), PortError> {
        let call = Call::get(place.path.clone(), operation);
        let answer = self.api.send(&call).await?;
        if !answer.status.is_success() {
            return Err(self.asker.refusal(&call, &answer, &self.pages(image, place), Right::Read));
        }
        *self.scopes.lock().unwrap_or_else(PoisonError::into_inner) = answer.scopes();
        let package: wire::Package = answer.json(&call)?;
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match package.version_count {
            Some(count) => counts.insert(place.path.clone(), count),
            None => counts.remove(&place.path),
        };
        Ok((package, answer.answered_at()))
    }

    /// Notes that a package has more or fewer versions now.
    fn count(&self, place: &Place, change: impl FnOnce(u64) -> u64) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&place.path) {
            *count = change(*count);
        }
    }

    /// Lists versions until the list did not change while it was read: no version came twice, and there are as many as the
    /// package had before and has after (a push shifts the pages one way, a deletion the other); or, should that number
    /// mean something else, until two listings in a row agree.
    async fn list(&self, image: &ImageName, state: &str, counted: bool) -> Result<Vec<ListedVersion>, PortError> {
        let operation = format!("list the {state} versions of {image}");
        let place = self.place(image).await?;
        let path = format!("{}/versions?state={state}", place.path);
        let pages = Pages { api: &self.api, path: &path, operation: &operation };
        let settings = self.pages(image, &place);
        let refuse = |call: &Call<'_>, answer: &ApiAnswer| self.asker.refusal(call, answer, &settings, Right::Read);
        let mut earlier: Option<BTreeMap<VersionId, ListedVersion>> = None;
        let known = self.counts.lock().unwrap_or_else(PoisonError::into_inner).get(&place.path).copied();
        let mut before = match (counted, known) {
            (true, None) => self.package_answer(image, &place, &operation).await?.0.version_count,
            (true, known) => known,
            (false, _) => None,
        };
        for _ in 0..LISTINGS {
            let Page { items, is_whole }: Page<wire::Version> = pages.all(&refuse).await?;
            let total = items.len();
            let mut versions = BTreeMap::new();
            for item in items {
                let version = item.read(&operation)?;
                versions.insert(version.id, version);
            }
            let came_twice = versions.len() < total;
            if is_whole && !came_twice {
                return Ok(versions.into_values().collect());
            }
            let count = match counted {
                true => self.package_answer(image, &place, &operation).await?.0.version_count,
                false => None,
            };
            let is_counted = count == u64::try_from(total).ok() && count == before;
            before = count;
            let agrees = earlier.as_ref().is_some_and(|earlier| earlier.keys().eq(versions.keys()));
            if !came_twice && (is_counted || agrees) {
                return Ok(versions.into_values().collect());
            }
            tracing::debug!(%image, total, came_twice, ?count, "the list changed while it was read");
            earlier = (!came_twice).then_some(versions);
        }
        Err(PortError::new(
            PortErrorKind::Unavailable,
            operation,
            format!("the list changed each of the {LISTINGS} times that it was read"),
        )
        .with_hint(
            "run it again when nothing is pushed or cleaned up; a `concurrency` group keeps two clean-ups apart",
        ))
    }
}

const fn base(owner: OwnerKind) -> &'static str {
    match owner {
        OwnerKind::User => "users",
        OwnerKind::Organization => "orgs",
    }
}

/// Splits an image name as the Packages API does: first path segment = owner, the rest = package name.
fn owner_and_name(image: &ImageName) -> Result<(&str, &str), PortError> {
    image.repository().split_once('/').ok_or_else(|| no_owner(image))
}

fn no_owner(image: &ImageName) -> PortError {
    let operation = format!("find the package of {image}");
    PortError::new(PortErrorKind::Malformed, operation, "the name has no owner")
        .with_hint("a package is named `ghcr.io/owner/name`")
}

impl PackagesReader for Packages {
    async fn package(&self, image: &ImageName) -> Result<PackageFacts, PortError> {
        let operation = format!("look up the package {image}");
        let place = self.place(image).await?;
        let (package, answered_at) = self.package_answer(image, &place, &operation).await?;
        let wire::Package { visibility, version_count, repository, html_url } = package;
        let settings = self.pages(image, &place).package_settings().ok_or_else(|| no_owner(image))?;
        Ok(PackageFacts {
            owner: place.owner,
            visibility,
            version_count,
            repository: repository.and_then(|repository| repository.full_name.parse().ok()),
            page: html_url,
            settings,
            answered_at,
        })
    }

    async fn active_versions(&self, image: &ImageName) -> Result<Vec<ListedVersion>, PortError> {
        self.list(image, "active", true).await
    }

    async fn newest_versions(
        &self,
        image: &ImageName,
        known: &BTreeSet<VersionId>,
    ) -> Result<Vec<ListedVersion>, PortError> {
        self.newest(image, |items| items.iter().any(|item| known.contains(&item.id()))).await
    }

    async fn newest_with(
        &self,
        image: &ImageName,
        digests: &BTreeSet<Digest>,
    ) -> Result<Vec<ListedVersion>, PortError> {
        let wanted: Vec<String> = digests.iter().map(ToString::to_string).collect();
        let has = |items: &[wire::Version], digest: &str| items.iter().any(|item| item.digest() == digest);
        self.newest(image, |items| wanted.iter().all(|digest| has(items, digest))).await
    }

    async fn packages(&self, owner: &str) -> Result<BTreeSet<String>, PortError> {
        let operation = format!("list the container packages of `{owner}`");
        let kind = self.account(owner, &self.asker.pages()).await?;
        let path = format!("/{}/{}/packages?package_type=container", base(kind), encode(owner));
        let pages = Pages { api: &self.api, path: &path, operation: &operation };
        let pages_of_server = self.asker.pages();
        let refuse =
            |call: &Call<'_>, answer: &ApiAnswer| self.asker.refusal(call, answer, &pages_of_server, Right::Read);
        let Page { items, is_whole: _ }: Page<wire::Named> = pages.all(&refuse).await?;
        Ok(items.into_iter().map(|package| package.name).collect())
    }

    async fn deleted_versions(&self, image: &ImageName) -> Result<Vec<ListedVersion>, PortError> {
        self.list(image, "deleted", false).await
    }

    async fn afford(&self, image: &ImageName, requests: u64) -> Result<(), PortError> {
        let operation = format!("clean up {image}");
        self.api.afford(&operation, requests).await
    }

    fn rate_limit(&self) -> Option<RateLimit> {
        self.api.rate_limit()
    }

    fn may_change(&self, image: &ImageName, pushes: bool) -> Result<(), PortError> {
        self.scopes_allow(image, pushes)
    }
}

impl PackagePages for Packages {
    async fn settings_page(&self, image: &ImageName) -> Result<String, PortError> {
        let place = self.place(image).await?;
        self.pages(image, &place).package_settings().ok_or_else(|| no_owner(image))
    }
}

impl PackagesWriter for Packages {
    async fn delete_version(&self, image: &ImageName, id: VersionId, within: Duration) -> Result<Deletion, PortError> {
        let operation = format!("delete version {id} of {image}");
        let place = self.place(image).await?;
        let call = Call::change(Verb::Delete, format!("{}/versions/{id}", place.path), &operation);
        let Some(answer) = self.api.send_within(&call, within).await? else { return Ok(Deletion::TooLate) };
        let message = answer.message();
        match answer.status.as_u16() {
            204 => {
                self.count(&place, |count| count.saturating_sub(1));
                Ok(Deletion::Done)
            }
            // After a failure of the server, this is how success looks.
            404 if is_version_absence(&message) => Ok(Deletion::AlreadyGone),
            400 | 422 => {
                let lower = message.to_lowercase();
                let why = if lower.contains("last tagged version") || lower.contains("last version") {
                    Refused::LastTagged
                } else if lower.contains("downloads") {
                    Refused::Downloads
                } else {
                    Refused::Other
                };
                Ok(Deletion::Refused { why, said: message })
            }
            _ => Err(self.asker.refusal(&call, &answer, &self.pages(image, &place), Right::Delete)),
        }
    }

    async fn restore_version(&self, image: &ImageName, id: VersionId) -> Result<Restoration, PortError> {
        let operation = format!("restore version {id} of {image}");
        let place = self.place(image).await?;
        let call = Call::change(Verb::Post, format!("{}/versions/{id}/restore", place.path), &operation);
        let answer = self.api.send(&call).await?;
        match answer.status.as_u16() {
            204 => {
                self.count(&place, |count| count.saturating_add(1));
                Ok(Restoration::Done)
            }
            404 if is_version_absence(&answer.message()) && answer.tried_before => {
                // The try that failed may have brought it back.
                let call = Call::get(format!("{}/versions/{id}", place.path), &operation);
                let there = self.api.send(&call).await?.status.is_success();
                Ok(if there { Restoration::Done } else { Restoration::NotThere })
            }
            404 if is_version_absence(&answer.message()) => Ok(Restoration::NotThere),
            _ => Err(self.asker.refusal(&call, &answer, &self.pages(image, &place), Right::Delete)),
        }
    }
}

fn is_version_absence(message: &str) -> bool {
    message.to_lowercase().contains("package version not found")
}
