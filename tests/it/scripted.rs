//! A loopback server that says what a test tells it to, and remembers what it was asked.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Received {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The method, the target, and the scheme of its credentials.
    fn line(&self) -> String {
        let scheme = self.header("authorization").map(|value| value.split(' ').next().unwrap_or_default());
        let who = scheme.map(|scheme| format!(" [{scheme}]")).unwrap_or_default();
        format!("{} {}{who}", self.method, self.target)
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// How many bytes of the body are sent before the connection is cut.
    cut: Option<usize>,
    hang_up: bool,
}

impl Reply {
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), cut: None, hang_up: false }
    }

    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"errors": [{"code": code, "message": message}]});
        Self::new(status).with("content-type", "application/json").body(body.to_string())
    }

    pub fn tags(tags: &[&str]) -> Self {
        Self::new(200).body(serde_json::json!({"name": "acme/shop", "tags": tags}).to_string())
    }

    pub fn challenge(realm: &str) -> Self {
        let value = format!(r#"Bearer realm="{realm}",service="tests",scope="repository:user/image:pull,push""#);
        Self::error(401, "UNAUTHORIZED", "authentication required").with("www-authenticate", value)
    }

    pub fn token(text: &str) -> Self {
        Self::new(200).body(serde_json::json!({"token": text}).to_string())
    }

    pub fn cut_after(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }

    /// No answer at all.
    pub fn hang_up() -> Self {
        Self { hang_up: true, ..Self::new(200) }
    }
}

/// A scripted server on loopback.
pub struct Scripted {
    host: String,
    requests: Arc<Mutex<Vec<Received>>>,
    task: JoinHandle<()>,
}

impl Scripted {
    /// Starts a server. The script gets the server's own host, each request, and how many came before it.
    pub async fn start(script: impl Fn(&str, &Received, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let requests: Arc<Mutex<Vec<Received>>> = Arc::default();
        let (script, own, seen) = (Arc::new(script), host.clone(), Arc::clone(&requests));
        let task = tokio::spawn(async move {
            loop {
                let (connection, _) = listener.accept().await.unwrap();
                let (script, own, seen) = (Arc::clone(&script), own.clone(), Arc::clone(&seen));
                tokio::spawn(async move {
                    let mut connection = BufReader::new(connection);
                    let Some(request) = receive(&mut connection).await else { return };
                    let before = {
                        let mut seen = seen.lock().unwrap();
                        seen.push(request.clone());
                        seen.len() - 1
                    };
                    send(connection.get_mut(), &request, script(&own, &request, before)).await;
                });
            }
        });
        Self { host, requests, task }
    }

    /// A server that nobody should talk to.
    pub async fn untouched() -> Self {
        Self::start(|_, _, _| Reply::error(404, "NAME_UNKNOWN", "nobody should ask")).await
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    pub fn requests(&self) -> Vec<Received> {
        self.requests.lock().unwrap().clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.requests().iter().map(Received::line).collect()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn receive(connection: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() > 65_536 {
            return None;
        }
        head.push(connection.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.ok()?;
    Some(Received { method, target, headers, body })
}

async fn send(connection: &mut TcpStream, request: &Received, reply: Reply) {
    if reply.hang_up {
        return;
    }
    let mut head = format!("HTTP/1.1 {} Scripted\r\nconnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        write!(head, "{name}: {value}\r\n").unwrap();
    }
    if !reply.headers.iter().any(|(name, _)| name == "content-length") {
        write!(head, "content-length: {}\r\n", reply.body.len()).unwrap();
    }
    head.push_str("\r\n");
    let body = if request.method == "HEAD" { &[][..] } else { &reply.body[..reply.cut.unwrap_or(reply.body.len())] };
    // The client may have heard enough before the end.
    let _ = connection.write_all(&[head.as_bytes(), body].concat()).await;
    let _ = connection.shutdown().await;
}
