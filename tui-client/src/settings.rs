//! Where the client keeps its files, what the person chose in `config.toml`, and what the program remembers by
//! itself in `state.toml`. The person's file is only ever read; a line that is wrong costs only itself.

use std::{
    fmt::Display,
    fs, io,
    path::{Path, PathBuf},
};

use etcetera::{BaseStrategy, choose_base_strategy};
use liao_client_core::home::write_atomic;
use serde::{Deserialize, Serialize};

use crate::words::{Language, Words};

/// Bytes of a settings file that are looked at; a longer one is refused.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The folders of this client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The person's settings.
    pub config: PathBuf,
    /// Known servers, accounts, drafts, the private server.
    pub data: PathBuf,
    /// Where received files go unless the settings say otherwise.
    pub downloads: PathBuf,
}

impl Paths {
    /// The folders the operating system suggests, or all in the folder that `LIAO_HOME` names.
    ///
    /// # Errors
    /// When there is no home folder.
    pub fn find() -> io::Result<Self> {
        if let Some(home) = std::env::var_os("LIAO_HOME").filter(|home| !home.is_empty()) {
            return Ok(Self::under(Path::new(&home)));
        }
        let base = choose_base_strategy().map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
        let downloads = base.home_dir().join("Downloads");
        let data = base.data_dir().join("liao");
        let downloads = if downloads.is_dir() { downloads } else { data.join("downloads") };
        Ok(Self { config: base.config_dir().join("liao/config.toml"), data, downloads })
    }

    /// Everything in one folder.
    #[must_use]
    pub fn under(home: &Path) -> Self {
        Self {
            config: home.join("config.toml"),
            data: home.to_owned(),
            downloads: home.join("downloads"),
        }
    }

    /// What the program remembers by itself.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.data.join("state.toml")
    }

    /// The folder of the private server.
    #[must_use]
    pub fn private_server(&self) -> PathBuf {
        self.data.join("private-server")
    }

    /// The log of this program.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.data.join("liao.log")
    }
}

/// When to ring the bell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Bell {
    /// When somebody names you or writes to you alone.
    #[default]
    Mentions,
    /// Never.
    Never,
}

/// What the person chose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// The language of the interface; by the locale when absent.
    pub language: Option<Language>,
    /// Name of a theme; the default when absent.
    pub theme: Option<String>,
    /// When to ring the bell.
    pub bell: Bell,
    /// Where received files go.
    pub downloads: Option<PathBuf>,
}

/// A line of the settings that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// Which file.
    pub file: String,
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl Complaint {
    /// The sentence for the screen.
    #[must_use]
    pub fn sentence(&self, words: &Words) -> String {
        let values: [(&str, &dyn Display); 3] =
            [("file", &self.file), ("line", &self.line), ("reason", &self.reason)];
        words.fill("settings.bad_line", &values)
    }
}

/// What the program remembers by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Language chosen on the menu.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Theme chosen by `/theme`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub theme: Option<String>,
    /// The server used last, `private` for the one on this computer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

impl Settings {
    /// Reads the person's settings. The second value says what was wrong with them.
    #[must_use]
    pub fn load(path: &Path) -> (Self, Vec<Complaint>) {
        match read_limited(path) {
            Ok(text) => Self::parse(&text, &path.display().to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Default::default(),
            Err(error) => {
                (Self::default(), vec![complaint(&path.display().to_string(), 1, &error)])
            }
        }
    }

    fn parse(text: &str, name: &str) -> (Self, Vec<Complaint>) {
        let table = match text.parse::<toml::Table>() {
            Ok(table) => table,
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                let line =
                    1 + text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count();
                return (Self::default(), vec![complaint(name, line, &error.message())]);
            }
        };
        let mut settings = Self::default();
        let mut complaints = Vec::new();
        for (key, value) in table {
            if let Err(reason) = settings.set(&key, value) {
                let line = 1 + text
                    .lines()
                    .position(|line| line.trim_start().starts_with(&key))
                    .unwrap_or(0);
                complaints.push(complaint(name, line, &format!("{key}: {reason}")));
            }
        }
        (settings, complaints)
    }

    fn set(&mut self, key: &str, value: toml::Value) -> Result<(), String> {
        let text = value.as_str().map(str::to_owned).ok_or("\"…\"");
        match key {
            "language" => {
                let text = text?;
                self.language =
                    if text == "auto" { None } else { Some(Language::from_locale(&text)) };
            }
            "theme" => self.theme = Some(text?),
            "bell" => self.bell = value.try_into().map_err(|error| error.to_string())?,
            "downloads" => self.downloads = Some(PathBuf::from(text?)),
            _ => return Err("?".into()),
        }
        Ok(())
    }
}

impl Remembered {
    /// Reads what was remembered; nothing when there is none or it cannot be read.
    #[must_use]
    pub fn load(path: &Path) -> Self {
        read_limited(path).ok().and_then(|text| toml::from_str(&text).ok()).unwrap_or_default()
    }

    /// Writes it, in one step.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let text = toml::to_string(self).map_err(io::Error::other)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        write_atomic(path, text.as_bytes())
    }
}

fn complaint(file: &str, line: usize, reason: &dyn Display) -> Complaint {
    Complaint { file: file.to_owned(), line, reason: reason.to_string() }
}

fn read_limited(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_line_costs_only_itself() {
        let text = "theme = \"dusk\"\nbell = \"always\"\nlanguage = \"zh-CN\"\ncolour = 1\n";
        let (settings, complaints) = Settings::parse(text, "config.toml");
        assert_eq!(settings.theme.as_deref(), Some("dusk"));
        assert_eq!(settings.language, Some(Language::Chinese));
        assert_eq!(settings.bell, Bell::Mentions);
        assert_eq!(complaints.len(), 2);
        assert!(complaints[0].reason.starts_with("bell: "), "{complaints:?}");
        assert_eq!((complaints[0].line, complaints[1].line), (2, 4));
        assert!(complaints[1].reason.starts_with("colour: "), "{complaints:?}");
    }

    #[test]
    fn a_broken_file_is_named_with_its_line() {
        let (settings, complaints) = Settings::parse("theme = \"x\"\n= 3\n", "c");
        assert_eq!(settings, Settings::default());
        assert_eq!((complaints[0].file.as_str(), complaints[0].line), ("c", 2));
    }

    #[test]
    fn what_is_remembered_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/state.toml");
        let state = Remembered { server: Some("private".into()), ..Remembered::default() };
        state.save(&path).unwrap();
        assert_eq!(Remembered::load(&path), state);
    }
}
