//! Eight people who talk at once, one thread each, through every cut, until they are told to stop.
//! Owns the place where the server is; clients wait there while it is down.

use std::{
    net::SocketAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use liao_common::request::RoomCreate;

use crate::{
    Dice,
    client::Client,
    clock::Deadline,
    guests::{self, Room},
    link::is_cut,
    tape::Tape,
};

/// How long a client may take to be done, the server being up.
const DONE_WITHIN: Duration = Duration::from_secs(120);

/// One post in so many is a file.
const FILES_ONE_IN: u64 = 60;

/// Frames that are taken before something is said again.
const FRAMES_AT_ONCE: usize = 100;

/// The numbers of guests begin here.
const GUESTS_FROM: u64 = 500;

/// What the clients are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Talk,
    /// Nothing new; everything has to be answered.
    Finish,
}

/// Where the server is, and what is to be done.
#[derive(Debug)]
struct Board {
    addr: Option<SocketAddr>,
    phase: Phase,
}

/// See the module.
pub(crate) struct Crowd {
    board: Arc<(Mutex<Board>, Condvar)>,
    people: Vec<JoinHandle<Result<Client>>>,
    rooms: Vec<Vec<u64>>,
    all_rooms: Vec<u64>,
    visited: Vec<Room>,
}

fn lock(board: &(Mutex<Board>, Condvar)) -> MutexGuard<'_, Board> {
    board.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// People with accounts, and the rooms they are in.
pub(crate) struct Cast {
    pub(crate) people: Vec<Client>,
    rooms: Vec<Vec<u64>>,
    all_rooms: Vec<u64>,
    /// Rooms where guests come and go; the first of the people keeps order there.
    visited: Vec<Room>,
}

impl Cast {
    /// Makes accounts, a public room, a private one for half of them, and direct rooms.
    pub(crate) fn gather(
        count: usize,
        (seed, first): (u64, u64),
        tape: &Arc<Tape>,
        addr: SocketAddr,
    ) -> Result<Self> {
        let mut people = Vec::new();
        for number in (first..).take(count) {
            let dice = Dice::numbered(seed, number);
            let mut client = Client::new(&format!("c{number}"), Arc::clone(tape), dice);
            client.register(addr)?;
            people.push(client);
        }
        let rooms = vec![vec![1]; people.len()];
        let mut cast = Self { rooms, people, all_rooms: vec![1], visited: Vec::new() };
        cast.furnish(first)?;
        Ok(cast)
    }

    fn furnish(&mut self, first: u64) -> Result<()> {
        let half = self.people.len() / 2;
        let users: Vec<u64> = self.people.iter().map(|client| client.user).collect();
        let (owner, others) = self.people.split_first_mut().context("nobody")?;
        let name = |word: &str| format!("{word}{first}");
        let square = RoomCreate { name: name("square"), private: false, topic: String::new() };
        let square = owner.opens(square)?;
        let cellar = RoomCreate { name: name("cellar"), private: true, topic: String::new() };
        let cellar = owner.opens(cellar)?;
        for (at, other) in others.iter_mut().enumerate() {
            other.joins(square)?;
            if at + 1 < half {
                owner.invites(cellar, other.user)?;
                other.joins(cellar)?;
            }
        }
        self.all_rooms.extend([square, cellar]);
        for (at, rooms) in self.rooms.iter_mut().enumerate() {
            rooms.push(square);
            rooms.extend(Some(cellar).filter(|_| at < half));
        }
        for at in 0..half {
            let direct = self.people[at].meets(users[at + half])?;
            self.people[at + half].meets(users[at])?;
            self.rooms[at].push(direct);
            self.rooms[at + half].push(direct);
            self.all_rooms.push(direct);
        }
        Ok(())
    }

    /// Adds people who come and go in two rooms of their own, a public and a private one. The first of the
    /// people keeps order there, the second talks there too.
    pub(crate) fn welcome_guests(
        &mut self,
        count: usize,
        seed: u64,
        tape: &Arc<Tape>,
        addr: SocketAddr,
    ) -> Result<()> {
        let [keeper, talker, ..] = &mut self.people[..] else { bail!("nobody keeps order") };
        let mut visited = Vec::new();
        for (name, private) in [("court", false), ("yard", true)] {
            let (name, topic) = (name.to_owned(), String::new());
            let room = keeper.opens(RoomCreate { name, private, topic })?;
            keeper.invites(room, talker.user)?;
            talker.joins(room)?;
            visited.push(Room { room, private });
        }
        let ids: Vec<u64> = visited.iter().map(|room| room.room).collect();
        let mut guests = Vec::new();
        for number in 0..count {
            let dice = Dice::numbered(seed, GUESTS_FROM + number as u64);
            let mut guest = Client::new(&format!("g{number}"), Arc::clone(tape), dice);
            guest.visits(&ids);
            guest.register(addr)?;
            guests.push(guest);
        }
        let users: Vec<u64> = guests.iter().map(|guest| guest.user).collect();
        keeper.keeps_order(&ids, &users);
        self.rooms.iter_mut().take(2).for_each(|rooms| rooms.extend(&ids));
        self.rooms.extend(guests.iter().map(|_| [&[1], &ids[..]].concat()));
        self.people.extend(guests);
        self.all_rooms.extend(ids);
        self.visited = visited;
        Ok(())
    }

    /// Tells the judge which guests were where when, once everybody has read everything.
    pub(crate) fn testify(&self, tape: &Tape) -> Result<()> {
        let keeper = self.people.first().context("nobody")?;
        let guests = self.people.iter().filter(|client| client.is_guest());
        let guests = guests.map(|client| (client.user, client.name.clone())).collect();
        for (who, fact) in guests::spans(&tape.records(), &keeper.name, &self.visited, &guests) {
            tape.tell(&who, fact);
        }
        Ok(())
    }

    /// Everybody uploads a file, and begins with another that is never finished.
    pub(crate) fn upload_half(&mut self) -> Result<()> {
        for client in &mut self.people {
            client.upload(1)?;
            client.upload_half(1)?;
        }
        Ok(())
    }

    /// Lets everybody talk.
    pub(crate) fn talk(mut self) -> Result<Crowd> {
        let board = Board { addr: None, phase: Phase::Talk };
        let board = Arc::new((Mutex::new(board), Condvar::new()));
        let mut people = Vec::new();
        for (mut client, rooms) in
            std::mem::take(&mut self.people).into_iter().zip(self.rooms.clone())
        {
            client.leave();
            let board = Arc::clone(&board);
            let life = thread::Builder::new().name(client.name.clone());
            people.push(life.spawn(move || live(client, &rooms, &board))?);
        }
        let Self { rooms, all_rooms, visited, .. } = self;
        Ok(Crowd { board, people, rooms, all_rooms, visited })
    }

    /// People who only read.
    pub(crate) fn readers(people: Vec<Client>, all_rooms: Vec<u64>) -> Self {
        Self { people, rooms: Vec::new(), all_rooms, visited: Vec::new() }
    }

    /// The people, and every room that there is.
    pub(crate) fn part(self) -> (Vec<Client>, Vec<u64>) {
        (self.people, self.all_rooms)
    }

    /// Everybody says something in the lobby, then reads everything; these files are fetched.
    pub(crate) fn read_and_talk(
        &mut self,
        addr: SocketAddr,
        wanted: impl Fn(u64) -> bool,
    ) -> Result<()> {
        for client in &mut self.people {
            client.resume(addr)?;
            client.says(1)?;
            let deadline = Deadline::within(DONE_WITHIN);
            while client.unanswered() > 0 {
                client.hear()?;
                deadline.check("an answer")?;
            }
            client.leave();
        }
        for client in &mut self.people {
            client.resume(addr)?;
            client.read_all()?;
            client.fetch(&wanted)?;
            client.pry(&self.all_rooms)?;
            client.leave();
        }
        Ok(())
    }

    /// Everybody reads everything, and tries what is not theirs.
    pub(crate) fn read_all(&mut self, addr: SocketAddr) -> Result<()> {
        for client in &mut self.people {
            client.resume(addr)?;
            client.read_all()?;
            client.fetch(|_| true)?;
            client.pry(&self.all_rooms)?;
            client.leave();
        }
        Ok(())
    }
}

impl Crowd {
    /// Says where the server is, or that it is down.
    pub(crate) fn point_to(&self, addr: Option<SocketAddr>) {
        lock(&self.board).addr = addr;
        self.board.1.notify_all();
    }

    /// Nobody says anything new; ends when all that was said is acknowledged.
    ///
    /// # Errors
    /// What went wrong for one of them, other than cuts.
    pub(crate) fn finish(mut self) -> Result<Cast> {
        lock(&self.board).phase = Phase::Finish;
        self.board.1.notify_all();
        let mut people = Vec::new();
        for person in std::mem::take(&mut self.people) {
            match person.join() {
                Ok(client) => people.push(client?),
                Err(_) => bail!("a client gave up"),
            }
        }
        let Self { rooms, all_rooms, visited, .. } = self;
        Ok(Cast { people, rooms, all_rooms, visited })
    }

    /// Whether everybody still talks.
    pub(crate) fn is_well(&self) -> bool {
        !self.people.iter().any(JoinHandle::is_finished)
    }
}

fn live(mut client: Client, rooms: &[u64], board: &(Mutex<Board>, Condvar)) -> Result<Client> {
    let deadline =
        |board: &Board| (board.phase == Phase::Finish).then(|| Deadline::within(DONE_WITHIN));
    let mut end = None;
    loop {
        end = end.or_else(|| deadline(&lock(board)));
        if let Some(end) = end {
            end.check("the last answers")?;
        }
        let waiting = |board: &mut Board| board.addr.is_none();
        let patience = Duration::from_millis(200);
        let waited = board.1.wait_timeout_while(lock(board), patience, waiting);
        let addr = waited.map_or(None, |(board, _)| board.addr);
        let Some(addr) = addr else { continue };
        match converse(&mut client, addr, rooms, board) {
            Ok(()) => return Ok(client),
            Err(error) if is_cut(&error) => client.leave(),
            Err(error) => return Err(error.context(client.name)),
        }
    }
}

/// One connection, until it is cut or everything is said.
fn converse(
    client: &mut Client,
    addr: SocketAddr,
    rooms: &[u64],
    board: &(Mutex<Board>, Condvar),
) -> Result<()> {
    client.resume(addr)?;
    loop {
        let phase = lock(board).phase;
        if phase == Phase::Finish && client.unanswered() == 0 {
            client.leave();
            return Ok(());
        }
        if phase == Phase::Talk {
            client.plays_its_part()?;
            let rooms: Vec<u64> =
                rooms.iter().copied().filter(|room| client.is_in(*room)).collect();
            client.talk(&rooms)?;
            if client.rolls(FILES_ONE_IN) {
                client.upload(rooms[0])?;
            }
        }
        for _ in 0..FRAMES_AT_ONCE {
            if !client.hear()? {
                break;
            }
        }
    }
}
