//! Who must not be hit by what somebody else does.

use tower::Layer;
use tower_parapet::{Exchange, Flow, Guard, Phase, Rejection, compose::Shadow};

use super::*;

#[tokio::test]
async fn a_caller_is_banned_alone_and_their_network_and_namesakes_are_not() {
    let service = service(builder(), |stack| stack).await;
    for _ in 0..3 {
        assert_eq!(service.ask(MALLORY, "GET", "/nothing", Some("mallory")).await.status, 404);
    }
    let answer = service.ask(ALICE, "GET", "/orders", Some("mallory")).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "banned"), "wherever they call from");
    assert_eq!(service.ask(MALLORY, "GET", "/orders", Some("alice")).await.status, 200);
    assert_eq!(service.get(MALLORY, "/open").await, 200);
    assert_eq!(service.list()[0].offender.to_string(), "mallory of test");
    let record = service.records.all().into_iter().find(|r| r.status.unwrap() == 403).unwrap();
    assert_eq!(record.rejection.unwrap().guard(), Some("caller-bans"));
}

#[tokio::test]
async fn a_forged_token_in_somebodys_name_never_counts_against_them() {
    let service = service(builder(), |stack| stack).await;
    for _ in 0..9 {
        service.ask(MALLORY, "GET", "/orders", Some("forged-alice")).await;
    }
    assert_eq!(service.ask(ALICE, "GET", "/orders", Some("alice")).await.status, 200);
    assert_eq!(service.list().len(), 1);
}

#[tokio::test]
async fn a_forged_forwarded_for_has_nobody_else_banned() {
    let service = service(builder(), |stack| stack).await;
    let forwarded = format!("{ALICE}, {MALLORY}");
    service.fail_thrice(&forwarded).await;
    assert_eq!(service.get(ALICE, "/open").await, 200);
    assert_eq!(service.get(MALLORY, "/open").await, 403);
}

#[tokio::test]
async fn the_proxy_itself_is_never_banned_whatever_comes_through_it_unnamed() {
    let service = service(builder(), |stack| stack).await;
    for client in ["10.0.3.7", "unknown", "10.0.3.9, 10.0.3.7"] {
        for _ in 0..9 {
            assert_eq!(service.fail(client).await, 401, "{client}");
        }
    }
    assert!(service.list().is_empty());
    assert_eq!(service.bans.counts().offences, 0);
}

#[tokio::test]
async fn an_exempt_office_is_not_banned_for_one_of_its_people() {
    let bans = builder().exempt("203.0.113.0/28", "the office");
    let service = service(bans, |stack| stack).await;
    for _ in 0..9 {
        assert_eq!(service.fail(ALICE).await, 401);
    }
    assert_eq!(service.get(ALICE, "/open").await, 200);
    assert!(service.list().is_empty());
}

#[tokio::test]
async fn bans_on_trial_refuse_nobody_and_note_whom_they_would() {
    let bans = builder().build().unwrap();
    let (trial, records) = (Shadow::of(bans.clone()).unwrap(), Records::default());
    let stack = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .trusted_proxies(["127.0.0.1"])
        .observe(records.clone())
        .public("/open", "test")
        .route("/orders", Policy::authenticated())
        .guard(ByName::strict())
        .guard(trial);
    let address = support::serve(stack.build().unwrap().protect(router(&bans))).await;
    let from = [
        ("x-forwarded-for", MALLORY),
        ("x-forwarded-proto", "https"),
        ("authorization", "Bearer forged"),
    ];
    for _ in 0..4 {
        assert_eq!(support::get(address, "/orders", &from).await.status, 401);
    }
    assert_eq!(bans.list().len(), 1);
    let last = records.all().pop().unwrap();
    assert!(last.notes.contains(&("would-reject", "bans: banned".into())), "{:?}", last.notes);
}

/// A client told by a guard, in place of a stack's proxies.
#[derive(Clone)]
struct Client(&'static str);

impl Guard for Client {
    fn name(&self) -> &'static str {
        "client"
    }
    fn phase(&self) -> Phase {
        Phase::Record
    }
    fn check(&self, exchange: &mut Exchange) -> Result<Flow, Rejection> {
        let provenance = tower_parapet::context::Provenance::Forwarded;
        let client = tower_parapet::ClientAddr::new(self.0.parse().unwrap(), provenance);
        exchange.set_client(client);
        Ok(Flow::Continue)
    }
}

#[tokio::test]
async fn the_same_bans_in_two_stacks_around_each_other_count_a_request_once() {
    let bans = Bans::builder().on(Signal::NotFound, 1).threshold(2).build().unwrap();
    let bare = || Parapet::builder().peer(Peer::ConnectInfo).dangerous().bare().bans(&bans);
    let inner = bare().build().unwrap().protect(Router::new());
    let outer = bare().guard(Client(MALLORY)).build().unwrap();
    let app = outer.protect(Router::new().fallback_service(inner));
    let address = support::serve(app).await;
    assert_eq!(support::get(address, "/", &[]).await.status, 404);
    assert!(bans.list().is_empty());
    assert_eq!(support::get(address, "/", &[]).await.status, 404);
    assert_eq!(bans.list().len(), 1);
    assert_eq!(bans.counts().offences, 2);
}

#[tokio::test]
async fn bans_are_a_layer_by_themselves_too() {
    let bans = Bans::builder().on(Signal::NotFound, 1).threshold(2).build().unwrap();
    let guarded = bans.layer(Router::new());
    let ask = async || {
        let peer = tower_parapet::PeerAddr::new(([192, 0, 2, 1], 4711).into());
        let request = axum::http::Request::get("/").extension(peer);
        let request = request.body(axum::body::Body::empty()).unwrap();
        tower::ServiceExt::oneshot(guarded.clone(), request).await.unwrap().status().as_u16()
    };
    assert_eq!([ask().await, ask().await, ask().await], [404, 404, 403]);
}

#[tokio::test]
async fn pictures_on_another_sites_page_have_no_visitor_banned() {
    let service = service(builder(), |stack| stack).await;
    let ask = async |path: &str, site: &str| {
        let headers =
            [("x-forwarded-for", ALICE), ("x-forwarded-proto", "https"), ("sec-fetch-site", site)];
        support::get(service.address, path, &headers).await.status
    };
    for picture in ["/1.png", "/2.png", "/3.png", "/4.png"] {
        ask(picture, "cross-site").await;
    }
    assert_eq!(ask("/open", "cross-site").await, 403);
    assert_eq!(ask("/open", "same-origin").await, 200);
    assert_eq!(service.get(ALICE, "/open").await, 200);
}
