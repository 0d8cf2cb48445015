//! A client's certificate, read once its owner has proved to hold its key.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde_json::{Map, Value};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::dn;
use super::flaw::Flaw;

/// What a certificate says of its owner.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Certified {
    pub(super) subject: String,
    pub(super) issuer: String,
    pub(super) dns: Vec<String>,
    pub(super) uris: Vec<String>,
    pub(super) emails: Vec<String>,
    pub(super) addresses: Vec<IpAddr>,
    /// Since the Unix epoch.
    pub(super) from: Duration,
    pub(super) until: Duration,
}

impl Certified {
    /// Reads the certificate of a client (RFC 5280): no authority's, and not made for anything else.
    pub(crate) fn read(der: &[u8]) -> Result<Self, Flaw> {
        let (rest, certificate) = X509Certificate::from_der(der)
            .map_err(|_| Flaw::Malformed("it is not a certificate in DER"))?;
        if !rest.is_empty() {
            return Err(Flaw::Malformed("something follows it"));
        }
        check_purpose(&certificate)?;
        let validity = certificate.validity();
        let mut certified = Self {
            subject: dn::text(certificate.subject()),
            issuer: dn::text(certificate.issuer()),
            from: since_epoch(validity.not_before.timestamp()),
            until: since_epoch(validity.not_after.timestamp()),
            ..Self::default()
        };
        let names = certificate
            .subject_alternative_name()
            .map_err(|_| Flaw::Malformed("its alternative names cannot be read"))?;
        for name in names.iter().flat_map(|names| &names.value.general_names) {
            certified.add(name)?;
        }
        Ok(certified)
    }

    fn add(&mut self, name: &GeneralName<'_>) -> Result<(), Flaw> {
        match name {
            GeneralName::DNSName(name) => self.dns.push(plain(name)?),
            GeneralName::URI(name) => self.uris.push(plain(name)?),
            GeneralName::RFC822Name(name) => self.emails.push(plain(name)?),
            GeneralName::IPAddress(bytes) => self.addresses.push(address(bytes)?),
            GeneralName::Invalid(..) => {
                return Err(Flaw::Malformed("one of its alternative names cannot be read"));
            }
            // Nobody is known by these here.
            _ => {}
        }
        Ok(())
    }

    /// The names as the claims of a principal.
    pub(super) fn claims(&self) -> Map<String, Value> {
        let texts = |list: &[String]| Value::from(list.to_vec());
        let addresses: Vec<_> = self.addresses.iter().map(IpAddr::to_string).collect();
        let all = [
            ("subject", Value::from(self.subject.as_str())),
            ("issuer", Value::from(self.issuer.as_str())),
            ("dns", texts(&self.dns)),
            ("uri", texts(&self.uris)),
            ("email", texts(&self.emails)),
            ("ip", texts(&addresses)),
        ];
        all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// What an authority signs with, and what was made for servers only, authenticates no client.
fn check_purpose(certificate: &X509Certificate<'_>) -> Result<(), Flaw> {
    let unreadable = |_| Flaw::Malformed("one of its extensions cannot be read");
    if certificate.basic_constraints().map_err(unreadable)?.is_some_and(|basic| basic.value.ca) {
        return Err(Flaw::Purpose("is an authority's"));
    }
    if let Some(usage) = certificate.key_usage().map_err(unreadable)? {
        if !usage.value.digital_signature() {
            return Err(Flaw::Purpose("has a key that is not for signatures"));
        }
        if usage.value.key_cert_sign() || usage.value.crl_sign() {
            return Err(Flaw::Purpose("has a key that signs certificates"));
        }
    }
    if let Some(usage) = certificate.extended_key_usage().map_err(unreadable)?
        && !(usage.value.client_auth || usage.value.any)
    {
        return Err(Flaw::Purpose("is not for clients (`clientAuth`)"));
    }
    Ok(())
}

/// IA5 without what nobody would see: two readers must not find two names.
fn plain(name: &str) -> Result<String, Flaw> {
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(name.to_owned())
    } else {
        Err(Flaw::Malformed("one of its alternative names is not plain ASCII"))
    }
}

fn address(bytes: &[u8]) -> Result<IpAddr, Flaw> {
    let v4 = || <[u8; 4]>::try_from(bytes).map(|octets| Ipv4Addr::from(octets).into());
    let v6 = || <[u8; 16]>::try_from(bytes).map(|octets| Ipv6Addr::from(octets).to_canonical());
    v4().or_else(|_| v6()).map_err(|_| Flaw::Malformed("one of its addresses is none"))
}

/// Before 1970 is 1970.
fn since_epoch(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    #[test]
    fn no_mutation_of_a_certificate_is_read_with_a_panic() {
        let names = ["orders.prod".to_owned(), "192.0.2.7".to_owned()];
        let good = CertificateParams::new(names).unwrap();
        let good = good.self_signed(&KeyPair::generate().unwrap()).unwrap();
        assert_eq!(Certified::read(good.der()).unwrap().dns, ["orders.prod"]);
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = move |bound: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            usize::try_from(seed % bound as u64).unwrap()
        };
        for _ in 0..10_000 {
            let mut der = good.der().to_vec();
            for _ in 0..=next(3) {
                let at = next(der.len().max(1));
                match next(4) {
                    0 => der[at] ^= 1 << next(8),
                    1 => der[at] = u8::try_from(next(256)).unwrap(),
                    2 if der.len() > 1 => drop(der.remove(at)),
                    _ => der.truncate(at.max(1)),
                }
            }
            let _ = Certified::read(&der);
        }
    }
}
