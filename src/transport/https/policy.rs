use crate::compose::Policy;

impl Policy {
    /// For pages that people open in a browser: over plain HTTP a `GET` or `HEAD` is sent on to
    /// HTTPS (308), in place of the refusal that an API's client gets. Needs `.hosts(…)`, so that
    /// nobody is sent elsewhere.
    pub fn browser(mut self) -> Self {
        self.is_browser = true;
        self
    }
}
