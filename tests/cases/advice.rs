//! `fixtures/advice/*.toml`: a policy gives what it may not mean, as `check` says it.

use std::{fmt::Write as _, path::Path};

use ghcr_lifecycle::{
    policy::{advice::advise, config},
    report::{advice, diagnostics},
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    policy: Option<String>,
    /// Names of files in `fixtures/policies`.
    #[serde(default)]
    policies: Vec<String>,
}

fn warnings(name: &str, text: &str) -> String {
    let policy = config::parse(text).unwrap_or_else(|found| panic!("{}", diagnostics::render(name, text, &found)));
    let warnings = advice::warnings(&advise(&policy));
    if warnings.is_empty() { "nothing\n".to_owned() } else { warnings.join("\n\n") + "\n" }
}

pub(crate) fn advice(path: &Path) -> datatest_stable::Result<()> {
    let case: Case = toml::from_str(&std::fs::read_to_string(path)?)?;
    let mut text = String::new();
    if let Some(policy) = &case.policy {
        text.push_str(&warnings("policy", policy.trim_start()));
    }
    for name in &case.policies {
        let policy = std::fs::read_to_string(format!("fixtures/policies/{name}.yml"))?;
        let _ = writeln!(text, "{name}: {}", warnings(name, &policy).trim_end());
    }
    crate::snapshot(path, &case.about, &text);
    Ok(())
}
