//! A server with a folder and an address of its own, and a home for each person.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use liao_common::id::Pin;
use liao_server::{
    admin::{
        client,
        invite::{self, AddInvite},
    },
    chat::{hub::Registration, password::Cost},
    config::{Config, Transport},
    server::{self, Running},
    tls::CertificateFiles,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{Opening, Terminal};

/// See the module.
pub(crate) struct Town {
    runtime: Runtime,
    running: Option<Running>,
    config: Config,
    folder: TempDir,
}

impl Town {
    pub(crate) fn new() -> Self {
        Self::with(Transport::Tls)
    }

    pub(crate) fn with(transport: Transport) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::new(folder.path().join("server"), ([127, 0, 0, 1], 0).into());
        config.transport = transport;
        config.hash_cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
        config.files.free_bytes_min = 0;
        config.free_bytes_min = 0;
        config.index_cache_bytes = 4 << 20;
        let runtime = Runtime::new().unwrap();
        let mut town = Self { runtime, running: None, config, folder };
        town.starts();
        town
    }

    /// Starts the server, at its old address if it had one.
    pub(crate) fn starts(&mut self) {
        let running = self.runtime.block_on(server::start(self.config.clone())).unwrap();
        self.config.listen = running.addr();
        self.running = Some(running);
    }

    pub(crate) fn stops(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }

    pub(crate) fn restarts(&mut self) {
        self.stops();
        self.starts();
    }

    /// The server loses its key, and makes another.
    pub(crate) fn changes_its_key(&mut self) {
        self.stops();
        fs::remove_dir_all(self.config.data.join("tls")).unwrap();
        self.config.new_key = true;
        self.starts();
    }

    /// The server gets a certificate with a new key. Gives the file with the authority that vouches for it.
    pub(crate) fn gets_a_certificate(&mut self) -> PathBuf {
        let path = |name: &str| self.folder.path().join(name);
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let files = CertificateFiles { chain: path("chain.pem"), key: path("key.pem") };
        fs::write(&files.chain, params.signed_by(&key, &authority).unwrap().pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        fs::write(path("ca.pem"), authority.pem()).unwrap();
        let file = path("ca.pem");
        self.config.certificate = Some(files);
        self.restarts();
        file
    }

    /// The server goes back to the key of its own.
    pub(crate) fn gives_its_certificate_up(&mut self) {
        self.config.certificate = None;
        self.restarts();
    }

    /// The server says which key it will have one day.
    pub(crate) fn announces_a_key(&mut self) {
        let key = KeyPair::generate().unwrap().serialize_pem();
        fs::write(self.config.data.join("tls/next.pem"), key).unwrap();
        self.restarts();
    }

    /// The day has come.
    pub(crate) fn takes_the_announced_key(&mut self) {
        let tls = self.config.data.join("tls");
        fs::rename(tls.join("next.pem"), tls.join("key.pem")).unwrap();
        self.restarts();
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.config.listen
    }

    /// The pin of its key; none without encryption.
    pub(crate) fn pin(&self) -> Option<Pin> {
        self.running.as_ref().and_then(Running::pin)
    }

    /// Its key in words, as a person reads it out to another.
    pub(crate) fn key_words(&self) -> String {
        self.pin().unwrap().words()
    }

    /// The link with which people are asked in, through an address.
    pub(crate) fn link_at(&self, addr: SocketAddr) -> String {
        format!("liao://{addr}/?pin={}", self.pin().unwrap())
    }

    pub(crate) fn link(&self) -> String {
        self.link_at(self.addr())
    }

    /// From here on nobody registers without an invite.
    pub(crate) fn asks_for_invites(&mut self) {
        self.config.rules.registration = Registration::Invite;
        self.restarts();
    }

    /// A link for so many people, as the operator's command prints it.
    pub(crate) fn invites(&self, uses: u32) -> String {
        let adding = client::add_invite(self.data(), AddInvite { uses, days: 1 });
        let code = self.runtime.block_on(adding).unwrap().code;
        invite::link(self.data(), None, &code).unwrap()
    }

    pub(crate) const fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    pub(crate) fn data(&self) -> &Path {
        &self.config.data
    }

    /// A path in the folder of this test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The home of a person.
    pub(crate) fn home(&self, user: &str) -> PathBuf {
        self.path(&format!("home-{user}"))
    }

    /// The program of a person, with the server's link.
    pub(crate) fn opens(&self, user: &str) -> Terminal {
        Opening::at(&self.home(user)).with(&[&self.link()]).opens()
    }

    /// A new person, in the lobby.
    #[track_caller]
    pub(crate) fn registers(&self, user: &str, shown: &str) -> Terminal {
        let mut terminal = self.opens(user);
        terminal.registers(user, shown);
        terminal
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        self.stops();
    }
}
