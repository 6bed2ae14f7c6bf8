//! The measurements in order: each on a server that has just started, all on one data folder whose
//! people are registered once.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::{
    crowd::{self, Person},
    durable, fanout, idle, login, machine, people,
    report::{Good, Report, Row, short},
    say,
    server::{Hashing, Server, Transport},
    stats::Latencies,
    storm,
};

/// See the module.
pub(crate) struct Suite {
    pub(crate) liaod: PathBuf,
    pub(crate) data: tempfile::TempDir,
    pub(crate) seconds: u64,
    pub(crate) rooms: usize,
    pub(crate) people: Vec<Person>,
    pub(crate) report: Report,
}

impl Suite {
    /// Registers the people the measurements need.
    pub(crate) fn register(&mut self, count: usize) -> Result<()> {
        say(&format!("registering {count} people"));
        let server = self.server(Transport::Plain)?;
        self.people = crowd::register(&server, count, crowd::REGISTER_AT_ONCE)?;
        server.stop()?;
        Ok(())
    }

    /// Makes people who have only their tokens, faster than they could register.
    pub(crate) fn prepare(&mut self, count: usize) -> Result<()> {
        say(&format!("making {count} people"));
        self.people = people::prepare(&self.folder(), u64::try_from(count)?, 0)?;
        // The index is made by the first start.
        self.server(Transport::Plain)?.stop()?;
        Ok(())
    }

    fn folder(&self) -> PathBuf {
        self.data.path().join("liaod")
    }

    fn server(&self, transport: Transport) -> Result<Server> {
        Server::start(&self.liaod, &self.folder(), transport, Hashing::Least)
    }

    fn room(&mut self) -> String {
        self.rooms += 1;
        format!("room{}", self.rooms)
    }

    fn add(
        &mut self,
        what: String,
        (measured, unit): (f64, &'static str),
        target: Option<(f64, Good)>,
        detail: String,
    ) {
        self.report.add(Row { what, measured, unit, target, detail });
    }

    pub(crate) fn disk(&mut self) -> Result<()> {
        let disk = machine::bare_disk(self.data.path())?;
        self.add(
            "bare disk: append 100 bytes, fdatasync".into(),
            (disk.syncs_per_s, "/s"),
            None,
            times(disk.latency),
        );
        Ok(())
    }

    pub(crate) fn durable(
        &mut self,
        transport: Transport,
        senders: usize,
        window: u64,
    ) -> Result<()> {
        let plan = durable::Plan { senders, window, seconds: self.seconds };
        let room = self.room();
        let server = self.server(transport)?;
        let found = durable::measure(&server, &self.people, &plan, &room)?;
        server.stop()?;
        let many = senders > 1;
        let what =
            format!("durable posts, {senders} senders x {window} in flight{}", name(transport));
        let detail = format!(
            "{} acks/CPU-s, ack {}; {}",
            short(found.acks.per_cpu_s()),
            times(found.latency),
            found.acks.busy()
        );
        self.add(
            what.clone(),
            (found.acks.per_wall_s(), "acks/s"),
            many.then_some((100e3, Good::High)),
            detail,
        );
        if many {
            let p99_ms = found.latency.p99_us as f64 / 1e3;
            self.add(
                format!("{what}: ack p99"),
                (p99_ms, "ms"),
                Some((20.0, Good::Low)),
                String::new(),
            );
        }
        Ok(())
    }

    pub(crate) fn fanout(
        &mut self,
        transport: Transport,
        members: usize,
        window: u64,
    ) -> Result<()> {
        let plan = fanout::Plan { members, senders: 4, window, seconds: self.seconds };
        let room = self.room();
        let server = self.server(transport)?;
        let rate = fanout::measure(&server, &self.people, &plan, &room)?;
        server.stop()?;
        let target = match window {
            64 => Some((3e6, Good::High)),
            4 => Some((0.32e6, Good::High)),
            _ => None,
        };
        let what =
            format!("fan-out, {members} members, 4 senders, {window} in flight{}", name(transport));
        let detail = format!("{} deliveries/s wall; {}", short(rate.per_wall_s()), rate.busy());
        self.add(what, (rate.per_cpu_s(), "deliveries/CPU-s"), target, detail);
        Ok(())
    }

    pub(crate) fn idle(&mut self, transport: Transport, connections: usize) -> Result<()> {
        let people = self.people[..connections.min(self.people.len())].to_vec();
        let server = self.server(transport)?;
        let found = idle::measure(&server, &people)?;
        server.stop()?;
        let server = self.server(transport)?;
        let warm = idle::measure_warm(&server, &people)?;
        server.stop()?;
        let what = format!(
            "resident memory per idle connection, {} of them{}",
            people.len(),
            name(transport)
        );
        let target = if transport == Transport::Plain { 2.0 } else { 12.0 };
        let detail = format!(
            "{:.2} before following rooms; {warm:.2} following, once the index is in its cache",
            found.kib_logged_in
        );
        self.add(what, (found.kib_following, "KiB"), Some((target, Good::Low)), detail);
        let target = (transport == Transport::Plain).then_some((20e3, Good::High));
        let detail = format!("{} logins/s wall", short(found.logins.per_wall_s()));
        self.add(
            format!("token logins{}", name(transport)),
            (found.logins.per_cpu_s(), "logins/CPU-s"),
            target,
            detail,
        );
        Ok(())
    }

    /// Everybody is there, the server is restarted, and everybody comes back at once.
    pub(crate) fn storm(&mut self, transport: Transport, connections: usize) -> Result<()> {
        let people = self.people[..connections.min(self.people.len())].to_vec();
        let server = self.server(transport)?;
        let before = storm::gather(&server, &people)?;
        server.stop()?;
        let server = self.server(transport)?;
        let found = storm::come_back(&server, &people, &before)?;
        let hashed = server.stop()?;
        if hashed != 0 {
            bail!("{hashed} passwords were hashed in a storm of tokens");
        }
        let mib = |kib: u64| kib as f64 / 1024.0;
        let detail = format!(
            "0 passwords hashed; resident {:.0} MiB before, {:.0} MiB after, {:.0} MiB when all are gone; {}",
            mib(before.resident_kib),
            mib(found.resident_kib),
            mib(found.empty_kib),
            found.rate.busy()
        );
        let what = format!("{} come back after a restart{}", people.len(), name(transport));
        self.add(what, (found.rate.wall_s, "s"), Some((15.0, Good::Low)), detail);
        Ok(())
    }

    /// What a login takes, and whether its time tells who exists.
    pub(crate) fn login(&mut self) -> Result<()> {
        let data = self.data.path().join("logins");
        let server = Server::start(&self.liaod, &data, Transport::Plain, Hashing::Usual)?;
        let found = login::measure(&server)?;
        server.stop()?;
        self.add(
            "login with a password".into(),
            (found.right.p50_us as f64 / 1e3, "ms"),
            None,
            times(found.right),
        );
        let apart = (found.unknown.p50_us as f64 / found.wrong.p50_us as f64 - 1.0).abs() * 100.0;
        let detail = format!(
            "unknown id: {}; wrong password: {}; Kolmogorov-Smirnov p {:.2}",
            times(found.unknown),
            times(found.wrong),
            found.alike_p
        );
        let what = format!("unknown id and wrong password, {} each: medians apart", login::SAMPLES);
        self.add(what, (apart, "%"), Some((5.0, Good::Low)), detail);
        Ok(())
    }
}

const fn name(transport: Transport) -> &'static str {
    match transport {
        Transport::Plain => "",
        Transport::Tls => ", TLS",
    }
}

/// Latencies in words.
pub(crate) fn times(latency: Latencies) -> String {
    let ms = |us: u64| us as f64 / 1e3;
    format!(
        "p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms",
        ms(latency.p50_us),
        ms(latency.p99_us),
        ms(latency.max_us)
    )
}
