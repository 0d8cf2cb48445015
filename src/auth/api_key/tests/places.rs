//! Keys that may be used from certain networks only.

use std::net::IpAddr;

use super::*;
use crate::{
    context::{ClientAddr, Provenance},
    guard::Needs,
};

fn bound() -> (MemoryKeys, ApiKeys, ApiKey) {
    let key = ApiKey::generate("orders").unwrap();
    let stored = key.stored().addresses(["192.0.2.0/24", "2001:db8::7"]).build().unwrap();
    let store = MemoryKeys::from_iter([stored]);
    let keys = ApiKeys::builder(store.clone()).build().unwrap();
    (store, keys, key)
}

fn from(key: &str, address: &str) -> Exchange {
    let mut exchange = exchange(&[key]);
    let address: IpAddr = address.parse().unwrap();
    exchange.set_client(ClientAddr::new(address, Provenance::XForwardedFor));
    exchange
}

#[test]
fn a_key_is_good_from_its_networks_and_refused_by_its_id_elsewhere() {
    let (_, keys, key) = bound();
    let text = key.text().expose();
    for good in ["192.0.2.7", "::ffff:192.0.2.7", "2001:db8::7"] {
        assert!(judge(&keys, from(text, good)).is_ok(), "{good}");
    }
    for bad in ["192.0.3.7", "2001:db8::8", "127.0.0.1"] {
        let refused = judge(&keys, from(text, bad)).unwrap_err();
        assert_eq!(refused.reason(), Reason::AddressDenied, "{bad}");
        assert_eq!(refused.private_found(), Some(bad));
        assert!(refused.private_expected().unwrap().contains(key.id()));
        assert_eq!(refused.public_detail(), "");
    }
}

#[test]
fn without_the_secret_nobody_learns_that_there_is_a_list() {
    let (_, keys, key) = bound();
    let wrong = with_secret_of(&ApiKey::generate("orders").unwrap(), key.id());
    let refused = judge(&keys, from(&wrong, "192.0.3.7")).unwrap_err();
    assert_eq!(refused.reason(), Reason::InvalidCredentials);
}

#[test]
fn where_the_client_is_not_known_the_key_is_refused_and_not_the_caller_blamed() {
    let (_, keys, key) = bound();
    let refused = judge(&keys, exchange(&[key.text().expose()])).unwrap_err();
    assert_eq!(refused.reason(), Reason::AddressUnknown);
}

#[test]
fn a_store_with_such_keys_needs_the_clients_address() {
    let (store, keys, key) = bound();
    assert_eq!(Guard::needs(&keys), Needs::CLIENT);
    store.revoke(key.id());
    assert_eq!(Guard::needs(&keys), Needs::NONE);
    let bad = ApiKey::generate("orders").unwrap().stored().address("office").build();
    assert_eq!(bad.unwrap_err().mistakes()[0].setter(), "address");
}
