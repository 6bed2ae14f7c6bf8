//! Choosing a file to send. The picker reads folders through a trait; here it is handed what the runtime has read,
//! so that a slow disk never holds the screen. Part of the main view.

use std::{
    cell::RefCell,
    io,
    path::{Path, PathBuf},
};

use liao_common::id::RoomId;

use super::{main::MainView, overlay::Overlay};
use crate::{
    action::Action,
    app::Base,
    effect::Effect,
    form::Line,
    picker::{Directory, Entry, Picker},
};

/// Choosing a file for a room.
#[derive(Debug)]
pub struct PickerView {
    /// The room it is for.
    pub room: RoomId,
    /// The state; none until the first folder was read.
    pub picker: Option<Picker>,
    /// Which folder is being read, and why.
    waits: Option<(PathBuf, Wait)>,
    /// Why the first folder could not be read.
    pub trouble: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Open,
    Enter,
    Leave,
}

/// A folder that was read already.
struct Read(RefCell<Option<io::Result<Vec<Entry>>>>);

impl Directory for Read {
    fn list(&self, _: &Path) -> io::Result<Vec<Entry>> {
        self.0.borrow_mut().take().unwrap_or_else(|| Ok(Vec::new()))
    }
}

impl PickerView {
    /// Opens the picker in the folder the program was started in.
    #[must_use]
    pub fn open(room: RoomId, base: &mut Base) -> Self {
        let folder = base.folder.clone();
        base.wish(Effect::List(folder.clone()));
        Self { room, picker: None, waits: Some((folder, Wait::Open)), trouble: None }
    }

    fn wait(&mut self, folder: PathBuf, why: Wait, base: &mut Base) {
        base.wish(Effect::List(folder.clone()));
        self.waits = Some((folder, why));
    }

    /// Does what a key means; gives the file when one was chosen.
    pub fn act(&mut self, action: Action, base: &mut Base) -> Option<PathBuf> {
        let picker = self.picker.as_mut()?;
        let page = isize::try_from(base.size.1 / 3).unwrap_or(1);
        match action {
            Action::Up => _ = picker.select_by(-1),
            Action::Down => _ = picker.select_by(1),
            Action::PageUp => _ = picker.select_by(-page),
            Action::PageDown => _ = picker.select_by(page),
            Action::Hidden => _ = picker.toggle_hidden(),
            Action::DeleteLeft => _ = picker.edit_filter(Line::delete_back),
            Action::FolderUp => {
                let above = picker.folder().parent().map(Path::to_owned)?;
                self.wait(above, Wait::Leave, base);
            }
            Action::Choose => {
                let entry = picker.selection()?;
                let path = picker.folder().join(&entry.name);
                if !entry.is_folder {
                    return Some(path);
                }
                self.wait(path, Wait::Enter, base);
            }
            _ => {}
        }
        None
    }

    /// Types into the filter.
    pub fn type_text(&mut self, text: &str) {
        if let Some(picker) = &mut self.picker {
            picker.edit_filter(|line| line.insert(text));
        }
    }

    /// A click on a row chooses it.
    pub fn select(&mut self, row: usize) {
        if let Some(picker) = &mut self.picker {
            picker.select(row);
        }
    }

    fn listed(&mut self, folder: &Path, entries: io::Result<Vec<Entry>>) {
        let Some((_, why)) = self.waits.take_if(|(wanted, _)| wanted == folder) else { return };
        self.trouble =
            entries.as_ref().err().map(|error| liao_common::text::clean_line(&error.to_string()));
        let read = Read(RefCell::new(Some(entries)));
        match (&mut self.picker, why) {
            (Some(picker), Wait::Enter) => _ = picker.enter(&read),
            (Some(picker), Wait::Leave) => _ = picker.leave(&read),
            (picker, _) => *picker = Some(Picker::open(&read, folder)),
        }
    }
}

impl MainView {
    pub(super) fn listed(&mut self, folder: PathBuf, entries: io::Result<Vec<Entry>>) {
        if let Some(Overlay::Picker(picker)) = &mut self.overlay {
            picker.listed(&folder, entries);
        }
    }
}
