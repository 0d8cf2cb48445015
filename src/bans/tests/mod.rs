//! Bans as a stack sees them: requests that end, requests that come.

mod bounds;
mod bystanders;
mod model;
mod settings;
mod shared;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, StatusCode};

use super::{Bans, BansBuilder};
use crate::clock::{Clock, ManualClock};
use crate::context::{PeerAddr, Principal};
use crate::guard::{Exchange, Guard};
use crate::observe::{Observer, Outcome, Record, Signal, Ticket};
use crate::rejection::{Reason, Rejection};

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// A service whose requests are made by hand.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) bans: Bans,
    pub(super) clock: ManualClock,
}

/// Three failed logins a minute, and a ban of one, five, thirty minutes.
pub(super) fn builder() -> BansBuilder {
    Bans::builder()
        .on(Signal::FailedLogin, 1)
        .on(Signal::NotFound, 1)
        .threshold(3)
        .window(MINUTE)
        .terms([MINUTE, 5 * MINUTE, 30 * MINUTE])
        .decay(60 * MINUTE)
}

impl Service {
    pub(super) fn of(builder: BansBuilder) -> Self {
        Self::at(builder, ManualClock::at_unix(Duration::from_secs(1_700_000_000)))
    }

    pub(super) fn at(builder: BansBuilder, clock: ManualClock) -> Self {
        let service = Self { bans: builder.build().unwrap(), clock };
        assert!(service.ask("198.18.0.1").is_none());
        service
    }

    fn exchange(&self, ip: &str) -> Exchange {
        let mut request = Request::new(());
        let ip: IpAddr = ip.parse().unwrap();
        request.extensions_mut().insert(PeerAddr::new(SocketAddr::new(ip, 4711)));
        Exchange::test(request, self.clock.clone())
    }

    /// Why a client is refused before authentication.
    pub(super) fn ask(&self, ip: &str) -> Option<Rejection> {
        self.bans.check(&mut self.exchange(ip)).err()
    }

    pub(super) fn is_banned(&self, ip: &str) -> bool {
        self.ask(ip).inspect(|refusal| assert_eq!(refusal.reason(), Reason::Banned)).is_some()
    }

    /// Whether a caller is refused after authentication.
    pub(super) fn is_caller_banned(&self, subject: &str) -> bool {
        let mut exchange = self.exchange("192.0.2.77");
        exchange.set_principal(principal(subject));
        self.bans.callers().check(&mut exchange).is_err()
    }

    /// The record of a request that was answered.
    pub(super) fn record(&self, ip: &str, status: u16) -> Record {
        let mut exchange = self.exchange(ip);
        let mut record = Ticket::open(&mut exchange, false).lock().record.clone();
        record.client = exchange.client();
        record.outcome = Outcome::Answered;
        record.status = Some(StatusCode::from_u16(status).unwrap());
        record
    }

    pub(super) fn end(&self, record: &Record) {
        self.bans.observer().unwrap().completed(record);
    }

    /// A wrong password from an address.
    pub(super) fn fail(&self, ip: &str) {
        self.end(&refused(self.record(ip, 401), Reason::InvalidCredentials));
    }

    /// A caller asks for what is not there.
    pub(super) fn miss(&self, subject: &str, ip: &str) {
        self.end(&Record { principal: Some(principal(subject)), ..self.record(ip, 404) });
    }

    /// As many wrong passwords as it takes.
    pub(super) fn get_banned(&self, ip: &str) {
        (0..3).for_each(|_| self.fail(ip));
        assert!(self.is_banned(ip));
    }
}

pub(super) fn refused(record: Record, reason: Reason) -> Record {
    Record {
        rejection: Some(Rejection::new(reason)),
        status: Some(reason.status()),
        outcome: Outcome::Rejected,
        ..record
    }
}

pub(super) fn principal(subject: &str) -> Principal {
    Principal::builder("https://id.example", subject).build()
}

#[test]
fn the_third_wrong_password_within_a_minute_bans_the_network_for_a_minute() {
    let service = Service::of(builder());
    service.fail("192.0.2.1");
    service.clock.advance(20 * SECOND);
    service.fail("192.0.2.1");
    assert!(!service.is_banned("192.0.2.1"));
    service.clock.advance(20 * SECOND);
    service.fail("192.0.2.1");
    let refusal = service.ask("192.0.2.1").unwrap();
    assert_eq!(refusal.reason(), Reason::Banned);
    assert_eq!(
        refusal.private_found().unwrap(),
        "`192.0.2.1`, banned for another 60 s: failed login, level 1"
    );
    assert!(!refusal.public_detail().contains("192") && refusal.headers().is_empty());
    assert!(!service.is_banned("192.0.2.2"));
    service.clock.advance(59 * SECOND);
    assert!(service.is_banned("192.0.2.1"));
    service.clock.advance(SECOND);
    assert!(!service.is_banned("192.0.2.1"));
}

#[test]
fn each_ban_in_a_row_is_longer_and_good_conduct_forgives() {
    let service = Service::of(builder());
    let length = || {
        service.get_banned("192.0.2.1");
        let left = service.bans.list()[0].left;
        service.clock.advance(left);
        assert!(!service.is_banned("192.0.2.1"));
        left
    };
    assert_eq!([length(), length(), length(), length()], [1, 5, 30, 30].map(|m| m * MINUTE));
    service.clock.advance(60 * MINUTE);
    assert_eq!(length(), 30 * MINUTE, "two of three are left");
    service.clock.advance(3 * 60 * MINUTE);
    assert_eq!(length(), MINUTE);
}

#[test]
fn no_step_of_the_wall_clock_ends_or_lengthens_a_ban() {
    let service = Service::of(builder());
    service.get_banned("192.0.2.1");
    for unix in [0, 4_000_000_000] {
        service.clock.set_unix(Duration::from_secs(unix));
        assert!(service.is_banned("192.0.2.1"));
        let ban = &service.bans.list()[0];
        assert_eq!((ban.left, ban.until), (MINUTE, service.clock.unix() + MINUTE));
    }
    service.clock.advance(MINUTE);
    assert!(!service.is_banned("192.0.2.1"));
}

#[test]
fn with_tell_when_the_answer_is_429_and_says_when() {
    let service = Service::of(builder().tell_when());
    (0..3).for_each(|_| service.fail("192.0.2.1"));
    service.clock.advance(Duration::from_millis(500));
    let refusal = service.ask("192.0.2.1").unwrap();
    assert_eq!(refusal.reason(), Reason::RateLimited);
    let (name, value) = &refusal.headers()[0];
    assert_eq!((name.as_str(), value.to_str().unwrap()), ("retry-after", "60"));
}

#[test]
fn a_refused_request_gives_no_points_whatever_is_counted() {
    let builder = builder().on(Signal::statuses(400..=499), 1);
    let service = Service::of(builder);
    service.get_banned("192.0.2.1");
    let mut record = refused(service.record("192.0.2.1", 403), Reason::Banned);
    service.clock.advance(MINUTE);
    for _ in 0..10 {
        service.end(&record);
    }
    record.rejection = Some(Rejection::new(Reason::RateLimited).by("bans"));
    (0..10).for_each(|_| service.end(&record));
    assert!(!service.is_banned("192.0.2.1"));
    assert_eq!(service.bans.counts().offences, 3);
}

#[test]
fn requests_that_were_under_way_as_the_ban_began_do_not_count_for_the_next() {
    let service = Service::of(builder());
    (0..300).for_each(|_| service.fail("192.0.2.1"));
    assert_eq!(service.bans.list()[0].level, 1);
    service.clock.advance(MINUTE);
    assert!(!service.is_banned("192.0.2.1"));
    assert_eq!(service.bans.counts().banned, 1);
}

#[test]
fn who_is_banned_is_listed_and_lifted_with_all_that_led_to_it() {
    let service = Service::of(builder());
    service.get_banned("192.0.2.1");
    service.clock.advance(MINUTE);
    service.get_banned("192.0.2.1");
    service.clock.advance(SECOND);
    (0..3).for_each(|_| service.miss("alice", "192.0.2.9"));
    service.fail("192.0.2.2");
    let shown: Vec<_> = service.bans.list().iter().map(|ban| ban.offender.to_string()).collect();
    assert_eq!(shown, ["alice of https://id.example", "192.0.2.1"], "the latest first");
    let json = serde_json::to_value(&service.bans.list()[0]).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "offender": {"principal": {"issuer": "https://id.example", "subject": "alice"}},
            "why": "not found", "since": 1_700_000_061, "until": 1_700_000_121, "left": 60,
            "level": 1, "by_hand": false, "from_elsewhere": false,
        })
    );
    let who = service.bans.list()[1].offender.clone();
    assert!(service.bans.lift(who.clone()) && !service.bans.lift(who));
    assert!(!service.is_banned("192.0.2.1"));
    service.get_banned("192.0.2.1");
    assert_eq!(service.bans.list()[0].level, 1, "the bans before are forgotten too");
    let counts = service.bans.counts();
    assert_eq!((counts.live, counts.banned, counts.lifted), (2, 4, 1));
}

#[test]
fn a_ban_by_hand_hits_any_network_and_never_one_that_is_exempt() {
    use super::{Network, NotBanned, Offender};
    let service = Service::of(builder().exempt("192.0.2.0/28", "the office"));
    let ban = |network: &str| {
        let network: Network = network.parse().unwrap();
        service.bans.ban(network, 10 * MINUTE, "abuse desk, ticket 7")
    };
    assert!(ban("203.0.113.0/24").is_ok() && ban("2001:db8::/32").is_ok());
    assert!(service.is_banned("203.0.113.200") && service.is_banned("2001:db8:9::1"));
    assert_eq!(ban("192.0.2.0/24"), Err(NotBanned::Exempt("the office".into())));
    assert_eq!(ban("192.0.2.1"), Err(NotBanned::Exempt("the office".into())));
    assert_eq!(ban("127.0.0.1"), Err(NotBanned::Exempt("this machine".into())));
    assert_eq!(ban("0.0.0.0/0"), Err(NotBanned::TooWide));
    let alice = Offender::principal("https://id.example", "alice");
    let by = |length, reason| service.bans.ban(alice.clone(), length, reason).map(drop);
    assert_eq!(by(MINUTE, " "), Err(NotBanned::Reason));
    assert_eq!(by(Duration::ZERO, "x"), Err(NotBanned::Length));
    assert_eq!(by(Duration::MAX, "x"), Err(NotBanned::Length));
    assert_eq!(by(MINUTE, "x"), Ok(()));
    assert!(service.is_caller_banned("alice"));
    service.clock.advance(10 * MINUTE);
    assert!(!service.is_banned("203.0.113.200") && !service.is_caller_banned("alice"));
}

#[test]
fn listeners_hear_of_bans_and_of_those_that_are_lifted_and_may_panic() {
    let heard = Arc::new(std::sync::Mutex::new(Vec::new()));
    let ear = heard.clone();
    let service = Service::of(builder().listen(|_| panic!("not mine")).listen(move |event| {
        ear.lock().unwrap().push(format!("{event:?}").split('(').next().unwrap().to_owned());
    }));
    service.get_banned("192.0.2.1");
    service.bans.lift("192.0.2.1".parse::<IpAddr>().unwrap());
    assert_eq!(*heard.lock().unwrap(), ["Banned", "Lifted"]);
}

#[test]
fn a_request_that_is_only_played_through_is_refused_and_counts_nothing() {
    let service = Service::of(builder());
    service.get_banned("192.0.2.1");
    let refused = service.bans.counts().refused;
    let mut exchange = service.exchange("192.0.2.1");
    exchange.rehearsal = Some(Box::default());
    assert!(service.bans.check(&mut exchange).is_err());
    assert_eq!(service.bans.counts().refused, refused);
}

#[test]
fn a_client_address_that_is_not_known_is_refused() {
    let service = Service::of(builder());
    let mut exchange = Exchange::test(Request::new(()), service.clock.clone());
    let refusal = service.bans.check(&mut exchange).unwrap_err();
    assert_eq!(refusal.reason(), Reason::AddressUnknown);
}

/// A request by a method.
fn by(method: Method, record: Record) -> Record {
    Record { method, ..record }
}

#[test]
fn a_login_form_that_answers_401_by_itself_counts() {
    let service = Service::of(builder());
    for _ in 0..3 {
        service.end(&by(Method::POST, service.record("192.0.2.1", 401)));
        service.end(&by(Method::GET, service.record("192.0.2.2", 401)));
    }
    assert!(service.is_banned("192.0.2.1") && !service.is_banned("192.0.2.2"));
}
