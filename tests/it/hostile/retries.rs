//! Retries and rate limits, against a server that has trouble.

use ghcr_lifecycle::ports::{PortErrorKind, RegistryReader as _};

use super::{LIST, anonymous};
use crate::{
    registry::{client, image, tag},
    scripted::{Reply, Scripted},
};

#[tokio::test]
async fn limits_and_failures_are_retried_until_an_answer_stands() {
    let ghcr = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"retry-after: 2.5ms, allowed: 2000/minute"}]}"#;
    for trouble in [
        Reply::new(429).with("retry-after", "0"),
        Reply::new(429).with("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"),
        Reply::new(429).body(ghcr),
        Reply::new(500).body("oops"),
        Reply::new(502).body("<html>bad gateway</html>"),
        Reply::new(503),
        Reply::new(504),
        Reply::error(403, "DENIED", "permission_denied: You have exceeded a secondary rate limit. Please wait"),
        Reply::hang_up(),
        Reply::tags(&["v1", "v2"]).cut_after(10),
    ] {
        let first = trouble.clone();
        let server =
            Scripted::start(move |_, _, nth| if nth < 2 { first.clone() } else { Reply::tags(&["v1", "v2"]) }).await;
        let tags = client(anonymous()).tags(&image(server.host(), "acme/shop")).await;
        assert_eq!(tags.unwrap(), [tag("v1"), tag("v2")], "{trouble:?}");
        assert_eq!(server.lines(), [LIST; 3], "{trouble:?}");
    }
}

#[tokio::test]
async fn retries_are_bounded_and_say_what_stayed() {
    let secondary = r#"{"message":"You have exceeded a secondary rate limit."}"#;
    for (trouble, attempts, kind, said) in [
        (Reply::new(503).body("tired"), 6, PortErrorKind::Unavailable, "503 with `tired`"),
        (Reply::new(429).body("slow\ndown"), 6, PortErrorKind::RateLimited, "429 with `slow\\ndown`"),
        (Reply::new(429).with("retry-after", "7200"), 1, PortErrorKind::RateLimited, "rate limited until 2"),
        (Reply::new(403).body(secondary), 3, PortErrorKind::RateLimited, "rate limited until 2"),
        (Reply::hang_up(), 6, PortErrorKind::Unavailable, "the connection failed"),
    ] {
        let server = Scripted::start({
            let trouble = trouble.clone();
            move |_, _, _| trouble.clone()
        })
        .await;
        let error = client(anonymous()).tags(&image(server.host(), "acme/shop")).await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.detail.contains(said), "{error}");
        assert_eq!(server.lines().len(), attempts, "{trouble:?}");
    }
}

#[tokio::test]
async fn other_refusals_are_not_retried() {
    for status in [400, 405, 410, 418] {
        let server = Scripted::start(move |_, _, _| Reply::new(status).body("no\u{1b}[2J")).await;
        let error = client(anonymous()).tags(&image(server.host(), "acme/shop")).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Malformed);
        assert!(error.detail.ends_with(&format!("{status} with `no\\u{{1b}}[2J`")), "{error}");
        assert_eq!(server.lines(), [LIST]);
    }
}
