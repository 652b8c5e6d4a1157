//! Which secrets arrive where, seen on the wire.

use ghcr_lifecycle::{
    model::Secret,
    sandbox::{Auth, Fault, FaultEffect, Options, Sandbox},
};

use super::step::{REPOSITORY, Step, ghcr, index, kyklos, layout, single, tags};

const PASSWORD: &str = "correct horse";

fn open() -> Sandbox {
    Sandbox::start_blocking(Options::plain(Auth::None)).unwrap()
}

fn with_password() -> Sandbox {
    let password = Secret::new(PASSWORD).unwrap();
    Sandbox::start_blocking(Options::plain(Auth::Basic { username: "deploy".to_owned(), password })).unwrap()
}

/// Asserts that nobody showed this registry any credentials, though it was asked.
#[track_caller]
fn assert_shown_nothing(sandbox: &Sandbox) {
    let requests = sandbox.requests();
    assert!(!requests.is_empty());
    let shown: Vec<_> = requests.iter().filter(|request| request.authorization.is_some()).collect();
    assert!(shown.is_empty(), "{shown:?}");
}

#[test]
fn the_github_token_goes_to_no_other_registry() {
    let home = ghcr();
    let source = layout(&index("release"));
    // One that wants no credentials, one that wants a password, one that asks for tokens just as GHCR does.
    for foreign in [open(), with_password(), Sandbox::start_blocking(Options::ghcr("ghs_ofSomebodyElse")).unwrap()] {
        let step = Step::release("v0.1.0", &foreign, source.path()).to(&home);
        let open = foreign.token().is_empty();
        let outcome = step.run();
        assert_eq!(outcome.code, Some(if open { 0 } else { 1 }), "{outcome}");
        assert_shown_nothing(&foreign);
        assert_eq!(tags(&foreign).len(), if open { 4 } else { 0 });
    }
    assert_eq!(home.requests(), []);
}

#[test]
fn a_password_goes_to_the_registry_that_an_input_names_only() {
    let (named, other) = (with_password(), with_password());
    let source = layout(&single("release"));
    let login = |step: Step, registry: &Sandbox| {
        step.input("github-token", "")
            .input("username", "deploy")
            .input("password", PASSWORD)
            .input("registry", &registry.host())
    };
    login(Step::release("v0.1.0", &named, source.path()), &named).succeed();
    assert_eq!(tags(&named).len(), 4);

    let outcome = login(Step::release("v0.1.0", &other, source.path()), &named).fail(1);
    assert!(outcome.stderr.contains("hint: "), "{outcome}");
    assert_shown_nothing(&other);
    assert_eq!(tags(&other).len(), 0);

    // A password without a registry has nowhere to go.
    let step = Step::release("v0.1.0", &other, source.path()).input("username", "deploy").input("password", PASSWORD);
    other.clear_requests();
    step.fail(2);
    assert_eq!(other.requests(), []);
}

#[test]
fn a_map_gives_each_registry_its_own() {
    let (from, to) = (with_password(), ghcr());
    index("release").put_into(&from, "staging/kyklos", &"candidate".parse().unwrap());
    let login = serde_json::json!({from.host(): {"username": "deploy", "password": PASSWORD}}).to_string();
    let source = format!("{}/staging/kyklos:candidate", from.host());
    let step = Step::on("push-kyklos-tag-v0.1.0").policy(&kyklos(&to.host())).to(&to).mode("push");
    let outcome = step.input("source", &source).input("registries", &login).succeed();
    assert_eq!(outcome.outputs["digest"], index("release").digest().to_string());
    assert_eq!(tags(&to).len(), 4);
    assert_eq!(to.incomplete(REPOSITORY), []);
    for text in [&outcome.stdout, &outcome.stderr] {
        assert!(text.lines().all(|line| !line.contains(PASSWORD) || line.starts_with("::add-mask::")), "{outcome}");
    }
    // Neither saw what is the other's.
    let basic = |request: &ghcr_lifecycle::sandbox::RequestInfo| {
        request.authorization.as_deref().is_none_or(|text| text.starts_with("Basic "))
    };
    assert!(from.requests().iter().all(basic), "{:?}", from.requests());
    assert!(!to.requests().iter().any(|request| {
        request.authorization.as_deref().is_some_and(|text| text == "Basic ZGVwbG95OmNvcnJlY3QgaG9yc2U=")
    }));
}

#[test]
fn a_redirect_takes_no_credentials_along() {
    let elsewhere = open();
    let source = layout(&single("release"));
    let location = format!("http://{}/v2/{REPOSITORY}/elsewhere", elsewhere.host());
    for (method, path) in [
        ("GET", "/tags/list"),
        ("HEAD", "/manifests/"),
        ("PUT", "/manifests/"),
        ("HEAD", "/blobs/"),
        ("POST", "/blobs/uploads/"),
        ("GET", "/token"),
    ] {
        let sandbox = ghcr();
        let redirect = FaultEffect::Redirect { location: location.clone() };
        sandbox.fault(Fault::always(redirect).on(method, path));
        let outcome = Step::release("v0.1.0", &sandbox, source.path()).run();
        assert!(matches!(outcome.code, Some(0 | 1)), "{method} {path}: {outcome}");
        assert_eq!(sandbox.incomplete(REPOSITORY), []);
    }
    let shown: Vec<_> = elsewhere.requests().into_iter().filter(|request| request.authorization.is_some()).collect();
    assert_eq!(shown, []);
}

#[test]
fn storage_sees_no_credentials() {
    let (from, to) = (ghcr(), open());
    index("release").put_into(&from, "staging/kyklos", &"candidate".parse().unwrap());
    let source = format!("{}/staging/kyklos:candidate", from.host());
    let step = Step::on("push-kyklos-tag-v0.1.0").policy(&kyklos(&to.host())).to(&from).mode("push");
    step.input("source", &source).succeed();
    let storage: Vec<_> =
        from.requests().into_iter().filter(|request| request.host.as_deref() != Some(&from.host())).collect();
    assert!(!storage.is_empty());
    assert!(storage.iter().all(|request| request.authorization.is_none()), "{storage:?}");
    assert_shown_nothing(&to);
}

#[test]
fn secrets_are_no_options_and_a_password_comes_by_standard_input() {
    let sandbox = with_password();
    let source = layout(&single("release"));
    let folder = source.path().display().to_string();
    let host = sandbox.host();
    let call = |arguments: &[&str]| Step::release("v0.1.0", &sandbox, source.path()).at_terminal(arguments);
    let login = ["push", "--source", &folder, "--registry", &host, "--username", "deploy", "--password-stdin"];
    call(&login).standard_input("correct horse\n").succeed();
    assert_eq!(tags(&sandbox).len(), 4);
    sandbox.clear_requests();

    let json = call(&[&login[..], &["--format", "json"]].concat()).standard_input("correct horse").succeed();
    let document: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(document["tag-names"].as_array().unwrap().len(), 4);

    sandbox.clear_requests();
    for option in ["--password=x", "--github-token=x", "--registries={}"] {
        let outcome = call(&["push", "--source", &folder, option]).fail(2);
        assert!(outcome.stderr.contains("is no option"), "{outcome}");
    }
    call(&login).standard_input("").fail(2);
    assert_eq!(sandbox.requests(), []);
    let wrong = call(&login).standard_input("battery staple").fail(1);
    assert!(wrong.stderr.contains("hint: "), "{wrong}");
}
