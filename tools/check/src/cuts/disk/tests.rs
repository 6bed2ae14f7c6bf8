//! What a cut may leave, and what it may not.

use super::*;

const ALL: Cut = Cut { content: Kept::All, names: Kept::All };
const NOTHING: Cut = Cut { content: Kept::Nothing, names: Kept::Nothing };
const SOME: Cut = Cut { content: Kept::Some, names: Kept::Some };

/// Below `/r`: a folder `d` with a synced file `f` of ten sectors.
fn disk() -> Disk {
    let mut disk =
        Disk { root: "/r".to_owned(), nodes: vec![folder()], by_inode: HashMap::new(), pairs: 0 };
    disk.by_inode.insert(1, ROOT);
    let calls = [
        Call::Mkdir { path: "/r/d".to_owned(), inode: 2 },
        Call::Create { path: "/r/d/f".to_owned(), inode: 3 },
        write(0, 1, 10),
        Call::Sync { inode: 3 },
        Call::Sync { inode: 2 },
        Call::Sync { inode: 1 },
    ];
    calls.iter().for_each(|call| disk.apply(call).unwrap());
    disk
}

/// Sectors full of one byte.
fn write(sector: usize, byte: u8, sectors: usize) -> Call {
    let bytes = vec![byte; sectors * SECTOR_BYTES];
    Call::Write { inode: 3, at: sector * SECTOR_BYTES, bytes }
}

fn content(image: &Image) -> &[u8] {
    image["d/f"].as_deref().unwrap()
}

fn cuts(disk: &Disk, cut: Cut) -> Vec<Image> {
    (0..200).map(|seed| disk.cut(cut, &mut Dice::numbered(seed, 0))).collect()
}

#[test]
fn what_was_synced_is_there_and_what_was_not_may_be() {
    let mut disk = disk();
    disk.apply(&write(4, 2, 8)).unwrap();
    let old = vec![1; 10 * SECTOR_BYTES];
    assert_eq!(content(&disk.cut(NOTHING, &mut Dice::numbered(1, 0))), old);
    let new = [vec![1; 4 * SECTOR_BYTES], vec![2; 8 * SECTOR_BYTES]].concat();
    assert_eq!(content(&disk.cut(ALL, &mut Dice::numbered(1, 0))), new);
    assert_eq!(content(&disk.live()), new);
    let torn = cuts(&disk, SOME);
    for image in &torn {
        let found = content(image);
        assert_eq!(found[..4 * SECTOR_BYTES], old[..4 * SECTOR_BYTES], "the rest was synced");
        for sector in found.chunks(SECTOR_BYTES) {
            assert!(sector.iter().all(|byte| *byte == sector[0]), "no sector is torn");
        }
    }
    let mixed = |image: &&Image| {
        content(image).contains(&1) && content(image)[4 * SECTOR_BYTES..].contains(&2)
    };
    assert!(torn.iter().filter(mixed).count() > 20, "many are torn between sectors");
    assert!(torn.iter().any(|image| content(image).contains(&0)), "longer, but never written");
    disk.apply(&Call::Sync { inode: 3 }).unwrap();
    assert!(cuts(&disk, SOME).iter().all(|image| content(image) == new));
}

#[test]
fn names_need_their_folder_synced() {
    let mut disk = disk();
    disk.apply(&Call::Create { path: "/r/d/g".to_owned(), inode: 4 }).unwrap();
    disk.apply(&Call::Rename { from: "/r/d/f".to_owned(), to: "/r/d/h".to_owned() }).unwrap();
    let names = |image: &Image| image.keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(names(&disk.cut(NOTHING, &mut Dice::numbered(1, 0))), "d d/f");
    let mut found: Vec<String> = cuts(&disk, SOME).iter().map(names).collect();
    found.sort();
    found.dedup();
    assert_eq!(found, ["d d/f", "d d/f d/g", "d d/g d/h"]);
    disk.apply(&Call::Sync { inode: 2 }).unwrap();
    assert_eq!(names(&disk.cut(NOTHING, &mut Dice::numbered(1, 0))), "d d/g d/h");
    disk.apply(&Call::Unlink { path: "/r/d/g".to_owned() }).unwrap();
    assert_eq!(names(&disk.cut(NOTHING, &mut Dice::numbered(1, 0))), "d d/g d/h");
    assert_eq!(names(&disk.live()), "d d/h");
}

#[test]
fn a_file_that_moves_between_folders_is_in_one_of_them_or_in_both() {
    let mut disk = disk();
    disk.apply(&Call::Mkdir { path: "/r/e".to_owned(), inode: 5 }).unwrap();
    disk.apply(&Call::Sync { inode: 1 }).unwrap();
    disk.apply(&Call::Rename { from: "/r/d/f".to_owned(), to: "/r/e/f".to_owned() }).unwrap();
    let mut seen = HashSet::new();
    for image in cuts(&disk, SOME) {
        let places = (image.contains_key("d/f"), image.contains_key("e/f"));
        assert_ne!(places, (false, false));
        seen.insert(places);
    }
    assert_eq!(seen.len(), 3, "{seen:?}");
}

#[test]
fn a_length_is_unsafe_too() {
    let mut disk = disk();
    disk.apply(&Call::SetLen { inode: 3, len: 100 }).unwrap();
    assert_eq!(content(&disk.live()).len(), 100);
    assert_eq!(content(&disk.cut(NOTHING, &mut Dice::numbered(1, 0))).len(), 10 * SECTOR_BYTES);
    let lens: HashSet<usize> = cuts(&disk, SOME).iter().map(|image| content(image).len()).collect();
    assert_eq!(lens, HashSet::from([100, 10 * SECTOR_BYTES]));
}

#[test]
fn a_record_is_read_back_and_one_that_ends_early_is_refused() {
    let head = |op: u8, inode: u64, place: u64, a: u32, b: u32| {
        let mut head = vec![op];
        head.extend(inode.to_le_bytes());
        head.extend(place.to_le_bytes());
        head.extend(a.to_le_bytes());
        head.extend(b.to_le_bytes());
        head
    };
    let bytes =
        [head(5, 3, 7, 2, 0), b"ab".to_vec(), head(3, 0, 0, 1, 2), b"xyz".to_vec()].concat();
    let calls = super::super::trace::parse(&bytes).unwrap();
    assert_eq!(calls[0].call, Call::Write { inode: 3, at: 7, bytes: b"ab".to_vec() });
    assert_eq!(calls[1].call, Call::Rename { from: "x".to_owned(), to: "yz".to_owned() });
    assert_eq!((calls[0].end, calls[1].end), (27, 55));
    assert!(super::super::trace::parse(&bytes[..bytes.len() - 1]).is_err());
    assert!(super::super::trace::parse(&head(9, 0, 0, 0, 0)).is_err());
}
