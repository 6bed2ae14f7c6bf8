//! The page of devices: what it shows, and logging out elsewhere.

use liao_client_core::answer::{Answer, CallError};
use liao_client_core::notice::{Cut, LinkState, Notice, Ticket};
use liao_common::{
    event::{Device, DeviceList, Empty},
    fault::{Fault, FaultCode},
    id::DeviceId,
    request::{Devices, Request, Revoke},
};

use super::driver::{Desk, NOW_MS, busy};
use crate::{effect::Effect, words::Language};

const SIZE: (u16, u16) = (100, 30);
const DAY_MS: u64 = 24 * 3600 * 1000;

fn device(dev: u64, name: &str, days_ago: u64) -> Device {
    let seen = NOW_MS - days_ago * DAY_MS;
    let since = NOW_MS - 200 * DAY_MS;
    Device { dev: DeviceId(dev), name: name.into(), since, seen, here: false, online: false }
}

fn list() -> DeviceList {
    let here = Device { here: true, online: true, ..device(1, "desk", 0) };
    let phone = Device { online: true, ..device(4, "terminal on the train, with a long name", 0) };
    let unknown = Device { seen: 0, ..device(3, "", 0) };
    DeviceList { devices: vec![device(2, "旧电脑", 3), unknown, phone, here] }
}

/// Opens the page, and lets the list come.
pub(super) fn opens(desk: &mut Desk) {
    desk.keys("/devices<Enter>");
    desk.answer(Devices {}, Answer::Devices(list()));
}

fn asked(desk: &mut Desk) -> Vec<Request> {
    let asks = desk.wishes().into_iter().map(|effect| match effect {
        Effect::Ask(request) => request,
        other => panic!("{other:?}"),
    });
    asks.collect()
}

#[test]
fn the_page_says_where_one_is_logged_in() {
    let mut desk = busy(SIZE, Language::English);
    desk.keys("<C-k>devi<Enter>");
    assert_eq!(asked(&mut desk), [Devices {}.into()]);
    desk.shows("…");
    desk.answer(Devices {}, Answer::Devices(list()));
    desk.shows("● desk  this one");
    desk.shows("connected · logged in");
    desk.shows("○ 旧电脑");
    desk.shows("○ device 3");
    desk.keys("<Esc>");
    desk.hides("旧电脑");
}

#[test]
fn a_device_is_logged_out_after_a_question() {
    let mut desk = busy(SIZE, Language::English);
    opens(&mut desk);
    asked(&mut desk);
    desk.keys("x");
    desk.shows("/logout");
    assert_eq!(asked(&mut desk), [], "not the one that is used");
    desk.keys("jx");
    desk.shows("Log out on terminal on the train");
    desk.keys("<Enter>");
    assert_eq!(asked(&mut desk), [Devices {}.into()], "Enter agrees to nothing; the page is back");
    desk.answer(Devices {}, Answer::Devices(list()));
    desk.keys("jxy");
    assert_eq!(asked(&mut desk), [Revoke { dev: DeviceId(4) }.into(), Devices {}.into()]);
    desk.answer(Revoke { dev: DeviceId(4) }, Answer::Done(Empty {}));
    let mut left = list();
    left.devices.retain(|device| device.dev != DeviceId(4));
    desk.answer(Devices {}, Answer::Devices(left));
    desk.hides("on the train");
    desk.keys("<Esc>");
    desk.shows("Logged out there.");
}

#[test]
fn all_others_are_logged_out_at_once() {
    let mut desk = busy(SIZE, Language::English);
    opens(&mut desk);
    asked(&mut desk);
    desk.keys("Xy");
    let revoked = [4, 2, 3].map(|dev| Request::from(Revoke { dev: DeviceId(dev) }));
    let wanted: Vec<Request> = revoked.into_iter().chain([Devices {}.into()]).collect();
    assert_eq!(asked(&mut desk), wanted);
    let alone = DeviceList { devices: vec![Device { here: true, ..device(1, "desk", 0) }] };
    desk.answer(Devices {}, Answer::Devices(alone));
    desk.hides("log out all others");
    desk.keys("X");
    desk.shows("this one");
    assert_eq!(asked(&mut desk), [], "nobody is left to ask about");
}

#[test]
fn what_goes_wrong_is_said() {
    let mut desk = busy(SIZE, Language::English);
    opens(&mut desk);
    desk.keys("jxy");
    desk.keys("<Esc>");
    let request = Box::new(Request::from(Revoke { dev: DeviceId(4) }));
    let answer = Err(CallError::Fault(Fault::from(FaultCode::NotFound)));
    desk.tell(Notice::Answer { ticket: Ticket(1), request, answer });
    let sentence = desk.app.base.words.fault(FaultCode::NotFound);
    desk.shows(&sentence);
    desk.tell(Notice::State(LinkState::Waiting { retry_in_ms: 1000, why: Cut::Lost }));
    asked(&mut desk);
    desk.keys("/devices<Enter>");
    assert_eq!(asked(&mut desk), []);
    desk.shows("/devices");
}
