//! BuildKit for RISC-V64: versions of an upstream project, one index for all architectures, a mirror on Docker Hub.

use ghcr_lifecycle::sandbox::{SampleImage, state::OwnerKind};

use super::stage::Stage;

const PACKAGE: &str = "gounthar/buildkit-riscv64";

fn for_platform(platform: &str, seed: &str) -> SampleImage {
    SampleImage::builder().seed(seed).platform(platform).build()
}

#[test]
fn buildkit() {
    let mut stage = Stage::new("buildkit-riscv64", "gounthar/docker-for-riscv64", OwnerKind::User, "main");
    let built_ref = |value: &str| ("ref", value.to_owned());

    let event = stage.schedule();
    let build = stage.built("master of 5 January", &for_platform("linux/riscv64", "master 1"));
    stage.run("the weekly build of upstream's master", event, &[built_ref("master"), build]);
    stage.sandbox.change(|state| state.set_public(PACKAGE, true));

    stage.at("2026-01-08T09:00:00Z");
    let event = stage.dispatch();
    let build = stage.built("v0.14.0 for riscv64", &for_platform("linux/riscv64", "v0.14.0"));
    stage.run("upstream's v0.14.0, dispatched", event, &[built_ref("v0.14.0"), build]);
    let event = stage.dispatch();
    let again = stage.built("v0.14.0 built again", &for_platform("linux/riscv64", "v0.14.0 again"));
    stage.run("dispatched again, it is not replaced", event, &[built_ref("v0.14.0"), again.clone()]);

    stage.at("2026-01-09T09:00:00Z");
    stage.put(PACKAGE, "v0.14.0-amd64", "v0.14.0 for amd64", &for_platform("linux/amd64", "v0.14.0 amd64"));
    let event = stage.dispatch();
    stage.run("somebody pushed v0.14.0-amd64: the index takes it in", event, &[built_ref("v0.14.0"), again]);

    stage.at("2026-01-12T09:00:00Z");
    let event = stage.schedule();
    let build = stage.built("master of 12 January", &for_platform("linux/riscv64", "master 2"));
    stage.run("the next weekly build", event, &[built_ref("master"), build]);

    stage.at("2026-02-15T03:00:00Z");
    stage.tell("No row has an end, and `untagged` is missing: nothing may go.");
    stage.clean_up();
    stage.end();
}
