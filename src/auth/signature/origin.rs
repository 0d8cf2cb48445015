//! The scheme and the host that clients use, which a service behind a proxy may not see.

/// A scheme and an authority, both in their one normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    scheme: &'static str,
    authority: String,
}

impl Origin {
    /// Reads `https://api.example`; nothing may follow the authority.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = match scheme {
            "https" => "https",
            "http" => "http",
            _ => return None,
        };
        Some(Self { scheme, authority: authority(rest, scheme)? })
    }

    pub(super) fn scheme(&self) -> &str {
        self.scheme
    }

    pub(super) fn authority(&self) -> &str {
        &self.authority
    }
}

/// An authority in its normal form: lower case, without the port that the scheme has anyway.
pub(super) fn authority(text: &str, scheme: &str) -> Option<String> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_ip6 = host.starts_with('[') && host.ends_with(']');
    let is_host = !host.is_empty()
        && host.bytes().all(|byte| match byte {
            b':' | b'[' | b']' => is_ip6,
            _ => byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte),
        });
    let port = port.filter(|port| !port.is_empty());
    let is_port =
        port.is_none_or(|port| port.parse::<u16>().is_ok_and(|number| number.to_string() == port));
    if !is_host || !is_port {
        return None;
    }
    let default = match scheme {
        "https" | "wss" => "443",
        "http" | "ws" => "80",
        _ => "",
    };
    let host = host.to_ascii_lowercase();
    Some(match port.filter(|port| *port != default) {
        Some(port) => format!("{host}:{port}"),
        None => host,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_has_one_normal_form() {
        for (text, scheme, normal) in [
            ("API.Example", "https", "api.example"),
            ("api.example:443", "https", "api.example"),
            ("api.example:443", "http", "api.example:443"),
            ("api.example:80", "http", "api.example"),
            ("api.example:", "https", "api.example"),
            ("api.example:8443", "https", "api.example:8443"),
            ("[2001:DB8::1]:443", "https", "[2001:db8::1]"),
            ("[::1]", "http", "[::1]"),
        ] {
            assert_eq!(authority(text, scheme).unwrap(), normal);
        }
    }

    #[test]
    fn what_is_no_authority_has_none() {
        for text in [
            "", ":80", "a@b", "a/b", "a b", "a:b", "a:99999", "a:080", "::1", "[::1", "a\tb",
            "a:+1",
        ] {
            assert_eq!(authority(text, "https"), None, "{text}");
        }
        for text in
            ["api.example", "ftp://api.example", "https://api.example/", "https://", "HTTPS://a"]
        {
            assert_eq!(Origin::parse(text), None, "{text}");
        }
    }
}
