//! Where keys come from, read once when the scheme is built.

use std::path::PathBuf;

use zeroize::Zeroizing;

use super::algorithm::{Algorithm, AlgorithmSet};
use super::jwk;
use super::key::Key;
use super::pem;
use crate::error::Mistakes;

pub(super) enum Source {
    Jwks(String),
    JwksFile(PathBuf),
    Pem(String),
    Secret(Algorithm, Zeroizing<Vec<u8>>),
}

impl Source {
    /// Adds the keys that are usable, and says what is wrong with the others.
    pub(super) fn read(
        &self,
        allowed: AlgorithmSet,
        keys: &mut Vec<Key>,
        skipped: &mut Vec<String>,
        mistakes: &mut Mistakes,
    ) {
        let (setter, value) = match self {
            Self::Jwks(_) => ("jwks", String::new()),
            Self::JwksFile(path) => ("jwks_file", path.display().to_string()),
            Self::Pem(_) => ("public_key_pem", String::new()),
            Self::Secret(..) => ("dangerous.shared_secret", String::new()),
        };
        let read = match self {
            Self::Jwks(text) => set(text),
            Self::JwksFile(path) => match std::fs::read_to_string(path) {
                Ok(text) => set(&text),
                Err(error) => Err((format!("cannot be read ({error})"), "give a readable file")),
            },
            Self::Pem(text) => pem::public_key(text)
                .map(|key| jwk::Parsed { keys: vec![key], skipped: Vec::new() })
                .map_err(|why| (why.to_owned(), "give one `PUBLIC KEY` block in PEM")),
            Self::Secret(algorithm, secret) => shared(*algorithm, secret),
        };
        let parsed = match read {
            Ok(parsed) => parsed,
            Err((problem, remedy)) => return mistakes.push(setter, value, problem, remedy),
        };
        skipped.extend(parsed.skipped);
        let before = keys.len();
        for key in parsed.keys {
            let name = key.id().map_or_else(|| "a key".to_owned(), |id| format!("key `{id}`"));
            match key.restrict(allowed) {
                Some(key) => keys.push(key),
                None => skipped.push(format!("{name} is for algorithms that are not allowed")),
            }
        }
        if keys.len() == before {
            let remedy = "allow the algorithm of the key, or give another key";
            mistakes.push(setter, value, "has no key for an allowed algorithm", remedy);
        }
    }
}

type Read = Result<jwk::Parsed, (String, &'static str)>;

fn set(text: &str) -> Read {
    let remedy = "give a JWK set, `{\"keys\":[…]}`, of public keys only";
    let parsed = jwk::parse(text).map_err(|why| (why.to_owned(), remedy))?;
    if parsed.keys.is_empty() {
        let why = match parsed.skipped.as_slice() {
            [] => String::new(),
            skipped => format!(": {}", skipped.join(", ")),
        };
        let remedy = "give at least one RSA, P-256, P-384, P-521 or Ed25519 key for signatures";
        return Err((format!("has no usable key{why}"), remedy));
    }
    Ok(parsed)
}

fn shared(algorithm: Algorithm, secret: &[u8]) -> Read {
    let (Some(least), Some(key)) = (algorithm.least_secret(), Key::shared(algorithm, secret))
    else {
        let remedy = "name HS256, HS384 or HS512, or give a public key";
        return Err((format!("has {}, which takes no secret", algorithm.name()), remedy));
    };
    if secret.len() < least {
        let problem = format!("is shorter than the {least} bytes that {} needs", algorithm.name());
        return Err((problem, "generate it from random bytes"));
    }
    // A public key taken for a secret is how tokens are forged (RFC 8725, section 2.1).
    if secret.trim_ascii_start().starts_with(b"-----BEGIN") {
        return Err(("is a key in PEM, not a secret".to_owned(), "use `public_key_pem`"));
    }
    Ok(jwk::Parsed { keys: vec![key], skipped: Vec::new() })
}
