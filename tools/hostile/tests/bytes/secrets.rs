//! Whoever prints a value while looking for a fault prints no password, token or invite with it.

use std::fmt::Debug;

use liao_client_core::link::Credentials;
use liao_common::{
    event::Session,
    id::{DeviceId, UserId},
    name::UserName,
    request::{Auth, Passwd, Register, Request, Secret, Token},
};

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
#[should_panic(expected = "canary")]
fn what_prints_its_secret_is_noticed() {
    assert_silent(&CANARY);
}

#[test]
#[should_panic(expected = "99")]
fn what_prints_its_bytes_is_noticed() {
    assert_silent(&CANARY.as_bytes());
}
