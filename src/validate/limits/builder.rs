use crate::error::{ConfigError, Mistakes};

use super::JsonLimits;

/// The deepest nesting serde_json parses, and a good bound for any parser that recurses.
const DEEPEST: usize = 127;

/// Sets the limits of [`JsonLimits`]; whatever is not set keeps its default.
#[derive(Clone, Debug, Default)]
pub struct JsonLimitsBuilder {
    limits: JsonLimits,
}

impl JsonLimitsBuilder {
    /// How many arrays and objects may be open at once, 1 to 127. Default 32.
    pub fn depth(mut self, depth: usize) -> Self {
        self.limits.depth = depth;
        self
    }

    /// How many members one object may have. Default 1000.
    pub fn entries(mut self, entries: usize) -> Self {
        self.limits.entries = entries;
        self
    }

    /// How many items one array may have. Default 10 000.
    pub fn items(mut self, items: usize) -> Self {
        self.limits.items = items;
        self
    }

    /// How long a string may be, in bytes of UTF-8 once its escapes are decoded. Default 64 KiB.
    pub fn string_bytes(mut self, bytes: usize) -> Self {
        self.limits.string_bytes = bytes;
        self
    }

    /// How long a member name may be, in bytes of UTF-8 once its escapes are decoded. Default 256.
    pub fn name_bytes(mut self, bytes: usize) -> Self {
        self.limits.name_bytes = bytes;
        self
    }

    /// How long a number may be as written, in characters, sign and exponent too. Default 64.
    pub fn number_chars(mut self, chars: usize) -> Self {
        self.limits.number_chars = chars;
        self
    }

    /// How many bytes a JSON body may have; more is refused with 413 before it is read whole.
    /// Default: what the route or the stack allows, and 1 MiB where there is no stack; where both
    /// say, the smaller counts. [`JsonLimits::check`] does not look at it.
    pub fn body_bytes(mut self, bytes: usize) -> Self {
        self.limits.body_bytes = Some(bytes);
        self
    }

    /// Ends the building.
    ///
    /// # Errors
    ///
    /// Names each limit that no JSON text or no parser could keep.
    pub fn build(self) -> Result<JsonLimits, ConfigError> {
        let mut mistakes = Mistakes::default();
        let limits = self.limits;
        if !(1..=DEEPEST).contains(&limits.depth) {
            mistakes.push(
                "depth",
                limits.depth.to_string(),
                "is no depth a parser can be trusted with",
                "write 1 to 127",
            );
        }
        for (setter, value) in
            [("number_chars", Some(limits.number_chars)), ("body_bytes", limits.body_bytes)]
        {
            if value == Some(0) {
                mistakes.push(setter, "0", "lets nothing through", "write 1 or more");
            }
        }
        mistakes.finish().map(|()| limits)
    }
}
