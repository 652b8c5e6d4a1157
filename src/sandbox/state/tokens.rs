//! Tokens and what they may do.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::State;
use crate::model::Secret;

/// What somebody may do with a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Nothing: the package does not exist for them.
    None,
    /// Reading.
    Read,
    /// And pushing.
    Write,
    /// And deleting, restoring, settings.
    Admin,
}

/// The kinds of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A classic personal access token.
    Classic {
        /// Whose it is.
        login: String,
        /// Its scopes, such as `read:packages`.
        scopes: BTreeSet<String>,
    },
    /// The GITHUB_TOKEN of a workflow.
    Workflow {
        /// The repository that the workflow runs in, `owner/name`.
        repository: String,
        /// What the job's `permissions` say of `packages`: none, read, or write (an admin role means the same).
        packages: Role,
    },
    /// A fine-grained personal access token: there is no packages permission that it could have.
    FineGrained {
        /// Whose it is.
        login: String,
    },
}

/// A token.
#[derive(Clone, Debug)]
pub struct Token {
    /// Its text.
    pub secret: Secret,
    /// A number for messages and limits: that of its user or installation.
    pub id: u64,
    /// Its kind and rights.
    pub kind: TokenKind,
}

impl Token {
    /// Tells whether it may do what a classic token needs `scope` for. Writing packages includes reading them.
    #[must_use]
    pub fn has_scope(&self, scope: &str) -> bool {
        match &self.kind {
            TokenKind::Classic { login: _, scopes } => {
                scopes.contains(scope) || (scope == "read:packages" && scopes.contains("write:packages"))
            }
            TokenKind::Workflow { repository: _, packages } => match scope {
                "read:packages" => *packages >= Role::Read,
                _ => *packages >= Role::Write,
            },
            TokenKind::FineGrained { login: _ } => false,
        }
    }

    /// Returns the user that it acts for, if that is one.
    #[must_use]
    pub fn login(&self) -> Option<&str> {
        match &self.kind {
            TokenKind::Classic { login, scopes: _ } | TokenKind::FineGrained { login } => Some(login),
            TokenKind::Workflow { .. } => None,
        }
    }

    /// Returns what its limits are counted by: all tokens of a user share theirs.
    #[must_use]
    pub fn limited_as(&self) -> String {
        match &self.kind {
            TokenKind::Classic { login, scopes: _ } | TokenKind::FineGrained { login } => {
                format!("user:{}", login.to_lowercase())
            }
            TokenKind::Workflow { repository, packages: _ } => format!("repository:{}", repository.to_lowercase()),
        }
    }
}

/// All scopes that have to do with packages and repositories.
pub const ALL_SCOPES: [&str; 5] = ["delete:packages", "read:packages", "repo", "workflow", "write:packages"];

impl TokenKind {
    /// Makes a classic token with some scopes.
    #[must_use]
    pub fn classic(login: &str, scopes: &[&str]) -> Self {
        Self::Classic { login: login.to_owned(), scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect() }
    }
}

impl State {
    /// Makes a token known, in place of one with the same text.
    pub fn add_token(&mut self, secret: Secret, kind: TokenKind) {
        let id = match &kind {
            TokenKind::Classic { login, .. } | TokenKind::FineGrained { login } => match self.owner(login) {
                Some(owner) => owner.id,
                None => self.add_owner(login, super::OwnerKind::User).id,
            },
            TokenKind::Workflow { .. } => self.next_id(),
        };
        self.tokens.retain(|token| token.secret != secret);
        self.tokens.push(Token { secret, id, kind });
    }

    /// Makes a token unknown: it has run out, or was revoked.
    pub fn revoke_token(&mut self, text: &str) {
        self.tokens.retain(|token| token.secret.expose() != text);
    }

    /// Returns a token by its text.
    #[must_use]
    pub fn token(&self, text: &str) -> Option<&Token> {
        self.tokens.iter().find(|token| token.secret.expose() == text)
    }

    /// Returns the user of the configured token, if there is one.
    #[must_use]
    pub fn site_admin(&self) -> Option<&str> {
        Some(self.site_admin.as_str()).filter(|login| !login.is_empty())
    }

    /// Makes a user an administrator of everything.
    pub fn set_site_admin(&mut self, login: &str) {
        self.site_admin = login.to_lowercase();
    }

    /// Tells what a token's holder may do with a package; scopes are another question. A role that the package itself
    /// names wins, then one of the owner's members; a public package can be read by everybody.
    #[must_use]
    pub fn role(&self, token: Option<&Token>, repository: &str) -> Role {
        self.repository(repository).map_or(Role::None, |package| self.role_on(package, token, repository))
    }

    /// Tells what a token's holder may do with a package that was deleted: as much as before.
    #[must_use]
    pub fn role_on_deleted(&self, token: &Token, repository: &str) -> Role {
        self.deleted_package(repository).map_or(Role::None, |package| self.role_on(package, Some(token), repository))
    }

    fn role_on(&self, package: &super::Repository, token: Option<&Token>, repository: &str) -> Role {
        let everybody = if package.is_public() { Role::Read } else { Role::None };
        let Some(token) = token else { return everybody };
        let holder = token.limited_as();
        if let Some(role) = package.package.roles.get(&holder) {
            return (*role).max(everybody);
        }
        let Some(login) = token.login().map(str::to_lowercase) else { return everybody };
        let owner = repository.split('/').next().unwrap_or_default();
        let as_member = self.owner(owner).and_then(|owner| owner.members.get(&login).copied());
        match as_member {
            Some(role) => role.max(everybody),
            None if login == owner || login == self.site_admin => Role::Admin,
            None => everybody,
        }
    }

    /// Tells what a token's holder may do with a package through the registry, where pushing may make it.
    #[must_use]
    pub fn registry_role(&self, token: &Token, repository: &str) -> Role {
        let published = self.repository(repository).is_some_and(super::Repository::is_published);
        let owner = repository.split('/').next().unwrap_or_default();
        let is_public = self.repository(repository).is_some_and(super::Repository::is_public);
        let role = match &token.kind {
            TokenKind::Workflow { repository: own, packages: _ } if !published => {
                let same_owner = own.split('/').next().is_some_and(|own| own.eq_ignore_ascii_case(owner));
                if same_owner { Role::Admin } else { Role::None }
            }
            TokenKind::Workflow { .. } => self.role(Some(token), repository),
            TokenKind::Classic { login, .. } | TokenKind::FineGrained { login } if !published => {
                let login = login.to_lowercase();
                let member = self.owner(owner).and_then(|owner| owner.members.get(&login).copied());
                let own = login == owner || login == self.site_admin;
                member.unwrap_or(if own { Role::Admin } else { Role::None })
            }
            TokenKind::Classic { .. } | TokenKind::FineGrained { .. } => self.role(Some(token), repository),
        };
        let allowed = if token.has_scope("write:packages") {
            Role::Admin
        } else if token.has_scope("read:packages") || is_public {
            Role::Read
        } else {
            Role::None
        };
        role.min(allowed)
    }

    /// Makes a package that a workflow is about to publish first the package of its repository.
    pub fn claim(&mut self, token: &Token, repository: &str) {
        let TokenKind::Workflow { repository: own, packages: _ } = &token.kind else { return };
        if self.repository(repository).is_some_and(super::Repository::is_published) {
            return;
        }
        self.set_role(repository, &token.limited_as(), Role::Admin);
        if let Some(source) = self.source(own).map(super::SourceRepository::full_name) {
            self.link_package(repository, Some(&source));
        }
    }

    /// Gives a user (`user:login`) or the workflows of a repository (`repository:owner/name`) a role on a package.
    pub fn set_role(&mut self, repository: &str, holder: &str, role: Role) {
        self.repository_mut(repository).package.roles.insert(holder.to_lowercase(), role);
    }
}
