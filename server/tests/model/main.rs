//! The server against a reference of plain maps: what people do, in every mixture, with stops, kills and
//! power cuts in between. After each deed both must have told the same, pushed the same, and in the end
//! have the same to read. `LIAO_MODEL_CASES` says how many stories; a few are tried otherwise.

#![cfg(test)]

mod held;
mod line;
mod reference;
mod slowly;
mod words;
mod world;

use std::collections::BTreeMap;

use liao_common::message::Kind;
use proptest::{
    prelude::{Just, Strategy, any, prop_oneof},
    test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner},
};

use words::{Flaw, Part, Post};
use world::{Deed, Difference, End, World};

/// Stories, unless somebody asks for more.
const CASES: u32 = 256;

/// Deeds of one story.
const STEPS: std::ops::Range<usize> = 20..80;

/// People there may be.
const PEOPLE_MAX: u64 = 5;

/// Names that rooms are made with and looked for by.
const NAMES: [&str; 4] = ["rose", "lily", "moss", "lobby"];

/// Something that happens. Its numbers are made to fit the world of the moment.
#[derive(Clone, Debug)]
enum Step {
    Registers,
    Connects { who: u8, resume: bool },
    Says { who: u8, room: u8, late: bool },
    Repeats { who: u8, which: u8, other_words: bool, other_room: bool, late: bool },
    Edits { who: u8, room: u8, of: u8 },
    TakesBack { who: u8, room: u8, of: u8 },
    Creates { who: u8, name: u8, private: bool },
    JoinsNamed { who: u8, name: u8 },
    Joins { who: u8, room: u8 },
    Leaves { who: u8, room: u8 },
    Invites { who: u8, room: u8, whom: u8 },
    Ranks { who: u8, room: u8, whom: u8, moderates: bool },
    Kicks { who: u8, room: u8, whom: u8 },
    Bans { who: u8, room: u8, whom: u8 },
    Unbans { who: u8, room: u8, whom: u8 },
    Opens { who: u8, whom: u8 },
    Marks { who: u8, room: u8, read: u8 },
    Reads { who: u8, room: u8, part: u8, at: u8, limit: u8 },
    Ends { end: End, resume: bool },
    Torn { who: u8, room: u8, turns: u8, end: End },
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![
        2 => Just(End::Polite),
        3 => any::<bool>().prop_map(|index_lost| End::Kill { index_lost }),
        3 => (any::<u64>(), any::<bool>())
            .prop_map(|(seed, keeps_unsynced)| End::PowerCut { seed, keeps_unsynced }),
    ]
}

fn talk() -> impl Strategy<Value = Step> {
    let b = any::<u8>;
    prop_oneof![
        8 => (b(), b(), any::<bool>()).prop_map(|(who, room, late)| Step::Says { who, room, late }),
        4 => (b(), b(), b(), b()).prop_map(|(who, which, words, room)| Step::Repeats {
            who, which, other_words: words < 50, other_room: room < 20, late: words % 2 == 0,
        }),
        3 => (b(), b(), b()).prop_map(|(who, room, of)| Step::Edits { who, room, of }),
        3 => (b(), b(), b()).prop_map(|(who, room, of)| Step::TakesBack { who, room, of }),
        3 => (b(), b(), b()).prop_map(|(who, room, read)| Step::Marks { who, room, read }),
        4 => (b(), b(), b(), b(), 1..8_u8).prop_map(|(who, room, part, at, limit)| Step::Reads {
            who, room, part, at, limit,
        }),
    ]
}

fn meet() -> impl Strategy<Value = Step> {
    let b = any::<u8>;
    prop_oneof![
        1 => Just(Step::Registers),
        2 => (b(), any::<bool>()).prop_map(|(who, resume)| Step::Connects { who, resume }),
        3 => (b(), b(), any::<bool>()).prop_map(|(who, name, private)| Step::Creates { who, name, private }),
        3 => (b(), b()).prop_map(|(who, name)| Step::JoinsNamed { who, name }),
        3 => (b(), b()).prop_map(|(who, room)| Step::Joins { who, room }),
        3 => (b(), b()).prop_map(|(who, room)| Step::Leaves { who, room }),
        3 => (b(), b(), b()).prop_map(|(who, room, whom)| Step::Invites { who, room, whom }),
        2 => (b(), b()).prop_map(|(who, whom)| Step::Opens { who, whom }),
    ]
}

fn order() -> impl Strategy<Value = Step> {
    let b = any::<u8>;
    prop_oneof![
        3 => (b(), b(), b(), any::<bool>()).prop_map(|(who, room, whom, moderates)| Step::Ranks {
            who, room, whom, moderates,
        }),
        3 => (b(), b(), b()).prop_map(|(who, room, whom)| Step::Kicks { who, room, whom }),
        3 => (b(), b(), b()).prop_map(|(who, room, whom)| Step::Bans { who, room, whom }),
        2 => (b(), b(), b()).prop_map(|(who, room, whom)| Step::Unbans { who, room, whom }),
    ]
}

fn trouble() -> impl Strategy<Value = Step> {
    let b = any::<u8>;
    prop_oneof![
        (end(), any::<bool>()).prop_map(|(end, resume)| Step::Ends { end, resume }),
        (b(), b(), 0..60_u8, end()).prop_map(|(who, room, turns, end)| Step::Torn {
            who,
            room,
            turns,
            end,
        }),
    ]
}

fn story() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![8 => talk(), 6 => meet(), 3 => order(), 1 => trouble()];
    proptest::collection::vec(step, STEPS)
}

/// A story as it goes on.
struct Play {
    world: World,
    posts: Vec<(u64, Post)>,
}

impl Play {
    fn who(&self, number: u8) -> u64 {
        1 + u64::from(number) % self.world.reference.people()
    }

    /// Somebody, and now and then nobody.
    fn whom(&self, number: u8) -> u64 {
        if number < 230 { self.who(number) } else { u64::from(number % 2) * 1000 }
    }

    /// Some room, and now and then one that is not there.
    fn room(&self, number: u8) -> u64 {
        1 + u64::from(number) % (self.world.reference.rooms() + 1)
    }

    /// Mostly a room that somebody is in.
    fn room_of(&self, user: u64, number: u8) -> u64 {
        let rooms = 1..=self.world.reference.rooms();
        let own: Vec<u64> =
            rooms.filter(|room| self.world.reference.is_inside(user, *room)).collect();
        let own = own.get(usize::from(number) % own.len().max(1)).filter(|_| number < 200);
        own.copied().unwrap_or_else(|| self.room(number))
    }

    /// Mostly somebody who is invited, and where to.
    fn comer(&self, who: u8, room: u8) -> (u64, u64) {
        let invited = self.world.reference.invitations();
        match invited.get(usize::from(who) % invited.len().max(1)) {
            Some(comer) if room < 200 => *comer,
            _ => (self.who(who), self.room(room)),
        }
    }

    /// Who acts on whom and where: mostly in a room that somebody is in.
    fn order(&self, who: u8, room: u8, whom: u8) -> (u64, u64, u64) {
        let user = self.who(who);
        let whom = u64::from(whom) % (self.world.reference.people() + 2);
        (user, self.room_of(user, room), whom)
    }

    /// Some place in a room, and now and then one that is not there.
    fn place(&self, room: u64, number: u8) -> u64 {
        let there = room <= self.world.reference.rooms();
        let head = if there { self.world.reference.log(room).len() as u64 } else { 0 };
        u64::from(number) % (head + 2)
    }

    fn post(&mut self, user: u64, room: u64, kind: Kind, of: Option<u64>) -> Post {
        let number = self.posts.len() + 1;
        let mut cid = [1; 16];
        cid[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let text = (kind != Kind::Redact).then(|| format!("words {number}"));
        let post = Post { room, cid, kind, text, of, late: false };
        self.posts.push((user, post.clone()));
        post
    }

    /// Three meet; two of them have a private room, and the second came when something was said.
    async fn begins(&mut self) -> Result<(), Difference> {
        for _ in 0..3 {
            self.world.registers().await?;
        }
        self.world.does(1, &Deed::Create { name: "moss", private: true }).await?;
        let room = self.world.reference.rooms();
        let post = self.post(1, room, Kind::Text, None);
        self.world.does(1, &Deed::Send(post)).await?;
        self.world.does(1, &Deed::Invite { room, whom: 2 }).await?;
        self.world.does(2, &Deed::Join(room)).await
    }

    async fn takes(&mut self, step: &Step) -> Result<(), Difference> {
        let (user, deed) = match *step {
            Step::Registers if self.world.reference.people() < PEOPLE_MAX => {
                return self.world.registers().await;
            }
            Step::Registers => return Ok(()),
            Step::Connects { who, resume } => {
                let user = self.who(who);
                let at = if resume { self.world.places(user) } else { BTreeMap::new() };
                return self.world.connects(user, at).await;
            }
            Step::Ends { end, resume } => return self.world.restarts(end, resume).await,
            Step::Torn { who, room, turns, end } => {
                let user = self.who(who);
                let room = self.room_of(user, room);
                if !self.world.is_here(user) {
                    return Ok(());
                }
                let post = self.post(user, room, Kind::Text, None);
                return self.world.is_torn(user, post, (turns.into(), end)).await;
            }
            _ => match self.deed(step) {
                Some(deed) => deed,
                None => return Ok(()),
            },
        };
        if self.world.is_here(user) { self.world.does(user, &deed).await } else { Ok(()) }
    }

    fn deed(&mut self, step: &Step) -> Option<(u64, Deed)> {
        Some(match *step {
            Step::Says { who, room, late } => {
                let user = self.who(who);
                let room = self.room_of(user, room);
                let post = self.post(user, room, Kind::Text, None);
                (user, Deed::Send(Post { late, ..post }))
            }
            Step::Repeats { who, which, other_words, other_room, late } => {
                let own: Vec<&Post> = self.posts_of(self.who(who));
                let mut post = (*own.get(usize::from(which) % own.len().max(1))?).clone();
                if other_words && post.text.is_some() {
                    post.text = Some("other words".into());
                }
                post.room = if other_room { self.room(which) } else { post.room };
                post.late = late;
                (self.who(who), Deed::Send(post))
            }
            Step::Edits { who, room, of } => self.change(who, room, of, Kind::Edit),
            Step::TakesBack { who, room, of } => self.change(who, room, of, Kind::Redact),
            Step::Creates { who, name, private } => {
                (self.who(who), Deed::Create { name: named(name), private })
            }
            Step::JoinsNamed { who, name } => (self.who(who), Deed::JoinNamed(named(name))),
            Step::Joins { who, room } => {
                let (user, room) = self.comer(who, room);
                (user, Deed::Join(room))
            }
            Step::Leaves { who, room } => {
                let user = self.who(who);
                (user, Deed::Leave(self.room_of(user, room)))
            }
            Step::Invites { who, room, whom } => {
                let whom = self.whom(whom);
                let user = self.who(who);
                (user, Deed::Invite { room: self.room_of(user, room), whom })
            }
            Step::Ranks { who, room, whom, moderates } => {
                let (user, room, whom) = self.order(who, room, whom);
                (user, Deed::Rank { room, whom, moderates })
            }
            Step::Kicks { who, room, whom } => {
                let (user, room, whom) = self.order(who, room, whom);
                (user, Deed::Kick { room, whom })
            }
            Step::Bans { who, room, whom } => {
                let (user, room, whom) = self.order(who, room, whom);
                (user, Deed::Ban { room, whom })
            }
            Step::Unbans { who, room, whom } => {
                let (user, room, _) = self.order(who, room, whom);
                let banned = self.world.reference.banned(room);
                let of = banned.get(usize::from(whom) % banned.len().max(1));
                (user, Deed::Unban { room, whom: of.copied().unwrap_or(whom.into()) })
            }
            Step::Opens { who, whom } => (self.who(who), Deed::Open(self.whom(whom))),
            Step::Marks { who, room, read } => {
                let user = self.who(who);
                let room = self.room_of(user, room);
                (user, Deed::Mark { room, read: self.place(room, read) })
            }
            Step::Reads { who, room, part, at, limit } => {
                let user = self.who(who);
                let room = self.room_of(user, room);
                let at = self.place(room, at);
                let parts = [Part::Before(at), Part::After(at), Part::Around(at), Part::Newest];
                let part = parts[usize::from(part) % parts.len()];
                (user, Deed::Page { room, part, limit: limit.into() })
            }
            _ => return None,
        })
    }

    fn posts_of(&self, user: u64) -> Vec<&Post> {
        self.posts.iter().filter(|(by, _)| *by == user).map(|(_, post)| post).collect()
    }

    /// Mostly of what one said oneself, for the rest is refused.
    fn change(&mut self, who: u8, room: u8, of: u8, kind: Kind) -> (u64, Deed) {
        let user = self.who(who);
        let room = self.room_of(user, room);
        let there = room <= self.world.reference.rooms() && of < 200;
        let log = if there { self.world.reference.log(room) } else { &[] };
        let own: Vec<u64> =
            log.iter().filter(|entry| entry.from == user).map(|entry| entry.seq).collect();
        let own = own.get(usize::from(of) % own.len().max(1)).copied();
        let of = own.unwrap_or_else(|| self.place(room, of));
        (user, Deed::Send(self.post(user, room, kind, Some(of))))
    }
}

fn named(number: u8) -> &'static str {
    NAMES[usize::from(number) % NAMES.len()]
}

/// Plays a story; the time in it is simulated.
fn plays(steps: &[Step], flaw: Option<Flaw>) -> Result<(), Difference> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true);
    runtime.build().unwrap().block_on(async {
        let mut play = Play { world: World::new(), posts: Vec::new() };
        play.world.reference.flaw = flaw;
        play.begins().await?;
        for step in steps {
            play.takes(step).await?;
        }
        play.world.all_read_all().await?;
        play.world.restarts(End::Kill { index_lost: true }, true).await?;
        play.world.all_read_all().await
    })
}

fn cases() -> u32 {
    let asked = std::env::var("LIAO_MODEL_CASES").ok();
    asked.map_or(CASES, |cases| cases.parse().expect("LIAO_MODEL_CASES is a number"))
}

fn runner(cases: u32, seed: u8) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    TestRunner::new_with_rng(config, rng)
}

#[test]
fn the_server_does_what_the_reference_does() {
    let told = runner(cases(), 1).run(&story(), |steps| {
        plays(&steps, None).map_err(proptest::test_runner::TestCaseError::fail)
    });
    if let Err(TestError::Fail(why, steps)) = told {
        panic!("{why}\nin {steps:#?}");
    }
    told.unwrap();
}

/// The proof that the test above can fail: each of these mistakes is noticed.
#[test]
fn a_reference_that_is_wrong_is_found_out() {
    use Flaw::{
        CountsEverything, CutsPagesShort, ForgetsNonces, KeepsWordsTakenBack,
        LetsFormerMembersRead, LetsLateWordsRead, LetsLateWordsReadNothing, LetsMarkersFall,
        LetsModeratorsFight, LetsOthersEdit, LetsRoomsBeNobodys, LetsTheBannedIn,
        ShowsWhatWasBefore,
    };
    for flaw in [
        CountsEverything,
        CutsPagesShort,
        ForgetsNonces,
        KeepsWordsTakenBack,
        LetsFormerMembersRead,
        LetsLateWordsRead,
        LetsLateWordsReadNothing,
        LetsMarkersFall,
        LetsModeratorsFight,
        LetsOthersEdit,
        LetsRoomsBeNobodys,
        LetsTheBannedIn,
        ShowsWhatWasBefore,
    ] {
        let mut runner = runner(CASES, 2);
        let found = (0..8 * CASES).any(|_| {
            let steps = story().new_tree(&mut runner).unwrap();
            plays(&proptest::strategy::ValueTree::current(&steps), Some(flaw)).is_err()
        });
        assert!(found, "{flaw:?} is not noticed");
    }
}
