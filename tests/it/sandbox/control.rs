//! The gate, the log and the faults.

use std::sync::Arc;

use bytes::Bytes;
use ghcr_lifecycle::{
    model::Digest,
    sandbox::{Fault, FaultEffect, Sandbox},
};
use reqwest::Method;
use tokio::sync::{Semaphore, mpsc};

use super::support::{IMAGE, REPOSITORY, anonymous, get, ghcr, header, refusal, request, single};

const TAGS: &str = "/v2/acme/shop/tags/list";

async fn sandbox_with(tag: &str) -> Sandbox {
    let sandbox = ghcr().await;
    single("1").put_into(&sandbox, REPOSITORY, &tag.parse().unwrap());
    sandbox
}

async fn put_tag(sandbox: &Sandbox, tag: &str) -> Result<reqwest::Response, reqwest::Error> {
    let path = format!("/v2/acme/shop/manifests/{tag}");
    let body = single("1").root().bytes.clone();
    request(sandbox, Method::PUT, &path).header("content-type", IMAGE).body(body).send().await
}

#[tokio::test]
async fn the_gate_holds_a_request_before_it_takes_effect() {
    let sandbox = sandbox_with("v1").await;
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    sandbox.on_request(move |info| {
        let (arrived, opened) = (arrived.clone(), Arc::clone(&opened));
        async move {
            arrived.send(info).unwrap();
            opened.acquire().await.unwrap().forget();
        }
    });
    let waiting = put_tag(&sandbox, "v2");
    let meanwhile = async {
        let info = arrivals.recv().await.unwrap();
        assert_eq!((info.number, info.method.as_str()), (1, "PUT"));
        assert!(info.is_write());
        assert_eq!(sandbox.tag(REPOSITORY, "v2"), None);
        sandbox.set_tag(REPOSITORY, "between".parse().unwrap(), Digest::of(b"nothing"));
        gate.add_permits(1);
    };
    let (answer, ()) = tokio::join!(waiting, meanwhile);
    assert_eq!(answer.unwrap().status(), 201);
    let tags: Vec<_> = sandbox.tags(REPOSITORY).into_iter().map(|(tag, _)| tag.to_string()).collect();
    assert_eq!(tags, ["v1", "between", "v2"]);
    sandbox.clear_hook();
    assert_eq!(get(&sandbox, TAGS).await.status(), 200);
}

#[tokio::test]
async fn a_request_held_at_the_gate_takes_effect_though_its_client_is_gone() {
    let sandbox = sandbox_with("v1").await;
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(0));
    let opened = Arc::clone(&gate);
    sandbox.on_request(move |_| {
        let (arrived, opened) = (arrived.clone(), Arc::clone(&opened));
        async move {
            arrived.send(()).unwrap();
            opened.acquire().await.unwrap().forget();
            arrived.send(()).unwrap();
        }
    });
    tokio::select! {
        _ = put_tag(&sandbox, "v2") => panic!("the gate is shut"),
        _ = arrivals.recv() => {}
    }
    gate.add_permits(1);
    arrivals.recv().await.unwrap();
    sandbox.clear_hook();
    // The next request is answered after the one that was let go, on the same thread.
    for _ in 0..100 {
        if sandbox.tag(REPOSITORY, "v2").is_some() {
            return;
        }
        get(&sandbox, TAGS).await;
    }
    panic!("the request was lost with its client");
}

#[tokio::test]
async fn a_hook_may_change_the_state_and_set_a_fault() {
    let sandbox = sandbox_with("v1").await;
    let control = sandbox.control();
    sandbox.on_request(move |info| {
        let control = control.clone();
        async move {
            if info.number == 2 {
                control.change(|state| state.remove_tag(REPOSITORY, &"v1".parse().unwrap()));
                control.fault(Fault::once(FaultEffect::LoseAnswer));
            }
        }
    });
    assert_eq!(get(&sandbox, TAGS).await.status(), 200);
    assert!(put_tag(&sandbox, "v2").await.is_err());
    let tags: Vec<_> = sandbox.tags(REPOSITORY).into_iter().map(|(tag, _)| tag.to_string()).collect();
    assert_eq!(tags, ["v2"]);
}

#[tokio::test]
async fn a_panic_costs_one_answer() {
    let sandbox = sandbox_with("v1").await;
    sandbox.on_request(|info| async move {
        assert_ne!(info.number, 1, "the first request meets a bug");
    });
    assert_eq!(get(&sandbox, TAGS).await.status(), 500);
    assert_eq!(get(&sandbox, TAGS).await.status(), 200);
}

#[tokio::test]
async fn the_log_tells_clients_and_credentials_apart() {
    let sandbox = sandbox_with("v1").await;
    let agent = "tool/1.0 (first)";
    anonymous(&sandbox, Method::GET, "/v2/?x=1").header("user-agent", agent).send().await.unwrap();
    get(&sandbox, TAGS).await;
    let requests = sandbox.requests();
    assert_eq!(requests.iter().map(|info| info.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!((requests[0].path.as_str(), requests[0].client.as_deref()), ("/v2/?x=1", Some("first")));
    assert_eq!(requests[0].authorization, None);
    let credentials = requests[1].authorization.clone().unwrap();
    assert!(credentials.starts_with("Bearer "));
    let shown = format!("{requests:?}");
    assert!(shown.contains("Bearer ***") && !shown.contains(&credentials));
    sandbox.clear_requests();
    get(&sandbox, TAGS).await;
    assert_eq!(sandbox.requests()[0].number, 3);
}

#[tokio::test]
async fn a_status_comes_as_often_and_as_late_as_asked() {
    let sandbox = sandbox_with("v1").await;
    let mut fault = Fault::once(FaultEffect::Status {
        code: 429,
        body: r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 12.5ms, allowed: 2000/minute"}]}"#.into(),
        headers: vec![("retry-after".into(), "1".into())],
    })
    .on("GET", "/tags/list")
    .after(1);
    fault.times = 2;
    sandbox.fault(fault);
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let response = get(&sandbox, TAGS).await;
        statuses.push((response.status().as_u16(), header(&response, "retry-after").to_owned()));
        assert_eq!(get(&sandbox, "/v2/").await.status(), 200);
    }
    let expected = [(200, ""), (429, "1"), (429, "1"), (200, "")].map(|(code, after)| (code, after.to_owned()));
    assert_eq!(statuses, expected);

    sandbox.fault(Fault::always(FaultEffect::registry_error(500, "UNKNOWN", "trouble")).on("PUT", ""));
    for _ in 0..3 {
        assert_eq!(refusal(put_tag(&sandbox, "v2").await.unwrap()).await.2, "trouble");
    }
    assert_eq!(sandbox.tag(REPOSITORY, "v2"), None);
    sandbox.clear_faults();
    assert_eq!(put_tag(&sandbox, "v2").await.unwrap().status(), 201);
}

#[tokio::test]
async fn a_dropped_connection_has_no_effect_and_a_lost_answer_has() {
    let sandbox = sandbox_with("v1").await;
    sandbox.fault(Fault::once(FaultEffect::DropConnection));
    assert!(put_tag(&sandbox, "dropped").await.is_err());
    assert_eq!(sandbox.tag(REPOSITORY, "dropped"), None);
    sandbox.fault(Fault::once(FaultEffect::LoseAnswer));
    assert!(put_tag(&sandbox, "lost").await.is_err());
    assert!(sandbox.tag(REPOSITORY, "lost").is_some());
}

#[tokio::test]
async fn a_cut_body_begins_well() {
    let sandbox = sandbox_with("v1").await;
    sandbox.fault(Fault::once(FaultEffect::CutBody));
    let mut response = get(&sandbox, TAGS).await;
    assert_eq!(response.status(), 200);
    let length: usize = header(&response, "content-length").parse().unwrap();
    let first = response.chunk().await.unwrap().unwrap();
    assert_eq!((first.len(), &first[..8]), (length / 2, &Bytes::from_static(b"{\"name\":")[..]));
    assert!(response.chunk().await.is_err());
}

#[tokio::test]
async fn a_hanging_request_holds_up_no_other() {
    let sandbox = sandbox_with("v1").await;
    sandbox.fault(Fault::once(FaultEffect::Hang).on("PUT", ""));
    tokio::select! {
        _ = put_tag(&sandbox, "v2") => panic!("there is no answer"),
        response = get(&sandbox, TAGS) => assert_eq!(response.status(), 200),
    }
    assert_eq!(sandbox.tag(REPOSITORY, "v2"), None);
}

#[tokio::test]
async fn a_redirect_leads_elsewhere() {
    let sandbox = sandbox_with("v1").await;
    let location = "http://127.0.0.3:1/elsewhere".to_owned();
    sandbox.fault(Fault::once(FaultEffect::Redirect { location: location.clone() }));
    let response = get(&sandbox, TAGS).await;
    assert_eq!((response.status().as_u16(), header(&response, "location")), (307, location.as_str()));
}

#[tokio::test]
async fn stopping_closes_the_port() {
    let sandbox = ghcr().await;
    let address = sandbox.address();
    assert!(address.ip().is_loopback());
    sandbox.stop().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn faults_can_be_set_over_http() {
    let sandbox = sandbox_with("v1").await;
    let set = |body: &'static str| anonymous(&sandbox, Method::POST, "/_sandbox/faults").body(body).send();
    let status = set(r#"{"method": "GET", "effect": {"status": {"code": 503}}}"#).await.unwrap();
    assert_eq!(status.status(), 204);
    assert_eq!(get(&sandbox, TAGS).await.status(), 503);
    assert_eq!(get(&sandbox, TAGS).await.status(), 200);
    set(r#"{"path-contains": "/tags/", "skip": 1, "times": 9, "effect": "drop-connection"}"#).await.unwrap();
    assert_eq!(get(&sandbox, TAGS).await.status(), 200);
    assert!(request(&sandbox, Method::GET, TAGS).send().await.is_err());
    anonymous(&sandbox, Method::DELETE, "/_sandbox/faults").send().await.unwrap();
    assert_eq!(get(&sandbox, TAGS).await.status(), 200);
    let (status, code, _) = refusal(set(r#"{"effect": "explode"}"#).await.unwrap()).await;
    assert_eq!((status, code.as_str()), (400, "FAULT_INVALID"));
    assert!(sandbox.requests().iter().all(|info| info.path == TAGS));
}
