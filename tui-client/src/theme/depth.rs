//! How many colours a terminal has, and the nearest that it can show of each colour. Pure.

use ratatui::style::{Color, Modifier, Style};

use super::{NameColors, Theme};

/// How many colours a terminal has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// None, or the person wants none.
    None,
    /// The eight of old; bright ones are made with weight.
    Eight,
    /// 256 by number.
    Indexed,
    /// All.
    #[default]
    All,
}

impl Depth {
    /// Reads `TERM` and `COLORTERM`; both may be empty.
    #[must_use]
    pub fn of(term: &str, colorterm: &str) -> Self {
        if term == "dumb" {
            Self::None
        } else if matches!(colorterm, "truecolor" | "24bit") || term.contains("direct") {
            Self::All
        } else if matches!(term, "xterm" | "xterm-color" | "linux" | "ansi" | "screen" | "tmux")
            || term.starts_with("vt")
        {
            Self::Eight
        } else {
            Self::Indexed
        }
    }

    /// The nearest colour that can be shown.
    #[must_use]
    pub fn fit(self, color: Color) -> Color {
        match (self, color) {
            (Self::Indexed, Color::Rgb(r, g, b)) => Color::Indexed(nearest(r, g, b)),
            (Self::Eight, color) => bright(color).map_or(color, |(color, _)| color),
            _ => color,
        }
    }
}

impl Theme {
    /// The theme as a terminal of so many colours can show it.
    #[must_use]
    pub fn fit(self, depth: Depth) -> Self {
        let mut theme = match depth {
            Depth::None => self.without_colors(),
            // Shades that were chosen with care are no longer themselves among eight colours.
            Depth::Eight if self.has_shades() => Self::default_for(self.background),
            _ => self,
        };
        theme.depth = depth;
        theme.styles.each(|style| *style = fitted(*style, depth));
        theme
    }

    fn has_shades(&self) -> bool {
        let is_shade = |color: Option<Color>| matches!(color, Some(Color::Rgb(..)));
        is_shade(self.styles.text.fg) || matches!(self.names, NameColors::Hue { .. })
    }
}

fn fitted(style: Style, depth: Depth) -> Style {
    let weight = style.fg.filter(|_| depth == Depth::Eight).and_then(bright);
    let fit = |color: Option<Color>| color.map(|color| depth.fit(color));
    let fitted = Style { fg: fit(style.fg), bg: fit(style.bg), ..style };
    weight.map_or(fitted, |(_, weight)| fitted.add_modifier(weight))
}

/// What stands for a bright colour where there are only eight: the plain one, and with what weight.
const fn bright(color: Color) -> Option<(Color, Modifier)> {
    Some(match color {
        Color::LightRed => (Color::Red, Modifier::BOLD),
        Color::LightGreen => (Color::Green, Modifier::BOLD),
        Color::LightYellow => (Color::Yellow, Modifier::BOLD),
        Color::LightBlue => (Color::Blue, Modifier::BOLD),
        Color::LightMagenta => (Color::Magenta, Modifier::BOLD),
        Color::LightCyan => (Color::Cyan, Modifier::BOLD),
        Color::White => (Color::Reset, Modifier::BOLD),
        // A dark gray would be black.
        Color::DarkGray => (Color::Reset, Modifier::DIM),
        _ => return None,
    })
}

/// The nearest of the 6x6x6 cube and of the 24 grays.
fn nearest(r: u8, g: u8, b: u8) -> u8 {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let far = |a: [u8; 3]| -> u32 {
        a.iter().zip([r, g, b]).map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    let mut best = (u32::MAX, 0);
    for index in 16..=255_u8 {
        let shade = if index < 232 {
            let at = usize::from(index - 16);
            [STEPS[at / 36], STEPS[at / 6 % 6], STEPS[at % 6]]
        } else {
            [8 + (index - 232) * 10; 3]
        };
        let distance = far(shade);
        if distance < best.0 {
            best = (distance, index);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_say_how_many_colours_they_have() {
        for (term, colorterm, want) in [
            ("dumb", "truecolor", Depth::None),
            ("xterm", "", Depth::Eight),
            ("linux", "", Depth::Eight),
            ("vt220", "", Depth::Eight),
            ("xterm", "truecolor", Depth::All),
            ("xterm-direct", "", Depth::All),
            ("xterm-256color", "", Depth::Indexed),
            ("tmux-256color", "", Depth::Indexed),
            ("xterm-kitty", "truecolor", Depth::All),
            ("", "", Depth::Indexed),
        ] {
            assert_eq!(Depth::of(term, colorterm), want, "{term} {colorterm}");
        }
    }

    #[test]
    fn each_colour_becomes_the_nearest_that_there_is() {
        let indexed = |r, g, b| Depth::Indexed.fit(Color::Rgb(r, g, b));
        assert_eq!(indexed(0, 0, 0), Color::Indexed(16));
        assert_eq!(indexed(255, 255, 255), Color::Indexed(231));
        assert_eq!(indexed(250, 100, 0), Color::Indexed(202));
        assert_eq!(indexed(40, 41, 42), Color::Indexed(235));
        assert_eq!(Depth::All.fit(Color::Rgb(1, 2, 3)), Color::Rgb(1, 2, 3));
        assert_eq!(Depth::Eight.fit(Color::LightRed), Color::Red);
    }

    #[test]
    fn eight_colours_are_enough_for_every_theme() {
        for name in Theme::shipped() {
            let mut theme = Theme::named(name).unwrap().fit(Depth::Eight);
            assert_eq!(theme.depth, Depth::Eight);
            theme.styles.each(|style| {
                for color in [style.fg, style.bg].into_iter().flatten() {
                    assert_eq!(Depth::Eight.fit(color), color, "{name}");
                    assert!(!matches!(color, Color::Rgb(..) | Color::Indexed(_)), "{name}");
                }
            });
            let person = theme.name_style("alice").fg.unwrap();
            assert!(!matches!(person, Color::Rgb(..) | Color::LightRed), "{name}: {person:?}");
            assert!(theme.styles.error.fg.is_some(), "{name}");
        }
        let dark = Theme::default().fit(Depth::Eight);
        assert!(dark.styles.failed.add_modifier.contains(Modifier::BOLD));
    }

    #[test]
    fn no_shade_is_left_where_there_are_256_colours() {
        let mut theme = Theme::named("ink").unwrap().fit(Depth::Indexed);
        theme.styles.each(|style| {
            assert!(
                ![style.fg, style.bg].iter().any(|color| matches!(color, Some(Color::Rgb(..))))
            );
        });
        assert!(matches!(theme.name_style("alice").fg, Some(Color::Indexed(_))));
    }
}
