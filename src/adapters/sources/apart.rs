//! Long work on another thread, which ends soon after nobody waits for it any more.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::ports::{PortError, PortErrorKind};

/// Tells work that its result is not wanted any more.
#[derive(Clone, Debug, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Tells whether to end.
    pub(super) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Sets the mark when the future is dropped: the runtime waits at its end for threads that are at work.
struct Guard(Stop);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Does `work` on a thread of its own.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce(&Stop) -> Result<T, PortError> + Send + 'static,
) -> Result<T, PortError> {
    let stop = Stop::default();
    let guard = Guard(stop.clone());
    let done = tokio::task::spawn_blocking(move || work(&stop)).await;
    drop(guard);
    done.unwrap_or_else(|error| {
        Err(PortError::new(PortErrorKind::Unavailable, "read the image source", "the work on it ended early")
            .with_source(error))
    })
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread, time::Duration};

    use super::*;

    #[test]
    fn work_that_nobody_waits_for_ends() {
        let (sender, receiver) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let work = apart(move |stop: &Stop| {
                let stopped = (0..60_000).any(|_| {
                    thread::sleep(Duration::from_millis(1));
                    stop.is_set()
                });
                sender.send(stopped).expect("the test waits");
                Ok(())
            });
            tokio::select! {
                biased;
                _ = work => {}
                () = tokio::task::yield_now() => {}
            }
        });
        drop(runtime);
        assert!(receiver.recv().unwrap());
    }
}
