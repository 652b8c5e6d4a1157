//! Package versions.

use hyper::StatusCode;
use serde::Serialize;

use super::{
    call::Scene,
    errors::{package_not_found, refuse, version_not_found},
    packages::{Access, Base, Place, place},
    paging::Page,
};
use crate::sandbox::{
    http::Answer,
    state::{Refusal, Repository, Time, Version},
};

/// A version on the wire. Lists have many of them, so nothing is copied that need not be.
#[derive(Serialize)]
struct Object<'a> {
    id: u64,
    name: String,
    url: String,
    package_html_url: String,
    created_at: String,
    updated_at: String,
    html_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted_at: Option<String>,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
struct Metadata<'a> {
    package_type: &'a str,
    container: Container<'a>,
}

#[derive(Serialize)]
struct Container<'a> {
    tags: Vec<&'a str>,
}

fn object<'a>(place: &Place, package: &'a Repository, version: &'a Version, deleted_show_tags: bool) -> Object<'a> {
    let own = match version.deleted {
        None => package.tags_of(&version.manifest.digest),
        Some(_) if deleted_show_tags => &version.tags_when_deleted,
        Some(_) => &[],
    };
    let ghosts = version.ghost_tags.iter().filter(|ghost| !own.contains(ghost));
    Object {
        id: version.id,
        name: version.manifest.digest.to_string(),
        url: format!("{}/versions/{}", place.urls.url, version.id),
        package_html_url: place.urls.package_html(),
        created_at: version.created.to_string(),
        updated_at: version.updated.to_string(),
        html_url: place.urls.version_html(version.id),
        deleted_at: version.deleted.map(|time: Time| time.to_string()),
        metadata: Metadata {
            package_type: "container",
            container: Container { tags: own.iter().chain(ghosts).map(|tag| tag.as_str()).collect() },
        },
    }
}

/// Answers `GET …/versions`.
pub(super) fn list(scene: &mut Scene<'_>, base: &Base<'_>, kind: &str, name: &str) -> Result<Answer, Answer> {
    let place = place(scene, base, kind, name, (Access::Read, "get a package's versions"))?;
    let deleted = match scene.call.parameter("state") {
        None | Some("active") => false,
        Some("deleted") => {
            scene.state.expire(&place.key);
            true
        }
        Some(_) => return Err(refuse(StatusCode::BAD_REQUEST, "Invalid argument.")),
    };
    let shows_tags = scene.state.habits().deleted_show_tags;
    let package = scene.state.repository(&place.key).ok_or_else(package_not_found)?;
    let page = Page::of(scene.call);
    let versions = package.version_page(deleted, page.skip(), page.size);
    let objects: Vec<_> = versions.map(|version| object(&place, package, version, shows_tags)).collect();
    let path = format!("{}/versions", place.urls.numbered);
    Ok(page.answer(scene.call, &path, package.version_count(deleted), &objects))
}

/// Answers `GET …/versions/{id}`.
pub(super) fn get(scene: &Scene<'_>, base: &Base<'_>, kind: &str, name: &str, id: &str) -> Result<Answer, Answer> {
    let place = place(scene, base, kind, name, (Access::Read, "get a package version"))?;
    let package = scene.state.repository(&place.key).ok_or_else(package_not_found)?;
    let version = id.parse().ok().and_then(|id| package.version(id)).filter(|version| version.deleted.is_none());
    let version = version.ok_or_else(version_not_found)?;
    let body = serde_json::to_string(&object(&place, package, version, false)).unwrap_or_default();
    Ok(Answer::new(StatusCode::OK).body("application/json", body))
}

/// Answers `DELETE …/versions/{id}`.
pub(super) fn delete(
    scene: &mut Scene<'_>,
    base: &Base<'_>,
    kind: &str,
    name: &str,
    id: &str,
) -> Result<Answer, Answer> {
    let place = place(scene, base, kind, name, (Access::Delete, "delete a package version"))?;
    let id = id.parse().map_err(|_| version_not_found())?;
    let refusal = match scene.state.delete_version(&place.key, id) {
        Ok(()) => return Ok(Answer::new(StatusCode::NO_CONTENT)),
        Err(refusal) => refusal,
    };
    let message = match refusal {
        Refusal::Gone | Refusal::Taken => return Err(version_not_found()),
        Refusal::Downloads => {
            "Publicly visible package versions with more than 5000 downloads cannot be deleted. Contact GitHub support \
             for further assistance."
        }
        Refusal::LastTagged => {
            "You cannot delete the last tagged version of a package. You must delete the package instead."
        }
    };
    Err(refuse(StatusCode::BAD_REQUEST, message))
}

/// Answers `POST …/versions/{id}/restore`.
pub(super) fn restore(
    scene: &mut Scene<'_>,
    base: &Base<'_>,
    kind: &str,
    name: &str,
    id: &str,
) -> Result<Answer, Answer> {
    let place = place(scene, base, kind, name, (Access::Restore, "restore a package version"))?;
    let id = id.parse().map_err(|_| version_not_found())?;
    match scene.state.restore_version(&place.key, id) {
        Ok(()) => Ok(Answer::new(StatusCode::NO_CONTENT)),
        Err(Refusal::Gone | Refusal::Downloads | Refusal::LastTagged | Refusal::Taken) => Err(version_not_found()),
    }
}
