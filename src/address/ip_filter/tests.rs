use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use http::Request;

use crate::clock::ManualClock;
use crate::context::PeerAddr;
use crate::guard::{Exchange, Guard};
use crate::rejection::Reason;

use super::IpFilter;

fn verdict(filter: &IpFilter, address: &str) -> Result<(), Reason> {
    let mut request = Request::new(());
    let address: IpAddr = address.parse().unwrap();
    request.extensions_mut().insert(PeerAddr::new(SocketAddr::new(address, 4000)));
    let mut exchange = Exchange::test(request, ManualClock::default());
    filter.check(&mut exchange).map(|_| ()).map_err(|rejection| rejection.reason())
}

const DENIED: Result<(), Reason> = Err(Reason::AddressDenied);

/// A file of its own for each test, gone with it.
struct ListFile(PathBuf);

impl ListFile {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("parapet-{}-{name}", std::process::id()));
        std::fs::write(&path, text).unwrap();
        Self(path)
    }
}

impl Drop for ListFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn a_deny_list_denies_what_it_names_and_nothing_else() {
    let filter = IpFilter::builder().deny(["198.51.100.0/24", "2001:db8::/32"]).build().unwrap();
    assert_eq!(verdict(&filter, "198.51.100.7"), DENIED);
    assert_eq!(verdict(&filter, "2001:db8::7"), DENIED);
    assert_eq!(verdict(&filter, "198.51.101.7"), Ok(()));
}

#[test]
fn an_allow_list_that_exists_denies_everything_else() {
    let filter = IpFilter::builder().allow("192.0.2.0/24").build().unwrap();
    assert_eq!(verdict(&filter, "192.0.2.1"), Ok(()));
    assert_eq!(verdict(&filter, "192.0.3.1"), DENIED);
    assert_eq!(verdict(&filter, "2001:db8::1"), DENIED);
}

#[test]
fn deny_wins_over_allow() {
    let bad = Ipv4Addr::new(192, 0, 2, 66);
    let filter = IpFilter::builder().allow("192.0.2.0/24").deny(bad).build().unwrap();
    assert_eq!(verdict(&filter, "192.0.2.65"), Ok(()));
    assert_eq!(verdict(&filter, "192.0.2.66"), DENIED);
}

#[test]
fn a_v4_mapped_address_is_judged_as_the_v4_address_it_is() {
    let filter = IpFilter::builder().deny("198.51.100.0/24").build().unwrap();
    assert_eq!(verdict(&filter, "::ffff:198.51.100.7"), DENIED);
    let mapped = IpFilter::builder().deny("::ffff:198.51.100.0/120").build().unwrap();
    assert_eq!(verdict(&mapped, "198.51.100.7"), DENIED);
}

#[test]
fn a_request_without_an_address_is_refused() {
    let filter = IpFilter::builder().deny("198.51.100.0/24").build().unwrap();
    let mut exchange = Exchange::test(Request::new(()), ManualClock::default());
    let rejection = filter.check(&mut exchange).unwrap_err();
    assert_eq!(rejection.reason(), Reason::AddressUnknown);
}

#[test]
fn a_file_holds_one_network_a_line_and_comments() {
    let text = "\u{feff}# offices\r\n192.0.2.0/24 # north\r\n\r\n  2001:db8::1 ; south\n";
    let file = ListFile::new("comments", text);
    let filter = IpFilter::builder().allow_file(&file.0).build().unwrap();
    assert_eq!(verdict(&filter, "192.0.2.9"), Ok(()));
    assert_eq!(verdict(&filter, "2001:db8::1"), Ok(()));
    assert_eq!(verdict(&filter, "2001:db8::2"), DENIED);
}

#[test]
fn a_deny_file_may_be_empty() {
    let file = ListFile::new("empty-deny", "# nobody yet\n");
    let filter = IpFilter::builder().deny_file(&file.0).build().unwrap();
    assert_eq!(verdict(&filter, "192.0.2.9"), Ok(()));
}

#[test]
fn every_mistake_is_reported_at_once_with_file_and_line() {
    let file = ListFile::new("bad", "10.0.0.0/8\n10.1.2.3/8\nten\n");
    let error = IpFilter::builder()
        .allow(["192.0.2.0/33", "192.0.2.1"])
        .allow_file("/nowhere/offices.txt")
        .deny_file(&file.0)
        .build()
        .unwrap_err();
    let found: Vec<_> = error
        .mistakes()
        .iter()
        .map(|mistake| (mistake.setter().to_owned(), mistake.value().to_owned()))
        .collect();
    let path = file.0.display();
    let want = [
        ("allow", "192.0.2.0/33".to_owned()),
        ("allow_file", "/nowhere/offices.txt".to_owned()),
        ("deny_file", format!("{path}:2: 10.1.2.3/8")),
        ("deny_file", format!("{path}:3: ten")),
    ]
    .map(|(setter, value)| (setter.to_owned(), value));
    assert_eq!(found, want);
    let remedy = error.mistakes()[2].remedy();
    assert_eq!(remedy, "write `10.0.0.0/8` or `10.1.2.3`");
}

#[test]
fn a_file_of_nonsense_does_not_bury_the_other_mistakes() {
    let file = ListFile::new("nonsense", &"nonsense\n".repeat(1000));
    let error = IpFilter::builder().deny_file(&file.0).deny("x").build().unwrap_err();
    assert_eq!(error.mistakes().len(), 22);
    assert!(error.to_string().contains("has 980 more lines"));
}

#[test]
fn a_list_that_came_up_empty_is_a_mistake_where_it_would_deny_everyone() {
    assert!(IpFilter::builder().allow(Vec::<String>::new()).build().is_err());
    assert!(IpFilter::builder().build().is_err());
    let file = ListFile::new("empty-allow", "\n");
    assert!(IpFilter::builder().allow_file(&file.0).build().is_err());
}
