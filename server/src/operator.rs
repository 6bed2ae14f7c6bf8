//! Lists and repairs for the operator: what `liaod user` and `liaod invite` do besides adding.

use std::{
    fs,
    io::{self, BufRead as _, Read as _},
    path::Path,
};

use anyhow::{Context as _, Result, bail};
use liao_common::{limits, request::Secret, text};
use liao_server::{
    admin::{
        account::{ListAccounts, SetPassword},
        client,
        invite::{ListInvites, RevokeInvite},
    },
    chat::age::DAY_MS,
};

use crate::say;

/// Lists have a folder to be of: none is made for them.
fn must_be_there(data: &Path) -> Result<()> {
    if data.is_dir() { Ok(()) } else { bail!("there is no data folder at {}", data.display()) }
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
    let secret = file.map(read_password).transpose()?;
    let set = client::set_password(data, SetPassword { id, secret }).await?;
    match set.made {
        Some(made) => say(&mut io::stdout(), &made.0),
        None => say(&mut io::stdout(), &format!("{} has another password", set.id)),
    }
    Ok(())
}

/// The first line of a file, or of standard input.
fn read_password(file: &Path) -> Result<Secret> {
    // One more than is allowed, for the server to refuse it.
    let limit = u64::try_from(limits::PASSWORD_BYTES_MAX + 2)?;
    let mut line = Secret::default();
    let read = if file == Path::new("-") {
        io::stdin().lock().take(limit).read_line(&mut line.0)
    } else {
        fs::File::open(file)
            .and_then(|file| io::BufReader::new(file.take(limit)).read_line(&mut line.0))
    };
    read.with_context(|| format!("cannot read the password from {}", file.display()))?;
    let end = line.0.trim_end_matches(['\r', '\n']).len();
    line.0.truncate(end);
    Ok(line)
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
