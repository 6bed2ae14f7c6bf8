//! The first screen, drawn: the large name, the menu, and whom one is about to talk to.

use ratatui::{
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{
    card::{Keys, prose, wording},
    paint::{Paint, centered, row},
};
use crate::{
    action::Action,
    format::{local_date, numeric_date},
    text::width::{columns, pad_start},
    view::{
        door::Door,
        hit::Hit,
        menu::{Menu, MenuItem},
        server::Server,
        trust::Standing,
    },
};

/// Three rows of large letters.
const LOGO: [&str; 3] = ["█     █  ▄▀▀▄  ▄▀▀▄", "█     █  █▄▄█  █  █", "█▄▄▄  █  █  █  ▀▄▄▀"];

/// Rows of the large name with the bubble around it.
const LOGO_ROWS: u16 = 6;

/// Columns from which the large name is shown.
const LOGO_COLUMNS_MIN: u16 = 50;

/// Rows for the server and for what is wrong.
const FOOT_ROWS: u16 = 2;

/// Columns of a row beside its label: air, the key, air, and the mark of the chosen one; less in a narrow window.
const ROW_COLUMNS: [u16; 2] = [12, 8];

/// Columns of the window from which rows have air.
const AIRY_COLUMNS_MIN: u16 = 50;

/// How much of everything there is room for.
#[derive(Clone, Copy)]
struct Plan {
    large: bool,
    /// Empty rows above the menu, and below it.
    gaps: (u16, u16),
    /// Empty rows between groups of the menu.
    group_gap: u16,
    /// Rows of the menu that are shown, with the gaps between groups.
    list: u16,
}

impl Plan {
    /// What is left out first when the window becomes lower stands last.
    const ALL: [Self; 7] = [
        Self::new(true, (2, 2), 1),
        Self::new(true, (1, 1), 1),
        Self::new(true, (1, 1), 0),
        Self::new(false, (1, 1), 1),
        Self::new(false, (1, 1), 0),
        Self::new(false, (1, 0), 0),
        Self::new(false, (0, 0), 0),
    ];

    const fn new(large: bool, gaps: (u16, u16), group_gap: u16) -> Self {
        Self { large, gaps, group_gap, list: 0 }
    }

    fn of(window: Rect, items: u16, groups: u16) -> Self {
        let free = |plan: Self| {
            // The keys stand below, and with the large name the version above.
            let outside = if plan.large { 2 } else { 1 };
            window.height.saturating_sub(outside + plan.rows())
        };
        let wanted = |plan: Self| items + plan.group_gap * groups.saturating_sub(1);
        let fits = |plan: &Self| {
            wanted(*plan) <= free(*plan) && (!plan.large || window.width >= LOGO_COLUMNS_MIN)
        };
        let plan = Self::ALL.into_iter().find(fits);
        plan.map_or_else(
            || {
                let least = Self::new(false, (0, 0), 0);
                Self { list: free(least).max(1), ..least }
            },
            |plan| Self { list: wanted(plan), ..plan },
        )
    }

    const fn logo_rows(self) -> u16 {
        if self.large { LOGO_ROWS } else { 1 }
    }

    /// Rows of everything but the menu.
    const fn rows(self) -> u16 {
        self.logo_rows() + self.gaps.0 + self.gaps.1 + FOOT_ROWS
    }
}

pub(super) fn draw(paint: &mut Paint<'_, '_>, window: Rect, door: &Door) {
    let menu = door.menu_rows();
    let count = |len: usize| u16::try_from(len).unwrap_or(u16::MAX);
    let plan = Plan::of(window, count(menu.items().len()), count(menu.groups().len()));
    let top = window.y + window.height.saturating_sub(1 + plan.rows() + plan.list) / 2;
    logo(paint, Rect { y: top, height: plan.logo_rows(), ..window }, plan.large);
    let list = Rect { y: top + plan.logo_rows() + plan.gaps.0, height: plan.list, ..window };
    rows(paint, list, &menu, door, plan.group_gap);
    let y = list.bottom() + plan.gaps.1;
    let foot = Rect { y, height: (window.bottom() - 1).saturating_sub(y), ..window };
    foot_lines(paint, foot, door);
    keys(paint, window, &menu, door);
    if plan.large {
        let text = paint.words.fill("app.version", &[("version", &env!("CARGO_PKG_VERSION"))]);
        let style = paint.styles().dim;
        let edge = Rect { height: 1, width: window.width - 1, ..window };
        paint.right(edge, Line::from(Span::styled(text, style)));
    }
}

fn keys(paint: &mut Paint<'_, '_>, window: Rect, menu: &Menu, door: &Door) {
    let modes = door.modes();
    // In the language it leads to, for those who cannot read this one.
    let language = paint.words.language().next().own_name();
    let mut keys = Keys::of(&modes);
    if door.menu.starting {
        keys = keys.must(Action::Back, paint.t("hint.cancel"));
    }
    keys = keys.must(Action::Language, language).must(Action::Help, paint.t("hint.help"));
    if matches!(menu.chosen_item(&door.menu), Some(MenuItem::Remembered { .. })) {
        keys = keys.may(Action::Decline, paint.t("menu.forget_login"));
    }
    keys.draw(paint, row(window, window.height - 1), false);
}

fn logo(paint: &mut Paint<'_, '_>, area: Rect, large: bool) {
    let (style, quiet, line) = (paint.styles().logo, paint.styles().dim, paint.styles().border);
    if !large {
        let tagline = format!("  {}", paint.t("app.tagline"));
        let parts = vec![Span::styled("聊  L I A O", style), Span::styled(tagline, quiet)];
        return paint.middle(area, Line::from(parts));
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

fn rows(paint: &mut Paint<'_, '_>, area: Rect, menu: &Menu, door: &Door, group_gap: u16) {
    let airy = area.width >= AIRY_COLUMNS_MIN;
    let around = ROW_COLUMNS[usize::from(!airy)];
    let free = area.width.saturating_sub(around);
    let labels: Vec<String> =
        menu.items().iter().map(|item| label(paint, item, door, free)).collect();
    let widest = labels.iter().map(|text| columns(text)).max().unwrap_or(0);
    let wide = u16::try_from(widest).unwrap_or(u16::MAX).saturating_add(around);
    let area = centered(area, wide.max(30), area.height);
    let chosen = menu.chosen(&door.menu);
    let mut list = door.menu.list.unwrap_or_default();
    list.choose(chosen);
    let shown = list.window(labels.len(), usize::from(area.height));
    let more = (shown.start > 0, shown.end < labels.len());
    let mut group_ends = menu.groups().into_iter().scan(0, |end, len| {
        *end += len;
        Some(*end)
    });
    let mut group_end = group_ends.next();
    let mut y = area.y;
    for place in shown {
        if group_end == Some(place) {
            y += group_gap;
            group_end = group_ends.next();
        }
        let spot = Rect { y, height: 1, ..area };
        let mark = menu.mark(place).unwrap_or_default();
        let label = labels.get(place).map_or("", String::as_str);
        menu_row(paint, spot, (&mark, label), chosen == place, airy);
        paint.hits.add(spot, Hit::MenuRow(place));
        y += 1;
    }
    let style = paint.styles().dim;
    for (there, y, arrow) in [(more.0, area.y, "↑"), (more.1, area.bottom() - 1, "↓")] {
        if there {
            let edge = Rect { x: area.x.saturating_sub(2), y, width: 1, height: 1 };
            paint.line(edge, Span::styled(arrow, style));
        }
    }
}

fn menu_row(paint: &mut Paint<'_, '_>, area: Rect, parts: (&str, &str), chosen: bool, airy: bool) {
    let (mark, label) = parts;
    let styles = paint.styles().clone();
    let (before, behind) = if airy { ("  ", "   ") } else { (" ", "  ") };
    let mark = Span::styled(format!("{before}{}{behind}", pad_start(mark, 2)), styles.hint_key);
    paint.line(area, Line::from(vec![mark, Span::styled(label.to_owned(), styles.text)]));
    if chosen {
        paint.right(Rect { width: area.width - 1, ..area }, Line::from("↵"));
        paint.choose(area);
    }
}

fn label(paint: &Paint<'_, '_>, item: &MenuItem, door: &Door, width: u16) -> String {
    let with_server = door.server.is_some();
    match item {
        MenuItem::Remembered { account, here } => {
            let text = |name: &String| {
                if *here {
                    return paint.words.fill("menu.remembered", &[("name", name)]);
                }
                if Server::at(&account.address) == Server::Private {
                    return paint.words.fill("menu.remembered_private", &[("name", name)]);
                }
                let server = &account.address;
                paint.words.fill("menu.remembered_at", &[("name", name), ("server", server)])
            };
            wording(&[&text(&account.shown()), &text(&account.user)], width)
        }
        MenuItem::LogIn => wording(&[paint.t("menu.login")], width),
        MenuItem::Register => wording(&[paint.t("menu.register")], width),
        MenuItem::Quit => wording(&[paint.t("menu.quit")], width),
        MenuItem::StartPrivate => {
            wording(&[paint.t("menu.start_server"), paint.t("menu.start_server_short")], width)
        }
        MenuItem::ConnectServer if with_server => {
            wording(&[paint.t("menu.other_server"), paint.t("menu.other_server_short")], width)
        }
        MenuItem::ConnectServer => wording(&[paint.t("menu.connect_server")], width),
    }
}

/// What goes wrong or on, else the server and why it is believed.
fn foot_lines(paint: &mut Paint<'_, '_>, area: Rect, door: &Door) {
    let area = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let lines = if door.menu.starting {
        let text = format!("{} {}", paint.spinner(), paint.t("server.starting"));
        prose(&text, paint.styles().accent, area.width, area.height)
    } else if let Some(trouble) = &door.menu.trouble {
        let width = area.width.min(76);
        prose(&trouble.sentence(paint.words), paint.styles().error, width, area.height)
    } else {
        server_lines(paint, area, &door.standing())
    };
    for (at, line) in (0..area.height).zip(lines) {
        paint.middle(row(area, at), line);
    }
}

fn server_lines(paint: &Paint<'_, '_>, area: Rect, standing: &Standing) -> Vec<Line<'static>> {
    let styles = paint.styles();
    let (dot, dot_style, name, state, state_style) = match standing {
        Standing::NoServer => {
            let text = paint.t("menu.no_server");
            return prose(text, styles.dim, area.width, area.height);
        }
        Standing::Private => (
            "●",
            styles.success,
            paint.t("menu.private_server").to_owned(),
            String::new(),
            styles.dim,
        ),
        Standing::Plaintext(address) => {
            let state = paint.t("trust.plaintext").to_owned();
            ("▲", styles.warning, address.to_string(), state, styles.warning)
        }
        Standing::Known(address, since_ms) | Standing::Vouched(address, since_ms) => {
            let day = local_date(since_ms.cast_signed(), paint.offset(*since_ms));
            let date = numeric_date(day, paint.words);
            let pinned = matches!(standing, Standing::Known(..));
            let key = if pinned { "trust.pinned" } else { "trust.vouched" };
            let state = paint.words.fill(key, &[("date", &date)]);
            ("●", styles.success, address.to_string(), state, styles.dim)
        }
        Standing::FromLink(address) => (
            "◐",
            styles.accent,
            address.to_string(),
            paint.t("trust.from_link").to_owned(),
            styles.dim,
        ),
        Standing::Unknown(address) => {
            ("○", styles.dim, address.to_string(), paint.t("trust.unknown").to_owned(), styles.dim)
        }
        Standing::LinkUnlikeKnown(address) => {
            let state = paint.t("trust.link_mark").to_owned();
            ("✗", styles.failed, address.to_string(), state, styles.failed)
        }
        Standing::Changed(address) => {
            let state = paint.t("trust.changed_mark").to_owned();
            ("✗", styles.failed, address.to_string(), state, styles.failed)
        }
    };
    let name = wording(&[&name], area.width.saturating_sub(2));
    let mut first =
        vec![Span::styled(format!("{dot} "), dot_style), Span::styled(name, styles.text)];
    if state.is_empty() {
        return vec![Line::from(first)];
    }
    let beside = Line::from(first.clone()).width() + 3 + columns(&state);
    if beside > usize::from(area.width) && area.height > 1 {
        return vec![Line::from(first), state_line(&state, state_style, area.width)];
    }
    let free = usize::from(area.width).saturating_sub(Line::from(first.clone()).width() + 3);
    let state = wording(&[&state], u16::try_from(free).unwrap_or(0));
    first.push(Span::styled(format!("   {state}"), state_style));
    vec![Line::from(first)]
}

fn state_line(state: &str, style: Style, width: u16) -> Line<'static> {
    Line::from(Span::styled(wording(&[state], width), style))
}
