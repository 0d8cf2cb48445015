//! However retries, cancellations and failures fall together, a request succeeds once.

use std::sync::atomic::AtomicU32;

use futures_util::{FutureExt, future::BoxFuture};
use proptest::prelude::*;
use tokio::sync::oneshot;

use super::*;

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Sends a request with one of few keys.
    Send {
        key: u8,
        is_other: bool,
    },
    /// Lets a handler that runs answer.
    Answer {
        which: prop::sample::Index,
        status: u16,
    },
    /// A client that waits leaves.
    Leave(prop::sample::Index),
    Panic(prop::sample::Index),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let which = || any::<prop::sample::Index>();
    prop_oneof![
        4 => (0_u8..3, prop::bool::weighted(0.2)).prop_map(|(key, is_other)| Step::Send { key, is_other }),
        3 => (which(), prop::sample::select(vec![200_u16, 201, 404, 500, 503, 429]))
            .prop_map(|(which, status)| Step::Answer { which, status }),
        1 => which().prop_map(Step::Leave),
        1 => which().prop_map(Step::Panic),
        1 => (0_u64..59).prop_map(Step::Wait),
    ]
}

struct UnderWay {
    key: u8,
    call: BoxFuture<'static, Response<Body>>,
    /// What its handler waits for; nothing once it has been told.
    gate: Option<oneshot::Sender<Option<u16>>>,
}

#[derive(Default)]
struct Model {
    /// What the handler came to for each key: its status, and the number of the run.
    done: [Option<(u16, u32)>; 3],
    successes: [usize; 3],
}

proptest! {
    #[test]
    fn no_interleaving_of_retries_runs_the_handler_twice_to_success(
        steps in prop::collection::vec(step(), 1..80),
    ) {
        let site = site();
        let number = Arc::new(AtomicU32::new(0));
        let mut under_way: Vec<UnderWay> = Vec::new();
        let mut model = Model::default();
        let mut waited = 0;
        for step in steps {
            match step {
                Step::Send { key, is_other } => {
                    let (open, gate) = oneshot::channel::<Option<u16>>();
                    let runs = site.handler.runs();
                    let number = number.clone();
                    site.handler.next.lock().unwrap().clear();
                    site.handler.then(async move {
                        let Some(status) = gate.await.unwrap() else { panic!("on purpose") };
                        answer(status, number.fetch_add(1, Ordering::SeqCst).to_string())
                    });
                    let keys = ["k0", "k1", "k2"];
                    let body = if is_other { "other" } else { "one tea" };
                    let mut call = site.call(Ask { body, ..ask(keys[usize::from(key)]) }).boxed();
                    let told = (&mut call).now_or_never();
                    let is_run = site.handler.runs() > runs;
                    let is_busy = under_way.iter().any(|other| other.key == key);
                    let done = model.done[usize::from(key)];
                    prop_assert_eq!(is_run, !is_busy && done.is_none(), "{:?} {:?}", key, done);
                    match told {
                        None => under_way.push(UnderWay { key, call, gate: Some(open) }),
                        Some(response) => {
                            let told = told_now(response);
                            match done {
                                Some((status, number)) if told.is_replayed() => {
                                    prop_assert_eq!(told.status, status);
                                    prop_assert_eq!(told.body, number.to_string());
                                }
                                _ => prop_assert!([409, 422].contains(&told.status), "{told:?}"),
                            }
                        }
                    }
                }
                Step::Answer { which, status } if !under_way.is_empty() => {
                    let mut one = under_way.remove(which.index(under_way.len()));
                    one.gate.take().unwrap().send(Some(status)).unwrap();
                    let number = number.load(Ordering::SeqCst);
                    let response = (&mut one.call).now_or_never().unwrap();
                    prop_assert_eq!(response.status().as_u16(), status);
                    if status < 429 {
                        model.done[usize::from(one.key)] = Some((status, number));
                    }
                    if status < 300 {
                        model.successes[usize::from(one.key)] += 1;
                        prop_assert_eq!(model.successes[usize::from(one.key)], 1);
                    }
                }
                Step::Leave(which) if !under_way.is_empty() => {
                    drop(under_way.remove(which.index(under_way.len())));
                }
                Step::Panic(which) if !under_way.is_empty() => {
                    let mut one = under_way.remove(which.index(under_way.len()));
                    one.gate.take().unwrap().send(None).unwrap();
                    let response = (&mut one.call).now_or_never().unwrap();
                    prop_assert_eq!(response.status().as_u16(), 500);
                }
                // Less than a lock in all: the handler's deadline would have ended what runs for longer.
                Step::Wait(seconds) if waited + seconds < 60 => {
                    waited += seconds;
                    site.clock.advance(std::time::Duration::from_secs(seconds));
                }
                _ => {}
            }
        }
    }
}

fn told_now(response: Response<Body>) -> Told {
    told(response).now_or_never().unwrap()
}
