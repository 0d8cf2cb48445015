//! The fields that tell a client where it stands, read by a parser of structured fields.

use http::Response;
use sfv::{BareItem, List, ListEntry, Parser};
use tower_parapet::throttle::{Key, Limit, Throttle, Unit};

use super::{service, values};

/// The items of a list, each with its parameters.
fn items(
    response: &Response<axum::body::Body>,
    name: &str,
) -> Vec<(String, Vec<(String, BareItem)>)> {
    let all: Vec<_> =
        response.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(all.len(), 1, "one field line: {all:?}");
    let list: List = Parser::new(all[0]).parse().unwrap();
    let read = |entry: ListEntry| {
        let ListEntry::Item(item) = entry else { panic!("{entry:?}") };
        let BareItem::String(name) = item.bare_item else { panic!("{:?}", item.bare_item) };
        let parameters = item.params.into_iter();
        let parameters = parameters.map(|(key, value)| (key.as_str().to_owned(), value));
        (name.as_str().to_owned(), parameters.collect())
    };
    list.into_iter().map(read).collect()
}

fn names(response: &Response<axum::body::Body>, field: &str) -> Vec<String> {
    items(response, field).into_iter().map(|(name, _)| name).collect()
}

#[tokio::test]
async fn all_limits_that_apply_are_told_in_one_field_the_tightest_first() {
    let service = service(|stack| {
        stack
            .throttle(
                Throttle::per_minute(600)
                    .burst(50)
                    .named("net")
                    .and(Limit::per_day(9).named("day")),
            )
            .throttle(Throttle::per_hour(20).by(Key::Route).named("route"))
    });
    let admitted = service.send([192, 0, 2, 1], "/open", &[]).await;
    assert_eq!(names(&admitted, "ratelimit-policy"), ["route", "net", "day"]);
    assert_eq!(names(&admitted, "ratelimit"), ["day", "route", "net"]);
    for host in 2..20 {
        service.send([192, 0, 2, host], "/open", &[]).await;
    }
    let admitted = service.send([192, 0, 2, 1], "/open", &[]).await;
    assert_eq!(names(&admitted, "ratelimit-policy"), ["route", "net", "day"], "always alike");
    assert_eq!(names(&admitted, "ratelimit"), ["route", "day", "net"]);
    let refused = service.send([192, 0, 2, 1], "/open", &[]).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(names(&refused, "ratelimit"), ["route"], "no other one was asked");
    for (_, parameters) in items(&refused, "ratelimit") {
        let keys: Vec<_> = parameters.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["r", "t"]);
        assert!(parameters.iter().all(|(_, value)| matches!(value, BareItem::Integer(_))));
    }
}

#[tokio::test]
async fn the_unit_and_the_partition_are_told_when_asked_and_never_the_key() {
    let service = service(|stack| {
        let bytes = Throttle::per_minute(1_000_000).unit(Unit::ContentBytes).partition_key();
        stack.throttle(bytes.named("bytes"))
    });
    let mut partitions = Vec::new();
    for host in [1, 1, 2] {
        let answer = service.send([192, 0, 2, host], "/open", &[]).await;
        let policy = items(&answer, "ratelimit-policy");
        let standing = items(&answer, "ratelimit");
        let keys = |items: &[(String, Vec<(String, BareItem)>)]| {
            items[0].1.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>()
        };
        assert_eq!(keys(&policy), ["q", "qu", "w", "pk"]);
        assert_eq!(keys(&standing), ["r", "t", "pk"]);
        let BareItem::String(unit) = &policy[0].1[1].1 else { panic!("{policy:?}") };
        assert_eq!(unit.as_str(), "content-bytes");
        assert_eq!(policy[0].1[3].1, standing[0].1[2].1);
        let BareItem::ByteSequence(partition) = &standing[0].1[2].1 else { panic!("{standing:?}") };
        assert_eq!(partition.len(), 8);
        partitions.push(partition.clone());
    }
    assert_eq!(partitions[0], partitions[1]);
    assert_ne!(partitions[0], partitions[2]);
}

#[tokio::test]
async fn a_quiet_limit_says_nothing_but_when_to_come_back() {
    let service = service(|stack| stack.throttle(Throttle::per_minute(1).quiet()));
    for expected in [200, 429] {
        let answer = service.send([192, 0, 2, 1], "/open", &[]).await;
        assert_eq!(answer.status(), expected);
        assert!(values(&answer, "ratelimit").is_empty());
        assert!(values(&answer, "ratelimit-policy").is_empty());
        assert_eq!(answer.headers().contains_key("retry-after"), expected == 429);
    }
}

#[tokio::test]
async fn older_fields_tell_the_tightest_limit_alone() {
    let service = service(|stack| {
        stack
            .throttle(Throttle::per_minute(60).burst(5).legacy_headers())
            .throttle(Throttle::per_day(3).by(Key::Global).named("all").legacy_headers())
    });
    service.clock.set_unix(std::time::Duration::from_millis(1_700_000_000_500));
    let told = |answer: &Response<axum::body::Body>| {
        ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"]
            .map(|name| values(answer, name).join("|").parse::<u64>().unwrap())
    };
    let answer = service.send([192, 0, 2, 1], "/open", &[]).await;
    assert_eq!(told(&answer), [3, 2, 1_700_000_001 + 28_800], "the second of the day's is due");
    assert_eq!(names(&answer, "ratelimit").len(), 2);
    for _ in 0..2 {
        service.send([192, 0, 2, 1], "/open", &[]).await;
    }
    let refused = service.send([192, 0, 2, 1], "/open", &[]).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(told(&refused)[..2], [3, 0]);
}

#[tokio::test]
async fn limits_of_an_inner_stack_are_told_beside_those_of_the_outer_one() {
    let service = service(|stack| stack.throttle(Throttle::per_minute(9).named("outer")));
    let inner = Throttle::per_minute(5).named("inner").build().unwrap();
    let app = super::router().layer(inner);
    let outer = tower_parapet::Parapet::builder()
        .peer(tower_parapet::Peer::Extension)
        .public("/open", "test")
        .throttle(Throttle::per_minute(9).named("outer"))
        .build()
        .unwrap()
        .protect(app);
    let service = super::Service { app: outer, clock: service.clock };
    let answer = service.send([192, 0, 2, 1], "/open", &[]).await;
    let all = values(&answer, "ratelimit").join(", ");
    let list: List = Parser::new(&all).parse().unwrap();
    assert_eq!(list.len(), 2, "{all}");
}
