//! `release-notes`: the digests of what a release published, in the text of its GitHub release. It never fails the push.

use crate::{
    app::plan::Job,
    model::{Tag, untrusted::shown},
    policy::inversion::Role,
    ports::{PortError, PortErrorKind, ReleaseText, ReleaseTexts},
    report::{
        Report,
        release_notes::{ReleasedDigest, TooLong, with_digests},
        words,
    },
};

/// How often the text is written: another run may write its own table into the same text at the same time.
const WRITES: usize = 3;

/// Keeps the table current, if a row for releases gave tags and there is such a release. What prevents it is a warning.
pub async fn write_release_notes<A: ReleaseTexts>(job: &Job<'_>, report: &mut Report, api: Option<&A>) {
    let Some(git_tag) = report.released.as_ref().map(|released| released.git_tag.clone()) else { return };
    let lines = lines(report);
    if !job.policy.release_notes || lines.is_empty() {
        return;
    }
    let (Some(api), Some(repository)) = (api, &job.context.repository) else {
        report.warn(words::no_release_notes(&git_tag, "there is no token for GitHub's API", &words::needs_contents()));
        return;
    };
    match write(api, repository, &git_tag, &lines).await {
        Ok(Written::Yes) => report.notices.push(words::release_notes(&git_tag)),
        Ok(Written::Already) => {}
        Ok(Written::NoRelease) => report.notices.push(words::no_release(&git_tag)),
        Ok(Written::TooLong) => {
            let why = "the text would be longer than GitHub takes";
            report.warn(words::no_release_notes(&git_tag, why, "shorten it, and run this again"));
        }
        Err(error) => {
            let remedy = match (&error.hint, error.kind) {
                (_, PortErrorKind::Denied | PortErrorKind::NotFound) => words::needs_contents(),
                (Some(hint), _) => hint.clone(),
                (None, _) => "run this again".to_owned(),
            };
            report.warn(words::no_release_notes(&git_tag, &shown(&error.to_string()), &remedy));
        }
    }
}

enum Written {
    Yes,
    Already,
    NoRelease,
    TooLong,
}

async fn write<A: ReleaseTexts>(
    api: &A,
    repository: &crate::model::RepositoryName,
    git_tag: &str,
    lines: &[ReleasedDigest],
) -> Result<Written, PortError> {
    let mut written = Written::Already;
    // A text is written right after it was read, and looked at again: what others write in between would be lost.
    for round in 0..=WRITES {
        let Some(ReleaseText { id, text }) = api.release_text(repository, git_tag).await? else {
            return Ok(Written::NoRelease);
        };
        let new = match with_digests(&text, lines) {
            Ok(None) => return Ok(written),
            Ok(Some(_)) if round == WRITES => break,
            Ok(Some(new)) => new,
            Err(TooLong) => return Ok(Written::TooLong),
        };
        api.set_release_text(repository, id, &new).await?;
        written = Written::Yes;
    }
    Err(PortError::new(
        PortErrorKind::Unavailable,
        format!("change the text of release `{}`", shown(git_tag)),
        format!("it was changed back after each of {WRITES} times"),
    )
    .with_hint("let the workflow's runs share a `concurrency` group"))
}

/// Returns the lines of the rows that are for releases: the first name of each, and the index that it joins.
fn lines(report: &Report) -> Vec<ReleasedDigest> {
    let Some(released) = &report.released else { return Vec::new() };
    let mut lines = Vec::new();
    for image in &report.images {
        for row in &released.rows {
            let given = || image.tags.iter().filter(|line| line.row == *row && line.tag.parse::<Tag>().is_ok());
            if let Some(line) = given().find(|line| line.role == Role::Tag)
                && let Some(digest) = &line.digest
            {
                let name = format!("{}:{}", image.image, line.tag);
                // These are the platforms of what the tags of this run point at; a single image is one of its own.
                let platforms = image.platforms.iter().filter(|_| image.digest.as_ref() == Some(digest));
                if !platforms.clone().any(|(_, child)| child == digest) {
                    lines.push(ReleasedDigest { name: name.clone(), platform: None, digest: digest.clone() });
                }
                lines.extend(platforms.map(|(platform, child)| ReleasedDigest {
                    name: name.clone(),
                    platform: Some(platform.clone()),
                    digest: child.clone(),
                }));
            }
            for line in given().filter(|line| line.role == Role::Index) {
                if let Some(digest) = &line.digest {
                    let name = format!("{}:{}", image.image, line.tag);
                    lines.push(ReleasedDigest { name: name.clone(), platform: None, digest: digest.clone() });
                    lines.extend(line.platforms.iter().map(|(platform, child)| ReleasedDigest {
                        name: name.clone(),
                        platform: Some(platform.clone()),
                        digest: child.clone(),
                    }));
                }
            }
        }
    }
    lines
}
