//! The GitHub API, played by a scripted server on loopback.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use ghcr_lifecycle::{
    adapters::{github::GitHub, history::History},
    model::{CommitId, RepositoryFacts, Secret},
    ports::{Ancestry, NameKind, PortErrorKind, SourceHistory, SourceRepository},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

const OURS: &str = "1111111111111111111111111111111111111111";
const THEIRS: &str = "2222222222222222222222222222222222222222";
const TAG_OBJECT: &str = "3333333333333333333333333333333333333333";

/// One answer: a status, more header lines, a body.
#[derive(Clone)]
struct Answer(u16, String, Vec<u8>);

fn ok(body: &str) -> Answer {
    Answer(200, String::new(), body.into())
}

fn status(status: u16, headers: &str, message: &str) -> Answer {
    Answer(status, headers.into(), format!(r#"{{"message":"{message}","documentation_url":""}}"#).into())
}

#[derive(Default)]
struct State {
    /// Answers by request target, used up in order; the last one stays.
    script: BTreeMap<String, VecDeque<Answer>>,
    /// Requests as they came, heads only.
    seen: Vec<String>,
    /// How many connections to cut before answering.
    cut: usize,
}

struct Server {
    url: String,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/v3", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        Self { url, state, task }
    }

    fn on(&self, target: &str, answers: impl IntoIterator<Item = Answer>) -> &Self {
        let target = format!("/api/v3/repos/Acme/shop/{target}").trim_end_matches('/').to_owned();
        self.state.lock().unwrap().script.insert(target, answers.into_iter().collect());
        self
    }

    fn seen(&self) -> Vec<String> {
        self.state.lock().unwrap().seen.clone()
    }

    fn targets(&self) -> Vec<String> {
        let path =
            |head: &String| head.split(' ').nth(1).unwrap().trim_start_matches("/api/v3/repos/Acme/shop/").into();
        self.seen().iter().map(path).collect()
    }

    fn github(&self) -> GitHub {
        let token = Secret::new("ghs_secret").unwrap();
        GitHub::new(client(), &self.url, Some(&token), "Acme/shop".parse().unwrap())
            .unwrap()
            .with_first_wait(Duration::from_millis(1))
    }
}

async fn answer(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap().to_owned();
    let answer = {
        let mut state = state.lock().unwrap();
        state.seen.push(head);
        if state.cut > 0 {
            state.cut -= 1;
            return;
        }
        match state.script.get_mut(&target) {
            Some(answers) if answers.len() > 1 => answers.pop_front().unwrap(),
            Some(answers) => answers[0].clone(),
            None => status(404, "", "Not Found"),
        }
    };
    let Answer(status, headers, body) = answer;
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
    let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The machine's own certificates play no part: the server speaks plain HTTP.
    reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap()
}

fn commit(text: &str) -> CommitId {
    text.parse().unwrap()
}

fn compare(base: &str, head: &str) -> String {
    format!("compare/{base}...{head}?per_page=1&page=2")
}

fn reference(name: &str, kind: &str, sha: &str) -> Answer {
    ok(&format!(r#"{{"ref":"{name}","node_id":"x","url":"u","object":{{"type":"{kind}","sha":"{sha}","url":"u"}}}}"#))
}

#[tokio::test]
async fn ours_is_the_head_of_the_comparison() {
    let server = Server::start().await;
    let github = server.github();
    for (word, expected) in [
        ("identical", Ancestry::Same),
        ("ahead", Ancestry::Descendant),
        ("behind", Ancestry::Ancestor),
        ("diverged", Ancestry::Diverged),
        ("sideways", Ancestry::Unknown),
    ] {
        server.on(&compare(THEIRS, OURS), [ok(&format!(r#"{{"status":"{word}","ahead_by":1}}"#))]);
        assert_eq!(github.ancestry(&commit(OURS), &commit(THEIRS)).await.unwrap(), expected);
    }
    assert_eq!(github.ancestry(&commit(OURS), &commit("abcdef0")).await.unwrap(), Ancestry::Unknown);
    assert!(server.targets().contains(&compare("abcdef0", OURS)));
    let head = server.seen()[0].to_lowercase();
    for line in ["authorization: bearer ghs_secret\r\n", "user-agent: ", "x-github-api-version: 2022-11-28"] {
        assert!(head.contains(line), "{head}");
    }
    assert_eq!(head.matches("user-agent").count(), 1);
}

#[tokio::test]
async fn branch_names_are_encoded_and_answered_exactly() {
    let server = Server::start().await;
    let github = server.github();
    server
        .on("git/ref/heads/feature/x%231%25", [reference("refs/heads/feature/x#1%", "commit", OURS)])
        .on("git/ref/heads/other", [reference("refs/heads/otherwise", "commit", OURS)]);
    assert_eq!(github.branch_tip("feature/x#1%").await.unwrap(), Some(commit(OURS)));
    assert_eq!(github.branch_tip("other").await.unwrap(), None);
    assert_eq!(github.branch_tip("absent").await.unwrap(), None);
    let asked = server.seen().len();
    for name in ["", "..", "../../../user", "a/../b", "a//b", "a b", "x\ny", "a?b", "./a"] {
        assert_eq!(github.branch_tip(name).await.unwrap(), None, "{name:?}");
    }
    assert_eq!(server.seen().len(), asked, "names that git does not allow are never sent");
}

#[tokio::test]
async fn tags_are_peeled_before_branches_are_asked() {
    let server = Server::start().await;
    let github = server.github();
    server
        .on("git/ref/tags/v1", [reference("refs/tags/v1", "tag", TAG_OBJECT)])
        .on(
            &format!("git/tags/{TAG_OBJECT}"),
            [ok(&format!(r#"{{"tag":"v1","object":{{"type":"commit","sha":"{OURS}"}}}}"#))],
        )
        .on("git/ref/heads/v1", [reference("refs/heads/v1", "commit", THEIRS)]);
    assert_eq!(github.name_kind("v1", &commit(OURS)).await.unwrap(), NameKind::Tag);
    assert_eq!(github.name_kind("v1", &commit(THEIRS)).await.unwrap(), NameKind::Branch);
    assert_eq!(github.name_kind("v1", &commit("abcdef0")).await.unwrap(), NameKind::Neither);
    let looping = format!(r#"{{"object":{{"type":"tag","sha":"{TAG_OBJECT}"}}}}"#);
    server.on(&format!("git/tags/{TAG_OBJECT}"), [ok(&looping)]);
    assert_eq!(github.name_kind("v1", &commit(OURS)).await.unwrap(), NameKind::Neither);
}

#[tokio::test]
async fn dates_and_files_are_read() {
    let server = Server::start().await;
    let github = server.github();
    let body = r#"{"sha":"x","commit":{"author":{"date":"2020-01-01T00:00:00Z"},"committer":{"date":"2026-02-03T04:05:06Z"}}}"#;
    server
        .on(&format!("commits/{OURS}?per_page=1&page=2"), [ok(body)])
        .on("contents/.github/ghcr-lifecycle.yml?ref=refs%2Fheads%2Frelease%2F1", [ok("images: []\n")])
        .on("contents/large?ref=refs%2Fheads%2Fmain", [Answer(200, String::new(), vec![b'x'; 1024 * 1024 + 1])]);
    let date = github.commit_date(&commit(OURS)).await.unwrap().unwrap();
    assert_eq!(date.to_rfc3339(), "2026-02-03T04:05:06+00:00");
    assert_eq!(github.commit_date(&commit(THEIRS)).await.unwrap(), None);
    let file = github.file(".github/ghcr-lifecycle.yml", "release/1").await.unwrap().unwrap();
    assert_eq!(file, "images: []\n");
    assert!(server.seen().last().unwrap().to_lowercase().contains("accept: application/vnd.github.raw+json"));
    assert_eq!(github.file("absent", "main").await.unwrap(), None);
    let error = github.file("large", "main").await.unwrap_err();
    assert_eq!(
        (error.kind, error.detail.as_str()),
        (PortErrorKind::Malformed, "the answer is larger than 1048576 bytes")
    );
    for path in ["../x", "/etc/passwd", "a/../b", ""] {
        assert_eq!(github.file(path, "main").await.unwrap_err().kind, PortErrorKind::Malformed);
    }
}

#[tokio::test]
async fn the_repository_is_described() {
    let server = Server::start().await;
    let history = History { clone: None, github: Some(server.github()) };
    assert_eq!(history.repository_facts().await.unwrap_err().kind, PortErrorKind::NotFound);
    let whole = r#"{"id":1,"name":"shop","html_url":"https://ghes/Acme/shop","description":"Sells","default_branch":"trunk",
        "license":{"key":"mit","spdx_id":"MIT"}}"#;
    let bare = r#"{"name":"shop","html_url":"https://ghes/Acme/shop","description":null,"default_branch":"trunk","license":null}"#;
    server.on("", [ok(whole), ok(bare), ok(r#"{"name":"shop"}"#), status(403, "", "Resource not accessible")]);
    let text = |text: &str| Some(text.to_owned());
    let facts = RepositoryFacts {
        name: text("shop"),
        html_url: text("https://ghes/Acme/shop"),
        description: text("Sells"),
        license: text("MIT"),
        default_branch: text("trunk"),
    };
    assert_eq!(history.repository_facts().await.unwrap(), facts);
    let bare = RepositoryFacts { description: None, license: None, ..facts };
    assert_eq!(history.repository_facts().await.unwrap(), bare);
    assert_eq!(history.repository_facts().await.unwrap_err().kind, PortErrorKind::Malformed);
    assert_eq!(history.repository_facts().await.unwrap_err().kind, PortErrorKind::Denied);
    assert!(server.seen().iter().all(|head| head.starts_with("GET /api/v3/repos/Acme/shop HTTP")));
    let nobody = History::default().repository_facts().await.unwrap_err();
    assert!(nobody.hint.unwrap().contains("github-token"));
}

#[tokio::test]
async fn failures_are_told_apart_and_retried_within_bounds() {
    let server = Server::start().await;
    let github = server.github();
    let target = compare(THEIRS, OURS);
    let ask = || async { github.ancestry(&commit(OURS), &commit(THEIRS)).await };
    let fine = || ok(r#"{"status":"ahead"}"#);

    server.on(&target, [status(502, "", "Server Error"), status(503, "", ""), fine()]);
    server.state.lock().unwrap().cut = 1;
    assert_eq!(ask().await.unwrap(), Ancestry::Descendant);
    assert_eq!(server.seen().len(), 4);

    server.on(&target, [status(429, "Retry-After: 0\r\n", "slow down"), fine()]);
    assert_eq!(ask().await.unwrap(), Ancestry::Descendant);

    for (answer, kind, tries, words) in [
        (status(500, "", "Server Error"), PortErrorKind::Unavailable, 5, "500"),
        (status(401, "", "Bad credentials"), PortErrorKind::Denied, 1, "github-token"),
        (
            status(403, "X-RateLimit-Remaining: 12\r\n", "Resource not accessible"),
            PortErrorKind::Denied,
            1,
            "contents: read",
        ),
        (
            status(403, "X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1767225600\r\n", "API rate limit exceeded"),
            PortErrorKind::RateLimited,
            1,
            "00:00:00 UTC",
        ),
        (status(403, "Retry-After: 3600\r\n", "secondary"), PortErrorKind::RateLimited, 1, "60 minutes"),
        (status(403, "", "You have exceeded a secondary rate limit."), PortErrorKind::RateLimited, 1, "few minutes"),
        (status(422, "", "no\\nsuch"), PortErrorKind::Malformed, 1, "no\\nsuch"),
        (ok("[]"), PortErrorKind::Malformed, 1, "not what the API documents"),
    ] {
        server.on(&target, [answer]);
        let before = server.seen().len();
        let error = ask().await.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        let text = format!("{error} {}", error.hint.as_deref().unwrap_or_default());
        assert!(text.contains(words) && !text.contains("ghs_secret"), "{text}");
        assert_eq!(server.seen().len() - before, tries, "{text}");
    }
}

#[tokio::test]
async fn the_token_stays_with_the_api() {
    let (server, elsewhere) = (Server::start().await, Server::start().await);
    elsewhere.on(&compare(THEIRS, OURS), [ok(r#"{"status":"ahead"}"#)]);
    let location = format!("Location: {}/repos/Acme/shop/{}\r\n", elsewhere.url, compare(THEIRS, OURS));
    server.on(&compare(THEIRS, OURS), [Answer(301, location, Vec::new())]);
    let _ = server.github().ancestry(&commit(OURS), &commit(THEIRS)).await;
    assert!(server.seen()[0].contains("ghs_secret"));
    assert!(elsewhere.seen().iter().all(|head| !head.contains("ghs_secret")));
}

#[tokio::test]
async fn a_renamed_repository_is_followed() {
    let server = Server::start().await;
    let moved = "Location: /api/v3/repos/Acme/shop/git/moved\r\n";
    server
        .on("git/ref/heads/main", [Answer(301, moved.into(), Vec::new())])
        .on("git/moved", [reference("refs/heads/main", "commit", OURS)]);
    let unfollowing = reqwest::Client::builder()
        .no_proxy()
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    for client in [client(), unfollowing] {
        let token = Secret::new("ghs_secret");
        let github = GitHub::new(client, &server.url, token.as_ref(), "Acme/shop".parse().unwrap()).unwrap();
        assert_eq!(github.branch_tip("main").await.unwrap(), Some(commit(OURS)));
        assert!(server.seen().last().unwrap().contains("ghs_secret"));
    }
}

#[tokio::test]
async fn addresses_and_tokens_that_cannot_be_right_are_refused() {
    let new = |url: &str, token: &str| {
        GitHub::new(client(), url, Secret::new(token).as_ref(), "acme/shop".parse().unwrap()).map(drop)
    };
    new("https://api.github.com", "t\n").unwrap();
    new("https://ghes.example.org/api/v3/", "").unwrap();
    for url in
        ["http://api.github.com", "ftp://localhost", "nonsense", "https://user:pw@api.github.com", "https://a/?q"]
    {
        new(url, "t").unwrap_err();
    }
    let error = new("https://api.github.com", "a\nb").unwrap_err();
    assert!(!format!("{error:?}").contains("a\\nb"));
}

#[tokio::test]
async fn a_refusal_leaves_ancestry_unknown_and_is_an_error_where_guessing_would_be_wrong() {
    let server = Server::start().await;
    let denied = || [status(403, "", "Resource not accessible by integration")];
    server
        .on(&compare(THEIRS, OURS), denied())
        .on("git/ref/heads/main", denied())
        .on("git/ref/tags/main", denied())
        .on(&format!("commits/{OURS}?per_page=1&page=2"), denied());
    let history = History { clone: None, github: Some(server.github()) };
    let ours = commit(OURS);
    assert_eq!(history.ancestry(&ours, &commit(THEIRS)).await.unwrap(), Ancestry::Unknown);
    assert_eq!(history.branch_tip("main").await.unwrap(), None);
    assert_eq!(history.name_kind("main", &ours).await.unwrap_err().kind, PortErrorKind::Denied);
    assert_eq!(history.commit_date(&ours).await.unwrap_err().kind, PortErrorKind::Denied);
}
