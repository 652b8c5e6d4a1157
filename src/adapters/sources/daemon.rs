//! An image of the local Docker engine, or of Podman in its place: the engine is asked for a `docker save` archive over its
//! socket ([API](https://docs.docker.com/reference/api/engine/#tag/Image/operation/ImageGet)).
//!
//! The archive goes into a scratch file: an engine writes the list of the images last, and would have to make the archive
//! anew for each time that it is read.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{Response, StatusCode};
use tokio::io::AsyncWriteExt as _;

use super::spec::DaemonImage;
use crate::{
    adapters::{
        http::{STALL, one_line, over_socket, quoted},
        runner::temporary::Scratch,
    },
    model::untrusted::shown,
    ports::{PortError, PortErrorKind},
};

/// Where the runner mounts the engine's socket in the container of an action.
const SOCKET: &str = "/var/run/docker.sock";

/// How long an engine may prepare an archive before it sends the first byte: it copies gigabytes first.
const PREPARATION: Duration = Duration::from_secs(15 * 60);

/// How long an engine may be silent in the middle of an archive: it may be packing a large layer.
const SILENCE: Duration = Duration::from_secs(5 * 60);

/// The largest refusal that is read, in bytes.
const MAX_REFUSAL: usize = 64 * 1024;

/// Gets the archive of an image. `docker_host` is the variable `DOCKER_HOST`.
pub(super) async fn export(
    image: &DaemonImage,
    docker_host: Option<&str>,
    scratch: &Scratch,
) -> Result<File, PortError> {
    let operation = format!("get image `{image}` from the Docker engine");
    let fail = |kind, detail: String| PortError::new(kind, operation.clone(), detail);
    let socket = socket(docker_host).map_err(|detail| {
        fail(PortErrorKind::Unsupported, detail)
            .with_hint("`docker save` writes an archive that `docker-archive:` reads")
    })?;
    let client = over_socket(&socket)?;
    // The host is not looked up: the socket decides who answers.
    let request = client.get(format!("http://docker/images/{}/get", image.as_path())).send();
    let response = match tokio::time::timeout(PREPARATION, request).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => return Err(unreachable(&operation, &socket, error)),
        Err(_) => {
            return Err(fail(PortErrorKind::Unavailable, "the engine does not answer".to_owned()));
        }
    };
    match response.status() {
        StatusCode::OK => {}
        StatusCode::NOT_FOUND => {
            let words = refusal(response).await;
            return Err(fail(PortErrorKind::NotFound, format!("the engine has no such image: {words}")).with_hint(
                "`docker image ls` shows the names; the image must be loaded (`docker buildx build --load`)",
            ));
        }
        status => {
            let words = refusal(response).await;
            return Err(fail(PortErrorKind::Unavailable, format!("the engine answered {}: {words}", status.as_u16())));
        }
    }
    receive(response, scratch, &operation).await
}

async fn receive(mut response: Response, scratch: &Scratch, operation: &str) -> Result<File, PortError> {
    let mut file = tokio::fs::File::from_std(scratch.file()?);
    let broken = |detail: &str| PortError::new(PortErrorKind::Unavailable, operation, detail);
    loop {
        let next = tokio::time::timeout(SILENCE, response.chunk()).await;
        let chunk = next
            .map_err(|_| broken("the engine stands still"))?
            .map_err(|error| broken("the engine ended the archive early").with_source(error.without_url()))?;
        let Some(chunk) = chunk else { break };
        file.write_all(&chunk).await.map_err(|error| scratch.failed(error))?;
    }
    file.flush().await.map_err(|error| scratch.failed(error))?;
    Ok(file.into_std().await)
}

/// What the engine says against it.
async fn refusal(mut response: Response) -> String {
    let mut body = Vec::new();
    while body.len() < MAX_REFUSAL
        && let Ok(Ok(Some(chunk))) = tokio::time::timeout(STALL, response.chunk()).await
    {
        body.extend_from_slice(&chunk[..chunk.len().min(MAX_REFUSAL - body.len())]);
    }
    let message = serde_json::from_slice::<serde_json::Value>(&body).ok();
    match message.as_ref().and_then(|body| body.get("message")).and_then(|text| text.as_str()) {
        Some(text) => quoted(text),
        None => one_line(&body),
    }
}

fn unreachable(operation: &str, socket: &Path, error: reqwest::Error) -> PortError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    let mut kind = None;
    while let Some(error) = cause {
        kind = error.downcast_ref::<io::Error>().map(io::Error::kind).or(kind);
        cause = error.source();
    }
    let name = shown(&socket.display().to_string());
    let (kind, detail) = match kind {
        Some(io::ErrorKind::NotFound) => (PortErrorKind::NotFound, format!("there is no socket `{name}`")),
        Some(io::ErrorKind::PermissionDenied) => {
            (PortErrorKind::Denied, format!("the socket `{name}` may not be used"))
        }
        _ => (PortErrorKind::Unavailable, format!("nobody answers on the socket `{name}`")),
    };
    PortError::new(kind, operation, detail).with_source(error.without_url()).with_hint(
        "is the engine running, and its socket mounted? DOCKER_HOST names another one (`unix:///run/podman/podman.sock`)",
    )
}

/// Finds the socket.
fn socket(docker_host: Option<&str>) -> Result<PathBuf, String> {
    match docker_host.map(str::trim).filter(|host| !host.is_empty()) {
        None => Ok(PathBuf::from(SOCKET)),
        Some(host) => match host.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Ok(PathBuf::from(path)),
            Some(("unix", _)) => Err("DOCKER_HOST names no absolute path after `unix://`".to_owned()),
            Some((scheme, _)) => {
                Err(format!("DOCKER_HOST speaks `{}`, and only sockets (`unix://`) are read", shown(scheme)))
            }
            None => Err("DOCKER_HOST is no address: expected `unix:///path/of.sock`".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_of_this_machine_are_asked() {
        assert_eq!(socket(None).unwrap(), Path::new(SOCKET));
        assert_eq!(socket(Some(" ")).unwrap(), Path::new(SOCKET));
        assert_eq!(socket(Some("unix:///run/podman.sock")).unwrap(), Path::new("/run/podman.sock"));
        assert!(socket(Some("unix://relative")).unwrap_err().contains("no absolute path"));
        assert!(socket(Some("tcp://10.0.0.1:2375")).unwrap_err().contains("`tcp`"));
        assert!(socket(Some("ssh://user@host")).unwrap_err().contains("`ssh`"));
        assert!(socket(Some("/run/docker.sock")).unwrap_err().contains("no address"));
    }
}
