//! The images that a Dockerfile names: `FROM`, `COPY --from`, `RUN --mount=from=` and the frontend after `# syntax=`
//! ([reference](https://docs.docker.com/reference/dockerfile/)). Stages are no images, and what stands in a
//! here-document is no instruction.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    registry::Site,
    token::{scan, text},
};

/// A word of an instruction.
#[derive(Clone, Copy, Debug)]
struct Word<'t> {
    line: usize,
    /// In bytes of the line, from 0.
    at: usize,
    text: &'t str,
}

impl<'t> Word<'t> {
    /// The part of the word after its first bytes.
    fn after(self, length: usize) -> Self {
        Self { at: self.at + length, text: &self.text[length..], ..self }
    }
}

/// Tells whether a file is a Dockerfile by its name.
pub(super) fn is_dockerfile(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default().to_lowercase();
    name.contains("dockerfile") || name.contains("containerfile")
}

/// Finds the images that a Dockerfile names.
pub(super) fn sites(file: &str) -> Vec<Site> {
    let mut found = Found::default();
    let lines: Vec<&str> = file.lines().collect();
    let mut ends: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, line) in lines.iter().enumerate() {
        ends.entry(line.trim_start_matches('\t')).or_default().push(index);
    }
    let (mut at, escape) = found.directives(&lines);
    while at < lines.len() {
        let mut words = Vec::new();
        while let Some(line) = lines.get(at) {
            at += 1;
            // Within an instruction, too, comments are left out.
            if line.trim_start().starts_with('#') || (line.trim().is_empty() && !words.is_empty()) {
                if words.is_empty() {
                    break;
                }
                continue;
            }
            let content = line.trim_end().strip_suffix(escape);
            words.extend(split(at, content.unwrap_or(line)));
            if content.is_none() {
                break;
            }
        }
        if words.first().is_some_and(|word| word.text.eq_ignore_ascii_case("ONBUILD")) {
            words.remove(0);
        }
        let Some((instruction, arguments)) = words.split_first() else { continue };
        match instruction.text.to_ascii_uppercase().as_str() {
            "ARG" => arguments.iter().for_each(|word| found.argument(*word)),
            "FROM" => found.from(arguments),
            "COPY" | "ADD" | "RUN" => {
                found.flags(arguments);
                for name in arguments.iter().filter_map(|word| here_document(word.text)) {
                    let end = ends.get(name).and_then(|ends| ends.get(ends.partition_point(|end| *end < at)));
                    at = end.map_or(at, |end| end + 1);
                }
            }
            _ => {}
        }
    }
    found.sites
}

/// Splits a line at its blanks.
fn split(line: usize, text: &str) -> impl Iterator<Item = Word<'_>> {
    let start = text.as_ptr() as usize;
    text.split_whitespace().map(move |word| Word { line, at: word.as_ptr() as usize - start, text: word })
}

/// Returns the word that ends the here-document which `word` begins: `<<EOF`, `<<-"EOF"`, `3<<EOF`.
fn here_document(word: &str) -> Option<&str> {
    let name = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<")?;
    let name = name.strip_prefix('-').unwrap_or(name).trim_matches(['"', '\'']);
    (!name.is_empty() && !name.contains('<')).then_some(name)
}

#[derive(Debug, Default)]
struct Found {
    sites: Vec<Site>,
    stages: BTreeSet<String>,
    /// The arguments before the first stage, which alone `FROM` knows.
    global: BTreeMap<String, String>,
    /// Those and the stage's own.
    known: BTreeMap<String, String>,
    /// Where the default of an argument stands.
    defaults: BTreeMap<String, (usize, usize)>,
    is_in_stage: bool,
}

impl Found {
    /// Reads the directives at the top. Returns the first line after them, from 0, and the character that joins lines.
    fn directives(&mut self, lines: &[&str]) -> (usize, char) {
        let (mut at, mut escape) = (0, '\\');
        while let Some((name, value)) =
            lines.get(at).and_then(|line| line.trim_start_matches('\u{feff}').strip_prefix('#')?.split_once('='))
        {
            at += 1;
            match (name.trim().to_ascii_lowercase().as_str(), split(at, value).next()) {
                ("syntax", Some(word)) => {
                    let before = lines[at - 1].len() - value.len();
                    self.image(Word { at: before + word.at, ..word }, false);
                }
                ("escape", Some(word)) => escape = word.text.chars().next().unwrap_or(escape),
                _ if name.trim().contains(char::is_whitespace) => return (at, escape),
                _ => {}
            }
        }
        (at, escape)
    }

    fn argument(&mut self, word: Word<'_>) {
        let Some((name, value)) = word.text.split_once('=') else { return };
        let quotes = value.len() - value.trim_start_matches(['"', '\'']).len();
        let value = value.trim_matches(['"', '\'']).to_owned();
        self.known.insert(name.to_owned(), value.clone());
        if !self.is_in_stage {
            self.global.insert(name.to_owned(), value);
        }
        self.defaults.insert(name.to_owned(), (word.line, word.at + name.len() + 1 + quotes));
    }

    fn from(&mut self, arguments: &[Word<'_>]) {
        self.known.clone_from(&self.global);
        self.is_in_stage = true;
        let mut arguments = arguments.iter().skip_while(|word| word.text.starts_with("--"));
        let Some(image) = arguments.next() else { return };
        self.image(*image, true);
        if let (Some(r#as), Some(name)) = (arguments.next(), arguments.next())
            && r#as.text.eq_ignore_ascii_case("as")
        {
            self.stages.insert(name.text.to_ascii_lowercase());
        }
    }

    /// Looks at the flags `--from=IMAGE` and `--mount=…,from=IMAGE`.
    fn flags(&mut self, arguments: &[Word<'_>]) {
        for word in arguments.iter().take_while(|word| word.text.starts_with("--")) {
            if word.text.starts_with("--from=") {
                self.image(word.after("--from=".len()), true);
            } else if word.text.starts_with("--mount=") {
                let mut option = word.after("--mount=".len());
                loop {
                    let length = option.text.find(',').unwrap_or(option.text.len());
                    if option.text.starts_with("from=") {
                        let from = option.after("from=".len());
                        self.image(Word { text: &from.text[..length - "from=".len()], ..from }, true);
                    }
                    if length == option.text.len() {
                        break;
                    }
                    option = option.after(length + 1);
                }
            }
        }
    }

    /// Adds what a word names, unless it is a stage.
    fn image(&mut self, word: Word<'_>, may_be_stage: bool) {
        let tokens = scan(word.text, &self.known);
        let is_stage = text(&tokens).is_some_and(|name| {
            name.bytes().all(|byte| byte.is_ascii_digit()) || self.stages.contains(&name.to_ascii_lowercase())
        });
        if may_be_stage && is_stage {
            return;
        }
        let (mut line, mut at, mut written) = (word.line, word.at, word.text.to_owned());
        // What stands for the whole name is changed where its default is.
        for _ in 0..8 {
            let Some(name) = whole_name(&written) else { break };
            let (Some(value), Some(place)) = (self.known.get(name), self.defaults.get(name)) else { break };
            ((line, at), written) = (*place, value.clone());
        }
        self.sites.push(Site { line, at: Some(at), written, tokens });
    }
}

/// Returns the variable that `$NAME` or `${NAME}` is, if at most a tag or digest follows.
fn whole_name(written: &str) -> Option<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let (name, rest) = match written.strip_prefix("${") {
        Some(inside) => inside.split_once('}')?,
        None => {
            let inside = written.strip_prefix('$')?;
            inside.split_at(inside.find(|c| !is_name(c)).unwrap_or(inside.len()))
        }
    };
    (!name.is_empty() && name.chars().all(is_name) && (rest.is_empty() || rest.starts_with([':', '@']))).then_some(name)
}
