//! What holds for any environment and any payload.

use std::{collections::BTreeMap, sync::LazyLock};

use ghcr_lifecycle::event::{self, EventError, Subject};
use proptest::{collection, prelude::*, sample};
use serde_json::{Map, Value};

use super::{Fixture, assert_sane, clock, payloads};

type Shape = (BTreeMap<String, String>, Value);

/// The payloads of the fixtures with their environments, and of each event of the package one with nothing but its name.
static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| {
    let fixtures = Fixture::all().into_iter().filter_map(|fixture| {
        let payload = serde_json::from_slice(&fixture.payload?).ok()?;
        Some((fixture.environment, payload))
    });
    let real: BTreeMap<String, Value> = payloads::examples().into_iter().collect();
    let real =
        real.into_iter().map(|(name, payload)| (BTreeMap::from([("GITHUB_EVENT_NAME".to_owned(), name)]), payload));
    fixtures.chain(real).collect()
});

/// The events that rows know, and one that they do not.
fn events() -> Vec<&'static str> {
    super::KNOWN.into_iter().chain(["issue_comment"]).collect()
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-zA-Z0-9/._\n%`-]{0,40}",
        sample::select(events()).prop_map(str::to_owned),
        "[0-9a-f]{40}",
        "0{40}",
        "refs/(heads|tags|pull)/[a-z0-9/.]{0,20}",
        "[0-9]{1,25}",
        Just("x".repeat(1_001)),
        Just("published".to_owned()),
    ]
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            collection::btree_map(text(), inner, 0..6)
                .prop_map(|map| Value::from(map.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Puts `new` at a place in the tree that `path` leads to.
fn splice(tree: &mut Value, path: &[sample::Index], new: Value) {
    let Some((step, rest)) = path.split_first() else {
        *tree = new;
        return;
    };
    match tree {
        Value::Object(map) if !map.is_empty() => {
            let key = map.keys().nth(step.index(map.len())).unwrap().clone();
            splice(&mut map[&key], rest, new);
        }
        Value::Array(list) if !list.is_empty() => {
            let at = step.index(list.len());
            splice(&mut list[at], rest, new);
        }
        _ => *tree = new,
    }
}

fn mutated() -> impl Strategy<Value = Shape> {
    let places = collection::vec((collection::vec(any::<sample::Index>(), 1..4), json()), 0..5);
    let variables = collection::vec((any::<sample::Index>(), text()), 0..3);
    let event = prop::option::of(sample::select(events()));
    (any::<sample::Index>(), places, variables, event).prop_map(|(index, places, variables, event)| {
        let (mut environment, mut payload) = SHAPES[index.index(SHAPES.len())].clone();
        for (path, new) in places {
            splice(&mut payload, &path, new);
        }
        for (index, value) in variables {
            if let Some(key) = environment.keys().nth(index.index(environment.len().max(1))).cloned() {
                environment.insert(key, value);
            }
        }
        if let Some(event) = event {
            environment.insert("GITHUB_EVENT_NAME".to_owned(), event.to_owned());
        }
        (environment, payload)
    })
}

fn assert_well_formed(error: &EventError) {
    let text = error.to_string();
    assert!(!text.contains(char::is_control) && text.chars().count() < 600, "{text:?}");
    assert!(!error.hint().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_anywhere_in_a_payload_is_read((environment, payload) in mutated(), input in text()) {
        let bytes = serde_json::to_vec(&payload).unwrap();
        match event::parse(&environment, Some(&bytes), clock()) {
            Err(error) => assert_well_formed(&error),
            Ok(context) => {
                assert_sane(&context);
                let bound = context.event.is_pull_request()
                    || matches!(
                        context.subject,
                        Subject::PullRequest(_) | Subject::MergeGroup | Subject::Nothing(_)
                    );
                let _ = context.built(true);
                let checked_out = context.clone().with_checkout(super::raw::checkout("refs/heads/main"));
                prop_assert!(!bound || checked_out.subject == context.subject);
                match context.clone().with_ref(&input) {
                    Err(error) => assert_well_formed(&error),
                    Ok(elsewhere) => {
                        assert_sane(&elsewhere);
                        prop_assert!(elsewhere.built_elsewhere);
                        prop_assert!(!bound || elsewhere.subject == context.subject);
                    }
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_a_context_or_an_error(
        index in any::<sample::Index>(),
        noise in collection::vec((any::<sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<sample::Index>()),
        bytes in prop::option::of(collection::vec(any::<u8>(), 0..200)),
    ) {
        let (environment, payload) = &SHAPES[index.index(SHAPES.len())];
        let mut bytes = bytes.unwrap_or_else(|| serde_json::to_vec(payload).unwrap());
        for (at, byte) in noise {
            if let Some(place) = (!bytes.is_empty()).then(|| at.index(bytes.len())) {
                bytes[place] = byte;
            }
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        match event::parse(environment, Some(&bytes), clock()) {
            Err(error) => assert_well_formed(&error),
            Ok(context) => assert_sane(&context),
        }
    }

    #[test]
    fn any_environment_alone_is_read(
        values in collection::btree_map(
            sample::select(vec![
                "GITHUB_EVENT_NAME", "GITHUB_REF", "GITHUB_SHA", "GITHUB_BASE_REF", "GITHUB_REPOSITORY",
                "GITHUB_RUN_NUMBER", "GITHUB_SERVER_URL", "SOURCE_DATE_EPOCH",
            ]),
            text(),
            0..8,
        ),
    ) {
        let environment = values.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        match event::parse(&environment, None, clock()) {
            Err(error) => assert_well_formed(&error),
            Ok(context) => assert_sane(&context),
        }
    }
}

#[test]
fn nesting_without_end_is_an_error() {
    for bytes in ["[".repeat(100_000), "{\"a\":".repeat(100_000)] {
        let error = event::parse(&BTreeMap::new(), Some(bytes.as_bytes()), clock()).unwrap_err();
        assert_well_formed(&error);
    }
}
