//! What may be a key, and how it is written.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use super::super::hash::KeyHash;

// What each piece begins with, so that no two lists of pieces are the same words.
const NUMBER: u64 = 1;
const WIDE: u64 = 2;
const TEXT: u64 = 3;
const BYTES: u64 = 4;
const FEW: u64 = 5;
const ABSENT: u64 = 6;
const PRESENT: u64 = 7;
const V4: u64 = 8;
const V6: u64 = 9;
const END: u64 = 10;

/// A value that a request can be counted by; see [`Key::of`](super::Key::of).
///
/// Integers, `bool`, `char`, strings, addresses, arrays of bytes (a UUID's, say), slices, options
/// and tuples are such values. A type of your own writes its pieces, always in the same way: what it
/// writes names the bucket, here and in every process that shares the store. The value itself is
/// kept nowhere.
///
/// # Example
/// ```
/// use tower_parapet::throttle::{KeyPart, KeyWriter};
///
/// struct Basket { shop: u32, number: u64 }
///
/// impl KeyPart for Basket {
///     fn write(&self, to: &mut KeyWriter<'_>) {
///         to.number(self.shop.into());
///         to.number(self.number);
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a limit",
    note = "give an integer, a string, an address, an array of bytes or a tuple of those, or implement `KeyPart`"
)]
pub trait KeyPart {
    /// Writes what tells this value from others.
    fn write(&self, to: &mut KeyWriter<'_>);
}

/// Takes the pieces of a value of your own; see [`KeyPart`].
///
/// Each piece is marked with its kind and its length, so that no two lists of pieces are the same.
pub struct KeyWriter<'a>(&'a mut dyn KeyHash);

impl<'a> KeyWriter<'a> {
    pub(super) fn new(hash: &'a mut dyn KeyHash) -> Self {
        Self(hash)
    }

    /// A number.
    pub fn number(&mut self, number: u64) {
        self.0.word(NUMBER);
        self.0.word(number);
    }

    /// A text, of any length.
    pub fn text(&mut self, text: &str) {
        self.0.word(TEXT);
        self.0.text(text.as_bytes());
    }

    /// Bytes, as many as there are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.0.word(BYTES);
        self.0.text(bytes);
    }

    /// The value is all there.
    pub(super) fn end(self) {
        self.0.word(END);
    }

    fn wide(&mut self, number: u128) {
        self.0.word(WIDE);
        self.0.word((number >> 64) as u64);
        self.0.word(number as u64);
    }

    fn marked(&mut self, mark: u64, number: u64) {
        self.0.word(mark);
        self.0.word(number);
    }
}

impl std::fmt::Debug for KeyWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyWriter")
    }
}

macro_rules! numbers {
    ($($type:ty)*) => {$(
        impl KeyPart for $type {
            fn write(&self, to: &mut KeyWriter<'_>) {
                to.number(*self as u64);
            }
        }
    )*};
}

numbers! { u8 u16 u32 u64 usize i8 i16 i32 i64 isize char bool }

impl KeyPart for u128 {
    fn write(&self, to: &mut KeyWriter<'_>) {
        to.wide(*self);
    }
}

impl KeyPart for i128 {
    fn write(&self, to: &mut KeyWriter<'_>) {
        to.wide(self.cast_unsigned());
    }
}

impl KeyPart for str {
    fn write(&self, to: &mut KeyWriter<'_>) {
        to.text(self);
    }
}

impl KeyPart for String {
    fn write(&self, to: &mut KeyWriter<'_>) {
        to.text(self);
    }
}

impl KeyPart for Ipv4Addr {
    fn write(&self, to: &mut KeyWriter<'_>) {
        to.marked(V4, self.to_bits().into());
    }
}

/// An address that is one of IPv4, mapped, is that address.
impl KeyPart for Ipv6Addr {
    fn write(&self, to: &mut KeyWriter<'_>) {
        match self.to_ipv4_mapped() {
            Some(v4) => v4.write(to),
            None => {
                to.marked(V6, (self.to_bits() >> 64) as u64);
                to.0.word(self.to_bits() as u64);
            }
        }
    }
}

impl KeyPart for IpAddr {
    fn write(&self, to: &mut KeyWriter<'_>) {
        match self {
            Self::V4(ip) => ip.write(to),
            Self::V6(ip) => ip.write(to),
        }
    }
}

impl<T: KeyPart> KeyPart for [T] {
    fn write(&self, to: &mut KeyWriter<'_>) {
        to.marked(FEW, self.len() as u64);
        self.iter().for_each(|part| part.write(to));
    }
}

impl<T: KeyPart, const N: usize> KeyPart for [T; N] {
    fn write(&self, to: &mut KeyWriter<'_>) {
        self.as_slice().write(to);
    }
}

impl<T: KeyPart> KeyPart for Vec<T> {
    fn write(&self, to: &mut KeyWriter<'_>) {
        self.as_slice().write(to);
    }
}

impl<T: KeyPart> KeyPart for Option<T> {
    fn write(&self, to: &mut KeyWriter<'_>) {
        match self {
            None => to.0.word(ABSENT),
            Some(part) => {
                to.0.word(PRESENT);
                part.write(to);
            }
        }
    }
}

macro_rules! pointers {
    ($($type:ty)*) => {$(
        impl<T: KeyPart + ?Sized> KeyPart for $type {
            fn write(&self, to: &mut KeyWriter<'_>) {
                (**self).write(to);
            }
        }
    )*};
}

pointers! { &T Box<T> Arc<T> }

impl<T: KeyPart + ToOwned + ?Sized> KeyPart for Cow<'_, T> {
    fn write(&self, to: &mut KeyWriter<'_>) {
        (**self).write(to);
    }
}

macro_rules! tuples {
    ($(($($name:ident)+))*) => {$(
        impl<$($name: KeyPart),+> KeyPart for ($($name,)+) {
            fn write(&self, to: &mut KeyWriter<'_>) {
                #[allow(non_snake_case, reason = "each value by the name of its type")]
                let ($($name,)+) = self;
                $($name.write(to);)+
            }
        }
    )*};
}

tuples! { (A) (A B) (A B C) (A B C D) }
