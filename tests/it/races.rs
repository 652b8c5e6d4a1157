//! Two runs that race for one pointer, interleaved request by request: whoever writes last, the pointer ends on the right
//! image, every tag is complete, and both runs succeed.

mod history;
mod schedule;
mod world;

use ghcr_lifecycle::event::Subject;

use self::{
    history::Line,
    schedule::{Client, Schedule},
    world::{Run, World},
};

/// The schedules "A sends k requests, B sends l, A finishes, B finishes", in steps of `stride`, and their mirror in steps
/// of `mirror`, for the numbers of requests that the runs send alone; with every k where the other has not begun or is
/// done, and the diagonal.
async fn all_schedules(world: &World<'_>, stride: usize, mirror: usize) -> usize {
    let mut tried = 0;
    let [alone_a, alone_b] = world.requests_alone().await;
    for (first, second, firsts, seconds, stride) in
        [(Client::A, Client::B, alone_a, alone_b, stride), (Client::B, Client::A, alone_b, alone_a, mirror)]
    {
        for k in 0..=firsts {
            // A run that meets another one sends a few requests more than alone.
            for l in (0..=seconds).chain([usize::MAX]) {
                let on_the_grid = k % stride == 0 && l % stride == 0;
                if on_the_grid || l == 0 || l == usize::MAX || k == l {
                    world.check(Schedule::blocks(&[(first, k), (second, l), (first, usize::MAX)])).await;
                    tried += 1;
                }
            }
        }
    }
    tried
}

async fn random_schedules(world: &World<'_>, seed: u64, number: u64) {
    for index in 0..number {
        world.check(Schedule::random(seed + index)).await;
    }
}

fn tag(name: &str) -> Subject {
    Subject::Tag(name.to_owned())
}

fn branch(name: &str) -> Subject {
    Subject::Branch(name.to_owned())
}

/// The commits of all scenarios, oldest first, and a branch whose tip is known or not.
fn history(tip: Option<usize>) -> Line {
    Line::new(4, tip)
}

#[tokio::test]
async fn a_hotfix_and_a_release_on_top_of_the_first() {
    let history = history(None);
    let runs = [Run::new(tag("v0.1.1"), 1), Run::new(tag("v0.2.0"), 2)];
    let mut world = World::new("kyklos", &history, runs).await;
    world.published("v0.1.0", 0, &["v0.1.0", "v0.1", "v0", "latest"]);
    world.wanted = vec![
        ("v0.1.0", "v0.1.0"),
        ("v0.1.1", "a"),
        ("v0.2.0", "b"),
        ("v0.1", "a"),
        ("v0.2", "b"),
        ("v0", "b"),
        ("latest", "b"),
    ];
    let tried = all_schedules(&world, 1, 8).await;
    assert!(tried > 400, "only {tried} schedules");
    world.stage_first = false;
    random_schedules(&world, 1, 40).await;
}

#[tokio::test]
async fn two_releases_that_both_move_forward() {
    let history = history(None);
    let runs = [Run::new(tag("v0.2.0"), 1), Run::new(tag("v0.3.0"), 2)];
    let mut world = World::new("kyklos", &history, runs).await;
    // Nothing but the tags tells the versions.
    world.labels = false;
    world.published("v0.1.0", 0, &["v0.1.0", "v0.1", "v0", "latest"]);
    world.wanted = vec![
        ("v0.2.0", "a"),
        ("v0.3.0", "b"),
        ("v0.1", "v0.1.0"),
        ("v0.2", "a"),
        ("v0.3", "b"),
        ("v0", "b"),
        ("latest", "b"),
    ];
    all_schedules(&world, 8, 8).await;
    random_schedules(&world, 1_000, 40).await;
}

#[tokio::test]
async fn the_first_two_releases_of_a_package() {
    let history = history(None);
    let runs = [Run::new(tag("v0.2.0"), 1), Run::new(tag("v0.1.0"), 0)];
    let mut world = World::new("kyklos", &history, runs).await;
    world.stage_first = false;
    world.wanted = vec![("v0.2.0", "a"), ("v0.1.0", "b"), ("v0.1", "b"), ("v0", "a"), ("latest", "a")];
    all_schedules(&world, 12, 12).await;
}

async fn two_pushes_to_main(tip: Option<usize>, seed: u64) {
    let history = history(tip);
    for labels in [true, false] {
        let runs = [Run::new(branch("main"), 1), Run::new(branch("main"), 2)];
        let mut world = World::new("raqeem", &history, runs).await;
        world.labels = labels;
        world.published("c0", 0, &[&format!("main-{}", history.short(0)), "main"]);
        world.wanted = vec![("main", "b")];
        all_schedules(&world, 8, 8).await;
        random_schedules(&world, seed, 30).await;
    }
}

#[tokio::test]
async fn two_pushes_to_a_branch_whose_tip_is_known() {
    two_pushes_to_main(Some(2), 2_000).await;
}

#[tokio::test]
async fn two_pushes_to_a_branch_whose_tip_is_unknown() {
    two_pushes_to_main(None, 3_000).await;
}

#[tokio::test]
async fn two_pushes_to_a_branch_whose_tip_is_not_built() {
    two_pushes_to_main(Some(3), 4_000).await;
}

/// A release (A) and a build of master (B) share `latest`.
async fn release_and_build(
    release: usize,
    build: usize,
    before: (&str, &[&str]),
    wanted: &'static [&'static str],
    seed: u64,
) {
    let history = history(None);
    let runs = [Run::new(tag("v2.0.0"), release), Run::new(branch("master"), build)];
    let mut world = World::new("phialo", &history, runs).await;
    world.published(before.0, 0, before.1);
    world.wanted = vec![("2", "a"), ("2.0", "a"), ("v2.0.0", "a")];
    world.allowed = vec![("latest", wanted)];
    all_schedules(&world, 8, 8).await;
    random_schedules(&world, seed, 40).await;
}

#[tokio::test]
async fn a_release_and_a_newer_build_share_a_pointer() {
    // On the release only if the build wrote the pointer between the release's last look at it and its write.
    release_and_build(1, 2, ("v1.0.0", &["v1.0.0", "1.0", "1", "latest"]), &["a", "b"], 5_000).await;
}

#[tokio::test]
async fn a_newer_release_and_a_build_share_a_pointer() {
    release_and_build(2, 1, ("v1.0.0", &["v1.0.0", "1.0", "1", "latest"]), &["a"], 6_000).await;
}

#[tokio::test]
async fn a_release_and_a_newer_build_share_a_pointer_that_is_on_a_build() {
    let of_the_build = format!("master-{}", history(None).short(0));
    release_and_build(1, 2, ("c0", &[&of_the_build, "latest"]), &["b"], 7_000).await;
}

#[tokio::test]
async fn a_release_and_a_build_of_one_commit_share_a_pointer() {
    release_and_build(1, 1, ("v1.0.0", &["v1.0.0", "1.0", "1", "latest"]), &["a", "b"], 8_000).await;
}
