use liao_common::{
    message::{Body, Kind},
    request::RoomList,
};

use super::*;
use crate::{fake::soon, handle::COMMANDS_MAX, link::NOTICES_MAX, notice::Ticket};

fn desk(outbox: Outbox) -> (Desk, mpsc::Sender<Command>, mpsc::Receiver<Notice>) {
    let (commands, commands_out) = mpsc::channel(COMMANDS_MAX);
    let (notices_in, notices) = mpsc::channel(NOTICES_MAX);
    (Desk::new(commands_out, notices_in, outbox), commands, notices)
}

fn post(byte: u8) -> Queued {
    Queued {
        nonce: Nonce([byte; 16]),
        room: RoomId(1),
        kind: Kind::Text,
        body: Body::text("hi"),
        at_ms: clock::wall_ms(),
    }
}

#[tokio::test]
async fn whoever_asked_behind_a_post_learns_of_the_end_too() {
    let (mut desk, commands, mut notices) = desk(Outbox::in_memory());
    let (stored, wait) = oneshot::channel();
    commands.send(Command::Post(post(1), stored)).await.unwrap();
    for number in 1..=3 {
        let asker = Asker::Ticket(Ticket(number));
        commands.send(Command::Ask(RoomList::default().into(), asker)).await.unwrap();
    }
    let command = soon(desk.next()).await.unwrap();
    desk.accept(command).await.unwrap();
    assert_eq!(wait.await, Ok(Ok(())));
    desk.finish(End::Closed).await;
    let mut told = Vec::new();
    while let Some(notice) = soon(notices.recv()).await {
        if let Notice::Answer { ticket, answer, .. } = notice {
            assert_eq!(answer, Err(CallError::Closed));
            told.push(ticket.0);
        }
    }
    assert_eq!(told, [1, 2, 3]);
}
