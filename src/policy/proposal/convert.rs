//! A step of docker/metadata-action as rows of a policy: what its rows give, event by event.

use super::{
    Condition, Note, Problem, Source,
    draft::{Drafts, Events, Slot, with_schedule},
    expression::{expressions, replace},
    workflow::Step,
};
use crate::policy::{
    metadata::{self, Flavor, Kind, Latest, MetadataInputs, Rule, Settings},
    rules,
    template::Template,
};

/// What the project says beside the step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting<'a> {
    pub(super) file: &'a str,
    pub(super) events: &'a Events,
    pub(super) default_branch: &'a str,
    /// Whether git tags are versions, as far as it is known.
    pub(super) tags_are_versions: bool,
    /// Whether versions are tagged with a `v` in git.
    pub(super) has_v: bool,
    /// Whether images of pull requests are pushed.
    pub(super) pushes_pull_requests: bool,
}

/// What stands in the rows for an expression whose value only the run knows: a row is read as the action would see it.
const OPAQUE: &str = "__expression_";

/// Converts a step.
pub(super) fn convert(step: &Step, setting: &Setting<'_>, drafts: &mut Drafts) {
    let mut table: Vec<String> = Vec::new();
    let mut opaque = |text: Option<&str>| {
        replace(text.unwrap_or_default(), |expression| {
            table.push(expression.to_owned());
            Some(format!("{OPAQUE}{}__", table.len() - 1))
        })
    };
    let inputs = MetadataInputs {
        images: "ghcr.io/owner/name".to_owned(),
        tags: opaque(step.input("tags")),
        flavor: opaque(step.input("flavor")),
        ..MetadataInputs::default()
    };
    let compiled = match metadata::compile(&inputs, Settings::default()) {
        Ok(compiled) => compiled,
        Err(error) => {
            let problem = restored(&error.to_string(), &table);
            drafts.notes.push(Note::Unreadable { file: setting.file.to_owned(), problem });
            return;
        }
    };
    let conditions = || compiled.policy.rules.iter().flat_map(|rule| &rule.on).map(|entry| &entry.condition);
    let is_schedule =
        |on: &rules::Condition| matches!(on, rules::Condition::Metadata(rule) if rule.kind == Kind::Schedule);
    let has_schedule = setting.events.schedule && conditions().any(is_schedule);
    let mut converter = Converter { setting, table, drafts, makes_latest: false, has_schedule };
    for condition in conditions() {
        match condition {
            rules::Condition::Metadata(rule) => converter.row(rule),
            rules::Condition::Latest(flavor) => converter.latest(flavor),
            _ => {}
        }
    }
}

struct Converter<'a> {
    setting: &'a Setting<'a>,
    table: Vec<String>,
    drafts: &'a mut Drafts,
    /// Whether a row was seen that makes `latest` under `latest=auto`.
    makes_latest: bool,
    /// Whether scheduled runs get a row of their own.
    has_schedule: bool,
}

/// When a row counts.
enum When {
    Always,
    Never,
    On(Vec<Slot>),
    Unknown(String),
}

impl Converter<'_> {
    fn row(&mut self, rule: &Rule) {
        let source = Source::Row { file: self.setting.file.to_owned(), text: self.restored(&rule.text) };
        let Some((prefix, suffix)) = self.affixes(rule, &source) else { return };
        let around = |text: &str| format!("{prefix}{text}{suffix}");
        let mut when = self.when(rule.attribute("enable").unwrap_or("true"));
        let is_pinned = matches!(rule.kind, Kind::Raw | Kind::Edge);
        if let (When::Unknown(expression), false) = (&when, is_pinned) {
            let condition = Condition { expression: expression.clone() };
            self.drafts.notes.push(Note::ConditionLeft { source: source.clone(), condition });
            when = When::Always;
        }
        if matches!(when, When::Never) {
            return;
        }
        if rule.attribute("value").is_some_and(|value| !value.is_empty()) && rule.is_about_versions() {
            self.drafts.notes.push(Note::NeedsRef { source: source.clone() });
        }
        let events = self.setting.events;
        match rule.kind {
            Kind::Semver | Kind::Pep440 => self.version(rule, &source, &around),
            Kind::Match => self.matched(rule, &source, &around),
            Kind::RefTag => {
                self.makes_latest = true;
                for slot in self.git_tags() {
                    let text = if matches!(slot, Slot::Tags(_)) { "{{tag}}" } else { self.version_name() };
                    self.drafts.tag(&slot, &around(text), &source);
                }
            }
            Kind::RefBranch => {
                for slot in with_schedule(events.branches(), self.has_schedule) {
                    let text = around(&slot.with_branch("{{branch}}", self.setting.default_branch));
                    if matches!(slot, Slot::Branches(_)) {
                        self.drafts.tag(&slot, &text, &source);
                    } else {
                        self.drafts.rolling(&slot, &text, &source);
                    }
                }
            }
            Kind::RefPullRequest => self.drafts.tag(&Slot::PullRequest, &around("{{number}}"), &source),
            Kind::Schedule => {
                let text = rule.attribute("pattern").unwrap_or("nightly");
                if events.schedule {
                    self.value(&[Slot::Schedule], &around(text), &source);
                }
            }
            Kind::Edge => {
                let slot = match rule.attribute("branch").filter(|name| !name.is_empty()) {
                    Some(name) => self.branch(name),
                    None => Slot::Default(self.setting.default_branch.to_owned()),
                };
                for slot in with_schedule([slot], self.has_schedule) {
                    self.drafts.rolling(&slot, &around(rule.attribute("value").unwrap_or("edge")), &source);
                }
            }
            Kind::Raw => self.raw(rule, when, &source, &around),
            Kind::ShaShort | Kind::ShaLong => {
                let text = if rule.kind == Kind::ShaShort { "{{sha}}" } else { "{{sha.full}}" };
                let slots = match when {
                    When::On(slots) => slots,
                    When::Always | When::Never | When::Unknown(_) => self.builds(prefix.contains("{{branch}}")),
                };
                if self.is_template(&around(text), &source) {
                    for slot in with_schedule(slots, self.has_schedule) {
                        let text = slot.with_branch(&around(text), self.setting.default_branch);
                        self.drafts.build([slot], &text, &source);
                    }
                }
            }
        }
    }

    /// Lists all events whose images are pushed.
    fn builds(&self, only_branches: bool) -> Vec<Slot> {
        let events = self.setting.events;
        let mut slots: Vec<Slot> = events.branches().collect();
        if !only_branches {
            let versions = self.drafts.versions();
            slots.extend(if versions.is_empty() || events.tags.is_none() { self.git_tags() } else { versions });
            slots.extend((events.pull_requests && self.setting.pushes_pull_requests).then_some(Slot::PullRequest));
        }
        slots
    }

    fn version(&mut self, rule: &Rule, source: &Source, around: &impl Fn(&str) -> String) {
        let pattern = rule.attribute("pattern").unwrap_or_default().replace(' ', "");
        let glob = match rule.attribute("match").filter(|text| !text.is_empty()) {
            None => String::new(),
            Some(text) => match self.version_prefix(text) {
                Some(prefix) => glob_of(prefix),
                None => return self.not_converted(source, Problem::Expression(text.to_owned())),
            },
        };
        if rule.kind == Kind::Pep440 {
            self.drafts.notes.push(Note::OnlySemVer { source: source.clone() });
        }
        self.makes_latest = true;
        let holds = |name: &str| pattern.contains(&format!("{{{{{name}}}}}"));
        let is_whole = holds("version") || holds("raw") || (holds("major") && holds("minor") && holds("patch"));
        let whole = pattern.replace("{{raw}}", self.version_name());
        let whole = whole.replace("{{major}}.{{minor}}.{{patch}}", "{{version}}");
        if !self.is_template(&around(&whole), source) {
            return;
        }
        if is_whole {
            self.drafts.tag(&Slot::Release(glob.clone()), &around(&whole), source);
            self.drafts.tag(&Slot::Prerelease(glob), &around(&whole), source);
        } else {
            self.drafts.rolling(&Slot::Release(glob), &around(&whole), source);
        }
    }

    fn matched(&mut self, rule: &Rule, source: &Source, around: &impl Fn(&str) -> String) {
        let pattern = rule.attribute("pattern").unwrap_or_default();
        let is_part = rule.attribute("group").is_some_and(|group| group != "0");
        let Some(prefix) = self.version_prefix(pattern) else {
            return self.not_converted(source, Problem::Expression(pattern.to_owned()));
        };
        self.makes_latest = true;
        let (glob, text) = match (is_part, prefix.is_empty() || prefix == "v") {
            (true, is_bare) => (if is_bare { String::new() } else { glob_of(prefix) }, "{{version}}".to_owned()),
            (false, true) => (String::new(), self.version_name().to_owned()),
            (false, false) => (glob_of(prefix.clone()), format!("{prefix}{{{{version}}}}")),
        };
        for slot in [Slot::Release(glob.clone()), Slot::Prerelease(glob)] {
            self.drafts.tag(&slot, &around(&text), source);
        }
    }

    fn raw(&mut self, rule: &Rule, when: When, source: &Source, around: &impl Fn(&str) -> String) {
        let Some(value) = rule.attribute("value") else { return };
        let slots = match when {
            When::Unknown(expression) => {
                return self.not_converted(source, Problem::Condition(Condition { expression }));
            }
            When::On(slots) => with_schedule(slots, self.has_schedule && !value.contains("{{branch}}")),
            When::Never => return,
            When::Always => {
                let mut slots: Vec<Slot> = self.setting.events.default.iter().cloned().collect();
                slots.extend(self.git_tags());
                slots.extend(self.setting.events.schedule.then_some(Slot::Schedule));
                slots
            }
        };
        match self.known(value, &slots) {
            Ok(text) => self.value(&slots, &around(&text), source),
            Err(expression) => self.not_converted(source, Problem::Expression(expression)),
        }
    }

    /// Adds a text: with a value that each build has for itself it is a tag, else a pointer.
    fn value(&mut self, slots: &[Slot], text: &str, source: &Source) {
        if !self.is_template(text, source) {
            return;
        }
        if text.contains("{{sha") {
            return self.drafts.build(slots.iter().cloned(), text, source);
        }
        for slot in slots {
            if text.contains("{{") {
                self.drafts.tag(slot, text, source);
            } else if *slot == Slot::PullRequest {
                self.drafts
                    .notes
                    .push(Note::NotConverted { source: source.clone(), problem: Problem::PullRequestPointer });
            } else {
                self.drafts.rolling(slot, text, source);
            }
        }
    }

    fn latest(&mut self, flavor: &Flavor) {
        let prefix = if flavor.prefix_on_latest { flavor.prefix.as_str() } else { "" };
        let suffix = if flavor.suffix_on_latest { flavor.suffix.as_str() } else { "" };
        let text = format!("{prefix}latest{suffix}");
        let source = Source::Flavor { file: self.setting.file.to_owned() };
        if text.contains(OPAQUE) || !self.is_template(&text, &source) {
            return;
        }
        let is_always = flavor.latest == Latest::Always;
        if is_always || (self.makes_latest && matches!(flavor.latest, Latest::Auto | Latest::Forward)) {
            let tags = self.git_tags().into_iter().filter(|slot| self.drafts.has(slot));
            let slots: Vec<Slot> = tags.chain(self.drafts.versions()).collect();
            for slot in slots.iter().filter(|slot| !matches!(slot, Slot::Prerelease(_))) {
                self.drafts.rolling(slot, &text, &source);
            }
            if let (true, Some(slot)) = (is_always, &self.setting.events.default) {
                self.drafts.rolling(slot, &text, &source);
            }
        }
    }

    /// The events of git tags.
    fn git_tags(&self) -> Vec<Slot> {
        let Some(patterns) = &self.setting.events.tags else { return Vec::new() };
        let looks_like_versions = |pattern: &String| {
            pattern.trim_start_matches('v').starts_with(['*', '[', '0', '1', '2', '3']) && pattern != "**"
        };
        if self.setting.tags_are_versions && patterns.iter().all(looks_like_versions) {
            return vec![Slot::Release(String::new()), Slot::Prerelease(String::new())];
        }
        let patterns = if patterns.is_empty() { vec!["**".to_owned()] } else { patterns.clone() };
        patterns.into_iter().filter(|pattern| !pattern.starts_with('!')).map(Slot::Tags).collect()
    }

    const fn version_name(&self) -> &'static str {
        if self.setting.has_v { "v{{version}}" } else { "{{version}}" }
    }

    fn branch(&self, name: &str) -> Slot {
        if name == self.setting.default_branch { Slot::Default(name.to_owned()) } else { Slot::Branch(name.to_owned()) }
    }

    /// Reads when a row counts: `true`, `{{is_default_branch}}`, or an expression as people write them.
    fn when(&self, enable: &str) -> When {
        let default = || When::On(vec![Slot::Default(self.setting.default_branch.to_owned())]);
        let expression = self.restored(enable);
        let text: String = expression.chars().filter(|c| !c.is_whitespace()).collect::<String>().replace('"', "'");
        let text = text.trim_start_matches("${{").trim_end_matches("}}");
        match (enable, text) {
            ("true" | "", _) => return When::Always,
            ("false", _) => return When::Never,
            ("{{is_default_branch}}", _) => return default(),
            _ => {}
        }
        if text.contains("||")
            || text.contains("&&")
            || text.contains("!=")
            || text.starts_with('!')
            || !enable.starts_with(OPAQUE)
        {
            return When::Unknown(expression);
        }
        if text.contains("github.event.repository.default_branch") {
            return default();
        }
        let quoted = text.split('\'').nth(1).unwrap_or_default();
        if text.starts_with("github.ref==") && text.contains("format('refs/heads/{0}'") {
            return text
                .split('\'')
                .nth(3)
                .map_or_else(|| When::Unknown(expression.clone()), |name| When::On(vec![self.branch(name)]));
        }
        if let Some(name) = quoted.strip_prefix("refs/heads/").filter(|_| text.starts_with("github.ref==")) {
            return When::On(vec![self.branch(name)]);
        }
        if text.starts_with("github.ref_name==") && !quoted.is_empty() {
            return When::On(vec![self.branch(quoted)]);
        }
        let is_tag = [
            "github.ref_type=='tag'",
            "github.event_name=='release'",
            "startsWith(github.ref,'refs/tags/')",
            "startsWith(github.ref,'refs/tags/v')",
        ];
        if is_tag.contains(&text) {
            let slots =
                if self.setting.tags_are_versions { vec![Slot::Release(String::new())] } else { self.git_tags() };
            return When::On(slots);
        }
        match text {
            "github.event_name=='pull_request'" => When::On(vec![Slot::PullRequest]),
            "github.event_name=='schedule'" => When::On(vec![Slot::Schedule]),
            _ => When::Unknown(expression),
        }
    }

    /// Puts templates in the place of expressions that say the same.
    fn known(&self, text: &str, slots: &[Slot]) -> Result<String, String> {
        let is_tag = |slot: &Slot| matches!(slot, Slot::Release(_) | Slot::Prerelease(_) | Slot::Tags(_));
        let mut text = text.to_owned();
        for (number, expression) in self.table.iter().enumerate() {
            let token = format!("{OPAQUE}{number}__");
            if !text.contains(&token) {
                continue;
            }
            let template = match expression.as_str() {
                "github.sha" => "{{sha.full}}",
                "github.run_number" => "{{run_number}}",
                "github.event.number" | "github.event.pull_request.number" => "{{number}}",
                "github.ref_name" if slots.iter().all(is_tag) => "{{tag}}",
                "github.ref_name" if !slots.iter().any(|slot| is_tag(slot) || *slot == Slot::PullRequest) => {
                    "{{branch}}"
                }
                _ => return Err(format!("${{{{ {expression} }}}}")),
            };
            text = text.replace(&token, template);
        }
        Ok(text)
    }

    fn affixes(&mut self, rule: &Rule, source: &Source) -> Option<(String, String)> {
        let read = |name: &str| self.known(rule.attribute(name).unwrap_or_default(), &[]);
        match (read("prefix"), read("suffix")) {
            (Ok(prefix), Ok(suffix)) => Some((prefix, suffix)),
            (Err(expression), _) | (_, Err(expression)) => {
                self.not_converted(source, Problem::Expression(expression));
                None
            }
        }
    }

    /// Reads a regular expression that is a literal and then a version, as people write it. Returns the literal.
    fn version_prefix(&self, pattern: &str) -> Option<String> {
        let pattern = self.restored(pattern);
        let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
        let end = pattern.find(['\\', '(', '[', '.', '*']).unwrap_or(pattern.len());
        let (prefix, rest) = pattern.split_at(end);
        let is_plain = prefix.chars().all(|c| c.is_ascii_alphanumeric() || "/_-".contains(c));
        let is_version = rest.chars().all(|c| "\\d.+*()[]0-9{},?".contains(c))
            && ["\\d", "[0-9]", ".*", ".+"].iter().any(|digits| rest.contains(digits));
        (is_plain && is_version).then(|| prefix.to_owned())
    }

    fn is_template(&mut self, text: &str, source: &Source) -> bool {
        let is_one = !text.contains(OPAQUE) && Template::parse(text).is_ok();
        if !is_one {
            self.not_converted(source, Problem::Template(self.restored(text)));
        }
        is_one
    }

    fn not_converted(&mut self, source: &Source, problem: Problem) {
        let problem = match problem {
            Problem::Expression(text) => Problem::Expression(self.restored(&text)),
            problem => problem,
        };
        self.drafts.notes.push(Note::NotConverted { source: source.clone(), problem });
    }

    fn restored(&self, text: &str) -> String {
        restored(text, &self.table)
    }
}

/// Puts the expressions back.
fn restored(text: &str, table: &[String]) -> String {
    let mut text = text.to_owned();
    for (number, expression) in table.iter().enumerate() {
        text = text.replace(&format!("{OPAQUE}{number}__"), &format!("${{{{ {expression} }}}}"));
    }
    text
}

fn glob_of(prefix: String) -> String {
    if prefix.is_empty() || prefix == "v" { String::new() } else { format!("{prefix}*") }
}

/// Tells whether a step's input for pushing leaves pull requests out.
pub(super) fn leaves_pull_requests_out(push: Option<&str>) -> bool {
    match push {
        None | Some("false") => true,
        Some("true") => false,
        Some(text) => expressions(text).any(|(_, expression)| {
            let text: String = expression.chars().filter(|c| !c.is_whitespace()).collect();
            text.contains("github.event_name!='pull_request'")
                || text.contains("github.event_name=='push'")
                || text.contains("startsWith(github.ref,'refs/tags/")
                || text.contains("github.ref=='refs/heads/")
        }),
    }
}
