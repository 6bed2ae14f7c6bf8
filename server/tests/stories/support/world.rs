//! A server in a folder of its own, and the way to it.

use std::{
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex},
};

use liao_client_core::{address::Address, dial::ServerDialer, link::Credentials, trust::Trust};
use liao_common::{
    fault::Fault,
    name::UserName,
    request::{Register, Secret, Token},
};
use liao_server::{
    chat::password::Cost,
    config::{Config, Transport},
    server::{self, Running},
};
use tempfile::TempDir;
use tokio::{io::DuplexStream, sync::watch};

use super::{Network, Person, Raw, within};

/// Where the server is, if it runs.
#[derive(Clone)]
pub(crate) struct Place {
    running: Arc<Mutex<Option<Running>>>,
    up: Arc<watch::Sender<bool>>,
}

impl Place {
    /// Waits until the server runs.
    pub(crate) async fn is_up(&self) {
        drop(self.up.subscribe().wait_for(|up| *up).await);
    }

    /// A fresh stream to the server. Waits while it is down.
    pub(crate) async fn stream(&self) -> DuplexStream {
        self.stream_from(None).await
    }

    /// The same, as if it came from an address.
    pub(crate) async fn stream_from(&self, from: Option<IpAddr>) -> DuplexStream {
        loop {
            self.is_up().await;
            if let Some(running) = &*self.running.lock().unwrap() {
                let (near, far) = tokio::io::duplex(64 * 1024);
                running.serve_stream_from(far, from);
                return near;
            }
        }
    }
}

/// See the module.
pub(crate) struct World {
    place: Place,
    config: Config,
    folder: TempDir,
}

/// Choices for a server that hashes quickly and lets people post as fast as they can.
pub(crate) fn cheap(data: &Path) -> Config {
    let mut config = Config::new(data, ([127, 0, 0, 1], 0).into());
    config.transport = Transport::Plaintext;
    config.hash_cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    config.rules.posts_burst = 1_000_000;
    config.rules.guesses_free = 1_000_000;
    config.files.free_bytes_min = 0;
    config.free_bytes_min = 0;
    config.index_cache_bytes = 4 << 20;
    config
}

/// The password of everybody who did not choose another.
pub(crate) fn secret(id: &str) -> Secret {
    Secret(format!("correct horse of {id}"))
}

/// The form that somebody fills in who wants to be called as their id.
pub(crate) fn register(id: &str) -> Register {
    let secret = secret(id);
    Register { user: id.into(), name: id.into(), secret, dev_name: "test".into(), invite: None }
}

impl World {
    /// A fresh server, reached through memory.
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// A fresh server, reached through TCP and TLS.
    pub(crate) async fn over_tls() -> Self {
        Self::with(|config| config.transport = Transport::Tls).await
    }

    /// A fresh server with other choices.
    pub(crate) async fn with(choose: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = cheap(folder.path());
        choose(&mut config);
        let place = Place { running: Arc::default(), up: Arc::new(watch::Sender::new(false)) };
        let mut world = Self { place, config, folder };
        world.starts().await;
        world
    }

    /// The data folder.
    pub(crate) fn data(&self) -> &Path {
        self.folder.path()
    }

    /// What the server was started with.
    pub(crate) fn config(&self) -> Config {
        self.config.clone()
    }

    /// Starts the server, where it was before.
    pub(crate) async fn starts(&mut self) {
        let running =
            within("the server starts", server::start(self.config.clone())).await.unwrap();
        self.config.listen = running.addr();
        *self.place.running.lock().unwrap() = Some(running);
        self.place.up.send_replace(true);
    }

    /// Lets the server read its certificate anew.
    pub(crate) async fn reloads(&self) {
        let reloading = self.server(Running::reload);
        within("the certificate is read", reloading).await;
    }

    /// Stops the server in all politeness.
    pub(crate) async fn stops(&self) {
        self.place.up.send_replace(false);
        let running = self.place.running.lock().unwrap().take().expect("it runs");
        within("the server stops", running.stop()).await;
    }

    /// Stops the server and starts it again on the same folder and address.
    pub(crate) async fn restarts(&mut self) {
        self.stops().await;
        self.starts().await;
    }

    /// Restarts the server with other choices.
    pub(crate) async fn changes(&mut self, choose: impl FnOnce(&mut Config)) {
        self.stops().await;
        self.starts_with(choose).await;
    }

    /// Starts the server, which is stopped, with other choices.
    pub(crate) async fn starts_with(&mut self, choose: impl FnOnce(&mut Config)) {
        choose(&mut self.config);
        self.starts().await;
    }

    /// Puts another server in this one's place; it must be stopped.
    pub(crate) fn replaces(&self, running: Running) {
        let before = self.place.running.lock().unwrap().replace(running);
        assert!(before.is_none(), "the server before it is stopped");
        self.place.up.send_replace(true);
    }

    /// Looks at the running server.
    pub(crate) fn server<T>(&self, look: impl FnOnce(&Running) -> T) -> T {
        look(self.place.running.lock().unwrap().as_ref().expect("it runs"))
    }

    /// A network of one's own to the server.
    pub(crate) fn network(&self) -> Network {
        let tls = self.server(|running| {
            let address = Address { host: "127.0.0.1".into(), port: running.addr().port() };
            running.pin().map(|pin| ServerDialer { address, trust: Trust::Pinned(pin) })
        });
        Network::new(self.place.clone(), tls)
    }

    /// A connection without a client at its end.
    pub(crate) async fn raw(&self) -> Raw {
        Raw::new(self.place.stream().await)
    }

    /// The same from an address.
    pub(crate) async fn raw_from(&self, address: &str) -> Raw {
        Raw::new(self.place.stream_from(Some(address.parse().unwrap())).await)
    }

    /// A client with these credentials, online or refused.
    pub(crate) async fn enters(&self, credentials: Credentials) -> Result<Person, Fault> {
        Person::start(self.network(), credentials).online().await
    }

    /// Makes an account; the display name is the id.
    pub(crate) async fn registers(&self, id: &str) -> Person {
        self.enters(Credentials::Register(register(id))).await.unwrap()
    }

    /// Logs in with the usual password.
    pub(crate) async fn logs_in(&self, id: &str) -> Person {
        self.tries(id, &secret(id).0).await.unwrap()
    }

    /// Logs in with this password, or is refused.
    pub(crate) async fn tries(&self, id: &str, password: &str) -> Result<Person, Fault> {
        let user = UserName::parse(id).unwrap();
        let secret = Secret(password.into());
        self.enters(Credentials::Password { user, secret }).await
    }

    /// Logs in with a token, or is refused.
    pub(crate) async fn shows(&self, token: Token) -> Result<Person, Fault> {
        self.enters(Credentials::Token(token)).await
    }
}
