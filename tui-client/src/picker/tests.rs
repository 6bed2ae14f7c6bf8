//! Walking folders, typing names and paths, choosing.

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
                file("A.txt.old", 1),
            ],
        ),
        (PathBuf::from("/home/docs"), vec![file("x", 1)]),
    ]))
}

/// Reads what is wanted, until nothing more is.
fn read(picker: &mut Picker, mut step: PickerStep) -> PickerStep {
    while let PickerStep::Read(folder) = step {
        step = picker.listed(&folder, tree().list(&folder));
    }
    step
}

fn open(folder: &str) -> Picker {
    let mut picker = Picker::open(Path::new(folder));
    read(&mut picker, PickerStep::Read(folder.into()));
    picker
}

fn types(picker: &mut Picker, text: &str) {
    let step = picker.edit(|line| line.insert(text));
    read(picker, step);
}

fn names(picker: &Picker) -> Vec<&str> {
    picker.rows().map(|entry| entry.shown.as_str()).collect()
}

#[test]
fn folders_come_first_and_hidden_files_on_demand() {
    let mut picker = open("/home");
    assert_eq!(names(&picker), ["docs", "A.txt", "A.txt.old", "b.txt", "会议记录.md"]);
    picker.toggle_hidden();
    assert_eq!(names(&picker).len(), 6);
}

#[test]
fn a_name_narrows_and_selects_the_best() {
    let mut picker = open("/home");
    picker.select(3);
    types(&mut picker, "hyjl");
    assert_eq!((names(&picker), picker.selected()), (vec!["会议记录.md"], 0));
    picker.edit(Line::clear);
    types(&mut picker, ".pro");
    assert_eq!(names(&picker), [".profile"]);
    picker.edit(Line::clear);
    types(&mut picker, "A.txt");
    assert_eq!(names(&picker).first(), Some(&"A.txt"), "what is called so comes first");
    types(&mut picker, "zzz");
    assert_eq!(picker.choose(), PickerStep::Still);
}

#[test]
fn entering_leaving_and_choosing() {
    let mut picker = open("/home");
    let step = picker.choose();
    read(&mut picker, step);
    assert_eq!((picker.folder(), names(&picker)), (Path::new("/home/docs"), vec!["x"]));
    let step = picker.leave();
    read(&mut picker, step);
    assert_eq!(picker.selection().unwrap().shown, "docs");
    picker.select_by(1);
    assert_eq!(picker.choose(), PickerStep::Chosen("/home/A.txt".into()));
    let step = picker.leave();
    read(&mut picker, step);
    assert_eq!(picker.leave(), PickerStep::Still, "the root has no parent");
}

#[test]
fn a_typed_path_goes_there() {
    let mut picker = open("/home/docs");
    types(&mut picker, "/");
    assert_eq!((picker.folder(), names(&picker)), (Path::new("/"), vec!["home", "root"]));
    types(&mut picker, "home/A");
    assert_eq!(picker.folder(), Path::new("/home"));
    assert_eq!(picker.choose(), PickerStep::Chosen("/home/A.txt".into()));
    picker.edit(Line::clear);
    assert_eq!(picker.waits, Some(("/home/docs".into(), Why::Typed)), "back where it began");
    for path in ["/home/docs/../b.txt", "'/home/b.txt'", "file:///home/b.txt"] {
        let mut picker = open("/");
        let step = picker.paste(path);
        read(&mut picker, step);
        assert_eq!(picker.choose(), PickerStep::Chosen("/home/b.txt".into()), "{path}");
    }
}

#[test]
fn who_types_faster_than_the_disk_reads_gets_what_was_meant() {
    let mut picker = open("/");
    let step = picker.edit(|line| line.insert("/home/docs/x"));
    assert_eq!(picker.choose(), PickerStep::Still, "not before it was seen");
    assert_eq!(names(&picker), [""; 0], "nothing of another folder can be chosen");
    assert_eq!(read(&mut picker, step), PickerStep::Chosen("/home/docs/x".into()));
    assert_eq!(picker.listed(Path::new("/home"), Ok(Vec::new())), PickerStep::Still, "too late");
    assert_eq!(picker.folder(), Path::new("/home/docs"));
}

#[test]
fn tab_completes() {
    let mut picker = open("/");
    for (keys, line) in [("ho", "home/"), ("A", "home/A.txt"), (".o", "home/A.txt.old")] {
        types(&mut picker, keys);
        let step = picker.complete();
        read(&mut picker, step);
        assert_eq!(picker.line().text(), line);
    }
    picker.edit(Line::clear);
    for folder in ["~", ".."] {
        let mut picker = open("/home/docs");
        types(&mut picker, folder);
        picker.complete();
        assert_eq!(picker.line().text(), format!("{folder}/"), "names follow a slash");
    }
    types(&mut picker, "rt");
    picker.complete();
    assert_eq!(picker.line().text(), "root/", "the best match where nothing begins so");
}

#[test]
fn an_unreadable_folder_changes_nothing_but_says_why() {
    let mut picker = open("/");
    picker.select(1);
    let step = picker.choose();
    read(&mut picker, step);
    assert_eq!(picker.folder(), Path::new("/"));
    let trouble = picker.trouble().unwrap();
    assert_eq!((trouble.path.as_str(), trouble.reason.as_str()), ("/root", "not yours␛[2J"));
    let step = picker.choose();
    read(&mut picker, step);
    assert_eq!((picker.folder(), picker.trouble()), (Path::new("/home"), None));
    types(&mut picker, "/nowhere/b");
    assert_eq!(picker.trouble().unwrap().path, "/nowhere");
    assert_eq!(picker.choose(), PickerStep::Still);
    assert_eq!(names(&picker), [""; 0]);
}

#[test]
fn the_selection_stays_inside_and_in_view() {
    let mut picker = open("/home");
    picker.select_by(-1);
    assert_eq!(picker.selected(), 0);
    picker.select_by(99);
    assert_eq!((picker.selected(), picker.first_row(2), picker.first_row(10)), (4, 3, 0));
}

#[test]
fn the_disk_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("文件.txt"), "12345").unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    let mut picker = Picker::open(folder.path());
    picker.listed(folder.path(), Disk.list(folder.path()));
    assert_eq!(names(&picker), ["sub", "文件.txt"]);
    assert_eq!(picker.rows().nth(1).unwrap().bytes, 5);
    let gone = folder.path().join("gone");
    let mut picker = Picker::open(&gone);
    picker.listed(&gone, Disk.list(&gone));
    assert_eq!(picker.trouble().unwrap().kind, io::ErrorKind::NotFound);
}
