//! The whole state of the full-screen client, and the one function that changes it. Dispatches only: what a
//! screen does is in `door`, `chat` and `view/`. No await, no drawing, no files.

use std::path::PathBuf;

use crossterm::event::{KeyEvent, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};
use jiff::tz::TimeZone;
use liao_client_core::{address::Address, model::Model, notice::Notice};

use crate::{
    action::Action,
    clock::offset_at,
    effect::Effect,
    format::LocalOffset,
    input::{Input, Unkept},
    keymap::{self, Chord, Mode},
    settings::{Bell, Remembered},
    theme::{Background, Theme},
    view::{
        door::Door,
        help::HelpView,
        hit::{Hit, Hits},
        main::{Extent, MainView},
        reasons::unstored_sentence,
        server::{Account, KnownKey, Server},
    },
    words::{Language, Words},
};

/// What the runtime gives the state at the beginning.
#[derive(Clone, Debug)]
pub struct Start {
    /// The language of the interface.
    pub language: Language,
    /// Colours.
    pub theme: Theme,
    /// The colours to take instead should the terminal turn out to be light; none where it is not asked.
    pub on_light: Option<Theme>,
    /// The time zone.
    pub zone: TimeZone,
    /// The size of the window: columns, rows.
    pub size: (u16, u16),
    /// What was remembered.
    pub remembered: Remembered,
    /// Keys that are trusted.
    pub known: Vec<(Address, KnownKey)>,
    /// Accounts that can be entered without a password.
    pub accounts: Vec<Account>,
    /// The server to begin with.
    pub server: Option<Server>,
    /// Where received files go.
    pub downloads: PathBuf,
    /// Where choosing a file begins.
    pub folder: PathBuf,
    /// When to ring the bell.
    pub bell: Bell,
    /// What was wrong with the settings, a line each.
    pub complaints: Vec<String>,
    /// Now, in milliseconds since 1970.
    pub now_ms: u64,
}

/// What every screen has at hand.
#[derive(Debug)]
pub struct Base {
    /// Words of the chosen language.
    pub words: &'static Words,
    /// Colours.
    pub theme: Theme,
    /// The colours of a light terminal, while nobody has chosen any and the terminal has said nothing.
    pub on_light: Option<Theme>,
    /// The time zone.
    pub zone: TimeZone,
    /// Now, in milliseconds since 1970; set by the runtime before every update.
    pub now_ms: u64,
    /// The size of the window: columns, rows.
    pub size: (u16, u16),
    /// What was remembered.
    pub remembered: Remembered,
    /// Where received files go.
    pub downloads: PathBuf,
    /// Where choosing a file begins.
    pub folder: PathBuf,
    /// When to ring the bell.
    pub bell: Bell,
    /// The number of the present link.
    pub session: u64,
    /// Why unsent messages are not on the disk; none when they are.
    pub unkept: Option<Unkept>,
    /// What is to be done to the world.
    pub effects: Vec<Effect>,
}

impl Base {
    /// Asks for something to be done.
    pub fn wish(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// How far local time was from UTC at a moment.
    #[must_use]
    pub fn offset(&self, at_ms: u64) -> LocalOffset {
        offset_at(&self.zone, at_ms)
    }

    /// The terminal says how light it is.
    fn shade(&mut self, background: Background) {
        let light = self.on_light.take().filter(|_| background == Background::Light);
        if let Some(theme) = light {
            self.theme = theme;
        }
    }

    /// Changes the language, and remembers it.
    pub fn speak(&mut self, language: Language) {
        self.words = Words::of(language);
        self.remembered.language = Some(language.tag().to_owned());
        self.effects.push(Effect::Remember(self.remembered.clone()));
    }
}

/// What stands on the screen.
#[derive(Debug)]
pub enum Front {
    /// Menu, forms, trust.
    Door,
    /// Chats.
    Main(Box<MainView>),
}

/// Everything.
#[derive(Debug)]
pub struct App {
    /// What every screen has at hand.
    pub base: Base,
    /// The way in.
    pub door: Door,
    /// What is known of the server one is on.
    pub model: Model,
    /// What stands on the screen.
    pub front: Front,
    /// The help page above it.
    pub help: Option<HelpView>,
    /// What lies where, as last drawn.
    pub hits: Hits,
}

impl App {
    /// The state at the beginning.
    #[must_use]
    pub fn new(start: Start) -> Self {
        let base = Base {
            words: Words::of(start.language),
            theme: start.theme,
            on_light: start.on_light,
            zone: start.zone,
            now_ms: start.now_ms,
            size: start.size,
            remembered: start.remembered,
            downloads: start.downloads,
            folder: start.folder,
            bell: start.bell,
            session: 0,
            unkept: None,
            effects: Vec::new(),
        };
        let door =
            Door::new(start.server, start.known, start.accounts, start.complaints.first().cloned());
        Self {
            base,
            door,
            model: Model::default(),
            front: Front::Door,
            help: None,
            hits: Hits::default(),
        }
    }

    /// Where keys are looked up now, the innermost first.
    #[must_use]
    pub fn modes(&self) -> Vec<Mode> {
        if self.help.is_some() {
            return vec![Mode::List];
        }
        self.modes_below()
    }

    /// The same, as if the help page were closed.
    #[must_use]
    pub fn modes_below(&self) -> Vec<Mode> {
        match &self.front {
            Front::Door => self.door.modes(),
            Front::Main(main) => main.modes(),
        }
    }

    /// When the state wants to be woken next, in milliseconds since 1970; none while nothing moves by itself.
    #[must_use]
    pub fn wake_at_ms(&self) -> Option<u64> {
        match &self.front {
            Front::Door => self.door.wake_at_ms(self.base.now_ms),
            Front::Main(main) => main.wake_at_ms(&self.model, &self.base),
        }
    }
}

/// Takes one thing that happened; gives what is to be done because of it.
pub fn update(app: &mut App, input: Input) -> Vec<Effect> {
    if input.is_by_hand()
        && let Front::Main(main) = &mut app.front
    {
        main.touched(&app.base);
    }
    match input {
        Input::Key(key) => on_key(app, key),
        Input::Paste(text) => on_paste(app, &text),
        Input::Mouse(mouse) => on_mouse(app, mouse),
        Input::Resize(columns, rows) => app.base.size = (columns, rows),
        Input::Shade(background) => app.base.shade(background),
        Input::Notice(notice) => on_notice(app, &notice),
        Input::Probed { address, result } => app.door.probed(&address, result, &mut app.base),
        Input::Recalled(known) => app.door.recalled(known, &mut app.base),
        Input::Opened { session, unkept } => {
            // Two that began shortly after each other may come in any order.
            if session > app.base.session {
                app.base.session = session;
                app.base.unkept = unkept;
            }
        }
        Input::PrivateReady(result) => app.door.private_ready(result, &mut app.base),
        Input::NotStored { what, kind, reason } => {
            let sentence = unstored_sentence(what, kind, &reason, app.base.words);
            match &mut app.front {
                Front::Door => app.door.complain(sentence),
                Front::Main(main) => main.complain(&app.base, sentence),
            }
        }
        Input::Drafts { .. }
        | Input::NotPosted { .. }
        | Input::Listed { .. }
        | Input::FileSeen { .. } => {
            if let Front::Main(main) = &mut app.front {
                main.told(input, &mut app.model, &mut app.base);
            }
        }
        Input::Woken => {}
        Input::Terminate => app.base.wish(Effect::Quit),
    }
    if app.base.effects.contains(&Effect::Quit) {
        keep_drafts(app);
    }
    std::mem::take(&mut app.base.effects)
}

/// Brings the view in order before it is drawn: what is visible, what has been read, what has to be fetched.
pub fn settle(app: &mut App) -> Vec<Effect> {
    settle_as(app, Extent::Whole)
}

/// The same for a frame in between, because of a key: messages stay as they were drawn unless one looks elsewhere,
/// or they have another place.
pub fn settle_typed(app: &mut App) -> Vec<Effect> {
    settle_as(app, Extent::Typed)
}

fn settle_as(app: &mut App, extent: Extent) -> Vec<Effect> {
    if let Front::Main(main) = &mut app.front {
        main.settle(extent, &mut app.model, &mut app.base);
    }
    std::mem::take(&mut app.base.effects)
}

/// What is being written outlives the screen. It comes before everything that ends the link, whose account it
/// belongs to.
fn keep_drafts(app: &mut App) {
    if let Front::Main(main) = &mut app.front
        && let Some(drafts) = main.take_changed_drafts()
    {
        app.base.effects.insert(0, Effect::KeepDrafts(drafts));
    }
}

fn on_key(app: &mut App, key: KeyEvent) {
    if key.kind == KeyEventKind::Release {
        return;
    }
    let chord = Chord::from(key);
    let typed = chord.letter();
    match keymap::action(&app.modes(), chord) {
        Some(action) if typed.is_none() || !is_idle(app, action) => act(app, action),
        _ => {
            if let Some(letter) = typed {
                type_text(app, letter.encode_utf8(&mut [0; 4]));
            }
        }
    }
}

/// Whether an action has nothing to act on: then its letter is one that is typed.
fn is_idle(app: &App, action: Action) -> bool {
    match &app.front {
        Front::Main(main) if app.help.is_none() => main.is_idle(action),
        Front::Door if app.help.is_none() => app.door.is_being_let_in(),
        _ => false,
    }
}

fn on_paste(app: &mut App, text: &str) {
    match &mut app.front {
        Front::Main(main) if app.help.is_none() => main.paste(text, &mut app.model, &mut app.base),
        _ => type_text(app, text),
    }
}

fn type_text(app: &mut App, text: &str) {
    if let Some(help) = &mut app.help {
        return help.type_text(text);
    }
    match &mut app.front {
        Front::Door => app.door.type_text(text),
        Front::Main(main) => main.type_text(text, &mut app.model, &mut app.base),
    }
}

fn act(app: &mut App, action: Action) {
    if app.help.is_some() {
        return act_help(app, action);
    }
    if action == Action::Help {
        app.help = Some(HelpView::new(app.modes_below()));
        return;
    }
    match &mut app.front {
        Front::Door => app.door.act(action, &mut app.base),
        Front::Main(main) => main.act(action, &mut app.model, &mut app.base),
    }
    after(app);
}

fn act_help(app: &mut App, action: Action) {
    let Some(help) = &mut app.help else { return };
    if matches!(action, Action::Quit | Action::Interrupt) {
        app.help = None;
        act(app, action);
    } else if matches!(action, Action::Back | Action::Choose | Action::Help) {
        app.help = None;
    } else {
        help.act(action, app.base.words);
    }
}

/// What a screen cannot do by itself: change places.
fn after(app: &mut App) {
    if let Front::Main(main) = &mut app.front {
        if main.wants_help {
            main.wants_help = false;
            app.help = Some(HelpView::new(app.modes_below()));
        } else if main.left {
            keep_drafts(app);
            if let Some(me) = &app.model.me {
                app.door.logged_out(&me.id);
            }
            app.model = Model::default();
            app.front = Front::Door;
        }
    }
}

fn on_mouse(app: &mut App, mouse: MouseEvent) {
    let found = app.hits.at(mouse.column, mouse.row).map(|(hit, area)| (hit.clone(), area));
    match mouse.kind {
        MouseEventKind::ScrollUp => wheel(app, found.map(|(hit, _)| hit), -3),
        MouseEventKind::ScrollDown => wheel(app, found.map(|(hit, _)| hit), 3),
        MouseEventKind::Down(MouseButton::Left) => {
            let Some((hit, area)) = found else { return };
            click(app, &hit, (mouse.column - area.x, mouse.row - area.y));
        }
        _ => {}
    }
}

fn wheel(app: &mut App, hit: Option<Hit>, by: isize) {
    if let Some(help) = &mut app.help {
        help.scroll(by, app.base.words);
    } else if let Front::Main(main) = &mut app.front {
        main.wheel(hit.as_ref(), by, &app.model, app.base.words);
    }
}

fn click(app: &mut App, hit: &Hit, at: (u16, u16)) {
    if let Hit::Do(action) = hit {
        return act(app, *action);
    }
    if app.help.is_some() {
        return;
    }
    match &mut app.front {
        Front::Door => app.door.click(hit, &mut app.base),
        Front::Main(main) => main.click(hit, at, &mut app.model, &mut app.base),
    }
    after(app);
}

fn on_notice(app: &mut App, notice: &Notice) {
    let changes = app.model.apply(notice);
    for request in changes.requests.clone() {
        app.base.wish(Effect::Ask(request));
    }
    match &mut app.front {
        Front::Door => {
            if app.door.noticed(notice, &mut app.base) {
                app.front = Front::Main(Box::new(MainView::of(app.door.newcomer)));
                let ahead = app.door.take_typed_ahead();
                if !ahead.is_empty() {
                    type_text(app, &ahead);
                }
            }
        }
        Front::Main(main) => {
            main.noticed(notice, &changes, &mut app.model, &mut app.base);
            if let Some(end) = main.ended.take() {
                keep_drafts(app);
                let me = std::mem::take(&mut app.model).me;
                app.door.put_out(&end, me.as_ref().map(|me| me.id.as_str()), &mut app.base);
                app.front = Front::Door;
            }
        }
    }
    after(app);
}
