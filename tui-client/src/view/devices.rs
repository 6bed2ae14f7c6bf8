//! The devices of the account: where it is logged in, and logging it out there. Owns the list as it came last;
//! what is logged out is the server's decision. Part of the main view.

use liao_client_core::model::Model;
use liao_common::{
    event::{Device, DeviceList},
    id::DeviceId,
    request::{Devices, Revoke},
    text::clean_line,
};

use super::{
    confirm::{ConfirmView, Question},
    deeds::is_linked,
    list::ListView,
    main::MainView,
    overlay::{Overlay, move_list},
};
use crate::{action::Action, app::Base};

/// The list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DevicesView {
    /// This device first, then the others, last used first. None while the answer is on its way.
    pub devices: Option<Vec<Device>>,
    /// The chosen row.
    pub list: ListView,
}

impl DevicesView {
    /// The list as it is now. The choice stays with its device.
    pub(super) fn came(&mut self, list: &DeviceList) {
        let chosen = self.chosen().map(|device| device.dev);
        let clean = |device: &Device| Device { name: clean_line(&device.name), ..device.clone() };
        let mut devices: Vec<Device> = list.devices.iter().map(clean).collect();
        let key = |device: &Device| (!device.here, !device.online, std::cmp::Reverse(device.seen));
        devices.sort_by_key(key);
        if let Some(row) = devices.iter().position(|device| Some(device.dev) == chosen) {
            self.list.choose(row);
        }
        self.devices = Some(devices);
    }

    /// The rows that have come.
    #[must_use]
    pub fn rows(&self) -> &[Device] {
        self.devices.as_deref().unwrap_or_default()
    }

    /// The device that is chosen.
    #[must_use]
    pub fn chosen(&self) -> Option<&Device> {
        self.list.chosen(self.rows().len()).and_then(|row| self.rows().get(row))
    }

    /// All but the one that asks.
    pub fn others(&self) -> impl Iterator<Item = &Device> {
        self.rows().iter().filter(|device| !device.here)
    }
}

impl MainView {
    /// Opens the page, or asks for the list again.
    pub(super) fn open_devices(&mut self, base: &mut Base) {
        if !matches!(self.overlay, Some(Overlay::Devices(_))) {
            self.overlay = Some(Overlay::Devices(DevicesView::default()));
        }
        self.ask(Devices {}, base);
    }

    pub(super) fn act_devices(&mut self, mut view: DevicesView, action: Action, base: &mut Base) {
        let len = view.rows().len();
        let question = match action {
            Action::LogOutDevice if view.chosen().is_some_and(|device| device.here) => {
                self.complain(base, base.words.t("devices.is_here"));
                None
            }
            Action::LogOutDevice => {
                view.chosen().map(|device| Question::LogDeviceOut(device.dev, named(device, base)))
            }
            Action::LogOutOthers => {
                let others: Vec<DeviceId> = view.others().map(|device| device.dev).collect();
                (!others.is_empty()).then_some(Question::LogOthersOut(others))
            }
            _ => {
                move_list(&mut view.list, action, len, base);
                None
            }
        };
        self.overlay = Some(match question {
            Some(question) => Overlay::Confirm(ConfirmView { question }),
            None => Overlay::Devices(view),
        });
    }

    /// The question about devices was answered with yes. The list is shown again, whatever comes of it.
    pub(super) fn log_devices_out(&mut self, devs: &[DeviceId], model: &Model, base: &mut Base) {
        if !is_linked(model) {
            return self.refuse_offline(base);
        }
        devs.iter().for_each(|dev| self.ask(Revoke { dev: *dev }, base));
        self.open_devices(base);
    }

    /// Without a connection the list was asked of nobody.
    pub(super) fn list_devices_again(&mut self, base: &mut Base) {
        if matches!(self.overlay, Some(Overlay::Devices(_))) {
            self.ask(Devices {}, base);
        }
    }

    pub(super) fn devices_came(&mut self, list: &DeviceList) {
        if let Some(Overlay::Devices(view)) = &mut self.overlay {
            view.came(list);
        }
    }
}

/// What a device is called; one that was given no name by its number.
#[must_use]
pub fn named(device: &Device, base: &Base) -> String {
    if device.name.is_empty() {
        return base.words.fill("devices.nameless", &[("number", &device.dev)]);
    }
    device.name.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(dev: u64, seen: u64, here: bool) -> Device {
        let name = format!("name {dev}");
        Device { dev: DeviceId(dev), name, since: 1, seen, here, online: here }
    }

    #[test]
    fn this_one_comes_first_and_the_choice_stays_with_its_device() {
        let mut view = DevicesView::default();
        let mut list = DeviceList {
            devices: vec![device(1, 5, false), device(2, 9, false), device(3, 1, true)],
        };
        view.came(&list);
        let order: Vec<u64> = view.rows().iter().map(|device| device.dev.0).collect();
        assert_eq!(order, [3, 2, 1]);
        view.list.choose(2);
        list.devices.push(device(4, 7, false));
        view.came(&list);
        assert_eq!(view.chosen().unwrap().dev, DeviceId(1));
        list.devices.retain(|device| device.dev != DeviceId(1));
        view.came(&list);
        assert!(view.chosen().is_some(), "another one, since that one is gone");
        assert_eq!(view.others().count(), 2);
    }
}
