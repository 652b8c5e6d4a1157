//! The traps between tokens and packages: `docs/doctor.md` lists each with the sentence and the page that the program gives.

use std::fs;

use chrono::DateTime;
use ghcr_lifecycle::model::{ImageName, OwnerKind, Pages, RepositoryName, Right, TokenKind, Trap};

/// One of each kind, with the names that the document has.
fn each() -> Vec<Trap> {
    let (kind, right) = (TokenKind::Classic, Right::Delete);
    let repository = || "OTHER/REPOSITORY".parse::<RepositoryName>().unwrap();
    vec![
        Trap::NoToken { in_workflow: true },
        Trap::NoToken { in_workflow: false },
        Trap::BadToken { kind },
        Trap::BadToken { kind: TokenKind::Installation },
        Trap::FineGrained { right },
        Trap::AppToken { right },
        Trap::NoScope { kind, right, missing: vec!["delete:packages"] },
        Trap::NoScope { kind: TokenKind::OAuth, right, missing: vec!["delete:packages"] },
        Trap::SingleSignOn,
        Trap::CannotList,
        Trap::NoPermission { right },
        Trap::DefaultPermissions { right },
        Trap::JobAccess { right },
        Trap::UserAccess { right },
        Trap::Unseen { kind: TokenKind::Installation },
        Trap::Unseen { kind },
        Trap::NoOwner,
        Trap::NoAccounts,
        Trap::ForeignOwner { repository: repository() },
        Trap::LinkedElsewhere { repository: repository(), right },
        Trap::Unlinked { right },
        Trap::MadeByPerson,
        Trap::NoCreation,
        Trap::ForkPullRequest,
        Trap::Dependabot,
        Trap::NotPublic { visibility: "private".to_owned() },
        Trap::NoContents,
        Trap::NoPullRequests,
        Trap::SmallHour { requests: 1202, limit: 1000 },
        Trap::SpentHour { requests: 14, remaining: 3, reset: DateTime::UNIX_EPOCH },
        Trap::WrongClock { ahead: 630 },
        Trap::Unreachable,
        Trap::OtherHost { host: "ghcr.io".to_owned(), ghcr_host: "containers.HOST".to_owned() },
    ]
}

/// The names of all kinds; a new kind does not compile until it is in the list above, too.
fn is_listed(trap: &Trap, all: &[Trap]) -> bool {
    match trap {
        Trap::NoToken { .. }
        | Trap::BadToken { .. }
        | Trap::FineGrained { .. }
        | Trap::AppToken { .. }
        | Trap::NoScope { .. }
        | Trap::SingleSignOn
        | Trap::CannotList
        | Trap::NoPermission { .. }
        | Trap::DefaultPermissions { .. }
        | Trap::JobAccess { .. }
        | Trap::UserAccess { .. }
        | Trap::Unseen { .. }
        | Trap::NoOwner
        | Trap::NoAccounts
        | Trap::ForeignOwner { .. }
        | Trap::LinkedElsewhere { .. }
        | Trap::Unlinked { .. }
        | Trap::MadeByPerson
        | Trap::NoCreation
        | Trap::ForkPullRequest
        | Trap::Dependabot
        | Trap::NotPublic { .. }
        | Trap::NoContents
        | Trap::NoPullRequests
        | Trap::SmallHour { .. }
        | Trap::SpentHour { .. }
        | Trap::WrongClock { .. }
        | Trap::Unreachable
        | Trap::OtherHost { .. } => all.iter().any(|listed| listed.kind() == trap.kind()),
    }
}

/// A cell of a table on one line, without a link of its own.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace("1970-01-01T00:00:00Z", "TIME")
}

fn table() -> String {
    let image: ImageName = "ghcr.io/owner/name".parse().unwrap();
    let repository: RepositoryName = "OWNER/REPOSITORY".parse().unwrap();
    let pages = Pages {
        image: Some(&image),
        owner: Some(OwnerKind::Organization),
        repository: Some(&repository),
        ..Pages::of("https://github.com")
    };
    let settings = pages.package_settings().unwrap();
    let mut text = "| trap | what it says | what to do | where |\n|---|---|---|---|\n".to_owned();
    for trap in each() {
        let page = match trap.page(&pages) {
            None => String::new(),
            Some(page) if page == settings => "PACKAGE".to_owned(),
            Some(page) => format!("`{}`", page.replace("/owner", "/OWNER")),
        };
        let (kind, sentence, remedy) = (trap.kind(), cell(&trap.sentence()), cell(&trap.remedy()));
        text.push_str(&format!("| `{kind}` | {sentence} | {remedy} | {page} |\n"));
    }
    text
}

#[test]
fn the_document_has_every_trap_in_the_program_s_words() {
    let path = "docs/doctor.md";
    let text = fs::read_to_string(path).unwrap();
    let all = each();
    assert!(all.iter().all(|trap| is_listed(trap, &all)));
    let table = table();
    assert!(text.contains(&table), "{path} should have this table:\n{table}");
}

#[test]
fn sentences_and_remedies_fit_into_sentences() {
    for trap in each() {
        for text in [trap.sentence(), trap.remedy()] {
            assert!(!text.ends_with('.') && !text.contains('\n') && text.matches('`').count() % 2 == 0, "{text}");
        }
    }
}
