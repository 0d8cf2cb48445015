use std::time::Duration;

use http::{Request, header::WWW_AUTHENTICATE};
use proptest::{
    collection,
    prelude::{Strategy, prop_assert, prop_assert_eq, prop_oneof, proptest},
};

use super::*;
use crate::{
    clock::ManualClock,
    context::Principal,
    error::Mistakes,
    guard::{Exchange, Flow, Guard},
    rejection::{Reason, Rejection},
};

mod step_up;

use step_up::NOW;

fn caller(scheme: &'static str, scopes: &[&str], roles: &[&str]) -> Principal {
    Principal::builder("https://id.example", "alice")
        .scheme(scheme)
        .scopes(scopes.iter().copied())
        .roles(roles.iter().copied())
        .build()
}

fn challenge(rejection: &Rejection) -> Option<&str> {
    let mut headers = rejection.headers().iter();
    headers.find(|(name, _)| name == WWW_AUTHENTICATE).and_then(|(_, value)| value.to_str().ok())
}

#[test]
fn a_requirement_reads_as_a_person_would_say_it() {
    let said = |requirement: Requirement| requirement.to_string();
    assert_eq!(said(scope("orders:write").and(role("admin"))), "scope orders:write and role admin");
    assert_eq!(said(scope("a").and(scope("b")).and(scope("c"))), "scope a and scope b and scope c");
    assert_eq!(said(scope("a").and(role("b").or(role("c")))), "scope a and (role b or role c)");
    assert_eq!(said(scope("a").and(role("b")).or(role("c"))), "(scope a and role b) or role c");
    let wrapped = all([all([any([role("b"), role("c")])]), scope("a")]);
    assert_eq!(said(wrapped), "(role b or role c) and scope a");
    assert_eq!(said(all([])), "nobody");
}

#[test]
fn a_list_of_nothing_admits_nobody() {
    let caller = caller("jwt", &["a"], &["b"]);
    assert!(!any([]).is_met(&caller));
    assert!(!all([]).is_met(&caller));
    assert!(!all([]).and(scope("a")).is_met(&caller));
    assert!(!scope("a").and(all([])).is_met(&caller));
}

#[test]
fn names_are_compared_whole_and_letter_by_letter() {
    let caller = caller("jwt", &["orders:read"], &["Admin"]);
    for near in ["orders", "orders:read ", "Orders:read", "orders:rea", "orders:readx", "*", ""] {
        assert!(!scope(near).is_met(&caller), "{near}");
    }
    assert!(!role("admin").is_met(&caller));
    assert!(!scope("Admin").is_met(&caller));
    assert!(!role("orders:read").is_met(&caller));
}

#[test]
fn a_bearer_caller_is_told_the_scopes_that_would_do() {
    let requirement = scope("orders:read").and(any([scope("orders:write"), role("admin")]));
    let refused = requirement.check(&caller("jwt", &["orders:read"], &[])).unwrap_err();
    assert_eq!(refused.reason(), Reason::InsufficientScope);
    assert_eq!(
        challenge(&refused),
        Some("Bearer error=\"insufficient_scope\", scope=\"orders:read orders:write\"")
    );
    let admin = caller("jwt", &[], &["admin"]);
    assert_eq!(
        challenge(&requirement.check(&admin).unwrap_err()),
        Some("Bearer error=\"insufficient_scope\", scope=\"orders:read\"")
    );
}

#[test]
fn a_caller_whom_no_scope_could_help_is_not_sent_for_a_new_token() {
    let requirement = scope("orders:read").and(role("admin"));
    let refused = requirement.check(&caller("jwt", &["orders:read"], &[])).unwrap_err();
    assert_eq!(challenge(&refused), Some("Bearer error=\"insufficient_scope\""));
    assert_eq!(refused.public_detail(), "");
    assert_eq!(refused.private_expected(), Some("scope orders:read and role admin"));
    assert_eq!(refused.private_found(), Some("scopes orders:read; roles"));
}

#[test]
fn a_caller_with_an_api_key_gets_no_bearer_challenge() {
    let refused = scope("a").check(&caller("api-key", &[], &[])).unwrap_err();
    assert_eq!(refused.status(), 403);
    assert_eq!(challenge(&refused), None);
}

#[test]
fn a_name_that_would_break_the_challenge_stays_out_of_it() {
    let refused = scope("a\", error=\"x").check(&caller("jwt", &[], &[])).unwrap_err();
    assert_eq!(challenge(&refused), Some("Bearer error=\"insufficient_scope\""));
}

#[test]
fn impossible_names_and_empty_lists_are_mistakes() {
    let mut mistakes = Mistakes::default();
    let requirement = scope("a b").or(role("")).or(all([])).or(scope("fine"));
    requirement.mistakes("route", &mut mistakes);
    let classes = acr([""; 0]).or(acr(["a b"])).or(amr("")).or(max_age(Duration::from_millis(1)));
    classes.or(acr(["fine"])).or(not_delegated()).mistakes("route", &mut mistakes);
    let error = mistakes.finish().unwrap_err();
    assert_eq!(error.mistakes().len(), 7, "{error}");
    assert!(error.mistakes().iter().all(|mistake| mistake.setter() == "route"));
}

#[test]
fn an_authorize_that_finds_no_principal_refuses_with_401() {
    let mut exchange = Exchange::test(Request::new(()), ManualClock::default());
    let refused = Authorize::require(scope("a")).check(&mut exchange).unwrap_err();
    assert_eq!(refused.reason(), Reason::MissingCredentials);
    exchange.set_principal(caller("jwt", &["a"], &[]));
    let admitted = Authorize::require(scope("a")).check(&mut exchange);
    assert!(matches!(admitted, Ok(Flow::Continue)));
}

fn requirement() -> impl Strategy<Value = Requirement> {
    let leaf = prop_oneof![
        "[a-d]".prop_map(scope),
        "[a-d]".prop_map(role),
        collection::vec("[a-d]", 0..3).prop_map(acr),
        (1u64..100).prop_map(|seconds| max_age(Duration::from_secs(seconds))),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            collection::vec(inner.clone(), 0..4).prop_map(any),
            collection::vec(inner, 0..4).prop_map(all),
        ]
    })
}

fn holdings() -> impl Strategy<Value = Vec<String>> {
    collection::vec("[a-d]", 0..4)
}

proptest! {
    #[test]
    fn holding_more_never_shuts_a_caller_out(
        requirement in requirement(),
        scopes in holdings(),
        roles in holdings(),
        more in holdings(),
    ) {
        let lesser = Principal::builder("i", "s").scopes(scopes.clone()).roles(roles.clone());
        let greater = Principal::builder("i", "s").scopes(scopes).roles(roles).scopes(more);
        if requirement.is_met(&lesser.build()) {
            prop_assert!(requirement.is_met(&greater.build()));
        }
    }

    #[test]
    fn the_scopes_that_a_challenge_names_are_enough(
        requirement in requirement(),
        scopes in holdings(),
        roles in holdings(),
    ) {
        let caller = Principal::builder("i", "s").scheme("jwt").scopes(scopes.clone()).roles(roles.clone());
        let Err(refused) = requirement.check_at(&caller.build(), NOW) else { return Ok(()) };
        if refused.reason() == Reason::InsufficientAuthentication {
            return Ok(());
        }
        let told = challenge(&refused).unwrap();
        if let Some((_, named)) = told.split_once("scope=\"") {
            let named = named.trim_end_matches('"').split(' ');
            let helped = Principal::builder("i", "s").scopes(named).roles(roles);
            prop_assert!(requirement.is_met_at(&helped.build(), NOW), "{requirement}: {told}");
        } else {
            for acr in ["a", "b", "c", "d"] {
                let helped = Principal::builder("i", "s").scopes(["a", "b", "c", "d"]);
                let helped = helped.roles(roles.clone()).acr(acr).auth_time(NOW).build();
                prop_assert!(!requirement.is_met_at(&helped, NOW), "{requirement}: {told}");
            }
        }
    }

    #[test]
    fn whoever_authenticates_as_the_challenge_says_is_let_through(
        requirement in requirement(),
        scopes in holdings(),
        roles in holdings(),
        acr in collection::vec("[a-d]", 0..2),
        age in 0u64..200,
    ) {
        let caller = Principal::builder("i", "s").scheme("jwt").scopes(scopes.clone()).roles(roles.clone());
        let caller = caller.auth_time(NOW - Duration::from_secs(age));
        let caller = acr.into_iter().fold(caller, |caller, acr| caller.acr(acr));
        let Err(refused) = requirement.check_at(&caller.build(), NOW) else { return Ok(()) };
        if refused.reason() != Reason::InsufficientAuthentication {
            return Ok(());
        }
        let told = challenge(&refused).unwrap().to_owned();
        let named = |parameter: &str| -> Vec<String> {
            let Some((_, rest)) = told.split_once(&format!("{parameter}=\"")) else { return vec![] };
            rest.split('"').next().unwrap().split(' ').map(str::to_owned).collect()
        };
        let granted = if named(" scope").is_empty() { scopes } else { named(" scope") };
        // A user reaches one class; of requirements that ask for several at once, none can be met.
        let classes = named("acr_values");
        let reached = classes.iter().map(Some).chain([None]).any(|class| {
            let helped = Principal::builder("i", "s").scopes(granted.clone()).roles(roles.clone());
            let helped = helped.auth_time(NOW);
            let helped = class.into_iter().fold(helped, |helped, class| helped.acr(class.clone()));
            requirement.is_met_at(&helped.build(), NOW)
        });
        prop_assert!(reached || classes.len() > 1, "{requirement}: {told}");
    }

    #[test]
    fn and_is_both_and_or_is_either(
        left in requirement(),
        right in requirement(),
        scopes in holdings(),
        roles in holdings(),
    ) {
        let caller = Principal::builder("i", "s").scopes(scopes).roles(roles).build();
        let (l, r) = (left.is_met(&caller), right.is_met(&caller));
        prop_assert_eq!(left.clone().and(right.clone()).is_met(&caller), l && r);
        prop_assert_eq!(left.or(right).is_met(&caller), l || r);
    }
}
