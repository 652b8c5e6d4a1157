//! Files and trees.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use hyper::StatusCode;
use serde_json::{Value, json};

use super::{
    call::{Call, encode},
    errors::{not_found, refuse},
};
use crate::sandbox::{
    http::Answer,
    state::{
        SourceRepository,
        source::objects::{TreeEntry, blob_id},
    },
};

/// The largest file whose content is told as base64, in bytes; larger ones are to be asked for raw.
const MAX_INLINE_BYTES: usize = 1024 * 1024;

/// How many entries a recursive tree has where a repository cuts its trees.
const TRUNCATED_LENGTH: usize = 1;

fn encode_path(path: &str) -> String {
    path.split('/').map(encode).collect::<Vec<_>>().join("/")
}

fn entry(call: &Call, source: &SourceRepository, reference: &str, path: &str, id: &str, size: Option<usize>) -> Value {
    let (name, encoded) = (source.full_name(), encode_path(path));
    let repository = format!("{}/repos/{name}", call.api);
    let url = format!("{repository}/contents/{encoded}?ref={}", encode(reference));
    let (kind, git, web) = match size {
        Some(_) => ("file", "blobs", "blob"),
        None => ("dir", "trees", "tree"),
    };
    let git = format!("{repository}/git/{git}/{id}");
    let html = format!("https://github.com/{name}/{web}/{reference}/{encoded}");
    let raw = size.map(|_| format!("https://raw.githubusercontent.com/{name}/{reference}/{encoded}"));
    json!({
        "type": kind,
        "size": size.unwrap_or(0),
        "name": path.rsplit('/').next().unwrap_or_default(),
        "path": path,
        "sha": id,
        "url": url,
        "git_url": git,
        "html_url": html,
        "download_url": raw,
        "_links": {"self": url, "git": git, "html": html},
    })
}

/// Answers `GET …/contents/{path}`.
pub(super) fn get(call: &Call, source: &SourceRepository, path: &str) -> Result<Answer, Answer> {
    let path = path.trim_matches('/');
    let reference = call.parameter("ref").filter(|name| !name.is_empty());
    let missing = || match reference {
        Some(name) => refuse(StatusCode::NOT_FOUND, &format!("No commit found for the ref {name}")),
        None => refuse(StatusCode::NOT_FOUND, "This repository is empty."),
    };
    let commit = source.resolve(reference.unwrap_or("HEAD")).ok_or_else(missing)?;
    let reference = reference.unwrap_or(&source.default_branch);
    let Some(bytes) = commit.files.get(path) else {
        let entries = source.folder(commit, path).ok_or_else(not_found)?;
        let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        let list: Vec<Value> = entries
            .into_iter()
            .map(|TreeEntry { name, id, size }| entry(call, source, reference, &below(&name), &id, size))
            .collect();
        return Ok(Answer::json(StatusCode::OK, &list.into()));
    };
    if call.accepts("raw") {
        return Ok(Answer::new(StatusCode::OK).body("application/vnd.github.raw+json; charset=utf-8", bytes.clone()));
    }
    let mut object = entry(call, source, reference, path, &blob_id(bytes), Some(bytes.len()));
    if bytes.len() > MAX_INLINE_BYTES {
        (object["content"], object["encoding"]) = ("".into(), "none".into());
    } else {
        // Lines of 60 characters, as `base64` writes them.
        let text = BASE64.encode(bytes);
        let lines = text.as_bytes().chunks(60).map(|line| format!("{}\n", String::from_utf8_lossy(line)));
        (object["content"], object["encoding"]) = (lines.collect::<String>().into(), "base64".into());
    }
    Ok(Answer::json(StatusCode::OK, &object))
}

/// Answers `GET …/git/trees/{tree}`, where a commit or a branch stands for its tree.
pub(super) fn tree(call: &Call, source: &SourceRepository, id: &str) -> Result<Answer, Answer> {
    let found = source.tree(id).or_else(|| source.tree(&source.resolve(id)?.tree));
    let (id, files, prefix) = found.ok_or_else(not_found)?;
    let repository = format!("{}/repos/{}", call.api, source.full_name());
    let mut entries = source.entries_below(&files, &prefix, call.parameter("recursive").is_some());
    let truncated = source.truncates_trees && entries.len() > TRUNCATED_LENGTH;
    if truncated {
        entries.truncate(TRUNCATED_LENGTH);
    }
    let list: Vec<Value> = entries
        .into_iter()
        .map(|TreeEntry { name, id, size }| match size {
            Some(size) => json!({
                "path": name, "mode": "100644", "type": "blob", "sha": id, "size": size,
                "url": format!("{repository}/git/blobs/{id}"),
            }),
            None => json!({
                "path": name, "mode": "040000", "type": "tree", "sha": id,
                "url": format!("{repository}/git/trees/{id}"),
            }),
        })
        .collect();
    let body = json!({"sha": id, "url": format!("{repository}/git/trees/{id}"), "tree": list, "truncated": truncated});
    Ok(Answer::json(StatusCode::OK, &body))
}
