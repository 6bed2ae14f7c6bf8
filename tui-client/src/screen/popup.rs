//! The help page, drawn.

use ratatui::{
    layout::{Position, Rect},
    text::{Line, Span},
};

use super::{
    card::Keys,
    paint::{Paint, centered, row},
};
use crate::{
    action::Action,
    keymap::Mode,
    text::width::{columns, pad, truncate, truncate_start},
    view::help::{HelpLine, HelpView},
};

pub(super) fn help(paint: &mut Paint<'_, '_>, window: Rect, view: &mut HelpView) {
    let area = centered(
        window,
        72.min(window.width),
        window.height.saturating_sub(if window.height < 20 { 0 } else { 4 }),
    );
    let inside = paint.popup(area, paint.t("help.title"));
    let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), ..inside };
    search(paint, row(inside, 0), &view.filter, "help.filter");
    // Air around the list where there is some to spare.
    let air = u16::from(window.height >= 20);
    let foot = row(inside, inside.height.saturating_sub(1));
    let y = inside.y + 1 + air;
    let list = Rect { y, height: foot.y.saturating_sub(y + air), ..inside };
    Keys::of(&[Mode::List]).must(Action::Back, paint.t("hint.back")).draw(paint, foot, true);
    let lines = view.lines(paint.words);
    if lines.is_empty() {
        let style = paint.styles().dim;
        let text = paint.words.fill("help.none", &[("text", &view.filter)]);
        return paint.text(row(list, 0), &text, style);
    }
    let from = view
        .list
        .chosen(lines.len())
        .unwrap_or(0)
        .min(lines.len().saturating_sub(usize::from(list.height)));
    view.list.choose(from);
    let below = lines.len().saturating_sub(from + usize::from(list.height));
    if below > 0 {
        let style = paint.styles().dim;
        paint.right(foot, Line::from(Span::styled(format!("↓ {below}"), style)));
    }
    let wide = list.width >= 50;
    let key_columns = if wide { 26 } else { 11 };
    for (at, line) in (0..list.height).zip(lines.iter().skip(from)) {
        entry(paint, row(list, at), line, key_columns, wide);
    }
}

fn entry(paint: &mut Paint<'_, '_>, area: Rect, line: &HelpLine, key_columns: usize, wide: bool) {
    let (heading, key, text) = (paint.styles().accent, paint.styles().strong, paint.styles().popup);
    match line {
        HelpLine::Blank => {}
        HelpLine::Heading(title) => paint.text(area, title, heading),
        HelpLine::Entry(keys, what) => {
            // One key for each thing must do in a narrow window.
            let keys = if wide { keys } else { keys.split("  ").next().unwrap_or_default() };
            let free = usize::from(area.width).saturating_sub(key_columns + 1);
            paint.line(
                area,
                Line::from(vec![
                    Span::styled(pad(keys, key_columns), key),
                    Span::styled(format!(" {}", truncate(what, free)), text),
                ]),
            );
        }
    }
}

/// A line for what is typed to search, with the cursor.
pub(super) fn search(paint: &mut Paint<'_, '_>, area: Rect, typed: &str, hint: &'static str) {
    let (mark, input, soft) =
        (paint.styles().prompt, paint.styles().input, paint.styles().placeholder);
    paint.line(area, Span::styled("❯ ", mark));
    let inner = Rect { x: area.x + 2, width: area.width.saturating_sub(2), ..area };
    if typed.is_empty() {
        paint.text(
            Rect { x: inner.x + 1, width: inner.width.saturating_sub(1), ..inner },
            paint.t(hint),
            soft,
        );
    } else {
        // Of what is too long the end is seen, where one types.
        let shown = truncate_start(typed, usize::from(inner.width.saturating_sub(1)));
        paint.text(inner, &shown, input);
    }
    let x = inner.x + u16::try_from(columns(typed)).unwrap_or(u16::MAX).min(inner.width);
    paint.frame.set_cursor_position(Position::new(x.min(area.right().saturating_sub(1)), area.y));
}
