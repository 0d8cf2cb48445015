//! JSON in which no object names a member twice.
//!
//! Two parsers that read `{"sub":"a","sub":"b"}` differently are an attack. RFC 7515, section 4 and
//! RFC 7519, section 4 let a reader refuse or take the last one. Ours refuses, at any depth.

mod tree;

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use tree::Tree;

/// Where a crate in the build has switched on `raw_value`, serde_json takes the text in a member of
/// this name for JSON, which no check has seen.
const RAW: &str = "$serde_json::private::RawValue";

/// Reads a JSON object, refusing duplicate names.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, serde_json::Error> {
    match serde_json::from_slice::<Tree>(bytes) {
        Ok(Tree(Value::Object(object))) => Ok(object),
        _ => in_two_passes(bytes),
    }
}

/// Names the fault; and reads what a build hands over in its own way, in which some crate has
/// switched on a feature of serde_json that makes numbers look like objects.
#[cold]
fn in_two_passes(bytes: &[u8]) -> Result<Map<String, Value>, serde_json::Error> {
    serde_json::from_slice::<Unique>(bytes)?;
    serde_json::from_slice(bytes)
}

/// Any JSON value, discarded, whose objects name each member once.
pub(crate) struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_str<E>(self, _: &str) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unique, A::Error> {
        while items.next_element::<Unique>()?.is_some() {}
        Ok(Unique)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Unique, A::Error> {
        let mut names = Names::default();
        while let Some(Name(name)) = members.next_key()? {
            if name == RAW {
                return Err(A::Error::custom("a name that the reader keeps for itself"));
            }
            names.add(name);
            members.next_value::<Unique>()?;
        }
        names.finish()?;
        Ok(Unique)
    }
}

/// The member names seen so far in one object.
#[derive(Default)]
pub(crate) struct Names<'de>(Vec<Cow<'de, str>>);

impl<'de> Names<'de> {
    pub(crate) fn add(&mut self, name: Cow<'de, str>) {
        self.0.push(name);
    }

    /// Sorted, not compared pairwise: a hostile object of a thousand names must stay cheap.
    pub(crate) fn finish<E: Error>(mut self) -> Result<(), E> {
        self.0.sort_unstable();
        let twice = self.0.windows(2).any(|pair| matches!(pair, [a, b] if a == b));
        if twice { Err(E::custom("a name occurs twice")) } else { Ok(()) }
    }
}

/// A string, borrowed from the input where it holds no escapes.
pub(crate) struct Name<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        NameSeed.deserialize(deserializer)
    }
}

struct NameSeed;

impl<'de> DeserializeSeed<'de> for NameSeed {
    type Value = Name<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name<'de>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for NameSeed {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }

    fn visit_string<E>(self, name: String) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn a_name_that_occurs_twice_is_refused_at_any_depth() {
        for text in [
            r#"{"sub":"a","sub":"b"}"#,
            r#"{"sub":"a","\u0073ub":"b"}"#,
            r#"{"x":{"a":1,"b":2,"a":3}}"#,
            r#"{"x":[[{"a":1,"a":1}]]}"#,
            r#"{"":1,"":2}"#,
        ] {
            assert!(object(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn objects_with_names_of_their_own_are_read_whole() {
        let text = r#"{"a":{"a":[{"a":1},{"a":2.5}]},"b":null,"c":true,"d":-1,"e":"\u00e9"}"#;
        let read = object(text.as_bytes()).unwrap();
        assert_eq!(Value::Object(read), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn a_name_of_the_readers_own_is_read_as_serde_json_reads_it() {
        for text in [
            r#"{"$serde_json::private::Number":"1"}"#,
            r#"{"a":{"$serde_json::private::Number":"1"},"b":2}"#,
        ] {
            let read = object(text.as_bytes()).map(Value::Object).ok();
            assert_eq!(read, serde_json::from_str(text).ok(), "{text}");
        }
        for text in [
            r#"{"$serde_json::private::Number":"1","a":1,"a":1}"#,
            r#"{"$serde_json::private::RawValue":"1"}"#,
            r#"{"a":[{"$serde_json::private::RawValue":"{\"a\":1,\"a\":2}"}]}"#,
        ] {
            assert!(object(text.as_bytes()).is_err(), "{text}");
        }
    }

    fn value() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            r#""[ -!#-Z^-~]{0,4}(\\u00[0-7][0-9a-f])?""#,
            "-?(0|[1-9][0-9]{0,22})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
            "true|false|null",
        ];
        leaf.prop_recursive(3, 24, 4, |inner| {
            let member = ("[a-c]", inner.clone()).prop_map(|(n, v)| format!("\"{n}\":{v}"));
            prop_oneof![
                vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(" , "))),
                vec(member, 0..4).prop_map(|members| format!("{{{}}}", members.join(","))),
            ]
        })
    }

    proptest! {
        #[test]
        fn one_pass_and_two_agree_on_every_text(text in value()) {
            let text = format!("{{\"x\":{text}}}");
            let kind = |error: serde_json::Error| error.classify();
            let (once, twice) = (object(text.as_bytes()), in_two_passes(text.as_bytes()));
            prop_assert_eq!(once.map_err(kind), twice.map_err(kind));
        }
    }

    #[test]
    fn what_is_not_one_json_object_is_refused() {
        for text in ["", "[]", "1", "{", "{} {}", "{'a':1}", r#"{"a":1,}"#, "\u{feff}{}", "null"] {
            assert!(object(text.as_bytes()).is_err(), "{text}");
        }
        assert!(object(b"{\"a\":\"\xff\"}").is_err());
        assert!(object("[".repeat(8_000).as_bytes()).is_err());
        assert!(object(format!("{{\"a\":{}", "[".repeat(8_000)).as_bytes()).is_err());
    }
}
