//! What the self-audit has to say about the settings of a verifier.

use std::time::Duration;

use super::builder::JwtBuilder;
use super::source::Source;
use crate::inspect::{Rule, rule};

/// A choice that weakens, by the rule that has something to say about it.
pub(super) type Concession = (&'static Rule, &'static str);

/// Clocks of servers differ by less.
const WIDE_SKEW: Duration = Duration::from_secs(120);

/// Bits by the estimate below, which runs low for short secrets: 32 random bytes have 160 by it,
/// 32 random hexadecimal digits 112, and a sentence of 40 letters 95.
const LEAST_ENTROPY: u32 = 110;

/// What an attacker has to guess at most: how often each byte occurs (Shannon), and two bits for a
/// letter within a word, which is what English has.
fn entropy(secret: &[u8]) -> u32 {
    let length = secret.len() as f64;
    let count = |byte: u8| secret.iter().filter(|other| **other == byte).count() as f64;
    let before = [0].iter().chain(secret);
    let bits: f64 = secret
        .iter()
        .zip(before)
        .map(|(byte, before)| {
            let surprise = (length / count(*byte)).log2();
            let within = byte.is_ascii_lowercase() && before.is_ascii_alphabetic();
            if within { surprise.min(2.0) } else { surprise }
        })
        .sum();
    bits as u32
}

impl JwtBuilder {
    pub(super) fn concessions(&self) -> Vec<Concession> {
        let secrets = self.sources.iter().filter_map(|source| match source {
            Source::Secret(_, secret) => Some(entropy(secret)),
            _ => None,
        });
        let weakest = secrets.min();
        let chosen = [
            (
                weakest.is_some(),
                &rule::SHARED_SECRET,
                "a shared secret verifies tokens, so this service could also make them",
            ),
            (
                weakest.is_some_and(|bits| bits < LEAST_ENTROPY),
                &rule::WEAK_SECRET,
                "the shared secret looks like words, and can be guessed from one token",
            ),
            (
                self.client_id_as_audience,
                &rule::NO_AUDIENCE,
                "a token without `aud` is taken when `client_id` names this service",
            ),
            (
                self.audiences.is_empty(),
                &rule::CLIENT_AUDIENCE,
                "tokens without `aud` are taken of the clients that are named",
            ),
            (
                self.ignore_confirmation,
                &rule::PROOF_IGNORED,
                "a token bound to a key is taken from whoever brings it",
            ),
            (
                self.clock_skew > WIDE_SKEW,
                &rule::WIDE_SKEW,
                "tokens count for more than two minutes past their end",
            ),
        ];
        chosen.into_iter().filter(|(is_chosen, ..)| *is_chosen).map(|(_, r, e)| (r, e)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_secrets_are_strong_and_words_are_weak() {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"random enough");
        let hex: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let strong = [digest.as_ref(), hex.as_bytes()];
        for secret in strong {
            assert!(entropy(secret) >= LEAST_ENTROPY, "{}", entropy(secret));
        }
        let weak = [
            "correct horse battery staple and so on",
            "my-very-secret-signing-key-for-production",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        ];
        for secret in weak {
            let bits = entropy(secret.as_bytes());
            assert!(bits < LEAST_ENTROPY, "{secret}: {bits}");
        }
    }
}
