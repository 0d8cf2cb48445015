//! A request that is only played through: the guards of the live path, without a record, an observer
//! or the handler.

use std::{panic::AssertUnwindSafe, sync::Arc};

use axum_core::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, header, request};
use http_body_util::BodyExt;

use crate::{
    context::Context,
    guard::{Exchange, Flow, Rehearsal, run},
    inspect::{Decision, Explanation, Seat, Verdict},
    rejection::Rejection,
};

use super::{Early, Stack, caught, finish::take_verdict, in_time, refuse_unproven, request_body};

/// What a request's guards came to.
enum End {
    Admitted,
    Responded(Box<http::Response<Body>>),
}

pub(crate) async fn explain(
    stack: Arc<Stack>,
    mut head: request::Parts,
    body: Option<Bytes>,
) -> Explanation {
    if let Some(outer) = head.extensions.get_mut::<Context>() {
        // The record of a request that is under way is none of our business.
        outer.ticket = None;
    }
    let is_body_missing = body.is_none() && announces_body(&head.headers);
    let mut exchange = Exchange::begin(head, stack.env.clone());
    exchange.rehearsal = Some(Box::default());
    let end = match judge_head(&stack, &mut exchange).await {
        Ok(Flow::Respond(response)) if exchange.context.is_provisional && !is_body_missing => {
            let proven = judge_body(&mut exchange, body.unwrap_or_default()).await;
            proven.map(|()| End::Responded(response))
        }
        Ok(Flow::Respond(response)) => Ok(End::Responded(response)),
        Ok(_) if is_body_missing => request_body::fits(&exchange).map(|()| End::Admitted),
        Ok(_) => judge_body(&mut exchange, body.unwrap_or_default()).await.map(|()| End::Admitted),
        Err(rejection) => Err(rejection),
    };
    tell(&stack, exchange, end, is_body_missing)
}

async fn judge_head(stack: &Stack, exchange: &mut Exchange) -> Result<Flow, Rejection> {
    let flow = caught(|| run(&stack.guards, 0, exchange))?;
    let decided = AssertUnwindSafe(in_time(flow, exchange)).catch_unwind();
    decided.await.unwrap_or_else(|panic| Err(Rejection::panicked(panic.as_ref())))
}

/// As a handler would that reads all of it.
async fn judge_body(exchange: &mut Exchange, bytes: Bytes) -> Result<(), Rejection> {
    let body = Body::from(bytes);
    if request_body::is_to_be_read(exchange, &body) {
        let read = AssertUnwindSafe(request_body::read(exchange, body)).catch_unwind();
        let read =
            read.await.unwrap_or_else(|panic| Err(Rejection::panicked(panic.as_ref()).into()));
        return match read {
            Err(Early::Reject(rejection)) => Err(rejection),
            _ => refuse_unproven(exchange),
        };
    }
    let wrapped = request_body::wrap(exchange, body)?;
    refuse_unproven(exchange)?;
    // What is wrong with it is the verdict's to say.
    let _ = wrapped.body.collect().await;
    take_verdict(wrapped.verdict.as_ref()).map_or(Ok(()), Err)
}

fn announces_body(headers: &HeaderMap) -> bool {
    let is_long = |length: &http::HeaderValue| length.as_bytes().iter().any(|digit| *digit != b'0');
    headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(is_long)
}

fn tell(
    stack: &Stack,
    mut exchange: Exchange,
    end: Result<End, Rejection>,
    is_body_missing: bool,
) -> Explanation {
    let seat = Seat {
        peer: exchange.peer(),
        client: exchange.client_so_far(),
        route: exchange.context.route.clone(),
        principal: exchange.context.principal.clone(),
    };
    let mut rehearsal = exchange.rehearsal.take().map(|kept| *kept).unwrap_or_default();
    complete(&mut rehearsal, stack, end.as_ref().err());
    let mut replies = HeaderMap::new();
    let verdict = match end {
        Ok(End::Admitted) => Verdict::Admitted,
        Ok(End::Responded(response)) => {
            replies.clone_from(response.headers());
            Verdict::Responded(response.status())
        }
        Err(rejection) => {
            for (name, value) in rejection.headers() {
                replies.append(name.clone(), value.clone());
            }
            Verdict::Refused(rejection)
        }
    };
    std::mem::take(&mut exchange.replies).stamp(&mut replies);
    Explanation {
        method: exchange.method().clone(),
        uri: exchange.uri().clone(),
        verdict,
        seat,
        steps: rehearsal.steps,
        replies,
        notes: exchange.later.map(|later| later.notes).unwrap_or_default(),
        is_body_missing,
    }
}

/// Adds what the guards could not write down themselves: those behind one that panicked, and a
/// refusal of the body by nobody in particular.
fn complete(rehearsal: &mut Rehearsal, stack: &Stack, refusal: Option<&Rejection>) {
    let of_stack = rehearsal.steps.iter().filter(|step| step.depth == 0 && step.phase.is_some());
    let told = of_stack.count();
    rehearsal.not_reached_at_top(stack.guards.get(told..).unwrap_or_default());
    let is_told = rehearsal.steps.iter().any(|step| step.decision == Decision::Refused);
    if let Some(refusal) = refusal.filter(|_| !is_told) {
        rehearsal.of_body(refusal.guard().unwrap_or("body"), Decision::Refused);
    }
}
