//! The way in, drawn: which page stands there, and the pages about the server. The menu is drawn in `menu`, forms
//! in `form`.

use liao_common::id::Pin;
use ratatui::{
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{
    card::{Keys, Room, Title, page, prose},
    form, menu,
    paint::Paint,
};
use crate::{
    action::Action,
    keymap::Mode,
    text::width::{columns, pad},
    view::{
        door::{Door, Step, connect_sentence},
        server::{Account, Server},
        trust::{TrustState, TrustView, fingerprint},
    },
};

/// Columns from which a key stands beside its name.
const BESIDE_COLUMNS_MIN: u16 = 54;

pub(super) fn draw(paint: &mut Paint<'_, '_>, window: Rect, door: &Door) {
    match &door.step {
        Step::Menu => menu::draw(paint, window, door),
        Step::Address(view) => form::address(paint, window, view),
        Step::Trust(view) => trust(paint, window, view),
        Step::Entry(view) => form::entry(paint, window, view, door),
        Step::Forget(account) => forget(paint, window, account),
    }
}

fn trust(paint: &mut Paint<'_, '_>, window: Rect, view: &TrustView) {
    match &view.state {
        TrustState::Probing => {
            let text = paint.words.fill("server.connecting", &[("address", &view.address)]);
            wait(paint, window, paint.t("server.title"), &text, "");
        }
        TrustState::Failed(error) => {
            let text = connect_sentence(error, &view.address, paint.words);
            unreached(paint, window, view, &text);
        }
        TrustState::New(pin) => new_key(paint, window, view, pin),
        TrustState::Changed(pin)
        | TrustState::Uncertified(pin)
        | TrustState::LinkMismatch(pin)
        | TrustState::LinkUnlikeKnown(pin) => stop_sign(paint, window, view, pin),
    }
}

fn forget(paint: &mut Paint<'_, '_>, window: Rect, account: &Account) {
    let title =
        Title { text: paint.t("menu.forget_title"), style: paint.styles().heading, note: "" };
    let name = account.shown();
    let text = match Server::at(&account.address) {
        Server::Private => paint.words.fill("menu.forget_ask_private", &[("name", &name)]),
        _ => paint.words.fill("menu.forget_ask", &[("name", &name), ("server", &account.address)]),
    };
    let modes = [Mode::Danger];
    let keys = Keys::of(&modes)
        .must(Action::Yes, paint.t("hint.forget"))
        .must(Action::No, paint.t("hint.keep"));
    let style = paint.styles().text;
    page(paint, window, &title, |_, room| vec![prose(&text, style, room.width, u16::MAX)], &keys);
}

/// Something is under way, and can be given up.
pub(super) fn wait(paint: &mut Paint<'_, '_>, window: Rect, title: &str, text: &str, note: &str) {
    let title = Title { text: title, style: paint.styles().heading, note };
    let modes = [Mode::Page];
    let keys = Keys::of(&modes).must(Action::Back, paint.t("hint.cancel"));
    let text = format!("{} {text}", paint.spinner());
    let style = paint.styles().accent;
    page(paint, window, &title, |_, room| vec![prose(&text, style, room.width, u16::MAX)], &keys);
}

fn unreached(paint: &mut Paint<'_, '_>, window: Rect, view: &TrustView, text: &str) {
    let title = Title { text: paint.t("trust.unreached"), style: paint.styles().failed, note: "" };
    let modes = [view.mode()];
    let keys = Keys::of(&modes)
        .must(Action::Retry, paint.t("hint.retry"))
        .may(Action::OtherServer, paint.t("hint.change_address"))
        .must(Action::Back, paint.t("hint.back"));
    let style = paint.styles().text;
    page(paint, window, &title, |_, room| vec![prose(text, style, room.width, u16::MAX)], &keys);
}

fn new_key(paint: &mut Paint<'_, '_>, window: Rect, view: &TrustView, pin: &Pin) {
    let title = Title { text: paint.t("trust.title"), style: paint.styles().heading, note: "" };
    let modes = [view.mode()];
    let keys = Keys::of(&modes)
        .must(Action::Trust, paint.t("action.trust"))
        .must(Action::Back, paint.t("hint.back"))
        .may(Action::Help, paint.t("hint.help"));
    let lines = |paint: &Paint<'_, '_>, room: Room| {
        let key = key_lines(paint, pin, room.width, true);
        let text = |words| about(paint, words, view, room);
        let short = [text("trust.first_time_short"), key.clone()];
        // Without a frame there is no room for long sentences.
        let long = room.framed.then(|| joined(&[text("trust.first_time"), key], 1));
        long.into_iter().chain([joined(&short, 1), joined(&short, 0)]).collect()
    };
    page(paint, window, &title, lines, &keys);
}

/// What a stop sign says; each text has a shorter wording too.
struct Stop {
    title: &'static str,
    why: [&'static str; 2],
    fix: [&'static str; 2],
    /// What can be typed in another terminal.
    command: String,
}

impl Stop {
    fn of(view: &TrustView) -> Self {
        let forget = format!("liao forget {}", view.address);
        let forgotten = ["trust.changed_fix", "trust.changed_fix_short"];
        match view.state {
            TrustState::LinkMismatch(_) => Self {
                title: "trust.link_title",
                why: ["trust.link_mismatch", "trust.link_mismatch_short"],
                fix: ["trust.link_mismatch_fix", "trust.link_mismatch_fix_short"],
                command: format!("liao {}", view.address),
            },
            TrustState::LinkUnlikeKnown(_) => Self {
                title: "trust.link_title",
                why: ["trust.link_unlike_known", "trust.link_unlike_known_short"],
                fix: forgotten,
                command: forget,
            },
            TrustState::Uncertified(_) => Self {
                title: "trust.uncertified_title",
                why: ["trust.uncertified", "trust.uncertified_short"],
                fix: forgotten,
                command: forget,
            },
            _ => Self {
                title: "trust.changed_title",
                why: ["trust.changed", "trust.changed_short"],
                fix: forgotten,
                command: forget,
            },
        }
    }
}

fn stop_sign(paint: &mut Paint<'_, '_>, window: Rect, view: &TrustView, pin: &Pin) {
    let stop = Stop::of(view);
    let title = Title { text: paint.t(stop.title), style: paint.styles().failed, note: "" };
    let modes = [view.mode()];
    let keys = Keys::of(&modes)
        .must(Action::Back, paint.t("hint.back"))
        .may(Action::Help, paint.t("hint.help"));
    let lines = |paint: &Paint<'_, '_>, room: Room| {
        let command = prose(&stop.command, paint.styles().code, room.width, u16::MAX);
        let [long, short] = [0, 1].map(|wording| {
            [
                about(paint, stop.why[wording], view, room),
                key_lines(paint, pin, room.width, wording == 0),
                [about(paint, stop.fix[wording], view, room), command.clone()].concat(),
            ]
        });
        let long = room.framed.then(|| joined(&long, 1));
        long.into_iter().chain([joined(&short, 1), joined(&short, 0)]).collect()
    };
    page(paint, window, &title, lines, &keys);
}

/// A sentence about the server.
fn about(paint: &Paint<'_, '_>, key: &str, view: &TrustView, room: Room) -> Vec<Line<'static>> {
    let text = paint.words.fill(key, &[("address", &view.address)]);
    prose(&text, paint.styles().text, room.width, u16::MAX)
}

/// Parts with that many empty lines between them.
fn joined(parts: &[Vec<Line<'static>>], air: usize) -> Vec<Line<'static>> {
    parts.join(&vec![Line::default(); air][..])
}

/// A key as words and as digits; of the digits the first row, where they are not `whole`.
fn key_lines(paint: &Paint<'_, '_>, pin: &Pin, width: u16, whole: bool) -> Vec<Line<'static>> {
    let (dim, strong, text) = (paint.styles().dim, paint.styles().accent, paint.styles().text);
    let (words, digits) = (paint.t("trust.words"), paint.t("trust.fingerprint"));
    let name_columns = columns(words).max(columns(digits)) + 3;
    let named = |name: &str, rows: Vec<String>, style: Style| -> Vec<Line<'static>> {
        let line = |(at, row): (usize, String)| {
            let name = Span::styled(pad(if at == 0 { name } else { "" }, name_columns), dim);
            Line::from(vec![name, Span::styled(row, style)])
        };
        rows.into_iter().enumerate().map(line).collect()
    };
    let mut lines = named(words, vec![pin.words()], strong);
    if width >= BESIDE_COLUMNS_MIN {
        lines.extend(named(digits, fingerprint(pin, 8), text));
        return lines;
    }
    let mut rows = fingerprint(pin, 6);
    if whole {
        lines.push(Line::from(Span::styled(digits, dim)));
    } else {
        rows.truncate(1);
        rows.iter_mut().for_each(|row| row.push_str(" …"));
    }
    lines.extend(rows.into_iter().map(|row| Line::from(Span::styled(row, text))));
    lines
}
