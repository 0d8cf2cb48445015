use crate::context::{Principal, PrincipalBuilder};

impl Principal {
    /// Starts a caller for a test, of the issuer `https://issuer.test`.
    ///
    /// # Example: a handler by itself
    /// ```
    /// use tower_parapet::Principal;
    ///
    /// fn greeting(caller: &Principal) -> String {
    ///     format!("hello {} of {}", caller.subject(), caller.tenant().unwrap_or("nowhere"))
    /// }
    /// let alice = Principal::test("alice").tenant("shop").build();
    /// assert_eq!(greeting(&alice), "hello alice of shop");
    /// ```
    pub fn test(subject: impl Into<String>) -> PrincipalBuilder {
        Principal::builder(super::issuer::NAME, subject).scheme("test")
    }
}
