//! Raqeem: two services in one repository, moved from Docker Hub, with files that pin what runs in production.

use ghcr_lifecycle::sandbox::state::OwnerKind;

use super::{super::step::single, stage::Stage};

const DEVICES: &str = "mj-nehme/raqeem/devices-backend";
const MENTOR: &str = "mj-nehme/raqeem/mentor-backend";

#[test]
fn raqeem() {
    let mut stage = Stage::new("raqeem", "mj-nehme/raqeem", OwnerKind::User, "main");
    let of = |package: &str| ("image", package.rsplit('/').next().unwrap().to_owned());
    let given = |name: &'static str, value: &str| (name, value.to_owned());

    for (tag, content) in [("v0.1.0", "old v0.1.0"), ("v0.1.1", "old v0.1.1")] {
        stage.put_elsewhere("jaafarn/raqeem-devices-backend", tag, content, &single(content));
    }
    let from = given("source", "docker.io/jaafarn/raqeem-devices-backend");
    let event = stage.dispatch();
    stage.run(
        "the migration from Docker Hub",
        event,
        &[given("mode", "mirror"), from, of(DEVICES), given("only", "v0.1.1")],
    );

    stage.write("docker-compose.yml", "services:\n  db:\n    image: postgres:16\n");
    let event = stage.push("main", "compose file");
    stage.run_to(1, "the compose file names no registry", event, &[given("mode", "check")]);
    let pinned = "services:\n  db:\n    image: docker.io/library/postgres:16\n  devices:\n    image: ghcr.io/mj-nehme/raqeem/devices-backend:pr-1\n";
    stage.write("docker-compose.yml", pinned);

    stage.at("2026-01-12T09:00:00Z");
    let (number, event) = stage.open("metrics");
    let build = stage.built("pull request", &single("pull request"));
    stage.run("pull request 1 is opened: which service?", event, &[of(DEVICES), build]);
    let event = stage.close(number, "metrics", true);
    stage.run("pull request 1 is merged: its tag has 7 days", event, &[given("dry-run", "false")]);

    stage.at("2026-01-13T09:00:00Z");
    let event = stage.push("main", "metrics");
    let build = stage.built("devices 1", &single("devices 1"));
    stage.run("a push to main: one service", event, &[of(DEVICES), build]);
    stage.sandbox.change(|state| state.set_public(DEVICES, true));
    let event = stage.push("main", "more metrics");
    let build = stage.built("mentor 1", &single("mentor 1"));
    stage.run("a push to main: the other", event, &[of(MENTOR), build]);

    stage.at("2026-01-20T09:00:00Z");
    let event = stage.release("v0.2.0", "main");
    stage.run(
        "release v0.2.0: the service that main's last commit built",
        event,
        &[of(MENTOR), given("promote-from", "auto")],
    );
    let build = stage.built("devices v0.2.0", &single("devices v0.2.0"));
    let event = stage.release("v0.2.0", "main");
    stage.run(
        "release v0.2.0: the service that it did not build",
        event,
        &[of(DEVICES), given("promote-from", "auto"), build],
    );

    stage.at("2026-02-01T03:00:00Z");
    stage.clean_up();
    stage.at("2026-04-30T03:00:00Z");
    stage.write("docker-compose.yml", &pinned.replace(":pr-1", ":v0.2.0"));
    stage.commit("main", "compose: v0.2.0");
    stage.tell("The compose file names v0.2.0 now, and main's 90 days are over.");
    stage.clean_up();
    stage.restore();
    stage.end();
}
