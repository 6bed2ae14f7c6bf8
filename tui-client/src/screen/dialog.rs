//! Small forms and questions above the main screen, drawn.

use liao_client_core::model::{Model, RoomView};
use liao_common::event::RoomKind;
use ratatui::layout::Rect;

use super::{
    card::{Keys, prose},
    form::{self, Focus},
    paint::{Paint, centered, row},
};
use crate::{
    action::Action,
    view::{
        chat::title_of,
        confirm::{ConfirmView, Question},
        dialog::DialogView,
        order::heir_sentence,
    },
};

/// Columns of a box.
const BOX_COLUMNS: u16 = 60;

/// Rows around the fields: the frame, air above, and the keys with air above.
const FORM_FRAME_ROWS: u16 = 5;

pub(super) fn dialog(paint: &mut Paint<'_, '_>, window: Rect, view: &DialogView, model: &Model) {
    let width = BOX_COLUMNS.min(window.width);
    let fields_width = width.saturating_sub(6);
    let tick = if view.has_box() { 1 } else { 0 };
    let wanted = form::rows(paint, &view.form, fields_width, true) + tick;
    let airy = wanted + FORM_FRAME_ROWS <= window.height;
    let rows =
        if airy { wanted } else { form::rows(paint, &view.form, fields_width, false) + tick };
    let area = centered(window, width, rows + FORM_FRAME_ROWS);
    let title = paint.words.fill(view.form.title, &[("room", &view.about(model))]);
    let inside = paint.popup(area, &title);
    let inside = Rect { x: inside.x + 2, width: inside.width.saturating_sub(4), ..inside };
    let keys_row = row(inside, inside.height.saturating_sub(1));
    let list = Rect { y: inside.y + 1, height: inside.height.saturating_sub(2), ..inside };
    let focus = if view.box_focused { Focus::Elsewhere } else { Focus::Here };
    let used = form::fields(paint, list, &view.form, airy, focus);
    if view.has_box() {
        let texts = [paint.t("room.private_box"), paint.t("room.private")];
        let place = view.form.fields().len();
        form::tick_box(paint, row(list, used), &texts, view.private, view.box_focused, place);
    }
    dialog_keys(paint, view).draw(paint, keys_row, true);
}

fn dialog_keys(paint: &Paint<'_, '_>, view: &DialogView) -> Keys<'static> {
    let at_end = view.box_focused || view.form.is_at_end();
    let mut keys = Keys::of(view.modes())
        .must(Action::Submit, paint.t(if at_end { view.form.verb } else { "hint.next" }));
    if view.box_focused {
        keys = keys.typed(paint.t("key.space"), paint.t("hint.tick"));
    } else if at_end && view.has_box() {
        keys = keys.may(Action::Next, paint.t("hint.next"));
    }
    keys = keys.must(Action::Back, paint.t("hint.cancel"));
    if view.form.has_secret() {
        keys = keys.may(Action::ShowPassword, form::reveal_word(paint, &view.form));
    }
    keys
}

pub(super) fn confirm(paint: &mut Paint<'_, '_>, window: Rect, view: &ConfirmView, model: &Model) {
    let words = paint.words;
    let (text, yes, no) = match &view.question {
        Question::Quit(kept) => {
            let key = if *kept { "files.quit_ask_kept" } else { "files.quit_ask" };
            (words.t(key).to_owned(), "action.quit", "hint.stay")
        }
        Question::Lose(count) => {
            (words.count("unkept.quit_ask", *count), "action.quit", "hint.stay")
        }
        Question::LogOutAndLose(count) => {
            (words.count("unkept.log_out_ask", *count), "hint.log_out", "hint.stay")
        }
        Question::Leave => (words.t("unkept.quit_now").to_owned(), "action.quit", "hint.stay"),
        Question::LogOut => (words.t("unkept.log_out_now").to_owned(), "hint.log_out", "hint.stay"),
        Question::Paste(_, count) => {
            (words.fill("composer.paste_ask", &[("count", count)]), "hint.paste", "hint.drop")
        }
        Question::TakeBack(_, _, said) => {
            let text = words.fill("timeline.take_back_ask", &[("words", said)]);
            (text, "action.take_back", "hint.keep")
        }
        Question::LeaveRoom(room) => {
            let is_public = |view: &RoomView| view.kind == RoomKind::Public;
            let key = if model.room(*room).is_some_and(is_public) {
                "room.leave_ask"
            } else {
                "room.leave_private_ask"
            };
            let asked = words.fill(key, &[("room", &title_of(model, *room))]);
            let heir = heir_sentence(model, *room, words);
            let text = [Some(asked), heir].into_iter().flatten().collect::<Vec<_>>().join(" ");
            (text, "hint.leave", "hint.stay")
        }
        Question::CloseUnsent(room) => {
            let name = title_of(model, *room);
            (words.fill("room.close_unsent_ask", &[("room", &name)]), "action.discard", "hint.keep")
        }
        Question::LogDeviceOut(_, name) => {
            (words.fill("devices.log_out_ask", &[("name", name)]), "hint.log_out", "hint.keep")
        }
        Question::LogOthersOut(devs) => {
            (words.count("devices.others_ask", devs.len() as u64), "hint.log_out", "hint.keep")
        }
        Question::Decline(room) => {
            let name = title_of(model, *room);
            (words.fill("room.decline_ask", &[("room", &name)]), "hint.decline", "hint.keep")
        }
    };
    let width = BOX_COLUMNS.min(window.width);
    let style = paint.styles().popup;
    let lines = prose(&text, style, width.saturating_sub(6), window.height.saturating_sub(5));
    let height = u16::try_from(lines.len()).unwrap_or(1) + 5;
    let inside = paint.popup(centered(window, width, height), "");
    let inside = Rect { x: inside.x + 2, width: inside.width.saturating_sub(4), ..inside };
    for (at, line) in (1..inside.height).zip(lines) {
        paint.line(row(inside, at), line);
    }
    let keys = Keys::of(view.question.modes())
        .must(Action::Yes, words.t(yes))
        .must(Action::No, words.t(no));
    keys.draw(paint, row(inside, inside.height.saturating_sub(1)), true);
}
