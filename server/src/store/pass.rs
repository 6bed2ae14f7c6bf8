//! One pass over the index: many rows, each once, in the order of their keys, and then the mark.
//! Must hold: the mark moves only behind the last row. A stop at any row leaves rows that are newer than the
//! mark, and the replay makes them right: it projects again all from the mark to behind the newest of them,
//! and of each byte of a row only what was written to it last counts.

use super::overlay::Rows;
use crate::index::{Index, IndexError, Mark, Row};

/// Rows between two looks at whether to go on: for less than a millisecond nobody else has this processor.
pub(super) const SLICE_ROWS: usize = 64;

/// Brings `rows` into the index, whose mark is `from`; it is `to` when this is done. `go_on` is asked now and
/// then, and may take its time. Gives false when it ended the pass.
pub(super) fn bring(
    index: &dyn Index,
    rows: &Rows,
    (from, to): (Mark, Mark),
    go_on: &dyn Fn() -> bool,
) -> Result<bool, IndexError> {
    // Should the journal lose what these rows come from, the next start must see it.
    index.set_mark(Mark { reach: to.reach, ..from })?;
    let mut slice: Vec<Row<'_>> = Vec::with_capacity(SLICE_ROWS.min(rows.len()));
    for (key, value) in rows {
        slice.push((key, value.as_deref()));
        if slice.len() == SLICE_ROWS {
            if !go_on() {
                return Ok(false);
            }
            index.apply(&slice)?;
            slice.clear();
        }
    }
    index.apply(&slice)?;
    index.set_mark(to)?;
    Ok(true)
}
