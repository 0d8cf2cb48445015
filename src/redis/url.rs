//! `redis://user:password@host:port/database`.

use zeroize::Zeroizing;

use super::settings::{Host, Login};

/// Where a server is, and what its URL says of the login.
pub(super) struct Address {
    pub(super) host: Host,
    pub(super) is_tls: bool,
    pub(super) login: Login,
}

const PORT: u16 = 6379;

impl Address {
    /// # Errors
    /// What is wrong with it, in words that follow its name.
    pub(super) fn parse(url: &str) -> Result<Self, &'static str> {
        let (is_tls, rest) = match url.split_once("://") {
            Some(("rediss", rest)) => (true, rest),
            Some(("redis", rest)) => (false, rest),
            _ => return Err("is not the URL of a Redis server"),
        };
        if rest.contains(['?', '#']) {
            return Err("has a query or a fragment, which would be ignored");
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user_info, host) = match authority.rsplit_once('@') {
            Some((user_info, host)) => (Some(user_info), host),
            None => (None, authority),
        };
        let mut login = Login { database: database(path)?, ..Login::default() };
        if let Some(user_info) = user_info {
            let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
            let user = decode(user)?;
            login.user = (!user.is_empty()).then(|| user.to_string());
            login.password = Some(decode(password)?).filter(|password| !password.is_empty());
        }
        Ok(Self { host: host_of(host)?, is_tls, login })
    }
}

/// The URL without what is secret in it.
pub(super) fn shown(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        (None, Some((_, host))) => format!("…@{host}"),
        _ => url.to_owned(),
    }
}

fn database(path: &str) -> Result<u32, &'static str> {
    match path {
        "" => Ok(0),
        path => path.parse().map_err(|_| "names a database that is not a number"),
    }
}

fn host_of(text: &str) -> Result<Host, &'static str> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (name, port) = rest.split_once(']').ok_or("has an address that does not end")?;
            name.parse::<std::net::Ipv6Addr>().map_err(|_| "has an address that is none")?;
            (name, port.strip_prefix(':').or_else(|| port.is_empty().then_some("")))
        }
        None => match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, Some("")),
        },
    };
    let is_letter = |c: char| c.is_ascii_alphanumeric() || "-._:".contains(c);
    if name.is_empty() || !name.chars().all(is_letter) {
        return Err("has no host that can be asked");
    }
    let port = match port {
        Some("") => PORT,
        Some(port) => {
            port.parse().ok().filter(|port| *port != 0).ok_or("has a port that is none")?
        }
        None => return Err("has a port that is none"),
    };
    Ok(Host::new(name, port))
}

/// Undoes percent-encoding (RFC 3986).
fn decode(text: &str) -> Result<Zeroizing<String>, &'static str> {
    const BAD: &str = "has user info that is not percent-encoded text";
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut digit = || rest.next().and_then(|byte| char::from(byte).to_digit(16));
        match byte {
            b'%' => {
                let (Some(high), Some(low)) = (digit(), digit()) else { return Err(BAD) };
                bytes.push((high * 16 + low) as u8);
            }
            byte => bytes.push(byte),
        }
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(BAD),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_host_login_and_database() {
        let address = Address::parse("rediss://app:s%3Acr%40t@redis.internal:6380/3").unwrap();
        assert_eq!(address.host, Host::new("redis.internal", 6380));
        assert_eq!(address.login.user.as_deref(), Some("app"));
        assert_eq!(address.login.password.as_deref().map(String::as_str), Some("s:cr@t"));
        assert!(address.is_tls);
        assert_eq!(address.login.database, 3);
        let short = Address::parse("redis://:only@[::1]").unwrap();
        assert_eq!(short.host, Host::new("::1", 6379));
        assert_eq!(short.host.to_string(), "[::1]:6379");
        assert_eq!((short.login.user, short.is_tls), (None, false));
        assert!(short.login.password.is_some());
    }

    #[test]
    fn a_url_that_is_none_is_refused() {
        for url in [
            "",
            "redis",
            "http://redis",
            "redis://",
            "redis://:6379",
            "redis://host:0",
            "redis://host:65536",
            "redis://host:port",
            "redis://[::1",
            "redis://[::1]6379",
            "redis://[nonsense]",
            "redis://host/first",
            "redis://host/1/2",
            "redis://host/-1",
            "redis://host?protocol=3",
            "redis://host#x",
            "redis://a b",
            "redis://%zz@host",
            "redis://%ff@host",
            "redis://a%4@host",
        ] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn credentials_are_left_out_of_what_is_shown() {
        assert_eq!(shown("redis://user:secret@host/x"), "redis://…@host/x");
        assert_eq!(shown("redis://user:s@cret@host"), "redis://…@host");
        assert_eq!(shown("user:secret@host"), "…@host");
        assert_eq!(shown("redis://host"), "redis://host");
    }
}
