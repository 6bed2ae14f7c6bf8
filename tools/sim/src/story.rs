//! One world from its seed to its end: people meet, talk while things break, all is mended, and what
//! everybody was promised is checked.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use liao_check::{
    history::Fact,
    verdict::{self, Counts},
};
use liao_client_core::link::Credentials;
use liao_common::{
    id::{RoomId, Seq, UserId},
    name::UserName,
    request::{History, Register, RoomCreate, RoomInvite, RoomJoin, Secret},
};
use liao_server::chat::retention::Retention;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    Dice, clock,
    crowd::Worker,
    device::{Device, is_online},
    faults::{Target, Trouble},
    host::{Ending, Host, Machine},
    stage::{Legacy, Stage},
    truth::Truth,
    way::Way,
};

/// How long things break, in simulated milliseconds.
const TROUBLE_MS: u64 = 60_000;

/// How long anything calm may take, in simulated seconds.
const CALM_S: u64 = 120;

/// After the last fault all have everything within this, in simulated seconds: the slowest sign of a
/// dead connection takes 66, the slowest next attempt 60, and connecting 10.
const SETTLED_S: u64 = 180;

/// The numbers of the dice that say what the server keeps, and how its clock leaps.
const KEEPING: u64 = 7;
const LEAPING: u64 = 8;

/// Who there may be.
const PEOPLE: [&str; 5] = ["anna", "bert", "cora", "dirk", "emma"];

/// How a world is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Keep every line of the trace.
    pub keep_lines: bool,
    /// Give the server a disk that lies about its syncs, to see that it is noticed.
    pub lying_disk: bool,
}

/// What came of a seed.
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Hash of everything that happened, in hexadecimal form.
    pub digest: String,
    /// Steps in that.
    pub steps: u64,
    /// The trace, if it was asked for.
    pub lines: Vec<String>,
    /// Broken promises, in words.
    pub faults: Vec<String>,
    /// What the judge looked at.
    pub counts: Counts,
}

/// Runs the world of a seed. Blocks; must not be called from a runtime.
///
/// # Errors
/// When the operating system gives no runtime or no folder.
pub fn run(seed: u64, options: Options) -> std::io::Result<Outcome> {
    let folder = tempfile::tempdir()?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    let stage = Arc::new(Stage::new(options.keep_lines));
    runtime.block_on(async {
        let mut dice = Dice::new(seed);
        clock::begin(dice.fork());
        let keeps = keeps(seed);
        if let Some(rule) = keeps {
            stage.fact(
                "server",
                Fact::Keeps { messages: rule.messages.filter(|_| rule.age_ms.is_none()) },
            );
        }
        let leaps = leaps(seed);
        let machine = Machine { lies: options.lying_disk, keeps, leaps: leaps.is_some() };
        let host = Arc::new(Host::new(folder.path(), machine, &stage, dice.fork()));
        let stage = Arc::clone(&stage);
        Story { stage, host, rule: keeps, leaps, dice, devices: Vec::new() }.goes().await;
    });
    let panicked = crate::panics::taken();
    let Legacy { digest, steps, lines, history, broken } = stage.close();
    let verdict = verdict::check(&history);
    let mut faults = broken;
    faults.extend(panicked);
    faults.extend(verdict.faults.iter().map(ToString::to_string));
    Ok(Outcome { seed, digest, steps, lines, faults, counts: verdict.counts })
}

/// What the server keeps in the world of this seed: in one of five not everything.
fn keeps(seed: u64) -> Option<Retention> {
    if !seed.is_multiple_of(5) {
        return None;
    }
    let mut dice = Dice::numbered(seed, KEEPING);
    let messages = Some(dice.within(5, 60));
    // Only a clock that leaps makes messages so old.
    let age_ms = (dice.chance(20) || leaps(seed).is_some()).then_some(30 * 60 * 1000);
    let every_ms = dice.within(200, 5000);
    Some(Retention { age_ms, messages, every_ms, grace_ms: 500 })
}

/// How the clock leaps in the world of this seed: where messages go by their age, in one of four such worlds.
fn leaps(seed: u64) -> Option<Dice> {
    (seed % 20 == 5).then(|| Dice::numbered(seed, LEAPING))
}

struct Story {
    stage: Arc<Stage>,
    host: Arc<Host>,
    /// What the server keeps while things break, where it is not everything.
    rule: Option<Retention>,
    leaps: Option<Dice>,
    dice: Dice,
    devices: Vec<(usize, Arc<Device>)>,
}

impl Story {
    async fn goes(mut self) {
        self.host.starts();
        let count = self.dice.within(2, PEOPLE.len() as u64);
        let people = &PEOPLE[..usize::try_from(count).unwrap_or(2)];
        if !self.meet(people).await {
            return;
        }
        self.breaks(people).await;
        self.settles().await;
        self.sees_all_online(people.len()).await;
        for (_, device) in &self.devices {
            self.reads_all(device).await;
        }
        self.ends().await;
    }

    fn way(&mut self, who: &str) -> Way {
        let dice = self.dice.fork();
        Way::new(who, &self.host, &self.stage, dice)
    }

    /// Everybody registers, some on a second device; two begin a private room.
    async fn meet(&mut self, people: &[&str]) -> bool {
        for (number, name) in people.iter().enumerate() {
            let who = format!("{name}.1");
            let credentials = Credentials::Register(Register {
                user: (*name).to_owned(),
                name: (*name).to_owned(),
                secret: secret(name),
                dev_name: who.clone(),
                invite: None,
            });
            self.enters(number, &who, credentials).await;
        }
        for (number, name) in people.iter().enumerate() {
            if let (true, Ok(user)) = (self.dice.chance(40), UserName::parse(name)) {
                let credentials = Credentials::Password { user, secret: secret(name) };
                self.enters(number, &format!("{name}.2"), credentials).await;
            }
        }
        let met = self.devices.iter().all(|(_, device)| device.looks(is_online));
        if !met {
            self.stage.broke("people could not meet".to_owned());
            return false;
        }
        self.shares_a_secret().await;
        true
    }

    async fn enters(&mut self, person: usize, who: &str, credentials: Credentials) {
        let way = self.way(who);
        let device = Device::new(who, way, &self.stage, self.dice.fork());
        device.starts(Some(credentials));
        let online = device.waits_for(is_online);
        // Whoever does not get in is found out by the caller.
        drop(timeout(Duration::from_secs(CALM_S), online).await);
        self.devices.push((person, device));
    }

    async fn shares_a_secret(&self) {
        let [(_, host), (_, guest), ..] = &self.devices[..] else { return };
        let create = RoomCreate { name: "moss".into(), private: true, topic: String::new() };
        let shared = async {
            let room = host.handle()?.call(create).await.ok()?.room;
            let user = guest.looks(liao_client_core::model::Model::my_id)?;
            host.handle()?.call(RoomInvite { room, user }).await.ok()?;
            guest.handle()?.call(RoomJoin { room: Some(room), name: None }).await.ok()
        };
        if !matches!(timeout(Duration::from_secs(CALM_S), shared).await, Ok(Some(_))) {
            self.stage.broke("a private room could not be shared".to_owned());
        }
    }

    /// People talk while things break, until all is mended.
    async fn breaks(&mut self, people: &[&str]) {
        let end = CancellationToken::new();
        let names: Vec<String> = people.iter().map(|name| (*name).to_owned()).collect();
        let mut workers = Vec::new();
        for (person, device) in &self.devices {
            let of_person = self.devices.iter().filter(|(of, _)| of == person);
            let others = of_person.filter(|(_, other)| !Arc::ptr_eq(other, device));
            let others = others.map(|(_, other)| Arc::clone(other)).collect();
            let host = Arc::clone(&self.host);
            let dice = self.dice.fork();
            let worker = Worker::new(Arc::clone(device), others, names.clone(), host, dice);
            workers.push(tokio::spawn(worker.works(end.clone())));
        }
        let mut trouble = Trouble {
            host: Arc::clone(&self.host),
            devices: self.devices.iter().map(|(_, device)| Arc::clone(device)).collect(),
            stage: Arc::clone(&self.stage),
            dice: self.dice.fork(),
        };
        let mut troubles = Vec::new();
        for target in [Target::Server, Target::Devices, Target::Devices] {
            trouble.dice = self.dice.fork();
            troubles.push(tokio::spawn(trouble.clone().makes(target, end.clone())));
        }
        if let Some(dice) = self.leaps.take() {
            trouble.dice = dice;
            troubles.push(tokio::spawn(trouble.clone().makes(Target::Clock, end.clone())));
        }
        sleep(Duration::from_millis(TROUBLE_MS)).await;
        end.cancel();
        for trouble in troubles {
            // It ends as soon as it is told to.
            drop(trouble.await);
        }
        trouble.mend();
        for worker in workers {
            if !matches!(timeout(Duration::from_secs(CALM_S), worker).await, Ok(Ok(()))) {
                self.stage.broke("somebody's client takes nothing any more".to_owned());
            }
        }
    }

    /// All have everything, or it is told who has not.
    async fn settles(&self) {
        for _ in 0..2 * SETTLED_S {
            if self.devices.iter().all(|(_, device)| self.has_all(device).is_ok()) {
                return;
            }
            sleep(Duration::from_millis(500)).await;
        }
        for (_, device) in &self.devices {
            if let Err(why) = self.has_all(device) {
                let words = format!("I14 {} does not come to rest: {why}", device.who());
                self.stage.broke(words);
            }
        }
    }

    fn has_all(&self, device: &Device) -> Result<(), String> {
        let hub = self.host.hub().ok_or("the server does not run")?;
        let store = &*hub.store;
        if !device.is_at_rest() {
            return Err(format!("it is {:?}, or posts wait", device.looks(|m| m.state.clone())));
        }
        let inside = |user| liao_server::state::view::memberships(store, user, usize::MAX);
        let me = device.looks(liao_client_core::model::Model::my_id).unwrap_or_default();
        let mut rooms: Vec<(RoomId, Seq)> = Vec::new();
        for member in inside(me).map_err(|error| error.to_string())? {
            if member.standing.is_in() {
                let head = liao_server::state::view::head(store, member.room);
                rooms.push((member.room, head.map_err(|error| error.to_string())?.seq));
            }
        }
        // A private room that the other opened and nobody spoke in is not shown yet.
        rooms.retain(|(_, head)| *head > Seq::ZERO);
        rooms.sort_unstable();
        let mut shown: Vec<(RoomId, Seq)> = device.looks(|model| {
            let rooms = model.rooms().into_iter().filter(|room| !room.is_invitation());
            rooms.map(|room| (room.id, room.head.0)).collect()
        });
        for (room, head) in &shown {
            let reached = device.reached(*room);
            if reached < *head {
                return Err(format!("it was told room {room} up to {reached} of {head}"));
            }
        }
        shown.retain(|(_, head)| *head > Seq::ZERO);
        shown.sort_unstable();
        if shown == rooms { Ok(()) } else { Err(format!("it shows {shown:?} of {rooms:?}")) }
    }

    async fn sees_all_online(&self, people: usize) {
        for (_, device) in &self.devices {
            let all = device.waits_for(|model| model.people.online().len() == people);
            if timeout(Duration::from_secs(CALM_S), all).await.is_err() {
                let online = device.looks(|model| model.people.online().len());
                let who = &device.who();
                self.stage.broke(format!("I13 {who} sees {online} of {people} online"));
            }
        }
    }

    /// A device reads all its rooms from beginning to end.
    async fn reads_all(&self, device: &Device) {
        let mut rooms: Vec<(RoomId, Seq)> = device.looks(|model| {
            let rooms = model.rooms().into_iter().filter(|room| !room.is_invitation());
            rooms.map(|room| (room.id, room.head.0)).collect()
        });
        rooms.sort_unstable();
        for (room, head) in rooms {
            self.stage.fact(&device.who(), Fact::Rests { room: room.0, seq: head.0 });
            let reading = async {
                device.scrolls_back(room).await;
                self.reads(device, room).await
            };
            let read = timeout(Duration::from_secs(CALM_S), reading).await;
            if !matches!(read, Ok(Some(()))) {
                self.stage.broke(format!("{} cannot read room {room}", device.who()));
            }
        }
    }

    async fn reads(&self, device: &Device, room: RoomId) -> Option<()> {
        let who = &device.who();
        self.stage.fact(who, Fact::Reads { room: room.0 });
        let mut after = None;
        loop {
            let ask =
                History { room, after: Some(after.unwrap_or_default()), ..History::default() };
            let page = device.handle()?.call(ask).await.ok()?;
            for message in &page.msgs {
                self.stage.fact(who, Fact::Read(message.into()));
            }
            let last = page.msgs.last().map(|message| message.seq);
            after = last.or(after);
            if !page.more || last.is_none() {
                self.stage.fact(who, Fact::ReadAll { room: room.0, floor: page.floor.0 });
                return Some(());
            }
        }
    }

    /// The power goes one last time; what is on the disk is the truth.
    async fn ends(&self) {
        self.host.ends(Ending::PowerCut(false)).await;
        self.host.starts();
        let Some(hub) = self.host.hub() else { return };
        match Truth::read(&hub, self.host.archive()) {
            Ok(truth) => {
                truth.testify(&self.stage, &self.people());
                if let Some(rule) = self.rule {
                    truth.judge_floors(rule, self.host.looked_ms(), &self.stage);
                }
                self.devices.iter().for_each(|(_, device)| truth.compare(device, &self.stage));
            }
            Err(error) => self.stage.broke(format!("the store cannot be read: {error}")),
        }
        self.host.ends(Ending::Killed).await;
    }

    fn people(&self) -> BTreeMap<UserId, Vec<String>> {
        let mut people: BTreeMap<UserId, Vec<String>> = BTreeMap::new();
        for (_, device) in &self.devices {
            let me = device.looks(liao_client_core::model::Model::my_id).unwrap_or_default();
            people.entry(me).or_default().extend(device.names());
        }
        people
    }
}

/// The password of a person.
pub(crate) fn secret(name: &str) -> Secret {
    Secret(format!("correct horse of {name}"))
}
