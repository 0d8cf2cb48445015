//! A schema to explain refusals by.
//!
//! To say why no alternative of an `anyOf` or `oneOf` matches, the engine collects every error of
//! every branch with a copy of the instance: on a recursive schema that is exponential, and a body
//! of thirty bytes takes seconds. Whether an alternative matches is cheap to tell. So refusals are
//! explained by an equal schema in which alternatives stand under two negations, where the engine
//! has nothing to collect.

use serde_json::{Map, Value, json};

/// A document rewritten for explanations.
pub(super) struct Rewritten {
    pub(super) document: Value,
    /// Whether there were alternatives; else the document is as good as it was.
    pub(super) has_alternatives: bool,
}

pub(super) fn rewrite(document: &Value) -> Rewritten {
    let mut has_alternatives = false;
    let document = schema(document, &mut has_alternatives);
    Rewritten { document, has_alternatives }
}

/// Whether a negated schema is one of ours, and of which keyword.
pub(super) fn alternatives(negated: &Value) -> Option<&'static str> {
    let inner = negated.get("not")?.as_object()?;
    ["anyOf", "oneOf"].into_iter().find(|keyword| inner.contains_key(*keyword))
}

fn schema(value: &Value, found: &mut bool) -> Value {
    let Value::Object(members) = value else {
        return value.clone();
    };
    let mut rewritten = Map::new();
    let mut negated = Vec::new();
    for (keyword, value) in members {
        let value = match (keyword.as_str(), value) {
            ("anyOf" | "oneOf", value) => {
                negated.push(json!({"not": {"not": {(keyword): value}}}));
                continue;
            }
            // They depend on what alternatives saw, which negations hide.
            ("unevaluatedProperties" | "unevaluatedItems", _) => continue,
            (
                "properties" | "patternProperties" | "$defs" | "definitions" | "dependentSchemas"
                | "dependencies",
                Value::Object(named),
            ) => named.iter().map(|(name, value)| (name.clone(), schema(value, found))).collect(),
            ("allOf" | "prefixItems" | "items", Value::Array(list)) => {
                list.iter().map(|value| schema(value, found)).collect()
            }
            (
                "items" | "additionalItems" | "additionalProperties" | "then" | "else",
                Value::Object(_),
            ) => schema(value, found),
            _ => value.clone(),
        };
        rewritten.insert(keyword.clone(), value);
    }
    if !negated.is_empty() {
        *found = true;
        match rewritten.get_mut("allOf") {
            Some(Value::Array(list)) => list.append(&mut negated),
            _ => {
                rewritten.insert("allOf".to_owned(), Value::Array(negated));
            }
        }
    }
    Value::Object(rewritten)
}
