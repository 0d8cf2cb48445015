//! The hosts the service answers for.

use std::cmp::Ordering;
use std::fmt;
use std::net::Ipv6Addr;

use super::authority::{Authority, Host, Name};

/// Up to here a look at each is quicker than a search.
const SHORT: usize = 8;

/// Hosts with their ports, each kind sorted so that all ports of one host stand together.
#[derive(Debug, Default)]
pub(super) struct List {
    exact: Vec<(Box<str>, Option<u16>)>,
    suffixes: Vec<(Box<str>, Option<u16>)>,
    v6: Vec<(Ipv6Addr, Option<u16>)>,
}

impl List {
    pub(super) fn add(&mut self, is_suffix: bool, authority: Authority<'_>) {
        let port = authority.port;
        match authority.host {
            Host::V6(address) => insert(&mut self.v6, (address, port)),
            Host::Name(name) => {
                let names = if is_suffix { &mut self.suffixes } else { &mut self.exact };
                insert(names, (name.to_string().into(), port));
            }
        }
    }

    /// Whether a host stands in a short list just as it was sent, without a port: the usual case,
    /// which needs no reading.
    pub(super) fn names(&self, host: &[u8]) -> bool {
        self.exact.iter().take(SHORT).any(|(own, port)| {
            covers_port(*port, None) && own.as_bytes().eq_ignore_ascii_case(host)
        })
    }

    pub(super) fn covers(&self, authority: Authority<'_>) -> bool {
        let port = authority.port;
        let name = match authority.host {
            Host::Name(name) => name,
            Host::V6(address) => return find(&self.v6, |own| own.cmp(&address), port),
        };
        find_name(&self.exact, name, port)
            || (!self.suffixes.is_empty()
                && std::iter::successors(name.parent(), |rest| rest.parent())
                    .any(|rest| find_name(&self.suffixes, rest, port)))
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = self.exact.iter().map(|(host, port)| (host.to_string(), port));
        let suffixes = self.suffixes.iter().map(|(host, port)| (format!("*.{host}"), port));
        let v6 = self.v6.iter().map(|(address, port)| (format!("[{address}]"), port));
        for (index, (host, port)) in exact.chain(suffixes).chain(v6).enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            f.write_str(&host)?;
            port.map_or(Ok(()), |port| write!(f, ":{port}"))?;
        }
        Ok(())
    }
}

fn insert<T: Ord>(list: &mut Vec<T>, entry: T) {
    if let Err(at) = list.binary_search(&entry) {
        list.insert(at, entry);
    }
}

fn find_name(list: &[(Box<str>, Option<u16>)], name: Name<'_>, port: Option<u16>) -> bool {
    find(list, |own| Name::trusted(own).cmp(&name), port)
}

fn find<T>(list: &[(T, Option<u16>)], compare: impl Fn(&T) -> Ordering, port: Option<u16>) -> bool {
    let first = list.partition_point(|(own, _)| compare(own).is_lt());
    list.iter()
        .skip(first)
        .take_while(|(own, _)| compare(own).is_eq())
        .any(|(_, own)| covers_port(*own, port))
}

fn covers_port(own: Option<u16>, port: Option<u16>) -> bool {
    match (own, port) {
        (None, _) | (Some(80 | 443), None) => true,
        (own, port) => own == port,
    }
}
