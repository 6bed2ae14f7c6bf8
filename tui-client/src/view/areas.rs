//! Where everything on the main screen stands, by the size of the window. Pure, so that update and drawing agree.

use ratatui::layout::Rect;

/// Fewest columns and rows that are worth drawing.
pub const COLUMNS_MIN: u16 = 40;
/// See [`COLUMNS_MIN`].
pub const ROWS_MIN: u16 = 10;
/// From this width on the list of people has a place of its own.
pub const COLUMNS_SIDEBAR: u16 = 100;
/// Below this width names stand above what was said.
pub const COLUMNS_NAMES: u16 = 60;
/// Rows the composer may grow to.
pub const COMPOSER_ROWS_MAX: u16 = 8;
/// Columns of the list of people.
const SIDEBAR_COLUMNS: u16 = 26;
/// Columns of text beyond which lines are tiring to read.
pub const TEXT_COLUMNS_MAX: u16 = 110;

/// Where everything stands. Areas may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Areas {
    /// The tab bar.
    pub tabs: Rect,
    /// The line under it.
    pub rule: Rect,
    /// Name and topic of the room.
    pub topic: Rect,
    /// Messages, or the inbox.
    pub timeline: Rect,
    /// Rows below them for a sentence that is too long for the last row.
    pub note: Rect,
    /// The line over the composer.
    pub composer_rule: Rect,
    /// The composer, its mark included.
    pub composer: Rect,
    /// The last row.
    pub status: Rect,
    /// The list of people, with its line at the left.
    pub sidebar: Option<Rect>,
    /// The list lies above the messages instead of beside them.
    pub sidebar_floats: bool,
}

impl Areas {
    /// Takes the rows for a long sentence from the messages, at most half of them: it covers none.
    #[must_use]
    pub fn with_note(mut self, rows: usize) -> Self {
        let all = self.timeline;
        let rows = u16::try_from(rows).unwrap_or(u16::MAX).min(all.height / 2);
        self.timeline.height = all.height - rows;
        self.note = Rect { y: all.bottom() - rows, height: rows, ..all };
        self
    }
}

/// Lays the main screen out. `composer_rows` 0 leaves it out.
#[must_use]
pub fn areas((columns, rows): (u16, u16), composer_rows: u16, sidebar: bool) -> Areas {
    let wide = columns >= COLUMNS_SIDEBAR;
    let side = if sidebar { SIDEBAR_COLUMNS.min(columns) } else { 0 };
    let main_columns = if wide { columns - side } else { columns };
    let tall = rows >= 16;
    let composer_rows = composer_rows
        .min(COMPOSER_ROWS_MAX)
        .min(rows.saturating_sub(7).max(1) * composer_rows.min(1));
    let at = |y: u16, width: u16, height: u16| Rect {
        x: 0,
        y: y.min(rows),
        width,
        height: height.min(rows.saturating_sub(y)),
    };
    let rule_rows = u16::from(tall);
    let top = 1 + rule_rows;
    let composer_y = rows.saturating_sub(1 + composer_rows);
    let composer_rule_y = composer_y.saturating_sub(u16::from(composer_rows > 0));
    let list_y = top + 1;
    let sidebar = (side > 0).then(|| Rect {
        x: columns - side,
        y: top,
        width: side,
        height: if wide {
            rows.saturating_sub(top + 1)
        } else {
            composer_rule_y.saturating_sub(top)
        },
    });
    Areas {
        tabs: at(0, columns, 1),
        rule: at(1, columns, rule_rows),
        topic: at(top, main_columns, 1),
        timeline: at(list_y, main_columns, composer_rule_y.saturating_sub(list_y)),
        note: Rect::default(),
        composer_rule: at(composer_rule_y, main_columns, u16::from(composer_rows > 0)),
        composer: at(composer_y, main_columns, composer_rows),
        status: at(rows.saturating_sub(1), columns, 1),
        sidebar,
        sidebar_floats: !wide,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_overlaps_and_everything_fits_at_every_size() {
        for columns in 1..=220 {
            for rows in 1..=70 {
                for composer in [0_u8, 1, 8, 30] {
                    let all = areas((columns, rows), composer.into(), true);
                    let window = Rect::new(0, 0, columns, rows);
                    let all = all.with_note(composer.into());
                    let parts = [
                        all.tabs,
                        all.rule,
                        all.topic,
                        all.timeline,
                        all.note,
                        all.composer_rule,
                        all.composer,
                        all.status,
                    ];
                    for part in parts {
                        assert_eq!(
                            part.intersection(window).area(),
                            part.area(),
                            "{columns}x{rows} {all:?}"
                        );
                    }
                    if columns < COLUMNS_MIN || rows < ROWS_MIN {
                        continue;
                    }
                    let used: u32 = parts.iter().map(|part| u32::from(part.height)).sum();
                    assert_eq!(used, u32::from(rows), "{columns}x{rows} {all:?}");
                    assert!(all.timeline.height >= 1, "{columns}x{rows} {all:?}");
                }
            }
        }
    }
}
