//! The workloads, each with one system that has just been started: who does what, and which figures
//! come of it.

use std::time::Duration;

use anyhow::Result;

use super::{
    Run,
    acks::Acks,
    dialect::Scene,
    many, pace,
    system::System,
    talk::{Cast, Talk},
};
use crate::{
    machine,
    report::Good,
    stats::{Latencies, Rate},
};

/// People of the hall that hears everything, and of the pairs.
pub(super) const PEOPLE: usize = 1000;

/// Who talks in the hall.
const SENDERS: usize = 4;

/// Who posts what is kept, and posts in flight of each.
const KEPT: [(usize, u64); 2] = [(16, 16), (1, 1)];

const HIGH: Good = Good::High;
const LOW: Good = Good::Low;

fn ms(us: u64) -> f64 {
    us as f64 / 1e3
}

impl Run<'_> {
    /// W1: few talk, a thousand hear.
    pub(super) fn fanout(&mut self, system: System, _round: u64) -> Result<()> {
        let cast = Cast { scene: Scene::Hall, people: PEOPLE, senders: SENDERS };
        let mut running = self.ground.start(system, cast.scene, cast.people)?;
        let pid = running.pid();
        running.party.log_in(cast.people)?;
        running.party.enter(cast.scene)?;
        let mut talk = Talk::new(&running.party, cast)?;
        for window in [64, 4, 256] {
            let share = window / SENDERS as u64;
            let (rate, _) = talk.measure(&mut running.party, pid, share, self.window())?;
            let what = format!("{window} in flight");
            self.rate(("W1", &what), ["deliveries/CPU-s", "deliveries/s"], (system, rate));
        }
        self.ground.end(running)
    }

    /// W2: five hundred pairs.
    pub(super) fn pairs(&mut self, system: System, _round: u64) -> Result<()> {
        let cast = Cast { scene: Scene::Pairs, people: PEOPLE, senders: PEOPLE / 2 };
        let mut running = self.ground.start(system, cast.scene, cast.people)?;
        let pid = running.pid();
        running.party.log_in(cast.people)?;
        running.party.enter(cast.scene)?;
        let mut talk = Talk::new(&running.party, cast)?;
        for share in [1, 16] {
            let (_, rate) = talk.measure(&mut running.party, pid, share, self.window())?;
            let what = format!("{share} in flight");
            self.rate(("W2", &what), ["messages/CPU-s", "messages/s"], (system, rate));
        }
        let times = pace::measure(&mut talk, &mut running.party, self.options.seconds)?;
        let what = format!("until heard, at {}/s", pace::POSTS_PER_S);
        self.times(("W2", &what), (system, times));
        self.ground.end(running)
    }

    /// W3 and W4: very many, idle; then all in one room.
    pub(super) fn many(&mut self, system: System, round: u64) -> Result<()> {
        let people = usize::try_from(self.options.people)?;
        let cast = Cast { scene: Scene::Hall, people, senders: 1 };
        let mut running = self.ground.start(system, cast.scene, people)?;
        let pid = running.pid();
        let (logins, kib) = many::log_in(&mut running.party, pid, people)?;
        self.add(("W3", "idle connection"), ("KiB", LOW), (system, kib));
        self.add(("W3", "logins"), ("/CPU-s", HIGH), (system, logins.per_cpu_s()));
        if system == System::Inspircd && round > 1 {
            self.note("inspircd, W4: one round only, since it tells all of each who joins.".into());
            return self.ground.end(running);
        }
        let before = machine::cpu_s(pid)?;
        running.party.enter(cast.scene)?;
        let joined = machine::cpu_s(pid)? - before;
        self.add(("W4", "all join"), ("CPU-s", LOW), (system, joined));
        let mut talk = Talk::new(&running.party, cast)?;
        let (times, rate) = many::tell(&mut talk, &mut running.party, pid)?;
        self.add(("W4", "last receipt"), ("ms", LOW), (system, ms(times.p50_us)));
        let cpu_ms = rate.cpu_s * 1e3 / f64::from(many::POSTS);
        self.add(("W4", "one message"), ("CPU-ms", LOW), (system, cpu_ms));
        self.ground.end(running)
    }

    /// W5: what is accepted is kept.
    pub(super) fn kept(&mut self, system: System, _round: u64) -> Result<()> {
        let senders = KEPT[0].0;
        let mut running = self.ground.start(system, Scene::Log, senders)?;
        let pid = running.pid();
        running.party.log_in(senders)?;
        running.party.enter(Scene::Log)?;
        let mut acks = Acks::new(senders);
        for (senders, share) in KEPT {
            let many = (senders, share);
            let (rate, times) = acks.measure(&mut running.party, pid, many, self.window())?;
            let what = format!("{senders} x {share} in flight");
            self.rate(("W5", &what), ["acks/CPU-s", "acks/s"], (system, rate));
            self.times(("W5", &what), (system, times));
        }
        let log = if system.is_own() {
            self.ground.reread(&running)?
        } else {
            acks.hear_again(&mut running.party)?
        };
        acks.compare(&log)?;
        self.ground.end(running)
    }

    /// What the disk itself does, beside W5.
    pub(super) fn disk(&mut self) -> Result<()> {
        let disk = machine::bare_disk(self.ground.under.path())?;
        let of = ("W5", "1 x 1 in flight");
        self.add(of, ("acks/s", HIGH), (System::Ceiling, disk.syncs_per_s));
        self.times(of, (System::Ceiling, disk.latency));
        Ok(())
    }

    const fn window(&self) -> Duration {
        Duration::from_secs(self.options.seconds)
    }

    fn rate(
        &mut self,
        of: (&'static str, &str),
        [by_cpu, by_wall]: [&'static str; 2],
        (system, rate): (System, Rate),
    ) {
        self.add(of, (by_cpu, HIGH), (system, rate.per_cpu_s()));
        self.add(of, (by_wall, HIGH), (system, rate.per_wall_s()));
    }

    fn times(&mut self, of: (&'static str, &str), (system, times): (System, Latencies)) {
        self.add(of, ("p50 ms", LOW), (system, ms(times.p50_us)));
        self.add(of, ("p99 ms", LOW), (system, ms(times.p99_us)));
    }
}
