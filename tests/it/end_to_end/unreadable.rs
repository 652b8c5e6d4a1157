//! A registry that does not say what it holds, and one that holds nothing yet.

use ghcr_lifecycle::sandbox::{Auth, Fault, FaultEffect, Options, Sandbox};

use super::step::{REPOSITORY, Step, TOKEN, each, ghcr, index, kyklos, layout, single, tags, writes};

fn answers() -> Vec<(&'static str, FaultEffect)> {
    let html = |code| FaultEffect::Status {
        code,
        body: "<!DOCTYPE html><html><body>Not found</body></html>".to_owned(),
        headers: vec![("Content-Type".to_owned(), "text/html".to_owned())],
    };
    vec![
        ("403", FaultEffect::registry_error(403, "DENIED", "requested access to the resource is denied")),
        ("500", FaultEffect::registry_error(500, "UNKNOWN", "unknown error")),
        ("a page with 404", html(404)),
        ("a page with 200", html(200)),
        ("404 of nothing known", FaultEffect::Status { code: 404, body: "{}".to_owned(), headers: Vec::new() }),
        ("no list", FaultEffect::Status { code: 200, body: r#"{"errors":[]}"#.to_owned(), headers: Vec::new() }),
    ]
}

#[test]
fn an_unreadable_tag_list_is_never_an_empty_one() {
    let image = single("release");
    let source = layout(&image);
    each(answers(), |(name, effect)| {
        let sandbox = ghcr();
        index("second").put_into(&sandbox, REPOSITORY, &"v0.2.0".parse().unwrap());
        index("second").put_into(&sandbox, REPOSITORY, &"latest".parse().unwrap());
        let before = tags(&sandbox);
        sandbox.fault(Fault::always(effect).on("GET", "/tags/list"));
        // A refused list of somebody who may write is an empty one; this one may not.
        sandbox.fault(Fault::always(answers()[0].1.clone()).on("POST", "/blobs/uploads/"));
        let outcome = Step::release("v0.1.0", &sandbox, source.path()).fail(1);
        assert!(outcome.stderr.starts_with("error: failed to list the tags of "), "{name}: {outcome}");
        let sent: Vec<_> = writes(&sandbox).into_iter().filter(|request| request.method == "PUT").collect();
        assert_eq!(sent, [], "{name}");
        assert_eq!(tags(&sandbox), before, "{name}");
        assert!(outcome.outputs.is_empty(), "{name}: {outcome}");
    });
}

#[test]
fn a_token_that_is_refused_pushes_nothing() {
    let source = layout(&single("release"));
    for wrong in ["ghs_expired", ""] {
        let sandbox = ghcr();
        index("second").put_into(&sandbox, REPOSITORY, &"v0.2.0".parse().unwrap());
        let before = tags(&sandbox);
        let step = Step::release("v0.1.0", &sandbox, source.path()).input("github-token", wrong);
        let outcome = step.fail(1);
        assert!(outcome.stderr.contains("\nhint: "), "{outcome}");
        assert_eq!(tags(&sandbox), before);
        assert!(sandbox.requests().iter().all(|request| request.method != "PUT"));
    }
}

#[test]
fn the_second_page_of_a_tag_list_counts() {
    let options = Options { page_size: 2, ..Options::ghcr(TOKEN) };
    let sandbox = Sandbox::start_blocking(options).unwrap();
    for tag in ["v0.0.1", "v0.0.2", "v0.0.3", "v0.0.4", "v0.2.0", "latest"] {
        index("second").put_into(&sandbox, REPOSITORY, &tag.parse().unwrap());
    }
    let source = layout(&single("hotfix"));
    let outcome = Step::release("v0.1.1", &sandbox, source.path()).succeed();
    assert_eq!(outcome.lines("tag-names"), ["v0.1.1", "v0.1"], "{outcome}");
}

#[test]
fn the_first_push_makes_the_package() {
    let image = index("first");
    let source = layout(&image);
    for absent_is_denied in [false, true] {
        let sandbox = Sandbox::start_blocking(Options { absent_is_denied, ..Options::ghcr(TOKEN) }).unwrap();
        let step = Step::on("push-kyklos-tag-v0.1.0").policy(&kyklos(&sandbox.host())).to(&sandbox).mode("tags");
        assert_eq!(step.succeed().lines("tag-names").len(), 4);
        let outcome = Step::release("v0.1.0", &sandbox, source.path()).succeed();
        assert_eq!(outcome.lines("moved").len(), 4);
        assert_eq!(tags(&sandbox).len(), 4);
        assert_eq!(sandbox.incomplete(REPOSITORY), []);
    }
    let sandbox = Sandbox::start_blocking(Options::plain(Auth::None)).unwrap();
    let step = Step::release("v0.1.0", &sandbox, source.path());
    step.succeed();
    assert_eq!(tags(&sandbox).len(), 4);
}
