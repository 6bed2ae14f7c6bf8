//! The way in, drawn: the menu with the large name, the question of trust. Forms are drawn in `form`.

use liao_common::id::Pin;
use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    form,
    paint::{Paint, centered, row},
};
use crate::{
    action::Action,
    format::short_date,
    keymap::Mode,
    text::{
        width::{columns, truncate},
        wrap,
    },
    view::{
        door::{Door, Step},
        hit::Hit,
        menu::MenuItem,
        server::Server,
        trust::{TrustState, TrustView, fingerprint},
    },
};

/// Three rows of large letters.
const LOGO: [&str; 3] = ["█     █  ▄▀▀▄  ▄▀▀▄", "█     █  █▄▄█  █  █", "█▄▄▄  █  █  █  ▀▄▄▀"];

/// Rows from which the large name fits.
const ROWS_LARGE: u16 = 20;

pub(super) fn draw(paint: &mut Paint<'_, '_>, window: Rect, door: &Door) {
    match &door.step {
        Step::Menu => menu(paint, window, door),
        Step::Address(view) => form::address(paint, window, view),
        Step::Trust(view) => trust(paint, window, view),
        Step::Entry(view) => form::entry(paint, window, view, door),
    }
}

fn menu(paint: &mut Paint<'_, '_>, window: Rect, door: &Door) {
    let items = door.menu_items();
    let rows = u16::try_from(items.len()).unwrap_or(u16::MAX);
    let large = window.height >= ROWS_LARGE;
    let logo_rows = if large { 6 } else { 1 };
    let gap = if large { 2 } else { 1 };
    let block = centered(window, 46, logo_rows + gap + rows + gap + 3);
    logo(paint, Rect { height: logo_rows, ..block }, large);
    let list = Rect { y: block.y + logo_rows + gap, height: rows, ..block };
    menu_rows(paint, list, &items, door);
    let foot = Rect { y: list.bottom() + gap.min(2), ..block };
    server_line(paint, Rect { height: 1, x: window.x, width: window.width, ..foot }, door);
    trouble(
        paint,
        Rect { y: foot.y + 1, height: 2, x: window.x + 2, width: window.width - 4 },
        door,
    );
    let chosen = door.menu.list.chosen(items.len()).and_then(|row| items.get(row));
    let mut hints = vec![Action::OtherServer, Action::Language, Action::Help];
    if matches!(chosen, Some(MenuItem::Remembered(..))) {
        hints.push(Action::Decline);
    }
    hint_row(paint, window, &[Mode::Menu], &hints);
    if large {
        let text = paint.words.fill("app.version", &[("version", &env!("CARGO_PKG_VERSION"))]);
        let style = paint.styles().dim;
        paint.right(
            Rect { height: 1, width: window.width - 1, ..window },
            Line::from(Span::styled(text, style)),
        );
    }
}

fn logo(paint: &mut Paint<'_, '_>, area: Rect, large: bool) {
    let (style, quiet, line) = (paint.styles().logo, paint.styles().dim, paint.styles().border);
    if !large {
        let tagline = format!("  {}", paint.t("app.tagline"));
        let name =
            Line::from(vec![Span::styled("聊  L I A O", style), Span::styled(tagline, quiet)]);
        return paint.middle(area, name);
    }
    let inside = columns(LOGO[0]) + 8;
    let bubble = centered(area, u16::try_from(inside + 2).unwrap_or(30), area.height);
    let edge = "─".repeat(inside);
    paint.line(row(bubble, 0), Span::styled(format!("╭{edge}╮"), line));
    for (at, letters) in (1..).zip(LOGO) {
        let parts = vec![
            Span::styled("│    ", line),
            Span::styled(letters, style),
            Span::styled("    │", line),
        ];
        paint.line(row(bubble, at), Line::from(parts));
    }
    let rest = "─".repeat(inside.saturating_sub(4));
    paint.line(row(bubble, 4), Span::styled(format!("╰───╮{rest}╯"), line));
    let tagline = format!("聊 · {}", paint.t("app.tagline"));
    let tail = Line::from(vec![Span::styled("    ╰─ ", line), Span::styled(tagline, quiet)]);
    paint.line(Rect { width: area.right().saturating_sub(bubble.x), ..row(bubble, 5) }, tail);
}

fn menu_rows(paint: &mut Paint<'_, '_>, area: Rect, items: &[MenuItem], door: &Door) {
    let chosen = door.menu.list.chosen(items.len());
    let labels: Vec<String> = items.iter().map(|item| label(paint, item)).collect();
    let wide = labels.iter().map(|text| columns(text)).max().unwrap_or(0) + 10;
    let area = centered(area, u16::try_from(wide).unwrap_or(u16::MAX).max(26), area.height);
    let mut number = 0;
    for ((at, item), label) in (0..area.height).zip(items).zip(labels) {
        let mark = if item.is_numbered() {
            number += 1;
            format!("{number}")
        } else {
            "↵".to_owned()
        };
        let is_chosen = chosen == Some(usize::from(at));
        let (text, key) = if is_chosen {
            (paint.styles().selected, paint.styles().selected)
        } else {
            (paint.styles().text, paint.styles().hint_key)
        };
        let place = row(area, at);
        paint.line(
            place,
            Line::from(vec![Span::styled(format!("  {mark}   "), key), Span::styled(label, text)]),
        );
        if is_chosen {
            paint.shade(place, text);
        }
        paint.hits.add(place, Hit::MenuRow(usize::from(at)));
    }
}

fn label(paint: &Paint<'_, '_>, item: &MenuItem) -> String {
    match item {
        MenuItem::Remembered(user, name) => {
            let shown = if name.is_empty() || name == user {
                user.clone()
            } else {
                format!("{name} ({user})")
            };
            truncate(&paint.words.fill("menu.remembered", &[("name", &shown)]), 44)
        }
        MenuItem::LogIn => paint.t("menu.login").to_owned(),
        MenuItem::Register => paint.t("menu.register").to_owned(),
        MenuItem::Quit => paint.t("menu.quit").to_owned(),
        MenuItem::StartPrivate => paint.t("menu.start_server").to_owned(),
        MenuItem::ConnectServer => paint.t("menu.connect_server").to_owned(),
    }
}

/// The server and why it is believed.
fn server_line(paint: &mut Paint<'_, '_>, area: Rect, door: &Door) {
    let (dim, good, bad) = (paint.styles().dim, paint.styles().success, paint.styles().warning);
    if door.menu.starting {
        let text = format!("{} {}", paint.spinner(), paint.t("server.starting"));
        let style = paint.styles().accent;
        return paint.middle(area, Line::from(Span::styled(text, style)));
    }
    let (dot, text) = match (&door.server, door.known_key()) {
        (None, _) => {
            return paint.middle(area, Line::from(Span::styled(paint.t("menu.no_server"), dim)));
        }
        (Some(Server::Private), _) => (good, paint.t("menu.private_server").to_owned()),
        (Some(Server::Plaintext(address)), _) => {
            (bad, format!("{address}   {}", paint.t("trust.plaintext")))
        }
        (Some(server), Some(key)) => {
            let at_ms = key.since_ms.cast_signed();
            let date = short_date(
                crate::format::local_date(at_ms, paint.offset(key.since_ms)),
                paint.words,
            );
            let state = paint.words.fill("trust.pinned", &[("date", &date)]);
            (good, format!("{}   {state}", server.address()))
        }
        (Some(server), None) => {
            let state = if server.has_named_key() { "trust.from_link" } else { "trust.unknown" };
            (dim, format!("{}   {}", server.address(), paint.t(state)))
        }
    };
    let text = truncate(&text, usize::from(area.width.saturating_sub(4)));
    paint.middle(area, Line::from(vec![Span::styled("● ", dot), Span::styled(text, dim)]));
}

fn trouble(paint: &mut Paint<'_, '_>, area: Rect, door: &Door) {
    let Some(text) = &door.menu.trouble else { return };
    let style = paint.styles().error;
    let lines = wrap::wrap_text(text, style, usize::from(area.width));
    for (at, line) in (0..area.height).zip(&lines) {
        paint.middle(row(area, at), line.line());
    }
}

/// Hints in the last row, in the middle.
pub(super) fn hint_row(paint: &mut Paint<'_, '_>, window: Rect, modes: &[Mode], wanted: &[Action]) {
    let last = row(window, window.height - 1);
    let mut fit = wanted;
    while paint.hints_columns(modes, fit) > last.width && fit.len() > 1 {
        fit = &fit[..fit.len() - 1];
    }
    let wide = paint.hints_columns(modes, fit).min(last.width);
    paint.hints(centered(last, wide, 1), modes, fit);
}

fn trust(paint: &mut Paint<'_, '_>, window: Rect, view: &TrustView) {
    let area = centered(window, 68.min(window.width - 4), window.height - 2);
    let width = usize::from(area.width);
    let address = view.address.to_string();
    let styles = paint.styles().clone();
    let mut lines: Vec<Line<'static>> = Vec::new();
    let mut hints: &[Action] = &[Action::Back];
    match &view.state {
        TrustState::Probing => {
            let text = paint.words.fill("server.connecting", &[("address", &address)]);
            lines.push(Line::from(Span::styled(
                format!("{} {text}", paint.spinner()),
                styles.accent,
            )));
        }
        TrustState::Failed(why) => {
            lines.push(Line::from(Span::styled(paint.t("trust.unreached"), styles.heading)));
            lines.push(Line::default());
            lines.extend(wrap::wrap_text(why, styles.error, width).iter().map(wrap::Row::line));
        }
        TrustState::New(pin) => {
            lines.push(Line::from(Span::styled(paint.t("trust.title"), styles.heading)));
            lines.push(Line::default());
            let text = paint.words.fill("trust.first_time", &[("address", &address)]);
            lines.extend(wrap::wrap_text(&text, styles.text, width).iter().map(wrap::Row::line));
            lines.extend(key_lines(paint, pin, window));
            hints = &[Action::Trust, Action::Back];
        }
        TrustState::Changed(pin)
        | TrustState::LinkMismatch(pin)
        | TrustState::LinkUnlikeKnown(pin) => {
            let (title, text, fix, command) = stop_sign(&view.state, &address);
            lines.push(Line::from(Span::styled(paint.t(title), styles.failed)));
            lines.push(Line::default());
            let text = paint.words.fill(text, &[("address", &address)]);
            lines.extend(wrap::wrap_text(&text, styles.text, width).iter().map(wrap::Row::line));
            lines.extend(key_lines(paint, pin, window));
            let fix = wrap::wrap_text(paint.t(fix), styles.text, width);
            lines.push(Line::default());
            lines.extend(fix.iter().map(wrap::Row::line));
            lines.push(Line::from(Span::styled(command, styles.code)));
        }
    }
    // On a low window the air goes first; then, of a key that is refused anyway, its digits.
    let fits = |lines: &Vec<Line<'static>>| lines.len() <= usize::from(area.height);
    if !fits(&lines) {
        lines.retain(|line| line.width() > 0);
    }
    if !fits(&lines) && matches!(view.state, TrustState::New(_)) {
        // The key is what must be seen whole.
        lines.remove(0);
    }
    let stopped = matches!(
        view.state,
        TrustState::Changed(_) | TrustState::LinkMismatch(_) | TrustState::LinkUnlikeKnown(_)
    );
    if !fits(&lines) && stopped {
        let first = lines.iter().position(|line| line.to_string() == paint.t("trust.words"));
        let key = key_lines_shown(paint, view, window);
        if let Some(first) = first {
            lines.drain(first..first + key);
        }
    }
    let area = centered(area, area.width, u16::try_from(lines.len()).unwrap_or(u16::MAX));
    for (at, line) in (0..area.height).zip(lines) {
        paint.line(row(area, at), line);
    }
    hint_row(paint, window, &[Mode::Trust], hints);
}

/// Why it stops: title, text, what can be done about it, and the command for that.
fn stop_sign(
    state: &TrustState,
    address: &str,
) -> (&'static str, &'static str, &'static str, String) {
    let forget = format!("liao forget {address}");
    match state {
        TrustState::LinkMismatch(_) => (
            "trust.link_title",
            "trust.link_mismatch",
            "trust.link_mismatch_fix",
            format!("liao {address}"),
        ),
        TrustState::LinkUnlikeKnown(_) => {
            ("trust.link_title", "trust.link_unlike_known", "trust.changed_fix", forget)
        }
        _ => ("trust.changed_title", "trust.changed", "trust.changed_fix", forget),
    }
}

/// Lines of the key without the air between them.
fn key_lines_shown(paint: &Paint<'_, '_>, view: &TrustView, window: Rect) -> usize {
    match &view.state {
        TrustState::New(pin)
        | TrustState::Changed(pin)
        | TrustState::LinkMismatch(pin)
        | TrustState::LinkUnlikeKnown(pin) => {
            key_lines(paint, pin, window).iter().filter(|line| line.width() > 0).count()
        }
        TrustState::Probing | TrustState::Failed(_) => 0,
    }
}

fn key_lines(paint: &Paint<'_, '_>, pin: &Pin, window: Rect) -> Vec<Line<'static>> {
    let (dim, strong, text) = (paint.styles().dim, paint.styles().accent, paint.styles().text);
    let mut lines = vec![Line::default(), Line::from(Span::styled(paint.t("trust.words"), dim))];
    lines.push(Line::from(Span::styled(pin.words(), strong)));
    lines.push(Line::default());
    lines.push(Line::from(Span::styled(paint.t("trust.fingerprint"), dim)));
    let groups = if window.width < 50 { 7 } else { 8 };
    let rows = fingerprint(pin, groups).into_iter();
    lines.extend(rows.map(|row| Line::from(Span::styled(row, text))));
    lines
}
