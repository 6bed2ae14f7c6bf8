//! A list of which one row is chosen and some are visible. Pure; knows how many rows there are, not what they say.

/// Which row is chosen, and which is the first one shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListView {
    chosen: usize,
    first: usize,
}

impl ListView {
    /// The chosen row of a list of `len` rows; none when it is empty.
    #[must_use]
    pub fn chosen(&self, len: usize) -> Option<usize> {
        len.checked_sub(1).map(|last| self.chosen.min(last))
    }

    /// Chooses a row.
    pub const fn choose(&mut self, row: usize) {
        self.chosen = row;
    }

    /// Moves the choice by rows, stopping at both ends.
    pub fn step(&mut self, len: usize, by: isize) {
        let last = len.saturating_sub(1);
        self.chosen = self.chosen.min(last).saturating_add_signed(by).min(last);
    }

    /// Moves the choice by rows, going round at both ends.
    pub fn turn(&mut self, len: usize, by: isize) {
        let next = self.chosen.checked_add_signed(by);
        self.chosen = match next {
            Some(row) if row < len => row,
            Some(_) => 0,
            None => len.saturating_sub(1),
        };
    }

    /// The rows to show in a window of `height` rows, with the chosen one among them.
    pub fn window(&mut self, len: usize, height: usize) -> std::ops::Range<usize> {
        let height = height.max(1);
        let chosen = self.chosen(len).unwrap_or(0);
        if chosen < self.first {
            self.first = chosen;
        } else if chosen >= self.first + height {
            self.first = chosen + 1 - height;
        }
        self.first = self.first.min(len.saturating_sub(height));
        self.first..len.min(self.first + height)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_choice_stays_inside_and_visible() {
        let mut list = ListView::default();
        assert_eq!(list.chosen(0), None);
        list.step(10, 25);
        assert_eq!((list.chosen(10), list.window(10, 4)), (Some(9), 6..10));
        list.step(10, -2);
        assert_eq!(list.window(10, 4), 6..10, "the window does not move without need");
        list.step(10, -3);
        assert_eq!(list.window(10, 4), 4..8);
        assert_eq!(list.window(2, 4), 0..2, "the list became shorter");
        list.choose(0);
        list.turn(3, -1);
        assert_eq!(list.chosen(3), Some(2));
        list.turn(3, 1);
        assert_eq!(list.chosen(3), Some(0));
    }
}
