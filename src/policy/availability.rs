//! Which value a template can have on which event: the table that the policy file is checked against.

use super::{rules::Condition, template::Variable};

impl Variable {
    /// Tells whether the value exists whenever `condition` fits.
    ///
    /// # Errors
    /// Says why not, as a sentence.
    pub fn available_on(&self, condition: &Condition) -> Result<(), String> {
        let only = |places: &str| Err(format!("`{{{{{self}}}}}` has a value only on {places}"));
        match self {
            Self::Sha | Self::ShaFull | Self::Date(_) | Self::CommitDate(_) | Self::RunNumber => Ok(()),
            Self::Branch(None) => match condition {
                Condition::Branch(_) | Condition::Schedule | Condition::Dispatch => Ok(()),
                Condition::Release(_)
                | Condition::Prerelease(_)
                | Condition::Tag(_)
                | Condition::PullRequest
                | Condition::MergeGroup
                | Condition::Metadata(_)
                | Condition::Latest(_) => only("`branch`, `schedule` and `dispatch`"),
            },
            Self::Branch(Some(number)) => match condition {
                Condition::Branch(glob) => wildcard(*number, glob.wildcards(), condition),
                Condition::Release(_)
                | Condition::Prerelease(_)
                | Condition::Tag(_)
                | Condition::PullRequest
                | Condition::Schedule
                | Condition::Dispatch
                | Condition::MergeGroup
                | Condition::Metadata(_)
                | Condition::Latest(_) => only("`branch` with a pattern"),
            },
            Self::GitTag(None) => match condition {
                Condition::Release(_) | Condition::Prerelease(_) | Condition::Tag(_) | Condition::Dispatch => Ok(()),
                Condition::Branch(_)
                | Condition::PullRequest
                | Condition::Schedule
                | Condition::MergeGroup
                | Condition::Metadata(_)
                | Condition::Latest(_) => only("`release`, `prerelease`, `tag` and `dispatch`"),
            },
            Self::GitTag(Some(number)) => match condition {
                Condition::Release(Some(glob)) | Condition::Prerelease(Some(glob)) | Condition::Tag(glob) => {
                    wildcard(*number, glob.wildcards(), condition)
                }
                Condition::Release(None)
                | Condition::Prerelease(None)
                | Condition::Branch(_)
                | Condition::PullRequest
                | Condition::Schedule
                | Condition::Dispatch
                | Condition::MergeGroup
                | Condition::Metadata(_)
                | Condition::Latest(_) => only("`release`, `prerelease` and `tag` with a pattern"),
            },
            Self::Number => match condition {
                Condition::PullRequest => Ok(()),
                Condition::Release(_)
                | Condition::Prerelease(_)
                | Condition::Tag(_)
                | Condition::Branch(_)
                | Condition::Schedule
                | Condition::Dispatch
                | Condition::MergeGroup
                | Condition::Metadata(_)
                | Condition::Latest(_) => only("`pull request`"),
            },
            Self::Version | Self::Major | Self::Minor | Self::Patch => match condition {
                Condition::Release(_) | Condition::Prerelease(_) => Ok(()),
                Condition::Tag(_)
                | Condition::Branch(_)
                | Condition::PullRequest
                | Condition::Schedule
                | Condition::Dispatch
                | Condition::MergeGroup
                | Condition::Metadata(_)
                | Condition::Latest(_) => only("`release` and `prerelease`"),
            },
            Self::Prerelease => match condition {
                Condition::Prerelease(_) => Ok(()),
                Condition::Release(_)
                | Condition::Tag(_)
                | Condition::Branch(_)
                | Condition::PullRequest
                | Condition::Schedule
                | Condition::Dispatch
                | Condition::MergeGroup
                | Condition::Metadata(_)
                | Condition::Latest(_) => only("`prerelease`"),
            },
            Self::BaseRef => match condition {
                Condition::PullRequest
                | Condition::MergeGroup
                | Condition::Tag(_)
                | Condition::Release(_)
                | Condition::Prerelease(_) => Ok(()),
                Condition::Branch(_)
                | Condition::Schedule
                | Condition::Dispatch
                | Condition::Metadata(_)
                | Condition::Latest(_) => only("`pull request`, `merge group`, `tag`, `release` and `prerelease`"),
            },
        }
    }
}

fn wildcard(number: usize, wildcards: usize, condition: &Condition) -> Result<(), String> {
    if number <= wildcards {
        return Ok(());
    }
    let has = match wildcards {
        0 => "no `*`".to_owned(),
        1 => "only one `*`".to_owned(),
        more => format!("only {more} `*`"),
    };
    Err(format!("`{condition}` has {has}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{glob::Glob, template::Template};

    #[test]
    fn each_value_exists_on_its_events_only() {
        let glob = |text: &str| Glob::parse(text).unwrap();
        let conditions = [
            Condition::Release(None),
            Condition::Prerelease(None),
            Condition::Release(Some(glob("app-v*"))),
            Condition::Tag(glob("docs-*")),
            Condition::Branch(glob("main")),
            Condition::Branch(glob("a/*/b/*")),
            Condition::PullRequest,
            Condition::Schedule,
            Condition::Dispatch,
            Condition::MergeGroup,
        ];
        for (name, expected) in [
            ("branch", "....xx.xx."),
            ("branch.1", ".....x...."),
            ("branch.2", ".....x...."),
            ("branch.3", ".........."),
            ("tag", "xxxx....x."),
            ("tag.1", "..xx......"),
            ("number", "......x..."),
            ("version", "xxx......."),
            ("major", "xxx......."),
            ("prerelease", ".x........"),
            ("base_ref", "xxxx..x..x"),
            ("sha", "xxxxxxxxxx"),
            ("sha.full", "xxxxxxxxxx"),
            ("run_number", "xxxxxxxxxx"),
            ("date 'YYYY'", "xxxxxxxxxx"),
            ("commit_date 'YYYY'", "xxxxxxxxxx"),
        ] {
            let template = Template::parse(&format!("{{{{{name}}}}}")).unwrap();
            let (variable, _) = template.variables().next().unwrap();
            let row: String =
                conditions.iter().map(|c| if variable.available_on(c).is_ok() { 'x' } else { '.' }).collect();
            assert_eq!(row, expected, "{name}");
        }
    }
}
