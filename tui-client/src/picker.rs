//! The state of choosing a file: a folder's entries, a line in which a name or a path is typed, a selection. Pure:
//! it says which folder it wants to be read and is told what is in it. Nothing is chosen from a folder that the line
//! does not speak of.

mod disk;
pub mod place;
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
    /// Nothing.
    Still,
    /// This folder wants to be read.
    Read(PathBuf),
    /// A file was chosen.
    Chosen(PathBuf),
}

/// Why a folder wants to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// It was chosen, or is the first.
    Enter,
    /// It stands above the one that was left.
    Leave,
    /// The line speaks of it.
    Typed,
}

/// What is done as soon as the folder is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hurry {
    Choose,
    Complete,
}

/// A folder that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Its path, safe to draw.
    pub path: String,
    /// What kind of trouble.
    pub kind: io::ErrorKind,
    /// The system's words for it.
    pub reason: String,
}

/// The state of choosing a file.
#[derive(Clone, Debug)]
pub struct Picker {
    folder: PathBuf,
    entries: Vec<Entry>,
    /// Places in `entries` that the line lets through, in the order shown.
    visible: Vec<usize>,
    selected: usize,
    line: Line,
    /// Where a name in the line is counted from.
    base: PathBuf,
    shows_hidden: bool,
    waits: Option<(PathBuf, Why)>,
    /// What was pressed while a folder was being read.
    hurry: Option<Hurry>,
    trouble: Option<Trouble>,
    loaded: bool,
}

impl Picker {
    /// Begins with a folder, which wants to be read.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            entries: Vec::new(),
            visible: Vec::new(),
            selected: 0,
            line: Line::default(),
            base: folder.to_owned(),
            shows_hidden: false,
            waits: Some((folder.to_owned(), Why::Enter)),
            hurry: None,
            trouble: None,
            loaded: false,
        }
    }

    /// The folder shown.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether a folder has been shown yet.
    #[must_use]
    pub const fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// The entries shown, in order: folders first, or by fit when something is typed.
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

    /// What was typed: the beginning of a name, or a path.
    #[must_use]
    pub const fn line(&self) -> &Line {
        &self.line
    }

    /// The part of the line that is a name in the folder shown; none while it speaks of another folder.
    #[must_use]
    pub fn name_typed(&self) -> Option<&str> {
        let (folder, name) = place::split(self.line.text(), &self.base);
        (folder == self.folder).then_some(name)
    }

    /// Why the last folder could not be read.
    #[must_use]
    pub const fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    /// The first row to draw so that the selection is among `rows` rows.
    #[must_use]
    pub fn first_row(&self, rows: usize) -> usize {
        let centred = self.selected.saturating_sub(rows / 2);
        centred.min(self.visible.len().saturating_sub(rows))
    }

    /// Moves the selection by rows, stopping at the ends.
    pub fn select_by(&mut self, rows: isize) {
        self.select(self.selected.saturating_add_signed(rows));
    }

    /// Selects a row by its place, the last one when there are fewer.
    pub fn select(&mut self, place: usize) {
        self.selected = place.min(self.visible.len().saturating_sub(1));
    }

    /// Enters the selected folder or chooses the selected file. While a folder is being read it waits for that.
    pub fn choose(&mut self) -> PickerStep {
        if self.waits.is_some() {
            self.hurry = Some(Hurry::Choose);
            return PickerStep::Still;
        }
        let Some(entry) = self.selection() else { return PickerStep::Still };
        let path = self.folder.join(&entry.name);
        if entry.is_folder { self.wait(path, Why::Enter) } else { PickerStep::Chosen(path) }
    }

    /// Goes to the folder above.
    pub fn leave(&mut self) -> PickerStep {
        match self.folder.parent().map(Path::to_owned) {
            Some(above) => self.wait(above, Why::Leave),
            None => PickerStep::Still,
        }
    }

    /// Shows or hides hidden files.
    pub fn toggle_hidden(&mut self) {
        self.shows_hidden = !self.shows_hidden;
        self.narrow();
    }

    /// Edits the line: typing, deleting. The best match is selected.
    pub fn edit(&mut self, change: impl FnOnce(&mut Line) -> bool) -> PickerStep {
        if !change(&mut self.line) {
            return PickerStep::Still;
        }
        self.hurry = None;
        self.follow_line()
    }

    /// Takes what was pasted or dropped: a path takes the place of the line, anything else is typed.
    pub fn paste(&mut self, text: &str) -> PickerStep {
        match place::dropped(text) {
            Some(path) => self.edit(|line| {
                line.set(&path);
                true
            }),
            None => self.edit(|line| line.insert(text)),
        }
    }

    /// Completes the name in the line as far as it is certain; where nothing begins so, to the best match.
    pub fn complete(&mut self) -> PickerStep {
        if place::is_bare_folder(self.line.text()) {
            return self.edit(|line| line.insert("/"));
        }
        if self.waits.is_some() {
            self.hurry = Some(Hurry::Complete);
            return PickerStep::Still;
        }
        let Some(name) = self.name_typed().map(str::to_owned) else { return PickerStep::Still };
        let rows: Vec<Entry> = self.rows().cloned().collect();
        let whole = place::completed(&name, &rows).or_else(|| self.selection().map(place::word));
        let Some(whole) = whole else { return PickerStep::Still };
        let kept = self.line.text().len() - name.len();
        let line = format!("{}{whole}", self.line.text().get(..kept).unwrap_or_default());
        self.edit(|text| {
            text.set(&line);
            true
        })
    }

    /// A folder was read; gives the file that Enter chose meanwhile, or the folder that it leads to.
    pub fn listed(&mut self, folder: &Path, entries: io::Result<Vec<Entry>>) -> PickerStep {
        let Some((_, why)) = self.waits.take_if(|(wanted, _)| wanted == folder) else {
            return PickerStep::Still;
        };
        let hurry = self.hurry.take();
        match entries {
            Ok(entries) => self.show(folder, entries, why),
            Err(error) => {
                self.trouble = Some(Trouble {
                    path: liao_common::text::clean_line(&folder.display().to_string()),
                    kind: error.kind(),
                    reason: liao_common::text::clean_line(&error.to_string()),
                });
                self.narrow();
            }
        }
        match hurry {
            Some(Hurry::Choose) => self.choose(),
            Some(Hurry::Complete) => self.complete(),
            None => PickerStep::Still,
        }
    }

    fn wait(&mut self, folder: PathBuf, why: Why) -> PickerStep {
        self.waits = Some((folder.clone(), why));
        PickerStep::Read(folder)
    }

    /// The line may speak of another folder now.
    fn follow_line(&mut self) -> PickerStep {
        self.trouble = None;
        self.waits.take_if(|(_, why)| *why == Why::Typed);
        let (folder, _) = place::split(self.line.text(), &self.base);
        self.narrow();
        if folder == self.folder { PickerStep::Still } else { self.wait(folder, Why::Typed) }
    }

    fn show(&mut self, folder: &Path, mut entries: Vec<Entry>, why: Why) {
        entries.truncate(ENTRIES_MAX);
        entries.sort_by_cached_key(|entry| {
            (!entry.is_folder, entry.shown.to_lowercase(), entry.name.clone())
        });
        let left = self.folder.file_name().map(OsString::from);
        self.folder = folder.to_owned();
        self.entries = entries;
        self.trouble = None;
        self.loaded = true;
        if why != Why::Typed {
            self.base = folder.to_owned();
            self.line.clear();
        }
        self.narrow();
        if why == Why::Leave {
            let place = self.rows().position(|entry| Some(&entry.name) == left.as_ref());
            self.selected = place.unwrap_or_default();
        }
    }

    /// What is called exactly so comes first, then what begins so, then by fit.
    fn narrow(&mut self) {
        self.selected = 0;
        let Some(typed) = self.name_typed().map(str::to_owned) else {
            self.visible.clear();
            return;
        };
        // A dot typed first asks for hidden files.
        let hidden_too = self.shows_hidden || typed.starts_with('.');
        let offered =
            self.entries.iter().enumerate().filter(|(_, entry)| hidden_too || !entry.is_hidden());
        let mut ranked: Vec<usize> =
            fuzzy::rank(&typed, offered, |(_, entry)| &entry.shown, ENTRIES_MAX)
                .into_iter()
                .map(|((place, _), _)| place)
                .collect();
        if !typed.is_empty() {
            let shown = |place: &usize| self.entries.get(*place).map_or("", |entry| &entry.shown);
            ranked.sort_by_key(|place| (shown(place) != typed, !shown(place).starts_with(&typed)));
        }
        self.visible = ranked;
    }
}
