//! Which endpoint a path leads to. The tables here are all that there is: a test asks each of their endpoints and compares
//! the answers with GitHub's own description of its API, whose path templates they use. `{+name}` may hold slashes.

use super::{
    accounts, branches,
    call::{Call, Scene},
    commits, compare, contents,
    errors::not_found,
    issues,
    packages::{self, Base},
    pulls, refs, releases, repositories, versions,
};
use crate::sandbox::{
    http::Answer,
    state::{SourceRepository, State},
};

type Answered = Result<Answer, Answer>;

type OnAccount = fn(&Scene<'_>, &[String]) -> Answered;

const ACCOUNTS: [(&str, &str, OnAccount); 4] = [
    ("GET", "/user", |scene, _| accounts::own(scene)),
    ("GET", "/user/{account_id}", |scene, names| accounts::by_number(scene, names[0].parse().ok())),
    ("GET", "/users/{username}", |scene, names| accounts::user(scene, &names[0])),
    ("GET", "/orgs/{org}", |scene, names| accounts::organization(scene, &names[0])),
];

/// What stands before `/packages`. The links of lists name owners by number instead.
const BASES: [&str; 3] = ["/orgs/{org}", "/users/{username}", "/user"];

type OnPackage = fn(&mut Scene<'_>, &Base<'_>, &[String]) -> Answered;

/// What comes after `/packages`.
const PACKAGES: [(&str, &str, OnPackage); 8] = [
    ("GET", "", |scene, base, _| packages::list(scene, base)),
    ("GET", "/{package_type}/{package_name}", |scene, base, names| packages::get(scene, base, &names[0], &names[1])),
    ("DELETE", "/{package_type}/{package_name}", |scene, base, names| {
        packages::delete(scene, base, &names[0], &names[1])
    }),
    ("POST", "/{package_type}/{package_name}/restore", |scene, base, names| {
        packages::restore(scene, base, &names[0], &names[1])
    }),
    ("GET", "/{package_type}/{package_name}/versions", |scene, base, names| {
        versions::list(scene, base, &names[0], &names[1])
    }),
    ("GET", "/{package_type}/{package_name}/versions/{package_version_id}", |scene, base, names| {
        versions::get(scene, base, &names[0], &names[1], &names[2])
    }),
    ("DELETE", "/{package_type}/{package_name}/versions/{package_version_id}", |scene, base, names| {
        versions::delete(scene, base, &names[0], &names[1], &names[2])
    }),
    ("POST", "/{package_type}/{package_name}/versions/{package_version_id}/restore", |scene, base, names| {
        versions::restore(scene, base, &names[0], &names[1], &names[2])
    }),
];

/// What stands before all that a source repository has. The links of lists name it by number instead.
const SOURCE: &str = "/repos/{owner}/{repo}";

#[derive(Clone, Copy)]
enum OnSource {
    Read(fn(&State, &Call, &SourceRepository, &[String]) -> Answered),
    Write(fn(&mut Scene<'_>, &str, &[String]) -> Answered),
}

use OnSource::{Read, Write};

/// What comes after that. The first row that fits counts.
const SOURCES: [(&str, &str, OnSource); 24] = [
    ("GET", "", Read(|state, call, source, _| Ok(repositories::get(state, call, source)))),
    ("GET", "/pulls", Read(|state, call, source, _| Ok(pulls::list(state, call, source)))),
    ("GET", "/pulls/{pull_number}", Read(|state, call, source, names| pulls::get(state, call, source, &names[0]))),
    ("GET", "/branches", Read(|_, call, source, _| Ok(branches::list(call, source)))),
    ("GET", "/branches/{+branch}", Read(|state, call, source, names| branches::get(state, call, source, &names[0]))),
    ("GET", "/commits", Read(|state, call, source, _| commits::list(state, call, source))),
    ("GET", "/commits/{+ref}", Read(|state, call, source, names| commits::get(state, call, source, &names[0]))),
    ("GET", "/contents/{+path}", Read(|_, call, source, names| contents::get(call, source, &names[0]))),
    ("GET", "/git/trees/{+tree_sha}", Read(|_, call, source, names| contents::tree(call, source, &names[0]))),
    ("GET", "/git/ref/{+ref}", Read(|_, call, source, names| refs::get(call, source, &names[0]))),
    ("GET", "/git/matching-refs/{+ref}", Read(|_, call, source, names| Ok(refs::matching(call, source, &names[0])))),
    ("GET", "/git/tags/{tag_sha}", Read(|_, call, source, names| refs::tag(call, source, &names[0]))),
    ("GET", "/git/commits/{commit_sha}", Read(|_, call, source, names| commits::git_commit(call, source, &names[0]))),
    ("GET", "/releases", Read(|state, call, source, _| Ok(releases::list(state, call, source)))),
    ("GET", "/releases/latest", Read(|state, call, source, _| releases::latest(state, call, source))),
    (
        "GET",
        "/releases/tags/{+tag}",
        Read(|state, call, source, names| releases::by_tag(state, call, source, &names[0])),
    ),
    ("GET", "/releases/{release_id}", Read(|state, call, source, names| releases::get(state, call, source, &names[0]))),
    ("PATCH", "/releases/{release_id}", Write(|scene, source, names| releases::edit(scene, source, &names[0]))),
    ("GET", "/compare/{+basehead}", Read(|state, call, source, names| compare::get(state, call, source, &names[0]))),
    ("GET", "/issues", Read(|state, call, source, _| Ok(issues::list(state, call, source)))),
    ("POST", "/issues", Write(|scene, source, _| issues::open(scene, source))),
    ("GET", "/issues/{issue_number}", Read(|state, call, source, names| issues::get(state, call, source, &names[0]))),
    ("POST", "/dispatches", Write(|scene, source, _| issues::dispatch(scene, source, None))),
    (
        "POST",
        "/actions/workflows/{workflow_id}/dispatches",
        Write(|scene, source, names| issues::dispatch(scene, source, Some(&names[0]))),
    ),
];

/// Lists the methods and path templates of all endpoints of the REST API, as GitHub's own description writes them.
#[must_use]
pub fn endpoints() -> Vec<(&'static str, String)> {
    let plain = |template: &str| template.replace("{+", "{");
    let accounts = ACCOUNTS.iter().map(|(method, template, _)| (*method, plain(template)));
    let packages = BASES.iter().flat_map(|base| {
        PACKAGES.iter().map(move |(method, template, _)| (*method, format!("{base}/packages{template}")))
    });
    let sources = SOURCES.iter().map(|(method, template, _)| (*method, plain(&format!("{SOURCE}{template}"))));
    accounts.chain(packages).chain(sources).chain([("GET", "/rate_limit".to_owned())]).collect()
}

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

/// Finds what a table has for a method and a path, and what stands for the template's names.
fn find<T: Copy>(table: &[(&str, &str, T)], method: &str, segments: &[&str]) -> Result<(T, Vec<String>), Answer> {
    let mut rows = table.iter().filter(|row| row.0 == method);
    rows.find_map(|(_, template, endpoint)| Some((*endpoint, names(template, segments)?))).ok_or_else(not_found)
}

fn names(template: &str, segments: &[&str]) -> Option<Vec<String>> {
    let (mut names, mut rest) = (Vec::new(), segments);
    for part in template.split('/').skip(1) {
        if part.starts_with("{+") {
            names.push(rest.join("/"));
            return Some(names);
        }
        let (first, following) = rest.split_first()?;
        if part.starts_with('{') {
            names.push((*first).to_owned());
        } else if part != *first {
            return None;
        }
        rest = following;
    }
    rest.is_empty().then_some(names)
}

fn dispatch(scene: &mut Scene<'_>, segments: &[&str]) -> Answered {
    // HEAD is GET without its body, which the server leaves out.
    let method = if scene.call.method == "HEAD" { "GET".to_owned() } else { scene.call.method.to_string() };
    let id = |text: &str| text.parse::<u64>().ok();
    match segments {
        ["orgs", login, "packages", rest @ ..] => package(scene, &method, &Base::Organization(login), rest),
        ["users", login, "packages", rest @ ..] => package(scene, &method, &Base::User(login), rest),
        ["user", "packages", rest @ ..] => package(scene, &method, &Base::Own, rest),
        ["organizations" | "user", number, "packages", rest @ ..] => match id(number) {
            Some(number) => package(scene, &method, &Base::Number(number), rest),
            None => Err(not_found()),
        },
        ["organizations", number] if method == "GET" => accounts::by_number(scene, id(number)),
        ["repos", owner, name, rest @ ..] => source(scene, &method, &format!("{owner}/{name}"), rest),
        ["repositories", number, rest @ ..] => {
            let found = id(number).and_then(|number| scene.state.source_by_id(number));
            let name = found.map(|source| source.full_name()).ok_or_else(not_found)?;
            source(scene, &method, &name, rest)
        }
        _ => {
            let (endpoint, names) = find(&ACCOUNTS, &method, segments)?;
            endpoint(scene, &names)
        }
    }
}

fn package(scene: &mut Scene<'_>, method: &str, base: &Base<'_>, rest: &[&str]) -> Answered {
    let (endpoint, names) = find(&PACKAGES, method, rest)?;
    endpoint(scene, base, &names)
}

fn source(scene: &mut Scene<'_>, method: &str, name: &str, rest: &[&str]) -> Answered {
    let found = scene.state.source(name).filter(|source| scene.call.sees(source));
    let source = found.ok_or_else(not_found)?;
    match find(&SOURCES, method, rest)? {
        (Read(endpoint), names) => endpoint(scene.state, scene.call, source, &names),
        (Write(endpoint), names) => endpoint(scene, name, &names),
    }
}
