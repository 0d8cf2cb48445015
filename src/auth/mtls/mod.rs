//! Client certificates.
mod bound;
mod builder;
mod certificate;
mod client_cert;
mod dn;
mod flaw;
mod guard;
mod identity;
mod scheme;
mod spiffe;

pub use bound::CertificateBound;
pub use builder::MtlsBuilder;
pub use guard::ClientCert;
pub use identity::By;
pub use scheme::Mtls;

/// The name of the scheme in records and principals.
const SCHEME: &str = "mtls";
