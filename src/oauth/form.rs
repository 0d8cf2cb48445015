//! Names and secrets as forms write them.

/// Appends text in the coding of `application/x-www-form-urlencoded` (WHATWG URL, section 5.2).
pub(crate) fn encode(text: &str, into: &mut String) {
    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for byte in text.bytes() {
        match byte {
            b' ' => into.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'*' | b'-' | b'.' | b'_' => {
                into.push(char::from(byte));
            }
            _ => {
                into.push('%');
                let digit = |place: u8| HEX.get(usize::from(place)).copied().unwrap_or('0');
                into.extend([digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_written_as_forms_write_it() {
        for (text, coded) in [
            ("orders", "orders"),
            ("a b+c", "a+b%2Bc"),
            ("p:/?%&=", "p%3A%2F%3F%25%26%3D"),
            ("é~", "%C3%A9%7E"),
            ("*-._", "*-._"),
        ] {
            let mut found = String::new();
            encode(text, &mut found);
            assert_eq!(found, coded);
        }
    }
}
