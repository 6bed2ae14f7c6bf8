use bytes::Buf;
use tokio::{
    io::{DuplexStream, duplex},
    time::Duration,
};

use super::*;
use crate::fake::soon;

/// A connection, and the bytes at its other end.
fn pair() -> (Connection, DuplexStream) {
    let (near, far) = duplex(64 * 1024);
    (Connection::new(Box::new(near)), far)
}

#[tokio::test(start_paused = true)]
async fn pings_whose_answers_nobody_takes_fill_no_memory() {
    const PINGS: usize = 150_000;
    let (mut conn, far) = pair();
    let (mut read_far, mut write_far) = tokio::io::split(far);
    let ping = codec::frame(kind::PING, 0, &Ping { n: 1 });
    let pong = codec::frame(kind::PONG, 0, &Ping { n: 1 });
    let flood = tokio::spawn(async move {
        let pings = ping.repeat(PINGS);
        write_far.write_all(&pings).await.unwrap();
        write_far
    });
    let mut answered = 0;
    let stuck = Duration::from_secs(60);
    while let Ok(stepped) = timeout(stuck, conn.step(true)).await {
        if stepped.unwrap().is_some() {
            conn.pong(Ping { n: 1 });
            answered += 1;
        }
    }
    assert!(conn.output_len() <= OUTPUT_BYTES_MAX + pong.len(), "{}", conn.output_len());
    assert!(answered < PINGS, "the flood is larger than what may wait");

    // Somebody reads again: everything goes on, and every ping has its answer.
    let mut taken = BytesMut::new();
    while taken.len() < PINGS * pong.len() {
        tokio::select! {
            stepped = conn.step(true) => {
                if stepped.unwrap().is_some() {
                    conn.pong(Ping { n: 1 });
                    answered += 1;
                }
            }
            count = read_far.read_buf(&mut taken) => assert!(count.unwrap() > 0),
        }
    }
    assert_eq!(answered, PINGS);
    while taken.has_remaining() {
        assert!(taken.starts_with(&pong));
        taken.advance(pong.len());
    }
    drop(soon(flood).await);
}

#[tokio::test]
async fn a_server_that_wants_encryption_is_known_by_its_alert() {
    let (mut conn, mut far) = pair();
    far.write_all(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x0a]).await.unwrap();
    let failed = conn.step(true).await;
    assert!(matches!(failed, Err(ConnectionError::Encrypted)), "{failed:?}");
    let (mut conn, mut far) = pair();
    far.write_all(b"220 mail.example.org\r\n").await.unwrap();
    let failed = conn.step(true).await;
    assert!(matches!(failed, Err(ConnectionError::Protocol(_))), "{failed:?}");
}
