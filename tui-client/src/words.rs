//! All words of the interface, in every language, from `assets/locales`. Read-only once loaded.
//! A key that is missing shows as itself, so that nothing on screen is ever blank without a reason.

use std::collections::HashMap;
use std::fmt::{Display, Write as _};
use std::sync::LazyLock;

#[cfg(test)]
mod tests;

const ENGLISH_TOML: &str = include_str!("../../assets/locales/en.toml");
const CHINESE_TOML: &str = include_str!("../../assets/locales/zh-CN.toml");

/// A language the interface speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    English,
    /// Simplified Chinese.
    Chinese,
}

impl Language {
    /// All languages, in the order a switch walks them.
    pub const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// The language for a locale such as `zh_CN.UTF-8`, `zh-Hans` or `en_GB`. Anything unknown is English.
    #[must_use]
    pub fn from_locale(locale: &str) -> Self {
        let name = locale.split(['_', '-', '.', '@']).next().unwrap_or_default();
        if name.eq_ignore_ascii_case("zh") { Self::Chinese } else { Self::English }
    }

    /// The language for the values of `LC_ALL`, `LC_MESSAGES` and `LANG`, in this order: the first that is set
    /// and not empty decides.
    #[must_use]
    pub fn from_environment<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> Self {
        let first = values.into_iter().flatten().find(|value| !value.is_empty());
        first.map_or_else(Self::default, Self::from_locale)
    }

    /// The tag written in settings: `en` or `zh-CN`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// The language's name in itself.
    #[must_use]
    pub const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Chinese => "简体中文",
        }
    }

    /// The language that a person calls so: by its tag or the beginning of that, or by its name or a part of that.
    #[must_use]
    pub fn called(name: &str) -> Option<Self> {
        let name = name.replace('_', "-").to_lowercase();
        let is_meant = |language: &Self| {
            let tag = language.tag().to_lowercase();
            tag.split('-').next() == Some(&name)
                || tag == name
                || name.chars().count() > 1 && language.own_name().to_lowercase().contains(&name)
        };
        Self::ALL.into_iter().find(is_meant)
    }

    /// The language after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        match self {
            Self::English => Self::Chinese,
            Self::Chinese => Self::English,
        }
    }
}

/// The words of one language.
#[derive(Debug)]
pub struct Words {
    language: Language,
    texts: HashMap<String, String>,
}

impl Words {
    /// The words of a language. Loaded once, then shared.
    #[must_use]
    pub fn of(language: Language) -> &'static Self {
        static ENGLISH: LazyLock<Words> =
            LazyLock::new(|| Words::load(Language::English, ENGLISH_TOML));
        static CHINESE: LazyLock<Words> =
            LazyLock::new(|| Words::load(Language::Chinese, CHINESE_TOML));
        match language {
            Language::English => &ENGLISH,
            Language::Chinese => &CHINESE,
        }
    }

    /// The language of these words.
    #[must_use]
    pub const fn language(&self) -> Language {
        self.language
    }

    /// The text for a key such as `menu.login`; the key itself where there is none.
    #[must_use]
    pub fn t<'a>(&'a self, key: &'a str) -> &'a str {
        self.texts.get(key).map_or(key, String::as_str)
    }

    /// The text for a key with its `{placeholders}` replaced. Values are put in as they are; a placeholder
    /// without a value stays visible.
    #[must_use]
    pub fn fill(&self, key: &str, values: &[(&str, &dyn Display)]) -> String {
        let mut out = String::new();
        let mut rest = self.t(key);
        while let Some((before, name, after)) = next_placeholder(rest) {
            out.push_str(before);
            match values.iter().find(|(known, _)| *known == name) {
                // Writing to a string cannot fail.
                Some((_, value)) => _ = write!(out, "{value}"),
                None => _ = write!(out, "{{{name}}}"),
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// The text for a number of things: `KEY_one` for 1, else `KEY_many`, with `{count}` replaced.
    #[must_use]
    pub fn count(&self, key: &str, count: u64) -> String {
        let form = if count == 1 { "one" } else { "many" };
        self.fill(&format!("{key}_{form}"), &[("count", &count)])
    }

    /// The sentence for a refusal of the server, by its wire code.
    #[must_use]
    pub fn fault(&self, code: liao_common::fault::FaultCode) -> String {
        self.t(&format!("fault.{}", code.as_str())).to_owned()
    }

    /// All keys, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.texts.keys().map(String::as_str)
    }

    /// The files are part of the program and read by a test; a broken one would show keys instead of words.
    fn load(language: Language, source: &str) -> Self {
        let table = source.parse::<toml::Table>().unwrap_or_default();
        let mut texts = HashMap::new();
        flatten("", &table, &mut texts);
        Self { language, texts }
    }
}

fn flatten(prefix: &str, table: &toml::Table, texts: &mut HashMap<String, String>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::String(text) => _ = texts.insert(key, text.clone()),
            toml::Value::Table(inner) => flatten(&key, inner, texts),
            _ => {}
        }
    }
}

/// What stands before the first `{name}`, the name, and what follows.
fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let open = text.find('{')?;
    let close = open + text.get(open..)?.find('}')?;
    Some((text.get(..open)?, text.get(open + 1..close)?, text.get(close + 1..)?))
}
