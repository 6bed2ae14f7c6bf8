//! The example settings in `assets/` are what the program understands.

use std::{fs, path::Path};

use liao::{settings::Settings, theme::Theme};

#[test]
fn the_example_settings_are_understood() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/config.toml");
    let text = fs::read_to_string(example).unwrap();
    // What is commented out must be right as well.
    let whole =
        text.replace("\n# downloads = ", "\ndownloads = ").replace("\n# theme = ", "\ntheme = ");
    assert_ne!(text, whole);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, whole).unwrap();
    let (settings, complaints) = Settings::load(&path);
    assert!(complaints.is_empty(), "{complaints:?}");
    assert!(settings.downloads.is_some());
    let themes: Vec<_> = Theme::shipped().collect();
    assert!(themes.contains(&settings.theme.unwrap().as_str()), "{themes:?}");
    let listed = themes.iter().filter(|name| text.contains(**name)).count();
    assert_eq!(listed, themes.len(), "the comment lists all themes");
}
