//! Choosing a file to send: in a box of its own, or by its path behind `/send`. Folders are read by the runtime, so
//! that a slow disk never holds the screen. Part of the main view.

use std::{
    io,
    path::{Path, PathBuf},
};

use liao_common::id::RoomId;

use super::{
    completion::{Completion, Offer},
    list::ListView,
    main::{Focus, MainView},
    overlay::Overlay,
};
use crate::{
    action::Action,
    app::Base,
    composer::{Token, TokenKind},
    effect::Effect,
    form::Line,
    format,
    picker::{Entry, Picker, PickerStep, place},
};

/// Paths that are offered behind `/send`; who looks for another types on.
const OFFERS_MAX: usize = 200;

/// Choosing a file for a room.
#[derive(Debug)]
pub struct PickerView {
    /// The room it is for.
    pub room: RoomId,
    /// The state.
    pub picker: Picker,
}

impl PickerView {
    /// Opens the picker in the folder the program was started in.
    #[must_use]
    pub fn open(room: RoomId, base: &mut Base) -> Self {
        base.wish(Effect::List(base.folder.clone()));
        Self { room, picker: Picker::open(&base.folder) }
    }

    /// Does what a key means; `true` when a file was chosen, which is looked at then.
    pub fn act(&mut self, action: Action, base: &mut Base) -> bool {
        let page = isize::try_from(base.size.1 / 3).unwrap_or(1);
        let picker = &mut self.picker;
        let step = match action {
            Action::Choose => picker.choose(),
            Action::FolderUp => picker.leave(),
            Action::Complete => picker.complete(),
            Action::DeleteLeft => picker.edit(Line::delete_back),
            Action::DeleteWordLeft => picker.edit(Line::delete_word_back),
            Action::KillLeft => picker.edit(Line::delete_to_start),
            _ => {
                match action {
                    Action::Up => picker.select_by(-1),
                    Action::Down => picker.select_by(1),
                    Action::PageUp => picker.select_by(-page),
                    Action::PageDown => picker.select_by(page),
                    Action::Hidden => picker.toggle_hidden(),
                    _ => {}
                }
                return false;
            }
        };
        self.follow(step, base)
    }

    /// Types into the line.
    pub fn type_text(&mut self, text: &str, base: &mut Base) {
        let step = self.picker.edit(|line| line.insert(text));
        self.follow(step, base);
    }

    /// A path that was pasted or dropped leads there.
    pub fn paste(&mut self, text: &str, base: &mut Base) {
        let step = self.picker.paste(text);
        self.follow(step, base);
    }

    fn follow(&self, step: PickerStep, base: &mut Base) -> bool {
        match step {
            PickerStep::Still => false,
            PickerStep::Read(folder) => {
                base.wish(Effect::List(folder));
                false
            }
            PickerStep::Chosen(path) => {
                base.wish(Effect::SeeFile(self.room, path));
                true
            }
        }
    }
}

impl MainView {
    /// A folder was read: for the picker, for a path behind `/send`, or for nobody any more.
    pub(super) fn listed(
        &mut self,
        folder: &Path,
        entries: io::Result<Vec<Entry>>,
        base: &mut Base,
    ) {
        if self.path_wanted.take_if(|wanted| wanted == folder).is_some() {
            self.offer_paths(folder, entries.as_deref().unwrap_or_default(), base);
        }
        if let Some(Overlay::Picker(view)) = &mut self.overlay {
            let step = view.picker.listed(folder, entries);
            if view.follow(step, base) {
                self.overlay = None;
            }
        }
    }

    /// The path that stands behind `/send` before the caret.
    fn path_token(&self) -> Option<Token> {
        let token = self.chat().filter(|_| self.focus == Focus::Composer)?.composer.token()?;
        (token.kind == TokenKind::Argument && token.command == "send").then_some(token)
    }

    /// Whether Tab completes a path now.
    pub(super) fn is_at_path(&self) -> bool {
        self.completion.is_none() && self.path_token().is_some()
    }

    /// Asks for the folder of the path being typed.
    pub(super) fn complete_path(&mut self, base: &mut Base) {
        let Some(token) = self.path_token() else { return };
        if place::is_bare_folder(&token.typed) {
            let token = Token { range: token.range.end..token.range.end, ..token };
            if let Some(chat) = self.chat_mut() {
                // A path that would be too long for a message stays as it is.
                let _ = chat.composer.complete(&token, "/");
            }
            return;
        }
        let (folder, _) = place::split(&token.typed, &base.folder);
        self.path_wanted = Some(folder.clone());
        base.wish(Effect::List(folder));
    }

    /// Completes the path as far as it is certain; where it is not, the popup offers how it may go on. What was
    /// typed meanwhile may speak of another folder.
    fn offer_paths(&mut self, folder: &Path, entries: &[Entry], base: &Base) {
        let Some(token) = self.path_token() else { return };
        let (wanted, name) = place::split(&token.typed, &base.folder);
        if wanted != folder {
            return;
        }
        let range = token.range.end - name.len()..token.range.end;
        let found = place::beginning(name, entries);
        if let Some(whole) = place::completed(name, entries) {
            if let Some(chat) = self.chat_mut() {
                // A path that would be too long for a message stays as it is.
                let _ = chat.composer.complete(&Token { range, ..token }, &whole);
            }
        } else if found.is_empty() {
            let key = if name.is_empty() { "files.picker_empty" } else { "files.picker_no_match" };
            let sentence = base.words.fill(key, &[("text", &name)]);
            self.complain(base, sentence);
        } else if found.len() > 1 {
            let mut offers: Vec<Offer> = found.into_iter().take(OFFERS_MAX).map(offer).collect();
            offers.sort_by(|a, b| a.word.cmp(&b.word));
            let token = Token { range, typed: name.to_owned(), ..token };
            self.completion =
                Some(Completion { token, offers, list: ListView::default(), picked: false });
        }
    }
}

fn offer(entry: &Entry) -> Offer {
    let note = if entry.is_folder { String::new() } else { format::size(entry.bytes) };
    Offer { word: place::word(entry), note }
}

/// The file that a typed path names, as people write and drop it.
#[must_use]
pub fn file_named(typed: &str, base: &Base) -> PathBuf {
    place::expand(&place::bare(typed), &base.folder)
}
