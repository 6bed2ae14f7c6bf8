//! Lists and repairs for the operator: what `liaod user` and `liaod invite` do besides adding.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write as _},
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
    datadir::DataDir,
};
use zeroize::Zeroizing;

use crate::say;

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
    let secret = file.map(read_password).transpose()?;
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

/// The password in the first line of a file, or of standard input where that is `-`.
pub(crate) fn read_password(file: &Path) -> Result<Secret> {
    let read = if file == Path::new("-") {
        first_line(io::stdin().lock())
    } else {
        File::open(file).and_then(|file| first_line(BufReader::new(file)))
    };
    let line = read.with_context(|| format!("cannot read the password from {}", file.display()))?;
    if line.len() > limits::PASSWORD_BYTES_MAX {
        bail!("the password has more than {} bytes", limits::PASSWORD_BYTES_MAX);
    }
    let text = str::from_utf8(&line)
        .with_context(|| format!("the password in {} is no text in UTF-8", file.display()))?;
    Ok(Secret(text.to_owned()))
}

/// Of a line that is too long for a password so much that this can be seen.
fn first_line(from: impl BufRead) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut line = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
    from.take(LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
    if line.ends_with(b"\n") {
        line.pop();
        if line.ends_with(b"\r") {
            line.pop();
        }
    }
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
