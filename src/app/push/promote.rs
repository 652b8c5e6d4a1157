//! Promotion: the tags of this event go to an image that is published already, so that a release needs no rebuild.

use crate::{
    collect::promotion::{Build, find_build},
    error::Error,
    model::Tag,
    policy::promotion::{PromoteFrom, Wanted, undated},
    ports::{ImageSource, RegistryWriter, SourceHistory},
    report::{Report, words},
};

use super::{Begun, Push, begin, publish};
use crate::{app::plan::Job, event::Subject};

/// What is to be promoted.
#[derive(Clone, Copy, Debug)]
pub struct Promotion<'a> {
    /// Input `promote-from`.
    pub from: &'a PromoteFrom,
    /// Whether there is a `source` in its place, should there be no such image.
    pub has_source: bool,
}

/// Publishes the image that `promotion` finds, else the given source. `open` opens the image that is found, by its
/// reference; without one, what input `source` names.
///
/// # Errors
/// As [`push`](super::push) does, and if there is neither such an image nor a source.
pub async fn promote<W, H, S, F>(
    job: &Job<'_>,
    promotion: &Promotion<'_>,
    writer: &W,
    history: &H,
    open: impl FnOnce(Option<String>) -> F,
) -> Result<Report, Error>
where
    W: RegistryWriter,
    H: SourceHistory,
    S: ImageSource,
    F: Future<Output = Result<S, Error>>,
{
    let mut begun = begin(job, history).await?;
    if begun.planned.tags.rows.is_empty() {
        return Ok(begun.finish());
    }
    let Begun { planned, report, mirrors: _ } = &mut begun;
    let wanted = Wanted {
        from: promotion.from,
        policy: job.policy,
        context: &planned.context,
        rows: &planned.tags.rows,
        short_sha_length: job.short_sha_length,
    };
    let found = match find_build(writer, &planned.images, &wanted).await? {
        Ok(Build { image, tag, digest, row }) => {
            report.notices.push(words::promoted(&image, &tag, row.as_ref()));
            Some(format!("docker://{image}@{digest}"))
        }
        Err(tried) => {
            let single = planned.images.len() == 1;
            let tried: Vec<String> = tried
                .into_iter()
                .map(|(image, tried)| if single { tried.to_string() } else { format!("{image}: {tried}") })
                .collect();
            if !promotion.has_source {
                return Err(nothing_to_promote(job, promotion.from, &tried));
            }
            report.notices.push(words::not_promoted(&tried));
            None
        }
    };
    let source = open(found).await?;
    publish(job, begun, writer, history, &source).await
}

fn nothing_to_promote(job: &Job<'_>, from: &PromoteFrom, tried: &[String]) -> Error {
    let what = match from {
        PromoteFrom::Auto => "find the image that a branch build of this commit pushed",
        PromoteFrom::Template(_) => "find the image that `promote-from` names",
    };
    let mut error = Error::failed(what);
    for one in tried {
        error = error.with_detail(one);
    }
    if job.policy.drop_in.is_some() && *from == PromoteFrom::Auto {
        error = error.with_hint("rows of input `tags` do not say what a branch build is called: write it, as in `promote-from: main-{{sha}}`");
    }
    error
        .with_hint("has the branch's build finished, and did it push? Run this again then")
        .with_hint("give `source` as well to push a build of this run where there is none")
}

/// Warns where an image is promoted to a tag that expires, and nothing but the git tag could tell later when its life began.
pub(super) async fn warn_of_undated<W: RegistryWriter, H: SourceHistory, S: ImageSource>(
    push: &Push<'_, W, H, S>,
    report: &mut Report,
) {
    let (Subject::Tag(name), false) = (&push.planned.context.subject, push.source.origins().is_empty()) else { return };
    let undated: Vec<(&_, &Tag)> = undated(push.job.policy, &push.planned.tags.rows);
    if undated.is_empty() || push.planned.context.event == crate::event::EventKind::Release {
        return;
    }
    if push.history.git_tag_has_date(name).await == Some(false) {
        for (row, tag) in undated {
            report.warn(words::undated(&push.job.policy.rules[row.rule].row, tag.as_str(), name));
        }
    }
}
