//! `context: git` in clones as workflows and people have them.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::git::{Repository, git, run};

const ROWS: &str = "type=ref,event=branch\ntype=ref,event=tag\ntype=ref,event=pr\ntype=semver,pattern={{version}}\n\
                    type=sha\ntype=edge\ntype=raw,value={{commit_date 'YYYYMMDD-HHmmss'}}\n\
                    type=raw,value=b{{base_ref}}d{{is_default_branch}}";

/// A repository and clones of it in folders of their own.
pub(super) struct Clones {
    _repository: Repository,
    folder: TempDir,
    made: Vec<PathBuf>,
}

impl Clones {
    pub(super) fn new() -> Self {
        let repository = Repository::new();
        repository.commit("first");
        repository.git(&["branch", "dev"]);
        repository.commit("second");
        repository.git(&["tag", "v1.0.0"]);
        repository.git(&["tag", "-a", "-m", "annotated", "v1.1.0"]);
        repository.commit("third");
        repository.git(&["checkout", "-q", "dev"]);
        repository.commit("fourth");
        repository.git(&["tag", "v2.0.0"]);
        repository.git(&["checkout", "-q", "--detach", "main"]);
        repository.git(&["merge", "-q", "--no-ff", "-m", "merged", "dev"]);
        repository.git(&["update-ref", "refs/pull/5/merge", "HEAD"]);
        repository.git(&["update-ref", "refs/pull/5/head", "dev"]);
        repository.git(&["checkout", "-q", "main"]);
        let url = format!("file://{}", repository.path().display());
        let mut clones = Self { _repository: repository, folder: tempfile::tempdir().unwrap(), made: Vec::new() };
        for (arguments, checkout) in [
            (&[][..], &[][..]),
            (&["-b", "dev"], &[]),
            (&["-b", "v1.0.0"], &[]),
            (&["-b", "v2.0.0"], &[]),
            (&["--depth", "1"], &[]),
            (&["--depth", "1", "-b", "v1.1.0"], &[]),
            (&[], &["v1.0.0"]),
            (&[], &["origin/dev"]),
            (&[], &["--detach"]),
            (&[], &["HEAD~2"]),
            (&["--no-tags"], &["HEAD~1"]),
        ] {
            let clone = clones.next();
            run(git(clones.folder.path()).args(["clone", "-q"]).args(arguments).arg(&url).arg(&clone));
            if !checkout.is_empty() {
                run(git(&clone).args(["checkout", "-q"]).args(checkout));
            }
        }
        // What `actions/checkout` does.
        for (refspec, checkout) in [
            ("+refs/pull/5/merge:refs/remotes/pull/5/merge", &["refs/remotes/pull/5/merge"][..]),
            ("+refs/pull/5/head:refs/remotes/pull/5/head", &["refs/remotes/pull/5/head"]),
            ("+refs/tags/v1.0.0:refs/tags/v1.0.0", &["refs/tags/v1.0.0"]),
            ("+refs/heads/dev:refs/remotes/origin/dev", &["-B", "dev", "refs/remotes/origin/dev"]),
            ("refs/heads/dev", &["FETCH_HEAD"]),
        ] {
            let clone = clones.next();
            run(git(clones.folder.path()).args(["init", "-q"]).arg(&clone));
            run(git(&clone).args(["fetch", "-q", "--no-tags", "--depth=1", &url, refspec]));
            run(git(&clone).args(["checkout", "-q", "--force"]).args(checkout));
        }
        let empty = clones.next();
        run(git(clones.folder.path()).args(["init", "-q"]).arg(&empty));
        let no_clone = clones.next();
        std::fs::create_dir(no_clone).unwrap();
        clones
    }

    fn next(&mut self) -> PathBuf {
        let path = self.folder.path().join(self.made.len().to_string());
        self.made.push(path.clone());
        path
    }

    pub(super) fn cases(&self) -> Vec<Value> {
        self.made.iter().map(|clone| case(clone)).collect()
    }
}

fn case(clone: &Path) -> Value {
    let repository = json!({
        "name": "r", "full_name": "o/r", "description": "A thing", "html_url": "https://github.com/o/r",
        "default_branch": "main", "license": { "spdx_id": "MIT" },
    });
    json!({
        "environment": {
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_REPOSITORY": "o/r",
            "GITHUB_REF": "refs/heads/event",
            "GITHUB_SHA": "860c1904a1ce19322e91ac35af1ab07466440c37",
            "INPUT_CONTEXT": "git",
            "INPUT_IMAGES": "ghcr.io/o/r",
            "INPUT_TAGS": ROWS,
        },
        "payload": json!({ "repository": repository }).to_string(),
        "repository": repository,
        "commit": Value::Null,
        "now": 1_717_855_382_000_i64,
        "checkout": clone,
    })
}
