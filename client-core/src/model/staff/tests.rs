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
        staff::TURNS_MAX,
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
    ranked(seq, heir, Rank::Owner)
}

fn ranked(seq: u64, user: u64, rank: Rank) -> Message {
    let (user, role) = (Some(UserId(user)), Some(rank));
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
fn what_was_seen_meanwhile_holds_whatever_the_answer_knows_of_it() {
    for (owner_then, mods_then) in [(9, vec![6]), (8, vec![6, 5]), (8, vec![5])] {
        let mut model = ready(&[room(3, 3)]);
        let request = model.ask_staff(ROOM).unwrap();
        nine_leaves(&mut model, 8);
        push(&mut model, ranked(6, 5, Rank::Moderator));
        push(&mut model, ranked(7, 6, Rank::Member));
        let mods = mods_then.into_iter().map(UserId).collect();
        let page = UserPage { owner: Some(UserId(owner_then)), mods, ..UserPage::default() };
        answer(&mut model, request, &Answer::Users(page));
        let mods = &model.room(ROOM).unwrap().mods;
        assert_eq!(owner(&model), Some(8));
        assert_eq!(mods.iter().map(|user| user.0).collect::<Vec<_>>(), [5]);
        assert_eq!(model.ask_staff(ROOM), None);
    }
}

#[test]
fn those_who_leave_all_the_time_cause_no_question_after_another() {
    let mut model = ready(&[room(3, 3)]);
    let mut questions = 0;
    for round in 0..10 {
        let request = model.ask_staff(ROOM);
        push(&mut model, Message { kind: Kind::Leave, ..said(3, 4 + round, 20 + round, "") });
        if let Some(request) = request {
            questions += 1;
            listed(&mut model, request, Some(9));
        }
        assert_eq!(owner(&model), Some(9), "round {round}");
    }
    assert_eq!(questions, 1);
}

#[test]
fn more_than_is_kept_while_an_answer_is_on_its_way_is_asked_for_again() {
    let mut model = ready(&[room(3, 3)]);
    let request = model.ask_staff(ROOM).unwrap();
    for seq in 4..=4 + TURNS_MAX as u64 {
        push(&mut model, Message { kind: Kind::Leave, ..said(3, seq, 1000 + seq, "") });
    }
    listed(&mut model, request, Some(9));
    let request = model.ask_staff(ROOM).expect("another question");
    listed(&mut model, request, Some(9));
    assert_eq!((owner(&model), model.ask_staff(ROOM)), (Some(9), None));
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
