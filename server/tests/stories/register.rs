//! The operator looks after who may come in: invites that are taken back, passwords that were forgotten.

use std::{path::Path, process::Command};

use liao_client_core::notice::End;
use liao_common::{event::Session, fault::FaultCode, request::Register};
use liao_server::{
    admin::{
        account::{AddAccount, ListAccounts, SetPassword},
        client,
        invite::{AddInvite, ListInvites, RevokeInvite, name},
    },
    chat::{age::DAY_MS, hub::Registration},
};

use crate::{
    program::{liaod, output, text},
    support::{World, register, secret},
};

async fn comes_with(world: &World, id: &str, invite: &str) -> Result<(), FaultCode> {
    let mut raw = world.raw().await;
    raw.hello().await;
    let form = Register { invite: Some(invite.into()), ..register(id) };
    raw.asks::<Session>(form).await.map(|_| ()).map_err(|fault| fault.code)
}

#[tokio::test]
async fn an_invite_is_listed_until_it_is_used_up_or_taken_back() {
    let mut world = World::with(|config| config.rules.registration = Registration::Invite).await;
    let add = |uses, days| client::add_invite(world.data(), AddInvite { uses, days });
    let first = add(2, 7).await.unwrap().code;
    let second = add(1, 1).await.unwrap().code;
    let page = client::list_invites(world.data(), ListInvites::default()).await.unwrap();
    let mut wanted = vec![(name(&first), 2, 7), (name(&second), 1, 1)];
    wanted.sort();
    let listed: Vec<_> = page
        .invites
        .iter()
        .map(|invite| (invite.name.clone(), invite.uses, invite.left_ms.div_ceil(DAY_MS)))
        .collect();
    assert_eq!((listed, page.next), (wanted, None));
    assert!(page.invites.iter().all(|invite| !first.starts_with(&invite.name)), "no secret");

    comes_with(&world, "alice", &first).await.unwrap();
    comes_with(&world, "bob", &second).await.unwrap();
    let names = async |world: &World| -> Vec<(String, u32)> {
        let page = client::list_invites(world.data(), ListInvites::default()).await.unwrap();
        page.invites.into_iter().map(|invite| (invite.name, invite.uses)).collect()
    };
    assert_eq!(names(&world).await, [(name(&first), 1)], "used up is gone");

    let revoke = |name: String| RevokeInvite { name };
    for unknown in [name(&second), first.clone(), "zz".into(), "é23456789012".into()] {
        let words = format!("no open invite is called “{unknown}”");
        let error = client::revoke_invite(world.data(), revoke(unknown)).await.unwrap_err();
        assert_eq!(error.to_string(), words);
    }
    client::revoke_invite(world.data(), revoke(name(&first))).await.unwrap();
    assert_eq!(names(&world).await, []);
    assert_eq!(comes_with(&world, "carol", &first).await, Err(FaultCode::InviteRequired));
    world.restarts().await;
    assert_eq!(comes_with(&world, "carol", &first).await, Err(FaultCode::InviteRequired));
}

#[tokio::test]
async fn lists_longer_than_an_answer_come_page_by_page() {
    let world = World::new().await;
    for _ in 0..501 {
        client::add_invite(world.data(), AddInvite { uses: 1, days: 1 }).await.unwrap();
    }
    let (mut count, mut next) = (0, Some(ListInvites::default()));
    while let Some(ask) = next {
        let page = client::list_invites(world.data(), ask).await.unwrap();
        count += page.invites.len();
        next = page.next.map(|after| ListInvites { after: Some(after) });
    }
    assert_eq!(count, 501);
}

#[tokio::test]
async fn accounts_with_the_longest_names_are_listed_to_the_last() {
    let world = World::new().await;
    // Four bytes a letter, and none of them may be in a name with those of another script.
    let names: Vec<String> =
        (0..201).map(|number| format!("{}{number:03}", "\u{20000}".repeat(29))).collect();
    for name in &names {
        let account =
            AddAccount { id: name.clone(), name: name.clone(), secret: secret("somebody") };
        client::add_account(world.data(), account).await.unwrap();
    }
    let (mut listed, mut next) = (Vec::new(), Some(ListAccounts::default()));
    while let Some(ask) = next {
        let page = client::list_accounts(world.data(), ask).await.unwrap();
        listed.extend(page.accounts.into_iter().map(|account| account.id));
        next = page.next.map(|after| ListAccounts { after });
    }
    assert_eq!(listed, names);
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_and_logs_out_everywhere() {
    let world = World::new().await;
    let alice = world.registers("alice").await;
    let token = alice.token();
    world.registers("bob").await.goes().await;
    let page = client::list_accounts(world.data(), ListAccounts::default()).await.unwrap();
    let rows: Vec<_> =
        page.accounts.iter().map(|row| (row.id.as_str(), row.admin, row.online)).collect();
    assert_eq!(rows[0], ("alice", true, true));
    assert_eq!((rows[1].0, rows[1].1, page.next), ("bob", false, None));

    let ask = |id: &str| SetPassword { id: id.into(), secret: None };
    let made = client::set_password(world.data(), ask("Alice")).await.unwrap().made.unwrap();
    assert!(
        matches!(alice.ends().await, End::Refused(fault) if fault.code == FaultCode::AuthRevoked)
    );
    assert!(world.shows(token).await.is_err(), "a remembered login is none any more");
    let old = secret("alice").0.clone();
    assert!(world.tries("alice", &old).await.is_err());
    assert_eq!(made.0.len(), 20);
    world.tries("alice", &made.0).await.unwrap();
    let other = client::set_password(world.data(), ask("alice")).await.unwrap().made.unwrap();
    assert_ne!(made, other);
    for nobody in ["nobody", "not a name", ""] {
        let error = client::set_password(world.data(), ask(nobody)).await.unwrap_err();
        assert_eq!(error.to_string(), format!("nobody has the user id “{nobody}”"));
    }
}

async fn runs(arguments: &[&str], data: &Path) -> (Option<i32>, String, String) {
    let done = output(liaod(arguments, data)).await;
    (done.status.code(), text(&done.stdout), text(&done.stderr))
}

#[tokio::test]
async fn no_invite_is_made_that_nobody_can_use() {
    let world = World::new().await;
    world.registers("alice").await.goes().await;
    world.stops().await;
    let data = world.data().to_owned();
    let mut command = Command::new("sh");
    let script = "\"$0\" invite add --data \"$1\" > /dev/full";
    command.args(["-c", script, env!("CARGO_BIN_EXE_liaod")]).arg(&data);
    let done = output(command).await;
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("could not be shown and was taken back"), "{done:?}");
    let (_, listed, _) = runs(&["invite", "list"], &data).await;
    assert_eq!(listed, "", "nobody knows its code");
    let (code, made_none, why) = runs(&["invite", "add", "--host", "bad host"], &data).await;
    assert_eq!((code, made_none.as_str()), (Some(2), ""));
    assert!(why.contains("this is no host name and no address"), "{why}");
}

#[tokio::test]
async fn the_commands_work_on_a_server_that_is_stopped_too() {
    let mut world = World::new().await;
    world.registers("alice").await.goes().await;
    world.stops().await;
    let data = world.data().to_owned();
    let (code, listed, _) = runs(&["account", "list"], &data).await;
    assert_eq!((code, listed.as_str()), (Some(0), "alice\talice\tadministers\n"));
    let (_, invited, told) = runs(&["invite", "add"], &data).await;
    assert!(!told.contains("revoke"), "scripts read no hints");
    let invite = name(invited.lines().next().unwrap());
    let (_, listed, _) = runs(&["invite", "list"], &data).await;
    assert_eq!(listed, format!("{invite}\tuses 1\tdays 7\n"));
    let (code, ended, _) = runs(&["invite", "revoke", &invite], &data).await;
    assert_eq!((code, ended), (Some(0), format!("invite {invite} is over\n")));
    let (code, _, why) = runs(&["invite", "revoke", &invite], &data).await;
    let words = format!("liaod: no open invite is called “{invite}”\n");
    assert_eq!((code, why), (Some(1), words));

    let (code, made, _) = runs(&["user", "password", "alice"], &data).await;
    assert_eq!(code, Some(0));
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "\"$0\" user password alice --data \"$1\" > /dev/full",
            env!("CARGO_BIN_EXE_liaod"),
        ])
        .arg(&data);
    let done = output(command).await;
    assert_eq!(done.status.code(), Some(1));
    assert!(text(&done.stderr).contains("could not be shown: do it again"), "{done:?}");
    let given = "from the standard input";
    let mut command = Command::new("sh");
    let liaod = env!("CARGO_BIN_EXE_liaod");
    let script =
        "printf '%s\\n' \"$1\" | \"$0\" user password alice --password-file - --data \"$2\"";
    command.args(["-c", script, liaod, given]).arg(&data);
    let done = output(command).await;
    assert_eq!(text(&done.stdout), "alice has another password\n", "{}", text(&done.stderr));
    let (code, _, why) =
        runs(&["user", "password", "alice", "--password-file", "/dev/null"], &data).await;
    assert_eq!(
        (code, why.as_str()),
        (Some(1), "liaod: the password is empty: its file must begin with it\n")
    );
    let empty = tempfile::tempdir().unwrap();
    for nothing in [data.join("none"), empty.path().to_owned()] {
        let (code, _, why) = runs(&["user", "list"], &nothing).await;
        assert_eq!(code, Some(1));
        assert!(why.contains("there is no data folder at"), "{why}");
    }
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0, "none is made");
    let too_long = empty.path().join("password");
    for content in ["é".repeat(600), "x".repeat(1025)] {
        std::fs::write(&too_long, content).unwrap();
        let file = too_long.to_str().unwrap();
        for command in
            [&["user", "password", "alice"][..], &["user", "add", "bob", "--name", "Bob"]]
        {
            let arguments = [command, &["--password-file", file]].concat();
            let (code, _, why) = runs(&arguments, &data).await;
            assert_eq!(code, Some(1), "{why}");
            assert!(why.contains("more than 1024 bytes"), "{why}");
        }
    }
    world.starts().await;
    assert!(world.tries("alice", made.trim()).await.is_err());
    world.tries("alice", given).await.unwrap();
}
