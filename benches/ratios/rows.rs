//! What stacks cost beside other stacks.

use http::StatusCode;
use tower::Layer;

use crate::{
    fixtures::{Issuer, Template, route},
    measure::{Samples, Side, measure},
    ours, peers,
    report::{Bar, Report},
    side::side,
};

const OK: StatusCode = StatusCode::OK;

pub(crate) fn six_guards(report: &mut Report) {
    let template = Template::bearer("opaque");
    let request = || template.request();
    let sides = [
        side(route(), request, OK),
        side(ours::six_guards(), request, OK),
        side(peers::empty_from_fn(), request, OK),
        side(ours::empty(), request, OK),
    ];
    let [bare, six, from_fn, empty] = measure(report.effort, sides);
    let (bare, six, from_fn) = (bare.median(), six.median(), from_fn.median());
    report.row(
        "(a) route, six cheap guards / with an empty from_fn",
        six,
        from_fn,
        Bar::Ratio(1.05),
    );
    report.row("    route, six cheap guards / bare", six, bare, Bar::None);
    report.row("    route, no guards in the stack / bare", empty.median(), bare, Bar::None);
}

pub(crate) fn whole_stack(report: &mut Report) {
    let folder = std::env::temp_dir();
    let audited = folder.join(format!("parapet-ratios-{}-audit.jsonl", std::process::id()));
    let logged = folder.join(format!("parapet-ratios-{}-trace.jsonl", std::process::id()));
    let issuer = Issuer::new();
    let template = Template::bearer(&issuer.token(0));
    let request = || template.request();

    let sink = ours::audit(&audited);
    let mut audited_side = side(ours::whole(&issuer, Some(sink.clone())), request, OK);
    // The writer's thread works while requests are answered, and catches up between batches.
    let flushed: Side<'_> = Box::new(|requests| {
        let took = audited_side(requests);
        sink.flush().unwrap();
        took
    });
    let sides =
        [side(route(), request, OK), flushed, side(ours::whole(&issuer, None), request, OK)];
    let effort = crate::measure::Effort { requests: report.effort.requests * 6, ..report.effort };
    let [bare, whole, unaudited] = measure(effort, sides);
    let (bare, whole, unaudited) = (bare.median(), whole.median(), unaudited.median());
    report.row("(b) whole GET stack / bare route", whole, bare, Bar::Ratio(3.0));
    report.row("    the stretch of (b)", whole, bare, Bar::Ratio(2.5));
    report.row("    without the audit / bare route", unaudited, bare, Bar::None);
    let stats = sink.stats();
    report.note(&format!("audit: {} lines written, {} dropped", stats.written, stats.dropped));

    let mut audited_side = side(ours::whole(&issuer, Some(sink.clone())), request, OK);
    let flushed: Side<'_> = Box::new(|requests| {
        let took = audited_side(requests);
        sink.flush().unwrap();
        took
    });
    let chain = side(peers::chain(&issuer, &logged), request, OK);
    let sides = [flushed, chain, side(route(), request, OK)];
    let [whole, chain, bare] = measure(report.effort.of_signatures(), sides);
    let (own, its) = (whole.beyond(&bare).median(), chain.beyond(&bare).median());
    report.row(
        "(c) the same / trace to a file + ipnet + tower_governor + jsonwebtoken *",
        whole.median(),
        chain.median(),
        Bar::Faster(20.0),
    );
    report.row("    of these, beyond the bare route *", own, its, Bar::Faster(20.0));
    for file in [audited, logged] {
        drop(std::fs::remove_file(file));
    }
}

/// A throttle is not to be had without the stack it stands in, nor theirs without its layer: each is
/// taken as a whole, and the stack by itself is there to be read beside them.
pub(crate) fn throttle(report: &mut Report) {
    let template = Template::bearer("opaque");
    let request = || template.request();
    let sides = [
        side(route(), request, OK),
        side(ours::unthrottled(), request, OK),
        side(ours::throttled(ours::quiet()), request, OK),
        side(ours::throttled(ours::generous()), request, OK),
        side(route().layer(ours::quiet()), request, OK),
        side(ours::quiet().layer(route()), request, OK),
        side(route().layer(peers::generous()), request, OK),
        side(route().layer(peers::telling()), request, OK),
        side(peers::generous().layer(route()), request, OK),
    ];
    let [bare, stack, quiet, telling, inside, around, peer, peer_tells, peer_around] =
        measure(report.effort, sides);
    let own = |side: &Samples| side.beyond(&bare).median();
    let further = quiet.beyond(&stack).median();
    report.row(
        "(d) throttle / tower_governor, beyond the bare route, neither tells",
        own(&quiet),
        own(&peer),
        Bar::Ratio(0.5),
    );
    report.row("    both tell the limit", own(&telling), own(&peer_tells), Bar::None);
    report.row("    as it is by default, ours tells", own(&telling), own(&peer), Bar::None);
    report.row("    a throttle more in a stack / tower_governor", further, own(&peer), Bar::None);
    report.row("    both as layers inside the router", own(&inside), own(&peer), Bar::None);
    report.row("    both around the router", own(&around), own(&peer_around), Bar::None);
}

pub(crate) fn throttle_refusal(report: &mut Report) {
    let template = Template::bearer("opaque");
    let request = || template.request();
    // The one request they admit.
    let mut ours = ours::throttled(ours::strict());
    let mut peer = route().layer(peers::strict());
    let _ = side(&mut ours, request, OK)(1);
    let _ = side(&mut peer, request, OK)(1);
    let refused = StatusCode::TOO_MANY_REQUESTS;
    let sides = [side(ours, request, refused), side(peer, request, refused)];
    let [ours, peer] = measure(report.effort, sides);
    let (ours, peer) = (ours.median(), peer.median());
    report.row("(d) 429, whole / tower_governor's", ours, peer, Bar::Faster(15.0));
}

pub(crate) fn garbage_token(report: &mut Report) {
    let issuer = Issuer::new();
    let garbage = Template::bearer("garbage");
    let forged = issuer.token(0);
    // One character of the signature, and not the last, whose spare bits must be zero.
    let (before, after) = forged.split_at(forged.len() - 10);
    let (was, after) = after.split_at(1);
    let changed = if was == "A" { "B" } else { "A" };
    let forged = Template::bearer(&format!("{before}{changed}{after}"));
    let refused = StatusCode::UNAUTHORIZED;
    let sides = [
        side(route(), || garbage.request(), OK),
        side(ours::closed(&issuer), || garbage.request(), refused),
        side(ours::authenticated(&issuer), || garbage.request(), refused),
        side(ours::whole(&issuer, None), || garbage.request(), refused),
    ];
    let [bare, closed, alone, whole] = measure(report.effort, sides).map(|side| side.median());
    report.row(
        "(f) 401 for `Bearer garbage`, JWT and the defaults / bare route",
        closed,
        bare,
        Bar::Ratio(1.6),
    );
    report.row("    with nothing but JWT / bare route", alone, bare, Bar::None);
    report.row("    with the stack of (b), no audit / bare route", whole, bare, Bar::None);
    let sides = [
        side(route(), || forged.request(), OK),
        side(ours::closed(&issuer), || forged.request(), refused),
    ];
    let [bare, closed] = measure(report.effort.of_signatures(), sides).map(|side| side.median());
    report.row(
        "    a forged token, well-formed, with the defaults / bare route *",
        closed,
        bare,
        Bar::None,
    );
}
