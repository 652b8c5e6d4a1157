//! The year told to people: what each month brought, the moments worth a closer look, and what is left.

use std::{fmt::Write as _, time::Duration};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use super::{
    account::{Account, Group, RowAccount},
    moments::Moment,
    play::Happened,
    story::{TagKind, What},
};
use crate::{
    model::Digest,
    policy::{
        rules::{Immutable, Keep, Policy, TagRule, While},
        template::Template,
    },
    report::{TagLine, TagOutcome, words},
};

use chrono::Datelike as _;

/// Columns that every terminal has, without those of the indentation.
const WIDTH: u16 = 97;

/// How many names are written out before the rest is counted.
const NAMES: usize = 4;

/// How many failed runs are told.
const FAILURES: usize = 3;

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(header.iter().copied());
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
    table
}

/// Renders a table, indented.
fn indented(table: &Table) -> String {
    table.trim_fmt().lines().flat_map(|line| ["  ", line, "\n"]).collect()
}

fn number(number: impl ToString) -> Cell {
    Cell::new(number).set_alignment(CellAlignment::Right)
}

/// Shows the rows of the policy.
pub(super) fn rows(policy: &Policy) -> String {
    let mut table = table(&["row", "on", "gives", "rolling", "keep"]);
    for rule in &policy.rules {
        let TagRule { row, tag, also, rolling, immutable, keep: life, matcher, .. } = rule;
        let texts =
            |templates: &[Template]| templates.iter().map(|template| template.as_str().to_owned()).collect::<Vec<_>>();
        let mut gives = texts(tag);
        gives.extend(texts(also));
        let mut gives = match matcher {
            Some(matcher) if tag.is_empty() => format!("nothing; retires {}", matcher.text),
            _ => gives.join(", "),
        };
        if *immutable != Immutable::No {
            gives.push_str(" (immutable)");
        }
        let on = if rule.on.is_empty() { "nothing" } else { &row.label };
        table.add_row([row.number.to_string(), on.to_owned(), gives, texts(rolling).join(", "), keep(life)]);
    }
    indented(&table)
}

/// Says how long a row's tags live.
pub(super) fn keep(keep: &Keep) -> String {
    let Keep { forever, duration, last, while_holds } = keep;
    if *forever {
        return "forever".to_owned();
    }
    let duration = duration.map(days);
    let last = last.map(|last| format!("last {last}"));
    let holds = while_holds.map(|what| match what {
        While::Open => "while open".to_owned(),
        While::BranchExists => "while branch exists".to_owned(),
    });
    [holds, duration, last].into_iter().flatten().collect::<Vec<_>>().join(" or ")
}

fn days(duration: Duration) -> String {
    let hours = usize::try_from(duration.as_secs() / 3600).unwrap_or(usize::MAX);
    if hours.is_multiple_of(24) { words::count(hours / 24, "day") } else { words::count(hours, "hour") }
}

/// Shows a line for each month.
pub(super) fn months(year: &[Happened]) -> String {
    let mut table = table(&["month", "events", "pushes", "created", "moved", "stayed", "what"]);
    for (month, name) in (1..).zip(MONTHS) {
        let events: Vec<&Happened> = year.iter().filter(|one| one.event.at.month() == month).collect();
        let lines = || events.iter().flat_map(|one| &one.published).flat_map(|published| &published.tags);
        let count = |is: fn(&TagOutcome) -> bool| lines().filter(|line| is(&line.outcome)).count();
        table.add_row([
            Cell::new(name),
            number(events.len()),
            number(events.iter().map(|one| one.published.len()).sum::<usize>()),
            number(count(|outcome| *outcome == TagOutcome::Created)),
            number(count(|outcome| matches!(outcome, TagOutcome::Moved { .. }))),
            number(count(|outcome| *outcome == TagOutcome::Stayed)),
            Cell::new(what_happened(&events)),
        ]);
    }
    indented(&table)
}

fn what_happened(events: &[&Happened]) -> String {
    let mut parts = Vec::new();
    let built = events.iter().filter(|one| !one.published.is_empty());
    let tags =
        built.filter_map(|one| if let What::Tag { name, .. } = &one.event.what { Some(name.as_str()) } else { None });
    parts.extend(names(tags.collect()));
    for (verb, is) in [
        ("opened", (|what| matches!(what, What::Open { .. })) as fn(&What) -> bool),
        ("merged", |what| matches!(what, What::Close { merged: true, .. })),
        ("closed", |what| matches!(what, What::Close { merged: false, .. })),
    ] {
        let pulls = events.iter().filter(|one| is(&one.event.what)).filter_map(|one| one.pull);
        let pulls: Vec<String> = pulls.map(|number| format!("#{number}")).collect();
        parts.extend(names(pulls.iter().map(String::as_str).collect()).map(|names| format!("{names} {verb}")));
    }
    parts.join("; ")
}

/// Lists names, the last ones by their number only.
fn names(all: Vec<&str>) -> Option<String> {
    let more = all.len().saturating_sub(NAMES);
    let mut text = all.iter().take(NAMES).map(|name| shortened(name)).collect::<Vec<_>>().join(", ");
    if more > 0 {
        let _ = write!(text, " and {more} more");
    }
    (!all.is_empty()).then_some(text)
}

fn shortened(name: &str) -> String {
    if name.len() > 24 { format!("{}…", name.chars().take(12).collect::<String>()) } else { name.to_owned() }
}

/// Tells the moments, and the runs that failed.
pub(super) fn moments(year: &[Happened], host: &str) -> String {
    let mut text = String::new();
    for one in year.iter().filter(|one| one.failed.is_none()) {
        let Some(moment) = one.moment else { continue };
        let _ = writeln!(text, "{}, {}", one.event.at.format("%-d %b"), title(one));
        text.push_str(&tag_lines(one));
        let _ = writeln!(text, "   {}\n", lesson(moment, one));
    }
    let failures: Vec<&Happened> = year.iter().filter(|one| one.failed.is_some()).collect();
    if !failures.is_empty() {
        let _ = writeln!(text, "{} failed:", words::count(failures.len(), "run"));
        let mut told: Vec<&str> = Vec::new();
        let all = failures.len();
        for one in failures {
            let reason = one.failed.as_deref().unwrap_or_default();
            if !told.contains(&reason) && told.len() < FAILURES {
                // The registry is gone when this is read.
                let reason_below = reason.replace(host, "ghcr.io").replace('\n', "\n      ");
                let _ = writeln!(text, "   {}, {}: {reason_below}", one.event.at.format("%-d %b"), title(one));
                told.push(reason);
            }
        }
        if all > told.len() {
            let _ = writeln!(text, "   and {} more", all - told.len());
        }
        text.push('\n');
    }
    text
}

fn lesson(moment: Moment, one: &Happened) -> &'static str {
    let stays =
        one.published.iter().flat_map(|published| &published.tags).any(|line| line.outcome == TagOutcome::Stayed);
    match moment {
        Moment::First if matches!(one.event.what, What::Tag { .. }) => "The first release: its pointers begin here.",
        Moment::First => "The first image.",
        Moment::Trouble => {
            "On purpose, the registry throttled one upload and lost the answer to one manifest: the run coped."
        }
        Moment::Hotfix if stays => "A hotfix: pointers of its own series move; those that are on newer versions stay.",
        Moment::Hotfix => "A hotfix: older than the newest release; the policy has no pointer that it could take back.",
    }
}

/// Says what became of the tags of the first image of an event.
pub(super) fn tag_lines(one: &Happened) -> String {
    let lines: Vec<&TagLine> = one.published.iter().take(1).flat_map(|published| &published.tags).collect();
    let width = lines.iter().map(|line| shortened(&line.tag).chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for TagLine { tag, digest, outcome, why, .. } in lines {
        let digest = digest.as_ref().map(Digest::short).unwrap_or_default();
        let why = if why.is_empty() { String::new() } else { format!("  ({why})") };
        let _ = writeln!(text, "   {:<width$}  {digest}  {}{why}", shortened(tag), words::outcome(outcome));
    }
    text
}

/// Says what happened in an event.
pub(super) fn title(one: &Happened) -> String {
    let pull = one.pull.unwrap_or_default();
    match &one.event.what {
        What::Push { branch, .. } => format!("a commit is pushed to {branch}"),
        What::Tag { name, branch, kind } => match kind {
            TagKind::Release => format!("{name} is released from {branch}"),
            TagKind::Prerelease => format!("{name}, a pre-release, is tagged on {branch}"),
            TagKind::Hotfix => format!("{name} mends an older version, from {branch}"),
            TagKind::Plain => format!("the git tag {name} is pushed"),
        },
        What::Open { branch } => format!("pull request {pull} is opened from {branch}"),
        What::Update { .. } => format!("pull request {pull} is updated"),
        What::Queue { .. } => format!("the merge queue checks pull request {pull}"),
        What::Merge { branch } => format!("{branch} is merged, which closes pull request {pull}"),
        What::Close { merged: _, .. } => format!("pull request {pull} is closed"),
        What::Delete { branch } => format!("the branch {branch} is deleted"),
        What::Schedule => "a scheduled run".to_owned(),
        What::Dispatch => "a run that somebody started".to_owned(),
        What::ByHand { tag } => format!("{tag} is pushed by hand"),
    }
}

fn days_old(group: &Group) -> String {
    let Group { count, newest, oldest, due: _ } = group;
    match count {
        0 => String::new(),
        _ if newest == oldest => newest.to_string(),
        _ => format!("{newest} to {oldest}"),
    }
}

/// Shows what exists of an image, why, and what is due.
pub(super) fn account(account: &Account, life: Option<Duration>) -> String {
    let mut table = table(&["why it is there", "keep", "tags", "days old", "due", "pointers"]);
    let has_any = |row: &&RowAccount| row.tags.count > 0 || !row.rolling.is_empty();
    for RowAccount { row, keep: life, tags, rolling } in account.rows.iter().filter(has_any) {
        let pointers = names(rolling.iter().map(|tag| tag.as_str()).collect()).unwrap_or_default();
        let why = format!("row {}: {}", row.number, row.label);
        table.add_row([
            Cell::new(why),
            Cell::new(keep(life)),
            number(tags.count),
            number(days_old(tags)),
            number(tags.due),
            Cell::new(pointers),
        ]);
    }
    if account.signatures > 0 {
        table.add_row([Cell::new("signatures"), Cell::new("with their image"), number(account.signatures)]);
    }
    if account.unexplained.count > 0 {
        let Group { count, due, .. } = account.unexplained;
        let which = names(account.strays.iter().map(|tag| tag.as_str()).collect()).unwrap_or_default();
        table.add_row([
            Cell::new("no row"),
            Cell::new("forever"),
            number(count),
            number(days_old(&account.unexplained)),
            number(due),
            Cell::new(format!("({which}, by hand)")),
        ]);
    }
    let mut text = indented(&table);
    let Account { reached, under_way, unreached, tagged, untagged, bytes, tags, rows, .. } = account;
    let _ = writeln!(
        text,
        "\n   {} on {}, and {}; {}",
        words::count(tags.len(), "tag"),
        words::count(*tagged, "version"),
        words::count(*untagged, "untagged version"),
        size(*bytes)
    );
    let left_behind = match life {
        Some(life) => format!(
            "left behind by tags that moved on: {} longer ago than `untagged` keeps them ({})",
            unreached.due,
            days(life)
        ),
        None => "left behind by tags that moved on; the policy has no `untagged`, so they are kept".to_owned(),
    };
    for (count, what) in [
        (*reached, "platforms and attestations of tagged images, as long as those live"),
        (*under_way, "parts of the push that is under way: no tag leads to them yet"),
        (unreached.count, &left_behind),
    ] {
        if count > 0 {
            let _ = writeln!(text, "   {count:>5}  {what}");
        }
    }
    let due: usize = rows.iter().map(|row| row.tags.due).sum();
    let _ = writeln!(
        text,
        "   would be due: {} and {}",
        words::count(due, "tag"),
        words::count(unreached.due, "untagged version")
    );
    text
}

pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}
