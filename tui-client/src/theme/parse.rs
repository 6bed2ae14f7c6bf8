//! Theme files: `background`, `[colors]`, `[names]` and `[styles]`. What is not understood is reported and left
//! out; a theme always comes out.

use std::collections::HashMap;
use std::str::FromStr;

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use super::{Background, NameColors, Theme, Vision};

/// Something in a theme file that was left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThemeProblem {
    /// Where: `styles.error`, or empty for the whole file.
    pub place: String,
    /// What was found there, or why the file could not be read.
    pub found: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ThemeFile {
    name: String,
    background: String,
    colors: HashMap<String, String>,
    names: NamesTable,
    styles: HashMap<String, String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NamesTable {
    palette: Vec<String>,
    saturation: Option<f64>,
    lightness: Option<f64>,
    vision: Option<String>,
}

pub(super) fn theme(source: &str) -> (Theme, Vec<ThemeProblem>) {
    let mut problems = Vec::new();
    let file: ThemeFile = toml::from_str(source).unwrap_or_else(|error| {
        problems.push(ThemeProblem { place: String::new(), found: error.message().to_owned() });
        ThemeFile::default()
    });
    let background = match file.background.as_str() {
        "light" => Background::Light,
        _ => Background::Dark,
    };
    // The defaults themselves must not ask for the defaults.
    let is_default = matches!(file.name.as_str(), "ansi-dark" | "ansi-light");
    let mut theme =
        if is_default { Theme::plain(background) } else { Theme::default_for(background) };
    theme.name.clone_from(&file.name);
    set_styles(&mut theme, &file, &mut problems);
    set_names(&mut theme, &file, &mut problems);
    problems.sort_by(|a, b| a.place.cmp(&b.place));
    (theme, problems)
}

fn set_styles(theme: &mut Theme, file: &ThemeFile, problems: &mut Vec<ThemeProblem>) {
    for (name, text) in &file.styles {
        let slot = theme.styles.by_name(name);
        match (slot, style(text, &file.colors)) {
            (Some(slot), Some(style)) => *slot = style,
            (None, _) => {
                problems.push(ThemeProblem { place: "styles".to_owned(), found: name.clone() })
            }
            (_, None) => {
                problems
                    .push(ThemeProblem { place: format!("styles.{name}"), found: text.clone() });
            }
        }
    }
}

fn set_names(theme: &mut Theme, file: &ThemeFile, problems: &mut Vec<ThemeProblem>) {
    let names = &file.names;
    if let Some(lightness) = names.lightness {
        let vision = match names.vision.as_deref() {
            Some("red-green") => Vision::RedGreen,
            Some("blue") => Vision::Blue,
            _ => Vision::Full,
        };
        let saturation = names.saturation.unwrap_or(100.0).clamp(0.0, 100.0);
        theme.names =
            NameColors::Hue { saturation, lightness: lightness.clamp(0.0, 100.0), vision };
    }
    if names.palette.is_empty() {
        return;
    }
    let mut palette = Vec::new();
    for text in &names.palette {
        match color(text, &file.colors) {
            Some(color) => palette.push(color),
            None => {
                problems
                    .push(ThemeProblem { place: "names.palette".to_owned(), found: text.clone() });
            }
        }
    }
    theme.names = NameColors::Palette(palette);
}

/// `bold red on #202020`: weights, a colour, and behind `on` the background.
pub(super) fn style(text: &str, colors: &HashMap<String, String>) -> Option<Style> {
    let mut style = Style::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        style = match word {
            "bold" => style.add_modifier(Modifier::BOLD),
            "dim" => style.add_modifier(Modifier::DIM),
            "italic" => style.add_modifier(Modifier::ITALIC),
            "underline" => style.add_modifier(Modifier::UNDERLINED),
            "reverse" => style.add_modifier(Modifier::REVERSED),
            "strike" => style.add_modifier(Modifier::CROSSED_OUT),
            "on" => style.bg(color(words.next()?, colors)?),
            _ => style.fg(color(word, colors)?),
        };
    }
    Some(style)
}

fn color(text: &str, colors: &HashMap<String, String>) -> Option<Color> {
    let text = colors.get(text).map_or(text, String::as_str);
    Color::from_str(text).ok()
}
