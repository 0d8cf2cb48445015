//! Authentications that are too weak or too old, and who acts for a caller.

use std::time::Duration;

use http::Request;

use super::challenge;
use crate::{
    authorize::{
        Authorize, Requirement, acr, all, amr, delegated, max_age, not_delegated, role, scope,
    },
    clock::ManualClock,
    context::{Actor, Confirmation, Principal, PrincipalBuilder},
    guard::{Exchange, Flow, Guard},
    rejection::{Reason, Rejection},
};

pub(super) const NOW: Duration = Duration::from_secs(1_800_000_000);

fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

fn user(scheme: &'static str) -> PrincipalBuilder {
    Principal::builder("https://id.example", "alice").scheme(scheme)
}

fn refusal(requirement: &Requirement, caller: PrincipalBuilder) -> Rejection {
    requirement.check_at(&caller.build(), NOW).unwrap_err()
}

#[test]
fn a_weaker_class_is_sent_to_step_up_with_the_classes_in_the_order_of_preference() {
    let requirement = acr(["urn:example:phr", "urn:example:mfa"]);
    for reached in ["urn:example:phr", "urn:example:mfa"] {
        assert!(requirement.is_met(&user("jwt").acr(reached).build()));
    }
    for caller in [user("jwt"), user("jwt").acr("urn:example:MFA"), user("jwt").amr(["mfa"])] {
        let refused = refusal(&requirement, caller);
        assert_eq!(
            (refused.reason(), refused.status()),
            (Reason::InsufficientAuthentication, http::StatusCode::UNAUTHORIZED,)
        );
        assert_eq!(
            challenge(&refused),
            Some(
                "Bearer error=\"insufficient_user_authentication\", \
                 error_description=\"a stronger authentication is required\", \
                 acr_values=\"urn:example:phr urn:example:mfa\""
            )
        );
    }
}

#[test]
fn an_old_authentication_is_sent_to_step_up_with_the_age_that_would_do() {
    let requirement = scope("a").and(max_age(minutes(5)));
    let caller = || user("jwt").scope("a");
    for good in [NOW, NOW - minutes(5), NOW + minutes(1)] {
        assert!(requirement.is_met_at(&caller().auth_time(good).build(), NOW), "{good:?}");
        assert!(!requirement.is_met(&caller().auth_time(good).build()), "without a time");
    }
    let second = Duration::from_secs(1);
    for bad in [NOW - minutes(5) - second, NOW + minutes(1) + second, Duration::ZERO] {
        let refused = refusal(&requirement, caller().auth_time(bad));
        assert_eq!(
            challenge(&refused),
            Some(
                "Bearer error=\"insufficient_user_authentication\", \
                 error_description=\"a more recent authentication is required\", max_age=\"300\""
            )
        );
    }
    let refused = refusal(&requirement, caller());
    assert_eq!(refused.reason(), Reason::InsufficientAuthentication, "no `auth_time`");
    let old = refusal(&requirement, caller().acr("1").amr(["pwd"]).auth_time(NOW - minutes(6)));
    assert_eq!(
        old.private_found(),
        Some("scopes a; roles; acr 1; amr pwd; authenticated 360 s ago")
    );
    assert_eq!(old.private_expected(), Some("scope a and authenticated within 300 s"));
}

#[test]
fn what_else_a_new_token_needs_is_said_in_the_same_challenge() {
    let requirement = all([scope("a"), acr(["x"]), max_age(minutes(9)), max_age(minutes(5))]);
    let refused = refusal(&requirement, user("jwt").auth_time(NOW));
    assert_eq!(
        challenge(&refused),
        Some(
            "Bearer error=\"insufficient_user_authentication\", \
             error_description=\"a stronger authentication is required\", \
             acr_values=\"x\", max_age=\"300\", scope=\"a\""
        )
    );
    // Who is strong enough lacks a scope only.
    let refused = refusal(&requirement, user("jwt").acr("x").auth_time(NOW));
    assert_eq!(refused.reason(), Reason::InsufficientScope);
    assert_eq!(challenge(&refused), Some("Bearer error=\"insufficient_scope\", scope=\"a\""));
}

#[test]
fn nobody_authenticates_again_for_the_want_of_a_role_or_in_vain() {
    let requirement = role("admin").and(acr(["x"]));
    let refused = refusal(&requirement, user("jwt"));
    assert_eq!(refused.reason(), Reason::InsufficientScope);
    assert_eq!(challenge(&refused), Some("Bearer error=\"insufficient_scope\""));
    // Either would do, and the first that can be had is told.
    let either = role("admin").or(acr(["x"]));
    assert_eq!(refusal(&either, user("jwt")).reason(), Reason::InsufficientAuthentication);
    assert!(either.is_met(&user("jwt").role("admin").build()));
    assert_eq!(refusal(&acr([""; 0]), user("jwt")).reason(), Reason::InsufficientScope);
}

#[test]
fn a_method_is_one_of_those_that_were_used() {
    let requirement = amr("mfa");
    assert!(requirement.is_met(&user("jwt").amr(["pwd", "mfa"]).build()));
    let refused = refusal(&requirement, user("jwt").amr(["pwd", "MFA", "mfa2"]));
    assert_eq!(
        challenge(&refused),
        Some(
            "Bearer error=\"insufficient_user_authentication\", \
             error_description=\"a stronger authentication is required\""
        )
    );
}

#[test]
fn a_caller_without_a_token_cannot_step_up_and_is_refused_for_good() {
    for scheme in ["api-key", "mtls", "custom"] {
        let refused = refusal(&acr(["x"]).and(max_age(minutes(5))), user(scheme));
        assert_eq!((refused.reason(), challenge(&refused)), (Reason::Forbidden, None));
        assert!(refused.private_expected().is_some());
    }
    let introspected = refusal(&acr(["x"]), user("introspection"));
    assert_eq!(introspected.reason(), Reason::InsufficientAuthentication);
}

#[test]
fn a_token_bound_to_a_key_is_challenged_by_its_own_scheme() {
    let bound = || user("jwt").confirmation(Confirmation::default().with_key([7; 32]));
    let refused = refusal(&scope("a"), bound());
    assert_eq!(challenge(&refused), Some("DPoP error=\"insufficient_scope\", scope=\"a\""));
    let refused = refusal(&acr(["x"]), bound());
    assert!(challenge(&refused).unwrap().starts_with("DPoP error=\"insufficient_user_"));
    let certified = Confirmation::default().with_certificate([7; 32]);
    let refused = refusal(&scope("a"), user("jwt").confirmation(certified));
    assert!(challenge(&refused).unwrap().starts_with("Bearer "));
}

#[test]
fn delegation_can_be_forbidden_and_demanded() {
    let direct = || user("jwt").scope("a");
    let basket = Actor::new("https://id.example", "basket");
    let by = || direct().actor(basket.clone());
    assert!(not_delegated().is_met(&direct().build()));
    assert!(!not_delegated().is_met(&by().build()));
    assert!(delegated().is_met(&by().build()) && !delegated().is_met(&direct().build()));
    let refused = refusal(&scope("a").and(not_delegated()), by());
    assert_eq!(refused.reason(), Reason::InsufficientScope);
    assert_eq!(challenge(&refused), Some("Bearer error=\"insufficient_scope\""));
    assert_eq!(refused.private_expected(), Some("scope a and not delegated"));
    assert_eq!(refused.private_found(), Some("scopes a; roles; by https://id.example basket"));
}

#[test]
fn a_class_that_would_break_the_challenge_stays_out_of_it() {
    let refused = refusal(&acr(["x\", error=\"y"]), user("jwt"));
    assert_eq!(
        challenge(&refused),
        Some(
            "Bearer error=\"insufficient_user_authentication\", \
             error_description=\"a stronger authentication is required\""
        )
    );
}

#[test]
fn the_guard_looks_at_the_clock_only_where_time_has_a_part() {
    let clock = ManualClock::at_unix(NOW);
    let mut exchange = Exchange::test(Request::new(()), clock);
    exchange.set_principal(user("jwt").auth_time(NOW - minutes(4)).build());
    assert!(matches!(
        Authorize::require(max_age(minutes(5))).check(&mut exchange),
        Ok(Flow::Continue)
    ));
    let refused = Authorize::require(max_age(minutes(3))).check(&mut exchange).unwrap_err();
    assert_eq!(refused.reason(), Reason::InsufficientAuthentication);
}
