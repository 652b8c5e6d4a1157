//! What `tags` and `push` share: the context made complete, the images chosen, the tags planned, the registry asked.

use std::collections::BTreeMap;

use crate::{
    collect::published::{Question, collect_published},
    error::Error,
    event::{Context, Subject},
    model::{ImageName, NameKind, untrusted::shown},
    policy::{
        publish::{Ours, PublishPlan, Published, plan_publish},
        rules::Policy,
        tagging::{TagPlan, plan_tags},
        template::Variable,
    },
    ports::{RegistryReader, SourceHistory},
    report::words,
};

/// What a use case works on.
pub struct Job<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// The event, as it was read.
    pub context: Context,
    /// Input `image`.
    pub image: Option<&'a str>,
    /// The length of `{{sha}}`, in digits.
    pub short_sha_length: usize,
    /// Whether an event without any tag is no error.
    pub allow_empty: bool,
}

/// The images and tags that a job is about.
pub struct Planned {
    /// The event, made complete.
    pub context: Context,
    /// The images chosen.
    pub images: Vec<ImageName>,
    /// The tags, the same for each image.
    pub tags: TagPlan,
}

/// Makes the context complete, chooses the images and plans the tags.
///
/// # Errors
/// If `image` chooses none, a name cannot be told to be a branch or a tag, or a row's tags cannot be planned; and if no row
/// gives a tag, unless that is allowed or the event publishes nothing.
pub async fn plan<H: SourceHistory>(job: &Job<'_>, history: &H) -> Result<Planned, Error> {
    let images = choose_images(job.policy, job.image)?;
    let context = complete(job.context.clone(), job.policy, history).await?;
    let tags = plan_tags(&context, job.policy, job.short_sha_length).map_err(|errors| {
        let mut error = Error::failed("plan the tags of this event");
        for one in errors {
            error = error.with_detail(one.to_string());
        }
        if context.built_elsewhere {
            error = error.with_hint(
                "to publish this repository's own commit at a terminal, set GITHUB_REF and GITHUB_SHA instead of `ref`",
            );
        }
        error.with_hint("nothing was pushed")
    })?;
    if tags.rows.is_empty() && tags.nothing.is_none() && !job.allow_empty {
        let mut error = Error::failed(format!("find a tag: no row of the policy fits {}", words::event(&context)));
        for skip in &tags.skipped {
            error = error.with_detail(words::skip(skip));
        }
        if context.subject == Subject::Unknown {
            error = error.with_hint(
                "say what was built with `ref` (`--ref v1.2.3`, `--ref main`), or set GITHUB_REF and GITHUB_SHA",
            );
        }
        return Err(error.with_hint("set `allow-empty: true` if a run without a tag is meant"));
    }
    Ok(Planned { context, images, tags })
}

/// Chooses the images by input `image`: a whole name, an unambiguous ending of one, or `all`.
///
/// # Errors
/// If none or several fit, or there are several and none is chosen.
pub fn choose_images(policy: &Policy, input: Option<&str>) -> Result<Vec<ImageName>, Error> {
    let listed = || policy.images.iter().map(|image| format!("`{image}`")).collect::<Vec<_>>().join(", ");
    match input.map(str::trim).filter(|input| !input.is_empty()) {
        Some("all") => Ok(policy.images.clone()),
        None if policy.images.len() == 1 => Ok(policy.images.clone()),
        None => Err(Error::input("the policy lists several images, and input `image` does not say which was built")
            .with_detail(format!("they are {}", listed()))
            .with_hint(
                "set `image` to one of them (its last part is enough), or to `all` if all have the same content",
            )),
        Some(ending) => {
            let mut fitting: Vec<&ImageName> = policy.images.iter().filter(|image| image.ends_with(ending)).collect();
            if let Some(whole) = fitting.iter().find(|image| image.to_string() == ending.to_lowercase()) {
                fitting = vec![whole];
            }
            match fitting.as_slice() {
                [image] => Ok(vec![(*image).clone()]),
                [] => Err(Error::input(format!(
                    "input `image` names `{}`, which is no image of the policy",
                    shown(ending)
                ))
                .with_detail(format!("those are {}", listed()))),
                _ => Err(Error::input(format!(
                    "input `image` names `{}`, which several images of the policy end in",
                    shown(ending)
                ))
                .with_detail(format!(
                    "those are {}",
                    fitting.iter().map(|image| format!("`{image}`")).collect::<Vec<_>>().join(", ")
                ))
                .with_hint("write more of the name")),
            }
        }
    }
}

/// Asks the source repository for what the payload does not say.
async fn complete<H: SourceHistory>(mut context: Context, policy: &Policy, history: &H) -> Result<Context, Error> {
    if let Subject::Unresolved(name) = context.subject.clone() {
        let Some(commit) = &context.sha else {
            return Err(Error::failed(format!(
                "tell whether `{}` is a branch or a git tag: the payload names no commit",
                shown(&name)
            )));
        };
        context.subject = match history.name_kind(&name, commit).await? {
            NameKind::Tag => Subject::Tag(name),
            NameKind::Branch => Subject::Branch(name),
            NameKind::Neither => {
                return Err(Error::failed(format!(
                    "tell whether `{}` is a branch or a git tag: neither is at {commit} (any more)",
                    shown(&name)
                ))
                .with_hint("has it moved on since the triggering run? The newer run publishes it then; otherwise grant `contents: read` to the job and pass `github-token`"));
            }
        };
    }
    let wants_date = policy.rules.iter().any(|rule| {
        rule.tag
            .iter()
            .chain(&rule.also)
            .chain(&rule.rolling)
            .any(|template| template.variables().any(|(variable, _)| matches!(variable, Variable::CommitDate(_))))
    });
    if wants_date
        && context.commit_date.is_none()
        && !context.built_elsewhere
        && let Some(commit) = &context.sha
    {
        context.commit_date = history.commit_date(commit).await?;
    }
    Ok(context)
}

/// One image's plan, with the facts that it rests on.
pub struct ImagePlan {
    /// The plan.
    pub plan: PublishPlan,
    /// The facts.
    pub published: Published,
}

/// Asks the registry and plans the writes for every image.
///
/// # Errors
/// If the registry cannot be read, or anything forbids writing to any of the images.
pub async fn plan_images<R: RegistryReader, H: SourceHistory>(
    job: &Job<'_>,
    planned: &Planned,
    reader: &R,
    history: &H,
    ours: &Ours,
    always: bool,
) -> Result<BTreeMap<ImageName, ImagePlan>, Error> {
    let mut plans = BTreeMap::new();
    let mut conflicts = Vec::new();
    for image in &planned.images {
        let question = question(job, planned, image, ours, always);
        let published = collect_published(reader, history, &question).await?;
        match plan_publish(image, job.policy, &planned.tags, &published, ours) {
            Ok(plan) => {
                plans.insert(image.clone(), ImagePlan { plan, published });
            }
            Err(found) => conflicts.extend(found),
        }
    }
    if conflicts.is_empty() {
        return Ok(plans);
    }
    let mut error = Error::failed("publish the tags of this event; none was written");
    let mut hints = Vec::new();
    for conflict in conflicts {
        error = error.with_detail(conflict.to_string());
        let hint = conflict.hint(full_ref(&planned.context.subject).as_deref());
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    Err(hints.into_iter().fold(error, Error::with_hint))
}

/// Returns the full ref of what a run is about, as input `ref` takes it.
fn full_ref(subject: &Subject) -> Option<String> {
    match subject {
        Subject::Branch(name) => Some(format!("refs/heads/{name}")),
        Subject::Tag(name) => Some(format!("refs/tags/{name}")),
        Subject::PullRequest(_)
        | Subject::MergeGroup
        | Subject::Unresolved(_)
        | Subject::Commit(_)
        | Subject::Nothing(_)
        | Subject::Unknown => None,
    }
}

/// Returns what facts are collected for.
pub fn question<'a>(
    job: &'a Job<'_>,
    planned: &'a Planned,
    image: &'a ImageName,
    ours: &'a Ours,
    always: bool,
) -> Question<'a> {
    Question {
        image,
        policy: job.policy,
        plan: &planned.tags,
        context: &planned.context,
        ours,
        short_sha_length: job.short_sha_length,
        always,
    }
}

/// Returns the commit that images of this run are built from; none if they were built elsewhere.
#[must_use]
pub fn own_commit(context: &Context) -> Option<crate::model::CommitId> {
    context.sha.clone().filter(|_| !context.built_elsewhere)
}
