//! Who may not enter a room: the whole list, page after page, and lifting a ban. Owns what has come of the list; the
//! truth is the server's. Part of the main view.

use liao_common::{
    event::{Ban, BanPage, User},
    id::{RoomId, UserId},
    limits::BANS_MAX,
    request::{RoomBans, RoomUnban},
    text::clean_line,
};

use super::{
    list::ListView,
    main::MainView,
    overlay::{Overlay, move_list},
};
use crate::{action::Action, app::Base};

/// The list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BansView {
    /// Of which room.
    pub room: RoomId,
    /// Those that have come. None while the first answer is on its way.
    pub bans: Option<Vec<Ban>>,
    /// The chosen row.
    pub list: ListView,
}

impl BansView {
    /// The rows that have come.
    #[must_use]
    pub fn rows(&self) -> &[Ban] {
        self.bans.as_deref().unwrap_or_default()
    }

    /// The ban that is chosen.
    #[must_use]
    pub fn chosen(&self) -> Option<&Ban> {
        self.list.chosen(self.rows().len()).and_then(|row| self.rows().get(row))
    }

    /// A page has come. Gives the request for the next one.
    fn came(&mut self, asked: &RoomBans, page: &BanPage) -> Option<RoomBans> {
        if asked.room != self.room {
            return None;
        }
        let clean = |ban: &Ban| Ban {
            user: User {
                id: clean_line(&ban.user.id),
                name: clean_line(&ban.user.name),
                ..ban.user.clone()
            },
            text: clean_line(&ban.text),
            ..ban.clone()
        };
        let bans = self.bans.get_or_insert_default();
        if asked.after.is_none() {
            bans.clear();
        }
        // A page that was asked for twice adds nobody.
        let fresh = page.bans.iter().filter(|ban| bans.iter().all(|kept| !is_same(kept, ban)));
        let fresh: Vec<Ban> = fresh.map(clean).collect();
        bans.extend(fresh);
        bans.truncate(BANS_MAX);
        let after = page.next.clone().filter(|_| bans.len() < BANS_MAX && !page.bans.is_empty());
        after.map(|after| RoomBans { after: Some(after), ..asked.clone() })
    }

    fn lifted(&mut self, user: UserId) {
        self.bans.iter_mut().for_each(|bans| bans.retain(|ban| ban.user.user != user));
    }
}

fn is_same(one: &Ban, other: &Ban) -> bool {
    one.user.user == other.user.user
}

impl MainView {
    pub(super) fn open_bans(&mut self, room: RoomId, base: &mut Base) {
        self.completion = None;
        self.overlay =
            Some(Overlay::Bans(BansView { room, bans: None, list: ListView::default() }));
        self.ask(RoomBans { room, ..RoomBans::default() }, base);
    }

    pub(super) fn act_bans(&mut self, mut view: BansView, action: Action, base: &mut Base) {
        let (len, chosen) = (view.rows().len(), view.chosen().map(|ban| ban.user.user));
        match (action, chosen) {
            (Action::LiftBan, Some(user)) => self.ask(RoomUnban { room: view.room, user }, base),
            _ => move_list(&mut view.list, action, len, base),
        }
        self.overlay = Some(Overlay::Bans(view));
    }

    pub(super) fn bans_came(&mut self, asked: &RoomBans, page: &BanPage, base: &mut Base) {
        let Some(Overlay::Bans(view)) = &mut self.overlay else { return };
        if let Some(next) = view.came(asked, page) {
            self.ask(next, base);
        }
    }

    /// The list was refused: there is nothing to look at.
    pub(super) fn bans_refused(&mut self) {
        if matches!(&self.overlay, Some(Overlay::Bans(view)) if view.bans.is_none()) {
            self.overlay = None;
        }
    }

    pub(super) fn ban_lifted(&mut self, asked: &RoomUnban) {
        if let Some(Overlay::Bans(view)) = &mut self.overlay
            && view.room == asked.room
        {
            view.lifted(asked.user);
        }
    }
}
