//! `fixtures/retention/*.toml`: what is known of a package and a policy give the plan of its clean-up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
};

use chrono::{DateTime, Utc};
use ghcr_lifecycle::{
    model::{
        Asked, Digest, Evidence, Inventory, Tag, Version, VersionId,
        evidence::{Commits, GitTag, Reference, Referenced, TagShape},
        inventory::{Blob, Child, DeletedVersion, ManifestFacts, ManifestRole, ReadManifest, Refusal},
    },
    policy::{
        cleanup::{
            Blocked, CleanupPlan, Cost, MaxDeletions, TooManyDeletions, plan_cleanup, plan_closed_pull_request,
            write_plans,
        },
        config,
        rules::Policy,
        verify::{Look, allowed, violations},
    },
    report::diagnostics,
};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    about: String,
    /// The name of a file in `fixtures/policies`, or the policy itself.
    policy: String,
    taken_at: DateTime<Utc>,
    /// The pull request that was closed, where that is the event.
    closed: Option<u64>,
    pull_requests: Option<BTreeSet<u64>>,
    branches: Option<BTreeSet<String>>,
    releases: Option<BTreeMap<String, DateTime<Utc>>>,
    /// The date of an annotated git tag, or `lightweight`.
    git_tags: Option<BTreeMap<String, String>>,
    /// By the number of the row.
    #[serde(default)]
    commits: BTreeMap<String, BTreeMap<String, DateTime<Utc>>>,
    /// What could not be asked for, each with what was answered.
    #[serde(default)]
    unreadable: BTreeMap<String, String>,
    deleted: Option<Vec<String>>,
    #[serde(default)]
    refused: Vec<u64>,
    #[serde(default)]
    reference: Vec<CaseReference>,
    #[serde(default)]
    version: Vec<CaseVersion>,
    /// What changed between the plan and its application.
    later: Option<Later>,
    max_deletions: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseReference {
    place: String,
    tag: Option<String>,
    digest: Option<String>,
    shape: Option<Vec<String>>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseVersion {
    id: u64,
    /// An alias of its digest.
    manifest: String,
    #[serde(default = "image")]
    kind: String,
    #[serde(default)]
    tags: Vec<String>,
    /// An alias that a `sha256-<hex>` tag names, with the suffix.
    signs: Option<String>,
    created: DateTime<Utc>,
    #[serde(default)]
    children: Vec<String>,
    subject: Option<String>,
    /// Aliases of blobs, with their sizes.
    #[serde(default)]
    blobs: BTreeMap<String, u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Later {
    #[serde(default)]
    version: Vec<CaseVersion>,
    /// Tags with the alias that each is on now; empty for one that is gone.
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    pull_requests: BTreeSet<u64>,
    #[serde(default)]
    branches: BTreeSet<String>,
    #[serde(default)]
    refused: BTreeSet<u64>,
}

fn image() -> String {
    "image".to_owned()
}

/// The aliases of a case with what they stand for.
#[derive(Default)]
pub(crate) struct Names(BTreeMap<Digest, String>);

impl Names {
    pub(crate) fn digest(&mut self, alias: &str) -> Digest {
        let digest = Digest::of(alias.as_bytes());
        self.0.insert(digest.clone(), alias.to_owned());
        digest
    }

    /// Puts the aliases back.
    fn shown(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (digest, alias) in &self.0 {
            text = text.replace(&digest.to_string(), alias).replace(digest.hex(), &format!("<{alias}>"));
        }
        text
    }
}

fn version(case: &CaseVersion, names: &mut Names) -> Version {
    let mut tags: BTreeSet<Tag> = case.tags.iter().map(|tag| tag.parse().unwrap()).collect();
    if let Some(signs) = &case.signs {
        let (alias, suffix) =
            signs.split_once('.').map_or((signs.as_str(), String::new()), |(a, s)| (a, format!(".{s}")));
        tags.insert(format!("sha256-{}{suffix}", names.digest(alias).hex()).parse().unwrap());
    }
    let read = |names: &mut Names, kind| {
        let children = case.children.iter().map(|alias| {
            // Old build caches list layers.
            let is_manifest = !alias.starts_with("layer-");
            Child { digest: names.digest(alias), is_manifest, platform: None }
        });
        let children = children.collect();
        ManifestFacts::Read(Box::new(ReadManifest {
            kind,
            children,
            subject: case.subject.as_ref().map(|alias| names.digest(alias)),
            blobs: case.blobs.iter().map(|(alias, size)| Blob { digest: names.digest(alias), size: *size }).collect(),
            artifact_type: None,
        }))
    };
    let manifest = match case.kind.as_str() {
        "image" => read(names, ManifestRole::Image),
        "index" => read(names, ManifestRole::Index),
        "artifact" => read(names, ManifestRole::Artifact),
        "placeholder" => read(names, ManifestRole::Placeholder),
        "not-read" => ManifestFacts::NotRead,
        "unreadable" => ManifestFacts::Unreadable { problem: "500 Internal Server Error".to_owned() },
        "unknown" => ManifestFacts::UnknownMediaType { media_type: "application/vnd.example.new+json".to_owned() },
        other => panic!("no kind `{other}`"),
    };
    let digest = names.digest(&case.manifest);
    Version { id: VersionId::new(case.id), digest, tags, created_at: case.created, updated_at: case.created, manifest }
}

impl Case {
    fn asked<T>(&self, name: &str, known: Option<T>) -> Asked<T> {
        match (self.unreadable.get(name), known) {
            (Some(problem), _) => Asked::Unreadable { problem: problem.clone() },
            (None, Some(known)) => Asked::Known(known),
            (None, None) => Asked::NotAsked,
        }
    }

    fn inventory(&self, names: &mut Names) -> Inventory {
        let git_tags = self.git_tags.as_ref().map(|tags| {
            let read = |text: &str| match text {
                "lightweight" => GitTag::Lightweight,
                "not asked" => GitTag::Annotated(Asked::NotAsked),
                date => GitTag::Annotated(Asked::Known(date.parse().unwrap())),
            };
            tags.iter().map(|(name, text)| (name.clone(), read(text))).collect()
        });
        let mut commits: BTreeMap<usize, Asked<Commits>> = BTreeMap::new();
        for (row, dates) in &self.commits {
            let since = "2025-01-01T00:00:00Z".parse().unwrap();
            let dates = dates.iter().map(|(id, date)| (id.parse().unwrap(), *date)).collect();
            commits.insert(row.parse().unwrap(), Asked::Known(Commits { since, dates }));
        }
        if let Some(problem) = self.unreadable.get("commits") {
            commits.extend((1..10).map(|row| (row, Asked::Unreadable { problem: problem.clone() })));
        }
        let references = self.reference.iter().map(|reference| Reference {
            place: reference.place.clone(),
            names: match (&reference.tag, &reference.digest, &reference.shape) {
                (Some(tag), None, None) => Referenced::Tag(tag.parse().unwrap()),
                (None, Some(alias), None) => Referenced::Digest(names.digest(alias)),
                (None, None, Some(parts)) => Referenced::AnyTag(TagShape { parts: parts.clone() }),
                _ => panic!("a reference names one thing"),
            },
        });
        let references = references.collect();
        let deleted = self.deleted.as_ref().map(|aliases| {
            let deleted = |(at, alias): (usize, &String)| DeletedVersion {
                id: VersionId::new(at as u64 + 1),
                digest: names.digest(alias),
            };
            aliases.iter().enumerate().map(deleted).collect()
        });
        Inventory {
            image: "ghcr.io/acme/shop".parse().unwrap(),
            taken_at: self.taken_at,
            versions: self.version.iter().map(|case| version(case, names)).collect(),
            deleted: self.asked("deleted", deleted),
            undeletable: self.refused.iter().map(|id| (VersionId::new(*id), Refusal::Downloads)).collect(),
            pull_requests: self.asked("pull-requests", self.pull_requests.clone()),
            branches: self.asked("branches", self.branches.clone()),
            evidence: Evidence {
                commits,
                releases: self.asked("releases", self.releases.clone()),
                git_tags: self.asked("git-tags", git_tags),
            },
            references: self.asked("references", Some(references)),
        }
    }
}

/// Writes a reason of `plan.json` on one line.
fn reason(value: &Value) -> String {
    let mut text = value["kind"].as_str().unwrap().to_owned();
    for (key, value) in value.as_object().unwrap().iter().filter(|(key, _)| *key != "kind") {
        match value {
            Value::String(value) => write!(text, " {key}={value}").unwrap(),
            other => write!(text, " {key}={other}").unwrap(),
        }
    }
    text
}

fn render(plan: &CleanupPlan) -> String {
    let document: Value = serde_json::from_str(&write_plans(std::slice::from_ref(plan)).unwrap()).unwrap();
    let package = &document["packages"][0];
    let mut text = String::new();
    let tags = |value: &Value| {
        let tags: Vec<&str> = value.as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
        if tags.is_empty() { "-".to_owned() } else { tags.join(" ") }
    };
    for entry in package["versions"].as_array().unwrap() {
        let decision = entry["decision"].as_str().unwrap();
        let _ = writeln!(
            text,
            "{decision:<7}{} {} {}",
            entry["id"],
            entry["digest"].as_str().unwrap(),
            tags(&entry["tags"])
        );
        for value in entry["reasons"].as_array().unwrap() {
            let _ = writeln!(text, "         {}", reason(value));
        }
    }
    for entry in package["untag"].as_array().unwrap() {
        let _ = writeln!(text, "untag  {} from {}", entry["tag"].as_str().unwrap(), entry["digest"].as_str().unwrap());
        for value in entry["reasons"].as_array().unwrap() {
            let _ = writeln!(text, "         {}", reason(value));
        }
    }
    let steps: Vec<String> = package["steps"].as_array().unwrap().iter().map(ToString::to_string).collect();
    let _ = writeln!(text, "steps: {}", if steps.is_empty() { "none".to_owned() } else { steps.join(", ") });
    if plan.tags_stay {
        let _ = writeln!(text, "expired tags stay: no other tagged version would remain");
    }
    let findings = &plan.findings;
    if !findings.orphaned_referrers.is_empty() {
        let _ = writeln!(text, "orphaned referrers: {:?}", ids(&findings.orphaned_referrers));
    }
    for partial in &findings.partial_indexes {
        let kind = if partial.is_ghost { "ghost" } else { "partial" };
        let restorable = ids(&partial.restorable.iter().copied().collect::<Vec<_>>());
        let _ = writeln!(text, "{kind} index {}: {:?} missing, restorable {restorable:?}", partial.id, partial.missing);
    }
    if !findings.left_unreadable.is_empty() {
        let _ = writeln!(text, "left, cannot be read: {:?}", ids(&findings.left_unreadable));
    }
    for question in &plan.questions {
        let _ = writeln!(text, "to be asked: {question:?}");
    }
    let cost = Cost::of(plan);
    let exact = if plan.freed.is_exact { "" } else { " at most" };
    let _ = writeln!(
        text,
        "frees{exact} {} bytes; {} requests, {} s at 900 points a minute",
        plan.freed.bytes,
        cost.requests(),
        cost.seconds(900)
    );
    text
}

fn ids(list: &[VersionId]) -> Vec<u64> {
    list.iter().map(|id| id.number()).collect()
}

/// A situation with its policy and its plan.
pub(crate) struct Situation {
    case: Case,
    pub(crate) names: Names,
    pub(crate) policy: Policy,
    pub(crate) inventory: Inventory,
    pub(crate) plan: Result<CleanupPlan, Blocked>,
    pub(crate) closed: Option<u64>,
}

pub(crate) fn situation(path: &Path) -> Situation {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let case: Case = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let policy_text = match case.policy.contains('\n') {
        true => case.policy.clone(),
        false => std::fs::read_to_string(format!("fixtures/policies/{}.yml", case.policy)).unwrap(),
    };
    let mut names = Names::default();
    // Policies name digests by alias too.
    let mut resolved = policy_text.clone();
    for alias in case.version.iter().map(|version| &version.manifest) {
        resolved = resolved.replace(&format!("sha256:<{alias}>"), &names.digest(alias).to_string());
    }
    let policy = config::parse(&resolved)
        .unwrap_or_else(|found| panic!("{}", diagnostics::render(&case.policy, &resolved, &found)));
    let inventory = case.inventory(&mut names);
    let plan = match case.closed {
        Some(number) => Ok(plan_closed_pull_request(&inventory, &policy, number)),
        None => plan_cleanup(&inventory, &policy),
    };
    let closed = case.closed;
    Situation { case, names, policy, inventory, plan, closed }
}

impl Situation {
    pub(crate) fn too_many(&self) -> Option<TooManyDeletions> {
        let limit: MaxDeletions = self.case.max_deletions.as_deref()?.parse().unwrap();
        limit.check(self.plan.as_ref().unwrap()).err()
    }
}

pub(crate) fn retention(path: &Path) -> datatest_stable::Result<()> {
    let Situation { case, mut names, inventory, plan, .. } = situation(path);
    let mut shown = match &plan {
        Ok(plan) => {
            assert_eq!(violations(plan, &inventory), []);
            render(plan)
        }
        Err(blocked) => format!("error: {blocked}\nhint: {}\n", blocked.hint()),
    };
    if let (Ok(plan), Some(limit)) = (&plan, &case.max_deletions) {
        match limit.parse::<MaxDeletions>().unwrap().check(plan) {
            Ok(()) => shown.push_str("not too many deletions\n"),
            Err(error) => {
                let _ = writeln!(shown, "error: {error}\nhint: {}", error.hint());
            }
        }
    }
    if let (Ok(plan), Some(later)) = (&plan, &case.later) {
        let look = Look {
            versions: later.version.iter().map(|case| version(case, &mut names)).collect(),
            tags: later
                .tags
                .iter()
                .map(|(tag, alias)| (tag.parse().unwrap(), (!alias.is_empty()).then(|| names.digest(alias))))
                .collect(),
            open_pull_requests: later.pull_requests.clone(),
            branches: later.branches.clone(),
            refused: later.refused.iter().map(|id| VersionId::new(*id)).collect(),
        };
        let steps = serde_json::to_string(&allowed(plan, &inventory, &look)).unwrap();
        let _ = writeln!(shown, "after a newer look: {steps}");
    }
    let shown = names.shown(&shown);
    crate::snapshot(path, &case.about, &shown);
    Ok(())
}
