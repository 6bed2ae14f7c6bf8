//! What a key, a click or a command can make the program do. Plain names; the key map leads to them, the help
//! page explains them, `app` carries them out.

use crate::keymap::Mode;

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// Something the person can do.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action { $($(#[$doc])* $name,)* }

        impl Action {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Key of the words that explain it.
            #[must_use]
            pub const fn word_key(self) -> &'static str {
                match self { $(Self::$name => concat!("action.", $word),)* }
            }
        }
    };
}

actions! {
    /// Leave the program.
    Quit = "quit",
    /// Show what the keys do here.
    Help = "help",
    /// Close what is open, or go back.
    Back = "back",
    /// Take what is chosen.
    Choose = "choose",
    /// Send what a form holds.
    Submit = "submit",
    /// One row up.
    Up = "up",
    /// One row down.
    Down = "down",
    /// One page up.
    PageUp = "page_up",
    /// One page down.
    PageDown = "page_down",
    /// To the beginning.
    Top = "top",
    /// To the end.
    Bottom = "bottom",
    /// Menu: log in.
    LogIn = "log_in",
    /// Menu: register.
    Register = "register",
    /// Choose another server.
    OtherServer = "other_server",
    /// Go to the private server on this computer, and start it if nobody runs it.
    StartPrivate = "start_private",
    /// Menu: a remembered login by its number.
    Login4 = "login_number",
    /// Menu: a remembered login by its number.
    Login5 = "login_number",
    /// Menu: a remembered login by its number.
    Login6 = "login_number",
    /// Menu: a remembered login by its number.
    Login7 = "login_number",
    /// Menu: a remembered login by its number.
    Login8 = "login_number",
    /// Menu: a remembered login by its number.
    Login9 = "login_number",
    /// Change the language.
    Language = "language",
    /// Next field of a form, next pane of the screen.
    Next = "next",
    /// The one before.
    Previous = "previous",
    /// Show or hide the password.
    ShowPassword = "show_password",
    /// Trust the server's key.
    Trust = "trust",
    /// Go to any chat, person or command.
    Switcher = "switcher",
    /// Search the chat that is shown.
    Search = "search",
    /// Show the inbox.
    Inbox = "inbox",
    /// Show who is online.
    Online = "online",
    /// Show the transfers.
    Transfers = "transfers",
    /// Choose a file to send.
    SendFile = "send_file",
    /// Show the rooms of the server.
    Rooms = "rooms",
    /// Next tab.
    NextTab = "next_tab",
    /// The tab before.
    PreviousTab = "previous_tab",
    /// A tab by its number.
    Tab1 = "tab_number",
    /// A tab by its number.
    Tab2 = "tab_number",
    /// A tab by its number.
    Tab3 = "tab_number",
    /// A tab by its number.
    Tab4 = "tab_number",
    /// A tab by its number.
    Tab5 = "tab_number",
    /// A tab by its number.
    Tab6 = "tab_number",
    /// A tab by its number.
    Tab7 = "tab_number",
    /// A tab by its number.
    Tab8 = "tab_number",
    /// A tab by its number.
    Tab9 = "tab_number",
    /// Next tab with something unread.
    NextUnread = "next_unread",
    /// Join the room of the last invitation.
    Accept = "accept",
    /// Try to connect now.
    Reconnect = "reconnect",
    /// Send what is written.
    Send = "send",
    /// Begin a new line.
    NewLine = "new_line",
    /// Caret one character to the left.
    Left = "left",
    /// Caret one character to the right.
    Right = "right",
    /// Caret one word to the left.
    WordLeft = "word_left",
    /// Caret one word to the right.
    WordRight = "word_right",
    /// Caret to the start of the line.
    LineStart = "line_start",
    /// Caret to the end of the line.
    LineEnd = "line_end",
    /// Delete the character before the caret.
    DeleteLeft = "delete_left",
    /// Delete the character behind the caret.
    DeleteRight = "delete_right",
    /// Delete the word before the caret.
    DeleteWordLeft = "delete_word_left",
    /// Delete the word behind the caret.
    DeleteWordRight = "delete_word_right",
    /// Delete to the start of the line.
    KillLeft = "kill_left",
    /// Delete to the end of the line.
    KillRight = "kill_right",
    /// Leave the program, when it is done twice.
    Interrupt = "interrupt",
    /// Empty what is written; leave when it is empty, and it is done twice.
    Clear = "clear",
    /// Take back the last change.
    Undo = "undo",
    /// Do again what was taken back.
    Redo = "redo",
    /// The line sent before.
    HistoryBack = "history_back",
    /// The line sent after.
    HistoryOn = "history_on",
    /// Copy the message.
    Copy = "copy",
    /// Answer the message.
    Reply = "reply",
    /// Change one's own message.
    Edit = "edit",
    /// Take one's own message back.
    TakeBack = "take_back",
    /// Send a failed message again.
    Retry = "retry",
    /// Save the file of a message.
    Save = "save",
    /// Mark as read.
    MarkRead = "mark_read",
    /// Mark everything as read.
    MarkAllRead = "mark_all_read",
    /// Give a failed message up.
    Discard = "discard",
    /// Decline an invitation.
    Decline = "decline",
    /// Pause a transfer, or let it go on.
    Pause = "pause",
    /// Cancel a transfer.
    CancelTransfer = "cancel_transfer",
    /// Log the account out on the chosen device.
    LogOutDevice = "log_out_device",
    /// Log the account out on all other devices.
    LogOutOthers = "log_out_others",
    /// Let the chosen person enter the room again.
    LiftBan = "lift_ban",
    /// Go to the folder above.
    FolderUp = "folder_up",
    /// Complete what is typed.
    Complete = "complete",
    /// Show or hide hidden files.
    Hidden = "hidden",
    /// Agree.
    Yes = "yes",
    /// Disagree.
    No = "no",
}

impl Action {
    /// Key of the shorter words for the row of hints.
    #[must_use]
    pub const fn hint_key(self, mode: Mode) -> &'static str {
        match self {
            Self::Choose if matches!(mode, Mode::Inbox | Mode::Sidebar) => "inbox.hint_open",
            Self::Next if !matches!(mode, Mode::Form) => "hint.focus",
            Self::Retry if matches!(mode, Mode::Transfers) => "files.resume",
            Self::Help => "hint.help",
            Self::Decline if matches!(mode, Mode::Start | Mode::Menu) => "menu.forget_login",
            Self::Choose => "hint.choose",
            Self::Submit => "hint.submit",
            Self::Next => "hint.next",
            Self::OtherServer => "menu.hint_server",
            Self::Language => "menu.hint_language",
            Self::ShowPassword => "hint.show_password",
            Self::Switcher => "hint.go_to",
            Self::Online => "hint.people",
            Self::Transfers => "hint.files",
            Self::Retry => "hint.retry",
            Self::Discard => "hint.discard",
            Self::Save => "hint.save",
            Self::Decline => "hint.decline",
            Self::Down if matches!(mode, Mode::Inbox) => "inbox.hint_list",
            Self::MarkRead => "inbox.hint_read",
            Self::MarkAllRead => "inbox.hint_all_read",
            Self::NextTab => "hint.next_tab",
            Self::Pause => "hint.pause",
            Self::CancelTransfer => "hint.cancel_transfer",
            Self::LogOutDevice => "hint.log_out",
            Self::LogOutOthers => "devices.hint_others",
            Self::LiftBan => "bans.hint_lift",
            Self::FolderUp => "hint.parent",
            Self::Complete => "hint.complete",
            Self::Hidden => "hint.hidden",
            other => other.word_key(),
        }
    }

    /// Keys of the words on the help page: some actions mean another thing in some places.
    #[must_use]
    pub const fn help_key(self, mode: Mode) -> &'static str {
        match (mode, self) {
            // The same key walks fields in a form and panes on the main screen.
            (Mode::Main, Self::Next | Self::Previous) => "hint.focus",
            (Mode::Start | Mode::Menu, Self::Decline) => "menu.forget_login",
            (Mode::Start, Self::OtherServer) => "hint.connect",
            (Mode::Unreached, Self::OtherServer) => "hint.change_address",
            _ => self.word_key(),
        }
    }

    /// The login beyond the default one that a `Login…` action names, by its place from 0.
    #[must_use]
    pub const fn login(self) -> Option<usize> {
        Some(match self {
            Self::Login4 => 0,
            Self::Login5 => 1,
            Self::Login6 => 2,
            Self::Login7 => 3,
            Self::Login8 => 4,
            Self::Login9 => 5,
            _ => return None,
        })
    }

    /// The place of the tab that a `Tab…` action names, from 0.
    #[must_use]
    pub const fn tab(self) -> Option<usize> {
        Some(match self {
            Self::Tab1 => 0,
            Self::Tab2 => 1,
            Self::Tab3 => 2,
            Self::Tab4 => 3,
            Self::Tab5 => 4,
            Self::Tab6 => 5,
            Self::Tab7 => 6,
            Self::Tab8 => 7,
            Self::Tab9 => 8,
            _ => return None,
        })
    }
}
