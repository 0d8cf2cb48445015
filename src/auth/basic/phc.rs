//! A password's hash as it is kept: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::{Engine, prelude::BASE64_STANDARD_NO_PAD};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Memory in KiB that the hash of a password may ask for: 64 MiB, the second choice of RFC 9106.
const MEMORY_MAX: u32 = 64 << 10;
const PASSES_MAX: u32 = 10;
const LANES_MAX: u32 = 16;
const SALT_LEN: usize = 16;
const HASH_LEN: usize = 32;
/// Longer than any text within these bounds.
const TEXT_MAX: usize = 256;

/// The least work that the OWASP Password Storage Cheat Sheet recommends: memory in KiB, and passes over it.
const RECOMMENDED: [(u32, u32); 5] =
    [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

/// How much work a hash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Work {
    memory: u32,
    passes: u32,
    lanes: u32,
}

impl Work {
    /// 19 MiB, two passes, one lane: what OWASP names first.
    pub(super) const DEFAULT: Self = Self { memory: 19_456, passes: 2, lanes: 1 };

    /// Whether it is less than recommended.
    pub(super) fn is_weak(self) -> bool {
        !RECOMMENDED.iter().any(|(memory, passes)| self.memory >= *memory && self.passes >= *passes)
    }

    /// Few passes over little memory, for tests that are not about the hash.
    #[cfg(test)]
    pub(super) const LITTLE: Self = Self { memory: 8, passes: 1, lanes: 1 };
}

/// A hash within bounds: to compute it takes at most 64 MiB and ten passes over them, whoever wrote it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Phc {
    work: Work,
    salt: Box<[u8]>,
    hash: Box<[u8]>,
}

impl Phc {
    /// Hashes a password under a new salt.
    pub(super) fn of(password: &str, work: Work) -> Result<Self, String> {
        let mut salt = [0; SALT_LEN];
        getrandom::fill(&mut salt).map_err(|error| error.to_string())?;
        let mut hash = vec![0; HASH_LEN];
        compute(password, &salt, work, &mut hash)?;
        Ok(Self { work, salt: Box::new(salt), hash: hash.into_boxed_slice() })
    }

    /// A hash that no password has, to be compared with where there is no user.
    pub(super) fn dummy(work: Work) -> Self {
        Self { work, salt: Box::new([0; SALT_LEN]), hash: Box::new([0; HASH_LEN]) }
    }

    /// By what it is told from the hash of another password, or of the same one under another salt.
    pub(super) fn identity(&self) -> &[u8] {
        &self.hash
    }

    pub(super) fn work(&self) -> Work {
        self.work
    }

    /// Whether it is the hash of a password. It takes tens of milliseconds, and the memory that it names.
    pub(super) fn verify(&self, password: &str) -> Result<bool, String> {
        let mut hash = Zeroizing::new(vec![0; self.hash.len()]);
        compute(password, &self.salt, self.work, &mut hash)?;
        Ok(hash.ct_eq(&self.hash).into())
    }

    /// Reads the text form of Argon2id, version 19, and refuses what asks for more than its bounds.
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text.len() > TEXT_MAX {
            return Err("is longer than any hash of a password");
        }
        let parts: Vec<_> = text.split('$').collect();
        let ["", algorithm, version, settings, salt, hash] = *parts.as_slice() else {
            return Err("is not a hash in the form `$argon2id$v=19$m=…,t=…,p=…$salt$hash`");
        };
        if algorithm != "argon2id" {
            return Err("is not of Argon2id");
        }
        if version != "v=19" {
            return Err("is not of version 19 of Argon2");
        }
        let settings: Vec<_> = settings.split(',').collect();
        let [memory, passes, lanes] = *settings.as_slice() else {
            return Err("does not name m, t and p, in this order and nothing else");
        };
        let work = Work {
            memory: number(memory, "m=", MEMORY_MAX)
                .ok_or("asks for no or more than 64 MiB (m)")?,
            passes: number(passes, "t=", PASSES_MAX)
                .ok_or("asks for no or more than 10 passes (t)")?,
            lanes: number(lanes, "p=", LANES_MAX).ok_or("asks for no or more than 16 lanes (p)")?,
        };
        if work.memory < 8 * work.lanes {
            return Err("has less than 8 KiB for each lane");
        }
        let salt = bytes(salt, 8..=48).ok_or("has no salt of 8 to 48 bytes in base64")?;
        let hash = bytes(hash, 16..=64).ok_or("has no hash of 16 to 64 bytes in base64")?;
        Ok(Self { work, salt, hash })
    }
}

fn number(text: &str, name: &str, most: u32) -> Option<u32> {
    let digits = text.strip_prefix(name)?;
    let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|number| is_plain && (1..=most).contains(number))
}

fn bytes(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<Box<[u8]>> {
    let bytes = BASE64_STANDARD_NO_PAD.decode(text).ok()?;
    lengths.contains(&bytes.len()).then(|| bytes.into_boxed_slice())
}

fn compute(password: &str, salt: &[u8], work: Work, into: &mut [u8]) -> Result<(), String> {
    let Work { memory, passes, lanes } = work;
    Params::new(memory, passes, lanes, Some(into.len()))
        .and_then(|params| {
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            argon2.hash_password_into(password.as_bytes(), salt, into)
        })
        .map_err(|error| error.to_string())
}

impl fmt::Display for Phc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Work { memory, passes, lanes } = self.work;
        let encode = |bytes: &[u8]| BASE64_STANDARD_NO_PAD.encode(bytes);
        let (salt, hash) = (encode(&self.salt), encode(&self.hash));
        write!(f, "$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}")
    }
}

impl fmt::Debug for Phc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phc").field("work", &self.work).finish_non_exhaustive()
    }
}
