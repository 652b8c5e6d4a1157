//! Packages.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{
    call::{Call, Scene, encode},
    errors::{
        not_for_fine_grained, not_for_integrations, not_found, package_not_found, refuse, refuse_with,
        requires_authentication,
    },
    objects::{account, repository},
    paging::Page,
};
use crate::sandbox::{
    http::Answer,
    state::{Owner, OwnerKind, Refusal, Repository, Role, State, Token, TokenKind},
};

/// The kinds of packages that there are; the sandbox holds only `container`.
const KINDS: [&str; 6] = ["npm", "maven", "rubygems", "docker", "nuget", "container"];

/// How many packages into a list a page may begin and end.
const DEEPEST: usize = 10_000;

const LIST_DOCUMENTATION: &str = "https://docs.github.com/rest/packages/packages#list-packages-for-an-organization";

/// What comes before `packages` in a path.
pub(super) enum Base<'a> {
    Organization(&'a str),
    User(&'a str),
    Own,
    /// As in the links of lists.
    Number(u64),
}

/// What a request wants to do with a package.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Delete,
    Restore,
}

/// Finds the owner that a path names, for somebody whose token could work here at all.
fn owner<'a>(state: &'a State, call: &Call, base: &Base<'_>) -> Result<(&'a Owner, Token), Answer> {
    let token = call.token.clone().ok_or_else(requires_authentication)?;
    let owner = match base {
        Base::Organization(login) => state.owner(login).filter(|owner| owner.kind == OwnerKind::Organization),
        Base::User(login) => state.owner(login).filter(|owner| owner.kind == OwnerKind::User),
        Base::Number(number) => state.owner_by_id(*number),
        Base::Own => match token.login() {
            Some(login) => state.owner(login),
            None => return Err(not_for_integrations()),
        },
    };
    if matches!(token.kind, TokenKind::FineGrained { .. }) {
        return Err(not_for_fine_grained());
    }
    let owner = owner.ok_or_else(not_found)?;
    if owner.saml {
        let message = "Resource protected by organization SAML enforcement. You must grant your Personal Access token \
                       access to this organization.";
        return Err(refuse(StatusCode::FORBIDDEN, message));
    }
    Ok((owner, token))
}

/// Refuses a token that lacks the scope or permission for something.
fn scope(token: &Token, scope: &str, what: &str) -> Result<(), Answer> {
    if token.has_scope(scope) {
        return Ok(());
    }
    Err(match &token.kind {
        TokenKind::Workflow { .. } => not_for_integrations(),
        TokenKind::Classic { .. } | TokenKind::FineGrained { .. } => {
            refuse(StatusCode::FORBIDDEN, &format!("You need at least {scope} scope to {what}."))
        }
    })
}

/// Where a package is.
pub(super) struct Place {
    /// Its name in the store: `owner/name`.
    pub(super) key: String,
    pub(super) urls: Urls,
}

/// The addresses of a package.
pub(super) struct Urls {
    /// In the API.
    pub(super) url: String,
    /// On the web, without `/package/…` or a version's id.
    web: String,
    name: String,
    /// The path that the links of lists have.
    pub(super) numbered: String,
}

impl Urls {
    fn new(call: &Call, owner: &Owner, name: &str) -> Self {
        let (api_kind, numbered) = match owner.kind {
            OwnerKind::Organization => ("orgs", "organizations"),
            OwnerKind::User => ("users", "user"),
        };
        let (login, name) = (&owner.login, encode(name));
        Self {
            url: format!("{}/{api_kind}/{login}/packages/container/{name}", call.api),
            web: format!("https://github.com/{api_kind}/{login}/packages/container"),
            numbered: format!("/{numbered}/{}/packages/container/{name}", owner.id),
            name,
        }
    }

    pub(super) fn package_html(&self) -> String {
        format!("{}/package/{}", self.web, self.name)
    }

    pub(super) fn version_html(&self, id: u64) -> String {
        format!("{}/{}/{id}", self.web, self.name)
    }
}

/// Finds a package that may be treated so, in GitHub's order of checks: somebody, an owner, a right to read, a package that
/// can be seen, a right to do more. `what` ends the sentence `You need at least … scope to `.
pub(super) fn place(
    scene: &Scene<'_>,
    base: &Base<'_>,
    kind: &str,
    name: &str,
    (access, what): (Access, &str),
) -> Result<Place, Answer> {
    let (owner, token) = owner(scene.state, scene.call, base)?;
    scope(&token, "read:packages", what)?;
    let key = format!("{}/{name}", owner.login.to_lowercase());
    let deleted = access == Access::Restore && scene.state.has_deleted_package(&key);
    let published = scene.state.repository(&key).is_some_and(Repository::is_published);
    if kind != "container" || !(published || deleted) {
        return Err(package_not_found());
    }
    let role = if published { scene.state.role(Some(&token), &key) } else { scene.state.role_on_deleted(&token, &key) };
    if role < Role::Read {
        return Err(package_not_found());
    }
    if access != Access::Read {
        let needed = if access == Access::Delete { "delete:packages" } else { "write:packages" };
        scope(&token, needed, what)?;
        if role < Role::Admin {
            return Err(if scene.state.habits().denial_is_shown {
                refuse(StatusCode::FORBIDDEN, "You must have admin rights to the package.")
            } else {
                package_not_found()
            });
        }
    }
    Ok(Place { urls: Urls::new(scene.call, owner, name), key })
}

fn object(state: &State, call: &Call, owner: &Owner, name: &str, package: &Repository) -> Value {
    let facts = package.package();
    let urls = Urls::new(call, owner, name);
    let time = |time: Option<crate::sandbox::state::Time>| time.unwrap_or(call.now).to_string();
    let mut object = json!({
        "id": facts.id,
        "name": name,
        "package_type": "container",
        "owner": account::simple(call, owner),
        "version_count": package.version_count(false),
        "visibility": facts.visibility.as_str(),
        "url": urls.url,
        "created_at": time(facts.created),
        "updated_at": time(facts.updated),
        "html_url": urls.package_html(),
    });
    if let Some(source) = facts.linked.as_ref().and_then(|source| state.source(source)) {
        object["repository"] = repository::minimal(state, call, source);
    }
    object
}

/// Answers `GET {base}/packages`.
pub(super) fn list(scene: &Scene<'_>, base: &Base<'_>) -> Result<Answer, Answer> {
    let (state, call) = (&*scene.state, scene.call);
    let token = call.authenticated()?;
    if matches!(token.kind, TokenKind::Workflow { .. }) && !matches!(base, Base::Own) {
        return Err(refuse_with(StatusCode::BAD_REQUEST, "Invalid argument.", LIST_DOCUMENTATION));
    }
    let (owner, token) = owner(state, call, base)?;
    scope(&token, "read:packages", "list packages")?;
    let kind = call.parameter("package_type").unwrap_or_default();
    if !KINDS.contains(&kind) {
        return Err(refuse_with(StatusCode::BAD_REQUEST, "Invalid argument.", LIST_DOCUMENTATION));
    }
    let page = Page::of(call);
    if page.number.saturating_mul(page.size) > DEEPEST {
        let message = "The value of `per_page` multiplied by `page` cannot be greater than 10000.";
        return Err(refuse_with(StatusCode::BAD_REQUEST, message, LIST_DOCUMENTATION));
    }
    let visibility = call.parameter("visibility");
    let login = owner.login.to_lowercase();
    let seen = |(name, package): &(&str, &Repository)| {
        visibility.is_none_or(|wanted| wanted == package.package().visibility.as_str())
            && state.role(Some(&token), &format!("{login}/{name}")) >= Role::Read
    };
    let packages: Vec<_> = state.packages(&login).filter(|_| kind == "container").filter(seen).collect();
    let total = packages.len();
    let objects: Vec<Value> =
        page.cut(packages).into_iter().map(|(name, package)| object(state, call, owner, name, package)).collect();
    let path = match (base, owner.kind) {
        (Base::Own, _) => "/user/packages".to_owned(),
        (_, OwnerKind::Organization) => format!("/organizations/{}/packages", owner.id),
        (_, OwnerKind::User) => format!("/user/{}/packages", owner.id),
    };
    Ok(page.answer(call, &path, total, &objects))
}

/// Answers `GET {base}/packages/{type}/{name}`.
pub(super) fn get(scene: &Scene<'_>, base: &Base<'_>, kind: &str, name: &str) -> Result<Answer, Answer> {
    let place = place(scene, base, kind, name, (Access::Read, "get a package"))?;
    let (owner, _) = owner(scene.state, scene.call, base)?;
    let package = scene.state.repository(&place.key).ok_or_else(package_not_found)?;
    Ok(Answer::json(StatusCode::OK, &object(scene.state, scene.call, owner, name, package)))
}

/// Answers `DELETE {base}/packages/{type}/{name}`.
pub(super) fn delete(scene: &mut Scene<'_>, base: &Base<'_>, kind: &str, name: &str) -> Result<Answer, Answer> {
    let place = place(scene, base, kind, name, (Access::Delete, "delete a package"))?;
    match scene.state.delete_package(&place.key) {
        Ok(()) => Ok(Answer::new(StatusCode::NO_CONTENT)),
        Err(Refusal::Downloads) => {
            let message = "Publicly visible packages with more than 5000 downloads cannot be deleted. Contact GitHub \
                           support for further assistance.";
            Err(refuse(StatusCode::BAD_REQUEST, message))
        }
        Err(Refusal::Gone | Refusal::LastTagged | Refusal::Taken) => Err(package_not_found()),
    }
}

/// Answers `POST {base}/packages/{type}/{name}/restore`.
pub(super) fn restore(scene: &mut Scene<'_>, base: &Base<'_>, kind: &str, name: &str) -> Result<Answer, Answer> {
    let place = place(scene, base, kind, name, (Access::Restore, "restore a package"))?;
    match scene.state.restore_package(&place.key) {
        Ok(()) => Ok(Answer::new(StatusCode::NO_CONTENT)),
        Err(Refusal::Gone | Refusal::Downloads | Refusal::LastTagged | Refusal::Taken) => Err(package_not_found()),
    }
}
