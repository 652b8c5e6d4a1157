//! What has accumulated when the year ends: what exists, which row it is there for, and what that row's `keep` would let go.
//! This is what a table says before anything is deleted: it counts by age, and by what pull requests and
//! branches have become.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use chrono::{DateTime, Utc};

use super::play::Log;
use crate::{
    model::{Digest, ImageName, ManifestKind, Tag},
    policy::{
        inversion::{Inversion, Role, Values},
        rules::{Keep, Policy, Protected, Row, While},
        template::sanitised_name,
    },
    sandbox::state::{Repository, SourceRepository},
};

/// What one image has.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) image: ImageName,
    /// The rows, in the order of the policy.
    pub(super) rows: Vec<RowAccount>,
    /// Tags of signatures, which live as long as the image that they name.
    pub(super) signatures: usize,
    /// Tags that no row explains.
    pub(super) unexplained: Group,
    /// The same by name.
    pub(super) strays: Vec<Tag>,
    /// Untagged versions that tagged ones list: platforms and attestations.
    pub(super) reached: usize,
    /// Untagged versions of the push that is under way.
    pub(super) under_way: usize,
    /// Untagged versions that nothing reaches.
    pub(super) unreached: Group,
    pub(super) tagged: usize,
    pub(super) untagged: usize,
    /// The size of all blobs and manifests.
    pub(super) bytes: u64,
    pub(super) tags: BTreeMap<Tag, Digest>,
}

/// What exists because of one row.
#[derive(Clone, Debug)]
pub(super) struct RowAccount {
    pub(super) row: Row,
    pub(super) keep: Keep,
    /// The tags that `keep` is about, and further names.
    pub(super) tags: Group,
    /// The pointers.
    pub(super) rolling: Vec<Tag>,
}

/// How many there are, and of which age.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) count: usize,
    /// The age of the newest, in days.
    pub(super) newest: i64,
    /// The age of the oldest, in days.
    pub(super) oldest: i64,
    /// How many a clean-up would find due.
    pub(super) due: usize,
}

impl Group {
    fn add(&mut self, age: Duration, is_due: bool) {
        let days = i64::try_from(age.as_secs() / (24 * 60 * 60)).unwrap_or(i64::MAX);
        self.newest = if self.count == 0 { days } else { self.newest.min(days) };
        self.oldest = self.oldest.max(days);
        self.count += 1;
        self.due += usize::from(is_due);
    }
}

/// What the account rests on.
pub(super) struct Books<'a> {
    pub(super) policy: &'a Policy,
    pub(super) source: Option<&'a SourceRepository>,
    pub(super) log: &'a Log,
    pub(super) now: DateTime<Utc>,
    /// Versions of the push that is under way.
    pub(super) under_way: &'a [Digest],
}

/// A tag with what the policy says of it.
struct Known<'a> {
    tag: &'a Tag,
    digest: &'a Digest,
    age: Duration,
    /// The rows that explain it, by their places.
    explained: BTreeMap<usize, (Role, Values)>,
}

impl Books<'_> {
    /// Accounts for one image.
    pub(super) fn account(&self, image: &ImageName, repository: &Repository) -> Account {
        let inversions: Vec<Inversion> = self.policy.rules.iter().map(Inversion::of).collect();
        let mut account = self.empty(image);
        let mut known: Vec<Known<'_>> = Vec::new();
        for (tag, digest) in repository.tags() {
            account.tags.insert(tag.clone(), digest.clone());
            if tag.is_referrers_tag() {
                account.signatures += 1;
                continue;
            }
            let explain = |(rule, inversion): (usize, &Inversion)| Some((rule, inversion.explain(tag)?));
            let created = repository.version_of(digest).map_or(self.now, |version| version.created.date_time());
            let written = self.log.get(&(image.clone(), tag.clone())).map_or(created, |written| written.at);
            known.push(Known {
                tag,
                digest,
                age: self.age(created.max(written)),
                explained: inversions.iter().enumerate().filter_map(explain).collect(),
            });
        }
        let newest = self.newest_images(&known);
        for one in &known {
            let made_by = self.log.get(&(image.clone(), one.tag.clone())).and_then(|written| written.row);
            let made_by = made_by.and_then(|number| account.rows.iter().position(|row| row.row.number == number));
            // A row with `match` is written for tags that no event makes.
            let is_loose = |place: &usize| self.policy.rules[*place].matcher.is_none();
            let explains = || one.explained.keys().copied().min_by_key(is_loose);
            let Some(place) = made_by.or_else(explains) else {
                account.unexplained.add(one.age, false);
                account.strays.push(one.tag.clone());
                continue;
            };
            let row = &mut account.rows[place];
            if one.explained.get(&place).is_some_and(|(role, _)| *role == Role::Rolling) {
                row.rolling.push(one.tag.clone());
            } else {
                let kept = self.is_protected(one) || newest.contains(one.digest) || self.is_kept(one, &known);
                row.tags.add(one.age, !kept);
            }
        }
        self.count_versions(&mut account, repository);
        account
    }

    fn empty(&self, image: &ImageName) -> Account {
        let rows = self.policy.rules.iter().map(|rule| RowAccount {
            row: rule.row.clone(),
            keep: rule.keep.clone(),
            tags: Group::default(),
            rolling: Vec::new(),
        });
        Account {
            image: image.clone(),
            rows: rows.collect(),
            signatures: 0,
            unexplained: Group::default(),
            strays: Vec::new(),
            reached: 0,
            under_way: 0,
            unreached: Group::default(),
            tagged: 0,
            untagged: 0,
            bytes: 0,
            tags: BTreeMap::new(),
        }
    }

    fn age(&self, since: DateTime<Utc>) -> Duration {
        (self.now - since).to_std().unwrap_or_default()
    }

    /// Returns the images that `keep-at-least` keeps.
    fn newest_images<'a>(&self, known: &[Known<'a>]) -> BTreeSet<&'a Digest> {
        newest(known.iter(), self.policy.keep_at_least as usize)
    }

    fn is_protected(&self, one: &Known<'_>) -> bool {
        self.policy.protect.iter().any(|protected| match protected {
            Protected::Tags(glob) => glob.matches(one.tag.as_str()),
            Protected::Digest(digest) => digest == one.digest,
        })
    }

    /// Tells whether any row that explains a tag keeps it.
    fn is_kept(&self, one: &Known<'_>, all: &[Known<'_>]) -> bool {
        let as_further_name = |(rule, (role, values)): (&usize, &(Role, Values))| {
            if *role != Role::Also {
                return false;
            }
            // It lives as long as a `tag` of the same row on the same image.
            let is_own = |other: &&Known<'_>| {
                other.digest == one.digest && other.explained.get(rule).is_some_and(|(role, _)| *role == Role::Tag)
            };
            let mut own = all.iter().filter(is_own).peekable();
            match own.peek() {
                None => self.row_keeps(*rule, one, values, all),
                Some(_) => own.any(|tag| self.is_protected(tag) || self.is_kept_itself(tag, all)),
            }
        };
        self.is_kept_itself(one, all) || one.explained.iter().any(as_further_name)
    }

    /// Tells whether a tag is kept, but for the rows that have it as a further name.
    fn is_kept_itself(&self, one: &Known<'_>, all: &[Known<'_>]) -> bool {
        one.explained.iter().any(|(rule, (role, values))| match role {
            Role::Rolling => true,
            Role::Tag | Role::Index => self.row_keeps(*rule, one, values, all),
            Role::Also => false,
        })
    }

    fn row_keeps(&self, rule: usize, one: &Known<'_>, values: &Values, all: &[Known<'_>]) -> bool {
        let Keep { forever, duration, last, while_holds } = &self.policy.rules[rule].keep;
        let in_role = |other: &Known<'_>, role: Role| other.explained.get(&rule).is_some_and(|(own, _)| *own == role);
        let pointed_at = || all.iter().any(|other| other.digest == one.digest && in_role(other, Role::Rolling));
        let among_last =
            |last: usize| newest(all.iter().filter(|other| in_role(other, Role::Tag)), last).contains(one.digest);
        let holds = |what: While| match what {
            While::Open => self.is_open(values),
            While::BranchExists => self.branch_exists(values),
        };
        *forever
            || duration.is_some_and(|duration| one.age <= duration)
            || last.is_some_and(|last| among_last(last.get() as usize))
            || while_holds.is_some_and(holds)
            || pointed_at()
    }

    /// What cannot be known keeps.
    fn is_open(&self, values: &Values) -> bool {
        let pull = values.number.and_then(|number| self.source?.pulls.get(&number));
        pull.is_none_or(|pull| pull.closed.is_none())
    }

    fn branch_exists(&self, values: &Values) -> bool {
        let (Some(source), Some(branch)) = (self.source, &values.branch) else { return true };
        source.branches().any(|(name, _)| sanitised_name(name) == *branch)
    }

    fn count_versions(&self, account: &mut Account, repository: &Repository) {
        let reached = reached(repository);
        for version in repository.versions() {
            let digest = &version.manifest.digest;
            account.bytes += version.manifest.bytes.len() as u64;
            if !repository.tags_of(digest).is_empty() {
                account.tagged += 1;
                continue;
            }
            account.untagged += 1;
            if reached.contains(digest) {
                account.reached += 1;
            } else if self.under_way.contains(digest) {
                account.under_way += 1;
            } else {
                let age = self.age(version.created.date_time());
                account.unreached.add(age, self.policy.untagged.is_some_and(|keep| age > keep));
            }
        }
        let blobs = repository.blobs().filter_map(|digest| repository.blob(digest));
        account.bytes += blobs.map(|blob| blob.len() as u64).sum::<u64>();
    }
}

/// Returns the images of the newest of these tags.
fn newest<'a: 'b, 'b>(tags: impl Iterator<Item = &'b Known<'a>>, most: usize) -> BTreeSet<&'a Digest> {
    let mut ages: BTreeMap<&Digest, Duration> = BTreeMap::new();
    for one in tags {
        let age = ages.entry(one.digest).or_insert(one.age);
        *age = one.age.min(*age);
    }
    let mut ages: Vec<(Duration, &Digest)> = ages.into_iter().map(|(digest, age)| (age, digest)).collect();
    ages.sort();
    ages.into_iter().take(most).map(|(_, digest)| digest).collect()
}

/// Returns everything that tagged versions list, and what that lists.
fn reached(repository: &Repository) -> BTreeSet<Digest> {
    let mut open: Vec<Digest> = repository.tags().map(|(_, digest)| digest.clone()).collect();
    let mut reached = BTreeSet::new();
    while let Some(digest) = open.pop() {
        let manifest = repository.manifest(&digest).and_then(|manifest| manifest.parse().ok());
        if let Some(ManifestKind::Index { manifests }) = manifest.map(|manifest| manifest.kind) {
            open.extend(manifests.into_iter().map(|child| child.digest).filter(|child| reached.insert(child.clone())));
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::ManifestReference,
        policy::config,
        sandbox::{SampleImage, State, state::Clock},
    };

    const NOW: &str = "2025-12-31T00:00:00Z";

    /// Pushes an image under some tags on a date.
    fn push(state: &mut State, date: &str, tags: &[&str]) {
        state.set_clock(Clock::Frozen(format!("2025-{date}T00:00:00Z").parse().expect("a time")));
        let image = SampleImage::builder().seed(tags[0]).build();
        for tag in tags {
            let reference = ManifestReference::Tag(tag.parse().expect("a tag"));
            state.put_manifest("acme/shop", &reference, image.root().clone());
        }
    }

    /// Returns how many tags of each row there are, and how many of them are due.
    fn due(rows: &str, state: &State) -> Vec<(usize, usize)> {
        let text = format!("version: 1\nimages: [ghcr.io/acme/shop]\ntags:\n{rows}");
        let policy = config::parse(&text).expect("a valid policy");
        let now = NOW.parse().expect("a time");
        let books = Books { policy: &policy, source: state.source("acme/shop"), log: &Log::new(), now, under_way: &[] };
        let account = books.account(&policy.images[0], state.repository("acme/shop").expect("a package"));
        account.rows.iter().map(|row| (row.tags.count, row.tags.due)).collect()
    }

    #[test]
    fn what_any_row_or_pointer_keeps_is_not_due() {
        let mut state = State::default();
        push(&mut state, "01-01", &["main-aaaaaaa", "build-1"]);
        push(&mut state, "02-01", &["main-bbbbbbb", "build-2", "edge"]);
        push(&mut state, "12-20", &["main-ccccccc", "build-3"]);
        let row = "  - on: branch main\n    tag: \"main-{{sha}}\"\n    also: [\"build-{{run_number}}\"]\n";
        let keep = |keep: &str| format!("{row}    keep: {keep}\n");
        // `edge` is no tag of the row then.
        assert_eq!(due(&keep("30 days"), &state), [(6, 4)]);
        let rolling = format!("{}    rolling: [edge]\n", keep("30 days"));
        assert_eq!(due(&rolling, &state), [(6, 2)]);
        assert_eq!(due(&keep("last 2"), &state), [(6, 2)]);
        let loose = format!("{}  - {{on: \"branch **\", tag: \"{{{{branch}}}}\"}}\n", keep("30 days"));
        assert_eq!(due(&loose, &state)[0], (6, 0));
        let at_least = format!("{}keep-at-least: 2\n", keep("1 day"));
        assert_eq!(due(&at_least, &state), [(6, 2)]);
        let protect = format!("{}protect: [\"main-a*\"]\n", keep("30 days"));
        assert_eq!(due(&protect, &state), [(6, 2)]);
    }

    #[test]
    fn closed_pull_requests_and_branches_that_are_gone_are_due() {
        let mut state = State::default();
        let now = NOW.parse::<crate::sandbox::state::Time>().expect("a time");
        let source = state.add_source("acme/shop");
        source.set_branch("feature/here", "a1b2c3d4e5f60718293a4b5c6d7e8f9001122334");
        for title in ["One", "Two"] {
            source.open_pull_request("feature/here", title, now);
        }
        source.close_pull_request(1, true, now);
        push(&mut state, "12-30", &["pr-1"]);
        push(&mut state, "12-30", &["pr-2"]);
        push(&mut state, "12-30", &["feature-here"]);
        push(&mut state, "12-30", &["feature-gone"]);
        let rows = "  - {on: pull request, tag: \"pr-{{number}}\", keep: while open}\n  - {on: \"branch feature/**\", tag: \"{{branch}}\", keep: while branch exists}\n";
        assert_eq!(due(rows, &state), [(2, 1), (2, 1)]);
    }
}
