//! The shape of the crate: which module may import which, what the pure ones may not name, how long a file may be.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// What each module may import of the others. A module that is not here may not exist.
const ARROWS: &[(&str, &[&str])] = &[
    (
        "main",
        &[
            "after", "clean", "doctor", "images", "setup", "tell", "trial", "app", "adapters", "inputs", "event",
            "error",
        ],
    ),
    // The half of the program that wires the modes about packages.
    ("clean", &["main", "doctor", "images", "app", "adapters", "inputs", "event", "error"]),
    // The part of the program that wires what moves images.
    ("images", &["main", "app", "adapters", "inputs", "error", "model", "report"]),
    // The part of it that wires mode `doctor`.
    ("doctor", &["main", "images", "app", "adapters", "inputs", "event", "error", "model"]),
    // The part of it that wires what comes after a push.
    ("after", &["app", "adapters", "inputs", "report", "error"]),
    // The part of it that wires what comes before a policy.
    ("setup", &["main", "clean", "app", "adapters", "inputs", "event", "error", "model"]),
    // The part of it that wires what needs no GHCR.
    ("trial", &["main", "tell", "app", "adapters", "inputs", "error", "sandbox"]),
    // The half of the program that talks.
    ("tell", &["app", "adapters", "inputs", "error"]),
    ("app", &["collect", "error", "event", "execute", "inputs", "model", "policy", "ports", "report", "sandbox"]),
    ("adapters", &["ports", "model"]),
    ("inputs", &["policy", "model"]),
    // The plan says which facts it rests on; nobody else could ask for just those.
    ("collect", &["ports", "policy", "event", "model"]),
    ("policy", &["event", "model"]),
    ("execute", &["ports", "policy", "model"]),
    ("event", &["model"]),
    ("ports", &["model"]),
    // It says what happened as well as what became of it.
    ("report", &["policy", "execute", "event", "model"]),
    ("sandbox", &["model"]),
    ("model", &[]),
    ("error", &["inputs", "ports", "policy", "event", "execute", "model"]),
];

/// Files that may be longer than [`LONGEST`], each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Lines of a file that nobody has to scroll through twice.
const LONGEST: usize = 450;

const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "rust-toolchain.toml",
    "action.yml",
    "Dockerfile",
    "src",
    "tests",
    "fixtures",
    "docs",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below `folder`, relative to the repository, in order.
fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path.strip_prefix(root()).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The code of a file that ships: comment lines blanked, and nothing from its tests on.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(root().join(file)).unwrap();
    let ships = text.split("\n#[cfg(test)]\nmod ").next().unwrap();
    ships
        .lines()
        .map(|line| if line.trim_start().starts_with("//") { "" } else { line })
        .flat_map(|line| [line, "\n"])
        .collect()
}

/// The top-level module that a file of `src` belongs to.
fn module_of(file: &Path) -> String {
    let second = file.components().nth(1).unwrap();
    Path::new(second.as_os_str()).file_stem().unwrap().to_string_lossy().into_owned()
}

/// The names that follow `prefix` in the text, groups in braces opened, with the line of each.
fn names_after(text: &str, prefix: &str) -> Vec<(usize, String)> {
    let name = |text: &str| -> String { text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect() };
    let mut names = Vec::new();
    for (at, _) in text.match_indices(prefix) {
        let preceding = text[..at].chars().next_back();
        if preceding.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$' || c == ':') {
            continue;
        }
        let line = text[..at].lines().count().max(1) + usize::from(text[..at].ends_with('\n'));
        let rest = &text[at + prefix.len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.push((line, name(rest)));
            continue;
        };
        let (mut depth, mut expects_name) = (1_usize, true);
        for (position, character) in group.char_indices() {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => expects_name = true,
                c if c.is_whitespace() => {}
                _ if expects_name && depth == 1 => {
                    names.push((line, name(&group[position..])));
                    expects_name = false;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    names
}

#[test]
fn arrows_point_inward() {
    let arrows = ARROWS.iter().copied().collect::<BTreeMap<_, _>>();
    let mut wrong = Vec::new();
    for file in rust_files("src") {
        let module = module_of(&file);
        if module == "lib" {
            continue;
        }
        let Some(allowed) = arrows.get(module.as_str()) else {
            wrong.push(format!("{}: no module `{module}` in the layout", file.display()));
            continue;
        };
        let text = code(&file);
        for prefix in ["crate::", "ghcr_lifecycle::", "super::super::"] {
            for (line, name) in names_after(&text, prefix) {
                if name != module && arrows.contains_key(name.as_str()) && !allowed.contains(&name.as_str()) {
                    wrong.push(format!("{}:{line}: `{module}` may not import `{name}`", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn decisions_are_pure_and_synchronous() {
    const STD: &[&str] = &["env", "fs", "io", "net", "os", "process", "thread"];
    const CRATES: &[&str] = &["git2", "hyper", "hyper_util", "octocrab", "reqwest", "rustls", "tokio", "tokio_util"];
    const WORDS: &[&str] =
        &["SystemTime", "Instant::now", "Utc::now", "Local::now", "async fn", "async move", ".await", "std::env!"];
    let mut wrong = Vec::new();
    for file in rust_files("src/model").into_iter().chain(rust_files("src/policy")) {
        let text = code(&file);
        for (line, name) in names_after(&text, "std::") {
            // An address can be looked at without a network.
            let address = text.lines().nth(line - 1).is_some_and(|line| line.contains("std::net::IpAddr"));
            if STD.contains(&name.as_str()) && !address {
                wrong.push(format!("{}:{line}: `std::{name}`", file.display()));
            }
        }
        for (number, line) in text.lines().enumerate() {
            let names_crate = |name: &&&str| line.contains(&format!("{name}::"));
            let client = ["oci_distribution::Client", "oci_distribution::client", "oci_distribution::secrets"];
            let found = CRATES
                .iter()
                .find(names_crate)
                .or_else(|| WORDS.iter().chain(&client).find(|word| line.contains(**word)));
            if let Some(found) = found {
                wrong.push(format!("{}:{}: `{found}`", file.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "policy and model name the outside world:\n{}", wrong.join("\n"));
}

#[test]
fn only_the_edges_wait() {
    const MAY_WAIT: &[&str] = &[
        "main", "after", "clean", "doctor", "images", "setup", "trial", "app", "collect", "execute", "adapters",
        "ports", "sandbox",
    ];
    let mut wrong = Vec::new();
    for file in rust_files("src") {
        if MAY_WAIT.contains(&module_of(&file).as_str()) {
            continue;
        }
        for (number, line) in code(&file).lines().enumerate() {
            if line.contains("async ") || line.contains(".await") {
                wrong.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(wrong.is_empty(), "async outside app, collect, execute and adapters:\n{}", wrong.join("\n"));
}

#[test]
fn the_top_level_is_what_the_layout_says() {
    let mut wrong = Vec::new();
    for entry in fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && name != "target" && !TOP_LEVEL.contains(&name.as_str()) {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "not in the layout: {}", wrong.join(", "));
}

#[test]
fn files_stay_short_enough_to_read() {
    let mut wrong = Vec::new();
    for file in rust_files("src").into_iter().chain(rust_files("tests")) {
        let lines = fs::read_to_string(root().join(&file)).unwrap().lines().count();
        let excused = LONG_FILES.iter().any(|(name, _)| Path::new(name) == file);
        if lines > LONGEST && !excused {
            wrong.push(format!("{}: {lines} lines, over {LONGEST}", file.display()));
        }
    }
    assert!(wrong.is_empty(), "split these, or list them with a reason:\n{}", wrong.join("\n"));
}

#[test]
fn modules_say_what_they_are_for() {
    let silent = rust_files("src")
        .into_iter()
        .filter(|file| !fs::read_to_string(root().join(file)).unwrap().starts_with("//! "))
        // Unit tests in a file of their own are introduced by the module that they test.
        .filter(|file| file.file_name().is_some_and(|name| name != "tests.rs"))
        .map(|file| file.display().to_string())
        .collect::<Vec<_>>();
    assert!(silent.is_empty(), "without a `//!` purpose: {}", silent.join(", "));
}

#[test]
fn one_toolchain_everywhere() {
    let read = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    let toolchain = read("rust-toolchain.toml").parse::<toml::Table>().unwrap();
    let channel = toolchain["toolchain"]["channel"].as_str().unwrap().to_owned();
    let manifest = read("Cargo.toml").parse::<toml::Table>().unwrap();
    let rust_version = manifest["package"]["rust-version"].as_str().unwrap().to_owned();
    assert!(
        channel == rust_version || channel.strip_prefix(&rust_version).is_some_and(|rest| rest.starts_with('.')),
        "rust-toolchain.toml says {channel}, Cargo.toml {rust_version}"
    );
    let dockerfile = read("Dockerfile");
    assert!(dockerfile.contains(&format!("/rust:{channel}-")), "Dockerfile builds with another Rust than {channel}");
    assert!(dockerfile.contains(&format!("RUSTUP_TOOLCHAIN={channel}\n")), "Dockerfile names another toolchain");
    let version = manifest["package"]["version"].as_str().unwrap();
    assert!(dockerfile.contains(&format!("ARG VERSION={version}\n")), "Dockerfile has another version than {version}");
}

#[test]
fn groups_of_imports_are_opened() {
    let text = "use crate::{\n    model::{Tag, Digest},\n    policy,\n};\nlet x = crate::ports::Port;\nmy_crate::no();";
    let found = names_after(text, "crate::");
    assert_eq!(found, [(1, "model".to_owned()), (1, "policy".to_owned()), (5, "ports".to_owned())]);
}
