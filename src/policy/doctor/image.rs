//! What stands between a token and one image.

use super::{Check, Facts, Finding, Fine, ImageFacts, Open, PackageSeen, Refusal, Standing, State};
use crate::model::{ImageName, OwnerKind, RepositoryName, TokenKind, Trap};

/// Judges one image.
pub(super) fn judge(facts: &Facts, image: &ImageFacts) -> Vec<Finding> {
    if image.image.registry() != facts.ghcr_host {
        return elsewhere(facts, image);
    }
    let mut findings = Vec::new();
    match &image.owner {
        Some(Ok(kind)) => findings.push(Finding::fine(Check::Owner, Fine::Owner { kind: *kind })),
        Some(Err(refusal)) => {
            findings.push(Finding::refused(Check::Owner, State::Problem, refusal));
            return findings;
        }
        None => {}
    }
    match &image.package {
        Some(Ok(package)) => findings.extend(there(facts, image, package)),
        Some(Err(refusal)) => {
            findings.push(absent(facts, image, refusal));
            return findings;
        }
        None => findings.push(Finding::open(Check::Package, Open::NotAsked)),
    }
    findings.extend(pull(image));
    match &image.deleted {
        Some(Ok(())) => findings.push(Finding::fine(Check::Restore, Fine::Restore)),
        Some(Err(refusal)) => findings.push(Finding::refused(Check::Restore, State::Warning, refusal)),
        None => {}
    }
    findings
}

/// An image of another registry only has to be readable there.
fn elsewhere(facts: &Facts, image: &ImageFacts) -> Vec<Finding> {
    let host = image.image.registry();
    let is_githubs = host == "ghcr.io" || host.starts_with("containers.");
    let mut findings = vec![if is_githubs {
        let trap = Trap::OtherHost { host: host.to_owned(), ghcr_host: facts.ghcr_host.clone() };
        Finding::trap(Check::Host, State::Warning, trap)
    } else {
        Finding::fine(Check::Host, Fine::ElsewhereHost)
    }];
    findings.extend(pull(image));
    findings
}

fn pull(image: &ImageFacts) -> Option<Finding> {
    match &image.pull {
        Some(Ok(())) => Some(Finding::fine(Check::Pull, Fine::Pull)),
        Some(Err(refusal)) => Some(Finding::refused(Check::Pull, State::Problem, refusal)),
        None => None,
    }
}

/// A package that the API shows.
fn there(facts: &Facts, image: &ImageFacts, package: &PackageSeen) -> Vec<Finding> {
    let PackageSeen { visibility, versions, repository } = package;
    let mut findings = vec![Finding::fine(Check::Package, Fine::Package { versions: *versions })];
    let link = link(facts, repository.as_ref());
    let is_linked = link.state == State::Ok;
    findings.push(link);
    findings.extend(role(facts, image, is_linked));
    findings.push(if facts.needs.public && visibility != "public" {
        Finding::trap(Check::Visibility, State::Warning, Trap::NotPublic { visibility: visibility.clone() })
    } else {
        Finding::fine(Check::Visibility, Fine::Visibility { visibility: visibility.clone() })
    });
    findings
}

/// The link gives a job's token its role; to others it means nothing.
fn link(facts: &Facts, linked: Option<&RepositoryName>) -> Finding {
    let right = facts.needs.right();
    if facts.token != Some(TokenKind::Installation) {
        return Finding::fine(Check::Link, Fine::LinkedAnywhere { repository: linked.cloned() });
    }
    match (linked, &facts.run.repository) {
        (None, _) => Finding::trap(Check::Link, State::Warning, Trap::Unlinked { right }),
        (Some(linked), Some(own)) if linked == own => {
            Finding::fine(Check::Link, Fine::Linked { repository: linked.clone() })
        }
        (Some(linked), Some(_)) => {
            let trap = Trap::LinkedElsewhere { repository: linked.clone(), right };
            Finding::trap(Check::Link, State::Warning, trap)
        }
        (Some(linked), None) => Finding::fine(Check::Link, Fine::LinkedAnywhere { repository: Some(linked.clone()) }),
    }
}

/// Which role somebody has is in no answer; but a user has all rights on what is theirs.
fn role(facts: &Facts, image: &ImageFacts, is_linked: bool) -> Option<Finding> {
    let right = facts.needs.right();
    match facts.token? {
        TokenKind::FineGrained => None,
        // The link is a finding already, on the same page.
        TokenKind::Installation if !is_linked => None,
        TokenKind::Installation => Some(Finding::open(Check::Role, Open::JobsRole { right })),
        TokenKind::Classic | TokenKind::OAuth | TokenKind::AppUser | TokenKind::Unknown => {
            let login = match &facts.standing {
                Some(Ok(Standing { login, .. })) => login.as_deref(),
                _ => None,
            };
            let is_own = image.owner == Some(Ok(OwnerKind::User))
                && login.zip(owner(&image.image)).is_some_and(|(login, owner)| login.eq_ignore_ascii_case(owner));
            Some(if is_own {
                Finding::fine(Check::Role, Fine::OwnersToken)
            } else {
                Finding::open(Check::Role, Open::OwnersRole { right })
            })
        }
    }
}

fn owner(image: &ImageName) -> Option<&str> {
    image.repository().split_once('/').map(|(owner, _)| owner)
}

/// A package that the API does not show: hidden, or not there. The registry's word is the second opinion.
fn absent(facts: &Facts, image: &ImageFacts, refusal: &Refusal) -> Finding {
    let Refusal::Trap(Trap::Unseen { kind }) = refusal else {
        return Finding::refused(Check::Package, State::Problem, refusal);
    };
    let is_jobs = *kind == TokenKind::Installation;
    match (&image.pull, &facts.run.repository) {
        // The registry says outright that there is something, and that it is not for this token.
        (Some(Err(Refusal::Trap(trap @ (Trap::JobAccess { .. } | Trap::UserAccess { .. })))), _) => {
            Finding::trap(Check::Package, State::Problem, trap.clone())
        }
        (_, Some(own))
            if is_jobs && owner(&image.image).is_some_and(|owner| !own.owner().eq_ignore_ascii_case(owner)) =>
        {
            Finding::trap(Check::Package, State::Problem, Trap::ForeignOwner { repository: own.clone() })
        }
        (Some(Ok(())), _) if is_jobs => Finding::fine(Check::Package, Fine::WillBeMade),
        (Some(Ok(())), _) => Finding::trap(Check::Package, State::Warning, Trap::MadeByPerson),
        _ => Finding::trap(Check::Package, State::Warning, Trap::Unseen { kind: *kind }),
    }
}
