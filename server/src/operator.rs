//! Lists and repairs for the operator: what `liaod user` and `liaod invite` do besides adding.

use std::{
    fs::File,
    io::{self, BufReader, IsTerminal as _, Write as _},
    path::Path,
};

use anyhow::{Context as _, Result, anyhow, bail};
use liao_common::{limits, request::Secret, text};
use liao_server::{
    admin::{
        account::{ListAccounts, SetPassword},
        client,
        invite::{self, AddInvite, ListInvites, RevokeInvite},
    },
    chat::age::DAY_MS,
    datadir::DataDir,
    hidden,
};

use crate::{prepare, say};

/// Bytes of a line that are read for a password: the longest one, its end, and one more.
const LINE_BYTES_MAX: usize = limits::PASSWORD_BYTES_MAX + 3;

/// Lists have a server to be of: none is made for them, nor in a folder of something else.
fn must_be_there(data: &Path) -> Result<()> {
    if DataDir::is_one(data) {
        Ok(())
    } else {
        bail!("there is no data folder at {}", data.display())
    }
}

pub(crate) async fn list_users(data: &Path) -> Result<()> {
    must_be_there(data)?;
    let mut next = Some(ListAccounts::default());
    while let Some(ask) = next {
        let page = client::list_accounts(data, ask).await?;
        for account in page.accounts {
            let name = text::clean_line(&account.name);
            let admin = if account.admin { "\tadministers" } else { "" };
            let online = if account.online { "\tonline" } else { "" };
            say(&mut io::stdout(), &format!("{}\t{name}{admin}{online}", account.id));
        }
        next = page.next.map(|after| ListAccounts { after });
    }
    Ok(())
}

pub(crate) async fn set_password(data: &Path, id: String, file: Option<&Path>) -> Result<()> {
    must_be_there(data)?;
    let secret = file.map(|file| read_password(file, &id)).transpose()?;
    let set = client::set_password(data, SetPassword { id, secret }).await?;
    let Some(made) = set.made else {
        say(&mut io::stdout(), &format!("{} has another password", set.id));
        return Ok(());
    };
    let mut out = io::stdout();
    writeln!(out, "{}", made.0).and_then(|()| out.flush()).with_context(|| {
        format!("{} has another password, which could not be shown: do it again", set.id)
    })
}

/// The password in the first line of a file, or of standard input where that is `-`. A person at a terminal is asked
/// for it twice, since it is not shown.
pub(crate) fn read_password(file: &Path, id: &str) -> Result<Secret> {
    let read = if file != Path::new("-") {
        File::open(file).and_then(|file| hidden::first_line(BufReader::new(file), LINE_BYTES_MAX))
    } else if io::stdin().is_terminal() {
        return ask_password(&text::clean_line(id));
    } else {
        hidden::first_line(io::stdin().lock(), LINE_BYTES_MAX)
    };
    secret(&read.with_context(|| format!("cannot read the password from {}", file.display()))?)
        .with_context(|| format!("the password in {} is no text in UTF-8", file.display()))?
}

fn ask_password(id: &str) -> Result<Secret> {
    let once = hidden::ask(&format!("Password for {id}: "), LINE_BYTES_MAX)?;
    let again = hidden::ask("The same again: ", LINE_BYTES_MAX)?;
    if once != again {
        bail!("the two passwords are not the same; nothing was done");
    }
    // Ctrl-Z and the like are characters where nothing is shown.
    if once.iter().any(u8::is_ascii_control) {
        bail!("a key that is no character was typed (an arrow, Ctrl-Z, Tab); nothing was done");
    }
    secret(&once).context("the password is no text in UTF-8")?
}

/// The outer failure is that of text that is none.
fn secret(line: &[u8]) -> Result<Result<Secret>, std::str::Utf8Error> {
    if line.len() > limits::PASSWORD_BYTES_MAX {
        return Ok(Err(anyhow!("the password has more than {} bytes", limits::PASSWORD_BYTES_MAX)));
    }
    str::from_utf8(line).map(|text| Ok(Secret(text.to_owned())))
}

/// Makes an invite and prints it. One that nobody could read is taken back.
pub(crate) async fn add_invite(data: &Path, ask: AddInvite, host: Option<&str>) -> Result<()> {
    prepare(data)?;
    let invited = client::add_invite(data, ask).await?;
    let name = invite::name(&invited.code);
    let link = invite::link(data, host, &invited.code);
    let mut out = io::stdout();
    let shown = writeln!(out, "{}", invited.code)
        .and_then(|()| link.iter().try_for_each(|link| writeln!(out, "{link}")))
        .and_then(|()| out.flush());
    if let Err(error) = shown {
        let revoked = client::revoke_invite(data, RevokeInvite { name: name.clone() }).await;
        return Err(error).context(match revoked {
            Ok(()) => "the invite could not be shown and was taken back".to_owned(),
            Err(_) => {
                format!("the invite could not be shown; `liaod invite revoke {name}` ends it")
            }
        });
    }
    if out.is_terminal() {
        say(&mut io::stderr(), &format!("liaod: `liaod invite revoke {name}` ends it"));
    }
    if link.is_none() {
        say(&mut io::stderr(), "liaod: --host HOST makes a link of it");
    }
    Ok(())
}

pub(crate) async fn list_invites(data: &Path) -> Result<()> {
    must_be_there(data)?;
    let mut next = Some(ListInvites::default());
    while let Some(ask) = next {
        let page = client::list_invites(data, ask).await?;
        for invite in page.invites {
            let days = invite.left_ms.div_ceil(DAY_MS);
            let line = format!("{}\tuses {}\tdays {days}", invite.name, invite.uses);
            say(&mut io::stdout(), &line);
        }
        next = page.next.map(|after| ListInvites { after: Some(after) });
    }
    Ok(())
}

pub(crate) async fn revoke_invite(data: &Path, name: String) -> Result<()> {
    must_be_there(data)?;
    client::revoke_invite(data, RevokeInvite { name: name.clone() }).await?;
    say(&mut io::stdout(), &format!("invite {name} is over"));
    Ok(())
}
