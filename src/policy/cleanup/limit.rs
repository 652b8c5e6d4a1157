//! `max-deletions`: a run that would delete more stops before the first.

use std::{fmt, str::FromStr};

use super::CleanupPlan;
use crate::model::untrusted::shown;

/// How much a run may delete of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxDeletions {
    /// This many versions.
    Number(usize),
    /// This share of its versions, in percent.
    Share(u8),
}

/// More would be deleted than the input `max-deletions` allows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("clean up {image}: {planned} of {versions} versions would be deleted, and `max-deletions` is {limit}")]
pub struct TooManyDeletions {
    /// The package.
    pub image: String,
    /// What the plan deletes: the number to allow.
    pub planned: usize,
    /// The versions of the package.
    pub versions: usize,
    /// What is allowed.
    pub limit: MaxDeletions,
}

impl TooManyDeletions {
    /// Returns what to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        format!("look at the plan; if it is right, set `max-deletions: {}`", self.planned)
    }
}

impl Default for MaxDeletions {
    /// Half of the versions.
    fn default() -> Self {
        Self::Share(50)
    }
}

impl MaxDeletions {
    /// A share never stops fewer: half of a small package is quickly reached and quickly restored.
    const FLOOR: usize = 20;

    /// Checks a plan. Placeholders that a clean-up left behind do not count.
    ///
    /// # Errors
    /// If it deletes more than this.
    pub fn check(self, plan: &CleanupPlan) -> Result<(), TooManyDeletions> {
        let planned = plan.deleted().filter(|version| !version.is_placeholder).count();
        let versions = plan.versions.len();
        let is_too_many = match self {
            Self::Number(number) => planned > number,
            Self::Share(percent) => planned >= Self::FLOOR && planned * 100 > versions * usize::from(percent),
        };
        if is_too_many {
            return Err(TooManyDeletions { image: plan.image.to_string(), planned, versions, limit: self });
        }
        Ok(())
    }
}

impl fmt::Display for MaxDeletions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(formatter, "{number}"),
            Self::Share(percent) => write!(formatter, "{percent} %"),
        }
    }
}

/// Text that is neither a number nor a share.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is neither a number nor a share, as in `200` or `50 %`")]
pub struct MaxDeletionsError {
    text: String,
}

impl FromStr for MaxDeletions {
    type Err = MaxDeletionsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || MaxDeletionsError { text: shown(text) };
        let trimmed = text.trim();
        match trimmed.strip_suffix('%') {
            Some(percent) => match percent.trim_end().parse::<u8>() {
                Ok(percent) if percent <= 100 => Ok(Self::Share(percent)),
                Ok(_) | Err(_) => Err(fail()),
            },
            None => trimmed.parse().map(Self::Number).map_err(|_| fail()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_shares_are_read() {
        for (text, limit) in
            [("200", MaxDeletions::Number(200)), ("50 %", MaxDeletions::Share(50)), ("5%", MaxDeletions::Share(5))]
        {
            assert_eq!(text.parse::<MaxDeletions>().unwrap(), limit);
        }
        for text in ["", "-1", "101 %", "half", "%"] {
            assert!(text.parse::<MaxDeletions>().is_err(), "{text}");
        }
    }
}
