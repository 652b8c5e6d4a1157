//! `fixtures/references/*.toml`: files as they are found in repositories, and what they refer to of one image, or, where the
//! case names none, which references name no registry.

use std::{fmt::Write as _, path::Path};

use ghcr_lifecycle::{
    model::{
        ImageName,
        evidence::{Reference, Referenced},
    },
    policy::references::{find, registry::without_registry},
};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    image: Option<ImageNameText>,
    file: Vec<File>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct ImageNameText(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    path: String,
    text: String,
}

/// Renders what each file refers to, beside the line that says so.
pub(crate) fn references(path: &Path) -> datatest_stable::Result<()> {
    let case: Case = toml::from_str(&std::fs::read_to_string(path)?)?;
    let Some(ImageNameText(image)) = &case.image else {
        crate::snapshot(path, &case.about, &registries(&case.file)?);
        return Ok(());
    };
    let image: ImageName = image.parse()?;
    let mut text = String::new();
    for file in &case.file {
        writeln!(text, "{}", file.path)?;
        let found = find(&file.path, &file.text, &image);
        if found.is_empty() {
            writeln!(text, "  nothing")?;
        }
        let line = |reference: &Reference| -> usize {
            reference.place.rsplit(':').next().and_then(|number| number.parse().ok()).unwrap_or_default()
        };
        let mut found: Vec<&Reference> = found.iter().collect();
        found.sort_by_key(|reference| line(reference));
        for reference in found {
            let names = match &reference.names {
                Referenced::Tag(tag) => format!("tag {tag}"),
                Referenced::Digest(digest) => format!("digest {}", digest.short()),
                Referenced::AnyTag(shape) => format!("any tag {shape}"),
            };
            let said = file.text.lines().nth(line(reference) - 1).unwrap_or_default().trim();
            writeln!(text, "  {names:<24} {}: {said}", line(reference))?;
        }
    }
    crate::snapshot(path, &case.about, &text);
    Ok(())
}

/// Renders the places that name no registry, each marked in its line, with what to write.
fn registries(files: &[File]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for file in files {
        writeln!(text, "{}", file.path)?;
        let found = without_registry(&file.path, &file.text);
        if found.is_empty() {
            writeln!(text, "  nothing")?;
        }
        for found in found {
            let line: Vec<char> = file.text.lines().nth(found.line - 1).unwrap_or_default().chars().collect();
            let (before, after) = line.split_at(found.column - 1);
            let (before, after): (String, String) = (before.iter().collect(), after.iter().collect());
            assert!(after.starts_with(&found.written), "{}:{}: {after}", file.path, found.line);
            writeln!(text, "  {}: {}>{after}\n     write {}", found.line, before.trim_start(), found.qualified)?;
        }
    }
    Ok(text)
}
