//! The words for what is in order, and for what no read can tell.

use chrono::SecondsFormat;

use crate::{
    model::{OwnerKind, Pages, RateLimit, RepositoryName, Right, TokenKind, Trap},
    policy::doctor::{Fine, Open},
    report::words::quoted,
};

fn linked(repository: Option<&RepositoryName>) -> String {
    repository.map_or_else(|| "no repository".to_owned(), |repository| format!("`{repository}`"))
}

/// Says what is in order.
pub(super) fn fine(fine: &Fine) -> String {
    match fine {
        Fine::Token { kind, login, scopes } => {
            let whose = login.as_ref().map(|login| format!(" of `{}`", quoted(login))).unwrap_or_default();
            let scopes: Vec<String> = scopes.iter().map(|scope| format!("`{}`", quoted(scope))).collect();
            let with = if scopes.is_empty() { String::new() } else { format!(", with {}", scopes.join(", ")) };
            match kind {
                // That of an App is a finding of its own.
                TokenKind::Installation => "it is a job's token".to_owned(),
                kind => format!("it is {kind}{whose}{with}"),
            }
        }
        Fine::Granted { permission } => format!("the workflow grants `{permission}` to this job"),
        Fine::Budget { limit: RateLimit { limit, remaining, reset }, listing } => {
            let until = reset.to_rfc3339_opts(SecondsFormat::Secs, true);
            let left = format!("{remaining} of {limit} requests are left until {until}");
            match remaining.saturating_sub(*listing) {
                _ if *listing == 0 => left,
                deletions => format!("{left}: listing takes {listing}, and {deletions} deletions can be paid"),
            }
        }
        Fine::NoLimits => "this server has no rate limits".to_owned(),
        Fine::Clock => "this machine's clock agrees with GitHub's".to_owned(),
        Fine::Repository => "what `keep` asks about can be read".to_owned(),
        Fine::ElsewhereHost => {
            "it is in a registry that is not GitHub's: it is pushed to, and never cleaned up".to_owned()
        }
        Fine::Owner { kind: OwnerKind::User } => "its owner is a user".to_owned(),
        Fine::Owner { kind: OwnerKind::Organization } => "its owner is an organisation".to_owned(),
        Fine::Package { versions: Some(1) } => "it has 1 version".to_owned(),
        Fine::Package { versions: Some(versions) } => format!("it has {versions} versions"),
        Fine::Package { versions: None } => "it is there".to_owned(),
        Fine::WillBeMade => {
            "it is not there yet: the first push makes it, linked to this repository and administered by it".to_owned()
        }
        Fine::Linked { repository } => format!("it is linked to this repository, `{repository}`"),
        Fine::LinkedAnywhere { repository } => {
            format!("it is linked to {}, which does not matter to this token", linked(repository.as_ref()))
        }
        Fine::OwnersToken => "the token is its owner's, who may do everything with it".to_owned(),
        Fine::Visibility { visibility } => format!("it is {}", quoted(visibility)),
        Fine::Pull => "the registry lets it be read".to_owned(),
        Fine::Restore => "deleted versions can be listed, and so restored".to_owned(),
    }
}

/// Names what is in order, for programs.
pub(super) const fn fine_kind(fine: &Fine) -> &'static str {
    match fine {
        Fine::Token { .. } => "token",
        Fine::Granted { .. } => "granted",
        Fine::Budget { .. } => "budget",
        Fine::NoLimits => "no-limits",
        Fine::Clock => "clock",
        Fine::Repository => "repository",
        Fine::ElsewhereHost => "another-registry",
        Fine::Owner { .. } => "owner",
        Fine::Package { .. } => "package",
        Fine::WillBeMade => "will-be-made",
        Fine::Linked { .. } => "linked",
        Fine::LinkedAnywhere { .. } => "link-does-not-matter",
        Fine::OwnersToken => "owners-token",
        Fine::Visibility { .. } => "visibility",
        Fine::Pull => "pull",
        Fine::Restore => "restore",
    }
}

/// Says what cannot be told.
pub(super) fn open(open: &Open) -> String {
    match open {
        Open::JobsRole { right } => format!(
            "which role this repository has on it is in no answer: {} takes the role {}, which it has where its own \
             workflow pushed the first version",
            deed(*right),
            right.role()
        ),
        Open::OwnersRole { right } => format!(
            "which role the token's owner has on it is in no answer: {} takes the role {}",
            deed(*right),
            right.role()
        ),
        Open::Permissions { right } => {
            format!("whether the job has `{}` is in no answer, and its workflow file is not here", right.permission())
        }
        Open::NotAsked => "it was not asked about, since the token is of no use or has no requests left".to_owned(),
    }
}

const fn deed(right: Right) -> &'static str {
    match right {
        Right::Read => "reading",
        Right::Write => "pushing",
        Right::Delete => "deleting",
    }
}

/// Says where somebody can look who is not a program.
pub(super) fn open_remedy(open: &Open, pages: &Pages<'_>) -> (Option<String>, Option<String>) {
    match open {
        Open::JobsRole { .. } => (Some("look under \"Manage Actions access\"".to_owned()), pages.package_settings()),
        Open::OwnersRole { .. } => {
            (Some("look under \"Inherited access\" and \"Manage access\"".to_owned()), pages.package_settings())
        }
        Open::Permissions { right } => (Some(Trap::NoPermission { right: *right }.remedy()), None),
        Open::NotAsked => (None, None),
    }
}

/// Names what cannot be told, for programs.
pub(super) const fn open_kind(open: &Open) -> &'static str {
    match open {
        Open::JobsRole { .. } | Open::OwnersRole { .. } => "role-not-known",
        Open::Permissions { .. } => "permissions-not-known",
        Open::NotAsked => "not-asked",
    }
}
