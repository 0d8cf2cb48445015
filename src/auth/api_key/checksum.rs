//! The end of a key's text, by which a slip of the pen shows without a look-up.

/// Characters of base62 that carry 32 bits.
pub(super) const CHECKSUM_LEN: usize = 6;

/// The alphabet of id, secret and checksum: no `_`, which parts them, and nothing a double click stops at.
pub(super) const BASE62: &[u8; 62] =
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The CRC-32 of a text (that of zlib and PNG) in base62, the most significant character first.
///
/// It finds every change of up to four neighbouring characters, and of other changes all but one in four
/// thousand millions. It proves nothing: anybody can compute it.
pub(super) fn checksum(text: &[u8]) -> [u8; CHECKSUM_LEN] {
    let mut rest = crc32(text);
    let mut written = [b'0'; CHECKSUM_LEN];
    for character in written.iter_mut().rev() {
        *character = BASE62.get((rest % 62) as usize).copied().unwrap_or(b'0');
        rest /= 62;
    }
    written
}

fn crc32(text: &[u8]) -> u32 {
    let (whole, rest) = text.as_chunks::<8>();
    let mut crc = !0_u32;
    for chunk in whole {
        let [a, b, c, d, e, f, g, h] = *chunk;
        let [a, b, c, d] = (u32::from_le_bytes([a, b, c, d]) ^ crc).to_le_bytes();
        let [t0, t1, t2, t3, t4, t5, t6, t7] = &TABLES;
        crc = at(t7, a) ^ at(t6, b) ^ at(t5, c) ^ at(t4, d);
        crc ^= at(t3, e) ^ at(t2, f) ^ at(t1, g) ^ at(t0, h);
    }
    let [table, ..] = &TABLES;
    !rest.iter().fold(crc, |crc, byte| {
        let [low, ..] = crc.to_le_bytes();
        crc >> 8 ^ at(table, low ^ byte)
    })
}

fn at(table: &[u32; 256], byte: u8) -> u32 {
    table.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Eight bytes a step: a table by the distance of a byte from the end of the step.
static TABLES: [[u32; 256]; 8] = tables();

#[allow(clippy::indexing_slicing, reason = "it runs when it is compiled, where it would fail")]
const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut distance = 1;
    while distance < 8 {
        let mut byte = 0;
        while byte < 256 {
            let before = tables[distance - 1][byte];
            tables[distance][byte] = before >> 8 ^ tables[0][(before & 0xFF) as usize];
            byte += 1;
        }
        distance += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_is_the_crc_that_everybody_has() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
        assert_eq!(crc32(b"The quick brown fox jumps over the lazy dog"), 0x414F_A339);
        assert_eq!(&checksum(b""), b"000000");
        // 0xCBF43926 in base62.
        assert_eq!(&checksum(b"123456789"), b"3jZRME");
    }

    proptest! {
        #[test]
        fn eight_bytes_a_step_are_the_same_as_one(text in prop::collection::vec(any::<u8>(), 0..100)) {
            let bit = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
            let slow = text.iter().fold(!0_u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), bit));
            prop_assert_eq!(crc32(&text), !slow);
        }

        #[test]
        fn every_change_of_one_character_shows(text in "[ -~]{1,90}", place: prop::sample::Index, to in any::<u8>()) {
            let mut changed = text.clone().into_bytes();
            let place = place.index(changed.len());
            changed[place] = to;
            prop_assert_eq!(checksum(&changed) == checksum(text.as_bytes()), changed == text.as_bytes());
        }
    }
}
