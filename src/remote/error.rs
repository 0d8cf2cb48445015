//! What can go wrong on the way to another server.

use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use http::StatusCode;

use super::proxy::ByProxy;
use super::resolve::Unresolved;

type BoxError = Box<dyn Error + Send + Sync>;

/// Why another server could not be asked, or its answer not be used.
///
/// It names the host and never a path, a query or a secret. Observers see it as the cause of a
/// rejection, logs as what became of a fetch.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoteError {
    /// The name has no address.
    #[error("`{host}` cannot be resolved ({cause}); check the name, and DNS on this machine")]
    Resolve {
        /// The host that was asked for.
        host: Box<str>,
        /// What the resolver said.
        #[source]
        cause: BoxError,
    },
    /// Its address is one that is not connected to.
    #[error(
        "`{host}` is at `{address}`, which is {kind}; name a host that is reachable, or let DNS \
         answer with its real address"
    )]
    Address {
        /// The host that was asked for.
        host: Box<str>,
        /// Where it is.
        address: IpAddr,
        /// What kind of address that is.
        kind: &'static str,
    },
    /// Nobody answered there.
    #[error("`{host}` cannot be connected to ({cause}); check that it runs, and the way there")]
    Connect {
        /// The host that was asked for.
        host: Box<str>,
        /// What the operating system said.
        #[source]
        cause: BoxError,
    },
    /// The proxy did not let us through.
    #[error(
        "`{host}` cannot be reached through a proxy ({cause}); check `HTTPS_PROXY` and \
         `NO_PROXY`, or the setter `proxy`"
    )]
    Proxy {
        /// The host that was asked for.
        host: Box<str>,
        /// Which proxy, and what it said.
        #[source]
        cause: BoxError,
    },
    /// It could not show that it is the host, or we not who we are.
    #[error("`{host}` failed the TLS handshake ({cause}); a private root is given with `ca_pem`")]
    Tls {
        /// The host that was asked for.
        host: Box<str>,
        /// What rustls said.
        #[source]
        cause: BoxError,
    },
    /// The connection broke, or what came is not HTTP.
    #[error("`{host}` broke off ({cause}); see its log")]
    Exchange {
        /// The host that was asked for.
        host: Box<str>,
        /// What went wrong.
        #[source]
        cause: BoxError,
    },
    /// The answer was not whole in time.
    #[error("`{host}` did not answer within {limit:?}; see how it does, or give it more `timeout`")]
    Timeout {
        /// The host that was asked for.
        host: Box<str>,
        /// How long was waited.
        limit: Duration,
    },
    /// The answer is too long.
    #[error("`{host}` answered with more than {limit} bytes; raise `max_body` if that is right")]
    TooLarge {
        /// The host that was asked for.
        host: Box<str>,
        /// The most bytes that are read.
        limit: usize,
    },
    /// It sent us elsewhere.
    #[error("`{host}` redirects ({status}); write the URL that finally answers")]
    Redirect {
        /// The host that was asked for.
        host: Box<str>,
        /// How it redirects.
        status: StatusCode,
    },
    /// It answered that it cannot.
    #[error("`{host}` answered {status}; check the URL, and its log")]
    Status {
        /// The host that was asked for.
        host: Box<str>,
        /// What it answered.
        status: StatusCode,
    },
    /// There is nothing to wait with.
    #[error("`{host}` cannot be asked outside of a tokio runtime; run the service in one")]
    Runtime {
        /// The host that was asked for.
        host: Box<str>,
    },
}

/// An address out of reach.
#[derive(Debug, thiserror::Error)]
#[error("`{address}` is {kind}")]
pub(super) struct Refused {
    pub(super) address: IpAddr,
    pub(super) kind: &'static str,
}

impl RemoteError {
    /// Tells from the chain of causes at which stage a request failed.
    pub(super) fn of(host: &str, error: hyper_util::client::legacy::Error) -> Self {
        let host = host.into();
        if let Some(Refused { address, kind }) = find::<Refused>(&error) {
            return Self::Address { host, address: *address, kind };
        }
        if let Some(cause) = find::<ByProxy>(&error) {
            return Self::Proxy { host, cause: told(cause) };
        }
        if let Some(cause) = find::<Unresolved>(&error) {
            return Self::Resolve { host, cause: told(cause) };
        }
        if let Some(cause) = find::<rustls::Error>(&error) {
            return Self::Tls { host, cause: told(cause) };
        }
        let cause = told(chain(&error).last().unwrap_or(&error));
        if error.is_connect() {
            Self::Connect { host, cause }
        } else {
            Self::Exchange { host, cause }
        }
    }
}

/// The words of an error that cannot be taken out of the one around it.
fn told(error: &dyn Error) -> BoxError {
    error.to_string().into()
}

/// What is below an error. One that an `io::Error` wraps is not its source, but hidden in it.
fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let hidden = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    hidden.map(|hidden| hidden as &(dyn Error + 'static)).or_else(|| error.source())
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| below(*error))
}

fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    chain(error).find_map(|error| error.downcast_ref())
}
