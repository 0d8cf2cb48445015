use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ::redis::RedisConnectionInfo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use zeroize::Zeroizing;

/// What every connection is made with.
pub(super) struct Settings {
    pub(super) login: Login,
    pub(super) tls: Option<Tls>,
    /// What is sent in the clear may leave this machine.
    pub(super) plaintext: bool,
    pub(super) connect_timeout: Duration,
    pub(super) response_timeout: Duration,
}

/// Who we say we are.
#[derive(Clone, Default)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<Zeroizing<String>>,
    pub(super) database: u32,
}

pub(super) struct Tls {
    pub(super) config: Arc<ClientConfig>,
    /// The one name that all certificates are for, where it is not the host's.
    pub(super) name: Option<ServerName<'static>>,
}

impl Login {
    pub(super) fn info(&self) -> RedisConnectionInfo {
        let mut info = RedisConnectionInfo::default()
            .set_db(self.database.into())
            // Its answer is of no use, and restricted users may not ask.
            .set_skip_set_lib_name();
        if let Some(user) = &self.user {
            info = info.set_username(user);
        }
        if let Some(password) = &self.password {
            info = info.set_password(password.as_str());
        }
        info
    }
}

/// Host and port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Host {
    pub(super) name: Arc<str>,
    pub(super) port: u16,
}

impl Host {
    pub(super) fn new(name: &str, port: u16) -> Self {
        Self { name: name.to_ascii_lowercase().into(), port }
    }

    /// `host:port`, as a cluster writes it; the host is the one that answered where there is none.
    pub(super) fn parse(text: &str, answered: &Self) -> Option<Self> {
        let (name, port) = text.rsplit_once(':')?;
        let port = port.parse().ok()?;
        Some(Self::or_same(name, port, answered))
    }

    pub(super) fn or_same(name: &str, port: u16, answered: &Self) -> Self {
        match name {
            "" | "?" => Self { name: answered.name.clone(), port },
            name => Self::new(name.trim_start_matches('[').trim_end_matches(']'), port),
        }
    }

    pub(super) fn is_loopback(&self) -> bool {
        &*self.name == "localhost"
            || self.name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, port } = self;
        if name.contains(':') { write!(f, "[{name}]:{port}") } else { write!(f, "{name}:{port}") }
    }
}
