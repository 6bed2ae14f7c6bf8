//! One link and what belongs to it, from its first byte to its goodbye. Owned by the world. What a person has
//! sent is in the outbox before the link ends, and a login that nobody remembers is taken back.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use liao_client_core::{
    dial::Dialer,
    handle::Handle,
    kept::KeptLogin,
    link::{Credentials, Link, LinkConfig},
    notice::{LinkState, Notice},
    outbox::Outbox,
    transfer::Shelf,
};
use liao_common::{
    id::{Nonce, RoomId},
    message::{Body, Kind},
    name::UserName,
    request::Logout,
};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Duration, timeout},
};

use super::tell;
use crate::{
    computer::device_name,
    input::{Input, Unkept},
    view::server::Server,
};

/// Posts that may wait for the outbox.
const POSTS_MAX: usize = 256;

/// How long the whole goodbye may take, in milliseconds. Then the outbox is free for the next link.
pub(super) const FAREWELL_MS: u64 = 4_000;

/// How long the goodbye waits for the server to take what has been sent, in milliseconds.
const SETTLE_MS: u64 = 1_000;

type Post = (RoomId, Kind, Body);

/// All that a link needs, fetched from the disk.
pub(super) struct Prepared {
    pub(super) server: Server,
    pub(super) user: Option<UserName>,
    /// Keep the token that the login brings.
    pub(super) keep: bool,
    /// The token is kept already.
    pub(super) remembered: bool,
    pub(super) dialer: Arc<dyn Dialer>,
    pub(super) credentials: Credentials,
    /// Where the login is kept.
    pub(super) kept: Option<KeptLogin>,
    pub(super) outbox: Outbox,
    /// Where its transfers are kept; none where the outbox is one in memory.
    pub(super) shelf: Option<Shelf>,
    /// Why the outbox is one in memory.
    pub(super) unkept: Option<Unkept>,
}

/// See the module.
pub(super) struct Session {
    pub(super) number: u64,
    pub(super) server: Server,
    pub(super) user: Option<UserName>,
    pub(super) keep: bool,
    pub(super) handle: Handle,
    /// The device's token is on this disk, so the device stays.
    pub(super) remembered: Arc<AtomicBool>,
    notices: mpsc::Receiver<Notice>,
    posts: Option<mpsc::Sender<Post>>,
    posting: JoinHandle<()>,
    /// What was being written the last time was asked for.
    pub(super) drafts_fetched: bool,
    state: LinkState,
    logged_in: bool,
    /// Posts in the outbox that the server has not answered.
    waiting: BTreeSet<Nonce>,
    /// The outbox is on the disk.
    is_kept: bool,
}

impl Session {
    pub(super) fn start(
        number: u64,
        prepared: Prepared,
        agent: &str,
        inputs: mpsc::Sender<Input>,
    ) -> Self {
        let mut config = LinkConfig::new(prepared.dialer, prepared.credentials, agent);
        config.device_name = device_name("liao");
        config.outbox = prepared.outbox;
        config.shelf = prepared.shelf;
        config.kept = prepared.kept;
        let (handle, notices) = Link::start(config);
        let (posts, written) = mpsc::channel(POSTS_MAX);
        let posting = tokio::spawn(post_all(number, handle.clone(), written, inputs));
        Self {
            number,
            server: prepared.server,
            user: prepared.user,
            keep: prepared.keep,
            remembered: Arc::new(prepared.remembered.into()),
            handle,
            notices,
            posts: Some(posts),
            posting,
            drafts_fetched: false,
            state: LinkState::default(),
            logged_in: false,
            waiting: BTreeSet::new(),
            is_kept: prepared.unkept.is_none(),
        }
    }

    /// The next thing the link says; none when it has ended. May be dropped without loss.
    pub(super) async fn next(&mut self) -> Option<Notice> {
        let notice = self.notices.recv().await?;
        self.observe(&notice);
        Some(notice)
    }

    /// The next thing the link has said already.
    pub(super) fn next_here(&mut self) -> Option<Notice> {
        let notice = self.notices.try_recv().ok()?;
        self.observe(&notice);
        Some(notice)
    }

    fn observe(&mut self, notice: &Notice) {
        match notice {
            Notice::State(state) => self.state = state.clone(),
            Notice::LoggedIn(_) => self.logged_in = true,
            Notice::Queued(post) => _ = self.waiting.insert(post.nonce),
            Notice::Posted { nonce, .. }
            | Notice::PostFailed { nonce, .. }
            | Notice::Discarded { nonce, .. } => _ = self.waiting.remove(nonce),
            _ => {}
        }
    }

    /// Hands a post over; gives its text back when too many wait.
    pub(super) fn post(&self, post: Post) -> Result<(), String> {
        let Some(posts) = &self.posts else { return Err(post.2.text.unwrap_or_default()) };
        posts.try_send(post).map_err(|error| error.into_inner().2.text.unwrap_or_default())
    }

    /// Says goodbye, within its time. Afterwards the outbox is free. Gives how many posts wait in it, on the disk.
    pub(super) async fn say_goodbye(mut self, log_out: bool) -> usize {
        let limit = Duration::from_millis(FAREWELL_MS);
        if timeout(limit, self.goodbye(log_out)).await.is_err() {
            tracing::warn!("the server was left without a goodbye");
        }
        self.unsent()
    }

    /// How many posts wait on the disk for the next login.
    pub(super) fn unsent(&self) -> usize {
        if self.is_kept { self.waiting.len() } else { 0 }
    }

    async fn goodbye(&mut self, log_out: bool) {
        self.hand_over().await;
        let settling = timeout(Duration::from_millis(SETTLE_MS), self.settle());
        if settling.await.is_err() {
            tracing::info!("some posts wait in the outbox");
        }
        let abandoned = !self.remembered.load(Ordering::SeqCst) && self.is_in().await;
        if !(log_out || abandoned) || self.handle.ask(Logout {}).is_err() {
            self.handle.close().await;
        }
        while !matches!(self.state, LinkState::Ended(_)) && self.next().await.is_some() {}
    }

    /// Waits until every post stands in the outbox. A link that cannot tell what it does would not do it, so
    /// its notices are taken meanwhile.
    async fn hand_over(&mut self) {
        self.posts = None;
        while !self.posting.is_finished() {
            tokio::select! {
                _ = &mut self.posting => return,
                notice = self.notices.recv() => {
                    let Some(notice) = notice else { return };
                    self.observe(&notice);
                }
            }
        }
    }

    /// Waits until the server has answered what was sent, as long as it can be reached.
    async fn settle(&mut self) {
        while !self.waiting.is_empty() && self.is_reached() && self.next().await.is_some() {}
    }

    const fn is_reached(&self) -> bool {
        matches!(self.state, LinkState::Syncing | LinkState::Online { .. })
    }

    /// Whether the server knows this device by now. A login that is under way is waited for: it leaves a device
    /// behind either way.
    async fn is_in(&mut self) -> bool {
        while matches!(self.state, LinkState::LoggingIn) && self.next().await.is_some() {}
        self.logged_in && self.is_reached()
    }
}

/// Posts go into the outbox one after the other, in the order in which they were written.
async fn post_all(
    session: u64,
    handle: Handle,
    mut posts: mpsc::Receiver<Post>,
    inputs: mpsc::Sender<Input>,
) {
    while let Some((room, kind, body)) = posts.recv().await {
        let text = body.text.clone().unwrap_or_default();
        if let Err(error) = handle.post(room, kind, body).await {
            tracing::warn!(%error, "a post was not kept");
            tell(&inputs, Input::NotPosted { session, room, text }).await;
        }
    }
}

/// How many goodbyes are under way.
#[derive(Clone, Default)]
pub(super) struct Goodbyes(watch::Sender<usize>);

impl Goodbyes {
    /// Says goodbye to a session in a task of its own, which gives how many posts it left on the disk.
    pub(super) fn say(&self, session: Session, log_out: bool) -> JoinHandle<usize> {
        let under = self.0.clone();
        under.send_modify(|under| *under += 1);
        tokio::spawn(async move {
            let unsent = session.say_goodbye(log_out).await;
            under.send_modify(|under| *under -= 1);
            unsent
        })
    }

    /// Waits until all are said.
    pub(super) async fn over(&self) {
        let mut under = self.0.subscribe();
        // The sender is here, so this cannot fail.
        let _ = under.wait_for(|under| *under == 0).await;
    }
}
