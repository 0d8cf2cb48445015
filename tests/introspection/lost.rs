//! A provider that is down, slow, broken or out of its mind.

use http::Response;
use tower_parapet::remote::Remote;

use super::*;

/// Which of the tokens, asked one after the other, were answered how.
async fn statuses(service: &Service, tokens: impl IntoIterator<Item = String>) -> Vec<u16> {
    let mut found = Vec::new();
    for token in tokens {
        found.push(service.ask(&token).await.status);
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_provider_is_lost_unknown_tokens_get_503_and_remembered_ones_go_on() {
    let provider = Authority::start(honest).await;
    let service = Service::of(named(&provider)).await;
    assert_eq!(service.ask(GOOD).await.status, 200);
    provider.stop().await;
    let answer = service.ask("2Yunknown").await;
    assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"));
    assert_eq!(answer.header("retry-after"), Some("5"));
    assert_eq!(answer.header("www-authenticate"), None);
    service.advance(29);
    assert_eq!(service.ask(GOOD).await.status, 200);
    service.advance(1);
    assert_eq!(service.ask(GOOD).await.status, 503);
    provider.restart().await;
    assert_eq!(service.ask(GOOD).await.status, 200);
    let record = service.records.wait_for(5).remove(1);
    assert_eq!(record.rejection.unwrap().reason(), Reason::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_five_failures_nobody_asks_but_one_probe_after_each_pause() {
    let provider = Authority::start(|_| json(500, "{}")).await;
    let service = Service::of(named(&provider)).await;
    let many = |name: &'static str| (0..10).map(move |number| format!("2Y{name}{number}"));
    assert_eq!(statuses(&service, many("a")).await, [503; 10]);
    assert_eq!(provider.calls(), 5);
    let answer = service.ask("2Yb").await;
    assert_eq!(answer.header("retry-after"), Some("1"));
    service.advance(1);
    statuses(&service, many("c")).await;
    assert_eq!(provider.calls(), 6);
    assert_eq!(service.ask("2Yd").await.header("retry-after"), Some("2"));
    provider.reply(honest);
    service.advance(1);
    assert_eq!(service.ask("2Ye").await.status, 503);
    service.advance(1);
    assert_eq!(statuses(&service, many("f")).await, [200; 10]);
    assert_eq!(provider.calls(), 16);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remembered_token_passes_while_nobody_is_asked() {
    let provider = Authority::start(honest).await;
    let service = Service::of(named(&provider)).await;
    assert_eq!(service.ask(GOOD).await.status, 200);
    assert_eq!(service.ask("made-up").await.status, 401);
    provider.reply(|_| json(503, "{}"));
    for number in 0..6 {
        assert_eq!(service.ask(&format!("2Y{number}")).await.status, 503);
    }
    assert_eq!((service.ask(GOOD).await.status, service.ask("made-up").await.status), (200, 401));
    assert_eq!(provider.calls(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_answer_is_the_providers_fault_and_never_the_callers() {
    let provider = Authority::start(honest).await;
    for (number, reply) in [
        (200, r#"{"active":"true"}"#),
        (200, r#"{"active":1}"#),
        (200, "{}"),
        (200, "[]"),
        (200, "<html>"),
        (200, r#"{"active":true,"active":false}"#),
        (201, r#"{"active":false}"#),
        (400, r#"{"error":"invalid_request"}"#),
        (401, r#"{"error":"invalid_client"}"#),
        (403, "{}"),
        (404, "{}"),
        (429, "{}"),
        (500, r#"{"active":true}"#),
    ] {
        let service = Service::of(named(&provider)).await;
        provider.reply(move |_| json(number, reply));
        let answer = service.ask(GOOD).await;
        assert_eq!((answer.status, answer.code().as_str()), (503, "unavailable"), "{reply}");
        assert!(!answer.text().contains("invalid"), "{}", answer.text());
    }
    for kind in ["text/html", "application/token-introspection+jwt", "application/jsonp"] {
        let service = Service::of(named(&provider)).await;
        provider.reply(move |_| {
            let reply = Response::builder().header("content-type", kind);
            reply.body(active().to_string()).unwrap()
        });
        assert_eq!(service.ask(GOOD).await.status, 503, "{kind}");
    }
    let service = Service::of(named(&provider)).await;
    provider.reply(|_| {
        let mut reply = json(429, "{}");
        reply.headers_mut().insert("retry-after", "17".parse().unwrap());
        reply
    });
    assert_eq!(service.ask(GOOD).await.header("retry-after"), Some("17"));
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_tokens_that_the_provider_refuses_do_not_stop_others_from_being_asked_about() {
    let provider = Authority::start(|asked| match asked.field("token") {
        Some(token) if token.starts_with("2Y") => json(200, active()),
        _ => json(400, r#"{"error":"invalid_request"}"#),
    })
    .await;
    let service = Service::of(named(&provider)).await;
    for number in 0..20 {
        assert_eq!(service.ask(&format!("odd{number}")).await.status, 503);
    }
    assert_eq!(service.ask(GOOD).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_slow_or_says_too_much_is_given_up_on() {
    let provider = Authority::start(honest).await;
    let quick = Remote::builder().no_proxy().timeout(Duration::from_millis(50)).max_body(1024);
    let service = Service::of(named(&provider).with_remote(quick.build().unwrap())).await;
    provider.hold();
    assert_eq!(service.ask(GOOD).await.status, 503);
    provider.release();
    provider.reply(|_| {
        let mut claims = active();
        claims["padding"] = Value::from("x".repeat(2000));
        json(200, claims)
    });
    assert_eq!(service.ask(GOOD).await.status, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn so_many_tokens_are_asked_about_at_a_time_and_no_more() {
    let provider = Authority::start(honest).await;
    let service = Service::of(named(&provider).concurrency(1)).await;
    provider.hold();
    let address = service.address;
    let asks: Vec<_> = (0..40)
        .map(|number| {
            let header = format!("Bearer 2Y{number}");
            tokio::spawn(async move {
                let headers = [("authorization", header.as_str())];
                let answer = request(address, "GET", "/orders", &headers, b"").await;
                (answer.status, answer.header("retry-after").map(str::to_owned))
            })
        })
        .collect();
    // One is asked about, sixteen wait, the rest is told at once.
    service.records.wait_for(23);
    provider.was_asked(1).await;
    assert_eq!(provider.calls(), 1);
    provider.release();
    let mut answers = Vec::new();
    for ask in asks {
        answers.push(ask.await.unwrap());
    }
    let refused = (503, Some("1".to_owned()));
    assert_eq!(answers.iter().filter(|answer| **answer == refused).count(), 23);
    assert_eq!(answers.iter().filter(|(status, _)| *status == 200).count(), 17);
    assert_eq!(provider.calls(), 17);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_takes_no_place_and_proves_nothing() {
    let provider = Authority::start(honest).await;
    let service = Service::of(named(&provider).concurrency(1)).await;
    provider.hold();
    for number in 0..5 {
        let mut stream = tokio::net::TcpStream::connect(service.address).await.unwrap();
        let text =
            format!("GET /orders HTTP/1.1\r\nhost: x\r\nauthorization: Bearer 2Y{number}\r\n\r\n");
        tokio::io::AsyncWriteExt::write_all(&mut stream, text.as_bytes()).await.unwrap();
        provider.was_asked(number + 1).await;
        drop(stream);
        service.records.wait_for(number + 1);
    }
    provider.release();
    assert_eq!(service.ask(GOOD).await.status, 200);
}

/// What an operator reads of a request: the record, and the refusal with its causes.
fn told(record: &tower_parapet::Record) -> String {
    let mut text = format!("{record:?}");
    let Some(rejection) = &record.rejection else { return text };
    for part in [rejection.private_expected(), rejection.private_found()] {
        text.push_str(&format!("\n{}", part.unwrap_or_default()));
    }
    let mut cause: Option<&dyn std::error::Error> =
        rejection.private_cause().map(|cause| cause as &dyn std::error::Error);
    while let Some(next) = cause {
        text.push_str(&format!("\n{next} {next:?}"));
        cause = next.source();
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_tells_what_went_wrong_and_neither_the_token_nor_the_secret() {
    let provider = Authority::start(honest).await;
    for (number, body, expected) in [
        (200, r#"{"active":false}"#, "the provider says that the token does not count"),
        (200, r#"{"active":true,"sub":"a","aud":"stock"}"#, "`stock`"),
        (200, r#"{"active":true,"sub":"a","aud":"orders","exp":"soon"}"#, "`exp`"),
        (200, "oops", "not one JSON object"),
        (401, "{}", "refuses this service's own credentials (status 401)"),
        (500, "{}", "status 500"),
    ] {
        let service = Service::of(named(&provider)).await;
        provider.reply(move |_| json(number, body));
        let answer = service.ask("2Ysecret-token").await;
        let told = told(&service.records.wait_for(1)[0]);
        assert!(told.contains(expected), "{told}");
        let shown = format!("{answer:?} {}", answer.text());
        for secret in ["2Ysecret-token", "s3cret", "b3JkZXJzOnMzY3JldA=="] {
            assert!(!told.contains(secret) && !shown.contains(secret), "{told} {shown}");
        }
        assert!(!shown.contains(expected) && !shown.contains("stock"), "{shown}");
    }
    let service = Service::of(named(&provider)).await;
    provider.stop().await;
    service.ask("2Ysecret-token").await;
    let told = told(&service.records.wait_for(1)[0]);
    assert!(told.contains("127.0.0.1") && !told.contains("2Ysecret-token"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn explaining_a_request_asks_the_provider_as_the_request_would() {
    let provider = Authority::start(honest).await;
    let parapet = Parapet::builder()
        .peer(Peer::ConnectInfo)
        .guard(Authenticate::with(named(&provider).build().unwrap()))
        .with_clock(ManualClock::at_unix(Duration::from_secs(NOW)))
        .build()
        .unwrap();
    let explain = |token: &str| {
        let peer = axum::extract::ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 9)));
        let request = http::Request::get("/orders")
            .header("host", "x")
            .header("authorization", format!("Bearer {token}"))
            .extension(peer)
            .body(())
            .unwrap();
        parapet.explain(&request).into_future()
    };
    assert!(explain(GOOD).await.rejection().is_none());
    let why = explain("made-up").await;
    assert_eq!(why.rejection().map(|why| why.reason()), Some(Reason::InvalidCredentials));
    assert_eq!(provider.calls(), 2);
}
