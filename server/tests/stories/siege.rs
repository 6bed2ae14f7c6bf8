//! Siege: peers that abort and flood below the protocol. Nobody else notices, and nothing is left of
//! them.

use std::{fs, io, net::SocketAddr};

use liao_common::{
    event::{FileOpened, Posted, Session},
    fault::{Fault, FaultCode},
    id::{Hash, Nonce, RoomId},
    message::{Body, Kind},
    request::{FileOpen, Send},
};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, time::Instant};

use crate::{
    program::{Program, liaod},
    support::{Raw, register, within},
    tls::{OLD, client_hello},
};

/// Connections of the flood; `LIAO_SIEGE` asks for more.
const FLOOD: usize = 10_000;

/// Those of them before memory is looked at for the first time.
const WARM_UP: usize = 2_000;

/// What the process may have grown in the meantime, in KiB: an allocator is never quite flat.
const GROWTH_MAX_KIB: u64 = 8 * 1024;

/// Connections of the flood at a time.
const ABREAST: usize = 50;

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
