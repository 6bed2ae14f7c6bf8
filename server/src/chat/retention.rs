//! How long messages are kept, where the operator does not want all of them: in the background, room
//! by room, and then the disk's room is given back, segment by segment.
//!
//! Must hold: a floor is stored before anything below it goes; what is kept is stored anew before the
//! segment it stood in goes. So each step can be cut off and done again.

use std::{collections::HashMap, sync::Arc, time::Duration};

use liao_common::{
    fault::Fault,
    id::{RoomId, Seq},
};
use tokio::time::{Instant, sleep};

use super::{age::DAY_MS, hub::Hub};
use crate::{
    engine::Transaction,
    journal::{Position, Record},
    state::{
        carry::{Carried, carry},
        project::FLOOR_STEP_MAX,
        record::{self, Floor, kind},
        view,
    },
    store::{Store, StoreError, View as _},
};

/// Rooms looked at together.
const ROOMS_AT_ONCE: usize = 256;
/// Floors that rise with one decision, if they rise by little.
const FLOORS_AT_ONCE: usize = 64;
/// Records read together.
const READ_AT_ONCE: usize = 4096;
/// Records that one decision looks at, and their bytes; the last may bring more. Others wait for it
/// meanwhile.
const RECORDS_AT_ONCE: usize = 64;
const BYTES_AT_ONCE: usize = 16 << 10;
/// Pause after each such decision, and after each segment that was read to see what is in it.
const PAUSE: Duration = Duration::from_millis(2);
const LOOK_PAUSE: Duration = Duration::from_millis(100);
/// Segments that are looked at, from the oldest, for a run of which half is not kept any longer.
const LOOK_SEGMENTS_MAX: u32 = 256;
/// How often it is tried to give the room back, while the index is not that far.
const RELEASE_TRIES_MAX: u32 = 60;
const RELEASE_EVERY: Duration = Duration::from_secs(1);
/// The wall clock may be ahead of what is known of the time by so much, in milliseconds: a server may be
/// off for a month, and a clock that is wrong by years must not cost the history.
const AHEAD_MS_MAX: u64 = 31 * DAY_MS;

/// What is kept. The default is everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Messages older than this go, in milliseconds.
    pub age_ms: Option<u64>,
    /// Of each room so many messages are kept, the newest ones; joins and the like count.
    pub messages: Option<u64>,
    /// How often it is looked at, in milliseconds.
    pub every_ms: u64,
    /// How long readers have to finish what they began, before the room is given back, in
    /// milliseconds.
    pub grace_ms: u64,
}

impl Default for Retention {
    fn default() -> Self {
        Self { age_ms: None, messages: None, every_ms: 3_600_000, grace_ms: 30_000 }
    }
}

impl Retention {
    const fn keeps_all(&self) -> bool {
        self.age_ms.is_none() && self.messages.is_none()
    }
}

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Floors that rose, each by a step at most.
    pub floors: u64,
    /// Bytes given back to the disk.
    pub bytes: u64,
}

/// Keeps house until it is dropped.
pub async fn run(hub: Arc<Hub>) {
    let rule = hub.rules.retention;
    if rule.keeps_all() {
        return std::future::pending().await;
    }
    let calendar = Calendar::begin(&hub);
    let mut first = true;
    loop {
        match sweep(&hub, calendar.as_ref().ok(), first).await {
            Ok(Swept { bytes: 0, .. }) => {}
            Ok(swept) => tracing::info!(
                "messages that are not kept any longer: {} bytes of the disk were given back",
                swept.bytes
            ),
            Err(fault) => tracing::warn!("old messages stay until the next look: {fault}"),
        }
        first = false;
        sleep(Duration::from_millis(rule.every_ms)).await;
    }
}

/// What is known of the time beside the wall clock.
#[derive(Clone, Copy, Debug)]
pub struct Calendar {
    known_ms: u64,
    since: Instant,
}

impl Calendar {
    /// Begins with when the server was seen running last, ms since 1970.
    ///
    /// # Errors
    /// When the store fails.
    pub fn begin(hub: &Hub) -> Result<Self, StoreError> {
        let known_ms = view::age(&*hub.store)?.map_or_else(hub.clock, |kept| kept.wall_ms);
        Ok(Self { known_ms, since: Instant::now() })
    }

    /// When it is at least, ms since 1970: it takes no part in what the wall clock does meanwhile.
    fn sure_ms(&self) -> u64 {
        let ran_ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.known_ms.saturating_add(ran_ms)
    }

    fn believes(&self, now_ms: u64) -> bool {
        now_ms <= self.sure_ms().saturating_add(AHEAD_MS_MAX)
    }
}

/// Raises floors, and gives room back where enough of it is held by what is not kept. `look`: look for
/// such room even if no floor rose. Without a calendar, age counts for nothing.
///
/// # Errors
/// When the store fails. What was done until then stays, and the next sweep goes on.
pub async fn sweep(
    hub: &Arc<Hub>,
    calendar: Option<&Calendar>,
    look: bool,
) -> Result<Swept, Fault> {
    let now_ms = (hub.clock)();
    let mut rule = hub.rules.retention;
    if rule.age_ms.is_some() && !calendar.is_some_and(|calendar| calendar.believes(now_ms)) {
        tracing::warn!(
            "the clock is more than a month ahead of when this server ran last: no message goes \
             for its age until the next start"
        );
        rule.age_ms = None;
    }
    let mut swept = Swept { floors: raise_floors(hub, rule, now_ms).await?, bytes: 0 };
    if swept.floors == 0 && !look {
        return Ok(swept);
    }
    // A clock that leaps ahead must not have a post forgotten that is sent again a moment later.
    let sure_ms = calendar.map_or(0, Calendar::sure_ms);
    while let Some((first, last)) = choose(hub).await? {
        carry_all(hub, (first, last), sure_ms).await?;
        sleep(Duration::from_millis(rule.grace_ms)).await;
        swept.bytes += release(hub, last + 1).await?;
    }
    Ok(swept)
}

async fn raise_floors(hub: &Arc<Hub>, rule: Retention, now_ms: u64) -> Result<u64, Fault> {
    let (mut after, mut raised) = (RoomId(0), 0);
    loop {
        let rooms =
            hub.read(move |hub| Ok(view::rooms(&*hub.store, after, ROOMS_AT_ONCE)?)).await?;
        let Some(last) = rooms.last().copied() else { return Ok(raised) };
        loop {
            let rooms = rooms.clone();
            let floors = hub.read(move |hub| {
                let floors = rooms.iter().map(|room| next_floor(&hub.store, *room, rule, now_ms));
                Ok(floors.filter_map(Result::transpose).collect::<Result<Vec<_>, _>>()?)
            });
            let floors = floors.await?;
            if floors.is_empty() {
                break;
            }
            raised += floors.len() as u64;
            raise(hub, floors).await?;
        }
        after = last;
    }
}

/// Stores floors, a few at a time.
async fn raise(hub: &Arc<Hub>, floors: Vec<Floor>) -> Result<(), Fault> {
    let mut floors = floors.into_iter().peekable();
    while floors.peek().is_some() {
        let (mut part, mut steps) = (Vec::new(), 0);
        while part.len() < FLOORS_AT_ONCE
            && let Some(floor) = floors.next_if(|_| steps < FLOOR_STEP_MAX)
        {
            steps += floor.seq.0 - floor.after.0;
            part.push(floor);
        }
        let decide = move |tx: &mut Transaction<'_, '_>| {
            part.iter().try_for_each(|floor| tx.raise_floor(floor).map(drop))?;
            Ok(())
        };
        hub.engine.run(decide).await?;
        sleep(PAUSE).await;
    }
    Ok(())
}

/// The next step of a room's floor.
fn next_floor(
    store: &Store,
    room: RoomId,
    rule: Retention,
    now_ms: u64,
) -> Result<Option<Floor>, StoreError> {
    let after = view::floor(store, room)?.0;
    let head = view::head(store, room)?.seq;
    let by_count = rule.messages.map_or(0, |messages| head.0.saturating_sub(messages));
    let by_age = match rule.age_ms.and_then(|age_ms| now_ms.checked_sub(age_ms)) {
        Some(before_ms) => last_before(store, room, (after, head), before_ms)?.0,
        None => 0,
    };
    let seq = Seq(by_count.max(by_age).min(after.0 + FLOOR_STEP_MAX));
    if seq <= after {
        return Ok(None);
    }
    let place = view::message_place(store, room, seq)?;
    Ok(place.map(|(_, n)| Floor { room, after, seq, n }))
}

/// The last message that came before a time, of those behind `after` up to `to`; `after` when none did.
/// What cannot be read counts as new: it goes with what is behind it.
fn last_before(
    store: &Store,
    room: RoomId,
    (after, to): (Seq, Seq),
    before_ms: u64,
) -> Result<Seq, StoreError> {
    let is_old = |seq: u64| -> Result<bool, StoreError> {
        let Some((place, _)) = view::message_place(store, room, Seq(seq))? else {
            return Ok(false);
        };
        match store.record(&place) {
            Ok(frame) => {
                Ok(record::message(&frame).is_some_and(|message| message.at_ms < before_ms))
            }
            Err(error) if error.is_one_record() => Ok(false),
            Err(error) => Err(error),
        }
    };
    let (mut old, mut new) = (after.0, to.0 + 1);
    // Most often there is nothing to do, and the oldest message tells.
    if new - old > 1 && !is_old(old + 1)? {
        return Ok(after);
    }
    while new - old > 1 {
        let middle = old + (new - old) / 2;
        if is_old(middle)? { old = middle } else { new = middle }
    }
    Ok(Seq(old))
}

/// The oldest segments, as far as half of what is in them is not kept any longer. What is kept is
/// written again, so that each byte given back costs one written at most.
async fn choose(hub: &Arc<Hub>) -> Result<Option<(u32, u32)>, Fault> {
    let first = hub.read(|hub| Ok(hub.store.journal().start().map_err(StoreError::from)?)).await?;
    let first = first.segment;
    let (mut dead, mut all) = (0, 0);
    let end = hub.store.position().segment.min(first.saturating_add(LOOK_SEGMENTS_MAX));
    for segment in first..end {
        let (part, of) = hub.read(move |hub| Ok(weigh(&hub.store, segment)?)).await?;
        (dead, all) = (dead + part, all + of);
        if dead > 0 && dead * 2 >= all {
            return Ok(Some((first, segment)));
        }
        sleep(LOOK_PAUSE).await;
    }
    Ok(None)
}

/// Bytes of messages of a segment that are not kept any longer, and of all its records.
fn weigh(store: &Store, segment: u32) -> Result<(u64, u64), StoreError> {
    let mut floors: HashMap<RoomId, Seq> = HashMap::new();
    let (mut dead, mut all) = (0, 0);
    for record in store.journal().records(Position::of(segment)) {
        let record = record?;
        if record.at.segment != segment {
            break;
        }
        all += record.body.len() as u64;
        if !matches!(record.kind, kind::MESSAGE | kind::KEPT) {
            continue;
        }
        let Some(message) = record::message(&record.body) else { continue };
        let floor = match floors.get(&message.room) {
            Some(floor) => *floor,
            None => view::floor(store, message.room)?.0,
        };
        floors.insert(message.room, floor);
        if message.seq <= floor {
            dead += record.body.len() as u64;
        }
    }
    Ok((dead, all))
}

/// Writes again what is kept of these segments. For nonces it is not later than `sure_ms`, whatever the
/// clock says.
async fn carry_all(hub: &Arc<Hub>, (first, last): (u32, u32), sure_ms: u64) -> Result<(), Fault> {
    let mut carried = Carried::new();
    let mut at = Position::of(first);
    loop {
        let read = move |hub: &Hub| {
            let within = |record: &Result<Record, _>| {
                record.as_ref().map_or(true, |record| record.at.segment <= last)
            };
            let records = hub.store.journal().records(at).take_while(within).take(READ_AT_ONCE);
            Ok(records.collect::<Result<Vec<_>, _>>().map_err(StoreError::from)?)
        };
        let records = hub.read(read).await?;
        let Some(newest) = records.last() else { return Ok(()) };
        at = newest.end();
        let mut records = records.into_iter().peekable();
        while records.peek().is_some() {
            carried = carry_part(hub, part(&mut records), sure_ms, carried).await?;
            sleep(PAUSE).await;
        }
    }
}

/// As many records as one decision looks at.
fn part(records: &mut impl Iterator<Item = Record>) -> Vec<Record> {
    let (mut part, mut bytes) = (Vec::new(), 0);
    while part.len() < RECORDS_AT_ONCE
        && bytes < BYTES_AT_ONCE
        && let Some(record) = records.next()
    {
        bytes += record.body.len();
        part.push(record);
    }
    part
}

async fn carry_part(
    hub: &Arc<Hub>,
    part: Vec<Record>,
    sure_ms: u64,
    mut carried: Carried,
) -> Result<Carried, Fault> {
    let decide = move |tx: &mut Transaction<'_, '_>| {
        let load = carry(tx, &part, tx.now_ms().min(sure_ms), &mut carried)?;
        tx.carry(load.records);
        Ok((carried, load.contents))
    };
    let (carried, contents) = hub.engine.run(decide).await?;
    if !contents.is_empty() {
        // What is left of them after a failure goes at the next start.
        let forget = move |hub: &Hub| {
            contents.iter().for_each(|b3| hub.forget_content(b3));
            Ok(())
        };
        hub.read(forget).await?;
    }
    Ok(carried)
}

/// Gives the room of all before `first` back, as soon as the index allows it.
async fn release(hub: &Arc<Hub>, first: u32) -> Result<u64, Fault> {
    for _ in 0..RELEASE_TRIES_MAX {
        if let Some(bytes) = hub.read(move |hub| Ok(hub.store.release(first)?)).await? {
            return Ok(bytes);
        }
        sleep(RELEASE_EVERY).await;
    }
    Err(Fault::new(
        liao_common::fault::FaultCode::Busy,
        "the index is too far behind to give room back",
    ))
}

#[cfg(test)]
mod tests;
