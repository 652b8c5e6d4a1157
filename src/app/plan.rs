//! What `tags` and `push` share: the context made complete, the images chosen, the tags planned, the registry asked.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    collect::published::{Question, collect_published},
    error::Error,
    event::{Committed, Context, Subject},
    model::{ImageName, NameKind, untrusted::shown},
    policy::{
        metadata::{self, Items, MetadataInputs},
        publish::{Ours, PublishPlan, Published, plan_publish},
        rules::{Condition, Policy},
        tagging::{Capture, TagPlan, TaggingError, plan_tags},
        template::Variable,
    },
    ports::{RegistryReader, SourceHistory},
    report::{Report, words},
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
    /// What becomes of an event without any tag.
    pub when_empty: WhenEmpty,
    /// The names in input `images`, where docker/metadata-action's rules give the tags.
    pub names: &'a [String],
    /// The inputs that outputs depend on.
    pub inputs: &'a MetadataInputs,
    /// The items of input `labels` and `annotations`.
    pub items: &'a Items,
}

/// What becomes of an event that no row fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenEmpty {
    /// It is an error.
    Fail,
    /// A warning says why each row did not apply.
    Warn,
    /// It is fine.
    Accept,
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
    let context = complete(job, history).await?;
    let tags = bounded_plan(&context, job).await?.map_err(|errors| {
        if let [TaggingError::Metadata(mistake)] = errors.as_slice() {
            return Error::from(mistake.clone());
        }
        let mut error = Error::failed("plan the tags of this event");
        for one in errors {
            error = error.with_detail(one.to_string());
        }
        if context.built_elsewhere {
            error = error.with_hint(
                "to publish this repository's own commit at a terminal, give `--context git` instead of `ref`, or set GITHUB_REF \
                 and GITHUB_SHA",
            );
        }
        error.with_hint("nothing was pushed")
    })?;
    if tags.rows.is_empty() && tags.nothing.is_none() && job.when_empty == WhenEmpty::Fail {
        let whose = if job.policy.drop_in.is_some() { "input `tags`" } else { "the policy" };
        let mut error = Error::failed(format!("find a tag: no row of {whose} fits {}", words::event(&context)));
        for skip in &tags.skipped {
            error = error.with_detail(words::skip(skip));
        }
        if context.subject == Subject::Unknown {
            error = error.with_hint(
                "say what was built with `ref` (`--ref v1.2.3`, `--ref main`), by `--context git` (what is checked out), or by \
                 GITHUB_REF and GITHUB_SHA",
            );
        }
        return Err(error.with_hint("set `allow-empty: true` if a run without a tag is meant"));
    }
    Ok(Planned { context, images, tags })
}

/// The longest that the rules may take. Only a regular expression that backtracks without end needs it.
const LONGEST: Duration = Duration::from_secs(10);

/// Plans the tags; where regular expressions of JavaScript's kind are among the rules, on a thread that may be left behind.
async fn bounded_plan(context: &Context, job: &Job<'_>) -> Result<Result<TagPlan, Vec<TaggingError>>, Error> {
    if !metadata::searches(job.policy) {
        return Ok(plan_tags(context, job.policy, job.short_sha_length));
    }
    let (context, policy, length) = (context.clone(), job.policy.clone(), job.short_sha_length);
    let (done, planned) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("rules".to_owned())
        .spawn(move || done.send(plan_tags(&context, &policy, length)))
        .map_err(|error| Error::failed("start a thread for the rules").with_source(error))?;
    match tokio::time::timeout(LONGEST, planned).await {
        Ok(Ok(planned)) => Ok(planned),
        _ => Err(Error::input(format!(
            "a regular expression in input `tags` finds no end within {} s",
            LONGEST.as_secs()
        ))
        .with_hint("repetitions within repetitions, as in `(a+)+`, take time without bound; write each once")),
    }
}

/// Chooses the images by input `image`: a whole name, an unambiguous ending of one, or `all`.
///
/// # Errors
/// If none or several fit, or there are several and none is chosen.
pub fn choose_images(policy: &Policy, input: Option<&str>) -> Result<Vec<ImageName>, Error> {
    let listed = || policy.images.iter().map(|image| format!("`{image}`")).collect::<Vec<_>>().join(", ");
    match input.map(str::trim).filter(|input| !input.is_empty()) {
        Some("all") => Ok(policy.images.clone()),
        None if policy.images.len() == 1 || policy.drop_in.is_some() => Ok(policy.images.clone()),
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
                    "input `image` names `{}`, which is no image of {}",
                    shown(ending),
                    if policy.drop_in.is_some() { "input `images` with its registry" } else { "the policy" }
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
async fn complete<H: SourceHistory>(job: &Job<'_>, history: &H) -> Result<Context, Error> {
    let (mut context, policy) = (job.context.clone(), job.policy);
    if let Some(settings) = &policy.drop_in {
        let built = context.built(settings.pull_request_head);
        if built.committed == Committed::Unknown
            && metadata::asks_commit_date(policy, job.items)
            && let Some(commit) = built.sha.and_then(|sha| sha.parse().ok())
        {
            // Where nobody knows it, the time of the run takes its place.
            context.raw.asked_date = history.commit_date(&commit).await.unwrap_or_default();
        }
        return Ok(context);
    }
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
    let work = if always { "publish the tags of this event; none was written" } else { "give the tags of this event" };
    let mut error = Error::failed(work);
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

/// Starts the report of a plan.
///
/// # Errors
/// If a label or annotation of the inputs cannot be filled in. With docker/metadata-action's rules the outputs before it are
/// written all the same, unless the run changes anything.
pub fn report(mode: &'static str, job: &Job<'_>, planned: &Planned) -> Result<Report, Error> {
    let mut report = Report::new(mode, &planned.context, &planned.tags, job.policy);
    report.named = job.names.to_vec();
    match report.describe(job.items, &job.inputs.annotations_levels) {
        Err(mistake) if job.policy.drop_in.is_none() || mode == "push" => return Err(mistake.into()),
        _ => {}
    }
    let is_empty = planned.tags.rows.is_empty() && planned.tags.nothing.is_none();
    if is_empty && job.when_empty == WhenEmpty::Warn {
        report.warnings.push(words::no_tag(&report.event, &report.skipped));
    }
    for rule in &job.policy.rules {
        for condition in rule.on.iter().map(|entry| &entry.condition) {
            let Condition::Metadata(row) = condition else { continue };
            report.warnings.extend(row.unknown.iter().map(|unknown| words::unknown_attribute(&rule.row, unknown)));
        }
    }
    for Capture { tag, row, owner } in &planned.tags.unguarded {
        report.warnings.push(words::unguarded(tag.as_str(), row, owner));
    }
    for name in planned.tags.rows.iter().filter_map(|row| row.outside.as_deref()) {
        report.warnings.push(words::no_image_tag(name));
    }
    Ok(report)
}

/// Refuses names that no registry takes.
///
/// # Errors
/// If there is one.
pub fn all_are_tags(job: &Job<'_>, planned: &Planned) -> Result<(), Error> {
    let Some((row, name)) = planned.tags.rows.iter().find_map(|row| Some((row, row.outside.as_deref()?))) else {
        return Ok(());
    };
    let row = &job.policy.rules[row.rule].row;
    Err(Error::failed(format!("publish the tags of this event: {row} gives `{}`, which is no tag", shown(name)))
        .with_hint("a tag has at most 128 letters, digits, `_`, `.` and `-`, and begins with none of the last two")
        .with_hint("nothing was pushed"))
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
