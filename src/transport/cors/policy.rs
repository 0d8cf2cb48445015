use crate::compose::Policy;

use super::CorsBuilder;

impl Policy {
    /// Which other origins may read what this route answers, in place of the stack's policy.
    pub fn cors(mut self, cors: CorsBuilder) -> Self {
        self.cross_origin = self.mistakes.absorb("cors", cors.sharing());
        self
    }
}
