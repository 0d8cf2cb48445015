//! Structured fields (RFC 9651) read without a second meaning: no name twice, nothing without bounds.
//!
//! RFC 9651 lets the last of two members of one name count. Another reader may take the first, so
//! that what was signed is not what is used; here such a field is refused.

use std::fmt;

use sfv::{
    BareItem, BareItemFromInput, DictSerializer, Item, ItemSerializer, Key, KeyRef, ListSerializer,
    Parameters, Parser,
    visitor::{
        DictionaryVisitor, EntryVisitor, InnerListVisitor, ItemVisitor, ListVisitor,
        ParameterVisitor,
    },
};

/// The most members of a field, items of a list within it, and parameters of either.
const MEMBERS: usize = 64;

/// A member of a dictionary or of a list, or an item by itself.
#[derive(Debug, PartialEq)]
pub(super) struct Member {
    /// Empty in a list, and of an item.
    key: Option<Key>,
    pub(super) value: Value,
    pub(super) params: Parameters,
}

#[derive(Debug, PartialEq)]
pub(super) enum Value {
    Item(BareItem),
    List(Vec<Item>),
}

impl Member {
    fn new(key: Option<Key>) -> Self {
        Self { key, value: Value::List(Vec::new()), params: Parameters::new() }
    }

    pub(super) fn key(&self) -> &str {
        self.key.as_ref().map_or("", |key| key.as_str())
    }

    /// The member's value as it stands by itself, without its name.
    pub(super) fn text(&self) -> String {
        match &self.value {
            Value::Item(item) => {
                ItemSerializer::new().bare_item(item).parameters(&self.params).finish()
            }
            Value::List(items) => list_text(items, &self.params),
        }
    }
}

/// An inner list as RFC 9651, section 4.1.1.1 writes it.
pub(super) fn list_text(items: &[Item], params: &Parameters) -> String {
    let mut list = ListSerializer::new();
    let mut inner = list.inner_list();
    inner.items(items);
    inner.finish().parameters(params);
    list.finish().unwrap_or_default()
}

/// A dictionary, in the order it was sent.
pub(super) fn dictionary(text: &[u8]) -> Result<Vec<Member>, sfv::Error> {
    Parser::new(text).parse_dictionary_with_visitor(Members::default())
}

/// The way a field's value is put, which RFC 9421 has to know to write it anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Dictionary,
    List,
    Item,
}

impl Shape {
    /// The value in its one canonical form.
    pub(super) fn canonical(self, text: &[u8]) -> Result<String, sfv::Error> {
        match self {
            Self::Dictionary => dictionary(text).map(|members| {
                let mut out = DictSerializer::new();
                for member in &members {
                    let Some(key) = &member.key else { continue };
                    match &member.value {
                        Value::Item(item) => {
                            let _ = out.bare_item(key, item).parameters(&member.params);
                        }
                        Value::List(items) => {
                            let mut inner = out.inner_list(key);
                            inner.items(items);
                            let _ = inner.finish().parameters(&member.params);
                        }
                    }
                }
                out.finish().unwrap_or_default()
            }),
            Self::List => Parser::new(text)
                .parse_list_with_visitor(Members::default())
                .map(|members| members.iter().map(Member::text).collect::<Vec<_>>().join(", ")),
            Self::Item => Parser::new(text)
                .parse_item_with_visitor(One(Member::new(None)))
                .map(|member: Member| member.text()),
        }
    }
}

#[derive(Default)]
struct Members(Vec<Member>);

impl Members {
    fn push(&mut self, key: Option<Key>) -> Result<Slot<'_>, Refused> {
        if self.0.len() >= MEMBERS {
            return Err(Refused::Many);
        }
        self.0.push(Member::new(key));
        self.0.last_mut().map(Slot).ok_or(Refused::Many)
    }
}

impl<'de> DictionaryVisitor<'de> for Members {
    type Out = Vec<Member>;
    type Error = Refused;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, Refused> {
        if self.0.iter().any(|member| member.key() == key.as_str()) {
            return Err(Refused::Twice);
        }
        self.push(Some(key.to_owned()))
    }

    fn finish(self) -> Result<Vec<Member>, Refused> {
        Ok(self.0)
    }
}

impl<'de> ListVisitor<'de> for Members {
    type Out = Vec<Member>;
    type Error = Refused;

    fn entry(&mut self) -> Result<impl EntryVisitor<'de>, Refused> {
        self.push(None)
    }

    fn finish(self) -> Result<Vec<Member>, Refused> {
        Ok(self.0)
    }
}

struct Slot<'a>(&'a mut Member);

impl<'de> EntryVisitor<'de> for Slot<'_> {
    type Error = Refused;

    fn item(self) -> Result<impl ItemVisitor<'de>, Refused> {
        Ok(self)
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'de>, Refused> {
        Ok(Inner { items: Vec::new(), member: self.0 })
    }
}

impl<'de> ItemVisitor<'de> for Slot<'_> {
    type Out = ();
    type Error = Refused;

    fn bare_item(
        self,
        item: BareItemFromInput<'de>,
    ) -> Result<impl ParameterVisitor<'de, Out = ()>, Refused> {
        self.0.value = Value::Item(item.into());
        Ok(Params(&mut self.0.params))
    }
}

struct Inner<'a> {
    items: Vec<Item>,
    member: &'a mut Member,
}

impl<'de> InnerListVisitor<'de> for Inner<'_> {
    type Error = Refused;

    fn item(&mut self) -> Result<impl ItemVisitor<'de>, Refused> {
        if self.items.len() >= MEMBERS {
            return Err(Refused::Many);
        }
        Ok(Next(&mut self.items))
    }

    fn finish(self) -> Result<impl ParameterVisitor<'de>, Refused> {
        self.member.value = Value::List(self.items);
        Ok(Params(&mut self.member.params))
    }
}

struct Next<'a>(&'a mut Vec<Item>);

impl<'de> ItemVisitor<'de> for Next<'_> {
    type Out = ();
    type Error = Refused;

    fn bare_item(
        self,
        item: BareItemFromInput<'de>,
    ) -> Result<impl ParameterVisitor<'de, Out = ()>, Refused> {
        self.0.push(Item::new(BareItem::from(item)));
        self.0.last_mut().map(|item| Params(&mut item.params)).ok_or(Refused::Many)
    }
}

struct One(Member);

impl<'de> ItemVisitor<'de> for One {
    type Out = Member;
    type Error = Refused;

    fn bare_item(
        mut self,
        item: BareItemFromInput<'de>,
    ) -> Result<impl ParameterVisitor<'de, Out = Member>, Refused> {
        self.0.value = Value::Item(item.into());
        Ok(self)
    }
}

impl<'de> ParameterVisitor<'de> for One {
    type Out = Member;
    type Error = Refused;

    fn parameter(&mut self, key: &'de KeyRef, item: BareItemFromInput<'de>) -> Result<(), Refused> {
        ParameterVisitor::parameter(&mut Params(&mut self.0.params), key, item)
    }

    fn finish(self) -> Result<Member, Refused> {
        Ok(self.0)
    }
}

struct Params<'a>(&'a mut Parameters);

impl<'de> ParameterVisitor<'de> for Params<'_> {
    type Out = ();
    type Error = Refused;

    fn parameter(&mut self, key: &'de KeyRef, item: BareItemFromInput<'de>) -> Result<(), Refused> {
        if self.0.len() >= MEMBERS {
            return Err(Refused::Many);
        }
        match self.0.insert(key.to_owned(), item.into()) {
            Some(_) => Err(Refused::Twice),
            None => Ok(()),
        }
    }

    fn finish(self) -> Result<(), Refused> {
        Ok(())
    }
}

#[derive(Debug)]
enum Refused {
    Twice,
    Many,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Twice => "a name stands in it twice",
            Self::Many => "it has more than 64 members, items or parameters",
        })
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_stands_twice_is_refused_wherever_it_stands() {
        for text in ["a=1, a=2", "a, b, a", "a;x=1;x=2", "a=(1;x;x)", "a=(1);x;x=?0"] {
            assert!(dictionary(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Shape::List.canonical(b"a;x;x").is_err());
        assert!(Shape::Item.canonical(b"a;x;x").is_err());
        assert!(dictionary(b"a=1, b=1;x;y").is_ok());
    }

    #[test]
    fn more_than_sixty_four_of_anything_is_refused() {
        let many = |count: usize, join: &str, one: &dyn Fn(usize) -> String| {
            (0..count).map(one).collect::<Vec<_>>().join(join)
        };
        for (count, good) in [(MEMBERS, true), (MEMBERS + 1, false)] {
            let members = many(count, ", ", &|i| format!("m{i}=1"));
            let items = format!("a=({})", many(count, " ", &|i| i.to_string()));
            let params = format!("a{}", many(count, "", &|i| format!(";p{i}")));
            for text in [members, items, params] {
                assert_eq!(dictionary(text.as_bytes()).is_ok(), good, "{text}");
            }
        }
    }

    #[test]
    fn a_field_is_written_anew_in_its_one_canonical_form() {
        for (shape, text, canonical) in [
            (
                Shape::Dictionary,
                "a=1,    b=2;x=1;y=2,   c=(a   b   c)",
                "a=1, b=2;x=1;y=2, c=(a b c)",
            ),
            (Shape::Dictionary, "a=?1, b;x=?1", "a, b;x"),
            (Shape::List, " 1.0,(a  b );q=00 ,\"x\" ", "1.0, (a b);q=0, \"x\""),
            (Shape::Item, "  :cHJldGVuZA:  ", ":cHJldGVuZA==:"),
            (Shape::Item, "@1659578233", "@1659578233"),
        ] {
            assert_eq!(shape.canonical(text.as_bytes()).unwrap(), canonical);
        }
        assert!(Shape::Item.canonical(b"").is_err());
        assert_eq!(Shape::List.canonical(b"").unwrap(), "");
    }
}
