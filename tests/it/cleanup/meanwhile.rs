//! Something happens between any two requests of a clean-up. What happened before a version's last look is never lost; a tag
//! that moved before the read that precedes its PUT is never overwritten; what a later push turned out to need is back when
//! the run ends; and every tag that is there in the end can be pulled whole.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use ghcr_lifecycle::{
    adapters::runner::ThisRun,
    app::Finished,
    model::{Digest, RawManifest, Tag},
    sandbox::{Control, Fault, FaultEffect, options::Habits, requests::RequestInfo},
};
use tokio::sync::mpsc;

use super::{
    journal::Notes,
    package::{Named, contents, few, image, index, placeholders, push, recreate_branch, reopen, tags_only},
    support::{ALWAYS, ONCE, Stage, Who, options, stride_of},
};
use crate::sandbox::api::PACKAGE;

/// What happens.
type Happening = Arc<dyn Fn(&Control) + Send + Sync>;

/// A try: the run, and the requests that it sent, `at` the one before which it happened.
struct Tried {
    finished: Finished,
    requests: Vec<RequestInfo>,
    at: usize,
}

/// Cleans up while something happens right before a request, or at the end if there are not so many.
async fn happens(stage: &Stage, look_every: Duration, at: usize, what: &Happening, habits: Habits) -> Tried {
    stage.reset(habits);
    let count = AtomicUsize::new(0);
    let (control, happening) = (stage.sandbox.control(), Arc::clone(what));
    stage.sandbox.on_request(move |_| {
        if count.fetch_add(1, Ordering::SeqCst) + 1 == at {
            happening(&control);
        }
        std::future::ready(())
    });
    let finished = stage.clean(Who::A, look_every, &Notes::default()).await;
    stage.sandbox.clear_hook();
    Tried { finished, requests: stage.sandbox.requests(), at }
}

impl Tried {
    /// The place of the last request before `end` that a test looks for.
    fn last(&self, end: usize, is_it: impl Fn(&RequestInfo) -> bool) -> usize {
        self.requests[..end].iter().rposition(is_it).map_or(0, |index| index + 1)
    }

    /// The place of the request that deleted a version.
    fn deletion(&self, id: u64) -> Option<usize> {
        let is_it =
            |request: &RequestInfo| request.method == "DELETE" && request.path.ends_with(&format!("/versions/{id}"));
        self.requests.iter().position(is_it).map(|index| index + 1)
    }

    /// Tells whether it happened before the last look at what a version's fate depends on.
    fn was_seen(&self, id: u64, looks: &str) -> bool {
        let Some(deletion) = self.deletion(id) else { return true };
        self.at <= self.last(deletion, |request| request.method == "GET" && request.path.contains(looks))
    }

    /// Tells whether it happened before the last look of the run.
    fn was_seen_at_all(&self) -> bool {
        self.at <= self.last(self.requests.len(), |request| request.path.contains(LISTING))
    }
}

const LISTING: &str = "/versions?state=active&per_page=100&page=1";

async fn requests(stage: &Stage, look_every: Duration) -> usize {
    stage.reset(Habits::default());
    stage.clean(Who::A, look_every, &Notes::default()).await;
    stage.sandbox.requests().len()
}

/// Tries it before every `stride`th request, with both habits that a registry may have with what was deleted.
async fn before_any(
    fill: fn(&Control) -> Named,
    strides: [(Duration, usize); 2],
    what: impl Fn(&Stage) -> Happening,
    check: impl Fn(&Stage, &Tried, &str),
) {
    let stage = Stage::new(fill).await;
    for (look_every, stride) in strides {
        let all = requests(&stage, look_every).await;
        let happening = what(&stage);
        for at in (1..=all).step_by(stride_of(stride)) {
            let habits = Habits { push_restores_deleted: (at / stride) % 2 == 1, ..Habits::default() };
            let tried = happens(&stage, look_every, at, &happening, habits).await;
            let told = format!(
                "before {at} of {all}, looks every {look_every:?}, {habits:?}\n{}\n{}",
                stage.requests(),
                tried.finished.text
            );
            // After the last look nobody can see it.
            if tried.was_seen_at_all() {
                stage.check_whole(&told);
            }
            for tag in ["v1.0.0", "latest"] {
                assert!(stage.sandbox.tag(PACKAGE, tag).is_some(), "{tag} is gone, {told}");
            }
            check(&stage, &tried, &told);
        }
    }
}

/// Which requests something happens before: between neighbours that only read, the same is seen.
const STRIDES: [(Duration, usize); 2] = [(ALWAYS, 5), (ONCE, 5)];

fn happening(what: impl Fn(&Control) + Send + Sync + 'static) -> Happening {
    Arc::new(what)
}

/// Points a tag at a version, pushing its manifest again if it is gone, as every client does.
fn put(control: &Control, manifest: &RawManifest, tag: &str) {
    push(control, manifest, &[tag]);
}

fn on(stage: &Stage, tag: &str) -> Option<Digest> {
    stage.sandbox.tag(PACKAGE, tag)
}

#[tokio::test]
async fn a_push_lists_what_is_about_to_go() {
    let made = |stage: &Stage| index("new", &[stage.named.manifest("old"), stage.named.manifest("b")]);
    before_any(
        few,
        STRIDES,
        |stage| {
            let new = made(stage);
            happening(move |control| put(control, &new, "v2.0.0"))
        },
        |stage, tried, told| {
            assert_eq!(on(stage, "v2.0.0"), Some(made(stage).digest), "{told}");
            for child in ["old", "b"] {
                let id = stage.named.id(child);
                if tried.was_seen(id, LISTING) {
                    assert_eq!(tried.deletion(id), None, "{child} {told}");
                }
            }
        },
    )
    .await;
}

#[tokio::test]
async fn what_is_about_to_go_is_promoted() {
    before_any(
        few,
        STRIDES,
        |stage| {
            let outer = stage.named.manifest("outer").clone();
            happening(move |control| put(control, &outer, "v2.0.0"))
        },
        |stage, tried, told| {
            let id = stage.named.id("outer");
            if tried.was_seen(id, LISTING) {
                assert_eq!(tried.deletion(id), None, "{told}");
                assert_eq!(on(stage, "v2.0.0"), Some(stage.named.digest("outer")), "{told}");
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_rolling_tag_moves_onto_what_is_about_to_go() {
    let stage = Stage::new(few).await;
    for (look_every, stride) in STRIDES {
        let all = requests(&stage, look_every).await;
        let outer = stage.named.manifest("outer").clone();
        let happening = happening(move |control| put(control, &outer, "latest"));
        for at in (1..=all).step_by(stride_of(stride)) {
            let tried = happens(&stage, look_every, at, &happening, Habits::default()).await;
            let told = format!("before {at} of {all}, {look_every:?}\n{}", stage.requests());
            if tried.was_seen_at_all() {
                stage.check_whole(&told);
            }
            let id = stage.named.id("outer");
            if tried.was_seen(id, LISTING) {
                assert_eq!(tried.deletion(id), None, "{told}");
                assert_eq!(on(&stage, "latest"), Some(stage.named.digest("outer")), "{told}");
            }
        }
    }
}

#[tokio::test]
async fn an_expiring_tag_moves_to_another_image() {
    let made = |control: &Control| image(control, "new");
    before_any(
        tags_only,
        [(ALWAYS, 2), (ONCE, 1)],
        |_| {
            happening(move |control| {
                let new = made(control);
                put(control, &new, "build-1");
            })
        },
        |stage, tried, told| {
            let of_tag = |request: &RequestInfo| request.path.ends_with("/manifests/build-1");
            let moved = tried.requests.iter().position(|request| of_tag(request) && request.method == "PUT");
            // Between that read and the PUT nobody can see it.
            let is_unseen = moved.is_some_and(|put| {
                let read = tried.last(put, |request| of_tag(request) && request.method == "HEAD");
                read < tried.at && tried.at <= put + 1
            });
            if !is_unseen {
                assert_eq!(on(stage, "build-1"), Some(made(&stage.sandbox).digest), "{told}");
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_pull_request_is_reopened_and_a_branch_recreated() {
    before_any(
        few,
        STRIDES,
        |_| {
            happening(|control| {
                reopen(control, 7);
                reopen(control, 8);
                recreate_branch(control);
            })
        },
        |stage, tried, told| {
            for (name, tag, looks) in [("pr", "pr-8", "/pulls?"), ("x", "feature-x", "/branches?")] {
                if tried.was_seen(stage.named.id(name), looks) {
                    assert_eq!(tried.deletion(stage.named.id(name)), None, "{told}");
                    assert_eq!(on(stage, tag), Some(stage.named.digest(name)), "{told}");
                }
            }
            let put = tried
                .requests
                .iter()
                .position(|request| request.method == "PUT" && request.path.ends_with("/manifests/pr-7"));
            if put.is_none_or(|put| tried.at <= tried.last(put, |request| request.path.contains("/pulls?"))) {
                assert_eq!(on(stage, "pr-7"), Some(stage.named.digest("two")), "{told}");
            }
        },
    )
    .await;
}

#[tokio::test]
async fn a_second_clean_up_runs_in_full() {
    for (fill, look_every, stride) in
        [(few as fn(&Control) -> Named, ALWAYS, 9), (few, ONCE, 5), (tags_only, ALWAYS, 4)]
    {
        let stage = Stage::new(fill).await;
        let all = requests(&stage, look_every).await;
        let end = contents(&stage.sandbox);
        for at in (1..=all).step_by(stride_of(stride)) {
            stage.reset(Habits::default());
            let count = AtomicUsize::new(0);
            let (begin, mut begun) = mpsc::unbounded_channel();
            stage.sandbox.on_request(move |_| {
                // The other's requests come later.
                let is_it = count.fetch_add(1, Ordering::SeqCst) + 1 == at;
                let begin = begin.clone();
                async move {
                    if is_it {
                        let (done, is_done) = tokio::sync::oneshot::channel::<()>();
                        let _ = begin.send(done);
                        let _ = is_done.await;
                    }
                }
            });
            let (first, second) = (Notes::default(), Notes::default());
            let other = async {
                if let Some(done) = begun.recv().await {
                    stage.clean(Who::B, look_every, &second).await;
                    let _ = done.send(());
                }
            };
            let mine = stage.clean(Who::A, look_every, &first);
            tokio::pin!(other);
            let (mut is_done, mut finished) = (false, None);
            tokio::pin!(mine);
            while finished.is_none() {
                tokio::select! {
                    done = &mut mine => finished = Some(done),
                    () = &mut other, if !is_done => is_done = true,
                }
            }
            stage.sandbox.clear_hook();
            let told = format!("before {at} of {all}, {look_every:?}\n{}", stage.requests());
            stage.check_whole(&told);
            // Whatever one left to the other, nothing is lost, and a third run is done with the rest.
            let now = contents(&stage.sandbox);
            for (id, (digest, tags)) in &end {
                let found = now.get(id).unwrap_or_else(|| panic!("{} is gone, {told}", stage.named.name(*id)));
                assert!(found.0 == *digest && tags.is_subset(&found.1), "{} {told}", stage.named.name(*id));
            }
            stage.clean(Who::A, look_every, &Notes::default()).await;
            assert_eq!(contents(&stage.sandbox), end, "{told}");
        }
    }
}

#[tokio::test]
async fn somebody_puts_a_tag_on_our_placeholder() {
    // `latest` was on an image before, so that it is known where it belongs.
    let stage = Stage::new(tags_only).await;
    let all = requests(&stage, ONCE).await;
    let happening = happening(|control| {
        if let Some(digest) = placeholders(control).values().next() {
            control.set_tag(PACKAGE, "latest".parse().unwrap(), digest.clone());
        }
    });
    for at in 1..=all {
        let tried = happens(&stage, ONCE, at, &happening, Habits::default()).await;
        let told = format!("before {at} of {all}\n{}\n{}", stage.requests(), tried.finished.text);
        stage.check_whole(&told);
        let deletion = tried.requests.iter().position(|request| request.method == "DELETE").map(|index| index + 1);
        let last = deletion.map(|end| tried.last(end, |request| request.path.contains(LISTING)));
        if last.is_none_or(|last| at <= last) {
            assert_eq!(on(&stage, "latest"), Some(stage.named.digest("a")), "{told}");
        }
    }
}

#[tokio::test]
async fn somebody_deletes_our_placeholder() {
    let stage = Stage::new(tags_only).await;
    let all = requests(&stage, ONCE).await;
    let end = contents(&stage.sandbox);
    let happening = happening(|control| {
        for digest in placeholders(control).values() {
            control.remove_manifest(PACKAGE, digest);
        }
    });
    for at in 1..=all {
        let tried = happens(&stage, ONCE, at, &happening, Habits::default()).await;
        let told = format!("before {at} of {all}\n{}\n{}", stage.requests(), tried.finished.text);
        stage.check_whole(&told);
        assert!(tried.finished.error.is_none(), "{told}");
        assert_eq!(contents(&stage.sandbox), end, "{told}");
    }
}

#[tokio::test]
async fn a_list_that_lags_behind_hides_no_tag() {
    // GHCR's lists lag behind pushes for seconds; the registry does not.
    let stage = Stage::new(few).await;
    for (tag, onto) in [("latest", "outer"), ("v1.0.1", "pr"), ("feature-y", "x")] {
        stage.reset(Habits::default());
        if tag == "feature-y" {
            put(&stage.sandbox, stage.named.manifest("two"), tag);
        }
        stage.sandbox.fault(Fault::always(FaultEffect::Stale { milliseconds: None }).on("GET", "/versions?"));
        put(&stage.sandbox, stage.named.manifest(onto), tag);
        let finished = stage.clean(Who::A, ONCE, &Notes::default()).await;
        let told = format!("{tag} on {onto}\n{}\n{}", stage.requests(), finished.text);
        assert_eq!(on(&stage, tag), Some(stage.named.digest(onto)), "{told}");
        stage.check_whole(&told);
    }
}

#[tokio::test]
async fn what_changed_after_a_plan_was_looked_at_is_left() {
    let stage = Stage::new(few).await;
    let changes: [(&str, Happening, &[&str], &[&str]); 7] = [
        ("nothing", happening(|_| {}), &[], &["b", "old", "outer", "pr", "x"]),
        (
            "a promotion",
            {
                let outer = stage.named.manifest("outer").clone();
                happening(move |control| put(control, &outer, "v2.0.0"))
            },
            &["v2.0.0"],
            &["old", "pr", "x"],
        ),
        (
            "a tag that moved",
            {
                let outer = stage.named.manifest("outer").clone();
                happening(move |control| put(control, &outer, "pr-8"))
            },
            &["pr-8"],
            &["old", "x"],
        ),
        (
            "a push",
            {
                let new = index("new", &[stage.named.manifest("old")]);
                happening(move |control| put(control, &new, "v2.0.0"))
            },
            &["v2.0.0"],
            &["b", "outer", "pr", "x"],
        ),
        (
            "a reopening",
            happening(|control| {
                reopen(control, 7);
                reopen(control, 8);
            }),
            &["pr-7", "pr-8"],
            &["b", "old", "outer", "x"],
        ),
        ("a branch", happening(recreate_branch), &["feature-x"], &["b", "old", "outer", "pr"]),
        (
            "an untagging",
            happening(|control| {
                let tag: Tag = "v1.0.1".parse().unwrap();
                control.change(|state| state.remove_tag(PACKAGE, &tag));
            }),
            &[],
            &["b", "old", "outer", "pr", "x"],
        ),
    ];
    for (what, change, kept, gone) in changes {
        stage.reset(Habits::default());
        let saved = stage.plan().await;
        change(&stage.sandbox);
        let run = ThisRun::start(None, false);
        let finished = stage.clean_with(Who::A, ONCE, &Notes::default(), &run, Some(saved), options()).await;
        assert!(finished.error.is_none(), "{what}: {:?}", finished.error);
        let mut names: Vec<String> = stage.gone().into_iter().map(|id| stage.named.name(id)).collect();
        names.sort();
        assert_eq!(names, gone, "{what}");
        for tag in kept {
            assert!(on(&stage, tag).is_some(), "{what}: {tag}");
        }
        stage.check_whole(what);
    }
}
