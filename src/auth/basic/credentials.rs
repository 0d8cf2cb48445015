//! What a client sent: `Basic`, and a user name and a password in base64.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::HeaderValue;
use zeroize::Zeroizing;

/// Bytes of a user name.
pub(super) const NAME_MAX: usize = 255;
/// Bytes of a password: more than any person or manager has, and little work to hash.
pub(super) const PASSWORD_MAX: usize = 1024;

/// A user name and a password, wiped from memory when dropped.
pub(super) struct Credentials {
    text: Zeroizing<String>,
    colon: usize,
}

/// Why a header holds no user name and password that anybody could have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unreadable {
    Length,
    Base64,
    Utf8,
    Colon,
    Control,
    Name,
    Password,
}

impl Unreadable {
    pub(super) fn found(self) -> &'static str {
        match self {
            Self::Length => "credentials that are too long",
            Self::Base64 => "credentials that are not base64, with padding and nothing else",
            Self::Utf8 => "credentials that are not UTF-8",
            Self::Colon => "credentials without a colon",
            Self::Control => "credentials with control characters",
            Self::Name => "a user name that is empty or longer than 255 bytes",
            Self::Password => "a password that is empty or longer than 1024 bytes",
        }
    }
}

impl Credentials {
    /// Reads credentials after RFC 7617, section 2, in UTF-8.
    pub(super) fn read(encoded: &[u8]) -> Result<Self, Unreadable> {
        if encoded.len() > (NAME_MAX + 1 + PASSWORD_MAX).div_ceil(3) * 4 {
            return Err(Unreadable::Length);
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(encoded.len()));
        BASE64_STANDARD.decode_vec(encoded, &mut bytes).map_err(|_| Unreadable::Base64)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| Unreadable::Utf8)?;
        let colon = text.find(':').ok_or(Unreadable::Colon)?;
        let credentials = Self { text: Zeroizing::new(text.to_owned()), colon };
        check(credentials.name(), credentials.password()).map(|()| credentials)
    }

    pub(super) fn name(&self) -> &str {
        self.text.split_at_checked(self.colon).unwrap_or_default().0
    }

    pub(super) fn password(&self) -> &str {
        self.text.get(self.colon + 1..).unwrap_or_default()
    }
}

/// Whether anybody can send this name and this password.
pub(super) fn check(name: &str, password: &str) -> Result<(), Unreadable> {
    check_name(name).and_then(|()| check_password(password))
}

pub(super) fn check_name(name: &str) -> Result<(), Unreadable> {
    match name {
        name if !(1..=NAME_MAX).contains(&name.len()) => Err(Unreadable::Name),
        name if name.contains(char::is_control) => Err(Unreadable::Control),
        _ => Ok(()),
    }
}

pub(super) fn check_password(password: &str) -> Result<(), Unreadable> {
    match password {
        password if !(1..=PASSWORD_MAX).contains(&password.len()) => Err(Unreadable::Password),
        password if password.contains(char::is_control) => Err(Unreadable::Control),
        _ => Ok(()),
    }
}

/// What follows the scheme name, which is case-insensitive (RFC 9110, section 11.1); empty where nothing does.
pub(super) fn basic(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, rest) = value.as_bytes().split_at_checked("Basic".len())?;
    if !scheme.eq_ignore_ascii_case(b"Basic") {
        return None;
    }
    match rest.first() {
        None => Some(rest),
        Some(b' ') => rest.get(rest.iter().take_while(|byte| **byte == b' ').count()..),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(encoded: &[u8]) -> Result<(String, String), Unreadable> {
        let read = Credentials::read(encoded)?;
        Ok((read.name().to_owned(), read.password().to_owned()))
    }

    fn sent(text: impl AsRef<[u8]>) -> Result<(String, String), Unreadable> {
        read(BASE64_STANDARD.encode(text).as_bytes())
    }

    #[test]
    fn the_examples_of_the_standard_are_read() {
        let both = |name: &str, password: &str| Ok((name.to_owned(), password.to_owned()));
        assert_eq!(read(b"QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), both("Aladdin", "open sesame"));
        assert_eq!(read(b"dGVzdDoxMjPCow=="), both("test", "123£"));
        assert_eq!(sent("a:b:c"), both("a", "b:c"));
    }

    #[test]
    fn what_nobody_can_have_is_not_read() {
        let long = |name: usize, password: usize| {
            sent(format!("{}:{}", "n".repeat(name), "p".repeat(password)))
        };
        assert!(long(255, 1024).is_ok());
        assert_eq!(long(256, 1), Err(Unreadable::Name));
        assert_eq!(long(1, 1025), Err(Unreadable::Password));
        assert_eq!(long(255, 1030), Err(Unreadable::Length));
        assert_eq!(sent(":p"), Err(Unreadable::Name));
        assert_eq!(sent("n:"), Err(Unreadable::Password));
        assert_eq!(sent("name"), Err(Unreadable::Colon));
        assert_eq!(sent(b"n:\xA3"), Err(Unreadable::Utf8));
        for control in ["\0", "\n", "\u{7f}", "\u{85}"] {
            assert_eq!(sent(format!("n:p{control}")), Err(Unreadable::Control));
            assert_eq!(sent(format!("n{control}:p")), Err(Unreadable::Control));
        }
    }

    #[test]
    fn there_is_one_spelling_of_base64() {
        let strays = [
            "bjpw ",
            " bjpw",
            "bjpw\t",
            "bjp",
            "bjpwcA",
            "bjpwcA=",
            "bjpwcA===",
            "bjpwcB==",
            "bjp_",
            "=",
        ];
        for stray in strays {
            assert_eq!(read(stray.as_bytes()), Err(Unreadable::Base64), "{stray:?}");
        }
        assert!(read(b"bjpwcA==").is_ok());
    }

    #[test]
    fn the_scheme_is_told_by_its_whole_name() {
        let of = |text: &'static str| basic(&HeaderValue::from_static(text)).map(<[u8]>::to_vec);
        assert_eq!(of("Basic eA=="), Some(b"eA==".to_vec()));
        assert_eq!(of("bASIC   eA=="), Some(b"eA==".to_vec()));
        assert_eq!(of("Basic"), Some(Vec::new()));
        assert_eq!(of("Basically eA=="), None);
        assert_eq!(of("Basi"), None);
        assert_eq!(of("Bearer eA=="), None);
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_what_was_sent(text in any::<String>()) {
            if let Ok((name, password)) = sent(&text) {
                prop_assert_eq!(format!("{}:{}", name, password), text);
                prop_assert!(!name.contains(':'));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = read(&bytes);
            let _ = sent(&bytes);
        }
    }
}
