//! The same decisions computed slowly and independently: written from the design's text, with sets of digests and loops
//! until nothing changes, and templates matched by trying every way to split a tag.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use ghcr_lifecycle::{
    model::{
        Asked, Inventory, Version, VersionId,
        evidence::{GitTag, Referenced},
        inventory::{ManifestFacts, ManifestRole},
    },
    policy::rules::{Condition, Policy, Protected, TagRule, While},
};

use super::splits::{Values, splits};

/// What is deleted, and which tags are taken away from what stays.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) deleted: BTreeSet<VersionId>,
    pub(super) untagged: BTreeSet<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Tag,
    Also,
    Rolling,
    Index,
}

struct Reference<'a> {
    inventory: &'a Inventory,
    policy: &'a Policy,
}

impl Reference<'_> {
    fn explain(&self, rule: &TagRule, tag: &str) -> Vec<(Role, Values)> {
        let is_referrers_tag = tag.starts_with("sha256-") && tag.len() >= 71;
        let mut found = Vec::new();
        if is_referrers_tag {
            return found;
        }
        let conditions: Vec<&Condition> =
            rule.on.iter().filter(|entry| !entry.negated).map(|entry| &entry.condition).collect();
        let tag_templates: Vec<&str> = match &rule.matcher {
            Some(matcher) => {
                if matcher.regex.is_match(tag) {
                    found.push((Role::Tag, Values::new()));
                }
                Vec::new()
            }
            None => rule.tag.iter().map(|template| template.as_str()).collect(),
        };
        let templates = tag_templates
            .into_iter()
            .map(|template| (Role::Tag, template))
            .chain(rule.also.iter().map(|template| (Role::Also, template.as_str())))
            .chain(rule.rolling.iter().map(|template| (Role::Rolling, template.as_str())))
            .chain(rule.index.iter().map(|template| (Role::Index, template.as_str())));
        for (role, template) in templates {
            for condition in &conditions {
                found.extend(splits(template, tag, rule, condition).into_iter().map(|values| (role, values)));
            }
        }
        found
    }

    /// The newest of what the tag names; `None` if that is not known.
    fn age(&self, rule: &TagRule, version: &Version, values: &Values) -> (DateTime<Utc>, bool) {
        let evidence = &self.inventory.evidence;
        let mut since = version.created_at;
        let mut is_known = true;
        for (name, text) in values {
            if let Some(format) = name.strip_prefix("date ") {
                let zone: chrono_tz::Tz =
                    if format.contains("Europe/Berlin") { chrono_tz::Europe::Berlin } else { chrono_tz::UTC };
                let day = NaiveDate::parse_from_str(&text[..8], "%Y%m%d").ok();
                let clock = text.get(9..).unwrap_or("000000").to_owned();
                let part = |range: std::ops::Range<usize>| clock[range].parse::<u32>().unwrap();
                let time = day.and_then(|day| day.and_hms_opt(part(0..2), part(2..4), part(4..6)));
                if let Some(time) = time.and_then(|time| time.and_local_timezone(zone).earliest()) {
                    since = since.max(time.to_utc());
                }
            }
        }
        let is_on = |fits: fn(&Condition) -> bool| rule.on.iter().any(|entry| !entry.negated && fits(&entry.condition));
        if let Some(sha) = values.get("sha").or(values.get("sha.full"))
            && is_on(|condition| matches!(condition, Condition::Branch(_)))
        {
            match evidence.commits.get(&rule.row.number) {
                Some(Asked::Known(commits)) => {
                    let dates = commits.dates.iter().filter(|(id, _)| id.as_str().starts_with(sha.as_str()));
                    since = since.max(dates.map(|(_, date)| *date).max().unwrap_or(since));
                }
                _ => is_known = false,
            }
        }
        if let Some(version) = values.get("version") {
            let names_it = |name: &str| {
                let text = name.strip_prefix("app-").unwrap_or(name);
                text.strip_prefix('v').unwrap_or(text) == version
            };
            match &evidence.releases {
                Asked::Known(releases) => match releases.iter().find(|(name, _)| names_it(name)) {
                    Some((_, date)) => since = since.max(*date),
                    None => match &evidence.git_tags {
                        Asked::Known(tags) => match tags.iter().find(|(name, _)| names_it(name)) {
                            Some((_, GitTag::Annotated(Asked::Known(date)))) => since = since.max(*date),
                            Some((_, GitTag::Annotated(_))) => is_known = false,
                            Some((_, GitTag::Lightweight)) | None => {}
                        },
                        _ => is_known = false,
                    },
                },
                _ => is_known = false,
            }
        }
        (since, is_known)
    }

    fn version(&self, digest: &str) -> Option<&Version> {
        self.inventory.versions.iter().find(|version| version.digest.to_string() == digest)
    }

    fn children(&self, version: &Version) -> Vec<String> {
        version.read().map(|m| m.children.iter().map(|c| c.digest.to_string()).collect()).unwrap_or_default()
    }

    fn subjects(&self, version: &Version) -> BTreeSet<String> {
        let mut subjects = BTreeSet::new();
        if version.is_placeholder() {
            return subjects;
        }
        if let Some(subject) = version.read().and_then(|manifest| manifest.subject.as_ref()) {
            subjects.insert(subject.to_string());
        }
        for tag in &version.tags {
            if let Some(rest) = tag.as_str().strip_prefix("sha256-")
                && rest.len() >= 64
            {
                subjects.insert(format!("sha256:{}", &rest[..64]));
            }
        }
        subjects
    }

    fn is_listed(&self, version: &Version) -> bool {
        let digest = version.digest.to_string();
        self.inventory.versions.iter().any(|other| other.id != version.id && self.children(other).contains(&digest))
    }

    /// An index or a manifest with an image configuration that no index lists and that is no referrer or placeholder.
    fn is_image(&self, version: &Version) -> bool {
        let Some(manifest) = version.read() else { return false };
        if !self.subjects(version).is_empty() || self.is_listed(version) {
            return false;
        }
        match manifest.kind {
            ManifestRole::Image => true,
            ManifestRole::Artifact | ManifestRole::Placeholder => false,
            ManifestRole::Index => {
                let active: Vec<&Version> =
                    self.children(version).iter().filter_map(|digest| self.version(digest)).collect();
                let lists = !active.is_empty() || manifest.children.iter().any(|child| child.is_manifest);
                lists && (active.is_empty() || active.iter().any(|child| self.subjects(child).is_empty()))
            }
        }
    }

    /// The images that a version's tags count for: itself, or the images above a listed one.
    fn images_of(&self, version: &Version) -> Vec<&Version> {
        let mut above: BTreeSet<String> = BTreeSet::from([version.digest.to_string()]);
        for _ in &self.inventory.versions {
            for other in &self.inventory.versions {
                if self.children(other).iter().any(|child| above.contains(child)) {
                    above.insert(other.digest.to_string());
                }
            }
        }
        self.inventory.versions.iter().filter(|v| above.contains(&v.digest.to_string()) && self.is_image(v)).collect()
    }

    /// The place of a version among the newest of a row, from 1.
    fn place(&self, rule: &TagRule, version: &Version) -> usize {
        let age_in_row = |version: &Version, own_only: bool| {
            let reads = version.tags.iter().flat_map(|tag| self.explain(rule, tag.as_str()));
            let mut ages = Vec::new();
            let mut has_own = false;
            for (role, values) in reads.filter(|_| !version.is_placeholder()) {
                has_own |= matches!(role, Role::Tag | Role::Index);
                if role != Role::Rolling {
                    ages.push(self.age(rule, version, &values).0);
                }
            }
            ages.into_iter().max().filter(|_| has_own || !own_only)
        };
        let mut images: BTreeMap<VersionId, (DateTime<Utc>, DateTime<Utc>, VersionId)> = BTreeMap::new();
        let mut others = images.clone();
        for carrier in &self.inventory.versions {
            let Some(age) = age_in_row(carrier, false) else { continue };
            let counted: Vec<&Version> = match self.is_image(carrier) {
                true if age_in_row(carrier, true).is_some() => vec![carrier],
                true => Vec::new(),
                false if carrier.read().is_none() => Vec::new(),
                false => self.images_of(carrier),
            };
            let into = if counted.is_empty() { &mut others } else { &mut images };
            for image in if counted.is_empty() { vec![carrier] } else { counted } {
                let rank = into.entry(image.id).or_insert((age, image.created_at, image.id));
                rank.0 = rank.0.max(age);
            }
        }
        others.retain(|id, _| !images.contains_key(id));
        let mine = self.images_of(version);
        let places = mine
            .iter()
            .filter_map(|image| images.get(&image.id))
            .map(|rank| images.values().filter(|other| *other > rank).count() + 1);
        places.min().unwrap_or_else(|| {
            let rank = others.get(&version.id).or(images.get(&version.id)).unwrap();
            images.values().chain(others.values()).filter(|other| *other > rank).count() + 1
        })
    }

    fn row_keeps(&self, rule: &TagRule, version: &Version, values: &Values) -> bool {
        let keep = &rule.keep;
        let now = self.inventory.taken_at;
        if keep.forever {
            return true;
        }
        let (since, is_known) = self.age(rule, version, values);
        let timed = keep.duration.is_some() || keep.last.is_some();
        if timed && !is_known {
            return true;
        }
        if let Some(duration) = keep.duration
            && now - since <= chrono::TimeDelta::from_std(duration).unwrap()
        {
            return true;
        }
        if let Some(last) = keep.last
            && self.place(rule, version) <= last.get() as usize
        {
            return true;
        }
        match keep.while_holds {
            None => false,
            Some(While::Open) => match (&self.inventory.pull_requests, values.get("number")) {
                (Asked::Known(open), Some(number)) => open.contains(&number.parse().unwrap()),
                _ => true,
            },
            Some(While::BranchExists) => match (&self.inventory.branches, values.get("branch")) {
                (Asked::Known(names), Some(branch)) => {
                    names.iter().any(|name| name.replace(['/', '#'], "-") == *branch)
                }
                _ => true,
            },
        }
    }

    /// The tags of a version that are kept.
    fn kept_tags(&self, version: &Version) -> BTreeSet<String> {
        let mut kept = BTreeSet::new();
        if version.is_placeholder() {
            return kept;
        }
        let tags: Vec<&str> = version.tags.iter().map(|tag| tag.as_str()).collect();
        for tag in &version.tags {
            let text = tag.as_str();
            let protected = self.policy.protect.iter().any(|protected| match protected {
                Protected::Tags(glob) => glob.matches(text),
                Protected::Digest(_) => false,
            });
            let mut references = self.inventory.references.known().into_iter().flatten();
            let referenced = references.any(|reference| match &reference.names {
                Referenced::Tag(named) => named == tag,
                Referenced::AnyTag(shape) => shape.could_be(tag),
                Referenced::Digest(_) => false,
            });
            let explained = self.policy.rules.iter().any(|rule| !self.explain(rule, text).is_empty());
            let on_two = self.inventory.versions.iter().filter(|other| other.tags.contains(tag)).count() > 1;
            if protected || referenced || on_two || (!explained && !text.starts_with("sha256-")) {
                kept.insert(text.to_owned());
            }
        }
        loop {
            let before = kept.len();
            for rule in &self.policy.rules {
                let has = |tag: &str, role: Role| self.explain(rule, tag).iter().any(|(there, _)| *there == role);
                let pointed_at = tags.iter().any(|tag| has(tag, Role::Rolling));
                let has_own = tags.iter().any(|tag| has(tag, Role::Tag));
                let own_kept = tags.iter().any(|tag| has(tag, Role::Tag) && kept.contains(*tag));
                for tag in &tags {
                    for (role, values) in self.explain(rule, tag) {
                        let keeps = match role {
                            Role::Rolling => true,
                            Role::Tag => pointed_at || self.row_keeps(rule, version, &values),
                            Role::Also if has_own => own_kept,
                            Role::Also | Role::Index => self.row_keeps(rule, version, &values),
                        };
                        if keeps {
                            kept.insert((*tag).to_owned());
                        }
                    }
                }
            }
            if kept.len() == before {
                return kept;
            }
        }
    }

    fn newest(&self) -> BTreeSet<VersionId> {
        let mut ranked = Vec::new();
        for version in &self.inventory.versions {
            // What is tagged and cannot be read may be an image: it is kept like one, and takes no other's place.
            let may_be = version.read().is_none() && !version.tags.is_empty() && self.subjects(version).is_empty();
            if self.is_image(version) || may_be {
                let mut since = version.created_at;
                for rule in &self.policy.rules {
                    for tag in &version.tags {
                        for (_, values) in self.explain(rule, tag.as_str()) {
                            since = since.max(self.age(rule, version, &values).0);
                        }
                    }
                }
                ranked.push((since, version.created_at, version.id, !may_be));
            }
        }
        ranked.sort();
        let (mut left, mut newest) = (self.policy.keep_at_least, BTreeSet::new());
        for (.., id, counts) in ranked.into_iter().rev() {
            if left > 0 {
                newest.insert(id);
                left -= u32::from(counts);
            }
        }
        newest
    }
}

/// Computes what a clean-up does; `None` if it must do nothing, since a kept manifest cannot be read.
pub(super) fn reference(inventory: &Inventory, policy: &Policy) -> Option<Outcome> {
    let reference = Reference { inventory, policy };
    let versions = &inventory.versions;
    let kept_tags: BTreeMap<VersionId, BTreeSet<String>> =
        versions.iter().map(|version| (version.id, reference.kept_tags(version))).collect();
    let newest = reference.newest();
    let gone: BTreeSet<String> =
        inventory.deleted.known().into_iter().flatten().map(|version| version.digest.to_string()).collect();
    let is_root = |version: &&Version| {
        let digest = version.digest.to_string();
        let protected =
            policy.protect.iter().any(|p| matches!(p, Protected::Digest(digest) if *digest == version.digest));
        let mut references = inventory.references.known().into_iter().flatten();
        let referenced = references.any(|r| matches!(&r.names, Referenced::Digest(d) if d.to_string() == digest));
        let young = policy
            .untagged
            .is_none_or(|keep| inventory.taken_at - version.created_at <= chrono::TimeDelta::from_std(keep).unwrap());
        let orphan = reference
            .subjects(version)
            .iter()
            .any(|subject| reference.version(subject).is_none() && !gone.contains(subject));
        !kept_tags[&version.id].is_empty()
            || newest.contains(&version.id)
            || protected
            || referenced
            || (version.tags.is_empty() && young && !version.is_placeholder())
            || matches!(version.manifest, ManifestFacts::UnknownMediaType { .. })
            || orphan
            || inventory.undeletable.contains_key(&version.id)
    };
    let unreadable = |version: &&Version| matches!(version.manifest, ManifestFacts::Unreadable { .. });
    let spread = |mut kept: BTreeSet<String>| loop {
        let before = kept.len();
        for version in versions {
            let digest = version.digest.to_string();
            if kept.contains(&digest) {
                kept.extend(reference.children(version));
            }
            if reference.subjects(version).iter().any(|subject| kept.contains(subject)) {
                kept.insert(digest);
            }
        }
        if kept.len() == before {
            return kept;
        }
    };
    let mut roots: BTreeSet<String> = versions.iter().filter(is_root).map(|v| v.digest.to_string()).collect();
    let mut rescued = None;
    loop {
        let marked = spread(roots.clone());
        let is_marked = |version: &&Version| marked.contains(&version.digest.to_string());
        let blocks = |version: &Version| {
            is_marked(&version) && unreadable(&version) && !policy.unreadable.contains(&version.digest)
        };
        if versions.iter().any(blocks) {
            return None;
        }
        let left = versions.iter().filter(|v| unreadable(v) && !is_marked(v)).map(|v| v.digest.to_string());
        let kept = spread(marked.iter().cloned().chain(left.clone()).collect());
        let left: BTreeSet<String> = left.collect();
        let mut untagged = BTreeSet::new();
        let mut stays_tagged = false;
        let mut has_other_tags = false;
        for version in versions.iter().filter(|version| kept.contains(&version.digest.to_string())) {
            for tag in version.tags.iter().filter(|_| !version.is_placeholder()) {
                has_other_tags = true;
                let is_expired = !kept_tags[&version.id].contains(tag.as_str()) && !tag.is_referrers_tag();
                let may = !newest.contains(&version.id) && !left.contains(&version.digest.to_string());
                if is_expired && may {
                    untagged.insert(tag.as_str().to_owned());
                } else {
                    stays_tagged = true;
                }
            }
        }
        let deleted = versions.iter().filter(|v| !kept.contains(&v.digest.to_string())).map(|v| v.id).collect();
        if stays_tagged {
            // What stays only since a tagged version has to stay keeps its tags.
            let untagged = if rescued.is_some() { BTreeSet::new() } else { untagged };
            return Some(Outcome { deleted, untagged });
        }
        let tagged: Vec<&Version> = versions.iter().filter(|version| !version.tags.is_empty()).collect();
        if has_other_tags || tagged.is_empty() || rescued.is_some() {
            return Some(Outcome { deleted, untagged: BTreeSet::new() });
        }
        // The newest that is tagged stays: images first, then what refers to nothing, placeholders last.
        let rank = |version: &&&Version| {
            let mut since = version.created_at;
            for rule in policy.rules.iter().filter(|_| !version.is_placeholder()) {
                for tag in &version.tags {
                    for (_, values) in reference.explain(rule, tag.as_str()) {
                        since = since.max(reference.age(rule, version, &values).0);
                    }
                }
            }
            let is_subject = reference.subjects(version).is_empty() && !version.is_placeholder();
            (reference.is_image(version), is_subject, !version.is_placeholder(), since, version.created_at, version.id)
        };
        let last = tagged.iter().max_by_key(rank).unwrap();
        roots.insert(last.digest.to_string());
        rescued = Some(last.id);
    }
}
