//! Whoever prints a value while looking for a fault prints no password, token or invite with it.

use std::fmt::Debug;

use liao::{
    effect::Login,
    form::{Field, Form},
    plain::NewAccount,
};
use liao_client_core::{address::LinkTarget, link::Credentials};
use liao_common::{
    event::Session,
    id::{DeviceId, UserId},
    name::UserName,
    request::{Auth, Passwd, Register, Request, Secret, Token},
};
use liao_server::admin::{account::AddAccount, invite::Invited};

const CANARY: &str = "canary";

fn assert_silent(value: &impl Debug) {
    let token = format!("{:?}", CANARY.as_bytes());
    let list = token.trim_matches(['[', ']']);
    for printed in [format!("{value:?}"), format!("{value:#?}").replace([' ', '\n'], "")] {
        let printed = printed.replace(',', ", ");
        assert!(!printed.contains(CANARY), "{printed}");
        assert!(!printed.replace(",  ", ", ").contains(list), "{printed}");
    }
}

#[test]
fn what_is_secret_prints_as_nothing() {
    let (secret, token) = (Secret(CANARY.into()), Token(CANARY.into()));
    let register = Register {
        user: "alice".into(),
        name: "Alice".into(),
        secret: secret.clone(),
        dev_name: "test".into(),
        invite: Some(CANARY.into()),
    };
    let auth = Auth { secret: Some(secret.clone()), token: Some(token.clone()), ..Auth::default() };
    let session = Session {
        user: UserId(1),
        id: "alice".into(),
        name: "Alice".into(),
        dev: DeviceId(1),
        token: Some(token),
        admin: false,
    };
    let user = UserName::parse("alice").unwrap();
    assert_silent(&Request::from(register.clone()));
    assert_silent(&Request::from(auth));
    assert_silent(&Request::from(Passwd { old: secret.clone(), new: secret.clone() }));
    assert_silent(&session);
    assert_silent(&Credentials::Register(register));
    assert_silent(&Credentials::Password { user, secret });
}

#[test]
fn what_was_typed_or_handed_over_prints_as_nothing() {
    let secret = Secret(CANARY.into());
    let invite = Some(CANARY.to_owned());
    assert_silent(&LinkTarget::parse(&format!("liao://host:1/?invite={CANARY}")).unwrap());
    assert_silent(&NewAccount { name: "Alice".into(), invite: invite.clone() });
    assert_silent(&Invited { code: CANARY.into() });
    let add = AddAccount { id: "alice".into(), name: "Alice".into(), secret: secret.clone() };
    assert_silent(&add);
    let (user, keep) = ("alice".to_owned(), true);
    let password = Login::Password { user: user.clone(), secret: secret.clone(), keep };
    assert_silent(&password);
    assert_silent(&Login::Register { user, name: "Alice".into(), secret, invite, keep });
    let mut form = Form::new("login.title", vec![Field::password("field.password")]);
    form.insert(CANARY);
    assert_eq!(form.value("field.password"), CANARY);
    assert_silent(&form);
}

#[test]
#[should_panic(expected = "canary")]
fn what_prints_its_secret_is_noticed() {
    assert_silent(&CANARY);
}

#[test]
#[should_panic(expected = "99")]
fn what_prints_its_bytes_is_noticed() {
    assert_silent(&CANARY.as_bytes());
}
