//! Origins (RFC 6454): what a browser sends in `Origin`, and which of them are meant.

use std::{
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
    sync::Arc,
};

use super::suffix;

/// Which origins a policy is for.
#[derive(Clone)]
pub(in crate::transport) enum Origins {
    Any,
    Some(Vec<Origin>),
}

#[derive(Clone)]
pub(in crate::transport) enum Origin {
    /// Compared byte by byte: browsers send one spelling (RFC 6454, section 6.2).
    Exact(Box<str>),
    /// `https://*.example.com:8443`: the star stands for one label.
    Label {
        before: Box<str>,
        after: Box<str>,
    },
    Null,
    Chosen(Arc<Chosen>),
}

pub(in crate::transport) type Chosen = dyn Fn(&str) -> bool + Send + Sync;

impl Origin {
    /// Reads `https://app.example.com`, `http://localhost:3000` or `https://*.example.com`, and
    /// keeps it as browsers spell it.
    pub(in crate::transport) fn parse(text: &str) -> Result<Self, &'static str> {
        let lower = text.trim().to_ascii_lowercase();
        if lower == "null" {
            return Err("is the origin of every sandboxed page");
        }
        if !lower.is_ascii() {
            return Err("has letters that browsers send in their ASCII form, `xn--…`");
        }
        let (scheme, authority) = lower.split_once("://").ok_or("has no scheme")?;
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        if !is_scheme {
            return Err("has no scheme that can be read");
        }
        if matches!(scheme, "ws" | "wss") {
            return Err("is the scheme of a socket; the page that opens it has `https`");
        }
        if authority.contains(['/', '?', '#', '@']) {
            return Err("has more than a scheme, a host and a port");
        }
        let (host, port) = split_port(authority)?;
        let port = match (scheme, port) {
            ("https", Some(443)) | ("http", Some(80)) | (_, None) => String::new(),
            (_, Some(port)) => format!(":{port}"),
        };
        let Some(rest) = host.strip_prefix("*.") else {
            return Ok(Self::Exact(format!("{scheme}://{}{port}", spelt(host)?).into()));
        };
        if !is_name(rest) || ends_in_a_number(rest) {
            return Err("has a `*` that is not the first label of a name");
        }
        if suffix::is_public(rest) {
            return Err("stands for names that anybody may have");
        }
        let (before, after) = (format!("{scheme}://").into(), format!(".{rest}{port}").into());
        Ok(Self::Label { before, after })
    }

    fn covers(&self, origin: &str) -> bool {
        match self {
            Self::Exact(known) => **known == *origin,
            Self::Label { before, after } => origin
                .strip_prefix(&**before)
                .and_then(|rest| rest.strip_suffix(&**after))
                .is_some_and(is_label),
            Self::Null => origin == "null",
            // A closure is asked about origins, not about whatever a client writes.
            Self::Chosen(choose) => is_origin(origin) && choose(origin),
        }
    }

    /// Whether whoever is on the way can pretend to be it. What stays on this machine has no way.
    pub(in crate::transport) fn is_plain(&self) -> bool {
        match self {
            Self::Exact(origin) => origin.strip_prefix("http://").is_some_and(|rest| {
                let name = split_port(rest).map_or(rest, |(name, _)| name);
                !(name == "[::1]" || name.starts_with("127.") || is_local(name))
            }),
            Self::Label { before, after } => {
                let name = split_port(after).map_or(&**after, |(name, _)| name);
                **before == *"http://" && !is_local(name)
            }
            Self::Null | Self::Chosen(_) => false,
        }
    }
}

fn is_local(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether it is an origin as browsers spell them: `null` is none.
fn is_origin(text: &str) -> bool {
    matches!(Origin::parse(text), Ok(Origin::Exact(spelt)) if *spelt == *text)
}

impl Origins {
    /// Those that were named one by one.
    pub(in crate::transport) fn named(&self) -> impl Iterator<Item = &Origin> {
        let Self::Some(origins) = self else { return [].iter() };
        origins.iter()
    }

    pub(in crate::transport) fn cover(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Some(origins) => origins.iter().any(|known| known.covers(origin)),
        }
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), &'static str> {
    let at = match authority.rsplit_once(']') {
        Some((_, after)) => after.find(':').map(|at| authority.len() - after.len() + at),
        None => authority.find(':'),
    };
    let Some((host, port)) = at.and_then(|at| authority.split_at_checked(at)) else {
        return Ok((authority, None));
    };
    let port = port.strip_prefix(':').unwrap_or(port);
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let number = port.parse().ok().filter(|_| is_number && !port.starts_with('0'));
    number.map(|port| (host, Some(port))).ok_or("has no port that can be read")
}

/// A host as browsers write it (URL standard, section 3.5).
fn spelt(host: &str) -> Result<String, &'static str> {
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        let address: Ipv6Addr = address.parse().map_err(|_| UNREADABLE)?;
        // Rust writes the last half of a mapped address in dots, browsers never do.
        return Ok(match address.segments() {
            [0, 0, 0, 0, 0, 0xffff, high, low] => format!("[::ffff:{high:x}:{low:x}]"),
            _ => format!("[{address}]"),
        });
    }
    if ends_in_a_number(host) {
        let address: Ipv4Addr =
            host.parse().map_err(|_| "has an address that browsers write as four numbers")?;
        return Ok(address.to_string());
    }
    if is_name(host) { Ok(host.to_owned()) } else { Err(UNREADABLE) }
}

const UNREADABLE: &str = "has no host that can be read";

/// What browsers take for an address of version 4 (URL standard, section 3.5).
fn ends_in_a_number(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    let hex = last.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
    hex || (!last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_name(host: &str) -> bool {
    host.len() <= 253 && host.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let is_plain = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_')
    };
    (1..=63).contains(&label.len()) && label.bytes().all(is_plain)
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(origin) => f.write_str(origin),
            Self::Label { before, after } => write!(f, "{before}*{after}"),
            Self::Null => f.write_str("null"),
            Self::Chosen(_) => f.write_str("those a closure chooses"),
        }
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Some(origins) = self else { return f.write_str("any origin") };
        for (index, origin) in origins.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            write!(f, "{origin}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests;
