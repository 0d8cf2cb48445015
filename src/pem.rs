//! One block of PEM (RFC 7468).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The one block that a text is, as far as it begins like one.
pub(crate) struct Block<'a> {
    label: &'a str,
    rest: &'a str,
}

impl<'a> Block<'a> {
    pub(crate) fn begun(text: &'a str) -> Result<Self, &'static str> {
        let begun = text.trim().strip_prefix("-----BEGIN ");
        let begun = begun.and_then(|rest| rest.split_once("-----"));
        begun.map(|(label, rest)| Self { label, rest }).ok_or("is not in PEM form")
    }

    /// What it says that it holds: `PUBLIC KEY`.
    pub(crate) fn label(&self) -> &'a str {
        self.label
    }

    /// What it holds.
    pub(crate) fn der(&self) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        let (body, end) = self.rest.split_once("-----END ").ok_or("is cut off")?;
        if end.strip_suffix("-----") != Some(self.label) {
            return Err("is not one single PEM block");
        }
        // Whole from the start, so that no piece of a key is left behind by growing.
        let mut joined = Zeroizing::new(String::with_capacity(body.len()));
        joined.extend(body.split_ascii_whitespace());
        let der = STANDARD.decode(joined.as_bytes()).map_err(|_| "is not valid base64 inside")?;
        Ok(Zeroizing::new(der))
    }
}

/// Label and content of the one block that a text is.
#[cfg(any(feature = "signatures", feature = "introspection", feature = "client-credentials"))]
pub(crate) fn block(text: &str) -> Result<(&str, Zeroizing<Vec<u8>>), &'static str> {
    let block = Block::begun(text)?;
    Ok((block.label(), block.der()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_one_block_or_says_what_is_wrong() {
        let read = |text| Block::begun(text).and_then(|block| Ok((block.label(), block.der()?)));
        let good = "\n-----BEGIN KEY-----\nAQ\r\nID\n-----END KEY-----\r\n";
        let (label, der) = read(good).unwrap();
        assert_eq!((label, der.as_slice()), ("KEY", &[1, 2, 3][..]));
        for (bad, why) in [
            ("", "not in PEM form"),
            ("AQID", "not in PEM form"),
            ("-----BEGIN KEY", "not in PEM form"),
            ("x -----BEGIN KEY-----\nAQID\n-----END KEY-----", "not in PEM form"),
            ("-----BEGIN KEY-----\nAQID", "cut off"),
            ("-----BEGIN KEY-----\nAQID\n-----END OTHER-----", "one single"),
            ("-----BEGIN KEY-----\nAQID\n-----END KEY-----\nx", "one single"),
            ("-----BEGIN KEY-----\nA\n-----END KEY-----", "base64"),
        ] {
            let told = read(bad).unwrap_err();
            assert!(told.contains(why), "{bad}: {told}");
        }
    }
}
