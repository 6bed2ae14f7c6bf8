//! Pictures with their colours, for people who look at them: `LIAO_COLOURS=DIR` writes each as a file for `cat`.

use std::{fmt::Write as _, fs, path::PathBuf};

use ratatui::{
    buffer::{Buffer, Cell},
    style::{Color, Modifier},
};

use crate::text::width::cluster_columns;

/// Writes the picture when it is asked for.
pub(super) fn keep(name: &str, buffer: &Buffer) {
    let Some(folder) = std::env::var_os("LIAO_COLOURS") else { return };
    fs::create_dir_all(&folder).unwrap();
    fs::write(PathBuf::from(folder).join(format!("{name}.ansi")), ansi(buffer)).unwrap();
}

fn ansi(buffer: &Buffer) -> String {
    let mut out = String::new();
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let cell = &buffer[(x, y)];
            write!(out, "\x1b[0{}m{}", codes(cell), cell.symbol()).unwrap();
            x += u16::try_from(cluster_columns(cell.symbol()).max(1)).unwrap();
        }
        out.push_str("\x1b[0m\n");
    }
    out
}

fn codes(cell: &Cell) -> String {
    let mut out = String::new();
    for (modifier, code) in [
        (Modifier::BOLD, 1),
        (Modifier::DIM, 2),
        (Modifier::ITALIC, 3),
        (Modifier::UNDERLINED, 4),
        (Modifier::REVERSED, 7),
    ] {
        if cell.modifier.contains(modifier) {
            write!(out, ";{code}").unwrap();
        }
    }
    out + &color(cell.fg, 30) + &color(cell.bg, 40)
}

fn color(color: Color, base: u8) -> String {
    match color {
        Color::Reset => String::new(),
        Color::Rgb(r, g, b) => format!(";{};2;{r};{g};{b}", base + 8),
        Color::Indexed(index) => format!(";{};5;{index}", base + 8),
        named => {
            let dark = [
                Color::Black,
                Color::Red,
                Color::Green,
                Color::Yellow,
                Color::Blue,
                Color::Magenta,
                Color::Cyan,
                Color::Gray,
            ];
            let light = [
                Color::DarkGray,
                Color::LightRed,
                Color::LightGreen,
                Color::LightYellow,
                Color::LightBlue,
                Color::LightMagenta,
                Color::LightCyan,
                Color::White,
            ];
            let place = |set: &[Color]| set.iter().position(|one| *one == named);
            let code = place(&dark).or_else(|| place(&light).map(|at| at + 60)).unwrap_or(9);
            format!(";{}", usize::from(base) + code)
        }
    }
}
