//! Whose turn it is, who gives way, and for how long one waits.

use super::*;

const NORMAL: Priority = Priority::Normal;

fn hall(limit: u32, length: usize) -> Arc<Room> {
    room(Concurrency::at_most(limit).queue(length, ms(100)))
}

/// Lets one after the other in, and says whose turn it was.
fn order(mut held: Permit, mut waiting: Vec<(&'static str, Waiting)>) -> Vec<&'static str> {
    let mut order = Vec::new();
    while !waiting.is_empty() {
        drop(held);
        let mut granted = None;
        waiting.retain_mut(|(name, waiter)| match poll(waiter) {
            Poll::Ready(Ok(permit)) => {
                assert!(granted.replace(permit).is_none(), "two were let in for one");
                order.push(*name);
                false
            }
            _ => true,
        });
        held = granted.expect("nobody was let in");
    }
    order
}

#[test]
fn requests_of_one_caller_are_let_in_as_they_came() {
    let room = hall(1, 8);
    let held = permit(enter(&room, 0, NORMAL, 7, ms(0)));
    let waiting = ["a", "b", "c"].map(|name| (name, waiting(enter(&room, 0, NORMAL, 7, ms(0)))));
    assert_eq!(order(held, waiting.into()), ["a", "b", "c"]);
}

#[test]
fn callers_take_turns_however_many_requests_one_of_them_has_waiting() {
    let room = hall(1, 8);
    let held = permit(enter(&room, 0, NORMAL, 9, ms(0)));
    let from = |flow, name| (name, waiting(enter(&room, 0, NORMAL, flow, ms(0))));
    let waiting = vec![
        from(1, "flood 1"),
        from(1, "flood 2"),
        from(1, "flood 3"),
        from(1, "flood 4"),
        from(2, "b 1"),
        from(3, "c 1"),
        from(2, "b 2"),
    ];
    let expected = ["flood 1", "b 1", "c 1", "flood 2", "b 2", "flood 3", "flood 4"];
    assert_eq!(order(held, waiting), expected);
}

#[test]
fn higher_classes_are_let_in_first() {
    let room = hall(1, 8);
    let held = permit(enter(&room, 0, NORMAL, 9, ms(0)));
    let of = |class, name| (name, waiting(enter(&room, 0, class, 1, ms(0))));
    let waiting =
        vec![of(Priority::Low, "low"), of(NORMAL, "normal"), of(Priority::Critical, "critical")];
    assert_eq!(order(held, waiting), ["critical", "normal", "low"]);
}

#[test]
fn in_a_full_queue_the_last_of_the_longest_line_gives_way_and_never_to_itself() {
    let room = hall(1, 3);
    let _held = permit(enter(&room, 0, NORMAL, 9, ms(0)));
    let mut flood: Vec<_> = (0..3).map(|_| waiting(enter(&room, 0, NORMAL, 1, ms(0)))).collect();
    assert!(matches!(enter(&room, 0, NORMAL, 1, ms(0)), Entry::Not(Shed::QueueFull)));
    let mut newcomer = waiting(enter(&room, 0, NORMAL, 2, ms(0)));
    let verdicts: Vec<_> = flood.iter_mut().map(poll).collect();
    assert!(verdicts[0].is_pending() && verdicts[1].is_pending());
    assert!(matches!(verdicts[2], Poll::Ready(Err(Shed::Displaced))));
    assert!(poll(&mut newcomer).is_pending());
    // Two of one and one of the other is as even as it gets.
    assert!(matches!(enter(&room, 0, NORMAL, 2, ms(0)), Entry::Not(Shed::QueueFull)));
    assert_eq!(room.stats().waiting(), 3);
}

#[test]
fn in_a_full_queue_lower_classes_give_way_to_higher_ones() {
    let room = hall(1, 2);
    let _held = permit(enter(&room, 0, NORMAL, 9, ms(0)));
    let mut low = waiting(enter(&room, 0, Priority::Low, 1, ms(0)));
    let mut normal = waiting(enter(&room, 0, NORMAL, 1, ms(0)));
    let mut critical = waiting(enter(&room, 0, Priority::Critical, 1, ms(0)));
    assert!(matches!(poll(&mut low), Poll::Ready(Err(Shed::Displaced))));
    assert!(matches!(enter(&room, 0, Priority::Low, 2, ms(0)), Entry::Not(Shed::QueueFull)));
    let mut more = waiting(enter(&room, 0, Priority::Critical, 1, ms(0)));
    assert!(matches!(poll(&mut normal), Poll::Ready(Err(Shed::Displaced))));
    assert!(poll(&mut critical).is_pending() && poll(&mut more).is_pending());
}

#[test]
fn one_key_has_as_many_places_as_it_leaves_free() {
    let room = room(Concurrency::at_most(1).by(crate::Key::header("x-tenant")).queue(8, ms(100)));
    let mut held = Vec::new();
    let mut places = |tag| {
        held.push(enter(&room, tag, NORMAL, 0, ms(0)));
        let mut count = 0;
        loop {
            match enter(&room, tag, NORMAL, 0, ms(0)) {
                Entry::Not(Shed::QueueFull) => return count,
                entry => held.push(entry),
            }
            count += 1;
        }
    };
    assert_eq!([places(1), places(2), places(3)], [4, 2, 1]);
}

#[test]
fn a_queue_that_stands_keeps_newcomers_for_a_twentieth_and_low_ones_not_at_all() {
    let room = hall(1, 8);
    let _held = permit(enter(&room, 0, NORMAL, 9, ms(0)));
    let patience = |class, now| match enter(&room, 0, class, 1, now) {
        Entry::Waits(waiting, patience) => Ok((waiting, patience)),
        Entry::Not(shed) => Err(shed),
        Entry::Now(_) => panic!("there is room"),
    };
    let (first, all) = patience(NORMAL, ms(0)).unwrap();
    let (low, _) = patience(Priority::Low, ms(99)).unwrap();
    assert_eq!(all, ms(100));
    let (brief, short) = patience(NORMAL, ms(100)).unwrap();
    assert_eq!(short, ms(5));
    assert_eq!(patience(Priority::Low, ms(100)).unwrap_err(), Shed::Standing);
    drop((first, low, brief));
    // It was empty for a moment, so what comes is a burst again.
    assert_eq!(patience(Priority::Low, ms(200)).unwrap().1, ms(100));
}

#[test]
fn a_class_that_is_refused_again_and_again_has_its_turn() {
    let room = room(Concurrency::at_most(10).share(Priority::Low, 10));
    let _busy: Vec<_> =
        (0..5).map(|_| permit(enter(&room, 0, Priority::Critical, 0, ms(0)))).collect();
    let mut admitted = 0;
    for _ in 0..100 {
        admitted += u32::from(matches!(enter(&room, 0, Priority::Low, 0, ms(0)), Entry::Now(_)));
    }
    assert_eq!(admitted, 2);
}
