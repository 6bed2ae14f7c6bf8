//! How far a transfer has come, as one line: bar, percent, rate, time left; or why not. Used in chats and in the
//! list of transfers.

use std::path::Path;

use liao_client_core::transfer::{Direction, Phase, Transfer, TransferFault};
use ratatui::text::{Line, Span};

use crate::{
    app::Base,
    format,
    text::{
        width::{columns, truncate, truncate_start},
        wrap::{Row, wrap_text},
    },
    view::reasons::fault_sentence,
    words::Words,
};

/// Columns of the bar where there is room.
const BAR_COLUMNS: usize = 16;

/// Columns of the bar where there is not.
const BAR_COLUMNS_MIN: usize = 6;

/// The line, in at most `width` columns; why a transfer failed may take more than one.
pub(crate) fn lines(base: &Base, transfer: &Transfer, width: usize) -> Vec<Line<'static>> {
    let (words, styles) = (base.words, &base.theme.styles);
    let one = |text: String, style| vec![Line::from(Span::styled(truncate(&text, width), style))];
    match &transfer.phase {
        Phase::Moving | Phase::Hashing | Phase::Cut | Phase::Paused | Phase::Verifying => {
            vec![moving(base, transfer, width)]
        }
        Phase::Waiting => one(words.t("phase.waiting").to_owned(), styles.dim),
        Phase::Cancelled => one(words.t("phase.cancelled").to_owned(), styles.dim),
        Phase::Done { path, .. } => {
            let text = match transfer.direction {
                Direction::Upload => words.t("phase.done").to_owned(),
                Direction::Download => saved_as(words, path, width.saturating_sub(2)),
            };
            one(format!("✓ {text}"), styles.success)
        }
        Phase::Failed(fault) => {
            let why = fault_sentence(words, fault, &transfer.name);
            let text = match fault {
                fault if fault.is_final() => why,
                // Nothing of what was done is of use any more.
                TransferFault::Changed | TransferFault::HashMismatch => {
                    words.fill("files.failed_anew", &[("reason", &why)])
                }
                _ => words.fill("files.failed", &[("reason", &why)]),
            };
            wrap_text(&format!("✗ {text}"), styles.failed, width).iter().map(Row::line).collect()
        }
    }
}

/// Where the file lies, or will lie; of one that is there its line says so.
pub(crate) fn place(base: &Base, transfer: &Transfer, width: usize) -> Option<Line<'static>> {
    let path = transfer.path.as_ref().filter(|_| !matches!(transfer.phase, Phase::Done { .. }))?;
    let shown = liao_common::text::clean_line(&path.display().to_string());
    Some(Line::from(Span::styled(truncate_start(&shown, width), base.theme.styles.dim)))
}

/// The end of a path is what tells files apart.
fn saved_as(words: &Words, path: &Path, width: usize) -> String {
    let around = columns(&words.fill("files.saved_as", &[("path", &"")]));
    let path = truncate_start(&path.display().to_string(), width.saturating_sub(around));
    words.fill("files.saved_as", &[("path", &path)])
}

/// The bar gives way first, then the phase, then the rate: how long it still takes is what people look for.
fn moving(base: &Base, transfer: &Transfer, width: usize) -> Line<'static> {
    let (words, styles) = (base.words, &base.theme.styles);
    let mut facts = vec![format!("{:>3} %", transfer.percent())];
    facts.push(phase_word(words, transfer).to_owned());
    if transfer.phase == Phase::Moving && transfer.rate() > 0 {
        facts.push(format::rate(transfer.rate()));
        if let Some(seconds) = transfer.seconds_left() {
            facts.push(words.fill("files.left", &[("time", &format::span(seconds))]));
        }
    }
    let wide = |facts: &[String]| facts.iter().map(|fact| columns(fact) + 2).sum::<usize>();
    while facts.len() > 2 && wide(&facts) + BAR_COLUMNS_MIN > width {
        facts.remove(1);
    }
    let bar = width.saturating_sub(wide(&facts)).clamp(BAR_COLUMNS_MIN, BAR_COLUMNS).min(width);
    let (done, rest) = format::bar(transfer.done, transfer.size, bar);
    let facts: String = facts.iter().flat_map(|fact| ["  ", fact]).collect();
    Line::from(vec![
        Span::styled(done, styles.bar_done),
        Span::styled(rest, styles.bar_rest),
        Span::styled(truncate(&facts, width - bar), styles.dim),
    ])
}

/// The phase in one word.
pub(crate) fn phase_word(words: &'static Words, transfer: &Transfer) -> &'static str {
    words.t(match (&transfer.phase, transfer.direction) {
        (Phase::Waiting | Phase::Cut, _) => "phase.waiting",
        (Phase::Hashing, _) => "phase.hashing",
        (Phase::Moving, Direction::Upload) => "phase.sending",
        (Phase::Moving, Direction::Download) => "phase.receiving",
        (Phase::Paused, _) => "phase.paused",
        (Phase::Verifying, Direction::Upload) => "phase.stored",
        (Phase::Verifying, Direction::Download) => "phase.verifying",
        (Phase::Done { .. }, _) => "phase.done",
        (Phase::Failed(_), _) => "phase.failed",
        (Phase::Cancelled, _) => "phase.cancelled",
    })
}
