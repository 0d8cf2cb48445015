//! One block of PEM (RFC 7468).

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// The label and the bytes of the one block that a text is.
pub(super) fn block(text: &str) -> Result<(&str, Zeroizing<Vec<u8>>), &'static str> {
    let text = text.trim();
    let (label, rest) = text
        .strip_prefix("-----BEGIN ")
        .and_then(|rest| rest.split_once("-----"))
        .ok_or("is not in PEM form")?;
    let (body, end) = rest.split_once("-----END ").ok_or("is cut off")?;
    if end.strip_suffix("-----") != Some(label) {
        return Err("is not one single PEM block");
    }
    let body = Zeroizing::new(body.split_ascii_whitespace().collect::<String>());
    let der = STANDARD.decode(body.as_bytes()).map_err(|_| "is not valid base64 inside")?;
    Ok((label, Zeroizing::new(der)))
}
