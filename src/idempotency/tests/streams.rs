//! Answers whose body is not at hand.

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use tokio::sync::mpsc;

use super::*;

/// A body that comes as it is sent, and breaks off where `Err` is.
fn stream_of() -> (mpsc::UnboundedSender<Result<&'static str, &'static str>>, Body) {
    let (send, receive) = mpsc::unbounded_channel();
    let pieces = stream::unfold(receive, |mut receive: mpsc::UnboundedReceiver<_>| async {
        receive.recv().await.map(|piece| (piece, receive))
    });
    let frames = pieces.map(|piece: Result<&str, &str>| {
        piece.map(|piece| Frame::data(Bytes::from(piece))).map_err(std::io::Error::other)
    });
    (send, Body::new(StreamBody::new(frames)))
}

#[tokio::test]
async fn a_stream_is_kept_once_it_has_ended_and_meanwhile_never_run_again() {
    let site = site();
    let (send, body) = stream_of();
    site.handler.then(async { answer(200, body) });
    let mut first = site.call(ask("a")).await.into_body();
    send.send(Ok("one ")).unwrap();
    assert_eq!(first.frame().await.unwrap().unwrap().into_data().unwrap(), "one ");
    let meanwhile = site.ask(ask("a")).await;
    assert_eq!((meanwhile.status, meanwhile.reason), (409, Some("answer-not-kept")));
    send.send(Ok("two")).unwrap();
    drop(send);
    assert_eq!(first.collect().await.unwrap().to_bytes(), "two");
    let again = site.ask(ask("a")).await;
    assert_eq!((&again.body[..], again.is_replayed()), (&b"one two"[..], true));
    assert_eq!(site.handler.runs(), 1);
}

#[tokio::test]
async fn a_stream_whose_client_left_or_that_broke_off_is_not_run_again() {
    let site = site();
    let (send, body) = stream_of();
    site.handler.then(async { answer(200, body) });
    let mut left = site.call(ask("left")).await.into_body();
    send.send(Ok("one")).unwrap();
    left.frame().await.unwrap().unwrap();
    drop(left);
    let (send, body) = stream_of();
    site.handler.then(async { answer(200, body) });
    let broken = site.call(ask("broken")).await.into_body();
    send.send(Ok("one")).unwrap();
    send.send(Err("broken")).unwrap();
    assert!(broken.collect().await.is_err());
    for key in ["left", "broken"] {
        assert_eq!(site.ask(ask(key)).await.reason, Some("answer-not-kept"), "{key}");
    }
    assert_eq!(site.handler.runs(), 2);
}

#[tokio::test]
async fn a_body_beyond_the_cap_goes_out_whole_and_is_not_kept() {
    let site = site_with(|guard| guard.max_answer(8));
    for (key, long) in [("known", true), ("unknown", false)] {
        let body = match long {
            true => Body::from("nine byte"),
            false => {
                let (send, body) = stream_of();
                for piece in ["four", "four", "!"] {
                    send.send(Ok(piece)).unwrap();
                }
                body
            }
        };
        site.handler.then(async { answer(201, body) });
        let first = site.ask(ask(key)).await;
        assert_eq!((first.status, first.body.len()), (201, 9));
        let again = site.ask(ask(key)).await;
        assert_eq!((again.status, again.reason), (409, Some("answer-not-kept")));
    }
    site.handler.then(async { answer(201, "8 bytes.") });
    assert_eq!(site.ask(ask("fits")).await.body, "8 bytes.");
    assert!(site.ask(ask("fits")).await.is_replayed());
    assert_eq!(site.handler.runs(), 3);
}

#[tokio::test]
async fn a_body_at_hand_is_kept_before_it_goes_out_in_pieces_too() {
    let site = site();
    let (send, body) = stream_of();
    send.send(Ok("all ")).unwrap();
    send.send(Ok("here")).unwrap();
    drop(send);
    site.handler.then(async { answer(200, body) });
    let first = site.call(ask("a")).await;
    // Nobody has read a byte of it.
    assert_eq!(site.ask(ask("a")).await.body, "all here");
    drop(first);
    assert_eq!(site.ask(ask("a")).await.body, "all here");
}

#[tokio::test]
async fn trailers_go_out_and_are_not_kept() {
    let site = site();
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x-sum", "1".parse().unwrap());
    let body = Full::from("data").with_trailers(std::future::ready(Some(Ok(trailers))));
    site.handler.then(async { answer(200, Body::new(body)) });
    let first = site.call(ask("a")).await.into_body().collect().await.unwrap();
    assert_eq!(first.trailers().unwrap()["x-sum"], "1");
    assert_eq!(site.ask(ask("a")).await.reason, Some("answer-not-kept"));
}

#[tokio::test]
async fn a_body_of_known_size_says_so_still() {
    use http_body::Body as _;
    let site = site();
    site.handler.then(async { answer(200, "12345") });
    let response = site.call(ask("a")).await;
    assert_eq!(response.body().size_hint().exact(), Some(5));
    let again = site.call(ask("a")).await;
    assert_eq!(again.body().size_hint().exact(), Some(5));
}
