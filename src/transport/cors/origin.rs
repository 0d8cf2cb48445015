//! Origins (RFC 6454): what a browser sends in `Origin`, and which of them are meant.

use std::{fmt, sync::Arc};

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
    /// Reads `https://app.example.com`, `http://localhost:3000` or `https://*.example.com`.
    pub(in crate::transport) fn parse(text: &str) -> Result<Self, &'static str> {
        let lower = text.trim().to_ascii_lowercase();
        let (scheme, authority) = lower.split_once("://").ok_or("has no scheme")?;
        let is_scheme = scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        if !is_scheme {
            return Err("has no scheme that can be read");
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
            return match is_host(host) {
                true => Ok(Self::Exact(format!("{scheme}://{host}{port}").into())),
                false => Err("has no host that can be read"),
            };
        };
        if !is_host(rest) || rest.starts_with('[') {
            return Err("has a `*` that is not the first label of a name");
        }
        if !rest.contains('.') {
            return Err("stands for every name below a top-level domain");
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
            Self::Chosen(choose) => choose(origin),
        }
    }
}

impl Origins {
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
    let port = port.trim_start_matches(':');
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let number = port.parse().ok().filter(|_| is_number && !port.starts_with('0'));
    number.map(|port| (host, Some(port))).ok_or("has no port that can be read")
}

fn is_host(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.len() <= 253 && host.split('.').all(is_label),
    }
}

fn is_label(label: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&label.len()) && label.bytes().all(is_plain)
}

impl fmt::Display for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Some(origins) = self else { return f.write_str("any origin") };
        for (index, origin) in origins.iter().enumerate() {
            f.write_str(if index == 0 { "" } else { ", " })?;
            match origin {
                Origin::Exact(origin) => f.write_str(origin)?,
                Origin::Label { before, after } => write!(f, "{before}*{after}")?,
                Origin::Null => f.write_str("null")?,
                Origin::Chosen(_) => f.write_str("those a closure chooses")?,
            }
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn origins(text: &str) -> Origins {
        Origins::Some(vec![Origin::parse(text).unwrap()])
    }

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for (text, meant) in [
            ("https://app.example.com", "https://app.example.com"),
            (" HTTPS://App.Example.com:443 ", "https://app.example.com"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://localhost:80", "http://localhost"),
            ("https://[::1]:8443", "https://[::1]:8443"),
            ("capacitor://localhost", "capacitor://localhost"),
            ("https://*.example.com", "https://*.example.com"),
            ("https://*.example.com:8443", "https://*.example.com:8443"),
        ] {
            assert_eq!(origins(text).to_string(), meant);
        }
        for text in [
            "",
            "*",
            "null",
            "app.example.com",
            "https://",
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://user@app.example.com",
            "https://app..example.com",
            "https://app.example.com:",
            "https://app.example.com:0x50",
            "https://app.example.com:65536",
            "https://app.example.com:080",
            "https://*",
            "https://*.com",
            "https://*example.com",
            "https://app.*.example.com",
            "https://*.*.example.com",
            "https://[::g]",
            "://app.example.com",
        ] {
            assert!(Origin::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_star_stands_for_one_label_and_for_nothing_else() {
        let shops = origins("https://*.example.com");
        for origin in ["https://a.example.com", "https://eu-1.example.com"] {
            assert!(shops.cover(origin), "{origin}");
        }
        for origin in [
            "https://example.com",
            "https://.example.com",
            "https://a.b.example.com",
            "https://evilexample.com",
            "https://a.example.com.evil.net",
            "https://a.example.com:8443",
            "http://a.example.com",
            "https://evil.net/.example.com",
            "https://evil.net#.example.com",
            "https://user@a.example.com",
            "null",
        ] {
            assert!(!shops.cover(origin), "{origin}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_covers_itself_and_no_text_panics(text in "\\PC{0,40}", host in "[a-z]{1,5}(\\.[a-z]{1,5}){0,3}") {
            let _ = Origin::parse(&text);
            let origin = format!("https://{host}");
            prop_assert!(origins(&origin).cover(&origin));
            let longer = format!("{origin}x");
            prop_assert!(!origins(&origin).cover(&longer));
        }
    }
}
