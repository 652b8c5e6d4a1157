//! Rate limits of the API, by the sandbox's clock.

use ghcr_lifecycle::sandbox::state::{Role, TokenKind, limits::Limits};
use reqwest::{Method, Response};

use super::{
    api::{PACKAGE, VERSIONS, acme, call, call_as, fetch, outcome, push, refused, token},
    support::{TOKEN, header},
};

fn standing(response: &Response) -> [String; 5] {
    ["limit", "remaining", "used", "reset", "resource"]
        .map(|name| header(response, &format!("x-ratelimit-{name}")).to_owned())
}

#[tokio::test]
async fn answers_tell_what_is_left() {
    let sandbox = acme().await;
    push(&sandbox, PACKAGE, "1", "v1");
    let reset = sandbox.now().plus_seconds(3600).seconds().to_string();
    let expected = |remaining: &str, used: &str| ["5000", remaining, used, &reset, "core"].map(str::to_owned);
    assert_eq!(standing(&call(&sandbox, Method::GET, VERSIONS).await), expected("4999", "1"));
    let missing = call(&sandbox, Method::GET, "/orgs/nobody").await;
    assert_eq!(standing(&missing), expected("4998", "2"));
    assert_eq!(header(&missing, "date"), "Sun, 01 Mar 2026 12:00:00 GMT");
    let free = fetch(&sandbox, "/rate_limit").await;
    assert_eq!((&free["rate"]["remaining"], &free["resources"]["core"]["used"]), (&4998.into(), &2.into()));
    let workflow = TokenKind::Workflow { repository: "acme/shop".to_owned(), packages: Role::Read };
    token(&sandbox, "ghs_1", workflow);
    let response = call_as(&sandbox, "ghs_1", Method::GET, "/orgs/acme").send().await.unwrap();
    assert_eq!(header(&response, "x-ratelimit-limit"), "1000");
    let response = call_as(&sandbox, "", Method::GET, "/orgs/acme").send().await.unwrap();
    assert_eq!(header(&response, "x-ratelimit-limit"), "60");
}

#[tokio::test]
async fn a_spent_hour_refuses_until_it_is_over() {
    let sandbox = acme().await;
    sandbox.set_limits(Limits { primary: true, ..Limits::default() });
    sandbox.set_remaining(TOKEN, 1);
    assert_eq!(call(&sandbox, Method::GET, "/user").await.status(), 200);
    let response = call(&sandbox, Method::GET, "/user").await;
    assert_eq!(header(&response, "x-ratelimit-remaining"), "0");
    assert_eq!(header(&response, "retry-after"), "");
    let (status, message) = outcome(response).await;
    assert_eq!(status, 403);
    assert!(message.starts_with("API rate limit exceeded for user ID "), "{message}");
    sandbox.advance(3599);
    assert_eq!(call(&sandbox, Method::GET, "/user").await.status(), 403);
    sandbox.advance(1);
    assert_eq!(call(&sandbox, Method::GET, "/user").await.status(), 200);
}

#[tokio::test]
async fn a_limit_that_is_not_applied_begins_anew() {
    let sandbox = acme().await;
    sandbox.set_limits(Limits { primary_budget: Some(2), ..Limits::default() });
    let mut remaining = Vec::new();
    for _ in 0..4 {
        let response = call(&sandbox, Method::GET, "/user").await;
        assert_eq!(response.status(), 200);
        remaining.push(header(&response, "x-ratelimit-remaining").to_owned());
    }
    assert_eq!(remaining, ["1", "0", "1", "0"]);
}

#[tokio::test]
async fn writes_cost_five_points_of_a_minute() {
    let sandbox = acme().await;
    sandbox.set_limits(Limits { secondary_points: Some(7), status: 429, ..Limits::default() });
    sandbox.advance(10);
    assert_eq!(call(&sandbox, Method::GET, "/user").await.status(), 200);
    assert_eq!(call(&sandbox, Method::DELETE, &format!("{VERSIONS}/1")).await.status(), 404);
    assert_eq!(call(&sandbox, Method::GET, "/user").await.status(), 200);
    sandbox.advance(20);
    let response = call(&sandbox, Method::GET, "/user").await;
    assert_eq!(header(&response, "retry-after"), "40");
    let (status, message) = outcome(response).await;
    assert_eq!(status, 429);
    assert!(message.starts_with("You have exceeded a secondary rate limit."), "{message}");
    sandbox.advance(40);
    assert_eq!(call(&sandbox, Method::GET, "/user").await.status(), 200);
}

#[tokio::test]
async fn hints_may_be_missing() {
    let sandbox = acme().await;
    sandbox.set_limits(Limits { secondary_points: Some(0), retry_after: false, headers: false, ..Limits::default() });
    let response = call(&sandbox, Method::GET, "/user").await;
    assert_eq!((header(&response, "retry-after"), header(&response, "x-ratelimit-limit")), ("", ""));
    assert_eq!(outcome(response).await.0, 403);
}

#[tokio::test]
async fn tokens_of_a_user_share_their_hour() {
    let sandbox = acme().await;
    token(&sandbox, "ghp_second", TokenKind::classic("me", &["read:packages"]));
    call(&sandbox, Method::GET, "/user").await;
    let response = call_as(&sandbox, "ghp_second", Method::GET, "/user").send().await.unwrap();
    assert_eq!(header(&response, "x-ratelimit-used"), "2");
    assert_eq!(
        outcome(call_as(&sandbox, "bad", Method::GET, "/user").send().await.unwrap()).await,
        refused(401, "Bad credentials")
    );
}
