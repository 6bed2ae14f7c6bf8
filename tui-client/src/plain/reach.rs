//! Before the first word: whose key is believed, and which password is used. Nothing secret is
//! said to a server whose key is not known.

use std::{
    fs::File,
    io::{self, BufReader, IsTerminal as _},
    path::Path,
    sync::Arc,
};

use liao_client_core::{
    dial::{self, Dialer, ServerDialer},
    home::Home,
    known::KnownDialer,
    link::Credentials,
    tls::Shown,
    trust::{ConnectError, Trust},
};
use liao_common::{
    fault::{Fault, FaultCode},
    id::Pin,
    request::{Register, Secret},
};

use liao_server::hidden::{self, first_line};

use super::{Exit, PlainOptions};
use crate::{
    settings::Paths,
    start::authorities,
    view::reasons::{connect_sentence, io_reason, keys_sentence},
    words::Words,
};

/// Bytes of a line that are looked at for a password: one that is cut here is refused as too long.
const PASSWORD_BYTES_READ: usize = 64 * 1024;

/// Why there is no conversation: how the program ends, and the sentence for it.
pub(super) type Refused = (Exit, String);

/// How the server is reached: as the options say, or by its key as far as that is known here.
pub(super) async fn dialer(
    options: &PlainOptions,
    words: &Words,
) -> Result<Arc<dyn Dialer>, Refused> {
    let address = options.target.address.clone();
    let by_option =
        if options.plaintext { Some(Trust::Plaintext) } else { options.pin.map(Trust::Pinned) };
    if let Some(trust) = by_option {
        return Ok(Arc::new(ServerDialer { address, trust }));
    }
    let refused = |why| Err((Exit::Unreachable, why));
    let home = match Paths::find() {
        Ok(paths) => Home::at(paths.data),
        Err(error) => return refused(keys_sentence(&error.to_string(), words)),
    };
    let authorities =
        authorities(options.ca_file.as_deref(), words).map_err(|why| (Exit::Usage, why))?;
    let named = options.target.pin;
    let dialer = KnownDialer { home, address, named, authorities };
    match (dialer.trust().await, named) {
        // A link may come from anybody: it does not outweigh what is known.
        (Ok(Trust::Pinned(known)), Some(named)) if known != named => {
            refused(distrust("cli.link_unlike_known", options, (known, named), words))
        }
        (Ok(Trust::Moving { pin: known, next }), Some(named))
            if known != named && next != named =>
        {
            refused(distrust("cli.link_unlike_known", options, (known, named), words))
        }
        (Ok(_), _) => Ok(Arc::new(dialer)),
        (Err(ConnectError::KeyUnknown), _) => asked(dialer, words).await,
        (Err(error), _) => refused(connect_sentence(&error, &dialer.address, words)),
    }
}

/// A server of which nothing is known. If no authority vouches for the key that it shows, a person has
/// to compare it.
async fn asked(unknown: KnownDialer, words: &Words) -> Result<Arc<dyn Dialer>, Refused> {
    let KnownDialer { address, authorities, .. } = unknown;
    let why = match dial::probe(&address, &authorities).await {
        Ok(Shown { vouched: true, .. }) => {
            return Ok(Arc::new(ServerDialer { address, trust: Trust::Vouched(authorities) }));
        }
        Ok(Shown { pin, .. }) => {
            let said = pin.words();
            words.fill("cli.needs_pin", &[("address", &address), ("words", &said), ("pin", &pin)])
        }
        Err(error) => connect_sentence(&error, &address, words),
    };
    Err((Exit::Unreachable, why))
}

/// One key was expected and another one found; where, says the sentence.
pub(super) fn distrust(
    sentence: &str,
    options: &PlainOptions,
    (expected, found): (Pin, Pin),
    words: &Words,
) -> String {
    let address = &options.target.address;
    words.fill(sentence, &[("address", address), ("expected", &expected), ("found", &found)])
}

/// Why there is no login.
pub(super) fn refused(options: &PlainOptions, fault: &Fault, words: &Words) -> String {
    let reason = match fault.code {
        FaultCode::Taken => words.fill("cli.taken", &[("user", &options.user)]),
        FaultCode::WeakPassword => words.t("cli.weak_password").to_owned(),
        code => words.fault(code),
    };
    words.fill("cli.login_refused", &[("reason", &reason)])
}

/// A server that is not on this computer, without encryption.
pub(super) fn abroad(options: &PlainOptions, words: &Words) -> String {
    connect_sentence(&ConnectError::NotLoopback, &options.target.address, words)
}

/// What to log in with.
pub(super) fn credentials(options: &PlainOptions, words: &Words) -> Result<Credentials, Refused> {
    let path = &options.password_file;
    let prompt = words.fill("cli.password_prompt", &[("user", &options.user)]);
    let secret = password(path, &prompt).map_err(|(key, error)| {
        if error.kind() == io::ErrorKind::Interrupted {
            // Who pressed Ctrl-C knows.
            return (Exit::Unsent, String::new());
        }
        let reason = io_reason(error.kind(), &error.to_string(), words);
        let values: [(&str, &dyn std::fmt::Display); 2] =
            [("path", &path.display()), ("reason", &reason)];
        (Exit::Usage, words.fill(key, &values))
    })?;
    let Some(account) = &options.register else {
        return Ok(Credentials::Password { user: options.user.clone(), secret });
    };
    Ok(Credentials::Register(Register {
        user: options.user.as_str().to_owned(),
        name: account.name.clone(),
        secret,
        // The link says what this device is called.
        dev_name: String::new(),
        invite: account.invite.clone().or_else(|| options.target.invite.clone()),
    }))
}

/// The first line of the file, or of standard input, where a terminal asks; or why not: a key of the words, and what the
/// operating system says.
fn password(path: &Path, prompt: &str) -> Result<Secret, (&'static str, io::Error)> {
    let read = if path != Path::new("-") {
        File::open(path).and_then(|file| first_line(BufReader::new(file), PASSWORD_BYTES_READ))
    } else if io::stdin().is_terminal() {
        hidden::ask(prompt, PASSWORD_BYTES_READ)
    } else {
        // What stands behind it are the lines to be said.
        first_line(io::stdin().lock(), PASSWORD_BYTES_READ)
    };
    let line = read.map_err(|error| ("cli.password_file", error))?;
    match str::from_utf8(&line) {
        Ok("") => Err(("cli.password_empty", io::ErrorKind::InvalidData.into())),
        Ok(text) => Ok(Secret(text.to_owned())),
        Err(_) => Err(("cli.password_not_text", io::ErrorKind::InvalidData.into())),
    }
}
