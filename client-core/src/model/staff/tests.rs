use liao_common::{
    event::{Event, Gap, Heads, Rank, Role, Room, UserPage},
    fault::{Fault, FaultCode},
    id::{RoomId, Seq, UserId},
    message::{Body, Kind, Message},
    request::Request,
};

use crate::{
    answer::{Answer, CallError},
    fake::{room, said},
    model::{
        Model,
        tests::{answer, push, ready, synced},
    },
    notice::{Notice, Ticket},
};

const ROOM: RoomId = RoomId(3);

/// A room that is 9's, at its third message; whose it is, is known.
fn nines() -> Model {
    let mut model = ready(&[room(3, 3)]);
    let request = model.ask_staff(ROOM).expect("a question");
    listed(&mut model, request, Some(9));
    model
}

fn listed(model: &mut Model, request: Request, owner: Option<u64>) {
    let owner = owner.map(UserId);
    let page = UserPage { owner, ..UserPage::default() };
    answer(model, request, &Answer::Users(page));
}

fn owner(model: &Model) -> Option<u64> {
    Some(model.room(ROOM)?.owner?.0)
}

/// 9 leaves: the fourth and the fifth message say so, and whose the room is now.
fn nine_leaves(model: &mut Model, heir: u64) {
    push(model, Message { kind: Kind::Leave, ..said(3, 4, 9, "") });
    push(model, falls_to(5, heir));
}

fn falls_to(seq: u64, heir: u64) -> Message {
    let (user, role) = (Some(UserId(heir)), Some(Rank::Owner));
    let body = Body { user, role, ..Body::default() };
    Message { kind: Kind::Role, body, ..said(3, seq, 9, "") }
}

#[test]
fn a_room_whose_owner_left_is_the_heirs_at_once() {
    let mut model = nines();
    nine_leaves(&mut model, 8);
    assert_eq!(owner(&model), Some(8));
    assert_eq!(model.rank(ROOM, UserId(8)), Some(Rank::Owner));
    push(&mut model, Message { kind: Kind::Leave, ..said(3, 6, 8, "") });
    assert_eq!(owner(&model), None, "it is nobody's");
}

#[test]
fn the_heir_hears_of_the_room_before_the_messages_that_say_whose_it_is() {
    let mut model = nines();
    let mine = Room { role: Role::Owner, ..room(3, 5) };
    model.apply(&Notice::Event(Event::Room(Box::new(mine))));
    nine_leaves(&mut model, 7);
    assert_eq!(owner(&model), Some(7));
    assert_eq!(model.room(ROOM).unwrap().members, room(3, 5).members, "counted in already");
    push(&mut model, falls_to(5, 9));
    assert_eq!(owner(&model), Some(7), "a message that came twice changes nothing");
}

#[test]
fn an_answer_that_may_be_older_than_what_was_seen_is_asked_for_again() {
    let mut model = ready(&[room(3, 3)]);
    let request = model.ask_staff(ROOM).unwrap();
    nine_leaves(&mut model, 8);
    listed(&mut model, request, Some(9));
    assert_eq!(owner(&model), Some(8));
    let request = model.ask_staff(ROOM).expect("another question");
    listed(&mut model, request, Some(8));
    assert_eq!((owner(&model), model.ask_staff(ROOM)), (Some(8), None));
}

#[test]
fn what_was_not_pushed_is_asked_for() {
    let heads = Event::Heads(Heads { h: vec![(ROOM, Seq(9), 9)] });
    let gap = Event::Gap(Gap { room: ROOM, from: Seq(4), to: Seq(9) });
    for missed in [Notice::Event(heads), Notice::Event(gap)] {
        let mut model = nines();
        assert_eq!(model.ask_staff(ROOM), None);
        model.apply(&missed);
        let request = model.ask_staff(ROOM).expect("a question");
        model.apply(&missed);
        assert_eq!(model.ask_staff(ROOM), None, "one question at a time");
        listed(&mut model, request, Some(8));
        let request = model.ask_staff(ROOM).expect("that answer may have been older");
        listed(&mut model, request, Some(8));
        assert_eq!((owner(&model), model.ask_staff(ROOM)), (Some(8), None));
    }
}

#[test]
fn a_new_connection_asks_anew_and_a_refusal_does_not() {
    let mut model = nines();
    model.apply(&synced(&[room(3, 3)]));
    model.apply(&Notice::Event(Event::Synced));
    let request = model.ask_staff(ROOM).expect("a question");
    let refused = CallError::Fault(Fault::from(FaultCode::Internal));
    let request = Box::new(request);
    model.apply(&Notice::Answer { ticket: Ticket(1), request, answer: Err(refused) });
    assert_eq!(model.ask_staff(ROOM), None);
}
