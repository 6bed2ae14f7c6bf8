//! The popup of words that fit what is being typed: people, rooms, commands and what commands take. Pure.

use liao_client_core::model::Model;

use super::list::ListView;
use crate::{
    command::{self, Verb},
    composer::{Composer, Token, TokenKind},
    fuzzy,
    theme::Theme,
    words::{Language, Words},
};

/// Rows of the popup.
pub const ROWS_MAX: usize = 8;

/// A word that can be put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// What is put in the place of what was typed.
    pub word: String,
    /// What is shown behind it.
    pub note: String,
}

/// The popup.
#[derive(Clone, Debug)]
pub struct Completion {
    /// What is being typed.
    pub token: Token,
    /// What fits, best first.
    pub offers: Vec<Offer>,
    /// Which one is chosen.
    pub list: ListView,
    /// The person chose it, and did not just find it at the top.
    pub picked: bool,
}

impl Completion {
    /// The popup for what stands before the caret; none when nothing fits or the word is complete.
    #[must_use]
    pub fn of(composer: &Composer, model: &Model, words: &Words) -> Option<Self> {
        let token = composer.token()?;
        let offers = offers(&token, model, words);
        let typed = composer.text().get(token.range.clone())?;
        let complete = offers.iter().any(|offer| offer.word.trim_end() == typed);
        if offers.is_empty() || complete {
            return None;
        }
        Some(Self { token, offers, list: ListView::default(), picked: false })
    }

    /// The chosen offer.
    #[must_use]
    pub fn chosen(&self) -> Option<&Offer> {
        self.offers.get(self.list.chosen(self.offers.len())?)
    }
}

fn offers(token: &Token, model: &Model, words: &Words) -> Vec<Offer> {
    let all = match token.kind {
        TokenKind::Person => people(model, "@"),
        TokenKind::Room => rooms(model),
        TokenKind::Command => commands(words),
        TokenKind::Emoji => emoji(),
        TokenKind::Argument => arguments(token, model),
    };
    let search = |offer: &Offer| {
        let name = offer.word.trim_start_matches(['@', '#', '/']);
        // What a room is about may contain anything; who types `#` types a name.
        if token.kind == TokenKind::Room {
            name.to_owned()
        } else {
            format!("{name} {}", offer.note)
        }
    };
    let keyed: Vec<(String, Offer)> =
        all.into_iter().map(|offer| (search(&offer), offer)).collect();
    if token.kind == TokenKind::Command {
        // A command is found by its beginning; what merely contains the letters would be noise.
        let begins =
            |offer: &Offer| offer.word.get(1..).is_some_and(|name| name.starts_with(&token.typed));
        return keyed.into_iter().map(|(_, offer)| offer).filter(begins).collect();
    }
    let ranked = fuzzy::rank(&token.typed, keyed, |(text, _)| text.as_str(), ROWS_MAX * 4);
    ranked.into_iter().map(|((_, offer), _)| offer).collect()
}

fn people(model: &Model, mark: &str) -> Vec<Offer> {
    let mut people: Vec<_> = model.people.iter().collect();
    people.sort_by_key(|person| !model.people.is_online(person.user));
    let me = model.my_id();
    let others = people.into_iter().filter(|person| Some(person.user) != me);
    others
        .map(|person| Offer { word: format!("{mark}{} ", person.id), note: person.name.clone() })
        .collect()
}

fn rooms(model: &Model) -> Vec<Offer> {
    let named = model.rooms().into_iter().filter(|room| !room.is_direct());
    named.map(|room| Offer { word: format!("#{} ", room.name), note: room.topic.clone() }).collect()
}

fn commands(words: &Words) -> Vec<Offer> {
    let offer = |command: &command::Command| Offer {
        word: format!("/{} ", command.name),
        note: words.t(command.help_key).to_owned(),
    };
    command::ALL.iter().map(offer).collect()
}

fn arguments(token: &Token, model: &Model) -> Vec<Offer> {
    if token.typed.contains(' ') {
        return Vec::new();
    }
    let plain = |word: &str, note: &str| Offer { word: word.to_owned(), note: note.to_owned() };
    let command = command::ALL.iter().find(|command| command.name == token.command);
    match command.map(|command| command.verb) {
        Some(
            Verb::Msg
            | Verb::Invite
            | Verb::Kick
            | Verb::Ban
            | Verb::Unban
            | Verb::Mod
            | Verb::Unmod,
        ) => people(model, ""),
        Some(Verb::Theme) => Theme::shipped().map(|name| plain(name, "")).collect(),
        Some(Verb::Language) => Language::ALL
            .iter()
            .map(|language| plain(language.tag(), language.own_name()))
            .collect(),
        _ => Vec::new(),
    }
}

/// The ones people use most, by the names that other programs gave them.
const EMOJI: &[(&str, &str)] = &[
    ("smile", "😄"),
    ("grin", "😁"),
    ("joy", "😂"),
    ("laugh", "😆"),
    ("wink", "😉"),
    ("blush", "😊"),
    ("heart_eyes", "😍"),
    ("kiss", "😘"),
    ("thinking", "🤔"),
    ("sweat", "😅"),
    ("cry", "😢"),
    ("sob", "😭"),
    ("angry", "😠"),
    ("scream", "😱"),
    ("sleep", "😴"),
    ("cool", "😎"),
    ("shrug", "🤷"),
    ("facepalm", "🤦"),
    ("thumbsup", "👍"),
    ("thumbsdown", "👎"),
    ("ok", "👌"),
    ("clap", "👏"),
    ("wave", "👋"),
    ("pray", "🙏"),
    ("muscle", "💪"),
    ("heart", "💗"),
    ("broken_heart", "💔"),
    ("fire", "🔥"),
    ("star", "🌟"),
    ("tada", "🎉"),
    ("rocket", "🚀"),
    ("coffee", "🍵"),
    ("beer", "🍺"),
    ("cake", "🎂"),
    ("rose", "🌹"),
    ("sun", "🌞"),
    ("moon", "🌙"),
    ("rain", "🌧"),
    ("bug", "🐛"),
    ("cat", "🐱"),
    ("dog", "🐶"),
    ("eyes", "👀"),
];

fn emoji() -> Vec<Offer> {
    EMOJI
        .iter()
        .map(|(name, sign)| Offer { word: format!("{sign} "), note: (*name).to_owned() })
        .collect()
}
