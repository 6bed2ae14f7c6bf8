//! What the committing thread does with decisions that go wrong: nobody else's suffers, and nothing
//! of theirs is seen.

use std::sync::{Mutex, mpsc};

use liao_common::{
    id::Nonce,
    message::{Body, Kind},
};
use tokio::task::JoinHandle;

use super::*;
use crate::{
    disk::MemoryDisk,
    index::MemoryIndex,
    journal::{NewRecord, RECORD_BODY_BYTES_MAX},
    state::{
        project::{self, project},
        view,
    },
    store::{self, Store, StoreOptions},
};

const ROOM: RoomId = RoomId(7);

/// Keeps what was told.
#[derive(Default)]
struct Told(Mutex<Vec<Seq>>);

impl Audience for Told {
    fn committed(&self, effects: Vec<Effect>) -> Calls {
        let seqs = effects.iter().filter_map(|effect| match effect {
            Effect::Message { seq, .. } => Some(*seq),
            _ => None,
        });
        self.0.lock().unwrap().extend(seqs);
        Calls::default()
    }
}

struct World {
    engine: Engine,
    committing: Committing,
    store: Arc<Store>,
    told: Arc<Told>,
}

fn start(disk: &MemoryDisk, index: &MemoryIndex) -> World {
    let options = StoreOptions::new(77, project::VERSION);
    let (store, writer, _) =
        store::open(Arc::new(disk.clone()), index, options, project, &mut |_| {}).unwrap();
    let told = Arc::<Told>::default();
    let audience: Arc<dyn Audience> = Arc::<Told>::clone(&told);
    let options = Options { clock: || 1, free_bytes_min: 0 };
    let (engine, committing) = Engine::start(writer, audience, options).unwrap();
    World { engine, committing, store, told }
}

fn say(tx: &mut Transaction<'_, '_>, text: &str) -> Result<Seq, Fault> {
    let by = Speaker { room: ROOM, from: UserId(1), device: DeviceId(1) };
    Ok(tx.say(by, Nonce([1; 16]), Kind::Text, Body::text(text))?.seq)
}

/// Keeps the committing thread busy until the sender is dropped, so that what is asked meanwhile is
/// decided in one batch.
async fn hold(engine: &Engine) -> (mpsc::SyncSender<()>, JoinHandle<Result<(), Fault>>) {
    let (release, held) = mpsc::sync_channel::<()>(1);
    let (entered, entering) = oneshot::channel();
    let engine = engine.clone();
    let holding = tokio::spawn(async move {
        let decide = move |_: &mut Transaction<'_, '_>| {
            entered.send(()).unwrap();
            held.recv().unwrap_err();
            Ok(())
        };
        engine.run(decide).await
    });
    entering.await.unwrap();
    (release, holding)
}

#[tokio::test]
async fn a_decision_that_cannot_be_stored_concerns_nobody_else() {
    let World { engine, committing, store, told } = start(&MemoryDisk::new(), &MemoryIndex::new());
    let unknown = NewRecord { kind: 250, body: Bytes::from_static(b"of no known kind") };
    let large = NewRecord { kind: 1, body: vec![0; RECORD_BODY_BYTES_MAX + 1].into() };
    for bad in [unknown, large] {
        let before = view::head(&*store, ROOM).unwrap().seq;
        let (release, holding) = hold(&engine).await;
        let spoiled = engine.run(move |tx| {
            let seq = say(tx, "never said")?;
            tx.records.push(bad);
            Ok(seq)
        });
        let first = engine.run(|tx| say(tx, "before"));
        let last = engine.run(|tx| say(tx, "after"));
        // Each is asked at its first poll, in this order; then the thread goes on.
        let letting_go = async move { drop(release) };
        let (first, spoiled, last, ()) = tokio::join!(biased; first, spoiled, last, letting_go);
        assert_eq!(holding.await.unwrap(), Ok(()));
        assert_eq!(spoiled.unwrap_err().code, FaultCode::Internal);
        assert_eq!((first, last), (Ok(before.next()), Ok(before.next().next())));
        assert_eq!(view::head(&*store, ROOM).unwrap().seq, before.next().next());
    }
    assert_eq!(*told.0.lock().unwrap(), [1, 2, 3, 4].map(Seq), "and nothing else is shown");
    drop(engine);
    committing.join();
}

/// Looks after a future once, as somebody does who has others to look after.
fn look<F: Future>(future: &mut std::pin::Pin<Box<F>>) {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(future.as_mut().poll(&mut context).is_pending());
}

#[tokio::test]
async fn what_was_asked_first_in_a_lane_is_decided_first_also_when_the_queue_is_full() {
    let (disk, index) = (MemoryDisk::new(), MemoryIndex::new());
    let options = StoreOptions::new(77, project::VERSION);
    let (_, writer, _) =
        store::open(Arc::new(disk), &index, options, project, &mut |_| {}).unwrap();
    let options = Options { clock: || 1, free_bytes_min: 0 };
    let (engine, mut duty) = Engine::prepare(writer, Arc::<Told>::default(), options);
    let decided = Arc::<Mutex<Vec<&str>>>::default();
    let (lane, other) = (Lane::default(), Lane::default());
    let ask = |lane: &Lane, name| {
        let (engine, lane, decided) = (engine.clone(), lane.clone(), Arc::clone(&decided));
        // Nor may the runtime's budget put anything off.
        Box::pin(tokio::task::unconstrained(async move {
            let notes = move |_: &mut Transaction<'_, '_>| {
                decided.lock().unwrap().push(name);
                Ok(())
            };
            engine.run_in(&lane, notes).await
        }))
    };
    let mut full: Vec<_> = (0..QUEUE_MAX).map(|_| ask(&other, "")).collect();
    full.iter_mut().for_each(look);
    let (mut first, mut second) = (ask(&lane, "first"), ask(&lane, "second"));
    look(&mut first);
    // Places become free between the look at the one and at the other.
    for _ in 0..2 {
        drop(duty.jobs.try_recv().unwrap());
    }
    look(&mut second);
    look(&mut first);
    let committing = duty.on_a_thread().unwrap();
    assert_eq!((first.await, second.await), (Ok(()), Ok(())));
    decided.lock().unwrap().retain(|name| !name.is_empty());
    assert_eq!(*decided.lock().unwrap(), ["first", "second"]);
    drop((full, engine));
    committing.join();
}

#[tokio::test]
async fn after_a_decision_that_panics_nothing_is_promised_and_all_know() {
    let (disk, index) = (MemoryDisk::new(), MemoryIndex::new());
    let World { engine, committing, store, told } = start(&disk, &index);
    assert_eq!(engine.run(|tx| say(tx, "kept")).await, Ok(Seq(1)));
    let (release, holding) = hold(&engine).await;
    let beside = engine.run(|tx| say(tx, "beside"));
    let broken = engine.run(|_| -> Result<Seq, Fault> { panic!("as the test wants it") });
    let letting_go = async move { drop(release) };
    let (beside, broken, ()) = tokio::join!(biased; beside, broken, letting_go);
    assert_eq!(holding.await.unwrap(), Ok(()), "it was stored before");
    assert_eq!(broken.unwrap_err().code, FaultCode::ShuttingDown);
    assert_eq!(beside.unwrap_err().code, FaultCode::ShuttingDown, "it was not stored");
    tokio::time::timeout(std::time::Duration::from_secs(10), engine.failed().cancelled())
        .await
        .unwrap();
    let later = engine.run(|tx| say(tx, "later")).await;
    assert_eq!(later.unwrap_err().code, FaultCode::ShuttingDown);
    assert_eq!(*told.0.lock().unwrap(), [Seq(1)]);
    drop((engine, store));
    committing.join();

    let World { engine, committing, store, .. } = start(&disk.cut(1, false), &index);
    assert_eq!(view::head(&*store, ROOM).unwrap().seq, Seq(1), "what was promised is there");
    assert_eq!(engine.run(|tx| say(tx, "again")).await, Ok(Seq(2)));
    drop(engine);
    committing.join();
}
