//! Siege: peers that stall, abort, flood and lie below the protocol. Nobody else notices, and nothing
//! is left of them.

use std::{fs, io, net::SocketAddr, sync::Arc, time::Duration};

use liao_common::{
    event::{FileOpened, Posted, Session},
    fault::{Fault, FaultCode},
    id::{Hash, Nonce, RoomId},
    limits,
    message::{Body, Kind},
    request::{FileOpen, Send},
};
use liao_server::server::Running;
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::Instant,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    program::{Program, liaod},
    support::{Raw, World, register, within},
};

/// Connections of the flood; `LIAO_SIEGE` asks for more.
const FLOOD: usize = 10_000;

/// Those of them before memory is looked at for the first time.
const WARM_UP: usize = 2_000;

/// What the process may have grown in the meantime, in KiB: an allocator is never quite flat.
const GROWTH_MAX_KIB: u64 = 8 * 1024;

/// Connections of the flood at a time.
const ABREAST: usize = 50;

fn addr(world: &World) -> SocketAddr {
    world.server(Running::addr)
}

/// A `ClientHello` record that offers these extensions.
fn client_hello(extensions: &[u8]) -> Vec<u8> {
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
const OLD: &[u8] = &[0, 10, 0, 4, 0, 2, 0, 29, 0, 13, 0, 6, 0, 4, 4, 3, 8, 4, 0, 11, 0, 2, 1, 0];

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

/// Resident memory of a process, in KiB, and how many files it has open.
pub(super) fn footprint(pid: u32) -> (u64, usize) {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    (kib, fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count())
}

/// One that comes and breaks off, each time at another point.
async fn breaks_off(addr: SocketAddr, number: usize) -> io::Result<()> {
    let mut stream = TcpStream::connect(addr).await?;
    let hello = client_hello(OLD);
    match number % 5 {
        0 => Ok(()),
        1 => stream.write_all(&hello[..number % hello.len()]).await,
        // What comes back is not read: a reset instead of an end.
        2 => stream.write_all(&hello).await,
        3 => stream.write_all(&[0xa5; 600]).await,
        _ => {
            stream.write_all(&hello[..5]).await?;
            stream.shutdown().await
        }
    }
}

async fn flood(addr: SocketAddr, from: usize, to: usize) {
    let numbers: Vec<usize> = (from..to).collect();
    for batch in numbers.chunks(ABREAST) {
        let tasks: Vec<_> =
            batch.iter().map(|number| tokio::spawn(breaks_off(addr, *number))).collect();
        for task in tasks {
            // Some are refused before they have said all.
            drop(task.await.unwrap());
        }
    }
}

/// Waits until a process has no more files open than this.
async fn files_fall_to(pid: u32, count: usize) {
    within("the connections are gone", async {
        while footprint(pid).1 > count {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_flood_of_connections_leaves_nothing_behind() {
    let count = std::env::var("LIAO_SIEGE").ok().and_then(|n| n.parse().ok()).unwrap_or(FLOOD);
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(folder.path(), &[]).await;
    let (addr, pid) = (program.addr(), program.pid());
    let open = footprint(pid).1;
    flood(addr, 0, WARM_UP).await;
    files_fall_to(pid, open + 2).await;
    let before = footprint(pid).0;
    flood(addr, WARM_UP, WARM_UP + count).await;
    files_fall_to(pid, open + 2).await;
    let after = footprint(pid).0;
    eprintln!("{count} connections: {before} KiB before, {after} KiB after");
    assert!(after <= before + GROWTH_MAX_KIB, "{before} KiB, and {after} KiB after {count}");
}

/// A login with a fresh account on a server that speaks plain text.
async fn registers(program: &Program, id: &str) -> Raw {
    let mut raw = program.raw().await;
    raw.hello().await;
    raw.asks::<Session>(register(id)).await.unwrap();
    raw
}

async fn posts(raw: &mut Raw, cid: u8) {
    let body = Body::text("a word");
    let send = Send { room: RoomId::LOBBY, cid: Nonce([cid; 16]), kind: Kind::Text, body };
    raw.asks::<Posted>(send).await.unwrap();
}

async fn uploads(raw: &mut Raw, number: u8) -> Result<FileOpened, Fault> {
    let b3 = Hash([number; 32]);
    let (room, name) = (RoomId::LOBBY, format!("{number}.bin"));
    raw.asks(FileOpen { room, size: 1000, b3, name, media: String::new() }).await
}

/// With 256 descriptors, 128 are the server's own, 32 are for transfers and 96 for connections, half of
/// them for those who have not logged in.
#[tokio::test]
async fn with_all_descriptors_taken_members_talk_on() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start_with_files(folder.path(), &["--insecure-plaintext"], 256).await;
    let mut people = Vec::new();
    let mut refused = Vec::new();
    for number in 0..17 {
        let mut raw = registers(&program, &format!("user{number}")).await;
        for of in [number, number + 100] {
            refused.extend(uploads(&mut raw, of).await.err());
        }
        people.push(raw);
    }
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert!(refused.iter().all(|fault| fault.code == FaultCode::Busy && fault.retry_ms.is_some()));
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(TcpStream::connect(program.addr()).await.unwrap());
    }
    for cid in 1..50 {
        posts(&mut people[0], cid).await;
    }
    let open = footprint(program.pid()).1;
    assert!((96..256 - 64).contains(&open), "{open}: some are kept for the disk");
    drop(silent);
    let mut late = registers(&program, "late").await;
    posts(&mut late, 1).await;
    assert_eq!(uploads(&mut late, 99).await.unwrap_err().code, FaultCode::Busy);
    drop(people);
    within("a place for an upload", async {
        while uploads(&mut late, 99).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Lets the process open so many files from now on; gives the limit that it had.
fn may_open(pid: u32, files: u64) -> u64 {
    let pid = Pid::from_raw(pid.try_into().unwrap());
    let maximum = getrlimit(Resource::Nofile).maximum;
    let limit = Rlimit { current: Some(files), maximum };
    prlimit(pid, Resource::Nofile, limit).unwrap().current.unwrap()
}

#[tokio::test]
async fn without_a_descriptor_left_it_waits_and_comes_back() {
    const COMPLAINT: &str = "cannot accept a connection";
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--insecure-plaintext"];
    let mut command = liaod(&arguments, &folder.path().join("data"));
    command.stderr(fs::File::create(&log).unwrap());
    let program = Program::run(command).await;
    let mut alice = registers(&program, "alice").await;
    let pid = program.pid();
    let before = may_open(pid, footprint(pid).1 as u64);
    let began = Instant::now();
    let mut waiting = Vec::new();
    for _ in 0..20 {
        waiting.push(TcpStream::connect(program.addr()).await.unwrap());
    }
    within("it complains", async {
        while !fs::read_to_string(&log).unwrap().contains(COMPLAINT) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for cid in 1..50 {
        posts(&mut alice, cid).await;
    }
    let refused = uploads(&mut alice, 1).await.unwrap_err();
    assert!(refused.code == FaultCode::Busy && refused.retry_ms.is_some(), "{refused}");
    let lasted = began.elapsed();
    may_open(pid, before);
    let mended = Instant::now();
    Raw::new(waiting.pop().unwrap()).hello().await;
    eprintln!("it took {:?} to come back", mended.elapsed());
    posts(&mut alice, 50).await;
    uploads(&mut alice, 1).await.unwrap();
    let complaints = fs::read_to_string(&log).unwrap().matches(COMPLAINT).count() as u128;
    assert!(complaints <= 1 + lasted.as_millis() / 100, "{complaints} tries in {lasted:?}");
}
