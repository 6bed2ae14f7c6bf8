//! One entry of a chat as lines: day rule, unread rule, time, name, text, file, state. Pure: a row and its
//! neighbour in, lines out.

use liao_client_core::{
    model::Model,
    timeline::{Changing, Content, FileOffer, Item, Row, RowState},
    transfer::{Direction, Phase, Transfer},
};
use liao_common::{
    fault::FaultCode,
    id::{RoomId, Seq, UserId},
};
use ratatui::{
    style::Style,
    text::{Line, Span},
};

use crate::{
    app::Base,
    format::{self, clock, local_date},
    text::{
        markup::{self, Block, Mark},
        width::{center, columns, pad, truncate},
        wrap::{self, Piece},
    },
    view::{
        areas::{COLUMNS_NAMES, TEXT_COLUMNS_MAX},
        timeline::{Key, TimelineView},
    },
    words::Words,
};

use super::{happening, transfer_line};

/// Lines of one message that are shown before it is folded.
const FOLD_LINES: usize = 24;

/// Lines of a folded message that stay.
const FOLD_KEEP: usize = 12;

/// What every entry needs to be drawn.
pub(crate) struct Look<'a> {
    pub(crate) base: &'a Base,
    pub(crate) model: &'a Model,
    pub(crate) view: &'a TimelineView,
    /// The room it is in.
    pub(crate) room: RoomId,
    /// Columns there are.
    pub(crate) width: usize,
    /// How many messages are unread, for the rule.
    pub(crate) unread: u64,
    /// What comes before the first message of all, and where that is.
    pub(crate) beginning: Option<(Seq, String)>,
}

impl Look<'_> {
    pub(super) const fn narrow(&self) -> bool {
        self.width < COLUMNS_NAMES as usize - 4
    }

    /// Columns before the text: time, name, spaces between.
    pub(super) const fn gutter(&self) -> usize {
        if self.narrow() { 2 } else { 1 + 5 + 2 + self.name_columns() + 2 }
    }

    pub(super) const fn name_columns(&self) -> usize {
        if self.width >= 90 { 14 } else { 10 }
    }

    pub(super) fn text_columns(&self) -> usize {
        self.width.saturating_sub(self.gutter() + 1).clamp(1, usize::from(TEXT_COLUMNS_MAX))
    }

    pub(super) fn time(&self, at_ms: u64) -> String {
        clock(at_ms.cast_signed(), self.base.offset(at_ms))
    }

    fn day(&self, at_ms: u64) -> format::Date {
        local_date(at_ms.cast_signed(), self.base.offset(at_ms))
    }

    pub(super) fn name(&self, user: UserId) -> &str {
        self.model.name(user).unwrap_or("…")
    }

    fn name_style(&self, user: UserId) -> Style {
        if self.model.my_id() == Some(user) {
            return self.base.theme.styles.name_self;
        }
        let id = self.model.people.find(user).map_or("", |person| person.id.as_str());
        self.base.theme.name_style(id)
    }
}

/// The lines of an entry, given the row before it.
pub(crate) fn lines(look: &Look<'_>, before: Option<&Row>, item: &Item<'_>) -> Vec<Line<'static>> {
    match item {
        Item::Hole(_) => vec![note(look, look.base.words.t("room.loading_older"))],
        Item::Row(row) => row_lines(look, before, row),
    }
}

fn row_lines(look: &Look<'_>, before: Option<&Row>, row: &Row) -> Vec<Line<'static>> {
    let mut out = lead(look, before, row);
    let joined = is_joined(look, before, row);
    let body = body(look, row);
    if happening::is_one(row) {
        out.extend(event_lines(look, row, body));
    } else if look.narrow() {
        out.extend(narrow_lines(look, row, joined, body));
    } else {
        let same_minute =
            joined && before.is_some_and(|before| look.time(before.at_ms) == look.time(row.at_ms));
        out.extend(wide_lines(look, row, joined, same_minute, body));
    }
    out
}

/// What stands above a row: the beginning of the chat, the day, where the unread begins.
pub(super) fn lead(look: &Look<'_>, before: Option<&Row>, row: &Row) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    if let Some((floor, begins)) = &look.beginning
        && before.is_none()
        && row.seq == Some(floor.next())
    {
        out.push(note(look, begins));
    }
    if is_new_day(look, before, row) {
        let text = format::day_rule(look.day(row.at_ms), look.base.words);
        out.push(rule(look, &text, look.base.theme.styles.rule));
    }
    if begins_unread(look, before, row) {
        let text = look.base.words.count("timeline.unread", look.unread.max(1));
        out.push(rule(look, &text, look.base.theme.styles.unread_rule));
    }
    out
}

/// Whether a row stands below another one of the same person, without a name of its own.
pub(super) fn is_joined(look: &Look<'_>, before: Option<&Row>, row: &Row) -> bool {
    let apart = is_new_day(look, before, row) || begins_unread(look, before, row);
    !apart && before.is_some_and(|before| continues(look, before, row))
}

fn is_new_day(look: &Look<'_>, before: Option<&Row>, row: &Row) -> bool {
    before.is_none_or(|before| look.day(before.at_ms) != look.day(row.at_ms))
}

fn begins_unread(look: &Look<'_>, before: Option<&Row>, row: &Row) -> bool {
    let Some((read, _)) = look.view.rule_after else { return false };
    let is_after = |row: &Row| row.seq.is_some_and(|seq| seq > read);
    // The first row of all needs no rule to say where it begins.
    is_after(row)
        && before.is_some_and(|before| {
            before.seq.is_some_and(|seq| seq > Seq::ZERO) && !is_after(before)
        })
}

/// Ten minutes of one person talking stand together. Where the time stands with the name only, both are said again
/// every five minutes.
fn continues(look: &Look<'_>, before: &Row, row: &Row) -> bool {
    const TOGETHER_MS: u64 = 10 * 60 * 1000;
    const AGAIN_MS: u64 = 5 * 60 * 1000;
    let said_again = look.narrow() && row.at_ms / AGAIN_MS != before.at_ms / AGAIN_MS;
    before.from == row.from
        && !said_again
        && !happening::is_one(before)
        && !happening::is_one(row)
        && row.at_ms.abs_diff(before.at_ms) < TOGETHER_MS
}

fn wide_lines(
    look: &Look<'_>,
    row: &Row,
    joined: bool,
    same_minute: bool,
    body: Vec<Line<'static>>,
) -> Vec<Line<'static>> {
    let time = if same_minute { " ".repeat(5) } else { look.time(row.at_ms) };
    let name = if joined { "" } else { look.name(row.from) };
    indent(body, head(look, row, time, name).into(), look.gutter())
}

/// What stands in the columns before the text.
pub(super) fn head(look: &Look<'_>, row: &Row, time: String, name: &str) -> [Span<'static>; 5] {
    [
        Span::raw(" "),
        Span::styled(time, look.base.theme.styles.time),
        Span::raw("  "),
        Span::styled(pad(name, look.name_columns()), look.name_style(row.from)),
        Span::raw("  "),
    ]
}

fn narrow_lines(
    look: &Look<'_>,
    row: &Row,
    joined: bool,
    body: Vec<Line<'static>>,
) -> Vec<Line<'static>> {
    let mut out = Vec::new();
    if !joined {
        out.push(name_line(look, row, look.width));
    }
    let gutter = look.gutter();
    out.extend(indent(body, vec![Span::raw(" ".repeat(gutter))], gutter));
    out
}

/// Who speaks, and when, in a line of its own.
pub(super) fn name_line(look: &Look<'_>, row: &Row, width: usize) -> Line<'static> {
    let name = truncate(look.name(row.from), width.saturating_sub(9));
    Line::from(vec![
        Span::raw(" "),
        Span::styled(name, look.name_style(row.from)),
        Span::styled(format!("  {}", look.time(row.at_ms)), look.base.theme.styles.time),
    ])
}

fn event_lines(look: &Look<'_>, row: &Row, mut body: Vec<Line<'static>>) -> Vec<Line<'static>> {
    let styles = &look.base.theme.styles;
    let mark = match row.content {
        Content::Join => "→",
        Content::Leave | Content::Removed(_) => "←",
        _ => "·",
    };
    let mut head = vec![Span::raw(" ")];
    if look.narrow() {
        head.push(Span::styled(format!("{mark} "), styles.event));
        return indent(body, head, look.gutter() + 1);
    }
    let free = " ".repeat(look.gutter() - 6);
    head.extend([Span::styled(look.time(row.at_ms), styles.time), Span::raw(free)]);
    if let Some(first) = body.first_mut() {
        first.spans.insert(0, Span::styled(format!("{mark} "), styles.event));
    }
    indent(body, head, look.gutter())
}

pub(super) fn indent(
    body: Vec<Line<'static>>,
    head: Vec<Span<'static>>,
    gutter: usize,
) -> Vec<Line<'static>> {
    let mut head = Some(head);
    let with_head = body.into_iter().map(|line| {
        let mut spans = head.take().unwrap_or_else(|| vec![Span::raw(" ".repeat(gutter))]);
        spans.extend(line.spans);
        Line::from(spans)
    });
    with_head.collect()
}

fn body(look: &Look<'_>, row: &Row) -> Vec<Line<'static>> {
    let mut out = match &row.content {
        Content::Text(text) => said(look, row, text),
        Content::File(file) => offer(look, row, file),
        _ => wrapped(look, &happening::sentence(look, row), look.base.theme.styles.event),
    };
    if let Some(of) = row.re {
        out.insert(0, quote(look, of));
    }
    state(look, row, &mut out);
    out
}

fn wrapped(look: &Look<'_>, text: &str, style: Style) -> Vec<Line<'static>> {
    wrap::wrap_text(text, style, look.text_columns()).iter().map(wrap::Row::line).collect()
}

fn quote(look: &Look<'_>, of: Seq) -> Line<'static> {
    let found = look.model.room(look.room).and_then(|room| room.timeline.row(of));
    let text = found.map_or("…".to_owned(), |row| quoted(look.base.words, look.model, row));
    let text = truncate(&format!("┌ {text}"), look.text_columns());
    Line::from(Span::styled(text, look.base.theme.styles.quote))
}

/// A message in one line: who said what.
pub(crate) fn quoted(words: &Words, model: &Model, row: &Row) -> String {
    const WORDS_MAX: usize = 120;
    let name = model.name(row.from).unwrap_or("…");
    let said = match row.content {
        Content::Redacted => words.t("timeline.deleted").to_owned(),
        _ => markup::plain(&row.first_words(WORDS_MAX)),
    };
    words.fill("timeline.quote", &[("name", &name), ("text", &said)])
}

fn said(look: &Look<'_>, row: &Row, text: &str) -> Vec<Line<'static>> {
    let styles = &look.base.theme.styles;
    let base = if row.state == RowState::Sent { styles.text } else { styles.pending };
    let mut out = Vec::new();
    // Whom the author meant is known, so that a name ends where it ends.
    let meant = |name: &str| {
        row.at
            .iter()
            .filter_map(|user| look.model.people.find(*user))
            .any(|person| person.id.eq_ignore_ascii_case(name) || person.name == name)
    };
    let blocks = markup::parse_knowing(text, &meant);
    let last = blocks.len().saturating_sub(1);
    let edited = format!("({})", look.base.words.t("timeline.edited"));
    for (at, block) in blocks.into_iter().enumerate() {
        match block {
            Block::Text(marked) => {
                let mut pieces = Vec::new();
                for part in marked {
                    let style = mark_style(look, part.mark, part.text, base);
                    let bare = part.mark == Mark::Code && look.base.theme.keeps_marks();
                    let text = if bare { format!("`{}`", part.text) } else { part.text.to_owned() };
                    pieces.push(Piece::new(style, text));
                }
                if row.edited && at == last {
                    pieces.push(Piece::new(styles.dim, format!(" {edited}")));
                }
                out.extend(wrap::wrap(&pieces, look.text_columns()).iter().map(wrap::Row::line));
            }
            Block::Code { text, .. } => {
                out.extend(code(look, text));
                if row.edited && at == last {
                    out.push(Line::from(Span::styled(edited.clone(), styles.dim)));
                }
            }
        }
    }
    if out.is_empty() {
        out.push(Line::default());
    }
    fold(look, row, out)
}

fn mark_style(look: &Look<'_>, mark: Mark, text: &str, base: Style) -> Style {
    let styles = &look.base.theme.styles;
    match mark {
        Mark::Plain => base,
        Mark::Code => base.patch(styles.code),
        Mark::Bold => base.patch(styles.strong),
        Mark::Italic => base.add_modifier(ratatui::style::Modifier::ITALIC),
        Mark::Link => base.patch(styles.link),
        Mark::Mention => {
            let name = text.trim_start_matches('@');
            let me = look.model.me.as_ref();
            if me.is_some_and(|me| me.id.eq_ignore_ascii_case(name) || me.name == name) {
                base.patch(styles.mention_self)
            } else {
                base.patch(styles.mention)
            }
        }
    }
}

fn code(look: &Look<'_>, text: &str) -> Vec<Line<'static>> {
    let styles = &look.base.theme.styles;
    let inside = look.text_columns().saturating_sub(2).max(1);
    let rows = text.split('\n').flat_map(|line| wrap::wrap_text(line, styles.code, inside));
    let framed = rows.map(|row| {
        let mut line = row.line();
        line.spans.insert(0, Span::styled("│ ", styles.code_frame));
        line
    });
    framed.collect()
}

fn fold(look: &Look<'_>, row: &Row, mut lines: Vec<Line<'static>>) -> Vec<Line<'static>> {
    if lines.len() <= FOLD_LINES || look.view.unfolded.contains(&Key::of_row(row)) {
        return lines;
    }
    let hidden = u64::try_from(lines.len() - FOLD_KEEP).unwrap_or(u64::MAX);
    lines.truncate(FOLD_KEEP);
    let text = look.base.words.count("timeline.fold_more", hidden);
    lines.push(Line::from(Span::styled(text, look.base.theme.styles.accent)));
    lines
}

fn offer(look: &Look<'_>, row: &Row, file: &FileOffer) -> Vec<Line<'static>> {
    let styles = &look.base.theme.styles;
    let size = format::size(file.size);
    let name = truncate(&file.name, look.text_columns().saturating_sub(columns(&size) + 5));
    let mut out = vec![Line::from(vec![
        Span::styled("▤ ", styles.accent),
        Span::styled(name, styles.strong),
        Span::styled(format!("  {size}"), styles.dim),
    ])];
    let transfer = look.model.transfers.of_file(file.fid);
    match transfer {
        Some(transfer) if !is_own_done(look, row, transfer) => {
            out.extend(transfer_line::lines(look.base, transfer, look.text_columns()));
        }
        None if look.model.my_id() != Some(row.from) && row.state == RowState::Sent => {
            out.push(Line::from(Span::styled(look.base.words.t("files.to_save"), styles.dim)));
        }
        _ => {}
    }
    out
}

/// One's own file that is there needs no word more.
fn is_own_done(look: &Look<'_>, row: &Row, transfer: &Transfer) -> bool {
    transfer.direction == Direction::Upload
        && look.model.my_id() == Some(row.from)
        && matches!(transfer.phase, Phase::Done { .. })
}

/// What became of one's own row.
fn state(look: &Look<'_>, row: &Row, lines: &mut Vec<Line<'static>>) {
    let (words, styles) = (look.base.words, &look.base.theme.styles);
    match &row.state {
        RowState::Sent => changing(look, row, lines),
        RowState::Sending => {
            if let Some(last) = lines.last_mut() {
                last.spans.push(Span::styled(" ◌", styles.pending));
            }
        }
        RowState::Failed(fault) => {
            let reason = words.fault(fault.code);
            let text = match (fault.code, row.re, &row.content) {
                (FaultCode::EpochChanged, _, Content::File(_)) => {
                    words.fill("timeline.failed_file", &[("reason", &reason)])
                }
                (FaultCode::EpochChanged, Some(_), _) => {
                    words.fill("timeline.failed_answer", &[("reason", &reason)])
                }
                _ => words.fill("timeline.failed", &[("reason", &reason)]),
            };
            lines.extend(wrapped(look, &format!("✗ {text}"), styles.failed));
        }
    }
}

/// What a change that is on its way will make of a message.
fn changing(look: &Look<'_>, row: &Row, lines: &mut Vec<Line<'static>>) {
    let key = match row.changing {
        None => return,
        Some(Changing::Edit) => "timeline.edit_waits",
        Some(Changing::TakeBack) => "timeline.take_back_waits",
    };
    let mark = format!(" ◌ {}", look.base.words.t(key));
    let style = look.base.theme.styles.pending;
    match lines.last_mut() {
        Some(last) if last.width() + columns(&mark) <= look.text_columns() => {
            last.spans.push(Span::styled(mark, style));
        }
        _ => lines.push(Line::from(Span::styled(mark.trim_start().to_owned(), style))),
    }
}

fn rule(look: &Look<'_>, text: &str, style: Style) -> Line<'static> {
    let text = truncate(text, look.width.saturating_sub(6));
    let free = look.width.saturating_sub(columns(&text) + 4);
    let (left, right) = (free / 2, free - free / 2);
    Line::from(Span::styled(format!(" {} {text} {} ", "─".repeat(left), "─".repeat(right)), style))
}

fn note(look: &Look<'_>, text: &str) -> Line<'static> {
    Line::from(Span::styled(center(text, look.width), look.base.theme.styles.dim))
}
