//! Names that strangers give to files. Whatever they are, what is written lies in the folder it was
//! meant for, in the open, under a name that a file may have.

use std::path::{Component, Path};

use liao_client_core::transfer::file_name::{numbered, safe_name};

use crate::{pieces::first, sanitiser::assert_tame};

/// What file systems take.
const NAME_BYTES_MAX: usize = 255;

/// See the module.
pub(crate) fn run(input: &[u8]) {
    let (count, rest) = first(input);
    let foreign = String::from_utf8_lossy(rest);
    let name = safe_name(&foreign);
    assert_eq!(safe_name(&name), name, "made safe twice, {foreign:?} is another name");
    // The highest has as many digits as there can be.
    for n in [0, 1, u32::from(count), u32::MAX] {
        assert_inside(&numbered(&name, n), &foreign);
    }
}

fn assert_inside(name: &str, foreign: &str) {
    assert!(!name.is_empty() && name.len() <= NAME_BYTES_MAX, "{foreign:?} became {name:?}");
    assert!(!name.contains(['/', '\\', '\0', '\n']), "{foreign:?} became {name:?}");
    assert!(!name.starts_with(['.', '-', '~', ' ']), "{foreign:?} became {name:?}");
    assert_tame(name);
    let folder = Path::new("/downloads");
    let path = folder.join(name);
    assert_eq!(path.parent(), Some(folder), "{foreign:?} leaves the folder as {name:?}");
    let last = path.components().next_back();
    assert!(matches!(last, Some(Component::Normal(_))), "{foreign:?} became {name:?}");
}
