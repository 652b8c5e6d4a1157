//! Steering from another process: clock, state, counts, and faults of the API.

use ghcr_lifecycle::sandbox::{Fault, FaultEffect, Sandbox};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    api::{PACKAGE, VERSIONS, acme, call, fetch, names, push},
    support::{TOKEN, anonymous, get, refusal, request},
};

async fn steer(sandbox: &Sandbox, method: Method, what: &str, body: Value) -> reqwest::Response {
    let request = anonymous(sandbox, method, &format!("/_sandbox/{what}"));
    let request = if body.is_null() { request } else { request.body(body.to_string()) };
    request.send().await.unwrap()
}

#[tokio::test]
async fn the_clock_is_set_and_read() {
    let sandbox = acme().await;
    let clock: Value = steer(&sandbox, Method::GET, "clock", Value::Null).await.json().await.unwrap();
    assert_eq!(clock, json!({"now": "2026-03-01T12:00:00.000Z", "frozen": true}));
    let set = json!({"now": "2027-01-01T00:00:00Z", "frozen": true});
    assert_eq!(steer(&sandbox, Method::PUT, "clock", set).await.status(), 200);
    push(&sandbox, PACKAGE, "1", "v1");
    assert_eq!(fetch(&sandbox, VERSIONS).await[0]["created_at"], "2027-01-01T00:00:00Z");
    steer(&sandbox, Method::PUT, "clock", json!({"now": "2030-01-01T00:00:00Z"})).await;
    assert!(sandbox.now().to_string().starts_with("2030-01-01T00:"));
    steer(&sandbox, Method::PUT, "clock", json!({})).await;
    assert!(!sandbox.now().to_string().starts_with("2030"));
    let (status, code, _) = refusal(steer(&sandbox, Method::PUT, "clock", json!({"now": "noon"})).await).await;
    assert_eq!((status, code.as_str()), (400, "CLOCK_INVALID"));
}

#[tokio::test]
async fn the_state_is_told_without_secrets() {
    let sandbox = acme().await;
    super::api::project(&sandbox);
    let id = push(&sandbox, PACKAGE, "1", "v1");
    let response = steer(&sandbox, Method::GET, "state", Value::Null).await;
    let text = response.text().await.unwrap();
    assert!(!text.contains(TOKEN));
    let state: Value = serde_json::from_str(&text).unwrap();
    let package = &state["repositories"][PACKAGE];
    assert_eq!((&package["versions"][0]["id"], package["tags"].get("v1").is_some()), (&id.into(), true));
    assert_eq!(state["owners"]["acme"]["kind"], "organization");
    assert_eq!(state["sources"]["acme/shop"]["name"], "Shop");
}

#[tokio::test]
async fn requests_are_counted_by_class_and_route() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    get(&sandbox, "/v2/acme/shop/tags/list").await;
    get(&sandbox, "/v2/acme/shop/tags/list?n=1").await;
    request(&sandbox, Method::POST, "/v2/acme/shop/blobs/uploads/").send().await.unwrap();
    fetch(&sandbox, VERSIONS).await;
    call(&sandbox, Method::DELETE, &format!("{VERSIONS}/1")).await;
    call(&sandbox, Method::DELETE, &format!("{VERSIONS}/2")).await;
    let counts: Value = steer(&sandbox, Method::GET, "requests", Value::Null).await.json().await.unwrap();
    assert_eq!(counts["total"], 6);
    let classes =
        json!({"registry-read": 2, "registry-write": 1, "token": 0, "storage": 0, "rest-read": 1, "rest-write": 2});
    assert_eq!(counts["classes"], classes);
    let deletions = json!({
        "class": "rest-write", "method": "DELETE", "route": "/orgs/{}/packages/container/{}/versions/{}", "count": 2,
    });
    assert!(counts["routes"].as_array().unwrap().contains(&deletions), "{counts}");
    steer(&sandbox, Method::DELETE, "requests", Value::Null).await;
    let counts: Value = steer(&sandbox, Method::GET, "requests", Value::Null).await.json().await.unwrap();
    assert_eq!(counts["total"], 0);
}

#[tokio::test]
async fn lists_may_lag_behind_for_some_requests() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let id = push(&sandbox, PACKAGE, "2", "v2");
    let fault = json!({"path-contains": "/versions", "times": 2, "effect": {"stale": {}}});
    assert_eq!(steer(&sandbox, Method::POST, "faults", fault).await.status(), 204);
    assert_eq!(call(&sandbox, Method::DELETE, &format!("{VERSIONS}/{id}")).await.status(), 204);
    for expected in [2, 2, 1] {
        assert_eq!(names(&fetch(&sandbox, VERSIONS).await, "id").len(), expected);
    }
}

#[tokio::test]
async fn lists_may_lag_behind_for_some_time_and_on_the_registry_too() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let stale = FaultEffect::Stale { milliseconds: Some(3_600_000) };
    sandbox.fault(Fault::once(stale).on("GET", "/tags/list"));
    push(&sandbox, PACKAGE, "2", "v2");
    for _ in 0..3 {
        let tags: Value = get(&sandbox, "/v2/acme/shop/tags/list").await.json().await.unwrap();
        assert_eq!(tags["tags"], json!(["v1"]));
    }
    assert_eq!(names(&fetch(&sandbox, VERSIONS).await, "id").len(), 2, "only what the fault names is stale");
    sandbox.clear_faults();
    sandbox.fault(Fault::always(FaultEffect::Stale { milliseconds: Some(0) }));
    push(&sandbox, PACKAGE, "3", "v3");
    let tags: Value = get(&sandbox, "/v2/acme/shop/tags/list").await.json().await.unwrap();
    assert_eq!(tags["tags"], json!(["v1", "v2", "v3"]));
}

#[tokio::test]
async fn every_effect_works_on_the_api() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let ids: Vec<u64> = (2..6).map(|seed| push(&sandbox, PACKAGE, &seed.to_string(), "")).collect();
    let delete = |place: usize| {
        let path = format!("{VERSIONS}/{}", ids[place]);
        let request = super::api::call_as(&sandbox, TOKEN, Method::DELETE, &path);
        async move { request.send().await }
    };
    let exists = |place: usize| {
        sandbox.change(|state| state.repository(PACKAGE).unwrap().version(ids[place]).unwrap().deleted.is_none())
    };
    let once = |effect| sandbox.fault(Fault::once(effect).on("DELETE", "/versions/"));
    let body = r#"{"message":"Server Error"}"#.to_owned();
    once(FaultEffect::Status { code: 502, body: body.clone(), headers: Vec::new() });
    assert_eq!(delete(0).await.unwrap().status(), 502);
    assert!(exists(0));
    once(FaultEffect::DropConnection);
    assert!(delete(0).await.is_err());
    assert!(exists(0));
    once(FaultEffect::LoseAnswer);
    assert!(delete(0).await.is_err());
    assert!(!exists(0));
    once(FaultEffect::LateStatus { code: 500, body });
    assert_eq!(delete(1).await.unwrap().status(), 500);
    assert!(!exists(1));
    assert_eq!(delete(1).await.unwrap().status(), 404);
    sandbox.fault(Fault::once(FaultEffect::CutBody).on("GET", "/versions"));
    let response = call(&sandbox, Method::GET, VERSIONS).await;
    assert_eq!(response.status(), 200);
    assert!(response.bytes().await.is_err());
    once(FaultEffect::Hang);
    tokio::select! {
        _ = delete(2) => panic!("there is no answer"),
        list = fetch(&sandbox, VERSIONS) => assert_eq!(names(&list, "id").len(), 3),
    }
    assert!(exists(2));
}

#[tokio::test]
async fn only_this_machine_steers() {
    let sandbox = acme().await;
    let request = anonymous(&sandbox, Method::GET, "/_sandbox/state").header("host", "evil.example");
    assert_eq!(request.send().await.unwrap().status(), 403);
    let page = anonymous(&sandbox, Method::DELETE, "/_sandbox/faults").header("origin", "http://evil.example");
    assert_eq!(page.send().await.unwrap().status(), 403);
    let unknown = steer(&sandbox, Method::GET, "secrets", Value::Null).await;
    assert_eq!(unknown.status(), 404);
    assert_eq!(steer(&sandbox, Method::POST, "state", Value::Null).await.status(), 405);
    assert_eq!(sandbox.requests(), []);
}

#[tokio::test]
async fn a_fault_must_be_one_that_can_happen() {
    let sandbox = acme().await;
    for effect in [
        json!({"status": {"code": 99}}),
        json!({"late-status": {"code": 600}}),
        json!({"status": {"code": 429, "headers": [["retry after", "1"]]}}),
        json!({"long-body": {"bytes": u64::MAX}}),
    ] {
        let (status, code, _) = refusal(steer(&sandbox, Method::POST, "faults", json!({"effect": effect})).await).await;
        assert_eq!((status, code.as_str()), (400, "FAULT_INVALID"), "{effect}");
    }
    let lower = json!({"method": "get", "effect": {"status": {"code": 503}}});
    assert_eq!(steer(&sandbox, Method::POST, "faults", lower).await.status(), 204);
    assert_eq!(get(&sandbox, "/v2/acme/shop/tags/list").await.status(), 503);
}
