//! Whose turn it is: a gate in the embedded registry holds each request until the schedule lets it pass.

use std::fmt;

use ghcr_lifecycle::sandbox::{RequestInfo, Sandbox};
use tokio::sync::{mpsc, oneshot};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Client {
    A,
    B,
}

impl Client {
    pub(super) const BOTH: [Self; 2] = [Self::A, Self::B];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
        }
    }

    const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// In which order two clients' requests take effect. When it ends, A finishes first.
pub(super) enum Schedule {
    /// So many requests of one, then so many of the other, …
    Blocks(Vec<(Client, usize)>),
    /// By chance, from a seed; runs of one client have 1 to 8 requests.
    Random(u64),
}

impl Schedule {
    pub(super) fn blocks(blocks: &[(Client, usize)]) -> Self {
        Self::Blocks(blocks.to_vec())
    }

    pub(super) fn random(seed: u64) -> Self {
        Self::Random(seed)
    }

    fn turns(&self) -> Box<dyn Iterator<Item = (Client, usize)> + '_> {
        match self {
            Self::Blocks(blocks) => Box::new(blocks.iter().copied()),
            Self::Random(seed) => {
                // Knuth's linear congruential generator; its high bits are good enough.
                let mut state = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut next = move || {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    state >> 40
                };
                Box::new(std::iter::repeat_with(move || {
                    let client = if next() % 2 == 0 { Client::A } else { Client::B };
                    (client, 1 + usize::try_from(next() % 8).unwrap())
                }))
            }
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocks(blocks) => write!(formatter, "{blocks:?}"),
            Self::Random(seed) => write!(formatter, "random, seed {seed}"),
        }
    }
}

enum News {
    Arrived(Client, oneshot::Sender<()>),
    Finished(Client),
}

/// The requests that wait, and who has finished.
pub(super) struct Gate {
    news: mpsc::UnboundedReceiver<News>,
    teller: mpsc::UnboundedSender<News>,
    waiting: [Vec<oneshot::Sender<()>>; 2],
    finished: [bool; 2],
    passed: [usize; 2],
}

impl Gate {
    pub(super) fn new(sandbox: &Sandbox) -> Self {
        let (teller, news) = mpsc::unbounded_channel();
        let arrivals = teller.clone();
        sandbox.on_request(move |info: RequestInfo| {
            let client = if info.client.as_deref() == Some("a") { Client::A } else { Client::B };
            let (opener, opened) = oneshot::channel();
            let _ = arrivals.send(News::Arrived(client, opener));
            async move {
                let _ = opened.await;
            }
        });
        Self { news, teller, waiting: Default::default(), finished: [false; 2], passed: [0; 2] }
    }

    /// Returns what a client calls when it is done.
    pub(super) fn bell(&self, client: Client) -> impl FnOnce() + use<> {
        let teller = self.teller.clone();
        move || {
            let _ = teller.send(News::Finished(client));
        }
    }

    /// Waits until the client's next request is at the gate: those that passed before have taken effect then, as a client
    /// sends writes one by one and the registry answers reads at once. Returns `false` if there is none any more.
    async fn ready(&mut self, client: Client) -> bool {
        loop {
            if !self.waiting[client as usize].is_empty() {
                return true;
            }
            if self.finished[client as usize] {
                return false;
            }
            match self.news.recv().await.expect("the gate holds a teller itself") {
                News::Arrived(client, opener) => self.waiting[client as usize].push(opener),
                News::Finished(client) => self.finished[client as usize] = true,
            }
        }
    }

    async fn pass(&mut self, client: Client, requests: usize) {
        for _ in 0..requests {
            if !self.ready(client).await {
                return;
            }
            let _ = self.waiting[client as usize].remove(0).send(());
            self.passed[client as usize] += 1;
        }
        self.ready(client).await;
    }

    /// Lets requests pass as the schedule says until both clients are done. Returns how many each sent.
    pub(super) async fn run(mut self, schedule: &Schedule) -> [usize; 2] {
        for (client, requests) in schedule.turns() {
            if self.finished == [true; 2] {
                break;
            }
            let client = if self.finished[client as usize] { client.other() } else { client };
            self.pass(client, requests).await;
        }
        for client in Client::BOTH {
            self.pass(client, usize::MAX).await;
        }
        self.passed
    }
}
