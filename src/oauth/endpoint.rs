//! Where an authorization server is asked: by its address, or by what its metadata says.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;

use crate::error::Mistakes;
use crate::flights::Flights;
use crate::remote::{Discovery, Metadata, MetadataError, Remote, RemoteUrl};

/// How long metadata counts.
const FRESH: Duration = Duration::from_secs(3600);

/// Which endpoint of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Introspection,
    Token,
}

/// One endpoint of one server.
#[derive(Debug, Clone)]
pub(crate) enum Endpoint {
    Fixed(RemoteUrl),
    Discovered(Arc<Discovered>),
}

/// An endpoint that the metadata of the issuer names.
#[derive(Debug)]
pub(crate) struct Discovered {
    discovery: Discovery,
    kind: Kind,
    /// Whether the server's endpoint for mutual TLS is wanted (RFC 8705, section 5).
    mutual_tls: bool,
    found: ArcSwapOption<Found>,
    flights: Flights<(), Result<RemoteUrl, Arc<MetadataError>>>,
}

#[derive(Debug)]
struct Found {
    url: RemoteUrl,
    until: Duration,
}

impl Endpoint {
    /// The endpoint, from memory where it can.
    pub(crate) async fn url(
        &self,
        remote: &Remote,
        now: Duration,
    ) -> Result<RemoteUrl, Arc<MetadataError>> {
        match self {
            Self::Fixed(url) => Ok(url.clone()),
            Self::Discovered(discovered) => discovered.url(remote, now).await,
        }
    }

    /// An endpoint of this issuer that its metadata has to name.
    pub(crate) fn discover(
        issuer: &str,
        kind: Kind,
        mutual_tls: bool,
        setter: &'static str,
        mistakes: &mut Mistakes,
    ) -> Option<Self> {
        let discovery = Discovery::given(setter, issuer, mistakes)?;
        Some(Self::Discovered(Arc::new(Discovered {
            discovery,
            kind,
            mutual_tls,
            found: ArcSwapOption::empty(),
            flights: Flights::default(),
        })))
    }

    /// An endpoint by its own address.
    pub(crate) fn fixed(text: &str, setter: &'static str, mistakes: &mut Mistakes) -> Option<Self> {
        RemoteUrl::given(setter, text, mistakes).map(Self::Fixed)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(url) => url.fmt(f),
            Self::Discovered(discovered) => f.write_str(discovered.discovery.issuer()),
        }
    }
}

impl Discovered {
    async fn url(
        self: &Arc<Self>,
        remote: &Remote,
        now: Duration,
    ) -> Result<RemoteUrl, Arc<MetadataError>> {
        let known = self.found.load_full();
        if let Some(found) = known.as_ref().filter(|found| now < found.until) {
            return Ok(found.url.clone());
        }
        let flight = self.flights.join((), || {
            let (own, remote) = (self.clone(), remote.clone());
            async move {
                let url = own.fetch(&remote).await.map_err(Arc::new)?;
                let until = now.saturating_add(FRESH);
                own.found.store(Some(Arc::new(Found { url: url.clone(), until })));
                Ok(url)
            }
        });
        // What was known an hour ago is better than nothing.
        flight.await.or_else(|error| known.map(|found| found.url.clone()).ok_or(error))
    }

    async fn fetch(&self, remote: &Remote) -> Result<RemoteUrl, MetadataError> {
        let name = self.kind.name();
        let read = |metadata: &Metadata<'_>| match self.mutual_tls {
            true => metadata.mutual_tls_address(name),
            false => metadata.address(name),
        };
        self.discovery.find(remote, read).await
    }
}

impl Kind {
    /// The member of the metadata (RFC 8414, section 2).
    fn name(self) -> &'static str {
        match self {
            Self::Introspection => "introspection_endpoint",
            Self::Token => "token_endpoint",
        }
    }
}
