//! TLS as peers meet it: what is refused at once, who stalls, which key is shown, and what a certificate
//! that is renewed changes. The client's half of the matrix is in the client core.

use std::{
    fs,
    io::{self, Write as _},
    net::SocketAddr,
    path::Path,
    process::Command,
    sync::Arc,
    time::Duration,
};

use liao_client_core::{
    address::Address,
    authorities::Authorities,
    dial::{self, Dialer as _, ServerDialer},
    home::{Home, KnownServer},
    known::KnownDialer,
    link::{Credentials, Link, LinkConfig},
    notice::{Cut, End, LinkState, Notice},
    tls::Shown,
    trust::{ConnectError, Trust},
};
use liao_common::{event::Session, limits, request::Request};
use liao_server::{config::Transport, server::Running, tls::CertificateFiles};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
    process::{Signal, kill_process},
};
use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    program::{Program, liaod, output, text},
    support::{Raw, World, register, within},
};

/// Connections that are up while the certificate is renewed.
const ABREAST: usize = 200;

fn addr(world: &World) -> SocketAddr {
    world.server(Running::addr)
}

/// A `ClientHello` record that offers these extensions.
pub(crate) fn client_hello(extensions: &[u8]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    // No session, two cipher suites, no compression.
    body.extend([0, 0, 4, 0x13, 0x01, 0xc0, 0x2b, 1, 0]);
    body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
    body.extend(extensions);
    let mut hello = vec![1, 0];
    hello.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
    hello.extend(body);
    let mut record = vec![22, 3, 1];
    record.extend(u16::try_from(hello.len()).unwrap().to_be_bytes());
    record.extend(hello);
    record
}

/// Groups and signature schemes, and no word of versions: TLS 1.2 at most.
pub(crate) const OLD: &[u8] =
    &[0, 10, 0, 4, 0, 2, 0, 29, 0, 13, 0, 6, 0, 4, 4, 3, 8, 4, 0, 11, 0, 2, 1, 0];

/// What comes back until the server closes.
async fn answer(stream: &mut TcpStream) -> Vec<u8> {
    let mut answer = Vec::new();
    match within("the server closes", stream.read_to_end(&mut answer)).await {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
    }
    answer
}

/// Writes, and lets the server refuse.
async fn says(world: &World, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(addr(world)).await.unwrap();
    // It may have heard enough before the end.
    drop(stream.write_all(bytes).await);
    answer(&mut stream).await
}

#[tokio::test]
async fn what_is_not_tls_1_3_is_refused_at_once() {
    let world = World::over_tls().await;
    let alice = world.registers("alice").await;
    let alert = says(&world, &client_hello(OLD)).await;
    assert_eq!(alert.first(), Some(&21), "{alert:02x?}");
    assert_eq!(alert.get(5..7), Some(&[2, 70][..]), "fatal: protocol version");
    let plain = liao_common::request::Request::from(liao_common::request::Hello {
        v: (1, 1),
        caps: Vec::new(),
        agent: String::new(),
        role: None,
    });
    for bytes in [
        plain.frame(1).to_vec(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(),
        vec![0xff; 64 * 1024],
        vec![0; 64 * 1024],
        [&[22, 3, 1, 0x40, 0x01][..], &[1; 0x4001]].concat(),
        [&[22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff][..], &[0; 256]].concat(),
    ] {
        let said = says(&world, &bytes).await;
        assert!(said.is_empty() || said[0] == 21, "{said:02x?}");
    }
    alice.says("#lobby", "who was that?").await;
}

#[tokio::test]
async fn a_hello_that_never_ends_is_not_kept() {
    let world = World::over_tls().await;
    let mut stream = TcpStream::connect(addr(&world)).await.unwrap();
    // A handshake message of 16 MiB, in records of 16 KiB each.
    let mut record = vec![22, 3, 1, 0x40, 0];
    record.extend([1, 0xff, 0xff, 0xff]);
    record.resize(5 + 0x4000, 0);
    let mut sent = 0;
    while sent < 4096 && stream.write_all(&record).await.is_ok() {
        sent += 1;
        record[5..9].fill(0);
    }
    assert!(sent < 4096, "64 MiB were taken");
    world.registers("alice").await.says("#lobby", "still here").await;
}

/// Lets time pass for the server.
async fn time_passes(seconds: u64) {
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(seconds)).await;
    tokio::time::resume();
}

#[tokio::test]
async fn whoever_stalls_in_a_handshake_is_let_go() {
    let world = World::over_tls().await;
    let alice = world.registers("alice").await;
    let hello = client_hello(OLD);
    let mut stalled = Vec::new();
    for bytes in [0, 1, 4, 5, 6, 40, hello.len() - 1] {
        let mut stream = TcpStream::connect(addr(&world)).await.unwrap();
        stream.write_all(&hello[..bytes]).await.unwrap();
        stalled.push(stream);
    }
    // They are all accepted when somebody behind them is served.
    world.registers("bob").await.says("#lobby", "I am behind them").await;
    time_passes(9).await;
    for stream in &mut stalled {
        stream.writable().await.unwrap();
        let early = tokio::time::timeout(Duration::ZERO, stream.read(&mut [0])).await;
        assert!(early.is_err(), "too early");
    }
    time_passes(2).await;
    for stream in &mut stalled {
        answer(stream).await;
    }
    alice.says("#lobby", "they are gone").await;
}

/// Believes every key; what it proves is another test's business.
#[derive(Debug)]
struct Anybody(CryptoProvider);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("old".into()))
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A TLS client that offers this protocol, if any.
fn tls(alpn: Option<&[u8]>) -> TlsConnector {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(ring::default_provider())))
        .with_no_client_auth();
    config.alpn_protocols = alpn.into_iter().map(<[u8]>::to_vec).collect();
    TlsConnector::from(Arc::new(config))
}

async fn shakes(world: &World, tls: &TlsConnector) -> io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(addr(world)).await?;
    let name = ServerName::try_from("liao").unwrap();
    within("a handshake", tls.connect(name, stream)).await
}

#[tokio::test]
async fn another_protocol_inside_tls_is_refused() {
    let world = World::over_tls().await;
    assert!(shakes(&world, &tls(Some(b"h2"))).await.is_err());
    for alpn in [None, Some(&b"h2"[..])] {
        let Ok(stream) = shakes(&world, &tls(alpn)).await else { continue };
        let mut raw = Raw::new(stream);
        raw.writes(b"whatever").await;
        assert!(raw.next().await.is_none(), "{alpn:?}");
    }
    let mut raw = Raw::new(shakes(&world, &tls(Some(limits::ALPN))).await.unwrap());
    assert_eq!(raw.hello().await.v, limits::PROTOCOL_VERSION);
}

#[tokio::test]
async fn a_ticket_from_before_a_restart_is_no_obstacle() {
    let mut world = World::over_tls().await;
    let tls = tls(Some(limits::ALPN));
    for _ in 0..3 {
        for _ in 0..2 {
            let mut raw = Raw::new(shakes(&world, &tls).await.unwrap());
            raw.hello().await;
        }
        world.restarts().await;
    }
}

#[tokio::test]
async fn a_key_that_changed_is_not_believed() {
    let mut world = World::over_tls().await;
    let alice = world.registers("alice").await;
    let before = world.server(|running| running.pin());
    world.restarts().await;
    alice.says("#lobby", "the same key").await;
    world.stops().await;
    fs::remove_dir_all(world.data().join("tls")).unwrap();
    let lost = liao_server::server::start(world.config().clone()).await;
    assert!(
        lost.is_err_and(|error| error.to_string().contains("--new-key")),
        "not behind one's back"
    );
    world.starts_with(|config| config.new_key = true).await;
    let end = alice.ends().await;
    let End::PinChanged { expected, found } = end else { panic!("{end:?}") };
    assert_eq!((Some(expected), Some(found)), (before, world.server(|running| running.pin())));
    assert_eq!(world.config().transport, Transport::Tls);
}

/// An authority of our own, and a folder with what it gave.
struct Office {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Office {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let office = Self { issuer, folder: tempfile::tempdir().unwrap() };
        fs::write(office.path("ca.pem"), office.issuer.pem()).unwrap();
        office
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    fn authorities(&self) -> Authorities {
        Authorities::with_file(&self.path("ca.pem")).unwrap()
    }

    fn files(&self) -> CertificateFiles {
        CertificateFiles { chain: self.path("chain.pem"), key: self.path("key.pem") }
    }

    /// Writes a new key, and a certificate for it.
    fn renews(&self) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let chain = format!("{}{}", certificate.pem(), self.issuer.pem());
        fs::write(self.files().chain, chain).unwrap();
        fs::write(self.files().key, key.serialize_pem()).unwrap();
    }
}

fn at(addr: SocketAddr) -> Address {
    Address::parse(&addr.to_string()).unwrap()
}

/// The key that a client sees, and whether it believes the authority.
async fn shown(addr: SocketAddr, office: &Office) -> Shown {
    within("a key is shown", dial::probe(&at(addr), &office.authorities())).await.unwrap()
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_and_live_connections_stay() {
    let office = Office::new();
    office.renews();
    let world = World::with(|config| {
        config.transport = Transport::Tls;
        config.certificate = Some(office.files());
    })
    .await;
    let before = shown(addr(&world), &office).await;
    assert!(before.vouched);
    assert_eq!(world.server(Running::pin), Some(before.pin));

    let tls = tls(Some(limits::ALPN));
    let mut live = Vec::new();
    for number in 0..ABREAST {
        let mut raw = Raw::new(shakes(&world, &tls).await.unwrap());
        raw.hello().await;
        // Every other one is in the midst of a frame.
        let frame = Request::from(register(&format!("user{number}"))).frame(2);
        let rest = frame.slice(number % 2 * 9..);
        raw.writes(&frame[..frame.len() - rest.len()]).await;
        live.push((raw, rest));
    }
    office.renews();
    world.reloads().await;
    let after = shown(addr(&world), &office).await;
    assert!(after.vouched && after.pin != before.pin, "another key, and nobody is asked");
    assert_eq!(world.server(Running::pin), Some(after.pin));
    for (number, (raw, rest)) in live.iter_mut().enumerate() {
        raw.writes(rest).await;
        let session: Session = raw.answer(2).await.unwrap();
        assert_eq!(session.id, format!("user{number}"));
    }
}

#[tokio::test]
async fn a_bad_new_certificate_is_refused_and_the_old_one_goes_on() {
    let office = Office::new();
    office.renews();
    let files = office.files();
    let world = World::with(|config| {
        config.transport = Transport::Tls;
        config.certificate = Some(files.clone());
    })
    .await;
    let good = shown(addr(&world), &office).await;
    let old = fs::read_to_string(&files.chain).unwrap();
    office.renews();
    let new = fs::read_to_string(&files.chain).unwrap();
    for (what, chain) in [
        ("the old certificate beside the new key", Some(old.as_str())),
        ("garbage", Some("garbage")),
        ("cut short", Some(&new[..new.len() / 3])),
        ("empty", Some("")),
        ("gone", None),
    ] {
        match chain {
            Some(chain) => fs::write(&files.chain, chain).unwrap(),
            None => fs::remove_file(&files.chain).unwrap(),
        }
        world.reloads().await;
        assert_eq!(shown(addr(&world), &office).await, good, "{what}");
        assert_eq!(world.server(Running::pin), Some(good.pin), "{what}");
    }
    fs::write(&files.chain, new).unwrap();
    world.reloads().await;
    assert_ne!(shown(addr(&world), &office).await, good);
}

#[tokio::test]
async fn a_server_without_the_certificate_it_had_is_not_believed() {
    let office = Office::new();
    office.renews();
    let mut world = World::with(|config| {
        config.transport = Transport::Tls;
        config.certificate = Some(office.files());
    })
    .await;
    let dialer = |world: &World| ServerDialer {
        address: at(addr(world)),
        trust: Trust::Vouched(office.authorities()),
    };
    let meets = async |dialer: ServerDialer| {
        let stream = dialer.connect().await.unwrap();
        within("a handshake", dialer.secure(stream)).await.map(drop)
    };
    meets(dialer(&world)).await.unwrap();
    world.changes(|config| config.certificate = None).await;
    let pin = world.server(Running::pin).unwrap();
    let done = meets(dialer(&world)).await;
    let Err(ConnectError::Uncertified { found }) = done else { panic!("{done:?}") };
    assert_eq!(found, pin);
}

/// Waits until a program's log has told this.
async fn tells(log: &Path, what: &str) -> String {
    within(what, async {
        loop {
            let told = fs::read_to_string(log).unwrap();
            if told.contains(what) {
                return told;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn sighup_reads_the_certificate_anew_and_says_what_came_of_it() {
    let office = Office::new();
    office.renews();
    let data = tempfile::tempdir().unwrap();
    let (chain, key) = (office.path("chain.pem"), office.path("key.pem"));
    let mut command = liaod(&["serve", "--listen", "127.0.0.1:0"], data.path());
    let log = office.path("log");
    command.arg("--tls-cert").arg(&chain).arg("--tls-key").arg(&key);
    command.stderr(fs::File::create(&log).unwrap());
    let program = Program::run(command).await;
    let first = shown(program.addr(), &office).await;
    assert_eq!(program.pin(), first.pin.to_string());

    office.renews();
    program.signal(Signal::HUP);
    tells(&log, "the certificate was read anew: pin").await;
    let second = shown(program.addr(), &office).await;
    assert!(second.vouched && second.pin != first.pin);
    tells(&log, &format!("{}", second.pin)).await;
    let listening = fs::read_to_string(data.path().join("listening")).unwrap();
    assert_eq!(listening, format!("{} {} certificate\n", program.addr(), second.pin));

    fs::write(&key, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    program.signal(Signal::HUP);
    let told = tells(&log, "the certificate in use stays").await;
    assert!(told.contains(&key.display().to_string()), "{told}");
    assert_eq!(shown(program.addr(), &office).await, second);
    program.signal(Signal::TERM);
    assert_eq!(program.ends().await, Some(0));
}

/// Opens a pipe once somebody waits for what will be written there.
async fn pipe_into(path: &Path) -> fs::File {
    within("somebody reads", async {
        loop {
            match rustix::fs::open(path, OFlags::WRONLY | OFlags::NONBLOCK, Mode::empty()) {
                Ok(pipe) => return pipe.into(),
                Err(error) => assert_eq!(error, Errno::NXIO),
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_sighup_during_the_start_is_answered_behind_it() {
    let office = Office::new();
    office.renews();
    let data = tempfile::tempdir().unwrap();
    let (slow, kept, log) = (office.path("slow.pem"), office.path("kept.pem"), office.path("log"));
    fs::copy(office.files().chain, &kept).unwrap();
    assert!(Command::new("mkfifo").arg(&slow).status().unwrap().success());
    let mut command = liaod(&["serve", "--listen", "127.0.0.1:0"], data.path());
    command.arg("--tls-cert").arg(&slow).arg("--tls-key").arg(office.files().key);
    command.stderr(fs::File::create(&log).unwrap());
    let program = Program::run_while(command, async |pid| {
        let mut pipe = pipe_into(&slow).await;
        kill_process(pid, Signal::HUP).unwrap();
        let chain = fs::read(&kept).unwrap();
        fs::rename(&kept, &slow).unwrap();
        // Where nobody is left to read it, the line will be missing.
        drop(pipe.write_all(&chain));
    })
    .await;
    tells(&log, "the certificate was read anew").await;
    program.signal(Signal::TERM);
    assert_eq!(program.ends().await, Some(0));
}

#[tokio::test]
async fn sighup_ends_no_server_without_certificate_files() {
    for arguments in [&[][..], &["--insecure-plaintext"]] {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut command = liaod(&arguments, &folder.path().join("data"));
        command.stderr(fs::File::create(&log).unwrap());
        let program = Program::run(command).await;
        program.signal(Signal::HUP);
        tells(&log, "read anew").await;
        program.signal(Signal::TERM);
        assert_eq!(program.ends().await, Some(0));
    }
}

#[tokio::test]
async fn a_bad_certificate_at_the_start_is_refused_in_words() {
    let office = Office::new();
    office.renews();
    let data = tempfile::tempdir().unwrap();
    fs::write(office.path("key.pem"), KeyPair::generate().unwrap().serialize_pem()).unwrap();
    let serve = |chain: &Path, key: &Path| {
        let mut command = liaod(&["serve", "--listen", "127.0.0.1:0"], data.path());
        command.arg("--tls-cert").arg(chain).arg("--tls-key").arg(key);
        output(command)
    };
    for (chain, key, named) in [
        ("chain.pem", "key.pem", "key.pem"),
        ("key.pem", "key.pem", "key.pem"),
        ("chain.pem", "missing.pem", "missing.pem"),
        ("missing.pem", "key.pem", "missing.pem"),
    ] {
        let done = serve(&office.path(chain), &office.path(key)).await;
        let said = text(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{said}");
        assert!(said.contains("liaod: ") && said.contains(named), "{said}");
    }
}

#[tokio::test]
async fn plain_text_and_tls_do_not_meet() {
    let (plain, tls) = (World::new().await, World::over_tls().await);
    let found = dial::probe(&at(addr(&plain)), &Authorities::none()).await;
    assert!(matches!(found, Err(ConnectError::Unencrypted)), "{found:?}");
    let dialer = ServerDialer { address: at(addr(&tls)), trust: Trust::Plaintext };
    let credentials = Credentials::Register(register("alice"));
    let (_link, mut notices) = Link::start(LinkConfig::new(Arc::new(dialer), credentials, "test"));
    let why = within("why not", async {
        loop {
            let notice = notices.recv().await.unwrap();
            if let Notice::State(LinkState::Waiting { why, .. }) = notice {
                return why;
            }
        }
    });
    assert_eq!(why.await, Cut::Encrypted);
}

#[tokio::test]
async fn a_connection_that_ends_in_the_midst_of_a_record_loses_nothing() {
    let world = World::over_tls().await;
    let (alice, bob) = (world.registers("alice").await, world.registers("bob").await);
    // Longer than what passes before the end.
    let text = |bytes: i64| format!("over {bytes} {}", "x".repeat(400));
    let ends = [1, 7, 30, 100, 333];
    for bytes in ends {
        // Nobody says goodbye: the bytes just end.
        alice.network.breaks_after(bytes);
        alice.says("#lobby", &text(bytes)).await;
    }
    bob.sees("#lobby", &format!("alice: {}", text(333))).await;
    assert_eq!(bob.looks(|seen| seen.texts("#lobby")), ends.map(text));
    assert!(alice.network.is_steady() >= 5, "it broke each time");
}

/// Bytes of a real client: those of its first words, and those that end the handshake.
struct Halves {
    stream: TcpStream,
    last: Vec<u8>,
}

/// A client that has done all of its handshake but for its last words.
async fn almost(world: &World) -> Halves {
    let provider = Arc::new(ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(ring::default_provider())))
        .with_no_client_auth();
    config.alpn_protocols = vec![limits::ALPN.to_vec()];
    let name = ServerName::try_from("liao").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    let mut stream = TcpStream::connect(addr(world)).await.unwrap();
    let mut first = Vec::new();
    client.write_tls(&mut first).unwrap();
    stream.write_all(&first).await.unwrap();
    let mut answer = vec![0; 16 * 1024];
    while client.is_handshaking() {
        let length = within("an answer", stream.read(&mut answer)).await.unwrap();
        client.read_tls(&mut &answer[..length]).unwrap();
        client.process_new_packets().unwrap();
    }
    let mut last = Vec::new();
    while client.wants_write() {
        client.write_tls(&mut last).unwrap();
    }
    Halves { stream, last }
}

#[tokio::test]
async fn whoever_stalls_at_the_end_of_a_handshake_is_let_go() {
    let world = World::over_tls().await;
    let mut stalled = Vec::new();
    for all_but in [None, Some(1)] {
        let Halves { mut stream, last } = almost(&world).await;
        let said = all_but.map_or(0, |all_but| last.len() - all_but);
        stream.write_all(&last[..said]).await.unwrap();
        stalled.push(stream);
    }
    world.registers("alice").await.says("#lobby", "I am behind them").await;
    time_passes(11).await;
    for stream in &mut stalled {
        answer(stream).await;
    }
}

#[tokio::test]
async fn an_announced_key_is_let_in_and_the_one_before_it_is_not() {
    let mut world = World::over_tls().await;
    let (key, next) = (world.data().join("tls/key.pem"), world.data().join("tls/next.pem"));
    let old = fs::read(&key).unwrap();
    let pin = world.server(Running::pin).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path()).unwrap();
    let (address, name) = (at(addr(&world)), String::new());
    let known = KnownServer {
        address: address.clone(),
        pin,
        since_ms: 1,
        name,
        vouched: false,
        next: None,
    };
    home.remember_server(known).unwrap();
    let (authorities, named) = (Authorities::none(), None);
    let dialer = KnownDialer { home: home.clone(), address: address.clone(), named, authorities };
    let meets = async || {
        let stream = dialer.connect().await.unwrap();
        within("a handshake", dialer.secure(stream)).await
    };
    let welcome = Raw::new(meets().await.unwrap()).hello_only().await;
    assert_eq!(welcome.next_pin, None);

    fs::write(&next, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    world.reloads().await;
    let welcome = Raw::new(meets().await.unwrap()).hello_only().await;
    assert!(welcome.next_pin.is_some_and(|next| next != pin));
    home.remember_next(&address, welcome.next_pin).unwrap();

    fs::rename(&next, &key).unwrap();
    world.reloads().await;
    assert_eq!(world.server(Running::pin), welcome.next_pin);
    let moved = Raw::new(meets().await.unwrap()).hello_only().await;
    assert_eq!(moved.next_pin, None);
    let known = home.server(&address).unwrap().unwrap();
    assert_eq!((Some(known.pin), known.next), (welcome.next_pin, None));

    world.stops().await;
    fs::write(&key, old).unwrap();
    world.starts().await;
    let back = meets().await.map(drop);
    let Err(ConnectError::PinChanged { expected, found }) = back else { panic!("{back:?}") };
    assert_eq!((expected, found), (known.pin, pin));
}

#[tokio::test]
async fn a_next_key_that_cannot_be_used_is_not_announced() {
    let world = World::over_tls().await;
    let next = world.data().join("tls/next.pem");
    for text in ["", "garbage"] {
        fs::write(&next, text).unwrap();
        world.reloads().await;
        assert_eq!(world.raw().await.hello_only().await.next_pin, None);
    }
    fs::write(&next, KeyPair::generate().unwrap().serialize_pem()).unwrap();
    world.reloads().await;
    assert!(world.raw().await.hello_only().await.next_pin.is_some());
    fs::remove_file(&next).unwrap();
    world.reloads().await;
    assert_eq!(world.raw().await.hello_only().await.next_pin, None);
}
