//! Colours and weights of everything drawn, by name. Read-only: a theme is built once and handed around.
//! The defaults use the 16 ANSI colours and the terminal's own background, so that the user's palette wins.

mod depth;
mod hsluv;
mod name_color;
mod parse;
#[cfg(test)]
mod tests;

use ratatui::style::{Color, Modifier, Style};

pub use depth::Depth;
pub use name_color::{NameColors, Vision};
pub use parse::ThemeProblem;

/// Whether text is light on dark or dark on light.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Background {
    /// Light text on a dark background.
    #[default]
    Dark,
    /// Dark text on a light background.
    Light,
}

macro_rules! styles {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A style for everything the interface draws.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Styles { $($(#[$doc])* pub $name: Style,)* }

        impl Styles {
            /// The names that a theme file can set.
            pub const NAMES: &[&str] = &[$(stringify!($name),)*];

            fn by_name(&mut self, name: &str) -> Option<&mut Style> {
                match name { $(stringify!($name) => Some(&mut self.$name),)* _ => None }
            }

            fn each(&mut self, change: impl Fn(&mut Style)) { $(change(&mut self.$name);)* }
        }
    };
}

styles! {
    /// Ordinary text, and the background of the whole window.
    text,
    /// Text of less weight.
    dim,
    /// Text of more weight.
    strong,
    /// The program's name on the first screen.
    logo,
    /// Titles of screens and boxes.
    heading,
    /// What should catch the eye without being an error.
    accent,
    /// Lines around boxes.
    border,
    /// Lines around the box that has the focus.
    border_focus,
    /// The rule where a day begins.
    rule,
    /// The rule where the unread begins.
    unread_rule,
    /// The tab bar, and a tab without news.
    tab,
    /// The tab that is shown.
    tab_active,
    /// A tab with unread messages.
    tab_unread,
    /// A tab where this person was mentioned.
    tab_mention,
    /// Times of messages.
    time,
    /// This person's own name.
    name_self,
    /// Joins, leaves, topics.
    event,
    /// Somebody's @name in a text.
    mention,
    /// This person's @name in a text.
    mention_self,
    /// Addresses.
    link,
    /// Code in a line and in blocks.
    code,
    /// The frame of a code block.
    code_frame,
    /// Keywords in code.
    code_keyword,
    /// Strings in code.
    code_string,
    /// Comments in code.
    code_comment,
    /// Numbers in code.
    code_number,
    /// The line quoted by a reply.
    quote,
    /// Reactions under a message.
    reaction,
    /// The selected row where the focus is.
    selected,
    /// The selected row where the focus is not.
    selected_dim,
    /// What was found, in search and in Ctrl-K.
    found,
    /// The text being written.
    input,
    /// What an empty field says.
    placeholder,
    /// The mark before the text being written.
    prompt,
    /// What went wrong.
    error,
    /// What may go wrong.
    warning,
    /// What went well.
    success,
    /// Counts of unread things.
    badge,
    /// The dot of somebody online.
    online,
    /// The dot of somebody away.
    away,
    /// The dot of somebody offline.
    offline,
    /// Who is typing.
    typing,
    /// A message on its way.
    pending,
    /// A message that could not be sent.
    failed,
    /// The part of a bar that is done.
    bar_done,
    /// The part of a bar that is left.
    bar_rest,
    /// The status line.
    status,
    /// The status line when the connection is not fine.
    status_bad,
    /// Keys in hints.
    hint_key,
    /// Words in hints.
    hint_text,
    /// Boxes above the screen.
    popup,
    /// Lines around boxes above the screen.
    popup_border,
    /// The thumb of a scroll bar.
    scroll,
}

/// A whole look.
#[derive(Clone, Debug, PartialEq)]
pub struct Theme {
    /// The name in settings.
    pub name: String,
    /// What the theme is made for.
    pub background: Background,
    /// Styles of the interface.
    pub styles: Styles,
    /// Colours of people's names.
    pub names: NameColors,
    /// How many colours it was fitted to.
    pub depth: Depth,
}

/// Name and source of every theme that ships.
const SHIPPED: &[(&str, &str)] = &[
    ("ansi-dark", include_str!("../../assets/themes/ansi-dark.toml")),
    ("ansi-light", include_str!("../../assets/themes/ansi-light.toml")),
    ("ink", include_str!("../../assets/themes/ink.toml")),
    ("paper", include_str!("../../assets/themes/paper.toml")),
    ("dusk", include_str!("../../assets/themes/dusk.toml")),
    ("bamboo", include_str!("../../assets/themes/bamboo.toml")),
    ("high-contrast", include_str!("../../assets/themes/high-contrast.toml")),
    ("clear", include_str!("../../assets/themes/clear.toml")),
];

impl Theme {
    /// Names of the themes that ship, defaults first.
    pub fn shipped() -> impl Iterator<Item = &'static str> {
        SHIPPED.iter().map(|(name, _)| *name)
    }

    /// A theme that ships, by name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let (_, source) = SHIPPED.iter().find(|(known, _)| *known == name)?;
        Some(Self::parse(source).0)
    }

    /// A theme that ships, as a person calls it: `light` and `dark` are the default ones.
    #[must_use]
    pub fn called(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        match name.as_str() {
            "dark" => Self::named("ansi-dark"),
            "light" => Self::named("ansi-light"),
            name => Self::named(name),
        }
    }

    /// The default for a background: the terminal's own 16 colours.
    #[must_use]
    pub fn default_for(background: Background) -> Self {
        let name = match background {
            Background::Dark => "ansi-dark",
            Background::Light => "ansi-light",
        };
        Self::named(name).unwrap_or_else(|| Self::plain(background))
    }

    /// Reads a theme file. What it does not say comes from the default for its background; what cannot be
    /// understood is left out and reported.
    #[must_use]
    pub fn parse(source: &str) -> (Self, Vec<ThemeProblem>) {
        parse::theme(source)
    }

    /// No colours at all, for `NO_COLOR` and `TERM=dumb`: weight, underline and reverse say it all.
    #[must_use]
    pub fn monochrome() -> Self {
        let name = "monochrome".to_owned();
        Self { name, ..Self::default_for(Background::Dark).fit(Depth::None) }
    }

    /// Whether marks in a text have to be shown as they were typed, for want of colours.
    #[must_use]
    pub fn keeps_marks(&self) -> bool {
        self.depth == Depth::None
    }

    /// The theme with its colours taken away. What stood out by its background is reversed.
    #[must_use]
    pub fn without_colors(mut self) -> Self {
        self.styles.each(|style| {
            if !matches!(style.bg, None | Some(Color::Reset)) {
                *style = style.add_modifier(Modifier::REVERSED);
            }
            (style.fg, style.bg) = (None, None);
        });
        // What only its colour set apart.
        for style in [&mut self.styles.error, &mut self.styles.warning, &mut self.styles.accent] {
            *style = style.add_modifier(Modifier::BOLD);
        }
        self.names = NameColors::None;
        self
    }

    /// How somebody's name looks. The same name has the same hue for everybody.
    #[must_use]
    pub fn name_style(&self, name: &str) -> Style {
        let style = Style::new().add_modifier(Modifier::BOLD);
        self.names.of(name).map_or(style, |color| style.fg(self.depth.fit(color)))
    }

    fn plain(background: Background) -> Self {
        let (name, styles, names) = (String::new(), Styles::default(), NameColors::None);
        Self { name, background, styles, names, depth: Depth::All }
    }
}

impl Default for Theme {
    fn default() -> Self {
        Self::default_for(Background::Dark)
    }
}
