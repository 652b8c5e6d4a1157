//! What stands in the way of a run, judged before it is tried: facts that reads alone can find → findings with their reasons.
//! The words for them are in `report`, those of traps in [`Trap`].

mod finding;
mod image;
pub mod workflow;

use std::{collections::BTreeSet, ops::RangeInclusive};

use chrono::{DateTime, Utc};

pub use finding::{Check, Finding, Fine, Open, Reason, State};

use crate::{
    model::{ImageName, OwnerKind, RateLimit, RepositoryName, Right, TokenKind, Trap},
    policy::rules::{Policy, Visibility, While},
};
use workflow::{Granted, Level};

/// By how many seconds a clock may be off: certificates and tokens are dated by the minute.
const CLOCK_SECONDS: i64 = 300;

/// The requests an hour that tell the token of a GitHub App's installation from that of a job, which has 1,000, or 15,000 on
/// GitHub Enterprise Cloud (<https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>).
const APP_REQUESTS: RangeInclusive<u64> = 5_000..=12_500;

/// What the policy and the inputs will ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// Versions are deleted, some day.
    pub deletes: bool,
    /// Packages are listed by a pattern.
    pub lists: bool,
    /// Open pull requests keep tags.
    pub pull_requests: bool,
    /// Strangers should be able to pull.
    pub public: bool,
}

impl Needs {
    /// Returns what a policy asks for.
    #[must_use]
    pub fn of(policy: &Policy) -> Self {
        let keeps = || policy.rules.iter().map(|rule| &rule.keep);
        Self {
            deletes: policy.untagged.is_some() || keeps().any(|keep| !keep.forever),
            lists: false,
            pull_requests: keeps().any(|keep| keep.while_holds == Some(While::Open)),
            public: policy.visibility == Some(Visibility::Public),
        }
    }

    /// Returns the most that is done to a package.
    const fn right(self) -> Right {
        if self.deletes { Right::Delete } else { Right::Write }
    }
}

/// A request that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A trap, which says all.
    Trap(Trap),
    /// Anything else: what was said, bounded and without control characters, and the remedy.
    Other {
        /// What was tried and what became of it.
        said: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

/// The run itself.
#[derive(Clone, Debug, Default)]
pub struct RunFacts {
    /// Whether a workflow runs this.
    pub in_workflow: bool,
    /// Its repository.
    pub repository: Option<RepositoryName>,
    /// Whether it is a fork's pull request.
    pub is_of_fork: bool,
    /// Whether Dependabot started it.
    pub is_dependabots: bool,
    /// What the workflow file grants its job; `None` if that cannot be found.
    pub granted: Option<Granted>,
}

/// What the API says of the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its scopes, if it is of a kind that has some.
    pub scopes: Option<BTreeSet<String>>,
    /// Where it stands in its hour.
    pub limit: Option<RateLimit>,
    /// When the API answered, by its own clock.
    pub answered_at: DateTime<Utc>,
    /// Whose it is.
    pub login: Option<String>,
}

/// What the API says of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageSeen {
    /// `public`, `private` or `internal`.
    pub visibility: String,
    /// How many active versions it has.
    pub versions: Option<u64>,
    /// The source repository that it is linked to.
    pub repository: Option<RepositoryName>,
}

/// What was found out about an image. `None` was not asked.
#[derive(Clone, Debug)]
pub struct ImageFacts {
    /// The image.
    pub image: ImageName,
    /// What kind of account owns it.
    pub owner: Option<Result<OwnerKind, Refusal>>,
    /// Its package.
    pub package: Option<Result<PackageSeen, Refusal>>,
    /// Whether its deleted versions can be listed.
    pub deleted: Option<Result<(), Refusal>>,
    /// Whether the registry lets it be read, with the credentials that it is shown.
    pub pull: Option<Result<(), Refusal>>,
}

/// Everything that was found out.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What is wanted.
    pub needs: Needs,
    /// The kind of the token, if there is one.
    pub token: Option<TokenKind>,
    /// The run.
    pub run: RunFacts,
    /// What the API says of the token; `None` if there is none.
    pub standing: Option<Result<Standing, Refusal>>,
    /// This machine's time when it was asked.
    pub clock: DateTime<Utc>,
    /// Whether branches and releases can be read; `None` if nobody asked.
    pub contents: Option<Result<(), Refusal>>,
    /// Whether pull requests can be listed; `None` if nobody asked.
    pub pull_requests: Option<Result<(), Refusal>>,
    /// The host of GitHub's registry.
    pub ghcr_host: String,
    /// The images, in the policy's order.
    pub images: Vec<ImageFacts>,
}

/// Judges the facts: the findings about the run, then those about each image, in their order.
#[must_use]
pub fn judge(facts: &Facts) -> Vec<Finding> {
    let mut findings = token(facts);
    findings.extend(run(facts));
    findings.extend(budget(facts));
    findings.extend(repository(facts));
    for image in &facts.images {
        let about = |finding| Finding { image: Some(image.image.clone()), ..finding };
        findings.extend(image::judge(facts, image).into_iter().map(about));
    }
    findings
}

/// Tells whether there are images that the token is for.
fn has_packages(facts: &Facts) -> bool {
    facts.images.iter().any(|image| image.image.registry() == facts.ghcr_host)
}

fn token(facts: &Facts) -> Vec<Finding> {
    let Facts { needs, token, standing, .. } = facts;
    if !has_packages(facts) {
        return Vec::new();
    }
    let found = |state, trap| vec![Finding::trap(Check::Token, state, trap)];
    let Some(kind) = *token else {
        return found(State::Problem, Trap::NoToken { in_workflow: facts.run.in_workflow });
    };
    // Its beginning says all, whatever the API says.
    if kind == TokenKind::FineGrained {
        return found(State::Problem, Trap::FineGrained { right: needs.right() });
    }
    let standing = match standing {
        Some(Ok(standing)) => standing,
        Some(Err(refusal)) => return vec![Finding::refused(Check::Token, State::Problem, refusal)],
        None => return vec![Finding::open(Check::Token, Open::NotAsked)],
    };
    if needs.lists && kind == TokenKind::Installation {
        return found(State::Problem, Trap::CannotList);
    }
    let is_apps = match (kind, standing.limit) {
        (TokenKind::AppUser, _) => true,
        (TokenKind::Installation, Some(limit)) => APP_REQUESTS.contains(&limit.limit),
        (TokenKind::Installation, None) => !facts.run.in_workflow,
        _ => false,
    };
    if is_apps {
        return found(State::Warning, Trap::AppToken { right: needs.right() });
    }
    let scopes = standing.scopes.as_ref().filter(|_| kind.has_scopes());
    let missing = scopes.map(|scopes| needs.right().missing_scopes(scopes.iter().map(String::as_str)));
    if let Some(missing) = missing.filter(|missing| !missing.is_empty()) {
        return found(State::Problem, Trap::NoScope { kind, right: needs.right(), missing });
    }
    let scopes = scopes.map(|scopes| scopes.iter().filter(|scope| scope.ends_with(":packages")).cloned().collect());
    let fine = Fine::Token { kind, login: standing.login.clone(), scopes: scopes.unwrap_or_default() };
    vec![Finding::fine(Check::Token, fine)]
}

/// Judges event and permissions, which limit the token of a job and no other.
fn run(facts: &Facts) -> Vec<Finding> {
    let Facts { needs, token, run, .. } = facts;
    let RunFacts { in_workflow, repository: _, is_of_fork, is_dependabots, granted } = run;
    let mut findings = Vec::new();
    if !in_workflow || *token != Some(TokenKind::Installation) || !has_packages(facts) {
        return findings;
    }
    if *is_of_fork {
        return vec![Finding::trap(Check::Event, State::Problem, Trap::ForkPullRequest)];
    }
    if *is_dependabots {
        findings.push(Finding::trap(Check::Event, State::Warning, Trap::Dependabot));
    }
    let right = needs.right();
    findings.push(match granted {
        None => Finding::open(Check::Permissions, Open::Permissions { right }),
        Some(Granted::Unsaid) => Finding::trap(Check::Permissions, State::Warning, Trap::DefaultPermissions { right }),
        Some(Granted::Packages(level)) if *level < Level::Write => {
            Finding::trap(Check::Permissions, State::Problem, Trap::NoPermission { right })
        }
        Some(Granted::Packages(_)) => {
            Finding::fine(Check::Permissions, Fine::Granted { permission: right.permission() })
        }
    });
    findings
}

/// Judges the rest of the hour, and the clock.
fn budget(facts: &Facts) -> Vec<Finding> {
    let Some(Ok(Standing { limit, answered_at, .. })) = &facts.standing else { return Vec::new() };
    let mut findings = Vec::new();
    let packages = facts.images.iter().filter_map(|image| image.package.as_ref()?.as_ref().ok());
    // As a clean-up asks before it begins: the pages, the count after them, and one deletion.
    let listing: u64 = packages.filter_map(|package| Some(package.versions?.div_ceil(100) + 2)).sum();
    findings.push(match *limit {
        None => Finding::fine(Check::Budget, Fine::NoLimits),
        Some(limit) => {
            let RateLimit { limit: hour, remaining, reset } = limit;
            let requests = listing.max(1);
            let wanted = if facts.needs.deletes { State::Problem } else { State::Warning };
            if requests > hour {
                Finding::trap(Check::Budget, wanted, Trap::SmallHour { requests, limit: hour })
            } else if requests > remaining {
                Finding::trap(Check::Budget, State::Warning, Trap::SpentHour { requests, remaining, reset })
            } else {
                Finding::fine(Check::Budget, Fine::Budget { limit, listing })
            }
        }
    });
    let ahead = (facts.clock - *answered_at).num_seconds();
    findings.push(if ahead.abs() > CLOCK_SECONDS {
        Finding::trap(Check::Clock, State::Warning, Trap::WrongClock { ahead })
    } else {
        Finding::fine(Check::Clock, Fine::Clock)
    });
    findings
}

/// Judges whether what `keep` asks of the source repository can be read. What cannot be read keeps tags.
fn repository(facts: &Facts) -> Vec<Finding> {
    let asked = [&facts.contents, &facts.pull_requests];
    let refused: Vec<&Refusal> = asked.iter().filter_map(|asked| asked.as_ref()?.as_ref().err()).collect();
    if refused.is_empty() {
        let any = asked.iter().any(|asked| asked.is_some());
        return any.then(|| Finding::fine(Check::Repository, Fine::Repository)).into_iter().collect();
    }
    refused.into_iter().map(|refusal| Finding::refused(Check::Repository, State::Warning, refusal)).collect()
}
