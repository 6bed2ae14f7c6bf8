//! Commands that were typed, until it is known what came of them: the line of one that is refused comes back, and
//! beside it stands why. Part of the main view.

use std::{collections::VecDeque, path::PathBuf};

use liao_common::request::Request;

use super::{main::MainView, told::Written};

/// Commands that are waited for at most. A line that was forgotten is still among those that were sent.
const COMMANDS_MAX: usize = 32;

/// What a command waits for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Awaited {
    /// The answer to a request.
    Answer(Box<Request>),
    /// What the disk says about a file.
    File(PathBuf),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Commands {
    /// The one that is being carried out.
    current: Option<Written>,
    waiting: VecDeque<(Awaited, Written)>,
}

impl MainView {
    /// From here on, what is asked for and what is refused is about this line.
    pub(super) fn begin_command(&mut self, written: Written) {
        self.commands.current = Some(written);
    }

    /// The same for a line of which something is known now.
    pub(super) fn resume_command(&mut self, awaited: &Awaited) {
        let waiting = &mut self.commands.waiting;
        let place = waiting.iter().position(|(other, _)| other == awaited);
        self.commands.current = place.and_then(|place| waiting.remove(place)).map(|(_, line)| line);
    }

    /// Nothing more is about that line.
    pub(super) fn end_command(&mut self) {
        self.commands.current = None;
    }

    /// Nothing more is about the line that is being carried out, or about those that wait for the same.
    pub(super) fn forget_commands(&mut self, awaited: &Awaited) {
        self.commands.current = None;
        self.commands.waiting.retain(|(other, _)| other != awaited);
    }

    /// The line that is being carried out has to wait.
    pub(super) fn defer_command(&mut self, awaited: Awaited) {
        let Some(written) = self.commands.current.clone() else { return };
        let waiting = &mut self.commands.waiting;
        if waiting.len() == COMMANDS_MAX {
            waiting.pop_front();
        }
        waiting.push_back((awaited, written));
    }

    /// Something went wrong: the line comes back, unless something else is being written there by now. Then it is one
    /// key away, as all lines are that were sent.
    pub(super) fn refuse_command(&mut self) {
        let Some(Written { room, line }) = self.commands.current.take() else { return };
        let chat = self.chats.get_mut(&room);
        if let Some(chat) = chat.filter(|chat| chat.composer.is_empty() && chat.intent.is_none()) {
            // What was taken from there fits there. Whatever is typed next takes its place.
            let _ = chat.composer.set_text(&line);
            chat.composer.select_all();
        }
    }
}
