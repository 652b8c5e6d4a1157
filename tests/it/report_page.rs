//! The page of a clean-up, opened from disk in a browser.

pub(crate) mod project;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use ghcr_lifecycle::{
    policy::cleanup::{Decision, VersionReason},
    report::cleanup::PackageResult,
};
use serde_json::Value;

use self::project::{inventory, package, policy, report};
use crate::programs::program;

/// What a browser made of a page.
struct Opened {
    /// The elements as they are at the end.
    elements: String,
    /// What its console says.
    console: Vec<String>,
}

/// Opens a page; `view` is what stands behind `#` in the address.
fn open(page: &Path, view: &str) -> Opened {
    let profile = tempfile::tempdir().unwrap();
    let mut chromium = program("chromium", "chromium");
    chromium
        .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"])
        .args(["--enable-logging=stderr", "--virtual-time-budget=10000", "--window-size=1280,900", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("file://{}#{view}", page.display()))
        .stdin(Stdio::null());
    let output = chromium.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let console = errors.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect();
    Opened { elements: String::from_utf8(output.stdout).unwrap(), console }
}

impl Opened {
    /// Counts the lines of the list.
    fn images(&self) -> usize {
        self.elements.matches("<li class=\"image\"").count()
    }

    #[track_caller]
    fn is_in_order(&self) -> &Self {
        assert!(self.console.is_empty(), "{:#?}", self.console);
        assert!(self.elements.contains("data-ready="), "the script did not come to its end");
        self
    }
}

fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

/// The images of the page's first package.
fn images(data: &Value) -> &Vec<Value> {
    data["packages"][0]["images"].as_array().unwrap()
}

/// Writes a page to where it can be looked at afterwards.
fn saved(name: &str, page: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report-page");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(name);
    fs::write(&path, page).unwrap();
    path
}

#[test]
fn every_version_is_in_one_image_and_has_its_fate() {
    let policy = policy();
    let package = package(inventory(120), &policy);
    let Ok(PackageResult { plan, .. }) = &package.result else { unreachable!() };
    let goes = plan.deleted().map(|version| version.id.number()).collect::<std::collections::BTreeSet<_>>();
    let all = plan.versions.iter().map(|version| version.id.number()).collect::<Vec<_>>();
    let kept_heads = plan.versions.iter().filter(|one| one.decision == Decision::Keep && one.reached.is_none()).count();
    let data = data(&report(&policy, vec![package]).page());
    let (mut found, mut kept) = (Vec::new(), 0);
    for image in images(&data) {
        let is_gone = image["fate"] == "goes";
        kept += usize::from(!is_gone);
        assert!(!image["why"].as_str().unwrap().is_empty(), "{image}");
        for id in
            std::iter::once(image).chain(image["parts"].as_array().unwrap()).map(|one| one["id"].as_u64().unwrap())
        {
            assert_eq!(goes.contains(&id), is_gone, "{image}");
            found.push(id);
        }
    }
    found.sort_unstable();
    assert_eq!(found, all);
    assert_eq!(kept, kept_heads);
}

#[test]
fn two_thousand_versions_open_without_a_complaint() {
    let policy = policy();
    let page = report(&policy, vec![package(inventory(396), &policy)]).page();
    let data = data(&page);
    assert!(data["versions"].as_u64().unwrap() >= 2_000, "{}", data["versions"]);
    let path = saved("2000-versions.html", &page);
    let opened = open(&path, "");
    assert_eq!(opened.is_in_order().images(), images(&data).len());
    let ready = opened.elements.split("data-ready=\"").nth(1).unwrap().split('"').next().unwrap();
    println!("{} versions, {} kB: ready after {ready} ms", data["versions"], page.len() / 1_000);
    let going = images(&data).iter().filter(|image| image["fate"] == "goes").count();
    assert_eq!(open(&path, "show=goes").is_in_order().images(), going);
    let named = |text: &str| {
        let has = |image: &&Value| {
            image["tags"].as_array().unwrap().iter().any(|tag| tag["name"].as_str().unwrap().contains(text))
        };
        images(&data).iter().filter(has).count()
    };
    assert_eq!(open(&path, "q=pr-1&sort=largest").is_in_order().images(), named("pr-1"));
    assert_eq!(open(&path, "q=nothing+has+this").is_in_order().images(), 0);
    let in_row = |row: u64| {
        let rows = |tag: &Value| tag["rows"].as_array().unwrap().iter().any(|one| one.as_u64() == Some(row));
        images(&data).iter().filter(|image| image["tags"].as_array().unwrap().iter().any(rows)).count()
    };
    assert_eq!(open(&path, "row=2").is_in_order().images(), in_row(2));
}

#[test]
fn three_thousand_images_come_in_portions() {
    let policy = policy();
    let page = report(&policy, vec![package(inventory(3_000), &policy)]).page();
    let opened = open(&saved("3000-images.html", &page), "");
    assert_eq!(opened.is_in_order().images(), 2_500);
    assert!(opened.elements.contains("Show more"));
}

#[test]
fn texts_of_others_are_only_ever_text() {
    const HOSTILE: &str = "</script><img src=x onerror=alert(1)><!--<script>\u{2028}{{data}}`\"'&";
    let mut policy = policy();
    let mut first = package(inventory(4), &policy);
    policy.rules[0].row.label = HOSTILE.to_owned();
    first.repository = Some(HOSTILE.to_owned());
    first.image = HOSTILE.to_owned();
    first.settings = Some("javascript:alert(1)//settings".to_owned());
    if let Ok(PackageResult { plan, .. }) = &mut first.result {
        for version in &mut plan.versions {
            version.reasons = vec![VersionReason::ReferencedDigest { place: HOSTILE.to_owned() }];
        }
    }
    let page = report(&policy, vec![first]).page();
    assert_eq!(page.matches("<script").count(), page.matches("</script").count());
    assert_eq!(page.matches("<script").count(), 2, "the data and the script");
    assert!(!page.contains("<img"));
    let shown = data(&page);
    assert_eq!(shown["packages"][0]["image"], HOSTILE);
    let opened = open(&saved("hostile.html", &page), "q=%3Cimg");
    assert!(opened.is_in_order().images() > 0, "the text is found as text");
    assert!(!opened.elements.contains("<img"), "nothing became an element");
    assert!(!opened.elements.contains("href=\"javascript"));
}
