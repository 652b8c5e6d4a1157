//! A run that is cut at any request and run again ends where an uninterrupted one ends; at the moment of the cut every tag that
//! is left can be pulled whole; and the journals bring back what was there before, from either moment.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ghcr_lifecycle::{
    adapters::runner::ThisRun,
    app::Finished,
    sandbox::{Control, options::Habits},
};

use super::{
    journal::Notes,
    package::{Contents, Named, contents, everything, few, placeholders, tags_only, without_placeholders},
    support::{ALWAYS, Cut, ONCE, Stage, Who, options, stride_of},
};

/// What nobody knows of GHCR is so in one try, and otherwise in the next.
fn habits(number: usize) -> Habits {
    Habits { restore_brings_tags: number.is_multiple_of(2), ..Habits::default() }
}

/// Runs without interruption. Returns what is left, and where to cut.
async fn uninterrupted(stage: &Stage, look_every: Duration, stride: usize) -> (Contents, BTreeSet<usize>) {
    stage.reset(habits(0));
    let journal = Notes::default();
    let finished = stage.clean(Who::A, look_every, &journal).await;
    assert!(finished.error.is_none(), "{:?}\n{}", finished.error, finished.text);
    let places = places(stage, stride);
    stage.check_whole("uninterrupted");
    check_journal(stage, &journal, true, "uninterrupted");
    (contents(&stage.sandbox), places)
}

/// What is gone on the server is what the journal says.
fn check_journal(stage: &Stage, journal: &Notes, is_certain: bool, what: &str) {
    let (announced, gone) = journal.deletions();
    let [announced, gone]: [BTreeSet<u64>; 2] = [announced.into_iter().collect(), gone.into_iter().collect()];
    let was_there: BTreeSet<u64> = stage.before().keys().copied().collect();
    let deleted: BTreeSet<u64> = stage.gone().into_iter().filter(|id| was_there.contains(id)).collect();
    let gone: BTreeSet<u64> = gone.intersection(&was_there).copied().collect();
    assert!(deleted.is_subset(&announced), "{what}: {deleted:?} are gone, and the journal has {announced:?}");
    assert!(gone.is_subset(&deleted), "{what}: the journal has {gone:?}, and {deleted:?} are gone");
    if is_certain {
        assert_eq!(deleted, gone, "{what}");
    }
}

async fn check_restored(stage: &Stage, text: &str, what: &str) {
    if !text.is_empty() {
        let (finished, _) = stage.restore(text).await;
        assert!(finished.error.is_none(), "{what}: {:?}\n{}", finished.error, finished.text);
    }
    assert_eq!(without_placeholders(&stage.sandbox), stage.before(), "{what}: restored\n{}", stage.requests());
    stage.check_whole(what);
}

/// The requests to cut at: all that change something, and every `stride`th of the others. One that only reads leaves the same
/// behind as the one before it, so that a few of them show all.
fn places(stage: &Stage, stride: usize) -> BTreeSet<usize> {
    let requests = stage.sandbox.requests();
    let writes = requests.iter().zip(1..).filter(|(request, _)| request.is_write()).map(|(_, place)| place);
    writes.chain((1..=requests.len()).step_by(stride_of(stride))).collect()
}

async fn cut_everywhere(fill: fn(&Control) -> Named, look_every: Duration, cuts: &[Cut], stride: usize) {
    let stage = Stage::new(fill).await;
    let (end, places) = uninterrupted(&stage, look_every, stride).await;
    assert_ne!(end, contents_at_start(&stage), "nothing to do");
    for &cut in cuts {
        for &at in &places {
            let what = format!("{cut:?} at {at}");
            stage.reset(habits(at));
            let first = Notes::default();
            let finished = cut.run(&stage, at, look_every, &first).await;
            stage.check_whole(&what);
            let is_whole = finished.is_some_and(|finished| finished.error.is_none());
            check_journal(&stage, &first, is_whole, &what);
            let mut journals = first.text();
            if !is_whole {
                let state = stage.sandbox.state();
                check_restored(&stage, &journals, &format!("{what}, from the first journal")).await;
                stage.sandbox.change(|now| *now = state);
                let second = Notes::default();
                let finished = stage.clean(Who::A, look_every, &second).await;
                assert!(finished.error.is_none(), "{what}: {:?}", finished.error);
                journals += &second.text();
            }
            assert_eq!(contents(&stage.sandbox), end, "{what}\n{}", stage.requests());
            stage.check_whole(&what);
            check_restored(&stage, &journals, &format!("{what}, from all journals")).await;
        }
    }
}

/// Asks a run to end when it sends a request.
async fn told_to_end(stage: &Stage, at: usize, look_every: Duration, journal: &Notes) -> Finished {
    let run = Arc::new(ThisRun::start(None, false));
    let (count, ended) = (AtomicUsize::new(0), Arc::clone(&run));
    stage.sandbox.on_request(move |_| {
        if count.fetch_add(1, Ordering::SeqCst) + 1 == at {
            ended.interrupt("SIGTERM");
        }
        std::future::ready(())
    });
    let finished = stage.clean_with(Who::A, look_every, journal, &*run, None, options()).await;
    stage.sandbox.clear_hook();
    finished
}

#[tokio::test]
async fn a_signal_ends_it_in_good_order() {
    for fill in [few as fn(&Control) -> Named, tags_only] {
        let stage = Stage::new(fill).await;
        let (end, places) = uninterrupted(&stage, ONCE, 2).await;
        for at in places {
            let what = format!("told to end at {at}");
            stage.reset(habits(at));
            let first = Notes::default();
            let finished = told_to_end(&stage, at, ONCE, &first).await;
            stage.check_whole(&what);
            check_journal(&stage, &first, true, &what);
            // Before the first change there is nothing to go on with.
            assert!(finished.error.is_none() || first.text().is_empty(), "{what}: {:?}", finished.error);
            assert!(placeholders(&stage.sandbox).is_empty(), "{what}: what was begun is brought to its end");
            let second = Notes::default();
            assert!(stage.clean(Who::A, ONCE, &second).await.error.is_none());
            assert_eq!(contents(&stage.sandbox), end, "{what}");
            check_restored(&stage, &(first.text() + &second.text()), &what).await;
        }
    }
}

fn contents_at_start(stage: &Stage) -> Contents {
    stage.reset(habits(0));
    contents(&stage.sandbox)
}

#[tokio::test]
async fn one_request_breaks() {
    cut_everywhere(everything, ONCE, &[Cut::Dropped, Cut::AnswerLost, Cut::LateError], 8).await;
}

#[tokio::test]
async fn nothing_gets_through_any_more() {
    cut_everywhere(everything, ONCE, &[Cut::DownAfter, Cut::FailingAfter], 8).await;
}

#[tokio::test]
async fn the_process_dies() {
    cut_everywhere(everything, ONCE, &[Cut::Killed, Cut::KilledAfter], 8).await;
}

#[tokio::test]
async fn looks_in_between_break_off_too() {
    cut_everywhere(few, ALWAYS, &[Cut::Down, Cut::KilledAfter], 12).await;
}

#[tokio::test]
async fn taking_tags_away_is_cut() {
    cut_everywhere(tags_only, ALWAYS, &[Cut::DownAfter, Cut::KilledAfter], 3).await;
}
