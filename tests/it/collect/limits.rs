//! Rate limits and budgets of the REST API.

use ghcr_lifecycle::{
    adapters::rest::ApiOptions,
    ports::{PackagesReader as _, PortErrorKind},
    sandbox::{Fault, FaultEffect, state::limits::Limits},
};

use super::support::{clients, clients_as, fill, options, rest};
use crate::sandbox::{api::acme, support::TOKEN};

fn refusal(code: u16, headers: &[(&str, &str)], message: &str) -> FaultEffect {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    FaultEffect::Status { code, body: serde_json::json!({"message": message, "status": code}).to_string(), headers }
}

const SECONDARY: &str = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";

#[tokio::test]
async fn limits_in_the_middle_are_waited_out() {
    // The sandbox stands at this second: a reset in the past is no wait.
    let spent = [("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1000000000"), ("x-ratelimit-limit", "5000")];
    for (code, headers, message) in [
        (403, &[("retry-after", "0")][..], SECONDARY),
        (429, &[("retry-after", "1")], SECONDARY),
        (403, &spent, "API rate limit exceeded for installation ID 1."),
        (429, &[("retry-after", "0")], ""),
    ] {
        let sandbox = acme().await;
        fill(&sandbox, 250);
        sandbox.fault(Fault::once(refusal(code, headers, message)).on("GET", "page=2"));
        let clients = clients(&sandbox);
        let versions = clients.packages.active_versions(&clients.image).await.unwrap();
        assert_eq!(versions.len(), 250, "{code} {message}");
    }
}

#[tokio::test]
async fn a_limit_that_lasts_too_long_ends_the_request_and_says_when_to_come_again() {
    let sandbox = acme().await;
    fill(&sandbox, 250);
    sandbox.fault(Fault::always(refusal(403, &[], SECONDARY)).on("GET", "page=2"));
    let clients = clients(&sandbox);
    let error = clients.packages.active_versions(&clients.image).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::RateLimited);
    assert_eq!(error.hint.as_deref(), Some("run it again in 1 minute: what is done stays done"));
}

#[tokio::test]
async fn a_limit_is_asked_about_a_few_times_only() {
    let sandbox = acme().await;
    fill(&sandbox, 2);
    sandbox.fault(Fault::always(refusal(429, &[("retry-after", "0")], SECONDARY)).on("GET", "/versions"));
    let clients = clients(&sandbox);
    let error = clients.packages.active_versions(&clients.image).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::RateLimited);
    assert_eq!(rest(&sandbox).iter().filter(|request| request.contains("/versions")).count(), 4);
}

#[tokio::test]
async fn what_is_left_of_the_hour_is_known_and_a_spent_hour_asks_nothing_more() {
    let sandbox = acme().await;
    fill(&sandbox, 2);
    sandbox.set_limits(Limits { primary: true, ..Limits::default() });
    sandbox.set_remaining(TOKEN, 2);
    let clients = clients(&sandbox);
    assert_eq!(clients.packages.rate_limit(), None);
    clients.packages.package(&clients.image).await.unwrap();
    let limit = clients.packages.rate_limit().unwrap();
    assert_eq!((limit.limit, limit.remaining), (5000, 0));
    assert_eq!(limit.reset.to_rfc3339(), "2026-03-01T13:00:00+00:00");
    let error = clients.packages.active_versions(&clients.image).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::RateLimited);
    assert_eq!(error.hint.as_deref(), Some("run it again in 60 minutes: what is done stays done"));
    assert_eq!(rest(&sandbox).len(), 2, "a request that must be refused is not sent");
}

#[tokio::test]
async fn a_budget_of_requests_is_kept() {
    let sandbox = acme().await;
    fill(&sandbox, 250);
    let budget = ApiOptions { request_budget: Some(3), ..options() };
    let clients = clients_as(&sandbox, TOKEN, budget);
    let error = clients.packages.active_versions(&clients.image).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::RateLimited);
    assert!(error.detail.contains("`request-budget`"), "{error}");
    assert_eq!(rest(&sandbox).len(), 3);
}

#[tokio::test]
async fn a_package_that_no_hour_can_list_is_refused_at_once() {
    let sandbox = acme().await;
    fill(&sandbox, 250);
    sandbox.set_limits(Limits { primary: true, primary_budget: Some(4), ..Limits::default() });
    let policy = super::support::policy("tags: [{on: release, tag: '{{version}}'}]\n");
    let error = clients(&sandbox).collect(&policy, &super::support::cache(None)).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Denied);
    assert!(error.detail.contains("takes at least 5 requests, and the token may make 4 an hour"), "{error}");
    assert_eq!(rest(&sandbox).len(), 2);
}

#[tokio::test]
async fn an_hour_that_cannot_pay_for_the_list_is_not_begun_with() {
    let sandbox = acme().await;
    fill(&sandbox, 250);
    sandbox.set_limits(Limits { primary: true, ..Limits::default() });
    sandbox.set_remaining(TOKEN, 6);
    let policy = super::support::policy("tags: [{on: release, tag: '{{version}}'}]\n");
    let error = clients(&sandbox).collect(&policy, &super::support::cache(None)).await.unwrap_err();
    assert!(error.detail.contains("more than the hour has left"), "{error}");
    assert_eq!(error.hint.as_deref(), Some("run it again in 60 minutes: what is done stays done"));
    assert_eq!(rest(&sandbox).len(), 2);
}
