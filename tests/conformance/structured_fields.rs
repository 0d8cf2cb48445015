//! The structured-field tests of the HTTP working group, through the parser that is used here.
//!
//! They judge the library. Where this crate reads a field it is stricter, and refuses a name that
//! stands twice.

use std::{fs, path::Path};

use serde_json::Value;
use sfv::{
    BareItem, Date, Decimal, Dictionary, FieldType, InnerList, Integer, Item, Key, List, ListEntry,
    Parameters, Parser, Token,
};

use crate::corpus::{Tally, folder};

/// As the README of the corpus counts them.
const PARSE: usize = 1591;
const SERIALISE: usize = 544;
const MUST_FAIL: usize = 864;
const CAN_FAIL: usize = 6;
const MUST_NOT_BE_WRITTEN: usize = 539;

#[test]
fn every_field_of_the_structured_fields_corpus_is_read_and_written_as_it_must_be() {
    let Some(folder) = folder("structured-fields") else {
        return;
    };
    let mut tally = Tally::new("structured-fields");
    let mut counts = [0; 3];
    let mut either = 0;
    for (name, case) in cases(&folder) {
        let must_fail = case["must_fail"] == true;
        counts[0] += usize::from(must_fail);
        if case["can_fail"] == true {
            counts[1] += 1;
        }
        let judged = match text(&case["header_type"]) {
            "item" => read::<Item>(&case),
            "list" => read::<List>(&case),
            _ => read::<Dictionary>(&case),
        };
        if case["can_fail"] == true && judged.is_err() {
            either += 1;
            continue;
        }
        tally.judge(&format!("{name}: {judged:?}"), judged.is_ok() != must_fail);
    }
    assert_eq!(tally.read() + either, PARSE);
    for (name, case) in cases(&folder.join("serialisation-tests")) {
        let must_fail = case["must_fail"] == true;
        counts[2] += usize::from(must_fail);
        let written = match text(&case["header_type"]) {
            "item" => Item::expected(&case["expected"]).map(|item| Some(item.serialize())),
            "list" => List::expected(&case["expected"]).map(|list| list.serialize()),
            _ => Dictionary::expected(&case["expected"]).map(|members| members.serialize()),
        };
        let is_right = match &written {
            Ok(written) => !must_fail && *written == canonical(&case),
            Err(_) => must_fail,
        };
        tally.judge(&format!("{name}, written: {written:?}"), is_right);
    }
    assert_eq!(counts, [MUST_FAIL, CAN_FAIL, MUST_NOT_BE_WRITTEN]);
    assert_eq!(tally.read() + either, PARSE + SERIALISE);
    tally
        .tell_also(&format!("{CAN_FAIL} cases of which either verdict is right, {either} refused"));
    tally.finish();
}

fn cases(folder: &Path) -> Vec<(String, Value)> {
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    paths.sort();
    let read = |path: &Path| {
        let cases: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let file = path.file_stem().unwrap().to_str().unwrap().to_owned();
        cases.into_iter().map(move |case| (format!("{file}: {}", text(&case["name"])), case))
    };
    paths.iter().flat_map(|path| read(path)).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Reads a field, compares it with what is expected, and writes it again.
fn read<T: Expected + FieldType + PartialEq>(case: &Value) -> Result<(), String>
where
    T::SerializeResult: Into<Option<String>>,
{
    let lines: Vec<_> = case["raw"].as_array().unwrap().iter().map(text).collect();
    let field: T = Parser::new(&lines.join(", ")).parse().map_err(|error| error.to_string())?;
    if case["must_fail"] == true {
        return Ok(());
    }
    if field != T::expected(&case["expected"])? {
        return Err("another value".to_owned());
    }
    let written: Option<String> = field.serialize().into();
    match written == canonical(case) {
        true => Ok(()),
        false => Err(format!("written as {written:?}")),
    }
}

fn canonical(case: &Value) -> Option<String> {
    let lines = case.get("canonical").unwrap_or(&case["raw"]).as_array().unwrap();
    let lines: Vec<_> = lines.iter().map(text).collect();
    (!lines.is_empty()).then(|| lines.join(", "))
}

/// A field as the corpus describes it; the error is what cannot be in one.
trait Expected: Sized {
    fn expected(value: &Value) -> Result<Self, String>;
}

impl Expected for Item {
    fn expected(value: &Value) -> Result<Self, String> {
        Ok(Item::with_params(bare(&value[0])?, Parameters::expected(&value[1])?))
    }
}

impl Expected for Parameters {
    fn expected(value: &Value) -> Result<Self, String> {
        let pairs = value.as_array().unwrap().iter();
        pairs.map(|pair| Ok((key(&pair[0])?, bare(&pair[1])?))).collect()
    }
}

impl Expected for ListEntry {
    fn expected(value: &Value) -> Result<Self, String> {
        let Some(items) = value[0].as_array() else {
            return Item::expected(value).map(ListEntry::Item);
        };
        let items = items.iter().map(Item::expected).collect::<Result<_, _>>()?;
        Ok(InnerList::with_params(items, Parameters::expected(&value[1])?).into())
    }
}

impl Expected for List {
    fn expected(value: &Value) -> Result<Self, String> {
        value.as_array().unwrap().iter().map(ListEntry::expected).collect()
    }
}

impl Expected for Dictionary {
    fn expected(value: &Value) -> Result<Self, String> {
        let pairs = value.as_array().unwrap().iter();
        pairs.map(|pair| Ok((key(&pair[0])?, ListEntry::expected(&pair[1])?))).collect()
    }
}

fn key(value: &Value) -> Result<Key, String> {
    Key::from_string(text(value).to_owned()).map_err(|(error, _)| error.to_string())
}

fn bare(value: &Value) -> Result<BareItem, String> {
    let wrong = |error: sfv::Error| error.to_string();
    Ok(match value {
        Value::Bool(flag) => BareItem::Boolean(*flag),
        Value::Number(number) => match number.as_i64() {
            Some(number) => integer(number)?.into(),
            None => Decimal::try_from(number.as_f64().unwrap()).map_err(wrong)?.into(),
        },
        Value::String(text) => {
            sfv::String::from_string(text.clone()).map_err(|(e, _)| wrong(e))?.into()
        }
        typed => match text(&typed["__type"]) {
            "token" => {
                let token = Token::from_string(text(&typed["value"]).to_owned());
                token.map_err(|(error, _)| wrong(error))?.into()
            }
            "binary" => base32(text(&typed["value"])).into(),
            "date" => Date::from_unix_seconds(integer(typed["value"].as_i64().unwrap())?).into(),
            "displaystring" => BareItem::DisplayString(text(&typed["value"]).to_owned()),
            other => panic!("a type {other}"),
        },
    })
}

fn integer(number: i64) -> Result<Integer, String> {
    Integer::try_from(number).map_err(|error| error.to_string())
}

/// RFC 4648, section 6.
fn base32(text: &str) -> Vec<u8> {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bytes = Vec::new();
    let (mut word, mut bits) = (0_u32, 0);
    for digit in text.bytes().take_while(|digit| *digit != b'=') {
        let value = ALPHABET.iter().position(|known| *known == digit).unwrap();
        word = word << 5 | u32::try_from(value).unwrap();
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(word >> bits & 0xff).unwrap());
        }
    }
    bytes
}
