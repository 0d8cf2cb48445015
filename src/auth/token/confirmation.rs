//! The claim `cnf`, read.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::context::Confirmation;

/// What a claim `cnf` asks for; `None` where it has a member that is not understood, has none at all,
/// or one is no thumbprint: nobody could confirm it.
pub(in crate::auth) fn confirmation(cnf: &Value) -> Option<Confirmation> {
    let members = cnf.as_object().filter(|members| !members.is_empty())?;
    members.iter().try_fold(Confirmation::default(), |asked, (name, value)| {
        let thumbprint = thumbprint(value)?;
        match name.as_str() {
            "jkt" => Some(asked.with_key(thumbprint)),
            "x5t#S256" => Some(asked.with_certificate(thumbprint)),
            _ => None,
        }
    })
}

fn thumbprint(value: &Value) -> Option<[u8; 32]> {
    URL_SAFE_NO_PAD.decode(value.as_str()?).ok()?.try_into().ok()
}
