//! What a row may ask for that docker/metadata-action cannot do: attributes that it would ignore.

use std::collections::BTreeMap;

use super::{error::shown, rows::Kind};
use crate::policy::{
    config::{AmountError, keep_of},
    rules::{Immutable, Keep, While},
};

/// The attributes `rolling`, `immutable` and `keep`; without them a row does what it does there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Whether the tag only moves forward.
    pub rolling: bool,
    /// Whether the tag may be replaced.
    pub immutable: Immutable,
    /// How long the tag lives.
    pub keep: Keep,
}

impl Default for Extension {
    fn default() -> Self {
        Self { rolling: false, immutable: Immutable::No, keep: Keep::FOREVER }
    }
}

impl Extension {
    /// Reads the attributes.
    ///
    /// # Errors
    /// If a value is unknown, or makes no sense on a row of this kind.
    pub(super) fn read(kind: Kind, attributes: &BTreeMap<String, String>) -> Result<Self, String> {
        let attribute = |name: &str| attributes.get(name).map(String::as_str);
        let rolling = match attribute("rolling") {
            None | Some("false") => false,
            Some("true") => true,
            Some(other) => return Err(format!("`rolling` must be `true` or `false`, and is `{}`", shown(other))),
        };
        let immutable = match attribute("immutable") {
            None | Some("false") => Immutable::No,
            Some("true") => Immutable::Yes,
            Some(other) => return Err(format!("`immutable` must be `true` or `false`, and is `{}`", shown(other))),
        };
        let keep = match attribute("keep") {
            None => Keep::FOREVER,
            Some(text) => keep_of(text).map_err(|AmountError { problem, hint }| match hint {
                Some(hint) => format!("{problem} ({hint})"),
                None => problem,
            })?,
        };
        if rolling && immutable != Immutable::No {
            return Err("`rolling` tags move and `immutable` ones do not: choose one of them".to_owned());
        }
        if rolling
            && matches!(
                kind,
                Kind::Pep440 | Kind::Match | Kind::RefTag | Kind::RefPullRequest | Kind::ShaShort | Kind::ShaLong
            )
        {
            return Err(
                "`rolling` is for pointers: `type=semver` with `{{major}}` or `{{major}}.{{minor}}`, `ref` with \
                 `event=branch`, `edge`, `raw`, `schedule`"
                    .to_owned(),
            );
        }
        match keep.while_holds {
            Some(While::Open) if kind != Kind::RefPullRequest => {
                Err("`keep=while open` is for `type=ref,event=pr`".to_owned())
            }
            Some(While::BranchExists) if kind != Kind::RefBranch => {
                Err("`keep=while branch exists` is for `type=ref,event=branch`".to_owned())
            }
            _ => Ok(Self { rolling, immutable, keep }),
        }
    }
}
