//! The state of choosing a file: a folder's entries, a filter, a selection. Reads folders through a trait, so
//! that tests need no disk. A folder that cannot be read leaves everything as it was and says why.

mod disk;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

pub use disk::Disk;

use crate::form::Line;
use crate::fuzzy;

/// Entries of one folder that are listed; what is beyond can be reached by `/send PATH`.
pub const ENTRIES_MAX: usize = 10_000;

/// Something in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name as the system has it.
    pub name: OsString,
    /// The name, safe to draw.
    pub shown: String,
    /// Whether it can be entered.
    pub is_folder: bool,
    /// Size of a file in bytes.
    pub bytes: u64,
}

impl Entry {
    /// An entry; what is drawn is made from the name.
    #[must_use]
    pub fn new(name: impl Into<OsString>, is_folder: bool, bytes: u64) -> Self {
        let name = name.into();
        let shown = liao_common::text::clean_line(&name.to_string_lossy());
        Self { name, shown, is_folder, bytes }
    }

    fn is_hidden(&self) -> bool {
        self.shown.starts_with('.')
    }
}

/// Where entries come from.
pub trait Directory {
    /// The entries of a folder in any order, at most [`ENTRIES_MAX`].
    ///
    /// # Errors
    /// When the folder cannot be read.
    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>>;
}

/// What choosing led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PickerStep {
    /// Nothing changed.
    Still,
    /// Something on screen changed.
    Changed,
    /// A file was chosen.
    Chosen(PathBuf),
}

/// The state of choosing a file.
#[derive(Clone, Debug)]
pub struct Picker {
    folder: PathBuf,
    entries: Vec<Entry>,
    /// Places in `entries` that the filter lets through, in the order shown.
    visible: Vec<usize>,
    selected: usize,
    filter: Line,
    shows_hidden: bool,
    trouble: Option<String>,
}

impl Picker {
    /// Opens a folder.
    #[must_use]
    pub fn open(directory: &impl Directory, folder: &Path) -> Self {
        let mut picker = Self {
            folder: folder.to_owned(),
            entries: Vec::new(),
            visible: Vec::new(),
            selected: 0,
            filter: Line::default(),
            shows_hidden: false,
            trouble: None,
        };
        picker.go_to(directory, folder.to_owned());
        picker
    }

    /// The folder shown.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The entries shown, in order: folders first, or by fit when there is a filter.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.visible
            .iter()
            .filter_map(|place| self.entries.get(*place))
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// Place of the selected row.
    #[must_use]
    pub const fn selected(&self) -> usize {
        self.selected
    }

    /// The selected entry.
    #[must_use]
    pub fn selection(&self) -> Option<&Entry> {
        self.entries.get(*self.visible.get(self.selected)?)
    }

    /// What was typed to filter.
    #[must_use]
    pub const fn filter(&self) -> &Line {
        &self.filter
    }

    /// Whether hidden files are shown.
    #[must_use]
    pub const fn shows_hidden(&self) -> bool {
        self.shows_hidden
    }

    /// Why the last folder could not be read, in the system's words.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Whether the folder has entries that the filter or their dot keeps from view.
    #[must_use]
    pub fn holds_back(&self) -> bool {
        self.visible.len() < self.entries.len()
    }

    /// The first row to draw so that the selection is among `rows` rows.
    #[must_use]
    pub fn first_row(&self, rows: usize) -> usize {
        let centred = self.selected.saturating_sub(rows / 2);
        centred.min(self.visible.len().saturating_sub(rows))
    }

    /// Moves the selection by rows, stopping at the ends.
    pub fn select_by(&mut self, rows: isize) -> PickerStep {
        self.select(self.selected.saturating_add_signed(rows))
    }

    /// Selects a row by its place, the last one when there are fewer.
    pub fn select(&mut self, place: usize) -> PickerStep {
        let place = place.min(self.visible.len().saturating_sub(1));
        if place == self.selected {
            return PickerStep::Still;
        }
        self.selected = place;
        PickerStep::Changed
    }

    /// Enters the selected folder or chooses the selected file.
    pub fn enter(&mut self, directory: &impl Directory) -> PickerStep {
        let Some(entry) = self.selection() else { return PickerStep::Still };
        let path = self.folder.join(&entry.name);
        if !entry.is_folder {
            return PickerStep::Chosen(path);
        }
        self.go_to(directory, path);
        PickerStep::Changed
    }

    /// Goes to the parent folder and selects the folder left.
    pub fn leave(&mut self, directory: &impl Directory) -> PickerStep {
        let Some(parent) = self.folder.parent().map(Path::to_owned) else {
            return PickerStep::Still;
        };
        let left = self.folder.file_name().map(OsString::from);
        self.go_to(directory, parent);
        let place = self.rows().position(|entry| Some(&entry.name) == left.as_ref());
        self.selected = place.unwrap_or(self.selected);
        PickerStep::Changed
    }

    /// Reads the folder again and keeps the selection where it can.
    pub fn reload(&mut self, directory: &impl Directory) -> PickerStep {
        let selected = self.selection().map(|entry| entry.name.clone());
        let filter = self.filter.clone();
        self.go_to(directory, self.folder.clone());
        self.filter = filter;
        self.narrow();
        let place = self.rows().position(|entry| Some(&entry.name) == selected.as_ref());
        self.selected = place.unwrap_or_default();
        PickerStep::Changed
    }

    /// Shows or hides hidden files.
    pub fn toggle_hidden(&mut self) -> PickerStep {
        self.shows_hidden = !self.shows_hidden;
        self.narrow();
        PickerStep::Changed
    }

    /// Edits the filter: typing, deleting. The best match is selected.
    pub fn edit_filter(&mut self, change: impl FnOnce(&mut Line) -> bool) -> PickerStep {
        if !change(&mut self.filter) {
            return PickerStep::Still;
        }
        self.narrow();
        PickerStep::Changed
    }

    fn go_to(&mut self, directory: &impl Directory, folder: PathBuf) {
        let mut entries = match directory.list(&folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.trouble = Some(liao_common::text::clean_line(&error.to_string()));
                return;
            }
        };
        entries.truncate(ENTRIES_MAX);
        entries.sort_by_cached_key(|entry| {
            (!entry.is_folder, entry.shown.to_lowercase(), entry.name.clone())
        });
        self.folder = folder;
        self.entries = entries;
        self.trouble = None;
        self.filter.clear();
        self.narrow();
    }

    fn narrow(&mut self) {
        // A dot typed first asks for hidden files.
        let hidden_too = self.shows_hidden || self.filter.text().starts_with('.');
        let offered =
            self.entries.iter().enumerate().filter(|(_, entry)| hidden_too || !entry.is_hidden());
        let ranked =
            fuzzy::rank(self.filter.text(), offered, |(_, entry)| &entry.shown, ENTRIES_MAX);
        self.visible = ranked.into_iter().map(|((place, _), _)| place).collect();
        self.selected = 0;
    }
}
