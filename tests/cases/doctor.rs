//! `fixtures/doctor/*.toml`: what was found of a token and its images gives what `doctor` says.

use std::{collections::BTreeMap, path::Path};

use chrono::{DateTime, Duration};
use ghcr_lifecycle::{
    model::{OwnerKind, RateLimit, Right, TokenKind, Trap},
    policy::doctor::{
        Facts, ImageFacts, Needs, PackageSeen, Refusal, RunFacts, Standing, judge,
        workflow::{Granted, Level},
    },
    report::doctor::Report,
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    about: String,
    /// Of `deletes`, `lists`, `pull-requests`, `public`.
    #[serde(default)]
    needs: Vec<String>,
    /// The beginning of the token; without it there is none.
    token: Option<String>,
    scopes: Option<Vec<String>>,
    login: Option<String>,
    /// The requests of an hour, and those that are left.
    hour: Option<(u64, u64)>,
    /// What the API said in the place of all that.
    refused: Option<String>,
    #[serde(default)]
    clock_ahead: i64,
    #[serde(default)]
    run: Run,
    contents: Option<String>,
    pull_requests: Option<String>,
    image: Vec<Image>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Run {
    workflow: bool,
    repository: Option<String>,
    fork: bool,
    dependabot: bool,
    granted: Option<String>,
}

/// What is left out was not asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Image {
    name: String,
    owner: Option<String>,
    package: Option<Package>,
    deleted: Option<String>,
    pull: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Package {
    Refused(String),
    Seen { visibility: String, versions: Option<u64>, repository: Option<String> },
}

/// The refusals by the names that programs know them by; any other text is one that nobody knows.
fn refusal(name: &str, kind: TokenKind, right: Right) -> Refusal {
    Refusal::Trap(match name {
        "bad-token" => Trap::BadToken { kind },
        "single-sign-on" => Trap::SingleSignOn,
        "unreachable" => Trap::Unreachable,
        "no-owner" => Trap::NoOwner,
        "no-accounts" => Trap::NoAccounts,
        "package-unseen" => Trap::Unseen { kind },
        "job-access" => Trap::JobAccess { right },
        "user-access" => Trap::UserAccess { right },
        "no-contents" => Trap::NoContents,
        "no-pull-requests" => Trap::NoPullRequests,
        other => return Refusal::Other { said: other.to_owned(), hint: Some("run it again later".to_owned()) },
    })
}

pub(crate) fn doctor(path: &Path) -> datatest_stable::Result<()> {
    let case: Case = toml::from_str(&std::fs::read_to_string(path)?)?;
    let kind = case.token.as_ref().map(|text| TokenKind::of(&ghcr_lifecycle::model::Secret::new(text).unwrap()));
    let refuse = |name: &str| refusal(name, kind.unwrap_or(TokenKind::Unknown), Right::Read);
    let asked = |answer: &Option<String>| {
        answer.as_ref().map(|answer| if answer == "ok" { Ok(()) } else { Err(refuse(answer)) })
    };
    let needs = |name: &str| case.needs.iter().any(|need| need == name);
    let answered_at = DateTime::from_timestamp(1_772_366_400, 0).unwrap();
    let standing = match (&case.refused, kind) {
        (_, None | Some(TokenKind::FineGrained)) => None,
        (Some(name), _) => Some(Err(refuse(name))),
        (None, Some(_)) => Some(Ok(Standing {
            scopes: case.scopes.clone().map(|scopes| scopes.into_iter().collect()),
            limit: case.hour.map(|(limit, remaining)| RateLimit {
                limit,
                remaining,
                reset: answered_at + Duration::minutes(40),
            }),
            answered_at,
            login: case.login.clone(),
        })),
    };
    let image = |image: &Image| ImageFacts {
        image: image.name.parse().unwrap(),
        owner: image.owner.as_ref().map(|owner| match &**owner {
            "user" => Ok(OwnerKind::User),
            "organization" => Ok(OwnerKind::Organization),
            other => Err(refuse(other)),
        }),
        package: image.package.as_ref().map(|package| match package {
            Package::Refused(name) => Err(refuse(name)),
            Package::Seen { visibility, versions, repository } => Ok(PackageSeen {
                visibility: visibility.clone(),
                versions: *versions,
                repository: repository.as_ref().map(|name| name.parse().unwrap()),
            }),
        }),
        deleted: asked(&image.deleted),
        pull: asked(&image.pull),
    };
    let facts = Facts {
        needs: Needs {
            deletes: needs("deletes"),
            lists: needs("lists"),
            pull_requests: needs("pull-requests"),
            public: needs("public"),
        },
        token: kind,
        run: RunFacts {
            in_workflow: case.run.workflow,
            repository: case.run.repository.as_ref().map(|name| name.parse().unwrap()),
            is_of_fork: case.run.fork,
            is_dependabots: case.run.dependabot,
            granted: case.run.granted.as_deref().map(|level| {
                let levels = BTreeMap::from([("none", Level::None), ("read", Level::Read), ("write", Level::Write)]);
                levels.get(level).map_or(Granted::Unsaid, |level| Granted::Packages(*level))
            }),
        },
        standing,
        clock: answered_at + Duration::seconds(case.clock_ahead),
        contents: asked(&case.contents),
        pull_requests: asked(&case.pull_requests),
        ghcr_host: "ghcr.io".to_owned(),
        images: case.image.iter().map(image).collect(),
    };
    let report = Report::of(&facts, judge(&facts), "https://github.com", facts.run.repository.as_ref());
    crate::snapshot(path, &case.about, &report.text());
    Ok(())
}
