//! Policies made of good ones by chance: whatever the parser accepts fits the schema, and what is foreign fits neither.

use std::cell::Cell;

use proptest::{prelude::*, sample::Index, test_runner::TestRunner};
use serde_json::{Value, json};

use super::{as_json, good_policies, is_understood, refusal, validator};

/// Puts a value at a JSON pointer; its last part may be new.
pub(super) fn put(document: &mut Value, path: &str, value: Value) {
    let (outer, key) = path.rsplit_once('/').unwrap();
    match document.pointer_mut(outer).unwrap() {
        Value::Array(list) => list[key.parse::<usize>().unwrap()] = value,
        Value::Object(map) => drop(map.insert(key.to_owned(), value)),
        other => panic!("{other} at {outer}"),
    }
}

/// Takes the value at a JSON pointer away.
pub(super) fn take(document: &mut Value, path: &str) {
    let (outer, key) = path.rsplit_once('/').unwrap();
    match document.pointer_mut(outer).unwrap() {
        Value::Array(list) => drop(list.remove(key.parse::<usize>().unwrap())),
        Value::Object(map) => drop(map.remove(key)),
        other => panic!("{other} at {outer}"),
    }
}

/// The JSON pointers of all values of a document but its root.
fn pointers(value: &Value, path: &str, found: &mut Vec<String>) {
    let mut inner = |key: &str, value: &Value| {
        let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
        pointers(value, &path, found);
        found.push(path);
    };
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| inner(key, value)),
        Value::Array(list) => list.iter().enumerate().for_each(|(index, value)| inner(&index.to_string(), value)),
        _ => {}
    }
}

/// A change to a document.
#[derive(Clone, Debug)]
enum Change {
    /// The value at a place becomes this one.
    Replace(Index, Value),
    /// The value at one place becomes that of another, perhaps of another policy.
    Copy(Index, Index),
    Remove(Index),
    /// A map gets a further key.
    Insert(Index, &'static str, Value),
    Wrap(Index),
    /// A text gets a piece more.
    Write(Index, Index, &'static str),
    /// A text loses a character.
    Erase(Index, Index),
    /// An item of a list is there twice.
    Double(Index),
}

fn change() -> impl Strategy<Value = Change> {
    let place = any::<Index>();
    let value = prop_oneof![
        prop::sample::select(vec![
            "release",
            "! branch  main",
            "pull  request",
            " merge group ",
            "tag v[0-9]+",
            "prerelease x-**",
            r"release \*-*",
            "branch a?b+",
            "dispatch",
            "30  days",
            " 1 week",
            "0 minutes",
            "last   5",
            "while open",
            "while  branch exists",
            "forever",
            " forever ",
            "keep  existing",
            "open",
            "branch  exists",
            "1.5 GiB",
            "3 KB",
            "{{ version }}",
            "{{sha}}-{{branch.2}}",
            "{{date 'YYYY' tz = \"utc\"}}",
            "{{commit_date \"[x}}]YYYY\"}}",
            "_.-",
            "latest",
            "/a|b/",
            "/(?<number>[0-9]+)/",
            "x*",
            ".inf",
            "docker.io/alpine",
            "LOCALHOST/a",
            "Ghcr.IO/A/b__c",
            "a.b:1/c---d",
            "linux/arm/v7",
            "a/b",
            "A_.-/b",
            "**/x",
            "main",
            "ü",
            "build.yaml",
            ".x.yml",
            "internal",
            "",
            " ",
            "\n",
            "\u{3000}",
        ])
        .prop_map(Value::from),
        prop::sample::select(vec![
            json!(null),
            json!(true),
            json!(false),
            json!(0),
            json!(1),
            json!(-1),
            json!(1.5),
            json!(4_294_967_295_u64),
            json!(4_294_967_296_u64),
            json!([]),
            json!({}),
            json!([1]),
            json!({"keep": "3 days"}),
            json!({"last": 2}),
            json!({"while": "open", "for": "1 day"}),
            json!(["release"]),
            json!({"image": "quay.io/a/b"}),
            json!({"match": "x"}),
            json!({"on": "branch *", "tag": "{{branch.1}}"}),
        ]),
    ];
    let pieces = vec![
        " ", "  ", "*", "**", "!", "/", ":", "-", ".", "_", "s", "0", "1", "{{sha}}", "\\", "é", "?", "+", "\t", "@",
    ];
    let keys = vec![
        "on",
        "tag",
        "tags",
        "also",
        "rolling",
        "index",
        "immutable",
        "keep",
        "match",
        "for",
        "last",
        "while",
        "files",
        "branches",
        "only",
        "rename",
        "size",
        "target",
        "max",
        "issue",
        "workflow",
        "repository",
        "nonsense",
        "v{{version}}",
    ];
    prop_oneof![
        3 => (place.clone(), value.clone()).prop_map(|(at, value)| Change::Replace(at, value)),
        3 => (place.clone(), place.clone()).prop_map(|(to, from)| Change::Copy(to, from)),
        2 => place.clone().prop_map(Change::Remove),
        2 => (place.clone(), prop::sample::select(keys), value).prop_map(|(at, key, value)| Change::Insert(at, key, value)),
        1 => place.clone().prop_map(Change::Wrap),
        4 => (place.clone(), place.clone(), prop::sample::select(pieces))
            .prop_map(|(at, within, piece)| Change::Write(at, within, piece)),
        3 => (place.clone(), place.clone()).prop_map(|(at, within)| Change::Erase(at, within)),
        1 => place.prop_map(Change::Double),
    ]
}

fn apply(document: &mut Value, change: &Change, other: &Value) {
    let mut places = Vec::new();
    pointers(document, "", &mut places);
    if places.is_empty() {
        return;
    }
    let of_kind = |document: &Value, fits: fn(&Value) -> bool| -> Vec<String> {
        places.iter().filter(|place| document.pointer(place).is_some_and(fits)).cloned().collect()
    };
    let at = |index: &Index, places: &[String]| (!places.is_empty()).then(|| places[index.index(places.len())].clone());
    match change {
        Change::Replace(index, value) => *document.pointer_mut(&at(index, &places).unwrap()).unwrap() = value.clone(),
        Change::Copy(to, from) => {
            let mut sources = Vec::new();
            pointers(other, "", &mut sources);
            let value = other.pointer(&at(from, &sources).unwrap()).unwrap().clone();
            *document.pointer_mut(&at(to, &places).unwrap()).unwrap() = value;
        }
        Change::Remove(index) => {
            let place = at(index, &places).unwrap();
            let (outer, key) = place.rsplit_once('/').unwrap();
            let key = key.replace("~1", "/").replace("~0", "~");
            match document.pointer_mut(outer).unwrap() {
                Value::Array(list) => drop(list.remove(key.parse::<usize>().unwrap())),
                Value::Object(map) => drop(map.remove(&key)),
                _ => {}
            }
        }
        Change::Insert(index, key, value) => {
            let mut maps = of_kind(document, Value::is_object);
            maps.push(String::new());
            let map = document.pointer_mut(&at(index, &maps).unwrap()).unwrap();
            drop(map.as_object_mut().unwrap().insert((*key).to_owned(), value.clone()));
        }
        Change::Wrap(index) => {
            let value = document.pointer_mut(&at(index, &places).unwrap()).unwrap();
            *value = json!([value.take()]);
        }
        Change::Write(index, within, piece) => {
            edit(document, at(index, &of_kind(document, Value::is_string)), |text| {
                let at = within.index(text.len() + 1);
                text.splice(at..at, piece.chars());
            })
        }
        Change::Erase(index, within) => edit(document, at(index, &of_kind(document, Value::is_string)), |text| {
            if !text.is_empty() {
                text.remove(within.index(text.len()));
            }
        }),
        Change::Double(index) => {
            if let Some(place) = at(index, &of_kind(document, Value::is_array)) {
                let list = document.pointer_mut(&place).unwrap().as_array_mut().unwrap();
                list.extend(list.first().cloned());
            }
        }
    }
}

fn edit(document: &mut Value, place: Option<String>, change: impl FnOnce(&mut Vec<char>)) {
    let Some(place) = place else { return };
    let value = document.pointer_mut(&place).unwrap();
    let mut text: Vec<char> = value.as_str().unwrap().chars().collect();
    change(&mut text);
    *value = Value::from(text.into_iter().collect::<String>());
}

#[test]
fn the_schema_is_never_stricter_than_the_parser() {
    let policies: Vec<Value> = good_policies().iter().map(|(_, text)| as_json(text).unwrap()).collect();
    let validator = validator();
    let (accepted, refused) = (Cell::new(0), Cell::new(0));
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 6_000, failure_persistence: None, ..ProptestConfig::default() });
    let policy = prop::sample::select(policies.clone());
    let cases = (policy.clone(), policy, prop::collection::vec(change(), 1..3));
    let result = runner.run(&cases, |(policy, other, changes)| {
        let mut document = policy;
        changes.iter().for_each(|change| apply(&mut document, change, &other));
        if is_understood(&document) {
            accepted.set(accepted.get() + 1);
            prop_assert_eq!(refusal(&validator, &document), None, "{}", document);
        } else if refusal(&validator, &document).is_some() {
            refused.set(refused.get() + 1);
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    assert!(accepted.get() > 300 && refused.get() > 300, "{} accepted, {} refused", accepted.get(), refused.get());
}

#[test]
fn what_is_foreign_anywhere_fits_neither() {
    let validator = validator();
    let mut tried = 0;
    for (name, text) in good_policies().into_iter().step_by(3) {
        let good = as_json(&text).unwrap();
        let mut places = Vec::new();
        pointers(&good, "", &mut places);
        places.push(String::new());
        for place in places {
            let mut document = good.clone();
            let value = document.pointer_mut(&place).unwrap();
            match value {
                // The keys of `rename` are templates, which `foreign` is as well.
                Value::Object(_) if place.ends_with("/rename") => continue,
                Value::Object(map) => drop(map.insert("foreign".to_owned(), Value::Null)),
                other => *other = json!({"foreign": null}),
            }
            tried += 1;
            assert!(!is_understood(&document), "{name}: the parser takes it at {place}");
            assert!(refusal(&validator, &document).is_some(), "{name}: the schema takes it at {place}");
        }
    }
    assert!(tried > 500, "{tried} places");
}
