//! One parameter of a query (RFC 9421, section 2.2.8).

use super::fault::{SignatureFault, quote};

/// The value of the one parameter of that name, decoded as a form and encoded anew. The name is
/// encoded the same way.
pub(super) fn parameter(query: &str, name: &str) -> Result<String, SignatureFault> {
    let mut found = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if anew(key) != name {
            continue;
        }
        if found.replace(value).is_some() {
            let found = format!("the query parameter {}, which stands there twice", quote(name));
            return Err(SignatureFault::new(found));
        }
    }
    found.map(anew).ok_or_else(|| {
        SignatureFault::new(format!("the query parameter {}, which is not there", quote(name)))
    })
}

/// Decodes as `application/x-www-form-urlencoded` and encodes what is not a letter, a digit or one
/// of `*-._`.
pub(super) fn anew(text: &str) -> String {
    let decoded = decode(text.as_bytes());
    let mut out = String::with_capacity(text.len());
    for byte in String::from_utf8_lossy(&decoded).bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                out.push(char::from(byte));
            }
            _ => {
                let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or('0');
                out.push('%');
                out.push(digit(byte >> 4).to_ascii_uppercase());
                out.push(digit(byte & 15).to_ascii_uppercase());
            }
        }
    }
    out
}

fn decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, tail @ ..] = rest {
        rest = tail;
        match (*byte, tail) {
            (b'+', _) => out.push(b' '),
            (b'%', [high, low, after @ ..]) => match (nibble(*high), nibble(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                }
                _ => out.push(b'%'),
            },
            (other, _) => out.push(other),
        }
    }
    out
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_decoded_as_a_form_and_encoded_anew() {
        let query = "param=value&foo=bar&baz=batman&qux=";
        for (name, value) in [("baz", "batman"), ("qux", ""), ("param", "value")] {
            assert_eq!(parameter(query, name).unwrap(), value);
        }
        let query = "var=this%20is%20a%20big%0Amultiline%20value&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something";
        assert_eq!(parameter(query, "var").unwrap(), "this%20is%20a%20big%0Amultiline%20value");
        assert_eq!(parameter(query, "bar").unwrap(), "with%20plus%20whitespace");
        assert_eq!(parameter(query, "fa%C3%A7ade%22%3A%20").unwrap(), "something");
    }

    #[test]
    fn a_parameter_that_is_absent_or_stands_twice_has_no_value() {
        for query in ["", "a=1", "b=1&b=2", "b=1&%62=2", "b&b"] {
            assert!(parameter(query, "b").is_err(), "{query}");
        }
        assert_eq!(parameter("b", "b").unwrap(), "");
        assert_eq!(parameter("b=%zz%4", "b").unwrap(), "%25zz%254");
    }
}
