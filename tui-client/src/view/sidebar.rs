//! The people online: the filter, the chosen one, and opening a private chat. Part of the main view.

use liao_client_core::model::Model;
use liao_common::{
    event::UserPage,
    id::UserId,
    request::{RoomOpen, Who},
};

use super::{
    list::ListView,
    main::{Focus, MainView},
};
use crate::{action::Action, app::Base, fuzzy};

/// People that a filter lists.
const FOUND_MAX: usize = 500;

/// The list of people.
#[derive(Clone, Debug, Default)]
pub struct SidebarView {
    /// What was typed to filter.
    pub filter: String,
    /// The chosen row.
    pub list: ListView,
    /// The list was sent away, where it has a place of its own.
    pub hidden: bool,
    /// Whom the server found for the filter, where not everybody is known here.
    found: Vec<UserId>,
}

impl SidebarView {
    /// A page of people came. Gives the request for the next one, while it is still wanted and brings anybody.
    pub fn found(&mut self, asked: &Who, page: &UserPage) -> Option<Who> {
        if asked.query != self.filter {
            return None;
        }
        if asked.after.is_none() {
            self.found.clear();
        }
        self.found.extend(page.users.iter().map(|user| user.user));
        let full = page.users.is_empty() || self.found.len() >= FOUND_MAX;
        let after = page.next.clone().filter(|_| !full);
        after.map(|after| Who { after: Some(after), ..asked.clone() })
    }

    /// The people shown, in order.
    #[must_use]
    pub fn people(&self, model: &Model) -> Vec<UserId> {
        if self.filter.is_empty() {
            return model.people.online().collect();
        }
        let mut all: Vec<UserId> = model.people.online().collect();
        for user in &self.found {
            if !all.contains(user) {
                all.push(*user);
            }
        }
        let named = all.into_iter().filter_map(|user| {
            let person = model.people.find(user)?;
            Some((user, format!("{} {}", person.name, person.id)))
        });
        let ranked = fuzzy::rank(&self.filter, named, |(_, text)| text.as_str(), FOUND_MAX);
        ranked.into_iter().map(|((user, _), _)| user).collect()
    }
}

impl MainView {
    pub(super) fn act_sidebar(&mut self, action: Action, model: &mut Model, base: &mut Base) {
        let people = self.sidebar.people(model);
        let page = isize::try_from(base.size.1 / 2).unwrap_or(1);
        match action {
            Action::Up => self.sidebar.list.step(people.len(), -1),
            Action::Down => self.sidebar.list.step(people.len(), 1),
            Action::PageUp => self.sidebar.list.step(people.len(), -page),
            Action::PageDown => self.sidebar.list.step(people.len(), page),
            Action::Top => self.sidebar.list.choose(0),
            Action::Bottom => self.sidebar.list.choose(usize::MAX),
            Action::Choose => {
                if let Some(user) =
                    self.sidebar.list.chosen(people.len()).and_then(|row| people.get(row))
                {
                    self.open_person(*user, model, base);
                }
            }
            Action::DeleteLeft if self.sidebar.filter.pop().is_some() => {
                self.sidebar.list.choose(0)
            }
            Action::KillLeft => self.sidebar.filter.clear(),
            Action::Back if !self.sidebar.filter.is_empty() => self.sidebar.filter.clear(),
            Action::Back => self.focus = Focus::Composer,
            Action::Save | Action::Retry if self.room().is_none() => {
                self.act_inbox(action, model, base);
            }
            Action::Save | Action::Retry => self.act_timeline(action, model, base),
            _ => {}
        }
    }

    pub(super) fn filter_people(&mut self, text: &str, model: &Model, base: &mut Base) {
        self.sidebar.filter.push_str(&liao_common::text::clean_line(text));
        self.sidebar.list.choose(0);
        let known = u64::try_from(model.people.online().len()).unwrap_or(u64::MAX);
        if model.people.online_count() > known {
            self.ask(Who { query: self.sidebar.filter.clone(), ..Who::default() }, base);
        }
    }

    /// Goes to the private chat with somebody; it is made if there is none.
    pub fn open_person(&mut self, user: UserId, model: &mut Model, base: &mut Base) {
        if model.my_id() == Some(user) {
            return;
        }
        self.sidebar.filter.clear();
        if let Some(room) = model.direct_room(user).map(|room| room.id) {
            return self.go(room, model, base);
        }
        let request = RoomOpen { user: Some(user), name: None };
        self.ask_and_go(request, model, base);
    }
}
