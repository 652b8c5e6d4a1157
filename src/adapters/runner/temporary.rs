//! Files that a step leaves for later steps of its job, and files that only it has.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use super::files::write_failed;
use crate::{
    model::untrusted::shown,
    ports::{PortError, PortErrorKind},
};

/// Where the runner mounts its temporary folder in the container of an action.
const MOUNTED: &str = "/github/runner_temp";

/// A fresh folder in `RUNNER_TEMP`.
#[derive(Clone, Debug)]
pub struct TemporaryFolder {
    here: PathBuf,
    elsewhere: PathBuf,
}

impl TemporaryFolder {
    /// Makes the folder. Other users may read it: later steps run as another one than the action's container does.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn make(environment: &BTreeMap<String, String>) -> Result<Self, PortError> {
        const WHAT: &str = "make a folder for files of this step";
        let failed = |error| write_failed(WHAT, error);
        let variable = |name: &str| environment.get(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let temporary = variable("RUNNER_TEMP").unwrap_or_else(|| PathBuf::from("/tmp"));
        let name = random_name().map_err(failed)?;
        fs::create_dir_all(&temporary).map_err(failed)?;
        DirBuilder::new().mode(0o755).create(temporary.join(&name)).map_err(failed)?;
        let elsewhere = on_host(&temporary, variable("RUNNER_WORKSPACE").as_deref()).join(&name);
        Ok(Self { here: temporary.join(name), elsewhere })
    }

    /// Returns the path of a file in it, here and as other steps know it.
    #[must_use]
    pub fn place(&self, name: &str) -> (PathBuf, String) {
        (self.here.join(name), self.elsewhere.join(name).to_string_lossy().into_owned())
    }

    /// Writes a file and returns its path as other steps know it.
    ///
    /// # Errors
    /// If it exists or cannot be written.
    pub fn write(&self, name: &str, text: &str) -> Result<String, PortError> {
        let write = || fs::File::create_new(self.here.join(name))?.write_all(text.as_bytes());
        write().map_err(|error| write_failed("write a file for later steps", error))?;
        Ok(self.elsewhere.join(name).to_string_lossy().into_owned())
    }
}

/// Where files are made that nobody else sees: for what has to be read twice and is too large for memory.
#[derive(Clone, Debug)]
pub struct Scratch {
    folder: PathBuf,
}

impl Scratch {
    /// Chooses the folder: `RUNNER_TEMP`, which is on the disk that the runner has room on, else `TMPDIR`, else `/tmp`.
    #[must_use]
    pub fn new(environment: &BTreeMap<String, String>) -> Self {
        let variable = |name: &str| environment.get(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let folder = variable("RUNNER_TEMP").or_else(|| variable("TMPDIR")).unwrap_or_else(|| PathBuf::from("/tmp"));
        Self { folder }
    }

    /// Makes an empty file without a name: it is gone when it is closed, however the process ends.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn file(&self) -> Result<File, PortError> {
        let make = || {
            // An image of one binary has no `/tmp`.
            fs::create_dir_all(&self.folder)?;
            let path = self.folder.join(random_name()?);
            let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
            fs::remove_file(path)?;
            Ok(file)
        };
        make().map_err(|error| self.failed(error))
    }

    /// Says that such a file cannot be written.
    #[must_use]
    pub fn failed(&self, error: io::Error) -> PortError {
        let operation = format!("write a temporary file in `{}`", shown(&self.folder.display().to_string()));
        let (detail, hint) = match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                ("the disk is full", "free space, or point RUNNER_TEMP (or TMPDIR) at a larger disk")
            }
            _ => ("it cannot be written", "point RUNNER_TEMP (or TMPDIR) at a folder that may be written to"),
        };
        PortError::new(PortErrorKind::Unavailable, operation, detail).with_source(error).with_hint(hint)
    }
}

fn random_name() -> io::Result<String> {
    let random = getrandom::u64().map_err(io::Error::other)?;
    Ok(format!("ghcr-lifecycle-{random:016x}"))
}

/// Says where a folder of an action's container is for steps outside of it. The runner mounts `<work>/_temp`, and gives
/// `RUNNER_WORKSPACE`, which is `<work>/<repository>`, as it is on the host
/// (<https://github.com/actions/runner/blob/main/src/Runner.Worker/Handlers/ContainerActionHandler.cs>).
fn on_host(folder: &Path, workspace: Option<&Path>) -> PathBuf {
    match workspace.and_then(Path::parent) {
        Some(work) if folder == Path::new(MOUNTED) => work.join("_temp"),
        _ => folder.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_in_the_container_is_told_as_the_host_knows_it() {
        let told = |folder: &str, workspace: Option<&str>| on_host(Path::new(folder), workspace.map(Path::new));
        assert_eq!(told(MOUNTED, Some("/home/runner/work/shop")), Path::new("/home/runner/work/_temp"));
        assert_eq!(
            told("/home/runner/work/_temp", Some("/home/runner/work/shop")),
            Path::new("/home/runner/work/_temp")
        );
        assert_eq!(told(MOUNTED, None), Path::new(MOUNTED));
    }

    #[test]
    fn a_scratch_file_leaves_nothing_behind() {
        use std::os::unix::fs::FileExt as _;
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("runner/temp");
        let scratch = Scratch::new(&BTreeMap::from([("RUNNER_TEMP".to_owned(), below.display().to_string())]));
        let file = scratch.file().unwrap();
        file.write_all_at(b"content", 0).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 7);
        assert_eq!(fs::read_dir(&below).unwrap().count(), 0);
    }
}
