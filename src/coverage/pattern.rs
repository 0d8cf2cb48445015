use std::fmt;

/// The pattern of a route in axum's or OpenAPI's syntax. What its parameters are called does not
/// matter.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    text: String,
    pub(super) segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    Fixed(String),
    /// What stands before and after the parameter in the segment.
    Parameter(String, String),
    /// Whatever follows.
    Rest,
}

/// Stands for a parameter's value: no pattern has it as text.
const VALUE: &str = "\u{1}";

impl Pattern {
    /// Reads a pattern that begins with a slash, or is `*`.
    pub(super) fn new(text: &str) -> Self {
        let path = text.strip_prefix('/').unwrap_or(text);
        Self { text: text.to_owned(), segments: path.split('/').map(Segment::new).collect() }
    }

    /// The same behind a prefix. As under axum's `nest`, `/` is the prefix itself.
    pub(super) fn under(&self, prefix: &str) -> Self {
        match (prefix.trim_end_matches('/'), &*self.text) {
            ("", _) | (_, "*") => self.clone(),
            (prefix, "/") => Self::new(prefix),
            (prefix, text) => Self::new(&format!("{prefix}{text}")),
        }
    }

    /// Paths that stand for all that match: one, or a short and a long one for a rest.
    pub(super) fn samples(&self) -> Vec<String> {
        if self.text == "*" {
            return vec![self.text.clone()];
        }
        let mut path = String::new();
        for segment in &self.segments {
            path.push('/');
            match segment {
                Segment::Fixed(text) => path.push_str(text),
                Segment::Parameter(before, after) => path.extend([before, VALUE, after]),
                Segment::Rest => {
                    path.push_str(VALUE);
                    return vec![path.clone(), format!("{path}/{VALUE}")];
                }
            }
        }
        vec![path]
    }
}

impl Segment {
    fn new(text: &str) -> Self {
        let opens = opening(text);
        match opens.and_then(|(before, rest)| Some((before, rest.rsplit_once('}')?))) {
            Some((_, (name, _))) if name.starts_with('*') => Self::Rest,
            Some((before, (_, after))) => Self::Parameter(unescaped(before), unescaped(after)),
            None => Self::Fixed(unescaped(text)),
        }
    }
}

/// What stands before and behind the first brace that opens a parameter; `{{` is a brace as text.
fn opening(text: &str) -> Option<(&str, &str)> {
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.find('{')?;
        let (before, rest) = (text.get(..at)?, text.get(at + 1..)?);
        if !rest.starts_with('{') {
            return Some((before, rest));
        }
        from = at + 2;
    }
}

fn unescaped(text: &str) -> String {
    text.replace("{{", "{").replace("}}", "}")
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
