use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ::redis::{ErrorKind, RedisError as Told};

/// Why Redis could not be asked, or its answer not be used.
///
/// It names the server and never credentials, keys or values. Observers see it as the cause of a
/// rejection.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisError {
    /// Nobody answered there.
    #[error("`{server}` cannot be connected to ({cause}); check that it runs, and the way there")]
    Connect {
        /// Host and port.
        server: Arc<str>,
        /// What the operating system said.
        cause: Arc<str>,
    },
    /// What is sent in the clear goes to this machine only.
    #[error(
        "`{server}` is at `{address}`, which is not this machine; write `rediss://`, or allow it \
         with `dangerous().plaintext()`"
    )]
    Plaintext {
        /// Host and port.
        server: Arc<str>,
        /// Where it is.
        address: IpAddr,
    },
    /// It could not show that it is the server, or we not who we are.
    #[error("`{server}` failed the TLS handshake ({cause}); a private root is given with `ca_pem`")]
    Tls {
        /// Host and port.
        server: Arc<str>,
        /// What rustls said.
        cause: Arc<str>,
    },
    /// It refused the user, the password or the database.
    #[error("`{server}` refused the login ({code}); check user, password and database")]
    Login {
        /// Host and port.
        server: Arc<str>,
        /// The first word of its answer.
        code: Arc<str>,
    },
    /// It did not answer in time.
    #[error(
        "`{server}` did not answer within {limit:?}; see how it does, or give it more \
         `response_timeout`"
    )]
    Timeout {
        /// Host and port.
        server: Arc<str>,
        /// How long was waited.
        limit: Duration,
    },
    /// The connection broke, or what came is not its protocol.
    #[error("`{server}` broke off ({cause}); see its log")]
    Broken {
        /// Host and port.
        server: Arc<str>,
        /// What went wrong.
        cause: Arc<str>,
    },
    /// It answered that it cannot.
    #[error("`{server}` answered `{code}`{detail}")]
    Refused {
        /// Host and port.
        server: Arc<str>,
        /// The first word of its answer: `OOM`, `READONLY`, `LOADING`.
        code: Arc<str>,
        /// What it said beside it, where a script said it.
        detail: Arc<str>,
    },
    /// It answered what nobody asked for.
    #[error("`{server}` answered otherwise than the script does; see who else writes its keys")]
    Malformed {
        /// Host and port.
        server: Arc<str>,
    },
    /// Too many calls wait for it.
    #[error(
        "{limit} calls wait for an answer already; see why it is slow, or raise `max_in_flight`"
    )]
    Busy {
        /// How many may wait.
        limit: usize,
    },
    /// It did not answer, so that nobody asks it for now.
    #[error("`{server}` failed and is not asked for another {retry_after:?}")]
    Paused {
        /// Host and port.
        server: Arc<str>,
        /// When it is asked again.
        retry_after: Duration,
    },
    /// No node of the cluster says who has the key.
    #[error("no node of the cluster serves slot {slot}; see `CLUSTER INFO`")]
    Slot {
        /// The key's.
        slot: u16,
    },
    /// There is nothing to wait with.
    #[error("redis cannot be asked outside of a tokio runtime; run the service in one")]
    Runtime,
}

/// Answers about this one call, from a server that is well.
const OF_THE_CALL: [&str; 6] = ["ERR", "WRONGTYPE", "CROSSSLOT", "NOSCRIPT", "MOVED", "ASK"];

/// The most that is kept of what a script said.
const MOST_DETAIL: usize = 200;

impl RedisError {
    /// Whether the server, and not just this call, is in trouble.
    pub(crate) fn is_outage(&self) -> bool {
        match self {
            Self::Refused { code, .. } => !OF_THE_CALL.contains(&&**code),
            Self::Malformed { .. } | Self::Busy { .. } | Self::Runtime => false,
            _ => true,
        }
    }

    /// Whether the connection is of no more use: the server is another one by now, a replica say,
    /// or it may never answer what was sent.
    pub(super) fn ends_the_connection(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Broken { .. } => true,
            Self::Refused { code, .. } => ["READONLY", "MASTERDOWN", "NOAUTH"].contains(&&**code),
            _ => false,
        }
    }

    /// How long a caller should leave it alone.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Paused { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }

    pub(super) fn connect(server: &Arc<str>, cause: impl ToString) -> Self {
        Self::Connect { server: server.clone(), cause: cause.to_string().into() }
    }

    pub(super) fn malformed(server: &Arc<str>) -> Self {
        Self::Malformed { server: server.clone() }
    }

    /// Of a handshake. The server's words may repeat what was sent to it.
    pub(super) fn of_login(server: &Arc<str>, told: &Told) -> Self {
        let server = server.clone();
        match told.kind() {
            ErrorKind::Io | ErrorKind::Parse => {
                Self::Broken { server, cause: told.category().into() }
            }
            _ => {
                let code = told.code().unwrap_or("no reason given");
                Self::Login { server, code: code.into() }
            }
        }
    }

    /// Of a call.
    pub(super) fn of_call(server: &Arc<str>, told: &Told) -> Self {
        let server = server.clone();
        let Some(code) = told.code() else {
            return Self::Broken { server, cause: told.category().into() };
        };
        let detail = told.detail().filter(|_| code == "ERR").unwrap_or_default();
        // An unknown command is answered with what was sent.
        let detail = if detail.starts_with("unknown command") { "unknown command" } else { detail };
        let detail: String = detail.chars().filter(|c| !c.is_control()).take(MOST_DETAIL).collect();
        let colon = if detail.is_empty() { "" } else { ": " };
        Self::Refused { server, code: code.into(), detail: format!("{colon}{detail}").into() }
    }
}
