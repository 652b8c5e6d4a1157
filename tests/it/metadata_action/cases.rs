//! Cases for the comparison with docker/metadata-action: events, rows, attributes, expressions and traps, put together by a
//! seed.

use serde_json::{Value, json};

use super::words::{
    BRANCHES, ENABLE, EVENTS, EXPRESSIONS, FORMATS, IMAGES, KEYS, PATTERNS, PRIORITIES, TAGS, TEXTS, VERSION_PATTERNS,
    ZONES,
};

/// A small generator of pseudo-random numbers (SplitMix64): the cases are the same everywhere.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }

    /// True once in `times`.
    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// Whole seconds: `SOURCE_DATE_EPOCH` has no others.
const NOW: [i64; 7] = [
    1_700_000_000_000,
    1_704_067_199_000,
    1_704_067_200_000,
    1_717_855_382_000,
    1_767_225_600_000,
    1_730_000_000_000,
    1_609_459_200_000,
];

/// An expression, mostly one that has a value.
fn expression(dice: &mut Dice) -> &'static str {
    const PLAIN: &[&str] = &[
        "{{branch}}",
        "{{tag}}",
        "{{sha}}",
        "{{base_ref}}",
        "{{is_default_branch}}",
        "{{is_not_default_branch}}",
        "{{{branch}}}",
        "{{#if tag}}t{{else}}n{{/if}}",
        "{{unknown}}",
    ];
    let from = if dice.one_in(3) { EXPRESSIONS } else { PLAIN };
    from[dice.below(from.len())]
}

fn template(dice: &mut Dice) -> String {
    match dice.below(6) {
        0 | 1 => dice.pick(TEXTS).to_owned(),
        2 => {
            let (name, format) = (dice.pick(&["date", "commit_date"]), dice.pick(FORMATS));
            match dice.below(3) {
                0 => format!("{{{{{name} '{format}' tz='{}'}}}}", dice.pick(ZONES)),
                _ => format!("{{{{{name} '{format}'}}}}"),
            }
        }
        3 => format!("{}{}", dice.pick(TEXTS), expression(dice)),
        4 => format!("{}{}", expression(dice), expression(dice)),
        _ => expression(dice).to_owned(),
    }
}

/// A template over several lines, with blocks in each other and tildes here and there.
fn nested(dice: &mut Dice, depth: usize) -> String {
    let mut text = String::new();
    for _ in 0..=dice.below(4) {
        let mut tilde = || if dice.one_in(5) { "~" } else { "" };
        let [a, b, c, d, e, f] = [tilde(), tilde(), tilde(), tilde(), tilde(), tilde()];
        let name = dice.pick(&["tag", "branch", "nothing"]);
        text.push_str(&match dice.below(if depth < 3 { 14 } else { 9 }) {
            0 | 1 => "\n".to_owned(),
            2 => "  \n".to_owned(),
            3 => " ".to_owned(),
            4 => "x".to_owned(),
            5 => format!("{{{{{a}{name}{b}}}}}"),
            6 => format!("{{{{{a}! note {b}}}}}"),
            7 => format!("{{{{{a}!-- note --{b}}}}}"),
            8 => "\t".to_owned(),
            9 => format!("{{{{{a}^{name}{b}}}}}{}{{{{{c}/{name}{d}}}}}", nested(dice, depth + 1)),
            10 => format!("{{{{{a}#unless {name}{b}}}}}{}{{{{{c}/unless{d}}}}}", nested(dice, depth + 1)),
            11 => {
                let (one, other) = (nested(dice, depth + 1), nested(dice, depth + 1));
                format!("{{{{{a}#if {name}{b}}}}}{one}{{{{{c}else if tag{d}}}}}{other}{{{{{e}/if{f}}}}}")
            }
            _ => {
                let (one, other) = (nested(dice, depth + 1), nested(dice, depth + 1));
                format!("{{{{{a}#if {name}{b}}}}}{one}{{{{{c}else{d}}}}}{other}{{{{{e}/if{f}}}}}")
            }
        });
    }
    text
}

fn row(dice: &mut Dice, wild: bool) -> String {
    let kind = dice.pick(&["schedule", "semver", "pep440", "match", "edge", "ref", "raw", "sha"]);
    let mut fields: Vec<String> = Vec::new();
    if !(kind == "raw" && dice.one_in(3)) {
        fields.push(format!("type={kind}"));
    }
    let version_patterns = VERSION_PATTERNS;
    let often = |dice: &mut Dice| !(wild && dice.one_in(6));
    match kind {
        "semver" | "pep440" => {
            if often(dice) {
                let pattern =
                    if wild && dice.one_in(3) { template(dice) } else { dice.pick(version_patterns).to_owned() };
                fields.push(format!("pattern={pattern}"));
            }
            if dice.one_in(3) {
                let value = if dice.one_in(3) { template(dice) } else { dice.pick(TAGS).to_owned() };
                fields.push(format!("value={value}"));
            }
            if dice.one_in(6) {
                fields.push(format!("match={}", dice.pick(PATTERNS)));
            }
        }
        "match" => {
            if often(dice) {
                fields.push(format!("pattern={}", dice.pick(PATTERNS)));
            }
            if dice.one_in(2) {
                fields.push(format!(
                    "group={}",
                    dice.pick(&["0", "1", "2", "01", "", "x", "1e0", "-1", " 1 ", "3", "0x1", "10"])
                ));
            }
            if dice.one_in(3) {
                let value = if dice.one_in(3) { template(dice) } else { dice.pick(TAGS).to_owned() };
                fields.push(format!("value={value}"));
            }
        }
        "edge" if dice.one_in(2) => fields.push(format!("branch={}", dice.pick(BRANCHES))),
        "ref" if often(dice) => {
            fields.push(format!("event={}", dice.pick(&["branch", "tag", "pr", "branch", "tag", "pr", "PR", ""])))
        }
        "raw" if often(dice) => {
            let value = template(dice);
            fields.push(if dice.one_in(4) { value } else { format!("value={value}") });
        }
        "sha" if dice.one_in(2) => {
            fields.push(format!("format={}", dice.pick(&["long", "short", "long", "short", "full"])))
        }
        "schedule" if dice.one_in(2) => fields.push(format!("pattern={}", template(dice))),
        _ => {}
    }
    for name in ["prefix", "suffix"] {
        if dice.one_in(5) {
            let value = if dice.one_in(2) { template(dice) } else { dice.pick(TEXTS).to_owned() };
            fields.push(format!("{name}={value}"));
        }
    }
    if dice.one_in(5) {
        let enable = dice.pick(ENABLE);
        fields.push(format!("enable={enable}"));
    }
    if dice.one_in(5) {
        let priority = dice.pick(PRIORITIES);
        fields.push(format!("priority={priority}"));
    }
    if wild && dice.one_in(8) {
        fields.push(
            dice.pick(&[
                "unknown=1",
                "bare",
                "",
                "=x",
                "TYPE=raw",
                "Value=late",
                "type=nothing",
                "value",
                "a=b=c",
                " prefix = x ",
            ])
            .to_owned(),
        );
    }
    if wild && dice.one_in(8) {
        let at = dice.below(fields.len().max(1));
        if let Some(field) = fields.get_mut(at) {
            *field = format!("\"{}\"", field.replace('"', "\"\""));
        }
    }
    let row = fields.join(",");
    match dice.below(if wild { 12 } else { 1000 }) {
        0 => format!("\"{}\"", row.replace('"', "\"\"")),
        1 => format!("  {row}  "),
        2 => row.to_uppercase(),
        _ => row,
    }
}

fn lines(dice: &mut Dice, rows: Vec<String>, wild: bool) -> String {
    let mut text = String::new();
    for row in rows {
        text.push_str(&row);
        text.push_str(if wild {
            dice.pick(&["\n", "\n", "\n", "\n", "\n", "\n\n", "\n# no\n", "\r\n", "\n  \n", "\n #x\n"])
        } else {
            "\n"
        });
    }
    text
}

/// An event: its name, ref, payload.
fn event(dice: &mut Dice) -> (String, Option<String>, Value) {
    let repository =
        json!({ "name": "r", "full_name": "o/r", "default_branch": "master", "html_url": "https://github.com/o/r" });
    let branch = |dice: &mut Dice| format!("refs/heads/{}", dice.pick(BRANCHES));
    let tag = |dice: &mut Dice| format!("refs/tags/{}", dice.pick(TAGS));
    match dice.below(14) {
        0..=2 => ("push".into(), Some(branch(dice)), json!({ "repository": repository, "base_ref": null })),
        3..=6 => {
            let base = if dice.one_in(3) { json!("refs/heads/master") } else { Value::Null };
            ("push".into(), Some(tag(dice)), json!({ "repository": repository, "base_ref": base }))
        }
        7 | 8 => {
            let name = dice.pick(&["pull_request", "pull_request_target", "pull_request_review"]);
            let git_ref =
                dice.pick(&["refs/pull/5/merge", "refs/pull/5/head", "refs/pull/17/merge", "refs/heads/master"]);
            let mut payload = json!({
                "repository": repository,
                "pull_request": { "base": { "ref": "release/1" }, "head": { "sha": "fedcba9876543210fedcba9876543210fedcba98" } },
            });
            if !dice.one_in(3) {
                payload["number"] = json!(5);
            }
            (name.into(), Some(git_ref.into()), payload)
        }
        9 => (
            "schedule".into(),
            Some("refs/heads/master".into()),
            json!({ "schedule": "0 0 * * *", "repository": repository }),
        ),
        10 => {
            let name = dice.pick(EVENTS);
            let git_ref = if dice.one_in(2) { branch(dice) } else { tag(dice) };
            (name.into(), Some(git_ref), json!({ "repository": repository }))
        }
        11 => ("push".into(), Some(String::new()), json!({})),
        12 => ("push".into(), None, json!({ "repository": { "default_branch": "main" } })),
        _ => ("workflow_dispatch".into(), Some(branch(dice)), json!({ "repository": { "default_branch": "main" } })),
    }
}

/// Returns the case of a seed.
pub(super) fn case(seed: u64) -> Value {
    let mut dice = Dice(seed);
    let dice = &mut dice;
    let wild = dice.one_in(3);
    let sha = "860c1904a1ce19322e91ac35af1ab07466440c37";
    let (event_name, git_ref, mut payload) = event(dice);
    let mut environment = serde_json::Map::new();
    let mut set = |name: &str, value: String| environment.insert(name.to_owned(), value.into());
    set("GITHUB_EVENT_NAME", event_name);
    set("GITHUB_REPOSITORY", "o/r".into());
    if let Some(git_ref) = git_ref {
        set("GITHUB_REF", git_ref);
    }
    match dice.below(30) {
        0 => {}
        1 => drop(set("GITHUB_SHA", String::new())),
        2 => drop(set("GITHUB_SHA", "abc".into())),
        _ => drop(set("GITHUB_SHA", sha.into())),
    }
    match dice.below(6) {
        0 => payload["head_commit"] = json!({ "id": sha, "timestamp": "2024-02-29T23:30:00+05:30" }),
        1 => {
            payload["commits"] =
                json!([{ "id": "0", "timestamp": "x" }, { "id": sha, "timestamp": "2023-12-31T23:59:59Z" }])
        }
        2 if dice.one_in(4) => payload["head_commit"] = json!({ "id": sha, "timestamp": "never" }),
        _ => {}
    }
    let mut commit = match dice.below(3) {
        0 => Value::Null,
        1 => json!({ "commit": { "committer": { "date": "2025-03-30T01:30:00Z" } } }),
        _ => json!({ "commit": { "committer": { "date": "2021-07-04T05:06:07Z" } } }),
    };
    if dice.one_in(8) {
        set("DOCKER_METADATA_PR_HEAD_SHA", dice.pick(&["true", "TRUE", "false", "1", "untrue"]).into());
    }
    if dice.one_in(8) {
        let length = dice.pick(&["4", "0", "-1", "7.9", "100", "x", "0x10", " ", "", "Infinity", "40"]);
        set("DOCKER_METADATA_SHORT_SHA_LENGTH", length.into());
    }
    if dice.one_in(8) {
        let levels = dice.pick(&[
            "manifest",
            "index,manifest",
            "index, manifest",
            "index:x,y",
            "",
            ",",
            "manifest,manifest",
            "a:b:c",
        ]);
        set("DOCKER_METADATA_ANNOTATIONS_LEVELS", levels.into());
    }
    if !dice.one_in(10) {
        let most = if dice.one_in(20) { 40 } else { 5 };
        let rows = (0..=dice.below(most)).map(|_| row(dice, wild)).collect();
        let text = lines(dice, rows, wild);
        set("INPUT_TAGS", text);
    }
    let images = if wild {
        dice.pick(IMAGES)
    } else {
        dice.pick(&["", "ghcr.io/o/r", "ghcr.io/o/r\ndocker.io/o/r", "a,b", "name=a,enable=false", "User/App"])
    };
    set("INPUT_IMAGES", images.into());
    if dice.one_in(3) {
        let flavor = if wild {
            dice.pick(&[
                "latest=true",
                "latest=false",
                "latest=auto",
                "latest=x",
                "prefix=foo-",
                "suffix=-bar,onlatest=true",
                "prefix={{branch}}-,onlatest=true",
                "prefix=a=b",
                "prefix=,suffix=",
                "onlatest=true",
                "latest",
                "what=x",
                "prefix=p-,onlatest=true,suffix=-s,onlatest=true",
                "prefix=p-,onlatest=false\nsuffix=-s",
                "LATEST=true",
                "prefix=p-\nonlatest=true",
                "latest=true\nlatest=false",
                "prefix=a b,onlatest=true",
                "onlatest=x",
                "prefix={{",
                "suffix={{date 'YYYY'}}",
                "# no",
                "prefix=p-,onlatest=true,onlatest=false",
                "suffix={{#if tag}}t{{/if}}",
            ])
        } else {
            dice.pick(&[
                "latest=true",
                "latest=false",
                "latest=auto",
                "prefix=foo-",
                "suffix=-bar,onlatest=true",
                "prefix=p-,onlatest=true,suffix=-s",
            ])
        };
        set("INPUT_FLAVOR", flavor.into());
    }
    for input in ["INPUT_LABELS", "INPUT_ANNOTATIONS"] {
        if !dice.one_in(4) {
            continue;
        }
        let mut rows = Vec::new();
        for _ in 0..=dice.below(4) {
            let key = dice.pick(KEYS);
            let value = match dice.below(if wild { 6 } else { 3 }) {
                0 => "value".to_owned(),
                1 => template(dice),
                2 => dice.pick(&["a=b", "", "two words", "{{branch}}", "a,b", "it's", "<x>"]).to_owned(),
                3 => "\"quoted\"".to_owned(),
                _ => dice.pick(TEXTS).to_owned(),
            };
            if dice.one_in(5) {
                rows.push(format!("\"{key}={}|\"", nested(dice, 0)));
                continue;
            }
            let row = if dice.one_in(10) { value } else { format!("{key}={value}") };
            rows.push(if wild && dice.one_in(6) {
                format!("\"{}\nsecond line\"", row.replace('"', "\"\""))
            } else {
                row
            });
        }
        let text = lines(dice, rows, wild);
        set(input, text);
    }
    for name in ["INPUT_SEP-TAGS", "INPUT_SEP-LABELS", "INPUT_SEP-ANNOTATIONS"] {
        if dice.one_in(10) {
            set(name, dice.pick(&[",", " ", "\\n", "\n", "", " | ", "\t"]).into());
        }
    }
    if dice.one_in(10) {
        set("INPUT_BAKE-TARGET", dice.pick(&["release", "", " x ", "__proto__", "a\"b", "10"]).into());
    }
    let mut repository = json!({ "name": "r", "description": "A \"thing\"", "html_url": "https://github.com/o/r", "default_branch": "master" });
    match dice.below(5) {
        0 => repository["license"] = json!({ "spdx_id": "MIT" }),
        1 => repository["description"] = Value::Null,
        2 => repository["default_branch"] = json!("dev"),
        _ => {}
    }
    let payload = if dice.one_in(25) { Value::Null } else { Value::String(payload.to_string()) };
    let now = NOW[dice.below(NOW.len())];
    // The API knows no commit by a text that is no commit id.
    if environment.get("GITHUB_SHA").is_some_and(|given| *given == "abc") {
        commit = Value::Null;
    }
    // Without any of these a policy decides.
    let is_given = |name: &str| environment.get(name).is_some_and(|text| !text.as_str().unwrap().trim().is_empty());
    if !["INPUT_TAGS", "INPUT_FLAVOR", "INPUT_IMAGES"].into_iter().any(is_given) {
        environment.insert("INPUT_IMAGES".into(), "ghcr.io/o/r".into());
    }
    json!({ "environment": environment, "payload": payload, "repository": repository, "commit": commit, "now": now })
}
