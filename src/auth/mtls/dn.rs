//! Distinguished names as text (RFC 4514).

use std::fmt::Write;

use x509_parser::asn1_rs::{Oid, Tag};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The short names of RFC 4514, section 3.
const NAMES: [(&[u64], &str); 9] = [
    (&[2, 5, 4, 3], "CN"),
    (&[2, 5, 4, 7], "L"),
    (&[2, 5, 4, 8], "ST"),
    (&[2, 5, 4, 10], "O"),
    (&[2, 5, 4, 11], "OU"),
    (&[2, 5, 4, 6], "C"),
    (&[2, 5, 4, 9], "STREET"),
    (&[0, 9, 2342, 19_200_300, 100, 1, 25], "DC"),
    (&[0, 9, 2342, 19_200_300, 100, 1, 1], "UID"),
];

/// `CN=orders,O=Example`: the last part of the name first; empty for an empty name.
pub(super) fn text(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter_rdn().collect();
    let mut out = String::new();
    for part in parts.into_iter().rev() {
        if !out.is_empty() {
            out.push(',');
        }
        for (place, attribute) in part.iter().enumerate() {
            if place > 0 {
                out.push('+');
            }
            write_attribute(attribute, &mut out);
        }
    }
    out
}

fn write_attribute(attribute: &AttributeTypeAndValue<'_>, out: &mut String) {
    let known = short_name(attribute.attr_type());
    match (known, string(attribute)) {
        (Some(name), Some(value)) => {
            out.push_str(name);
            out.push('=');
            write_escaped(value, out);
        }
        (known, _) => {
            match known {
                Some(name) => out.push_str(name),
                None => out.push_str(&attribute.attr_type().to_id_string()),
            }
            out.push_str("=#");
            write_encoding(attribute, out);
        }
    }
}

fn short_name(oid: &Oid<'_>) -> Option<&'static str> {
    let is = |arcs: &[u64]| oid.iter().is_some_and(|found| found.eq(arcs.iter().copied()));
    NAMES.iter().find(|(arcs, _)| is(arcs)).map(|(_, name)| *name)
}

/// The value, where it is of a string type that is read one way only.
fn string<'a>(attribute: &AttributeTypeAndValue<'a>) -> Option<&'a str> {
    let value = attribute.attr_value();
    let text = std::str::from_utf8(value.data).ok()?;
    match value.tag() {
        Tag::Utf8String => Some(text),
        Tag::PrintableString | Tag::Ia5String | Tag::NumericString => {
            Some(text).filter(|text| text.is_ascii())
        }
        _ => None,
    }
}

/// RFC 4514, section 2.4. Control characters are escaped too: the text goes into records.
fn write_escaped(value: &str, out: &mut String) {
    let last = value.chars().count().saturating_sub(1);
    for (place, char) in value.chars().enumerate() {
        match char {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => {
                out.push('\\');
                out.push(char);
            }
            '#' | ' ' if place == 0 => {
                out.push('\\');
                out.push(char);
            }
            ' ' if place == last => out.push_str("\\ "),
            char if char.is_control() => {
                let mut bytes = [0; 4];
                for byte in char.encode_utf8(&mut bytes).bytes() {
                    let _ = write!(out, "\\{byte:02x}");
                }
            }
            char => out.push(char),
        }
    }
}

/// The BER of the value in hexadecimal (RFC 4514, section 2.4).
fn write_encoding(attribute: &AttributeTypeAndValue<'_>, out: &mut String) {
    let value = attribute.attr_value();
    let mut byte = |byte: u8| {
        let _ = write!(out, "{byte:02x}");
    };
    let constructed = if value.header.is_constructed() { 0x20 } else { 0 };
    byte(
        (value.class() as u8) << 6
            | constructed
            | u8::try_from(value.tag().0).unwrap_or(0x1f) & 0x1f,
    );
    let length = value.data.len();
    if length < 0x80 {
        byte(u8::try_from(length).unwrap_or_default());
    } else {
        let bytes = length.to_be_bytes();
        let significant = bytes.iter().skip_while(|byte| **byte == 0).count();
        byte(0x80 | u8::try_from(significant).unwrap_or_default());
        bytes.iter().skip(bytes.len() - significant).for_each(|part| byte(*part));
    }
    value.data.iter().for_each(|part| byte(*part));
}
