//! Between a client and what it talks to. For `liao` a real server, whose frames pass through, so
//! that lines can be put between them; for IRC just enough of a server to let somebody in.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result};

use super::feed::{Line, write};

/// How long a client may take to come.
const WITHIN: Duration = Duration::from_secs(20);

/// A place where one client is waited for.
pub(crate) struct Between {
    pub(crate) addr: SocketAddr,
    came: Receiver<Line>,
}

impl Between {
    /// Passes one connection on to a server.
    pub(crate) fn liao(server: SocketAddr) -> Result<Self> {
        Self::open(move |client, came| {
            let upstream = TcpStream::connect(server)?;
            upstream.set_nodelay(true)?;
            let line = Arc::new(Mutex::new(client.try_clone()?));
            drop(came.send(Arc::clone(&line)));
            let (mut from, mut to) = (client, upstream.try_clone()?);
            thread::Builder::new().spawn(move || std::io::copy(&mut from, &mut to).map(drop))?;
            pass_frames(upstream, &line)
        })
    }

    /// Lets one client in, to `#lobby`.
    pub(crate) fn irc() -> Result<Self> {
        Self::open(|client, came| {
            let line = Arc::new(Mutex::new(client.try_clone()?));
            greet(client, &line, came)
        })
    }

    fn open(
        serve: impl FnOnce(TcpStream, &SyncSender<Line>) -> Result<()> + Send + 'static,
    ) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let addr = listener.local_addr()?;
        let (sender, came) = sync_channel(1);
        thread::Builder::new().name("between".into()).spawn(move || {
            let served = listener.accept().map_err(anyhow::Error::from).and_then(|(client, _)| {
                client.set_nodelay(true)?;
                serve(client, &sender)
            });
            // The client is killed in the end, so that a broken line is the rule.
            drop(served);
        })?;
        Ok(Self { addr, came })
    }

    /// Waits until the client is there; for IRC, until it is in `#lobby`.
    pub(crate) fn line(&self) -> Result<Line> {
        self.came.recv_timeout(WITHIN).context("the client did not come")
    }
}

/// Whole frames only, so that what is put between them stands between them.
fn pass_frames(mut from: TcpStream, line: &Line) -> Result<()> {
    loop {
        let mut frame = vec![0; 4];
        from.read_exact(&mut frame)?;
        let len = u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]);
        frame.resize(4 + usize::try_from(len)?, 0);
        from.read_exact(&mut frame[4..])?;
        write(line, &frame)?;
    }
}

fn greet(client: TcpStream, line: &Line, came: &SyncSender<Line>) -> Result<()> {
    let mut nick = "bench".to_owned();
    for said in BufReader::new(client).lines() {
        let said = said?;
        let (verb, rest) = said.split_once(' ').unwrap_or((&said, ""));
        let mut answer = Vec::new();
        match verb {
            "CAP" if rest.starts_with("LS") => write!(answer, ":irc CAP * LS :\r\n")?,
            "NICK" => rest.trim_start_matches(':').clone_into(&mut nick),
            "USER" => write!(
                answer,
                ":irc 001 {nick} :Welcome\r\n:irc 002 {nick} :Host\r\n:irc 003 {nick} :Made\r\n\
                 :irc 004 {nick} irc 1 i n\r\n:irc 005 {nick} CHANTYPES=# :are supported\r\n\
                 :irc 422 {nick} :No MOTD\r\n"
            )?,
            "JOIN" => write!(
                answer,
                ":{nick}!b@127.0.0.1 JOIN #lobby\r\n:irc 353 {nick} = #lobby :{nick} peer\r\n\
                 :irc 366 {nick} #lobby :End\r\n"
            )?,
            "MODE" => write!(answer, ":irc 324 {nick} #lobby +n\r\n")?,
            "WHO" => write!(answer, ":irc 315 {nick} #lobby :End\r\n")?,
            "PING" => write!(answer, ":irc PONG irc {rest}\r\n")?,
            _ => {}
        }
        write(line, &answer)?;
        if verb == "JOIN" {
            drop(came.send(Arc::clone(line)));
        }
    }
    Ok(())
}
