//! What the link tells, and what the conversation makes of it.

use liao_client_core::{
    notice::{Cut, End, LinkState, Notice, Queued},
    transfer::{Direction, Phase, TransferFault, TransferId},
};
use liao_common::{event, id::Nonce, message::Kind, request::Request};

use super::{Stage, Talk};
use crate::{
    plain::{Exit, event::Event, reach},
    view::reasons::{cut_sentence, fault_sentence, keys_sentence},
};

impl Talk {
    pub(super) fn hear(&mut self, notice: &Notice) -> Option<Exit> {
        let (events, requests) = self.story.take(notice);
        events.iter().for_each(|event| self.paper.tell(event));
        for request in requests {
            if self.doer.handle.ask(request.clone()).is_err() {
                self.story.not_asked(&request);
            }
        }
        match notice {
            Notice::State(state) => return self.state(state),
            Notice::LoggedIn(_) if !self.logged_in => self.logged_in(),
            Notice::Event(event::Event::Synced) => self.synced(),
            Notice::Queued(queued) => self.queued(queued),
            Notice::Posted { nonce, .. } => self.settled(*nonce),
            Notice::PostFailed { nonce, fault, .. } => {
                self.settled(*nonce);
                let reason = self.words.fault(fault.code);
                self.fail(&self.words.fill("plain.unsent", &[("reason", &reason)]));
            }
            Notice::Transfer(notice) => self.transfer(notice.id),
            Notice::Answer { request, .. } if matches!(**request, Request::Mark(_)) => {
                self.marks = self.marks.saturating_sub(1);
                self.moved();
            }
            _ => {}
        }
        None
    }

    /// A post stands in the outbox: what was typed, or the offer of a file.
    fn queued(&mut self, queued: &Queued) {
        match &queued.body.name {
            Some(name) if queued.kind == Kind::File => {
                let room = self.story.chat(queued.room).label;
                self.unsent.offers(queued.nonce, room, name.clone());
            }
            _ => self.unsent.posts(queued.nonce),
        }
    }

    fn settled(&mut self, nonce: Nonce) {
        self.unsent.settle(nonce);
        self.settled += 1;
        self.moved();
    }

    fn logged_in(&mut self) {
        self.logged_in = true;
        let address = &self.options.target.address;
        self.paper.note(&self.words.fill("plain.connected", &[("address", address)]));
        if self.options.register.is_some() {
            let user = &self.options.user;
            self.paper.note(&self.words.fill("plain.registered", &[("user", user)]));
        }
        self.moved();
    }

    fn synced(&mut self) {
        self.moved();
        if self.stage == Stage::Begin && self.room.is_none() && self.next.is_none() {
            let name = self.options.room.clone();
            self.next = self.enter(name);
        }
    }

    fn state(&mut self, state: &LinkState) -> Option<Exit> {
        self.linked = matches!(state, LinkState::Syncing | LinkState::Online { .. });
        match state {
            LinkState::Waiting { .. } if self.stage == Stage::Goodbye => Some(self.exit),
            LinkState::Waiting { why, retry_in_ms } => {
                if self.logged_in || matches!(why, Cut::Busy(_)) {
                    let seconds = retry_in_ms.div_ceil(1000);
                    let words = self.words;
                    self.paper.note(&words.fill("plain.reconnecting", &[("seconds", &seconds)]));
                    return None;
                }
                let address = self.options.target.address.to_string();
                self.paper.complain(&cut_sentence(why, &address, self.words));
                Some(Exit::Unreachable)
            }
            LinkState::Ended(end) => Some(self.ended(end)),
            _ => None,
        }
    }

    fn ended(&mut self, end: &End) -> Exit {
        let (words, options) = (self.words, &self.options);
        let (exit, sentence) = match end {
            End::Closed | End::LoggedOut => return self.exit,
            End::Refused(fault) => (Exit::Refused, reach::refused(options, fault, words)),
            End::PinChanged { expected, found } => {
                let keys = (*expected, *found);
                (Exit::Unreachable, reach::distrust("cli.untrusted", options, keys, words))
            }
            End::LinkMismatch { named, found } => {
                let keys = (*named, *found);
                (Exit::Unreachable, reach::distrust("cli.link_mismatch", options, keys, words))
            }
            End::Uncertified { found } => {
                let address = &options.target.address;
                let values: [(&str, &dyn std::fmt::Display); 2] =
                    [("address", address), ("found", found)];
                (Exit::Unreachable, words.fill("cli.uncertified", &values))
            }
            End::KeyUnknown => {
                let address = &options.target.address;
                (Exit::Unreachable, words.fill("cli.forgotten", &[("address", address)]))
            }
            End::KeysUnreadable(reason) => (Exit::Unreachable, keys_sentence(reason, words)),
            End::NotLoopback => (Exit::Unreachable, reach::abroad(options, words)),
            End::Unsupported => (Exit::Unreachable, words.t("connect.version").to_owned()),
        };
        self.paper.complain(&sentence);
        exit
    }

    pub(super) fn transfer(&mut self, id: TransferId) {
        self.moved();
        let Some(row) = self.story.model().transfers.find(id) else { return };
        let Some(moving) = self.transfers.get_mut(&id) else { return };
        let (phase, direction, percent) = (row.phase.clone(), row.direction, row.percent());
        match phase {
            Phase::Moving => {
                let quarter = percent / 25;
                if quarter > moving.quarter && quarter < 4 {
                    moving.quarter = quarter;
                    let key = match direction {
                        Direction::Upload => "phase.sending",
                        Direction::Download => "phase.receiving",
                    };
                    self.paper.tell(&Event::Progress(moving.name.clone(), key, quarter * 25));
                }
            }
            Phase::Done { fid, path } => {
                self.transfers.remove(&id);
                self.unsent.stops(id);
                match direction {
                    // The message that offers it is a post of its own.
                    Direction::Upload => self.posts += 1,
                    Direction::Download => self.paper.tell(&Event::Saved(fid, path)),
                }
            }
            Phase::Failed(fault) => {
                let name = std::mem::take(&mut moving.name);
                self.transfers.remove(&id);
                self.unsent.stops(id);
                self.transfer_failed(&name, &fault);
            }
            Phase::Cancelled => {
                self.transfers.remove(&id);
                self.unsent.stops(id);
            }
            _ => {}
        }
    }

    fn transfer_failed(&mut self, file: &str, fault: &TransferFault) {
        let words = self.words;
        let reason = match fault {
            TransferFault::HashMismatch => words.t("plain.damaged").to_owned(),
            fault => fault_sentence(words, fault, file),
        };
        self.fail(&words.fill("plain.file_failed", &[("file", &file), ("reason", &reason)]));
    }
}
