//! Phialo Design: many names for each build, feature branches, a build cache, and a clean-up of what is untagged only.

use ghcr_lifecycle::sandbox::state::OwnerKind;

use super::{
    super::step::{index, single},
    stage::Stage,
};

const SITE: &str = "barde/phialoastro";

#[test]
fn phialo() {
    let mut stage = Stage::new("phialo", "barde/phialo-design", OwnerKind::User, "main");
    let of = |name: &str| ("image", format!("barde/{name}"));

    let event = stage.push("main", "a page");
    let build = stage.built("site 1", &index("site 1"));
    stage.run("a push to main", event, &[of("phialoastro"), build]);
    let event = stage.push("main", "the tools of CI");
    let build = stage.built("ci 1", &index("ci 1"));
    stage.run("a push to main that changes the CI image", event, &[of("phialoastro-ci"), build]);
    let event = stage.dispatch();
    let build = stage.built("dev 1", &index("dev 1"));
    stage.run("the development image, dispatched", event, &[of("phialoastro-dev"), build]);

    stage.at("2026-01-06T14:30:22Z");
    stage.put(SITE, "buildcache", "cache", &single("cache"));
    let (_, event) = stage.open("feature/rings");
    let build = stage.built("rings 1", &index("rings 1"));
    stage.run("a pull request", event, &[of("phialoastro"), build]);
    let event = stage.push("feature/rings", "larger rings");
    let build = stage.built("rings 2", &index("rings 2"));
    stage.run("a push to its branch", event, &[of("phialoastro"), build]);

    for day in 7..13 {
        stage.at(&format!("2026-01-{day:02}T09:00:00Z"));
        let name = format!("rings {}", day - 4);
        let event = stage.push("feature/rings", &name);
        let build = stage.built(&name, &index(&name));
        stage.run("another push to it", event, &[of("phialoastro"), build]);
    }
    stage.at("2026-01-14T09:00:00Z");
    let event = stage.git_tag("v1.2.3", "main");
    let build = stage.built("v1.2.3", &index("v1.2.3"));
    stage.run("git tag v1.2.3", event, &[of("phialoastro"), build]);
    let event = stage.git_tag("v1.2.4", "main");
    let lonely = stage.built("v1.2.4 for one platform", &single("v1.2.4 for one platform"));
    stage.run_to(1, "git tag v1.2.4, built for one platform only", event, &[of("phialoastro"), lonely]);

    stage.at("2026-01-20T09:00:00Z");
    stage.clean_up();
    stage.restore();
    stage.clean_up();
    stage.end();
}
