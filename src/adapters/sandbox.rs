//! Waits until a sandbox of this program answers: it may be starting, in another process.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use serde::Deserialize;

use super::http::HttpClient;
use crate::ports::{PortError, PortErrorKind};

/// How long one question may take: who holds the port but does not serve yet lets it wait.
const ANSWER: Duration = Duration::from_secs(2);

/// The pause between two questions.
const PAUSE: Duration = Duration::from_millis(100);

/// What a sandbox says of its time, and nobody else does.
#[derive(Deserialize)]
struct Time {
    #[serde(rename = "now")]
    _now: String,
    #[serde(rename = "frozen")]
    _frozen: bool,
}

/// Waits until the sandbox at this address answers, for at most `longest`; `waits` is called once if it does not at first.
///
/// # Errors
/// If nobody answers in that time, or somebody who is no sandbox.
pub async fn answers(
    http: &HttpClient,
    address: SocketAddr,
    longest: Duration,
    waits: impl FnOnce(),
) -> Result<(), PortError> {
    let failed = |kind, problem: String| PortError::new(kind, format!("find a sandbox at {address}"), problem);
    let url = format!("http://{address}/_sandbox/clock")
        .parse()
        .map_err(|_| failed(PortErrorKind::Malformed, "that is no address".to_owned()))?;
    let client = http.below(&url);
    let began = Instant::now();
    let mut waits = Some(waits);
    loop {
        let answer = client.get(url.clone()).timeout(ANSWER).send().await;
        let silence = match answer {
            Ok(answer) => {
                return match answer.json::<Time>().await {
                    Ok(_) => Ok(()),
                    Err(_) => Err(failed(PortErrorKind::Malformed, "somebody else answers there".to_owned())
                        .with_hint(
                            "another program uses that port: choose one with `ghcr-lifecycle sandbox --listen`",
                        )),
                };
            }
            Err(error) => error,
        };
        if let Some(waits) = waits.take() {
            waits();
        }
        if began.elapsed() >= longest {
            return Err(failed(PortErrorKind::Unavailable, format!("nobody answered for {} s", longest.as_secs()))
                .with_hint("start one with `ghcr-lifecycle sandbox --demo`, in another terminal or in the background")
                .with_source(silence));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
