//! The request's body: capped, watched, or read before the handler.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use axum_core::{BoxError, body::Body};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use http_body::Body as HttpBody;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};

use crate::{
    clock::within,
    grpc::Messages,
    guard::{BodyHook, Exchange, Flow, Later, Signed, Trial},
    inspect::Decision,
    rejection::{Reason, Rejection},
};

use super::{
    Early, caught,
    finish::Verdict,
    idle::{Pace, Patience, Pulse},
    in_time, refuse_unproven,
    watched::{Measure, Watched, chunk, end},
};

pub(super) fn too_large(limit: u64) -> Rejection {
    Rejection::new(Reason::BodyTooLarge)
        .expected(format!("at most {limit} bytes"))
        .found("more")
        .by("body")
}

/// As [`too_large`], where the size is known before a byte is read.
fn announced(size: u64, limit: u64) -> Rejection {
    too_large(limit).found(format!("{size} bytes"))
}

fn late(deadline: Duration) -> Rejection {
    Rejection::new(Reason::BodyTimeout)
        .expected(format!("a body within {} s", deadline.as_secs_f64()))
        .found("one that had not ended by then")
        .by("body")
}

/// The cap that counts: the guards' smallest, and the route's or else the stack's.
fn cap(exchange: &Exchange) -> u64 {
    let route = exchange.own_route().and_then(|route| route.body_limit);
    let stack = route.unwrap_or(exchange.env.body_limit);
    let guards = exchange.later.as_ref().and_then(|later| later.cap);
    guards.map_or(stack, |guards| guards.min(stack))
}

/// What is kept of a body that is read whole: a guard that stands alone and names no limit has one
/// all the same, so that no sender chooses how much memory it takes.
fn kept(exchange: &Exchange, least: u64) -> u64 {
    if least == u64::MAX { exchange.env.unnamed_limit } else { least }
}

/// How the body is held to its size.
fn measure(exchange: &mut Exchange) -> Measure {
    let cap = cap(exchange);
    match exchange.later.as_mut().and_then(|later| later.messages) {
        Some(limit) => Measure::Messages(Messages::of_at_most(limit.unwrap_or(cap))),
        None => Measure::Whole { cap, left: cap },
    }
}

/// How long the body may stand still while the handler reads it; without a limit of its own, a body
/// has as long as the handler.
fn patience(exchange: &Exchange, measure: &Measure) -> Option<(Patience, Option<Pace>)> {
    let streams = exchange.own_route().map(|route| route.streams).unwrap_or_default();
    let is_stream = matches!(measure, Measure::Messages(_));
    let stacks = exchange.env.idle_deadline.filter(|_| is_stream);
    let limit = streams.idle.or(stacks)?;
    let least = streams.pace.or((!is_stream).then_some(LEAST_PACE)).filter(|least| *least > 0);
    let pace = least.map(|least| Pace::of_at_least(least, limit));
    Some((Patience::new(limit, Pulse::start()), pace))
}

/// The least pace of an upload in bytes a second, where a route has a limit for standing still and
/// says nothing else: Kestrel's.
const LEAST_PACE: u64 = 240;

/// The body for the handler, and what is told about it.
#[derive(Default)]
pub(super) struct Wrapped {
    pub(super) body: Body,
    pub(super) verdict: Option<Verdict>,
    pub(super) pulse: Option<Arc<Pulse>>,
}

/// Lets the handler read the body itself, within the cap and under the eyes of the watches.
pub(super) fn wrap<B>(exchange: &mut Exchange, body: B) -> Result<Wrapped, Rejection>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let watches = take(exchange, |later| &mut later.watches);
    if body.is_end_stream() && watches.is_empty() {
        return Ok(Wrapped { body: Body::new(body), ..Wrapped::default() });
    }
    let measure = measure(exchange);
    let size = body.size_hint();
    // A body of known size within the cap is held to it by its framing.
    let is_bounded = match measure {
        Measure::Whole { cap, .. } if size.lower() > cap => {
            return Err(announced(size.lower(), cap));
        }
        Measure::Whole { cap, .. } => size.upper().is_some_and(|upper| upper <= cap),
        Measure::Messages(_) => false,
    };
    let patience = patience(exchange, &measure);
    if is_bounded && watches.is_empty() && patience.is_none() {
        return Ok(Wrapped { body: Body::new(body), ..Wrapped::default() });
    }
    let verdict = Verdict::default();
    let pulse = patience.as_ref().map(|(patience, _)| patience.pulse.clone());
    let watched = Watched::new(Body::new(body), watches, measure, patience, verdict.clone());
    Ok(Wrapped { body: Body::new(watched), verdict: Some(verdict), pulse })
}

/// Whether the body is to be read before the handler. Guards on trial alone are no reason to wait for
/// a body whose end is not in sight, nor to refuse one that is too large for them.
pub(super) fn is_to_be_read(exchange: &mut Exchange, body: &impl HttpBody) -> bool {
    // The upgrade of HTTP/2 is judged as that of HTTP/1 is.
    let is_tunnel = exchange.method() == Method::CONNECT && !exchange.is_extended_connect();
    if !exchange.wants_body() || is_tunnel {
        return false;
    }
    let cap = cap(exchange);
    let is_whole = exchange.wire.is_none();
    let Some(later) = exchange.later.as_mut() else { return false };
    if later.body_hooks.iter().any(|hook| hook.work.trial.is_none()) {
        return true;
    }
    let size = body.size_hint().upper().filter(|size| is_whole && *size <= cap);
    let (fit, unfit) = std::mem::take(&mut later.body_hooks)
        .into_iter()
        .partition::<Vec<_>, _>(|hook| size.is_some_and(|size| size <= hook.work.limit as u64));
    later.body_hooks = fit;
    unfit.iter().for_each(|hook| not_judged(exchange, &hook.work));
    exchange.wants_body()
}

fn not_judged(exchange: &mut Exchange, hook: &BodyHook) {
    exchange.note("not-judged", hook.trial.unwrap_or_default());
}

/// Reads the whole body and lets the hooks judge it, in the order of their phases.
pub(super) async fn read<B>(exchange: &mut Exchange, body: B) -> Result<Body, Early>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    refuse_streams(exchange)?;
    let cap = cap(exchange);
    let mut hooks = VecDeque::from(take(exchange, |later| &mut later.body_hooks));
    let live = hooks.iter().map(|hook| &hook.work).filter(|hook| hook.trial.is_none());
    let limit = kept(exchange, live.fold(cap, |least, hook| least.min(hook.limit as u64)));
    let collected = collect(exchange, body, limit).await?;
    let trailers = collected.trailers().cloned();
    let mut bytes = collected.to_bytes();
    watch(exchange, &bytes, trailers.as_ref())?;
    let sent = bytes.clone();
    while let Some(hook) = hooks.pop_front() {
        let guard = hook.guard();
        let judged = hook.doing(|hook| judge(exchange, hook, bytes, cap));
        if exchange.is_rehearsal() {
            write_down(exchange, guard, judged.is_ok(), &hooks);
        }
        bytes = judged?;
        for wait in take(exchange, Later::waits) {
            let waited = in_time(Flow::Suspend(wait), exchange).await;
            let waited = waited.map_err(|refusal| refusal.by(guard.unwrap_or("body")))?;
            if let Flow::Respond(response) = waited {
                refuse_unproven(exchange)?;
                return Err(Early::Respond(response));
            }
        }
        // A hook may ask for more.
        hooks.extend(take(exchange, |later| &mut later.body_hooks));
    }
    watch(exchange, &bytes, trailers.as_ref())?;
    if bytes.as_ptr() != sent.as_ptr() || bytes.len() != sent.len() {
        exchange.head.headers.remove(header::TRANSFER_ENCODING);
        exchange.head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
    Ok(match trailers {
        Some(trailers) => {
            Body::new(Full::new(bytes).with_trailers(std::future::ready(Some(Ok(trailers)))))
        }
        None => Body::from(bytes),
    })
}

/// For an explanation: who judged the body, and who would have.
fn write_down(
    exchange: &mut Exchange,
    guard: Option<&'static str>,
    is_good: bool,
    rest: &VecDeque<Signed<BodyHook>>,
) {
    exchange.judged_body(guard, if is_good { Decision::Continued } else { Decision::Refused });
    for hook in rest.iter().filter(|_| !is_good) {
        exchange.judged_body(hook.guard(), Decision::NotReached);
    }
}

/// Whether a body that is not at hand is within the cap, as far as its head says.
pub(super) fn fits(exchange: &Exchange) -> Result<(), Rejection> {
    let hooks = exchange.later.iter().flat_map(|later| &later.body_hooks);
    let live = hooks.map(|hook| &hook.work).filter(|hook| hook.trial.is_none());
    if live.clone().next().is_some() {
        refuse_streams(exchange)?;
    } else if exchange.later.as_ref().is_some_and(|later| later.messages.is_some()) {
        return Ok(());
    }
    let is_kept = live.clone().next().is_some();
    let cap = live.fold(cap(exchange), |least, hook| least.min(hook.limit as u64));
    let cap = if is_kept { kept(exchange, cap) } else { cap };
    let length = exchange.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    length.filter(|length| *length > cap).map_or(Ok(()), |length| Err(announced(length, cap)))
}

/// A call of gRPC may be a stream, whose end is not to be waited for.
fn refuse_streams(exchange: &Exchange) -> Result<(), Rejection> {
    let Some(later) = exchange.later.as_ref().filter(|_| exchange.wire.is_some()) else {
        return Ok(());
    };
    let refusal = match later.messages {
        Some(_) => Rejection::new(Reason::Misconfigured)
            .expected("guards that watch the messages of gRPC as they pass"),
        None => Rejection::new(Reason::UnsupportedMediaType)
            .detail("bodies are read whole here, and a stream of gRPC has no end to wait for")
            .expected("a body that ends"),
    };
    Err(refusal.found("a guard that reads the whole body of a gRPC request").by("body"))
}

fn take<T>(exchange: &mut Exchange, list: impl FnOnce(&mut Later) -> &mut Vec<T>) -> Vec<T> {
    exchange.later.as_mut().map(|later| std::mem::take(list(later))).unwrap_or_default()
}

fn watch(
    exchange: &mut Exchange,
    bytes: &Bytes,
    trailers: Option<&HeaderMap>,
) -> Result<(), Rejection> {
    let mut watches = take(exchange, |later| &mut later.watches);
    chunk(&mut watches, bytes)?;
    end(watches, trailers)
}

async fn collect<B>(
    exchange: &Exchange,
    body: B,
    limit: u64,
) -> Result<http_body_util::Collected<Bytes>, Rejection>
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let size = body.size_hint().lower();
    if size > limit {
        return Err(announced(size, limit));
    }
    let limited = Limited::new(body, usize::try_from(limit).unwrap_or(usize::MAX));
    let collected = within(exchange.env.body_deadline, limited.collect())
        .await
        .ok_or_else(|| late(exchange.env.body_deadline))?;
    collected.map_err(|error| {
        if error.is::<LengthLimitError>() {
            too_large(limit)
        } else {
            Rejection::new(Reason::BrokenBody)
                .expected("a body that ends as its head says")
                .found(error.to_string())
                .by("body")
        }
    })
}

/// A hook on trial judges like any other, but its verdict is only noted.
fn judge(
    exchange: &mut Exchange,
    hook: BodyHook,
    bytes: Bytes,
    cap: u64,
) -> Result<Bytes, Rejection> {
    let Some(name) = hook.trial else {
        // What an earlier hook put in its place may be larger than what was sent.
        if bytes.len() > hook.limit {
            return Err(too_large(hook.limit as u64));
        }
        let judged = (hook.hook)(exchange, &bytes)?.unwrap_or(bytes);
        return if judged.len() as u64 > cap { Err(too_large(cap)) } else { Ok(judged) };
    };
    if bytes.len() > hook.limit {
        not_judged(exchange, &hook);
        return Ok(bytes);
    }
    let trial = Trial::begin(exchange, name);
    let verdict = caught(|| (hook.hook)(exchange, &bytes));
    trial.end(exchange, verdict.map(|_| Flow::Continue));
    Ok(bytes)
}
