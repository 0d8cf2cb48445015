//! Deliveries as their senders document them, and forged ones.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::*;

const SECRET: &str = "It's a Secret to Everybody, and long";
const STRIPE: &str = "whsec_0123456789abcdef0123456789ab";
const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const SENT: u64 = 1_614_265_330;

fn now() -> Duration {
    Duration::from_secs(SENT + 10)
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    use aws_lc_rs::hmac;
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn github(secret: &str, body: &[u8]) -> HeaderMap {
    headers(&[("x-hub-signature-256", &format!("sha256={}", hex(&mac(secret.as_bytes(), body))))])
}

fn stripe(secret: &str, time: u64, body: &[u8]) -> HeaderMap {
    let text = [format!("{time}.").as_bytes(), body].concat();
    let tag = hex(&mac(secret.as_bytes(), &text));
    headers(&[("stripe-signature", &format!("t={time},v1={tag}"))])
}

#[test]
fn the_example_of_githubs_documentation_has_the_signature_it_says() {
    let tag = mac(b"It's a Secret to Everybody", b"Hello, World!");
    let told = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(hex(&tag), told);
}

#[test]
fn the_example_of_standard_webhooks_is_taken() {
    let hook = Webhook::standard(STANDARD_SECRET).build().unwrap();
    let sent = SENT.to_string();
    let delivery = |id, body: &[u8]| {
        let headers = headers(&[
            ("webhook-id", id),
            ("webhook-timestamp", &sent),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ]);
        hook.verify(&headers, body, now())
    };
    let id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    assert!(delivery(id, br#"{"test": 2432232314}"#).is_ok());
    assert!(delivery(id, br#"{"test": 2432232315}"#).is_err());
    assert!(delivery("msg_p5jXN8AQM9LWM0D4loKWxJel", br#"{"test": 2432232314}"#).is_err());
}

#[test]
fn either_of_two_live_secrets_is_taken_and_no_third() {
    let (old, new, none) = (SECRET, SECRET.to_uppercase(), SECRET.to_lowercase());
    let hook = Webhook::github(old).secret(&*new).build().unwrap();
    assert!(hook.verify(&github(old, b"body"), b"body", now()).is_ok());
    assert!(hook.verify(&github(&new, b"body"), b"body", now()).is_ok());
    assert!(hook.verify(&github(&none, b"body"), b"body", now()).is_err());
}

#[test]
fn one_good_signature_of_several_is_enough() {
    let hook = Webhook::stripe(STRIPE).build().unwrap();
    let mut good = stripe(STRIPE, SENT, b"{}");
    let value = good.get("stripe-signature").unwrap().to_str().unwrap().to_owned();
    let more = format!("{value},v1={}", "0".repeat(64));
    good.insert("stripe-signature", HeaderValue::try_from(more).unwrap());
    assert!(hook.verify(&good, b"{}", now()).is_ok());
}

#[test]
fn a_time_out_of_the_tolerance_is_expired_only_where_the_signature_is_good() {
    let hook = Webhook::stripe(STRIPE).build().unwrap();
    let at = |seconds: u64| Duration::from_secs(seconds);
    let verify = |headers, now| hook.verify(&headers, b"{}", now);
    let good = || stripe(STRIPE, SENT, b"{}");
    assert!(verify(good(), at(SENT + 299)).is_ok());
    assert!(verify(good(), at(SENT - 300)).is_ok());
    assert!(verify(good(), at(SENT + 300)).unwrap_err().is_expired());
    assert!(!verify(good(), at(SENT - 301)).unwrap_err().is_expired());
    let forged = stripe("whsec_another", SENT, b"{}");
    assert!(!verify(forged, at(SENT + 300)).unwrap_err().is_expired());
}

#[test]
fn a_field_that_stands_twice_is_refused() {
    let hook = Webhook::github(SECRET).build().unwrap();
    let mut twice = github(SECRET, b"body");
    twice.append("x-hub-signature-256", twice.get("x-hub-signature-256").unwrap().clone());
    assert!(hook.verify(&twice, b"body", now()).is_err());
}

#[test]
fn weak_secrets_and_senseless_times_are_told_all_at_once_and_secrets_never() {
    let hook = Webhook::github("hunter2").secret("short").tolerance(Duration::ZERO).sender("");
    let error = hook.remember(Duration::ZERO).build().unwrap_err().to_string();
    assert_eq!(error.matches("`secret`").count(), 2, "{error}");
    for setter in ["tolerance", "sender", "remember"] {
        assert!(error.contains(&format!("`{setter}`")), "{error}");
    }
    assert!(!error.contains("hunter2"));
    let short = STANDARD.encode([7; 23]);
    for weak in [
        Webhook::stripe("sk_live_0123456789abcdef0123456789abcdef"),
        Webhook::stripe("whsec_short"),
        Webhook::standard(format!("whsec_{short}")),
        Webhook::standard("whsec_not base64"),
        (0..4).fold(Webhook::github(SECRET), |hook, _| hook.secret(SECRET)),
    ] {
        assert!(!format!("{weak:?}").contains("whsec_"));
        assert!(weak.build().is_err());
    }
    assert!(!format!("{:?}", Webhook::github(SECRET).build().unwrap()).contains("Secret"));
}

proptest! {
    #[test]
    fn no_change_of_a_signed_delivery_is_taken(
        body in prop::collection::vec(any::<u8>(), 1..64),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
    ) {
        let mut changed = body.clone();
        let at = at.index(body.len());
        changed[at] ^= 1 << bit;
        let hook = Webhook::github(SECRET).build().unwrap();
        prop_assert!(hook.verify(&github(SECRET, &body), &body, now()).is_ok());
        prop_assert!(hook.verify(&github(SECRET, &body), &changed, now()).is_err());
        let hook = Webhook::stripe(STRIPE).build().unwrap();
        prop_assert!(hook.verify(&stripe(STRIPE, SENT, &body), &body, now()).is_ok());
        prop_assert!(hook.verify(&stripe(STRIPE, SENT, &body), &changed, now()).is_err());
        let mut moved = stripe(STRIPE, SENT, &body);
        let value = moved.get("stripe-signature").unwrap().to_str().unwrap();
        let value = value.replace(&format!("t={SENT}"), &format!("t={}", SENT + 1));
        moved.insert("stripe-signature", HeaderValue::try_from(value).unwrap());
        prop_assert!(hook.verify(&moved, &body, now()).is_err());
    }

    #[test]
    fn no_header_makes_a_webhook_panic(value in "[ -~]{0,300}", id in "[ -~]{0,20}") {
        let headers = headers(&[
            ("x-hub-signature-256", &value),
            ("stripe-signature", &value),
            ("webhook-signature", &value),
            ("webhook-id", &id),
            ("webhook-timestamp", &id),
        ]);
        for hook in [
            Webhook::github(SECRET),
            Webhook::stripe(STRIPE),
            Webhook::standard(STANDARD_SECRET),
        ] {
            prop_assert!(hook.build().unwrap().verify(&headers, b"", now()).is_err());
        }
    }
}
