//! What is told about a violation: the place, and a sentence made from the schema alone.

use std::borrow::Cow;

use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::{Map, Value};

use crate::{rejection::Violation, validate::limits::Pointer};

use super::{Inner, explain::alternatives};

/// How many violations one answer lists.
const MOST: usize = 16;

/// How much of the schema one sentence repeats, in bytes.
const SHOWN: usize = 120;

const ANY_OF: &str = "matches none of the alternatives";
const ONE_OF: &str = "does not match exactly one of the alternatives";
const UNKNOWN: &str = "is not a member the schema knows";

/// What finds the words for a refusal.
pub(super) enum Explainer {
    /// The schema itself: it has no alternatives.
    Itself,
    /// An equal schema whose errors are cheap to collect.
    Rewritten(jsonschema::Validator),
    /// Nothing: only that the body does not match is told.
    Nothing,
}

/// A larger body is told its first violation only: collecting them all copies parts of it.
const DETAILED: usize = 64 << 10;

impl Inner {
    /// What is told of a body that the schema refuses, never empty.
    pub(super) fn explain(&self, body: &Value, length: usize) -> Vec<Violation> {
        let validator = match &self.explainer {
            Explainer::Itself => Some(&self.validator),
            Explainer::Rewritten(validator) => Some(validator),
            Explainer::Nothing => None,
        };
        let mut list = match validator {
            Some(validator) if length <= DETAILED => violations(body, validator.iter_errors(body)),
            Some(validator) => violations(body, validator.validate(body).err()),
            None => Vec::new(),
        };
        if list.is_empty() {
            list.push(Violation::new("", "does not match the schema"));
        }
        list
    }
}

/// Tells the first violations of a body, those of unknown members one by one.
fn violations<'a>(
    body: &Value,
    errors: impl IntoIterator<Item = ValidationError<'a>>,
) -> Vec<Violation> {
    let mut list = Vec::new();
    for error in errors {
        let left = MOST.saturating_sub(list.len());
        let unknown = |name: &String| Violation::new(place(&error, Some(name)), UNKNOWN);
        match error.kind() {
            Kind::AdditionalProperties { unexpected }
            | Kind::UnevaluatedProperties { unexpected } => {
                list.extend(unexpected.iter().take(left).map(unknown));
            }
            kind => match closed(body, &error) {
                Some(members) => list.extend(members.keys().take(left).map(unknown)),
                None => list.push(Violation::new(place(&error, None), sentence(kind))),
            },
        }
        if list.len() >= MOST {
            break;
        }
    }
    list
}

/// The members of an object that may have none: where no member is known at all, the engine
/// reports `additionalProperties` like any schema that is `false`.
fn closed<'b>(body: &'b Value, error: &ValidationError<'_>) -> Option<&'b Map<String, Value>> {
    if !matches!(error.kind(), Kind::FalseSchema) {
        return None;
    }
    let keyword = error.schema_path().as_str();
    let keyword = keyword.strip_suffix("/additionalProperties")?;
    if keyword.ends_with("/properties") {
        return None;
    }
    body.pointer(error.instance_path().as_str())?.as_object()
}

fn place(error: &ValidationError<'_>, member: Option<&str>) -> String {
    let mut pointer = Pointer::default();
    for token in error.instance_path().as_str().split('/').skip(1) {
        match token.contains('~') {
            true => pointer.push(&token.replace("~1", "/").replace("~0", "~")),
            false => pointer.push(token),
        }
    }
    if let Some(member) = member {
        pointer.push(member);
    }
    pointer.finish()
}

/// Only the schema's side of a violation goes in: never the instance, and no message of the
/// engine's, which would repeat it.
fn sentence(kind: &Kind) -> Cow<'static, str> {
    let text = match kind {
        Kind::Required { property } => format!("lacks the member {}", quoted(property)),
        Kind::Type { kind: TypeKind::Single(kind) } => format!("is not of type {}", kind.as_str()),
        Kind::Type { kind: TypeKind::Multiple(kinds) } => {
            let names: Vec<&str> = (*kinds).into_iter().map(JsonType::as_str).collect();
            format!("is of none of the types {}", names.join(", "))
        }
        Kind::Maximum { limit } => format!("is more than {limit}"),
        Kind::ExclusiveMaximum { limit } => format!("is not less than {limit}"),
        Kind::Minimum { limit } => format!("is less than {limit}"),
        Kind::ExclusiveMinimum { limit } => format!("is not more than {limit}"),
        Kind::MultipleOf { multiple_of } => format!("is not a multiple of {multiple_of}"),
        Kind::MaxLength { limit } => format!("is longer than {limit} characters"),
        Kind::MinLength { limit } => format!("is shorter than {limit} characters"),
        Kind::MaxItems { limit } => format!("has more than {limit} items"),
        Kind::MinItems { limit } => format!("has fewer than {limit} items"),
        Kind::AdditionalItems { limit } => format!("has more than {limit} items"),
        Kind::MaxProperties { limit } => format!("has more than {limit} members"),
        Kind::MinProperties { limit } => format!("has fewer than {limit} members"),
        Kind::Format { format } => format!("is not of the format `{format}`"),
        Kind::Pattern { pattern } if pattern.len() <= SHOWN => {
            format!("does not match the pattern `{pattern}`")
        }
        Kind::Constant { expected_value } => match short(expected_value) {
            Some(value) => format!("is not {value}"),
            None => "is not the one allowed value".to_owned(),
        },
        Kind::Enum { options } => match short(options) {
            Some(values) => format!("is none of {values}"),
            None => "is none of the allowed values".to_owned(),
        },
        other => return Cow::Borrowed(fixed(other)),
    };
    Cow::Owned(text)
}

fn fixed(kind: &Kind) -> &'static str {
    match kind {
        Kind::FalseSchema => "is not allowed here",
        Kind::Pattern { .. } => "does not match the pattern",
        Kind::AnyOf { .. } => ANY_OF,
        Kind::OneOfNotValid { .. } | Kind::OneOfMultipleValid { .. } => ONE_OF,
        Kind::Not { schema } => match alternatives(schema) {
            Some("anyOf") => ANY_OF,
            Some(_) => ONE_OF,
            None => "matches what is not allowed",
        },
        Kind::Contains => "has too few or too many items of the required kind",
        Kind::UniqueItems => "has an item twice",
        Kind::UnevaluatedItems { .. } => "has items the schema does not know",
        Kind::PropertyNames { .. } => "has a member name the schema does not allow",
        Kind::ContentEncoding { .. } | Kind::FromUtf8 { .. } => "is not encoded as required",
        Kind::ContentMediaType { .. } => "is not of the required media type",
        _ => "does not match the schema",
    }
}

fn quoted(property: &Value) -> String {
    match property.as_str() {
        Some(name) => format!("`{name}`"),
        None => property.to_string(),
    }
}

fn short(value: &Value) -> Option<String> {
    let text = value.to_string();
    (text.len() <= SHOWN).then_some(text)
}
