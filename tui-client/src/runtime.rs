//! The loop: wait for something to happen, take what else is there, update, carry out effects, draw once. Owns the
//! terminal and the clock. While nothing happens it sleeps, and nothing is drawn.

use std::time::Duration;

use anyhow::Context;
use crossterm::event::{Event, EventStream};
use futures_util::StreamExt;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};

use crate::{
    app::{self, App, Start},
    clock::Clock,
    effect::Effect,
    input::Input,
    screen,
    terminal::Screen,
    world::{Done, World},
};

/// Things that may wait to be taken in.
const INPUTS_MAX: usize = 256;

/// Things taken in before the next frame at most, so that a flood still shows.
const INPUTS_PER_FRAME_MAX: usize = 512;

/// Time between two frames at least, in milliseconds.
const FRAME_MS: u64 = 16;

/// How long saying goodbye may take, in milliseconds.
const GOODBYE_MS: u64 = 5_000;

/// Runs the full screen until the person leaves. Gives what was being written and could not be kept.
///
/// # Errors
/// When there is no terminal, or it goes away.
pub(crate) async fn run(
    start: Start,
    clock: Clock,
    make_world: impl FnOnce(mpsc::Sender<Input>) -> World,
) -> anyhow::Result<Vec<String>> {
    let (sender, inputs) = mpsc::channel(INPUTS_MAX);
    let mut world = make_world(sender);
    let screen = Screen::enter().context("the terminal cannot be used")?;
    let looped = Loop { app: App::new(start), clock, screen, inputs, dirty: true, drawn: None }
        .run(&mut world)
        .await;
    // The screen is given back before goodbyes are said: nobody has to watch those.
    if timeout(Duration::from_millis(GOODBYE_MS), world.leave()).await.is_err() {
        tracing::warn!("leaving took too long");
    }
    looped.map(|()| world.lost_drafts())
}

struct Loop {
    app: App,
    clock: Clock,
    screen: Screen,
    inputs: mpsc::Receiver<Input>,
    dirty: bool,
    drawn: Option<Instant>,
}

impl Loop {
    async fn run(mut self, world: &mut World) -> anyhow::Result<()> {
        let mut events = EventStream::new();
        let mut ends = Ends::new()?;
        loop {
            self.app.base.now_ms = self.clock.now_ms();
            if self.dirty {
                let effects = app::settle(&mut self.app);
                if self.carry_out(effects, world)? == Done::Quit {
                    return Ok(());
                }
                self.draw()?;
            }
            let Some(input) = self.next(&mut events, &mut ends, world).await? else { continue };
            if self.take(input, world)? == Done::Quit
                || self.drain(&mut events, world).await? == Done::Quit
            {
                return Ok(());
            }
        }
    }

    /// Waits until something happens; none when it was only the terminal that is ready for more.
    async fn next(
        &mut self,
        events: &mut EventStream,
        ends: &mut Ends,
        world: &mut World,
    ) -> anyhow::Result<Option<Input>> {
        let wake = self.wake();
        let sleep = async {
            match wake {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        Ok(tokio::select! {
            biased;
            () = ends.wait() => Some(Input::Terminate),
            event = events.next() => event_input(event.context("the terminal is gone")??),
            written = self.screen.written() => {
                written.context("the terminal is gone")?;
                None
            }
            notice = world.notice() => Some(Input::Notice(Box::new(notice))),
            input = self.inputs.recv() => input,
            () = sleep => self.app.wake_at_ms().filter(|at| *at <= self.clock.now_ms()).map(|_| Input::Woken),
        })
    }

    /// When to wake at the latest: for what moves by itself, or for a frame that had to wait.
    fn wake(&self) -> Option<Instant> {
        let asked = self.app.wake_at_ms().map(|at| {
            let ms = at.saturating_sub(self.clock.now_ms());
            Instant::from_std(self.clock.after(Duration::from_millis(ms)))
        });
        let frame = self.drawn.filter(|_| self.dirty && self.screen.is_free());
        let frame = frame.map(|drawn| drawn + Duration::from_millis(FRAME_MS));
        asked.into_iter().chain(frame).min()
    }

    /// Takes in what is there already, without waiting.
    async fn drain(&mut self, events: &mut EventStream, world: &mut World) -> anyhow::Result<Done> {
        for _ in 0..INPUTS_PER_FRAME_MAX {
            let input = tokio::select! {
                biased;
                event = events.next() => event_input(event.context("the terminal is gone")??),
                notice = world.notice() => Some(Input::Notice(Box::new(notice))),
                input = self.inputs.recv() => input,
                () = std::future::ready(()) => return Ok(Done::On),
            };
            if let Some(input) = input
                && self.take(input, world)? == Done::Quit
            {
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
        let effects = app::update(&mut self.app, input);
        self.dirty = true;
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

    /// Draws, unless the last frame is still being written or is only just out.
    fn draw(&mut self) -> anyhow::Result<()> {
        let now = Instant::from_std(self.clock.after(Duration::ZERO));
        let early = self.drawn.is_some_and(|drawn| now < drawn + Duration::from_millis(FRAME_MS));
        if early || !self.screen.is_free() {
            return Ok(());
        }
        let app = &mut self.app;
        self.screen.draw(|frame| screen::draw(app, frame)).context("the terminal is gone")?;
        self.drawn = Some(now);
        self.dirty = false;
        Ok(())
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
