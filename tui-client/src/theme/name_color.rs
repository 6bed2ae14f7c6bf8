//! The colour of a name after XEP-0392: SHA-1 of the name gives a hue, so that everybody sees a person in the
//! same hue, in any client that does the same. Pure.

use ratatui::style::Color;

use super::hsluv;

/// Sight that a theme takes care of by leaving out hues that would be mistaken for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Vision {
    /// All hues.
    #[default]
    Full,
    /// Red and green look alike: only hues on one side of that axis are used.
    RedGreen,
    /// Blue and yellow look alike.
    Blue,
}

/// How a theme colours names.
#[derive(Clone, Debug, PartialEq)]
pub enum NameColors {
    /// Not at all.
    None,
    /// The nearest of a few colours that stand in the order of their hues, evenly spread from hue 0.
    Palette(Vec<Color>),
    /// A colour of this saturation and lightness (0 to 100 each).
    Hue {
        /// HSLuv saturation.
        saturation: f64,
        /// HSLuv lightness.
        lightness: f64,
        /// Hues left out.
        vision: Vision,
    },
}

impl NameColors {
    /// The colour for a name.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<Color> {
        match self {
            Self::None => None,
            Self::Palette(colors) => {
                let slot = usize::from(angle(name)) * colors.len() / (usize::from(u16::MAX) + 1);
                colors.get(slot).copied()
            }
            Self::Hue { saturation, lightness, vision } => {
                let hue = seen_hue(hue_degrees(name), *vision);
                let [r, g, b] = hsluv::to_rgb(hue, *saturation, *lightness).map(channel);
                Some(Color::Rgb(r, g, b))
            }
        }
    }
}

/// The first 16 bits of the hash, least significant byte first, are the angle in 65536ths of a turn.
fn angle(name: &str) -> u16 {
    let [low, high, ..] = sha1_smol::Sha1::from(name).digest().bytes();
    u16::from_le_bytes([low, high])
}

pub(super) fn hue_degrees(name: &str) -> f64 {
    f64::from(angle(name)) / 65536.0 * 360.0
}

pub(super) fn seen_hue(hue: f64, vision: Vision) -> f64 {
    match vision {
        Vision::Full => hue,
        Vision::RedGreen => ((hue + 90.0) % 180.0 - 90.0).rem_euclid(360.0),
        Vision::Blue => hue % 180.0,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to 0..=255 before"
)]
fn channel(part: f64) -> u8 {
    (part * 255.0).round().clamp(0.0, 255.0) as u8
}
