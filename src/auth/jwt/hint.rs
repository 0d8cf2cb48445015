//! Which setting of the provider is behind a refusal, for the record.

use super::fault::{Fault, Kind};
use super::token;

/// What a fault looks like from the provider's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symptom {
    /// Not three parts, encrypted, or no JSON in front.
    Opaque,
    /// The header `typ`.
    Type,
    /// Signed with a shared secret.
    Symmetric,
    Signature,
    Issuer,
    Audience,
    Client,
    /// Another kind of token.
    Kind(Kind),
    NoSubject,
    SenderConstrained,
}

/// What to say about a symptom, where what was found begins with these words; none are any.
#[derive(Debug)]
pub(super) struct Hint {
    pub(super) symptom: Symptom,
    pub(super) found: &'static str,
    pub(super) text: &'static str,
}

/// What holds for every provider.
const COMMON: &[Hint] = &[
    Hint {
        symptom: Symptom::Kind(Kind::Id),
        found: "",
        text: "the client sends its ID token; it has to send the access token",
    },
    Hint {
        symptom: Symptom::Kind(Kind::Refresh),
        found: "",
        text: "the client sends its refresh token; it has to send the access token",
    },
    Hint {
        symptom: Symptom::Kind(Kind::Logout),
        found: "",
        text: "logout tokens belong to the client's own back channel",
    },
    Hint {
        symptom: Symptom::Type,
        found: "`logout+jwt`",
        text: "logout tokens belong to the client's own back channel",
    },
];

impl Hint {
    /// The first that fits, a provider's own before those of all.
    pub(super) fn of(fault: &Fault, own: &'static [Hint]) -> Option<&'static str> {
        let symptom = fault.symptom()?;
        let found = fault.found();
        let fits = |hint: &&Hint| hint.symptom == symptom && found.starts_with(hint.found);
        own.iter().chain(COMMON).find(fits).map(|hint| hint.text)
    }
}

const OPAQUE: [&str; 4] =
    [token::ENCRYPTED, token::NOT_THREE, token::HEADER_NOT_TEXT, token::HEADER_NOT_JSON];

impl Fault {
    fn symptom(&self) -> Option<Symptom> {
        Some(match self {
            Self::Malformed(why) if OPAQUE.contains(why) => Symptom::Opaque,
            Self::Type { .. } => Symptom::Type,
            Self::Algorithm { found, .. } if found.starts_with("`HS") => Symptom::Symmetric,
            Self::Signature => Symptom::Signature,
            Self::Client { .. } => Symptom::Client,
            Self::Claim { name, .. } => match name.as_str() {
                "iss" => Symptom::Issuer,
                "aud" => Symptom::Audience,
                "sub" => Symptom::NoSubject,
                _ => return None,
            },
            Self::NotAccess(kind, _) | Self::Unmarked { kind, .. } => Symptom::Kind(*kind),
            Self::SenderConstrained => Symptom::SenderConstrained,
            _ => return None,
        })
    }
}
