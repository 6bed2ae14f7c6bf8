//! From what was typed on the command line to the running screen: settings, files, language, colours. Reads the
//! environment, which nothing else does.

use std::{
    fs,
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use liao_client_core::{
    address::{Address, AddressError, LinkTarget},
    authorities::Authorities,
    home::Home,
};

use liao_common::text::clean_text;

use crate::{
    app::Start,
    clock::Clock,
    runtime,
    settings::{Paths, Remembered, Settings},
    shade::can_be_asked,
    theme::{Background, Depth, Theme},
    view::{
        reasons::{address_error, io_reason, keys_sentence},
        server::{Account, KnownKey, Server},
    },
    words::{Language, Words},
    world::World,
};

/// What the command line says.
#[derive(Clone, Debug, Default)]
pub struct StartOptions {
    /// A server's address or `liao://` link.
    pub server: Option<String>,
    /// Talk to it without encryption; this computer only.
    pub plaintext: bool,
    /// More certificate authorities to believe, in PEM.
    pub ca_file: Option<PathBuf>,
}

/// Runs the full screen until the person leaves.
///
/// # Errors
/// With a sentence for the person.
pub async fn full_screen(options: StartOptions) -> anyhow::Result<Option<String>> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        bail!("{}", Words::of(locale_language()).t("cli.not_a_terminal"));
    }
    let paths = Paths::find().context("no home folder")?;
    let words = Words::of(language());
    let home = Home::open(&paths.data).map_err(|error| {
        let reason = io_reason(error.kind(), &error.to_string(), words);
        let values: [(&str, &dyn std::fmt::Display); 2] =
            [("path", &paths.data.display()), ("reason", &reason)];
        anyhow::Error::msg(words.fill("cli.home_unusable", &values))
    })?;
    let authorities = authorities(options.ca_file.as_deref(), words).map_err(anyhow::Error::msg)?;
    write_log(&paths);
    let clock = Clock::system();
    let start = collect(options, &paths, &home, &clock)?;
    let left =
        runtime::run(start, clock, |inputs| World::new(home, paths, authorities, inputs)).await?;
    let unsent = u64::try_from(left.unsent).ok().filter(|count| *count > 0);
    let unsent = unsent.map(|count| words.count("cli.unsent", count));
    if left.drafts.is_empty() {
        return Ok(unsent);
    }
    let lead = unsent.into_iter().chain([words.t("cli.drafts_lost").to_owned()]);
    let texts = lead.chain(left.drafts.iter().map(|text| clean_text(text)));
    bail!("{}", texts.collect::<Vec<String>>().join("\n\n"));
}

/// Reads a server's address or link from the command line.
///
/// # Errors
/// With a sentence for the person.
pub fn target(text: &str) -> Result<LinkTarget, String> {
    LinkTarget::parse(text).map_err(address_sentence)
}

fn address_sentence(error: AddressError) -> String {
    Words::of(language()).t(address_error(error)).to_owned()
}

/// Forgets the key of a server, also for programs that run already. Gives the sentence for it.
///
/// # Errors
/// With a sentence for the person; also when no key was known.
pub fn forget(server: &LinkTarget) -> Result<String, String> {
    let (words, address) = (Words::of(language()), &server.address);
    let say = |key: &str| words.fill(key, &[("address", address)]);
    let forgotten = Paths::find().map(|paths| Home::at(paths.data)).and_then(|home| {
        // Nothing is made where nothing is known.
        Ok(home.server(address)?.is_some() && home.forget_server(address)?)
    });
    match forgotten {
        Ok(true) => Ok(say("cli.forgot")),
        Ok(false) => Err(say("cli.not_known")),
        Err(error) => {
            let reason = io_reason(error.kind(), &error.to_string(), words);
            let values: [(&str, &dyn std::fmt::Display); 2] =
                [("address", address), ("reason", &reason)];
            Err(words.fill("cli.not_forgotten", &values))
        }
    }
}

/// Whom to believe: the system's authorities, and those in the file that is named here or else by
/// `LIAO_CA_FILE`.
///
/// # Errors
/// With a sentence for the person: a file that is named is never passed over.
pub(crate) fn authorities(file: Option<&Path>, words: &Words) -> Result<Authorities, String> {
    let named = || std::env::var_os("LIAO_CA_FILE").filter(|file| !file.is_empty());
    let Some(path) = file.map(Path::to_owned).or_else(|| named().map(PathBuf::from)) else {
        return Ok(Authorities::of_system());
    };
    Authorities::with_file(&path).map_err(|error| {
        let reason = io_reason(error.kind(), &error.to_string(), words);
        let values: [(&str, &dyn std::fmt::Display); 2] =
            [("path", &path.display()), ("reason", &reason)];
        words.fill("cli.ca_file", &values)
    })
}

/// The language of what is said outside of the screen.
#[must_use]
pub(crate) fn language() -> Language {
    let settings = Paths::find().map(|paths| Settings::load(&paths.config).0).unwrap_or_default();
    settings.language.unwrap_or_else(locale_language)
}

/// The language of this computer's locale.
#[must_use]
pub fn locale_language() -> Language {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"].map(|name| std::env::var(name).ok());
    if set.iter().flatten().any(|value| !value.is_empty()) {
        return Language::from_environment(set.iter().map(Option::as_deref));
    }
    sys_locale::get_locale().map_or_else(Language::default, |locale| Language::from_locale(&locale))
}

fn collect(
    options: StartOptions,
    paths: &Paths,
    home: &Home,
    clock: &Clock,
) -> anyhow::Result<Start> {
    let (settings, bad) = Settings::load(&paths.config);
    let remembered = Remembered::load(&paths.state());
    let language =
        settings.language.or_else(|| remembered.language.as_deref().map(Language::from_locale));
    let language = language.unwrap_or_else(locale_language);
    let words = Words::of(language);
    let mut complaints: Vec<String> = bad.iter().map(|bad| bad.sentence(words)).collect();
    let size = crossterm::terminal::size().unwrap_or((80, 24));
    let known = home.servers();
    let known =
        known.map_err(|error| anyhow::Error::msg(keys_sentence(&error.to_string(), words)))?;
    let accounts = home.accounts().unwrap_or_else(|error| {
        complaints.push(error.to_string());
        Vec::new()
    });
    let wanted = settings.theme.as_deref().or(remembered.theme.as_deref());
    let (theme, on_light) = themes(wanted, words, &mut complaints);
    Ok(Start {
        language,
        theme,
        on_light,
        zone: clock.zone().clone(),
        size,
        server: server(options, &remembered)?,
        remembered,
        known: known.iter().map(KnownKey::of).collect(),
        accounts: accounts
            .into_iter()
            .map(|account| Account {
                address: account.address,
                user: account.user.to_string(),
                name: account.name,
            })
            .collect(),
        downloads: settings.downloads.unwrap_or_else(|| paths.downloads.clone()),
        folder: std::env::current_dir()
            .ok()
            .or_else(std::env::home_dir)
            .context("no folder to begin in")?,
        bell: settings.bell,
        complaints,
        now_ms: clock.now_ms(),
    })
}

fn server(options: StartOptions, remembered: &Remembered) -> anyhow::Result<Option<Server>> {
    match (options.server, options.plaintext) {
        (Some(text), true) => {
            let address = Address::parse(&text).map_err(address_sentence);
            Ok(Some(Server::Plaintext(address.map_err(anyhow::Error::msg)?)))
        }
        (Some(text), false) => Ok(Some(Server::At(target(&text).map_err(anyhow::Error::msg)?))),
        (None, true) => bail!("an address is needed"),
        (None, false) => Ok(remembered.server.as_deref().and_then(Server::parse)),
    }
}

/// The colours to begin with, and those to take should the terminal say that it is light: it is asked where nobody
/// has chosen a theme and nothing else says how light it is.
fn themes(
    wanted: Option<&str>,
    words: &Words,
    complaints: &mut Vec<String>,
) -> (Theme, Option<Theme>) {
    let said = |name: &str| std::env::var(name).unwrap_or_default();
    let depth = match Depth::of(&said("TERM"), &said("COLORTERM")) {
        _ if !said("NO_COLOR").is_empty() => Depth::None,
        depth => depth,
    };
    let named = wanted.map(|name| Theme::named(name).ok_or(name));
    if let Some(Err(name)) = named {
        let names = Theme::shipped().collect::<Vec<_>>().join(", ");
        let values: [(&str, &dyn std::fmt::Display); 2] = [("name", &name), ("names", &names)];
        complaints.push(words.fill("settings.theme_unknown", &values));
    }
    if let Some(Ok(theme)) = named {
        return (theme.fit(depth), None);
    }
    let known = background(&said("COLORFGBG"));
    let asks = known.is_none() && depth != Depth::None && can_be_asked(&said("TERM"));
    let on_light = asks.then(|| Theme::default_for(Background::Light).fit(depth));
    (Theme::default_for(known.unwrap_or_default()).fit(depth), on_light)
}

/// Some terminals say which of the 16 colours their background is.
fn background(colorfgbg: &str) -> Option<Background> {
    Some(match colorfgbg.rsplit(';').next()?.parse::<u8>().ok()? {
        7 | 9..=15 => Background::Light,
        _ => Background::Dark,
    })
}

/// What goes wrong inside is written down; the screen belongs to people.
fn write_log(paths: &Paths) {
    let filter = std::env::var("LIAO_LOG").unwrap_or_else(|_| "warn".to_owned());
    let file: Option<fs::File> = open_log(paths.log()).ok();
    if let Some(file) = file {
        let log = tracing_subscriber::fmt()
            .with_ansi(false)
            // A log that cannot be written is not told on the screen.
            .log_internal_errors(false)
            .with_env_filter(filter)
            .with_writer(std::sync::Mutex::new(file));
        // A second start in one process keeps the first log.
        let _ = log.try_init();
    }
}

fn open_log(path: PathBuf) -> io::Result<fs::File> {
    const LOG_BYTES_MAX: u64 = 4 * 1024 * 1024;
    let large = fs::metadata(&path).is_ok_and(|meta| meta.len() > LOG_BYTES_MAX);
    fs::OpenOptions::new().create(true).append(!large).write(true).truncate(large).open(path)
}
