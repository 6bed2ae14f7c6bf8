//! Line mode, for scripts, pipes and screen readers: each line typed is sent, each event is one
//! line. Nothing is drawn and nothing is remembered between two runs.

mod deed;
mod errand;
mod event;
mod input;
mod options;
mod paper;
mod reach;
mod signals;
mod spool;
mod story;
mod talk;
mod typed;
mod unsent;

use std::{io, time::Duration};

use liao_client_core::link::{Credentials, Link, LinkConfig};
use tokio::time::sleep;

pub use options::{Exit, NewAccount, PlainOptions, TIMEOUT_MS};

use crate::{clock::Clock, computer::device_name, start::language, words::Words};
use paper::Paper;
use signals::Signals;
use spool::Spool;
use talk::Talk;

/// What this program is called in the server's log.
const AGENT: &str = concat!("liao plain/", env!("CARGO_PKG_VERSION"));

/// How long the last lines may take when a signal asked to leave, in milliseconds.
const LAST_LINES_MS: u64 = 1_000;

/// Runs line mode on standard input and output until the input ends, `exit` is typed, or the
/// server is lost for good.
pub async fn run(options: PlainOptions) -> Exit {
    let words = Words::of(language());
    let (spool, out, err) = Spool::start(io::stdout(), io::stderr());
    let mut paper = Paper::new((out, err), options.json, words, Clock::system().zone().clone());
    // A signal that comes while somebody is asked for the password ends the program as it ends all.
    let credentials = reach::credentials(&options, words);
    let mut signals = Signals::listen();
    let prepared = tokio::select! {
        prepared = prepare(credentials, &options, words) => prepared,
        () = signals.next() => return Exit::Unsent,
    };
    let exit = match prepared {
        Ok(config) => {
            let (handle, notices) = Link::start(config);
            let talk = Talk::new(options, words, paper, handle);
            Box::pin(talk.run(notices, input::lines(), &spool, &mut signals)).await
        }
        Err((exit, why)) => {
            if !why.is_empty() {
                paper.complain(&why);
            }
            drop(paper);
            exit
        }
    };
    finish(spool, &mut signals).await;
    exit
}

/// What has been said is read to its end, however slowly; but who asked the program to end does not wait for that.
async fn finish(spool: Spool, signals: &mut Signals) {
    let patience = async {
        if !signals.came() {
            signals.next().await;
        }
        sleep(Duration::from_millis(LAST_LINES_MS)).await;
    };
    tokio::select! {
        () = spool.finish() => {}
        () = patience => {}
    }
}

async fn prepare(
    credentials: Result<Credentials, reach::Refused>,
    options: &PlainOptions,
    words: &Words,
) -> Result<LinkConfig, reach::Refused> {
    let credentials = credentials?;
    let dialer = reach::dialer(options, words).await?;
    let mut config = LinkConfig::new(dialer, credentials, AGENT);
    config.device_name = device_name("liao plain");
    Ok(config)
}
