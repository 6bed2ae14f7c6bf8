//! Counting what strangers do, in bounded memory: a map that forgets what nobody asked for longest,
//! and a count that leaks away. No clock of its own: the caller says what time it is.

use std::{collections::HashMap, hash::Hash, time::Duration};

use tokio::time::Instant;

/// A map of at most so many entries. When it is full, the half that was not used lately goes.
pub(crate) struct Recent<K, V> {
    young: HashMap<K, V>,
    old: HashMap<K, V>,
    half: usize,
}

impl<K: Hash + Eq, V: Default> Recent<K, V> {
    /// An empty one for so many entries.
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), half: (entries_max / 2).max(1) }
    }

    /// The entry of this key, made if need be.
    pub(crate) fn entry(&mut self, key: K) -> &mut V {
        let known = self.old.remove(&key);
        if self.young.len() >= self.half && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        let entry = self.young.entry(key).or_default();
        if let Some(known) = known {
            *entry = known;
        }
        entry
    }

    /// Whether there is such an entry.
    pub(crate) fn contains(&self, key: &K) -> bool {
        self.young.contains_key(key) || self.old.contains_key(key)
    }

    /// Forgets an entry.
    pub(crate) fn remove(&mut self, key: &K) {
        self.young.remove(key);
        self.old.remove(key);
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

/// How many there were lately: one less after every so much time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gauge {
    count: u32,
    leaked: Option<Instant>,
}

impl Gauge {
    /// The count at this time, when one leaks away every `each`.
    pub(crate) fn count(&mut self, now: Instant, each: Duration) -> u32 {
        let since = *self.leaked.get_or_insert(now);
        let leaks = now.saturating_duration_since(since).as_millis() / each.as_millis().max(1);
        let leaks = u32::try_from(leaks).unwrap_or(u32::MAX);
        if leaks > 0 {
            self.count = self.count.saturating_sub(leaks);
            self.leaked = Some(if self.count == 0 { now } else { since + each * leaks });
        }
        self.count
    }

    /// One more, up to `max`.
    pub(crate) fn add(&mut self, max: u32) {
        self.count = (self.count + 1).min(max);
    }

    /// The last one does not count.
    pub(crate) fn take_back(&mut self) {
        self.count = self.count.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_stays_small_and_keeps_what_is_used() {
        let mut map: Recent<u64, u64> = Recent::new(100);
        *map.entry(7) = 42;
        for key in 1000..50_000 {
            *map.entry(key) = key;
            assert_eq!(*map.entry(7), 42, "used all the time");
            assert!(map.len() <= 101);
        }
        assert!(!map.contains(&1000) && map.contains(&49_999));
        map.remove(&7);
        assert_eq!(*map.entry(7), 0);
    }

    #[test]
    fn a_gauge_leaks() {
        let (start, second) = (Instant::now(), Duration::from_secs(1));
        let mut gauge = Gauge::default();
        for _ in 0..9 {
            gauge.count(start, second);
            gauge.add(5);
        }
        let after = |ms| start + Duration::from_millis(ms);
        let counts: Vec<_> = [0, 999, 1000, 1500, 2000, 9000, 9500]
            .map(|ms| gauge.count(after(ms), second))
            .to_vec();
        assert_eq!(counts, [5, 5, 4, 4, 3, 0, 0]);
        gauge.add(5);
        assert_eq!(gauge.count(after(9999), second), 1, "a new one lives a whole second");
        gauge.take_back();
        assert_eq!(gauge.count(after(9999), second), 0);
    }
}
