//! JWK sets (RFC 7517): what is understood is taken, what is not is named.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::algorithm::{Algorithm, AlgorithmSet};
use super::fault::quote;
use super::key::Key;
use super::pem;
use crate::json;

/// Members that only a private key has (RFC 7518, sections 6.2.2 and 6.3.2).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// A set as read: the usable keys, and why the others are not.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) keys: Vec<Key>,
    /// One line for each key left out, naming it by `kid` or position.
    pub(super) skipped: Vec<String>,
}

/// Reads the text of a set.
///
/// # Errors
///
/// What is wrong with it as a whole: it is no set, or it gives away a private key.
pub(super) fn parse(text: &str) -> Result<Parsed, &'static str> {
    read_set(text, usize::MAX)
}

/// A provider with more keys has lost count: each costs a look, and those that are skipped a line.
#[cfg(feature = "jwks")]
const MOST_FETCHED: usize = 500;

/// As [`parse`], for a set that somebody else wrote: it is not read any further if it has too many.
///
/// # Errors
///
/// As for [`parse`], and when there are more than 500 keys.
#[cfg(feature = "jwks")]
pub(super) fn parse_fetched(text: &str) -> Result<Parsed, &'static str> {
    read_set(text, MOST_FETCHED)
}

fn read_set(text: &str, most: usize) -> Result<Parsed, &'static str> {
    let set = json::object(text.as_bytes())
        .map_err(|_| "is not JSON, or a name occurs twice in one of its objects")?;
    let Some(Value::Array(items)) = set.get("keys") else {
        return Err(if set.contains_key("kty") {
            "is a single key, not a set"
        } else {
            "has no array `keys`"
        });
    };
    if items.len() > most {
        return Err("has more than 500 keys");
    }
    let mut parsed = Parsed::default();
    for (index, item) in items.iter().enumerate() {
        match item.as_object().ok_or("is not an object".into()).and_then(|jwk| read(jwk, None)) {
            Ok(key) => {
                if let Some(id) = key.id()
                    && parsed.keys.iter().any(|other| other.id() == Some(id))
                {
                    let note = "shares its `kid` with another key, both are tried";
                    parsed.skipped.push(format!("{} {note}", name(item, index)));
                }
                parsed.keys.push(key);
            }
            Err(Unusable::Private) => return Err("contains a private key"),
            Err(Unusable::Skip(why)) => parsed.skipped.push(format!("{} {why}", name(item, index))),
        }
    }
    Ok(parsed)
}

pub(super) enum Unusable {
    /// A signing key has no place where tokens are only verified; whoever wrote it there must know.
    Private,
    Skip(&'static str),
}

impl From<&'static str> for Unusable {
    fn from(why: &'static str) -> Self {
        Self::Skip(why)
    }
}

/// Reads one key, for one algorithm where only that is of use.
pub(super) fn read(jwk: &Map<String, Value>, only: Option<Algorithm>) -> Result<Key, Unusable> {
    let kty = text(jwk, "kty")?.ok_or("has no `kty`")?;
    if kty == "oct" {
        return Err(
            "is a shared secret, which is only taken from `dangerous().shared_secret`".into()
        );
    }
    if PRIVATE.iter().any(|member| jwk.contains_key(*member)) {
        return Err(Unusable::Private);
    }
    if text(jwk, "use")?.is_some_and(|purpose| purpose != "sig") {
        return Err("has a `use` other than `sig`".into());
    }
    operations(jwk)?;
    let id = text(jwk, "kid")?;
    let fits = |natural: AlgorithmSet| match text(jwk, "alg")? {
        // Each algorithm of a key is parsed by itself.
        None if only.is_some_and(|only| natural.contains(only)) => Ok(only.into_iter().collect()),
        // Absent in many sets: the key's type says what it can verify.
        None => Ok(natural),
        Some(alg) => match Algorithm::from_name(alg) {
            Some(algorithm) if natural.contains(algorithm) => {
                Ok(AlgorithmSet::from_iter([algorithm]))
            }
            Some(_) => Err("has an `alg` that its type does not fit"),
            None => Err("has an `alg` that is not supported"),
        },
    };
    match (kty, text(jwk, "crv")?) {
        ("RSA", _) => {
            let algorithms = fits(AlgorithmSet::RSA)?;
            Ok(pem::rsa(id, algorithms, &bytes(jwk, "n")?, &bytes(jwk, "e")?)?)
        }
        ("EC", Some("P-256")) => {
            Ok(Key::on_curve(id, fits(AlgorithmSet::ES256)?, &point(jwk, 32)?)?)
        }
        ("EC", Some("P-384")) => {
            Ok(Key::on_curve(id, fits(AlgorithmSet::ES384)?, &point(jwk, 48)?)?)
        }
        ("EC", Some("P-521")) => {
            Ok(Key::on_curve(id, fits(AlgorithmSet::ES512)?, &point(jwk, 66)?)?)
        }
        ("OKP", Some("Ed25519")) => {
            let key = coordinate(jwk, "x", 32)?;
            Ok(Key::on_curve(id, fits(AlgorithmSet::EDDSA)?, &key)?)
        }
        ("EC" | "OKP", _) => Err("is on a curve that is not supported".into()),
        _ => Err("has a `kty` that is not supported".into()),
    }
}

/// What the key is for, in more words than `use`, with which it must agree (RFC 7517, section 4.3).
fn operations(jwk: &Map<String, Value>) -> Result<(), &'static str> {
    let Some(operations) = jwk.get("key_ops") else { return Ok(()) };
    let operations = operations.as_array().and_then(|list| {
        let words: Option<Vec<_>> = list.iter().map(Value::as_str).collect();
        words
    });
    let Some(mut operations) = operations else { return Err("has `key_ops` that are no strings") };
    if !operations.contains(&"verify") {
        return Err("has `key_ops` without `verify`");
    }
    let of_signatures = operations.iter().all(|word| matches!(*word, "sign" | "verify"));
    if jwk.contains_key("use") && !of_signatures {
        return Err("has `key_ops` that its `use` contradicts");
    }
    operations.sort_unstable();
    match operations.windows(2).any(|pair| matches!(pair, [one, other] if one == other)) {
        true => Err("has `key_ops` that name one operation twice"),
        false => Ok(()),
    }
}

fn point(jwk: &Map<String, Value>, length: usize) -> Result<Vec<u8>, &'static str> {
    let mut point = vec![4];
    point.extend(coordinate(jwk, "x", length)?);
    point.extend(coordinate(jwk, "y", length)?);
    Ok(point)
}

fn coordinate(
    jwk: &Map<String, Value>,
    member: &str,
    length: usize,
) -> Result<Vec<u8>, &'static str> {
    let bytes = bytes(jwk, member)?;
    if bytes.len() == length { Ok(bytes) } else { Err("has a coordinate of the wrong length") }
}

fn bytes(jwk: &Map<String, Value>, member: &str) -> Result<Vec<u8>, &'static str> {
    let text = text(jwk, member)?.ok_or("lacks a member that its type needs")?;
    URL_SAFE_NO_PAD.decode(text).map_err(|_| "has a member that is not base64url")
}

fn text<'a>(jwk: &'a Map<String, Value>, member: &str) -> Result<Option<&'a str>, &'static str> {
    match jwk.get(member) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err("has a member that should be a string and is not"),
    }
}

fn name(item: &Value, index: usize) -> String {
    match item.get("kid").and_then(Value::as_str) {
        Some(id) => format!("key {}", quote(id)),
        None => format!("key number {}", index + 1),
    }
}
