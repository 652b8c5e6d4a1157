//! Kyklos: every commit of main is built, releases are promoted from it, hotfixes move only what they have earned.

use ghcr_lifecycle::sandbox::state::OwnerKind;

use super::{super::step::index, stage::Stage};

#[test]
fn kyklos() {
    let mut stage = Stage::new("kyklos", "kyklos/kyklos", OwnerKind::Organization, "main");
    let from_main = [("promote-from", "auto".to_owned())];

    let build = stage.built("main 1", &index("main 1"));
    let event = stage.push("main", "feat: add StatefulSet support");
    stage.run("a push to main", event, &[build]);
    stage.at("2026-01-06T10:00:00Z");
    let event = stage.git_tag("v0.1.0", "main");
    stage.run("git tag v0.1.0: the release of that commit", event, &from_main);

    stage.at("2026-01-07T10:00:00Z");
    let (number, event) = stage.open("feature/calendar");
    let build = stage.built("pull request", &index("pull request"));
    stage.run("pull request 1 is opened", event, &[build]);
    stage.at("2026-01-09T10:00:00Z");
    stage.commit("feature/calendar", "fix the tests");
    let event = stage.close(number, "feature/calendar", true);
    stage.run("pull request 1 is merged", event, &[("dry-run", "false".to_owned())]);

    stage.at("2026-01-12T10:00:00Z");
    let build = stage.built("main 2", &index("main 2"));
    let event = stage.push("main", "feat: calendars");
    stage.run("a push to main", event, &[build]);
    let event = stage.git_tag("v0.2.0-beta.1", "main");
    stage.run("git tag v0.2.0-beta.1: nothing but its own tag", event, &from_main);

    stage.at("2026-01-26T10:00:00Z");
    let build = stage.built("main 3", &index("main 3"));
    let event = stage.push("main", "fix: leap days");
    stage.run("a push to main", event, &[build]);
    let event = stage.release("v0.2.0", "main");
    stage.run("release v0.2.0 is published", event, &from_main);

    stage.at("2026-02-02T10:00:00Z");
    let first = stage.source(|source, _| source.resolve("tags/v0.1.0").unwrap().id.clone());
    stage.source(|source, _| source.set_branch("hotfix/v0.1.1", &first));
    stage.commit("hotfix/v0.1.1", "fix: critical bug");
    let event = stage.git_tag("v0.1.1", "hotfix/v0.1.1");
    stage.run_to(1, "git tag v0.1.1 on a branch that no row builds: nothing to promote", event, &from_main);
    let build = stage.built("hotfix", &index("hotfix"));
    let event = stage.git_tag("v0.1.1", "hotfix/v0.1.1");
    stage.run("the same with a build of its own", event, &[from_main[0].clone(), build]);

    stage.at("2026-02-03T10:00:00Z");
    let build = stage.built("rebuilt", &index("rebuilt"));
    let event = stage.git_tag("v0.2.0", "main");
    stage.run_to(1, "somebody builds v0.2.0 again", event, &[build]);

    stage.at("2026-03-08T03:00:00Z");
    stage.clean_up();
    stage.restore();
    stage.clean_up();
    stage.at("2026-05-10T03:00:00Z");
    stage.tell("Two months later the beta's 90 days are over.");
    stage.clean_up();
    stage.end();
}
