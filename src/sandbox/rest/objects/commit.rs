//! Commits.

use serde_json::{Value, json};

use super::{account, node_id};
use crate::sandbox::{
    rest::call::Call,
    state::{
        SourceRepository, State,
        source::{Commit, objects::blob_id},
    },
};

/// Makes a commit as lists have it.
pub(in crate::sandbox::rest) fn object(
    state: &State,
    call: &Call,
    source: &SourceRepository,
    commit: &Commit,
) -> Value {
    let Commit { id, parents, message, author, date, tree, files: _ } = commit;
    let repository = format!("{}/repos/{}", call.api, source.full_name());
    let web = format!("https://github.com/{}/commit", source.full_name());
    let who = json!({
        "name": author,
        "email": format!("{author}@users.noreply.github.com"),
        "date": date.to_string(),
    });
    let account = account::simple_by_login(state, call, author);
    let parents: Vec<Value> = parents
        .iter()
        .map(|parent| {
            json!({"sha": parent, "url": format!("{repository}/commits/{parent}"), "html_url": format!("{web}/{parent}")})
        })
        .collect();
    json!({
        "sha": id,
        "node_id": node_id("Commit", id),
        "commit": {
            "author": who,
            "committer": who,
            "message": message,
            "tree": {"sha": tree, "url": format!("{repository}/git/trees/{tree}")},
            "url": format!("{repository}/git/commits/{id}"),
            "comment_count": 0,
            "verification": {"verified": false, "reason": "unsigned", "signature": null, "payload": null, "verified_at": null},
        },
        "url": format!("{repository}/commits/{id}"),
        "html_url": format!("{web}/{id}"),
        "comments_url": format!("{repository}/commits/{id}/comments"),
        "author": account,
        "committer": account,
        "parents": parents,
    })
}

/// Lists the files that differ between two commits; `None` stands for no files at all.
pub(in crate::sandbox::rest) fn changed_files(
    call: &Call,
    source: &SourceRepository,
    before: Option<&Commit>,
    after: &Commit,
) -> Vec<Value> {
    let old = |path: &str| before.and_then(|commit| commit.files.get(path));
    let mut changed: Vec<(&String, &str, &Vec<u8>)> = Vec::new();
    for (path, bytes) in after.files.iter() {
        match old(path) {
            None => changed.push((path, "added", bytes)),
            Some(other) if other != bytes => changed.push((path, "modified", bytes)),
            Some(_) => {}
        }
    }
    for (path, bytes) in before.into_iter().flat_map(|commit| commit.files.iter()) {
        if !after.files.contains_key(path) {
            changed.push((path, "removed", bytes));
        }
    }
    let (name, id) = (source.full_name(), &after.id);
    changed
        .into_iter()
        .map(|(path, status, bytes)| {
            json!({
                "sha": blob_id(bytes),
                "filename": path,
                "status": status,
                "additions": usize::from(status != "removed"),
                "deletions": usize::from(status != "added"),
                "changes": if status == "modified" { 2 } else { 1 },
                "blob_url": format!("https://github.com/{name}/blob/{id}/{path}"),
                "raw_url": format!("https://github.com/{name}/raw/{id}/{path}"),
                "contents_url": format!("{}/repos/{name}/contents/{path}?ref={id}", call.api),
            })
        })
        .collect()
}
