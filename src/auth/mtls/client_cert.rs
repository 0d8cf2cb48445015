//! Certificates as proxies hand them on: RFC 9440, Envoy's header, and PEM with percent escapes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sfv::{BareItem, Item, List, ListEntry, Parser};

use crate::context::PeerCertificate;

/// The most certificates in a chain.
const MAX_CHAIN: usize = 10;
/// The longest header that is looked at, in bytes.
const MAX_BYTES: usize = 64 * 1024;

/// Reads `Client-Cert`, a byte sequence, and the lines of `Client-Cert-Chain`, a list of them (RFC
/// 9440, section 2).
///
/// # Errors
/// What is wrong, in words for a record.
pub(crate) fn rfc9440<'a>(
    own: &[u8],
    chain: impl Iterator<Item = &'a [u8]>,
) -> Result<PeerCertificate, &'static str> {
    let item: Item = Parser::new(own).parse().map_err(|_| "`Client-Cert` is no byte sequence")?;
    let mut certificates = vec![bytes(item.bare_item).ok_or("`Client-Cert` is no byte sequence")?];
    for line in chain {
        let list: List = Parser::new(line).parse().map_err(|_| "`Client-Cert-Chain` is no list")?;
        for entry in list {
            let ListEntry::Item(item) = entry else {
                return Err("`Client-Cert-Chain` is no list of byte sequences");
            };
            let der = bytes(item.bare_item);
            certificates.push(der.ok_or("`Client-Cert-Chain` is no list of byte sequences")?);
        }
    }
    of(certificates)
}

fn bytes(item: BareItem) -> Option<Vec<u8>> {
    match item {
        BareItem::ByteSequence(bytes) => Some(bytes),
        _ => None,
    }
}

/// Reads PEM with percent escapes, one certificate or a chain: nginx' `$ssl_client_escaped_cert`, and
/// `X-Amzn-Mtls-Clientcert` of AWS.
///
/// # Errors
/// What is wrong, in words for a record.
pub(crate) fn escaped_pem(text: &[u8]) -> Result<PeerCertificate, &'static str> {
    if text.len() > MAX_BYTES {
        return Err("the certificate is longer than 64 KiB");
    }
    pem(&unescaped(text).ok_or("an escape is not two hexadecimal digits")?)
}

/// Reads Envoy's `X-Forwarded-Client-Cert` of one element: its `Chain`, else its `Cert`.
///
/// # Errors
/// What is wrong, in words for a record.
pub(crate) fn xfcc(text: &[u8]) -> Result<PeerCertificate, &'static str> {
    if text.len() > MAX_BYTES {
        return Err("the certificate is longer than 64 KiB");
    }
    let text = std::str::from_utf8(text).map_err(|_| "it is not text")?;
    let (mut chain, mut own) = (None, None);
    let mut rest = text;
    loop {
        let (name, after) = rest.split_once('=').ok_or("a pair has no `=`")?;
        let (value, after) = value(after)?;
        let place = match name.trim().to_ascii_lowercase().as_str() {
            "chain" => Some(&mut chain),
            "cert" => Some(&mut own),
            _ => None,
        };
        if place.is_some_and(|place| place.replace(value).is_some()) {
            return Err("it names two certificates");
        }
        rest = match after.split_at_checked(1) {
            None => break,
            Some((";", after)) => after,
            Some((",", _)) => {
                return Err("it has several elements; let Envoy write `SANITIZE_SET`");
            }
            Some(_) => return Err("something follows a quoted value"),
        };
    }
    let value = chain.or(own).ok_or("it has neither `Cert` nor `Chain`; let Envoy set them")?;
    escaped_pem(value.as_bytes())
}

/// One value, quoted or not, and what follows it.
fn value(text: &str) -> Result<(&str, &str), &'static str> {
    if let Some(inner) = text.strip_prefix('"') {
        let mut escaped = false;
        let end = inner.find(|char| {
            let ends = char == '"' && !escaped;
            escaped = char == '\\' && !escaped;
            ends
        });
        let end = end.ok_or("a quoted value has no end")?;
        let (value, after) = inner.split_at_checked(end).ok_or("it cannot be read")?;
        return Ok((value, after.strip_prefix('"').unwrap_or_default()));
    }
    let end = text.find([';', ',']).unwrap_or(text.len());
    text.split_at_checked(end).ok_or("it cannot be read")
}

fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'%' {
            out.push(*byte);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        let digits = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?;
        out.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    Some(out)
}

/// Certificates one after another, and nothing else.
fn pem(text: &[u8]) -> Result<PeerCertificate, &'static str> {
    let text = std::str::from_utf8(text).map_err(|_| "it is not PEM")?;
    let mut certificates = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let body = rest.strip_prefix("-----BEGIN CERTIFICATE-----").ok_or("it is not PEM")?;
        let (body, after) =
            body.split_once("-----END CERTIFICATE-----").ok_or("a certificate is cut off")?;
        let body: String = body.split_ascii_whitespace().collect();
        certificates.push(STANDARD.decode(body).map_err(|_| "a certificate is not base64 inside")?);
        rest = after.trim_start();
    }
    of(certificates)
}

fn of(certificates: Vec<Vec<u8>>) -> Result<PeerCertificate, &'static str> {
    if certificates.len() > MAX_CHAIN {
        return Err("the chain has more than 10 certificates");
    }
    if certificates.iter().any(Vec::is_empty) {
        return Err("a certificate is empty");
    }
    PeerCertificate::from_chain(certificates).ok_or("there is no certificate")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(own: &str, chain: &[&str]) -> Result<Vec<Vec<u8>>, &'static str> {
        let read = rfc9440(own.as_bytes(), chain.iter().map(|line| line.as_bytes()))?;
        Ok(read.chain().map(<[u8]>::to_vec).collect())
    }

    #[test]
    fn a_byte_sequence_and_a_list_of_them_are_a_chain() {
        assert_eq!(read(":AQID:", &[]), Ok(vec![vec![1, 2, 3]]));
        assert_eq!(read("  :AQID:  ", &[":BA==:, :BQ==:", ":Bg==:"]).unwrap().len(), 4);
        assert_eq!(read(":AQID:;a=1", &[]).unwrap().len(), 1);
    }

    #[test]
    fn whatever_else_stands_there_is_refused() {
        for own in
            ["", ":", "::", "AQID", "\"AQID\"", ":AQID", ":A!:", ":AQID:, :AQID:", "(:AQID:)", "?1"]
        {
            assert!(read(own, &[]).is_err(), "{own}");
        }
        for chain in ["AQID", "(:AQID:)", ":AQID:,", "::", "1"] {
            assert!(read(":AQID:", &[chain]).is_err(), "{chain}");
        }
        let long = [":AQID:"; 10].join(", ");
        assert!(read(":AQID:", &[&long]).is_err());
    }

    const PEM: &str = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";

    fn escape(text: &str) -> String {
        text.replace('%', "%25").replace(' ', "%20").replace('\n', "%0A").replace('+', "%2B")
    }

    #[test]
    fn escaped_pem_is_read_as_one_or_as_a_chain() {
        let one = escaped_pem(escape(PEM).as_bytes()).unwrap();
        assert_eq!(one.der(), [1, 2, 3]);
        let two = escaped_pem(escape(&PEM.repeat(2)).as_bytes()).unwrap();
        assert_eq!(two.chain().count(), 2);
        for bad in [
            "",
            "%",
            "%2",
            "%zz",
            "%+1",
            "AQID",
            &escape(PEM.get(..40).unwrap()),
            &format!("x{PEM}"),
        ] {
            assert!(escaped_pem(bad.as_bytes()).is_err(), "{bad}");
        }
        let key = escape(&PEM.replace("CERTIFICATE", "PRIVATE KEY"));
        assert!(escaped_pem(key.as_bytes()).is_err());
    }

    #[test]
    fn one_element_of_envoy_is_read() {
        let (cert, chain) = (escape(PEM), escape(&PEM.repeat(2)));
        let read = |text: &str| xfcc(text.as_bytes()).map(|read| read.chain().count());
        assert_eq!(read(&format!("Cert=\"{cert}\"")), Ok(1));
        let all = format!(
            r#"By=spiffe://a/b;Hash=ab;Subject="CN=\"x;y\",O=z";URI=spiffe://a/c;Cert="{cert}";Chain="{chain}""#
        );
        assert_eq!(read(&all), Ok(2));
        for bad in [
            String::new(),
            "Hash=ab".to_owned(),
            format!("Cert=\"{cert}"),
            format!("Cert=\"{cert}\"x"),
            format!("Cert=\"{cert}\";Cert=\"{cert}\""),
            format!("Cert=\"{cert}\",Cert=\"{cert}\""),
            format!("Hash=a,Cert=\"{cert}\""),
            format!(r#"Subject="a\";Cert="{cert}""#),
        ] {
            assert!(read(&bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = rfc9440(&bytes, std::iter::once(&*bytes));
            let _ = escaped_pem(&bytes);
            let _ = xfcc(&bytes);
        }
    }
}
