//! What it costs to know who is calling.

use std::{
    hint::black_box,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use axum::Router;
use http::StatusCode;
use jsonwebtoken::{Algorithm, crypto::aws_lc::DEFAULT_PROVIDER};
use tower_parapet::Guarded;

use crate::{
    fixtures::{Issuer, Template, route},
    measure::{Effort, Side, measure},
    ours, peers,
    provider::Provider,
    report::{Bar, Report},
    side::side,
};

const OK: StatusCode = StatusCode::OK;

pub(crate) fn jwt_seen(report: &mut Report) {
    let issuer = Issuer::new();
    let token = issuer.token(0);
    let template = Template::bearer(&token);
    let request = || template.request();
    let sides = [
        side(route(), request, OK),
        side(ours::empty(), request, OK),
        side(ours::authenticated(&issuer), request, OK),
    ];
    let [bare, empty, jwt] = measure(report.effort, sides);
    let own = jwt.beyond(&empty).median();
    let name = format!("(e) JWT seen before, {} bytes, beyond a stack without guards", token.len());
    report.row(&name, own, 500.0, Bar::Nanos(500.0));
    let whole = jwt.beyond(&bare).median();
    report.row("    with the stack, beyond the bare route", whole, 500.0, Bar::None);
    for count in [1_000, 100_000] {
        jwt_seen_among(report, count);
    }
}

/// Each token once in turn, so that no two requests in a row find the same.
fn jwt_seen_among(report: &mut Report, count: usize) {
    let issuer = Issuer::new();
    let tokens: Vec<String> = (0..count).map(|number| issuer.token(number)).collect();
    let templates: Vec<Template> = tokens.iter().map(|token| Template::bearer(token)).collect();
    let requests = || templates.iter().cycle().map(Template::request);
    let (mut plain, mut again) = (requests(), requests());
    let app = ours::remembering(&issuer, 2 * count);
    let mut first = requests();
    side(app.clone(), move || first.next().unwrap(), OK)(count.next_multiple_of(64));
    let mut verified = tokens.iter().cycle();
    let key = issuer.decoding_key();
    let verifier = (DEFAULT_PROVIDER.verifier_factory)(&Algorithm::ES256, &key).unwrap();
    let verify: Side<'_> = Box::new(move |requests| {
        // A fraction suffices: a signature takes a hundred times as long.
        let ready: Vec<_> =
            verified.by_ref().take(requests / 16).map(|token| parts(token)).collect();
        16 * timed(|| {
            for (message, signature) in &ready {
                verifier.verify(black_box(message), signature).unwrap();
            }
        })
    });
    let sides = [
        side(ours::empty(), move || plain.next().unwrap(), OK),
        side(app, move || again.next().unwrap(), OK),
        verify,
    ];
    let effort = Effort { batches: report.effort.batches.div_ceil(3), ..report.effort };
    let [empty, seen, verify] = measure(effort, sides);
    let own = seen.beyond(&empty).median();
    report.row(&format!("    one of {count} tokens seen before"), own, 500.0, Bar::Nanos(500.0));
    let name = format!("    one of {count} seen before / verified anew");
    report.row(&name, own, verify.median(), Bar::Faster(70.0));
}

/// The signed text, and the signature over it.
fn parts(token: &str) -> (&[u8], Vec<u8>) {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
    let (message, signature) = token.rsplit_once('.').unwrap();
    (message.as_bytes(), BASE64.decode(signature).unwrap())
}

pub(crate) fn jwt_first(report: &mut Report) {
    let effort = report.effort.of_signatures();
    let issuer = Issuer::new();
    let count = (effort.batches + 2) * effort.requests;
    let tokens: Vec<String> = (0..count).map(|number| issuer.token(number)).collect();
    let templates: Vec<Template> = tokens.iter().map(|token| Template::bearer(token)).collect();

    let mut next = templates.iter().map(Template::request);
    let fresh = move || next.next().unwrap();
    let mut again = templates.iter().map(Template::request);
    let same = move || again.next().unwrap();

    let key = issuer.decoding_key();
    let verifier = (DEFAULT_PROVIDER.verifier_factory)(&Algorithm::ES256, &key).unwrap();
    let mut signed = tokens.iter().map(|token| parts(token));
    let verify: Side<'_> = Box::new(move |requests| {
        let ready: Vec<_> = signed.by_ref().take(requests).collect();
        assert_eq!(ready.len(), requests);
        timed(|| {
            for (message, signature) in &ready {
                verifier.verify(black_box(message), signature).unwrap();
            }
        })
    });
    let (mut whole, keys) = (tokens.iter(), peers::keys(&issuer));
    let decode: Side<'_> = Box::new(move |requests| {
        let ready: Vec<_> = whole.by_ref().take(requests).collect();
        assert_eq!(ready.len(), requests);
        timed(|| assert!(ready.iter().all(|token| peers::decode_claims(black_box(token), &keys))))
    });
    let authenticated = side(ours::authenticated(&issuer), fresh, OK);
    let sides = [side(ours::empty(), same, OK), authenticated, verify, decode];
    let [empty, first, bare, decode] = measure(effort, sides);
    let own = first.beyond(&empty).median();
    report.row(
        "(e) JWT first seen / the bare verification of ES256 *",
        own,
        bare.median(),
        Bar::Ratio(1.05),
    );
    report.row("    the same / `jsonwebtoken::decode` *", own, decode.median(), Bar::None);
}

/// Two threads against one, over the same thousand tokens.
pub(crate) fn two_threads(report: &mut Report) {
    let issuer = Issuer::new();
    let templates: Vec<_> =
        (0..1_000).map(|number| Template::bearer(&issuer.token(number))).collect();
    let app = ours::remembering(&issuer, 2_000);
    let together = |threads: usize| -> Side<'_> {
        let (app, templates) = (app.clone(), &templates);
        Box::new(move |requests| {
            let start = Barrier::new(threads);
            let took = thread::scope(|scope| {
                let run = |_| scope.spawn(|| driven(&app, templates, requests, &start));
                let running: Vec<_> = (0..threads).map(run).collect();
                running.into_iter().map(|thread| thread.join().unwrap()).max()
            });
            took.unwrap_or_default() / threads as u32
        })
    };
    let effort = Effort { requests: report.effort.requests * 8, ..report.effort };
    let [one, two] = measure(effort, [together(1), together(2)]);
    report.row(
        "(e) JWT seen before with the stack, a request of two threads / of one",
        two.median(),
        one.median(),
        Bar::Faster(1.7),
    );
}

/// So many requests on this thread, once all threads are there.
fn driven(
    app: &Guarded<Router>,
    templates: &[Template],
    requests: usize,
    start: &Barrier,
) -> Duration {
    let mut next = templates.iter().cycle().map(Template::request);
    let mut side = side(app.clone(), move || next.next().unwrap(), OK);
    start.wait();
    side(requests)
}

pub(crate) fn api_key(report: &mut Report) {
    let name = format!("parapet-ratios-{}-keys.json", std::process::id());
    let path = std::env::temp_dir().join(name);
    let stores = [
        ("in memory", ours::keyed()),
        ("of a file", ours::keyed_by_file(&path)),
        ("looked up before", ours::keyed_by_look_up()),
    ];
    for (kept, (app, key)) in stores {
        let template = Template::with_key(&key);
        let request = || template.request();
        let sides = [side(ours::empty(), request, OK), side(app, request, OK)];
        let [empty, keyed] = measure(report.effort, sides);
        let own = keyed.beyond(&empty).median();
        let row = format!("(g) API key {kept}, beyond a stack without guards");
        report.row(&row, own, 600.0, Bar::Nanos(600.0));
    }
    drop(std::fs::remove_file(path));
}

/// A token that its issuer was asked about a moment ago.
pub(crate) fn introspection_hit(report: &mut Report) {
    let provider = Provider::start();
    let template = Template::bearer("2YotnFZFEjr1zCsicMWpAA-dbe39bf3a3ba4238a513f51d6e1691c4");
    let request = || template.request();
    let sides =
        [side(ours::empty(), request, OK), side(ours::introspected(&provider), request, OK)];
    let [empty, seen] = measure(report.effort, sides);
    let own = seen.beyond(&empty).median();
    report.row(
        "(h) opaque token seen before, beyond a stack without guards",
        own,
        1_000.0,
        Bar::Nanos(1_000.0),
    );
    report.note(&format!("the provider was asked {} times", provider.asked()));
}

fn timed(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}
