//! Finds image references that name no registry, which an engine fills up as it likes, Docker with `docker.io`: in
//! Dockerfiles, and elsewhere in keys (`image` of compose files and Kubernetes manifests, `images` where it is a list of
//! them, `repository` of Helm values, Kustomize's `newName`, a workflow's `container` and `uses: docker://…`). What a variable or a template may bring is not held against anybody.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    MAX_REFERENCES, dockerfile,
    keys::{self, Map},
    token::{Name, Token, scan},
};

/// The longest text that is looked at, in bytes: name, tag and digest have at most 455, templates a little more.
const LONGEST: usize = 1024;

/// Keys beside which `repository` names an image.
const BESIDE_REPOSITORY: [&str; 6] = ["tag", "digest", "registry", "pullPolicy", "imagePullPolicy", "imageTag"];

/// What an `image` may be as well.
const PICTURES: [&str; 6] = [".png", ".jpg", ".jpeg", ".svg", ".gif", ".webp"];

/// An image reference that names no registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WithoutRegistry {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
    /// What is there.
    pub written: String,
    /// The same with the registry that Docker takes.
    pub qualified: String,
}

/// A place that names an image.
#[derive(Debug)]
pub(super) struct Site {
    /// The line, from 1.
    pub(super) line: usize,
    /// In bytes of the line, from 0, if it is known.
    pub(super) at: Option<usize>,
    /// What is there to be changed.
    pub(super) written: String,
    /// What the whole reference comes to.
    pub(super) tokens: Vec<Token>,
}

/// Finds the references of the file at `path` that name no registry: in the order of their places, each once.
#[must_use]
pub fn without_registry(path: &str, text: &str) -> Vec<WithoutRegistry> {
    let sites = if dockerfile::is_dockerfile(path) { dockerfile::sites(text) } else { of_keys(path, text) };
    let lines: Vec<&str> = text.lines().collect();
    let mut found = BTreeSet::new();
    for Site { line, at, written, tokens } in sites {
        let Some(missing) = missing(&tokens).filter(|_| written.len() <= LONGEST) else { continue };
        let before = lines.get(line - 1).and_then(|text| text.get(..at?)).unwrap_or_default();
        found.insert(WithoutRegistry {
            line,
            column: before.chars().count() + 1,
            qualified: qualified(&written, missing),
            written,
        });
        if found.len() == MAX_REFERENCES {
            break;
        }
    }
    found.into_iter().collect()
}

/// Finds the images that keys name.
fn of_keys(path: &str, text: &str) -> Vec<Site> {
    let is_workflow = path.contains(".github/workflows/");
    let maps = keys::maps(text);
    let lines: Vec<&str> = text.lines().collect();
    let nothing = BTreeMap::new();
    // A name that compose gives to what it builds is pulled by nobody.
    let built: BTreeSet<&str> =
        maps.iter().filter(|map| has(map, "build")).filter_map(|map| value(map, "image")).collect();
    let has_global_registry = maps.iter().any(|map| map.under == "global" && value(map, "imageRegistry").is_some());
    let mut sites = Vec::new();
    for map in &maps {
        let has_registry = value(map, "registry").is_some();
        for keys::Entry { line, key, value } in &map.entries {
            let names_image = match key.as_str() {
                // An action's input may call anything so.
                "image" => !has_registry && !built.contains(value.as_str()) && map.under != "with",
                "" => map.under == "images",
                "container" => is_workflow && (has(map, "runs-on") || has(map, "steps")),
                "uses" => value.starts_with("docker://"),
                "newName" => true,
                "repository" => {
                    let is_image = map.under.to_lowercase().ends_with("image")
                        || BESIDE_REPOSITORY.iter().any(|beside| has(map, beside));
                    // What is merged into the map may name the registry, and a workflow's step takes repositories of git.
                    is_image && map.under != "with" && !has_registry && !has_global_registry && !has(map, "<<")
                }
                _ => false,
            };
            if !names_image || value.len() > LONGEST || matches!(value.as_str(), "true" | "false") {
                continue;
            }
            let at = lines.get(line - 1).and_then(|line| {
                let after_key = line.find(key.as_str())? + key.len();
                Some(after_key + place(&line[after_key..], value)?)
            });
            sites.push(Site { line: *line, at, written: value.clone(), tokens: scan(value, &nothing) });
        }
    }
    sites
}

/// Finds a value that is no part of a longer one.
fn place(text: &str, value: &str) -> Option<usize> {
    let goes_on = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "-_./:@".contains(c));
    let mut places = text.match_indices(value).map(|(at, _)| at);
    let whole =
        |at: &usize| !goes_on(text[..*at].chars().next_back()) && !goes_on(text[at + value.len()..].chars().next());
    places.clone().find(whole).or_else(|| places.next())
}

fn has(map: &Map, key: &str) -> bool {
    map.entries.iter().any(|entry| entry.key == key)
}

fn value<'m>(map: &'m Map, key: &str) -> Option<&'m str> {
    map.entries.iter().find(|entry| entry.key == key && !entry.value.is_empty()).map(|entry| entry.value.as_str())
}

/// Returns what a reference lacks, by [the rule that Docker has](https://github.com/distribution/reference): the part before
/// the first `/` is a registry if it has a dot, a colon or a capital letter, or is `localhost`. `None` if the reference
/// names its registry, might do so, or is none.
fn missing(tokens: &[Token]) -> Option<&'static str> {
    let scheme: Vec<Token> = "docker://".chars().map(Token::Text).collect();
    let tokens = tokens.strip_prefix(scheme.as_slice()).unwrap_or(tokens);
    let slash = tokens.iter().position(|token| *token == Token::Text('/'));
    let first = &tokens[..slash.unwrap_or_default()];
    let is_open_or_registry = |token: &Token| match token {
        Token::Text(character) => matches!(character, '.' | ':') || character.is_ascii_uppercase(),
        Token::Gap | Token::Break => true,
    };
    if tokens.contains(&Token::Break) || first.iter().any(is_open_or_registry) {
        return None;
    }
    let Name { path, tag, digest: _ } = Name::of(tokens);
    if slash.is_none() && path.contains(&Token::Gap) {
        return None;
    }
    let character = |token: &Token| match token {
        Token::Text(character) => *character,
        Token::Gap | Token::Break => '_',
    };
    let name: String = path.iter().map(character).collect();
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-'))
    };
    let is_hex = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_id = is_hex(&name) || (name == "sha256" && tag.is_some_and(|tag| tag.len() == 64));
    let is_word = name.contains(|c: char| c.is_ascii_lowercase());
    let is_picture = PICTURES.iter().any(|end| name.ends_with(end)) && tag.is_none();
    if name == "scratch" || is_id || !is_word || is_picture || !name.split('/').all(is_part) {
        return None;
    }
    match name.split_once('/') {
        Some(("localhost", _)) => None,
        Some(_) => Some("docker.io/"),
        None => Some("docker.io/library/"),
    }
}

/// Puts the registry where the name begins: inside `${NAME:-default}` if that is the whole name.
fn qualified(written: &str, missing: &str) -> String {
    if let Some(name) = written.strip_prefix("docker://") {
        return format!("docker://{missing}{name}");
    }
    let default = || {
        let inside = written.strip_prefix("${")?;
        let name = inside.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
        let operator = [":-", "-"].into_iter().find(|operator| inside[name..].starts_with(operator))?;
        let start = 2 + name + operator.len();
        let mut depth = 1_usize;
        let end = start
            + written[start..].find(|c| {
                depth = match c {
                    '{' => depth + 1,
                    '}' => depth - 1,
                    _ => depth,
                };
                depth == 0
            })?;
        let rest = &written[end..];
        let is_whole = rest == "}" || rest.starts_with("}:") || rest.starts_with("}@");
        is_whole.then(|| format!("{}{}{rest}", &written[..start], qualified(&written[start..end], missing)))
    };
    default().unwrap_or_else(|| format!("{missing}{written}"))
}
