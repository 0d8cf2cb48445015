//! nst/JSONTestSuite through [`JsonLimits`].

use std::fs;

use serde_json::Value;
use tower_parapet::validate::{JsonFaultKind, JsonLimits};

use crate::corpus::{Tally, folder};

/// As the README of the corpus counts them.
const ACCEPT: usize = 95;
const REJECT: usize = 188;
const EITHER: usize = 35;

#[test]
fn every_text_of_the_json_parsing_corpus_is_judged_as_it_must_be() {
    let Some(folder) = folder("json-parsing") else {
        return;
    };
    // The corpus asks about the grammar: one of its numbers has 80 digits.
    let limits = JsonLimits::builder().number_chars(1024).build().unwrap();
    let mut tally = Tally::new("json-parsing");
    let mut counts = [0; 3];
    for line in fs::read_to_string(folder.join("cases.jsonl")).unwrap().lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let name = case["name"].as_str().unwrap();
        let text = decode(case["bytes_base64"].as_str().unwrap());
        let verdict = limits.check(&text);
        match case["expect"].as_str().unwrap() {
            "accept" => {
                counts[0] += 1;
                match verdict {
                    Err(fault) if fault.kind() == JsonFaultKind::DuplicateName => {
                        let reason =
                            "two members of one name are refused, though the grammar allows them";
                        tally.leave_out(name, reason);
                    }
                    verdict => tally.judge(name, verdict.is_ok()),
                }
            }
            "reject" => {
                counts[1] += 1;
                tally.judge(name, verdict.is_err());
            }
            // Judged without a crash, which is all that is asked: by coming here.
            "either" => counts[2] += 1,
            other => panic!("{name} expects {other}"),
        }
    }
    assert_eq!(counts, [ACCEPT, REJECT, EITHER]);
    let duplicates = ["y_object_duplicated_key", "y_object_duplicated_key_and_value"];
    assert_eq!(tally.left_out(), duplicates.len());
    tally.tell_also(&format!(
        "{EITHER} cases of which either verdict is right ended without a crash"
    ));
    tally.finish();
}

/// RFC 4648, padded, as the corpus has it.
fn decode(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::new();
    let (mut word, mut bits) = (0_u32, 0);
    for digit in text.bytes().take_while(|digit| *digit != b'=') {
        let value = ALPHABET.iter().position(|known| *known == digit).unwrap();
        word = word << 6 | u32::try_from(value).unwrap();
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(word >> bits & 0xff).unwrap());
        }
    }
    bytes
}
