//! Connections that have not logged in yet: how many, from where, how often. Whoever logs in is no
//! stranger any more and counts for nothing here.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::{
    chat::origin::Origin,
    recent::{Gauge, Recent},
};

/// Origins whose connections are remembered for a while.
const ENTRIES_MAX: usize = 16 * 1024;

/// How fast a connection that never logged in is forgotten: 32 in ten minutes.
const FORGETS_ONE: Duration = Duration::from_secs(18);

/// What strangers may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrangerLimits {
    /// Connections at a time that have not logged in; the next one waits in the system's queue.
    pub total_max: usize,
    /// The same, of one IPv4 address or one /64 network of IPv6; the next one is closed.
    pub per_origin_max: u32,
    /// Connections of one origin at once that never logged in; later ones are closed, but for one
    /// every 18 seconds.
    pub burst_max: u32,
    /// Whether connections from this machine are limited as well.
    pub here_too: bool,
}

impl Default for StrangerLimits {
    fn default() -> Self {
        Self { total_max: 10_000, per_origin_max: 16, burst_max: 64, here_too: false }
    }
}

impl StrangerLimits {
    /// The same where there is room for so many connections: at most half of it is for strangers.
    #[must_use]
    pub(crate) fn fit(self, connections_max: usize) -> Self {
        Self { total_max: self.total_max.min((connections_max / 2).max(1)), ..self }
    }
}

/// See the module.
pub(crate) struct Strangers {
    limits: StrangerLimits,
    places: Arc<Semaphore>,
    state: Mutex<State>,
}

struct State {
    now: HashMap<Origin, u32>,
    lately: Recent<Origin, Gauge>,
}

/// One of them. Its place is free again when it is dropped.
pub(crate) struct Stranger {
    origin: Origin,
    counted: Option<Arc<Strangers>>,
    place: Option<OwnedSemaphorePermit>,
}

impl Strangers {
    /// Nobody is there yet.
    pub(crate) fn new(limits: StrangerLimits) -> Arc<Self> {
        let state = State { now: HashMap::new(), lately: Recent::new(ENTRIES_MAX) };
        let places = Arc::new(Semaphore::new(limits.total_max));
        Arc::new(Self { limits, places, state: Mutex::new(state) })
    }

    /// Waits for a place among all strangers.
    pub(crate) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// Whether somebody from this address may stay; `None` when there are too many already.
    pub(crate) fn admit(
        self: &Arc<Self>,
        from: Option<IpAddr>,
        place: Option<OwnedSemaphorePermit>,
    ) -> Option<Stranger> {
        let origin = from.map_or(Origin::Here, origin);
        if origin == Origin::Here && !self.limits.here_too {
            return Some(Stranger { origin, counted: None, place });
        }
        let now = Instant::now();
        let mut state = self.lock();
        let lately = state.lately.entry(origin);
        if lately.count(now, FORGETS_ONE) >= self.limits.burst_max {
            return None;
        }
        let count = state.now.get(&origin).copied().unwrap_or_default();
        if count >= self.limits.per_origin_max {
            return None;
        }
        state.lately.entry(origin).add(self.limits.burst_max);
        state.now.insert(origin, count + 1);
        Some(Stranger { origin, counted: Some(Arc::clone(self)), place })
    }

    fn leave(&self, origin: Origin) {
        let mut state = self.lock();
        let Some(count) = state.now.get_mut(&origin) else { return };
        *count -= 1;
        if *count == 0 {
            state.now.remove(&origin);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stranger {
    /// Somebody from this machine, who is not counted.
    pub(crate) const fn here() -> Self {
        Self { origin: Origin::Here, counted: None, place: None }
    }

    /// Where it comes from.
    pub(crate) const fn origin(&self) -> Origin {
        self.origin
    }

    /// It has proved who it is.
    pub(crate) fn logs_in(&mut self) {
        if let Some(strangers) = &self.counted {
            strangers.lock().lately.entry(self.origin).take_back();
        }
        self.give_back();
    }

    fn give_back(&mut self) {
        self.place = None;
        if let Some(strangers) = self.counted.take() {
            strangers.leave(self.origin);
        }
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.give_back();
    }
}

/// Addresses of this machine are all one place; an IPv4 address written as one of IPv6 is itself.
fn origin(address: IpAddr) -> Origin {
    match address.to_canonical() {
        address if address.is_loopback() => Origin::Here,
        IpAddr::V4(address) => Origin::There(u64::from(address.to_bits())),
        IpAddr::V6(address) => {
            Origin::There(u64::try_from(address.to_bits() >> 64).unwrap_or(u64::MAX))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> Option<IpAddr> {
        Some(address.parse().unwrap())
    }

    #[test]
    fn networks_count_as_one() {
        let origin = |address: &str| origin(address.parse().unwrap());
        assert_eq!(origin("::ffff:192.0.2.1"), origin("192.0.2.1"));
        assert_ne!(origin("192.0.2.1"), origin("192.0.2.2"));
        assert_eq!(origin("2001:db8:1:2::1"), origin("2001:db8:1:2:ffff::9"));
        assert_ne!(origin("2001:db8:1:2::1"), origin("2001:db8:1:3::1"));
        for here in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(origin(here), Origin::Here);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_origin_has_so_many_at_a_time_and_so_many_in_a_row() {
        let limits = StrangerLimits { per_origin_max: 3, burst_max: 10, ..Default::default() };
        let strangers = Strangers::new(limits);
        let mut here: Vec<_> = (0..5).map(|_| strangers.admit(at("192.0.2.1"), None)).collect();
        assert_eq!(here.iter().flatten().count(), 3);
        assert!(strangers.admit(at("192.0.2.2"), None).is_some(), "others are not concerned");
        here.iter_mut().flatten().for_each(Stranger::logs_in);
        let again: Vec<_> = (0..4).map(|_| strangers.admit(at("192.0.2.1"), None)).collect();
        assert_eq!(again.iter().flatten().count(), 3, "who has logged in does not count");
        drop((here, again));
        let row = (0..50).filter(|_| strangers.admit(at("192.0.2.1"), None).is_some()).count();
        assert_eq!(row, 7, "three went without logging in");
        tokio::time::advance(FORGETS_ONE).await;
        let row = (0..50).filter(|_| strangers.admit(at("192.0.2.1"), None).is_some()).count();
        assert_eq!(row, 1);
        assert!(strangers.lock().now.is_empty(), "nothing is left of who is gone");
        assert_eq!((0..50).filter(|_| strangers.admit(at("::1"), None).is_some()).count(), 50);
        assert_eq!((0..50).filter(|_| strangers.admit(None, None).is_some()).count(), 50);
    }

    #[tokio::test]
    async fn a_place_is_given_back_at_the_login_or_the_end() {
        let strangers = Strangers::new(StrangerLimits { total_max: 2, ..Default::default() });
        let mut one = strangers.admit(at("192.0.2.1"), strangers.place().await).unwrap();
        let two = strangers.admit(None, strangers.place().await).unwrap();
        assert_eq!(strangers.places.available_permits(), 0);
        one.logs_in();
        assert_eq!(strangers.places.available_permits(), 1);
        drop(two);
        assert_eq!(strangers.places.available_permits(), 2);
    }
}
