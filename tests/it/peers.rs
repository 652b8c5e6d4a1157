//! Programs that the tests talk to. A missing one is a failure that names its package.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

/// Debian's `docker-registry` on loopback, with its data in a folder that goes with it.
pub struct DockerRegistry {
    host: String,
    folder: TempDir,
    child: Child,
}

/// Whom the registry lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// [`USERNAME`] with [`PASSWORD`].
    Basic,
}

pub const USERNAME: &str = "tester";
pub const PASSWORD: &str = "correct horse";

/// bcrypt of [`PASSWORD`]: docker-registry takes nothing else.
const PASSWORD_HASH: &str = "$2y$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2";

impl DockerRegistry {
    /// Starts a registry and waits until it answers.
    pub async fn start(access: Access) -> Self {
        // Another process may take the port between our letting go of it and the registry's start.
        for _ in 0..5 {
            if let Some(registry) = Self::try_start(access).await {
                return registry;
            }
        }
        panic!("docker-registry does not start");
    }

    /// Returns the host and port, as image names begin with it.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the folder that holds the registry's blobs and links.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    async fn try_start(access: Access) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let host = format!("127.0.0.1:{port}");
        let auth = match access {
            Access::Open => String::new(),
            Access::Basic => {
                let logins = folder.path().join("htpasswd");
                std::fs::write(&logins, format!("{USERNAME}:{PASSWORD_HASH}\n")).unwrap();
                format!("auth:\n  htpasswd:\n    realm: tests\n    path: {}\n", logins.display())
            }
        };
        let configuration = folder.path().join("config.yml");
        let text = format!(
            "version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\n\
             http:\n  addr: {host}\n{auth}",
            folder.path().join("data").display()
        );
        std::fs::write(&configuration, text).unwrap();
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("docker-registry runs: install the Debian package `docker-registry`");
        for _ in 0..200 {
            if child.try_wait().unwrap().is_some() {
                return None;
            }
            if tokio::net::TcpStream::connect(&host).await.is_ok() {
                return Some(Self { host, folder, child });
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let _ = child.kill();
        let _ = child.wait();
        None
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
