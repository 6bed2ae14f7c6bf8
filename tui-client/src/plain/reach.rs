//! Before the first word: whose key is believed, and which password is used. Nothing secret is
//! said to a server whose key is not known.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use liao_client_core::{
    dial,
    home::Home,
    link::Credentials,
    trust::{ConnectError, Trust},
};
use liao_common::{
    id::Pin,
    request::{Register, Secret},
};

use super::{AGENT, Exit, PlainOptions};
use crate::{settings::Paths, view::door::connect_sentence, words::Words};

/// Bytes of a password file that are looked at.
const PASSWORD_FILE_BYTES_MAX: u64 = 64 * 1024;

/// Why there is no conversation: how the program ends, and the sentence for it.
pub(super) type Refused = (Exit, String);

/// Why the server is believed: because of the options, or because its key is known here.
pub(super) async fn trust(options: &PlainOptions, words: &Words) -> Result<Trust, Refused> {
    if options.plaintext {
        return Ok(Trust::Plaintext);
    }
    if let Some(pin) = options.pin {
        return Ok(Trust::Pinned(pin));
    }
    let address = &options.target.address;
    match (known(options), options.target.pin) {
        (Err(error), _) => return Err((Exit::Unreachable, error.to_string())),
        // A link may come from anybody: it does not outweigh what is known.
        (Ok(Some(known)), Some(pin)) if known != pin => {
            return Err((Exit::Unreachable, changed(options, (known, pin), words)));
        }
        (Ok(known), pin) => {
            if let Some(pin) = known.or(pin) {
                return Ok(Trust::Pinned(pin));
            }
        }
    }
    Err((
        Exit::Unreachable,
        match dial::probe(address).await {
            Ok(pin) => {
                let said = pin.words();
                words
                    .fill("cli.needs_pin", &[("address", address), ("words", &said), ("pin", &pin)])
            }
            Err(error) => connect_sentence(&error, address, words),
        },
    ))
}

fn known(options: &PlainOptions) -> io::Result<Option<Pin>> {
    let home = Home::open(Paths::find()?.data)?;
    Ok(home.server(&options.target.address)?.map(|known| known.pin))
}

/// The server shows another key than the one that is believed.
pub(super) fn changed(
    options: &PlainOptions,
    (expected, found): (Pin, Pin),
    words: &Words,
) -> String {
    let address = &options.target.address;
    words.fill("cli.untrusted", &[("address", address), ("expected", &expected), ("found", &found)])
}

/// A server that is not on this computer, without encryption.
pub(super) fn abroad(options: &PlainOptions, words: &Words) -> String {
    connect_sentence(&ConnectError::NotLoopback, &options.target.address, words)
}

/// What to log in with.
pub(super) fn credentials(options: &PlainOptions, words: &Words) -> Result<Credentials, Refused> {
    let path = &options.password_file;
    let secret = password(path).map_err(|error| {
        let values: [(&str, &dyn std::fmt::Display); 2] =
            [("path", &path.display()), ("reason", &error)];
        (Exit::Usage, words.fill("cli.password_file", &values))
    })?;
    let Some(account) = &options.register else {
        return Ok(Credentials::Password { user: options.user.clone(), secret });
    };
    Ok(Credentials::Register(Register {
        user: options.user.as_str().to_owned(),
        name: account.name.clone(),
        secret,
        dev_name: AGENT.to_owned(),
        invite: account.invite.clone().or_else(|| options.target.invite.clone()),
    }))
}

/// The first line of the file.
fn password(path: &Path) -> io::Result<Secret> {
    let mut text = String::new();
    File::open(path)?.take(PASSWORD_FILE_BYTES_MAX).read_to_string(&mut text)?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret(line.to_owned())),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "its first line is empty")),
    }
}
