//! Line mode, for scripts, pipes and screen readers: each line typed is sent, each event is one
//! line. Nothing is drawn and nothing is remembered between two runs.

mod deed;
mod event;
mod input;
mod options;
mod paper;
mod reach;
mod signals;
mod story;
mod talk;
mod typed;

use std::{io, sync::Arc};

use liao_client_core::{
    dial::ServerDialer,
    link::{Link, LinkConfig},
};

pub use options::{Exit, NewAccount, PlainOptions, TIMEOUT_MS};

use crate::{
    clock::Clock,
    settings::{Paths, Settings},
    start::locale_language,
    words::{Language, Words},
};
use paper::Paper;
use talk::Talk;

/// What this program is called in the server's log and in the list of devices.
const AGENT: &str = concat!("liao plain/", env!("CARGO_PKG_VERSION"));

/// Runs line mode on standard input and output until the input ends, `exit` is typed, or the
/// server is lost for good.
pub async fn run(options: PlainOptions) -> Exit {
    let words = Words::of(language());
    let streams = (io::stdout(), io::stderr());
    let mut paper = Paper::new(streams, options.json, words, Clock::system().zone().clone());
    let config = match prepare(&options, words).await {
        Ok(config) => config,
        Err((exit, why)) => {
            paper.complain(&why);
            return exit;
        }
    };
    let (handle, notices) = Link::start(config);
    let talk = Talk::new(options, words, paper, handle);
    Box::pin(talk.run(notices, input::lines())).await
}

async fn prepare(options: &PlainOptions, words: &Words) -> Result<LinkConfig, reach::Refused> {
    let credentials = reach::credentials(options, words)?;
    let trust = reach::trust(options, words).await?;
    let dialer = ServerDialer { address: options.target.address.clone(), trust };
    Ok(LinkConfig::new(Arc::new(dialer), credentials, AGENT))
}

fn language() -> Language {
    let settings = Paths::find().map(|paths| Settings::load(&paths.config).0).unwrap_or_default();
    settings.language.unwrap_or_else(locale_language)
}
