//! Files that a step leaves for later steps of its job.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use super::files::write_failed;
use crate::ports::PortError;

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
        let mut random = [0; 6];
        getrandom::fill(&mut random).map_err(|error| failed(io::Error::other(error)))?;
        let name: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("ghcr-lifecycle-{name}");
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
}
