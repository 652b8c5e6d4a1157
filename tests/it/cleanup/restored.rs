//! A clean-up undone: from its journal or a saved log; what somebody uses otherwise by now is left, and what is gone for good is
//! said to be.

use std::collections::BTreeMap;

use ghcr_lifecycle::{
    app::cleanup::restore::of_journal,
    model::{JournalState, JournalStep, RawManifest},
    sandbox::{Fault, options::Habits},
};

use super::{
    incidents::limits::refusal,
    journal::Notes,
    package::{contents, everything, few, image, push, tags_only, without_placeholders},
    support::{ONCE, Stage, Who},
};
use crate::sandbox::api::PACKAGE;

/// Whether tags come back by themselves or not.
fn habits() -> [Habits; 2] {
    [true, false].map(|restore_brings_tags| Habits { restore_brings_tags, ..Habits::default() })
}

async fn cleaned(stage: &Stage, habits: Habits) -> Notes {
    stage.reset(habits);
    let journal = Notes::default();
    assert!(stage.clean(Who::A, ONCE, &journal).await.error.is_none());
    stage.sandbox.clear_requests();
    journal
}

#[tokio::test]
async fn a_saved_log_is_as_good_as_the_journal() {
    let stage = Stage::new(everything).await;
    for habits in habits() {
        let journal = cleaned(&stage, habits).await;
        let mut log = String::from("2026-03-01T12:00:00.0000000Z ##[group]Run cleanup\n");
        for (number, line) in journal.text().lines().enumerate() {
            let line = match number % 3 {
                0 => format!("2026-03-01T12:00:{:02}.1234567Z journal {line}\r\n", number % 60),
                1 => format!("cleanup\tclean up\t\u{1b}[36;1m2026-03-01T12:00:00Z journal {line}\u{1b}[0m\n"),
                _ => format!("\u{feff}{line} \n"),
            };
            log += &line;
            log += "2026-03-01T12:00:00.0000000Z {\"at\": nothing of ours} \u{fffd}\n";
        }
        // A cancelled job's log ends anywhere.
        log += "2026-03-01T12:00:59.0000000Z journal {\"at\":\"2026-03-01T12:00:00Z\",\"package\":\"127.0";
        let (finished, _) = stage.restore(&log).await;
        assert!(finished.error.is_none(), "{}", finished.text);
        assert_eq!(without_placeholders(&stage.sandbox), stage.before(), "{}", finished.text);
        stage.check_whole(&finished.text);
    }
}

#[tokio::test]
async fn what_is_back_stays_so_when_it_is_undone_twice() {
    let stage = Stage::new(everything).await;
    for habits in habits() {
        let journal = cleaned(&stage, habits).await;
        let (_, undone) = stage.restore(&journal.text()).await;
        let again = journal.text() + &undone.text();
        for text in [journal.text(), again] {
            let finished = match of_journal(text.as_bytes(), "log", &stage.sandbox.host()).unwrap().is_empty() {
                true => None,
                false => Some(stage.restore(&text).await.0),
            };
            assert!(finished.is_none_or(|finished| finished.error.is_none()));
            assert_eq!(without_placeholders(&stage.sandbox), stage.before());
        }
    }
}

#[tokio::test]
async fn a_tag_that_another_image_has_by_now_is_left() {
    let stage = Stage::new(everything).await;
    for habits in habits() {
        let journal = cleaned(&stage, habits).await;
        let new = image(&stage.sandbox, "new");
        // One that was deleted with its version, and one that was taken away.
        push(&stage.sandbox, &new, &["build-2", "build-1"]);
        let (finished, _) = stage.restore(&journal.text()).await;
        assert!(finished.error.is_none(), "{}", finished.text);
        for tag in ["build-1", "build-2"] {
            assert_eq!(stage.sandbox.tag(PACKAGE, tag), Some(new.digest.clone()));
            let skipped = format!("tag {tag} stays on {}, where it is now", new.digest.short());
            assert!(finished.text.contains(&skipped), "{}", finished.text);
        }
        let mut wanted = stage.before();
        for (_, tags) in wanted.values_mut() {
            tags.retain(|tag| !matches!(tag.as_str(), "build-1" | "build-2"));
        }
        let mut now = without_placeholders(&stage.sandbox);
        now.retain(|_, (digest, _)| *digest != new.digest);
        assert_eq!(now, wanted);
        stage.check_whole(&finished.text);
    }
}

#[tokio::test]
async fn what_was_pushed_again_meanwhile_is_there() {
    let stage = Stage::new(everything).await;
    for habits in habits() {
        let journal = cleaned(&stage, habits).await;
        let old: RawManifest = stage.named.manifest("old").clone();
        push(&stage.sandbox, &old, &[]);
        let (finished, _) = stage.restore(&journal.text()).await;
        assert!(finished.error.is_none(), "{}", finished.text);
        let line = format!("version {} was there", stage.named.id("old"));
        assert!(finished.text.contains(&line), "{}", finished.text);
        let digests = |contents: super::package::Contents| -> BTreeMap<_, _> { contents.into_values().collect() };
        assert_eq!(digests(without_placeholders(&stage.sandbox)), digests(stage.before()));
    }
}

#[tokio::test]
async fn what_is_gone_for_good_is_said_to_be_and_the_rest_comes_back() {
    let stage = Stage::new(everything).await;
    for habits in habits() {
        let journal = cleaned(&stage, habits).await;
        let (pr, b) = (stage.named.id("pr"), stage.named.id("b"));
        for id in [pr, b] {
            let path = format!("/versions/{id}/restore");
            stage.sandbox.fault(Fault::always(refusal(404, &[], "Package version not found.")).on("POST", &path));
        }
        let (finished, _) = stage.restore(&journal.text()).await;
        assert!(finished.error.is_some());
        for id in [pr, b] {
            let line = format!("version {id} is not among the deleted versions: GitHub keeps them for 30 days");
            assert!(finished.text.contains(&line), "{}", finished.text);
        }
        assert!(finished.text.contains("tag pr-8 has no image to go back to"), "{}", finished.text);
        let mut wanted = stage.before();
        wanted.retain(|id, _| ![pr, b].contains(id));
        assert_eq!(without_placeholders(&stage.sandbox), wanted, "{}", finished.text);
    }
}

#[tokio::test]
async fn after_thirty_days_all_is_gone_for_good() {
    let stage = Stage::new(few).await;
    let journal = cleaned(&stage, Habits::default()).await;
    let before = contents(&stage.sandbox);
    stage.sandbox.advance(31 * 24 * 60 * 60);
    let (finished, _) = stage.restore(&journal.text()).await;
    assert!(finished.error.is_some());
    assert_eq!(finished.text.matches("is not among the deleted versions").count(), 5, "{}", finished.text);
    // Tags that were taken away from what stayed need no deleted version.
    assert!(stage.sandbox.tag(PACKAGE, "build-1").is_some() && stage.sandbox.tag(PACKAGE, "pr-7").is_some());
    assert_eq!(contents(&stage.sandbox).len(), before.len());
}

#[tokio::test]
async fn a_placeholder_is_never_restored() {
    let stage = Stage::new(everything).await;
    for habits in habits() {
        let journal = cleaned(&stage, habits).await;
        let ours: Vec<u64> = journal
            .entries()
            .iter()
            .filter(|entry| entry.step == JournalStep::Delete && entry.state == JournalState::Done)
            .filter_map(|entry| entry.id.map(|id| id.number()))
            .filter(|id| !stage.before().contains_key(id))
            .collect();
        assert_eq!(ours.len(), 2, "its own, and what a crashed run had left");
        let (finished, undone) = stage.restore(&journal.text()).await;
        assert!(finished.error.is_none(), "{}", finished.text);
        for id in ours {
            let path = format!("/versions/{id}/restore");
            assert!(stage.sandbox.requests().iter().all(|request| !request.path.contains(&path)));
        }
        // A tag on a placeholder that was left is free.
        assert!(undone.entries().iter().any(|entry| entry.step == JournalStep::Retag));
    }
}

#[tokio::test]
async fn tags_that_a_crash_left_on_a_placeholder_are_free() {
    let stage = Stage::new(tags_only).await;
    stage.reset(Habits::default());
    // The placeholder cannot be deleted, so that it is left with the tags on it.
    stage.sandbox.fault(Fault::always(refusal(500, &[], "Server Error")).on("DELETE", "/versions/"));
    let journal = Notes::default();
    assert!(stage.clean(Who::A, ONCE, &journal).await.error.is_some());
    assert_ne!(without_placeholders(&stage.sandbox), stage.before());
    let (finished, _) = stage.restore(&journal.text()).await;
    assert!(finished.error.is_none(), "{}", finished.text);
    assert_eq!(without_placeholders(&stage.sandbox), stage.before(), "{}", finished.text);
}
