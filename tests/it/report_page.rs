//! The page of a clean-up, opened from disk in a browser.

pub(crate) mod project;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use ghcr_lifecycle::{
    policy::cleanup::VersionReason,
    report::cleanup::{PackageResult, Problem},
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
    let inventory = inventory(120);
    let Ok(PackageResult { plan, .. }) = &package.result else { unreachable!() };
    let goes: BTreeSet<u64> = plan.deleted().map(|version| version.id.number()).collect();
    let all: Vec<u64> = plan.versions.iter().map(|version| version.id.number()).collect();
    let page = report(&policy, vec![package]).page();
    let data = data(&page);
    let mut found: BTreeMap<u64, u64> = BTreeMap::new();
    for image in images(&data) {
        assert!(!image["why"].as_str().unwrap().is_empty(), "{image}");
        let head = image["id"].as_u64().unwrap();
        for one in std::iter::once(image).chain(image["parts"].as_array().unwrap()) {
            let id = one["id"].as_u64().unwrap();
            assert_eq!(goes.contains(&id), image["fate"] == "goes", "{image}");
            assert_eq!(found.insert(id, head), None, "version {id} is in two images");
        }
    }
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), all);
    let ids: BTreeMap<_, _> = inventory.versions.iter().map(|one| (&one.digest, one.id.number())).collect();
    for index in inventory.versions.iter().filter(|one| !goes.contains(&one.id.number())) {
        for child in index.read().into_iter().flat_map(|manifest| &manifest.children) {
            assert_eq!(found[&ids[&child.digest]], index.id.number(), "a platform is with its index");
        }
    }
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

/// The opening tags of all elements of a kind.
fn openings<'a>(elements: &'a str, name: &str) -> Vec<&'a str> {
    let body = elements.split_once("<body>").unwrap().1.split("<script").next().unwrap();
    let opening = format!("<{name}");
    let starts = body.match_indices(&opening).map(|(at, _)| &body[at + opening.len()..]);
    starts.filter(|rest| rest.starts_with([' ', '>'])).map(|rest| rest.split('>').next().unwrap()).collect()
}

/// What takes a key or the focus is an element that browsers know how to use, and has a name.
#[test]
fn everything_has_a_name_and_is_used_by_keys() {
    let policy = policy();
    let page = report(&policy, vec![package(inventory(30), &policy)]).page();
    let opened = open(&saved("30-images.html", &page), "row=3");
    let elements = &opened.is_in_order().elements;
    for (kind, least) in [("select", 2), ("svg", 6)] {
        let all = openings(elements, kind);
        assert!(all.len() >= least, "{} of {kind}", all.len());
        for one in all.iter().filter(|one| !one.contains("aria-hidden")) {
            assert!(one.contains("aria-label=") || one.contains("id=\"package\""), "{kind}{one}");
        }
    }
    for one in openings(elements, "input") {
        assert!(one.contains("aria-label=") || one.contains("type=\"radio\""), "input{one}");
    }
    assert!(elements.contains("data-row=\"3\" aria-pressed=\"true\""), "the row that is looked at alone");
    assert!(elements.contains("data-row=\"2\" aria-pressed=\"false\""));
    assert_eq!(openings(elements, "details").len(), openings(elements, "summary").len());
    for foreign in ["tabindex", "onclick", "role=\"button\""] {
        assert!(!elements.split("<script").next().unwrap().contains(foreign), "{foreign}");
    }
    let headings: Vec<&str> =
        ["<h1 ", "<h2 ", "<main>", "<header>", "<footer "].into_iter().filter(|one| !elements.contains(one)).collect();
    assert!(headings.is_empty(), "{headings:?}");
}

#[test]
fn each_of_several_packages_is_shown_even_one_without_a_plan() {
    let policy = policy();
    let mut failed = package(inventory(1), &policy);
    failed.image = "ghcr.io/kyklos/charts".to_owned();
    let (message, hints) = ("read `v1`: 500".to_owned(), vec!["try again".to_owned()]);
    failed.result = Err(Problem { message, hints, is_next_runs: false });
    let page = report(&policy, vec![package(inventory(9), &policy), failed]).page();
    let path = saved("two-packages.html", &page);
    assert_eq!(open(&path, "package=0").is_in_order().images(), images(&data(&page)).len());
    let opened = open(&path, "package=1&row=7&sort=up&show=none");
    assert_eq!(opened.is_in_order().images(), 0);
    assert!(opened.elements.contains("<h1 id=\"name\">ghcr.io/kyklos/charts</h1>"));
    assert!(opened.elements.contains("Hint: try again."), "{}", opened.elements);
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
