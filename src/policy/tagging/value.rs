//! What each value of a template is, for one event.

use chrono::Datelike as _;

use super::fit::{Fit, describe};
use crate::{
    event::{Context, Subject},
    policy::template::Variable,
};

/// Gives a value's text, or says why it has none.
pub(super) fn value(
    variable: &Variable,
    fit: &Fit,
    context: &Context,
    short_sha_length: usize,
) -> Result<String, String> {
    let missing = |why: &str| format!("`{{{{{variable}}}}}` has no value: {why}");
    let sha = || {
        if context.built_elsewhere {
            return Err(missing("input `ref` says that something else was built than this run's commit"));
        }
        context.sha.clone().ok_or_else(|| missing("neither GITHUB_SHA nor the payload names a commit"))
    };
    let version = || fit.version.as_ref().ok_or_else(|| missing("the event names no version"));
    let group = |number: usize| {
        fit.captures
            .get(number - 1)
            .cloned()
            .ok_or_else(|| missing(&format!("`{}` has no wildcard number {number}", fit.condition)))
    };
    Ok(match variable {
        Variable::Branch(None) => match &context.subject {
            Subject::Branch(name) => name.clone(),
            other => return Err(missing(&format!("the run is about {}", describe(other)))),
        },
        Variable::GitTag(None) => match &context.subject {
            Subject::Tag(name) => name.clone(),
            other => return Err(missing(&format!("the run is about {}", describe(other)))),
        },
        Variable::Branch(Some(number)) | Variable::GitTag(Some(number)) => group(*number)?,
        Variable::Number => match context.subject {
            Subject::PullRequest(Some(number)) => number.to_string(),
            _ => return Err(missing("the run is about no pull request")),
        },
        Variable::Sha => sha()?.abbreviated(short_sha_length).to_owned(),
        Variable::ShaFull => match sha()? {
            full if full.is_full() => full.as_str().to_owned(),
            short => return Err(missing(&format!("only `{short}` of the commit is known"))),
        },
        Variable::Version => version()?.to_string(),
        Variable::Major => version()?.major.to_string(),
        Variable::Minor => version()?.minor.to_string(),
        Variable::Patch => version()?.patch.to_string(),
        Variable::Prerelease => version()?.pre.to_string(),
        Variable::BaseRef => context.base_ref.clone().ok_or_else(|| missing("the event names no base branch"))?,
        Variable::Date(format) => {
            year_is_usual(context.now.year()).map_err(missing)?;
            format.show(&context.now)
        }
        Variable::CommitDate(format) => {
            if context.built_elsewhere {
                sha()?;
            }
            let date = context.commit_date.ok_or_else(|| {
                missing("the payload does not say when the commit was made, and neither the clone nor the API could be asked")
            })?;
            year_is_usual(date.to_utc().year()).map_err(missing)?;
            format.show(&date)
        }
        Variable::RunNumber => context
            .run_number
            .map(|number| number.to_string())
            .ok_or_else(|| missing("GITHUB_RUN_NUMBER is not set"))?,
    })
}

/// Refuses times that formats show with a sign or with five digits: no tag could be read back.
fn year_is_usual(year: i32) -> Result<(), &'static str> {
    if (1970..=9998).contains(&year) { Ok(()) } else { Err("the time is before 1970 or after 9998") }
}
