//! A way to a server that breaks in the middle of what a client sends.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A proxy on loopback that cuts connections.
pub struct Breaking {
    host: String,
    task: JoinHandle<()>,
}

impl Breaking {
    /// Starts one before `target`. It cuts a connection when the client has sent so many bytes over it, so many times; what
    /// came before arrives.
    pub async fn start(target: &str, bytes: usize, times: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (target, left) = (target.to_owned(), Arc::new(AtomicUsize::new(times)));
        let task = tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(&target).await.unwrap();
                tokio::spawn(connect(client, server, bytes, Arc::clone(&left)));
            }
        });
        Self { host, task }
    }

    pub fn host(&self) -> &str {
        &self.host
    }
}

impl Drop for Breaking {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect(client: TcpStream, server: TcpStream, bytes: usize, left: Arc<AtomicUsize>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let answers = tokio::spawn(async move { tokio::io::copy(&mut from_server, &mut to_client).await });
    let mut buffer = vec![0; 64 * 1024];
    let mut sent = 0;
    while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
        if to_server.write_all(&buffer[..read]).await.is_err() {
            break;
        }
        sent += read;
        let is_due = |left: usize| (sent > bytes).then(|| left.checked_sub(1)).flatten();
        if left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_due).is_ok() {
            break;
        }
    }
    answers.abort();
}
