//! `send`: a post becomes a message. Checked here, decided in order by the engine.

use liao_common::{
    event::Posted,
    fault::{Fault, FaultCode},
    id::{Hash, Seq},
    limits,
    message::{Body, Kind, Message},
    request::Send,
};

use super::{Caller, not_found, staff};
use crate::{
    chat::hub::Hub,
    engine::{EDITS_MAX, Speaker, Transaction},
    state::{
        project::{NO_NONCE, content_mark},
        record,
        view::{self, Power},
    },
    store::View as _,
};

/// Posts a message; the answer comes when it is on stable storage.
pub(super) async fn send(caller: Caller, ask: Send) -> Result<Posted, Fault> {
    check(&ask)?;
    let by = Speaker { room: ask.room, from: caller.user, device: caller.dev };
    let (posted, gone) = caller.decide(move |tx| decide(tx, by, ask)).await?;
    if let Some(b3) = gone {
        // What is left of it after a failure goes at the next start.
        let forget = move |hub: &Hub| {
            hub.forget_content(&b3);
            Ok(())
        };
        caller.hub.read(forget).await?;
    }
    Ok(posted)
}

fn check(ask: &Send) -> Result<(), Fault> {
    if !ask.kind.is_post() {
        return Err(Fault::new(FaultCode::Unsupported, "people cannot post this kind of message"));
    }
    if ask.cid == NO_NONCE {
        return Err(Fault::new(FaultCode::BadRequest, "cid must not be all zeros"));
    }
    let text = ask.body.text.as_deref().unwrap_or_default();
    let needs_text = matches!(ask.kind, Kind::Text | Kind::Edit);
    if needs_text && text.trim().is_empty() {
        return Err(Fault::new(FaultCode::BadRequest, "nothing is said"));
    }
    let long = text.len() > limits::TEXT_BYTES_MAX || text.lines().count() > limits::TEXT_LINES_MAX;
    if long || ask.body.at.len() > limits::MENTIONS_MAX {
        return Err(FaultCode::TooLarge.into());
    }
    Ok(())
}

/// Gives the place of the post, and the content of a file that nobody has any more because of it.
fn decide(
    tx: &mut Transaction<'_, '_>,
    by: Speaker,
    ask: Send,
) -> Result<(Posted, Option<Hash>), Fault> {
    let body = view::inside(tx, by.from, by.room)?
        .ok_or_else(not_found)
        .and_then(|_| content(tx, by, &ask));
    if let Some(before) = tx.post(by.from, &ask.cid)? {
        // A repeated post has its first answer, even where it could not be posted any more.
        let same = body.as_ref().map_or(before.room == ask.room, |body| {
            before.content == content_mark(ask.room, &ask.kind, body)
        });
        if !same && !is_blank(tx, &ask, before.seq)? {
            return Err(FaultCode::CidConflict.into());
        }
        return Ok((Posted { seq: before.seq, at_ms: before.at_ms, dup: true }, None));
    }
    let body = body?;
    let gone = match body.of.filter(|_| ask.kind == Kind::Redact) {
        Some(of) => {
            let original = own(tx, by, of, &ask.kind)?;
            tx.take_back(by.room, &original)?
        }
        None => None,
    };
    let posted = tx.say(by, ask.cid, ask.kind, body)?;
    if posted.seq == Seq(1) {
        introduce(tx, by)?;
    }
    Ok((posted, gone))
}

/// The first message of a direct room: whoever did not open it does not know of it yet. Any other
/// room begins with somebody who enters.
fn introduce(tx: &mut Transaction<'_, '_>, by: Speaker) -> Result<(), Fault> {
    let room = view::room(tx, by.room)?.ok_or_else(not_found)?;
    if let Some(other) = view::other_of(&room, by.from) {
        tx.tell_member(other, by.room);
        tx.tell_member(by.from, by.room);
    }
    Ok(())
}

/// Whether the post was taken back meanwhile. An index made anew since knows only what is left of it,
/// so its content proves nothing.
fn is_blank(tx: &Transaction<'_, '_>, ask: &Send, seq: Seq) -> Result<bool, Fault> {
    let Some((place, _)) = view::message_place(tx, ask.room, seq)? else { return Ok(false) };
    let Some(stored) = record::message(&tx.record(&place)?) else { return Ok(false) };
    Ok(has_lost_its_words(&stored.body) && stored.kind == ask.kind && stored.cid == ask.cid)
}

/// Nobody posts blanks; what never had words was not taken back.
fn has_lost_its_words(body: &Body) -> bool {
    let mut words = [&body.text, &body.name].into_iter().flatten().peekable();
    words.peek().is_some() && words.all(|words| words.trim().is_empty())
}

/// The body as it is stored: only the fields that the kind has, and facts from our own records.
fn content(tx: &Transaction<'_, '_>, by: Speaker, ask: &Send) -> Result<Body, Fault> {
    let said = &ask.body;
    match ask.kind {
        Kind::File => file(tx, by, said),
        Kind::Edit | Kind::Redact => {
            let of = said.of.ok_or_else(|| Fault::new(FaultCode::BadRequest, "of is missing"))?;
            let original = own(tx, by, of, &ask.kind)?;
            if ask.kind == Kind::Edit && view::is_redacted(tx, by.room, of)? {
                return Err(FaultCode::Gone.into());
            }
            let edits = view::edits(tx, by.room, of, EDITS_MAX)?.len();
            if ask.kind == Kind::Edit && edits >= EDITS_MAX {
                return Err(Fault::new(FaultCode::TooLarge, "edited too often"));
            }
            let text = said.text.clone().filter(|_| ask.kind == Kind::Edit);
            // Says which file is offered no longer, so that the index need not look back.
            let fid = original.body.fid.filter(|_| ask.kind == Kind::Redact);
            Ok(Body { of: Some(of), text, fid, at: said.at.clone(), ..Body::default() })
        }
        _ => Ok(Body {
            text: said.text.clone(),
            re: said.re,
            late: said.late,
            at: said.at.clone(),
            ..Body::default()
        }),
    }
}

fn file(tx: &Transaction<'_, '_>, by: Speaker, said: &Body) -> Result<Body, Fault> {
    let fid = said.fid.ok_or_else(|| Fault::new(FaultCode::BadRequest, "fid is missing"))?;
    let file = view::file(tx, fid)?
        .filter(|file| file.user == by.from && file.room == by.room)
        .ok_or_else(not_found)?;
    Ok(Body {
        text: said.text.clone(),
        re: said.re,
        late: said.late,
        fid: Some(fid),
        name: Some(file.name),
        size: Some(file.size),
        b3: Some(file.b3),
        media: Some(file.media).filter(|media| !media.is_empty()),
        ..Body::default()
    })
}

/// What one said oneself can be changed and taken back, what others said taken back by those who
/// stand above them in the room.
fn own(tx: &Transaction<'_, '_>, by: Speaker, of: Seq, to: &Kind) -> Result<Message, Fault> {
    let (place, _) = view::message_place(tx, by.room, of)?.ok_or_else(not_found)?;
    let frame = match tx.record(&place) {
        // Nobody can tell whose it was.
        Err(error) if error.is_one_record() => return Err(FaultCode::Gone.into()),
        found => found?,
    };
    let message = record::message(&frame).ok_or_else(not_found)?;
    let postable = match message.kind {
        Kind::Text | Kind::File => true,
        Kind::Edit => *to == Kind::Redact,
        _ => false,
    };
    if !postable || (message.from != by.from && *to != Kind::Redact) {
        return Err(FaultCode::Forbidden.into());
    }
    if message.from != by.from {
        check_power_over(tx, by, &message)?;
    }
    Ok(message)
}

fn check_power_over(tx: &Transaction<'_, '_>, by: Speaker, message: &Message) -> Result<(), Fault> {
    let (room, power) = staff::may(tx, by.from, by.room, Power::Moderator)?;
    if view::power(tx, &room, message.from)? >= power {
        return Err(FaultCode::Forbidden.into());
    }
    // What was said before they came is not theirs to see, and so not theirs to judge.
    let floor = view::inside(tx, by.from, by.room)?.map(|member| member.floor);
    if floor.is_none_or(|floor| message.seq <= floor) {
        return Err(not_found());
    }
    Ok(())
}

#[cfg(test)]
mod tests;
