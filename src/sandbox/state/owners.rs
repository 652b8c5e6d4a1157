//! Users and organisations.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Role, State, Time};

/// What kind of account owns packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnerKind {
    /// A person's account.
    User,
    /// An organisation.
    Organization,
}

/// A user or an organisation.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Owner {
    /// The number that paging links name.
    pub id: u64,
    /// The name, in the case in which it was written first.
    pub login: String,
    /// User or organisation.
    pub kind: OwnerKind,
    /// When the account came into being.
    pub created: Time,
    /// What users may do with all packages of the organisation, by lower-case login.
    pub members: BTreeMap<String, Role>,
    /// Whether the organisation enforces SAML and none of the tokens is authorised for it.
    pub saml: bool,
}

impl State {
    /// Adds an owner, or changes the kind of one that exists, and returns it to be changed further.
    pub fn add_owner(&mut self, login: &str, kind: OwnerKind) -> &mut Owner {
        self.touch();
        let key = login.to_lowercase();
        let (now, id) = (self.now(), self.next_id());
        let owner = self.owners.entry(key).or_insert_with(|| Owner {
            id,
            login: login.to_owned(),
            kind,
            created: now,
            members: BTreeMap::new(),
            saml: false,
        });
        owner.kind = kind;
        owner
    }

    /// Adds an owner unless it exists: as an organisation, which is what most owners of packages are.
    pub(super) fn ensure_owner(&mut self, login: &str) {
        if self.owner(login).is_none() {
            self.add_owner(login, OwnerKind::Organization);
        }
    }

    /// Returns an owner; the case of the login does not matter.
    #[must_use]
    pub fn owner(&self, login: &str) -> Option<&Owner> {
        match self.owners.get(login) {
            Some(owner) => Some(owner),
            None => self.owners.get(&login.to_lowercase()),
        }
    }

    /// Returns an owner by its number.
    #[must_use]
    pub fn owner_by_id(&self, id: u64) -> Option<&Owner> {
        self.owners.values().find(|owner| owner.id == id)
    }
}
