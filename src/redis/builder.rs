use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use zeroize::Zeroizing;

use crate::error::{ConfigError, Mistakes};
use crate::trust::Trust;

use super::client::{Parts, Redis};
use super::settings::{Login, Settings, Tls};
use super::url::{Address, shown};

const MOST_TIME: Duration = Duration::from_secs(60);
const MOST_IN_FLIGHT: usize = 1 << 16;
const LONGEST_PREFIX: usize = 64;

/// Builds a [`Redis`]; see [`Redis::builder`] and [`Redis::cluster`].
#[must_use = "a builder does nothing until it is built"]
#[derive(Clone)]
pub struct RedisBuilder {
    urls: Vec<Zeroizing<String>>,
    is_cluster: bool,
    user: Option<String>,
    password: Option<Zeroizing<String>>,
    database: Option<u32>,
    trust: Trust,
    server_name: Option<String>,
    connect_timeout: Duration,
    response_timeout: Duration,
    max_in_flight: usize,
    prefix: String,
    plaintext: bool,
}

impl RedisBuilder {
    pub(super) fn new(urls: Vec<Zeroizing<String>>, is_cluster: bool) -> Self {
        Self {
            urls,
            is_cluster,
            user: None,
            password: None,
            database: None,
            trust: Trust::default(),
            server_name: None,
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_millis(250),
            max_in_flight: 1024,
            prefix: "parapet".to_owned(),
            plaintext: false,
        }
    }

    /// The user of its access control lists. Default: the one in the URL, else `default`.
    pub fn user(mut self, name: impl Into<String>) -> Self {
        self.user = Some(name.into());
        self
    }

    /// The password. Default: the one in the URL, else none.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(Zeroizing::new(password.into()));
        self
    }

    /// The number of the database; a cluster has but 0. Default: the one in the URL, else 0.
    pub fn database(mut self, number: u32) -> Self {
        self.database = Some(number);
        self
    }

    /// Roots of trust beside the built-in ones: one or more `CERTIFICATE` blocks in PEM. Several
    /// calls add up.
    pub fn ca_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.trust.add_root(pem.as_ref());
        self
    }

    /// Trusts the roots given with [`ca_pem`](Self::ca_pem) and no others: the safest choice where
    /// the servers have certificates of one private authority.
    pub fn only_given_roots(mut self) -> Self {
        self.trust.is_exclusive = true;
        self
    }

    /// The client certificate, with its intermediates, and its private key, both in PEM.
    /// Default: none.
    pub fn identity_pem(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.trust.identify(chain.as_ref(), key.as_ref());
        self
    }

    /// The name that the certificates of all servers are for, where it is not the one they are
    /// reached by: a cluster's nodes are known by their addresses. Default: the host's.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// How long a connection may take, from the resolving of the name to the login. At most 1 min.
    /// Default 1 s.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long a call may take on a connection that is there. At most 1 min. Default 250 ms.
    pub fn response_timeout(mut self, limit: Duration) -> Self {
        self.response_timeout = limit;
        self
    }

    /// How many calls may wait for an answer at once; more are refused as if the server were
    /// lost, so that a slow one cannot make a queue without end. At most 65 536. Default 1024.
    pub fn max_in_flight(mut self, calls: usize) -> Self {
        self.max_in_flight = calls;
        self
    }

    /// What the names of all its keys begin with: letters, digits, `-`, `_`, `.` and `:`, at most
    /// 64. Services that share limits share it. Default `parapet`.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// What weakens security; the self-audit reports it.
    pub fn dangerous(self) -> DangerousRedis {
        DangerousRedis(self)
    }

    /// The client. It connects when it is first asked, so that a service starts without its Redis.
    ///
    /// # Errors
    /// Every mistake at once: a URL that is none, or of a server beyond this machine without TLS;
    /// nodes of a cluster that differ in TLS or login; a limit out of its range; a certificate or
    /// key that cannot be read.
    pub fn build(self) -> Result<Redis, ConfigError> {
        let mut mistakes = Mistakes::default();
        let addresses = self.addresses(&mut mistakes);
        let is_tls = addresses.first().is_some_and(|address| address.is_tls);
        self.check_bounds(&mut mistakes);
        let login = self.login(&addresses, &mut mistakes);
        let tls = self.tls(is_tls, &mut mistakes);
        let is_exposed = !is_tls && addresses.iter().any(|address| !address.host.is_loopback());
        let redis = Redis::new(Parts {
            settings: Arc::new(Settings {
                login,
                tls,
                plaintext: self.plaintext,
                connect_timeout: self.connect_timeout,
                response_timeout: self.response_timeout,
            }),
            hosts: addresses.into_iter().map(|address| address.host).collect(),
            is_cluster: self.is_cluster,
            is_exposed,
            max_in_flight: self.max_in_flight,
            prefix: self.prefix,
        });
        mistakes.finish_with(redis)
    }

    fn setter(&self) -> &'static str {
        if self.is_cluster { "cluster" } else { "builder" }
    }

    fn addresses(&self, mistakes: &mut Mistakes) -> Vec<Address> {
        let mut addresses: Vec<Address> = Vec::new();
        if self.urls.is_empty() {
            let remedy = "name some of its nodes, the others are found";
            mistakes.push("cluster", "", "has no nodes", remedy);
        }
        for url in &self.urls {
            match Address::parse(url) {
                Ok(address) => addresses.push(address),
                Err(problem) => {
                    let remedy = "write `rediss://host:6379`, or `redis://` for this machine";
                    mistakes.push(self.setter(), shown(url), problem, remedy);
                }
            }
        }
        for address in &addresses {
            if !address.is_tls && !self.plaintext && !address.host.is_loopback() {
                let problem = "is asked in the clear, where counts and passwords can be read and \
                               changed";
                let remedy = "write `rediss://`, or allow it with `dangerous().plaintext()`";
                mistakes.push(self.setter(), address.host.to_string(), problem, remedy);
            }
        }
        let is_mixed = addresses.iter().any(|a| addresses.iter().any(|b| a.is_tls != b.is_tls));
        if is_mixed {
            let remedy = "write `rediss://` for all of them";
            mistakes.push("cluster", "", "has nodes with TLS and nodes without", remedy);
        }
        addresses
    }

    fn check_bounds(&self, mistakes: &mut Mistakes) {
        for (setter, limit) in
            [("connect_timeout", self.connect_timeout), ("response_timeout", self.response_timeout)]
        {
            mistakes.refuse_zero(setter, limit);
            if limit > MOST_TIME {
                let value = format!("{limit:?}");
                mistakes.push(setter, value, "is more than 1 min", "let callers know sooner");
            }
        }
        if !(1..=MOST_IN_FLIGHT).contains(&self.max_in_flight) {
            let remedy = format!("write 1 to {MOST_IN_FLIGHT}");
            let value = self.max_in_flight.to_string();
            mistakes.push("max_in_flight", value, "is out of range", remedy);
        }
        // A brace would be a hash tag, and put all keys into one slot.
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        let is_sound = (1..=LONGEST_PREFIX).contains(&self.prefix.len());
        if !is_sound || !self.prefix.chars().all(is_plain) {
            let remedy = "write 1 to 64 letters, digits, `-`, `_`, `.` or `:`";
            mistakes.push("prefix", &self.prefix, "cannot begin the name of a key", remedy);
        }
    }

    fn login(&self, addresses: &[Address], mistakes: &mut Mistakes) -> Login {
        let given = addresses.first().map(|address| address.login.clone()).unwrap_or_default();
        let differs = |login: &Login| {
            login.user != given.user
                || login.password.as_deref() != given.password.as_deref()
                || login.database != given.database
        };
        if addresses.iter().any(|address| differs(&address.login)) {
            let remedy =
                "leave user info and database out of the URLs, and write `user`, `password`";
            mistakes.push("cluster", "", "has nodes with different logins", remedy);
        }
        let login = Login {
            user: self.user.clone().or(given.user),
            password: self.password.clone().or(given.password),
            database: self.database.unwrap_or(given.database),
        };
        if login.password.as_ref().is_some_and(|password| password.is_empty()) {
            let remedy = "write the password, or leave it out";
            mistakes.push("password", "", "is empty", remedy);
        }
        if login.user.is_some() && login.password.is_none() {
            let remedy = "write `password`, or leave the user out";
            mistakes.push("user", "", "has no password", remedy);
        }
        if self.is_cluster && login.database != 0 {
            let value = login.database.to_string();
            mistakes.push("database", value, "is not one of a cluster", "leave it out");
        }
        login
    }

    fn tls(&self, is_tls: bool, mistakes: &mut Mistakes) -> Option<Tls> {
        let trust = &self.trust;
        let is_given = trust.is_given() || self.server_name.is_some();
        if !is_tls {
            if is_given {
                let remedy = "write `rediss://`, or leave the certificates out";
                mistakes.push(self.setter(), "", "has certificates and no TLS", remedy);
            }
            return None;
        }
        let name = self.server_name.as_ref().and_then(|name| {
            let parsed = ServerName::try_from(name.clone());
            if parsed.is_err() {
                let remedy = "write a host name or an address";
                mistakes.push("server_name", name, "is not a name of a server", remedy);
            }
            parsed.ok()
        });
        let (config, _) = trust.configs(mistakes)?;
        Some(Tls { config, name })
    }
}

impl fmt::Debug for RedisBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let urls: Vec<_> = self.urls.iter().map(|url| shown(url)).collect();
        f.debug_struct("RedisBuilder")
            .field("urls", &urls)
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .field("max_in_flight", &self.max_in_flight)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// What weakens a [`Redis`]; see [`RedisBuilder::dangerous`].
#[must_use = "a builder does nothing until it is built"]
#[derive(Clone, Debug)]
pub struct DangerousRedis(RedisBuilder);

impl DangerousRedis {
    /// Lets a server beyond this machine be asked in the clear: whoever is on the way reads the
    /// password and can lift every limit. For networks that encrypt by themselves, a mesh or
    /// WireGuard say.
    pub fn plaintext(mut self) -> RedisBuilder {
        self.0.plaintext = true;
        self.0
    }
}
