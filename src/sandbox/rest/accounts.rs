//! Users and organisations.

use hyper::StatusCode;

use super::{
    call::Scene,
    errors::{not_for_integrations, not_found},
    objects::account,
};
use crate::sandbox::{
    http::Answer,
    state::{OwnerKind, TokenKind},
};

/// Answers `GET /user`.
pub(super) fn own(scene: &Scene<'_>) -> Result<Answer, Answer> {
    let token = scene.call.authenticated()?;
    match &token.kind {
        TokenKind::Workflow { .. } => Err(not_for_integrations()),
        TokenKind::Classic { login, .. } | TokenKind::FineGrained { login } => {
            let owner = scene.state.owner(login).ok_or_else(not_found)?;
            Ok(Answer::json(StatusCode::OK, &account::full(scene.call, owner)))
        }
    }
}

/// Answers `GET /users/{login}`, which knows organisations too.
pub(super) fn user(scene: &Scene<'_>, login: &str) -> Result<Answer, Answer> {
    let owner = scene.state.owner(login).ok_or_else(not_found)?;
    Ok(Answer::json(StatusCode::OK, &account::full(scene.call, owner)))
}

/// Answers `GET /orgs/{login}`.
pub(super) fn organization(scene: &Scene<'_>, login: &str) -> Result<Answer, Answer> {
    let owner = scene.state.owner(login).filter(|owner| owner.kind == OwnerKind::Organization);
    Ok(Answer::json(StatusCode::OK, &account::organization(scene.call, owner.ok_or_else(not_found)?)))
}

/// Answers `GET /user/{number}` and `GET /organizations/{number}`.
pub(super) fn by_number(scene: &Scene<'_>, number: Option<u64>) -> Result<Answer, Answer> {
    let owner = number.and_then(|number| scene.state.owner_by_id(number)).ok_or_else(not_found)?;
    Ok(Answer::json(
        StatusCode::OK,
        &match owner.kind {
            OwnerKind::User => account::full(scene.call, owner),
            OwnerKind::Organization => account::organization(scene.call, owner),
        },
    ))
}
