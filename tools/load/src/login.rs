//! What a login with a password takes, and whether a wrong guess takes longer where somebody exists.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use liao_common::{
    event::kind,
    request::{Auth, Request, Secret},
};

use crate::{
    clock::{self, Deadline},
    crowd,
    play::hello,
    server::Server,
    stats::{Latencies, alike_p},
    swarm::Swarm,
};

/// Guesses of each kind.
pub(crate) const SAMPLES: usize = 200;

/// Registrations under way at a time: hashing is dear here, and who waits too long is refused.
const REGISTER_AT_ONCE: usize = 4;

/// Logins that succeed.
const LOGINS: usize = 30;

/// How long one may take.
const WITHIN: Duration = Duration::from_secs(30);

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Logins {
    pub(crate) right: Latencies,
    pub(crate) unknown: Latencies,
    pub(crate) wrong: Latencies,
    /// How likely samples of one kind differ so much by chance.
    pub(crate) alike_p: f64,
}

/// Measures one at a time on a server that has no accounts yet.
pub(crate) fn measure(server: &Server) -> Result<Logins> {
    crowd::register(server, SAMPLES, REGISTER_AT_ONCE)?;
    let (mut unknown, mut wrong) = (Vec::new(), Vec::new());
    for number in 0..SAMPLES {
        unknown.push(guess(server, &format!("none{number}"), "a wrong password", kind::ERR)?);
        wrong.push(guess(server, &format!("load{number}"), "a wrong password", kind::ERR)?);
    }
    let right = (0..LOGINS)
        .map(|number| guess(server, &format!("load{number}"), &crowd::password(number), kind::OK));
    let right = right.collect::<Result<Vec<_>>>()?;
    let alike_p = alike_p(&unknown, &wrong);
    Ok(Logins {
        right: Latencies::of(right),
        unknown: Latencies::of(unknown),
        wrong: Latencies::of(wrong),
        alike_p,
    })
}

/// One login on a connection of its own, from the question to the answer, which must be of this kind.
fn guess(server: &Server, user: &str, password: &str, want: &str) -> Result<Duration> {
    let mut swarm = Swarm::new()?;
    let link = swarm.open(server)?;
    answer(&mut swarm, link, 1, &hello(), kind::OK)?;
    let auth = Auth {
        mech: "password".into(),
        user: Some(user.into()),
        secret: Some(Secret(password.into())),
        ..Auth::default()
    };
    let asked = clock::now();
    answer(&mut swarm, link, 2, &auth.into(), want)?;
    Ok(asked.elapsed())
}

fn answer(swarm: &mut Swarm, link: usize, rid: u64, ask: &Request, want: &str) -> Result<()> {
    let deadline = Deadline::within(WITHIN);
    swarm.send(link, &ask.frame(rid))?;
    loop {
        for ready in swarm.wait(1000)? {
            let frame = swarm.frames(ready)?.into_iter().find(|frame| frame.rid == rid);
            match frame {
                Some(frame) if frame.kind() == want => return Ok(()),
                Some(frame) => bail!("the answer to {rid} is {}", frame.kind()),
                None => {}
            }
        }
        deadline.check("a login").context("one at a time")?;
    }
}
