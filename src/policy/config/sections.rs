//! The keys beside `images` and `tags`.

use super::{
    amount::size,
    entry::{Place, entry},
    keep::duration_or_forever,
    keys::listed,
    node::Kind,
    row::{glob, tag_glob, template},
    walk::{MAX_SHOWN, Single, Text, Value, Walk},
};
use crate::model::untrusted::shown_up_to;
use crate::{
    model::{Digest, ImageName, RepositoryName},
    policy::{
        diagnostic::nearest,
        language::{self, VISIBILITIES},
        rules::{Checks, Mirror, Protected, References, Upstream, Visibility},
    },
};

/// Reads an image name.
pub(super) fn image(walk: &mut Walk<'_>, text: &Text<'_>) -> Option<ImageName> {
    if text.text.len() > 300 {
        walk.mistake(&text.value, "the image name is longer than 300 bytes", None);
        return None;
    }
    if text.text.contains("://") {
        let name = text.text.split_once("://").and_then(|(_, name)| name.trim().parse::<ImageName>().ok());
        let hint = name.map(|name| format!("did you mean `{name}`?"));
        let problem = format!("`{}` is a web address, not an image name", shown_up_to(text.text, MAX_SHOWN));
        walk.mistake(&text.value, problem, hint);
        return None;
    }
    match text.text.parse::<ImageName>() {
        Ok(name) => Some(name),
        Err(error) => {
            let written = text.text.trim();
            let hint = if let Some((name, _)) = written.split_once('@') {
                name.parse::<ImageName>().ok().map(|name| name.to_string())
            } else if let Ok(name) = format!("ghcr.io/{written}").parse::<ImageName>() {
                written.contains('/').then(|| name.to_string())
            } else {
                written
                    .rsplit_once(':')
                    .and_then(|(name, _)| name.parse::<ImageName>().ok())
                    .map(|name| name.to_string())
            };
            let hint =
                hint.map(|name| format!("did you mean `{}`?", shown_up_to(&name, MAX_SHOWN))).unwrap_or_else(|| {
                    "an image name is as `ghcr.io/owner/name`: letters, digits, `.`, `_`, `-` and `/`".to_owned()
                });
            let hint = Some(hint);
            walk.mistake(&text.value, shown_up_to(&error.to_string(), 400), hint);
            None
        }
    }
}

/// Reads `images`.
pub(super) fn images(walk: &mut Walk<'_>, value: &Value<'_>) -> Vec<ImageName> {
    let mut images: Vec<(ImageName, Value<'_>)> = Vec::new();
    for text in walk.texts(value, "a list of image names", Single::Refused) {
        let Some(name) = image(walk, &text) else { continue };
        if let Some((_, first)) = images.iter().find(|(other, _)| *other == name) {
            let first = (first.node.span.clone(), "first here");
            walk.mistake_twice(
                &text.value,
                format!("the image `{name}` occurs twice"),
                Some("keep one of them".into()),
                first,
            );
            continue;
        }
        images.push((name, text.value));
    }
    images.into_iter().map(|(name, _)| name).collect()
}

/// Reads `untagged`.
pub(super) fn untagged(walk: &mut Walk<'_>, value: &Value<'_>) -> Option<std::time::Duration> {
    if let Kind::Text(text) = &value.node.kind {
        let hint = format!("write `untagged: {{keep: {}}}`", shown_up_to(text, 40));
        walk.wrong_type(value, "a map with the key `keep`", Some(hint));
        return None;
    }
    let fields = walk.fields(value, "a map with the key `keep`", &language::UNTAGGED)?;
    match fields.get("keep") {
        Some(value) => duration_or_forever(walk, value).flatten(),
        None => {
            walk.missing(value, &fields, "keep", "14 days");
            None
        }
    }
}

/// Reads `protect`.
pub(super) fn protect(walk: &mut Walk<'_>, value: &Value<'_>) -> Vec<Protected> {
    let texts = walk.texts(value, "a list of tag patterns and digests", Single::Refused);
    texts
        .iter()
        .filter_map(|text| {
            if text.text.starts_with("sha256:") {
                return digest(walk, text).map(Protected::Digest);
            }
            if text.text.contains(':') || text.text.contains('@') || text.text.contains('/') {
                let problem = format!("`{}` is no tag pattern and no digest", shown_up_to(text.text, MAX_SHOWN));
                let hint = "give the tag alone, as in `demo-*`, or the digest alone, as in `sha256:…`";
                walk.mistake(&text.value, problem, Some(hint.into()));
                return None;
            }
            tag_glob(walk, text).map(Protected::Tags)
        })
        .collect()
}

fn digest(walk: &mut Walk<'_>, text: &Text<'_>) -> Option<Digest> {
    match text.text.parse::<Digest>() {
        Ok(digest) => Some(digest),
        Err(error) => {
            let lower = text.text.to_lowercase();
            let hint = match lower.strip_prefix("sha256:").unwrap_or(&lower) {
                hex if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) => None,
                hex if hex.len() == 64 => Some(format!("write `sha256:{hex}`")),
                hex => Some(format!("it has {} hex digits; digests are never shortened here", hex.len())),
            };
            walk.mistake(&text.value, shown_up_to(&error.to_string(), 300), hint);
            None
        }
    }
}

/// Reads `unreadable`.
pub(super) fn unreadable(walk: &mut Walk<'_>, value: &Value<'_>) -> Vec<Digest> {
    let texts = walk.texts(value, "a list of digests", Single::Refused);
    texts.iter().filter_map(|text| digest(walk, text)).collect()
}

/// Reads `references`.
pub(super) fn references(walk: &mut Walk<'_>, value: &Value<'_>) -> Option<References> {
    let fields = walk.fields(value, "a map", &language::REFERENCES)?;
    let files = match fields.get("files") {
        Some(value) => {
            let texts = walk.texts(value, "a list of path patterns", Single::Refused);
            texts.iter().filter_map(|text| glob(walk, text)).collect()
        }
        None => {
            walk.missing(value, &fields, "files", "[\"charts/**/values.yaml\"]");
            Vec::new()
        }
    };
    let mut branches = Vec::new();
    if let Some(value) = fields.get("branches") {
        for text in walk.texts(value, "a list of branch names", Single::Refused) {
            if text.text.is_empty() || text.text.chars().any(|c| c.is_control() || " ~^:?*[\\".contains(c)) {
                let problem = format!("`{}` is no branch name", shown_up_to(text.text, MAX_SHOWN));
                let hint = text.text.contains('*').then(|| "name each branch; patterns are for `files`".to_owned());
                walk.mistake(&text.value, problem, hint);
            } else {
                branches.push(text.text.to_owned());
            }
        }
    }
    let require_registry = fields.get("require-registry").and_then(|value| walk.boolean(value)).unwrap_or(false);
    Some(References { files, branches, require_registry })
}

/// Reads a source repository.
pub(super) fn repository(walk: &mut Walk<'_>, value: &Value<'_>) -> Option<RepositoryName> {
    let text = walk.text(value, "a repository, as in `owner/name`")?;
    match text.text.parse::<RepositoryName>() {
        Ok(name) => Some(name),
        Err(_) => {
            let problem = format!("`{}` is no repository", shown_up_to(text.text, MAX_SHOWN));
            let path = text.text.trim_end_matches('/').trim_end_matches(".git");
            let mut segments = path.rsplit('/');
            let short = match (segments.next(), segments.next()) {
                (Some(name), Some(owner)) => format!("{owner}/{name}").parse::<RepositoryName>().ok(),
                _ => None,
            };
            let hint = match short {
                Some(name) if path.contains("//") => format!("did you mean `{name}`?"),
                _ => "it is written as `owner/name`".to_owned(),
            };
            walk.mistake(value, problem, Some(hint));
            None
        }
    }
}

/// Reads `checks`.
pub(super) fn checks(walk: &mut Walk<'_>, value: &Value<'_>) -> Option<Checks> {
    let fields = walk.fields(value, "a map", &language::CHECKS)?;
    let mut checks = Checks { platforms: Vec::new(), size_target: None, size_max: None };
    if let Some(value) = fields.get("platforms") {
        for text in walk.texts(value, "a list of platforms", Single::Refused) {
            let Some(platform) = platform(walk, &text) else { continue };
            if checks.platforms.contains(&platform) {
                walk.mistake(
                    &text.value,
                    format!("the platform `{platform}` occurs twice"),
                    Some("keep one of them".into()),
                );
            } else {
                checks.platforms.push(platform);
            }
        }
    }
    if let Some(value) = fields.get("size")
        && let Some(sizes) = walk.fields(value, "a map with `target`, `max` or both", &language::SIZE)
    {
        checks.size_target = sizes.get("target").and_then(|value| bytes(walk, value));
        checks.size_max = sizes.get("max").and_then(|value| bytes(walk, value));
        if let (Some(target), Some(max), Some(value)) = (checks.size_target, checks.size_max, sizes.get("target"))
            && target > max
        {
            walk.mistake(
                value,
                "`target` is above `max`",
                Some("the warning comes before the error: swap them".into()),
            );
        }
    }
    Some(checks)
}

fn platform(walk: &mut Walk<'_>, text: &Text<'_>) -> Option<String> {
    let parts: Vec<&str> = text.text.split('/').collect();
    let plain = |part: &&str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.' | '-'))
    };
    let meant = |architecture: &str| match architecture {
        "x86_64" | "x64" => Some("amd64"),
        "aarch64" => Some("arm64"),
        "i386" | "x86" => Some("386"),
        _ => None,
    };
    let hint = match parts.as_slice() {
        [_, architecture, ..] if meant(architecture).is_some() => meant(architecture),
        [_, _] | [_, _, _] if parts.iter().all(plain) => return Some(text.text.to_owned()),
        [architecture] => meant(architecture).or(Some(architecture)),
        _ => None,
    };
    let hint = match (hint, parts.as_slice()) {
        (Some(architecture), [_]) if plain(&architecture) => format!("did you mean `linux/{architecture}`?"),
        (Some(architecture), [system, ..]) if plain(system) => format!("did you mean `{system}/{architecture}`?"),
        _ => "it is written as in `linux/amd64` or `linux/arm/v7`".to_owned(),
    };
    walk.mistake(
        &text.value,
        format!("`{}` is no platform", shown_up_to(text.text, MAX_SHOWN)),
        Some(shown_up_to(&hint, 200)),
    );
    None
}

fn bytes(walk: &mut Walk<'_>, value: &Value<'_>) -> Option<u64> {
    if let Kind::Integer(number) = value.node.kind {
        walk.wrong_type(value, "a size with a unit", Some(format!("did you mean `{number} MB`?")));
        return None;
    }
    let text = walk.text(value, "a size, as in `20 MB`")?;
    match size(text.text) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            walk.mistake(value, error.problem, error.hint);
            None
        }
    }
}

/// Reads `visibility`.
pub(super) fn visibility(walk: &mut Walk<'_>, value: &Value<'_>) -> Option<Visibility> {
    let text = walk.text(value, "`public`, `private` or `internal`")?;
    match text.text {
        "public" => Some(Visibility::Public),
        "private" => Some(Visibility::Private),
        "internal" => Some(Visibility::Internal),
        other => {
            let hint = match nearest(other, VISIBILITIES) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("it is one of {}", listed(&VISIBILITIES)),
            };
            walk.mistake(value, format!("`{}` is no visibility", shown_up_to(other, MAX_SHOWN)), Some(hint));
            None
        }
    }
}

/// Reads `mirrors`.
pub(super) fn mirrors(walk: &mut Walk<'_>, value: &Value<'_>, images: &[ImageName]) -> Vec<Mirror> {
    let Some(items) = walk.items(value, "a list of mirrors (each a map)") else { return Vec::new() };
    items.iter().filter_map(|item| mirror(walk, item, images)).collect()
}

fn mirror(walk: &mut Walk<'_>, value: &Value<'_>, images: &[ImageName]) -> Option<Mirror> {
    let fields = walk.fields(value, "a mirror (a map)", &language::MIRROR)?;
    let image = match fields.get("image") {
        Some(value) => {
            let name = walk.text(value, "an image name").and_then(|text| image(walk, &text));
            if let Some(name) = &name
                && images.contains(name)
            {
                let hint = "name it in one place: a mirror is a copy elsewhere";
                walk.mistake(value, format!("`{name}` is one of `images` already"), Some(hint.into()));
            }
            name
        }
        None => {
            walk.missing(value, &fields, "image", "docker.io/owner/name");
            None
        }
    };
    let mut only = Vec::new();
    if let Some(value) = fields.get("only") {
        let texts = walk.texts(value, "an event or a list of events", Single::Allowed);
        only = texts.iter().filter_map(|text| entry(walk, text, Place::Mirror)).collect();
        if only.len() == texts.len() && !only.is_empty() && only.iter().all(|entry| entry.negated) {
            walk.mistake(
                value,
                "every entry takes away (`!`), so nothing is left",
                Some("add what they are taken from, as in `release`".into()),
            );
        }
    }
    let mut rename = Vec::new();
    if let Some(value) = fields.get("rename") {
        rename = renames(walk, value);
    }
    Some(Mirror { image: image?, only, rename, line: walk.lines.line(value.node.span.start) })
}

fn renames(
    walk: &mut Walk<'_>,
    value: &Value<'_>,
) -> Vec<(crate::policy::template::Template, crate::policy::template::Template)> {
    let mut renames = Vec::new();
    let Some(entries) =
        walk.entries(value, "a map from template to template", "{\"v{{version}}-riscv64\": \"v{{version}}\"}")
    else {
        return renames;
    };
    for (from, to) in entries {
        let from = template(walk, &from);
        let Some(to_text) = walk.text(&to, "a template") else { continue };
        let to = template(walk, &to_text);
        let (Some(from), Some(to)) = (from, to) else { continue };
        for (variable, span) in to.variables() {
            if !from.variables().any(|(known, _)| known == variable) {
                let problem = format!("`{{{{{variable}}}}}` is not in the template on the left");
                walk.mistake_within(
                    &to_text,
                    span,
                    problem,
                    Some("the new name can only use values of the old one".into()),
                );
            }
        }
        renames.push((from, to));
    }
    renames
}

/// Reads `upstream`.
pub(super) fn upstream(walk: &mut Walk<'_>, value: &Value<'_>) -> Option<Upstream> {
    let fields = walk.fields(value, "a map", &language::UPSTREAM)?;
    let name = match fields.get("repository") {
        Some(value) => repository(walk, value),
        None => {
            walk.missing(value, &fields, "repository", "moby/buildkit");
            None
        }
    };
    let mut workflow = None;
    if let Some(value) = fields.get("workflow")
        && let Some(text) = walk.text(value, "a workflow's file name")
    {
        let plain = text.text.strip_suffix(".yml").or_else(|| text.text.strip_suffix(".yaml"));
        if plain.is_some_and(|plain| !plain.is_empty() && !plain.contains('/') && !plain.chars().any(char::is_control))
        {
            workflow = Some(text.text.to_owned());
        } else {
            let file = text.text.rsplit('/').next().unwrap_or_default();
            let hint = if file.ends_with(".yml") || file.ends_with(".yaml") {
                format!("leave out the folder: `{}`", shown_up_to(file, MAX_SHOWN))
            } else {
                "it is a file of `.github/workflows`, as in `build.yml`".to_owned()
            };
            let problem = format!("`{}` is no workflow's file name", shown_up_to(text.text, MAX_SHOWN));
            walk.mistake(value, problem, Some(hint));
        }
    }
    let issue = fields.get("issue").and_then(|value| walk.boolean(value)).unwrap_or(false);
    Some(Upstream { repository: name?, workflow, issue })
}
