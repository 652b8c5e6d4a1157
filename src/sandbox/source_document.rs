//! A source repository as a user writes it down: one JSON document with commits, branches, tags, pull requests, releases.
//! All its mistakes are told at once, each with its field; a document that has one changes nothing.

mod fields;

use serde_json::Value;

pub(super) use fields::Mistake;

use super::state::{
    SourceRepository, State, Time,
    source::{NewCommit, PullRequest, Release},
};
use fields::{Fields, Mistakes};

const DOCUMENT: [&str; 10] = [
    "private",
    "description",
    "license",
    "default-branch",
    "created",
    "commits",
    "branches",
    "tags",
    "pull-requests",
    "releases",
];

const COMMIT: [&str; 7] = ["id", "branch", "parents", "message", "date", "files", "tags"];

const TAG: [&str; 2] = ["commit", "annotated"];

const PULL_REQUEST: [&str; 13] = [
    "number",
    "title",
    "head",
    "head-sha",
    "head-repository",
    "base",
    "state",
    "draft",
    "created",
    "updated",
    "closed",
    "merged",
    "merge-commit",
];

const RELEASE: [&str; 8] = ["tag", "name", "body", "draft", "prerelease", "target", "created", "published"];

/// Makes a source repository, `owner/name`, what a document says, in place of what it was.
///
/// # Errors
/// All mistakes of the document.
pub(super) fn put<'a>(
    state: &'a mut State,
    full_name: &str,
    document: &Value,
) -> Result<&'a SourceRepository, Vec<Mistake>> {
    state.replace_source(full_name, |source, now| {
        let mistakes = Mistakes::default();
        if let Some(fields) = Fields::of(document, String::new(), &DOCUMENT, &mistakes) {
            Builder { source, now }.document(&fields);
        }
        mistakes.end()
    })
}

struct Builder<'a> {
    source: &'a mut SourceRepository,
    now: Time,
}

impl Builder<'_> {
    fn document(&mut self, fields: &Fields<'_>) {
        let source = &mut *self.source;
        source.private = fields.flag("private").unwrap_or(false);
        source.description = fields.text("description").map(str::to_owned);
        source.license = fields.text("license").map(str::to_owned);
        source.default_branch = fields.text("default-branch").unwrap_or("main").to_owned();
        source.created = fields.time("created").unwrap_or(self.now);
        source.pushed = source.created;
        for commit in fields.objects("commits", &COMMIT) {
            self.commit(&commit);
        }
        for (place, name, value) in fields.entries("branches") {
            if let Some(commit) = self.find(fields, place, value) {
                self.source.set_branch(name, &commit);
            }
        }
        for (place, name, value) in fields.entries("tags") {
            self.tag(fields, place, name, value);
        }
        for pull in fields.objects("pull-requests", &PULL_REQUEST) {
            self.pull_request(&pull);
        }
        for release in fields.objects("releases", &RELEASE) {
            self.release(&release);
        }
    }

    /// Finds the commit that a value names.
    fn find(&self, fields: &Fields<'_>, place: String, value: &Value) -> Option<String> {
        let Some(name) = value.as_str() else {
            fields.wrong(place, "is no text: name a branch, a tag or a commit");
            return None;
        };
        let found = self.source.resolve(name).map(|commit| commit.id.clone());
        if found.is_none() {
            fields.wrong(place, &format!("`{}` is no branch, tag or commit above it", name.escape_debug()));
        }
        found
    }

    fn find_in(&self, fields: &Fields<'_>, name: &'static str) -> Option<String> {
        self.find(fields, fields.place(name), fields.value(name)?)
    }

    fn commit(&mut self, fields: &Fields<'_>) {
        let branch = fields.text("branch").unwrap_or(&self.source.default_branch).to_owned();
        let mut new = NewCommit::on(&branch, fields.text("message").unwrap_or("a change"));
        new.date = Some(fields.time("date").unwrap_or(self.now));
        new.id = fields.text("id").map(str::to_owned);
        if let Some(id) = &new.id
            && !(id.len() == 40 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
        {
            fields.wrong(fields.place("id"), "is no commit id: 40 lower-case hex digits");
        }
        if fields.value("parents").is_some() {
            let parents = fields.list("parents").into_iter();
            new.parents = Some(parents.filter_map(|(place, value)| self.find(fields, place, value)).collect());
        } else if self.source.branch(&branch).is_none() {
            // A new branch begins where the default branch is.
            new.parents = self.source.branch(&self.source.default_branch).map(|tip| vec![tip.to_owned()]);
        }
        for (place, path, value) in fields.entries("files") {
            match value.as_str() {
                Some(text) => new = new.file(path, text),
                None => fields.wrong(place, "is no text: write what the file holds"),
            }
        }
        let id = self.source.commit(new, self.now);
        for (place, value) in fields.list("tags") {
            match value.as_str() {
                Some(tag) => self.source.set_tag(tag, &id),
                None => fields.wrong(place, "is no text: name a tag"),
            }
        }
    }

    fn tag(&mut self, fields: &Fields<'_>, place: String, name: &str, value: &Value) {
        if value.is_object() {
            let Some(tag) = fields.object(place, value, &TAG) else { return };
            let date = tag.time("annotated");
            match (self.find_in(&tag, "commit"), date) {
                (Some(commit), Some(date)) => {
                    self.source.annotate_tag(name, &commit, date);
                }
                (Some(commit), None) => self.source.set_tag(name, &commit),
                (None, _) => tag.require("commit"),
            }
        } else if let Some(commit) = self.find(fields, place, value) {
            self.source.set_tag(name, &commit);
        }
    }

    fn pull_request(&mut self, fields: &Fields<'_>) {
        fields.require("head");
        let head = fields.text("head").unwrap_or_default();
        let sha = match fields.value("head-sha") {
            Some(_) => self.find_in(fields, "head-sha"),
            None => self.source.branch(head).map(str::to_owned),
        };
        if sha.is_none() && fields.value("head-sha").is_none() && !head.is_empty() {
            fields.wrong(fields.place("head"), "is no branch: where it is gone, name its commit in `head-sha`");
        }
        let number = fields.number("number").unwrap_or_else(|| self.source.next_number());
        if number == 0 || self.source.pulls.contains_key(&number) {
            fields.wrong(fields.place("number"), "is taken, or is 0");
        }
        let base = fields.text("base").unwrap_or(&self.source.default_branch).to_owned();
        let created = fields.time("created").unwrap_or(self.now);
        let (mut closed, mut merged) = (fields.time("closed"), fields.time("merged"));
        let updated = fields.time("updated").or(closed).or(merged).unwrap_or(created);
        match fields.text("state") {
            None => closed = closed.or(merged),
            Some("open") => (closed, merged) = (None, None),
            Some("closed") => (closed, merged) = (Some(closed.unwrap_or(updated)), None),
            Some("merged") => {
                merged = Some(merged.or(closed).unwrap_or(updated));
                closed = closed.or(merged);
            }
            Some(_) => fields.wrong(fields.place("state"), "is none of `open`, `closed` and `merged`"),
        }
        let own = self.source.full_name();
        let pull = PullRequest {
            id: self.source.next_id(),
            number,
            title: fields.text("title").unwrap_or(head).to_owned(),
            head_branch: head.to_owned(),
            head_sha: sha.unwrap_or_default(),
            head_repository: Some(fields.text("head-repository").map_or(own, str::to_owned)),
            base_sha: self.source.branch(&base).unwrap_or_default().to_owned(),
            base_branch: base,
            draft: fields.flag("draft").unwrap_or(false),
            created,
            updated,
            closed,
            merged,
            merge_commit: self.find_in(fields, "merge-commit"),
        };
        self.source.pulls.insert(number, pull);
    }

    fn release(&mut self, fields: &Fields<'_>) {
        fields.require("tag");
        let tag = fields.text("tag").unwrap_or_default();
        let draft = fields.flag("draft").unwrap_or(false);
        let (created, published) = (fields.time("created"), fields.time("published"));
        let id = self.source.next_id();
        let release = Release {
            id,
            tag_name: tag.to_owned(),
            name: Some(fields.text("name").unwrap_or(tag).to_owned()),
            body: fields.text("body").map(str::to_owned),
            draft,
            prerelease: fields.flag("prerelease").unwrap_or_else(|| tag.contains('-')),
            target_commitish: fields.text("target").unwrap_or(&self.source.default_branch).to_owned(),
            created: created.or(published).unwrap_or(self.now),
            published: (!draft).then(|| published.or(created).unwrap_or(self.now)),
        };
        self.source.releases.insert(id, release);
    }
}
