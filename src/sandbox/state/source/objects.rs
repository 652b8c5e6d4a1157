//! Git objects: ids as git itself computes them, and the trees of a commit's files.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use git2::{ObjectType, Oid};

/// The files of a commit by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Computes the id of an object; the zero id if git refuses its type.
pub(super) fn object_id(kind: ObjectType, bytes: &[u8]) -> String {
    Oid::hash_object(kind, bytes).unwrap_or(Oid::ZERO_SHA1).to_string()
}

/// Computes the id of a file.
#[must_use]
pub fn blob_id(bytes: &[u8]) -> String {
    object_id(ObjectType::Blob, bytes)
}

/// What a tree lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// The name inside its folder.
    pub name: String,
    /// The id of the file or tree.
    pub id: String,
    /// The size of a file, in bytes; `None` for a tree.
    pub size: Option<usize>,
}

/// Where trees are found by their id: in the files of a commit, below a path.
pub(super) type Trees = BTreeMap<String, (Arc<Files>, String)>;

/// Lists what is in the folder at `prefix` (empty, or with a slash at its end), and registers all trees below it.
pub(super) fn tree(files: &Arc<Files>, prefix: &str, trees: &mut Trees) -> (String, Vec<TreeEntry>) {
    let mut entries = Vec::new();
    let mut folders = BTreeSet::new();
    for (path, bytes) in files.range(prefix.to_owned()..).take_while(|(path, _)| path.starts_with(prefix)) {
        match path[prefix.len()..].split_once('/') {
            None => {
                let name = path[prefix.len()..].to_owned();
                entries.push(TreeEntry { name, id: blob_id(bytes), size: Some(bytes.len()) });
            }
            Some((folder, _)) => {
                folders.insert(folder.to_owned());
            }
        }
    }
    for name in folders {
        let (id, _) = tree(files, &format!("{prefix}{name}/"), trees);
        entries.push(TreeEntry { name, id, size: None });
    }
    // Git sorts folders as if their names ended with a slash.
    let key = |entry: &TreeEntry| format!("{}{}", entry.name, if entry.size.is_none() { "/" } else { "" });
    entries.sort_by_key(key);
    let mut bytes = Vec::new();
    for TreeEntry { name, id, size } in &entries {
        bytes.extend_from_slice(if size.is_some() { b"100644 " } else { b"40000 " });
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
        bytes.extend(id.parse::<Oid>().iter().flat_map(|id| id.as_bytes().to_vec()));
    }
    let id = object_id(ObjectType::Tree, &bytes);
    trees.insert(id.clone(), (Arc::clone(files), prefix.to_owned()));
    (id, entries)
}
