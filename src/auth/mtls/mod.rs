//! Client certificates.
mod bound;
mod builder;
pub(crate) mod certificate;
pub(crate) mod client_cert;
mod dn;
mod flaw;
mod guard;
mod identity;
mod scheme;
mod spiffe;
#[cfg(test)]
mod tests;

pub use bound::CertificateBound;
pub use builder::MtlsBuilder;
pub use guard::ClientCert;
pub use identity::By;
pub use scheme::Mtls;

/// The name of the scheme in records and principals.
const SCHEME: &str = "mtls";
