use std::{path::PathBuf, sync::Arc};

use http::Method;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use crate::{
    error::{ConfigError, Mistakes},
    validate::{
        limits::JsonLimits,
        media_type::{accept, ranges},
    },
};

use super::{Draft, Inner, JsonSchema, detail::Explainer, explain::rewrite, remotes::Remotes};

/// Where the text of a schema comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Text(String),
    File(PathBuf),
}

/// Sets what [`JsonSchema`] judges by.
#[derive(Clone, Debug)]
pub struct JsonSchemaBuilder {
    route: Option<String>,
    source: Source,
    draft: Option<Draft>,
    remotes: Vec<(String, String)>,
    limits: JsonLimits,
    media_types: Vec<String>,
    is_optional: bool,
    ignores_formats: bool,
}

impl JsonSchemaBuilder {
    pub(super) fn new(route: Option<String>, source: Source) -> Self {
        Self {
            route,
            source,
            draft: None,
            remotes: Vec::new(),
            limits: JsonLimits::default(),
            media_types: ["application/json", "application/*+json"].map(str::to_owned).to_vec(),
            is_optional: false,
            ignores_formats: false,
        }
    }

    /// The draft of a schema that has no `$schema`, and of remotes without one. Default 2020-12.
    pub fn draft(mut self, draft: Draft) -> Self {
        self.draft = Some(draft);
        self
    }

    /// A document that a `$ref` or a `$schema` may lead to: its absolute address and its text.
    /// Nothing is ever fetched, so whatever is referred to must be given here.
    pub fn remote(mut self, uri: impl Into<String>, document: impl Into<String>) -> Self {
        self.remotes.push((uri.into(), document.into()));
        self
    }

    /// The limits that are judged before anything is built. Default [`JsonLimits::default`].
    pub fn limits(mut self, limits: JsonLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The media types a body may have, each `type/subtype`, `type/*` or `type/*+suffix`.
    /// Default `application/json` and `application/*+json`. Whatever is named must hold JSON.
    pub fn media_types<T: Into<String>>(mut self, list: impl IntoIterator<Item = T>) -> Self {
        self.media_types = list.into_iter().map(Into::into).collect();
        self
    }

    /// Admits requests without a body, as `PATCH` and `DELETE` sometimes are. Default: refused.
    pub fn optional(mut self) -> Self {
        self.is_optional = true;
        self
    }

    /// Settings that let more through than a schema says.
    pub fn dangerous(self) -> DangerousJsonSchema {
        DangerousJsonSchema(self)
    }

    /// Ends the building: reads and compiles the schema.
    ///
    /// # Errors
    ///
    /// Names a route that is no method and pattern, a file that cannot be read, a text that is no
    /// JSON or no schema of its draft, a `$ref` that leads nowhere, an unknown format, a pattern
    /// that needs a backtracking engine, and media types that are none.
    pub fn build(self) -> Result<JsonSchema, ConfigError> {
        let mut mistakes = Mistakes::default();
        let route = self.route.as_deref().and_then(|text| route(text, &mut mistakes));
        let media_types = ranges("media_types", &self.media_types, &mut mistakes);
        let remotes = remotes(&self.remotes, &mut mistakes);
        let compiled = self
            .schema(&mut mistakes)
            .and_then(|schema| self.compile(&schema, remotes, &mut mistakes));
        let schema = compiled.map(|(validator, explainer)| {
            JsonSchema(Arc::new(Inner {
                validator,
                explainer,
                route,
                limits: self.limits,
                accept: accept(&media_types),
                media_types,
                is_optional: self.is_optional,
                ignores_formats: self.ignores_formats,
            }))
        });
        mistakes.finish_with(schema)
    }

    fn schema(&self, mistakes: &mut Mistakes) -> Option<Value> {
        let file;
        let (setter, name, text) = match &self.source {
            Source::Text(text) => ("schema", "", text),
            Source::File(path) => match std::fs::read_to_string(path) {
                Ok(text) => {
                    file = text;
                    ("schema", path.to_str().unwrap_or_default(), &file)
                }
                Err(error) => {
                    mistakes.push(
                        "for_route_file",
                        path.display().to_string(),
                        format!("cannot be read: {error}"),
                        "name a readable file with the schema",
                    );
                    return None;
                }
            },
        };
        document(setter, name, text, mistakes)
    }

    fn compile(
        &self,
        schema: &Value,
        remotes: Remotes,
        mistakes: &mut Mistakes,
    ) -> Option<(Validator, Explainer)> {
        let named = jsonschema::Draft::default().detect(schema);
        if let Some(draft) = self.draft
            && schema.get("$schema").is_some()
            && named != jsonschema::Draft::Unknown
            && named != draft.engine()
        {
            let remedy = "leave `draft` out, or name the draft of `$schema`";
            mistakes.push("draft", draft.name(), "is not the draft `$schema` names", remedy);
        }
        let explainer = self.explainer(schema, &remotes);
        match self.engine(schema, remotes) {
            Ok(validator) => Some((validator, explainer)),
            Err(error) => {
                mistakes.push(
                    "schema",
                    error.instance_path().as_str(),
                    format!("does not compile: {error}"),
                    "write a schema of its draft, with known formats, patterns without \
                     look-around, and every document a `$ref` leads to given to `remote`",
                );
                None
            }
        }
    }

    fn engine(
        &self,
        schema: &Value,
        remotes: Remotes,
    ) -> Result<Validator, ValidationError<'static>> {
        let options = jsonschema::options()
            .with_retriever(remotes)
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(!self.ignores_formats)
            .should_ignore_unknown_formats(self.ignores_formats);
        match schema.get("$schema") {
            Some(_) => options.build(schema),
            None => options.with_draft(self.draft.unwrap_or_default().engine()).build(schema),
        }
    }

    fn explainer(&self, schema: &Value, remotes: &Remotes) -> Explainer {
        // The meta-schemas have alternatives that recurse, and are not ours to rewrite.
        if refers_to_a_meta_schema(schema) || remotes.iter().any(refers_to_a_meta_schema) {
            return Explainer::Nothing;
        }
        let rewritten = rewrite(schema);
        let (remotes, others_have) = remotes.rewritten();
        if !rewritten.has_alternatives && !others_have {
            return Explainer::Itself;
        }
        match self.engine(&rewritten.document, remotes) {
            Ok(validator) => Explainer::Rewritten(validator),
            Err(_) => Explainer::Nothing,
        }
    }
}

fn refers_to_a_meta_schema(document: &Value) -> bool {
    match document {
        Value::Object(members) => members.iter().any(|(keyword, value)| {
            let is_reference = matches!(keyword.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef");
            is_reference && value.as_str().is_some_and(|uri| uri.contains("json-schema.org"))
                || refers_to_a_meta_schema(value)
        }),
        Value::Array(items) => items.iter().any(refers_to_a_meta_schema),
        _ => false,
    }
}

/// What weakens a [`JsonSchema`]; the self-audit reports it.
#[derive(Clone, Debug)]
pub struct DangerousJsonSchema(JsonSchemaBuilder);

impl DangerousJsonSchema {
    /// Takes `format` for a remark, as the drafts allow: no string is refused for it, and unknown
    /// formats are no mistake.
    pub fn ignore_formats(mut self) -> JsonSchemaBuilder {
        self.0.ignores_formats = true;
        self.0
    }
}

fn route(text: &str, mistakes: &mut Mistakes) -> Option<(Method, String)> {
    let parts = text.split_once(' ').and_then(|(method, pattern)| {
        let is_upper = method.bytes().all(|byte| !byte.is_ascii_lowercase());
        let is_clean = pattern.starts_with('/') && !pattern.contains(char::is_whitespace);
        let method = Method::from_bytes(method.as_bytes()).ok()?;
        (is_upper && is_clean).then(|| (method, pattern.to_owned()))
    });
    if parts.is_none() {
        let remedy = "write a method, one space and a pattern: `POST /orders/{id}`";
        mistakes.push("for_route", text, "is no method and pattern", remedy);
    }
    parts
}

fn remotes(list: &[(String, String)], mistakes: &mut Mistakes) -> Remotes {
    let mut remotes = Remotes::default();
    for (uri, text) in list {
        let Some(document) = document("remote", uri, text, mistakes) else {
            continue;
        };
        if !remotes.insert(uri, document) {
            mistakes.push("remote", uri, "was given twice", "give each address one document");
        }
    }
    remotes
}

/// Reads a JSON text of the operator's; a member written twice is a mistake here as well.
fn document(
    setter: &'static str,
    name: &str,
    text: &str,
    mistakes: &mut Mistakes,
) -> Option<Value> {
    let remedy = "write JSON, each member once";
    let limits = JsonLimits::unbounded();
    if let Err(fault) = limits.check(text.as_bytes()) {
        mistakes.push(setter, name, format!("is refused as JSON: {fault}"), remedy);
        return None;
    }
    match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(error) => {
            mistakes.push(setter, name, format!("is refused as JSON: {error}"), remedy);
            None
        }
    }
}
