//! The loop: wait for something to happen, take what else is there, update, carry out effects, draw once. Owns the
//! terminal and the clock. While nothing happens it sleeps, and nothing is drawn.

use std::time::Duration;

use anyhow::Context;
use crossterm::event::{Event, EventStream, KeyEvent};
use futures_util::StreamExt;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::{Instant, sleep_until, timeout, timeout_at},
};

use crate::{
    app::{self, App, Start},
    clock::Clock,
    effect::Effect,
    escape::Sequences,
    input::Input,
    screen,
    shade::{Ear, Heard},
    terminal::Screen,
    world::{Done, World},
};

/// Things that may wait to be taken in.
const INPUTS_MAX: usize = 256;

/// Things taken in at a time at most, so that a flood still shows.
const INPUTS_AT_ONCE_MAX: usize = 2048;

/// Things taken in before the terminal is asked for keys again, and before what was done by hand is drawn: asking
/// costs more than most of them do.
const INPUTS_PER_KEY_MAX: usize = 64;

/// Time between two frames at least, in milliseconds; but what a person did is drawn at once. People are slow,
/// and a terminal that is slower holds frames back by itself.
const FRAME_MS: u64 = 16;

/// While a frame waits for its time, how long what the link says gathers, in milliseconds: being woken for each
/// line of a flood costs more than the line. What the link may hold back meanwhile has a limit of its own.
const GATHER_MS: u64 = 3;

/// How long saying goodbye may take, in milliseconds.
const GOODBYE_MS: u64 = 5_000;

/// How long who leaves waits for an answer of the terminal, in milliseconds.
const HEAR_OUT_MS: u64 = 100;

/// What is left to be said when the terminal is given back.
pub(crate) struct LeftOver {
    /// What was being written and could not be kept.
    pub(crate) drafts: Vec<String>,
    /// How many messages wait on the disk for the next login.
    pub(crate) unsent: usize,
}

/// Runs the full screen until the person leaves.
///
/// # Errors
/// When there is no terminal, or it goes away.
pub(crate) async fn run(
    start: Start,
    clock: Clock,
    make_world: impl FnOnce(mpsc::Sender<Input>) -> World,
) -> anyhow::Result<LeftOver> {
    let (sender, inputs) = mpsc::channel(INPUTS_MAX);
    let mut world = make_world(sender);
    let asks = start.on_light.is_some();
    let screen = Screen::enter(asks).context("the terminal cannot be used")?;
    let looped = Loop {
        ear: Ear::new(asks, clock.now_ms()),
        sequences: Sequences::default(),
        app: App::new(start),
        clock,
        screen,
        inputs,
        changed: true,
        dirty: true,
        by_hand: false,
        foreign: false,
        framed: None,
        gathering: None,
    };
    let looped = looped.run(&mut world).await;
    // The screen is given back before goodbyes are said: nobody has to watch those.
    if timeout(Duration::from_millis(GOODBYE_MS), world.leave()).await.is_err() {
        tracing::warn!("leaving took too long");
    }
    looped.map(|()| LeftOver { drafts: world.lost_drafts(), unsent: world.unsent() })
}

struct Loop {
    app: App,
    ear: Ear,
    sequences: Sequences,
    clock: Clock,
    screen: Screen,
    inputs: mpsc::Receiver<Input>,
    /// Something happened since the state was settled.
    changed: bool,
    /// Something happened since the last frame.
    dirty: bool,
    /// A person did something since then, and waits to see it.
    by_hand: bool,
    /// Something else happened since the whole state was settled.
    foreign: bool,
    /// When the whole state was last settled, or drawn.
    framed: Option<Instant>,
    /// Until when what the link says may gather.
    gathering: Option<Instant>,
}

impl Loop {
    async fn run(mut self, world: &mut World) -> anyhow::Result<()> {
        let mut events = EventStream::new();
        self.live(&mut events, world).await?;
        self.hear_out(&mut events).await;
        Ok(())
    }

    async fn live(&mut self, events: &mut EventStream, world: &mut World) -> anyhow::Result<()> {
        let mut ends = Ends::new()?;
        loop {
            self.app.base.now_ms = self.clock.now_ms();
            let typed = self.ear.overdue(self.app.base.now_ms);
            if self.take_keys(typed, world)? == Done::Quit {
                return Ok(());
            }
            if self.dirty && self.frame(world)? == Done::Quit {
                return Ok(());
            }
            self.sequences.pause();
            let taken = match self.next(events, &mut ends, world).await? {
                Next::Event(event) => self.take_event(event, world)?,
                Next::Input(input) => self.take(input, world)?,
                Next::Silence => {
                    let behind = self.sequences.overdue(self.clock.now_ms());
                    if self.take_all(behind, world)? == Done::Quit {
                        return Ok(());
                    }
                    if self.app.wake_at_ms().is_none_or(|at| at > self.clock.now_ms()) {
                        continue;
                    }
                    self.take(Input::Woken, world)?
                }
                Next::Nothing => continue,
            };
            if taken == Done::Quit || self.drain(events, world).await? == Done::Quit {
                return Ok(());
            }
        }
    }

    /// Waits until something happens.
    async fn next(
        &mut self,
        events: &mut EventStream,
        ends: &mut Ends,
        world: &mut World,
    ) -> anyhow::Result<Next> {
        let wake = self.wake();
        let listens = self.gathering.is_none_or(|until| until <= self.now());
        let sleep = async {
            match wake {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        Ok(tokio::select! {
            biased;
            () = ends.wait() => Next::Input(Input::Terminate),
            event = events.next() => Next::Event(event.context("the terminal is gone")??),
            written = self.screen.written() => {
                written.context("the terminal is gone")?;
                Next::Nothing
            }
            notice = world.notice(), if listens => Next::Input(Input::Notice(Box::new(notice))),
            input = self.inputs.recv() => input.map_or(Next::Nothing, Next::Input),
            () = sleep => Next::Silence,
        })
    }

    /// Waits a moment for an answer of the terminal that has not come yet: the shell would take it for typing.
    async fn hear_out(&mut self, events: &mut EventStream) {
        let until = self.now() + Duration::from_millis(HEAR_OUT_MS);
        while self.ear.expects(self.clock.now_ms()) {
            match timeout_at(until, events.next()).await {
                Ok(Some(Ok(event))) => drop(self.ear.hear(event, self.clock.now_ms())),
                _ => return,
            }
        }
    }

    /// When to wake at the latest: for what moves by itself, for keys that were kept back, or for a frame that had
    /// to wait.
    fn wake(&self) -> Option<Instant> {
        let kept = self.ear.due_ms().into_iter().chain(self.sequences.due_ms());
        let asked = self.app.wake_at_ms().into_iter().chain(kept).min().map(|at| {
            let ms = at.saturating_sub(self.clock.now_ms());
            Instant::from_std(self.clock.after(Duration::from_millis(ms)))
        });
        let waits = self.changed || self.dirty && self.screen.is_free();
        let frame = waits.then(|| self.due().unwrap_or_else(|| self.now()));
        let gathered = self.gathering.filter(|until| *until > self.now());
        asked.into_iter().chain(frame).chain(gathered).min()
    }

    /// When the state may be settled, and a frame drawn, again; none when that is now.
    fn due(&self) -> Option<Instant> {
        self.framed.filter(|_| !self.is_awaited()).map(|at| at + Duration::from_millis(FRAME_MS))
    }

    /// Whether a person waits for a frame that can be drawn.
    const fn is_awaited(&self) -> bool {
        self.by_hand && self.screen.is_free()
    }

    fn now(&self) -> Instant {
        Instant::from_std(self.clock.after(Duration::ZERO))
    }

    /// Takes in what is there already, without waiting.
    async fn drain(&mut self, events: &mut EventStream, world: &mut World) -> anyhow::Result<Done> {
        let mut typing = true;
        for count in 0..INPUTS_AT_ONCE_MAX {
            let ask = typing || count % INPUTS_PER_KEY_MAX == 0;
            let key = if ask { key_here(events).await? } else { None };
            typing = key.is_some();
            if ask && !typing {
                self.sequences.pause();
            }
            if ask && !typing && count > 0 && self.is_awaited() {
                break;
            }
            let taken = match key {
                Some(event) => self.take_event(event, world)?,
                None => {
                    let notice = world.notice_here().map(|notice| Input::Notice(Box::new(notice)));
                    let Some(input) = notice.or_else(|| self.inputs.try_recv().ok()) else { break };
                    self.take(input, world)?
                }
            };
            if taken == Done::Quit {
                return Ok(Done::Quit);
            }
        }
        self.gathering = Some(self.now() + Duration::from_millis(GATHER_MS));
        Ok(Done::On)
    }

    /// Takes in what the terminal says, which may be an answer.
    fn take_event(&mut self, event: Event, world: &mut World) -> anyhow::Result<Done> {
        match self.ear.hear(event, self.clock.now_ms()) {
            Heard::Event(event) => self.take_whole(event, world),
            Heard::Part => Ok(Done::On),
            Heard::Shade(background) => self.take(Input::Shade(background), world),
            Heard::Keys(keys) => self.take_keys(keys, world),
        }
    }

    fn take_keys(&mut self, keys: Vec<KeyEvent>, world: &mut World) -> anyhow::Result<Done> {
        for key in keys {
            if self.take_whole(Event::Key(key), world)? == Done::Quit {
                return Ok(Done::Quit);
            }
        }
        Ok(Done::On)
    }

    /// Takes in what was said, once it is known what it was.
    fn take_whole(&mut self, event: Event, world: &mut World) -> anyhow::Result<Done> {
        let happened = self.sequences.take(event, self.clock.now_ms());
        self.take_all(happened, world)
    }

    fn take_all(&mut self, events: Vec<Event>, world: &mut World) -> anyhow::Result<Done> {
        for input in events.into_iter().filter_map(event_input) {
            if self.take(input, world)? == Done::Quit {
                return Ok(Done::Quit);
            }
        }
        Ok(Done::On)
    }

    fn take(&mut self, input: Input, world: &mut World) -> anyhow::Result<Done> {
        self.app.base.now_ms = self.clock.now_ms();
        if let Input::Resize(..) = input {
            self.screen.forget()?;
        }
        let by_hand = input.is_by_hand();
        (self.by_hand, self.foreign) = (self.by_hand || by_hand, self.foreign || !by_hand);
        let effects = app::update(&mut self.app, input);
        (self.changed, self.dirty) = (true, true);
        self.carry_out(effects, world)
    }

    fn carry_out(&mut self, effects: Vec<Effect>, world: &mut World) -> anyhow::Result<Done> {
        for effect in effects {
            match effect {
                Effect::Quit => return Ok(Done::Quit),
                Effect::Copy(text) => self.screen.copy(&text)?,
                Effect::Bell => self.screen.bell()?,
                effect => world.carry_out(effect),
            }
        }
        Ok(Done::On)
    }

    /// Settles the state and draws it, when it is time for a frame. A terminal that takes nothing keeps a frame
    /// back, and not what else follows from what happened. A frame in between, because of a key, leaves what came
    /// from elsewhere to the next one: it is small, and soon on the terminal.
    fn frame(&mut self, world: &mut World) -> anyhow::Result<Done> {
        let now = self.now();
        if self.due().is_some_and(|due| now < due) {
            return Ok(Done::On);
        }
        let early = self.framed.is_some_and(|at| now < at + Duration::from_millis(FRAME_MS));
        let (whole, settles) = (!(early && self.foreign), self.changed);
        if settles {
            let effects =
                if whole { app::settle(&mut self.app) } else { app::settle_typed(&mut self.app) };
            self.changed = !whole;
            if self.carry_out(effects, world)? == Done::Quit {
                return Ok(Done::Quit);
            }
        }
        if whole && (settles || self.screen.is_free()) {
            (self.framed, self.foreign) = (Some(now), false);
        }
        if self.screen.is_free() {
            let app = &mut self.app;
            self.screen.draw(|frame| screen::draw(app, frame)).context("the terminal is gone")?;
            (self.dirty, self.by_hand) = (!whole, false);
            self.gathering = self.gathering.filter(|_| !whole);
        }
        Ok(Done::On)
    }
}

/// What comes next.
enum Next {
    /// The terminal says something.
    Event(Event),
    /// Anything else happened.
    Input(Input),
    /// It is time for something, and the terminal has said nothing.
    Silence,
    /// Nothing that counts: the terminal is ready for more, say.
    Nothing,
}

/// What the terminal has said already.
async fn key_here(events: &mut EventStream) -> anyhow::Result<Option<Event>> {
    tokio::select! {
        biased;
        event = events.next() => Ok(Some(event.context("the terminal is gone")??)),
        () = std::future::ready(()) => Ok(None),
    }
}

fn event_input(event: Event) -> Option<Input> {
    match event {
        Event::Key(key) => Some(Input::Key(key)),
        Event::Mouse(mouse) => Some(Input::Mouse(mouse)),
        Event::Paste(text) => Some(Input::Paste(text)),
        Event::Resize(columns, rows) => Some(Input::Resize(columns, rows)),
        Event::FocusGained | Event::FocusLost => None,
    }
}

/// The ways in which the operating system asks a program to end.
struct Ends {
    term: Signal,
    hup: Signal,
    int: Signal,
}

impl Ends {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            hup: signal(SignalKind::hangup())?,
            int: signal(SignalKind::interrupt())?,
        })
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.hup.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}
