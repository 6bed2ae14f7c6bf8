//! Every theme that ships is whole and readable, and names have the colours that the standard gives them.

use std::collections::HashMap;

use super::*;

#[test]
fn every_shipped_theme_is_whole() {
    assert!(SHIPPED.len() >= 6);
    for (name, source) in SHIPPED {
        let (theme, problems) = Theme::parse(source);
        assert_eq!(problems, [], "{name}");
        assert_eq!(theme.name, *name);
        let table: toml::Table = source.parse().unwrap();
        let set = table["styles"].as_table().unwrap();
        let missing: Vec<_> =
            Styles::NAMES.iter().filter(|style| !set.contains_key(**style)).collect();
        assert!(missing.is_empty(), "{name} does not set {missing:?}");
    }
}

/// Relative luminance after WCAG 2.
fn luminance(color: Color) -> Option<f64> {
    let Color::Rgb(r, g, b) = color else { return None };
    let [r, g, b] = [r, g, b].map(|channel| {
        let part = f64::from(channel) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    Some(0.2126 * r + 0.7152 * g + 0.0722 * b)
}

fn contrast(a: Color, b: Color) -> Option<f64> {
    let (a, b) = (luminance(a)?, luminance(b)?);
    Some((a.max(b) + 0.05) / (a.min(b) + 0.05))
}

#[test]
fn true_colour_themes_can_be_read() {
    for (name, _) in SHIPPED {
        let theme = Theme::named(name).unwrap();
        let ground = theme.styles.text.bg;
        let Some(ground @ Color::Rgb(..)) = ground else { continue };
        let least = if *name == "high-contrast" { 7.0 } else { 4.5 };
        let mut styles = theme.styles.clone();
        for style in Styles::NAMES {
            // Lines and rests of bars carry no text.
            let is_line =
                matches!(*style, "border" | "bar_rest" | "code_frame" | "popup_border" | "scroll");
            let look = *styles.by_name(style).unwrap();
            let (fg, bg) =
                (look.fg.unwrap_or(theme.styles.text.fg.unwrap()), look.bg.unwrap_or(ground));
            let ratio = contrast(fg, bg).unwrap();
            let least = if is_line { 1.3 } else { least };
            assert!(ratio >= least, "{name}.{style}: {ratio:.2}");
        }
        for person in ["alice", "bob", "张三", "carol", "老王", "dave", "erin", "frank"] {
            let ratio = contrast(theme.names.of(person).unwrap(), ground).unwrap();
            assert!(ratio >= least.min(4.5), "{name}: {person} {ratio:.2}");
        }
    }
}

#[test]
fn names_have_the_standard_hue_and_colour() {
    let at = |name: &str| {
        NameColors::Hue { saturation: 100.0, lightness: 50.0, vision: Vision::Full }.of(name)
    };
    for (name, hue, rgb) in [
        ("Romeo", 327.255_249, [0.865, 0.000, 0.686]),
        ("juliet@capulet.lit", 209.410_400, [0.000, 0.515, 0.573]),
        ("😺", 331.199_341, [0.872, 0.000, 0.659]),
        ("council", 359.994_507, [0.918, 0.000, 0.394]),
        ("Board", 171.430_664, [0.000, 0.527, 0.457]),
    ] {
        assert!((name_color::hue_degrees(name) - hue).abs() < 1e-5, "{name}");
        let Some(Color::Rgb(r, g, b)) = at(name) else { panic!("{name} has no colour") };
        for (found, expected) in [r, g, b].into_iter().zip(rgb) {
            assert!(
                (f64::from(found) / 255.0 - expected).abs() < 0.004,
                "{name}: {found} for {expected}"
            );
        }
    }
}

#[test]
fn vision_keeps_to_its_half_of_the_hues() {
    for (hue, red_green, blue) in
        [(10.0, 10.0, 10.0), (100.0, 280.0, 100.0), (200.0, 20.0, 20.0), (300.0, 300.0, 120.0)]
    {
        assert_eq!(name_color::seen_hue(hue, Vision::RedGreen), red_green);
        assert_eq!(name_color::seen_hue(hue, Vision::Blue), blue);
        assert_eq!(name_color::seen_hue(hue, Vision::Full), hue);
    }
}

#[test]
fn palettes_share_names_out() {
    let palette = NameColors::Palette(vec![Color::Red, Color::Green, Color::Blue]);
    let count = |color| (0..300).filter(|n| palette.of(&n.to_string()) == Some(color)).count();
    for color in [Color::Red, Color::Green, Color::Blue] {
        assert!(count(color) > 60, "{color:?}");
    }
    assert_eq!(NameColors::Palette(Vec::new()).of("x"), None);
}

#[test]
fn styles_are_read_from_words() {
    let colors = HashMap::from([("ground".to_owned(), "#102030".to_owned())]);
    for (text, expected) in [
        ("", Some(Style::new())),
        ("bold red", Some(Style::new().fg(Color::Red).add_modifier(Modifier::BOLD))),
        (
            "light-blue on ground",
            Some(Style::new().fg(Color::LightBlue).bg(Color::Rgb(16, 32, 48))),
        ),
        ("reset on reset", Some(Style::new().fg(Color::Reset).bg(Color::Reset))),
        ("on", None),
        ("purpel", None),
    ] {
        assert_eq!(parse::style(text, &colors), expected, "{text:?}");
    }
}

#[test]
fn a_broken_theme_says_where_and_keeps_the_rest() {
    let source = "name = 'mine'\n[styles]\nerror = 'purpel'\nnonsense = 'red'\nlink = 'bold'";
    let (theme, problems) = Theme::parse(source);
    let places: Vec<&str> = problems.iter().map(|problem| problem.place.as_str()).collect();
    assert_eq!(places, ["styles", "styles.error"]);
    assert_eq!(theme.styles.link, Style::new().add_modifier(Modifier::BOLD));
    assert_eq!(theme.styles.error, Theme::default().styles.error);
    assert_eq!(Theme::parse("= broken").1.len(), 1);
}

#[test]
fn without_colours_the_selection_still_shows() {
    let mut theme = Theme::monochrome();
    assert!(theme.styles.selected.add_modifier.contains(Modifier::REVERSED));
    theme.styles.each(|style| assert_eq!((style.fg, style.bg), (None, None)));
    assert_eq!(theme.name_style("alice").fg, None);
    let ink = Theme::named("ink").unwrap().without_colors();
    assert!(ink.styles.selected.add_modifier.contains(Modifier::REVERSED));
}

#[test]
fn the_defaults_use_no_colour_that_common_palettes_make_unreadable() {
    let pale_on_white = [
        Color::Green,
        Color::Cyan,
        Color::Yellow,
        Color::Gray,
        Color::White,
        Color::LightRed,
        Color::LightGreen,
        Color::LightYellow,
        Color::LightBlue,
        Color::LightMagenta,
        Color::LightCyan,
    ];
    // Blue and black are too dark on black, and some palettes make the ground of the dark gray.
    let lost_on_black = [Color::Black, Color::Blue, Color::Red, Color::DarkGray];
    for (name, poor) in [("ansi-light", &pale_on_white[..]), ("ansi-dark", &lost_on_black[..])] {
        let theme = Theme::named(name).unwrap();
        let mut styles = theme.styles.clone();
        for style in Styles::NAMES {
            let look = *styles.by_name(style).unwrap();
            // A dot is known by its shape too, and what has a ground of its own is read on that.
            let on_ground = matches!(look.bg, None | Some(Color::Reset)) && *style != "online";
            let fg = look.fg.unwrap_or(Color::Reset);
            assert!(!(on_ground && poor.contains(&fg)), "{name}.{style}: {fg}");
        }
        for person in ["alice", "bob", "张三", "carol", "老王", "dave", "erin", "frank", "eve"]
        {
            let color = theme.names.of(person).unwrap();
            assert!(!poor.contains(&color), "{name}: {person} {color}");
        }
    }
}

#[test]
fn a_theme_chosen_later_has_no_more_colours_than_the_terminal() {
    for depth in [Depth::None, Depth::Eight, Depth::Indexed] {
        let now = Theme::default().fit(depth);
        let mut next = Theme::named("dusk").unwrap().fit(now.depth);
        next.styles.each(|style| {
            assert!(!matches!(style.fg, Some(Color::Rgb(..))), "{depth:?}");
        });
        assert_eq!(next.depth, depth);
    }
}
