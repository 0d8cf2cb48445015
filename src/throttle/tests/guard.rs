//! Whose bucket a request is counted against, and what it is answered.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::Request;

use crate::clock::ManualClock;
use crate::context::{
    Access, ClientAddr, PeerAddr, Principal, PrincipalBuilder, Provenance, Route,
};
use crate::guard::{Exchange, Guard};
use crate::observe::Record;
use crate::rejection::{Reason, Rejection};
use crate::throttle::{Absent, Count, Key, Limit, Plans, Throttle};

struct Call {
    exchange: Exchange,
}

fn call() -> Call {
    Call { exchange: Exchange::test(Request::new(()), ManualClock::default()) }
}

impl Call {
    fn from(mut self, ip: &str) -> Self {
        let ip: IpAddr = ip.parse().unwrap();
        self.exchange.set_client(ClientAddr::new(ip, Provenance::Peer));
        self
    }

    fn by(mut self, issuer: &str, subject: &str) -> Self {
        self.exchange.set_principal(Principal::builder(issuer, subject).build());
        self
    }

    fn on(mut self, pattern: &str, access: Access) -> Self {
        self.exchange.set_route(Arc::new(Route::new(pattern, access)));
        self
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.exchange.head.headers.append(name, value.parse().unwrap());
        self
    }

    fn ask(mut self, throttle: &Throttle) -> Result<(), Rejection> {
        throttle.check(&mut self.exchange).map(|_| ())
    }

    fn reason(self, throttle: &Throttle) -> Option<Reason> {
        self.ask(throttle).err().map(|rejection| rejection.reason())
    }
}

const PUBLIC: fn() -> Access = || Access::Public { reason: "shop window".into() };
const LIMITED: Option<Reason> = Some(Reason::RateLimited);

fn one_by(key: Key) -> Throttle {
    Throttle::per_hour(1).by(key).build().unwrap()
}

#[test]
fn a_network_is_a_v4_address_or_a_64_of_v6() {
    let throttle = one_by(Key::ClientNet);
    assert_eq!(call().from("192.0.2.1").reason(&throttle), None);
    assert_eq!(call().from("192.0.2.1").reason(&throttle), LIMITED);
    assert_eq!(call().from("::ffff:192.0.2.1").reason(&throttle), LIMITED);
    assert_eq!(call().from("192.0.2.2").reason(&throttle), None);
    assert_eq!(call().from("2001:db8:0:1::1").reason(&throttle), None);
    assert_eq!(call().from("2001:db8:0:1:ffff:ffff:ffff:ffff").reason(&throttle), LIMITED);
    assert_eq!(call().from("2001:db8:0:2::1").reason(&throttle), None);
}

#[test]
fn prefixes_are_settable() {
    let throttle = Throttle::per_hour(1).ipv4_prefix(24).ipv6_prefix(48).build().unwrap();
    assert_eq!(call().from("192.0.2.1").reason(&throttle), None);
    assert_eq!(call().from("192.0.2.255").reason(&throttle), LIMITED);
    assert_eq!(call().from("192.0.3.1").reason(&throttle), None);
    assert_eq!(call().from("2001:db8:0:1::1").reason(&throttle), None);
    assert_eq!(call().from("2001:db8:0:2::1").reason(&throttle), LIMITED);
    assert_eq!(call().from("2001:db8:1::1").reason(&throttle), None);
}

#[test]
fn without_a_client_address_a_limit_by_client_refuses() {
    let throttle = one_by(Key::ClientNet);
    let rejection = call().ask(&throttle).unwrap_err();
    assert_eq!(rejection.reason(), Reason::AddressUnknown);
    assert!(rejection.private_expected().unwrap().contains(".peer("), "names the remedy");
    assert_eq!(call().reason(&throttle), Some(Reason::AddressUnknown));
}

#[test]
fn the_peer_is_the_client_where_no_proxy_is_trusted() {
    let throttle = one_by(Key::ClientNet);
    let mut request = Request::new(());
    let peer: SocketAddr = "192.0.2.9:4711".parse().unwrap();
    request.extensions_mut().insert(PeerAddr::new(peer));
    let mut exchange = Exchange::test(request, ManualClock::default());
    assert!(throttle.check(&mut exchange).is_ok());
    assert_eq!(call().from("192.0.2.9").reason(&throttle), LIMITED);
}

#[test]
fn a_principal_is_issuer_and_subject_together() {
    let throttle = one_by(Key::Principal);
    assert_eq!(call().by("a", "bc").reason(&throttle), None);
    assert_eq!(call().by("ab", "c").reason(&throttle), None);
    assert_eq!(call().by("other", "bc").reason(&throttle), None);
    assert_eq!(call().by("a", "bc").from("192.0.2.1").reason(&throttle), LIMITED);
}

#[test]
fn a_principal_key_skips_public_routes_and_falls_back_where_credentials_are_optional() {
    let throttle = one_by(Key::Principal);
    for _ in 0..5 {
        assert_eq!(call().on("/shop", PUBLIC()).reason(&throttle), None);
        assert_eq!(call().on("/shop", PUBLIC()).by("a", "b").reason(&throttle), None);
    }
    let optional = || call().on("/news", Access::Optional);
    assert_eq!(optional().from("192.0.2.1").reason(&throttle), None);
    assert_eq!(optional().from("192.0.2.1").reason(&throttle), LIMITED);
    assert_eq!(optional().from("192.0.2.1").by("a", "b").reason(&throttle), None);
    assert_eq!(optional().reason(&throttle), Some(Reason::AddressUnknown));
    let closed = || call().on("/orders", Access::Authenticated);
    assert_eq!(closed().from("192.0.2.1").reason(&throttle), Some(Reason::MissingCredentials));
    assert_eq!(call().reason(&throttle), Some(Reason::MissingCredentials));
}

#[test]
fn a_header_key_wants_its_header_once_and_short() {
    let throttle = one_by(Key::header("X-Tenant"));
    assert_eq!(call().with("x-tenant", "acme").reason(&throttle), None);
    assert_eq!(call().with("x-tenant", "acme").reason(&throttle), LIMITED);
    assert_eq!(call().with("x-tenant", "other").reason(&throttle), None);
    assert_eq!(call().reason(&throttle), Some(Reason::MissingHeader));
    let twice = call().with("x-tenant", "acme").with("x-tenant", "third");
    assert_eq!(twice.reason(&throttle), Some(Reason::BadHeader));
    let long = "x".repeat(257);
    assert_eq!(call().with("x-tenant", &long).reason(&throttle), Some(Reason::BadHeader));
    assert_eq!(call().with("x-tenant", &"x".repeat(256)).reason(&throttle), None);
}

#[test]
fn an_absent_header_can_be_told_to_mean_the_network_or_one_shared_bucket() {
    let build =
        |absent| Throttle::per_hour(1).by(Key::header("x-tenant")).absent(absent).build().unwrap();
    let by_net = build(Absent::ClientNet);
    assert_eq!(call().from("192.0.2.1").reason(&by_net), None);
    assert_eq!(call().from("192.0.2.1").reason(&by_net), LIMITED);
    assert_eq!(call().from("192.0.2.2").reason(&by_net), None);
    let shared = build(Absent::Share);
    assert_eq!(call().from("192.0.2.1").reason(&shared), None);
    assert_eq!(call().from("192.0.2.2").reason(&shared), LIMITED);
}

#[test]
fn what_names_a_bucket_in_one_way_never_names_one_in_another() {
    let throttle = Throttle::per_hour(1)
        .by(Key::header("x-tenant").and(Key::Principal))
        .absent(Absent::ClientNet)
        .build()
        .unwrap();
    let bare = || call().on("/news", Access::Optional).from("192.0.2.1");
    let tenant = |value| bare().with("x-tenant", value);
    let requests: [&dyn Fn() -> Call; 11] = [
        &bare,
        &|| bare().by("", ""),
        &|| bare().by("192.0.2.1", ""),
        &|| tenant(""),
        &|| tenant("192.0.2.1"),
        &|| tenant("ab").by("", "c"),
        &|| tenant("a").by("b", "c"),
        &|| tenant("").by("ab", "c"),
        &|| tenant("").by("abc", ""),
        &|| tenant("").by("", "abc"),
        &|| tenant("abc").by("", ""),
    ];
    for request in requests {
        assert_eq!(request().reason(&throttle), None);
    }
    for request in requests {
        assert_eq!(request().reason(&throttle), LIMITED);
    }
}

#[test]
fn methods_that_are_made_up_are_one_bucket() {
    let throttle = one_by(Key::Method);
    let ask = |method: &str| {
        let request = Request::builder().method(method).body(()).unwrap();
        throttle.check(&mut Exchange::test(request, ManualClock::default())).is_ok()
    };
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        assert!(ask(method), "{method}");
        assert!(!ask(method), "{method}");
    }
    for letter in 'A'..='Z' {
        assert!(!ask(&format!("{letter}REW")));
    }
}

fn known(caller: PrincipalBuilder) -> Call {
    let mut call = call();
    call.exchange.set_principal(caller.build());
    call
}

fn alice() -> PrincipalBuilder {
    Principal::builder("https://id.example", "alice")
}

#[test]
fn what_a_caller_lacks_is_refused_shared_or_replaced_as_was_said() {
    let org = |org: &str| alice().claims([("org".to_owned(), org.into())].into_iter().collect());
    let cases: [(Key, PrincipalBuilder); 3] = [
        (Key::Tenant, alice().tenant("acme")),
        (Key::ApiKey, alice().key_id("k1")),
        (Key::claim("org"), org("acme")),
    ];
    for (key, holder) in cases {
        let holder = holder.build();
        let with = || {
            let mut call = call().from("192.0.2.1");
            call.exchange.set_principal(holder.clone());
            call
        };
        let without = |subject| call().from("192.0.2.1").by("https://id.example", subject);
        let build = |absent| Throttle::per_hour(1).by(key.clone()).absent(absent).build().unwrap();
        for absent in [Absent::Refuse, Absent::Share, Absent::ClientNet, Absent::Principal] {
            let throttle = build(absent);
            assert_eq!(with().reason(&throttle), None, "{key}");
            assert_eq!(with().reason(&throttle), LIMITED, "{key}");
            let (first, second) = match absent {
                Absent::Refuse => (Some(Reason::Forbidden), Some(Reason::Forbidden)),
                Absent::Principal => (None, None),
                _ => (None, LIMITED),
            };
            assert_eq!(without("bob").reason(&throttle), first, "{key} {absent:?}");
            assert_eq!(without("eve").reason(&throttle), second, "{key} {absent:?}");
            let stranger = call().from("192.0.2.1");
            assert_eq!(stranger.reason(&throttle), Some(Reason::MissingCredentials), "{key}");
            for _ in 0..3 {
                assert_eq!(call().on("/open", PUBLIC()).reason(&throttle), None, "skipped");
            }
        }
    }
}

#[test]
fn a_refusal_for_what_a_caller_lacks_says_so_and_names_no_caller() {
    let rejection = known(alice()).ask(&one_by(Key::claim("/realm/org"))).unwrap_err();
    assert_eq!(rejection.status().as_u16(), 403);
    assert_eq!(
        rejection.public_detail(),
        "the credentials have no claim `/realm/org`, which is required here"
    );
    assert!(rejection.private_expected().unwrap().contains("`absent`"));
}

#[test]
fn a_tenant_or_a_claim_of_another_issuer_is_another_one() {
    let tenant = one_by(Key::Tenant);
    let of = |issuer| known(Principal::builder(issuer, "alice").tenant("acme"));
    assert_eq!(of("a").reason(&tenant), None);
    assert_eq!(of("b").reason(&tenant), None);
    assert_eq!(of("a").reason(&tenant), LIMITED);
}

#[test]
fn a_key_of_ones_own_that_reads_nothing_is_refused_unless_said_otherwise() {
    let key = || Key::at_edge("shop", |exchange| exchange.headers().get("x-shop").map(|_| 7_u8));
    let throttle = one_by(key());
    assert_eq!(call().with("x-shop", "red").reason(&throttle), None);
    assert_eq!(call().with("x-shop", "blue").reason(&throttle), LIMITED);
    let refused = call().ask(&throttle).unwrap_err();
    assert_eq!(refused.reason(), Reason::MalformedRequest);
    let shared = Throttle::per_hour(1).by(key()).absent(Absent::Share).build().unwrap();
    assert_eq!(call().reason(&shared), None);
    assert_eq!(call().reason(&shared), LIMITED);
    assert_eq!(call().with("x-shop", "red").reason(&shared), None);
}

#[test]
fn an_absent_header_can_mean_the_caller_and_a_stranger_its_network() {
    let throttle = Throttle::per_hour(1)
        .by(Key::header("x-tenant"))
        .absent(Absent::Principal)
        .build()
        .unwrap();
    let open = || call().from("192.0.2.1").on("/open", PUBLIC());
    assert_eq!(open().by("a", "alice").reason(&throttle), None);
    assert_eq!(open().by("a", "bob").reason(&throttle), None);
    assert_eq!(open().by("a", "bob").reason(&throttle), LIMITED);
    assert_eq!(open().reason(&throttle), None);
    assert_eq!(open().reason(&throttle), LIMITED);
}

#[test]
fn who_only_claims_to_be_somebody_has_nobodys_plan() {
    let plans = Plans::by_store().plan("pro", [Limit::per_hour(1)]).otherwise("pro");
    let throttle = Throttle::per_hour(1).by(Key::ClientNet).plans(plans).build().unwrap();
    let mut claimed = call().from("192.0.2.1").by("partners", "acme");
    claimed.exchange.claim();
    assert!(throttle.check(&mut claimed.exchange).is_ok());
    assert!(claimed.exchange.wants_body(), "decided once the body has borne it out");
    assert_eq!(call().from("192.0.2.1").by("partners", "acme").reason(&throttle), None);
}

#[test]
fn composite_keys_have_a_bucket_for_each_combination() {
    let throttle = one_by(Key::ClientNet.and(Key::Route));
    let visit = |ip, route| call().from(ip).on(route, PUBLIC()).reason(&throttle);
    assert_eq!(visit("192.0.2.1", "/a"), None);
    assert_eq!(visit("192.0.2.1", "/b"), None);
    assert_eq!(visit("192.0.2.2", "/a"), None);
    assert_eq!(visit("192.0.2.1", "/a"), LIMITED);
    let global = one_by(Key::Global);
    assert_eq!(call().from("192.0.2.1").reason(&global), None);
    assert_eq!(call().reason(&global), LIMITED);
}

#[test]
fn a_refusal_says_when_to_come_back_and_which_limit_it_was() {
    let clock = ManualClock::default();
    let throttle = Throttle::per_hour(60).burst(1).by(Key::Global).build().unwrap();
    let ask = || throttle.check(&mut Exchange::test(Request::new(()), clock.clone()));
    assert!(ask().is_ok());
    clock.advance(Duration::from_millis(100));
    let rejection = ask().unwrap_err();
    assert_eq!(rejection.private_expected(), Some(&*throttle.summary()));
    let (name, value) = &rejection.headers()[0];
    assert_eq!(name, "retry-after");
    let seconds: u64 = value.to_str().unwrap().parse().unwrap();
    assert!((60..=75).contains(&seconds), "{seconds}");
    clock.advance(Duration::from_secs(seconds));
    assert!(ask().is_ok());
}

fn record(reason: Option<Reason>, ip: &str) -> Record {
    let mut exchange = call().from(ip).exchange;
    let ticket = crate::observe::Ticket::open(&mut exchange, false);
    let mut record = ticket.lock().record.clone();
    record.client = exchange.client();
    record.rejection = reason.map(Rejection::new);
    record
}

#[test]
fn forged_credentials_cost_the_network_and_expired_ones_do_not() {
    let throttle = Throttle::per_hour(2).counting(Count::ForgedCredentials).build().unwrap();
    let observer = throttle.observer().unwrap();
    let visit = |ip| call().from(ip).reason(&throttle);
    for reason in [
        None,
        Some(Reason::ExpiredCredentials),
        Some(Reason::MissingCredentials),
        Some(Reason::NonceRequired),
        Some(Reason::InsufficientScope),
        Some(Reason::RateLimited),
    ] {
        for _ in 0..5 {
            assert_eq!(visit("192.0.2.1"), None);
            observer.completed(&record(reason, "192.0.2.1"));
        }
    }
    for reason in [Reason::InvalidCredentials, Reason::InvalidProof] {
        assert_eq!(visit("192.0.2.1"), None);
        observer.completed(&record(Some(reason), "192.0.2.1"));
    }
    assert_eq!(visit("192.0.2.1"), LIMITED);
    assert_eq!(visit("192.0.2.2"), None);
}
