//! One test per fixture case: `fixtures/tagging/*.toml` (an event and a policy give tags) and `fixtures/publish/*.toml`
//! (planned tags and what a registry holds give writes) and `fixtures/retention/*.toml` (what a package holds gives the
//! plan of its clean-up) and `fixtures/references/*.toml` (files name images) and `fixtures/advice/*.toml`
//! (what a policy may not mean) and `fixtures/doctor/*.toml` (what
//! stands between a token and its images), `fixtures/promotion/*.toml` (which tag is this commit's build), `fixtures/index/*.toml`
//! (what siblings are joined into), `fixtures/init/*.toml`
//! (a repository gives the policy that mode `init` writes) and `fixtures/mirrors/*.toml` (what a mirror's tags are called) and `fixtures/cleanup-report/*.toml` (plans, with what became of them, are told), each
//! with the reviewed snapshot beside it.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    missing_docs,
    reason = "tests read fixtures and stop at the first surprise"
)]

#[path = "cases/advice.rs"]
mod advice;
#[path = "cases/cleanup_report.rs"]
mod cleanup_report;
#[path = "cases/doctor.rs"]
mod doctor;
#[path = "cases/index.rs"]
mod index;
#[path = "cases/init.rs"]
mod init;
#[path = "cases/metadata.rs"]
mod metadata;
#[path = "cases/mirrors.rs"]
mod mirrors;
#[path = "cases/promotion.rs"]
mod promotion;
#[path = "cases/references.rs"]
mod references;
#[path = "cases/retention.rs"]
mod retention;

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use chrono::DateTime;
use ghcr_lifecycle::{
    event::{self, Context},
    model::{Ancestry, Digest, Tag},
    policy::{
        config,
        metadata::{MetadataInputs, Settings, compile},
        publish::{Change, Ours, Published, Target, plan_publish},
        rolling::{PointerFacts, PublishedImage},
        rules::Policy,
        tagging::{TagPlan, TaggingError, plan_tags},
    },
    report::{diagnostics, words},
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    about: String,
    /// The name of a file in `fixtures/policies`, or the policy itself.
    policy: Option<String>,
    /// The inputs whose rows take the place of a policy.
    inputs: Option<Inputs>,
    /// A folder of `fixtures/events`.
    event: Option<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    payload: Option<String>,
    /// Input `ref`.
    r#ref: Option<String>,
    #[serde(default = "seven")]
    short_sha_length: usize,
    /// What the image to be published is, where there is one: an alias of its digest.
    ours: Option<String>,
    #[serde(default)]
    registry: Registry,
}

/// The inputs of docker/metadata-action.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Inputs {
    #[serde(default)]
    images: String,
    #[serde(default)]
    tags: String,
    #[serde(default)]
    flavor: String,
}

const fn seven() -> usize {
    7
}

/// What is known of the registry and the source repository. Aliases stand for digests.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Registry {
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    commits: BTreeMap<String, String>,
    #[serde(default)]
    pointer: Vec<Pointer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Pointer {
    row: usize,
    tag: String,
    /// The version of the image there, with its tag.
    version: Option<(String, String)>,
    commit: Option<String>,
    highest: Option<(String, String)>,
    #[serde(default)]
    ancestry: Option<String>,
    tip: Option<String>,
    #[serde(default)]
    shared: bool,
}

/// Reads the policy, or the rows in its place.
fn rules(case: &Case) -> Policy {
    match (&case.policy, &case.inputs) {
        (Some(policy), None) => {
            let text = if policy.contains('\n') {
                policy.clone()
            } else {
                std::fs::read_to_string(format!("fixtures/policies/{policy}.yml")).unwrap()
            };
            config::parse(&text).unwrap_or_else(|found| panic!("{}", diagnostics::render(policy, &text, &found)))
        }
        (None, Some(Inputs { images, tags, flavor })) => {
            let (images, tags, flavor) = (images.clone(), tags.clone(), flavor.clone());
            let inputs = MetadataInputs { images, tags, flavor, ..MetadataInputs::default() };
            compile(&inputs, Settings::default()).unwrap_or_else(|error| panic!("{error}")).policy
        }
        _ => panic!("{}: a policy or inputs", case.about),
    }
}

fn read(path: &Path) -> (Case, Policy, Result<Context, String>) {
    let text = std::fs::read_to_string(path).unwrap();
    let case: Case = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let policy = rules(&case);
    let (mut environment, mut payload) = (BTreeMap::new(), None);
    if let Some(event) = &case.event {
        let folder = Path::new("fixtures/events").join(event);
        for line in std::fs::read_to_string(folder.join("env")).unwrap().lines() {
            if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
                environment.insert(key.to_owned(), value.to_owned());
            }
        }
        payload = std::fs::read(folder.join("payload.json")).ok();
    }
    environment.extend(case.environment.clone());
    payload = case.payload.clone().map(String::into_bytes).or(payload);
    let input_ref = case.r#ref.clone().or_else(|| environment.remove("INPUT_REF"));
    let now = DateTime::parse_from_rfc3339("2026-03-01T12:34:56Z").unwrap().to_utc();
    let context = event::parse(&environment, payload.as_deref(), now)
        .and_then(|context| match &input_ref {
            Some(input) => context.with_ref(input),
            None => Ok(context),
        })
        .map_err(|error| error.to_string());
    (case, policy, context)
}

pub(crate) fn snapshot(path: &Path, about: &str, text: &str) {
    let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(std::env::current_dir().unwrap().join(path.parent().unwrap()));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(about);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn render_tags(context: &Context, policy: &Policy, plan: &Result<TagPlan, Vec<TaggingError>>) -> String {
    let mut text = format!("{}\n", words::event(context));
    match plan {
        Err(errors) => {
            for error in errors {
                let _ = writeln!(text, "error: {error}");
            }
        }
        Ok(plan) => {
            for row in &plan.rows {
                let _ = writeln!(text, "{}", policy.rules[row.rule].row);
                for (role, tag) in row.tags() {
                    let role = format!("{role:?}").to_lowercase();
                    let _ = writeln!(text, "  {role:<8}{tag}");
                }
                if let Some(tag) = &row.index {
                    let _ = writeln!(text, "  index   {tag}");
                }
                if let Some(name) = &row.outside {
                    let _ = writeln!(text, "  no tag  {name}");
                }
            }
            if let Some(nothing) = &plan.nothing {
                let _ = writeln!(text, "no tags: {nothing}");
            }
            for capture in &plan.captures {
                let _ = writeln!(
                    text,
                    "must not exist: {} is made from a name and immutable by {}",
                    capture.tag, capture.owner
                );
            }
            if !plan.skipped.is_empty() {
                let _ = writeln!(text, "not applied:");
            }
            for skip in &plan.skipped {
                let _ = writeln!(text, "  {}", words::skip(skip));
            }
        }
    }
    text
}

fn tagging(path: &Path) -> datatest_stable::Result<()> {
    let (case, policy, context) = read(path);
    let text = match context {
        Ok(context) => {
            let plan = plan_tags(&context, &policy, case.short_sha_length);
            render_tags(&context, &policy, &plan)
        }
        Err(error) => format!("error: {error}\n"),
    };
    snapshot(path, &case.about, &text);
    Ok(())
}

fn publish(path: &Path) -> datatest_stable::Result<()> {
    let (case, policy, context) = read(path);
    let context = context.unwrap();
    let plan = plan_tags(&context, &policy, case.short_sha_length).unwrap();
    let mut names: BTreeMap<Digest, String> = BTreeMap::new();
    let mut digest = |alias: &str| {
        let digest = Digest::of(alias.as_bytes());
        names.insert(digest.clone(), alias.to_owned());
        digest
    };
    let tag = |text: &str| text.parse::<Tag>().unwrap();
    let mut published = Published {
        asked: true,
        tags: case.registry.tags.keys().map(|name| tag(name)).collect(),
        current: case.registry.tags.iter().map(|(name, alias)| (tag(name), digest(alias))).collect(),
        commits: case.registry.commits.iter().map(|(alias, commit)| (digest(alias), commit.parse().unwrap())).collect(),
        ..Published::default()
    };
    for pointer in &case.registry.pointer {
        let version = |(version, name): &(String, String)| (version.parse().unwrap(), tag(name));
        let current = published.current.get(&tag(&pointer.tag)).map(|digest| PublishedImage {
            digest: digest.clone(),
            version: pointer.version.as_ref().map(version),
            commit: pointer.commit.as_ref().map(|commit| commit.parse().unwrap()),
        });
        let ancestry = match pointer.ancestry.as_deref() {
            None | Some("unknown") => Ancestry::Unknown,
            Some("same") => Ancestry::Same,
            Some("descendant") => Ancestry::Descendant,
            Some("ancestor") => Ancestry::Ancestor,
            Some("diverged") => Ancestry::Diverged,
            Some(other) => panic!("{}: no ancestry `{other}`", path.display()),
        };
        let facts = PointerFacts {
            current,
            highest: pointer.highest.as_ref().map(version),
            ancestry,
            tip: pointer.tip.as_ref().map(|tip| tip.parse().unwrap()),
            shared: pointer.shared,
        };
        published.pointers.insert((pointer.row - 1, tag(&pointer.tag)), facts);
    }
    published.captured =
        plan.captures.iter().filter(|capture| published.current.contains_key(&capture.tag)).cloned().collect();
    let ours = Ours {
        digest: case.ours.as_deref().map(&mut digest),
        commit: context.sha.clone().filter(|_| !context.built_elsewhere),
    };
    let image = &policy.images[0];
    let mut text = format!("{}\n", words::event(&context));
    match plan_publish(image, &policy, &plan, &published, &ours) {
        Err(conflicts) => {
            for conflict in conflicts {
                let _ = writeln!(text, "error: {conflict}\nhint: {}", conflict.hint(context.git_ref.as_deref()));
            }
        }
        Ok(plan) => {
            for write in &plan.writes {
                let target = match &write.target {
                    Target::Ours => "ours".to_owned(),
                    Target::Published(digest) => names[digest].clone(),
                };
                let change = match &write.change {
                    Change::Create => "created".to_owned(),
                    Change::Move { from } => format!("moved from {}", names[from]),
                    Change::Unchanged => "unchanged".to_owned(),
                    Change::Unknown => "not looked up".to_owned(),
                };
                let reason = write.reason.as_ref().map(words::move_reason).unwrap_or_default();
                let _ = writeln!(text, "write  {:<12} -> {target:<10} {change:<20} {reason}", write.tag.as_str());
            }
            for stay in &plan.stays {
                let there = stay.digest.as_ref().map_or("-", |digest| &names[digest]);
                let _ = writeln!(
                    text,
                    "stay   {:<12} -> {there:<10} {}",
                    stay.tag.as_str(),
                    words::stay_reason(&stay.reason)
                );
            }
            if let Some(existing) = &plan.existing {
                let _ = writeln!(text, "the published image {} takes the new one's place", names[existing]);
            }
        }
    }
    for (digest, alias) in &names {
        text = text.replace(&digest.to_string(), alias);
    }
    snapshot(path, &case.about, &text);
    Ok(())
}

datatest_stable::harness! {
    { test = advice::advice, root = "fixtures/advice", pattern = r"\.toml$" },
    { test = tagging, root = "fixtures/tagging", pattern = r"\.toml$" },
    { test = metadata::metadata_situations, root = "fixtures/metadata", pattern = r"\.toml$" },
    { test = references::references, root = "fixtures/references", pattern = r"\.toml$" },
    { test = retention::retention, root = "fixtures/retention", pattern = r"\.toml$" },
    { test = cleanup_report::cleanup_report, root = "fixtures/cleanup-report", pattern = r"\.toml$" },
    { test = doctor::doctor, root = "fixtures/doctor", pattern = r"\.toml$" },
    { test = index::index, root = "fixtures/index", pattern = r"\.toml$" },
    { test = init::init, root = "fixtures/init", pattern = r"\.toml$" },
    { test = mirrors::mirrors, root = "fixtures/mirrors", pattern = r"\.toml$" },
    { test = promotion::promotion, root = "fixtures/promotion", pattern = r"\.toml$" },
    { test = publish, root = "fixtures/publish", pattern = r"\.toml$" },
}
