//! Walking folders, filtering and choosing.

use std::collections::HashMap;

use super::*;

struct Tree(HashMap<PathBuf, Vec<Entry>>);

impl Directory for Tree {
    fn list(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        let missing = || io::Error::new(io::ErrorKind::PermissionDenied, "not yours\u{1b}[2J");
        self.0.get(folder).cloned().ok_or_else(missing)
    }
}

fn tree() -> Tree {
    let file = |name: &str, bytes| Entry::new(name, false, bytes);
    let folder = |name: &str| Entry::new(name, true, 0);
    Tree(HashMap::from([
        (PathBuf::from("/"), vec![folder("home"), folder("root")]),
        (
            PathBuf::from("/home"),
            vec![
                file("b.txt", 2),
                folder("docs"),
                file(".profile", 9),
                file("会议记录.md", 5),
                file("A.txt", 1),
            ],
        ),
        (PathBuf::from("/home/docs"), vec![]),
    ]))
}

fn names(picker: &Picker) -> Vec<&str> {
    picker.rows().map(|entry| entry.shown.as_str()).collect()
}

#[test]
fn folders_come_first_and_hidden_files_on_demand() {
    let mut picker = Picker::open(&tree(), Path::new("/home"));
    assert_eq!(names(&picker), ["docs", "A.txt", "b.txt", "会议记录.md"]);
    assert!(picker.holds_back());
    picker.toggle_hidden();
    assert_eq!(names(&picker), ["docs", ".profile", "A.txt", "b.txt", "会议记录.md"]);
}

#[test]
fn the_filter_narrows_and_selects_the_best() {
    let mut picker = Picker::open(&tree(), Path::new("/home"));
    picker.select(3);
    picker.edit_filter(|line| line.insert("hyjl"));
    assert_eq!((names(&picker), picker.selected()), (vec!["会议记录.md"], 0));
    picker.edit_filter(Line::clear);
    picker.edit_filter(|line| line.insert(".pro"));
    assert_eq!(names(&picker), [".profile"]);
    picker.edit_filter(|line| line.insert("zzz"));
    assert_eq!(picker.enter(&tree()), PickerStep::Still);
}

#[test]
fn entering_leaving_and_choosing() {
    let tree = tree();
    let mut picker = Picker::open(&tree, Path::new("/home"));
    assert_eq!(picker.enter(&tree), PickerStep::Changed);
    assert_eq!((picker.folder(), names(&picker).len()), (Path::new("/home/docs"), 0));
    picker.leave(&tree);
    assert_eq!(picker.selection().unwrap().shown, "docs");
    picker.select_by(1);
    assert_eq!(picker.enter(&tree), PickerStep::Chosen(PathBuf::from("/home/A.txt")));
    picker.leave(&tree);
    assert_eq!(picker.leave(&tree), PickerStep::Still, "the root has no parent");
}

#[test]
fn an_unreadable_folder_changes_nothing_but_says_why() {
    let tree = tree();
    let mut picker = Picker::open(&tree, Path::new("/"));
    picker.select(1);
    picker.enter(&tree);
    assert_eq!((picker.folder(), picker.selected()), (Path::new("/"), 1));
    assert_eq!(picker.trouble(), Some("not yours␛[2J"));
    picker.select(0);
    picker.enter(&tree);
    assert_eq!((picker.folder(), picker.trouble()), (Path::new("/home"), None));
}

#[test]
fn the_selection_stays_inside_and_in_view() {
    let mut picker = Picker::open(&tree(), Path::new("/home"));
    assert_eq!(picker.select_by(-1), PickerStep::Still);
    picker.select_by(99);
    assert_eq!((picker.selected(), picker.first_row(2), picker.first_row(10)), (3, 2, 0));
    assert_eq!(picker.reload(&tree()), PickerStep::Changed);
    assert_eq!(picker.selection().unwrap().shown, "会议记录.md");
}

#[test]
fn the_disk_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("文件.txt"), "12345").unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    let picker = Picker::open(&Disk, folder.path());
    assert_eq!(names(&picker), ["sub", "文件.txt"]);
    assert_eq!(picker.rows().nth(1).unwrap().bytes, 5);
    assert!(Picker::open(&Disk, &folder.path().join("gone")).trouble().is_some());
}
