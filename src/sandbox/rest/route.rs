//! Which endpoint a path leads to.

use super::{
    accounts, branches,
    call::Scene,
    commits, compare, contents,
    errors::not_found,
    issues,
    packages::{self, Base},
    pulls, refs, releases, repositories, versions,
};
use crate::sandbox::http::Answer;

/// Tells whether a path is one of the API's: it shares the port with the registry.
pub(in crate::sandbox) fn is_path(path: &str) -> bool {
    let path = path.strip_prefix("/api/v3").unwrap_or(path);
    matches!(
        path.split('/').nth(1),
        Some("orgs" | "organizations" | "users" | "user" | "repos" | "repositories" | "rate_limit")
    )
}

/// Answers a request whose path has these segments, decoded.
pub(super) fn answer(scene: &mut Scene<'_>, segments: &[&str]) -> Answer {
    dispatch(scene, segments).unwrap_or_else(|refusal| refusal)
}

fn dispatch(scene: &mut Scene<'_>, segments: &[&str]) -> Result<Answer, Answer> {
    // HEAD is GET without its body, which the server leaves out.
    let method = if scene.call.method == "HEAD" { "GET".to_owned() } else { scene.call.method.to_string() };
    let id = |text: &str| text.parse::<u64>().ok();
    match (method.as_str(), segments) {
        (_, ["orgs", login, "packages", rest @ ..]) => package(scene, &method, &Base::Organization(login), rest),
        (_, ["users", login, "packages", rest @ ..]) => package(scene, &method, &Base::User(login), rest),
        (_, ["user", "packages", rest @ ..]) => package(scene, &method, &Base::Own, rest),
        (_, ["organizations" | "user", number, "packages", rest @ ..]) => match id(number) {
            Some(number) => package(scene, &method, &Base::Number(number), rest),
            None => Err(not_found()),
        },
        ("GET", ["user"]) => accounts::own(scene),
        ("GET", ["users", login]) => accounts::user(scene, login),
        ("GET", ["orgs", login]) => accounts::organization(scene, login),
        ("GET", ["organizations" | "user", number]) => accounts::by_number(scene, id(number)),
        (_, ["repos", owner, name, rest @ ..]) => source_by_name(scene, &method, &format!("{owner}/{name}"), rest),
        (_, ["repositories", number, rest @ ..]) => {
            let source = id(number).and_then(|number| scene.state.source_by_id(number));
            let name = source.map(|source| source.full_name()).ok_or_else(not_found)?;
            source_by_name(scene, &method, &name, rest)
        }
        _ => Err(not_found()),
    }
}

fn package(scene: &mut Scene<'_>, method: &str, base: &Base<'_>, rest: &[&str]) -> Result<Answer, Answer> {
    match (method, rest) {
        ("GET", []) => packages::list(scene, base),
        ("GET", [kind, name]) => packages::get(scene, base, kind, name),
        ("DELETE", [kind, name]) => packages::delete(scene, base, kind, name),
        ("POST", [kind, name, "restore"]) => packages::restore(scene, base, kind, name),
        ("GET", [kind, name, "versions"]) => versions::list(scene, base, kind, name),
        ("GET", [kind, name, "versions", id]) => versions::get(scene, base, kind, name, id),
        ("DELETE", [kind, name, "versions", id]) => versions::delete(scene, base, kind, name, id),
        ("POST", [kind, name, "versions", id, "restore"]) => versions::restore(scene, base, kind, name, id),
        _ => Err(not_found()),
    }
}

fn source_by_name(scene: &mut Scene<'_>, method: &str, name: &str, rest: &[&str]) -> Result<Answer, Answer> {
    let found = scene.state.source(name).filter(|source| scene.call.sees(source));
    let source = found.ok_or_else(not_found)?;
    let (state, call) = (&*scene.state, scene.call);
    match (method, rest) {
        ("GET", []) => Ok(repositories::get(state, call, source)),
        ("GET", ["pulls"]) => Ok(pulls::list(state, call, source)),
        ("GET", ["pulls", number]) => pulls::get(state, call, source, number),
        ("GET", ["branches"]) => Ok(branches::list(call, source)),
        ("GET", ["branches", branch @ ..]) => branches::get(state, call, source, &branch.join("/")),
        ("GET", ["commits"]) => commits::list(state, call, source),
        ("GET", ["commits", name @ ..]) => commits::get(state, call, source, &name.join("/")),
        ("GET", ["contents", path @ ..]) => contents::get(call, source, &path.join("/")),
        ("GET", ["git", "trees", id @ ..]) => contents::tree(call, source, &id.join("/")),
        ("GET", ["git", "ref", name @ ..]) => refs::get(call, source, &name.join("/")),
        ("GET", ["git", "matching-refs", name @ ..]) => Ok(refs::matching(call, source, &name.join("/"))),
        ("GET", ["git", "tags", id]) => refs::tag(call, source, id),
        ("GET", ["git", "commits", id]) => commits::git_commit(call, source, id),
        ("GET", ["releases"]) => Ok(releases::list(state, call, source)),
        ("GET", ["releases", "latest"]) => releases::latest(state, call, source),
        ("GET", ["releases", "tags", tag @ ..]) => releases::by_tag(state, call, source, &tag.join("/")),
        ("GET", ["releases", id]) => releases::get(state, call, source, id),
        ("PATCH", ["releases", id]) => releases::edit(scene, name, id),
        ("GET", ["compare", both @ ..]) => compare::get(state, call, source, &both.join("/")),
        ("GET", ["issues"]) => Ok(issues::list(state, call, source)),
        ("POST", ["issues"]) => issues::open(scene, name),
        ("GET", ["issues", number]) => issues::get(state, call, source, number),
        ("POST", ["dispatches"]) => issues::dispatch(scene, name, None),
        ("POST", ["actions", "workflows", workflow, "dispatches"]) => issues::dispatch(scene, name, Some(workflow)),
        _ => Err(not_found()),
    }
}
