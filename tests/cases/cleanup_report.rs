//! `fixtures/cleanup-report/*.toml`: situations of `fixtures/retention`, with what became of their plans, are told.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
};

use ghcr_lifecycle::{
    execute::cleanup::{Applied, End, Outcome, Refused, Restored},
    model::{ManifestReference, VersionId},
    policy::cleanup::{CleanupPlan, Step},
    report::cleanup::{CleanupReport, DryRun, PackageReport, PackageResult, Problem, explain_json, explain_text},
};
use serde::Deserialize;

use crate::retention::{Names, Situation, situation};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    about: String,
    mode: String,
    /// `no`, `plan`, `by default` or `asked`.
    dry_run: String,
    #[serde(default = "pace")]
    pace: u32,
    /// Of a terminal, in columns; a log has none.
    width: Option<u16>,
    /// Whether the JSON is shown as well.
    #[serde(default)]
    json: bool,
    package: Vec<Package>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Package {
    /// A file in `fixtures/retention`.
    situation: String,
    #[serde(default = "image")]
    image: String,
    page: Option<String>,
    settings: Option<String>,
    repository: Option<String>,
    #[serde(default)]
    manifests_read: usize,
    /// Why there is no plan, instead of it, with hints.
    problem: Option<Vec<String>>,
    applied: Option<CaseApplied>,
    /// Whether it is not in the report: its policy is another one.
    #[serde(default)]
    only_explained: bool,
    /// Tags, and aliases of digests in angle brackets, that are explained.
    #[serde(default)]
    explain: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CaseApplied {
    /// What became of all that is not named below.
    rest: String,
    /// Outcomes of versions by number and of tags.
    #[serde(default)]
    outcomes: BTreeMap<String, String>,
    /// Versions by number: the alias of each, of what needs it, and the problem.
    #[serde(default)]
    restored: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    broken: BTreeMap<String, Vec<String>>,
    unchecked: Option<String>,
    #[serde(default)]
    end: Vec<String>,
}

const fn pace() -> u32 {
    900
}

fn image() -> String {
    "ghcr.io/acme/shop".to_owned()
}

fn outcome(text: &str) -> Outcome {
    let (name, said) = text.split_once(": ").unwrap_or((text, ""));
    let refused = |why| Outcome::Refused { why, said: said.to_owned() };
    match name {
        "done" => Outcome::Done,
        "already gone" => Outcome::AlreadyGone,
        "last tagged" => refused(Refused::LastTagged),
        "downloads" => refused(Refused::Downloads),
        "refused" => refused(Refused::Other),
        "failed" => Outcome::Failed { problem: said.to_owned() },
        "protected" => Outcome::Protected,
        "not in both" => Outcome::NotInBoth,
        "remaining" => Outcome::Remaining,
        other => panic!("no outcome `{other}`"),
    }
}

fn end(parts: &[String]) -> End {
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match parts.as_slice() {
        [] => End::Finished,
        ["time-budget"] => End::TimeBudget,
        ["limit", problem] => End::Limit { problem: (*problem).to_owned() },
        ["interrupted"] => End::Interrupted { signal: "SIGTERM" },
        ["failed", problem] => End::Failed { problem: (*problem).to_owned(), hint: None },
        ["failed", problem, hint] => End::Failed { problem: (*problem).to_owned(), hint: Some((*hint).to_owned()) },
        other => panic!("no end {other:?}"),
    }
}

fn applied(case: &CaseApplied, plan: &CleanupPlan, names: &mut Names) -> Applied {
    let steps: Vec<Step> = plan.steps.clone();
    let mut applied = Applied::begin(plan, &steps);
    for (id, came) in &mut applied.deletions {
        *came = outcome(case.outcomes.get(&id.to_string()).unwrap_or(&case.rest));
    }
    for (tag, came) in &mut applied.untagging {
        *came = outcome(case.outcomes.get(tag.as_str()).unwrap_or(&case.rest));
    }
    for (id, parts) in &case.restored {
        let restored = Restored {
            digest: names.digest(&parts[0]),
            needed_by: names.digest(&parts[1]),
            problem: parts.get(2).cloned(),
        };
        applied.restored.insert(VersionId::new(id.parse().unwrap()), restored);
    }
    for (image, missing) in &case.broken {
        let missing: BTreeSet<_> = missing.iter().map(|alias| names.digest(alias)).collect();
        applied.broken.insert(names.digest(image), missing);
    }
    applied.unchecked.clone_from(&case.unchecked);
    applied.end = end(&case.end);
    applied
}

fn package(case: &Package, situation: Situation) -> PackageReport {
    let too_many = if case.problem.is_none() { situation.too_many() } else { None };
    let Situation { mut names, inventory, plan, .. } = situation;
    let result = match (&case.problem, plan) {
        (Some(lines), _) => Err(Problem { message: lines[0].clone(), hints: lines[1..].to_vec(), is_next_runs: false }),
        (None, Err(blocked)) => {
            Err(Problem { message: blocked.to_string(), hints: vec![blocked.hint()], is_next_runs: false })
        }
        (None, Ok(mut plan)) => {
            plan.image = case.image.parse().unwrap();
            let applied = case.applied.as_ref().map(|case| applied(case, &plan, &mut names));
            Ok(PackageResult { inventory, plan, too_many, applied })
        }
    };
    PackageReport {
        image: case.image.clone(),
        page: case.page.clone(),
        settings: case.settings.clone(),
        repository: case.repository.clone(),
        manifests_read: case.manifests_read,
        result,
    }
}

pub(crate) fn cleanup_report(path: &Path) -> datatest_stable::Result<()> {
    let text = std::fs::read_to_string(path).unwrap();
    let case: Case = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let situation =
        |package: &Package| situation(&Path::new("fixtures/retention").join(&package.situation).with_extension("toml"));
    let Situation { policy, closed, .. } = situation(&case.package[0]);
    let report = CleanupReport {
        mode: match case.mode.as_str() {
            "plan" => "plan",
            "apply" => "apply",
            "cleanup" => "cleanup",
            other => panic!("no mode `{other}`"),
        },
        policy: &policy,
        dry_run: match case.dry_run.as_str() {
            "no" => DryRun::No,
            "plan" => DryRun::Plan,
            "by default" => DryRun::ByDefault,
            "asked" => DryRun::Asked,
            other => panic!("no dry run `{other}`"),
        },
        closed,
        pace: case.pace,
        packages: case
            .package
            .iter()
            .filter(|case| !case.only_explained)
            .map(|case| package(case, situation(case)))
            .collect(),
    };
    let mut shown = format!("======== summary\n{}\n======== text\n{}", report.summary(), report.text(case.width));
    for (name, lines) in [("warning", report.warnings()), ("notice", report.notices()), ("failure", report.failures())]
    {
        for line in lines {
            let _ = writeln!(shown, "{name}: {line}");
        }
    }
    let outputs: Vec<String> = report.outputs().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let _ = writeln!(shown, "outputs: {}", outputs.join(" "));
    for package in &case.package {
        let Situation { policy, mut names, plan, .. } = situation(package);
        for what in &package.explain {
            let reference = match what.strip_prefix('<').and_then(|text| text.strip_suffix('>')) {
                Some(alias) => ManifestReference::Digest(names.digest(alias)),
                None => ManifestReference::Tag(what.parse().unwrap()),
            };
            let plan = plan.as_ref().unwrap();
            match explain_text(plan, &policy, &reference) {
                Some(text) => writeln!(shown, "======== explain {what}\n{text}").unwrap(),
                None => writeln!(shown, "======== explain {what}: not here").unwrap(),
            }
            if let (true, Some(value)) = (case.json, explain_json(plan, &policy, &reference)) {
                let _ = writeln!(shown, "{}", serde_json::to_string_pretty(&value).unwrap());
            }
        }
    }
    if case.json {
        let _ = writeln!(shown, "======== json\n{}", serde_json::to_string_pretty(&report.json()).unwrap());
    }
    crate::snapshot(path, &case.about, &shown);
    Ok(())
}
