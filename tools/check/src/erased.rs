//! What was taken back must be gone from the journal's files, not only from what people read.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

use anyhow::{Result, bail};
use liao_check::history::{Draft, Fact, Record};

/// Shorter texts may be found inside of others.
const TEXT_BYTES_MIN: usize = 40;

/// A text that was taken back, and of which this is acknowledged, but stands in a segment of the journal.
pub(crate) fn left_over(history: &[Record], journal: &Path) -> Result<Option<String>> {
    let texts = taken_back(history);
    let mut segments = 0;
    for entry in fs::read_dir(journal)? {
        let path = entry?.path();
        if path.extension().is_none_or(|end| end != "log") {
            continue;
        }
        segments += 1;
        let bytes = fs::read(&path)?;
        // All texts begin with their number, so one look at each place does.
        let starts: HashMap<&[u8], &str> =
            texts.iter().map(|text| (&text.as_bytes()[..TEXT_BYTES_MIN], *text)).collect();
        for window in bytes.windows(TEXT_BYTES_MIN) {
            if let Some(text) = starts.get(window) {
                return Ok(Some((*text).to_owned()));
            }
        }
    }
    if segments == 0 {
        bail!("{} has no journal", journal.display());
    }
    Ok(None)
}

fn taken_back(history: &[Record]) -> HashSet<&str> {
    let mut drafts: HashMap<(&str, &str), &Draft> = HashMap::new();
    let (mut said, mut gone) = (Vec::new(), HashSet::new());
    for record in history {
        match &record.fact {
            Fact::Sent(draft) => drop(drafts.insert((&record.who, &draft.cid), draft)),
            Fact::Acked { cid, room, seq, .. } => {
                let Some(draft) = drafts.get(&(record.who.as_str(), cid.as_str())) else {
                    continue;
                };
                match (draft.kind.as_str(), draft.of) {
                    ("redact", Some(of)) => drop(gone.insert((*room, of))),
                    ("edit", Some(of)) => said.push(((*room, of), *draft)),
                    _ => said.push(((*room, *seq), *draft)),
                }
            }
            _ => {}
        }
    }
    let lost = said.into_iter().filter(|(place, _)| gone.contains(place));
    lost.filter_map(|(_, draft)| draft.text.as_deref())
        .filter(|text| text.len() >= TEXT_BYTES_MIN)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(fact: Fact) -> Record {
        Record { at: 0, who: "anna".to_owned(), fact }
    }

    fn post(cid: &str, kind: &str, text: &str, of: Option<u64>, seq: u64) -> [Record; 2] {
        let text = Some(text.to_owned()).filter(|text| !text.is_empty());
        let draft =
            Draft { cid: cid.to_owned(), room: 1, kind: kind.to_owned(), text, of, re: None };
        let cid = cid.to_owned();
        [told(Fact::Sent(draft)), told(Fact::Acked { cid, room: 1, seq, dup: false })]
    }

    #[test]
    fn words_that_were_taken_back_are_found_where_they_are_left() {
        let (kept, gone) = ("kept ".repeat(20), "gone ".repeat(20));
        let edit = "edit ".repeat(20);
        let history = [
            post("1", "text", &kept, None, 1),
            post("2", "text", &gone, None, 2),
            post("3", "edit", &edit, Some(2), 3),
            post("4", "redact", "", Some(2), 4),
        ]
        .concat();
        let folder = tempfile::tempdir().unwrap();
        assert!(left_over(&history, folder.path()).is_err(), "no journal, no proof");
        let write =
            |text: &str| fs::write(folder.path().join("1.log"), format!("x{text}y")).unwrap();
        write(&kept);
        assert_eq!(left_over(&history, folder.path()).unwrap(), None);
        for text in [gone, edit] {
            write(&text);
            assert_eq!(left_over(&history, folder.path()).unwrap(), Some(text));
        }
    }
}
