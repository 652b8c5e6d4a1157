//! The in-process handle on a running sandbox: what tests and the demo look at and change.

use std::{
    collections::BTreeMap,
    future::Future,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;

use super::{
    faults::{Fault, FaultEffect, Faults, Hit},
    http::RegistryLimiter,
    options::{Auth, Options},
    requests::{RequestCount, RequestHook, RequestInfo, RequestLog},
    state::{
        Clock, State, Time, Token, TokenKind,
        limits::{Limiter, Limits},
        tokens::ALL_SCOPES,
    },
};
use crate::model::{Digest, ManifestReference, RawManifest, Secret, Tag};

/// What a bearer token that the token endpoint gave out allows.
#[derive(Clone, Debug, Default)]
pub(super) struct Rights {
    /// Everything: the configured token itself.
    pub(super) everything: bool,
    /// Whether it was given to nobody in particular.
    pub(super) anonymous: bool,
    /// Whose rights they are, if they are not everything: what that token may do limits them too.
    pub(super) token: Option<Token>,
    pub(super) grants: Vec<Grant>,
}

/// Rights on one repository.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    pub(super) repository: String,
    pub(super) pull: bool,
    pub(super) push: bool,
}

pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) address: SocketAddr,
    /// The host and port that signed blob URLs name.
    pub(super) storage: String,
    /// What blob URLs are signed with.
    pub(super) signing_key: [u8; 16],
    state: Mutex<State>,
    around: Arc<Around>,
}

/// What is not the registry's state. A stale view of the registry shares it with the real one.
struct Around {
    issued: Mutex<BTreeMap<String, Rights>>,
    limits: Mutex<Limits>,
    limiter: Mutex<Limiter>,
    faults: Mutex<Faults>,
    log: Mutex<RequestLog>,
    hook: Mutex<Option<RequestHook>>,
    registry_limiter: RegistryLimiter,
    /// Requests to the REST API that have come and are not answered yet.
    under_way: AtomicUsize,
}

/// A request to the REST API, counted until this is dropped.
pub(super) struct UnderWay {
    around: Arc<Around>,
    /// How many there were when it came, itself included.
    pub(super) count: usize,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.around.under_way.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A panic elsewhere must not take the registry down; every change to these values is complete when its lock is let go.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the state that a sandbox begins with: its token, that token's user, and the owners of its options.
fn first_state(options: &Options, stored: Option<State>) -> State {
    let mut state = State::new(options.public, options.habits);
    if let Some(stored) = stored {
        state.adopt(stored);
    }
    for (login, kind) in &options.owners {
        match state.owner(login).map(|owner| owner.kind) {
            Some(stored) if stored != *kind => {
                tracing::warn!("the data has {login} as another kind of owner, which it stays");
            }
            Some(_) | None => {
                state.add_owner(login, *kind);
            }
        }
    }
    // Whose the token is stays so from one run to the next, unless the options name another user.
    let stored = state.site_admin().map(str::to_owned);
    let names_user = state.owner(&options.login).is_some_and(|owner| owner.kind == super::state::OwnerKind::User);
    let login = stored.filter(|_| !names_user).unwrap_or_else(|| options.login.clone());
    state.set_site_admin(&login);
    let secret = match &options.auth {
        Auth::Ghcr { token } => Some(token.clone()),
        Auth::Basic { username: _, password } => Some(password.clone()),
        Auth::None => None,
    };
    if let Some(secret) = secret {
        state.add_token(secret, TokenKind::classic(&login, &ALL_SCOPES));
    }
    state
}

/// A handle on a running sandbox. Clones are handles on the same one; they do not keep it running.
#[derive(Clone)]
pub struct Control {
    shared: Arc<Shared>,
}

impl Control {
    pub(super) fn new(
        options: Options,
        address: SocketAddr,
        storage: String,
        signing_key: [u8; 16],
        stored: Option<State>,
    ) -> Self {
        let state = Mutex::new(first_state(&options, stored));
        let limits = Mutex::new(options.limits.clone());
        Self {
            shared: Arc::new(Shared {
                options,
                address,
                storage,
                signing_key,
                state,
                around: Arc::new(Around {
                    issued: Mutex::default(),
                    limits,
                    limiter: Mutex::default(),
                    faults: Mutex::default(),
                    log: Mutex::default(),
                    hook: Mutex::default(),
                    registry_limiter: RegistryLimiter::default(),
                    under_way: AtomicUsize::default(),
                }),
            }),
        }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// Returns the address that the registry listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Returns the registry's host as image names have it, `127.0.0.1:PORT`.
    #[must_use]
    pub fn host(&self) -> String {
        self.shared.address.to_string()
    }

    /// Returns the token, or the password of a plain registry; empty text if everybody may do everything.
    #[must_use]
    pub fn token(&self) -> &str {
        match &self.shared.options.auth {
            Auth::Ghcr { token } => token.expose(),
            Auth::Basic { username: _, password } => password.expose(),
            Auth::None => "",
        }
    }

    /// Sets a fault; faults are tried in the order in which they were set.
    pub fn fault(&self, fault: Fault) {
        let view = matches!(fault.effect, FaultEffect::Stale { .. }).then(|| self.stale_view());
        lock(&self.shared.around.faults).add(fault, view);
    }

    /// Makes a handle on the registry as it is now, whatever becomes of it.
    fn stale_view(&self) -> Self {
        let Shared { options, address, storage, signing_key, state: _, around } = &*self.shared;
        Self {
            shared: Arc::new(Shared {
                options: options.clone(),
                address: *address,
                storage: storage.clone(),
                signing_key: *signing_key,
                state: Mutex::new(self.state()),
                around: Arc::clone(around),
            }),
        }
    }

    /// Removes all faults.
    pub fn clear_faults(&self) {
        lock(&self.shared.around.faults).clear();
    }

    /// Awaits `hook` before each request takes effect, in place of an earlier hook. It comes before the faults, and it may
    /// set one. Requests that already wait in an earlier hook stay with it.
    pub fn on_request<F, R>(&self, hook: F)
    where
        F: Fn(RequestInfo) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        *lock(&self.shared.around.hook) = Some(Arc::new(move |info| Box::pin(hook(info))));
    }

    /// Removes the hook.
    pub fn clear_hook(&self) {
        *lock(&self.shared.around.hook) = None;
    }

    /// Lists the requests so far, in the order of their arrival.
    #[must_use]
    pub fn requests(&self) -> Vec<RequestInfo> {
        lock(&self.shared.around.log).all()
    }

    /// Counts the requests so far by class, method and route.
    #[must_use]
    pub fn request_counts(&self) -> Vec<RequestCount> {
        self.log().counts()
    }

    /// Forgets the requests so far, and the counts; their numbers go on.
    pub fn clear_requests(&self) {
        lock(&self.shared.around.log).clear();
    }

    /// Makes every bearer token that the token endpoint gave out invalid, as if its time had passed.
    pub fn expire_tokens(&self) {
        lock(&self.shared.around.issued).clear();
    }

    /// Returns a snapshot of what the registry holds.
    #[must_use]
    pub fn state(&self) -> State {
        lock(&self.shared.state).snapshot()
    }

    /// Looks at or changes the state in one step that no request can come between.
    pub fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        change(&mut lock(&self.shared.state))
    }

    /// Lists the tags of a repository and what they point at, oldest first; none if it is absent.
    #[must_use]
    pub fn tags(&self, repository: &str) -> Vec<(Tag, Digest)> {
        self.change(|state| {
            let tags = state.repository(repository).map(|repository| {
                repository.tags().map(|(tag, digest)| (tag.clone(), digest.clone())).collect::<Vec<_>>()
            });
            tags.unwrap_or_default()
        })
    }

    /// Returns what a tag points at.
    #[must_use]
    pub fn tag(&self, repository: &str, tag: &str) -> Option<Digest> {
        self.tags(repository).into_iter().find(|(name, _)| name.as_str() == tag).map(|(_, digest)| digest)
    }

    /// Returns a manifest by its digest.
    #[must_use]
    pub fn manifest(&self, repository: &str, digest: &Digest) -> Option<RawManifest> {
        self.change(|state| state.repository(repository)?.manifest(digest).cloned())
    }

    /// Tells whether a blob is there.
    #[must_use]
    pub fn has_blob(&self, repository: &str, digest: &Digest) -> bool {
        self.change(|state| state.repository(repository).is_some_and(|repository| repository.blob(digest).is_some()))
    }

    /// Lists the digests of a repository's blobs.
    #[must_use]
    pub fn blobs(&self, repository: &str) -> Vec<Digest> {
        self.change(|state| {
            state.repository(repository).map(|repository| repository.blobs().cloned().collect()).unwrap_or_default()
        })
    }

    /// Lists what is missing from each tag of a repository; empty means that every tag can be pulled whole.
    #[must_use]
    pub fn incomplete(&self, repository: &str) -> Vec<(Tag, Digest)> {
        self.change(|state| state.repository(repository).map(super::state::Repository::incomplete)).unwrap_or_default()
    }

    /// Stores a manifest unchecked, under a tag or its digest.
    pub fn put_manifest(&self, repository: &str, reference: &ManifestReference, manifest: RawManifest) {
        self.change(|state| state.put_manifest(repository, reference, manifest));
    }

    /// Removes a manifest with all its tags, as deleting a package version does.
    pub fn remove_manifest(&self, repository: &str, digest: &Digest) -> Option<RawManifest> {
        self.change(|state| state.remove_manifest(repository, digest))
    }

    /// Stores a blob and returns its digest.
    pub fn put_blob(&self, repository: &str, bytes: impl Into<Bytes>) -> Digest {
        self.change(|state| state.put_blob(repository, bytes.into()))
    }

    /// Removes a blob.
    pub fn remove_blob(&self, repository: &str, digest: &Digest) -> Option<Bytes> {
        self.change(|state| state.remove_blob(repository, digest))
    }

    /// Points a tag at a digest, whether or not a manifest is there.
    pub fn set_tag(&self, repository: &str, tag: Tag, digest: Digest) {
        self.change(|state| state.set_tag(repository, tag, digest));
    }

    /// Makes a repository public or private, and brings it into being.
    pub fn set_public(&self, repository: &str, public: bool) {
        self.change(|state| state.set_public(repository, public));
    }

    /// Makes the sandbox's time stand still at `time`.
    pub fn freeze(&self, time: Time) {
        self.change(|state| state.set_clock(Clock::Frozen(time)));
    }

    /// Makes the time so many seconds later, whether it stands still or runs.
    pub fn advance(&self, seconds: i64) {
        self.change(|state| {
            let later = state.now().plus_seconds(seconds);
            state.set_clock(match state.clock() {
                Clock::Frozen(_) => Clock::Frozen(later),
                Clock::Real | Clock::Shifted(_) => Clock::running_from(later),
            });
        });
    }

    /// Returns the sandbox's time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.change(|state| state.now())
    }

    /// Makes a token known.
    pub fn add_token(&self, secret: Secret, kind: TokenKind) {
        self.change(|state| state.add_token(secret, kind));
    }

    /// Returns how the limits of the REST API are applied.
    #[must_use]
    pub fn limits(&self) -> Limits {
        lock(&self.shared.around.limits).clone()
    }

    /// Sets how the limits of the REST API are applied, and forgets what was used.
    pub fn set_limits(&self, limits: Limits) {
        *lock(&self.shared.around.limits) = limits;
        self.limiter().clear();
    }

    /// Leaves a token only so many requests in this hour.
    pub fn set_remaining(&self, token: &str, remaining: u64) {
        let (limits, found) = (self.limits(), self.change(|state| (state.token(token).cloned(), state.now())));
        if let (Some(token), now) = found {
            self.limiter().set_remaining(&limits, &token, now, remaining);
        }
    }

    /// Counts a request to the REST API that has just come.
    pub(super) fn begin_rest(&self) -> UnderWay {
        let around = Arc::clone(&self.shared.around);
        let count = around.under_way.fetch_add(1, Ordering::Relaxed) + 1;
        UnderWay { around, count }
    }

    pub(super) fn registry_limiter(&self) -> &RegistryLimiter {
        &self.shared.around.registry_limiter
    }

    pub(super) fn limiter(&self) -> MutexGuard<'_, Limiter> {
        lock(&self.shared.around.limiter)
    }

    pub(super) fn log(&self) -> MutexGuard<'_, RequestLog> {
        lock(&self.shared.around.log)
    }

    pub(super) fn hook(&self) -> Option<RequestHook> {
        lock(&self.shared.around.hook).clone()
    }

    pub(super) fn take_fault(&self, method: &str, path: &str) -> Option<Hit> {
        lock(&self.shared.around.faults).take(method, path)
    }

    pub(super) fn remember_token(&self, token: String, rights: Rights) {
        lock(&self.shared.around.issued).insert(token, rights);
    }

    pub(super) fn rights_of(&self, token: &str) -> Option<Rights> {
        lock(&self.shared.around.issued).get(token).cloned()
    }
}
