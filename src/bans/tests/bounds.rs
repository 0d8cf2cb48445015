//! What is remembered, and what is forgotten first.

use super::*;

fn nth(number: u32) -> String {
    std::net::Ipv4Addr::from_bits(0x0A00_0000 + number).to_string()
}

#[test]
fn a_ban_in_force_is_never_forgotten_to_make_room() {
    let service = Service::of(builder().max_bans(8));
    for number in 0..8 {
        service.get_banned(&nth(number));
    }
    for number in 8..200 {
        (0..3).for_each(|_| service.fail(&nth(number)));
        assert!(!service.is_banned(&nth(number)));
    }
    assert!((0..8).all(|number| service.is_banned(&nth(number))));
    let counts = service.bans.counts();
    assert_eq!((counts.live, counts.remembered, counts.overflowed), (8, 8, 192));
    let refusal = service.bans.ban("192.0.2.1".parse::<IpAddr>().unwrap(), MINUTE, "x");
    assert_eq!(refusal, Err(crate::bans::NotBanned::Full));
    service.clock.advance(MINUTE);
    service.get_banned("192.0.2.1");
    assert!(service.bans.counts().remembered <= 8);
}

#[test]
fn bans_that_are_over_make_room_the_least_grave_first() {
    let service = Service::of(builder().max_bans(3));
    for _ in 0..3 {
        service.get_banned(&nth(0));
        service.clock.advance(service.bans.list()[0].left);
    }
    for number in 1..20 {
        service.get_banned(&nth(number));
        service.clock.advance(MINUTE);
    }
    service.get_banned(&nth(0));
    assert_eq!(service.bans.list()[0].left, 30 * MINUTE, "the gravest one is still known");
}

#[test]
fn a_flood_of_suspects_clears_none_who_is_close_to_a_ban() {
    let service = Service::of(builder().max_suspects(64));
    service.fail("192.0.2.1");
    service.fail("192.0.2.1");
    for number in 0..10_000 {
        service.fail(&nth(number));
    }
    service.fail("192.0.2.1");
    assert!(service.is_banned("192.0.2.1"));
    let counts = service.bans.counts();
    assert!(counts.forgotten > 9_000, "{counts:?}");
}

#[test]
fn thousands_of_offenders_take_no_more_than_the_bounds() {
    let service = Service::of(builder().max_bans(1_000).threshold(1));
    let began = std::time::Instant::now();
    for number in 0..20_000 {
        service.fail(&nth(number));
        if number % 1_000 == 0 {
            service.clock.advance(MINUTE);
        }
    }
    let counts = service.bans.counts();
    assert!(counts.remembered <= 1_000, "{counts:?}");
    println!("20000 offenders in {:?}: {counts:?}", began.elapsed());
}

#[test]
fn threads_that_offend_at_once_get_one_ban() {
    let service = Service::of(builder());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..500).for_each(|_| service.fail("192.0.2.1")));
        }
    });
    assert_eq!((service.bans.counts().banned, service.bans.list()[0].level), (1, 1));
}
