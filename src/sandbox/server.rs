//! Starting and stopping: one thread with a runtime of its own, so that a test may block while the registry answers.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener as StdListener},
    ops::Deref,
    sync::mpsc,
    thread::JoinHandle,
    time::Duration,
};

use tokio::{net::TcpListener, runtime, sync::oneshot};

use super::{control::Control, data::Data, http, options::Options, state::State};

/// Blob URLs name another loopback address than the registry, as on GHCR they name another host: clients then drop the
/// Authorization header by the rules that they have for foreign hosts.
const STORAGE_ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// How long to wait before accepting again when the system has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running sandbox; dropping it stops it. All that can be asked of it is in [`Control`].
pub struct Sandbox {
    control: Control,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    keeper: Option<Keeper>,
}

/// A port that is held for a sandbox: whoever connects waits until it is served.
pub struct Reserved {
    listener: StdListener,
    storage: Option<StdListener>,
    address: SocketAddr,
}

/// The thread that writes the data.
struct Keeper {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<io::Result<()>>,
}

impl Deref for Sandbox {
    type Target = Control;

    fn deref(&self) -> &Control {
        &self.control
    }
}

impl Sandbox {
    /// Starts a sandbox; it answers when this returns.
    ///
    /// # Errors
    /// If the port is taken, the data folder cannot be used, or the system gives no thread, socket or random bytes.
    pub async fn start(options: Options) -> io::Result<Self> {
        Self::start_blocking(options)
    }

    /// Does the same outside of async code.
    ///
    /// # Errors
    /// As [`Sandbox::start`].
    pub fn start_blocking(options: Options) -> io::Result<Self> {
        Self::reserve((options.address, options.port).into())?.serve(options, None)
    }

    /// Takes a port, or a free one for port 0, before there is anything to serve.
    ///
    /// # Errors
    /// If the port is taken.
    #[expect(clippy::disallowed_methods, reason = "the sandbox is a server")]
    pub fn reserve(address: SocketAddr) -> io::Result<Reserved> {
        let listener = StdListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        // Where the system has only one loopback address, its name is the other host.
        let storage = StdListener::bind((STORAGE_ADDRESS, address.port())).ok();
        if let Some(storage) = &storage {
            storage.set_nonblocking(true)?;
        }
        Ok(Reserved { listener, storage, address })
    }

    /// Returns a handle that can be moved into a hook.
    #[must_use]
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Stops the sandbox: connections are closed as they are.
    pub async fn stop(mut self) {
        let _ = self.end();
    }

    /// Does the same and tells whether all data was written.
    ///
    /// # Errors
    /// If it was not.
    pub fn close(mut self) -> io::Result<()> {
        self.end()
    }

    fn end(&mut self) -> io::Result<()> {
        drop(self.stop.take());
        // A hook that holds a handle would keep the state alive, and itself.
        self.control.clear_hook();
        self.control.clear_faults();
        if let Some(thread) = self.thread.take() {
            // The hook runs on that thread too: a handle dropped in it must not wait for itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
        // Only now: what the last requests changed is to be written too.
        match self.keeper.take() {
            Some(Keeper { stop, thread }) => {
                let _ = stop.send(());
                thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread that writes the data failed")))
            }
            None => Ok(()),
        }
    }
}

impl Reserved {
    /// Serves there what `state` holds, or else what the options' folder does; it answers when this returns.
    ///
    /// # Errors
    /// If the data folder cannot be used, or the system gives no thread or random bytes.
    pub fn serve(self, options: Options, state: Option<State>) -> io::Result<Sandbox> {
        let Self { listener, storage: storage_listener, address } = self;
        let storage = match &storage_listener {
            Some(storage) => storage.local_addr()?.to_string(),
            None => format!("localhost:{}", address.port()),
        };
        let mut signing_key = [0; 16];
        getrandom::fill(&mut signing_key).map_err(io::Error::other)?;
        let (data, stored) = match &options.data {
            Some(folder) => {
                let (data, stored) = Data::open(folder)?;
                (Some(data), state.or(stored))
            }
            None => (None, state),
        };
        let control = Control::new(options, address, storage, signing_key, stored);
        let keeper = data.map(|data| keep(data, control.clone())).transpose()?;

        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let server = control.clone();
        let thread = std::thread::Builder::new().name(format!("sandbox {address}")).spawn(move || {
            runtime.block_on(async move {
                let both = async {
                    match storage_listener {
                        Some(storage) => {
                            tokio::join!(accept(listener, server.clone()), accept(storage, server));
                        }
                        None => accept(listener, server).await,
                    }
                };
                tokio::select! { () = both => {}, _ = stopped => {} }
            });
            runtime.shutdown_background();
        })?;
        Ok(Sandbox { control, stop: Some(stop), thread: Some(thread), keeper })
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            tracing::error!(%error, "the sandbox could not write its data");
        }
    }
}

fn keep(data: Data, control: Control) -> io::Result<Keeper> {
    let (stop, stopped) = mpsc::channel();
    let thread = std::thread::Builder::new().name("sandbox data".to_owned());
    let thread = thread.spawn(move || data.keep(&control, &stopped))?;
    Ok(Keeper { stop, thread })
}

async fn accept(listener: StdListener, control: Control) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the sandbox cannot listen");
            return;
        }
    };
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let _ = stream.set_nodelay(true);
                    connections.spawn(http::connection(control.clone(), stream));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
