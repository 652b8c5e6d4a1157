//! Finds what a file refers to, of one image: in `image: name:tag@digest`, in sibling keys (`registry`, `repository`, `tag`,
//! `digest`; Kustomize's `newName`, `newTag`), in `FROM`, in any other text that names the image in full, and in defaults
//! of `${VAR:-x}`. What cannot be resolved stands for every tag that it could name.

mod dockerfile;
mod keys;
pub mod registry;
mod token;

use std::collections::{BTreeMap, BTreeSet};

use self::token::{Name, Token, scan, words};
use crate::model::{
    Digest, ImageName, Tag,
    evidence::{Reference, Referenced, TagShape},
    untrusted::shown,
};

/// What Docker takes where a reference names neither tag nor digest.
const DEFAULT_TAG: &str = "latest";

/// The most references of one file; a file with more is no deployment.
const MAX_REFERENCES: usize = 10_000;

/// Finds what the file at `path` refers to, of `image`: sorted, each once.
#[must_use]
pub fn find(path: &str, text: &str, image: &ImageName) -> Vec<Reference> {
    let mut found = Found { path: shown(path), image: Target::of(image), references: BTreeSet::new() };
    let mut defaults = BTreeMap::new();
    let is_dockerfile = path.to_lowercase().contains("dockerfile") || path.to_lowercase().contains("containerfile");
    for (number, line) in (1..).zip(text.lines()) {
        let trimmed = line.trim();
        if trimmed.starts_with('#') {
            continue;
        }
        for word in words(&scan(trimmed, &defaults)) {
            found.text(number, word);
        }
        match trimmed.split_once(char::is_whitespace) {
            Some(("ARG", argument)) => {
                if let Some((name, value)) = argument.trim().split_once('=') {
                    defaults.insert(name.trim().to_owned(), value.trim().trim_matches(['"', '\'']).to_owned());
                }
            }
            Some((from, arguments)) if from == "FROM" || (is_dockerfile && from.eq_ignore_ascii_case("from")) => {
                let mut arguments = arguments.split_whitespace();
                if let Some(image) = arguments.find(|argument| !argument.starts_with("--")) {
                    found.image(number, &scan(image, &defaults), WithoutTag::Latest);
                }
            }
            _ => {}
        }
    }
    for map in keys::maps(text) {
        found.keys(&map);
    }
    found.references.into_iter().collect()
}

/// The names that the image goes by.
struct Target {
    full: String,
    repository: String,
}

impl Target {
    fn of(image: &ImageName) -> Self {
        Self { full: image.to_string(), repository: image.repository().to_owned() }
    }

    /// Tells whether a name is or could be the image's.
    fn fits(&self, name: &[Token]) -> bool {
        let literal: Option<String> = name
            .iter()
            .map(|token| match token {
                Token::Text(character) => Some(character.to_ascii_lowercase()),
                Token::Gap | Token::Break => None,
            })
            .collect();
        match literal {
            // Caches of registries name the whole image after their own host.
            Some(name) => name == self.full || name == self.repository || name.ends_with(&format!("/{}", self.full)),
            None => token::fits(name, &self.full) || token::fits(name, &self.repository),
        }
    }
}

/// What a name alone stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WithoutTag {
    Nothing,
    Latest,
    Any,
}

struct Found {
    path: String,
    image: Target,
    references: BTreeSet<Reference>,
}

impl Found {
    fn add(&mut self, line: usize, names: Referenced) {
        if self.references.len() < MAX_REFERENCES {
            self.references.insert(Reference { place: format!("{}:{line}", self.path), names });
        }
    }

    /// Looks at a word of any text: it counts only if it shows the image's own name.
    fn text(&mut self, line: usize, word: &[Token]) {
        let name = Name::of(word);
        let last = name.path.rsplit(|token| *token == Token::Text('/')).next().unwrap_or_default();
        if last.contains(&Token::Gap) || name.path.len() == last.len() || !self.image.fits(name.path) {
            return;
        }
        self.named(line, &name, WithoutTag::Nothing);
    }

    /// Looks at what is known to name an image.
    fn image(&mut self, line: usize, tokens: &[Token], without_tag: WithoutTag) -> bool {
        let [word] = words(tokens)[..] else { return false };
        let name = Name::of(word);
        if !self.image.fits(name.path) {
            return false;
        }
        let without_tag = match without_tag {
            // What a variable stands for may have a tag of its own.
            WithoutTag::Latest if name.path.contains(&Token::Gap) => WithoutTag::Any,
            other => other,
        };
        self.named(line, &name, without_tag);
        true
    }

    fn named(&mut self, line: usize, name: &Name<'_>, without_tag: WithoutTag) {
        let digest = name.digest.map(token::text);
        match (digest, name.tag) {
            (Some(Some(digest)), tag) => {
                // `owner/name@v1` is how workflows name actions.
                if let Ok(digest) = digest.trim_end_matches(['.', ':', '/']).parse::<Digest>() {
                    self.add(line, Referenced::Digest(digest));
                    self.tag(line, tag.unwrap_or_default());
                }
            }
            (Some(None), None) => self.any(line),
            (Some(None) | None, Some(tag)) => self.tag(line, tag),
            (None, None) => match without_tag {
                WithoutTag::Nothing => {}
                WithoutTag::Latest => self.tag(line, &token::tokens(DEFAULT_TAG)),
                WithoutTag::Any => self.any(line),
            },
        }
    }

    fn any(&mut self, line: usize) {
        self.add(line, Referenced::AnyTag(TagShape { parts: vec![String::new(); 2] }));
    }

    /// Adds the tag that these tokens spell, or all that they could.
    fn tag(&mut self, line: usize, tokens: &[Token]) {
        if tokens.contains(&Token::Gap) {
            let mut parts = vec![String::new()];
            let mut was_gap = false;
            for token in tokens {
                match token {
                    Token::Text(character) => parts.last_mut().into_iter().for_each(|part| part.push(*character)),
                    Token::Gap if was_gap => {}
                    Token::Gap | Token::Break => parts.push(String::new()),
                }
                was_gap = *token == Token::Gap;
            }
            self.add(line, Referenced::AnyTag(TagShape { parts }));
            return;
        }
        let Some(text) = token::text(tokens) else { return };
        // `name:v1:ro` is a mount.
        let text = text.split([':', '/']).next().unwrap_or_default();
        // The end of a sentence, or of the tag: both may be there.
        for text in BTreeSet::from([text, text.trim_end_matches('.')]) {
            if let Ok(tag) = text.parse::<Tag>() {
                self.add(line, Referenced::Tag(tag));
            }
        }
    }

    /// Looks at keys that stand side by side.
    fn keys(&mut self, map: &keys::Map) {
        let nothing = BTreeMap::new();
        let all = |names: &'static [&'static str]| {
            map.entries.iter().filter(move |entry| names.contains(&entry.key.as_str()))
        };
        let registry = all(&["registry"]).map(|entry| entry.value.as_str()).find(|value| !value.is_empty());
        let tags: Vec<&keys::Entry> = all(&["tag", "newTag", "imageTag"]).collect();
        let digests: Vec<&keys::Entry> = all(&["digest"]).filter(|entry| !entry.value.is_empty()).collect();
        let given: Vec<&keys::Entry> = tags.iter().copied().filter(|entry| !entry.value.is_empty()).collect();
        // What is merged into the map may name the image.
        let named = all(&["repository", "image", "newName", "name"]).any(|entry| !entry.value.is_empty());
        if !named && all(&["<<"]).next().is_some() {
            for given in &given {
                self.tag_value(given.line, &scan(&given.value, &nothing));
            }
            for digest in digests.iter().filter_map(|entry| Some((entry.line, entry.value.parse::<Digest>().ok()?))) {
                self.add(digest.0, Referenced::Digest(digest.1));
            }
        }
        for entry in all(&["repository", "image", "newName", "name"]) {
            let value = entry.value.as_str();
            if value.is_empty() {
                continue;
            }
            let key = entry.key.as_str();
            let whole = match registry {
                Some(registry) if !value.starts_with(&format!("{registry}/")) && key != "name" => {
                    format!("{}/{value}", registry.trim_end_matches('/'))
                }
                _ => value.to_owned(),
            };
            let tokens = scan(&whole, &nothing);
            let [word] = words(&tokens)[..] else { continue };
            let name = Name::of(word);
            if !self.image.fits(name.path) || (key == "name" && word.contains(&Token::Gap)) {
                continue;
            }
            let has_registry = registry.is_some() || token::text(name.path).is_some_and(|text| text.contains('.'));
            if name.tag.is_some() || name.digest.is_some() || (given.is_empty() && digests.is_empty()) {
                let without_tag = match key {
                    "image" if tags.is_empty() => WithoutTag::Latest,
                    "image" | "newName" => WithoutTag::Any,
                    // A workflow's `repository: owner/name` is none of ours.
                    "repository" if has_registry || !tags.is_empty() => WithoutTag::Any,
                    _ => WithoutTag::Nothing,
                };
                self.image(entry.line, &tokens, without_tag);
            }
            for given in &given {
                self.tag_value(given.line, &scan(&given.value, &nothing));
            }
            for digest in &digests {
                match digest.value.parse::<Digest>() {
                    Ok(known) => self.add(digest.line, Referenced::Digest(known)),
                    Err(_) if given.is_empty() => self.any(digest.line),
                    Err(_) => {}
                }
            }
        }
    }

    /// Reads the value of a `tag` key, which may hold a digest too.
    fn tag_value(&mut self, line: usize, tokens: &[Token]) {
        let word = tokens;
        if word.contains(&Token::Break) {
            return self.any(line);
        }
        let mut parts = word.splitn(2, |token| *token == Token::Text('@'));
        let tag = parts.next().unwrap_or_default();
        if let Some(digest) = parts.next().and_then(token::text).and_then(|text| text.parse::<Digest>().ok()) {
            self.add(line, Referenced::Digest(digest));
        }
        self.tag(line, tag);
    }
}
